#include "client/frames.h"

#include "common/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* RFC 6455 gives a key with its accept (1.3) and a masked "Hello" (5.7): the source of numbers
 * gives just these octets. */
static void rfc_random(void *out, size_t size)
{
    if (size == 16) {
        memcpy(out, "the sample nonce", 16);
    } else {
        assert_int_equal(size, 4);
        memcpy(out, "\x37\xfa\x21\x3d", 4);
    }
}

static const char request[] = "GET /ws HTTP/1.1\r\n"
                              "Host: h:8080\r\n"
                              "User-Agent: clos/" CLOS_VERSION "\r\n"
                              "Upgrade: websocket\r\n"
                              "Connection: Upgrade\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Sec-WebSocket-Protocol: wamp.2.json\r\n"
                              "\r\n";

static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\n"
                             "upgrade: WebSocket\r\n"
                             "CONNECTION: keep-alive, Upgrade\r\n"
                             "Sec-WebSocket-Accept:s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                             "Sec-WebSocket-Protocol: wamp.2.json \r\n"
                             "Server: x\r\n"
                             "\r\n";

struct bench {
    struct mem mem;
    struct frames frames;
};

static void bench_start(struct bench *bench, enum framing framing, enum serializer serializer,
                        size_t bytes_max)
{
    struct frames_options options = {
        .framing = framing,
        .serializer = serializer,
        .authority = "h:8080",
        .path = "/ws",
        .bytes_max = bytes_max,
        .out_bytes_max = 1 << 25,
        .random = rfc_random,
    };
    mem_init(&bench->mem, heap_source(), SIZE_MAX / 2);
    assert_true(frames_init(&bench->frames, &bench->mem, &options));
}

static void bench_end(struct bench *bench)
{
    frames_fini(&bench->frames);
    mem_fini(&bench->mem);
}

static void out_is(struct bench *bench, const void *octets, size_t size)
{
    struct buf *out = &bench->frames.out;
    assert_int_equal(out->size, size);
    assert_memory_equal(out->at, octets, size);
    buf_reset(out);
}

static void open_rawsocket(struct bench *bench)
{
    struct bytes message;
    bench_start(bench, FRAMING_RAWSOCKET, SERIALIZER_MSGPACK, 512);
    out_is(bench, "\x7f\x02\x00\x00", 4);
    frames_put(&bench->frames, bytes_make("\x7f\x02\x00\x00", 4));
    assert_int_equal(frames_next(&bench->frames, &message), 0);
    assert_int_equal(bench->frames.state, FRAMES_OPEN);
}

static void open_websocket(struct bench *bench, size_t bytes_max)
{
    struct bytes message;
    bench_start(bench, FRAMING_WEBSOCKET, SERIALIZER_JSON, bytes_max);
    out_is(bench, request, sizeof request - 1);
    frames_put(&bench->frames, bytes_text(answer));
    assert_int_equal(frames_next(&bench->frames, &message), 0);
    assert_int_equal(bench->frames.state, FRAMES_OPEN);
}

/* Feeds octets in two parts, cut at cut; gathers messages as text with '|' behind each. Answers
 * what frames_next answered last. */
static int feed(struct bench *bench, struct bytes octets, size_t cut, char *messages)
{
    struct bytes parts[2] = {bytes_make(octets.at, cut), bytes_from(octets, cut)};
    int next = 0;
    *messages = '\0';
    for (size_t i = 0; i < 2 && next == 0; i++) {
        struct bytes message;
        frames_put(&bench->frames, parts[i]);
        while ((next = frames_next(&bench->frames, &message)) == 1) {
            memcpy(messages, message.at, message.size);
            messages += message.size;
            memcpy(messages++, "|", 2);
        }
    }
    return next;
}

/* ---- RawSocket */

static void rawsocket_announces_the_power_of_two_that_holds_its_limit(void **state)
{
    (void)state;
    static const struct {
        size_t bytes_max;
        enum serializer serializer;
        const char *octets;
    } rows[] = {
        {512, SERIALIZER_JSON, "\x7f\x01\x00\x00"},
        {513, SERIALIZER_MSGPACK, "\x7f\x12\x00\x00"},
        {1 << 20, SERIALIZER_CBOR, "\x7f\xb3\x00\x00"},
        {1 << 24, SERIALIZER_MSGPACK, "\x7f\xf2\x00\x00"},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct bench bench;
        bench_start(&bench, FRAMING_RAWSOCKET, rows[i].serializer, rows[i].bytes_max);
        out_is(&bench, rows[i].octets, 4);
        bench_end(&bench);
    }
}

static void rawsocket_reads_the_same_however_the_octets_are_cut(void **state)
{
    (void)state;
    static const uint8_t octets[] = "\x7f\x32\0\0"
                                    "\0\0\0\5hello"
                                    "\1\0\0\2pi"
                                    "\0\0\0\0"
                                    "\2\0\0\1x"
                                    "\0\0\0\1!";
    struct bytes all = bytes_make(octets, sizeof octets - 1);
    for (size_t cut = 0; cut <= all.size; cut++) {
        struct bench bench;
        char messages[64];
        bench_start(&bench, FRAMING_RAWSOCKET, SERIALIZER_MSGPACK, 1024);
        buf_reset(&bench.frames.out);
        assert_int_equal(feed(&bench, all, cut, messages), 0);
        assert_string_equal(messages, "hello||!|");
        assert_int_equal(bench.frames.peer_bytes_max, 4096);
        out_is(&bench, "\2\0\0\2pi", 6);
        bench_end(&bench);
    }
}

static void rawsocket_handshake_refused_or_broken_ends_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t size;
        const char *text;
    } rows[] = {
        {"\x7f\x10\0\0", 4, "the router does not speak this serializer over RawSocket"},
        {"\x7f\x20\0\0", 4, "the router finds our maximum message length unacceptable"},
        {"\x7f\x30\0\0", 4, "the router says that reserved bits were used"},
        {"\x7f\x40\0\0", 4, "the router has too many connections"},
        {"\x7f\x50\0\0", 4, "the router refused RawSocket"},
        {"\x7f\xf1\0\0", 4, "the router's RawSocket handshake is not an answer to ours"},
        {"\x7f\xf2\1\0", 4, "the router's RawSocket handshake is not an answer to ours"},
        {"\x7f\xf2\0\1", 4, "the router's RawSocket handshake is not an answer to ours"},
        {"H", 1, "what answers does not speak RawSocket"},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct bench bench;
        struct bytes message;
        bench_start(&bench, FRAMING_RAWSOCKET, SERIALIZER_MSGPACK, 512);
        frames_put(&bench.frames, bytes_make(rows[i].octets, rows[i].size));
        assert_int_equal(frames_next(&bench.frames, &message), -1);
        assert_int_equal(frames_next(&bench.frames, &message), -1);
        assert_int_equal(bench.frames.failure.error, CLIENT_HANDSHAKE);
        assert_string_equal(bench.frames.failure.text, rows[i].text);
        bench_end(&bench);
    }
}

static void rawsocket_frame_that_breaks_the_rules_ends_the_connection(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        const char *text;
    } rows[] = {
        {"\x10\0\0\0", "the router sent a broken RawSocket frame"},
        {"\x80\0\0\0", "the router sent a broken RawSocket frame"},
        {"\3\0\0\0", "the router sent a broken RawSocket frame"},
        {"\7\0\0\0", "the router sent a broken RawSocket frame"},
        {"\x08\0\0\1", "the router sent a broken RawSocket frame"},
        {"\0\0\2\1", "the router sent a message beyond our announced limit"},
        {"\1\0\2\1", "the router sent a message beyond our announced limit"},
        {"\x08\0\0\0", "the router sent a message beyond our announced limit"},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct bench bench;
        struct bytes message;
        open_rawsocket(&bench);
        frames_put(&bench.frames, bytes_make(rows[i].octets, 4));
        assert_int_equal(frames_next(&bench.frames, &message), -1);
        assert_int_equal(bench.frames.failure.error, CLIENT_PROTOCOL);
        assert_string_equal(bench.frames.failure.text, rows[i].text);
        bench_end(&bench);
    }
}

static void rawsocket_sends_up_to_the_routers_limit_and_not_beyond(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t payload[513] = "abc";
    open_rawsocket(&bench);
    assert_int_equal(frames_send(&bench.frames, bytes_make(payload, 3)), CLIENT_OK);
    out_is(&bench, "\0\0\0\3abc", 7);
    assert_int_equal(frames_send(&bench.frames, bytes_make(payload, 513)), CLIENT_LIMIT);
    assert_int_equal(bench.frames.out.size, 0);
    assert_int_equal(frames_send(&bench.frames, bytes_make(payload, 512)), CLIENT_OK);
    assert_int_equal(bench.frames.out.size, 516);
    assert_memory_equal(bench.frames.out.at, "\0\0\2\0abc", 7);
    bench_end(&bench);
}

static void rawsocket_marks_a_message_of_two_to_the_24_in_its_head(void **state)
{
    (void)state;
    struct bench bench;
    struct bytes message;
    uint8_t *payload = calloc(1, (1 << 24) + 4);
    assert_non_null(payload);
    bench_start(&bench, FRAMING_RAWSOCKET, SERIALIZER_MSGPACK, 1 << 24);
    frames_put(&bench.frames, bytes_make("\x7f\xf2\0\0", 4));
    assert_int_equal(frames_next(&bench.frames, &message), 0);
    buf_reset(&bench.frames.out);
    assert_int_equal(frames_send(&bench.frames, bytes_make(payload, 1 << 24)), CLIENT_OK);
    assert_int_equal(bench.frames.out.size, (1 << 24) + 4);
    assert_memory_equal(bench.frames.out.at, "\x08\0\0\0", 4);
    payload[0] = 0x08;
    int next = 0;
    for (size_t i = 0; i < (1 << 24) + 4 && next == 0; i += FRAMES_PUT_MAX) {
        frames_put(&bench.frames,
                   bytes_make(payload + i, size_min(FRAMES_PUT_MAX, (1 << 24) + 4 - i)));
        next = frames_next(&bench.frames, &message);
    }
    assert_int_equal(next, 1);
    assert_int_equal(message.size, 1 << 24);
    bench_end(&bench);
    free(payload);
}

/* ---- WebSocket */

static void websocket_reads_the_same_however_the_octets_are_cut(void **state)
{
    (void)state;
    static const char frames[] = "\x81\5[1,2]"
                                 "\x01\2[3"
                                 "\x89\4ping"
                                 "\x00\2,4"
                                 "\x8a\1x"
                                 "\x80\1]"
                                 "\x81\2[]";
    char octets[512];
    size_t size = sizeof answer - 1;
    memcpy(octets, answer, size);
    memcpy(octets + size, frames, sizeof frames - 1);
    size += sizeof frames - 1;
    for (size_t cut = 0; cut <= size; cut++) {
        struct bench bench;
        char messages[64];
        bench_start(&bench, FRAMING_WEBSOCKET, SERIALIZER_JSON, 512);
        buf_reset(&bench.frames.out);
        assert_int_equal(feed(&bench, bytes_make(octets, size), cut, messages), 0);
        assert_string_equal(messages, "[1,2]|[3,4]|[]|");
        out_is(&bench, "\x8a\x84\x37\xfa\x21\x3d\x47\x93\x4f\x5a", 10);
        bench_end(&bench);
    }
}

static void websocket_masks_what_it_sends(void **state)
{
    (void)state;
    struct bench bench;
    open_websocket(&bench, 512);
    assert_int_equal(frames_send(&bench.frames, bytes_text("Hello")), CLIENT_OK);
    out_is(&bench, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
    bench_end(&bench);
}

static void websocket_writes_each_length_in_its_shortest_form(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        size_t head_size;
        const char *head;
    } rows[] = {
        {0, 6, "\x81\x80\x37\xfa\x21\x3d"},
        {125, 6, "\x81\xfd\x37\xfa\x21\x3d"},
        {126, 8, "\x81\xfe\0\x7e\x37\xfa\x21\x3d"},
        {65535, 8, "\x81\xfe\xff\xff\x37\xfa\x21\x3d"},
        {65536, 14, "\x81\xff\0\0\0\0\0\1\0\0\x37\xfa\x21\x3d"},
    };
    static uint8_t payload[65536];
    struct bench bench;
    open_websocket(&bench, 512);
    for (size_t i = 0; i < array_count(rows); i++) {
        assert_int_equal(frames_send(&bench.frames, bytes_make(payload, rows[i].size)), CLIENT_OK);
        assert_int_equal(bench.frames.out.size, rows[i].head_size + rows[i].size);
        assert_memory_equal(bench.frames.out.at, rows[i].head, rows[i].head_size);
        for (size_t k = 0; k < rows[i].size; k++) { /* zeroes show the mask */
            assert_int_equal(bench.frames.out.at[rows[i].head_size + k],
                             "\x37\xfa\x21\x3d"[k % 4] & 0xff);
        }
        buf_reset(&bench.frames.out);
    }
    bench_end(&bench);
}

/* answer, with the first place of from replaced; NULL: cut off there. */
static struct bytes answer_with(char *room, const char *from, const char *to)
{
    const char *at = strstr(answer, from);
    assert_non_null(at);
    size_t before = (size_t)(at - answer);
    memcpy(room, answer, before);
    memcpy(room + before, to, strlen(to) + 1);
    memcpy(room + before + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    return bytes_text(room);
}

static void websocket_answer_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const char no_upgrade[] = "the router's answer is no upgrade to WebSocket";
    static const char *const rows[][3] = {
        {"HTTP/1.1 101", "SSH-2.0-x", "what answers does not speak HTTP"},
        {"HTTP/1.1 101", "HTTP/1.1 1010",
         "the router refused WebSocket: HTTP 1010 Switching "
         "Protocols"},
        {"101 Switching Protocols", "404 Not\033Found",
         "the router refused WebSocket: HTTP 404 "
         "Not?Found"},
        {"upgrade: WebSocket\r\n", "", no_upgrade},
        {"upgrade: WebSocket", "upgrade: h2c", no_upgrade},
        {"keep-alive, Upgrade", "keep-alive", no_upgrade},
        {"s3pP", "S3pP", no_upgrade},
        {"Server: x", "no colon", "the router's HTTP answer is broken"},
        {"Sec-WebSocket-Protocol: wamp.2.json \r\n", "",
         "the router speaks WebSocket, but not WAMP in this serializer"},
        {"wamp.2.json", "wamp.2.cbor", "the router chose a subprotocol that was not offered"},
        {"Server: x", "Sec-WebSocket-Extensions: permessage-deflate",
         "the router chose an extension that was not offered"},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct bench bench;
        struct bytes message;
        char octets[1024];
        bench_start(&bench, FRAMING_WEBSOCKET, SERIALIZER_JSON, 512);
        frames_put(&bench.frames, answer_with(octets, rows[i][0], rows[i][1]));
        assert_int_equal(frames_next(&bench.frames, &message), -1);
        assert_int_equal(bench.frames.failure.error, CLIENT_HANDSHAKE);
        assert_string_equal(bench.frames.failure.text, rows[i][2]);
        bench_end(&bench);
    }
}

static void websocket_answer_without_end_is_bounded(void **state)
{
    (void)state;
    static char octets[FRAMES_HTTP_MAX];
    struct bench bench;
    struct bytes message;
    memset(octets, 'a', sizeof octets);
    memcpy(octets, "HTTP/1.1 101 ", 13);
    bench_start(&bench, FRAMING_WEBSOCKET, SERIALIZER_JSON, 512);
    frames_put(&bench.frames, bytes_make(octets, sizeof octets - 1));
    assert_int_equal(frames_next(&bench.frames, &message), 0);
    frames_put(&bench.frames, bytes_make("a", 1));
    assert_int_equal(frames_next(&bench.frames, &message), -1);
    assert_string_equal(bench.frames.failure.text, "the router's HTTP answer is too long");
    bench_end(&bench);
}

static void websocket_frame_that_breaks_the_rules_is_answered_with_its_close_code(void **state)
{
    (void)state;
    static const struct {
        const char *octets;
        size_t size;
        uint16_t code;
    } rows[] = {
        {"\x81\x81", 2, 1002},       /* masked */
        {"\xc1\0", 2, 1002},         /* RSV1 */
        {"\x83\0", 2, 1002},         /* opcode 3 */
        {"\x8b\0", 2, 1002},         /* opcode 11 */
        {"\x80\0", 2, 1002},         /* continues nothing */
        {"\1\1[\x81\1]", 6, 1002},   /* begins inside a message */
        {"\x09\0", 2, 1002},         /* ping in fragments */
        {"\x89\x7e", 2, 1002},       /* ping too long */
        {"\x81\x7e\0\x7d", 4, 1002}, /* 125 in the long form */
        {"\x81\x7f\0\0\0\0\0\0\xff\xff", 10, 1002},
        {"\x81\x7f\x80\0\0\0\0\1\0\0", 10, 1002},
        {"\x82\0", 2, 1003},       /* binary where text was agreed */
        {"\x81\x7e\2\1", 4, 1009}, /* 513 of 512 */
        {"\x88\1x", 3, 1002},      /* half a close code */
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct bench bench;
        struct bytes message;
        uint8_t expected[8] = {0x88, 0x82, 0x37, 0xfa, 0x21, 0x3d};
        expected[6] = (uint8_t)(rows[i].code >> 8 ^ 0x37);
        expected[7] = (uint8_t)(rows[i].code ^ 0xfa);
        open_websocket(&bench, 512);
        frames_put(&bench.frames, bytes_make(rows[i].octets, rows[i].size));
        assert_int_equal(frames_next(&bench.frames, &message), -1);
        assert_int_equal(bench.frames.failure.error, CLIENT_PROTOCOL);
        out_is(&bench, expected, sizeof expected);
        bench_end(&bench);
    }
}

static void websocket_fragments_are_bounded_by_their_sum(void **state)
{
    (void)state;
    struct bench bench;
    struct bytes message;
    uint8_t octets[4 + 512] = {0x01, 0x7e, 0x02, 0x00};
    open_websocket(&bench, 512);
    frames_put(&bench.frames, bytes_make(octets, sizeof octets));
    assert_int_equal(frames_next(&bench.frames, &message), 0);
    frames_put(&bench.frames, bytes_make("\x80\1", 2));
    assert_int_equal(frames_next(&bench.frames, &message), -1);
    assert_string_equal(bench.frames.failure.text, "the router sent a message beyond our limit");
    bench_end(&bench);
}

static void websocket_close_of_the_router_is_echoed_and_told(void **state)
{
    (void)state;
    struct bench bench;
    struct bytes message;
    open_websocket(&bench, 512);
    frames_put(&bench.frames, bytes_make("\x88\5\x03\xe9"
                                         "bye",
                                         7));
    assert_int_equal(frames_next(&bench.frames, &message), -1);
    assert_int_equal(bench.frames.failure.error, CLIENT_CLOSED);
    assert_string_equal(bench.frames.failure.text,
                        "the router closed the connection with code 1001: bye");
    out_is(&bench, "\x88\x82\x37\xfa\x21\x3d\x34\x13", 8);
    assert_int_equal(frames_send(&bench.frames, bytes_text("late")), CLIENT_CLOSED);
    bench_end(&bench);
}

static void websocket_close_of_ours_waits_for_the_routers(void **state)
{
    (void)state;
    struct bench bench;
    struct bytes message;
    open_websocket(&bench, 512);
    frames_close(&bench.frames);
    out_is(&bench, "\x88\x82\x37\xfa\x21\x3d\x34\x12", 8);
    frames_put(&bench.frames, bytes_make("\x89\0\x88\2\x03\xe8", 6));
    assert_int_equal(frames_next(&bench.frames, &message), -1);
    assert_int_equal(bench.frames.failure.error, CLIENT_CLOSED);
    out_is(&bench, "", 0); /* no pong after our Close, and no second Close */
    bench_end(&bench);
}

static void connection_that_ends_says_at_which_point(void **state)
{
    (void)state;
    struct bench bench;
    struct bytes message;
    bench_start(&bench, FRAMING_WEBSOCKET, SERIALIZER_JSON, 512);
    frames_put_end(&bench.frames);
    assert_int_equal(frames_next(&bench.frames, &message), -1);
    assert_string_equal(bench.frames.failure.text, "the router hung up during the handshake");
    bench_end(&bench);
    open_rawsocket(&bench);
    frames_put_end(&bench.frames);
    assert_int_equal(frames_next(&bench.frames, &message), -1);
    assert_string_equal(bench.frames.failure.text, "the router hung up");
    bench_end(&bench);
}

static void full_out_queue_refuses_and_stays_usable(void **state)
{
    (void)state;
    struct bench bench;
    open_rawsocket(&bench);
    uint8_t payload[256] = "abc";
    bench.frames.out.bytes_max = 256;
    assert_int_equal(frames_send(&bench.frames, bytes_make(payload, 200)), CLIENT_OK);
    assert_int_equal(frames_send(&bench.frames, bytes_make(payload, 49)), CLIENT_LIMIT);
    assert_int_equal(bench.frames.out.size, 204);
    assert_int_equal(frames_send(&bench.frames, bytes_make(payload, 48)), CLIENT_OK);
    assert_int_equal(bench.frames.out.size, 256);
    assert_memory_equal(bench.frames.out.at + 204,
                        "\0\0\0\x30"
                        "abc",
                        7);
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rawsocket_announces_the_power_of_two_that_holds_its_limit),
        cmocka_unit_test(rawsocket_reads_the_same_however_the_octets_are_cut),
        cmocka_unit_test(rawsocket_handshake_refused_or_broken_ends_with_the_reason),
        cmocka_unit_test(rawsocket_frame_that_breaks_the_rules_ends_the_connection),
        cmocka_unit_test(rawsocket_sends_up_to_the_routers_limit_and_not_beyond),
        cmocka_unit_test(rawsocket_marks_a_message_of_two_to_the_24_in_its_head),
        cmocka_unit_test(websocket_reads_the_same_however_the_octets_are_cut),
        cmocka_unit_test(websocket_masks_what_it_sends),
        cmocka_unit_test(websocket_writes_each_length_in_its_shortest_form),
        cmocka_unit_test(websocket_answer_that_does_not_fit_is_refused),
        cmocka_unit_test(websocket_answer_without_end_is_bounded),
        cmocka_unit_test(websocket_frame_that_breaks_the_rules_is_answered_with_its_close_code),
        cmocka_unit_test(websocket_fragments_are_bounded_by_their_sum),
        cmocka_unit_test(websocket_close_of_the_router_is_echoed_and_told),
        cmocka_unit_test(websocket_close_of_ours_waits_for_the_routers),
        cmocka_unit_test(connection_that_ends_says_at_which_point),
        cmocka_unit_test(full_out_queue_refuses_and_stays_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
