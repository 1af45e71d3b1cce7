/* Views: equality, prefixes, and rests, with and without octets behind them. */
#include "common/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void equal_means_same_size_and_same_octets(void **state)
{
    (void)state;
    struct bytes abc = BYTES_LITERAL("abc");
    assert_int_equal(abc.size, 3);
    assert_true(bytes_equal(abc, bytes_text("abc")));
    assert_true(bytes_equal_text(abc, "abc"));
    assert_false(bytes_equal_text(abc, "abcd"));
    assert_false(bytes_equal_text(abc, "ab"));
    assert_false(bytes_equal_text(abc, "abd"));
    assert_true(bytes_equal(bytes_make("a\0b", 3), bytes_make("a\0b", 3)));
    assert_false(bytes_equal(bytes_make("a\0b", 3), bytes_make("a\0c", 3)));
    assert_true(bytes_equal(bytes_make(NULL, 0), bytes_text("")));
    assert_false(bytes_equal(bytes_make(NULL, 0), abc));
}

static void a_start_may_be_empty_or_the_whole(void **state)
{
    (void)state;
    struct bytes abc = BYTES_LITERAL("abc");
    assert_true(bytes_start_with(abc, bytes_text("")));
    assert_true(bytes_start_with(abc, bytes_text("ab")));
    assert_true(bytes_start_with(abc, abc));
    assert_false(bytes_start_with(abc, bytes_text("abcd")));
    assert_false(bytes_start_with(abc, bytes_text("b")));
    assert_true(bytes_start_with(abc, bytes_make(NULL, 0)));
    assert_true(bytes_start_with(bytes_make(NULL, 0), bytes_make(NULL, 0)));
}

static void a_rest_begins_at_its_offset_and_may_be_empty(void **state)
{
    (void)state;
    struct bytes abc = BYTES_LITERAL("abc");
    assert_true(bytes_equal_text(bytes_from(abc, 1), "bc"));
    assert_ptr_equal(bytes_from(abc, 1).at, abc.at + 1);
    assert_int_equal(bytes_from(abc, 3).size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_means_same_size_and_same_octets),
        cmocka_unit_test(a_start_may_be_empty_or_the_whole),
        cmocka_unit_test(a_rest_begins_at_its_offset_and_may_be_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
