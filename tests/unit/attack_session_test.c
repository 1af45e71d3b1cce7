/* Attack table, group F: session state. */
#include "tests/lib/attack.h"

#include <stdio.h>

enum state { STATE_CONNECTED, STATE_JOINED };

/* Each message, said in that state, ends it as a violation; over both framings. */
static void violations_judge(enum state state, const char *const *messages, size_t count)
{
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < 2 * count; i++) {
        enum framing framing = i % 2 == 0 ? FRAMING_RAWSOCKET : FRAMING_WEBSOCKET;
        enum serializer serializer = (enum serializer)(1 + i % 3);
        if (state == STATE_CONNECTED) {
            attack_enter(&attack, framing, serializer);
        } else {
            attack_join(&attack, framing, serializer);
        }
        attack_say(&attack, messages[i / 2]);
        attack_expect_violation(&attack);
    }
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), 2 * count);
}

static void row_072_anything_but_hello_first_is_a_violation(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "[32,1,{},\"t\"]",       "[48,1,{},\"p\"]", "[6,{},\"com.bye\"]", "[70,1,{}]",
        "[16,1,{},\"t\"]",       "[64,1,{},\"p\"]", "[34,1,1]",           "[66,1,1]",
        "[8,68,1,{},\"com.e\"]", "[5,\"x\",{}]",    "[49,1,{}]"};
    violations_judge(STATE_CONNECTED, messages, array_count(messages));
}

static void row_072_an_abort_first_just_closes(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_enter(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[3,{},\"com.reason\"]");
    attack_expect_dropped(&attack);
    attack_enter(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[3,{},\"com.reason\"]");
    attack_expect_close(&attack, 1000);
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

static void row_073_a_second_hello_is_a_violation(void **state)
{
    (void)state;
    static const char *const messages[] = {"[1,\"realm1\",{\"roles\":{\"caller\":{}}}]",
                                           "[1,\"other\",{\"roles\":{\"caller\":{}}}]"};
    violations_judge(STATE_JOINED, messages, array_count(messages));
}

static const char *const from_router[] = {"[2,1,{}]", "[4,\"ticket\",{}]", "[17,1,1]",  "[33,1,1]",
                                          "[35,1]",   "[36,1,1,{}]",       "[50,1,{}]", "[65,1,1]",
                                          "[67,1]",   "[68,1,1,{}]",       "[69,1,{}]"};

static void row_074_what_only_a_router_says_is_a_violation_before_hello(void **state)
{
    (void)state;
    violations_judge(STATE_CONNECTED, from_router, array_count(from_router));
}

static void row_074_what_only_a_router_says_is_a_violation_in_a_session(void **state)
{
    (void)state;
    violations_judge(STATE_JOINED, from_router, array_count(from_router));
}

/* Each HELLO is refused with that reason. */
static void refusals_judge(struct attack *attack, const char *const *hellos, size_t count,
                           const char *abort)
{
    attack_begin(attack);
    for (size_t i = 0; i < count; i++) {
        attack_enter(attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
        attack_say(attack, hellos[i]);
        attack_expect(attack, abort);
        attack_expect_close(attack, 1000);
    }
    attack_end(attack, ATTACK_COUNTER(joins_refused), count);
}

static void row_076_a_realm_that_is_no_uri_is_refused_as_that(void **state)
{
    (void)state;
    static const char *const hellos[] = {
        "[1,\"\",{\"roles\":{\"caller\":{}}}]", "[1,\"a b\",{\"roles\":{\"caller\":{}}}]",
        "[1,\"a..b\",{\"roles\":{\"caller\":{}}}]", "[1,\"a#\",{\"roles\":{\"caller\":{}}}]",
        "[1,\"a\\u2028\",{\"roles\":{\"caller\":{}}}]"};
    struct attack attack;
    attack_prepare(&attack);
    refusals_judge(&attack, hellos, array_count(hellos),
                   "[3, {\"message\": *}, \"wamp.error.invalid_uri\"]");
}

static void row_077_an_unknown_realm_and_one_that_is_closed_here_sound_the_same(void **state)
{
    (void)state;
    static const char *const open[] = {"realm1", NULL};
    static const char *const hellos[] = {"[1,\"secret\",{\"roles\":{\"caller\":{}}}]",
                                         "[1,\"nowhere\",{\"roles\":{\"caller\":{}}}]"};
    struct realm_settings realms[2];
    struct attack attack;
    attack_prepare(&attack);
    attack.listener.realms = open;
    realms[0] = attack.realm;
    realms[1] = attack.realm;
    realms[1].name = "secret";
    attack.realms = realms;
    attack.realms_count = 2;
    refusals_judge(&attack, hellos, array_count(hellos),
                   "[3, {\"message\": \"no such realm\"}, \"wamp.error.no_such_realm\"]");
}

static void row_078_no_hello_in_5_s_is_hung_up_on_however_it_dribbles(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_enter(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    stage_wait(&attack.stage, 6 * NS_PER_S);
    attack_expect_close(&attack, 1008);
    /* octets keep nobody alive who does not say HELLO */
    attack_enter(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    uint64_t began = attack.stage.now_ns;
    attack_write(&attack, bytes_make("\x81\xfe\x10\x00mask", 8));
    for (unsigned i = 0; i < 30 && !attack.mallory.gone; i++) {
        attack_write(&attack, bytes_make("M", 1)); /* a blank, unmasked */
        stage_wait(&attack.stage, NS_PER_S / 2);
    }
    assert_true(attack.mallory.gone);
    assert_int_equal(attack.mallory.close_code, 1008);
    assert_true(attack.stage.now_ns - began <= 11 * NS_PER_S); /* its Close was in its frame */
    attack.before.close_timeouts++;
    attack_end(&attack, ATTACK_COUNTER(hello_timeouts), 2);
}

static void row_079_request_ids_that_are_not_next_are_violations(void **state)
{
    (void)state;
    static const char *const messages[] = {"[32,2,{},\"t\"]", "[16,3,{},\"t\"]",
                                           "[48,2,{},\"p\"]", "[64,5,{},\"p\"]",
                                           "[34,2,1]",        "[66,9007199254740992,1]"};
    violations_judge(STATE_JOINED, messages, array_count(messages));
}

static void row_079_request_ids_repeated_or_backwards_are_violations(void **state)
{
    (void)state;
    static const char *const messages[] = {"[16,3,{},\"t\"]", "[32,2,{},\"t\"]", "[48,1,{},\"p\"]",
                                           "[64,3,{},\"p\"]", "[34,1,1]",        "[66,3,1]",
                                           "[16,5,{},\"t\"]"};
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < array_count(messages); i++) {
        attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_CBOR);
        attack_say(&attack, "[16,1,{},\"t\"]");
        attack_say(&attack, "[16,2,{},\"t\"]");
        attack_say(&attack, "[16,3,{},\"t\"]");
        attack_say(&attack, messages[i]);
        attack_expect_violation(&attack);
    }
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), array_count(messages));
}

static void row_080_what_stands_behind_a_violation_has_no_effect(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (int framing = 0; framing < FRAMINGS; framing++) {
        attack_join(&attack, (enum framing)framing, SERIALIZER_JSON);
        struct person *mallory = &attack.mallory;
        person_say(mallory, "[16,1,{},\"com.safe.topic\",[\"before\"]]");
        person_say(mallory, "[99]");
        for (unsigned i = 0; i < 10; i++) {
            char text[64];
            snprintf(text, sizeof text, "[16,%u,{},\"com.safe.topic\",[\"behind\"]]", i + 2);
            person_say(mallory, text);
        }
        attack_expect_violation(&attack);
        char *json = person_hear(&attack.carol);
        assert_non_null(json);
        assert_non_null(strstr(json, "before"));
        free(json);
        assert_int_equal(attack.carol.heard_count, 0);
    }
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), 2);
}

/* The router drains: everybody hears its GOODBYE. The witnesses answer it at the end. */
static void drain(struct attack *attack)
{
    for (unsigned i = 0; i < attack->stage.cores_count; i++) {
        core_drain(&attack->stage.cores[i]);
    }
    attack_expect(attack, "[6, {}, \"wamp.close.system_shutdown\"]");
}

static void drain_end(struct attack *attack, size_t counter, uint64_t count)
{
    static const char goodbye[] = "[6,{},\"wamp.close.goodbye_and_out\"]";
    person_say(&attack->bob, goodbye);
    person_say(&attack->carol, goodbye);
    attack_leave(attack);
    assert_true(attack->bob.gone && attack->carol.gone);
    attack_counters_judge(attack, counter, count);
    stage_fini(&attack->stage);
    person_fini(&attack->bob);
    person_fini(&attack->carol);
}

static void row_082_a_goodbye_that_crosses_ours_is_the_answer(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    drain(&attack);
    attack_say(&attack, "[6,{},\"wamp.close.close_realm\"]");
    attack_expect_close(&attack, 1000);
    drain_end(&attack, ATTACK_UNCOUNTED, 0);
}

static void row_083_who_does_not_answer_our_goodbye_is_not_heard_and_gone_in_5_s(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    drain(&attack);
    attack_say(&attack, "[16,1,{\"acknowledge\":true},\"com.safe.topic\",[\"late\"]]");
    attack_say(&attack, "[32,2,{},\"t\"]");
    attack_say(&attack, "[99]");
    attack_say_octets(&attack, bytes_text("not even JSON"));
    attack_expect_nothing(&attack);
    stage_wait(&attack.stage, 4 * NS_PER_S);
    assert_false(attack.mallory.gone);
    person_say(&attack.bob, "[6,{},\"wamp.close.goodbye_and_out\"]");
    person_say(&attack.carol, "[6,{},\"wamp.close.goodbye_and_out\"]");
    stage_wait(&attack.stage, 2 * NS_PER_S);
    attack_expect_dropped(&attack);
    drain_end(&attack, ATTACK_COUNTER(close_timeouts), 1);
}

static void row_084_a_hello_behind_goodbye_begins_a_new_session(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_enter(&attack, FRAMING_WEBSOCKET, SERIALIZER_MSGPACK);
    for (unsigned i = 0; i < 100; i++) {
        attack_say(&attack, attack_hello);
        attack_expect(&attack, "[2, *, {...}]");
        attack_say(&attack, "[16,1,{\"acknowledge\":true},\"t\"]");
        attack_expect(&attack, "[17, 1, *]");
        attack_say(&attack, "[6,{},\"com.bye\"]");
        attack_expect(&attack, "[6, {}, \"wamp.close.goodbye_and_out\"]");
        assert_int_equal(attack.stage.cores[0].gauges.sessions, 1); /* bob's */
    }
    /* between two sessions there is none */
    attack_say(&attack, "[16,2,{},\"t\"]");
    attack_expect_violation(&attack);
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), 1);
}

static void row_085_what_a_role_does_is_for_who_announced_it(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"\"publisher\":{}", "[32,1,{},\"t\"]"}, {"\"subscriber\":{}", "[16,1,{},\"t\"]"},
        {"\"callee\":{}", "[48,1,{},\"p\"]"},    {"\"caller\":{}", "[64,1,{},\"p\"]"},
        {"\"caller\":{}", "[70,1,{}]"},          {"\"publisher\":{}", "[34,1,1]"}};
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < array_count(rows); i++) {
        char hello[128];
        snprintf(hello, sizeof hello, "[1,\"realm1\",{\"roles\":{%s}}]", rows[i][0]);
        attack_enter(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
        attack_say(&attack, hello);
        attack_expect(&attack, "[2, *, {...}]");
        attack_say(&attack, rows[i][1]);
        attack_expect_violation(&attack);
    }
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), array_count(rows));
}

static void row_085_a_lenient_listener_asks_for_no_role(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack.listener.request_ids = REQUEST_IDS_LENIENT;
    attack_begin(&attack);
    attack_enter(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[1,\"realm1\",{}]");
    attack_expect(&attack, "[2, *, {...}]");
    attack_say(&attack, "[32,70,{},\"t\"]");
    attack_expect(&attack, "[33, 70, *]");
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

static void row_086_a_guessed_resume_token_resumes_nothing(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_enter(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[1,\"realm1\",{\"roles\":{\"subscriber\":{}},\"resumable\":true,"
                        "\"resume-session\":1,\"resume-token\":\"guess\"}]");
    attack_expect(&attack, "[2, *, {\"roles\": *, \"realm\": *, \"agent\": *, \"authid\": *, "
                           "\"authrole\": *, \"authmethod\": *, \"authprovider\": *}]");
    attack_expect_nothing(&attack);
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

static void row_088_an_anonymous_client_does_not_choose_its_authid(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_enter(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[1,\"realm1\",{\"roles\":{\"subscriber\":{}},\"authid\":\"admin\","
                        "\"authrole\":\"admin\"}]");
    char *json = person_hear(&attack.mallory);
    assert_non_null(json);
    assert_null(strstr(json, "admin"));
    assert_non_null(strstr(json, "\"authid\":\"anonymous-"));
    assert_non_null(strstr(json, "\"authrole\":\"anonymous\""));
    free(json);
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_072_anything_but_hello_first_is_a_violation),
        cmocka_unit_test(row_072_an_abort_first_just_closes),
        cmocka_unit_test(row_073_a_second_hello_is_a_violation),
        cmocka_unit_test(row_074_what_only_a_router_says_is_a_violation_before_hello),
        cmocka_unit_test(row_074_what_only_a_router_says_is_a_violation_in_a_session),
        cmocka_unit_test(row_076_a_realm_that_is_no_uri_is_refused_as_that),
        cmocka_unit_test(row_077_an_unknown_realm_and_one_that_is_closed_here_sound_the_same),
        cmocka_unit_test(row_078_no_hello_in_5_s_is_hung_up_on_however_it_dribbles),
        cmocka_unit_test(row_079_request_ids_that_are_not_next_are_violations),
        cmocka_unit_test(row_079_request_ids_repeated_or_backwards_are_violations),
        cmocka_unit_test(row_080_what_stands_behind_a_violation_has_no_effect),
        cmocka_unit_test(row_082_a_goodbye_that_crosses_ours_is_the_answer),
        cmocka_unit_test(row_083_who_does_not_answer_our_goodbye_is_not_heard_and_gone_in_5_s),
        cmocka_unit_test(row_084_a_hello_behind_goodbye_begins_a_new_session),
        cmocka_unit_test(row_085_what_a_role_does_is_for_who_announced_it),
        cmocka_unit_test(row_085_a_lenient_listener_asks_for_no_role),
        cmocka_unit_test(row_086_a_guessed_resume_token_resumes_nothing),
        cmocka_unit_test(row_088_an_anonymous_client_does_not_choose_its_authid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
