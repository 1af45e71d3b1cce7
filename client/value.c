#include "client/value.h"

#include "client/inbound.h"
#include "common/transcode.h"
#include "common/utf8.h"

/* The JSON reader is the judge of what is a number; everything that is JSON is simply transcoded.
 */

static bool value_is_json(struct bytes text)
{
    struct reader reader;
    struct token token;
    struct bytes value;
    reader_init(&reader, SERIALIZER_JSON, text, DEPTH_MAX);
    return reader_skip(&reader, &value) == 1 && reader_next(&reader, &token) == 0;
}

static int value_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool value_is_hex(struct bytes text)
{
    if (text.size < 4 || text.size % 2 != 0 || text.at[0] != '0' || text.at[1] != 'x') {
        return false;
    }
    for (size_t i = 2; i < text.size; i++) {
        if (value_digit(text.at[i]) < 0) {
            return false;
        }
    }
    return true;
}

static bool value_write_hex(struct writer *writer, struct bytes digits)
{
    struct buf octets;
    buf_init(&octets, writer->out->mem, VALUE_BYTES_MAX);
    for (size_t i = 0; i < digits.size; i += 2) {
        int octet = value_digit(digits.at[i]) << 4 | value_digit(digits.at[i + 1]);
        buf_put_byte(&octets, (uint8_t)octet);
    }
    bool fine = !octets.failed;
    if (fine) {
        write_binary(writer, buf_bytes(&octets));
    }
    buf_fini(&octets);
    return fine;
}

bool value_write_typed(struct writer *writer, struct bytes text)
{
    if (!utf8_valid(text)) {
        return false;
    }
    if (text.size >= 2 && text.at[0] == '\'' && text.at[text.size - 1] == '\'') {
        write_string(writer, bytes_make(text.at + 1, text.size - 2));
        return !writer->out->failed;
    }
    if (value_is_hex(text)) {
        return value_write_hex(writer, bytes_from(text, 2)) && !writer->out->failed;
    }
    if (text.size > 0 && value_is_json(text)) {
        return transcode(SERIALIZER_JSON, text, writer);
    }
    if (text.size > 0 && (text.at[0] == '[' || text.at[0] == '{')) {
        return false;
    }
    write_string(writer, text);
    return !writer->out->failed;
}

bool value_args(struct buf *out, enum serializer serializer, const char *const *texts, size_t count,
                const char **bad)
{
    struct writer writer;
    writer_init(&writer, serializer, out);
    write_array(&writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        if (!value_write_typed(&writer, bytes_text(texts[i]))) {
            *bad = texts[i];
            return false;
        }
    }
    write_end(&writer);
    *bad = "";
    return !out->failed;
}

bool value_same_key(const char *a, const char *b)
{
    const char *end = strchr(a, '=');
    return end != NULL && strncmp(a, b, (size_t)(end - a) + 1) == 0;
}

static bool value_key_again(const char *const *texts, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (value_same_key(texts[k], texts[i])) {
            return true;
        }
    }
    return false;
}

bool value_pairs(struct buf *out, enum serializer serializer, const char *const *texts,
                 size_t count, const char **bad)
{
    struct writer writer;
    writer_init(&writer, serializer, out);
    write_map(&writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(texts[i], '=');
        *bad = texts[i];
        if (equals == NULL || equals == texts[i] || value_key_again(texts, i)) {
            return false;
        }
        struct bytes key = bytes_make(texts[i], (size_t)(equals - texts[i]));
        if (!utf8_valid(key)) {
            return false;
        }
        write_string(&writer, key);
        if (!value_write_typed(&writer, bytes_text(equals + 1))) {
            return false;
        }
    }
    write_end(&writer);
    *bad = "";
    return !out->failed;
}

/* ---- to text */

/* Well-formed JSON on one line. DEL and U+0080 to U+009F, which JSON lets stand, would speak to a
 * terminal; they occur in strings only, where an escape means the same. */
static void value_put_visible(struct buf *out, struct bytes json)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < json.size; i++) {
        uint8_t c = json.at[i];
        bool c1 = c == 0xc2 && i + 1 < json.size && json.at[i + 1] < 0xa0;
        if (c == '\n' || c == '\r' || c == '\t') {
            continue; /* white space: inside strings these are escaped */
        }
        if (c != 0x7f && !c1) {
            buf_put_byte(out, c);
            continue;
        }
        c = c1 ? json.at[++i] : c;
        buf_put_bytes(out, BYTES_LITERAL("\\u00"));
        buf_put_byte(out, (uint8_t)digits[c >> 4]);
        buf_put_byte(out, (uint8_t)digits[c & 15]);
    }
}

bool value_json(struct buf *out, enum serializer serializer, struct bytes value,
                const char *instead)
{
    struct buf json;
    struct writer writer;
    if (value.size == 0) {
        buf_put_bytes(out, bytes_text(instead));
        return !out->failed;
    }
    buf_init(&json, out->mem, VALUE_BYTES_MAX * 6);
    writer_init(&writer, SERIALIZER_JSON, &json);
    bool fine = transcode(serializer, value, &writer) && !json.failed;
    if (fine) {
        value_put_visible(out, buf_bytes(&json));
    }
    buf_fini(&json);
    return fine && !out->failed;
}

void value_json_text(struct buf *out, struct bytes text)
{
    struct buf json;
    struct writer writer;
    buf_init(&json, out->mem, VALUE_BYTES_MAX * 6);
    writer_init(&writer, SERIALIZER_JSON, &json);
    write_string(&writer, text);
    value_put_visible(out, buf_bytes(&json));
    buf_fini(&json);
}

static void value_part(struct buf *out, size_t start)
{
    if (out->size > start) {
        buf_put_byte(out, ' ');
    }
}

/* The content of a string token; false: not decodable. */
static bool value_put_text(struct buf *out, const struct token *token)
{
    if (!buf_reserve(out, token->bytes.size + 1)) {
        return false;
    }
    long size = token_text(token, out->at + out->size);
    out->size += size > 0 ? (size_t)size : 0;
    return size >= 0;
}

static bool value_put_hex(struct buf *out, const struct token *token)
{
    static const char digits[] = "0123456789abcdef";
    struct buf octets;
    buf_init(&octets, out->mem, VALUE_BYTES_MAX);
    bool fine = value_put_text(&octets, token);
    buf_put_bytes(out, BYTES_LITERAL("0x"));
    for (size_t i = 0; fine && i < octets.size; i++) {
        buf_put_byte(out, (uint8_t)digits[octets.at[i] >> 4]);
        buf_put_byte(out, (uint8_t)digits[octets.at[i] & 15]);
    }
    buf_fini(&octets);
    return fine && !out->failed;
}

static bool value_put_word(struct buf *out, enum serializer serializer, struct bytes value,
                           bool quotes)
{
    struct reader reader;
    struct token token;
    size_t start = out->size;
    reader_init(&reader, serializer, value, DEPTH_MAX);
    if (reader_next(&reader, &token) != 1) {
        return false;
    }
    if (token.kind == TOKEN_BINARY) {
        return value_put_hex(out, &token);
    }
    if (!quotes && token.kind == TOKEN_STRING) {
        if (value_put_text(out, &token) &&
            (out->size == start || memchr(out->at + start, '\0', out->size - start) == NULL)) {
            return true;
        }
        out->size = start; /* a NUL cannot stand in an environment: its escape can */
    }
    return value_json(out, serializer, value, "null");
}

/* A key stands bare unless it would read as something else, or speak to a terminal. */
static bool value_put_key(struct buf *out, const struct token *token, bool quotes)
{
    size_t start = out->size;
    bool bare = true;
    if (!value_put_text(out, token)) {
        return false;
    }
    for (size_t i = start; i < out->size; i++) {
        uint8_t c = out->at[i];
        bare = bare && c > ' ' && c != 0x7f && c != '=' && c != '"' && c != 0xc2;
    }
    if (!quotes || (bare && out->size > start)) {
        return true;
    }
    struct buf key;
    buf_init(&key, out->mem, VALUE_BYTES_MAX);
    buf_put(&key, out->at + start, out->size - start);
    out->size = start;
    value_json_text(out, buf_bytes(&key));
    buf_fini(&key);
    return !out->failed;
}

static bool value_put_items(struct buf *out, size_t start, enum serializer serializer,
                            struct bytes container, bool quotes)
{
    struct reader reader;
    struct token token;
    struct bytes value;
    if (container.size == 0) {
        return true;
    }
    reader_init(&reader, serializer, container, DEPTH_MAX);
    if (reader_next(&reader, &token) != 1) {
        return false;
    }
    bool map = token.kind == TOKEN_MAP;
    for (;;) {
        if (map) {
            if (reader_next(&reader, &token) != 1) {
                return false;
            }
            if (token.kind == TOKEN_END) {
                return true;
            }
            value_part(out, start);
            if (token.kind != TOKEN_STRING || !value_put_key(out, &token, quotes)) {
                return false;
            }
            buf_put_byte(out, '=');
        }
        int found = reader_skip(&reader, &value);
        if (found <= 0) {
            return found == 0 && !map;
        }
        if (!map) {
            value_part(out, start);
        }
        if (!value_put_word(out, serializer, value, quotes)) {
            return false;
        }
    }
}

bool value_line(struct buf *out, const struct client_payload *payload)
{
    size_t start = out->size;
    return value_put_items(out, start, payload->serializer, payload->args, true) &&
           value_put_items(out, start, payload->serializer, payload->kwargs, true);
}

bool value_words(struct buf *out, enum serializer serializer, struct bytes container)
{
    return value_put_items(out, out->size, serializer, container, false);
}
