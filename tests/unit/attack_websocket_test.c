/* Attack table, group B: WebSocket frames. Each is tried before HELLO and in a session. */
#include "tests/lib/attack.h"

/* One wrong stream of octets, written by somebody who has a session or not. */
struct wrong {
    const char *octets;
    size_t size;
};

#define WRONG(text)                                                                                \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static void wrongs_judge(const struct wrong *wrongs, size_t count, uint16_t code, size_t counter)
{
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < 2 * count; i++) {
        if (i % 2 == 0) {
            attack_enter(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
        } else {
            attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
        }
        attack_write(&attack, bytes_make(wrongs[i / 2].octets, wrongs[i / 2].size));
        attack_expect_close(&attack, code);
    }
    attack_end(&attack, counter, 2 * count);
}

static void row_013_an_unmasked_frame_is_1002(void **state)
{
    (void)state;
    static const struct wrong wrongs[] = {WRONG("\x81\x02[]"), WRONG("\x89\x00"),
                                          WRONG("\x88\x02\x03\xe8")};
    wrongs_judge(wrongs, array_count(wrongs), 1002, ATTACK_END(PROTOCOL));
}

static void row_014_reserved_bits_are_1002(void **state)
{
    (void)state;
    static const struct wrong wrongs[] = {WRONG("\xc1\x80mask"), WRONG("\xa1\x80mask"),
                                          WRONG("\x91\x80mask"), WRONG("\xf1\x80mask"),
                                          WRONG("\xc9\x80mask"), WRONG("\x98\x80mask")};
    wrongs_judge(wrongs, array_count(wrongs), 1002, ATTACK_END(PROTOCOL));
}

static void row_016_reserved_opcodes_are_1002(void **state)
{
    (void)state;
    static const struct wrong wrongs[] = {
        WRONG("\x83\x80mask"), WRONG("\x84\x80mask"), WRONG("\x85\x80mask"), WRONG("\x86\x80mask"),
        WRONG("\x87\x80mask"), WRONG("\x8b\x80mask"), WRONG("\x8c\x80mask"), WRONG("\x8d\x80mask"),
        WRONG("\x8e\x80mask"), WRONG("\x8f\x80mask")};
    wrongs_judge(wrongs, array_count(wrongs), 1002, ATTACK_END(PROTOCOL));
}

static void row_017_control_frames_in_parts_or_beyond_125_octets_are_1002(void **state)
{
    (void)state;
    static const struct wrong wrongs[] = {WRONG("\x09\x80mask"),
                                          WRONG("\x0a\x80mask"),
                                          WRONG("\x08\x80mask"),
                                          WRONG("\x89\xfe\x00\x7emask"),
                                          WRONG("\x8a\xfe\x00\x7emask"),
                                          WRONG("\x88\xfe\x00\x7emask"),
                                          WRONG("\x89\xff\0\0\0\0\0\0\0\x7emask")};
    wrongs_judge(wrongs, array_count(wrongs), 1002, ATTACK_END(PROTOCOL));
}

static void row_018_parts_out_of_order_are_1002(void **state)
{
    (void)state;
    static const struct wrong wrongs[] = {WRONG("\x80\x80mask"), WRONG("\x00\x80mask"),
                                          WRONG("\x01\x80mask\x81\x80mask"),
                                          WRONG("\x01\x80mask\x82\x80mask")};
    wrongs_judge(wrongs, array_count(wrongs), 1002, ATTACK_END(PROTOCOL));
}

static void row_019_a_length_with_the_top_bit_set_is_1002(void **state)
{
    (void)state;
    static const struct wrong wrongs[] = {WRONG("\x81\xff\x80\0\0\0\0\0\0\0mask"),
                                          WRONG("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xffmask"),
                                          WRONG("\x89\xff\x80\0\0\0\0\0\0\1mask")};
    wrongs_judge(wrongs, array_count(wrongs), 1002, ATTACK_END(PROTOCOL));
}

static void row_019_a_giant_length_allocates_nothing(void **state)
{
    (void)state;
    static const char giant[] = "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask";
    static const char large[] = "\x81\xff\0\0\0\0\0\x0f\xff\xffmask"; /* within the limit */
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    size_t idle = attack.stage.cores[0].mem.bytes_used;
    attack_write(&attack, bytes_make(large, sizeof large - 1));
    attack_write_text(&attack, "[16,1");
    assert_true(attack.stage.cores[0].mem.bytes_used <= idle + 4096);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_write(&attack, bytes_make(giant, sizeof giant - 1));
    attack_expect_close(&attack, 1009);
    assert_true(attack.stage.cores[0].mem.bytes_used <= idle);
    attack_end(&attack, ATTACK_END(TOO_BIG), 1);
}

static void row_020_a_length_that_is_not_the_shortest_is_1002(void **state)
{
    (void)state;
    static const struct wrong wrongs[] = {WRONG("\x81\xfe\x00\x7dmask"), WRONG("\x81\xfe\0\0mask"),
                                          WRONG("\x81\xff\0\0\0\0\0\0\xff\xffmask"),
                                          WRONG("\x81\xff\0\0\0\0\0\0\0\0mask"),
                                          WRONG("\x81\xff\0\0\0\0\0\0\0\x7dmask")};
    wrongs_judge(wrongs, array_count(wrongs), 1002, ATTACK_END(PROTOCOL));
}

static void row_022_fragments_beyond_4096_are_1008(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (unsigned size = 0; size < 2; size++) {
        attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
        struct octets octets = {0};
        for (unsigned i = 0; i < 4097; i++) {
            octets_frame(&octets, i == 0 ? 0x01 : 0x00, bytes_make(" ", size));
        }
        attack_write(&attack, octets_view(&octets));
        attack_expect_close(&attack, 1008);
        octets_free(&octets);
    }
    attack_end(&attack, ATTACK_END(FLOOD), 2);
}

/* A text that is fine up to its last octet; that octet is written alone. */
static void row_023_bad_utf8_is_1007_at_its_first_octet_however_it_is_cut(void **state)
{
    (void)state;
    static const char *const bads[] = {"\x80",
                                       "\xbf",
                                       "\xc0",
                                       "\xc1",
                                       "\xf5",
                                       "\xff",
                                       "\xc3\x28",
                                       "\xe0\x9f",
                                       "\xed\xa0",
                                       "\xe2\x82\x28",
                                       "\xf0\x8f",
                                       "\xf4\x90",
                                       "\xf0\x9f\x98\x41",
                                       "\xe2\x28",
                                       "\xf1\xc0"};
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < array_count(bads); i++) {
        size_t size = strlen(bads[i]);
        attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
        /* each octet a fragment, the message never ends */
        attack_frame(&attack, 0x01, bytes_text("[16,1,{},\"\xc3\xa4\xe2\x82\xac"));
        for (size_t k = 0; k < size; k++) {
            attack_expect_nothing(&attack);
            attack_frame(&attack, 0x00, bytes_make(bads[i] + k, 1));
        }
        attack_expect_close(&attack, 1007);
        /* within one frame of which the rest is still to come */
        attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
        struct octets octets = {0};
        char text[16] = "\"";
        memcpy(text + 1, bads[i], size + 1);
        octets_frame(&octets, 0x81, bytes_make(text, sizeof text));
        attack_write(&attack, bytes_make(octets.at, octets.size - sizeof text + 1 + size));
        attack_expect_close(&attack, 1007);
        octets_free(&octets);
    }
    attack_end(&attack, ATTACK_END(UTF8), 2 * array_count(bads));
}

static void row_023_a_text_cut_within_a_character_is_1007_at_its_end(void **state)
{
    (void)state;
    static const char *const cuts[] = {"\xc3", "\xe2\x82", "\xf0\x9f\x98"};
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < array_count(cuts); i++) {
        attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
        attack_frame(&attack, 0x81, bytes_text(cuts[i]));
        attack_expect_close(&attack, 1007);
    }
    attack_end(&attack, ATTACK_END(UTF8), array_count(cuts));
}

static void row_024_a_close_of_one_octet_or_a_code_that_is_not_one_is_1002(void **state)
{
    (void)state;
    static const uint16_t codes[] = {0,    1,    999,  1004, 1005, 1006, 1015,
                                     1016, 1100, 2000, 2999, 5000, 5001, 65535};
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_frame(&attack, 0x88, bytes_text("\x03"));
    attack_expect_close(&attack, 1002);
    for (size_t i = 0; i < array_count(codes); i++) {
        attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
        uint8_t body[] = {(uint8_t)(codes[i] >> 8), (uint8_t)codes[i]};
        attack_frame(&attack, 0x88, bytes_make(body, sizeof body));
        attack_expect_close(&attack, 1002);
    }
    attack_end(&attack, ATTACK_END(PROTOCOL), 1 + array_count(codes));
}

static void row_025_a_close_reason_that_is_not_utf8_is_1007(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_frame(&attack, 0x88, bytes_make("\x03\xe8h\xc3", 4));
    attack_expect_close(&attack, 1007);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_frame(&attack, 0x88, bytes_make("\x03\xe8\xff", 3));
    attack_expect_close(&attack, 1007);
    attack_end(&attack, ATTACK_END(UTF8), 2);
}

static void row_026_a_good_close_is_echoed_and_ends_the_session(void **state)
{
    (void)state;
    static const uint16_t codes[] = {1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 4999};
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < array_count(codes); i++) {
        attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
        uint8_t body[] = {(uint8_t)(codes[i] >> 8), (uint8_t)codes[i], 'b', 'y', 'e'};
        attack_frame(&attack, 0x88, bytes_make(body, sizeof body));
        attack_expect_close(&attack, codes[i]);
        assert_int_equal(attack.stage.cores[0].gauges.sessions, 1); /* bob's */
    }
    attack_end(&attack, ATTACK_END(PEER_CLOSED), array_count(codes));
}

static void row_028_pings_are_answered_within_their_budget_and_1008_beyond(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    for (unsigned i = 0; i < 50; i++) {
        attack_frame(&attack, 0x89, bytes_text("ping"));
    }
    assert_int_equal(attack.mallory.pongs, 50);
    attack_frame(&attack, 0x89, bytes_text("ping"));
    attack_expect_close(&attack, 1008);
    attack_end(&attack, ATTACK_END(FLOOD), 1);
}

static void row_029_a_pong_that_nobody_asked_for_is_ignored(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    for (unsigned i = 0; i < 1000; i++) {
        attack_frame(&attack, 0x8a, bytes_text("pong"));
    }
    attack_expect_nothing(&attack);
    attack_say(&attack, "[16,1,{\"acknowledge\":true},\"t\"]");
    attack_expect(&attack, "[17, 1, *]");
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

static void row_030_binary_for_json_and_text_for_the_others_is_a_violation_and_1003(void **state)
{
    (void)state;
    static const char abort[] = "[3, {\"message\": *}, \"wamp.error.protocol_violation\"]";
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (int i = SERIALIZER_JSON; i < SERIALIZERS; i++) {
        attack_join(&attack, FRAMING_WEBSOCKET, (enum serializer)i);
        attack_frame(&attack, i == SERIALIZER_JSON ? 0x82 : 0x81, bytes_text("[16,1,{},\"t\"]"));
        attack_expect(&attack, abort);
        attack_expect_close(&attack, 1003);
    }
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), SERIALIZERS - SERIALIZER_JSON);
}

static void row_031_a_peer_that_answers_no_pings_is_gone_after_two(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[64,1,{},\"com.mallory\"]");
    attack_expect(&attack, "[65, 1, *]");
    person_say(&attack.bob, "[48,3,{},\"com.mallory\"]");
    attack.request = 3;
    attack_expect(&attack, "[68, 1, *, {}]");
    attack.mallory.mute = true;
    stage_wait(&attack.stage, 19 * NS_PER_S);
    assert_false(attack.mallory.gone);
    stage_wait(&attack.stage, 12 * NS_PER_S);
    assert_true(attack.mallory.gone);
    char *json = person_hear(&attack.bob); /* whoever waited for it is told */
    assert_non_null(json);
    assert_non_null(strstr(json, "[8,48,3,{},\"wamp.error.canceled\""));
    free(json);
    attack_end(&attack, ATTACK_END(PING_TIMEOUT), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_013_an_unmasked_frame_is_1002),
        cmocka_unit_test(row_014_reserved_bits_are_1002),
        cmocka_unit_test(row_016_reserved_opcodes_are_1002),
        cmocka_unit_test(row_017_control_frames_in_parts_or_beyond_125_octets_are_1002),
        cmocka_unit_test(row_018_parts_out_of_order_are_1002),
        cmocka_unit_test(row_019_a_length_with_the_top_bit_set_is_1002),
        cmocka_unit_test(row_019_a_giant_length_allocates_nothing),
        cmocka_unit_test(row_020_a_length_that_is_not_the_shortest_is_1002),
        cmocka_unit_test(row_022_fragments_beyond_4096_are_1008),
        cmocka_unit_test(row_023_bad_utf8_is_1007_at_its_first_octet_however_it_is_cut),
        cmocka_unit_test(row_023_a_text_cut_within_a_character_is_1007_at_its_end),
        cmocka_unit_test(row_024_a_close_of_one_octet_or_a_code_that_is_not_one_is_1002),
        cmocka_unit_test(row_025_a_close_reason_that_is_not_utf8_is_1007),
        cmocka_unit_test(row_026_a_good_close_is_echoed_and_ends_the_session),
        cmocka_unit_test(row_028_pings_are_answered_within_their_budget_and_1008_beyond),
        cmocka_unit_test(row_029_a_pong_that_nobody_asked_for_is_ignored),
        cmocka_unit_test(row_030_binary_for_json_and_text_for_the_others_is_a_violation_and_1003),
        cmocka_unit_test(row_031_a_peer_that_answers_no_pings_is_gone_after_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
