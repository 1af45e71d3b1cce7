/* The map beside a dumb array, and its walk while entries are taken. */
#include "common/map.h"

#include "common/rng.h"
#include "tests/lib/dry.h"
#include "tests/lib/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { KEYS = 300 };

/* The twin: value by key; NULL: not inside. */
struct twin {
    void *value[KEYS + 1];
    uint32_t count;
};

static char things[KEYS + 1];

static void assert_same(const struct map *map, const struct twin *twin)
{
    assert_int_equal(map_count(map), twin->count);
    for (uint64_t key = 1; key <= KEYS; key++) {
        assert_ptr_equal(map_get(map, key), twin->value[key]);
    }
    bool seen[KEYS + 1] = {false};
    uint32_t count = 0;
    for (struct map_walk w = map_walk_start(map); map_walk_next(&w);) {
        assert_false(seen[w.key]);
        seen[w.key] = true;
        assert_ptr_equal(w.value, twin->value[w.key]);
        count++;
    }
    assert_int_equal(count, twin->count);
    assert_int_equal(map->slots == NULL, twin->count == 0);
}

static void twin_change(struct map *map, struct twin *twin, struct rng *rng, uint64_t puts_of_8)
{
    uint64_t key = 1 + rng_below(rng, KEYS);
    if (rng_below(rng, 8) < puts_of_8) {
        if (twin->value[key] == NULL) {
            assert_true(map_put(map, key, &things[key]));
            twin->value[key] = &things[key];
            twin->count++;
        }
    } else {
        assert_ptr_equal(map_take(map, key), twin->value[key]);
        twin->count -= twin->value[key] != NULL;
        twin->value[key] = NULL;
    }
}

static void random_puts_and_takes_agree_with_an_array(void **state)
{
    (void)state;
    struct rng rng;
    struct dry dry;
    struct mem mem;
    struct map map;
    struct twin twin = {.count = 0};
    rng_init(&rng, seed_get());
    dry_mem_init(&mem, &dry, SIZE_MAX);
    map_init(&map, &mem, KEYS);
    for (unsigned step = 0; step < 20000; step++) {
        twin_change(&map, &twin, &rng, step / 500 % 8 + (step / 4000 % 2)); /* fills and drains */
        if (step % 16 == 0) {
            assert_same(&map, &twin);
        }
    }
    map_fini(&map);
    dry_mem_fini(&mem, &dry);
}

static void a_walk_that_takes_some_visits_each_entry_once(void **state)
{
    (void)state;
    struct rng rng;
    struct dry dry;
    struct mem mem;
    rng_init(&rng, seed_get());
    dry_mem_init(&mem, &dry, SIZE_MAX);
    for (unsigned round = 0; round < 2000; round++) {
        struct map map;
        map_init(&map, &mem, KEYS);
        struct twin twin = {.count = 0};
        uint64_t fill = rng_below(&rng, 60);
        for (uint64_t i = 0; i < fill; i++) {
            twin_change(&map, &twin, &rng, 8);
        }
        bool seen[KEYS + 1] = {false};
        uint64_t share = rng_below(&rng, 5);
        for (struct map_walk w = map_walk_start(&map); map_walk_next(&w);) {
            assert_false(seen[w.key]);
            seen[w.key] = true;
            if (rng_below(&rng, 4) < share) {
                assert_ptr_equal(map_take(&map, w.key), &things[w.key]);
                twin.value[w.key] = NULL;
                twin.count--;
            } else {
                twin.value[w.key] = w.value;
            }
        }
        for (uint64_t key = 1; key <= KEYS; key++) {
            assert_true(seen[key] || twin.value[key] == NULL);
        }
        assert_same(&map, &twin);
        map_fini(&map);
    }
    dry_mem_fini(&mem, &dry);
}

static void pop_any_drains_the_map_and_gives_its_memory_back(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    struct map map;
    dry_mem_init(&mem, &dry, SIZE_MAX);
    map_init(&map, &mem, KEYS);
    for (uint64_t key = 1; key <= KEYS; key++) {
        assert_true(map_put(&map, key << 32, &things[key]));
    }
    bool seen[KEYS + 1] = {false};
    uint64_t key;
    for (void *value = map_pop_any(&map, &key); value != NULL; value = map_pop_any(&map, &key)) {
        assert_ptr_equal(value, &things[key >> 32]);
        assert_false(seen[key >> 32]);
        seen[key >> 32] = true;
        (void)map_take(&map, (KEYS + 1 - (key >> 32)) << 32); /* as a cascade would */
        seen[KEYS + 1 - (key >> 32)] = true;
    }
    for (uint64_t i = 1; i <= KEYS; i++) {
        assert_true(seen[i]);
    }
    assert_int_equal(map_count(&map), 0);
    dry_mem_fini(&mem, &dry); /* without map_fini: empty holds nothing */
}

static void the_limits_are_count_max_and_memory_and_a_refused_put_changes_nothing(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    struct map map;
    struct twin twin = {.count = 0};
    dry_mem_init(&mem, &dry, 1024); /* 16 slots and 32 at once, but not 32 and 64 */
    map_init(&map, &mem, 10);
    for (uint64_t key = 1; key <= 10; key++) {
        assert_true(map_put(&map, key, &things[key]));
        twin.value[key] = &things[key];
        twin.count++;
    }
    assert_false(map_put(&map, 11, &things[11]));
    assert_same(&map, &twin);
    map_fini(&map);
    map_init(&map, &mem, KEYS);
    twin = (struct twin){.count = 0};
    for (uint64_t key = 1; map_put(&map, key, &things[key]); key++) {
        twin.value[key] = &things[key];
        twin.count++;
    }
    assert_int_equal(twin.count, 24); /* three quarters of 32 slots */
    assert_same(&map, &twin);
    assert_int_equal(mem.refused, 1);
    map_fini(&map);
    dry_mem_fini(&mem, &dry);
}

static void a_map_that_was_large_shrinks_as_it_is_used(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    struct map map;
    dry_mem_init(&mem, &dry, SIZE_MAX);
    map_init(&map, &mem, 10000);
    for (uint64_t key = 1; key <= 10000; key++) {
        assert_true(map_put(&map, key, &things[0]));
    }
    for (uint64_t key = 2; key <= 10000; key++) {
        assert_ptr_equal(map_take(&map, key), &things[0]);
    }
    assert_int_equal(mem.bytes_used, 16384 * sizeof(struct map_slot));
    for (unsigned i = 0; i < 12; i++) {
        assert_true(map_put(&map, 2, &things[0]));
        assert_ptr_equal(map_take(&map, 2), &things[0]);
    }
    assert_true(mem.bytes_used <= 16 * sizeof(struct map_slot));
    assert_ptr_equal(map_get(&map, 1), &things[0]);
    map_fini(&map);
    dry_mem_fini(&mem, &dry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_puts_and_takes_agree_with_an_array),
        cmocka_unit_test(a_walk_that_takes_some_visits_each_entry_once),
        cmocka_unit_test(pop_any_drains_the_map_and_gives_its_memory_back),
        cmocka_unit_test(the_limits_are_count_max_and_memory_and_a_refused_put_changes_nothing),
        cmocka_unit_test(a_map_that_was_large_shrinks_as_it_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
