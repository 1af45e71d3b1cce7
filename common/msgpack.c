/* The lead octets 0x00 to 0xbf and 0xe0 to 0xff say all by themselves; the 32 between are rows of
 * one table: what kind of item, and how many octets of number or length follow. Both the walk and
 * the skip read that table; the skip keeps only how many items each open container still lacks.
 *
 * Heads are written with msgpack-c's packer, whose templates are compiled into this file: measured,
 * that costs the same as storing the octets by hand. Its decoder has no place here: it recurses,
 * and reserves memory by the count that a peer claims. */
#include "common/msgpack.h"

#include "common/number.h"
#include "common/octets.h"
#include "common/reader.h"
#include "common/utf8.h"

#include <msgpack/pack.h>

enum msgpack_form {
    MSGPACK_NEVER,
    MSGPACK_NIL,
    MSGPACK_FALSE,
    MSGPACK_TRUE,
    MSGPACK_BIN,
    MSGPACK_EXT,
    MSGPACK_FIXEXT,
    MSGPACK_FLOAT,
    MSGPACK_UINT,
    MSGPACK_INT,
    MSGPACK_STR,
    MSGPACK_ARRAY,
    MSGPACK_MAP,
};

struct msgpack_row {
    uint8_t form; /* enum msgpack_form */
    uint8_t size; /* octets of the number or length after the lead */
};

static const struct msgpack_row msgpack_rows[32] = {
    /* 0xc0 */ {MSGPACK_NIL, 0},
    {MSGPACK_NEVER, 0},
    {MSGPACK_FALSE, 0},
    {MSGPACK_TRUE, 0},
    /* 0xc4 */ {MSGPACK_BIN, 1},
    {MSGPACK_BIN, 2},
    {MSGPACK_BIN, 4},
    {MSGPACK_EXT, 1},
    /* 0xc8 */ {MSGPACK_EXT, 2},
    {MSGPACK_EXT, 4},
    {MSGPACK_FLOAT, 4},
    {MSGPACK_FLOAT, 8},
    /* 0xcc */ {MSGPACK_UINT, 1},
    {MSGPACK_UINT, 2},
    {MSGPACK_UINT, 4},
    {MSGPACK_UINT, 8},
    /* 0xd0 */ {MSGPACK_INT, 1},
    {MSGPACK_INT, 2},
    {MSGPACK_INT, 4},
    {MSGPACK_INT, 8},
    /* 0xd4 */ {MSGPACK_FIXEXT, 0},
    {MSGPACK_FIXEXT, 0},
    {MSGPACK_FIXEXT, 0},
    {MSGPACK_FIXEXT, 0},
    /* 0xd8 */ {MSGPACK_FIXEXT, 0},
    {MSGPACK_STR, 1},
    {MSGPACK_STR, 2},
    {MSGPACK_STR, 4},
    /* 0xdc */ {MSGPACK_ARRAY, 2},
    {MSGPACK_ARRAY, 4},
    {MSGPACK_MAP, 2},
    {MSGPACK_MAP, 4},
};

static void msgpack_set_number(struct token *token, enum msgpack_form form, uint64_t value,
                               size_t size)
{
    if (form == MSGPACK_FLOAT) {
        token_set(token, TOKEN_FLOAT);
        token->number = size == 4 ? number_from_single((uint32_t)value) : number_from_bits(value);
        return;
    }
    unsigned unused = (unsigned)(64 - 8 * size);
    int64_t integer = form == MSGPACK_INT ? (int64_t)(value << unused) >> unused : 0;
    token_set(token, integer < 0 ? TOKEN_INT : TOKEN_UINT);
    token->uint = integer < 0 ? (uint64_t)integer : value;
}

/* Content of str, bin or ext that starts at at. NULL: too short, or not UTF-8. */
static const uint8_t *msgpack_set_content(struct token *token, enum token_kind kind,
                                          const uint8_t *at, const uint8_t *end, uint64_t size)
{
    if (size > reader_left(at, end)) {
        return NULL;
    }
    struct bytes content = bytes_make(at, size);
    if (kind == TOKEN_STRING && !utf8_valid(content)) {
        return NULL;
    }
    token_set(token, kind);
    token->bytes = content;
    return at + size;
}

static const uint8_t *msgpack_open(struct reader *reader, struct token *token, const uint8_t *at,
                                   uint64_t count, bool map)
{
    uint64_t items = map ? count * 2 : count;
    if (items > reader_left(at, reader->end) || !reader_open(reader, (uint32_t)items, map)) {
        return NULL;
    }
    token_set(token, map ? TOKEN_MAP : TOKEN_ARRAY);
    token->uint = count;
    return at;
}

/* All of an ext: lead, length, type and data. */
static const uint8_t *msgpack_set_ext(struct token *token, const uint8_t *lead, const uint8_t *type,
                                      const uint8_t *end, uint64_t size)
{
    if (size + 1 > reader_left(type, end)) {
        return NULL;
    }
    token_set(token, TOKEN_EXT);
    token->bytes = bytes_make(lead, (size_t)(type - lead) + 1 + size);
    return type + 1 + size;
}

/* An item whose lead octet is 0xc0 to 0xdf; at is behind the lead. */
static const uint8_t *msgpack_step_row(struct reader *reader, struct token *token,
                                       const uint8_t *at)
{
    const uint8_t *lead = at - 1;
    struct msgpack_row row = msgpack_rows[*lead - 0xc0];
    if (row.size > reader_left(at, reader->end)) {
        return NULL;
    }
    uint64_t value = row.size > 0 ? octets_load(at, row.size) : 0;
    at += row.size;
    switch ((enum msgpack_form)row.form) {
    case MSGPACK_NEVER:
        return NULL;
    case MSGPACK_NIL:
        token_set(token, TOKEN_NULL);
        return at;
    case MSGPACK_FALSE:
    case MSGPACK_TRUE:
        token_set(token, TOKEN_BOOL);
        token->boolean = row.form == MSGPACK_TRUE;
        return at;
    case MSGPACK_FLOAT:
    case MSGPACK_UINT:
    case MSGPACK_INT:
        msgpack_set_number(token, row.form, value, row.size);
        return at;
    case MSGPACK_STR:
        return msgpack_set_content(token, TOKEN_STRING, at, reader->end, value);
    case MSGPACK_BIN:
        return msgpack_set_content(token, TOKEN_BINARY, at, reader->end, value);
    case MSGPACK_EXT:
        return msgpack_set_ext(token, lead, at, reader->end, value);
    case MSGPACK_FIXEXT:
        return msgpack_set_ext(token, lead, at, reader->end, UINT64_C(1) << (*lead - 0xd4));
    case MSGPACK_ARRAY:
    case MSGPACK_MAP:
        return msgpack_open(reader, token, at, value, row.form == MSGPACK_MAP);
    }
    return NULL;
}

static inline const uint8_t *msgpack_step(struct reader *reader, struct token *token,
                                          const uint8_t *at)
{
    uint8_t lead = *at++;
    if (lead < 0x80) {
        token_set(token, TOKEN_UINT);
        token->uint = lead;
        return at;
    }
    if ((lead & 0xe0) == 0xa0) {
        return msgpack_set_content(token, TOKEN_STRING, at, reader->end, lead & 0x1fU);
    }
    if (lead < 0xa0) {
        return msgpack_open(reader, token, at, lead & 0x0fU, lead < 0x90);
    }
    if (lead >= 0xe0) {
        token_set(token, TOKEN_INT);
        token->integer = (int8_t)lead;
        return at;
    }
    return msgpack_step_row(reader, token, at);
}

int msgpack_next(struct reader *reader, struct token *token)
{
    if (reader->depth > 0) {
        struct reader_level *level = &reader->levels[reader->depth - 1];
        if (level->left == 0) {
            reader->depth--;
            return token_set_end(token);
        }
        level->left--;
    } else if (reader->state == READER_VALUE) {
        reader->state = READER_AFTER;
    } else {
        return reader_finish(reader);
    }
    const uint8_t *at = reader->at;
    if (at == reader->end || (at = msgpack_step(reader, token, at)) == NULL) {
        return reader_break(reader);
    }
    reader->at = at;
    return 1;
}

/* Steps over an item whose lead is 0xc0 to 0xdf and sets how many items it opens. */
static inline const uint8_t *msgpack_skip_row(const uint8_t *at, const uint8_t *end,
                                              uint64_t *items, bool *opens)
{
    uint8_t lead = at[-1];
    struct msgpack_row row = msgpack_rows[lead - 0xc0];
    if (row.size > reader_left(at, end)) {
        return NULL;
    }
    if (row.form <= MSGPACK_TRUE) {
        return row.form == MSGPACK_NEVER ? NULL : at;
    }
    if (row.form >= MSGPACK_FLOAT && row.form <= MSGPACK_INT) {
        return at + row.size;
    }
    uint64_t size = row.size > 0 ? octets_load(at, row.size) : UINT64_C(1) << (lead - 0xd4);
    at += row.size;
    if (row.form >= MSGPACK_ARRAY) {
        *items = row.form == MSGPACK_MAP ? size * 2 : size;
        *opens = true;
        return at;
    }
    if (row.form == MSGPACK_EXT || row.form == MSGPACK_FIXEXT) {
        size++;
    }
    if (size > reader_left(at, end)) {
        return NULL;
    }
    return row.form == MSGPACK_STR && !utf8_valid(bytes_make(at, size)) ? NULL : at + size;
}

static const uint8_t *msgpack_skip_value(struct reader *reader, const uint8_t *at)
{
    const uint8_t *end = reader->end;
    struct reader_level *levels = reader->levels; /* those above the reader's own are scratch */
    const unsigned base = reader->depth;
    unsigned depth = base;
    uint32_t left = 1; /* of the innermost open container, the item at hand included */
    for (;;) {
        if (at == end) {
            return NULL;
        }
        uint8_t lead = *at++;
        uint64_t items = 0;
        bool opens = false;
        if ((lead & 0xe0) == 0xa0) {
            size_t size = lead & 0x1fU;
            if (size > reader_left(at, end) || !utf8_valid(bytes_make(at, size))) {
                return NULL;
            }
            at += size;
        } else if (lead >= 0x80 && lead < 0xa0) {
            items = lead < 0x90 ? (lead & 0x0fU) * 2U : lead & 0x0fU;
            opens = true;
        } else if (lead >= 0xc0 && lead < 0xe0) {
            at = msgpack_skip_row(at, end, &items, &opens);
            if (at == NULL) {
                return NULL;
            }
        }
        if (opens) {
            if (depth >= reader->depth_max || items > reader_left(at, end)) {
                return NULL;
            }
            if (items > 0) {
                levels[depth++].left = left;
                left = (uint32_t)items;
                continue;
            }
        }
        while (--left == 0) {
            if (depth == base) {
                return at;
            }
            left = levels[--depth].left;
        }
    }
}

int msgpack_skip(struct reader *reader, struct bytes *range)
{
    if (reader->depth > 0) {
        struct reader_level *level = &reader->levels[reader->depth - 1];
        if (level->left == 0) {
            reader->depth--;
            return 0;
        }
        level->left--;
    } else if (reader->state == READER_VALUE) {
        reader->state = READER_AFTER;
    } else {
        return reader_finish(reader);
    }
    const uint8_t *at = msgpack_skip_value(reader, reader->at);
    if (at == NULL) {
        return reader_break(reader);
    }
    *range = bytes_make(reader->at, (size_t)(at - reader->at));
    reader->at = at;
    return 1;
}

/* ---- writing */

static int msgpack_put(void *out, const char *at, size_t size)
{
    buf_put(out, at, size);
    return 0;
}

static inline msgpack_packer msgpack_packer_of(struct buf *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, msgpack_put);
    return packer;
}

void msgpack_put_uint(struct buf *out, uint64_t value)
{
    msgpack_packer packer = msgpack_packer_of(out);
    msgpack_pack_uint64(&packer, value);
}

void msgpack_put_negative(struct buf *out, int64_t value)
{
    msgpack_packer packer = msgpack_packer_of(out);
    msgpack_pack_int64(&packer, value);
}

void msgpack_put_float(struct buf *out, double value)
{
    msgpack_packer packer = msgpack_packer_of(out);
    msgpack_pack_double(&packer, value);
}

void msgpack_put_string_head(struct buf *out, size_t size)
{
    msgpack_packer packer = msgpack_packer_of(out);
    check(size <= UINT32_MAX);
    msgpack_pack_str(&packer, size);
}

void msgpack_put_binary_head(struct buf *out, size_t size)
{
    msgpack_packer packer = msgpack_packer_of(out);
    check(size <= UINT32_MAX);
    msgpack_pack_bin(&packer, size);
}

void msgpack_put_string(struct buf *out, struct bytes utf8)
{
    msgpack_put_string_head(out, utf8.size);
    buf_put_bytes(out, utf8);
}

void msgpack_put_binary(struct buf *out, struct bytes octets)
{
    msgpack_put_binary_head(out, octets.size);
    buf_put_bytes(out, octets);
}

void msgpack_put_open(struct buf *out, uint32_t count, bool map)
{
    msgpack_packer packer = msgpack_packer_of(out);
    if (map) {
        msgpack_pack_map(&packer, count);
    } else {
        msgpack_pack_array(&packer, count);
    }
}

void msgpack_patch_open(struct buf *out, size_t start, uint32_t count, bool map)
{
    size_t more = count <= MSGPACK_FIX_MAX ? 0 : count <= UINT16_MAX ? 2 : 4;
    if (more > 0 && !buf_reserve(out, more)) {
        return;
    }
    size_t size = out->size + more;
    memmove(out->at + start + 1 + more, out->at + start + 1, out->size - start - 1);
    out->size = start;
    msgpack_put_open(out, count, map);
    out->size = size;
}
