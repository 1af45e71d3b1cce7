/* Two threads and each maker of the ring: every pointer arrives once and in order, with what was
 * written behind it, over many turns of a small ring and over the wrap of its 32-bit indices. */
#include "common/ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sched.h>
#include <cmocka.h>

enum {
    ITEMS = 300000,
    SLOTS = 8, /* few, so that full and empty are met all the time */
    BOXES = 32,
};

struct box {
    uint64_t number; /* plain: only the ring orders it between the threads */
    struct box *next;
};

/* How one maker is reached, so that one test proves all. */
struct maker {
    bool (*push)(void *ring, void *item);
    void *(*pop)(void *ring);
    uint32_t (*count)(void *ring);
};

#define MAKER(name, type)                                                                          \
    static bool name##_push_any(void *ring, void *item)                                            \
    {                                                                                              \
        return name##_push((type *)ring, item);                                                    \
    }                                                                                              \
    static void *name##_pop_any(void *ring)                                                        \
    {                                                                                              \
        return name##_pop((type *)ring);                                                           \
    }                                                                                              \
    static uint32_t name##_count_any(void *ring)                                                   \
    {                                                                                              \
        return name##_count((type *)ring);                                                         \
    }                                                                                              \
    static const struct maker name##_maker = {name##_push_any, name##_pop_any, name##_count_any}

MAKER(ring, struct ring);
MAKER(ring_c11, struct ring_c11);
#if RING_HAS_CK
MAKER(ring_ck, struct ring_ck);
#endif

struct lanes { /* there and back: a box is used again when it came home */
    const struct maker *maker;
    void *there;
    void *back;
};

static void *producer_run(void *argument)
{
    const struct lanes *lanes = argument;
    static struct box boxes[BOXES];
    struct box *free = NULL;
    for (size_t i = 0; i < BOXES; i++) {
        boxes[i].next = free;
        free = &boxes[i];
    }
    for (uint64_t number = 1; number <= ITEMS; number++) {
        while (free == NULL) {
            struct box *home = lanes->maker->pop(lanes->back);
            if (home == NULL) {
                sched_yield();
                continue;
            }
            check(home->number == 0); /* the consumer wiped it before it sent it home */
            home->next = free;
            free = home;
        }
        struct box *box = free;
        free = box->next;
        box->number = number;
        while (!lanes->maker->push(lanes->there, box)) {
            check(lanes->maker->count(lanes->there) < SLOTS);
            sched_yield();
        }
    }
    return NULL;
}

static void exchange(const struct maker *maker, void *there, void *back)
{
    struct lanes lanes = {maker, there, back};
    pthread_t producer;
    check(pthread_create(&producer, NULL, producer_run, &lanes) == 0);
    for (uint64_t number = 1; number <= ITEMS;) {
        struct box *box = maker->pop(there);
        if (box == NULL) {
            sched_yield();
            continue;
        }
        assert_int_equal(box->number, number);
        box->number = 0;
        number++;
        while (!maker->push(back, box)) {
            sched_yield();
        }
        if (number % 1000 == 0) {
            sched_yield(); /* lets the ring run full */
        }
    }
    check(pthread_join(producer, NULL) == 0);
    assert_null(maker->pop(there));
    assert_int_equal(maker->count(there), 0);
}

static void the_ring_hands_over_in_order_between_two_threads(void **state)
{
    (void)state;
    struct ring there;
    struct ring back;
    void *slots[2][SLOTS];
    void *home[BOXES * 2];
    ring_init(&there, slots[0], SLOTS);
    ring_init(&back, home, BOXES * 2);
    exchange(&ring_maker, &there, &back);
}

static void the_c11_twin_hands_over_in_order_over_the_wrap_of_its_indices(void **state)
{
    (void)state;
    struct ring_c11 there;
    struct ring_c11 back;
    void *slots[SLOTS];
    void *home[BOXES * 2];
    ring_c11_init(&there, slots, SLOTS);
    ring_c11_init(&back, home, BOXES * 2);
    uint32_t start = UINT32_MAX - ITEMS / 2;
    atomic_store(&there.head, start);
    atomic_store(&there.tail, start);
    there.head_seen = start;
    there.tail_seen = start;
    exchange(&ring_c11_maker, &there, &back);
}

#if RING_HAS_CK
static void the_ck_maker_hands_over_in_order_over_the_wrap_of_its_indices(void **state)
{
    (void)state;
    struct ring_ck there;
    struct ring_ck back;
    void *slots[SLOTS];
    void *home[BOXES * 2];
    ring_ck_init(&there, slots, SLOTS);
    ring_ck_init(&back, home, BOXES * 2);
    there.ring.c_head = UINT32_MAX - ITEMS / 2;
    there.ring.p_tail = there.ring.c_head;
    there.ring.p_head = there.ring.c_head;
    exchange(&ring_ck_maker, &there, &back);
}
#endif

/* Every fill level at every offset of a small ring, one thread. */
static void fill_and_drain(const struct maker *maker, void *ring)
{
    static char things[SLOTS];
    for (unsigned round = 0; round < 4 * SLOTS; round++) {
        assert_null(maker->pop(ring));
        unsigned fill = round % SLOTS;
        for (unsigned i = 0; i < fill; i++) {
            assert_int_equal(maker->count(ring), i);
            assert_true(maker->push(ring, &things[i]));
        }
        assert_int_equal(maker->push(ring, &things[fill]), fill < SLOTS - 1);
        unsigned held = fill < SLOTS - 1 ? fill + 1 : SLOTS - 1;
        for (unsigned i = 0; i < held; i++) {
            assert_ptr_equal(maker->pop(ring), &things[i]);
        }
    }
    assert_null(maker->pop(ring));
}

static void both_makers_hold_one_less_than_their_slots(void **state)
{
    (void)state;
    void *slots[SLOTS];
    struct ring_c11 c11;
    ring_c11_init(&c11, slots, SLOTS);
    fill_and_drain(&ring_c11_maker, &c11);
#if RING_HAS_CK
    struct ring_ck ck;
    ring_ck_init(&ck, slots, SLOTS);
    fill_and_drain(&ring_ck_maker, &ck);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_makers_hold_one_less_than_their_slots),
        cmocka_unit_test(the_ring_hands_over_in_order_between_two_threads),
        cmocka_unit_test(the_c11_twin_hands_over_in_order_over_the_wrap_of_its_indices),
#if RING_HAS_CK
        cmocka_unit_test(the_ck_maker_hands_over_in_order_over_the_wrap_of_its_indices),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
