/* What handing a pointer over costs: between two threads, and push and pop by one.
 *   micro_ring            prints one line a case, ns a pointer (best of five rounds)
 * With fewer cores than two free, the first lines measure the scheduler. */
#include "common/clock.h"
#include "common/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

enum { ITEMS = 5000000, SLOTS = 1024, ROUNDS = 5 };

static char thing;

#define MEASURE(name, type)                                                                        \
    static void *name##_produce(void *ring)                                                        \
    {                                                                                              \
        for (unsigned i = 0; i < ITEMS; i++) {                                                     \
            while (!name##_push((type *)ring, &thing)) {                                           \
                sched_yield();                                                                     \
            }                                                                                      \
        }                                                                                          \
        return NULL;                                                                               \
    }                                                                                              \
    static uint64_t name##_two_threads(type *ring)                                                 \
    {                                                                                              \
        pthread_t producer;                                                                        \
        uint64_t start = clock_now_ns();                                                           \
        check(pthread_create(&producer, NULL, name##_produce, ring) == 0);                         \
        for (unsigned i = 0; i < ITEMS;) {                                                         \
            if (name##_pop(ring) != NULL) {                                                        \
                i++;                                                                               \
            } else {                                                                               \
                sched_yield();                                                                     \
            }                                                                                      \
        }                                                                                          \
        check(pthread_join(producer, NULL) == 0);                                                  \
        return clock_now_ns() - start;                                                             \
    }                                                                                              \
    static uint64_t name##_one_thread(type *ring)                                                  \
    {                                                                                              \
        uint64_t start = clock_now_ns();                                                           \
        for (unsigned i = 0; i < ITEMS; i++) {                                                     \
            check(name##_push(ring, &thing));                                                      \
            check(name##_pop(ring) == &thing);                                                     \
        }                                                                                          \
        return clock_now_ns() - start;                                                             \
    }                                                                                              \
    static void name##_measure(void)                                                               \
    {                                                                                              \
        static void *slots[SLOTS];                                                                 \
        static type ring;                                                                          \
        uint64_t two = NEVER;                                                                      \
        uint64_t one = NEVER;                                                                      \
        name##_init(&ring, slots, SLOTS);                                                          \
        for (unsigned i = 0; i < ROUNDS; i++) {                                                    \
            uint64_t ns = name##_two_threads(&ring);                                               \
            two = ns < two ? ns : two;                                                             \
            ns = name##_one_thread(&ring);                                                         \
            one = ns < one ? ns : one;                                                             \
        }                                                                                          \
        printf("%-10s two threads %8.2f ns\n", #name, (double)two / ITEMS);                        \
        printf("%-10s push and pop by one %8.2f ns\n", #name, (double)one / ITEMS);                \
    }                                                                                              \
    static void name##_measure(void)

MEASURE(ring_c11, struct ring_c11);
#if RING_HAS_CK
MEASURE(ring_ck, struct ring_ck);
#endif

int main(void)
{
    ring_c11_measure();
#if RING_HAS_CK
    ring_ck_measure();
#endif
    return 0;
}
