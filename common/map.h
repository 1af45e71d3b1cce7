/* A map from 64-bit keys (ids; never 0) to pointers that are not NULL: open addressing with linear
 * probing, and deletion that shifts back, so there are no tombstones.
 *
 * Embedded in its owner, one thread. It owns its slots, never what the values point at. Bounded by
 * count_max; map_put answers false there and when memory is refused. Empty, it holds no memory; it
 * grows by doubling in map_put, and shrinks there too (never in map_take, so that a walk may take).
 * The hash is not keyed: a peer that chooses its ids can make one operation cost count steps, so
 * maps of such ids want a count_max of some thousands. */
#ifndef CLOS_MAP_H
#define CLOS_MAP_H

#include "common/mem.h"

struct map_slot {
    uint64_t key; /* 0: free */
    void *value;
};

struct map {
    struct mem *mem;
    struct map_slot *slots; /* NULL when empty */
    uint32_t count;
    uint32_t count_max;
    uint32_t cursor; /* where map_pop_any looks first */
    uint32_t bits;   /* there are 1 << bits slots */
};

void map_init(struct map *map, struct mem *mem, uint32_t count_max); /* up to 2^30 */
void map_fini(struct map *map); /* forgets what is inside; the map may be used again */

/* The key must not be inside yet (check). false: a limit. */
bool map_put(struct map *map, uint64_t key, void *value);

/* Its value and out of the map; NULL: not inside. */
void *map_take(struct map *map, uint64_t key);

/* Takes any one, to drain a map whatever its owner does to it in between; NULL: empty. */
void *map_pop_any(struct map *map, uint64_t *key);

/* A walk over all: for (struct map_walk w = map_walk_start(map); map_walk_next(&w);) ... w.key,
 * w.value. The body may take the current key, and change the map in no other way. */
struct map_walk {
    const struct map *map;
    uint32_t at;
    uint32_t left;
    uint64_t key;
    void *value;
};

struct map_walk map_walk_start(const struct map *map);
bool map_walk_next(struct map_walk *walk);

static inline uint32_t map_count(const struct map *map)
{
    return map->count;
}

static inline uint32_t map_slot_home(uint64_t key, uint32_t bits)
{
    key ^= key >> 32;
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - bits));
}

static inline void *map_get(const struct map *map, uint64_t key)
{
    if (map->count == 0) {
        return NULL;
    }
    uint32_t mask = (1U << map->bits) - 1;
    uint32_t i = map_slot_home(key, map->bits);
    while (map->slots[i].key != key) {
        if (map->slots[i].key == 0) {
            return NULL;
        }
        i = (i + 1) & mask;
    }
    return map->slots[i].value;
}

#endif
