/* The value model that all serializers are measured by: a plain tree.
 *
 * Tests make trees by chance or by reading, write them, and compare them whole. All memory comes
 * from one arena, which is emptied between rounds; one thread. Bounded by the arena: running out is
 * a failed check(). Reading fails by NULL where the core says -1 or a value is an EXT. */
#ifndef CLOS_VALUE_TREE_H
#define CLOS_VALUE_TREE_H

#include "common/rng.h"
#include "common/token.h"

struct value {
    enum token_kind kind; /* no END, no EXT; BOOL has 0 or 1 in bits */
    uint64_t bits;        /* of a number; a double's as they are */
    struct bytes text;
    size_t count; /* of items; keys and values of a map in turn */
    struct value *items;
};

struct arena {
    uint8_t *at;
    size_t size;
    size_t room;
};

void arena_init(struct arena *arena, size_t room);
void arena_fini(struct arena *arena);
void *arena_take(struct arena *arena, size_t size);

/* What a tree may hold. */
enum value_range {
    VALUE_ANY,  /* for MessagePack and CBOR */
    VALUE_JSON, /* only what JSON has a form for: string keys, finite floats, no U+0000 first */
};

/* depth: how many containers may lie within each other. */
struct value *value_random(struct arena *arena, struct rng *rng, unsigned depth,
                           enum value_range range);

/* The nodes of the tree. */
size_t value_size(const struct value *value);

/* rng chooses containers whose count is not said beforehand; NULL: all counts are said. */
void value_encode(const struct value *value, struct writer *writer, struct rng *rng);

/* The tree of all of input, or NULL. */
struct value *value_decode(struct arena *arena, enum serializer serializer, struct bytes input);

bool value_equal(const struct value *a, const struct value *b);

/* Whether JSON can carry it. */
bool value_is_json(const struct value *value);

#endif
