/* UTF-8 against a decoder that knows code points only: all short inputs, all cuts, no octet read
 * beyond the end. */
#include "common/utf8.h"
#include "common/rng.h"
#include "tests/lib/guard.h"
#include "tests/lib/seed.h"
#include "tests/model/utf8_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

/* The offset at which feeding one octet at a time fails; size: it does not. */
static size_t feed_offset(struct bytes text, uint8_t *state)
{
    *state = UTF8_START;
    for (size_t i = 0; i < text.size; i++) {
        if (utf8_feed(state, bytes_make(text.at + i, 1)) < 0) {
            return i;
        }
    }
    return text.size;
}

static void check_against_twin(struct bytes text)
{
    bool whole;
    size_t prefix = utf8_model(text.at, text.size, &whole);
    bool valid = prefix == text.size && whole;
    assert_int_equal(utf8_valid(text), valid);
    uint8_t state = UTF8_START;
    int at_once = utf8_feed(&state, text);
    assert_int_equal(at_once, prefix < text.size ? -1 : whole ? 1 : 0);
    uint8_t stepped;
    assert_int_equal(feed_offset(text, &stepped), prefix);
    if (prefix == text.size) {
        assert_int_equal(state, stepped);
        assert_int_equal(utf8_complete(state), whole);
    }
}

static void every_code_point_is_judged_by_its_value(void **unused)
{
    (void)unused;
    for (uint32_t code = 0x80; code < 0x200000; code++) {
        uint8_t text[4];
        size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        for (size_t i = size; i-- > 1;) {
            text[i] = (uint8_t)(0x80 | (code >> (6 * (size - 1 - i)) & 0x3f));
        }
        text[0] = (uint8_t)((0xf00U >> size) | (code >> (6 * (size - 1))));
        bool valid = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        assert_int_equal(utf8_valid(bytes_make(text, size)), valid);
    }
}

static void all_inputs_of_one_to_three_octets_agree_with_the_twin(void **unused)
{
    (void)unused;
    struct guard guard;
    guard_init(&guard, 3);
    for (uint32_t i = 0; i < 0x1000000; i++) {
        guard.end[-3] = (uint8_t)(i >> 16);
        guard.end[-2] = (uint8_t)(i >> 8);
        guard.end[-1] = (uint8_t)i;
        size_t size = i < 0x100 ? 1 : i < 0x10000 ? 2 : 3;
        check_against_twin(bytes_make(guard.end - size, size));
    }
    guard_fini(&guard);
}

static void all_inputs_of_four_octets_from_the_borders_agree_with_the_twin(void **unused)
{
    (void)unused;
    static const uint8_t borders[] = {0x00, 0x41, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0,
                                      0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
                                      0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff};
    enum { COUNT = array_count(borders) };
    struct guard guard;
    guard_init(&guard, 4);
    uint8_t *text = guard.end - 4;
    for (uint32_t i = 0; i < COUNT * COUNT * COUNT * COUNT; i++) {
        text[0] = borders[i / (COUNT * COUNT * COUNT)];
        text[1] = borders[i / (COUNT * COUNT) % COUNT];
        text[2] = borders[i / COUNT % COUNT];
        text[3] = borders[i % COUNT];
        check_against_twin(bytes_make(text, 4));
    }
    guard_fini(&guard);
}

static void long_mixed_texts_agree_with_the_twin_at_every_cut(void **unused)
{
    (void)unused;
    static const char *const pieces[] = {"a",        "plain ascii of sixteen or more",
                                         "ß",        "€",
                                         "😀",        "\xed\x9f\xbf",
                                         "\xc0",     "\xed\xa0\x80",
                                         "\xf4\x90", "\xe2\x82",
                                         "\x80"};
    const uint64_t seed = seed_get();
    struct rng rng;
    rng_init(&rng, seed);
    struct guard guard;
    guard_init(&guard, 4096);
    for (int round = 0; round < 3000; round++) {
        uint8_t text[1024];
        size_t size = 0;
        size_t count = 1 + rng_next(&rng) % 12;
        for (size_t i = 0; i < count; i++) {
            bool good = rng_next(&rng) % 16 != 0;
            const char *piece = pieces[rng_next(&rng) % (good ? 6 : array_count(pieces))];
            memcpy(text + size, piece, strlen(piece));
            size += strlen(piece);
        }
        for (size_t cut = 0; cut <= size; cut++) {
            check_against_twin(guard_copy(&guard, bytes_make(text, cut)));
        }
        uint8_t whole_state = UTF8_START;
        int whole = utf8_feed(&whole_state, bytes_make(text, size));
        for (size_t cut = 0; cut <= size; cut++) {
            uint8_t state = UTF8_START;
            int split = utf8_feed(&state, bytes_make(text, cut));
            if (split >= 0) {
                split = utf8_feed(&state, bytes_make(text + cut, size - cut));
            }
            if (split != whole) {
                fprintf(stderr, "seed %llu round %d cut %zu\n", (unsigned long long)seed, round,
                        cut);
            }
            assert_int_equal(split, whole);
        }
    }
    guard_fini(&guard);
}

static void an_empty_text_is_valid_and_changes_no_state(void **unused)
{
    (void)unused;
    struct bytes empty = {0};
    assert_true(utf8_valid(empty));
    uint8_t state = UTF8_START;
    assert_int_equal(utf8_feed(&state, empty), 1);
    assert_int_equal(utf8_feed(&state, BYTES_LITERAL("\xe2\x82")), 0);
    assert_int_equal(utf8_feed(&state, empty), 0);
    assert_false(utf8_complete(state));
    assert_int_equal(utf8_feed(&state, BYTES_LITERAL("\xac")), 1);
    assert_true(utf8_complete(state));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_judged_by_its_value),
        cmocka_unit_test(all_inputs_of_one_to_three_octets_agree_with_the_twin),
        cmocka_unit_test(all_inputs_of_four_octets_from_the_borders_agree_with_the_twin),
        cmocka_unit_test(long_mixed_texts_agree_with_the_twin_at_every_cut),
        cmocka_unit_test(an_empty_text_is_valid_and_changes_no_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
