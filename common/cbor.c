/* Every item starts with three bits of major type and five of information, which is the argument
 * itself or says how many octets of argument follow. A container of indefinite length has
 * READER_OPEN_END items left and ends at a break; a map must not break between key and value, so
 * key_next turns with each item of it. */
#include "common/cbor.h"

#include "common/number.h"
#include "common/octets.h"
#include "common/reader.h"
#include "common/utf8.h"

enum cbor_major {
    CBOR_UNSIGNED,
    CBOR_NEGATIVE,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_SIMPLE,
};

enum {
    CBOR_ONE_OCTET = 24, /* information: the argument follows in 1, 2, 4, 8 octets */
    CBOR_TWO_OCTETS = 25,
    CBOR_FOUR_OCTETS = 26,
    CBOR_EIGHT_OCTETS = 27,
    CBOR_INDEFINITE = 31,
    CBOR_SIMPLE_MIN = 32, /* simple values with an octet of their own start here */
    CBOR_TAG_BIGNUM = 2,
    CBOR_TAG_BIGNUM_NEGATIVE = 3,
};

struct cbor_head {
    uint8_t major;
    uint8_t info;
    uint64_t argument; /* 0 where info is CBOR_INDEFINITE */
};

/* Behind the head, or NULL: cut short, or reserved information. */
static inline const uint8_t *cbor_head_read(const uint8_t *at, const uint8_t *end,
                                            struct cbor_head *head)
{
    if (at == end) {
        return NULL;
    }
    head->major = *at >> 5;
    head->info = *at & 0x1f;
    head->argument = head->info;
    at++;
    if (head->info < CBOR_ONE_OCTET) {
        return at;
    }
    if (head->info > CBOR_EIGHT_OCTETS) {
        head->argument = 0;
        return head->info == CBOR_INDEFINITE ? at : NULL;
    }
    size_t size = (size_t)1 << (head->info - CBOR_ONE_OCTET);
    if (size > reader_left(at, end)) {
        return NULL;
    }
    head->argument = octets_load(at, size);
    return at + size;
}

/* Behind the content of a definite string, or NULL. */
static inline const uint8_t *cbor_content_end(const uint8_t *at, const uint8_t *end,
                                              const struct cbor_head *head)
{
    if (head->argument > reader_left(at, end)) {
        return NULL;
    }
    if (head->major == CBOR_TEXT && !utf8_valid(bytes_make(at, head->argument))) {
        return NULL;
    }
    return at + head->argument;
}

/* Behind the break of an indefinite string: chunks are definite and of its own type. Or NULL. */
static const uint8_t *cbor_chunks_end(const uint8_t *at, const uint8_t *end, uint8_t major)
{
    while (at < end && *at != CBOR_BREAK) {
        struct cbor_head head;
        at = cbor_head_read(at, end, &head);
        if (at == NULL || head.major != major || head.info == CBOR_INDEFINITE) {
            return NULL;
        }
        at = cbor_content_end(at, end, &head);
        if (at == NULL) {
            return NULL;
        }
    }
    return at < end ? at + 1 : NULL;
}

static inline const uint8_t *cbor_string_end(const uint8_t *at, const uint8_t *end,
                                             const struct cbor_head *head)
{
    return head->info == CBOR_INDEFINITE ? cbor_chunks_end(at, end, head->major)
                                         : cbor_content_end(at, end, head);
}

/* Whether an integer, tag or simple head is well-formed in itself. */
static inline bool cbor_scalar_is_good(const struct cbor_head *head)
{
    if (head->info == CBOR_INDEFINITE) {
        return false;
    }
    return head->major != CBOR_SIMPLE || head->info != CBOR_ONE_OCTET ||
           head->argument >= CBOR_SIMPLE_MIN;
}

/* How many items a container head opens, READER_OPEN_END; false: more than octets left. */
static inline bool cbor_items(const uint8_t *at, const uint8_t *end, const struct cbor_head *head,
                              uint32_t *items)
{
    bool map = head->major == CBOR_MAP;
    if (head->info == CBOR_INDEFINITE) {
        *items = READER_OPEN_END;
        return true;
    }
    if (head->argument > reader_left(at, end) / (map ? 2 : 1)) {
        return false;
    }
    *items = (uint32_t)(map ? head->argument * 2 : head->argument);
    return true;
}

/* ---- the walk */

static void cbor_set_simple(struct token *token, const struct cbor_head *head, const uint8_t *lead)
{
    uint8_t size = head->info < CBOR_ONE_OCTET ? 1 : 2; /* where it is not a float */
    if (head->info >= CBOR_TWO_OCTETS) {
        token_set(token, TOKEN_FLOAT);
        token->number = head->info == CBOR_TWO_OCTETS ? number_from_half((uint16_t)head->argument)
                        : head->info == CBOR_FOUR_OCTETS
                            ? number_from_single((uint32_t)head->argument)
                            : number_from_bits(head->argument);
        return;
    }
    switch (*lead) {
    case CBOR_FALSE:
    case CBOR_TRUE:
        token_set(token, TOKEN_BOOL);
        token->boolean = *lead == CBOR_TRUE;
        return;
    case CBOR_NULL:
    case CBOR_UNDEFINED:
        token_set(token, TOKEN_NULL);
        return;
    default:
        token_set(token, TOKEN_EXT);
        token->bytes = bytes_make(lead, size);
    }
}

static const uint8_t *cbor_set_string(struct token *token, const struct cbor_head *head,
                                      const uint8_t *at, const uint8_t *end)
{
    const uint8_t *behind = cbor_string_end(at, end, head);
    if (behind == NULL) {
        return NULL;
    }
    token_set(token, head->major == CBOR_TEXT ? TOKEN_STRING : TOKEN_BINARY);
    token->bytes = bytes_make(at, (size_t)(behind - at));
    if (head->info == CBOR_INDEFINITE) {
        token->plain = false;
        token->serializer = SERIALIZER_CBOR;
        token->bytes.size--; /* the break */
    }
    return behind;
}

static const uint8_t *cbor_open(struct reader *reader, struct token *token,
                                const struct cbor_head *head, const uint8_t *at)
{
    uint32_t items;
    bool map = head->major == CBOR_MAP;
    if (!cbor_items(at, reader->end, head, &items) || reader_open(reader, items, map) == NULL) {
        return NULL;
    }
    token_set(token, map ? TOKEN_MAP : TOKEN_ARRAY);
    token->uint = items == READER_OPEN_END ? TOKEN_COUNT_UNKNOWN : head->argument;
    return at;
}

/* An item that is not a tag; lead is its first octet, at is behind its head. */
static inline const uint8_t *cbor_step_item(struct reader *reader, struct token *token,
                                            const struct cbor_head *head, const uint8_t *lead,
                                            const uint8_t *at)
{
    switch ((enum cbor_major)head->major) {
    case CBOR_TEXT:
    case CBOR_BYTES:
        return cbor_set_string(token, head, at, reader->end);
    case CBOR_ARRAY:
    case CBOR_MAP:
        return cbor_open(reader, token, head, at);
    case CBOR_UNSIGNED:
        token_set(token, TOKEN_UINT);
        token->uint = head->argument;
        break;
    case CBOR_NEGATIVE:
        if (head->argument > INT64_MAX) {
            token_set(token, TOKEN_EXT);
            token->bytes = bytes_make(lead, (size_t)(at - lead));
        } else {
            token_set(token, TOKEN_INT);
            token->integer = -1 - (int64_t)head->argument;
        }
        break;
    case CBOR_SIMPLE:
        cbor_set_simple(token, head, lead);
        break;
    case CBOR_TAG:
        return NULL;
    }
    return cbor_scalar_is_good(head) ? at : NULL;
}

static const uint8_t *cbor_step(struct reader *reader, struct token *token, const uint8_t *at)
{
    struct cbor_head head;
    bool tagged = false;
    bool bignum = false;
    const uint8_t *lead = at;
    at = cbor_head_read(at, reader->end, &head);
    while (at != NULL && head.major == CBOR_TAG) {
        if (head.info == CBOR_INDEFINITE) {
            return NULL;
        }
        tagged = true;
        bignum |= head.argument == CBOR_TAG_BIGNUM || head.argument == CBOR_TAG_BIGNUM_NEGATIVE;
        lead = at;
        at = cbor_head_read(at, reader->end, &head);
    }
    at = at == NULL ? NULL : cbor_step_item(reader, token, &head, lead, at);
    if (unlikely(tagged) && at != NULL) {
        token->tagged = true;
        token->bignum = bignum;
    }
    return at;
}

/* What is due: 1 an item, 0 an END (which has been consumed) or nothing more, -1. */
static inline int cbor_due(struct reader *reader)
{
    if (reader->depth == 0) {
        if (reader->state != READER_VALUE) {
            return reader_finish(reader);
        }
        reader->state = READER_AFTER;
        return 1;
    }
    struct reader_level *level = &reader->levels[reader->depth - 1];
    if (level->left == READER_OPEN_END) {
        if (reader->at < reader->end && *reader->at == CBOR_BREAK &&
            (level->key_next || !level->map)) {
            reader->at++;
            reader->depth--;
            return 0;
        }
        level->key_next = !level->key_next;
        return 1;
    }
    if (level->left == 0) {
        reader->depth--;
        return 0;
    }
    level->left--;
    return 1;
}

int cbor_next(struct reader *reader, struct token *token)
{
    bool inside = reader->depth > 0;
    int due = cbor_due(reader);
    if (due != 1) {
        return due == 0 && inside ? token_set_end(token) : due;
    }
    const uint8_t *at = cbor_step(reader, token, reader->at);
    if (at == NULL) {
        return reader_break(reader);
    }
    reader->at = at;
    return 1;
}

/* ---- the skip */

/* Behind an item that opens nothing, or NULL. */
static inline const uint8_t *cbor_skip_leaf(const uint8_t *at, const uint8_t *end,
                                            const struct cbor_head *head)
{
    if (head->major == CBOR_TEXT || head->major == CBOR_BYTES) {
        return cbor_string_end(at, end, head);
    }
    return cbor_scalar_is_good(head) ? at : NULL;
}

static const uint8_t *cbor_skip_value(struct reader *reader, const uint8_t *at)
{
    const uint8_t *end = reader->end;
    struct reader_level *levels = reader->levels; /* those above the reader's own are scratch */
    const unsigned base = reader->depth;
    unsigned depth = base;
    struct reader_level open = {.left = 1}; /* the innermost, the item at hand included */
    bool tagged = false;
    for (;;) {
        struct cbor_head head;
        at = cbor_head_read(at, end, &head);
        if (at == NULL) {
            return NULL;
        }
        if (at[-1] == CBOR_BREAK && head.info == CBOR_INDEFINITE) {
            if (open.left != READER_OPEN_END || (open.map && !open.key_next) || tagged) {
                return NULL;
            }
            open = levels[--depth];
        } else if (head.major == CBOR_ARRAY || head.major == CBOR_MAP) {
            uint32_t items;
            if (depth >= reader->depth_max || !cbor_items(at, end, &head, &items)) {
                return NULL;
            }
            tagged = false;
            if (items > 0) {
                levels[depth++] = open;
                open = (struct reader_level){items, head.major == CBOR_MAP, true};
                continue;
            }
        } else {
            at = cbor_skip_leaf(at, end, &head);
            if (at == NULL) {
                return NULL;
            }
            tagged = head.major == CBOR_TAG;
            if (tagged) {
                continue;
            }
        }
        while (open.left != READER_OPEN_END && --open.left == 0) {
            if (depth == base) {
                return at;
            }
            open = levels[--depth];
        }
        open.key_next = !open.key_next;
    }
}

int cbor_skip(struct reader *reader, struct bytes *range)
{
    int due = cbor_due(reader);
    if (due != 1) {
        return due;
    }
    const uint8_t *at = cbor_skip_value(reader, reader->at);
    if (at == NULL) {
        return reader_break(reader);
    }
    *range = bytes_make(reader->at, (size_t)(at - reader->at));
    reader->at = at;
    return 1;
}

bool cbor_chunk_take(struct bytes *chunks, struct bytes *chunk)
{
    struct cbor_head head;
    if (chunks->size == 0) {
        return false;
    }
    const uint8_t *at = cbor_head_read(chunks->at, chunks->at + chunks->size, &head);
    check(at != NULL);
    *chunk = bytes_make(at, head.argument);
    *chunks = bytes_from(*chunks, (size_t)(at - chunks->at) + head.argument);
    return true;
}

/* ---- writing */

enum { CBOR_HEAD_MAX = 9 }; /* octets of the longest head */

static inline void cbor_head_put(struct buf *out, enum cbor_major major, uint64_t argument)
{
    if (!buf_reserve(out, CBOR_HEAD_MAX)) {
        return;
    }
    uint8_t *at = out->at + out->size;
    uint8_t lead = (uint8_t)(major << 5);
    if (argument < CBOR_ONE_OCTET) {
        at[0] = (uint8_t)(lead | argument);
        out->size++;
        return;
    }
    unsigned wide = argument <= UINT8_MAX    ? 0
                    : argument <= UINT16_MAX ? 1
                    : argument <= UINT32_MAX ? 2
                                             : 3;
    unsigned size = 1U << wide;
    at[0] = (uint8_t)(lead | (CBOR_ONE_OCTET + wide));
    octets_store64(at + 1, argument << (64 - 8 * size));
    out->size += 1 + size;
}

void cbor_put_uint(struct buf *out, uint64_t value)
{
    cbor_head_put(out, CBOR_UNSIGNED, value);
}

void cbor_put_negative(struct buf *out, int64_t value)
{
    cbor_head_put(out, CBOR_NEGATIVE, ~(uint64_t)value);
}

void cbor_put_float(struct buf *out, double value)
{
    if (buf_reserve(out, CBOR_HEAD_MAX)) {
        uint8_t *at = out->at + out->size;
        at[0] = CBOR_SIMPLE << 5 | CBOR_EIGHT_OCTETS;
        octets_store64(at + 1, number_to_bits(value));
        out->size += CBOR_HEAD_MAX;
    }
}

void cbor_put_string_head(struct buf *out, size_t size)
{
    cbor_head_put(out, CBOR_TEXT, size);
}

void cbor_put_binary_head(struct buf *out, size_t size)
{
    cbor_head_put(out, CBOR_BYTES, size);
}

void cbor_put_string(struct buf *out, struct bytes utf8)
{
    cbor_head_put(out, CBOR_TEXT, utf8.size);
    buf_put_bytes(out, utf8);
}

void cbor_put_binary(struct buf *out, struct bytes octets)
{
    cbor_head_put(out, CBOR_BYTES, octets.size);
    buf_put_bytes(out, octets);
}

void cbor_put_open(struct buf *out, uint32_t count, bool map)
{
    enum cbor_major major = map ? CBOR_MAP : CBOR_ARRAY;
    if (count == WRITE_COUNT_UNKNOWN) {
        buf_put_byte(out, (uint8_t)(major << 5 | CBOR_INDEFINITE));
    } else {
        cbor_head_put(out, major, count);
    }
}
