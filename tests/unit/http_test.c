#include "common/http.h"

#include "tests/lib/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Scans the octets in pieces of that size; the head's end goes to *end. */
static int scan_by(struct bytes octets, size_t piece, size_t *end)
{
    struct http_scan scan = {0};
    for (size_t at = 0; at < octets.size; at += piece) {
        size_t taken = 0;
        struct bytes part = bytes_make(octets.at + at, size_min(piece, octets.size - at));
        int result = http_scan(&scan, part, &taken);
        if (result != 0) {
            *end = at + taken;
            return result;
        }
        assert_int_equal(taken, part.size);
    }
    return 0;
}

static int scan_text(const char *text, size_t size)
{
    size_t end_whole = 0;
    int whole = scan_by(bytes_make(text, size), size, &end_whole);
    for (size_t piece = 1; piece < size_min(size, 40); piece++) {
        size_t end = 0;
        assert_int_equal(scan_by(bytes_make(text, size), piece, &end), whole);
        assert_true(whole < 0 || end == end_whole);
    }
    return whole;
}

/* What the two steps together say of a head. */
static int judge(const char *head, struct http_request *request)
{
    int result = scan_text(head, strlen(head));
    return result == 1 ? http_parse(bytes_text(head), request) : result;
}

static void assert_judged(const char *head, int want)
{
    struct http_request request;
    int got = judge(head, &request);
    if (got != want) {
        print_error("%d, not %d: %s\n", got, want, head);
    }
    assert_int_equal(got, want);
}

static void a_plain_head_is_taken_apart(void **state)
{
    (void)state;
    struct http_request request;
    assert_int_equal(judge("GET /ws?a=b/c HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX-Blank: \t \r\n"
                           "Accept:text/html , */*\t\r\n\r\n",
                           &request),
                     1);
    assert_true(bytes_equal_text(request.path, "/ws"));
    static const char *const want[][2] = {
        {"Host", "h"}, {"X-Empty", ""}, {"X-Blank", ""}, {"Accept", "text/html , */*"}};
    assert_int_equal(request.fields_count, array_count(want));
    for (unsigned i = 0; i < array_count(want); i++) {
        assert_true(bytes_equal_text(request.fields[i].name, want[i][0]));
        assert_true(bytes_equal_text(request.fields[i].value, want[i][1]));
    }
}

static void the_path_is_found_in_both_forms_of_a_target(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"/", "/"},
        {"/?x", "/"},
        {"/ws", "/ws"},
        {"/ws/", "/ws/"},
        {"/a%20b", "/a%20b"},
        {"http://h/ws?q", "/ws"},
        {"http://h:80", "/"},
        {"http://h?q=/x", "/"},
        {"HTTPS://h/ws", "/ws"},
        {"ws://h/a/b", "/a/b"},
    };
    for (unsigned i = 0; i < array_count(rows); i++) {
        char head[256];
        struct http_request request;
        snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", rows[i][0]);
        assert_int_equal(judge(head, &request), 1);
        assert_true(bytes_equal_text(request.path, rows[i][1]));
    }
}

static void bad_request_lines_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int status;
    } rows[] = {
        {"GET / HTTP/1.0", 400},
        {"GET / HTTP/0.9", 400},
        {"GET / HTTP/2.0", 400},
        {"GET / HTTP/1.2", 400},
        {"GET / http/1.1", 400},
        {"GET / HTTP/1.1 ", 400},
        {"GET / HTTP/1.10", 400},
        {"GET / HTTP/01.1", 400},
        {"GET /", 400},
        {"GET", 400},
        {"GET ", 400},
        {"GET  / HTTP/1.1", 400},
        {"GET /  HTTP/1.1", 400},
        {"GET\t/ HTTP/1.1", 400},
        {"GET /a b HTTP/1.1", 400},
        {"GET /\t HTTP/1.1", 400},
        {"GET /#f HTTP/1.1", 400},
        {"GET /\xC3\xBC HTTP/1.1", 400},
        {"GET ws HTTP/1.1", 400},
        {"GET * HTTP/1.1", 400},
        {"GET h:80 HTTP/1.1", 400},
        {"GET / RTSP/1.0", 400},
        {"GET / ICE/1.0", 400},
        {"GET ftp://h/ HTTP/1.1", 400},
        {"POST / HTTP/1.1", 405},
        {"HEAD / HTTP/1.1", 405},
        {"OPTIONS * HTTP/1.1", 405},
        {"CONNECT h:80 HTTP/1.1", 405},
        {"PRI * HTTP/2.0", 405},
        {"GETS / HTTP/1.1", 405},
        {"GeT / HTTP/1.1", 405},
        {"SOURCE / ICE/1.0", 405},
        {"G(T / HTTP/1.1", 400},
    };
    for (unsigned i = 0; i < array_count(rows); i++) {
        char head[256];
        snprintf(head, sizeof head, "%s\r\nHost: h\r\n\r\n", rows[i].line);
        assert_judged(head, -rows[i].status);
    }
}

static void bad_fields_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",                       /* no Host */
        "Host:\r\n",              /* an empty one */
        "Host: h\r\nHost: h\r\n", /* two */
        "Host: h\r\nhOsT: i\r\n",
        "Host: h\r\nContent-Length: 5\r\n",
        "Host: h\r\nContent-Length: 0\r\n",
        "Host: h\r\ncontent-length: +1\r\n",
        "Host: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
        "Host: h\r\nTransfer-Encoding: chunked\r\n",
        "Host: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Host: h\r\nTransfer-Encoding: \r\n",
        "Host: h\r\nX: a\r\n b\r\n", /* folded */
        "Host: h\r\nX: a\r\n\tb\r\n",
        " Host: h\r\n",
        "Host : h\r\n", /* blank before the colon */
        "Host: h\r\nX Y: a\r\n",
        "Host: h\r\nX\r\n",   /* no colon */
        "Host: h\r\n: a\r\n", /* no name */
        "Host: h\r\nX(: a\r\n",
        "Host: h\r\nX\xFF: a\r\n",
        "Host: h\nX: a\r\n", /* bare LF */
        "Host: h\rX: a\r\n", /* bare CR */
        "Host: h\r\r\n",
        "Host: h\r\nX: a\x01 b\r\n", /* control octets */
        "Host: h\r\nX: a\x7F b\r\n",
    };
    for (unsigned i = 0; i < array_count(rows); i++) {
        char head[256];
        snprintf(head, sizeof head, "GET / HTTP/1.1\r\n%s\r\n", rows[i]);
        assert_judged(head, -400);
    }
    assert_int_equal(scan_text("GET / HTTP/1.1\r\nHost: h\0x\r\n\r\n", 29), -400);
    assert_int_equal(scan_text("G\n", 2), -400); /* at once, not at the head's end */
    assert_int_equal(scan_text("\r\n", 2), -400);
    assert_int_equal(scan_text("GET / HTTP/1.1\n\n", 16), -400);
}

static void lenient_values_pass(void **state)
{
    (void)state;
    assert_judged("GET / HTTP/1.1\r\nHost: h\r\nX: caf\xC3\xA9 \"q\" (c)\r\nCookie: a=b; c\r\n"
                  "\r\n",
                  1);
}

static void the_head_ends_where_its_empty_line_ends(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET more";
    for (size_t piece = 1; piece < sizeof text; piece++) {
        size_t end = 0;
        assert_int_equal(scan_by(bytes_text(text), piece, &end), 1);
        assert_int_equal(end, 27);
    }
    assert_int_equal(scan_text(text, 26), 0);
}

/* A head with that many fields, one line of that length (0: none) and that size (0: any). */
static struct octets head_make(unsigned fields, size_t line, size_t total)
{
    struct octets head = {0};
    octets_text(&head, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (unsigned i = 1; i < fields; i++) {
        octets_text(&head, "X: y\r\n");
    }
    while (line > 0 || head.size + 2 < total) { /* lines of filling */
        size_t size = line > 0 ? line : size_min(total - head.size - 4, 1000);
        octets_text(&head, "X: ");
        octets_fill(&head, 'z', size - 3);
        octets_text(&head, "\r\n");
        line = 0;
    }
    octets_put(&head, "\r\n", 3); /* and a NUL behind the end */
    head.size--;
    return head;
}

static void each_bound_holds_to_the_octet(void **state)
{
    (void)state;
    static const struct {
        unsigned fields;
        size_t line;
        size_t total;
        int want;
    } rows[] = {
        {64, 0, 0, 1},      {65, 0, 0, -431}, {1, 4096, 0, 1},
        {1, 4097, 0, -431}, {1, 0, 8192, 1},  {1, 0, 8193, -431},
    };
    for (unsigned i = 0; i < array_count(rows); i++) {
        struct octets head = head_make(rows[i].fields, rows[i].line, rows[i].total);
        assert_true(rows[i].total == 0 || head.size == rows[i].total);
        assert_judged((const char *)head.at, rows[i].want);
        octets_free(&head);
    }
    struct octets line = {0};
    octets_fill(&line, 'G', 5000);
    assert_int_equal(scan_text((const char *)line.at, 4096), 0);
    assert_int_equal(scan_text((const char *)line.at, 4097), -431);
    octets_free(&line);
}

static void elements_are_walked_over_all_lines_in_order(void **state)
{
    (void)state;
    struct http_request request;
    assert_int_equal(judge("GET / HTTP/1.1\r\nHost: h\r\nP: a, b ,,c\r\nQ: x\r\nP:\r\nP: ,\r\n"
                           "p: d\r\n\r\n",
                           &request),
                     1);
    struct http_cursor cursor = {0};
    struct bytes element;
    char all[16] = "";
    while (http_element_next(&request, "P", &cursor, &element)) {
        strncat(all, (const char *)element.at, element.size);
    }
    assert_string_equal(all, "abcd");
    assert_true(http_field_lists(&request, "p", "B"));
    assert_false(http_field_lists(&request, "p", "x"));
    assert_false(http_field_lists(&request, "p", ""));
    struct bytes value;
    assert_int_equal(http_field_once(&request, "P", &value), 2);
    assert_int_equal(http_field_once(&request, "q", &value), 1);
    assert_int_equal(http_field_once(&request, "none", &value), 0);
}

static void octets_changed_at_random_crash_nothing(void **state)
{
    (void)state;
    static const char good[] = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
                               "Connection: Upgrade\r\nX: y\r\n\r\n";
    uint32_t seed = 12345;
    unsigned passed = 0;
    for (unsigned round = 0; round < 20000; round++) {
        char head[sizeof good];
        memcpy(head, good, sizeof good);
        for (unsigned i = 0; i < 1 + round % 3; i++) {
            seed = seed * 1664525 + 1013904223;
            head[(seed >> 8) % (sizeof good - 1)] = (char)(seed >> 24);
        }
        size_t end;
        struct http_request request;
        if (scan_by(bytes_make(head, sizeof good - 1), sizeof good, &end) == 1) {
            passed += http_parse(bytes_make(head, end), &request) == 1;
        }
    }
    assert_in_range(passed, 1, 19999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_head_is_taken_apart),
        cmocka_unit_test(the_path_is_found_in_both_forms_of_a_target),
        cmocka_unit_test(bad_request_lines_are_refused),
        cmocka_unit_test(bad_fields_are_refused),
        cmocka_unit_test(lenient_values_pass),
        cmocka_unit_test(the_head_ends_where_its_empty_line_ends),
        cmocka_unit_test(each_bound_holds_to_the_octet),
        cmocka_unit_test(elements_are_walked_over_all_lines_in_order),
        cmocka_unit_test(octets_changed_at_random_crash_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
