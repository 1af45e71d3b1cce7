/* Attack table, group I: calls. */
#include "router/realm.h"
#include "tests/lib/attack.h"

#include <stdio.h>

static void bob_say(struct attack *attack, unsigned code, const char *rest)
{
    char text[256];
    int size = snprintf(text, sizeof text, "[%u,%llu,%s", code,
                        (unsigned long long)++attack->request, rest);
    assert_in_range(size, 1, sizeof text - 1);
    person_say(&attack->bob, text);
    stage_run(&attack->stage);
}

/* What bob hears begins with these words; his request's number stands for the sign %. */
static void bob_hears(struct attack *attack, const char *words)
{
    char expected[160];
    size_t at = 0;
    for (; *words != '\0'; words++) {
        if (*words == '%') {
            at += (size_t)snprintf(expected + at, sizeof expected - at, "%llu",
                                   (unsigned long long)attack->request);
        } else {
            expected[at++] = *words;
        }
    }
    expected[at] = '\0';
    stage_run(&attack->stage);
    char *json = person_hear(&attack->bob);
    assert_non_null(json);
    if (strncmp(json, expected, at) != 0) {
        print_error("expected %s\n   heard %s\n", expected, json);
        fail();
    }
    free(json);
}

static void row_115_who_may_not_call_learns_nothing_of_what_exists(void **state)
{
    (void)state;
    static const struct permission_settings permissions[] = {
        {.uri = "", .match = MATCH_PREFIX, .allow = ACTION_ALL},
        {.uri = "com.closed.", .match = MATCH_PREFIX, .allow = ACTION_REGISTER}};
    struct attack attack;
    attack_prepare(&attack);
    attack.role.permissions = permissions;
    attack.role.permissions_count = array_count(permissions);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[64,1,{},\"com.closed.there\"]");
    attack_expect(&attack, "[65, 1, *]");
    attack_say(&attack, "[48,2,{},\"com.closed.there\"]");
    attack_expect(&attack, "[8, 48, 2, {}, \"wamp.error.not_authorized\", "
                           "[\"calling this is not allowed\"]]");
    attack_say(&attack, "[48,3,{},\"com.closed.missing\"]");
    attack_expect(&attack, "[8, 48, 3, {}, \"wamp.error.not_authorized\", "
                           "[\"calling this is not allowed\"]]");
    attack_say(&attack, "[48,4,{},\"com.open.missing\"]");
    attack_expect(&attack, "[8, 48, 4, {}, \"wamp.error.no_such_procedure\", ...]");
    attack_end(&attack, ATTACK_COUNTER(requests_refused), 3);
}

static void row_116_a_procedure_that_is_taken_stays_its_callees(void **state)
{
    (void)state;
    static const char *const policies[] = {"",
                                           "\"invoke\":\"single\"",
                                           "\"invoke\":\"roundrobin\"",
                                           "\"invoke\":\"first\"",
                                           "\"invoke\":\"last\"",
                                           "\"invoke\":\"random\""};
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_CBOR);
    for (size_t i = 0; i < array_count(policies); i++) {
        char text[128];
        snprintf(text, sizeof text, "[64,%zu,{%s},\"com.safe.procedure\"]", i + 1, policies[i]);
        attack_say(&attack, text);
        attack_expect(&attack, "[8, 64, *, {}, \"wamp.error.procedure_already_exists\", ...]");
    }
    attack_say(&attack, "[64,7,{\"invoke\":\"first\"},\"com.shared\"]");
    attack_expect(&attack, "[65, 7, *]");
    bob_say(&attack, 64, "{\"invoke\":\"last\"},\"com.shared\"]");
    bob_hears(&attack, "[8,64,%,{},\"wamp.error.procedure_already_exists\"");
    attack_end(&attack, ATTACK_COUNTER(requests_refused), array_count(policies) + 1);
}

static void row_118_a_pattern_for_everything_shadows_nothing(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[64,1,{\"match\":\"prefix\"},\"\"]");
    attack_expect(&attack, "[65, 1, *]");
    attack_say(&attack, "[64,2,{\"match\":\"wildcard\"},\"com..procedure\"]");
    attack_expect(&attack, "[65, 2, *]");
    attack_say(&attack, "[64,3,{\"match\":\"prefix\"},\"com.safe.proc\"]");
    attack_expect(&attack, "[65, 3, *]");
    /* carol's com.safe.procedure is exact: attack_end calls it. Nor is wamp.* anybody's. */
    bob_say(&attack, 48, "{},\"wamp.session.count\"]");
    bob_hears(&attack, "[8,48,%,{},\"wamp.error.no_such_procedure\"");
    attack_expect_nothing(&attack);
    attack_end(&attack, ATTACK_COUNTER(requests_refused), 1);
}

static void row_118_a_pattern_needs_permission_for_all_of_it(void **state)
{
    (void)state;
    static const struct permission_settings permissions[] = {
        {.uri = "com.", .match = MATCH_PREFIX, .allow = ACTION_ALL}};
    static const char *const patterns[] = {"prefix\"},\"\"", "prefix\"},\"c\"",
                                           "wildcard\"},\"..\"", "wildcard\"},\".a\""};
    struct attack attack;
    attack_prepare(&attack);
    attack.role.permissions = permissions;
    attack.role.permissions_count = array_count(permissions);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    for (size_t i = 0; i < array_count(patterns); i++) {
        char text[128];
        snprintf(text, sizeof text, "[64,%zu,{\"match\":\"%s]", i + 1, patterns[i]);
        attack_say(&attack, text);
        attack_expect(&attack, "[8, 64, *, {}, \"wamp.error.not_authorized\", ...]");
    }
    attack_end(&attack, ATTACK_COUNTER(requests_refused), array_count(patterns));
}

static void row_119_only_who_holds_a_registration_can_end_it(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    uint64_t foreign = core_pattern_id(&attack.stage.cores[1], &attack.stage.cores[1].realms[0],
                                       "reg", MATCH_EXACT, bytes_text("com.safe.procedure"));
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_MSGPACK);
    char text[64];
    snprintf(text, sizeof text, "[66,1,%llu]", (unsigned long long)foreign);
    attack_say(&attack, text);
    attack_expect(&attack, "[8, 66, 1, {}, \"wamp.error.no_such_registration\", ...]");
    attack_say(&attack, "[66,2,4711]");
    attack_expect(&attack, "[8, 66, 2, {}, \"wamp.error.no_such_registration\", ...]");
    attack_say(&attack, "[64,3,{},\"com.mallory\"]");
    char *json = person_hear(&attack.mallory);
    assert_non_null(json);
    uint64_t own = strtoull(strrchr(json, ',') + 1, NULL, 10);
    free(json);
    snprintf(text, sizeof text, "[66,4,%llu]", (unsigned long long)own);
    attack_say(&attack, text);
    attack_expect(&attack, "[67, 4]");
    snprintf(text, sizeof text, "[66,5,%llu]", (unsigned long long)own);
    attack_say(&attack, text);
    attack_expect(&attack, "[8, 66, 5, {}, \"wamp.error.no_such_registration\", ...]");
    attack_end(&attack, ATTACK_COUNTER(requests_refused), 3);
}

static void row_120_an_answer_to_an_invocation_that_never_was_is_a_violation(void **state)
{
    (void)state;
    static const char *const answers[] = {"[70,1,{}]", "[70,2,{}]", "[70,9007199254740992,{}]",
                                          "[8,68,1,{},\"com.error\"]", "[8,68,7,{},\"com.error\"]"};
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < array_count(answers); i++) {
        attack_join(&attack, FRAMING_WEBSOCKET, (enum serializer)(1 + i % 3));
        attack_say(&attack, answers[i]);
        attack_expect_violation(&attack);
    }
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), array_count(answers));
}

/* Mallory offers com.mallory and is called by bob: its first invocation. */
static void invoke(struct attack *attack)
{
    attack_join(attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say(attack, "[64,1,{},\"com.mallory\"]");
    attack_expect(attack, "[65, 1, *]");
    bob_say(attack, 48, "{},\"com.mallory\"]");
    attack_expect(attack, "[68, 1, *, {}]");
}

static void row_121_a_late_answer_is_ignored_and_the_session_lives(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    invoke(&attack);
    attack_say(&attack, "[70,1,{},[\"first\"]]");
    bob_hears(&attack, "[50,%,{},[\"first\"]]");
    attack_say(&attack, "[70,1,{},[\"second\"]]");
    attack_say(&attack, "[8,68,1,{},\"com.error\"]");
    attack_expect_nothing(&attack);
    assert_int_equal(attack.bob.heard_count, 0);
    attack_say(&attack, "[16,2,{\"acknowledge\":true},\"t\"]");
    attack_expect(&attack, "[17, 2, *]");
    attack_end(&attack, ATTACK_COUNTER(replies_late), 2);
}

/* Carol has had invocations 1 and is about to have 2; mallory has had 1 of its own. */
static void row_122_nobody_answers_for_another_callee(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    invoke(&attack);
    attack_say(&attack, "[70,1,{}]");
    bob_hears(&attack, "[50,%,{}]");
    bob_say(&attack, 48, "{},\"com.safe.procedure\"]");
    stage_run(&attack.stage);
    char *json = person_hear(&attack.carol);
    assert_non_null(json);
    assert_non_null(strstr(json, "[68,2,"));
    free(json);
    attack_say(&attack, "[70,1,{},[\"injected\"]]"); /* over: ignored */
    attack_expect_nothing(&attack);
    assert_int_equal(attack.bob.heard_count, 0);
    attack.before.replies_late++;
    attack_say(&attack, "[70,2,{},[\"injected\"]]"); /* never was: a violation */
    attack_expect_violation(&attack);
    assert_int_equal(attack.bob.heard_count, 0);
    person_say(&attack.carol, "[70,2,{},[\"true\"]]");
    attack.invoked = 2;
    bob_hears(&attack, "[50,%,{},[\"true\"]]");
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), 1);
}

static void row_125_cancel_belongs_to_a_feature_that_is_not_announced(void **state)
{
    (void)state;
    static const char *const cancels[] = {"[49,1,{}]", "[49,1,{\"mode\":\"kill\"}]",
                                          "[49,1,{\"mode\":\"explode\"}]"};
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < array_count(cancels); i++) {
        attack_join(&attack, FRAMING_RAWSOCKET, (enum serializer)(1 + i));
        attack_say(&attack, cancels[i]);
        attack_expect_violation(&attack);
    }
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), array_count(cancels));
}

static void row_128_a_timeout_that_is_no_number_is_a_violation(void **state)
{
    (void)state;
    static const char *const calls[] = {"[48,1,{\"timeout\":-1},\"com.safe.procedure\"]",
                                        "[48,1,{\"timeout\":1.5},\"com.safe.procedure\"]",
                                        "[48,1,{\"timeout\":\"1\"},\"com.safe.procedure\"]",
                                        "[48,1,{\"timeout\":true},\"com.safe.procedure\"]"};
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < array_count(calls); i++) {
        attack_join(&attack, FRAMING_WEBSOCKET, (enum serializer)(1 + i % 3));
        attack_say(&attack, calls[i]);
        attack_expect_violation(&attack);
    }
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), array_count(calls));
}

static void row_132_progress_that_nobody_asked_for_is_dropped(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    invoke(&attack);
    for (unsigned i = 0; i < 100; i++) {
        attack_say(&attack, "[70,1,{\"progress\":true},[\"some\"]]");
    }
    attack_expect_nothing(&attack);
    assert_int_equal(attack.bob.heard_count, 0);
    attack_say(&attack, "[70,1,{},[\"all\"]]");
    bob_hears(&attack, "[50,%,{},[\"all\"]]");
    attack_end(&attack, ATTACK_COUNTER(replies_late), 100);
}

static void row_133_each_of_10000_open_calls_hears_once_that_its_callee_died(void **state)
{
    (void)state;
    enum { CALLS = 10000 };
    static bool told[CALLS + 16];
    struct attack attack;
    memset(told, 0, sizeof told);
    attack_prepare(&attack);
    attack.limits.calls_per_session = CALLS;
    attack.limits.invocations_per_session = CALLS;
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[64,1,{},\"com.mallory\"]");
    attack_expect(&attack, "[65, 1, *]");
    uint64_t first = attack.request + 1;
    for (unsigned i = 0; i < CALLS; i++) {
        char text[64];
        snprintf(text, sizeof text, "[48,%llu,{},\"com.mallory\"]",
                 (unsigned long long)++attack.request);
        person_say(&attack.bob, text);
    }
    stage_run(&attack.stage);
    assert_int_equal(attack.mallory.heard_count, CALLS);
    attack_leave(&attack);
    for (unsigned i = 0; i < CALLS; i++) {
        char *json = person_hear(&attack.bob);
        assert_non_null(json);
        assert_true(strncmp(json, "[8,48,", 6) == 0);
        assert_non_null(strstr(json, "\"wamp.error.canceled\""));
        uint64_t request = strtoull(json + 6, NULL, 10);
        free(json);
        assert_in_range(request, first, first + CALLS - 1);
        assert_false(told[request]);
        told[request] = true;
    }
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

static void row_133_calls_of_one_session_are_bounded(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack.limits.calls_per_session = 50;
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[64,1,{},\"com.mallory\"]");
    attack_expect(&attack, "[65, 1, *]");
    for (unsigned i = 0; i < 60; i++) { /* to itself, so that nobody else is in it */
        char text[64];
        snprintf(text, sizeof text, "[48,%u,{},\"com.mallory\"]", i + 2);
        attack_say(&attack, text);
        attack_expect(&attack, i < 50 ? "[68, *, *, {}]"
                                      : "[8, 48, *, {}, \"clos.error.quota_exceeded\", ...]");
    }
    attack_end(&attack, ATTACK_COUNTER(quota_refusals), 10);
}

static void row_136_what_a_caller_claims_to_be_is_never_passed_on(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[64,1,{},\"com.mallory\"]");
    attack_expect(&attack, "[65, 1, *]");
    attack_say(&attack, "[48,2,{\"caller\":1,\"caller_authid\":\"admin\",\"caller_authrole\":"
                        "\"admin\",\"procedure\":\"com.admin\",\"trustlevel\":9},\"com.mallory\"]");
    attack_expect(&attack, "[68, 1, *, {}]");
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_115_who_may_not_call_learns_nothing_of_what_exists),
        cmocka_unit_test(row_116_a_procedure_that_is_taken_stays_its_callees),
        cmocka_unit_test(row_118_a_pattern_for_everything_shadows_nothing),
        cmocka_unit_test(row_118_a_pattern_needs_permission_for_all_of_it),
        cmocka_unit_test(row_119_only_who_holds_a_registration_can_end_it),
        cmocka_unit_test(row_120_an_answer_to_an_invocation_that_never_was_is_a_violation),
        cmocka_unit_test(row_121_a_late_answer_is_ignored_and_the_session_lives),
        cmocka_unit_test(row_122_nobody_answers_for_another_callee),
        cmocka_unit_test(row_125_cancel_belongs_to_a_feature_that_is_not_announced),
        cmocka_unit_test(row_128_a_timeout_that_is_no_number_is_a_violation),
        cmocka_unit_test(row_132_progress_that_nobody_asked_for_is_dropped),
        cmocka_unit_test(row_133_each_of_10000_open_calls_hears_once_that_its_callee_died),
        cmocka_unit_test(row_133_calls_of_one_session_are_bounded),
        cmocka_unit_test(row_136_what_a_caller_claims_to_be_is_never_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
