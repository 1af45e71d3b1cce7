/* Frames out and in. The way out writes the head for a known size, lets the caller write the body
 * behind it, and masks in place; the way in cuts messages out of the octets where they lie. */
#include "bench/peer.h"
#include "bench/peer_handshake.h"

void peer_init(struct peer *peer, const struct peer_options *options)
{
    *peer = (struct peer){
        .framing = options->framing,
        .serializer = options->serializer,
        .server = options->server,
        .realm = options->realm,
        .rng = options->rng,
        .message_bytes_max = options->message_bytes_max,
    };
    buf_init(&peer->out, options->mem, options->out_bytes_max);
    buf_init(&peer->fragments, options->mem, options->message_bytes_max);
}

void peer_fini(struct peer *peer)
{
    buf_fini(&peer->out);
    buf_fini(&peer->fragments);
}

static void mask_apply(uint8_t *at, size_t size, uint32_t key)
{
    uint64_t wide = (uint64_t)key << 32 | key;
    while (size >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        word ^= wide;
        memcpy(at, &word, 8);
        at += 8;
        size -= 8;
    }
    for (size_t i = 0; i < size; i++) {
        at[i] ^= (uint8_t)(wide >> (8 * i));
    }
}

/* ---- out */
static bool frame_begin(struct peer *peer, uint8_t first, size_t size)
{
    uint8_t head[FRAME_HEAD_BYTES_MAX];
    uint8_t *end = head + sizeof(head);
    size_t head_size = frame_head(peer->framing, peer->serializer, size, end);
    size_t masks = peer->framing == FRAMING_WEBSOCKET && !peer->server ? 4 : 0;
    if (!buf_reserve(&peer->out, head_size + masks + size)) {
        return false;
    }
    if (peer->framing == FRAMING_WEBSOCKET) {
        end[-(long)head_size] = first;
    }
    if (masks > 0) {
        end[1 - (long)head_size] |= 0x80;
    }
    buf_put(&peer->out, end - head_size, head_size);
    if (masks > 0) {
        uint32_t key = (uint32_t)rng_next(peer->rng);
        buf_put(&peer->out, &key, sizeof(key));
    }
    peer->body_at = peer->out.size;
    return true;
}

static void frame_end(struct peer *peer, size_t size)
{
    if (peer->framing == FRAMING_WEBSOCKET && !peer->server) {
        uint8_t *body = peer->out.at + peer->body_at;
        uint32_t key;
        memcpy(&key, body - 4, 4);
        mask_apply(body, size, key);
    }
    peer->out.size += size;
}

uint8_t *peer_message(struct peer *peer, size_t size)
{
    check(peer->state == PEER_OPEN);
    uint8_t first = peer->serializer == SERIALIZER_JSON ? 0x81 : 0x82;
    return frame_begin(peer, first, size) ? peer->out.at + peer->body_at : NULL;
}

void peer_message_end(struct peer *peer, size_t size)
{
    frame_end(peer, size);
}

void peer_send(struct peer *peer, struct bytes message)
{
    uint8_t *to = peer_message(peer, message.size);
    if (to != NULL) {
        memcpy(to, message.at, message.size);
        frame_end(peer, message.size);
    }
}

void peer_send_template(struct peer *peer, const struct wire_template *template, uint64_t id,
                        const struct mark *mark)
{
    uint8_t digits[WIRE_ID_BYTES_MAX];
    size_t digits_size = wire_uint(template->serializer, id, digits);
    const struct buf *before = &template->before;
    const struct buf *after = &template->after;
    size_t size = before->size + digits_size + after->size;
    uint8_t *to = peer_message(peer, size);
    if (to == NULL) {
        return;
    }
    memcpy(to, before->at, before->size);
    memcpy(to + before->size, digits, digits_size);
    to += before->size + digits_size;
    memcpy(to, after->at, after->size);
    if (template->mark_at != MARK_NONE) {
        mark_write(mark, to + template->mark_at);
    }
    frame_end(peer, size);
}

/* ---- in */
static int break_off(struct peer *peer, const char *why)
{
    peer->state = PEER_BROKEN;
    peer->broken = why;
    return -1;
}

struct frame {
    uint8_t opcode;
    bool final;
    uint8_t *body;
    size_t size;
    size_t total; /* with its head */
};

static int rawsocket_frame(struct peer *peer, struct bytes input, struct frame *frame)
{
    if (input.size < 4) {
        return 0;
    }
    const uint8_t *at = input.at;
    size_t size = (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    size += (at[0] & 0xf8) == 0x08 ? (size_t)1 << 24 : 0; /* 2^24 exactly needs a 25th bit */
    unsigned kind = at[0] & 7;
    if ((at[0] & 0xf0) != 0 || kind > 2) {
        return break_off(peer, "a RawSocket frame of unknown kind");
    }
    if (size > peer->message_bytes_max) {
        return break_off(peer, "a message over the size that was agreed");
    }
    if (input.size < 4 + size) {
        return 0;
    }
    static const uint8_t opcodes[3] = {2, 9, 10};
    *frame = (struct frame){opcodes[kind], true, (uint8_t *)(uintptr_t)at + 4, size, 4 + size};
    return 1;
}

static int websocket_frame(struct peer *peer, struct bytes input, struct frame *frame)
{
    if (input.size < 2) {
        return 0;
    }
    const uint8_t *at = input.at;
    uint64_t size = at[1] & 0x7f;
    size_t head = size < 126 ? 2 : size == 126 ? 4 : 10;
    size_t masks = (at[1] & 0x80) != 0 ? 4 : 0;
    if ((at[0] & 0x70) != 0 || (masks > 0) != peer->server) {
        return break_off(peer, "a WebSocket frame with reserved bits or a wrong mask bit");
    }
    if (input.size < head + masks) {
        return 0;
    }
    if (head > 2) {
        size = 0;
        for (size_t i = 2; i < head; i++) {
            size = size << 8 | at[i];
        }
    }
    if (size > peer->message_bytes_max) {
        return break_off(peer, "a message over the size that was agreed");
    }
    if (input.size < head + masks + size) {
        return 0;
    }
    uint8_t *body = (uint8_t *)(uintptr_t)at + head + masks; /* the input is its caller's buffer */
    if (masks > 0) {
        uint32_t key;
        memcpy(&key, at + head, 4);
        mask_apply(body, (size_t)size, key);
    }
    *frame = (struct frame){at[0] & 15, (at[0] & 0x80) != 0, body, (size_t)size,
                            head + masks + (size_t)size};
    return 1;
}

static void answer_ping(struct peer *peer, const struct frame *frame)
{
    if (!frame_begin(peer, 0x8a, frame->size)) {
        return;
    }
    if (peer->framing == FRAMING_RAWSOCKET) {
        peer->out.at[peer->body_at - 4] |= 2;
    }
    memcpy(peer->out.at + peer->body_at, frame->body, frame->size);
    frame_end(peer, frame->size);
}

/* 1: *message is whole. 0: the frame was for the transport, or one of several. */
static int frame_take(struct peer *peer, const struct frame *frame, struct bytes *message)
{
    switch (frame->opcode) {
    case 8:
        return break_off(peer, "the other end sent a Close frame");
    case 9:
        answer_ping(peer, frame);
        return 0;
    case 10:
        return 0;
    case 0:
        if (!peer->in_fragments) {
            return break_off(peer, "a continuation of nothing");
        }
        break;
    case 1:
    case 2:
        if (peer->in_fragments) {
            return break_off(peer, "a new message inside another");
        }
        if (frame->final) {
            *message = bytes_make(frame->body, frame->size);
            return 1;
        }
        buf_reset(&peer->fragments);
        break;
    default:
        return break_off(peer, "a WebSocket frame of unknown kind");
    }
    buf_put(&peer->fragments, frame->body, frame->size);
    if (peer->fragments.failed) {
        return break_off(peer, "a message over the size that was agreed");
    }
    peer->in_fragments = !frame->final;
    *message = buf_bytes(&peer->fragments);
    return frame->final ? 1 : 0;
}

int peer_next(struct peer *peer, struct bytes *input, struct bytes *message)
{
    if (peer->state == PEER_HANDSHAKE) {
        int result = peer_handshake(peer, input);
        if (result < 0) {
            return break_off(peer, peer->broken);
        }
        if (result == 0) {
            return 0;
        }
    }
    while (peer->state == PEER_OPEN) {
        struct frame frame;
        int result = peer->framing == FRAMING_RAWSOCKET ? rawsocket_frame(peer, *input, &frame)
                                                        : websocket_frame(peer, *input, &frame);
        if (result <= 0) {
            return result;
        }
        *input = bytes_from(*input, frame.total);
        result = frame_take(peer, &frame, message);
        if (result != 0) {
            return result;
        }
    }
    return -1;
}
