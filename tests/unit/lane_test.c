/* Lanes between workers, on bare cores: whoever adds to a full lane is paused, memory has a bound,
 * and when it empties everything goes on, nothing lost and nothing out of order. */
#include "tests/lib/slow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { PLACE_BYTES = 1 << 20, PAYLOAD = 5000, LATER = 50 };

static struct slow *lanes_new(void)
{
    struct limits limits = limits_default();
    limits.place_bytes = PLACE_BYTES;
    return slow_new(2, &limits);
}

static size_t lane_bytes(const struct slow *slow, unsigned from)
{
    return slow->stage.cores[from].lanes[1 - from].bytes;
}

static void check_released(struct slow *slow, unsigned from)
{
    assert_int_equal(lane_bytes(slow, from), 0);
    assert_int_equal(slow->stage.cores[from].lanes_full, 0);
    assert_int_equal(slow->stage.cores[from].parcel_mem.bytes_used, 0);
}

static void a_publisher_waits_for_a_full_lane_and_goes_on(void **state)
{
    (void)state;
    struct slow *slow = lanes_new();
    unsigned publisher = slow_join(slow, FRAMING_RAWSOCKET, 0);
    unsigned bystander = slow_join(slow, FRAMING_RAWSOCKET, 0);
    unsigned reader = slow_join(slow, FRAMING_WEBSOCKET, 1);
    slow_subscribe(slow, reader, "com.news");
    for (unsigned round = 1; round <= 3; round++) {
        slow->stage.hold_parcels = true;
        uint64_t said = 0;
        while (conn_wants_reading(slow_conn(slow, publisher))) {
            slow_publish(slow, publisher, "com.news", PAYLOAD);
            assert_true(++said < 1000);
        }
        size_t full = lane_bytes(slow, 0);
        assert_true(full > PLACE_BYTES / 2 && full <= PLACE_BYTES / 2 + 2 * PARCEL_BYTES);
        assert_int_equal(slow->stage.cores[0].stats.place_pauses, round);
        assert_true(conn_wants_reading(slow_conn(slow, bystander)));
        for (unsigned i = 0; i < LATER; i++) { /* stays with the publisher */
            slow_publish(slow, publisher, "com.news", PAYLOAD);
        }
        stage_wait(&slow->stage, NS_PER_S);
        assert_int_equal(lane_bytes(slow, 0), full);
        assert_false(conn_wants_reading(slow_conn(slow, publisher)));
        assert_int_equal(slow->people[reader].heard_count, 0);
        slow->stage.hold_parcels = false;
        stage_run(&slow->stage);
        assert_true(conn_wants_reading(slow_conn(slow, publisher)));
        struct slow_tally tally = slow_tally(slow, reader);
        assert_true(tally.in_order && tally.events == said + LATER);
        assert_int_equal(tally.last, slow->published);
        check_released(slow, 0);
    }
    slow_free(slow);
}

static void a_lane_with_little_room_goes_on_only_below_a_quarter(void **state)
{
    (void)state;
    struct slow *slow = lanes_new();
    unsigned publisher = slow_join(slow, FRAMING_RAWSOCKET, 0);
    unsigned reader = slow_join(slow, FRAMING_WEBSOCKET, 1);
    slow_subscribe(slow, reader, "com.news");
    slow->stage.hold_parcels = true;
    while (conn_wants_reading(slow_conn(slow, publisher))) {
        slow_publish(slow, publisher, "com.news", PAYLOAD);
    }
    struct core *core = &slow->stage.cores[0];
    struct parcel *parcel;
    while ((parcel = lane_take(&core->lanes[1])) != NULL) {
        size_t size = lane_bytes(slow, 0) - sizeof *parcel - parcel->room;
        core_notes_receive(&slow->stage.cores[1], 0, bytes_make(parcel->data, parcel->size));
        core_parcel_home(core, 1, parcel);
        assert_int_equal(conn_wants_reading(slow_conn(slow, publisher)), size <= PLACE_BYTES / 4);
    }
    slow->stage.hold_parcels = false;
    slow_free(slow);
}

static void a_callee_waits_for_a_full_lane_to_its_callers_and_goes_on(void **state)
{
    (void)state;
    struct slow *slow = lanes_new();
    unsigned callee = slow_join(slow, FRAMING_RAWSOCKET, 0);
    unsigned caller = slow_join(slow, FRAMING_RAWSOCKET, 1);
    slow_register(slow, callee, "com.answer");
    enum { CALLS = 400 };
    for (uint64_t i = 1; i <= CALLS; i++) {
        slow_say_call(slow, caller, "com.answer", i);
    }
    stage_run(&slow->stage);
    assert_int_equal(slow->people[callee].heard_count, CALLS);
    slow->stage.hold_parcels = true;
    slow->stage.actors[callee].split = 16384;
    slow_yield_all(slow, callee, PAYLOAD);
    stage_run(&slow->stage);
    assert_false(conn_wants_reading(slow_conn(slow, callee)));
    assert_true(lane_bytes(slow, 0) <= PLACE_BYTES / 2 + 3 * PARCEL_BYTES);
    assert_true(slow->stage.cores[0].gauges.invocations_open > CALLS / 2);
    slow->stage.hold_parcels = false;
    stage_run(&slow->stage);
    assert_true(conn_wants_reading(slow_conn(slow, callee)));
    struct slow_tally tally = slow_tally(slow, caller);
    assert_true(tally.in_order && tally.results == CALLS && tally.errors == 0);
    assert_int_equal(slow->stage.cores[1].gauges.calls_open, 0);
    assert_int_equal(slow->stage.cores[0].gauges.invocations_open, 0);
    check_released(slow, 0);
    slow_free(slow);
}

static void who_subscribes_and_unsubscribes_waits_for_a_full_lane(void **state)
{
    (void)state;
    struct slow *slow = lanes_new();
    unsigned who = slow_join(slow, FRAMING_RAWSOCKET, 0);
    slow->stage.hold_parcels = true;
    char json[1200];
    char filling[901];
    memset(filling, 'x', 900);
    filling[900] = '\0';
    unsigned said = 0;
    while (conn_wants_reading(slow_conn(slow, who)) && said < 2000) {
        snprintf(json, sizeof json, "[32,%u,{},\"com.%u.%s\"]", said + 1, said, filling);
        person_say(&slow->people[who], json);
        stage_run(&slow->stage);
        said++;
    }
    assert_true(said < 1000);
    assert_true(lane_bytes(slow, 0) <= PLACE_BYTES / 2 + 2 * PARCEL_BYTES);
    slow->stage.hold_parcels = false;
    stage_run(&slow->stage);
    assert_int_equal(slow->people[who].heard_count, said); /* SUBSCRIBED */
    check_released(slow, 0);
    slow_free(slow);
}

static void many_who_leave_at_once_may_pass_the_bound_of_a_lane(void **state)
{
    (void)state;
    struct slow *slow = lanes_new();
    char json[1200];
    char filling[901];
    memset(filling, 'x', 900);
    filling[900] = '\0';
    enum { PEOPLE = 20, PATTERNS = 1000 };
    for (unsigned i = 0; i < PEOPLE; i++) {
        unsigned who = slow_join(slow, FRAMING_RAWSOCKET, 0);
        for (unsigned k = 0; k < PATTERNS; k++) {
            snprintf(json, sizeof json, "[32,%u,{},\"com.%u.%u.%s\"]", k + 1, i, k, filling);
            person_say_octets(&slow->people[who], bytes_text(json));
        }
        slow->stage.actors[who].split = 16384;
        stage_run(&slow->stage);
    }
    assert_int_equal(slow->stage.cores[1].gauges.subscriptions, PEOPLE * PATTERNS);
    slow->stage.hold_parcels = true;
    for (unsigned i = 0; i < PEOPLE; i++) {
        stage_leave(&slow->stage, i);
    }
    assert_true(lane_bytes(slow, 0) > 2 * 4 * (size_t)PLACE_BYTES);
    slow->stage.hold_parcels = false;
    stage_run(&slow->stage);
    assert_int_equal(slow->stage.cores[1].gauges.subscriptions, 0);
    check_released(slow, 0);
    slow_free(slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publisher_waits_for_a_full_lane_and_goes_on),
        cmocka_unit_test(a_lane_with_little_room_goes_on_only_below_a_quarter),
        cmocka_unit_test(a_callee_waits_for_a_full_lane_to_its_callers_and_goes_on),
        cmocka_unit_test(who_subscribes_and_unsubscribes_waits_for_a_full_lane),
        cmocka_unit_test(many_who_leave_at_once_may_pass_the_bound_of_a_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
