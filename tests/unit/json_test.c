/* Reading JSON: every form, every cut, what RFC 8259 forbids, all short inputs against a dumb
 * twin, and jansson as the oracle of whole documents. */
/* proves B-SER-2 B-SER-5 */
#include "common/json.h"
#include "common/heap.h"
#include "common/utf8.h"
#include "tests/lib/guard.h"
#include "tests/lib/seed.h"
#include "tests/lib/value_tree.h"
#include "tests/lib/walk.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define ROW(input, text)                                                                           \
    {                                                                                              \
        BYTES_STATIC(input), text                                                                  \
    }

static void every_form_is_read_and_no_cut_of_it_is_accepted(void **unused)
{
    (void)unused;
    static const struct walk_row rows[] = {
        ROW("null", "null"),
        ROW("true", "true"),
        ROW("false", "false"),
        ROW(" \t\r\n[ \t\r\n] \t\r\n", "[]"),
        ROW("{ }", "{}"),
        ROW("[0,-0,1,-1,10,-10]", "[0 0 1 -1 10 -10]"),
        ROW("[18446744073709551615,-9223372036854775808]",
            "[18446744073709551615 -9223372036854775808]"),
        ROW("[18446744073709551616,-9223372036854775809]",
            "[1.8446744073709552e+19f -9.2233720368547758e+18f]"),
        ROW("[100000000000000000000]", "[1e+20f]"),
        ROW("[1.0,0.0,-0.0,1e3,1E+3,1e-3,-1.5e0,0e0]", "[1f 0f -0f 1000f 1000f 0.001f -1.5f 0f]"),
        ROW("[1e400,-1e400,1e-400]", "[inff -inff 0f]"),
        ROW("\"\"", "\"\""),
        ROW("\"a\"", "\"a\""),
        ROW("\"\x7f/'\"", "\"\x7f/'\""),
        ROW("\"\\\"\\\\\\/\\u0041\\n\"", "~\"\"\\/A\n\""),
        ROW("\"\\u00e4\\u20AC\\uD834\\uDD1E\"", "~\"ä€𝄞\""),
        ROW("\"ä€𝄞\"", "\"ä€𝄞\""),
        ROW("\"\\u0000AP8=\"", "~h'00ff'"),
        ROW("\"\\u0000\"", "~h''"),
        ROW("\"\\u0000?!?\"", "~h'?'"),
        ROW("\"a\\u0000\"", "~\"a\""), /* the text helper prints up to the U+0000 */
        ROW("{\"a\":1,\"b\":[2,{\"c\":null}]}", "{\"a\" 1 \"b\" [2 {\"c\" null}]}"),
        ROW("{ \"a\" : 1 , \"\\u0062\" : [ 2 , 3 ] }", "{\"a\" 1 ~\"b\" [2 3]}"),
        ROW("{\"\\u0000AP8=\":1}", "{~h'00ff' 1}"),
        ROW("[[],[[]],{},{\"\":{}}]", "[[] [[]] {} {\"\" {}}]"),
        ROW("[16, 7, {}, \"com.app.tick\", [\"sixteen octets and some more\"]]",
            "[16 7 {} \"com.app.tick\" [\"sixteen octets and some more\"]]"),
    };
    walk_rows_check(SERIALIZER_JSON, rows, array_count(rows));
}

static const struct walk_row forbidden[] = {
    ROW("", "!"),
    ROW(" ", "!"),
    ROW("\xef\xbb\xbf[]", "!"), /* BOM */
    ROW("[] []", "[]!"),        /* trailing text */
    ROW("1 1", "1!"),
    ROW("[]\v", "[]!"),
    ROW("[]\0", "[]!"),
    ROW("//\n[]", "!"),
    ROW("[/**/]", "[!"),
    ROW("[1,]", "[1!"),
    ROW("[,1]", "[!"),
    ROW("[1 2]", "[1!"),
    ROW("[1,,2]", "[1!"),
    ROW("[1}", "[1!"),
    ROW("{\"a\":1]", "{\"a\" 1!"),
    ROW("{\"a\":1,}", "{\"a\" 1!"),
    ROW("{,}", "{!"),
    ROW("{\"a\"}", "{!"),
    ROW("{\"a\",1}", "{!"),
    ROW("{\"a\" 1}", "{!"),
    ROW("{\"a\":}", "{\"a\"!"),
    ROW("{1:1}", "{!"),
    ROW("{null:1}", "{!"),
    ROW("{[]:1}", "{!"),
    ROW("]", "!"),
    ROW("}", "!"),
    ROW(",", "!"),
    ROW(":", "!"),
    ROW("NaN", "!"),
    ROW("[Infinity]", "[!"),
    ROW("[-Infinity]", "[!"),
    ROW("nul", "!"),
    ROW("nulL", "!"),
    ROW("True", "!"),
    ROW("truE", "!"),
    ROW("falsy", "!"),
    ROW("nullx", "null!"),
    ROW("01", "0!"),
    ROW("-01", "0!"),
    ROW("-", "!"),
    ROW("+1", "!"),
    ROW(".5", "!"),
    ROW("1.", "!"),
    ROW("1.e1", "!"),
    ROW("1e", "!"),
    ROW("1e+", "!"),
    ROW("1e1.5", "10f!"),
    ROW("0x10", "0!"),
    ROW("[1e1e1]", "[10f!"),
    ROW("'a'", "!"),
    ROW("a", "!"),
    ROW("\"", "!"),
    ROW("\"\\\"", "!"),
    ROW("\"\\x41\"", "!"),
    ROW("\"\\'\"", "!"),
    ROW("\"\\\0\"", "!"),
    ROW("\"\\u12\"", "!"),
    ROW("\"\\u123g\"", "!"),
    ROW("\"\\U0041\"", "!"),
    ROW("\"\\ud834\"", "!"), /* lone surrogates */
    ROW("\"\\udd1e\"", "!"),
    ROW("\"\\ud834\\ud834\"", "!"),
    ROW("\"\\ud834a\"", "!"),
    ROW("\"\\ud834\\n\"", "!"),
    ROW("\"\\ud834\\u0041\"", "!"),
    ROW("\"\n\"", "!"), /* raw control characters */
    ROW("\"\t\"", "!"),
    ROW("\"\0\"", "!"),
    ROW("\"sixteen and more \x1f\"", "!"),
    ROW("\"\xff\"", "!"), /* not UTF-8 */
    ROW("\"\xc0\x80\"", "!"),
    ROW("\"\xed\xa0\x80\"", "!"),
    ROW("\"\xc3\"", "!"),
    ROW("\"sixteen and more \xf4\x90\x80\x80\"", "!"),
    ROW("{\"\xff\":1}", "{!"),
};

static void what_the_grammar_forbids_is_refused_where_it_breaks(void **unused)
{
    (void)unused;
    walk_rows_check(SERIALIZER_JSON, forbidden, array_count(forbidden));
}

/* The dumb twin: RFC 8259's grammar, rule by rule, over octets without strings' inner rules. */
struct twin {
    const char *at;
    bool bad;
};

static void twin_space(struct twin *twin)
{
    while (*twin->at == ' ') {
        twin->at++;
    }
}

static bool twin_take(struct twin *twin, char octet)
{
    bool there = *twin->at == octet;
    twin->at += there;
    return there;
}

static void twin_digits(struct twin *twin)
{
    twin->bad |= *twin->at < '0' || *twin->at > '9';
    while (*twin->at >= '0' && *twin->at <= '9') {
        twin->at++;
    }
}

static void twin_string(struct twin *twin)
{
    twin->bad |= !twin_take(twin, '"');
    while (*twin->at != 0 && *twin->at != '"') {
        twin->at++;
    }
    twin->bad |= !twin_take(twin, '"');
}

static void twin_number(struct twin *twin)
{
    twin_take(twin, '-');
    if (!twin_take(twin, '0')) {
        twin_digits(twin);
    }
    if (twin_take(twin, '.')) {
        twin_digits(twin);
    }
    if (twin_take(twin, 'e')) {
        if (!twin_take(twin, '+')) {
            twin_take(twin, '-');
        }
        twin_digits(twin);
    }
}

static void twin_value(struct twin *twin)
{
    twin_space(twin);
    char open = *twin->at;
    if (open == '[' || open == '{') {
        twin->at++;
        twin_space(twin);
        char close = open == '[' ? ']' : '}';
        if (!twin_take(twin, close)) {
            do {
                twin_space(twin);
                if (open == '{') {
                    twin_string(twin);
                    twin_space(twin);
                    twin->bad |= !twin_take(twin, ':');
                }
                twin_value(twin);
            } while (!twin->bad && twin_take(twin, ','));
            twin->bad |= !twin_take(twin, close);
        }
    } else if (open == '"') {
        twin_string(twin);
    } else {
        twin_number(twin);
    }
    twin_space(twin);
}

static void all_texts_of_up_to_six_signs_agree_with_the_twin(void **unused)
{
    (void)unused;
    static const char signs[] = "[]{}\",: 0-1.e+";
    enum { COUNT = sizeof signs - 1, LENGTH_MAX = 6 };
    struct guard guard;
    guard_init(&guard, LENGTH_MAX);
    uint64_t total = 1;
    for (size_t length = 1; length <= LENGTH_MAX; length++) {
        total *= COUNT;
        for (uint64_t i = 0; i < total; i++) {
            char text[LENGTH_MAX + 1] = {0};
            uint64_t rest = i;
            for (size_t k = 0; k < length; k++, rest /= COUNT) {
                text[k] = signs[rest % COUNT];
            }
            struct bytes input = guard_copy(&guard, bytes_make(text, length));
            struct reader reader;
            struct bytes range;
            reader_init(&reader, SERIALIZER_JSON, input, DEPTH_MAX);
            bool verdict = reader_skip(&reader, &range) == 1 && reader_skip(&reader, &range) == 0;
            struct twin twin = {.at = text};
            twin_value(&twin);
            bool expected = !twin.bad && *twin.at == 0;
            if (verdict != expected) {
                fprintf(stderr, "%s\n", text);
            }
            assert_int_equal(verdict, expected);
            if (verdict || length < 5 || i % 16 == 0) {
                assert_int_equal(walk_verdict(SERIALIZER_JSON, input, DEPTH_MAX), verdict);
            }
        }
    }
    guard_fini(&guard);
}

/* Octets at each place of a string: the wide scans must stop where one octet at a time would. */
static void each_octet_is_judged_alike_at_each_place_of_a_string(void **unused)
{
    (void)unused;
    struct guard guard;
    guard_init(&guard, 128);
    for (size_t size = 1; size <= 50; size++) {
        for (size_t place = 0; place < size; place++) {
            for (unsigned octet = 0; octet < 256; octet++) {
                uint8_t text[64];
                memset(text, 'x', sizeof text);
                text[0] = '"';
                text[1 + place] = (uint8_t)octet;
                text[1 + size] = '"';
                struct bytes input = guard_copy(&guard, bytes_make(text, size + 2));
                struct reader reader;
                struct bytes range;
                reader_init(&reader, SERIALIZER_JSON, input, 1);
                bool verdict = reader_skip(&reader, &range) == 1 && range.size == size + 2;
                assert_int_equal(verdict,
                                 octet >= 0x20 && octet < 0x80 && octet != '"' && octet != '\\');
            }
        }
    }
    guard_fini(&guard);
}

static void strings_of_two_octets_and_more_are_utf8_or_refused(void **unused)
{
    (void)unused;
    struct guard guard;
    guard_init(&guard, 8);
    for (uint32_t i = 0; i < 0x1000000; i += i < 0x10000 ? 1 : 7) {
        uint8_t text[5] = {'"', (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, '"'};
        size_t size = i < 0x10000 ? 2 : 3;
        uint8_t *content = guard.end - 1 - size;
        content[-1] = '"';
        memcpy(content, text + 4 - size, size + 1);
        struct bytes inner = bytes_make(content, size);
        bool special = memchr(content, '"', size) != NULL || memchr(content, '\\', size) != NULL;
        for (size_t k = 0; k < size; k++) {
            special |= content[k] < 0x20;
        }
        if (special) {
            continue; /* the tables above */
        }
        struct reader reader;
        struct bytes range;
        reader_init(&reader, SERIALIZER_JSON, bytes_make(content - 1, size + 2), 1);
        assert_int_equal(reader_skip(&reader, &range) == 1, utf8_valid(inner));
    }
    guard_fini(&guard);
}

static bool jansson_refuses_more(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           code == json_error_null_character;
}

static void documents_with_one_octet_changed_are_judged_as_by_jansson(void **unused)
{
    (void)unused;
    const uint64_t seed = seed_get();
    struct rng rng;
    rng_init(&rng, seed);
    struct mem mem;
    struct buf out;
    struct arena arena;
    struct guard guard;
    mem_init(&mem, heap_source(), SIZE_MAX);
    buf_init(&out, &mem, 1 << 20);
    arena_init(&arena, 8 << 20);
    guard_init(&guard, 1 << 20);
    size_t good = 0;
    for (int round = 0; round < 20000; round++) {
        static const char signs[] = "[]{}\",:0-1.e+\\ut\n \x80\xc3\xff";
        struct writer writer;
        arena.size = 0;
        buf_reset(&out);
        writer_init(&writer, SERIALIZER_JSON, &out);
        value_encode(value_random(&arena, &rng, 4, VALUE_JSON), &writer, &rng);
        if (round % 8 > 0) {
            out.at[rng_below(&rng, out.size)] = (uint8_t)signs[rng_below(&rng, sizeof signs - 1)];
        }
        json_error_t error;
        json_t *tree =
            json_loadb((const char *)out.at, out.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        bool verdict =
            walk_verdict(SERIALIZER_JSON, guard_copy(&guard, buf_bytes(&out)), DEPTH_MAX);
        if (verdict != (tree != NULL) && (tree != NULL || !jansson_refuses_more(&error))) {
            fprintf(stderr, "round %d: %.*s: %s\n", round, (int)out.size, (char *)out.at,
                    tree == NULL ? error.text : "accepted");
            fail();
        }
        good += verdict;
        json_decref(tree);
    }
    assert_in_range(good, 20000 / 8, 19000);
    guard_fini(&guard);
    arena_fini(&arena);
    buf_fini(&out);
    mem_fini(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read_and_no_cut_of_it_is_accepted),
        cmocka_unit_test(what_the_grammar_forbids_is_refused_where_it_breaks),
        cmocka_unit_test(all_texts_of_up_to_six_signs_agree_with_the_twin),
        cmocka_unit_test(each_octet_is_judged_alike_at_each_place_of_a_string),
        cmocka_unit_test(strings_of_two_octets_and_more_are_utf8_or_refused),
        cmocka_unit_test(documents_with_one_octet_changed_are_judged_as_by_jansson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
