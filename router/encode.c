#include "router/encode.h"

void encode_begin(struct encoding *encoding, struct core *core, enum serializer serializer,
                  struct writer *writer)
{
    encoding->core = core;
    encoding->buf = &core->bodies[serializer];
    encoding->serializer = serializer;
    encoding->failed = false;
    memset(encoding->blobs, 0, sizeof encoding->blobs);
    memset(encoding->heads_size, 0, sizeof encoding->heads_size);
    buf_reset(encoding->buf);
    if (buf_reserve(encoding->buf, FRAME_HEAD_BYTES_MAX)) {
        encoding->buf->size = FRAME_HEAD_BYTES_MAX;
    }
    writer_init(writer, serializer, encoding->buf);
}

void encode_payload(struct encoding *encoding, struct writer *writer, enum serializer from,
                    struct bytes args, struct bytes kwargs)
{
    const struct bytes parts[] = {args, kwargs};
    for (size_t i = 0; i < array_count(parts) && parts[i].size > 0; i++) {
        if (likely(from == encoding->serializer)) {
            write_raw(writer, parts[i]);
        } else if (!transcode(from, parts[i], writer)) {
            encoding->failed = true; /* the list stays open: it will never be sent */
            return;
        }
    }
    write_end(writer);
}

void encode_end(struct encoding *encoding)
{
    encoding->failed = encoding->failed || encoding->buf->failed;
}

void encode_done(struct encoding *encoding)
{
    for (size_t i = 0; i < FRAMINGS; i++) {
        if (encoding->blobs[i] != NULL) {
            blob_drop(&encoding->core->mem, encoding->blobs[i]);
        }
    }
}

/* The head for a framing, made once; how long it is. */
static size_t encode_head(struct encoding *encoding, enum framing framing, size_t body_size)
{
    if (encoding->heads_size[framing] == 0) {
        uint8_t head[FRAME_HEAD_BYTES_MAX];
        size_t size = frame_head(framing, encoding->serializer, body_size, head + sizeof head);
        memcpy(encoding->heads[framing], head + sizeof head - size, size);
        encoding->heads_size[framing] = (uint8_t)size;
    }
    return encoding->heads_size[framing];
}

static bool encode_put_blob(struct encoding *encoding, struct conn *conn, enum framing framing,
                            struct bytes body, size_t head_size)
{
    struct blob **blob = &encoding->blobs[framing];
    if (*blob == NULL) {
        *blob = blob_new(&encoding->core->mem, head_size + body.size);
        if (*blob == NULL) {
            return false;
        }
        memcpy((*blob)->data, encoding->heads[framing], head_size);
        memcpy((*blob)->data + head_size, body.at, body.size);
    }
    return outq_put_blob(&conn->out, *blob);
}

static bool encode_put(struct encoding *encoding, struct conn *conn, struct bytes body)
{
    enum framing framing = conn->transport.framing;
    size_t head_size = encode_head(encoding, framing, body.size);
    size_t size = head_size + body.size;
    if (unlikely(size > OUTQ_COPY_BYTES_MAX)) {
        return encode_put_blob(encoding, conn, framing, body, head_size);
    }
    uint8_t *to = outq_room(&conn->out, size);
    if (unlikely(to == NULL)) {
        return false;
    }
    memcpy(to, encoding->heads[framing], head_size);
    memcpy(to + head_size, body.at, body.size);
    outq_commit(&conn->out, size, 1);
    return true;
}

/* No memory: who has the most waiting makes room. A session that is doomed gets nothing any more;
 * its last word comes when it is over. */
static enum sent encode_send_slow(struct encoding *encoding, struct conn *conn, struct bytes body)
{
    bool put = false;
    while (!put && conn->doom == DOOM_NONE && conn_relieve(conn->core)) {
        put = conn->doom == DOOM_NONE && encode_put(encoding, conn, body);
    }
    if (!put) {
        conn_doom(conn, DOOM_MEMORY);
        return SENT_DOOMED;
    }
    conn_queued(conn);
    return SENT;
}

enum sent encode_send(struct encoding *encoding, struct conn *conn)
{
    if (unlikely(encoding->failed)) {
        return SENT_FAILED;
    }
    struct bytes body = bytes_from(buf_bytes(encoding->buf), FRAME_HEAD_BYTES_MAX);
    if (unlikely(body.size > conn->transport.peer_bytes_max)) {
        return SENT_OVERSIZED;
    }
    bool over = conn->doom != DOOM_NONE && conn->session != NULL;
    if (unlikely(over || !encode_put(encoding, conn, body))) {
        return encode_send_slow(encoding, conn, body);
    }
    conn_queued(conn);
    return SENT;
}

enum sent encode_ids(struct conn *conn, enum message_code code, unsigned count, uint64_t first,
                     uint64_t second)
{
    struct encoding encoding;
    struct writer writer;
    encode_begin(&encoding, conn->core, conn->transport.serializer, &writer);
    write_array(&writer, 1 + count);
    write_uint(&writer, (uint64_t)code);
    write_uint(&writer, first);
    if (count > 1) {
        write_uint(&writer, second);
    }
    write_end(&writer);
    encode_end(&encoding);
    enum sent sent = encode_send(&encoding, conn);
    encode_done(&encoding);
    return sent;
}
