#include "common/transport.h"

#include "tests/lib/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void it_is_small(void **state)
{
    (void)state;
    assert_in_range(sizeof(struct transport), 1, 320);
}

/* proves B-RS-1 */
static void the_first_octet_chooses_the_protocol(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256 * 4; i++) {
        uint8_t first = (uint8_t)i;
        struct transport_options options = wire_options();
        options.websocket = (i >> 8 & 1) != 0;
        options.rawsocket = (i >> 9 & 1) != 0;
        bool letter = first >= 'A' && first <= 'Z';
        bool spoken = (letter && options.websocket) || (first == 0x7F && options.rawsocket);
        struct wire wire;
        wire_init(&wire, &options);
        wire_feed(&wire, bytes_make(&first, 1));
        assert_int_equal(wire.result, spoken ? 0 : -1);
        assert_int_equal(wire.transport.end,
                         spoken ? TRANSPORT_END_NONE : TRANSPORT_END_NOT_SPOKEN);
        assert_int_equal(wire.transport.kind, !spoken  ? TRANSPORT_UNKNOWN
                                              : letter ? TRANSPORT_HTTP
                                                       : TRANSPORT_RAWSOCKET);
        assert_int_equal(wire.sent.size, 0);
        wire_fini(&wire);
    }
}

static void an_ended_transport_stays_ended(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct wire wire;
    wire_init(&wire, &options);
    assert_false(wire_feed(&wire, BYTES_LITERAL("\x16\x03\x01")));
    assert_false(wire_feed(&wire, BYTES_LITERAL("\x7F\xF1\0\0")));
    assert_int_equal(transport_expire(&wire.transport, NEVER - 1), -1);
    transport_close(&wire.transport, 1000, 0);
    assert_int_equal(wire.transport.end, TRANSPORT_END_NOT_SPOKEN);
    assert_int_equal(wire.transport.deadline_ns, NEVER);
    assert_true(transport_send(&wire.transport, BYTES_LITERAL("[]")));
    assert_int_equal(wire.out.bytes, 0);
    wire_fini(&wire);
}

static void nothing_fed_is_nothing_done(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct wire wire;
    wire_init(&wire, &options);
    assert_true(wire_feed(&wire, bytes_make("", 0)));
    assert_int_equal(wire.transport.kind, TRANSPORT_UNKNOWN);
    wire_open_rawsocket(&wire, 0xF1);
    uint64_t received_ns = wire.transport.received_ns;
    wire.now_ns += NS_PER_S;
    assert_true(wire_feed(&wire, bytes_make("", 0)));
    assert_int_equal(wire.transport.received_ns, received_ns);
    wire_fini(&wire);
}

/* proves B-RS-7 */
static void a_handshake_that_dribbles_ends_at_its_absolute_deadline(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool websocket;
        bool rawsocket;
        uint64_t after_ns;
        enum transport_end end;
    } rows[] = {
        {"", true, true, 5 * NS_PER_S, TRANSPORT_END_HTTP_TIMEOUT},
        {"", true, false, 5 * NS_PER_S, TRANSPORT_END_HTTP_TIMEOUT},
        {"", false, true, 3 * NS_PER_S, TRANSPORT_END_RAWSOCKET_TIMEOUT},
        {"GET / HTTP/1.1\r\n", true, true, 5 * NS_PER_S, TRANSPORT_END_HTTP_TIMEOUT},
        {"\x7F\xF1", true, true, 3 * NS_PER_S, TRANSPORT_END_RAWSOCKET_TIMEOUT},
    };
    for (unsigned i = 0; i < array_count(rows); i++) {
        struct transport_options options = wire_options();
        options.websocket = rows[i].websocket;
        options.rawsocket = rows[i].rawsocket;
        struct wire wire;
        wire_init(&wire, &options);
        uint64_t end_ns = wire.now_ns + rows[i].after_ns;
        for (size_t k = 0; k < strlen(rows[i].text); k++) {
            wire.now_ns += NS_PER_S / 10;
            assert_true(wire_feed(&wire, bytes_make(rows[i].text + k, 1)));
        }
        assert_int_equal(wire.transport.deadline_ns, end_ns);
        assert_int_equal(transport_expire(&wire.transport, end_ns - 1), 0);
        assert_int_equal(transport_expire(&wire.transport, end_ns), -1);
        assert_int_equal(wire.transport.end, rows[i].end);
        assert_int_equal(wire.out.bytes, 0);
        assert_int_equal(wire.in_mem.bytes_used, 0);
        wire_fini(&wire);
    }
}

static void a_first_octet_after_its_deadline_is_too_late(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct wire wire;
    wire_init(&wire, &options);
    wire.now_ns += 4 * NS_PER_S;
    wire_feed(&wire, BYTES_LITERAL("\x7F"));
    assert_int_equal(transport_expire(&wire.transport, wire.now_ns), -1);
    assert_int_equal(wire.transport.end, TRANSPORT_END_RAWSOCKET_TIMEOUT);
    wire_fini(&wire);
}

/* Lets time pass until deadline_ns says NEVER or it ends; at most rounds calls. */
static unsigned expire_until(struct wire *wire, uint64_t until_ns)
{
    unsigned calls = 0;
    while (wire->transport.deadline_ns <= until_ns) {
        wire->now_ns = wire->transport.deadline_ns;
        calls++;
        assert_in_range(calls, 1, 1000);
        int result = transport_expire(&wire->transport, wire->now_ns);
        assert_int_equal(result, wire->transport.end == TRANSPORT_END_NONE ? 0 : -1);
        if (result < 0) {
            break;
        }
        assert_true(wire->transport.deadline_ns > wire->now_ns);
    }
    wire_drain(wire);
    return calls;
}

/* proves B-RS-13 */
static void a_silent_peer_is_pinged_and_then_gone(void **state)
{
    (void)state;
    static const char raw[] = "\x01\0\0\x08\1\0\0\0\0\0\0\0\x01\0\0\x08\2\0\0\0\0\0\0\0";
    static const char web[] = "\x89\x08\1\0\0\0\0\0\0\0\x89\x08\2\0\0\0\0\0\0\0";
    for (unsigned i = 0; i < 2; i++) {
        struct transport_options options = wire_options();
        options.ping_rawsocket_ns = options.ping_ns;
        struct wire wire;
        wire_init(&wire, &options);
        if (i == 0) {
            wire_open_rawsocket(&wire, 0xF1);
        } else {
            wire_open_websocket(&wire, "wamp.2.json");
        }
        uint64_t start_ns = wire.now_ns;
        assert_int_equal(expire_until(&wire, NEVER - 1), 3);
        assert_int_equal(wire.now_ns - start_ns, 30 * NS_PER_S);
        assert_int_equal(wire.transport.end, TRANSPORT_END_PING_TIMEOUT);
        assert_int_equal(wire.sent.size, i == 0 ? sizeof raw - 1 : sizeof web - 1);
        assert_memory_equal(wire.sent.at, i == 0 ? raw : web, wire.sent.size);
        wire_fini(&wire);
    }
}

static void no_pings_means_no_deadline(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_rawsocket(&wire, 0xF1);
    assert_int_equal(wire.transport.deadline_ns, NEVER);
    wire_fini(&wire);
    options.ping_ns = 0;
    wire_init(&wire, &options);
    wire_open_websocket(&wire, "wamp.2.json");
    assert_int_equal(wire.transport.deadline_ns, NEVER);
    wire_fini(&wire);
}

static void any_octet_puts_the_ping_off(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets message = {0};
    octets_frame_text(&message, 0x81, "[1]");
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_websocket(&wire, "wamp.2.json");
    for (unsigned i = 0; i < 100; i++) {
        wire.now_ns += 9 * NS_PER_S;
        assert_int_equal(transport_expire(&wire.transport, wire.now_ns), 0);
        assert_true(wire_feed(&wire, octets_view(&message)));
    }
    assert_int_equal(wire.sent.size, 0);
    uint64_t last_ns = wire.now_ns;
    expire_until(&wire, last_ns + 10 * NS_PER_S - 1);
    assert_int_equal(wire.sent.size, 0);
    expire_until(&wire, last_ns + 10 * NS_PER_S);
    assert_int_equal(wire.sent.size, 10);
    wire_fini(&wire);
    octets_free(&message);
}

/* Answers each of our pings with this frame, for a while. */
static enum transport_end answer_pings(struct bytes answer, bool rawsocket)
{
    struct transport_options options = wire_options();
    options.ping_rawsocket_ns = options.ping_ns;
    struct wire wire;
    wire_init(&wire, &options);
    if (rawsocket) {
        wire_open_rawsocket(&wire, 0xF1);
    } else {
        wire_open_websocket(&wire, "wamp.2.json");
    }
    for (unsigned i = 0; i < 20 && wire.transport.end == TRANSPORT_END_NONE; i++) {
        size_t sent = wire.sent.size;
        expire_until(&wire, wire.transport.deadline_ns);
        if (wire.sent.size - sent < PING_PAYLOAD_BYTES) {
            continue;
        }
        wire.now_ns += NS_PER_S / 100;
        struct octets pong = {0};
        struct bytes payload = bytes_make(wire.sent.at + wire.sent.size - 8, 8);
        if (rawsocket) {
            octets_raw(&pong, 2, payload);
        } else {
            octets_frame(&pong, 0x8A, payload);
        }
        wire_feed(&wire, answer.at == NULL ? octets_view(&pong) : answer);
        octets_free(&pong);
    }
    enum transport_end end = wire.transport.end;
    wire_fini(&wire);
    return end;
}

/* proves B-RS-13 */
static void only_the_right_pong_or_a_message_answers_a_ping(void **state)
{
    (void)state;
    struct bytes right = {0};
    assert_int_equal(answer_pings(right, true), TRANSPORT_END_NONE);
    assert_int_equal(answer_pings(right, false), TRANSPORT_END_NONE);
    assert_int_equal(answer_pings(BYTES_LITERAL("\0\0\0\x02[]"), true), TRANSPORT_END_NONE);
    assert_int_equal(answer_pings(BYTES_LITERAL("\x01\0\0\0"), true), TRANSPORT_END_NONE);
    assert_int_equal(answer_pings(BYTES_LITERAL("\x02\0\0\x08"
                                                "12345678"),
                                  true),
                     TRANSPORT_END_PING_TIMEOUT);
    assert_int_equal(answer_pings(BYTES_LITERAL("\x02\0\0\0"), true), TRANSPORT_END_PING_TIMEOUT);
    assert_int_equal(answer_pings(BYTES_LITERAL("\x81\x80\0\0\0\0"), false), TRANSPORT_END_NONE);
    assert_int_equal(answer_pings(BYTES_LITERAL("\x89\x80\0\0\0\0"), false), TRANSPORT_END_NONE);
    assert_int_equal(answer_pings(BYTES_LITERAL("\x8A\x80\0\0\0\0"), false),
                     TRANSPORT_END_PING_TIMEOUT);
}

static void a_started_message_must_finish_in_time(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets frame = {0};
    octets_raw(&frame, 0, BYTES_LITERAL("0123456789012345678901234567890123456789"));
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_rawsocket(&wire, 0xF1);
    uint64_t start_ns = wire.now_ns;
    for (size_t i = 0; i < 30; i++) { /* one octet a second */
        assert_true(wire_feed(&wire, bytes_make(frame.at + i, 1)));
        wire.now_ns += NS_PER_S;
        assert_int_equal(wire.transport.deadline_ns, start_ns + 30 * NS_PER_S);
    }
    assert_int_equal(transport_expire(&wire.transport, wire.now_ns), -1);
    assert_int_equal(wire.transport.end, TRANSPORT_END_MESSAGE_TIMEOUT);
    wire_fini(&wire);
    octets_free(&frame);
}

static void each_message_has_its_own_time(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets frame = {0};
    octets_frame_text(&frame, 0x81, "[1,2,3]");
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_websocket(&wire, "wamp.2.json");
    for (unsigned i = 0; i < 20; i++) { /* the end of one and the start of the next */
        assert_true(wire_feed(&wire, bytes_make(frame.at, frame.size - 4)));
        wire.now_ns += 25 * NS_PER_S;
        transport_expire(&wire.transport, wire.now_ns);
        assert_true(wire_feed(&wire, bytes_make(frame.at + frame.size - 4, 4)));
    }
    assert_int_equal(wire.messages, 20);
    assert_int_equal(wire.transport.end, TRANSPORT_END_NONE);
    wire_fini(&wire);

    wire_init(&wire, &options);
    wire_open_websocket(&wire, "wamp.2.json");
    struct octets pieces = {0}; /* control frames do not prolong a message */
    octets_frame_text(&pieces, 0x01, "[1");
    wire_feed(&wire, octets_view(&pieces));
    uint64_t end_ns = wire.now_ns + 30 * NS_PER_S;
    octets_free(&pieces);
    octets_frame_text(&pieces, 0x8A, "");
    while (wire.now_ns < end_ns) {
        assert_int_equal(transport_expire(&wire.transport, wire.now_ns), 0);
        assert_true(wire_feed(&wire, octets_view(&pieces)));
        wire.now_ns += 2 * NS_PER_S;
    }
    assert_int_equal(transport_expire(&wire.transport, wire.now_ns), -1);
    assert_int_equal(wire.transport.end, TRANSPORT_END_MESSAGE_TIMEOUT);
    wire_fini(&wire);
    octets_free(&pieces);
    octets_free(&frame);
}

static void closing_is_quiet_where_there_is_no_last_word(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    static const char *const starts[] = {"", "\x7F", "GET /", "\x7F\xF1\0\0"};
    for (unsigned i = 0; i < array_count(starts); i++) {
        struct wire wire;
        wire_init(&wire, &options);
        wire_feed(&wire, bytes_make(starts[i], i == 3 ? 4 : strlen(starts[i])));
        octets_free(&wire.sent);
        assert_false(transport_finished(&wire.transport));
        transport_close(&wire.transport, 1000, wire.now_ns);
        assert_true(transport_finished(&wire.transport));
        assert_int_equal(wire.transport.end, TRANSPORT_END_LOCAL);
        assert_int_equal(wire.out.bytes, 0);
        assert_false(wire_feed(&wire, BYTES_LITERAL("more")));
        wire_fini(&wire);
    }
}

static void a_view_outlives_the_close_that_its_reader_asks_for(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    for (unsigned i = 0; i < 2; i++) {
        struct octets frame = {0};
        struct wire wire;
        wire_init(&wire, &options);
        if (i == 0) {
            wire_open_rawsocket(&wire, 0xF1);
            octets_raw(&frame, 0, BYTES_LITERAL("[6,{},\"bye\"]"));
        } else {
            wire_open_websocket(&wire, "wamp.2.json");
            octets_frame_text(&frame, 0x81, "[6,{},\"bye\"]");
        }
        wire_feed(&wire, bytes_make(frame.at, 8));
        struct feed feed = {frame.at + 8, frame.size - 8};
        struct bytes message;
        assert_int_equal(transport_next(&wire.transport, &feed, wire.now_ns, &message), 1);
        transport_close(&wire.transport, 1000, wire.now_ns);
        assert_true(bytes_equal_text(message, "[6,{},\"bye\"]"));
        wire_fini(&wire);
        octets_free(&frame);
    }
}

/* Every allocation of a whole run refused in its turn: an end with a reason, and no leak. */
static void running_dry_ends_it_with_a_reason(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets streams[2] = {0};
    octets_put(&streams[0], "\x7F\xF1\0\0", 4);
    octets_upgrade(&streams[1], "wamp.2.json");
    for (unsigned i = 0; i < 300; i++) {
        octets_raw(&streams[0], i % 8 == 3, BYTES_LITERAL("0123456789"));
        octets_frame_text(&streams[1], i % 8 == 3 ? 0x89 : 0x81, "0123456789");
    }
    for (unsigned i = 0; i < 2; i++) {
        unsigned ended = 0;
        unsigned passed = 0;
        for (size_t bytes_max = 0; bytes_max < 4000; bytes_max += 50) {
            for (unsigned k = 0; k < 2; k++) {
                struct wire wire;
                wire_init(&wire, &options);
                (k == 0 ? &wire.in_mem : &wire.out_mem)->bytes_max = bytes_max;
                wire_feed_by(&wire, octets_view(&streams[i]), 7);
                bool dry = wire.transport.end == TRANSPORT_END_MEMORY;
                assert_true(dry || wire.transport.end == TRANSPORT_END_NONE);
                ended += dry;
                passed += !dry;
                wire_fini(&wire);
            }
        }
        assert_true(ended > 0 && passed > 0);
        octets_free(&streams[i]);
    }
}

static void a_limit_before_welcome_never_widens_the_other(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    options.bytes_max = 1000; /* RawSocket announces 512 */
    struct octets payload = {0};
    octets_fill(&payload, 'x', 1001);
    for (unsigned i = 0; i < 4; i++) {
        bool rawsocket = i < 2;
        size_t size = (rawsocket ? 512 : 1000) + i % 2;
        struct octets frame = {0};
        struct wire wire;
        wire_init(&wire, &options);
        if (rawsocket) {
            wire_open_rawsocket(&wire, 0xF1);
            octets_raw(&frame, 0, bytes_make(payload.at, size));
        } else {
            wire_open_websocket(&wire, "wamp.2.json");
            octets_frame(&frame, 0x81, bytes_make(payload.at, size));
        }
        wire_feed(&wire, octets_view(&frame));
        assert_int_equal(wire.transport.end,
                         i % 2 == 0 ? TRANSPORT_END_NONE : TRANSPORT_END_TOO_BIG);
        wire_fini(&wire);
        octets_free(&frame);
    }
    octets_free(&payload);
}

static void a_message_without_memory_is_not_sent(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets large = {0};
    octets_fill(&large, 'x', 5000);
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_rawsocket(&wire, 0xF1);
    wire.out_mem.bytes_max = 4000;
    assert_false(transport_send(&wire.transport, octets_view(&large)));
    assert_true(transport_send(&wire.transport, BYTES_LITERAL("[1]")));
    wire_drain(&wire);
    assert_memory_equal(wire.sent.at, "\0\0\0\x03[1]", 7);
    wire_fini(&wire);
    octets_free(&large);
}

static void every_end_has_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TRANSPORT_ENDS; i++) {
        const char *name = transport_end_name((enum transport_end)i);
        assert_non_null(name);
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(name, transport_end_name((enum transport_end)k));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_small),
        cmocka_unit_test(the_first_octet_chooses_the_protocol),
        cmocka_unit_test(an_ended_transport_stays_ended),
        cmocka_unit_test(nothing_fed_is_nothing_done),
        cmocka_unit_test(a_handshake_that_dribbles_ends_at_its_absolute_deadline),
        cmocka_unit_test(a_first_octet_after_its_deadline_is_too_late),
        cmocka_unit_test(a_silent_peer_is_pinged_and_then_gone),
        cmocka_unit_test(no_pings_means_no_deadline),
        cmocka_unit_test(any_octet_puts_the_ping_off),
        cmocka_unit_test(only_the_right_pong_or_a_message_answers_a_ping),
        cmocka_unit_test(a_started_message_must_finish_in_time),
        cmocka_unit_test(each_message_has_its_own_time),
        cmocka_unit_test(closing_is_quiet_where_there_is_no_last_word),
        cmocka_unit_test(a_view_outlives_the_close_that_its_reader_asks_for),
        cmocka_unit_test(running_dry_ends_it_with_a_reason),
        cmocka_unit_test(a_limit_before_welcome_never_widens_the_other),
        cmocka_unit_test(a_message_without_memory_is_not_sent),
        cmocka_unit_test(every_end_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
