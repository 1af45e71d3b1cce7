#include "common/heap.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define HEAP_DIRECT true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HEAP_DIRECT true
#endif
#endif
#ifndef HEAP_DIRECT
#define HEAP_DIRECT false
#endif

static void *heap_take(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void heap_give(void *context, void *at, size_t size)
{
    (void)context;
    (void)size;
    free(at);
}

struct mem_source heap_source(void)
{
    return (struct mem_source){.take = heap_take, .give = heap_give, .direct = HEAP_DIRECT};
}
