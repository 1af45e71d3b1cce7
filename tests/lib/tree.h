/* The value model that all serializers are measured by: a plain tree.
 *
 * Tests make trees by chance or by reading, write them, and compare them whole. All memory comes
 * from one arena, which is emptied between rounds; one thread. Bounded by the arena: running out is
 * a failed check(). Reading fails by NULL where the core says -1 or a value is an EXT. */
#ifndef CLOS_TESTS_TREE_H
#define CLOS_TESTS_TREE_H

#include "common/rng.h"
#include "common/token.h"

struct tree {
    enum token_kind kind; /* no END, no EXT; BOOL has 0 or 1 in bits */
    uint64_t bits;        /* of a number; a double's as they are */
    struct bytes text;
    size_t count; /* of items; keys and values of a map in turn */
    struct tree *items;
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
enum tree_range {
    TREE_ANY,  /* for MessagePack and CBOR */
    TREE_JSON, /* only what JSON has a form for: string keys, finite floats, no U+0000 first */
};

/* depth: how many containers may lie within each other. */
struct tree *tree_random(struct arena *arena, struct rng *rng, unsigned depth,
                         enum tree_range range);

/* The nodes of the tree. */
size_t tree_size(const struct tree *value);

/* rng chooses containers whose count is not said beforehand; NULL: all counts are said. */
void tree_write(const struct tree *value, struct writer *writer, struct rng *rng);

/* The tree of all of input, or NULL. */
struct tree *tree_read(struct arena *arena, enum serializer serializer, struct bytes input);

bool tree_equal(const struct tree *a, const struct tree *b);

/* Whether JSON can carry it. */
bool tree_is_json(const struct tree *value);

#endif
