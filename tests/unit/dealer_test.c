/* Calls: two records, and whichever side goes first takes both away. */
#include "router/dealer.h"

#include "tests/lib/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct scene scene;

/* What is left of calls anywhere. */
static void nothing_is_open(void)
{
    for (unsigned i = 0; i < scene.stage.cores_count; i++) {
        const struct core *core = &scene.stage.cores[i];
        assert_int_equal(core->gauges.calls_open, 0);
        assert_int_equal(core->gauges.invocations_open, 0);
        assert_int_equal(map_count(&core->calls), 0);
        assert_int_equal(map_count(&core->errands), 0);
    }
}

/* One caller and one callee, who has been invoked and has not answered. */
static void call_begin(unsigned cores, unsigned *caller, unsigned *callee)
{
    scene_init(&scene, cores, NULL);
    *callee = scene_join(&scene, cores - 1, SERIALIZER_CBOR);
    *caller = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, *callee, "[64,1,{},\"p\"]");
    scene_hears(&scene, *callee, "[65,1,*]");
    scene_say(&scene, *caller, "[48,1,{\"x\":1},\"p\",[7],{\"k\":\"v\"}]");
    scene_hears(&scene, *callee, "[68,1,*,{},[7],{\"k\":\"v\"}]");
}

static void both_records_vanish_in_every_order_of_leaving(void **state)
{
    (void)state;
    for (unsigned cores = 1; cores <= 2; cores++) {
        for (unsigned order = 0; order < 4; order++) {
            unsigned caller;
            unsigned callee;
            call_begin(cores, &caller, &callee);
            scene_hold(&scene, order >= 2); /* both are gone before either has heard of it */
            scene_leave(&scene, order % 2 == 0 ? caller : callee);
            if (order == 1 || (order == 3 && cores == 1)) {
                scene_hears(&scene, caller,
                            "[8,48,1,{},\"wamp.error.canceled\",[\"the callee left\"]]");
            }
            scene_leave(&scene, order % 2 == 0 ? callee : caller);
            scene_silence(&scene, callee);
            scene_silence(&scene, caller);
            scene_hold(&scene, false);
            nothing_is_open();
            scene_fini(&scene);
        }
    }
}

static void each_call_ends_once_with_its_result_or_its_error(void **state)
{
    (void)state;
    for (unsigned cores = 1; cores <= 2; cores++) {
        unsigned caller;
        unsigned callee;
        call_begin(cores, &caller, &callee);
        scene_say(&scene, callee, "[70,1,{},[8],{\"r\":[]}]");
        scene_hears(&scene, caller, "[50,1,{},[8],{\"r\":[]}]");
        scene_say(&scene, callee, "[70,1,{},[9]]"); /* late: thrown away */
        scene_silence(&scene, caller);
        scene_say(&scene, caller, "[48,2,{},\"p\"]");
        scene_hears(&scene, callee, "[68,2,*,{}]");
        scene_say(&scene, callee, "[8,68,2,{},\"com.no\",[1]]");
        scene_hears(&scene, caller, "[8,48,2,{},\"com.no\",[1]]");
        scene_say(&scene, callee, "[8,68,2,{},\"com.no\",[1]]");
        scene_silence(&scene, caller);
        nothing_is_open();
        assert_int_equal(scene.stage.cores[cores - 1].stats.replies_late, 2);
        scene_fini(&scene);
    }
}

static void an_answer_that_crosses_its_callers_end_is_dropped(void **state)
{
    (void)state;
    unsigned caller;
    unsigned callee;
    call_begin(2, &caller, &callee);
    scene_hold(&scene, true);
    scene_say(&scene, callee, "[70,1,{},[8]]");
    scene_leave(&scene, caller);
    scene_hold(&scene, false);
    nothing_is_open();
    assert_int_equal(scene.stage.cores[0].stats.replies_orphaned, 1);
    scene_silence(&scene, callee);
    scene_fini(&scene);
}

static void a_call_that_crosses_its_callees_end_finds_nobody(void **state)
{
    (void)state;
    scene_init(&scene, 2, NULL);
    unsigned callee = scene_join(&scene, 1, SERIALIZER_JSON);
    unsigned caller = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, callee, "[64,1,{},\"p\"]");
    scene_hears(&scene, callee, "[65,1,*]");
    scene_hold(&scene, true);
    scene_say(&scene, caller, "[48,1,{},\"p\"]");
    scene_leave(&scene, callee);
    scene_silence(&scene, caller);
    scene_hold(&scene, false);
    scene_hears(&scene, caller, "[8,48,1,{},\"wamp.error.no_such_procedure\"]");
    scene_silence(&scene, caller);
    nothing_is_open();
    scene_fini(&scene);
}

static void an_answer_to_an_invocation_that_never_was_ends_the_callee(void **state)
{
    (void)state;
    unsigned caller;
    unsigned callee;
    call_begin(1, &caller, &callee);
    scene_say(&scene, callee, "[70,2,{}]");
    scene_hears(&scene, callee, "[3,*,\"wamp.error.protocol_violation\"]");
    scene_hears(&scene, caller, "[8,48,1,{},\"wamp.error.canceled\",*]");
    assert_true(scene.people[callee].gone);
    nothing_is_open();
    scene_fini(&scene);
}

static void progress_that_nobody_asked_for_leaves_the_call_open(void **state)
{
    (void)state;
    unsigned caller;
    unsigned callee;
    call_begin(2, &caller, &callee);
    scene_say(&scene, callee, "[70,1,{\"progress\":true},[1]]");
    scene_silence(&scene, caller);
    scene_say(&scene, callee, "[70,1,{},[2]]");
    scene_hears(&scene, caller, "[50,1,{},[2]]");
    scene_fini(&scene);
}

static void calls_above_the_limits_are_refused_and_leave_nothing(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    limits.calls_per_session = 2;
    limits.invocations_per_session = 1;
    scene_init(&scene, 2, &limits);
    unsigned callee = scene_join(&scene, 1, SERIALIZER_MSGPACK);
    unsigned caller = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, callee, "[64,1,{},\"p\"]");
    scene_hears(&scene, callee, "[65,1,*]");
    scene_say(&scene, caller, "[48,1,{},\"p\"]");
    scene_hears(&scene, callee, "[68,1,*,{}]");
    scene_say(&scene, caller, "[48,2,{},\"p\"]");
    scene_hears(&scene, caller, "[8,48,2,{},\"clos.error.quota_exceeded\"]");
    scene_hold(&scene, true);
    scene_say(&scene, caller, "[48,3,{},\"p\"]");
    scene_say(&scene, caller, "[48,4,{},\"p\"]");
    scene_hears(&scene, caller, "[8,48,4,{},\"clos.error.quota_exceeded\",*]");
    scene_hold(&scene, false);
    scene_hears(&scene, caller, "[8,48,3,{},\"clos.error.quota_exceeded\"]");
    scene_say(&scene, callee, "[70,1,{}]");
    scene_hears(&scene, caller, "[50,1,{}]");
    nothing_is_open();
    scene_fini(&scene);
}

static void a_result_without_a_form_in_the_callers_serializer_is_an_error(void **state)
{
    (void)state;
    for (unsigned cores = 1; cores <= 2; cores++) {
        unsigned caller;
        unsigned callee;
        call_begin(cores, &caller, &callee);
        /* [70, 1, {}, [simple(99)]] */
        static const uint8_t yield[] = {0x84, 0x18, 70, 1, 0xa0, 0x81, 0xf8, 99};
        person_say_octets(&scene.people[callee], bytes_make(yield, sizeof yield));
        stage_run(&scene.stage);
        scene_hears(&scene, caller, "[8,48,1,{},\"wamp.error.invalid_argument\",*]");
        nothing_is_open();
        scene_fini(&scene);
    }
}

static void a_call_without_a_form_in_the_callees_serializer_takes_no_number(void **state)
{
    (void)state;
    for (unsigned cores = 1; cores <= 2; cores++) {
        scene_init(&scene, cores, NULL);
        unsigned callee = scene_join(&scene, cores - 1, SERIALIZER_JSON);
        unsigned caller = scene_join(&scene, 0, SERIALIZER_CBOR);
        scene_say(&scene, callee, "[64,1,{},\"p\"]");
        scene_hears(&scene, callee, "[65,1,*]");
        /* [48, 1, {}, "p", [simple(99)]] */
        static const uint8_t call[] = {0x85, 0x18, 48, 1, 0xa0, 0x61, 'p', 0x81, 0xf8, 99};
        person_say_octets(&scene.people[caller], bytes_make(call, sizeof call));
        stage_run(&scene.stage);
        scene_hears(&scene, caller, "[8,48,1,{},\"wamp.error.invalid_argument\"*]");
        scene_silence(&scene, callee);
        scene_say(&scene, caller, "[48,2,{},\"p\"]");
        scene_hears(&scene, callee, "[68,1,*,{}]"); /* the first number that it sees is 1 */
        scene_fini(&scene);
    }
}

static void an_invocation_under_a_pattern_names_its_procedure(void **state)
{
    (void)state;
    scene_init(&scene, 2, NULL);
    unsigned callee = scene_join(&scene, 1, SERIALIZER_JSON);
    unsigned caller = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, callee, "[64,1,{\"match\":\"prefix\"},\"p.\"]");
    scene_hears(&scene, callee, "[65,1,*]");
    scene_say(&scene, caller, "[48,1,{},\"p.a.b\"]");
    scene_hears(&scene, callee, "[68,1,*,{\"procedure\":\"p.a.b\"}]");
    scene_fini(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_records_vanish_in_every_order_of_leaving),
        cmocka_unit_test(each_call_ends_once_with_its_result_or_its_error),
        cmocka_unit_test(an_answer_that_crosses_its_callers_end_is_dropped),
        cmocka_unit_test(a_call_that_crosses_its_callees_end_finds_nobody),
        cmocka_unit_test(an_answer_to_an_invocation_that_never_was_ends_the_callee),
        cmocka_unit_test(progress_that_nobody_asked_for_leaves_the_call_open),
        cmocka_unit_test(calls_above_the_limits_are_refused_and_leave_nothing),
        cmocka_unit_test(a_result_without_a_form_in_the_callers_serializer_is_an_error),
        cmocka_unit_test(a_call_without_a_form_in_the_callees_serializer_takes_no_number),
        cmocka_unit_test(an_invocation_under_a_pattern_names_its_procedure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
