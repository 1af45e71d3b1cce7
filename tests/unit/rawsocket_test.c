#include "tests/lib/wire.h"

#include "common/rawsocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_sent(const struct wire *wire, const void *at, size_t size)
{
    assert_int_equal(wire->sent.size, size);
    assert_memory_equal(wire->sent.at, at, size);
}

static void expect(struct octets *stream, const struct transport_options *options,
                   enum transport_end end, unsigned messages)
{
    struct wire wire;
    wire_every_way(&wire, options, octets_view(stream), 300);
    assert_string_equal(transport_end_name(wire.transport.end), transport_end_name(end));
    assert_int_equal(wire.messages, messages);
    wire_fini(&wire);
    octets_free(stream);
}

static struct octets opened(uint8_t second)
{
    struct octets stream = {0};
    uint8_t handshake[4] = {0x7F, second, 0, 0};
    octets_put(&stream, handshake, sizeof handshake);
    return stream;
}

/* proves B-RS-2 B-RS-3 B-RS-4 B-RS-5 */
static void every_second_octet_is_answered_as_the_text_says(void **state)
{
    (void)state;
    static const uint8_t reserved[4][2] = {{0, 0}, {1, 0}, {0, 1}, {0xFF, 0xFF}};
    struct transport_options options = wire_options();
    options.rawsocket_length_min = 1024;
    options.serializers = 0xFF; /* more than there are */
    for (unsigned i = 0; i < 256 * array_count(reserved); i++) {
        const uint8_t *r = reserved[i / 256];
        unsigned second = i % 256;
        uint8_t request[4] = {0x7F, (uint8_t)second, r[0], r[1]};
        unsigned serializer = second & 15;
        uint8_t reply[4] = {0x7F, (uint8_t)(0xB0 | serializer), 0, 0};
        if (r[0] != 0 || r[1] != 0) {
            reply[1] = 0x30;
        } else if (serializer < 1 || serializer > 3) {
            reply[1] = 0x10;
        } else if (second >> 4 == 0) {
            reply[1] = 0x20;
        }
        bool good = (reply[1] & 15) != 0;
        struct wire wire;
        wire_every_way(&wire, &options, bytes_make(request, 4), 4);
        assert_sent(&wire, reply, 4);
        assert_int_equal(wire.transport.open, good);
        assert_int_equal(wire.transport.end,
                         good ? TRANSPORT_END_NONE : TRANSPORT_END_RAWSOCKET_REFUSED);
        if (good) {
            assert_int_equal(wire.transport.serializer, serializer);
            assert_int_equal(wire.transport.peer_bytes_max, 512U << (second >> 4));
            assert_int_equal(wire.transport.framing, FRAMING_RAWSOCKET);
        }
        wire_fini(&wire);
    }
}

/* proves B-RS-5 B-SER-7 */
static void a_serializer_that_is_not_enabled_is_error_1(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    options.serializers = 1 << SERIALIZER_CBOR;
    for (uint8_t serializer = 1; serializer <= 3; serializer++) {
        uint8_t request[4] = {0x7F, (uint8_t)(0xF0 | serializer), 0, 0};
        uint8_t reply[4] = {0x7F, serializer == 3 ? 0xB3 : 0x10, 0, 0};
        struct wire wire;
        wire_every_way(&wire, &options, bytes_make(request, 4), 4);
        assert_sent(&wire, reply, 4);
        wire_fini(&wire);
    }
}

/* proves B-RS-4 B-RS-5 */
static void a_full_router_answers_error_4(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct wire wire;
    wire_init(&wire, &options);
    wire.transport.full = true;
    wire_feed(&wire, bytes_make("\x7F\xF1\0\0", 4));
    assert_sent(&wire, "\x7F\x40\0\0", 4);
    assert_int_equal(wire.transport.end, TRANSPORT_END_RAWSOCKET_REFUSED);
    wire_fini(&wire);
}

/* proves B-RS-2 */
static void the_limit_we_announce_is_never_above_what_we_take(void **state)
{
    (void)state;
    for (size_t bytes_max = 512; bytes_max <= (size_t)1 << 24; bytes_max += 509) {
        unsigned exponent = rawsocket_exponent(bytes_max);
        assert_in_range(exponent, 0, 15);
        assert_true((size_t)512 << exponent <= bytes_max);
        assert_true(exponent == 15 || (size_t)1024 << exponent > bytes_max);
        assert_int_equal(rawsocket_bytes_max(bytes_max), (size_t)512 << exponent);
    }
    assert_int_equal(rawsocket_exponent((size_t)1 << 24), 15);
    assert_int_equal(rawsocket_exponent(512), 0);
    assert_int_equal(rawsocket_exponent(0), 0);
}

/* proves B-RS-6 */
static void messages_are_cut_out_however_the_octets_come(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets stream = opened(0xF1);
    for (size_t size = 0; size < 40; size++) {
        uint8_t payload[40];
        memset(payload, (int)('a' + size % 26), sizeof payload);
        octets_raw(&stream, 0, bytes_make(payload, size));
    }
    struct wire wire;
    wire_every_way(&wire, &options, octets_view(&stream), 2000);
    assert_int_equal(wire.messages, 40);
    assert_int_equal(wire.transport.end, TRANSPORT_END_NONE);
    assert_int_equal(wire.sent.size, stream.size); /* the reply, and each message back */
    assert_memory_equal(wire.sent.at + 4, stream.at + 4, stream.size - 4);
    wire_fini(&wire);
    octets_free(&stream);
}

/* proves B-RS-14 */
static void an_empty_message_is_handed_up_to_be_judged(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets stream = opened(0xF1);
    octets_raw(&stream, 0, bytes_make("", 0));
    expect(&stream, &options, TRANSPORT_END_NONE, 1);
}

/* proves B-RS-8 */
static void every_first_octet_of_a_frame_is_a_frame_or_a_fault(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    for (unsigned first = 0; first < 256; first++) {
        uint8_t frame[6] = {(uint8_t)first, 0, 0, 2, 'h', 'i'};
        struct octets stream = opened(0xF2);
        octets_put(&stream, frame, sizeof frame);
        expect(&stream, &options, first <= 2 ? TRANSPORT_END_NONE : TRANSPORT_END_RAWSOCKET_FRAME,
               first == 0);
    }
}

/* proves B-RS-9 */
static void the_length_bit_is_for_exactly_16_mib(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    options.bytes_max = (size_t)1 << 24;
    options.bytes_max_unwelcome = (size_t)1 << 24;
    struct wire wire;
    wire_init(&wire, &options);
    wire.keep = false;
    wire.echo = true;
    wire_open_rawsocket(&wire, 0xF3);
    struct octets stream = {0};
    octets_put(&stream, "\x08\0\0\0", 4);
    octets_fill(&stream, 'x', (size_t)1 << 24);
    octets_put(&stream, "\x00\xFF\xFF\xFF", 4);
    octets_fill(&stream, 'y', ((size_t)1 << 24) - 1);
    wire_feed_by(&wire, octets_view(&stream), 65536);
    assert_int_equal(wire.messages, 2);
    assert_sent(&wire, stream.at, stream.size);
    octets_free(&wire.sent);
    wire_feed(&wire, octets_view(&stream)); /* whole: two views, no copy */
    assert_int_equal(wire.messages, 4);
    assert_sent(&wire, stream.at, stream.size);
    wire_fini(&wire);
    octets_free(&stream);
    stream = opened(0xF3);
    octets_put(&stream, "\x08\0\0\1", 4);
    expect(&stream, &options, TRANSPORT_END_RAWSOCKET_FRAME, 0);
    options.bytes_max = ((size_t)1 << 24) - 1;
    stream = opened(0xF3);
    octets_put(&stream, "\x08\0\0\0", 4);
    expect(&stream, &options, TRANSPORT_END_TOO_BIG, 0);
}

/* proves B-RS-10 */
static void a_message_over_the_announced_limit_fails_on_its_head(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    options.bytes_max = 5000; /* announced: 4096 */
    for (unsigned over = 0; over < 2; over++) {
        struct octets stream = opened(0xF1);
        octets_raw(&stream, 0, BYTES_LITERAL("[1]"));
        struct octets payload = {0};
        octets_fill(&payload, ' ', 4096 + over);
        octets_raw(&stream, 0, octets_view(&payload));
        octets_free(&payload);
        expect(&stream, &options, over ? TRANSPORT_END_TOO_BIG : TRANSPORT_END_NONE, 2 - over);
    }
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_rawsocket(&wire, 0xF1);
    wire_feed(&wire, bytes_make("\x00\xFF\xFF\xFF", 4));
    assert_int_equal(wire.transport.end, TRANSPORT_END_TOO_BIG);
    assert_sent(&wire, "", 0);
    assert_int_equal(wire.held_max, 0);
    wire_fini(&wire);
}

static void before_welcome_the_smaller_limit_holds(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    options.bytes_max_unwelcome = 100;
    for (unsigned over = 0; over < 2; over++) {
        struct octets payload = {0};
        octets_fill(&payload, ' ', 100 + over);
        struct octets stream = opened(0xF1);
        octets_raw(&stream, 0, octets_view(&payload));
        octets_fill(&payload, ' ', 1000);
        octets_raw(&stream, 0, octets_view(&payload)); /* the first one was welcome */
        octets_free(&payload);
        expect(&stream, &options, over ? TRANSPORT_END_TOO_BIG : TRANSPORT_END_NONE, over ? 0 : 2);
    }
}

/* proves B-RS-12 */
static void each_ping_gets_its_pong_in_order(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets stream = opened(0xF1);
    struct octets want = {0};
    octets_put(&want, "\x7F\xB1\0\0", 4);
    for (unsigned i = 0; i < 6; i++) {
        static const char *const payloads[] = {"", "a", "hello", "", "b", "0123456789abcdef"};
        octets_raw(&stream, 1, bytes_text(payloads[i]));
        octets_raw(&want, 2, bytes_text(payloads[i]));
        octets_raw(&stream, 0, BYTES_LITERAL("[1]"));
        octets_raw(&want, 0, BYTES_LITERAL("[1]"));
        octets_raw(&stream, 2, BYTES_LITERAL("nobody asked"));
    }
    struct wire wire;
    wire_every_way(&wire, &options, octets_view(&stream), 1000);
    assert_sent(&wire, want.at, want.size);
    assert_int_equal(wire.transport.end, TRANSPORT_END_NONE);
    wire_fini(&wire);
    octets_free(&want);
    octets_free(&stream);
}

static void a_ping_that_the_client_could_not_take_back_fails(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    for (unsigned over = 0; over < 2; over++) {
        struct octets payload = {0};
        octets_fill(&payload, 'p', 512 + over);
        struct octets stream = opened(0x01);
        octets_raw(&stream, 1, octets_view(&payload));
        octets_free(&payload);
        expect(&stream, &options, over ? TRANSPORT_END_TOO_BIG : TRANSPORT_END_NONE, 0);
    }
}

static void pings_over_budget_fail(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets stream = {0};
    octets_raw(&stream, 1, BYTES_LITERAL(""));
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_rawsocket(&wire, 0xF1);
    for (unsigned i = 0; i < 50; i++) {
        assert_true(wire_feed(&wire, octets_view(&stream)));
    }
    wire.now_ns += NS_PER_S / 10;
    assert_true(wire_feed(&wire, octets_view(&stream)));
    assert_false(wire_feed(&wire, octets_view(&stream)));
    assert_int_equal(wire.transport.end, TRANSPORT_END_FLOOD);
    assert_int_equal(wire.sent.size, 51 * 4);
    wire_fini(&wire);
    octets_free(&stream);
}

static void a_claimed_length_holds_no_memory(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_rawsocket(&wire, 0xF1);
    assert_false(wire.transport.welcomed);
    transport_welcomed(&wire.transport);
    assert_true(wire.transport.welcomed);
    wire_feed(&wire, bytes_make("\x00\x0F\xFF\xFF"
                                "abc",
                                7));
    assert_in_range(wire.held_max, 7, 64);
    assert_int_equal(wire.transport.deadline_ns, wire.now_ns + options.message_ns);
    assert_int_equal(transport_expire(&wire.transport, wire.now_ns + options.message_ns), -1);
    assert_int_equal(wire.transport.end, TRANSPORT_END_MESSAGE_TIMEOUT);
    assert_int_equal(wire.in_mem.bytes_used, 0);
    wire_fini(&wire);
}

/* proves B-RS-11 */
static void a_message_longer_than_the_client_takes_is_never_sent(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets payload = {0};
    octets_fill(&payload, 'x', 513);
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_rawsocket(&wire, 0x01);
    assert_false(transport_send(&wire.transport, octets_view(&payload)));
    assert_true(transport_send(&wire.transport, bytes_make(payload.at, 512)));
    wire_drain(&wire);
    assert_int_equal(wire.sent.size, 516);
    assert_memory_equal(wire.sent.at, "\0\0\2\0x", 5);
    wire_fini(&wire);
    octets_free(&payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_second_octet_is_answered_as_the_text_says),
        cmocka_unit_test(a_serializer_that_is_not_enabled_is_error_1),
        cmocka_unit_test(a_full_router_answers_error_4),
        cmocka_unit_test(the_limit_we_announce_is_never_above_what_we_take),
        cmocka_unit_test(messages_are_cut_out_however_the_octets_come),
        cmocka_unit_test(an_empty_message_is_handed_up_to_be_judged),
        cmocka_unit_test(every_first_octet_of_a_frame_is_a_frame_or_a_fault),
        cmocka_unit_test(the_length_bit_is_for_exactly_16_mib),
        cmocka_unit_test(a_message_over_the_announced_limit_fails_on_its_head),
        cmocka_unit_test(before_welcome_the_smaller_limit_holds),
        cmocka_unit_test(each_ping_gets_its_pong_in_order),
        cmocka_unit_test(a_ping_that_the_client_could_not_take_back_fails),
        cmocka_unit_test(pings_over_budget_fail),
        cmocka_unit_test(a_claimed_length_holds_no_memory),
        cmocka_unit_test(a_message_longer_than_the_client_takes_is_never_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
