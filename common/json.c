/* The walk and the skip read scalars with the same functions; they differ in what they remember.
 * The walk keeps in state whether a comma is due, the skip has that in its place in the loop. */
#include "common/json.h"

#include "common/base64.h"
#include "common/number.h"
#include "common/reader.h"
#include "common/scan.h"
#include "common/utf8.h"

static inline const uint8_t *json_skip_space(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
    }
    return at;
}

/* The value of four hex digits, or -1. */
static int json_hex(const uint8_t *at, const uint8_t *end)
{
    int value = 0;
    if (end - at < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        uint8_t octet = at[i];
        uint8_t letter = octet | 0x20;
        if (octet >= '0' && octet <= '9') {
            value = value << 4 | (octet - '0');
        } else if (letter >= 'a' && letter <= 'f') {
            value = value << 4 | (letter - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

static bool json_is_high_surrogate(int unit)
{
    return (unit & ~0x3ff) == 0xd800;
}

static bool json_is_low_surrogate(int unit)
{
    return (unit & ~0x3ff) == 0xdc00;
}

/* at is on the backslash. Behind the escape (a pair of surrogates is one), or NULL. */
static const uint8_t *json_escape_end(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 2) {
        return NULL;
    }
    if (at[1] != 'u') {
        return at[1] != 0 && strchr("\"\\/bfnrt", at[1]) != NULL ? at + 2 : NULL;
    }
    int unit = json_hex(at + 2, end);
    if (unit < 0 || json_is_low_surrogate(unit)) {
        return NULL;
    }
    at += 6;
    if (!json_is_high_surrogate(unit)) {
        return at;
    }
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u' ||
        !json_is_low_surrogate(json_hex(at + 2, end))) {
        return NULL;
    }
    return at + 6;
}

/* Goes on where plain ASCII ended. The closing quote, or NULL. */
static const uint8_t *json_string_rest(const uint8_t *at, const uint8_t *end, bool *plain)
{
    while (at < end && *at != '"') {
        if (*at >= 0x80) {
            size_t size = utf8_character(at, end);
            if (size == 0) {
                return NULL;
            }
            at += size;
        } else if (*at == '\\') {
            *plain = false;
            at = json_escape_end(at, end);
            if (at == NULL) {
                return NULL;
            }
        } else if (*at < 0x20) {
            return NULL;
        } else {
            at = scan_plain(at, end, true);
        }
    }
    return at < end ? at : NULL;
}

/* at is behind the opening quote. The closing quote, or NULL; *plain: no escapes. */
static inline const uint8_t *json_string_end(const uint8_t *at, const uint8_t *end, bool *plain)
{
    *plain = true;
    at = scan_plain(at, end, true);
    if (likely(at < end && *at == '"')) {
        return at;
    }
    return json_string_rest(at, end, plain);
}

static inline bool json_is_digit(const uint8_t *at, const uint8_t *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

/* at is on a minus or a digit. Behind the number, or NULL; *whole: no fraction, no exponent. */
static inline const uint8_t *json_number_end(const uint8_t *at, const uint8_t *end, bool *whole)
{
    *whole = true;
    at += *at == '-';
    if (!json_is_digit(at, end)) {
        return NULL;
    }
    if (*at++ != '0') {
        while (json_is_digit(at, end)) {
            at++;
        }
    }
    if (at < end && *at == '.') {
        *whole = false;
        at++;
        if (!json_is_digit(at, end)) {
            return NULL;
        }
        while (json_is_digit(at, end)) {
            at++;
        }
    }
    if (at < end && (*at | 0x20) == 'e') {
        *whole = false;
        at++;
        at += at < end && (*at == '+' || *at == '-');
        if (!json_is_digit(at, end)) {
            return NULL;
        }
        while (json_is_digit(at, end)) {
            at++;
        }
    }
    return at;
}

/* Behind the word, or NULL. */
static const uint8_t *json_word_end(const uint8_t *at, const uint8_t *end)
{
    if (end - at >= 4 && (memcmp(at, "true", 4) == 0 || memcmp(at, "null", 4) == 0)) {
        return at + 4;
    }
    return end - at >= 5 && memcmp(at, "false", 5) == 0 ? at + 5 : NULL;
}

/* ---- the walk */

static const uint8_t *json_set_string(struct token *token, const uint8_t *at, const uint8_t *end)
{
    bool plain;
    const uint8_t *quote = json_string_end(at, end, &plain);
    if (quote == NULL) {
        return NULL;
    }
    token_set(token, TOKEN_STRING);
    token->bytes = bytes_make(at, (size_t)(quote - at));
    if (!plain) {
        token->plain = false;
        token->serializer = SERIALIZER_JSON;
        if (bytes_start_with(token->bytes, BYTES_LITERAL("\\u0000"))) {
            token->kind = TOKEN_BINARY;
        }
    }
    return quote + 1;
}

/* An integer that fits 64 bits; false: it is a FLOAT. -0 is 0: an integer stays an integer. */
static inline bool json_set_integer(struct token *token, const uint8_t *at, const uint8_t *end)
{
    bool negative = *at == '-';
    uint64_t most = negative ? UINT64_C(1) << 63 : UINT64_MAX;
    uint64_t value = 0;
    for (at += negative; at < end; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (most - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    token_set(token, negative && value > 0 ? TOKEN_INT : TOKEN_UINT);
    token->uint = negative ? 0 - value : value;
    return true;
}

static const uint8_t *json_set_number(struct token *token, const uint8_t *at, const uint8_t *limit)
{
    bool whole;
    const uint8_t *end = json_number_end(at, limit, &whole);
    if (end == NULL) {
        return NULL;
    }
    if (!whole || !json_set_integer(token, at, end)) {
        token_set(token, TOKEN_FLOAT);
        token->number = number_parse(bytes_make(at, (size_t)(end - at)));
    }
    return end;
}

static const uint8_t *json_set_word(struct token *token, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *behind = json_word_end(at, end);
    if (behind != NULL) {
        token_set(token, *at == 'n' ? TOKEN_NULL : TOKEN_BOOL);
        token->boolean = *at == 't';
    }
    return behind;
}

static const uint8_t *json_open(struct reader *reader, struct token *token, const uint8_t *at)
{
    bool map = *at == '{';
    if (reader_open(reader, READER_OPEN_END, map) == NULL) {
        return NULL;
    }
    token_set(token, map ? TOKEN_MAP : TOKEN_ARRAY);
    token->uint = TOKEN_COUNT_UNKNOWN;
    reader->state = READER_FIRST;
    return at + 1;
}

static inline const uint8_t *json_step_value(struct reader *reader, struct token *token,
                                             const uint8_t *at)
{
    const uint8_t *end = reader->end;
    if (at == end) {
        return NULL;
    }
    reader->state = READER_AFTER;
    uint8_t octet = *at;
    if (octet == '"') {
        return json_set_string(token, at + 1, end);
    }
    if (octet == '[' || octet == '{') {
        return json_open(reader, token, at);
    }
    if (octet == '-' || (octet >= '0' && octet <= '9')) {
        return json_set_number(token, at, end);
    }
    return json_set_word(token, at, end);
}

/* A key and its colon. */
static const uint8_t *json_step_key(struct reader *reader, struct token *token, const uint8_t *at)
{
    const uint8_t *end = reader->end;
    if (at == end || *at != '"') {
        return NULL;
    }
    at = json_set_string(token, at + 1, end);
    if (at == NULL) {
        return NULL;
    }
    at = json_skip_space(at, end);
    if (at == end || *at != ':') {
        return NULL;
    }
    reader->state = READER_VALUE;
    return at + 1;
}

enum json_due {
    JSON_DUE_VALUE,
    JSON_DUE_KEY,
    JSON_DUE_END,      /* it has been consumed */
    JSON_DUE_COMPLETE, /* the top-level value has come and nothing trails it */
    JSON_DUE_BROKEN,
};

/* Goes over space and comma to what is due next. */
static inline enum json_due json_due_next(struct reader *reader)
{
    const uint8_t *end = reader->end;
    const uint8_t *at = json_skip_space(reader->at, end);
    reader->at = at;
    if (reader->state == READER_VALUE) {
        return JSON_DUE_VALUE;
    }
    if (reader->depth == 0) {
        return reader->state == READER_AFTER && at == end ? JSON_DUE_COMPLETE : JSON_DUE_BROKEN;
    }
    bool map = reader->levels[reader->depth - 1].map;
    if (at == end) {
        return JSON_DUE_BROKEN;
    }
    if (*at == (map ? '}' : ']')) {
        reader->at = at + 1;
        reader->depth--;
        reader->state = READER_AFTER;
        return JSON_DUE_END;
    }
    if (reader->state == READER_AFTER) {
        if (*at != ',') {
            return JSON_DUE_BROKEN;
        }
        reader->at = json_skip_space(at + 1, end);
    }
    return map ? JSON_DUE_KEY : JSON_DUE_VALUE;
}

int json_next(struct reader *reader, struct token *token)
{
    enum json_due due = json_due_next(reader);
    const uint8_t *at = reader->at;
    if (due == JSON_DUE_VALUE) {
        at = json_step_value(reader, token, at);
    } else if (due == JSON_DUE_KEY) {
        at = json_step_key(reader, token, at);
    } else if (due == JSON_DUE_END) {
        return token_set_end(token);
    } else {
        return due == JSON_DUE_COMPLETE ? 0 : reader_break(reader);
    }
    if (at == NULL) {
        return reader_break(reader);
    }
    reader->at = at;
    return 1;
}

/* ---- the skip */

/* Behind a string, number or word, or NULL. */
static inline const uint8_t *json_skip_scalar(const uint8_t *at, const uint8_t *end)
{
    bool unused;
    if (*at == '"') {
        at = json_string_end(at + 1, end, &unused);
        return at == NULL ? NULL : at + 1;
    }
    if (*at == '-' || (*at >= '0' && *at <= '9')) {
        return json_number_end(at, end, &unused);
    }
    return json_word_end(at, end);
}

/* Behind a key, its colon and the space after it, or NULL. */
static inline const uint8_t *json_skip_key(const uint8_t *at, const uint8_t *end)
{
    bool unused;
    if (at == end || *at != '"') {
        return NULL;
    }
    at = json_string_end(at + 1, end, &unused);
    if (at == NULL) {
        return NULL;
    }
    at = json_skip_space(at + 1, end);
    return at == end || *at != ':' ? NULL : json_skip_space(at + 1, end);
}

/* Once around for each value; a container that opens goes around with its first item. */
static const uint8_t *json_skip_value(struct reader *reader, const uint8_t *at)
{
    const uint8_t *end = reader->end;
    struct reader_level *levels = reader->levels; /* those above the reader's own are scratch */
    const unsigned base = reader->depth;
    unsigned depth = base;
    bool map = false;
    for (;;) {
        if (at == end) {
            return NULL;
        }
        if (*at == '[' || *at == '{') {
            if (depth >= reader->depth_max) {
                return NULL;
            }
            levels[depth++].map = map;
            map = *at == '{';
            at = json_skip_space(at + 1, end);
            if (at == end) {
                return NULL;
            }
            if (*at != (map ? '}' : ']')) {
                at = map ? json_skip_key(at, end) : at;
                if (at == NULL) {
                    return NULL;
                }
                continue;
            }
        } else {
            at = json_skip_scalar(at, end);
            if (at == NULL || depth == base) {
                return at;
            }
            at = json_skip_space(at, end);
        }
        while (at < end && *at == (map ? '}' : ']')) {
            map = levels[--depth].map;
            at++;
            if (depth == base) {
                return at;
            }
            at = json_skip_space(at, end);
        }
        if (at == end || *at != ',') {
            return NULL;
        }
        at = json_skip_space(at + 1, end);
        at = map ? json_skip_key(at, end) : at;
        if (at == NULL) {
            return NULL;
        }
    }
}

int json_skip(struct reader *reader, struct bytes *range)
{
    enum json_due due = json_due_next(reader);
    if (due == JSON_DUE_END || due == JSON_DUE_COMPLETE) {
        return 0;
    }
    const uint8_t *begin = reader->at;
    if (due == JSON_DUE_KEY) {
        struct token key;
        const uint8_t *at = json_step_key(reader, &key, begin);
        if (at != NULL) {
            reader->at = at;
            *range = bytes_make(begin, key.bytes.size + 2);
            return 1;
        }
    } else if (due == JSON_DUE_VALUE) {
        const uint8_t *at = json_skip_value(reader, begin);
        if (at != NULL) {
            reader->at = at;
            reader->state = READER_AFTER;
            *range = bytes_make(begin, (size_t)(at - begin));
            return 1;
        }
    }
    return reader_break(reader);
}

/* ---- content of strings */

/* Decodes the escape or the one octet at at, sets how many octets it came to, answers what is
 * behind it. */
static const uint8_t *json_unescape(const uint8_t *at, const uint8_t *end, uint8_t out[4],
                                    size_t *size)
{
    static const char names[] = "bfnrt";
    static const char values[] = "\b\f\n\r\t";
    *size = 1;
    if (*at != '\\') {
        out[0] = *at;
        return at + 1;
    }
    if (at[1] != 'u') {
        const char *name = strchr(names, at[1]);
        out[0] = name != NULL ? (uint8_t)values[name - names] : at[1];
        return at + 2;
    }
    uint32_t code = (uint32_t)json_hex(at + 2, end);
    at += 6;
    if (json_is_high_surrogate((int)code)) {
        code = 0x10000 + ((code & 0x3ff) << 10) + ((uint32_t)json_hex(at + 2, end) & 0x3ff);
        at += 6;
    }
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return at;
    }
    *size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = *size; i-- > 1; code >>= 6) {
        out[i] = (uint8_t)(0x80 | (code & 0x3f));
    }
    out[0] = (uint8_t)(code | (0xf00U >> *size));
    return at;
}

size_t json_text(struct bytes encoded, uint8_t *out)
{
    const uint8_t *at = encoded.at;
    const uint8_t *end = at + encoded.size;
    uint8_t *begin = out;
    while (at < end) {
        const uint8_t *special = scan_plain(at, end, false);
        size_t plain = (size_t)(special - at);
        memcpy(out, at, plain);
        out += plain;
        at = special;
        if (at < end) {
            uint8_t unit[4];
            size_t size;
            at = json_unescape(at, end, unit, &size);
            memcpy(out, unit, size);
            out += size;
        }
    }
    return (size_t)(out - begin);
}

bool json_text_is(struct bytes encoded, struct bytes text)
{
    const uint8_t *at = encoded.at;
    const uint8_t *end = at + encoded.size;
    while (at < end) {
        uint8_t unit[4];
        size_t size;
        at = json_unescape(at, end, unit, &size);
        if (text.size < size || memcmp(text.at, unit, size) != 0) {
            return false;
        }
        text = bytes_from(text, size);
    }
    return text.size == 0;
}

long json_binary(struct bytes encoded, uint8_t *out)
{
    size_t size = json_text(encoded, out); /* decodes escapes in base64 too: "\/" is usual */
    long octets = base64_decode(bytes_make(out + 1, size - 1), out + 1);
    if (octets > 0) {
        memmove(out, out + 1, (size_t)octets);
    }
    return octets;
}
