/* The last answers of matching: a publisher tends to repeat its topics, a caller its procedures.
 *
 * A small direct-mapped cache in front of a match, one for a realm's topics and one for its
 * procedures on each worker. An entry also proves that its URI is valid and not reserved, so that a
 * hit needs no other check of it. Entries die by generation: whoever puts into or takes from the
 * match calls route_forget. Bounded by its slots; long URIs and wide answers are not kept. Pure. */
#ifndef CLOS_ROUTE_H
#define CLOS_ROUTE_H

#include "common/bytes.h"
#include "common/mem.h"

enum { ROUTE_SLOTS = 256, ROUTE_URI_BYTES = 84, ROUTE_VALUES = 4 };

struct route {
    uint32_t generation; /* 0: empty */
    uint8_t uri_size;
    uint8_t count;
    uint8_t uri[ROUTE_URI_BYTES];
    void *values[ROUTE_VALUES];
};

struct route_cache {
    struct mem *mem;
    struct route *slots; /* NULL until first used */
    uint32_t generation;
};

static inline void route_init(struct route_cache *cache, struct mem *mem)
{
    *cache = (struct route_cache){.mem = mem, .generation = 1};
}

static inline void route_fini(struct route_cache *cache)
{
    if (cache->slots != NULL) {
        mem_give(cache->mem, cache->slots, ROUTE_SLOTS * sizeof *cache->slots);
        cache->slots = NULL;
    }
}

/* All answers are stale. */
static inline void route_forget(struct route_cache *cache)
{
    if (++cache->generation == 0) {
        route_fini(cache); /* wrapped: old entries would look fresh */
        cache->generation = 1;
    }
}

static inline size_t route_slot(struct bytes uri)
{
    uint64_t hash = uri.size;
    size_t at = 0;
    for (; at + 8 <= uri.size; at += 8) {
        uint64_t word;
        memcpy(&word, uri.at + at, 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    uint64_t rest = 0;
    memcpy(&rest, uri.at + at, uri.size - at);
    hash = (hash ^ rest) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(hash >> 56) % ROUTE_SLOTS;
}

/* The fresh answer for that URI, or NULL. */
static inline const struct route *route_find(const struct route_cache *cache, struct bytes uri)
{
    if (cache->slots == NULL || uri.size > ROUTE_URI_BYTES) {
        return NULL;
    }
    const struct route *route = &cache->slots[route_slot(uri)];
    if (route->generation != cache->generation || route->uri_size != uri.size ||
        memcmp(route->uri, uri.at, uri.size) != 0) {
        return NULL;
    }
    return route;
}

/* Keeps an answer, if it is of a size to be kept. */
static inline void route_keep(struct route_cache *cache, struct bytes uri, void *const *values,
                              size_t count)
{
    if (uri.size > ROUTE_URI_BYTES || count > ROUTE_VALUES) {
        return;
    }
    if (cache->slots == NULL) {
        cache->slots = mem_take_zero(cache->mem, ROUTE_SLOTS * sizeof *cache->slots);
        if (cache->slots == NULL) {
            return;
        }
    }
    struct route *route = &cache->slots[route_slot(uri)];
    route->generation = cache->generation;
    route->uri_size = (uint8_t)uri.size;
    route->count = (uint8_t)count;
    memcpy(route->uri, uri.at, uri.size);
    for (size_t i = 0; i < count; i++) {
        route->values[i] = values[i];
    }
}

#endif
