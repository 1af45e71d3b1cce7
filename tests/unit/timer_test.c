/* The wheel beside a dumb array of times: never early, at most a tick late, nothing forgotten. */
#include "common/timer.h"

#include "common/rng.h"
#include "tests/lib/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { TIMERS = 200 };

struct people {
    struct timer_wheel wheel;
    struct timer timers[TIMERS];
    uint64_t due[TIMERS]; /* the twin; NEVER: not set */
    uint64_t now;
};

static void people_init(struct people *people, uint64_t now)
{
    people->now = now;
    timer_wheel_init(&people->wheel, now);
    for (size_t i = 0; i < TIMERS; i++) {
        timer_init(&people->timers[i]);
        people->due[i] = NEVER;
    }
}

static uint64_t twin_next(const struct people *people)
{
    uint64_t next = NEVER;
    for (size_t i = 0; i < TIMERS; i++) {
        next = people->due[i] < next ? people->due[i] : next;
    }
    return next;
}

/* What the wheel says it fires is what the twin expects, no more and no less. */
static void expire_and_compare(struct people *people)
{
    struct list due;
    list_init(&due);
    timer_wheel_expire(&people->wheel, people->now, &due);
    for (struct timer *timer = timer_pop(&due); timer != NULL; timer = timer_pop(&due)) {
        size_t i = (size_t)(timer - people->timers);
        assert_true(people->due[i] != NEVER);
        assert_true(people->due[i] <= people->now);
        assert_int_equal(timer->due_ns, people->due[i]);
        assert_false(timer_is_set(timer));
        people->due[i] = NEVER;
    }
    uint64_t next = twin_next(people);
    assert_true(next == NEVER || next + TIMER_TICK_NS > people->now);
    assert_true(timer_wheel_next(&people->wheel) <=
                (next > NEVER - TIMER_TICK_NS ? NEVER : next + TIMER_TICK_NS));
    assert_int_equal(timer_wheel_next(&people->wheel) == NEVER, next == NEVER);
    for (size_t i = 0; i < TIMERS; i++) {
        assert_int_equal(timer_is_set(&people->timers[i]), people->due[i] != NEVER);
    }
}

static uint64_t delay_any(struct rng *rng)
{
    uint64_t bits = rng_below(rng, 52); /* up to 52 days, all magnitudes alike */
    return rng_next(rng) & ((UINT64_C(1) << bits) - 1);
}

static void random_timers_fire_as_an_array_says(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, seed_get());
    struct people *people = malloc(sizeof *people);
    people_init(people, rng_next(&rng) >> 8);
    for (unsigned step = 0; step < 30000; step++) {
        size_t i = rng_below(&rng, TIMERS);
        if (rng_below(&rng, 4) == 0) {
            timer_stop(&people->wheel, &people->timers[i]);
            people->due[i] = NEVER;
        } else {
            people->due[i] = people->now + delay_any(&rng) - delay_any(&rng) % 1000;
            timer_set(&people->wheel, &people->timers[i], people->due[i]);
        }
        if (rng_below(&rng, 3) == 0) {
            uint64_t next = timer_wheel_next(&people->wheel);
            bool sleep = rng_below(&rng, 2) == 0 && next != NEVER && next > people->now;
            people->now = sleep ? next : people->now + delay_any(&rng);
            expire_and_compare(people);
        }
    }
    free(people);
}

static void sleeping_until_next_wakes_each_timer_within_a_tick_and_a_few_turns(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, seed_get());
    struct timer_wheel wheel;
    struct timer timer;
    timer_init(&timer);
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t now = rng_next(&rng) >> 10;
        timer_wheel_init(&wheel, now);
        uint64_t due = now + delay_any(&rng) % (UINT64_C(1) << 46); /* 19 hours */
        timer_set(&wheel, &timer, due);
        struct list list;
        list_init(&list);
        unsigned turns = 0;
        while (list_empty(&list)) {
            uint64_t next = timer_wheel_next(&wheel);
            assert_true(next != NEVER);
            now = next > now ? next : now;
            timer_wheel_expire(&wheel, now, &list);
            turns++;
        }
        assert_true(now >= due && now - due < TIMER_TICK_NS);
        assert_true(turns <= TIMER_LEVELS + 1);
        assert_ptr_equal(timer_pop(&list), &timer);
        assert_true(timer_wheel_next(&wheel) == NEVER);
    }
}

static void a_timer_that_lies_in_the_due_list_can_be_stopped_or_set_anew(void **state)
{
    (void)state;
    struct people *people = malloc(sizeof *people);
    people_init(people, 1000);
    struct list due;
    list_init(&due);
    for (size_t i = 0; i < 3; i++) {
        timer_set(&people->wheel, &people->timers[i], 2000);
    }
    timer_wheel_expire(&people->wheel, NS_PER_S, &due);
    timer_stop(&people->wheel, &people->timers[0]);
    timer_set(&people->wheel, &people->timers[1], 2 * NS_PER_S);
    assert_ptr_equal(timer_pop(&due), &people->timers[2]);
    assert_null(timer_pop(&due));
    timer_wheel_expire(&people->wheel, 3 * NS_PER_S, &due);
    assert_ptr_equal(timer_pop(&due), &people->timers[1]);
    assert_null(timer_pop(&due));
    free(people);
}

static void a_time_that_has_passed_is_due_at_once_and_never_is_a_stop(void **state)
{
    (void)state;
    struct timer_wheel wheel;
    struct timer timer;
    struct list due;
    list_init(&due);
    timer_wheel_init(&wheel, 5 * NS_PER_S);
    timer_init(&timer);
    timer_set(&wheel, &timer, 0);
    assert_int_equal(timer_wheel_next(&wheel), 0);
    timer_wheel_expire(&wheel, 5 * NS_PER_S, &due);
    assert_ptr_equal(timer_pop(&due), &timer);
    timer_set(&wheel, &timer, 6 * NS_PER_S);
    timer_set(&wheel, &timer, NEVER);
    assert_false(timer_is_set(&timer));
    assert_true(timer_wheel_next(&wheel) == NEVER);
    timer_set(&wheel, &timer, NEVER - 1); /* 584 years */
    timer_wheel_expire(&wheel, NEVER / 2, &due);
    assert_true(list_empty(&due));
    timer_stop(&wheel, &timer);
    timer_stop(&wheel, &timer);
    assert_true(timer_wheel_next(&wheel) == NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_timers_fire_as_an_array_says),
        cmocka_unit_test(sleeping_until_next_wakes_each_timer_within_a_tick_and_a_few_turns),
        cmocka_unit_test(a_timer_that_lies_in_the_due_list_can_be_stopped_or_set_anew),
        cmocka_unit_test(a_time_that_has_passed_is_due_at_once_and_never_is_a_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
