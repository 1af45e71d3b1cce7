/* Attack table, group A: the HTTP upgrade and the listener. */
#include "tests/lib/attack.h"

#include <stdio.h>

#define GET "GET /ws HTTP/1.1\r\n"
#define HOST "Host: localhost\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: wamp.2.json\r\n"

/* Each request is answered with its status; a row of the table below. */
struct request {
    const char *text;
    unsigned status;
};

static void requests_judge(const struct request *requests, size_t count)
{
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < count; i++) {
        attack_enter_silent(&attack);
        attack_write_text(&attack, requests[i].text);
        attack_expect_status(&attack, requests[i].status);
    }
    attack_end(&attack, ATTACK_END(HTTP_REFUSED), count);
}

static void row_001_heads_beyond_8_kib_64_fields_or_4_kib_a_line_are_431(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (unsigned kind = 0; kind < 3; kind++) {
        struct octets octets = {0};
        octets_text(&octets, GET HOST);
        for (unsigned i = 0; kind == 0 && i < 9; i++) { /* lines of 1000: 9 KiB */
            octets_text(&octets, "X-Fill: ");
            octets_fill(&octets, 'x', 990);
            octets_text(&octets, "\r\n");
        }
        for (unsigned i = 0; kind == 1 && i < 65; i++) {
            octets_text(&octets, "X-Field: x\r\n");
        }
        if (kind == 2) {
            octets_text(&octets, "X-Long: ");
            octets_fill(&octets, 'x', 4097);
        }
        octets_text(&octets, "\r\n\r\n");
        attack_enter_silent(&attack);
        attack_write(&attack, octets_view(&octets));
        attack_expect_status(&attack, 431);
        octets_free(&octets);
    }
    attack_end(&attack, ATTACK_END(HTTP_REFUSED), 3);
}

static void row_001_a_head_that_never_ends_is_not_kept_beyond_its_bound(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    size_t idle = attack.stage.cores[0].mem.bytes_used;
    attack_enter_silent(&attack);
    attack_write_text(&attack, GET HOST);
    for (unsigned i = 0; i < 200 && !attack.mallory.gone; i++) {
        attack_write_text(&attack, "X-Field: 0123456789012345678901234567890123456789\r\n");
        assert_true(attack.stage.cores[0].mem.bytes_used - idle <= 48 * 1024);
    }
    attack_expect_status(&attack, 431);
    attack_end(&attack, ATTACK_END(HTTP_REFUSED), 1);
}

static void row_002_a_head_in_drops_ends_at_its_absolute_deadline(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_enter_silent(&attack);
    attack_write_text(&attack, GET HOST "X-Slow: ");
    uint64_t began = attack.stage.now_ns;
    for (unsigned i = 0; i < 20 && !attack.mallory.gone; i++) {
        attack_write_text(&attack, "x");
        stage_wait(&attack.stage, NS_PER_S);
    }
    assert_true(attack.mallory.gone);
    assert_true(attack.stage.now_ns - began <= 6 * NS_PER_S);
    attack_end(&attack, ATTACK_END(HTTP_TIMEOUT), 1);
}

static void row_004_what_is_no_websocket_handshake_is_refused(void **state)
{
    (void)state;
    static const struct request requests[] = {
        {GET HOST UPGRADE VERSION PROTOCOL "\r\n", 400}, /* no key */
        {GET HOST UPGRADE VERSION PROTOCOL "Sec-WebSocket-Key: no-base64-at-all!!!\r\n\r\n", 400},
        {GET HOST UPGRADE VERSION PROTOCOL "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n\r\n", 400},
        {GET HOST UPGRADE VERSION PROTOCOL KEY KEY "\r\n", 400},
        {GET HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n" VERSION PROTOCOL KEY "\r\n", 400},
        {GET HOST "Upgrade: websocket\r\nConnection: close\r\n" VERSION PROTOCOL KEY "\r\n", 400},
        {"POST /ws HTTP/1.1\r\n" HOST UPGRADE VERSION PROTOCOL KEY "\r\n", 405},
        {"GET /ws HTTP/1.0\r\n" HOST UPGRADE VERSION PROTOCOL KEY "\r\n", 400},
        {"GET /ws HTTP/2.0\r\n" HOST UPGRADE VERSION PROTOCOL KEY "\r\n", 400},
        {GET HOST UPGRADE PROTOCOL KEY "\r\n", 400}, /* no version */
        {GET HOST UPGRADE PROTOCOL KEY "Sec-WebSocket-Version: 8\r\n\r\n", 426},
        {"GET /other HTTP/1.1\r\n" HOST UPGRADE VERSION PROTOCOL KEY "\r\n", 404},
    };
    requests_judge(requests, array_count(requests));
}

static void row_005_no_upgrade_without_a_subprotocol_that_we_speak(void **state)
{
    (void)state;
    static const struct request requests[] = {
        {GET HOST UPGRADE VERSION KEY "\r\n", 400},
        {GET HOST UPGRADE VERSION KEY "Sec-WebSocket-Protocol: \r\n\r\n", 400},
        {GET HOST UPGRADE VERSION KEY "Sec-WebSocket-Protocol: chat, wamp.2.ubjson\r\n\r\n", 400},
        {GET HOST UPGRADE VERSION KEY "Sec-WebSocket-Protocol: WAMP.2.JSON\r\n\r\n", 400},
        {GET HOST UPGRADE VERSION KEY "Sec-WebSocket-Protocol: wamp.2.jso\r\n\r\n", 400},
    };
    requests_judge(requests, array_count(requests));
}

static void row_006_of_ten_subprotocols_the_first_that_we_speak_is_echoed_once(void **state)
{
    (void)state;
    static const char request[] = GET HOST UPGRADE VERSION KEY
        "Sec-WebSocket-Protocol: a, b, wamp.1\r\nSec-WebSocket-Protocol: wamp.2.flatbuffers\r\n"
        "Sec-WebSocket-Protocol: wamp.2.cbor, wamp.2.cbor, wamp.2.json\r\n"
        "Sec-WebSocket-Protocol: wamp.2.msgpack\r\nSec-WebSocket-Protocol: x, y\r\n\r\n";
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                 "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                 "Sec-WebSocket-Protocol: wamp.2.cbor\r\n\r\n";
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_enter_silent(&attack);
    attack_write_text(&attack, request);
    assert_int_equal(attack.mallory.in.size, sizeof answer - 1);
    assert_memory_equal(attack.mallory.in.at, answer, sizeof answer - 1);
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

static void row_007_origins_are_compared_whole(void **state)
{
    (void)state;
    static const char *const allowed[] = {"https://example.com", NULL};
    static const char *const origins[] = {"https://example.com.evil.org",
                                          "https://evilexample.com",
                                          "https://example.com@evil.org",
                                          "https://evil.org/https://example.com",
                                          "https://example.com:444",
                                          "http://example.com",
                                          "https://example.co",
                                          "https://sub.example.com",
                                          "null",
                                          "https://",
                                          "example.com",
                                          "*",
                                          "https://example.com%00",
                                          "https://example.com ,https://evil.org"};
    struct attack attack;
    attack_prepare(&attack);
    attack.listener.transport.origins = allowed;
    attack_begin(&attack);
    char request[512];
    for (size_t i = 0; i < array_count(origins); i++) {
        snprintf(request, sizeof request,
                 GET HOST UPGRADE VERSION KEY PROTOCOL "Origin: %s\r\n\r\n", origins[i]);
        attack_enter_silent(&attack);
        attack_write_text(&attack, request);
        attack_expect_status(&attack, 403);
    }
    attack_enter_silent(&attack);
    attack_write_text(&attack, GET HOST UPGRADE VERSION KEY PROTOCOL
                      "Origin: HTTPS://Example.COM:443\r\n\r\n");
    assert_memory_equal(attack.mallory.in.at, "HTTP/1.1 101 ", 13);
    attack_end(&attack, ATTACK_END(HTTP_REFUSED), array_count(origins));
}

static void row_008_what_smuggles_a_second_request_is_refused(void **state)
{
    (void)state;
    static const struct request requests[] = {
        {GET HOST UPGRADE VERSION KEY PROTOCOL
         "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
         400},
        {GET HOST UPGRADE VERSION KEY PROTOCOL "Content-Length: 5\r\n\r\nhello", 400},
        {GET HOST UPGRADE VERSION KEY PROTOCOL "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {GET HOST HOST UPGRADE VERSION KEY PROTOCOL "\r\n", 400},
        {GET HOST UPGRADE VERSION KEY PROTOCOL "X: a\rb\r\n\r\n", 400},
        {GET HOST UPGRADE VERSION KEY PROTOCOL "X: a\n b\r\n\r\n", 400},
        {GET HOST UPGRADE VERSION KEY PROTOCOL "X: a\r\n folded\r\n\r\n", 400},
        {GET HOST UPGRADE VERSION KEY PROTOCOL "X : a\r\n\r\n", 400},
        {GET HOST UPGRADE VERSION KEY PROTOCOL ": a\r\n\r\n", 400},
        {GET UPGRADE VERSION KEY PROTOCOL "\r\n", 400}, /* no Host */
    };
    requests_judge(requests, array_count(requests));
}

static void row_008_a_nul_in_a_field_is_refused(void **state)
{
    (void)state;
    static const char request[] = GET HOST UPGRADE VERSION KEY PROTOCOL "X: a\0b\r\n\r\n";
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_enter_silent(&attack);
    attack_write(&attack, bytes_make(request, sizeof request - 1));
    attack_expect_status(&attack, 400);
    attack_end(&attack, ATTACK_END(HTTP_REFUSED), 1);
}

static void row_010_frames_behind_the_request_are_kept_under_the_small_limit(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_enter_silent(&attack);
    struct octets octets = {0};
    octets_upgrade(&octets, "wamp.2.json");
    octets_frame_text(&octets, 0x81, attack_hello);
    attack_write(&attack, octets_view(&octets));
    assert_non_null(memmem(attack.mallory.in.at, attack.mallory.in.size, "[2,", 3));
    octets_free(&octets);
    /* too large a message before WELCOME */
    attack_enter_silent(&attack);
    octets_upgrade(&octets, "wamp.2.json");
    static uint8_t large[65537];
    memset(large, ' ', sizeof large);
    octets_frame(&octets, 0x81, bytes_make(large, sizeof large));
    attack_write(&attack, octets_view(&octets));
    octets_free(&octets);
    static const uint8_t close[] = {0x88, 2, 1009 >> 8, 1009 & 0xff};
    assert_true(attack.mallory.in.size > sizeof close);
    assert_memory_equal(attack.mallory.in.at + attack.mallory.in.size - sizeof close, close,
                        sizeof close);
    attack_end(&attack, ATTACK_END(TOO_BIG), 1);
}

static void row_011_other_protocols_are_hung_up_on_without_a_word(void **state)
{
    (void)state;
    static const uint8_t tls[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
    static const uint8_t noise[] = {0, 1, 2, 3, 0xff, 0xfe};
    static const uint8_t high[] = {0xff, 0xff, 0xff, 0xff};
    static const uint8_t raw[] = {0x7f, 0xf1, 0, 0};
    static const uint8_t sslv2[] = {0x80, 0x2e, 1, 0, 2};
    struct attack attack;
    attack_prepare(&attack);
    attack.listener.transport.rawsocket = false;
    attack_begin(&attack);
    const struct bytes openings[] = {bytes_make(tls, sizeof tls), bytes_make(noise, sizeof noise),
                                     bytes_make(high, sizeof high), bytes_make(raw, sizeof raw),
                                     bytes_make(sslv2, sizeof sslv2)};
    for (size_t i = 0; i < array_count(openings); i++) {
        attack_enter_silent(&attack);
        attack_write(&attack, openings[i]);
        attack_expect_octets(&attack, bytes_make("", 0));
    }
    attack_end(&attack, ATTACK_END(NOT_SPOKEN), array_count(openings));
}

static void row_012_a_proxy_header_is_not_believed(void **state)
{
    (void)state;
    static const uint8_t second[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c";
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_enter_silent(&attack);
    attack_write(&attack, bytes_make(second, sizeof second - 1));
    attack_expect_octets(&attack, bytes_make("", 0));
    attack_end(&attack, ATTACK_END(NOT_SPOKEN), 1);
    static const struct request requests[] = {
        {"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" GET HOST UPGRADE VERSION KEY PROTOCOL "\r\n", 405}};
    requests_judge(requests, array_count(requests));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_001_heads_beyond_8_kib_64_fields_or_4_kib_a_line_are_431),
        cmocka_unit_test(row_001_a_head_that_never_ends_is_not_kept_beyond_its_bound),
        cmocka_unit_test(row_002_a_head_in_drops_ends_at_its_absolute_deadline),
        cmocka_unit_test(row_004_what_is_no_websocket_handshake_is_refused),
        cmocka_unit_test(row_005_no_upgrade_without_a_subprotocol_that_we_speak),
        cmocka_unit_test(row_006_of_ten_subprotocols_the_first_that_we_speak_is_echoed_once),
        cmocka_unit_test(row_007_origins_are_compared_whole),
        cmocka_unit_test(row_008_what_smuggles_a_second_request_is_refused),
        cmocka_unit_test(row_008_a_nul_in_a_field_is_refused),
        cmocka_unit_test(row_010_frames_behind_the_request_are_kept_under_the_small_limit),
        cmocka_unit_test(row_011_other_protocols_are_hung_up_on_without_a_word),
        cmocka_unit_test(row_012_a_proxy_header_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
