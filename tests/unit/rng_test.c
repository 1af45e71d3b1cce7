/* Numbers: the same seed, the same numbers; another seed, others; uniform where it is promised. */
#include "common/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void a_seed_names_its_numbers(void **state)
{
    (void)state;
    struct rng a;
    struct rng b;
    struct rng c;
    rng_init(&a, 1);
    rng_init(&b, 1);
    rng_init(&c, 2);
    unsigned same = 0;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t number = rng_next(&a);
        assert_true(number == rng_next(&b));
        same += number == rng_next(&c);
    }
    assert_int_equal(same, 0);
}

/* The published generator (xoshiro256++) from state 1, 2, 3, 4. */
static void the_generator_is_the_published_one(void **state)
{
    (void)state;
    static const uint64_t first[] = {41943041, 58720359, UINT64_C(3588806011781223)};
    struct rng rng = {{1, 2, 3, 4}};
    for (size_t i = 0; i < array_count(first); i++) {
        assert_true(rng_next(&rng) == first[i]);
    }
}

static void below_stays_below_and_is_even(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 7);
    for (uint64_t bound = 1; bound < 20; bound++) {
        unsigned counts[20] = {0};
        for (unsigned i = 0; i < 1000 * bound; i++) {
            uint64_t number = rng_below(&rng, bound);
            assert_true(number < bound);
            counts[number]++;
        }
        for (uint64_t i = 0; i < bound; i++) {
            assert_in_range(counts[i], 800, 1200); /* six deviations */
        }
    }
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(rng_below(&rng, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

/* proves B-ID-2 */
static void ids_spread_over_their_whole_range(void **state)
{
    (void)state;
    enum { IDS = 16000, PARTS = 16 };
    struct rng rng;
    rng_init(&rng, 3);
    unsigned parts[PARTS] = {0};
    unsigned odd = 0;
    unsigned rising = 0;
    uint64_t last = 0;
    for (unsigned i = 0; i < IDS; i++) {
        uint64_t id = rng_id(&rng);
        assert_true(id >= 1 && id <= UINT64_C(1) << 53);
        parts[(id - 1) >> 49]++;
        odd += id & 1;
        rising += id > last;
        last = id;
    }
    for (unsigned i = 0; i < PARTS; i++) {
        assert_in_range(parts[i], 800, 1200);
    }
    assert_in_range(odd, IDS / 2 - 400, IDS / 2 + 400);
    assert_in_range(rising, IDS / 2 - 400, IDS / 2 + 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_names_its_numbers),
        cmocka_unit_test(the_generator_is_the_published_one),
        cmocka_unit_test(below_stays_below_and_is_even),
        cmocka_unit_test(ids_spread_over_their_whole_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
