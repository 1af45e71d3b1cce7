/* HELLO and what it may be answered with. */
#include "router/welcome.h"

#include "tests/lib/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct scene scene;

static void welcome_announces_exactly_what_is_complete(void **state)
{
    (void)state;
    for (unsigned s = SERIALIZER_JSON; s <= SERIALIZER_CBOR; s++) {
        scene_init(&scene, 1, NULL);
        unsigned who = scene_enter(&scene, 0, (enum serializer)s);
        scene_say(&scene, who,
                  "[1,\"realm1\",{\"roles\":{\"caller\":{\"features\":{\"x\":true}}},"
                  "\"authid\":\"admin\",\"agent\":\"me\"}]");
        scene_hears(
            &scene, who,
            "[2,*,{\"roles\":{\"broker\":{\"features\":{\"pattern_based_subscription\":true,"
            "\"publisher_exclusion\":true}},\"dealer\":{\"features\":{"
            "\"pattern_based_registration\":true,\"shared_registration\":true}}},"
            "\"realm\":\"realm1\",\"agent\":\"clos\",\"authid\":\"anonymous-*\","
            "\"authrole\":\"anonymous\",\"authmethod\":\"anonymous\",\"authprovider\":\"static\"}"
            "]");
        assert_int_equal(scene.stage.cores[0].gauges.sessions, 1);
        scene_fini(&scene);
    }
}

static void who_can_not_join_hears_why_and_is_hung_up_on(void **state)
{
    (void)state;
    static const struct {
        const char *hello;
        const char *reason;
    } rows[] = {
        {"[1,\"realm2\",{\"roles\":{\"caller\":{}}}]", "wamp.error.no_such_realm"},
        {"[1,\"\",{\"roles\":{\"caller\":{}}}]", "wamp.error.invalid_uri"},
        {"[1,\"a..b\",{\"roles\":{\"caller\":{}}}]", "wamp.error.invalid_uri"},
        {"[1,\"realm1\",{\"roles\":{\"caller\":{}},\"authmethods\":[\"ticket\"]}]",
         "wamp.error.no_matching_auth_method"},
        {"[1,\"realm1\",{\"roles\":{\"caller\":{}},\"authmethods\":[]}]",
         "wamp.error.no_matching_auth_method"},
        {"[1,\"realm1\",{\"roles\":{}}]", "wamp.error.protocol_violation"},
        {"[1,\"realm1\",{}]", "wamp.error.protocol_violation"},
        {"[1,\"realm1\",{\"roles\":{\"broker\":{}}}]", "wamp.error.protocol_violation"},
        {"[16,1,{},\"a\"]", "wamp.error.protocol_violation"},
        {"[6,{},\"a.b\"]", "wamp.error.protocol_violation"},
        {"[5,\"x\",{}]", "wamp.error.protocol_violation"},
        {"[2,1,{}]", "wamp.error.protocol_violation"},
    };
    for (unsigned i = 0; i < array_count(rows); i++) {
        scene_init(&scene, 1, NULL);
        unsigned who = scene_enter(&scene, 0, SERIALIZER_JSON);
        scene_say(&scene, who, "%s", rows[i].hello);
        struct parsed heard = scene_hears(&scene, who, "[3,{\"message\":\"*\"},*]");
        assert_string_equal(heard.text[2], rows[i].reason);
        scene_silence(&scene, who);
        assert_true(scene.people[who].gone);
        assert_int_equal(scene.stage.cores[0].gauges.sessions, 0);
        scene_fini(&scene);
    }
}

static void a_realm_that_wants_a_login_lets_nobody_in_without(void **state)
{
    (void)state;
    scene_init(&scene, 1, NULL);
    scene.stage.cores[0].realms[0].anonymous = NULL;
    unsigned who = scene_enter(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, who, "[1,\"realm1\",{\"roles\":{\"caller\":{}}}]");
    scene_hears(&scene, who, "[3,*,\"wamp.error.authentication_required\"]");
    scene_fini(&scene);
}

static void every_session_has_an_id_and_a_name_of_its_own(void **state)
{
    (void)state;
    scene_init(&scene, 1, NULL);
    for (unsigned i = 0; i < SCENE_PEOPLE; i++) {
        scene_join(&scene, 0, SERIALIZER_JSON);
        const struct session *session = scene_session(&scene, i);
        assert_true(session->id >= 1 && session->id <= ID_MAX);
        for (unsigned k = 0; k < i; k++) {
            assert_int_not_equal(session->id, scene_session(&scene, k)->id);
            assert_string_not_equal(session->authid, scene_session(&scene, k)->authid);
        }
    }
    scene_fini(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(welcome_announces_exactly_what_is_complete),
        cmocka_unit_test(who_can_not_join_hears_why_and_is_hung_up_on),
        cmocka_unit_test(a_realm_that_wants_a_login_lets_nobody_in_without),
        cmocka_unit_test(every_session_has_an_id_and_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
