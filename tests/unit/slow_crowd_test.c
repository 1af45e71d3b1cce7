/* Slow readers and everybody else, on the bare core: the healthy get everything, memory has a
 * bound, callees do not wait for callers, publishers hardly for subscribers. Named after the rows
 * of the list of slow-reader tests. */
#include "common/outq.h"
#include "tests/lib/slow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { LARGE = 20000, CROWD = 1000 };

static const struct core *core_of(const struct slow *slow)
{
    return &slow->stage.cores[0];
}

static uint64_t killed_in_all(const struct slow *slow)
{
    const struct stats *stats = &core_of(slow)->stats;
    return stats->killed_hard_bytes + stats->killed_hard_messages + stats->killed_soft +
           stats->killed_stuck + stats->killed_memory;
}

/* Healthy ones and stopped ones take turns in the list of members; the first healthy one. */
static unsigned crowd_join(struct slow *slow)
{
    unsigned first = slow->stage.actors_count;
    for (unsigned i = 0; i < 2 * CROWD; i++) {
        unsigned who = slow_join(slow, i % 4 < 2 ? FRAMING_RAWSOCKET : FRAMING_WEBSOCKET, 0);
        slow_subscribe(slow, who, "com.news");
        if (i % 2 == 1) {
            slow_deafen(slow, who);
        }
    }
    return first;
}

static void crowd_check(struct slow *slow, unsigned first, uint64_t events)
{
    for (unsigned i = 0; i < 2 * CROWD; i += 2) {
        struct slow_tally tally = slow_tally(slow, first + i);
        assert_int_equal(tally.events, events);
        assert_int_equal(tally.aborts, 0);
        assert_true(tally.in_order && tally.first == 1 && tally.last == events);
        assert_false(slow->people[first + i].gone);
    }
}

static void d_large_events_for_a_thousand_stopped_readers_are_in_memory_once(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    limits.out_hard_bytes = 1 << 20;
    limits.out_soft_bytes = 1 << 20;
    struct slow *slow = slow_new(1, &limits);
    unsigned publisher = slow_join(slow, FRAMING_RAWSOCKET, 0);
    unsigned first = crowd_join(slow);
    size_t before = core_of(slow)->mem.bytes_used;
    size_t most = 0;
    slow_publish(slow, publisher, "com.news", LARGE);
    stage_wait(&slow->stage, NS_PER_S / 5);
    while (killed_in_all(slow) == 0) {
        size_t used = core_of(slow)->mem.bytes_used;
        most = used > most ? used : most;
        slow_publish(slow, publisher, "com.news", LARGE);
    }
    assert_int_equal(core_of(slow)->stats.killed_hard_bytes, CROWD);
    /* an event is there twice, for each framing, with a record in each queue */
    size_t held = limits.out_hard_bytes / LARGE + 1;
    size_t bound = held * (2 * (LARGE + 256) + CROWD * sizeof(struct outq_chunk)) + (1 << 18);
    assert_true(most > before + limits.out_hard_bytes && most - before < bound);
    crowd_check(slow, first, slow->published);
    stage_wait(&slow->stage, DOOM_WORDS_MS * NS_PER_MS + 2 * TIMER_TICK_NS);
    assert_int_equal(core_of(slow)->gauges.connections, CROWD + 1);
    slow_publish(slow, publisher, "com.news", 10);
    for (unsigned i = 0; i < 2 * CROWD; i += 2) {
        assert_int_equal(slow_tally(slow, first + i).events, 1);
    }
    slow_free(slow);
}

static void d_when_memory_runs_out_the_stopped_readers_make_room_not_the_healthy(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    limits.worker_memory_bytes = 256 << 20; /* 256 KiB for each stopped one, far below its limit */
    struct slow *slow = slow_new(1, &limits);
    unsigned publisher = slow_join(slow, FRAMING_RAWSOCKET, 0);
    unsigned first = crowd_join(slow);
    slow_publish(slow, publisher, "com.news", 1000);
    stage_wait(&slow->stage, NS_PER_S / 5);
    while (core_of(slow)->stats.killed_memory == 0) {
        for (unsigned i = 0; i < 20; i++) { /* in one turn: no turn's end comes before */
            slow_say_publish(slow, publisher, "com.news", 1000);
        }
        stage_run(&slow->stage);
        assert_true(core_of(slow)->mem.bytes_used <= limits.worker_memory_bytes);
    }
    assert_int_equal(core_of(slow)->stats.killed_memory, CROWD);
    assert_int_equal(killed_in_all(slow), CROWD);
    crowd_check(slow, first, slow->published);
    slow_free(slow);
}

static void h_a_large_event_in_many_queues_is_charged_once_and_freed_by_the_last(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    struct slow *slow = slow_new(1, &limits);
    unsigned publisher = slow_join(slow, FRAMING_RAWSOCKET, 0);
    unsigned first = slow->stage.actors_count;
    for (unsigned i = 0; i < 2 * CROWD - 48; i++) {
        unsigned who = slow_join(slow, FRAMING_RAWSOCKET, 0);
        slow_subscribe(slow, who, "com.news");
        slow_deafen(slow, who);
    }
    unsigned readers = slow->stage.actors_count - first;
    slow_publish(slow, publisher, "com.news", 10); /* every buffer has its size */
    for (unsigned i = 0; i < readers; i++) {
        slow_hear_again(slow, first + i);
        slow_deafen(slow, first + i);
    }
    enum { HUGE = 100000 };
    slow_publish(slow, publisher, "com.news.unheard", HUGE);
    size_t before = core_of(slow)->mem.bytes_used;
    slow_publish(slow, publisher, "com.news", HUGE);
    size_t charged = slow_waiting(slow, first);
    assert_true(charged > HUGE);
    size_t records = readers * sizeof(struct outq_chunk);
    size_t used = core_of(slow)->mem.bytes_used - before;
    assert_true(used >= charged + records && used < charged + records + 2 * HUGE);
    for (unsigned i = 0; i < readers; i++) {
        used = core_of(slow)->mem.bytes_used;
        assert_int_equal(slow_waiting(slow, first + i), charged);
        if (i % 2 == 0) {
            slow_read(slow, first + i, charged);
        } else {
            stage_leave(&slow->stage, first + i);
        }
        assert_int_equal(slow_waiting(slow, first + i), 0);
        bool freed = used - core_of(slow)->mem.bytes_used >= charged;
        assert_int_equal(freed, i + 1 == readers);
    }
    slow_free(slow);
}

/* ---- e */

static void e_a_slow_caller_is_ended_and_its_callee_serves_on(void **state)
{
    (void)state;
    for (unsigned cores = 1; cores <= 2; cores++) {
        struct slow *slow = slow_new(cores, NULL);
        unsigned callee = slow_join(slow, FRAMING_RAWSOCKET, 0);
        unsigned bad = slow_join(slow, FRAMING_WEBSOCKET, cores - 1);
        unsigned good = slow_join(slow, FRAMING_WEBSOCKET, cores - 1);
        const struct stats *stats = &slow->stage.cores[cores - 1].stats;
        slow_register(slow, callee, "com.answer");
        slow_deafen(slow, bad);
        uint64_t calls = 0;
        while (stats->killed_hard_bytes == 0 && calls < 1000) {
            slow_say_call(slow, bad, "com.answer", ++calls);
            slow_say_call(slow, good, "com.answer", calls);
            stage_run(&slow->stage);
            slow_yield_all(slow, callee, LARGE);
            stage_run(&slow->stage);
        }
        assert_int_equal(stats->killed_hard_bytes, 1);
        struct slow_tally tally = slow_tally(slow, good);
        assert_true(tally.in_order && tally.results == calls);
        /* calls under way when the caller is ended vanish on both sides */
        assert_int_equal(slow->stage.cores[cores - 1].gauges.calls_open, 0);
        assert_int_equal(slow->stage.cores[0].gauges.invocations_open, 0);
        assert_false(slow->people[callee].gone);
        slow_say_call(slow, good, "com.answer", ++calls);
        stage_run(&slow->stage);
        slow_yield_all(slow, callee, 10);
        stage_run(&slow->stage);
        assert_int_equal(slow_tally(slow, good).results, 1);
        slow_free(slow);
    }
}

static void e_open_calls_of_a_caller_that_is_ended_vanish_and_late_answers_do_no_harm(void **state)
{
    (void)state;
    for (unsigned cores = 1; cores <= 2; cores++) {
        struct slow *slow = slow_new(cores, NULL);
        unsigned callee = slow_join(slow, FRAMING_RAWSOCKET, 0);
        unsigned bad = slow_join(slow, FRAMING_RAWSOCKET, cores - 1);
        slow_register(slow, callee, "com.answer");
        slow_deafen(slow, bad);
        for (uint64_t i = 1; i <= 500; i++) {
            slow_say_call(slow, bad, "com.answer", i);
        }
        stage_run(&slow->stage);
        assert_int_equal(slow->stage.cores[0].gauges.invocations_open, 500);
        slow_yield_all(slow, callee, LARGE); /* all at once: more than the hard limit */
        stage_run(&slow->stage);
        assert_int_equal(slow->stage.cores[cores - 1].stats.killed_hard_bytes, 1);
        assert_int_equal(slow->stage.cores[cores - 1].gauges.calls_open, 0);
        assert_int_equal(slow->stage.cores[0].gauges.invocations_open, 0);
        assert_int_equal(slow->stage.cores[0].stats.protocol_violations, 0);
        assert_false(slow->people[callee].gone);
        slow_free(slow);
    }
}

/* ---- the publisher's pause */

/* Publishes whenever it may, in packets of 64 KiB as from a socket; time goes on by 1 ms a turn. */
static uint64_t publish_for(struct slow *slow, unsigned publisher, unsigned reader,
                            size_t read_each_ms, uint64_t ms, uint64_t *paused_ms_most)
{
    uint64_t paused_ns = 0;
    uint64_t paused_since_ns = 0;
    *paused_ms_most = 0;
    for (uint64_t i = 0; i < ms; i++) {
        if (slow->people[publisher].out.size == 0) {
            for (unsigned k = 0; k < 3; k++) {
                slow_say_publish(slow, publisher, "com.news", LARGE);
            }
        }
        uint64_t now_ns = slow->stage.now_ns;
        stage_wait(&slow->stage, NS_PER_MS);
        slow_read(slow, reader, read_each_ms);
        if (slow_conn(slow, publisher)->pause_until_ns != 0) {
            paused_since_ns = paused_since_ns == 0 ? now_ns : paused_since_ns;
            paused_ns += slow->stage.now_ns - now_ns;
            uint64_t paused_ms = (slow->stage.now_ns - paused_since_ns) / NS_PER_MS;
            *paused_ms_most = paused_ms > *paused_ms_most ? paused_ms : *paused_ms_most;
        } else {
            paused_since_ns = 0;
        }
    }
    return paused_ns / NS_PER_MS;
}

static void a_publisher_faster_than_a_reading_subscriber_waits_and_nobody_is_ended(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    struct slow *slow = slow_new(1, &limits);
    unsigned publisher = slow_join(slow, FRAMING_RAWSOCKET, 0);
    unsigned reader = slow_join(slow, FRAMING_RAWSOCKET, 0);
    slow_subscribe(slow, reader, "com.news");
    slow_deafen(slow, reader);
    uint64_t longest_ms;
    uint64_t paused_ms = publish_for(slow, publisher, reader, LARGE, 3000, &longest_ms);
    assert_int_equal(killed_in_all(slow), 0);
    assert_true(core_of(slow)->stats.publisher_pauses > 0 && paused_ms > 0);
    assert_true(longest_ms <= limits.publisher_pause_ms + 2 * TIMER_TICK_NS / NS_PER_MS);
    slow_hear_again(slow, reader);
    stage_wait(&slow->stage, NS_PER_S);
    struct slow_tally tally = slow_tally(slow, reader);
    assert_true(tally.in_order && tally.events == slow->published);
    slow_free(slow);
}

static void a_stuck_subscriber_never_slows_its_publisher_for_more_than_100_ms(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    struct slow *slow = slow_new(1, &limits);
    unsigned publisher = slow_join(slow, FRAMING_RAWSOCKET, 0);
    unsigned reader = slow_join(slow, FRAMING_RAWSOCKET, 0);
    slow_subscribe(slow, reader, "com.news");
    slow_deafen(slow, reader);
    uint64_t longest_ms;
    uint64_t paused_ms = 0;
    /* the worst case: three quarters are full at once, and then it stops */
    while (slow_waiting(slow, reader) <= limits.out_hard_bytes / 4 * 3) {
        slow_publish(slow, publisher, "com.news", LARGE);
    }
    slow_read(slow, reader, 1);
    paused_ms += publish_for(slow, publisher, reader, 0, 2000, &longest_ms);
    assert_true(paused_ms > 0 && paused_ms <= 100 + 2 * TIMER_TICK_NS / NS_PER_MS);
    assert_int_equal(core_of(slow)->stats.killed_hard_bytes, 1);
    slow_free(slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d_large_events_for_a_thousand_stopped_readers_are_in_memory_once),
        cmocka_unit_test(d_when_memory_runs_out_the_stopped_readers_make_room_not_the_healthy),
        cmocka_unit_test(h_a_large_event_in_many_queues_is_charged_once_and_freed_by_the_last),
        cmocka_unit_test(e_a_slow_caller_is_ended_and_its_callee_serves_on),
        cmocka_unit_test(e_open_calls_of_a_caller_that_is_ended_vanish_and_late_answers_do_no_harm),
        cmocka_unit_test(a_publisher_faster_than_a_reading_subscriber_waits_and_nobody_is_ended),
        cmocka_unit_test(a_stuck_subscriber_never_slows_its_publisher_for_more_than_100_ms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
