#include "common/websocket.h"

#include "tests/lib/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct octets opened(const char *subprotocol)
{
    struct octets stream = {0};
    octets_upgrade(&stream, subprotocol);
    return stream;
}

/* Size of the answer to opened(). */
static size_t answer_size(const char *subprotocol)
{
    return strlen("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                  "Sec-WebSocket-Protocol: \r\n\r\n") +
           strlen(subprotocol);
}

/* The stream after a JSON handshake, every way it may be cut: how it ends, and what we sent after
 * our 101 (messages are echoed). */
static void expect(struct octets *stream, const struct transport_options *options,
                   enum transport_end end, const void *sent, size_t sent_size)
{
    struct wire wire;
    size_t skip = answer_size("wamp.2.json");
    wire_every_way(&wire, options, octets_view(stream), 400);
    assert_string_equal(transport_end_name(wire.transport.end), transport_end_name(end));
    assert_int_equal(wire.sent.size, skip + sent_size);
    assert_memory_equal(wire.sent.at + skip, sent, sent_size);
    wire_fini(&wire);
    octets_free(stream);
}

#define EXPECT(stream, end, literal)                                                               \
    expect((stream), &options, (end), (literal), sizeof(literal) - 1)

#define CLOSE_1002 "\x88\x02\x03\xEA"
#define CLOSE_1007 "\x88\x02\x03\xEF"
#define CLOSE_1008 "\x88\x02\x03\xF0"
#define CLOSE_1009 "\x88\x02\x03\xF1"

/* proves B-WS-3 */
static void every_first_octet_of_a_frame_is_a_frame_or_a_fault(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    for (unsigned first = 0; first < 256; first++) {
        struct octets stream = opened("wamp.2.json");
        octets_frame(&stream, (uint8_t)first, bytes_make("", 0));
        switch (first) {
        case 0x81:
            EXPECT(&stream, TRANSPORT_END_NONE, "\x81\x00");
            break;
        case 0x01:
        case 0x8A:
            EXPECT(&stream, TRANSPORT_END_NONE, "");
            break;
        case 0x02:
        case 0x82:
            EXPECT(&stream, TRANSPORT_END_DATA_TYPE, "");
            break;
        case 0x88:
            EXPECT(&stream, TRANSPORT_END_PEER_CLOSED, "\x88\x00");
            break;
        case 0x89:
            EXPECT(&stream, TRANSPORT_END_NONE, "\x8A\x00");
            break;
        default:
            EXPECT(&stream, TRANSPORT_END_PROTOCOL, CLOSE_1002);
            stream = opened("wamp.2.json"); /* seen before the second octet comes */
            octets_fill(&stream, (uint8_t)first, 1);
            EXPECT(&stream, TRANSPORT_END_PROTOCOL, CLOSE_1002);
            break;
        }
    }
}

/* proves B-WS-3 */
static void an_unmasked_frame_is_a_fault(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    for (unsigned opcode = 1; opcode <= 10; opcode = opcode == 1 ? 8 : opcode + 1) {
        uint8_t head[2] = {(uint8_t)(0x80 | opcode), 1};
        struct octets stream = opened("wamp.2.json");
        octets_put(&stream, head, 2);
        octets_text(&stream, "x");
        EXPECT(&stream, TRANSPORT_END_PROTOCOL, CLOSE_1002);
    }
}

static void a_length_must_be_the_shortest(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    static const struct {
        uint8_t octets[10];
        uint8_t size;
        bool good;
    } rows[] = {
        {{0x81, 0xFE, 0, 0}, 4, false},
        {{0x81, 0xFE, 0, 125}, 4, false},
        {{0x81, 0xFE, 0, 126}, 4, true},
        {{0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5}, 10, false},
        {{0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 10, false},
        {{0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0}, 10, true},
        {{0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0}, 10, false},
        {{0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, 10, false},
        {{0x89, 0xFE, 0, 126}, 2, false}, /* a control frame has no long form */
        {{0x88, 0xFF}, 2, false},
    };
    options.bytes_max_unwelcome = 100000;
    for (unsigned i = 0; i < array_count(rows); i++) {
        struct octets stream = opened("wamp.2.json");
        octets_put(&stream, rows[i].octets, rows[i].size);
        if (rows[i].good) {
            EXPECT(&stream, TRANSPORT_END_NONE, "");
        } else {
            octets_fill(&stream, 'x', 300); /* the frame's rest does not heal it */
            EXPECT(&stream, TRANSPORT_END_PROTOCOL, CLOSE_1002);
        }
    }
}

static void messages_of_every_length_pass(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    static const size_t sizes[] = {0,   1,   2,   3,   4,   7,     8,     9,     15,    16,   17,
                                   124, 125, 126, 127, 128, 65533, 65534, 65535, 65536, 65537};
    options.bytes_max_unwelcome = options.bytes_max;
    struct octets stream = opened("wamp.2.msgpack");
    struct octets want = {0};
    for (unsigned i = 0; i < array_count(sizes); i++) {
        struct octets payload = {0};
        for (size_t k = 0; k < sizes[i]; k++) {
            octets_put(&payload, &(uint8_t){(uint8_t)(k * 7 + i)}, 1);
        }
        octets_frame(&stream, 0x82, octets_view(&payload));
        uint8_t head[FRAME_HEAD_BYTES_MAX];
        size_t head_size =
            frame_head(FRAMING_WEBSOCKET, SERIALIZER_MSGPACK, payload.size, head + sizeof head);
        octets_put(&want, head + sizeof head - head_size, head_size);
        octets_put(&want, payload.at, payload.size);
        octets_free(&payload);
    }
    struct wire wire;
    size_t skip = answer_size("wamp.2.msgpack");
    wire_every_way(&wire, &options, octets_view(&stream), 20);
    assert_int_equal(wire.messages, array_count(sizes));
    assert_int_equal(wire.sent.size, skip + want.size);
    assert_memory_equal(wire.sent.at + skip, want.at, want.size);
    assert_int_equal(wire.held_max, 0); /* whole frames are views */
    wire_fini(&wire);
    octets_free(&stream);
    octets_free(&want);
}

/* proves B-WS-1 B-WS-3 */
static void fragments_are_joined_and_control_frames_pass_between(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets stream = opened("wamp.2.json");
    octets_frame_text(&stream, 0x01, "");
    octets_frame_text(&stream, 0x00, "[1,");
    octets_frame_text(&stream, 0x89, "ping");
    octets_frame_text(&stream, 0x8A, "nobody asked");
    octets_frame_text(&stream, 0x00, "");
    octets_frame_text(&stream, 0x89, "");
    octets_frame_text(&stream, 0x80, "2]");
    octets_frame_text(&stream, 0x81, "[3]");
    octets_frame_text(&stream, 0x01, "");
    octets_frame_text(&stream, 0x80, "[4]");
    octets_close(&stream, 1000, "bye");
    octets_frame_text(&stream, 0x81, "too late");
    EXPECT(&stream, TRANSPORT_END_PEER_CLOSED,
           "\x8A\x04ping\x8A\x00\x81\x05[1,2]\x81\x03[3]\x81\x03[4]\x88\x02\x03\xE8");
}

static void fragments_out_of_order_are_faults(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    static const uint8_t rows[][3] = {
        {0x80, 0, 0}, {0x00, 0, 0}, {0x01, 0x81, 0}, {0x01, 0x01, 0}, {0x01, 0x82, 0}};
    for (unsigned i = 0; i < array_count(rows); i++) {
        struct octets stream = opened("wamp.2.json");
        for (unsigned k = 0; rows[i][k] != 0 || k == 0; k++) {
            octets_frame_text(&stream, rows[i][k], "[1]");
        }
        EXPECT(&stream, TRANSPORT_END_PROTOCOL, CLOSE_1002);
    }
    struct octets stream = opened("wamp.2.json");
    octets_frame_text(&stream, 0x01, "[");
    octets_frame_text(&stream, 0x80, "]");
    octets_frame_text(&stream, 0x80, "]");
    EXPECT(&stream, TRANSPORT_END_PROTOCOL, "\x81\x02[]" CLOSE_1002);
}

static void fragments_beyond_their_number_end_it(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    options.fragments_max = 7;
    for (unsigned extra = 0; extra < 2; extra++) {
        struct octets stream = opened("wamp.2.json");
        octets_frame_text(&stream, 0x01, "");
        for (unsigned i = 0; i < 5 + extra; i++) {
            octets_frame_text(&stream, 0x00, "");
        }
        octets_frame_text(&stream, 0x80, "x");
        octets_frame_text(&stream, 0x81, "y");
        if (extra == 0) {
            EXPECT(&stream, TRANSPORT_END_NONE, "\x81\x01x\x81\x01y");
        } else {
            EXPECT(&stream, TRANSPORT_END_FLOOD, CLOSE_1008);
        }
    }
    options.fragments_max = 4096;
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_websocket(&wire, "wamp.2.json");
    struct octets stream = {0};
    octets_frame_text(&stream, 0x01, "");
    for (unsigned i = 0; i < 4096; i++) {
        octets_frame_text(&stream, 0x00, "");
    }
    wire_feed_by(&wire, octets_view(&stream), 1000);
    assert_int_equal(wire.transport.end, TRANSPORT_END_FLOOD);
    wire_fini(&wire);
    octets_free(&stream);
}

/* proves B-WS-4 */
static void a_message_over_the_limit_fails_on_its_head(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    options.bytes_max = 1000;
    options.bytes_max_unwelcome = 200;
    static const struct {
        size_t first;
        size_t second; /* in fragments */
        bool welcome;
        bool good;
    } rows[] = {
        {200, 0, false, true},  {201, 0, false, false},  {1000, 0, true, true},
        {1001, 0, true, false}, {100, 100, false, true}, {100, 101, false, false},
        {999, 1, true, true},   {1000, 1, true, false},  {1, 100000, true, false},
    };
    for (unsigned i = 0; i < array_count(rows); i++) {
        struct octets stream = opened("wamp.2.json");
        struct octets payload = {0};
        octets_fill(&payload, 'x', 100001);
        if (rows[i].welcome) {
            octets_frame_text(&stream, 0x81, "");
        }
        octets_frame(&stream, rows[i].second > 0 ? 0x01 : 0x81,
                     bytes_make(payload.at, rows[i].first));
        if (rows[i].second > 0) {
            octets_frame(&stream, 0x80, bytes_make(payload.at, rows[i].second));
        }
        struct wire wire;
        wire_every_way(&wire, &options, octets_view(&stream), 50);
        assert_int_equal(wire.transport.end,
                         rows[i].good ? TRANSPORT_END_NONE : TRANSPORT_END_TOO_BIG);
        assert_int_equal(wire.messages, rows[i].good + rows[i].welcome);
        if (!rows[i].good) {
            assert_memory_equal(wire.sent.at + wire.sent.size - 4, CLOSE_1009, 4);
        }
        wire_fini(&wire);
        octets_free(&stream);
        octets_free(&payload);
    }
}

static void a_claimed_length_holds_no_memory(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    static const uint8_t firsts[] = {0x82, 0x02};
    for (unsigned i = 0; i < 2; i++) {
        struct wire wire;
        wire_init(&wire, &options);
        wire_open_websocket(&wire, "wamp.2.cbor");
        transport_welcomed(&wire.transport);
        uint8_t frame[17] = {firsts[i], 0xFF, 0, 0, 0, 0, 0, 0x0F, 0xFF, 0xFF};
        wire_feed(&wire, bytes_make(frame, 14));
        assert_int_equal(wire.held_max, 0);
        wire_feed(&wire, bytes_make(frame + 14, 3));
        assert_in_range(wire.held_max, 3, 64);
        assert_int_equal(transport_expire(&wire.transport, wire.now_ns + options.message_ns), -1);
        assert_int_equal(wire.transport.end, TRANSPORT_END_MESSAGE_TIMEOUT);
        wire_drain(&wire);
        assert_int_equal(wire.sent.size, 4);
        assert_memory_equal(wire.sent.at, CLOSE_1008, 4);
        wire_fini(&wire);
    }
}

static void a_buffer_grows_to_the_message_and_no_further(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets payload = {0};
    struct octets frame = {0};
    octets_fill(&payload, 'x', 3000);
    octets_frame(&frame, 0x81, octets_view(&payload));
    struct wire wire;
    wire_init(&wire, &options);
    wire.in_mem.source.direct = true; /* no rounding up */
    wire_open_websocket(&wire, "wamp.2.json");
    wire_feed_by(&wire, octets_view(&frame), 1700);
    assert_int_equal(wire.messages, 1);
    assert_int_equal(wire.held_max, 3000);
    wire_fini(&wire);
    octets_free(&payload);
    octets_free(&frame);
}

/* proves B-WS-3 */
static void bad_utf8_ends_it_at_its_first_bad_octet(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets frame = {0};
    octets_frame_text(&frame, 0x81, "\xCE\xBA\xE1\xBD\xB9\xF4\x90\x80\x80 and much more text");
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_websocket(&wire, "wamp.2.json");
    assert_true(wire_feed(&wire, bytes_make(frame.at, 6 + 6))); /* up to F4 */
    assert_false(wire_feed(&wire, bytes_make(frame.at + 12, 1)));
    assert_int_equal(wire.transport.end, TRANSPORT_END_UTF8);
    assert_memory_equal(wire.sent.at, CLOSE_1007, 4);
    wire_fini(&wire);
    octets_free(&frame);

    struct octets stream = opened("wamp.2.json");
    octets_frame_text(&stream, 0x01, "abc\xE2\x82");
    octets_frame_text(&stream, 0x89, "\xFF"); /* a ping is not text */
    octets_frame_text(&stream, 0x00, "\xAC");
    octets_frame_text(&stream, 0x80, "\xF0");
    EXPECT(&stream, TRANSPORT_END_UTF8, "\x8A\x01\xFF" CLOSE_1007);
    stream = opened("wamp.2.json");
    octets_frame_text(&stream, 0x81, "\xE2\x82\xAC");
    octets_frame_text(&stream, 0x81, "[1,\xE2\x82");
    EXPECT(&stream, TRANSPORT_END_UTF8, "\x81\x03\xE2\x82\xAC" CLOSE_1007);
}

/* proves B-WS-1 */
static void a_type_that_was_not_agreed_waits_for_the_owners_last_word(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    static const struct {
        const char *subprotocol;
        uint8_t first;
    } rows[] = {{"wamp.2.json", 0x82},
                {"wamp.2.json", 0x02},
                {"wamp.2.msgpack", 0x81},
                {"wamp.2.cbor", 0x01}};
    for (unsigned i = 0; i < array_count(rows); i++) {
        struct octets stream = opened(rows[i].subprotocol);
        octets_frame_text(&stream, rows[i].first, "[1]");
        struct wire wire;
        wire_every_way(&wire, &options, octets_view(&stream), 400);
        assert_int_equal(wire.transport.end, TRANSPORT_END_DATA_TYPE);
        octets_free(&wire.sent);
        assert_true(transport_send(&wire.transport, BYTES_LITERAL("abort")));
        transport_close(&wire.transport, WEBSOCKET_DATA_TYPE, wire.now_ns);
        transport_close(&wire.transport, WEBSOCKET_DATA_TYPE, wire.now_ns);
        assert_true(transport_send(&wire.transport, BYTES_LITERAL("too late")));
        wire_drain(&wire);
        assert_int_equal(wire.sent.size, 11);
        assert_memory_equal(wire.sent.at + 1,
                            "\x05"
                            "abort\x88\x02\x03\xEB",
                            10);
        assert_int_equal(wire.transport.end, TRANSPORT_END_DATA_TYPE);
        assert_true(transport_finished(&wire.transport));
        wire_fini(&wire);
        octets_free(&stream);
    }
}

/* proves B-WS-3 */
static void every_close_code_is_echoed_or_refused(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct wire wire;
    for (unsigned code = 0; code < 65536; code++) {
        bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                    (code >= 3000 && code <= 4999);
        struct octets stream = {0};
        octets_close(&stream, (uint16_t)code, "");
        wire_init(&wire, &options);
        wire_open_websocket(&wire, "wamp.2.json");
        assert_false(wire_feed(&wire, octets_view(&stream)));
        uint8_t want[4] = {0x88, 2, (uint8_t)(code >> 8), (uint8_t)code};
        assert_memory_equal(wire.sent.at, good ? (const char *)want : CLOSE_1002, 4);
        assert_int_equal(wire.sent.size, 4);
        assert_int_equal(wire.transport.end,
                         good ? TRANSPORT_END_PEER_CLOSED : TRANSPORT_END_PROTOCOL);
        wire_fini(&wire);
        octets_free(&stream);
    }
}

static void a_close_has_a_code_and_a_text_or_nothing(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets stream = opened("wamp.2.json");
    octets_frame_text(&stream, 0x88, "x");
    EXPECT(&stream, TRANSPORT_END_PROTOCOL, CLOSE_1002);
    stream = opened("wamp.2.json");
    octets_close(&stream, 1000, "\xE2\x82\xAC");
    EXPECT(&stream, TRANSPORT_END_PEER_CLOSED, "\x88\x02\x03\xE8");
    stream = opened("wamp.2.json");
    octets_close(&stream, 1000, "\xE2\x82");
    EXPECT(&stream, TRANSPORT_END_UTF8, CLOSE_1007);
    stream = opened("wamp.2.json");
    octets_close(&stream, 3000,
                 "123 octets of reason: .............................................."
                 ".......................................................");
    EXPECT(&stream, TRANSPORT_END_PEER_CLOSED, "\x88\x02\x0B\xB8");
    stream = opened("wamp.2.json"); /* in the middle of a message */
    octets_frame_text(&stream, 0x01, "[1,");
    octets_close(&stream, 1001, "");
    EXPECT(&stream, TRANSPORT_END_PEER_CLOSED, "\x88\x02\x03\xE9");
}

static void pings_over_budget_end_it(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_websocket(&wire, "wamp.2.json");
    struct octets ping = {0};
    octets_frame_text(&ping, 0x89, "");
    for (unsigned i = 0; i < 50; i++) {
        assert_true(wire_feed(&wire, octets_view(&ping)));
    }
    wire.now_ns += NS_PER_S / 10;
    assert_true(wire_feed(&wire, octets_view(&ping)));
    wire.now_ns += NS_PER_S / 5;
    assert_true(wire_feed(&wire, octets_view(&ping)));
    assert_true(wire_feed(&wire, octets_view(&ping)));
    assert_false(wire_feed(&wire, octets_view(&ping)));
    assert_int_equal(wire.transport.end, TRANSPORT_END_FLOOD);
    assert_int_equal(wire.sent.size, 53 * 2 + 4);
    assert_memory_equal(wire.sent.at + 106, CLOSE_1008, 4);
    wire_fini(&wire);
    octets_free(&ping);
}

static void a_budget_of_none_takes_no_ping(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    options.pings_per_s = 0;
    struct octets stream = opened("wamp.2.json");
    octets_frame_text(&stream, 0x8A, "");
    octets_frame_text(&stream, 0x89, "");
    EXPECT(&stream, TRANSPORT_END_FLOOD, CLOSE_1008);
}

static void after_our_close_only_the_peers_close_counts(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    for (size_t piece = 0; piece < 30; piece++) {
        struct octets stream = {0};
        octets_frame_text(&stream, 0x81, "[1]");
        octets_frame_text(&stream, 0x82, "\xFF"); /* neither type nor text matter now */
        octets_frame_text(&stream, 0x01, "\xFF");
        octets_frame_text(&stream, 0x89, "no pong");
        octets_frame_text(&stream, 0x80, "[1]");
        octets_close(&stream, 1000, "");
        octets_frame_text(&stream, 0x81, "[1]");
        struct wire wire;
        wire_init(&wire, &options);
        wire_open_websocket(&wire, "wamp.2.json");
        wire_feed(&wire, bytes_make("\x81\x85\0\0\0\0abc", 9)); /* cut off in a message */
        transport_close(&wire.transport, WEBSOCKET_NORMAL, wire.now_ns);
        transport_close(&wire.transport, WEBSOCKET_NORMAL, wire.now_ns);
        assert_false(transport_finished(&wire.transport));
        assert_int_equal(wire.transport.deadline_ns, wire.now_ns + options.close_ns);
        assert_true(wire_feed(&wire, bytes_make("\xFF\xFF", 2)));
        assert_true(transport_send(&wire.transport, BYTES_LITERAL("too late")));
        wire_feed_by(&wire, octets_view(&stream), piece);
        assert_int_equal(wire.messages, 0);
        assert_int_equal(wire.transport.end, TRANSPORT_END_LOCAL);
        assert_true(transport_finished(&wire.transport));
        assert_int_equal(wire.sent.size, 4);
        assert_memory_equal(wire.sent.at, "\x88\x02\x03\xE8", 4);
        wire_fini(&wire);
        octets_free(&stream);
    }
}

static void a_peer_that_does_not_close_back_is_not_waited_for(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct wire wire;
    wire_init(&wire, &options);
    wire_open_websocket(&wire, "wamp.2.json");
    uint64_t end_ns = wire.now_ns + options.close_ns;
    transport_close(&wire.transport, 1001, wire.now_ns);
    struct octets frame = {0};
    octets_frame_text(&frame, 0x81, "[1]");
    wire.now_ns = end_ns - 1;
    assert_true(wire_feed(&wire, octets_view(&frame)));
    assert_int_equal(wire.transport.deadline_ns, end_ns);
    assert_int_equal(transport_expire(&wire.transport, end_ns - 1), 0);
    assert_int_equal(transport_expire(&wire.transport, end_ns), -1);
    assert_int_equal(wire.transport.end, TRANSPORT_END_LOCAL);
    wire_drain(&wire);
    assert_int_equal(wire.sent.size, 4);
    wire_fini(&wire);
    octets_free(&frame);
}

static void unmasking_in_pieces_is_unmasking_at_once(void **state)
{
    (void)state;
    uint8_t plain[80];
    uint8_t masked[80];
    const uint8_t mask_octets[4] = {1, 2, 0x84, 8};
    for (size_t i = 0; i < sizeof plain; i++) {
        plain[i] = (uint8_t)(i % 64);
    }
    for (size_t size = 0; size <= sizeof plain; size++) {
        for (size_t cut = 0; cut <= size; cut++) {
            for (size_t wide = 0; wide <= size; wide += 9) { /* size: none */
                uint8_t want[80];
                memcpy(want, plain, sizeof plain);
                if (wide < size) {
                    want[wide] |= 0x80;
                }
                for (size_t i = 0; i < size; i++) {
                    masked[i] = want[i] ^ mask_octets[i % 4];
                }
                uint32_t mask;
                memcpy(&mask, mask_octets, 4);
                bool first = websocket_unmask(masked, cut, &mask);
                bool second = websocket_unmask(masked + cut, size - cut, &mask);
                assert_memory_equal(masked, want, size);
                assert_int_equal(first, wide < cut);
                assert_int_equal(second, wide >= cut && wide < size);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_first_octet_of_a_frame_is_a_frame_or_a_fault),
        cmocka_unit_test(an_unmasked_frame_is_a_fault),
        cmocka_unit_test(a_length_must_be_the_shortest),
        cmocka_unit_test(messages_of_every_length_pass),
        cmocka_unit_test(fragments_are_joined_and_control_frames_pass_between),
        cmocka_unit_test(fragments_out_of_order_are_faults),
        cmocka_unit_test(fragments_beyond_their_number_end_it),
        cmocka_unit_test(a_message_over_the_limit_fails_on_its_head),
        cmocka_unit_test(a_claimed_length_holds_no_memory),
        cmocka_unit_test(a_buffer_grows_to_the_message_and_no_further),
        cmocka_unit_test(bad_utf8_ends_it_at_its_first_bad_octet),
        cmocka_unit_test(a_type_that_was_not_agreed_waits_for_the_owners_last_word),
        cmocka_unit_test(every_close_code_is_echoed_or_refused),
        cmocka_unit_test(a_close_has_a_code_and_a_text_or_nothing),
        cmocka_unit_test(pings_over_budget_end_it),
        cmocka_unit_test(a_budget_of_none_takes_no_ping),
        cmocka_unit_test(after_our_close_only_the_peers_close_counts),
        cmocka_unit_test(a_peer_that_does_not_close_back_is_not_waited_for),
        cmocka_unit_test(unmasking_in_pieces_is_unmasking_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
