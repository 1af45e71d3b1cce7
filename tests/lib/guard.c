#include "tests/lib/guard.h"

#include <sys/mman.h>

enum { GUARD_PAGE = 65536 }; /* a multiple of every page size in use */

void guard_init(struct guard *guard, size_t size_max)
{
    size_t usable = (size_max / GUARD_PAGE + 1) * GUARD_PAGE;
    guard->mapped = usable + GUARD_PAGE;
    guard->at =
        mmap(NULL, guard->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(guard->at != MAP_FAILED);
    guard->end = guard->at + usable;
    check(mprotect(guard->end, GUARD_PAGE, PROT_NONE) == 0);
}

void guard_fini(struct guard *guard)
{
    check(munmap(guard->at, guard->mapped) == 0);
    guard->at = NULL;
}

struct bytes guard_copy(struct guard *guard, struct bytes input)
{
    check(input.size <= (size_t)(guard->end - guard->at));
    uint8_t *at = guard->end - input.size;
    if (input.size > 0) {
        memcpy(at, input.at, input.size);
    }
    return bytes_make(at, input.size);
}
