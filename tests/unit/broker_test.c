/* Subscriptions and events, on one core and between cores. */
#include "router/broker.h"

#include "tests/lib/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct scene scene;

static void subscribe(unsigned who, unsigned request, const char *match, const char *uri)
{
    scene_say(&scene, who, "[32,%u,{\"match\":\"%s\"},\"%s\"]", request, match, uri);
}

static void nobody_wants_anything(void)
{
    for (unsigned i = 0; i < scene.stage.cores_count; i++) {
        const struct core *core = &scene.stage.cores[i];
        assert_int_equal(core->gauges.subscriptions, 0);
        assert_int_equal(core->gauges.subscribers, 0);
        assert_int_equal(map_count(&core->tickets), 0);
    }
}

static void an_event_reaches_every_serializer_on_every_core(void **state)
{
    (void)state;
    scene_init(&scene, 2, NULL);
    unsigned hearers[6];
    for (unsigned i = 0; i < 6; i++) {
        hearers[i] = scene_join(&scene, i % 2, (enum serializer)(SERIALIZER_JSON + i / 2));
        subscribe(hearers[i], 1, "exact", "a.b");
        scene_hears(&scene, hearers[i], "[33,1,*]");
    }
    unsigned publisher = scene_join(&scene, 0, SERIALIZER_MSGPACK);
    scene_say(&scene, publisher, "[16,1,{},\"a.b\",[1,-2,\"x\",1.5],{\"k\":[null,true]}]");
    for (unsigned i = 0; i < 6; i++) {
        scene_hears(&scene, hearers[i], "[36,*,*,{},[1,-2,\"x\",1.5],{\"k\":[null,true]}]");
        scene_silence(&scene, hearers[i]);
    }
    scene_fini(&scene);
}

static void a_pattern_brings_the_topic_and_each_subscription_its_own_event(void **state)
{
    (void)state;
    scene_init(&scene, 2, NULL);
    unsigned hearer = scene_join(&scene, 1, SERIALIZER_JSON);
    unsigned publisher = scene_join(&scene, 0, SERIALIZER_JSON);
    uint64_t ids[3];
    static const char *const matches[] = {"exact", "prefix", "wildcard"};
    static const char *const uris[] = {"a.b", "a", ".b"};
    for (unsigned i = 0; i < 3; i++) {
        subscribe(hearer, i + 1, matches[i], uris[i]);
        ids[i] = scene_hears(&scene, hearer, "[33,*]").number[2];
    }
    scene_say(&scene, publisher, "[16,1,{\"acknowledge\":true},\"a.b\"]");
    uint64_t publication = scene_hears(&scene, publisher, "[17,1,*]").number[2];
    for (unsigned i = 0; i < 3; i++) {
        struct parsed event =
            scene_hears(&scene, hearer, i == 0 ? "[36,*,*,{}]" : "[36,*,*,{\"topic\":\"a.b\"}]");
        assert_int_equal(event.number[1], ids[i]);
        assert_int_equal(event.number[2], publication);
    }
    scene_silence(&scene, hearer);
    scene_fini(&scene);
}

static void a_publisher_hears_itself_only_if_it_wants_to(void **state)
{
    (void)state;
    scene_init(&scene, 1, NULL);
    unsigned publisher = scene_join(&scene, 0, SERIALIZER_JSON);
    subscribe(publisher, 1, "exact", "a");
    scene_hears(&scene, publisher, "[33,1,*]");
    scene_say(&scene, publisher, "[16,2,{},\"a\",[1]]");
    scene_silence(&scene, publisher);
    scene_say(&scene, publisher, "[16,3,{\"exclude_me\":false,\"acknowledge\":true},\"a\",[2]]");
    scene_hears(&scene, publisher, "[36,*,[2]]");
    scene_hears(&scene, publisher, "[17,3,*]");
    scene_fini(&scene);
}

static void subscribed_waits_for_every_place_and_earlier_events_are_not_heard(void **state)
{
    (void)state;
    scene_init(&scene, 3, NULL);
    unsigned hearer = scene_join(&scene, 0, SERIALIZER_JSON);
    unsigned publisher = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_hold(&scene, true);
    subscribe(hearer, 1, "exact", "a");
    scene_say(&scene, publisher, "[16,1,{},\"a\",[1]]");
    scene_silence(&scene, hearer);
    scene_hold(&scene, false);
    scene_hears(&scene, hearer, "[33,1,*]");
    scene_say(&scene, publisher, "[16,2,{},\"a\",[2]]");
    scene_hears(&scene, hearer, "[36,*,[2]]");
    scene_silence(&scene, hearer);
    scene_fini(&scene);
}

static void subscribing_again_brings_the_same_id_and_unsubscribing_ends_it_at_once(void **state)
{
    (void)state;
    scene_init(&scene, 2, NULL);
    unsigned hearer = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_hold(&scene, true);
    subscribe(hearer, 1, "exact", "a");
    subscribe(hearer, 2, "exact", "a");
    scene_hold(&scene, false);
    uint64_t id = scene_hears(&scene, hearer, "[33,1,*]").number[2];
    assert_int_equal(scene_hears(&scene, hearer, "[33,2,*]").number[2], id);
    subscribe(hearer, 3, "exact", "a");
    assert_int_equal(scene_hears(&scene, hearer, "[33,3,*]").number[2], id);
    scene_say(&scene, hearer, "[34,4,%llu]", (unsigned long long)id);
    scene_hears(&scene, hearer, "[35,4]");
    nobody_wants_anything();
    scene_say(&scene, hearer, "[34,5,%llu]", (unsigned long long)id);
    scene_hears(&scene, hearer, "[8,34,5,{},\"wamp.error.no_such_subscription\",*]");
    scene_fini(&scene);
}

static void who_waits_too_often_for_one_pattern_is_refused(void **state)
{
    (void)state;
    scene_init(&scene, 2, NULL);
    unsigned hearer = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_hold(&scene, true);
    for (unsigned i = 1; i <= WAITING_MAX; i++) {
        subscribe(hearer, i, "exact", "a");
    }
    scene_silence(&scene, hearer);
    subscribe(hearer, WAITING_MAX + 1, "exact", "a");
    scene_hears(&scene, hearer, "[8,32,17,{},\"clos.error.quota_exceeded\",*]");
    scene_leave(&scene, hearer); /* with all of them waiting */
    scene_hold(&scene, false);
    nobody_wants_anything();
    scene_fini(&scene);
}

static void a_place_without_room_refuses_all_who_wait(void **state)
{
    (void)state;
    struct limits limits = limits_default();
    limits.patterns_per_realm = 1;
    scene_init(&scene, 2, &limits);
    unsigned a = scene_join(&scene, 0, SERIALIZER_JSON);
    unsigned twin = scene_join(&scene, 0, SERIALIZER_JSON);
    unsigned b = scene_join(&scene, 1, SERIALIZER_JSON);
    scene_hold(&scene, true);
    subscribe(a, 1, "exact", "a");
    subscribe(a, 2, "exact", "a");
    subscribe(twin, 1, "exact", "a");
    subscribe(b, 1, "exact", "b");
    scene_hold(&scene, false);
    scene_hears(&scene, a, "[8,32,1,{},\"clos.error.quota_exceeded\",*]");
    scene_hears(&scene, a, "[8,32,2,{},\"clos.error.quota_exceeded\",*]");
    scene_hears(&scene, twin, "[8,32,1,{},\"clos.error.quota_exceeded\",*]");
    scene_hears(&scene, b, "[8,32,1,{},\"clos.error.quota_exceeded\",*]");
    nobody_wants_anything();
    subscribe(b, 2, "exact", "a");
    scene_hears(&scene, b, "[33,2,*]");
    subscribe(b, 3, "exact", "c"); /* its own table is full */
    scene_hears(&scene, b, "[8,32,3,{},\"clos.error.quota_exceeded\",*]");
    scene_fini(&scene);
}

static void an_interest_given_back_while_it_is_announced_leaves_nothing(void **state)
{
    (void)state;
    scene_init(&scene, 3, NULL);
    unsigned hearer = scene_join(&scene, 0, SERIALIZER_JSON);
    scene_hold(&scene, true);
    for (unsigned i = 1; i < 8; i++) { /* the id is a hash: it can be known before it is told */
        subscribe(hearer, 2 * i - 1, "exact", "a");
        uint64_t id = core_pattern_id(&scene.stage.cores[0], &scene.stage.cores[0].realms[0], "sub",
                                      MATCH_EXACT, bytes_text("a"));
        scene_say(&scene, hearer, "[34,%u,%llu]", 2 * i, (unsigned long long)id);
        scene_hears(&scene, hearer, "[33,*]");
        scene_hears(&scene, hearer, "[35,*]");
    }
    scene_hold(&scene, false);
    scene_silence(&scene, hearer);
    nobody_wants_anything();
    scene_fini(&scene);
}

static void a_refused_publication_is_told_only_to_who_asked(void **state)
{
    (void)state;
    static const char *const topics[] = {"", "a..b", "wamp.session.on_join", "a b"};
    scene_init(&scene, 1, NULL);
    unsigned publisher = scene_join(&scene, 0, SERIALIZER_JSON);
    for (unsigned i = 0; i < array_count(topics); i++) {
        scene_say(&scene, publisher, "[16,%u,{},\"%s\"]", 2 * i + 1, topics[i]);
        scene_silence(&scene, publisher);
        scene_say(&scene, publisher, "[16,%u,{\"acknowledge\":true},\"%s\"]", 2 * i + 2, topics[i]);
        scene_hears(&scene, publisher, "[8,16,*,{},\"wamp.error.invalid_uri\",*]");
    }
    assert_int_equal(scene.stage.cores[0].stats.publications_refused, 2 * array_count(topics));
    assert_int_equal(scene.stage.cores[0].stats.publications, 0);
    scene_fini(&scene);
}

static void an_event_without_a_form_is_skipped_for_that_serializer_only(void **state)
{
    (void)state;
    scene_init(&scene, 2, NULL);
    unsigned json = scene_join(&scene, 1, SERIALIZER_JSON);
    unsigned cbor = scene_join(&scene, 1, SERIALIZER_CBOR);
    unsigned publisher = scene_join(&scene, 0, SERIALIZER_CBOR);
    subscribe(json, 1, "exact", "a");
    subscribe(cbor, 1, "exact", "a");
    scene_hears(&scene, json, "[33,1,*]");
    scene_hears(&scene, cbor, "[33,1,*]");
    /* [16, 1, {}, "a", [tag 0 ("x")]]: a tag is dropped; then a simple value, which has no form */
    static const uint8_t tagged[] = {0x85, 16, 1, 0xa0, 0x61, 'a', 0x81, 0xc0, 0x61, 'x'};
    static const uint8_t simple[] = {0x85, 16, 2, 0xa0, 0x61, 'a', 0x81, 0xf8, 99};
    scene.stage.actors[cbor].deaf = true; /* what it is sent has no form as JSON text */
    person_say_octets(&scene.people[publisher], bytes_make(tagged, sizeof tagged));
    person_say_octets(&scene.people[publisher], bytes_make(simple, sizeof simple));
    stage_run(&scene.stage);
    scene_hears(&scene, json, "[36,*,{},[\"x\"]]");
    scene_silence(&scene, json);
    assert_int_equal(scene.stage.cores[1].stats.events_untranscodable, 1);
    assert_int_equal(scene.stage.cores[1].stats.events_delivered, 3);
    scene_fini(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_reaches_every_serializer_on_every_core),
        cmocka_unit_test(a_pattern_brings_the_topic_and_each_subscription_its_own_event),
        cmocka_unit_test(a_publisher_hears_itself_only_if_it_wants_to),
        cmocka_unit_test(subscribed_waits_for_every_place_and_earlier_events_are_not_heard),
        cmocka_unit_test(subscribing_again_brings_the_same_id_and_unsubscribing_ends_it_at_once),
        cmocka_unit_test(who_waits_too_often_for_one_pattern_is_refused),
        cmocka_unit_test(a_place_without_room_refuses_all_who_wait),
        cmocka_unit_test(an_interest_given_back_while_it_is_announced_leaves_nothing),
        cmocka_unit_test(a_refused_publication_is_told_only_to_who_asked),
        cmocka_unit_test(an_event_without_a_form_is_skipped_for_that_serializer_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
