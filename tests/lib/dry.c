#include "tests/lib/dry.h"

#include <stdlib.h>

static void *dry_take(void *context, size_t size)
{
    struct dry *dry = context;
    if (dry->takes_left == 0) {
        return NULL;
    }
    void *at = malloc(size);
    check(at != NULL);
    memset(at, 0xa5, size); /* nobody may count on zeroes */
    dry->takes_left -= dry->takes_left != UINT64_MAX;
    dry->objects++;
    dry->bytes += size;
    return at;
}

static void dry_give(void *context, void *at, size_t size)
{
    struct dry *dry = context;
    check(dry->objects > 0 && dry->bytes >= size);
    dry->objects--;
    dry->bytes -= size;
    free(at);
}

struct mem_source dry_source(struct dry *dry, bool direct)
{
    *dry = (struct dry){.takes_left = UINT64_MAX};
    return (struct mem_source){dry_take, dry_give, dry, direct};
}

void dry_mem_init(struct mem *mem, struct dry *dry, size_t bytes_max)
{
    mem_init(mem, dry_source(dry, true), bytes_max);
}

void dry_mem_fini(struct mem *mem, struct dry *dry)
{
    mem_fini(mem);
    check(dry->objects == 0 && dry->bytes == 0);
}
