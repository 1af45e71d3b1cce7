/* Readers that are slow, on the bare core: who is ended, exactly when, what it is told, and that
 * nobody else notices. Named after the rows of the list of slow-reader tests. */
#include "tests/lib/slow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum {
    LARGE = 20000,
    SMALL = 1000,
    LATE_NS = 2 * TIMER_TICK_NS, /* no timer is later */
};

static const struct stats *stats(const struct slow *slow)
{
    return &slow->stage.cores[0].stats;
}

static uint64_t killed_in_all(const struct stats *stats)
{
    return stats->killed_hard_bytes + stats->killed_hard_messages + stats->killed_soft +
           stats->killed_stuck + stats->killed_memory;
}

/* One event, then time enough for its reader to count as stuck: no publisher waits for it. */
static void publish_to_stuck(struct slow *slow, unsigned publisher, size_t payload)
{
    slow_publish(slow, publisher, "com.news", payload);
    stage_wait(&slow->stage, NS_PER_S / 5);
}

/* ---- a */

static void reader_stops(enum framing framing, size_t payload)
{
    struct slow *slow = slow_new(1, NULL);
    unsigned publisher = slow_join(slow, FRAMING_RAWSOCKET, 0);
    unsigned reader = slow_join(slow, framing, 0);
    slow_subscribe(slow, reader, "com.news");
    slow_deafen(slow, reader);
    size_t hard = slow->stage.settings.limits.out_hard_bytes;
    publish_to_stuck(slow, publisher, payload);
    size_t before = 0;
    size_t message = 0;
    while (killed_in_all(stats(slow)) == 0) {
        size_t now = slow_waiting(slow, reader);
        message = now - before;
        before = now;
        slow_publish(slow, publisher, "com.news", payload);
    }
    assert_true(before <= hard && before + message > hard);
    assert_int_equal(stats(slow)->killed_hard_bytes, 1);
    assert_true(slow_waiting(slow, reader) < 256); /* nothing but its last words */
    slow_hear_again(slow, reader);
    slow_expect(slow, reader, "[3,{\"message\":\"you read too slowly\"},\"wamp.close.killed\"]");
    assert_null(slow->people[reader].heard_first);
    assert_int_equal(slow->people[reader].close_code, framing == FRAMING_WEBSOCKET ? 1008 : 0);
    stage_wait(&slow->stage, DOOM_WORDS_MS * NS_PER_MS + LATE_NS);
    assert_true(slow->people[reader].gone);
    slow_free(slow);
}

static void a_reader_that_stops_is_ended_within_a_message_above_the_hard_limit(void **state)
{
    (void)state;
    reader_stops(FRAMING_RAWSOCKET, LARGE);
    reader_stops(FRAMING_WEBSOCKET, LARGE);
    reader_stops(FRAMING_WEBSOCKET, SMALL);
}

static void a_reader_that_stops_is_ended_above_the_limit_of_messages(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    limits.out_hard_messages = 500;
    struct slow *slow = slow_new(1, &limits);
    unsigned publisher = slow_join(slow, FRAMING_RAWSOCKET, 0);
    unsigned reader = slow_join(slow, FRAMING_RAWSOCKET, 0);
    slow_subscribe(slow, reader, "com.news");
    slow_deafen(slow, reader);
    publish_to_stuck(slow, publisher, 10);
    for (unsigned i = 1; i < 500; i++) {
        slow_publish(slow, publisher, "com.news", 10);
    }
    assert_int_equal(killed_in_all(stats(slow)), 0);
    assert_int_equal(stats(slow)->events_delivered, 500);
    stage_wait(&slow->stage, NS_PER_MS); /* it had its time to read */
    slow_publish(slow, publisher, "com.news", 10);
    assert_int_equal(stats(slow)->killed_hard_messages, 1);
    assert_int_equal(killed_in_all(stats(slow)), 1);
    slow_free(slow);
}

static void a_killed_reader_that_stays_deaf_is_reset_after_a_second(void **state)
{
    (void)state;
    struct slow *slow = slow_new(1, NULL);
    unsigned publisher = slow_join(slow, FRAMING_RAWSOCKET, 0);
    unsigned reader = slow_join(slow, FRAMING_WEBSOCKET, 0);
    slow_subscribe(slow, reader, "com.news");
    slow_deafen(slow, reader);
    publish_to_stuck(slow, publisher, LARGE);
    while (killed_in_all(stats(slow)) == 0) {
        slow_publish(slow, publisher, "com.news", LARGE);
    }
    assert_int_equal(slow->stage.cores[0].gauges.sessions, 1);
    assert_int_equal(slow->stage.cores[0].gauges.subscribers, 0);
    stage_wait(&slow->stage, (DOOM_WORDS_MS - 1) * NS_PER_MS);
    assert_false(slow->people[reader].gone);
    assert_false(slow_conn(slow, reader)->reset);
    slow->stage.now_ns += NS_PER_MS + LATE_NS;
    core_turn_begin(&slow->stage.cores[0], slow->stage.now_ns);
    core_turn_end(&slow->stage.cores[0]);
    assert_true(slow_conn(slow, reader)->reset);
    assert_true(conn_is_done(slow_conn(slow, reader)));
    stage_run(&slow->stage);
    assert_int_equal(slow->stage.cores[0].gauges.connections, 1);
    assert_int_equal(stats(slow)->close_timeouts, 0);
    slow_free(slow);
}

static void what_is_half_sent_is_finished_before_the_last_words(void **state)
{
    (void)state;
    static const size_t payloads[] = {10, SMALL, LARGE, 100000};
    for (size_t i = 0; i < array_count(payloads) * 2; i++) {
        struct slow *slow = slow_new(1, NULL);
        unsigned publisher = slow_join(slow, FRAMING_RAWSOCKET, 0);
        unsigned reader = slow_join(slow, i % 2 == 0 ? FRAMING_RAWSOCKET : FRAMING_WEBSOCKET, 0);
        slow_subscribe(slow, reader, "com.news");
        slow_deafen(slow, reader);
        slow_publish(slow, publisher, "com.news", payloads[i / 2]);
        slow_publish(slow, publisher, "com.news", payloads[i / 2]);
        slow_read(slow, reader, 9); /* cut in the middle of the first */
        slow_conn(slow, reader)->in_flight = 3;
        publish_to_stuck(slow, publisher, payloads[i / 2]);
        while (killed_in_all(stats(slow)) == 0) {
            slow_publish(slow, publisher, "com.news", payloads[i / 2]);
        }
        assert_true(slow_waiting(slow, reader) >= 3);
        slow_hear_again(slow, reader);
        struct slow_tally tally = slow_tally(slow, reader);
        assert_true(tally.events >= 1 && tally.events < 4 + 32768 / payloads[i / 2]);
        assert_true(tally.in_order);
        assert_int_equal(tally.aborts, 1);
        assert_true(tally.abort_was_last);
        slow_free(slow);
    }
}

/* ---- b, c, i: the soft limit, and no progress */

struct pace { /* what happens each time */
    uint64_t every_ns;
    size_t published; /* octets of payload */
    size_t read;
};

/* How long the reader lived, or stopped at until_ns. */
static uint64_t pace_run(struct slow *slow, unsigned publisher, unsigned reader,
                         const struct pace *pace, uint64_t until_ns)
{
    uint64_t begun = slow->stage.now_ns;
    while (killed_in_all(stats(slow)) == 0 && slow->stage.now_ns - begun < until_ns) {
        if (pace->published > 0) {
            slow_publish(slow, publisher, "com.news", pace->published);
        }
        if (pace->read > 0) {
            slow_read(slow, reader, pace->read);
        }
        stage_wait(&slow->stage, pace->every_ns);
    }
    return slow->stage.now_ns - begun;
}

static struct slow *pace_new(unsigned *publisher, unsigned *reader)
{
    struct slow *slow = slow_new(1, NULL);
    *publisher = slow_join(slow, FRAMING_RAWSOCKET, 0);
    *reader = slow_join(slow, FRAMING_RAWSOCKET, 0);
    slow_subscribe(slow, *reader, "com.news");
    slow_deafen(slow, *reader);
    return slow;
}

static void b_a_reader_at_a_tenth_of_the_speed_is_ended_by_the_soft_limit(void **state)
{
    (void)state;
    unsigned publisher;
    unsigned reader;
    struct slow *slow = pace_new(&publisher, &reader);
    const struct limits *limits = &slow->stage.settings.limits;
    const struct pace pace = {.every_ns = 20 * NS_PER_MS, .published = 10000, .read = 1000};
    uint64_t above_ns = 0;
    uint64_t begun = slow->stage.now_ns;
    while (killed_in_all(stats(slow)) == 0) {
        pace_run(slow, publisher, reader, &pace, pace.every_ns);
        bool above = slow_waiting(slow, reader) > limits->out_soft_bytes;
        above_ns = above && above_ns == 0 ? slow->stage.now_ns : above_ns;
        assert_true(slow->stage.now_ns - begun < 60 * NS_PER_S);
    }
    uint64_t soft_ns = limits->out_soft_ms * NS_PER_MS;
    uint64_t lived_ns = slow->stage.now_ns - above_ns;
    assert_true(lived_ns + pace.every_ns >= soft_ns && lived_ns <= soft_ns / 5 * 6);
    assert_int_equal(stats(slow)->killed_soft, 1);
    assert_int_equal(killed_in_all(stats(slow)), 1);
    slow_free(slow);
}

static void c_a_reader_that_stays_just_below_the_soft_limit_lives(void **state)
{
    (void)state;
    unsigned publisher;
    unsigned reader;
    struct slow *slow = pace_new(&publisher, &reader);
    size_t soft = slow->stage.settings.limits.out_soft_bytes;
    while (slow_waiting(slow, reader) + 2 * LARGE < soft) {
        slow_publish(slow, publisher, "com.news", LARGE);
    }
    size_t before = slow_waiting(slow, reader);
    slow_publish(slow, publisher, "com.news", LARGE);
    size_t message = slow_waiting(slow, reader) - before;
    const struct pace pace = {.every_ns = 100 * NS_PER_MS, .published = LARGE, .read = message};
    pace_run(slow, publisher, reader, &pace, 120 * NS_PER_S);
    assert_true(slow_waiting(slow, reader) > soft - 2 * LARGE);
    assert_int_equal(killed_in_all(stats(slow)), 0);
    slow_free(slow);
}

static void
c_a_reader_that_comes_below_the_soft_limit_in_time_has_its_whole_time_again(void **state)
{
    (void)state;
    unsigned publisher;
    unsigned reader;
    struct slow *slow = pace_new(&publisher, &reader);
    const struct limits *limits = &slow->stage.settings.limits;
    for (unsigned round = 0; round < 5; round++) {
        while (slow_waiting(slow, reader) <= limits->out_soft_bytes) {
            slow_publish(slow, publisher, "com.news", LARGE);
        }
        stage_wait(&slow->stage, limits->out_soft_ms * NS_PER_MS - 2 * NS_PER_MS);
        slow_read(slow, reader, 2 * LARGE);
        stage_wait(&slow->stage, NS_PER_MS);
    }
    assert_int_equal(killed_in_all(stats(slow)), 0);
    slow_free(slow);
}

static void i_a_reader_of_one_octet_in_14_s_is_ended_by_the_soft_limit(void **state)
{
    (void)state;
    unsigned publisher;
    unsigned reader;
    struct slow *slow = pace_new(&publisher, &reader);
    const struct limits *limits = &slow->stage.settings.limits;
    while (slow_waiting(slow, reader) <= limits->out_soft_bytes) {
        slow_publish(slow, publisher, "com.news", LARGE);
    }
    const struct pace pace = {.every_ns = 14 * NS_PER_S, .read = 1};
    uint64_t begun = slow->stage.now_ns;
    stage_wait(&slow->stage, limits->out_soft_ms * NS_PER_MS - NS_PER_MS);
    assert_int_equal(killed_in_all(stats(slow)), 0);
    slow_read(slow, reader, pace.read);
    stage_wait(&slow->stage, NS_PER_MS + LATE_NS);
    assert_int_equal(stats(slow)->killed_soft, 1);
    assert_true(slow->stage.now_ns - begun <= limits->out_soft_ms * NS_PER_MS / 5 * 6);
    slow_free(slow);
}

static void i_below_the_soft_limit_one_octet_in_14_s_is_enough(void **state)
{
    (void)state;
    unsigned publisher;
    unsigned reader;
    struct slow *slow = pace_new(&publisher, &reader);
    slow_publish(slow, publisher, "com.news", LARGE);
    const struct pace pace = {.every_ns = 14 * NS_PER_S, .read = 1};
    pace_run(slow, publisher, reader, &pace, 140 * NS_PER_S);
    assert_int_equal(killed_in_all(stats(slow)), 0);
    slow_free(slow);
}

static void a_reader_that_takes_nothing_is_ended_after_out_stuck_ms(void **state)
{
    (void)state;
    unsigned publisher;
    unsigned reader;
    struct slow *slow = pace_new(&publisher, &reader);
    uint64_t stuck_ns = slow->stage.settings.limits.out_stuck_ms * NS_PER_MS;
    stage_wait(&slow->stage, 100 * NS_PER_S); /* long idle: the time runs from the event */
    slow_publish(slow, publisher, "com.news", 10);
    stage_wait(&slow->stage, stuck_ns - NS_PER_MS);
    assert_int_equal(killed_in_all(stats(slow)), 0);
    slow_publish(slow, publisher, "com.news", 10); /* changes nothing */
    stage_wait(&slow->stage, NS_PER_MS + LATE_NS);
    assert_int_equal(stats(slow)->killed_stuck, 1);
    assert_int_equal(killed_in_all(stats(slow)), 1);
    slow_free(slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_stops_is_ended_within_a_message_above_the_hard_limit),
        cmocka_unit_test(a_reader_that_stops_is_ended_above_the_limit_of_messages),
        cmocka_unit_test(a_killed_reader_that_stays_deaf_is_reset_after_a_second),
        cmocka_unit_test(what_is_half_sent_is_finished_before_the_last_words),
        cmocka_unit_test(b_a_reader_at_a_tenth_of_the_speed_is_ended_by_the_soft_limit),
        cmocka_unit_test(c_a_reader_that_stays_just_below_the_soft_limit_lives),
        cmocka_unit_test(
            c_a_reader_that_comes_below_the_soft_limit_in_time_has_its_whole_time_again),
        cmocka_unit_test(i_a_reader_of_one_octet_in_14_s_is_ended_by_the_soft_limit),
        cmocka_unit_test(i_below_the_soft_limit_one_octet_in_14_s_is_enough),
        cmocka_unit_test(a_reader_that_takes_nothing_is_ended_after_out_stuck_ms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
