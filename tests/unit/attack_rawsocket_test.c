/* Attack table, group D: RawSocket. */
#include "tests/lib/attack.h"

/* A handshake and the exact answer, behind which the router hangs up. */
static void handshake_judge(struct attack *attack, const char handshake[5], const char answer[5])
{
    attack_enter_silent(attack);
    attack_write(attack, bytes_make(handshake, 4));
    attack_expect_octets(attack, bytes_make(answer, 4));
}

static void row_040_serializer_0_is_error_1(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    handshake_judge(&attack, "\x7f\xf0\0\0", "\x7f\x10\0\0");
    attack_end(&attack, ATTACK_END(RAWSOCKET_REFUSED), 1);
}

static void row_041_serializers_that_are_not_spoken_are_error_1(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack.listener.transport.serializers = 1 << SERIALIZER_JSON | 1 << SERIALIZER_CBOR;
    attack_begin(&attack);
    for (unsigned i = 2; i < 16; i++) {
        char handshake[5] = {0x7f, (char)(0xf0 | i), 0, 0};
        if (i != SERIALIZER_CBOR) {
            handshake_judge(&attack, handshake, "\x7f\x10\0\0");
        }
    }
    attack_end(&attack, ATTACK_END(RAWSOCKET_REFUSED), 13);
}

static void row_042_a_client_that_takes_only_512_octets_is_error_2(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    handshake_judge(&attack, "\x7f\x01\0\0", "\x7f\x20\0\0");
    attack_end(&attack, ATTACK_END(RAWSOCKET_REFUSED), 1);
}

static void row_043_reserved_octets_are_error_3(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    handshake_judge(&attack, "\x7f\xf1\1\0", "\x7f\x30\0\0");
    handshake_judge(&attack, "\x7f\xf1\0\1", "\x7f\x30\0\0");
    handshake_judge(&attack, "\x7f\xf1\xff\xff", "\x7f\x30\0\0");
    attack_end(&attack, ATTACK_END(RAWSOCKET_REFUSED), 3);
}

static void row_044_a_full_router_is_error_4_or_503(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack.limits.connections = 1; /* on the first core: bob */
    attack_begin(&attack);
    attack_enter_silent(&attack);
    attack_write(&attack, bytes_make("\x7f\xf1\0\0", 4));
    attack_expect_octets(&attack, bytes_make("\x7f\x40\0\0", 4));
    attack_enter_silent(&attack);
    attack_write_text(&attack, "GET /ws HTTP/1.1\r\nHost: h\r\n\r\n");
    attack_expect_status(&attack, 503);
    attack.before.transport_ends[TRANSPORT_END_RAWSOCKET_REFUSED]++; /* how each was told */
    attack.before.transport_ends[TRANSPORT_END_HTTP_REFUSED]++;
    attack_end(&attack, ATTACK_COUNTER(connections_refused), 2);
}

/* Octets behind a good handshake: hung up without any octet, with and without a session. */
static void frames_judge(const char *const *frames, size_t count, size_t size, size_t counter)
{
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < 2 * count; i++) {
        if (i % 2 == 0) {
            attack_enter(&attack, FRAMING_RAWSOCKET, SERIALIZER_MSGPACK);
        } else {
            attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_MSGPACK);
        }
        attack_write(&attack, bytes_make(frames[i / 2], size));
        attack_expect_dropped(&attack);
    }
    attack_end(&attack, counter, 2 * count);
}

static void row_046_reserved_bits_and_types_hang_up(void **state)
{
    (void)state;
    static const char *const frames[] = {"\x10\0\0\1x", "\x20\0\0\1x",      "\x40\0\0\1x",
                                         "\x80\0\0\1x", "\xf0\0\0\1x",      "\x03\0\0\1x",
                                         "\x04\0\0\1x", "\x05\0\0\1x",      "\x06\0\0\1x",
                                         "\x07\0\0\1x", "\xff\xff\xff\xffx"};
    frames_judge(frames, array_count(frames), 5, ATTACK_END(RAWSOCKET_FRAME));
}

static void row_047_the_ninth_length_bit_with_others_hangs_up(void **state)
{
    (void)state;
    static const char *const frames[] = {"\x08\0\0\1x", "\x08\x80\0\0x", "\x08\xff\xff\xffx"};
    frames_judge(frames, array_count(frames), 5, ATTACK_END(RAWSOCKET_FRAME));
}

static void row_047_16_mib_that_were_not_announced_hang_up(void **state)
{
    (void)state;
    static const char *const frames[] = {"\x08\0\0\0"};
    frames_judge(frames, array_count(frames), 4, ATTACK_END(TOO_BIG));
}

static void row_048_a_length_over_the_announced_limit_hangs_up_on_the_prefix(void **state)
{
    (void)state;
    static const char *const frames[] = {"\0\xff\xff\xff", "\0\x10\0\1"};
    frames_judge(frames, array_count(frames), 4, ATTACK_END(TOO_BIG));
}

static void row_049_a_body_that_never_comes_costs_nothing_and_ends_in_30_s(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    size_t idle = attack.stage.cores[0].mem.bytes_used;
    attack_write(&attack, bytes_make("\0\x0f\xff\xff[16,1", 9));
    assert_true(attack.stage.cores[0].mem.bytes_used <= idle + 4096);
    stage_wait(&attack.stage, 29 * NS_PER_S);
    assert_false(attack.mallory.gone);
    stage_wait(&attack.stage, 2 * NS_PER_S);
    attack_expect_dropped(&attack);
    attack_end(&attack, ATTACK_END(MESSAGE_TIMEOUT), 1);
}

static void row_050_an_empty_message_is_a_violation(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (int i = SERIALIZER_JSON; i < SERIALIZERS; i++) {
        attack_enter(&attack, FRAMING_RAWSOCKET, (enum serializer)i);
        attack_write(&attack, bytes_make("\0\0\0\0", 4));
        attack_expect_violation(&attack);
        attack_join(&attack, FRAMING_RAWSOCKET, (enum serializer)i);
        attack_write(&attack, bytes_make("\0\0\0\0", 4));
        attack_expect_violation(&attack);
    }
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), 6);
}

static void row_052_a_ping_that_the_client_itself_would_not_take_hangs_up(void **state)
{
    (void)state;
    static uint8_t payload[1025];
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_enter_silent(&attack);
    struct octets octets = {0};
    octets_put(&octets, "\x7f\x11\0\0", 4); /* takes 1024 */
    octets_raw(&octets, 1, bytes_make(payload, sizeof payload));
    attack_write(&attack, octets_view(&octets));
    assert_int_equal(attack.mallory.in.size, 4); /* the handshake's answer, no PONG */
    assert_true(attack.mallory.gone);
    octets_free(&octets);
    attack_end(&attack, ATTACK_END(TOO_BIG), 1);
}

static void row_053_pings_over_budget_hang_up_and_each_within_it_is_answered(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    struct octets octets = {0};
    for (unsigned i = 0; i < 50; i++) {
        octets_raw(&octets, 1, bytes_text("ping"));
    }
    attack_write(&attack, octets_view(&octets));
    assert_int_equal(attack.mallory.pongs, 50);
    attack_write(&attack, bytes_make("\1\0\0\0", 4));
    attack_expect_dropped(&attack);
    octets_free(&octets);
    attack_end(&attack, ATTACK_END(FLOOD), 1);
}

static void row_054_a_pong_that_nobody_asked_for_is_ignored(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    for (unsigned i = 0; i < 1000; i++) {
        attack_write(&attack, bytes_make("\2\0\0\4pong", 8));
    }
    attack_expect_nothing(&attack);
    attack_say(&attack, "[16,1,{\"acknowledge\":true},\"t\"]");
    attack_expect(&attack, "[17, 1, *]");
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

/* Joins by a RawSocket that takes 1024 octets. */
static void join_small(struct attack *attack)
{
    attack_enter_silent(attack);
    attack->mallory.refused = false;
    attack_write(attack, bytes_make("\x7f\x11\0\0", 4));
    attack_say(attack, attack_hello);
    attack_expect(attack, "[2, *, {...}]");
}

static void say_large(struct attack *attack, struct person *person, const char *before)
{
    struct octets octets = {0};
    octets_text(&octets, before);
    octets_fill(&octets, 'x', 2000);
    octets_text(&octets, "\"]]");
    octets_put(&octets, "", 1);
    person_say(person, (const char *)octets.at);
    octets_free(&octets);
    stage_run(&attack->stage);
}

static void bob_hears(struct attack *attack, const char *words)
{
    char *json = person_hear(&attack->bob);
    assert_non_null(json);
    if (strstr(json, words) == NULL) {
        print_error("%s\n", json);
        fail();
    }
    free(json);
}

static void row_055_an_event_too_large_for_one_peer_reaches_the_others(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    join_small(&attack);
    attack_say(&attack, "[32,1,{},\"com.safe.topic\"]");
    attack_expect(&attack, "[33, 1, *]");
    say_large(&attack, &attack.bob, "[16,3,{},\"com.safe.topic\",[\"");
    attack.request = 3;
    attack_expect_nothing(&attack);
    char *json = person_hear(&attack.carol);
    assert_non_null(json);
    assert_true(strlen(json) > 2000);
    free(json);
    attack_say(&attack, "[34,2,1]"); /* it is still served */
    attack_expect(&attack, "[8, 34, 2, {}, \"wamp.error.no_such_subscription\", ...]");
    attack.before.requests_refused++;
    attack_say(&attack, "[6,{},\"com.bye\"]");
    attack_expect(&attack, "[6, {}, \"wamp.close.goodbye_and_out\"]");
    attack_leave(&attack);
    attack_end(&attack, ATTACK_COUNTER(events_oversized), 1);
}

static void row_056_a_call_too_large_for_its_callee_is_an_error_and_no_invocation(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    join_small(&attack);
    attack_say(&attack, "[64,1,{},\"com.small\"]");
    attack_expect(&attack, "[65, 1, *]");
    say_large(&attack, &attack.bob, "[48,3,{},\"com.small\",[\"");
    attack.request = 3;
    bob_hears(&attack, "[8,48,3,{},\"wamp.error.payload_size_exceeded\"");
    attack_expect_nothing(&attack);
    attack_end(&attack, ATTACK_COUNTER(requests_refused), 1);
}

static void row_056_a_result_too_large_for_its_caller_is_an_error(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    join_small(&attack);
    person_say(&attack.bob, "[64,3,{},\"com.large\"]");
    attack.request = 3;
    stage_run(&attack.stage);
    bob_hears(&attack, "[65,3,");
    attack_say(&attack, "[48,1,{},\"com.large\"]");
    bob_hears(&attack, "[68,1,");
    say_large(&attack, &attack.bob, "[70,1,{},[\"");
    attack_expect(&attack, "[8, 48, 1, {}, \"wamp.error.payload_size_exceeded\", ...]");
    attack_end(&attack, ATTACK_COUNTER(requests_refused), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_040_serializer_0_is_error_1),
        cmocka_unit_test(row_041_serializers_that_are_not_spoken_are_error_1),
        cmocka_unit_test(row_042_a_client_that_takes_only_512_octets_is_error_2),
        cmocka_unit_test(row_043_reserved_octets_are_error_3),
        cmocka_unit_test(row_044_a_full_router_is_error_4_or_503),
        cmocka_unit_test(row_046_reserved_bits_and_types_hang_up),
        cmocka_unit_test(row_047_the_ninth_length_bit_with_others_hangs_up),
        cmocka_unit_test(row_047_16_mib_that_were_not_announced_hang_up),
        cmocka_unit_test(row_048_a_length_over_the_announced_limit_hangs_up_on_the_prefix),
        cmocka_unit_test(row_049_a_body_that_never_comes_costs_nothing_and_ends_in_30_s),
        cmocka_unit_test(row_050_an_empty_message_is_a_violation),
        cmocka_unit_test(row_052_a_ping_that_the_client_itself_would_not_take_hangs_up),
        cmocka_unit_test(row_053_pings_over_budget_hang_up_and_each_within_it_is_answered),
        cmocka_unit_test(row_054_a_pong_that_nobody_asked_for_is_ignored),
        cmocka_unit_test(row_055_an_event_too_large_for_one_peer_reaches_the_others),
        cmocka_unit_test(row_056_a_call_too_large_for_its_callee_is_an_error_and_no_invocation),
        cmocka_unit_test(row_056_a_result_too_large_for_its_caller_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
