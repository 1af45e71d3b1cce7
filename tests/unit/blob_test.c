/* A shared message lives as long as somebody counts on it. */
#include "common/blob.h"

#include "tests/lib/dry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void a_blob_goes_home_with_its_last_reference(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    dry_mem_init(&mem, &dry, SIZE_MAX);
    struct blob *blob = blob_new(&mem, 5000);
    assert_non_null(blob);
    assert_int_equal(blob->refs, 1);
    assert_int_equal(blob->size, 5000);
    memset(blob->data, 7, 5000);
    blob->refs += 2;
    blob_drop(&mem, blob);
    blob_drop(&mem, blob);
    assert_int_equal(dry.objects, 1);
    assert_int_equal(blob->data[4999], 7);
    blob_drop(&mem, blob);
    assert_int_equal(dry.objects, 0);
    dry_mem_fini(&mem, &dry);
}

static void refused_memory_is_a_null_and_an_empty_blob_is_one(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    dry_mem_init(&mem, &dry, 100);
    assert_null(blob_new(&mem, 100)); /* its head counts too */
    struct blob *blob = blob_new(&mem, 0);
    assert_non_null(blob);
    assert_int_equal(blob->size, 0);
    blob_drop(&mem, blob);
    dry_mem_fini(&mem, &dry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blob_goes_home_with_its_last_reference),
        cmocka_unit_test(refused_memory_is_a_null_and_an_empty_blob_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
