#include "client/url.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void url_is(const char *text, struct url expected)
{
    struct url url;
    memset(&url, 0xaa, sizeof url);
    const char *why = url_parse(text, &url);
    if (why != NULL) {
        fail_msg("%s: %s", text, why);
    }
    assert_int_equal(url.framing, expected.framing);
    assert_int_equal(url.tls, expected.tls);
    assert_int_equal(url.is_unix, expected.is_unix);
    assert_int_equal(url.port, expected.port);
    assert_string_equal(url.host, expected.host);
    assert_string_equal(url.authority, expected.authority);
    assert_string_equal(url.path, expected.path);
    assert_string_equal(url.socket_path, expected.socket_path);
}

static void websocket_url_defaults_to_its_port_and_the_root(void **state)
{
    (void)state;
    url_is("ws://localhost", (struct url){.framing = FRAMING_WEBSOCKET,
                                          .port = 80,
                                          .host = "localhost",
                                          .authority = "localhost",
                                          .path = "/"});
    url_is("wss://a.example", (struct url){.framing = FRAMING_WEBSOCKET,
                                           .tls = true,
                                           .port = 443,
                                           .host = "a.example",
                                           .authority = "a.example",
                                           .path = "/"});
}

static void websocket_url_keeps_port_path_and_query(void **state)
{
    (void)state;
    url_is("ws://127.0.0.1:8080/ws?a=b", (struct url){.framing = FRAMING_WEBSOCKET,
                                                      .port = 8080,
                                                      .host = "127.0.0.1",
                                                      .authority = "127.0.0.1:8080",
                                                      .path = "/ws?a=b"});
    url_is("ws://h?x", (struct url){.framing = FRAMING_WEBSOCKET,
                                    .port = 80,
                                    .host = "h",
                                    .authority = "h",
                                    .path = "/?x"});
    url_is(
        "ws://h:80/",
        (struct url){
            .framing = FRAMING_WEBSOCKET, .port = 80, .host = "h", .authority = "h", .path = "/"});
}

static void address_of_ipv6_stands_in_brackets(void **state)
{
    (void)state;
    url_is("ws://[::1]:8080/ws", (struct url){.framing = FRAMING_WEBSOCKET,
                                              .port = 8080,
                                              .host = "::1",
                                              .authority = "[::1]:8080",
                                              .path = "/ws"});
    url_is("rs://[fe80::2]:1", (struct url){.framing = FRAMING_RAWSOCKET,
                                            .port = 1,
                                            .host = "fe80::2",
                                            .authority = "[fe80::2]:1"});
}

static void rawsocket_url_has_two_spellings_each(void **state)
{
    (void)state;
    struct url plain = {
        .framing = FRAMING_RAWSOCKET, .port = 8081, .host = "h", .authority = "h:8081"};
    url_is("rs://h:8081", plain);
    url_is("rs://h:8081/", plain);
    url_is("tcp://h:8081", plain);
    plain.tls = true;
    url_is("rss://h:8081", plain);
    url_is("tls://h:8081", plain);
}

static void unix_socket_of_rawsocket_has_four_spellings(void **state)
{
    (void)state;
    struct url expected = {.framing = FRAMING_RAWSOCKET,
                           .is_unix = true,
                           .host = "localhost",
                           .authority = "localhost",
                           .path = "/",
                           .socket_path = "/run/clos.sock"};
    url_is("rs:///run/clos.sock", expected);
    url_is("rs://unix:/run/clos.sock", expected);
    url_is("unix:/run/clos.sock", expected);
    url_is("unix:///run/clos.sock", expected);
    memcpy(expected.socket_path, "clos.sock", 10);
    url_is("unix:clos.sock", expected);
}

static void unix_socket_of_websocket_may_name_the_request_path(void **state)
{
    (void)state;
    struct url expected = {.framing = FRAMING_WEBSOCKET,
                           .is_unix = true,
                           .host = "localhost",
                           .authority = "localhost",
                           .path = "/",
                           .socket_path = "/run/clos.sock"};
    url_is("ws+unix:///run/clos.sock", expected);
    memcpy(expected.path, "/ws", 4);
    url_is("ws+unix:///run/clos.sock:/ws", expected);
}

static void bad_url_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "the scheme is none of ws, wss, rs, rss, tcp, tls, unix, ws+unix"},
        {"http://h", "the scheme is none of ws, wss, rs, rss, tcp, tls, unix, ws+unix"},
        {"WS://h", "the scheme is none of ws, wss, rs, rss, tcp, tls, unix, ws+unix"},
        {"ws://", "the host is missing"},
        {"ws://:80", "the host is missing"},
        {"ws:///ws", "the host is missing"},
        {"ws://[]:80", "the host is missing"},
        {"ws://[::1", "the address lacks its closing bracket"},
        {"ws://[::1]x", "what follows the address is not a port"},
        {"ws://h:", "the port is not a number from 1 to 65535"},
        {"ws://h:0", "the port is not a number from 1 to 65535"},
        {"ws://h:65536", "the port is not a number from 1 to 65535"},
        {"ws://h:99999999999", "the port is not a number from 1 to 65535"},
        {"ws://h:8x", "the port is not a number from 1 to 65535"},
        {"ws://a:b@h/", "a user in the URL is not supported"},
        {"ws://h/a b", "white space and control characters do not belong in a URL"},
        {"ws://h/\r\nX: y", "white space and control characters do not belong in a URL"},
        {"ws://h/#a", "a fragment (#) does not belong in a router's URL"},
        {"rs://h", "the port is missing, as in rs://localhost:8080"},
        {"rs://h:1/path", "RawSocket knows no path"},
        {"unix:", "the path of the Unix socket is missing"},
        {"ws+unix://:/ws", "the path of the Unix socket is missing"},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct url url;
        const char *why = url_parse(rows[i][0], &url);
        if (why == NULL) {
            fail_msg("'%s' was taken", rows[i][0]);
        }
        assert_string_equal(why, rows[i][1]);
    }
}

/* prefix, then count times 'a', then suffix */
static const char *url_parse_long(const char *prefix, size_t count, const char *suffix)
{
    static char text[4096];
    static struct url url;
    size_t size = strlen(prefix);
    memcpy(text, prefix, size);
    memset(text + size, 'a', count);
    memcpy(text + size + count, suffix, strlen(suffix) + 1);
    return url_parse(text, &url);
}

static void parts_are_taken_up_to_their_bound_and_not_beyond(void **state)
{
    (void)state;
    assert_null(url_parse_long("ws://", URL_HOST_MAX, ":65535/"));
    assert_string_equal(url_parse_long("ws://", URL_HOST_MAX + 1, ""), "the host is too long");
    assert_null(url_parse_long("ws://h/", URL_PATH_MAX - 1, ""));
    assert_string_equal(url_parse_long("ws://h/", URL_PATH_MAX, ""), "the path is too long");
    assert_string_equal(url_parse_long("ws://h?", URL_PATH_MAX - 1, ""), "the path is too long");
    assert_null(url_parse_long("unix:", URL_SOCKET_MAX, ""));
    assert_string_equal(url_parse_long("unix:", URL_SOCKET_MAX + 1, ""),
                        "the path of the Unix socket is too long");
    assert_string_equal(url_parse_long("ws+unix:///s:/", URL_PATH_MAX, ""), "the path is too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(websocket_url_defaults_to_its_port_and_the_root),
        cmocka_unit_test(websocket_url_keeps_port_path_and_query),
        cmocka_unit_test(address_of_ipv6_stands_in_brackets),
        cmocka_unit_test(rawsocket_url_has_two_spellings_each),
        cmocka_unit_test(unix_socket_of_rawsocket_has_four_spellings),
        cmocka_unit_test(unix_socket_of_websocket_may_name_the_request_path),
        cmocka_unit_test(bad_url_is_refused_with_the_reason),
        cmocka_unit_test(parts_are_taken_up_to_their_bound_and_not_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
