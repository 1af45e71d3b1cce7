#include "common/transcode.h"

#include "common/cbor.h"
#include "common/json.h"
#include "common/msgpack.h"
#include "common/number.h"

enum {
    /* Room for the longest head before what is decoded in place, and what its writing may touch. */
    TRANSCODE_HEAD_MAX = 9,
    TRANSCODE_BLOCK_BYTES = 768, /* base64 is made of blocks of this, a multiple of three */
};

static void transcode_put_head(struct buf *out, enum serializer to, bool text, size_t size)
{
    if (to == SERIALIZER_MSGPACK) {
        (text ? msgpack_put_string_head : msgpack_put_binary_head)(out, size);
    } else {
        (text ? cbor_put_string_head : cbor_put_binary_head)(out, size);
    }
}

/* Decodes behind the end of the buffer, then writes the head before it and closes the gap; so
 * encoded text of any size needs no second buffer. */
static bool transcode_decoded(const struct token *token, struct writer *to)
{
    struct buf *out = to->out;
    if (!buf_reserve(out, TRANSCODE_HEAD_MAX + token->bytes.size)) {
        return false;
    }
    uint8_t *decoded = out->at + out->size + TRANSCODE_HEAD_MAX;
    long size = token_text(token, decoded);
    if (size < 0) {
        return false;
    }
    write_raw(to, (struct bytes){0}); /* counts the item; its octets follow */
    transcode_put_head(out, to->serializer, token->kind == TOKEN_STRING, (size_t)size);
    memmove(out->at + out->size, decoded, (size_t)size);
    out->size += (size_t)size;
    return true;
}

/* CBOR chunks to a JSON string: escaped chunk by chunk. */
static bool transcode_chunks_text(const struct token *token, struct writer *to)
{
    struct bytes chunks = token->bytes;
    struct bytes chunk;
    bool first = true;
    write_raw(to, BYTES_LITERAL("\""));
    while (cbor_chunk_take(&chunks, &chunk)) {
        if (first && chunk.size > 0 && chunk.at[0] == 0) {
            return false;
        }
        first &= chunk.size == 0;
        json_put_text(to->out, chunk);
    }
    buf_put_byte(to->out, '"');
    return true;
}

/* CBOR chunks to base64, whose groups of three octets do not care where chunks end. */
static bool transcode_chunks_binary(const struct token *token, struct writer *to)
{
    struct bytes chunks = token->bytes;
    struct bytes chunk;
    uint8_t block[TRANSCODE_BLOCK_BYTES];
    size_t filled = 0;
    write_raw(to, JSON_BINARY_OPEN);
    while (cbor_chunk_take(&chunks, &chunk)) {
        while (chunk.size > 0) {
            size_t take = size_min(chunk.size, sizeof block - filled);
            memcpy(block + filled, chunk.at, take);
            filled += take;
            chunk = bytes_from(chunk, take);
            if (filled == sizeof block) {
                json_put_base64(to->out, bytes_make(block, filled));
                filled = 0;
            }
        }
    }
    json_put_base64(to->out, bytes_make(block, filled));
    buf_put_byte(to->out, '"');
    return true;
}

static bool transcode_content(const struct token *token, struct writer *to)
{
    bool text = token->kind == TOKEN_STRING;
    if (to->serializer == SERIALIZER_JSON) {
        if (!token->plain) {
            return text ? transcode_chunks_text(token, to) : transcode_chunks_binary(token, to);
        }
        if (text && token->bytes.size > 0 && token->bytes.at[0] == 0) {
            return false;
        }
    } else if (!token->plain) {
        return transcode_decoded(token, to);
    }
    if (text) {
        write_string(to, token->bytes);
    } else {
        write_binary(to, token->bytes);
    }
    return true;
}

static uint32_t transcode_count(const struct token *token)
{
    return token->uint == TOKEN_COUNT_UNKNOWN ? WRITE_COUNT_UNKNOWN : (uint32_t)token->uint;
}

static bool transcode_token(const struct token *token, enum serializer from, struct writer *to)
{
    bool json = from == SERIALIZER_JSON || to->serializer == SERIALIZER_JSON;
    switch (token->kind) {
    case TOKEN_NULL:
        write_null(to);
        return true;
    case TOKEN_BOOL:
        write_bool(to, token->boolean);
        return true;
    case TOKEN_UINT:
        write_uint(to, token->uint);
        return true;
    case TOKEN_INT:
        write_int(to, token->integer);
        return true;
    case TOKEN_FLOAT:
        if (json && !number_is_finite(token->number)) {
            return false;
        }
        write_float(to, token->number);
        return true;
    case TOKEN_STRING:
    case TOKEN_BINARY:
        return transcode_content(token, to);
    case TOKEN_ARRAY:
        write_array(to, transcode_count(token));
        return true;
    case TOKEN_MAP:
        write_map(to, transcode_count(token));
        return true;
    case TOKEN_END:
        write_end(to);
        return true;
    case TOKEN_EXT:
        return false;
    }
    return false;
}

static bool transcode_all(enum serializer from, struct bytes value, struct writer *to)
{
    struct reader reader;
    struct token token;
    int step;
    bool json = from == SERIALIZER_JSON || to->serializer == SERIALIZER_JSON;
    unsigned base = to->depth;
    reader_init(&reader, from, value, DEPTH_MAX - base);
    while ((step = reader_next(&reader, &token)) == 1) {
        bool key = to->depth > base && writer_key_is_due(to) && token.kind != TOKEN_END;
        if (token.bignum || (key && json && token.kind != TOKEN_STRING) ||
            !transcode_token(&token, from, to)) {
            return false;
        }
    }
    return step == 0 && !to->out->failed;
}

bool transcode(enum serializer from, struct bytes value, struct writer *to)
{
    if (from == to->serializer) {
        write_raw(to, value);
        return !to->out->failed;
    }
    struct writer_mark mark = writer_mark(to);
    if (transcode_all(from, value, to)) {
        return true;
    }
    writer_rewind(to, mark);
    return false;
}
