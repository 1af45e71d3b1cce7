/* Registrations: what their home decides, and the table that everybody keeps. */
#include "router/register.h"

#include "tests/lib/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct scene scene;

static void a_single_procedure_is_granted_once_wherever_its_home_is(void **state)
{
    (void)state;
    for (unsigned home = 0; home < 3; home++) {
        scene_init(&scene, 3, NULL);
        const char *uri = scene_uri_of_home(&scene, home);
        unsigned first = scene_join(&scene, 1, SERIALIZER_JSON);
        unsigned second = scene_join(&scene, 2, SERIALIZER_CBOR);
        scene_say(&scene, first, "[64,1,{},\"%s\"]", uri);
        uint64_t id = scene_hears(&scene, first, "[65,1,*]").number[2];
        scene_say(&scene, second, "[64,1,{},\"%s\"]", uri);
        scene_hears(&scene, second, "[8,64,1,{},\"wamp.error.procedure_already_exists\",*]");
        scene_say(&scene, first, "[66,2,%llu]", (unsigned long long)id);
        scene_hears(&scene, first, "[67,2]");
        scene_say(&scene, second, "[64,2,{},\"%s\"]", uri);
        assert_int_equal(scene_hears(&scene, second, "[65,2,*]").number[2], id);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(scene.stage.cores[i].gauges.claims, i == home);
            assert_int_equal(scene.stage.cores[i].gauges.callees, 1);
        }
        scene_fini(&scene);
    }
}

static void a_grant_for_a_session_that_left_is_given_back(void **state)
{
    (void)state;
    scene_init(&scene, 2, NULL);
    const char *uri = scene_uri_of_home(&scene, 1);
    unsigned callee = scene_join(&scene, 0, SERIALIZER_JSON);
    unsigned other = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_hold(&scene, true);
    scene_say(&scene, callee, "[64,1,{},\"%s\"]", uri);
    scene_leave(&scene, callee);
    scene_hold(&scene, false);
    assert_int_equal(scene.stage.cores[1].gauges.claims, 0);
    assert_int_equal(map_count(&scene.stage.cores[0].tickets), 0);
    scene_say(&scene, other, "[64,1,{},\"%s\"]", uri);
    scene_hears(&scene, other, "[65,1,*]");
    scene_fini(&scene);
}

static void a_denial_for_a_session_that_left_leaves_nothing(void **state)
{
    (void)state;
    scene_init(&scene, 2, NULL);
    const char *uri = scene_uri_of_home(&scene, 1);
    unsigned holder = scene_join(&scene, 1, SERIALIZER_JSON);
    unsigned callee = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, holder, "[64,1,{},\"%s\"]", uri);
    scene_hears(&scene, holder, "[65,1,*]");
    scene_hold(&scene, true);
    scene_say(&scene, callee, "[64,1,{},\"%s\"]", uri);
    scene_leave(&scene, callee);
    scene_hold(&scene, false);
    assert_int_equal(map_count(&scene.stage.cores[0].tickets), 0);
    assert_int_equal(scene.stage.cores[1].gauges.claims, 1);
    scene_fini(&scene);
}

static void policies_of_one_procedure_must_agree(void **state)
{
    (void)state;
    static const char *const policies[] = {"single", "roundrobin", "random", "first", "last"};
    for (unsigned a = 0; a < array_count(policies); a++) {
        for (unsigned b = 0; b < array_count(policies); b++) {
            scene_init(&scene, 2, NULL);
            unsigned first = scene_join(&scene, 0, SERIALIZER_JSON);
            unsigned second = scene_join(&scene, 1, SERIALIZER_JSON);
            scene_say(&scene, first, "[64,1,{\"invoke\":\"%s\"},\"p\"]", policies[a]);
            scene_hears(&scene, first, "[65,1,*]");
            scene_say(&scene, second, "[64,1,{\"invoke\":\"%s\"},\"p\"]", policies[b]);
            scene_hears(&scene, second,
                        a == b && a != 0 ? "[65,1,*]"
                                         : "[8,64,1,{},\"wamp.error.procedure_already_exists\",*]");
            scene_fini(&scene);
        }
    }
}

/* Three callees on three cores, called four times from a fourth. */
static void who_is_called(const char *policy, const unsigned *expected)
{
    scene_init(&scene, 4, NULL);
    unsigned callees[3];
    for (unsigned i = 0; i < 3; i++) {
        callees[i] = scene_join(&scene, i, SERIALIZER_JSON);
        scene_say(&scene, callees[i], "[64,1,{\"invoke\":\"%s\"},\"p\"]", policy);
        scene_hears(&scene, callees[i], "[65,1,*]");
    }
    unsigned caller = scene_join(&scene, 3, SERIALIZER_JSON);
    for (unsigned n = 1; n <= 4; n++) {
        scene_say(&scene, caller, "[48,%u,{},\"p\",[%u]]", n, n);
        for (unsigned i = 0; i < 3; i++) {
            if (i == expected[n - 1]) {
                scene_hears(&scene, callees[i], "[68,*]");
            }
            scene_silence(&scene, callees[i]);
        }
    }
    scene_fini(&scene);
}

static void the_policy_says_who_of_the_callees_is_called(void **state)
{
    (void)state;
    who_is_called("first", (const unsigned[]){0, 0, 0, 0});
    who_is_called("last", (const unsigned[]){2, 2, 2, 2});
    who_is_called("roundrobin", (const unsigned[]){0, 1, 2, 0});
}

static void callees_stand_in_the_homes_order_however_late_one_is_announced(void **state)
{
    (void)state;
    scene_init(&scene, 3, NULL);
    const char *uri = scene_uri_of_home(&scene, 1);
    unsigned early = scene_join(&scene, 0, SERIALIZER_JSON);
    unsigned late = scene_join(&scene, 1, SERIALIZER_JSON);
    unsigned caller = scene_join(&scene, 2, SERIALIZER_JSON);
    struct core *cores = scene.stage.cores;
    scene_hold(&scene, true);
    scene_say(&scene, early, "[64,1,{\"invoke\":\"first\"},\"%s\"]", uri);
    /* The claim reaches the home and the grant comes back; the announcement does not go on. */
    struct parcel *parcel = lane_take(&cores[0].lanes[1]);
    core_notes_receive(&cores[1], 0, bytes_make(parcel->data, parcel->size));
    core_parcel_home(&cores[0], 1, parcel);
    scene_say(&scene, late, "[64,1,{\"invoke\":\"first\"},\"%s\"]", uri);
    parcel = lane_take(&cores[1].lanes[2]);
    core_notes_receive(&cores[2], 1, bytes_make(parcel->data, parcel->size));
    core_parcel_home(&cores[1], 2, parcel);
    scene_say(&scene, caller, "[48,1,{},\"%s\"]", uri); /* knows only the late one */
    scene_hold(&scene, false);
    scene_hears(&scene, late, "[65,1,*]");
    scene_hears(&scene, late, "[68,1,*]");
    scene_hears(&scene, early, "[65,1,*]");
    scene_say(&scene, caller, "[48,2,{},\"%s\"]", uri);
    scene_hears(&scene, early, "[68,1,*]");
    scene_silence(&scene, late);
    scene_fini(&scene);
}

static void a_stale_single_callee_is_not_called_once_a_newer_is_known(void **state)
{
    (void)state;
    scene_init(&scene, 3, NULL);
    const char *uri = scene_uri_of_home(&scene, 1);
    unsigned old = scene_join(&scene, 0, SERIALIZER_JSON);
    unsigned new = scene_join(&scene, 1, SERIALIZER_JSON);
    unsigned caller = scene_join(&scene, 2, SERIALIZER_JSON);
    struct core *cores = scene.stage.cores;
    scene_say(&scene, old, "[64,1,{},\"%s\"]", uri);
    uint64_t id = scene_hears(&scene, old, "[65,1,*]").number[2];
    scene_hold(&scene, true);
    scene_say(&scene, old, "[66,2,%llu]", (unsigned long long)id);
    scene_hears(&scene, old, "[67,2]");
    struct parcel *parcel = lane_take(&cores[0].lanes[1]);
    core_notes_receive(&cores[1], 0, bytes_make(parcel->data, parcel->size));
    core_parcel_home(&cores[0], 1, parcel);
    scene_say(&scene, new, "[64,1,{},\"%s\"]", uri);
    parcel = lane_take(&cores[1].lanes[2]);
    core_notes_receive(&cores[2], 1, bytes_make(parcel->data, parcel->size));
    core_parcel_home(&cores[1], 2, parcel);
    /* The caller's core knows both: the old one's withdrawal is still under way. */
    assert_int_equal(cores[2].gauges.callees, 2);
    scene_say(&scene, caller, "[48,1,{},\"%s\"]", uri);
    scene_hold(&scene, false);
    scene_hears(&scene, new, "[65,1,*]");
    scene_hears(&scene, new, "[68,1,*]");
    scene_silence(&scene, old);
    scene_fini(&scene);
}

static void an_invocation_that_is_early_comes_behind_registered(void **state)
{
    (void)state;
    scene_init(&scene, 3, NULL);
    const char *uri = scene_uri_of_home(&scene, 0);
    unsigned callee = scene_join(&scene, 0, SERIALIZER_JSON);
    unsigned caller = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_hold(&scene, true);
    scene_say(&scene, callee, "[64,1,{},\"%s\"]", uri);
    scene_silence(&scene, callee);
    scene_say(&scene, caller, "[48,1,{},\"%s\"]", uri);
    scene_hears(&scene, callee, "[65,1,*]");
    scene_hears(&scene, callee, "[68,1,*]");
    scene_hold(&scene, false);
    scene_silence(&scene, callee);
    scene_fini(&scene);
}

static void a_place_without_room_refuses_and_the_claim_goes_home(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    limits.patterns_per_realm = 1;
    scene_init(&scene, 2, &limits);
    unsigned a = scene_join(&scene, 0, SERIALIZER_JSON);
    unsigned b = scene_join(&scene, 1, SERIALIZER_JSON);
    const char *at_a = scene_uri_of_home(&scene, 0);
    const char *at_b = scene_uri_of_home(&scene, 1);
    scene_hold(&scene, true); /* each fills its own table before it hears of the other's */
    scene_say(&scene, a, "[64,1,{},\"%s\"]", at_a);
    scene_say(&scene, b, "[64,1,{},\"%s\"]", at_b);
    scene_hold(&scene, false);
    scene_hears(&scene, a, "[8,64,1,{},\"clos.error.quota_exceeded\",*]");
    scene_hears(&scene, b, "[8,64,1,{},\"clos.error.quota_exceeded\",*]");
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(scene.stage.cores[i].gauges.claims, 0);
        assert_int_equal(scene.stage.cores[i].gauges.callees, 0);
        assert_int_equal(map_count(&scene.stage.cores[i].tickets), 0);
    }
    scene_say(&scene, a, "[64,2,{},\"%s\"]", at_a);
    scene_hears(&scene, a, "[65,2,*]");
    scene_fini(&scene);
}

static void asking_twice_is_answered_twice_and_held_once(void **state)
{
    (void)state;
    for (unsigned home = 0; home < 2; home++) {
        scene_init(&scene, 2, NULL);
        const char *uri = scene_uri_of_home(&scene, home);
        unsigned callee = scene_join(&scene, 0, SERIALIZER_JSON);
        scene_hold(&scene, true);
        scene_say(&scene, callee, "[64,1,{\"invoke\":\"last\"},\"%s\"]", uri);
        scene_say(&scene, callee, "[64,2,{\"invoke\":\"last\"},\"%s\"]", uri);
        scene_hold(&scene, false);
        scene_say(&scene, callee, "[64,3,{\"invoke\":\"last\"},\"%s\"]", uri);
        for (unsigned i = 0; i < 3; i++) {
            scene_hears(&scene, callee, "[65,*]");
        }
        assert_int_equal(scene.stage.cores[home].gauges.claims, 1);
        assert_int_equal(scene.stage.cores[1].gauges.callees, 1);
        scene_fini(&scene);
    }
}

static void a_registration_that_all_know_of_waits_for_nothing(void **state)
{
    (void)state;
    for (unsigned cores = 1; cores <= 3; cores++) {
        scene_init(&scene, cores, NULL);
        unsigned callee = scene_join(&scene, 0, SERIALIZER_JSON);
        scene_say(&scene, callee, "[64,1,{},\"p\"]");
        scene_hears(&scene, callee, "[65,1,*]");
        assert_int_equal(map_count(&scene.stage.cores[0].tickets), 0);
        scene_fini(&scene);
    }
}

static void names_of_the_router_and_bad_patterns_are_refused(void **state)
{
    (void)state;
    static const char *const options[] = {"\"wamp.x\"", "\"a..b\"", "\"\"", "\"a b\""};
    scene_init(&scene, 1, NULL);
    unsigned callee = scene_join(&scene, 0, SERIALIZER_JSON);
    for (unsigned i = 0; i < array_count(options); i++) {
        scene_say(&scene, callee, "[64,%u,{},%s]", i + 1, options[i]);
        scene_hears(&scene, callee, "[8,64,*,{},\"wamp.error.invalid_uri\",*]");
    }
    scene_say(&scene, callee, "[66,%zu,77]", array_count(options) + 1);
    scene_hears(&scene, callee, "[8,66,*,{},\"wamp.error.no_such_registration\",*]");
    scene_fini(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_procedure_is_granted_once_wherever_its_home_is),
        cmocka_unit_test(a_grant_for_a_session_that_left_is_given_back),
        cmocka_unit_test(a_denial_for_a_session_that_left_leaves_nothing),
        cmocka_unit_test(policies_of_one_procedure_must_agree),
        cmocka_unit_test(the_policy_says_who_of_the_callees_is_called),
        cmocka_unit_test(callees_stand_in_the_homes_order_however_late_one_is_announced),
        cmocka_unit_test(a_stale_single_callee_is_not_called_once_a_newer_is_known),
        cmocka_unit_test(an_invocation_that_is_early_comes_behind_registered),
        cmocka_unit_test(a_place_without_room_refuses_and_the_claim_goes_home),
        cmocka_unit_test(asking_twice_is_answered_twice_and_held_once),
        cmocka_unit_test(a_registration_that_all_know_of_waits_for_nothing),
        cmocka_unit_test(names_of_the_router_and_bad_patterns_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
