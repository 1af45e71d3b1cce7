/* URIs against the reference's regular expressions (protocol rules B-URI-1 to 7), by a table of
 * cases, and against a twin that splits into components first on all small strings. */
#include "common/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* Bits of what a text is valid as. */
enum {
    LE = 1, /* loose, exact (that is: a URI) */
    LP = 2, /* loose prefix pattern */
    LW = 4, /* loose wildcard pattern */
    SE = 8, /* strict, the same three */
    SP = 16,
    SW = 32,
    LOOSE = LE | LP | LW,
    ALL = LOOSE | SE | SP | SW,
};

static unsigned valid_as(struct bytes uri)
{
    unsigned bits = 0;
    for (unsigned rule = 0; rule < 2; rule++) {
        for (unsigned kind = 0; kind < MATCH_KINDS; kind++) {
            if (uri_pattern_valid(uri, (enum match_kind)kind, rule == 0 ? URI_LOOSE : URI_STRICT)) {
                bits |= 1U << (rule * 3 + kind);
            }
        }
        if (uri_valid(uri, rule == 0 ? URI_LOOSE : URI_STRICT) != ((bits >> (rule * 3)) & 1)) {
            return 0xffff; /* uri_valid is the exact pattern; no case expects this */
        }
    }
    return bits;
}

static const struct {
    const char *text;
    unsigned valid;
} cases[] = {
    {"", LP | LW | SP | SW},
    {"a", ALL},
    {"com.myapp.topic_1", ALL},
    {"wamp.error.not_authorized", ALL},
    {"Com.MyApp", LOOSE},
    {"com.my-app", LOOSE},
    {"com.app.\xc3\xa9t\xc3\xa9", LOOSE}, /* two octets */
    {"com.\xe2\x82\xac", LOOSE},          /* three */
    {"com.\xf0\x9f\x98\x80.x", LOOSE},    /* four */
    {"\xe2\x80\x8b", LOOSE},              /* U+200B is no white space */
    {"\xef\xbb\xbf.a", LOOSE},            /* nor is U+FEFF */
    {"a.", LP | LW | SP | SW},
    {".", LW | SW},
    {"..", LW | SW},
    {".a", LW | SW},
    {"a..b", LW | SW},
    {"a..", LW | SW},
    {"a b", 0},
    {"a#b", 0},
    {"a\tb", 0},
    {"a\nb", 0},
    {"a\x01", 0},
    {"a\x1f", 0},
    {"a\x7f", 0},
    {"a\xc2\x80", 0},     /* C1 control */
    {"a\xc2\x85", 0},     /* U+0085 */
    {"a\xc2\xa0", 0},     /* U+00A0 */
    {"a\xe1\x9a\x80", 0}, /* U+1680 */
    {"a\xe2\x80\x80", 0}, /* U+2000 */
    {"a\xe2\x80\x8a", 0}, /* U+200A */
    {"a\xe2\x80\xa8", 0}, /* U+2028 */
    {"a\xe2\x80\xa9", 0}, /* U+2029 */
    {"a\xe2\x80\xaf", 0}, /* U+202F */
    {"a\xe2\x81\x9f", 0}, /* U+205F */
    {"a\xe3\x80\x80", 0}, /* U+3000 */
    {"a\xc2\xa1", LOOSE}, /* neighbours of the above */
    {"a\xe1\x9a\x81", LOOSE},
    {"a\xe2\x81\xa0", LOOSE},
    {"a\xe3\x80\x81", LOOSE},
    {"a\xff", 0},
    {"a\x80", 0}, /* a continuation alone */
    {"a\xc3", 0}, /* cut off */
    {"a\xc3.b", 0},
    {"a\xe2\x82", 0},
    {"a\xf0\x9f\x98", 0},
    {"a\xc0\xaf", 0}, /* overlong */
    {"a\xc1\xbf", 0},
    {"a\xe0\x9f\xbf", 0},
    {"a\xf0\x8f\xbf\xbf", 0},
    {"a\xed\xa0\x80", 0},     /* a surrogate */
    {"a\xf4\x90\x80\x80", 0}, /* beyond U+10FFFF */
    {"a\xf5\x80\x80\x80", 0},
};

/* proves B-URI-1 B-URI-3 */
static void each_case_is_valid_as_the_regular_expressions_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_count(cases); i++) {
        unsigned got = valid_as(bytes_text(cases[i].text));
        if (got != cases[i].valid) {
            fail_msg("case %zu '%s': valid as %x, not %x", i, cases[i].text, got, cases[i].valid);
        }
    }
    assert_int_equal(valid_as(bytes_make("a\0b", 3)), 0);
}

static void every_octet_of_ascii_is_judged_as_its_class_says(void **state)
{
    (void)state;
    for (int c = 0; c < 128; c++) {
        uint8_t octets[3] = {'a', (uint8_t)c, 'b'};
        bool loose = c > 0x20 && c != 0x7f && c != '#';
        bool strict = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_' || c == '.';
        unsigned want = (loose ? LOOSE : 0U) | (strict ? SE | SP | SW : 0U);
        assert_int_equal(valid_as(bytes_make(octets, 3)), want);
    }
}

/* The twin: splits, then looks at each component. */
static unsigned twin_valid_as(const uint8_t *at, size_t size)
{
    bool loose = true;
    bool strict = true;
    size_t empty_inside = 0;
    bool empty_last = size == 0 || at[size - 1] == '.';
    size_t start = 0;
    for (size_t i = 0; i <= size; i++) {
        if (i == size || at[i] == '.') {
            empty_inside += i == start && i != size;
            start = i + 1;
        } else {
            loose = loose && at[i] != ' ';
            strict = strict && at[i] == 'a';
        }
    }
    unsigned kinds =
        (empty_inside == 0 && !empty_last ? 1U : 0U) | (empty_inside == 0 ? 2U : 0U) | 4U;
    return (loose ? kinds : 0) | (strict ? kinds << 3 : 0);
}

static void all_strings_of_up_to_seven_octets_agree_with_the_twin(void **state)
{
    (void)state;
    static const uint8_t alphabet[] = {'a', 'B', '.', ' '};
    for (size_t size = 0; size <= 7; size++) {
        for (uint32_t n = 0; n < 1U << (2 * size); n++) {
            uint8_t octets[7] = {0};
            for (size_t i = 0; i < size; i++) {
                octets[i] = alphabet[(n >> (2 * i)) & 3];
            }
            assert_int_equal(valid_as(bytes_make(octets, size)), twin_valid_as(octets, size));
        }
    }
}

static void octets_and_components_are_bounded(void **state)
{
    (void)state;
    uint8_t octets[URI_OCTETS_MAX + 1];
    memset(octets, 'a', sizeof octets);
    assert_int_equal(valid_as(bytes_make(octets, URI_OCTETS_MAX)), ALL);
    assert_int_equal(valid_as(bytes_make(octets, URI_OCTETS_MAX + 1)), 0);
    for (size_t i = 1; i < sizeof octets; i += 2) {
        octets[i] = '.';
    }
    assert_int_equal(valid_as(bytes_make(octets, 2 * URI_COMPONENTS_MAX - 1)), ALL);
    assert_int_equal(valid_as(bytes_make(octets, 2 * URI_COMPONENTS_MAX + 1)), 0);
    memset(octets, '.', sizeof octets);
    assert_int_equal(valid_as(bytes_make(octets, URI_COMPONENTS_MAX - 1)), LW | SW);
    assert_int_equal(valid_as(bytes_make(octets, URI_COMPONENTS_MAX)), 0);
}

/* proves B-URI-5 */
static void reserved_is_a_first_component_wamp_and_nothing_like_it(void **state)
{
    (void)state;
    assert_true(uri_reserved(bytes_text("wamp")));
    assert_true(uri_reserved(bytes_text("wamp.")));
    assert_true(uri_reserved(bytes_text("wamp.session.on_join")));
    assert_false(uri_reserved(bytes_text("wampfoo.bar")));
    assert_false(uri_reserved(bytes_text("wam")));
    assert_false(uri_reserved(bytes_text("a.wamp")));
    assert_false(uri_reserved(bytes_text("WAMP.x")));
    assert_false(uri_reserved(bytes_make(NULL, 0)));
}

static void a_name_is_one_component(void **state)
{
    (void)state;
    static const char *const both[] = {"joe", "a_1", "0"};
    static const char *const loose[] = {"Joe", "joe@example", "\xc3\xa9"};
    static const char *const none[] = {"", ".", "a.b", "a.", "a b", "a#", "\xc3"};
    for (size_t i = 0; i < array_count(both); i++) {
        assert_true(uri_name_valid(bytes_text(both[i]), URI_LOOSE));
        assert_true(uri_name_valid(bytes_text(both[i]), URI_STRICT));
    }
    for (size_t i = 0; i < array_count(loose); i++) {
        assert_true(uri_name_valid(bytes_text(loose[i]), URI_LOOSE));
        assert_false(uri_name_valid(bytes_text(loose[i]), URI_STRICT));
    }
    for (size_t i = 0; i < array_count(none); i++) {
        assert_false(uri_name_valid(bytes_text(none[i]), URI_LOOSE));
        assert_false(uri_name_valid(bytes_text(none[i]), URI_STRICT));
    }
}

/* Writes c as UTF-8, without asking whether it may be. */
static size_t encode(uint32_t c, uint8_t out[4])
{
    size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size; i > 1; i--) {
        out[i - 1] = (uint8_t)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (uint8_t)(heads[size] | c);
    return size;
}

/* proves B-URI-2 */
static void every_code_point_beyond_ascii_is_judged_as_the_list_says(void **state)
{
    (void)state;
    for (uint32_t c = 0x80; c < 0x110000; c++) {
        uint8_t octets[4];
        size_t size = encode(c, octets);
        bool space = c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
                     c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xa0;
        bool want = !space && c > 0x9f && !(c >= 0xd800 && c < 0xe000);
        if (uri_valid(bytes_make(octets, size), URI_LOOSE) != want) {
            fail_msg("U+%04X", (unsigned)c);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case_is_valid_as_the_regular_expressions_say),
        cmocka_unit_test(every_octet_of_ascii_is_judged_as_its_class_says),
        cmocka_unit_test(all_strings_of_up_to_seven_octets_agree_with_the_twin),
        cmocka_unit_test(octets_and_components_are_bounded),
        cmocka_unit_test(reserved_is_a_first_component_wamp_and_nothing_like_it),
        cmocka_unit_test(a_name_is_one_component),
        cmocka_unit_test(every_code_point_beyond_ascii_is_judged_as_the_list_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
