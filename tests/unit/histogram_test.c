/* The histogram against sorted values: no quantile is further off than its buckets are wide. */
#include "bench/histogram.h"
#include "common/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { VALUES = 20000 };

static struct histogram histogram;
static struct histogram other;
static uint64_t values[VALUES];

static int value_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void empty_histogram_answers_zero(void **state)
{
    (void)state;
    histogram_init(&histogram);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 0);
    assert_int_equal(histogram_quantile(&histogram, 1.0), 0);
    assert_true(histogram_mean(&histogram) == 0.0);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    histogram_init(&histogram);
    for (uint64_t i = 1; i <= 200; i++) {
        histogram_record(&histogram, i);
    }
    assert_int_equal(histogram_quantile(&histogram, 0.0), 1);
    assert_int_equal(histogram_quantile(&histogram, 0.005), 1);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 100);
    assert_int_equal(histogram_quantile(&histogram, 0.99), 198);
    assert_int_equal(histogram_quantile(&histogram, 1.0), 200);
    assert_true(histogram_mean(&histogram) == 100.5);
}

static void buckets_follow_each_other_without_a_hole(void **state)
{
    (void)state;
    size_t last = 0;
    for (uint64_t value = 1; value < 1000000; value++) {
        size_t bucket = histogram_bucket(value);
        assert_true(bucket == last || bucket == last + 1);
        last = bucket;
    }
    for (unsigned bit = 8; bit < 64; bit++) {
        uint64_t power = UINT64_C(1) << bit;
        assert_int_equal(histogram_bucket(power), histogram_bucket(power - 1) + 1);
    }
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void quantiles_are_within_a_bucket_of_the_sorted_truth(void **state)
{
    (void)state;
    static const double shares[] = {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng rng;
        rng_init(&rng, seed);
        histogram_init(&histogram);
        for (size_t i = 0; i < VALUES; i++) {
            values[i] = rng_next(&rng) >> rng_below(&rng, 64);
            histogram_record(&histogram, values[i]);
        }
        qsort(values, VALUES, sizeof(values[0]), value_compare);
        for (size_t i = 0; i < array_count(shares); i++) {
            size_t rank = (size_t)(shares[i] * VALUES + 0.999999);
            uint64_t truth = values[rank - 1];
            uint64_t found = histogram_quantile(&histogram, shares[i]);
            if (found < truth || found - truth > truth / 128) {
                fail_msg("seed %lu, share %f: %lu for %lu", (unsigned long)seed, shares[i],
                         (unsigned long)found, (unsigned long)truth);
            }
        }
        assert_int_equal(histogram_quantile(&histogram, 1.0), values[VALUES - 1]);
    }
}

static void merged_histograms_equal_one_that_heard_all(void **state)
{
    (void)state;
    static struct histogram all;
    histogram_init(&all);
    histogram_init(&histogram);
    histogram_init(&other);
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t value = i * i * i;
        histogram_record(&all, value);
        histogram_record(i % 3 == 0 ? &histogram : &other, value);
    }
    histogram_add(&histogram, &other);
    assert_memory_equal(&histogram, &all, sizeof(all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_histogram_answers_zero),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(buckets_follow_each_other_without_a_hole),
        cmocka_unit_test(quantiles_are_within_a_bucket_of_the_sorted_truth),
        cmocka_unit_test(merged_histograms_equal_one_that_heard_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
