#include "common/upgrade.h"

#include "tests/lib/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define START                                                                                      \
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: wamp.2.json\r\n"

/* The whole way: a request in, every way it may be cut; the answer as text, to be freed. */
static char *answer_to(const struct transport_options *options, const char *request,
                       enum transport_end end)
{
    struct wire wire;
    wire_every_way(&wire, options, bytes_text(request), 60);
    if (wire.transport.end != end) {
        print_error("%s: %s\n", transport_end_name(wire.transport.end), request);
    }
    assert_int_equal(wire.transport.end, end);
    assert_int_equal(wire.transport.open, end == TRANSPORT_END_NONE);
    char *text = strndup((const char *)wire.sent.at, wire.sent.size);
    assert_non_null(text);
    wire_fini(&wire);
    return text;
}

static void assert_refused(const struct transport_options *options, const char *request, int status)
{
    char *text = answer_to(options, request, TRANSPORT_END_HTTP_REFUSED);
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    if (strncmp(text, line, strlen(line)) != 0) {
        print_error("not %d for: %s\nbut %s\n", status, request, text);
    }
    assert_true(strncmp(text, line, strlen(line)) == 0);
    const char *body = strstr(text, "\r\n\r\n");
    assert_non_null(body);
    char length[48];
    snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", strlen(body + 4));
    assert_non_null(strstr(text, length));
    assert_non_null(strstr(text, "close\r\n"));
    assert_non_null(strstr(body, "WAMP router"));
    free(text);
}

static void assert_accepted(const struct transport_options *options, const char *request,
                            const char *subprotocol)
{
    char *text = answer_to(options, request, TRANSPORT_END_NONE);
    char want[512];
    snprintf(want, sizeof want,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n%s%s%s\r\n",
             subprotocol ? "Sec-WebSocket-Protocol: " : "", subprotocol ? subprotocol : "",
             subprotocol ? "\r\n" : "");
    assert_string_equal(text, want);
    free(text);
}

/* proves B-WS-1 */
static void a_good_request_is_answered_to_the_letter(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    assert_accepted(&options, START VERSION PROTOCOL "\r\n", "wamp.2.json");
    assert_accepted(&options,
                    "GET /ws?x=%20 HTTP/1.1\r\nhost: h\r\nUPGRADE: h2c, WebSocket\r\n"
                    "connection: keep-alive\r\nCONNECTION: x,  upgrade \r\nX: y\r\n"
                    "sec-websocket-KEY:dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    "sec-websocket-version:13\r\nsec-websocket-protocol:wamp.2.cbor\r\n\r\n",
                    "wamp.2.cbor");
}

/* proves B-WS-2 */
static void the_clients_order_chooses_among_what_we_speak(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    static const char *const rows[][2] = {
        {"Sec-WebSocket-Protocol: wamp.2.json, wamp.2.msgpack\r\n", "wamp.2.json"},
        {"Sec-WebSocket-Protocol: wamp.2.cbor.batched, wamp.2.cbor, wamp.2.msgpack\r\n",
         "wamp.2.cbor"},
        {"Sec-WebSocket-Protocol: a,b,c,d,e,f,g,wamp.2.msgpack,wamp.2.json,wamp.2.msgpack\r\n",
         "wamp.2.msgpack"},
        {"Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Protocol: wamp.2.msgpack\r\n"
         "Sec-WebSocket-Protocol: wamp.2.json\r\n",
         "wamp.2.msgpack"},
        {"Sec-WebSocket-Protocol: WAMP.2.JSON, wamp.2.jsonx,wamp.2.cbor\r\n", "wamp.2.cbor"},
    };
    for (unsigned i = 0; i < array_count(rows); i++) {
        char request[1024];
        snprintf(request, sizeof request, START VERSION "%s\r\n", rows[i][0]);
        assert_accepted(&options, request, rows[i][1]);
    }
    options.serializers = 1 << SERIALIZER_JSON;
    assert_accepted(&options,
                    START VERSION "Sec-WebSocket-Protocol: wamp.2.cbor,wamp.2.json\r\n\r\n",
                    "wamp.2.json");
}

/* proves B-WS-2 B-SER-7 */
static void without_a_common_subprotocol_the_answer_lists_ours(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    static const char *const rows[] = {
        "",
        "Sec-WebSocket-Protocol:\r\n",
        "Sec-WebSocket-Protocol: wamp.2.flatbuffers\r\n",
        "Sec-WebSocket-Protocol: wamp.2.cbor\r\n",
        "Sec-WebSocket-Protocol: wamp.2.json;wamp.2.msgpack\r\n",
    };
    options.serializers = 1 << SERIALIZER_JSON | 1 << SERIALIZER_MSGPACK;
    for (unsigned i = 0; i < array_count(rows); i++) {
        char request[1024];
        snprintf(request, sizeof request, START VERSION "%s\r\n", rows[i]);
        assert_refused(&options, request, 400);
    }
    char *text = answer_to(&options, START VERSION "\r\n", TRANSPORT_END_HTTP_REFUSED);
    assert_non_null(strstr(text, " wamp.2.json, wamp.2.msgpack, and RawSocket.\n"));
    assert_null(strstr(text, "cbor"));
    free(text);
    options.testee = true;
    assert_accepted(&options, START VERSION "\r\n", NULL);
}

#define UPGRADE(value) "Upgrade: " value "\r\n"
#define CONNECTION(value) "Connection: " value "\r\n"
#define KEY(value) "Sec-WebSocket-Key: " value "\r\n"
#define GOOD UPGRADE("websocket") CONNECTION("Upgrade")

static void what_is_not_a_websocket_handshake_is_refused(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    static const char *const bad[] = {
        UPGRADE("h2c") CONNECTION("Upgrade") KEY("dGhlIHNhbXBsZSBub25jZQ==") VERSION,
        UPGRADE("websocketx") CONNECTION("Upgrade") KEY("dGhlIHNhbXBsZSBub25jZQ==") VERSION,
        UPGRADE("websocket") KEY("dGhlIHNhbXBsZSBub25jZQ==") VERSION,
        UPGRADE("websocket") CONNECTION("close") KEY("dGhlIHNhbXBsZSBub25jZQ==") VERSION,
        UPGRADE("websocket") CONNECTION("xupgrade") KEY("dGhlIHNhbXBsZSBub25jZQ==") VERSION,
        /* Key: none, two, empty, too short, more padding, less, none, too long, other letters */
        GOOD VERSION,
        GOOD KEY("dGhlIHNhbXBsZSBub25jZQ==") KEY("dGhlIHNhbXBsZSBub25jZQ==") VERSION,
        GOOD KEY("") VERSION,
        GOOD KEY("dGhlIHNhbXBsZSBub25j") VERSION,
        GOOD KEY("dGhlIHNhbXBsZSBub25jZ===") VERSION,
        GOOD KEY("dGhlIHNhbXBsZSBub25jZQ=") VERSION,
        GOOD KEY("dGhlIHNhbXBsZSBub25jZQAA") VERSION,
        GOOD KEY("dGhlIHNhbXBsZSBub25jZQ==AAAA") VERSION,
        GOOD KEY("dGhlIHNhbXB-ZSBub25jZQ==") VERSION,
        GOOD KEY("dGhlIHNh XBsZSBub25jZQ==") VERSION,
        /* Version: none, two */
        GOOD KEY("dGhlIHNhbXBsZSBub25jZQ=="),
        GOOD KEY("dGhlIHNhbXBsZSBub25jZQ==") VERSION VERSION,
    };
    for (unsigned i = 0; i < array_count(bad); i++) {
        char request[1024];
        snprintf(request, sizeof request, "GET /ws HTTP/1.1\r\nHost: h\r\n%s" PROTOCOL "\r\n",
                 bad[i]);
        assert_refused(&options, request, 400);
    }
}

static void a_key_may_have_every_base64_character(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    static const char *const keys[] = {"0123456789+/azAZbcdeBg==", "zzzzzzzzzzZZZZZZZZZZZQ=="};
    for (unsigned i = 0; i < array_count(keys); i++) {
        char request[512];
        snprintf(request, sizeof request,
                 "GET /ws HTTP/1.1\r\nHost: h\r\n" GOOD VERSION PROTOCOL KEY("%s") "\r\n", keys[i]);
        free(answer_to(&options, request, TRANSPORT_END_NONE));
    }
}

static void another_version_is_told_ours(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    static const char *const versions[] = {"12", "8", "0", "13, 8", "013", "14", ""};
    for (unsigned i = 0; i < array_count(versions); i++) {
        char request[1024];
        snprintf(request, sizeof request, START "Sec-WebSocket-Version: %s\r\n" PROTOCOL "\r\n",
                 versions[i]);
        assert_refused(&options, request, 426);
        char *text = answer_to(&options, request, TRANSPORT_END_HTTP_REFUSED);
        assert_non_null(strstr(text, "\r\nSec-WebSocket-Version: 13\r\n"));
        free(text);
    }
}

static void a_browser_that_opens_the_page_is_told_what_this_is(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    char *text =
        answer_to(&options, "GET /ws HTTP/1.1\r\nHost: h\r\n\r\n", TRANSPORT_END_HTTP_REFUSED);
    assert_string_equal(text, "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\nConnection: Upgrade, close\r\n"
                              "Content-Type: text/plain; charset=utf-8\r\n"
                              "Content-Length: 175\r\n\r\n"
                              "This is not a web page: connect by WebSocket, version 13.\n"
                              "This is a WAMP router. It speaks the WebSocket subprotocols "
                              "wamp.2.json, wamp.2.msgpack, wamp.2.cbor, and RawSocket.\n");
    free(text);
}

/* proves B-WS-5 */
static void each_other_refusal_has_its_status(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    assert_refused(&options, "GET /other HTTP/1.1\r\nHost: h\r\n\r\n", 404);
    assert_refused(&options, "GET /ws/ HTTP/1.1\r\nHost: h\r\n\r\n", 404);
    assert_refused(&options, "GET /WS HTTP/1.1\r\nHost: h\r\n\r\n", 404);
    assert_refused(&options, "GET /%77s HTTP/1.1\r\nHost: h\r\n\r\n", 404);
    assert_refused(&options, "POST /ws HTTP/1.1\r\nHost: h\r\n\r\n", 405);
    assert_refused(&options, "GET /ws HTTP/1.0\r\nHost: h\r\n\r\n", 400);
    assert_refused(&options, "GET /ws HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody", 400);
    char *head = malloc(10000);
    assert_non_null(head);
    memset(head, 'G', 10000);
    head[9999] = '\0';
    assert_refused(&options, head, 431);
    free(head);
    struct wire wire;
    wire_init(&wire, &options);
    wire.transport.full = true;
    assert_false(wire_feed(&wire, bytes_text(START VERSION PROTOCOL "\r\n")));
    assert_memory_equal(wire.sent.at, "HTTP/1.1 503 ", 13);
    wire_fini(&wire);
}

static void nothing_of_a_request_comes_back(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    static const char *const origins[] = {"https://good.example", NULL};
    options.origins = origins;
    static const char *const rows[] = {
        "GET /<MARK> HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /ws?<MARK> HTTP/1.1\r\nHost: MARK\r\n\r\n",
        "MARK /ws HTTP/1.1\r\nHost: h\r\n\r\n",
        START VERSION "Origin: http://MARK\r\n" PROTOCOL "\r\n",
        START VERSION "Sec-WebSocket-Protocol: MARK\r\n\r\n",
        START "Sec-WebSocket-Version: MARK\r\n" PROTOCOL "\r\n",
    };
    for (unsigned i = 0; i < array_count(rows); i++) {
        char *text = answer_to(&options, rows[i], TRANSPORT_END_HTTP_REFUSED);
        assert_null(strstr(text, "MARK"));
        free(text);
    }
}

static const char *const origins_known[] = {"https://app.example.org", "http://[::1]:8080",
                                            "http://localhost:80", "https://10.0.0.99", NULL};
static const struct {
    const char *origin;
    bool allowed;
} origins_asked[] = {
    {"https://app.example.org", true},
    {"https://app.example.org:443", true},
    {"HTTPS://App.Example.ORG", true},
    {"http://[::1]:8080", true},
    {"http://localhost", true},
    {"https://10.0.0.99", true},
    {"http://localhost:80", true},
    {"http://localhost:080", true},
    {"https://localhost", false},
    {"http://localhost:8080", false},
    {"http://app.example.org", false},
    {"http://app.example.org:443", false},
    {"https://app.example.org:80", false},
    {"https://app.example.org:0443443", false},
    {"https://app.example.org:65979", false}, /* 443 + 65536 */
    {"https://app.example.org:", false},
    {"https://app.example.org:43=", false}, /* 443, if "=" were a digit */
    {"https://app.example.org:443:443", false},
    {"https://app.example.org.evil.example", false},
    {"https://evil.example/app.example.org", false},
    {"https://evil-app.example.org", false},
    {"https://app.example.or", false},
    {"https://app.example.org.", false},
    {"https://app.example.org/", false},
    {"https://app.example.org?", false},
    {"https://app.example.org@evil.example", false},
    {"https://user@app.example.org", false},
    {"https://app.example.org:443@evil.example", false},
    {"https://app.example.org evil", false},
    {"https://app.example.org, https://evil.example", false},
    {"https:/app.example.org", false},
    {"https:app.example.org", false},
    {"app.example.org", false},
    {"https://", false},
    {"://app.example.org", false},
    {"http://[::1]", false},
    {"http://[::1]x:8080", false},
    {"http://[::1:8080", false},
    {"http://::1:8080", false},
    {"null", false},
    {"*", false},
    {"", false},
};

/* proves B-WS-5 */
static void an_origin_is_compared_by_its_parts(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    options.origins = origins_known;
    for (unsigned i = 0; i < array_count(origins_asked); i++) {
        char request[1024];
        snprintf(request, sizeof request, START VERSION PROTOCOL "Origin: %s\r\n\r\n",
                 origins_asked[i].origin);
        if (origins_asked[i].allowed) {
            assert_accepted(&options, request, "wamp.2.json");
        } else {
            assert_refused(&options, request, 403);
        }
    }
    assert_accepted(&options, START VERSION PROTOCOL "\r\n", "wamp.2.json");
    assert_refused(&options, START VERSION PROTOCOL "Origin: null\r\nOrigin: null\r\n\r\n", 400);
    options.origin_null = true;
    assert_accepted(&options, START VERSION PROTOCOL "Origin: null\r\n\r\n", "wamp.2.json");
    assert_refused(&options, START VERSION PROTOCOL "Origin: NULL\r\n\r\n", 403);
    options.origins = NULL;
    assert_accepted(&options, START VERSION PROTOCOL "Origin: x\r\n\r\n", "wamp.2.json");
    static const char *const star[] = {"*", NULL};
    options.origins = star;
    assert_accepted(&options, START VERSION PROTOCOL "Origin: x\r\n\r\n", "wamp.2.json");
    static const char *const none[] = {NULL};
    options.origins = none;
    assert_refused(&options, START VERSION PROTOCOL "Origin: http://localhost\r\n\r\n", 403);
}

static void frames_behind_the_head_are_kept(void **state)
{
    (void)state;
    struct transport_options options = wire_options();
    struct octets stream = {0};
    octets_upgrade(&stream, "wamp.2.json");
    octets_frame_text(&stream, 0x81, "[1,\"realm1\",{}]");
    octets_frame_text(&stream, 0x81, "[2]");
    struct wire wire;
    wire_every_way(&wire, &options, octets_view(&stream), 1000);
    assert_int_equal(wire.messages, 2);
    assert_int_equal(wire.transport.end, TRANSPORT_END_NONE);
    wire_fini(&wire);
    octets_free(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_request_is_answered_to_the_letter),
        cmocka_unit_test(the_clients_order_chooses_among_what_we_speak),
        cmocka_unit_test(without_a_common_subprotocol_the_answer_lists_ours),
        cmocka_unit_test(what_is_not_a_websocket_handshake_is_refused),
        cmocka_unit_test(a_key_may_have_every_base64_character),
        cmocka_unit_test(another_version_is_told_ours),
        cmocka_unit_test(a_browser_that_opens_the_page_is_told_what_this_is),
        cmocka_unit_test(each_other_refusal_has_its_status),
        cmocka_unit_test(nothing_of_a_request_comes_back),
        cmocka_unit_test(an_origin_is_compared_by_its_parts),
        cmocka_unit_test(frames_behind_the_head_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
