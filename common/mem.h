/* Bounded memory for the pure core: size classes carved from slabs, so that the core needs no
 * malloc, every byte is counted, and a test may run it dry.
 *
 * One worker owns a struct mem and all it gave; no other thread touches it. Slabs come from a
 * source (heap.h in the world, anything in a test) and go back only at mem_fini. mem_take answers
 * NULL when bytes_max would be passed or the source refuses: a limit reached, never an abort.
 * With source.direct every take goes straight to the source, so a sanitizer sees each object. */
#ifndef CLOS_MEM_H
#define CLOS_MEM_H

#include "common/base.h"

enum {
    MEM_CLASSES = 44,            /* 16 octets to 32 KiB, four steps to a doubling */
    MEM_SLAB_BYTES = 64 * 1024,  /* what is asked of the source at once */
    MEM_CLASS_BYTES_MAX = 32768, /* larger objects go to the source one by one */
};

struct mem_source {
    void *(*take)(void *context, size_t size); /* NULL: refused */
    void (*give)(void *context, void *at, size_t size);
    void *context;
    bool direct;
};

struct mem_free;
struct mem_slab;

struct mem {
    struct mem_source source;
    size_t bytes_used;  /* given out, rounded up to classes */
    size_t bytes_max;   /* bound on bytes_used */
    size_t bytes_slabs; /* held in slabs */
    uint64_t refused;   /* takes answered with NULL */
    struct mem_free *free[MEM_CLASSES];
    struct mem_slab *slabs;
    uint8_t *slab_at;
    size_t slab_left;
};

void mem_init(struct mem *mem, struct mem_source source, size_t bytes_max);

/* Uninitialised memory aligned to 16 octets, or NULL. size must be over 0. */
void *mem_take(struct mem *mem, size_t size);

/* As mem_take, all zero. */
void *mem_take_zero(struct mem *mem, size_t size);

/* size is what was asked for when it was taken. NULL is ignored. */
void mem_give(struct mem *mem, void *at, size_t size);

/* Moves the first size_used octets to an object of size_new; NULL leaves the old one alive. */
void *mem_move(struct mem *mem, void *at, size_t size_old, size_t size_used, size_t size_new);

/* Gives every slab back. All objects must have come home: bytes_used is checked to be 0. */
void mem_fini(struct mem *mem);

#endif
