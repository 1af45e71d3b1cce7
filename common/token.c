/* One switch on the serializer for each step, then straight into its own code. The writer keeps
 * what all serializers need (how many items, in a map or not) and puts JSON's commas and colons. */
#include "common/token.h"

#include "common/cbor.h"
#include "common/json.h"
#include "common/msgpack.h"
#include "common/reader.h"

void reader_init(struct reader *reader, enum serializer serializer, struct bytes input,
                 unsigned depth_max)
{
    check(depth_max <= DEPTH_MAX && input.size < UINT32_MAX);
    check(serializer >= SERIALIZER_JSON && serializer <= SERIALIZER_CBOR);
    reader->at = input.at;
    reader->end = input.size > 0 ? input.at + input.size : input.at;
    reader->serializer = serializer;
    reader->state = READER_VALUE;
    reader->depth = 0;
    reader->depth_max = (uint16_t)depth_max;
}

int reader_next(struct reader *reader, struct token *token)
{
    switch (reader->serializer) {
    case SERIALIZER_JSON:
        return json_next(reader, token);
    case SERIALIZER_MSGPACK:
        return msgpack_next(reader, token);
    case SERIALIZER_CBOR:
        return cbor_next(reader, token);
    }
    return -1;
}

int reader_skip(struct reader *reader, struct bytes *range)
{
    switch (reader->serializer) {
    case SERIALIZER_JSON:
        return json_skip(reader, range);
    case SERIALIZER_MSGPACK:
        return msgpack_skip(reader, range);
    case SERIALIZER_CBOR:
        return cbor_skip(reader, range);
    }
    return -1;
}

static size_t token_join(const struct token *token, uint8_t *out)
{
    struct bytes chunks = token->bytes;
    struct bytes chunk;
    size_t size = 0;
    while (cbor_chunk_take(&chunks, &chunk)) {
        memcpy(out + size, chunk.at, chunk.size);
        size += chunk.size;
    }
    return size;
}

long token_text(const struct token *token, uint8_t *out)
{
    check(token->kind == TOKEN_STRING || token->kind == TOKEN_BINARY);
    if (token->plain) {
        if (token->bytes.size > 0) {
            memcpy(out, token->bytes.at, token->bytes.size);
        }
        return (long)token->bytes.size;
    }
    if (token->serializer == SERIALIZER_CBOR) {
        return (long)token_join(token, out);
    }
    check(token->serializer == SERIALIZER_JSON);
    return token->kind == TOKEN_BINARY ? json_binary(token->bytes, out)
                                       : (long)json_text(token->bytes, out);
}

bool token_is(const struct token *token, const char *text)
{
    struct bytes rest = bytes_text(text);
    if (token->kind != TOKEN_STRING) {
        return false;
    }
    if (token->plain) {
        return bytes_equal(token->bytes, rest);
    }
    if (token->serializer == SERIALIZER_JSON) {
        return json_text_is(token->bytes, rest);
    }
    struct bytes chunks = token->bytes;
    struct bytes chunk;
    while (cbor_chunk_take(&chunks, &chunk)) {
        if (!bytes_start_with(rest, chunk)) {
            return false;
        }
        rest = bytes_from(rest, chunk.size);
    }
    return rest.size == 0;
}

/* ---- writing */

void writer_init(struct writer *writer, enum serializer serializer, struct buf *out)
{
    check(serializer >= SERIALIZER_JSON && serializer <= SERIALIZER_CBOR);
    writer->out = out;
    writer->serializer = serializer;
    writer->depth = 0;
}

/* Before every item: counts it, and sets it off from the one before. */
static inline void writer_item(struct writer *writer)
{
    if (writer->depth == 0) {
        return;
    }
    uint32_t count = writer->levels[writer->depth - 1].count++;
    if (writer->serializer == SERIALIZER_JSON && count > 0) {
        bool value = writer->levels[writer->depth - 1].map && count % 2 == 1;
        buf_put_byte(writer->out, value ? ':' : ',');
    }
}

static void writer_open(struct writer *writer, uint32_t count, bool map)
{
    struct buf *out = writer->out;
    writer_item(writer);
    check(writer->depth < DEPTH_MAX && out->size < UINT32_MAX);
    bool sized = count != WRITE_COUNT_UNKNOWN;
    /* nothing is patched in a container whose count is known: start holds what it promised */
    writer->levels[writer->depth].start = sized ? count : (uint32_t)out->size;
    writer->levels[writer->depth].count = 0;
    writer->levels[writer->depth].map = map;
    writer->levels[writer->depth].sized = sized;
    writer->depth++;
    switch (writer->serializer) {
    case SERIALIZER_JSON:
        buf_put_byte(out, map ? '{' : '[');
        break;
    case SERIALIZER_MSGPACK:
        msgpack_put_open(out, sized ? count : 0, map);
        break;
    case SERIALIZER_CBOR:
        cbor_put_open(out, count, map);
        break;
    }
}

void write_array(struct writer *writer, uint32_t count)
{
    writer_open(writer, count, false);
}

void write_map(struct writer *writer, uint32_t count)
{
    writer_open(writer, count, true);
}

void write_end(struct writer *writer)
{
    struct buf *out = writer->out;
    check(writer->depth > 0);
    writer->depth--;
    bool map = writer->levels[writer->depth].map;
    bool sized = writer->levels[writer->depth].sized;
    uint32_t start = writer->levels[writer->depth].start;
    uint32_t items = writer->levels[writer->depth].count;
    check(!map || items % 2 == 0);
    uint32_t count = map ? items / 2 : items;
    check(!sized || count == start);
    switch (writer->serializer) {
    case SERIALIZER_JSON:
        buf_put_byte(out, map ? '}' : ']');
        break;
    case SERIALIZER_MSGPACK:
        if (!sized && !out->failed) {
            msgpack_patch_open(out, start, count, map);
        }
        break;
    case SERIALIZER_CBOR:
        if (!sized) {
            buf_put_byte(out, CBOR_BREAK);
        }
        break;
    }
}

/* A word of the value alone: its JSON text, its octet in MessagePack, in CBOR. */
static void writer_put_word(struct writer *writer, const char *json, uint8_t msgpack, uint8_t cbor)
{
    writer_item(writer);
    if (writer->serializer == SERIALIZER_JSON) {
        buf_put_bytes(writer->out, bytes_text(json));
    } else {
        buf_put_byte(writer->out, writer->serializer == SERIALIZER_MSGPACK ? msgpack : cbor);
    }
}

void write_null(struct writer *writer)
{
    writer_put_word(writer, "null", 0xc0, CBOR_NULL);
}

void write_bool(struct writer *writer, bool value)
{
    if (value) {
        writer_put_word(writer, "true", 0xc3, CBOR_TRUE);
    } else {
        writer_put_word(writer, "false", 0xc2, CBOR_FALSE);
    }
}

void write_uint(struct writer *writer, uint64_t value)
{
    writer_item(writer);
    switch (writer->serializer) {
    case SERIALIZER_JSON:
        json_put_uint(writer->out, value);
        break;
    case SERIALIZER_MSGPACK:
        msgpack_put_uint(writer->out, value);
        break;
    case SERIALIZER_CBOR:
        cbor_put_uint(writer->out, value);
        break;
    }
}

void write_int(struct writer *writer, int64_t value)
{
    if (value >= 0) {
        write_uint(writer, (uint64_t)value);
        return;
    }
    writer_item(writer);
    switch (writer->serializer) {
    case SERIALIZER_JSON:
        json_put_negative(writer->out, value);
        break;
    case SERIALIZER_MSGPACK:
        msgpack_put_negative(writer->out, value);
        break;
    case SERIALIZER_CBOR:
        cbor_put_negative(writer->out, value);
        break;
    }
}

void write_float(struct writer *writer, double value)
{
    writer_item(writer);
    switch (writer->serializer) {
    case SERIALIZER_JSON:
        json_put_float(writer->out, value);
        break;
    case SERIALIZER_MSGPACK:
        msgpack_put_float(writer->out, value);
        break;
    case SERIALIZER_CBOR:
        cbor_put_float(writer->out, value);
        break;
    }
}

void write_string(struct writer *writer, struct bytes utf8)
{
    writer_item(writer);
    switch (writer->serializer) {
    case SERIALIZER_JSON:
        json_put_string(writer->out, utf8);
        break;
    case SERIALIZER_MSGPACK:
        msgpack_put_string(writer->out, utf8);
        break;
    case SERIALIZER_CBOR:
        cbor_put_string(writer->out, utf8);
        break;
    }
}

void write_binary(struct writer *writer, struct bytes octets)
{
    writer_item(writer);
    switch (writer->serializer) {
    case SERIALIZER_JSON:
        json_put_binary(writer->out, octets);
        break;
    case SERIALIZER_MSGPACK:
        msgpack_put_binary(writer->out, octets);
        break;
    case SERIALIZER_CBOR:
        cbor_put_binary(writer->out, octets);
        break;
    }
}

void write_raw(struct writer *writer, struct bytes value)
{
    writer_item(writer);
    buf_put_bytes(writer->out, value);
}

struct writer_mark writer_mark(const struct writer *writer)
{
    uint16_t depth = writer->depth;
    uint32_t count = depth > 0 ? writer->levels[depth - 1].count : 0;
    return (struct writer_mark){.size = writer->out->size, .count = count, .depth = depth};
}

void writer_rewind(struct writer *writer, struct writer_mark mark)
{
    check(writer->depth >= mark.depth && writer->out->size >= mark.size);
    writer->out->size = mark.size;
    writer->depth = mark.depth;
    if (mark.depth > 0) {
        writer->levels[mark.depth - 1].count = mark.count;
    }
}
