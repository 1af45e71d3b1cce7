/* Connections: their deadlines, their ends, their limits. */
#include "router/conn.h"

#include "router/session.h"
#include "tests/lib/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct scene scene;

static void who_does_not_say_hello_in_time_is_hung_up_on(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    scene_init(&scene, 1, NULL);
    unsigned who = scene_enter(&scene, 0, SERIALIZER_JSON);
    stage_wait(&scene.stage, (limits.hello_ms - 100) * NS_PER_MS);
    assert_false(scene.people[who].gone);
    stage_wait(&scene.stage, 200 * NS_PER_MS);
    assert_true(scene.people[who].gone);
    assert_int_equal(scene.stage.cores[0].stats.hello_timeouts, 1);
    scene_fini(&scene);
}

static void the_clock_for_hello_runs_again_behind_goodbye(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    scene_init(&scene, 1, NULL);
    unsigned who = scene_join(&scene, 0, SERIALIZER_JSON);
    stage_wait(&scene.stage, 100 * NS_PER_S);
    assert_false(scene.people[who].gone);
    scene_say(&scene, who, "[6,{},\"a.b\"]");
    stage_wait(&scene.stage, (limits.hello_ms - 100) * NS_PER_MS);
    assert_false(scene.people[who].gone);
    stage_wait(&scene.stage, 200 * NS_PER_MS);
    assert_true(scene.people[who].gone);
    scene_fini(&scene);
}

static void who_does_not_answer_our_goodbye_is_cut(void **state)
{
    (void)state;
    scene_init(&scene, 1, NULL);
    unsigned who = scene_join(&scene, 0, SERIALIZER_JSON);
    session_goodbye(scene_session(&scene, who), "wamp.close.close_realm");
    session_goodbye(scene_session(&scene, who), "wamp.close.close_realm"); /* said once */
    stage_run(&scene.stage);
    scene_hears(&scene, who, "[6,{},\"wamp.close.close_realm\"]");
    scene_silence(&scene, who);
    stage_wait(&scene.stage, (limits_default().close_ms + 100) * NS_PER_MS);
    assert_true(scene.people[who].gone);
    assert_int_equal(scene.stage.cores[0].stats.close_timeouts, 1);
    scene_fini(&scene);
}

static void a_connection_above_the_limit_is_told_so_and_many_above_are_not_opened(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    limits.connections = 1;
    scene_init(&scene, 1, &limits);
    scene_join(&scene, 0, SERIALIZER_JSON);
    unsigned second = scene_enter(&scene, 0, SERIALIZER_JSON);
    assert_true(scene.people[second].refused && scene.people[second].gone);
    struct conn *conns[100];
    struct core *core = &scene.stage.cores[0];
    unsigned count = 0;
    while ((conns[count] = conn_open(core, &scene.stage.listener, NULL)) != NULL) {
        count++;
        assert_true(count < array_count(conns));
    }
    assert_int_equal(count, 64);
    while (count > 0) {
        conn_release(conns[--count]);
    }
    assert_int_equal(core->stats.connections_refused, 1 + 64 + 1);
    scene_fini(&scene);
}

static void the_end_of_the_peer_ends_its_session_at_once(void **state)
{
    (void)state;
    scene_init(&scene, 1, NULL);
    unsigned who = scene_join(&scene, 0, SERIALIZER_JSON);
    struct conn *conn = scene.stage.actors[who].conn;
    conn_peer_ended(conn);
    assert_null(conn->session);
    assert_true(conn_is_done(conn));
    assert_false(conn_wants_reading(conn));
    assert_int_equal(scene.stage.cores[0].gauges.sessions, 0);
    scene_fini(&scene);
}

static void a_doomed_connection_is_ended_at_the_end_of_the_turn_and_once(void **state)
{
    (void)state;
    scene_init(&scene, 1, NULL);
    unsigned who = scene_join(&scene, 0, SERIALIZER_JSON);
    struct conn *conn = scene.stage.actors[who].conn;
    conn_doom(conn, DOOM_STUCK);
    conn_doom(conn, DOOM_MEMORY); /* the first reason stands */
    assert_non_null(conn->session);
    core_turn_end(&scene.stage.cores[0]);
    assert_null(conn->session);
    assert_true(conn->phase == CONN_LAST_WORDS && conn->out.bytes > 0 && !conn_is_done(conn));
    assert_int_equal(scene.stage.cores[0].stats.killed_stuck, 1);
    assert_int_equal(scene.stage.cores[0].stats.killed_memory, 0);
    stage_run(&scene.stage);
    scene_hears(&scene, who, "[3,*,\"wamp.close.killed\"]");
    scene_silence(&scene, who);
    stage_wait(&scene.stage, 30 * NS_PER_S);
    assert_true(scene.people[who].gone);
    scene_fini(&scene);
}

static void text_where_binary_was_agreed_is_a_violation(void **state)
{
    (void)state;
    struct person person;
    scene_init(&scene, 1, NULL);
    person_init(&person, FRAMING_WEBSOCKET, SERIALIZER_CBOR);
    stage_enter(&scene.stage, &person, 0);
    person_say(&person, "[1,\"realm1\",{\"roles\":{\"caller\":{}}}]");
    stage_run(&scene.stage);
    octets_frame_text(&person.out, 0x81, "[48,1,{},\"a\"]");
    stage_run(&scene.stage);
    assert_true(person.gone);
    assert_int_equal(person.close_code, 1003);
    assert_int_equal(scene.stage.cores[0].gauges.sessions, 0);
    scene_fini(&scene);
    person_fini(&person);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_does_not_say_hello_in_time_is_hung_up_on),
        cmocka_unit_test(the_clock_for_hello_runs_again_behind_goodbye),
        cmocka_unit_test(who_does_not_answer_our_goodbye_is_cut),
        cmocka_unit_test(a_connection_above_the_limit_is_told_so_and_many_above_are_not_opened),
        cmocka_unit_test(the_end_of_the_peer_ends_its_session_at_once),
        cmocka_unit_test(a_doomed_connection_is_ended_at_the_end_of_the_turn_and_once),
        cmocka_unit_test(text_where_binary_was_agreed_is_a_violation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
