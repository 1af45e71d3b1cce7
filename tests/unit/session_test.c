/* Session states, and welcome.c's door to them. */
#include "router/session.h"

#include "tests/lib/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct scene scene;

static void goodbye_is_answered_and_another_session_may_follow(void **state)
{
    (void)state;
    scene_init(&scene, 1, NULL);
    unsigned who = scene_join(&scene, 0, SERIALIZER_JSON);
    uint64_t first = scene_session(&scene, who)->id;
    scene_say(&scene, who, "[16,1,{},\"a\"]");
    scene_say(&scene, who, "[6,{},\"wamp.close.normal\"]");
    scene_hears(&scene, who, "[6,{},\"wamp.close.goodbye_and_out\"]");
    assert_null(scene_session(&scene, who));
    scene_say(&scene, who, "[1,\"realm1\",{\"roles\":{\"publisher\":{}}}]");
    assert_int_not_equal(scene_hears(&scene, who, "[2,*]").number[1], first);
    scene_say(&scene, who, "[16,1,{\"acknowledge\":true},\"a\"]"); /* ids begin again */
    scene_hears(&scene, who, "[17,1,*]");
    scene_fini(&scene);
}

static void request_ids_are_one_two_three(void **state)
{
    (void)state;
    static const unsigned wrong[] = {1, 3, 77};
    for (unsigned i = 0; i < array_count(wrong); i++) {
        scene_init(&scene, 1, NULL);
        unsigned who = scene_join(&scene, 0, SERIALIZER_MSGPACK);
        scene_say(&scene, who, "[16,1,{},\"a\"]");
        scene_say(&scene, who, "[32,%u,{},\"a\"]", wrong[i]);
        scene_hears(&scene, who, "[3,*,\"wamp.error.protocol_violation\"]");
        scene_silence(&scene, who);
        assert_true(scene.people[who].gone);
        scene_fini(&scene);
    }
}

static void the_request_behind_the_last_id_is_one(void **state)
{
    (void)state;
    scene_init(&scene, 1, NULL);
    unsigned who = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_session(&scene, who)->request_last = ID_MAX - 1;
    scene_say(&scene, who, "[16,9007199254740992,{\"acknowledge\":true},\"a\"]");
    scene_hears(&scene, who, "[17,9007199254740992,*]");
    scene_say(&scene, who, "[16,1,{\"acknowledge\":true},\"a\"]");
    scene_hears(&scene, who, "[17,1,*]");
    scene_fini(&scene);
}

static void a_lenient_listener_takes_any_id_but_not_one_in_use(void **state)
{
    (void)state;
    scene_init(&scene, 1, NULL);
    scene.stage.listener.request_ids = REQUEST_IDS_LENIENT;
    unsigned who = scene_enter(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, who, "[1,\"realm1\",{}]"); /* nor does it want roles */
    scene_hears(&scene, who, "[2,*]");
    scene_say(&scene, who, "[64,77,{},\"p\"]");
    scene_hears(&scene, who, "[65,77,*]");
    scene_say(&scene, who, "[48,5,{},\"p\"]");
    scene_hears(&scene, who, "[68,1,*]");
    scene_say(&scene, who, "[48,5,{},\"p\"]");
    scene_hears(&scene, who, "[3,*,\"wamp.error.protocol_violation\"]");
    scene_fini(&scene);
}

static void a_request_of_a_role_that_was_not_announced_is_a_violation(void **state)
{
    (void)state;
    static const struct {
        const char *role;
        const char *request;
    } rows[] = {
        {"publisher", "[16,1,{},\"a\"]"}, {"subscriber", "[32,1,{},\"a\"]"},
        {"subscriber", "[34,1,1]"},       {"caller", "[48,1,{},\"a\"]"},
        {"callee", "[64,1,{},\"a\"]"},    {"callee", "[66,1,1]"},
        {"callee", "[70,1,{}]"},          {"callee", "[8,68,1,{},\"a.b\"]"},
    };
    static const char *const roles[] = {"publisher", "subscriber", "caller", "callee"};
    for (unsigned i = 0; i < array_count(rows); i++) {
        for (unsigned k = 0; k < array_count(roles); k++) {
            bool same = strcmp(roles[k], rows[i].role) == 0;
            bool answer = strstr(rows[i].request, "[70") != NULL ||
                          strstr(rows[i].request, "[8") != NULL; /* of no invocation */
            scene_init(&scene, 1, NULL);
            unsigned who = scene_enter(&scene, 0, SERIALIZER_JSON);
            scene_say(&scene, who, "[1,\"realm1\",{\"roles\":{\"%s\":{}}}]", roles[k]);
            scene_hears(&scene, who, "[2,*]");
            scene_say(&scene, who, "%s", rows[i].request);
            assert_int_equal(scene.people[who].gone, !same || answer);
            scene_fini(&scene);
        }
    }
}

static void a_violation_is_told_and_nothing_behind_it_counts(void **state)
{
    (void)state;
    scene_init(&scene, 1, NULL);
    unsigned hearer = scene_join(&scene, 0, SERIALIZER_JSON);
    unsigned who = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, hearer, "[32,1,{},\"a\"]");
    scene_hears(&scene, hearer, "[33,1,*]");
    person_say(&scene.people[who], "[16,1,{},\"a\",[1]]");
    person_say(&scene.people[who], "[2,1,{}]");
    person_say(&scene.people[who], "[16,2,{},\"a\",[2]]");
    stage_run(&scene.stage);
    scene_hears(&scene, hearer, "[36,*,[1]]");
    scene_silence(&scene, hearer);
    scene_hears(&scene, who, "[3,{\"message\":\"*\"},\"wamp.error.protocol_violation\"]");
    scene_silence(&scene, who);
    assert_true(scene.people[who].gone);
    assert_int_equal(scene.stage.cores[0].stats.protocol_violations, 1);
    scene_fini(&scene);
}

static void passthru_was_not_announced_so_it_is_a_violation(void **state)
{
    (void)state;
    static const char *const uses[] = {"[16,1,{\"ppt_scheme\":\"x_a\"},\"a\",[1]]",
                                       "[48,1,{\"ppt_scheme\":\"x_a\"},\"a\",[1]]"};
    for (unsigned i = 0; i < array_count(uses); i++) {
        scene_init(&scene, 1, NULL);
        unsigned who = scene_join(&scene, 0, SERIALIZER_JSON);
        scene_say(&scene, who, "%s", uses[i]);
        scene_hears(&scene, who, "[3,*,\"wamp.error.protocol_violation\"]");
        scene_fini(&scene);
    }
}

static void abort_from_the_peer_ends_all_without_an_answer(void **state)
{
    (void)state;
    scene_init(&scene, 1, NULL);
    unsigned who = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, who, "[3,{},\"com.tired\"]");
    scene_silence(&scene, who);
    assert_true(scene.people[who].gone);
    unsigned early = scene_enter(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, early, "[3,{},\"com.tired\"]");
    scene_silence(&scene, early);
    assert_true(scene.people[early].gone);
    scene_fini(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goodbye_is_answered_and_another_session_may_follow),
        cmocka_unit_test(request_ids_are_one_two_three),
        cmocka_unit_test(the_request_behind_the_last_id_is_one),
        cmocka_unit_test(a_lenient_listener_takes_any_id_but_not_one_in_use),
        cmocka_unit_test(a_request_of_a_role_that_was_not_announced_is_a_violation),
        cmocka_unit_test(a_violation_is_told_and_nothing_behind_it_counts),
        cmocka_unit_test(passthru_was_not_announced_so_it_is_a_violation),
        cmocka_unit_test(abort_from_the_peer_ends_all_without_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
