#include "tests/lib/value_tree.h"

#include "common/number.h"
#include "common/utf8.h"

#include <stdlib.h>

void arena_init(struct arena *arena, size_t room)
{
    *arena = (struct arena){.at = malloc(room), .room = room};
    check(arena->at != NULL);
}

void arena_fini(struct arena *arena)
{
    free(arena->at);
    arena->at = NULL;
}

void *arena_take(struct arena *arena, size_t size)
{
    size = (size + 15) / 16 * 16;
    check(size <= arena->room - arena->size);
    void *at = arena->at + arena->size;
    arena->size += size;
    return at;
}

/* ---- by chance */

static uint64_t random_integer(struct rng *rng)
{
    static const uint64_t borders[] = {0,
                                       23,
                                       24,
                                       31,
                                       32,
                                       33,
                                       127,
                                       128,
                                       255,
                                       256,
                                       32767,
                                       32768,
                                       65535,
                                       65536,
                                       INT32_MAX,
                                       UINT64_C(1) << 31,
                                       UINT32_MAX,
                                       UINT64_C(1) << 32,
                                       UINT64_C(1) << 53,
                                       INT64_MAX};
    uint64_t near = borders[rng_below(rng, array_count(borders))];
    return rng_below(rng, 2) == 0 ? near : rng_next(rng) >> rng_below(rng, 64);
}

static double random_double(struct rng *rng)
{
    switch (rng_below(rng, 4)) {
    case 0:
        return number_from_bits(rng_next(rng));
    case 1:
        return (double)random_integer(rng);
    case 2:
        return -(double)rng_below(rng, 1000000) / 1000;
    default:
        return number_from_bits(rng_below(rng, 2) << 63 | rng_below(rng, 2) * UINT64_C(0x7ff)
                                                              << 52);
    }
}

static struct bytes random_octets(struct arena *arena, struct rng *rng)
{
    size_t size = rng_below(rng, 8) == 0 ? rng_below(rng, 300) : rng_below(rng, 40);
    uint8_t *at = arena_take(arena, size + 1);
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)rng_next(rng);
    }
    return bytes_make(at, size);
}

static struct bytes random_text(struct arena *arena, struct rng *rng, enum value_range range)
{
    static const char *const pieces[] = {
        "a",    "com.app.", "\"", "\\", "/", "\n",   "\x01",
        "\x7f", "ö",        "€",  "𝄞",  " ", "\x1f", "sixteen octets.."};
    size_t count = rng_below(rng, 16) == 0 ? rng_below(rng, 100) : rng_below(rng, 6);
    uint8_t *at = arena_take(arena, count * 16 + 1);
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (rng_below(rng, 32) == 0 && (range == VALUE_ANY || size > 0)) {
            at[size++] = 0;
            continue;
        }
        const char *piece = pieces[rng_below(rng, array_count(pieces))];
        memcpy(at + size, piece, strlen(piece));
        size += strlen(piece);
    }
    return bytes_make(at, size);
}

static void random_scalar(struct arena *arena, struct rng *rng, enum value_range range,
                          struct value *value)
{
    value->kind = TOKEN_NULL + (enum token_kind)rng_below(rng, TOKEN_BINARY + 1);
    if (value->kind == TOKEN_BOOL) {
        value->bits = rng_below(rng, 2);
    } else if (value->kind == TOKEN_UINT) {
        value->bits = random_integer(rng) << rng_below(rng, 2);
    } else if (value->kind == TOKEN_INT) {
        value->bits = ~(random_integer(rng) & INT64_MAX);
    } else if (value->kind == TOKEN_FLOAT) {
        double number = random_double(rng);
        value->bits = number_to_bits(number_is_finite(number) || range == VALUE_ANY ? number : 0.5);
    } else if (value->kind == TOKEN_STRING) {
        value->text = random_text(arena, rng, range);
    } else if (value->kind == TOKEN_BINARY) {
        value->text = random_octets(arena, rng);
    }
}

static void random_fill(struct arena *arena, struct rng *rng, unsigned depth,
                        enum value_range range, struct value *value)
{
    *value = (struct value){.kind = TOKEN_NULL};
    if (depth == 0 || rng_below(rng, 3) == 0) {
        random_scalar(arena, rng, range, value);
        return;
    }
    value->kind = rng_below(rng, 2) == 0 ? TOKEN_ARRAY : TOKEN_MAP;
    size_t count = rng_below(rng, 64) == 0 ? rng_below(rng, 40) : rng_below(rng, 6);
    value->count = value->kind == TOKEN_MAP ? count * 2 : count;
    value->items = arena_take(arena, (value->count + 1) * sizeof *value->items);
    for (size_t i = 0; i < value->count; i++) {
        bool key = value->kind == TOKEN_MAP && i % 2 == 0;
        if (key && (range == VALUE_JSON || rng_below(rng, 8) > 0)) {
            value->items[i] = (struct value){.kind = TOKEN_STRING};
            value->items[i].text = random_text(arena, rng, range);
        } else {
            random_fill(arena, rng, depth - 1, range, &value->items[i]);
        }
    }
}

struct value *value_random(struct arena *arena, struct rng *rng, unsigned depth,
                           enum value_range range)
{
    struct value *value = arena_take(arena, sizeof *value);
    random_fill(arena, rng, depth, range, value);
    return value;
}

size_t value_size(const struct value *value)
{
    size_t size = 1;
    for (size_t i = 0; i < value->count; i++) {
        size += value_size(&value->items[i]);
    }
    return size;
}

/* ---- writing and reading */

void value_encode(const struct value *value, struct writer *writer, struct rng *rng)
{
    uint32_t count = (uint32_t)value->count;
    bool unknown = rng != NULL && value->kind >= TOKEN_ARRAY && rng_below(rng, 2) == 0;
    switch (value->kind) {
    case TOKEN_NULL:
        write_null(writer);
        break;
    case TOKEN_BOOL:
        write_bool(writer, value->bits == 1);
        break;
    case TOKEN_UINT:
        write_uint(writer, value->bits);
        break;
    case TOKEN_INT:
        write_int(writer, (int64_t)value->bits);
        break;
    case TOKEN_FLOAT:
        write_float(writer, number_from_bits(value->bits));
        break;
    case TOKEN_STRING:
        write_string(writer, value->text);
        break;
    case TOKEN_BINARY:
        write_binary(writer, value->text);
        break;
    case TOKEN_ARRAY:
    case TOKEN_MAP:
        if (value->kind == TOKEN_MAP) {
            write_map(writer, unknown ? WRITE_COUNT_UNKNOWN : count / 2);
        } else {
            write_array(writer, unknown ? WRITE_COUNT_UNKNOWN : count);
        }
        for (size_t i = 0; i < value->count; i++) {
            value_encode(&value->items[i], writer, rng);
        }
        write_end(writer);
        break;
    case TOKEN_END:
    case TOKEN_EXT:
        check(false);
    }
}

static bool read_fill(struct arena *arena, struct reader *reader, const struct token *token,
                      struct value *value);

static bool read_items(struct arena *arena, struct reader *reader, struct value *value)
{
    size_t room = 0;
    struct token token;
    for (;;) {
        if (reader_next(reader, &token) != 1) {
            return false;
        }
        if (token.kind == TOKEN_END) {
            return value->kind == TOKEN_ARRAY || value->count % 2 == 0;
        }
        if (value->count == room) {
            struct value *items = arena_take(arena, (room * 2 + 8) * sizeof *items);
            if (room > 0) {
                memcpy(items, value->items, room * sizeof *items);
            }
            value->items = items;
            room = room * 2 + 8;
        }
        if (!read_fill(arena, reader, &token, &value->items[value->count++])) {
            return false;
        }
    }
}

static bool read_fill(struct arena *arena, struct reader *reader, const struct token *token,
                      struct value *value)
{
    *value = (struct value){.kind = token->kind};
    if (token->bignum) {
        return false; /* whatever its tag stands before */
    }
    switch (token->kind) {
    case TOKEN_NULL:
        return true;
    case TOKEN_BOOL:
        value->bits = token->boolean;
        return true;
    case TOKEN_UINT:
    case TOKEN_INT:
        value->bits = token->uint;
        return true;
    case TOKEN_FLOAT:
        value->bits = number_to_bits(token->number);
        return true;
    case TOKEN_STRING:
    case TOKEN_BINARY: {
        uint8_t *text = arena_take(arena, token->bytes.size + 1);
        long size = token_text(token, text);
        value->text = bytes_make(text, size < 0 ? 0 : (size_t)size);
        check(size < 0 || token->kind == TOKEN_BINARY || utf8_valid(value->text));
        return size >= 0;
    }
    case TOKEN_ARRAY:
    case TOKEN_MAP:
        return read_items(arena, reader, value);
    case TOKEN_END:
    case TOKEN_EXT:
        return false;
    }
    return false;
}

struct value *value_decode(struct arena *arena, enum serializer serializer, struct bytes input)
{
    struct reader reader;
    struct token token;
    struct value *value = arena_take(arena, sizeof *value);
    reader_init(&reader, serializer, input, DEPTH_MAX);
    if (reader_next(&reader, &token) != 1 || !read_fill(arena, &reader, &token, value) ||
        reader_next(&reader, &token) != 0) {
        return NULL;
    }
    return value;
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind || a->bits != b->bits || a->count != b->count ||
        !bytes_equal(a->text, b->text)) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!value_equal(&a->items[i], &b->items[i])) {
            return false;
        }
    }
    return true;
}

bool value_is_json(const struct value *value)
{
    if ((value->kind == TOKEN_FLOAT && !number_is_finite(number_from_bits(value->bits))) ||
        (value->kind == TOKEN_STRING && value->text.size > 0 && value->text.at[0] == 0)) {
        return false;
    }
    for (size_t i = 0; i < value->count; i++) {
        bool key = value->kind == TOKEN_MAP && i % 2 == 0;
        if ((key && value->items[i].kind != TOKEN_STRING) || !value_is_json(&value->items[i])) {
            return false;
        }
    }
    return true;
}
