/* A source of memory for tests that can run dry and knows what is out: every object comes from
 * malloc by itself, so that a sanitizer sees its bounds. One test owns it; fails by check(). */
#ifndef CLOS_DRY_H
#define CLOS_DRY_H

#include "common/mem.h"

struct dry {
    uint64_t takes_left; /* answered before the source refuses; UINT64_MAX: never refuses */
    size_t objects;      /* given out and not yet back */
    size_t bytes;
};

/* direct as in struct mem_source. */
struct mem_source dry_source(struct dry *dry, bool direct);

/* A struct mem over a source that gives all that is asked for, up to bytes_max. */
void dry_mem_init(struct mem *mem, struct dry *dry, size_t bytes_max);

/* All came home: mem_fini, then nothing is out. */
void dry_mem_fini(struct mem *mem, struct dry *dry);

#endif
