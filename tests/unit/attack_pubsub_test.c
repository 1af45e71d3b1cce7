/* Attack table, group H: publish & subscribe. */
#include "tests/lib/attack.h"

#include <stdio.h>

static void say_id(struct attack *attack, const char *head, uint64_t number, const char *rest)
{
    char text[256];
    int size = snprintf(text, sizeof text, "%s%llu%s", head, (unsigned long long)number, rest);
    assert_in_range(size, 1, sizeof text - 1);
    attack_say(attack, text);
}

/* The id in the next message: SUBSCRIBED or PUBLISHED. */
static uint64_t hear_id(struct attack *attack)
{
    char *json = person_hear(&attack->mallory);
    assert_non_null(json);
    const char *comma = strrchr(json, ',');
    assert_non_null(comma);
    uint64_t id = strtoull(comma + 1, NULL, 10);
    free(json);
    return id;
}

static const char *const bad_uris[] = {"a..b",  ".a",    "a.",      "#",        "a.b#c", "a b",
                                       "a\\tb", "a\\nb", "\\u00a0", "a\\u2029", ""};

/* Says it with each bad URI, and two too long ones; each is to be refused, or passed over. */
static void bad_uris_say(struct attack *attack, unsigned code, const char *options, bool silent)
{
    char expected[128];
    static char text[70000];
    uint64_t request = 0;
    for (size_t i = 0; i < array_count(bad_uris) + 3; i++) {
        int size = snprintf(text, sizeof text, "[%u,%llu,%s,\"", code,
                            (unsigned long long)++request, options);
        size_t at = (size_t)size;
        if (i < array_count(bad_uris)) {
            at += (size_t)snprintf(text + at, sizeof text - at, "%s", bad_uris[i]);
        } else if (i == array_count(bad_uris)) { /* 1025 octets */
            memset(text + at, 'a', 1025);
            at += 1025;
        } else { /* 129 components, and 65400 dots */
            size_t dots = i == array_count(bad_uris) + 1 ? 128 : 65400;
            for (size_t k = 0; k < dots; k++) {
                text[at++] = dots == 128 && k % 2 == 0 ? 'a' : '.';
            }
            for (size_t k = 0; dots == 128 && k < 65; k++) {
                text[at++] = '.';
                text[at++] = 'a';
            }
        }
        snprintf(text + at, sizeof text - at, "\"]");
        attack_say(attack, text);
        if (!silent) {
            snprintf(expected, sizeof expected,
                     "[8, %u, %llu, {}, \"wamp.error.invalid_uri\", ...]", code,
                     (unsigned long long)request);
            attack_expect(attack, expected);
        }
        attack_expect_nothing(attack);
    }
}

static void row_101_a_bad_uri_is_an_error_where_there_is_one(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    static const unsigned codes[] = {32, 64, 48};
    for (size_t i = 0; i < array_count(codes); i++) {
        attack_join(&attack, FRAMING_RAWSOCKET, (enum serializer)(1 + i));
        bad_uris_say(&attack, codes[i], "{}", false);
    }
    attack_end(&attack, ATTACK_COUNTER(requests_refused), 3 * (array_count(bad_uris) + 3));
}

static void row_101_a_bad_topic_is_an_error_only_if_acknowledge_was_asked_for(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    bad_uris_say(&attack, 16, "{\"acknowledge\":true}", false);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_MSGPACK);
    bad_uris_say(&attack, 16, "{}", true);
    attack_end(&attack, ATTACK_COUNTER(publications_refused), 2 * (array_count(bad_uris) + 3));
}

static void row_102_nobody_publishes_or_registers_under_wamp(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[32,1,{\"match\":\"prefix\"},\"wamp.\"]");
    attack_expect(&attack, "[33, 1, *]");
    attack_say(&attack, "[16,2,{\"acknowledge\":true,\"exclude_me\":false},"
                        "\"wamp.session.on_join\",[{\"session\":1}]]");
    attack_expect(&attack, "[8, 16, 2, {}, \"wamp.error.invalid_uri\", ...]");
    attack_say(&attack, "[16,3,{\"exclude_me\":false},\"wamp.session.on_leave\"]");
    attack_say(&attack, "[64,4,{},\"wamp.session.count\"]");
    attack_expect(&attack, "[8, 64, 4, {}, \"wamp.error.invalid_uri\", ...]");
    attack_say(&attack, "[64,5,{\"match\":\"prefix\"},\"wamp\"]");
    attack_expect(&attack, "[8, 64, 5, {}, \"wamp.error.invalid_uri\", ...]");
    attack_say(&attack, "[64,6,{\"match\":\"wildcard\"},\"wamp..count\"]");
    attack_expect(&attack, "[8, 64, 6, {}, \"wamp.error.invalid_uri\", ...]");
    attack_expect_nothing(&attack);
    attack_end(&attack, ATTACK_COUNTER(publications_refused), 2);
}

static void row_103_a_broad_pattern_needs_permission_for_all_of_it(void **state)
{
    (void)state;
    static const struct permission_settings permissions[] = {
        {.uri = "com.safe.", .match = MATCH_PREFIX, .allow = ACTION_ALL},
        {.uri = "com.", .match = MATCH_PREFIX, .allow = ACTION_SUBSCRIBE}};
    static const char *const patterns[] = {"{\"match\":\"prefix\"},\"\"",
                                           "{\"match\":\"prefix\"},\"c\"",
                                           "{\"match\":\"prefix\"},\"wamp\"",
                                           "{\"match\":\"wildcard\"},\"..\"",
                                           "{\"match\":\"wildcard\"},\".\"",
                                           "{\"match\":\"prefix\"},\"w\"",
                                           "{},\"org.topic\""};
    struct attack attack;
    attack_prepare(&attack);
    attack.role.permissions = permissions;
    attack.role.permissions_count = array_count(permissions);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    for (size_t i = 0; i < array_count(patterns); i++) {
        char text[128];
        char expected[128];
        snprintf(text, sizeof text, "[32,%zu,%s]", i + 1, patterns[i]);
        snprintf(expected, sizeof expected, "[8, 32, %zu, {}, \"wamp.error.not_authorized\", ...]",
                 i + 1);
        attack_say(&attack, text);
        attack_expect(&attack, expected);
    }
    say_id(&attack, "[32,", array_count(patterns) + 1, ",{\"match\":\"prefix\"},\"com.x\"]");
    attack_expect(&attack, "[33, 8, *]");
    attack_end(&attack, ATTACK_COUNTER(requests_refused), array_count(patterns));
}

static void row_104_shapes_of_wildcards_are_bounded(void **state)
{
    (void)state;
    enum { PATTERNS = 2000 };
    struct attack attack;
    uint64_t refused = 0;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    for (unsigned i = 0; i < PATTERNS; i++) { /* bits of i: which of eleven components are empty */
        char uri[64];
        size_t at = 0;
        char text[160];
        for (unsigned k = 0; k < 11; k++) {
            at += (size_t)snprintf(uri + at, sizeof uri - at, "%s%s", k == 0 ? "" : ".",
                                   (i >> k & 1) != 0 ? "" : "a");
        }
        snprintf(text, sizeof text, "[32,%u,{\"match\":\"wildcard\"},\"%s\"]", i + 1, uri);
        attack_say(&attack, text);
        char *json = person_hear(&attack.mallory);
        assert_non_null(json);
        if (strncmp(json, "[33,", 4) != 0) {
            assert_non_null(strstr(json, "\"clos.error.quota_exceeded\""));
            refused++;
        }
        free(json);
    }
    assert_true(refused >= PATTERNS - 65 && refused < PATTERNS);
    attack_end(&attack, ATTACK_COUNTER(quota_refusals), refused);
}

static void row_106_only_who_holds_a_subscription_can_end_it(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_CBOR);
    attack_say(&attack, "[32,1,{},\"com.safe.topic\"]"); /* as carol has, with the same id */
    uint64_t id = hear_id(&attack);
    say_id(&attack, "[34,2,", id, "]");
    attack_expect(&attack, "[35, 2]");
    say_id(&attack, "[34,3,", id, "]"); /* now it is only carol's */
    attack_expect(&attack, "[8, 34, 3, {}, \"wamp.error.no_such_subscription\", ...]");
    say_id(&attack, "[34,4,", id ^ 1, "]");
    attack_expect(&attack, "[8, 34, 4, {}, \"wamp.error.no_such_subscription\", ...]");
    say_id(&attack, "[34,5,", ID_MAX, "]");
    attack_expect(&attack, "[8, 34, 5, {}, \"wamp.error.no_such_subscription\", ...]");
    attack_end(&attack, ATTACK_COUNTER(requests_refused), 3);
}

static void row_107_a_thousand_times_the_same_topic_is_one_subscription(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_MSGPACK);
    attack_say(&attack, "[32,1,{},\"com.topic\"]");
    uint64_t id = hear_id(&attack);
    size_t idle = attack.stage.cores[0].mem.bytes_used;
    for (uint64_t i = 2; i <= 1000; i++) {
        say_id(&attack, "[32,", i, ",{},\"com.topic\"]");
        assert_true(hear_id(&attack) == id);
    }
    assert_int_equal(attack.stage.cores[0].mem.bytes_used, idle);
    attack_say(&attack, "[16,1001,{\"exclude_me\":false},\"com.topic\"]");
    attack_expect(&attack, "[36, *, *, {}]");
    attack_expect_nothing(&attack);
    say_id(&attack, "[34,1002,", id, "]");
    attack_expect(&attack, "[35, 1002]");
    attack_say(&attack, "[16,1003,{\"exclude_me\":false},\"com.topic\"]");
    attack_expect_nothing(&attack);
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

static void row_108_subscriptions_of_one_session_are_bounded(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack.limits.subscriptions_per_session = 100;
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    for (uint64_t i = 1; i <= 150; i++) {
        char text[64];
        snprintf(text, sizeof text, "[32,%llu,{},\"com.t%llu\"]", (unsigned long long)i,
                 (unsigned long long)i);
        attack_say(&attack, text);
        attack_expect(&attack, i <= 100 ? "[33, *, *]"
                                        : "[8, 32, *, {}, \"clos.error.quota_exceeded\", ...]");
    }
    attack_end(&attack, ATTACK_COUNTER(quota_refusals), 50);
}

static void row_108_patterns_of_a_realm_are_bounded(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack.limits.patterns_per_realm = 20; /* carol has one */
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    for (uint64_t i = 1; i <= 30; i++) {
        char text[64];
        snprintf(text, sizeof text, "[32,%llu,{},\"com.t%llu\"]", (unsigned long long)i,
                 (unsigned long long)i);
        attack_say(&attack, text);
        attack_expect(&attack, i <= 19 ? "[33, *, *]"
                                       : "[8, 32, *, {}, \"clos.error.quota_exceeded\", ...]");
    }
    attack_end(&attack, ATTACK_COUNTER(quota_refusals), 11);
}

static void row_109_lists_of_the_wrong_type_are_violations(void **state)
{
    (void)state;
    static const char *const messages[] = {"[16,1,{\"exclude\":5},\"t\"]",
                                           "[16,1,{\"exclude\":[\"5\"]},\"t\"]",
                                           "[16,1,{\"eligible\":[0]},\"t\"]",
                                           "[16,1,{\"eligible\":[[]]},\"t\"]",
                                           "[16,1,{\"eligible\":{}},\"t\"]",
                                           "[16,1,{\"exclude_authid\":[1]},\"t\"]",
                                           "[16,1,{\"eligible_authrole\":\"x\"},\"t\"]",
                                           "[16,1,{\"exclude_authrole\":[true]},\"t\"]"};
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < array_count(messages); i++) {
        attack_join(&attack, FRAMING_WEBSOCKET, (enum serializer)(1 + i % 3));
        attack_say(&attack, messages[i]);
        attack_expect_violation(&attack);
    }
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), array_count(messages));
}

static void row_109_a_list_of_many_ids_is_walked_and_kept_nowhere(void **state)
{
    (void)state;
    struct attack attack;
    struct octets octets = {0};
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    size_t idle = attack.stage.cores[0].mem.bytes_used;
    octets_text(&octets, "[16,1,{\"acknowledge\":true,\"exclude\":[1");
    for (unsigned i = 0; i < 500000; i++) {
        octets_text(&octets, ",7");
    }
    octets_text(&octets, "]},\"com.topic\"]");
    attack_say_octets(&attack, octets_view(&octets));
    octets_free(&octets);
    attack_expect(&attack, "[17, 1, *]");
    assert_int_equal(attack.stage.cores[0].mem.bytes_used, idle);
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

static void row_110_nobody_is_disclosed(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[32,1,{},\"com.topic\"]");
    attack_expect(&attack, "[33, 1, *]");
    attack_say(&attack, "[16,2,{\"disclose_me\":true,\"exclude_me\":false},\"com.topic\"]");
    attack_expect(&attack, "[36, *, *, {}]");
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

static void row_112_what_may_not_be_published_costs_nobody_else_anything(void **state)
{
    (void)state;
    static const struct permission_settings permissions[] = {
        {.uri = "", .match = MATCH_PREFIX, .allow = ACTION_ALL},
        {.uri = "com.closed.", .match = MATCH_PREFIX, .allow = ACTION_SUBSCRIBE}};
    struct attack attack;
    attack_prepare(&attack);
    attack.role.permissions = permissions;
    attack.role.permissions_count = array_count(permissions);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[32,1,{\"match\":\"prefix\"},\"com.closed.\"]");
    attack_expect(&attack, "[33, 1, *]");
    for (uint64_t i = 2; i <= 5000; i++) {
        say_id(&attack, "[16,", i, ",{\"exclude_me\":false},\"com.closed.topic\",[1]]");
    }
    attack_expect_nothing(&attack);
    attack_end(&attack, ATTACK_COUNTER(publications_refused), 4999);
}

/* Carol publishes from the other core while the notes between the cores are held up. */
static void row_113_no_event_before_subscribed_and_none_after_unsubscribed(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    uint64_t request = 0;
    uint64_t published = 2; /* carol's requests */
    for (unsigned round = 0; round < 200; round++) {
        bool held = round % 3 != 0;
        attack.stage.hold_parcels = held;
        say_id(&attack, "[32,", ++request, ",{},\"com.race\"]");
        for (unsigned i = 0; i < 3; i++) {
            char text[64];
            snprintf(text, sizeof text, "[16,%llu,{},\"com.race\"]",
                     (unsigned long long)++published);
            person_say(&attack.carol, text);
            stage_run(&attack.stage);
            attack.stage.hold_parcels = held && i == 0;
        }
        attack.stage.hold_parcels = false;
        stage_run(&attack.stage);
        uint64_t id = 0;
        bool subscribed = false;
        char *json;
        while ((json = person_hear(&attack.mallory)) != NULL) {
            if (strncmp(json, "[33,", 4) == 0) {
                subscribed = true;
                id = strtoull(strrchr(json, ',') + 1, NULL, 10);
            } else {
                assert_true(subscribed && strncmp(json, "[36,", 4) == 0);
            }
            free(json);
        }
        assert_true(subscribed);
        attack.stage.hold_parcels = held;
        char text[64];
        snprintf(text, sizeof text, "[16,%llu,{},\"com.race\"]", (unsigned long long)++published);
        person_say(&attack.carol, text); /* under way while UNSUBSCRIBE comes */
        stage_run(&attack.stage);
        snprintf(text, sizeof text, "[34,%llu,%llu]", (unsigned long long)++request,
                 (unsigned long long)id);
        attack_say(&attack, text);
        attack.stage.hold_parcels = false;
        stage_run(&attack.stage);
        bool over = false;
        while ((json = person_hear(&attack.mallory)) != NULL) {
            assert_false(over);
            over = strncmp(json, "[35,", 4) == 0;
            free(json);
        }
        assert_true(over);
    }
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_101_a_bad_uri_is_an_error_where_there_is_one),
        cmocka_unit_test(row_101_a_bad_topic_is_an_error_only_if_acknowledge_was_asked_for),
        cmocka_unit_test(row_102_nobody_publishes_or_registers_under_wamp),
        cmocka_unit_test(row_103_a_broad_pattern_needs_permission_for_all_of_it),
        cmocka_unit_test(row_104_shapes_of_wildcards_are_bounded),
        cmocka_unit_test(row_106_only_who_holds_a_subscription_can_end_it),
        cmocka_unit_test(row_107_a_thousand_times_the_same_topic_is_one_subscription),
        cmocka_unit_test(row_108_subscriptions_of_one_session_are_bounded),
        cmocka_unit_test(row_108_patterns_of_a_realm_are_bounded),
        cmocka_unit_test(row_109_lists_of_the_wrong_type_are_violations),
        cmocka_unit_test(row_109_a_list_of_many_ids_is_walked_and_kept_nowhere),
        cmocka_unit_test(row_110_nobody_is_disclosed),
        cmocka_unit_test(row_112_what_may_not_be_published_costs_nobody_else_anything),
        cmocka_unit_test(row_113_no_event_before_subscribed_and_none_after_unsubscribed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
