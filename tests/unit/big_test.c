/* Big numbers against 128-bit ones where those reach, and against their own laws beyond. */
#include "common/big.h"
#include "common/rng.h"
#include "tests/lib/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void sums_products_and_orders_are_those_of_machine_numbers(void **unused)
{
    (void)unused;
    struct rng rng;
    rng_init(&rng, seed_get());
    for (int round = 0; round < 100000; round++) {
        uint64_t a = rng_next(&rng) >> (1 + rng_below(&rng, 63));
        uint64_t b = rng_next(&rng) >> (1 + rng_below(&rng, 63));
        struct big x;
        struct big y;
        struct big expected;
        big_set(&x, a);
        big_set(&y, b);
        assert_int_equal(big_compare(&x, &y), a < b ? -1 : a > b);
        assert_int_equal(big_bits(&x), a == 0 ? 0 : 64 - __builtin_clzll(a));
        big_add(&x, &y);
        big_set(&expected, a + b);
        assert_int_equal(big_compare(&x, &expected), 0);
        big_subtract(&x, &y);
        big_set(&expected, a);
        assert_int_equal(big_compare(&x, &expected), 0);
        uint32_t factor = (uint32_t)(b & 0xffff) + 1;
        big_set(&x, a >> 17);
        big_multiply_add(&x, factor, 77);
        big_set(&expected, (a >> 17) * factor + 77);
        assert_int_equal(big_compare(&x, &expected), 0);
    }
}

static void powers_multiply_to_powers_of_ten(void **unused)
{
    (void)unused;
    for (unsigned exponent = 0; exponent < 800; exponent++) {
        struct big x;
        struct big y;
        big_set(&x, 1);
        big_set(&y, 1);
        big_multiply_power5(&x, exponent);
        big_multiply_power2(&x, exponent);
        for (unsigned i = 0; i < exponent; i++) {
            big_multiply_add(&y, 10, 0);
        }
        assert_int_equal(big_compare(&x, &y), 0);
    }
}

/* Any quotient and remainder, multiplied out and divided again. Limbs of all ones and all zeros
 * are frequent: there the estimate of the quotient is worst. */
static void division_gives_back_what_was_multiplied(void **unused)
{
    (void)unused;
    struct rng rng;
    rng_init(&rng, seed_get());
    for (int round = 0; round < 200000; round++) {
        struct big divisor;
        struct big rest;
        divisor.size = 1 + (uint32_t)rng_below(&rng, 6);
        for (uint32_t i = 0; i < divisor.size; i++) {
            uint64_t kind = rng_below(&rng, 4);
            divisor.limbs[i] = kind == 0 ? 0 : kind == 1 ? UINT32_MAX : (uint32_t)rng_next(&rng);
        }
        divisor.limbs[divisor.size - 1] |= UINT32_C(1) << 31;
        uint32_t quotient = rng_below(&rng, 3) == 0 ? UINT32_MAX - (uint32_t)rng_below(&rng, 2)
                                                    : (uint32_t)rng_next(&rng);
        rest = divisor;
        struct big one;
        big_set(&one, 1 + rng_below(&rng, UINT64_C(1) << 31));
        big_subtract(&rest, &one); /* below the divisor, or 0 */
        if (rng_below(&rng, 2) == 0) {
            big_set(&rest, rng_below(&rng, UINT64_C(1) << 31));
        }
        struct big number = divisor;
        if (quotient > 0) {
            big_multiply_add(&number, quotient, 0);
        } else {
            big_set(&number, 0);
        }
        big_add(&number, &rest);
        assert_int_equal(big_divide(&number, &divisor), quotient);
        assert_int_equal(big_compare(&number, &rest), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_products_and_orders_are_those_of_machine_numbers),
        cmocka_unit_test(powers_multiply_to_powers_of_ten),
        cmocka_unit_test(division_gives_back_what_was_multiplied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
