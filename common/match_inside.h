/* What the four files of match share, and nobody else includes: an entry, and the three structures
 * that find it.
 *
 *     match ── entries[kind]   every entry, in the order they were put
 *       ├── exact      table:  hash of the whole URI
 *       ├── prefixes   radix tree over octets
 *       └── wildcards  shapes by number of components ── table: hash of the pattern's text
 *
 * One thread, the match's. An entry belongs to its match; table, tree and shapes point at it. Every
 * verb that needs memory answers false when it is refused and then has changed nothing; taking out
 * never needs memory. */
#ifndef CLOS_MATCH_INSIDE_H
#define CLOS_MATCH_INSIDE_H

#include "common/list.h"
#include "common/match.h"
#include "common/uri.h"

struct shape;

/* What a lookup reads lies together at the end. */
struct entry {
    struct list node;    /* in match->entries[kind] */
    uint64_t hash;       /* exact and wildcard: of the pattern's text */
    struct shape *shape; /* wildcard only */
    void *value;
    uint32_t size;
    uint8_t uri[];
};

static inline struct bytes entry_uri(const struct entry *entry)
{
    return bytes_make(entry->uri, entry->size);
}

/* -- hash table of entries (match_table.c): linear probing, deletion shifts back */

struct table_slot {
    uint64_t hash;
    struct entry *entry; /* NULL: free */
};

struct table {
    struct table_slot *slots; /* NULL when empty */
    uint32_t count;
    uint32_t bits;
};

bool table_put(struct table *table, struct mem *mem, struct entry *entry);
void table_take(struct table *table, struct mem *mem, const struct entry *entry);
struct entry *table_find(const struct table *table, uint64_t hash, struct bytes uri);
void table_fini(struct table *table, struct mem *mem);

/* -- radix tree of prefixes (match_prefix.c) */

struct prefix_node;

struct prefix_tree {
    struct prefix_node *root; /* NULL when empty */
};

bool prefix_put(struct prefix_tree *tree, struct mem *mem, struct entry *entry);
void prefix_take(struct prefix_tree *tree, struct mem *mem, const struct entry *entry);
struct entry *prefix_find(const struct prefix_tree *tree, struct bytes uri);

/* The prefixes of uri, from short to long: start, then step until NULL. */
struct prefix_walk {
    const struct prefix_node *node;
    struct bytes uri;
};

struct prefix_walk prefix_walk_start(const struct prefix_tree *tree, struct bytes uri);
struct entry *prefix_walk_next(struct prefix_walk *walk);
void prefix_fini(struct prefix_tree *tree, struct mem *mem);

/* -- wildcards by shape (match_wildcard.c) */

/* Bit 63 of word 0 is the first component, so that of two shapes the greater number wins a call:
 * where they first differ, it has the concrete component. */
struct mask {
    uint64_t concrete[URI_COMPONENTS_MAX / 64];
};

struct shape {
    struct list node; /* in by_components, best first */
    struct mask mask;
    uint32_t components;
    uint32_t patterns; /* entries of this shape */
};

struct wildcards {
    struct table table;
    uint32_t shapes;
    struct list by_components[URI_COMPONENTS_MAX + 1];
};

void wildcards_init(struct wildcards *wildcards);
bool wildcards_put(struct wildcards *wildcards, struct mem *mem, uint32_t shapes_max,
                   struct entry *entry);
void wildcards_take(struct wildcards *wildcards, struct mem *mem, struct entry *entry);
void wildcards_fini(struct wildcards *wildcards, struct mem *mem);

/* The patterns that match uri, best first: start, then step until NULL. */
struct wildcard_walk {
    const struct wildcards *wildcards;
    const uint8_t *hash_key;
    struct bytes uri;
    const struct list *shapes;         /* of as many components; NULL: nothing can match */
    const struct list *shape;          /* tried last */
    uint16_t ends[URI_COMPONENTS_MAX]; /* offset behind each component */
    uint32_t components;
    bool first_concrete; /* R13: only patterns whose first component is concrete */
};

void wildcard_walk_start(struct wildcard_walk *walk, const struct wildcards *wildcards,
                         const uint8_t *hash_key, struct bytes uri, bool first_concrete);
struct entry *wildcard_walk_next(struct wildcard_walk *walk);

#endif
