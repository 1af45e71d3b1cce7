/* Reading: each message type has a shape, one letter a field, walked in order. Only ids, URIs and
 * the first argument are looked at; dictionaries are skipped without building anything. */
#include "bench/wire.h"

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    enum serializer serializer;
};

/* i: id. t: type of the request that failed. d: dictionary. u: URI. a: arguments, if there. */
static const char *shape_of(unsigned type)
{
    switch (type) {
    case WIRE_EVENT:
    case WIRE_INVOCATION:
        return "iida";
    case WIRE_RESULT:
    case WIRE_YIELD:
        return "ida";
    case WIRE_PUBLISHED:
    case WIRE_SUBSCRIBED:
    case WIRE_REGISTERED:
        return "ii";
    case WIRE_WELCOME:
    case WIRE_UNSUBSCRIBED:
        return "i";
    case WIRE_PUBLISH:
    case WIRE_CALL:
        return "idua";
    case WIRE_SUBSCRIBE:
    case WIRE_REGISTER:
        return "idu";
    case WIRE_ERROR:
        return "tidu";
    case WIRE_ABORT:
    case WIRE_GOODBYE:
        return "du";
    case WIRE_HELLO:
        return "u";
    default:
        return "";
    }
}

static uint64_t load_big(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

static void json_gap(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at <= ' ' || *cursor->at == ',')) {
        cursor->at++;
    }
}

static bool json_uint(struct cursor *cursor, uint64_t *value)
{
    json_gap(cursor);
    const uint8_t *start = cursor->at;
    uint64_t sum = 0;
    while (cursor->at < cursor->end && (uint8_t)(*cursor->at - '0') < 10) {
        sum = sum * 10 + (uint64_t)(*cursor->at++ - '0');
    }
    *value = sum;
    return cursor->at > start;
}

static bool json_string(struct cursor *cursor, struct bytes *text)
{
    json_gap(cursor);
    if (cursor->at == cursor->end || *cursor->at != '"') {
        return false;
    }
    const uint8_t *start = ++cursor->at;
    for (;;) {
        const uint8_t *quote = memchr(cursor->at, '"', (size_t)(cursor->end - cursor->at));
        if (quote == NULL) {
            return false;
        }
        size_t slashes = 0;
        while (quote - slashes > start && quote[-1 - (long)slashes] == '\\') {
            slashes++;
        }
        cursor->at = quote + 1;
        if (slashes % 2 == 0) {
            *text = bytes_make(start, (size_t)(quote - start));
            return true;
        }
    }
}

static bool json_skip(struct cursor *cursor)
{
    struct bytes text;
    size_t depth = 0;
    json_gap(cursor);
    while (cursor->at < cursor->end) {
        uint8_t c = *cursor->at;
        if (c == '"') {
            if (!json_string(cursor, &text)) {
                return false;
            }
        } else if (c == '{' || c == '[') {
            depth++;
            cursor->at++;
        } else if (c == '}' || c == ']') {
            if (depth == 0) {
                return true;
            }
            depth--;
            cursor->at++;
        } else if (c == ',' && depth == 0) {
            return true;
        } else {
            cursor->at++;
            continue;
        }
        if (depth == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the binary two: one head tells kind and count */
enum head_kind { HEAD_PLAIN, HEAD_UINT, HEAD_TEXT, HEAD_ARRAY, HEAD_MAP, HEAD_BREAK };

struct head {
    enum head_kind kind;
    bool open;      /* CBOR: items until a break */
    uint64_t count; /* value, octets of text (PLAIN: octets to step over), items, pairs */
};

static bool head_take(struct cursor *cursor, size_t size, uint64_t *value)
{
    if ((size_t)(cursor->end - cursor->at) < size) {
        return false;
    }
    *value = load_big(cursor->at, size);
    cursor->at += size;
    return true;
}

static bool head_msgpack_long(struct cursor *cursor, uint8_t first, struct head *head)
{
    static const struct {
        uint8_t kind;
        uint8_t size; /* of the count that follows; 0: count is as given */
        uint8_t count;
    } table[32] = {
        [0x00] = {HEAD_PLAIN, 0, 0}, [0x02] = {HEAD_PLAIN, 0, 0}, [0x03] = {HEAD_PLAIN, 0, 0},
        [0x04] = {HEAD_PLAIN, 1, 0}, [0x05] = {HEAD_PLAIN, 2, 0}, [0x06] = {HEAD_PLAIN, 4, 0},
        [0x07] = {HEAD_PLAIN, 1, 1}, [0x08] = {HEAD_PLAIN, 2, 1}, [0x09] = {HEAD_PLAIN, 4, 1},
        [0x0a] = {HEAD_PLAIN, 0, 4}, [0x0b] = {HEAD_PLAIN, 0, 8}, [0x0c] = {HEAD_UINT, 1, 0},
        [0x0d] = {HEAD_UINT, 2, 0},  [0x0e] = {HEAD_UINT, 4, 0},  [0x0f] = {HEAD_UINT, 8, 0},
        [0x10] = {HEAD_PLAIN, 0, 1}, [0x11] = {HEAD_PLAIN, 0, 2}, [0x12] = {HEAD_PLAIN, 0, 4},
        [0x13] = {HEAD_PLAIN, 0, 8}, [0x14] = {HEAD_PLAIN, 0, 2}, [0x15] = {HEAD_PLAIN, 0, 3},
        [0x16] = {HEAD_PLAIN, 0, 5}, [0x17] = {HEAD_PLAIN, 0, 9}, [0x18] = {HEAD_PLAIN, 0, 17},
        [0x19] = {HEAD_TEXT, 1, 0},  [0x1a] = {HEAD_TEXT, 2, 0},  [0x1b] = {HEAD_TEXT, 4, 0},
        [0x1c] = {HEAD_ARRAY, 2, 0}, [0x1d] = {HEAD_ARRAY, 4, 0}, [0x1e] = {HEAD_MAP, 2, 0},
        [0x1f] = {HEAD_MAP, 4, 0},
    };
    uint8_t row = first & 0x1f;
    head->kind = table[row].kind;
    head->count = 0;
    if (!head_take(cursor, table[row].size, &head->count)) {
        return false;
    }
    head->count += table[row].count; /* an extension's type octet, or a fixed size */
    return true;
}

static bool head_msgpack(struct cursor *cursor, struct head *head)
{
    uint8_t first = *cursor->at++;
    if (first < 0x80) {
        *head = (struct head){.kind = HEAD_UINT, .count = first};
    } else if (first < 0x90) {
        *head = (struct head){.kind = HEAD_MAP, .count = first & 15};
    } else if (first < 0xa0) {
        *head = (struct head){.kind = HEAD_ARRAY, .count = first & 15};
    } else if (first < 0xc0) {
        *head = (struct head){.kind = HEAD_TEXT, .count = first & 31};
    } else if (first >= 0xe0) {
        *head = (struct head){.kind = HEAD_PLAIN};
    } else {
        head->open = false;
        return head_msgpack_long(cursor, first, head);
    }
    return true;
}

static bool head_cbor(struct cursor *cursor, struct head *head)
{
    static const uint8_t kinds[8] = {HEAD_UINT,  HEAD_PLAIN, HEAD_PLAIN, HEAD_TEXT,
                                     HEAD_ARRAY, HEAD_MAP,   HEAD_PLAIN, HEAD_PLAIN};
    uint8_t first = *cursor->at++;
    uint8_t major = first >> 5;
    uint8_t low = first & 31;
    *head = (struct head){.kind = kinds[major], .count = low, .open = low == 31};
    if (first == 0xff) {
        head->kind = HEAD_BREAK;
        return true;
    }
    if (low >= 28) { /* chunked text is no item the load needs; open containers are */
        head->count = 0;
        return low == 31 && (major == 4 || major == 5);
    }
    if (low >= 24 && !head_take(cursor, (size_t)1 << (low - 24), &head->count)) {
        return false;
    }
    if (major == 1 || major == 7) {
        head->count = 0;
    }
    return major != 6; /* a tag would need its item joined to it */
}

static bool head_next(struct cursor *cursor, struct head *head)
{
    if (cursor->at >= cursor->end) {
        return false;
    }
    return cursor->serializer == SERIALIZER_MSGPACK ? head_msgpack(cursor, head)
                                                    : head_cbor(cursor, head);
}

static bool head_step(struct cursor *cursor, uint64_t count)
{
    if ((uint64_t)(cursor->end - cursor->at) < count) {
        return false;
    }
    cursor->at += count;
    return true;
}

static bool binary_skip(struct cursor *cursor)
{
    uint64_t left[WIRE_DEPTH_MAX]; /* items to come; UINT64_MAX: until a break */
    size_t depth = 0;
    left[0] = 1;
    for (;;) {
        while (left[depth] == 0) {
            if (depth-- == 0) {
                return true;
            }
        }
        struct head head;
        if (!head_next(cursor, &head)) {
            return false;
        }
        if (head.kind == HEAD_BREAK) {
            if (left[depth] != UINT64_MAX) {
                return false;
            }
            left[depth] = 0;
            continue;
        }
        left[depth] -= left[depth] != UINT64_MAX;
        if (head.kind == HEAD_ARRAY || head.kind == HEAD_MAP) {
            if (++depth == WIRE_DEPTH_MAX) {
                return false;
            }
            left[depth] = head.open               ? UINT64_MAX
                          : head.kind == HEAD_MAP ? head.count * 2
                                                  : head.count;
        } else if (head.kind != HEAD_UINT && !head_step(cursor, head.count)) {
            return false;
        }
    }
}

/* ---- fields */
static bool cursor_uint(struct cursor *cursor, uint64_t *value)
{
    if (cursor->serializer == SERIALIZER_JSON) {
        return json_uint(cursor, value);
    }
    struct head head;
    if (!head_next(cursor, &head) || head.kind != HEAD_UINT) {
        return false;
    }
    *value = head.count;
    return true;
}

static bool cursor_text(struct cursor *cursor, struct bytes *text)
{
    if (cursor->serializer == SERIALIZER_JSON) {
        return json_string(cursor, text);
    }
    struct head head;
    if (!head_next(cursor, &head) || head.kind != HEAD_TEXT) {
        return false;
    }
    *text = bytes_make(cursor->at, (size_t)head.count);
    return head_step(cursor, head.count);
}

static bool cursor_array(struct cursor *cursor)
{
    if (cursor->serializer == SERIALIZER_JSON) {
        json_gap(cursor);
        return cursor->at < cursor->end && *cursor->at++ == '[';
    }
    struct head head;
    return head_next(cursor, &head) && head.kind == HEAD_ARRAY;
}

static bool cursor_skip(struct cursor *cursor)
{
    return cursor->serializer == SERIALIZER_JSON ? json_skip(cursor) : binary_skip(cursor);
}

/* Missing arguments are fine, and so is a first argument that is no text. */
static void cursor_payload(struct cursor *cursor, struct bytes *payload)
{
    struct bytes text;
    if (cursor_array(cursor) && cursor_text(cursor, &text)) {
        *payload = text;
    }
}

int wire_read(struct bytes message, enum serializer serializer, struct wire_message *out)
{
    struct cursor cursor = {message.at, message.at + message.size, serializer};
    uint64_t type;
    *out = (struct wire_message){0};
    if (!cursor_array(&cursor) || !cursor_uint(&cursor, &type) || type > 255) {
        return -1;
    }
    out->type = (unsigned)type;
    size_t ids = 0;
    for (const char *field = shape_of(out->type); *field != '\0'; field++) {
        bool good = true;
        if (*field == 'i') {
            good = cursor_uint(&cursor, &out->id[ids++]);
        } else if (*field == 'd') {
            good = cursor_skip(&cursor);
        } else if (*field == 'u') {
            good = cursor_text(&cursor, &out->uri);
        } else if (*field == 't') {
            good = cursor_uint(&cursor, &type);
            out->request_type = (unsigned)type;
        } else {
            cursor_payload(&cursor, &out->payload);
        }
        if (!good) {
            return -1;
        }
    }
    return 1;
}
