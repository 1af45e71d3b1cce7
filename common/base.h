/* What every file uses: checks that stay on in every build, and three macros.
 *
 * A check() that fails is our bug: check_failed prints where and ends the process. It never judges
 * a peer's input: that is a value, not a check. Any thread may call it. The pure core reaches
 * check_failed at link time only, so a test may bring its own. */
#ifndef CLOS_BASE_H
#define CLOS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Noreturn void check_failed(const char *condition, const char *file, int line);

/* A word on what the process was doing, printed by check_failed; a string literal, per thread. */
void check_context(const char *what, uint64_t number);

#define check(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) {                                                   \
            check_failed(#condition, __FILE__, __LINE__);                                          \
        }                                                                                          \
    } while (0)

#define array_count(array) (sizeof(array) / sizeof((array)[0]))

#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static inline size_t size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t size_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define NEVER UINT64_MAX /* a time that does not come */

#endif
