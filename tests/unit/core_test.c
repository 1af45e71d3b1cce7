/* A core as a whole: its end in the middle of everything, its notes, its draining. */
#include "router/core.h"

#include "tests/lib/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct scene scene;

static void the_end_with_everything_in_flight_leaves_no_memory(void **state)
{
    (void)state;
    for (unsigned moved = 0; moved < 6; moved++) {
        scene_init(&scene, 3, NULL);
        unsigned callee = scene_join(&scene, 1, SERIALIZER_JSON);
        unsigned caller = scene_join(&scene, 0, SERIALIZER_CBOR);
        unsigned hearer = scene_join(&scene, 2, SERIALIZER_MSGPACK);
        scene_say(&scene, callee, "[64,1,{},\"p\"]");
        scene_hears(&scene, callee, "[65,1,*]");
        scene_say(&scene, caller, "[48,1,{},\"p\",[1]]"); /* open on both sides */
        scene_hold(&scene, true);
        scene_say(&scene, caller, "[48,2,{},\"p\",[1]]"); /* on its way */
        scene_say(&scene, callee, "[70,1,{}]");           /* its answer on its way */
        for (unsigned home = 0; home < 3; home++) {       /* claims */
            scene_say(&scene, hearer, "[64,%u,{},\"%s\"]", home + 1,
                      scene_uri_of_home(&scene, home));
        }
        scene_say(&scene, hearer, "[32,4,{},\"a\"]"); /* an announcement */
        scene_say(&scene, caller, "[32,3,{},\"a\"]");
        for (unsigned i = 0; i < moved; i++) { /* some of it has gone a step further */
            unsigned from = i % 3;
            unsigned to = (from + 1 + i / 3) % 3;
            struct parcel *parcel = lane_take(&scene.stage.cores[from].lanes[to]);
            if (parcel != NULL) {
                core_notes_receive(&scene.stage.cores[to], (place_id)from,
                                   bytes_make(parcel->data, parcel->size));
                core_parcel_home(&scene.stage.cores[from], (place_id)to, parcel);
            }
        }
        scene_cut(&scene); /* core_fini checks that all memory came home */
    }
}

static void draining_says_goodbye_to_all_and_refuses_the_next(void **state)
{
    (void)state;
    scene_init(&scene, 2, NULL);
    unsigned polite = scene_join(&scene, 0, SERIALIZER_JSON);
    unsigned silent = scene_join(&scene, 0, SERIALIZER_JSON);
    unsigned early = scene_enter(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, polite, "[32,1,{},\"a\"]");
    scene_hears(&scene, polite, "[33,1,*]");
    unsigned late = scene_enter(&scene, 0, SERIALIZER_JSON);
    core_drain(&scene.stage.cores[0]);
    stage_run(&scene.stage);
    assert_true(scene.people[early].gone);
    assert_true(scene.people[late].gone);
    scene_hears(&scene, polite, "[6,{},\"wamp.close.system_shutdown\"]");
    scene_hears(&scene, silent, "[6,{},\"wamp.close.system_shutdown\"]");
    assert_int_equal(scene.stage.cores[1].gauges.subscriptions, 0);
    scene_say(&scene, polite, "[16,2,{\"acknowledge\":true},\"a\"]"); /* too late to count */
    scene_silence(&scene, polite);
    scene_say(&scene, polite, "[6,{},\"wamp.close.goodbye_and_out\"]");
    assert_true(scene.people[polite].gone);
    assert_false(scene.people[silent].gone);
    stage_wait(&scene.stage, limits_default().close_ms * NS_PER_MS + NS_PER_S);
    assert_true(scene.people[silent].gone);
    unsigned next = scene_enter(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, next, "[1,\"realm1\",{\"roles\":{\"caller\":{}}}]");
    scene_hears(&scene, next, "[3,*,\"wamp.close.system_shutdown\"]");
    scene_fini(&scene);
}

static void a_full_lane_pauses_who_adds_to_it_until_its_parcels_come_home(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    limits.place_bytes = 1 << 18;
    scene_init(&scene, 2, &limits);
    unsigned hearer = scene_join(&scene, 1, SERIALIZER_JSON);
    unsigned publisher = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_say(&scene, hearer, "[32,1,{},\"a\"]");
    scene_hears(&scene, hearer, "[33,1,*]");
    scene_hold(&scene, true);
    char filling[8001];
    memset(filling, 'x', sizeof filling - 1);
    filling[sizeof filling - 1] = '\0';
    for (unsigned i = 1; i <= 40; i++) {
        scene_say(&scene, publisher, "[16,%u,{},\"a\",[%u,\"%s\"]]", i, i, filling);
    }
    assert_true(scene.stage.cores[0].lanes[1].bytes <= limits.place_bytes);
    assert_false(conn_wants_reading(scene.stage.actors[publisher].conn));
    assert_true(conn_wants_reading(scene.stage.actors[hearer].conn));
    scene_hold(&scene, false);
    for (unsigned i = 1; i <= 40; i++) {
        assert_int_equal(scene_hears(&scene, hearer, "[36,*]").args[0], i);
    }
    assert_int_equal(scene.stage.cores[0].lanes[1].bytes, 0);
    assert_int_equal(scene.stage.cores[0].stats.place_pauses >= 1, true);
    scene_fini(&scene);
}

static void ids_of_patterns_differ_by_kind_realm_and_purpose_and_agree_between_cores(void **state)
{
    (void)state;
    scene_init(&scene, 2, NULL);
    const struct core *core = &scene.stage.cores[0];
    struct realm other = core->realms[0];
    other.index = 1;
    struct bytes uri = bytes_text("a.b");
    uint64_t id = core_pattern_id(core, &core->realms[0], "sub", MATCH_EXACT, uri);
    assert_true(id >= 1 && id <= ID_MAX);
    assert_int_equal(id, core_pattern_id(&scene.stage.cores[1], &scene.stage.cores[1].realms[0],
                                         "sub", MATCH_EXACT, uri));
    assert_int_not_equal(id, core_pattern_id(core, &core->realms[0], "reg", MATCH_EXACT, uri));
    assert_int_not_equal(id, core_pattern_id(core, &core->realms[0], "sub", MATCH_PREFIX, uri));
    assert_int_not_equal(id, core_pattern_id(core, &other, "sub", MATCH_EXACT, uri));
    scene_fini(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_with_everything_in_flight_leaves_no_memory),
        cmocka_unit_test(draining_says_goodbye_to_all_and_refuses_the_next),
        cmocka_unit_test(a_full_lane_pauses_who_adds_to_it_until_its_parcels_come_home),
        cmocka_unit_test(ids_of_patterns_differ_by_kind_realm_and_purpose_and_agree_between_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
