/* Base64 against RFC 4648's vectors, and all groups of four against what encoding gives. */
#include "common/base64.h"
#include "tests/lib/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void the_vectors_of_rfc_4648_hold_both_ways(void **unused)
{
    (void)unused;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"},
                                          {"\xfb\xff\xfe", "+//+"}};
    for (size_t i = 0; i < array_count(rows); i++) {
        uint8_t text[16];
        uint8_t octets[16];
        struct bytes plain = bytes_text(rows[i][0]);
        base64_encode(plain, text);
        assert_true(bytes_equal_text(bytes_make(text, base64_size(plain.size)), rows[i][1]));
        long size = base64_decode(bytes_text(rows[i][1]), octets);
        assert_true(size >= 0 && bytes_equal(bytes_make(octets, (size_t)size), plain));
        size = base64_decode(bytes_make(text, base64_size(plain.size)), text);
        assert_true(size >= 0 && bytes_equal(bytes_make(text, (size_t)size), plain));
    }
}

static void a_text_is_accepted_only_if_encoding_gives_it_back(void **unused)
{
    (void)unused;
    static const uint8_t octets[] = {'A', 'B', 'Q', 'Z', 'a', 'g', 'z', '0',  '9',
                                     '+', '/', '=', '-', '_', ' ', 0,   0x80, 0xff};
    enum { COUNT = array_count(octets), GROUPS = COUNT * COUNT * COUNT * COUNT };
    struct guard guard;
    guard_init(&guard, 8);
    for (uint32_t i = 0; i < 2 * GROUPS; i++) {
        const uint8_t group[8] = {octets[i % COUNT],
                                  octets[i / COUNT % COUNT],
                                  octets[i / COUNT / COUNT % COUNT],
                                  octets[i / COUNT / COUNT / COUNT % COUNT],
                                  'A',
                                  'A',
                                  'A',
                                  'A'};
        size_t size = i < GROUPS ? 4 : 8;
        struct bytes text = guard_copy(&guard, bytes_make(group, size));
        uint8_t decoded[6];
        uint8_t again[8];
        long count = base64_decode(text, decoded);
        if (count >= 0) {
            assert_in_range(count, size == 4 ? 1 : 6, size == 4 ? 3 : 6);
            base64_encode(bytes_make(decoded, (size_t)count), again);
            assert_true(bytes_equal(text, bytes_make(again, base64_size((size_t)count))));
        } else {
            size_t letters = 0;
            while (letters < 4 && strchr("ABQZagz09+/", group[letters]) != NULL &&
                   group[letters] != 0) {
                letters++;
            }
            assert_true(letters < 4); /* four letters of the alphabet are never refused */
        }
    }
    guard_fini(&guard);
}

static void a_text_of_no_whole_groups_is_refused(void **unused)
{
    (void)unused;
    uint8_t out[8];
    assert_int_equal(base64_decode(BYTES_LITERAL("Zg"), out), -1);
    assert_int_equal(base64_decode(BYTES_LITERAL("Zg="), out), -1);
    assert_int_equal(base64_decode(BYTES_LITERAL("Zm9vY"), out), -1);
    assert_int_equal(base64_decode(BYTES_LITERAL("===="), out), -1);
    assert_int_equal(base64_decode(BYTES_LITERAL("Z==="), out), -1);
    assert_int_equal(base64_decode(BYTES_LITERAL("Zg=A"), out), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_4648_hold_both_ways),
        cmocka_unit_test(a_text_is_accepted_only_if_encoding_gives_it_back),
        cmocka_unit_test(a_text_of_no_whole_groups_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
