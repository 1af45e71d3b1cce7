/* Every size class, the bound, the source that refuses, and the accounting. */
#include "common/mem.h"

#include "common/rng.h"
#include "tests/lib/dry.h"
#include "tests/lib/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static size_t used_by(struct mem *mem, size_t size)
{
    size_t before = mem->bytes_used;
    void *at = mem_take(mem, size);
    assert_non_null(at);
    assert_int_equal((uintptr_t)at % 16, 0);
    memset(at, 0x5a, size);
    size_t used = mem->bytes_used - before;
    mem_give(mem, at, size);
    assert_int_equal(mem->bytes_used, before);
    return used;
}

static void every_size_is_rounded_up_by_a_fifth_at_most(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    mem_init(&mem, dry_source(&dry, false), SIZE_MAX);
    size_t classes = 0;
    size_t last = 0;
    for (size_t size = 1; size <= MEM_CLASS_BYTES_MAX; size++) {
        size_t used = used_by(&mem, size);
        size_t by16 = (size + 15) / 16 * 16;
        assert_true(used >= size && used >= last && used % 16 == 0);
        assert_true(used - by16 <= used / 5);
        assert_int_equal(used_by(&mem, used), used); /* a class holds its own size */
        classes += used != last;
        last = used;
    }
    assert_int_equal(last, MEM_CLASS_BYTES_MAX);
    assert_true(classes <= MEM_CLASSES);
    assert_int_equal(used_by(&mem, MEM_CLASS_BYTES_MAX + 1), MEM_CLASS_BYTES_MAX + 1);
    mem_fini(&mem);
    assert_int_equal(dry.objects, 0);
}

static void a_given_object_is_taken_again_before_a_new_slab(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    mem_init(&mem, dry_source(&dry, false), SIZE_MAX);
    for (unsigned round = 0; round < 100000; round++) {
        void *a = mem_take(&mem, 100);
        void *b = mem_take(&mem, 100);
        mem_give(&mem, a, 100);
        mem_give(&mem, b, 100);
    }
    assert_int_equal(mem.bytes_slabs, MEM_SLAB_BYTES);
    assert_int_equal(dry.bytes, MEM_SLAB_BYTES);
    mem_fini(&mem);
    assert_int_equal(dry.objects, 0);
}

static void the_bound_and_the_source_refuse_with_null_and_a_count(void **state)
{
    (void)state;
    for (unsigned direct = 0; direct < 2; direct++) {
        struct dry dry;
        struct mem mem;
        mem_init(&mem, dry_source(&dry, direct != 0), 1024);
        void *a = mem_take(&mem, 512);
        void *b = mem_take(&mem, 512);
        assert_non_null(a);
        assert_non_null(b);
        assert_null(mem_take(&mem, 1));
        assert_null(mem_take_zero(&mem, SIZE_MAX));
        assert_null(mem_move(&mem, a, 512, 512, 1024));
        assert_int_equal(mem.refused, 3);
        mem_give(&mem, b, 512);
        dry.takes_left = 0;
        b = mem_take(&mem, 256); /* a slab has room for it, a source that refuses has not */
        assert_int_equal(b == NULL, direct != 0);
        mem_give(&mem, b, 256);
        mem.bytes_max = 100000;
        assert_null(mem_take(&mem, 40000));
        mem.refused -= direct;
        assert_int_equal(mem.refused, 4);
        mem_give(&mem, a, 512);
        mem_give(&mem, NULL, 77);
        assert_int_equal(mem.bytes_used, 0);
        mem_fini(&mem);
        assert_int_equal(dry.objects, 0);
    }
}

static void taken_zero_is_zero_even_where_something_lay(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    mem_init(&mem, dry_source(&dry, false), SIZE_MAX);
    for (size_t size = 1; size < 3000; size += 7) {
        void *dirt = mem_take(&mem, size);
        memset(dirt, 0xff, size);
        mem_give(&mem, dirt, size);
        uint8_t *at = mem_take_zero(&mem, size);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(at[i], 0);
        }
        mem_give(&mem, at, size);
    }
    mem_fini(&mem);
}

enum { OBJECTS = 300 };

struct object {
    uint8_t *at;
    size_t size;
    uint8_t mark;
};

static void object_check(const struct object *object)
{
    for (size_t i = 0; i < object->size; i++) {
        assert_int_equal(object->at[i], object->mark);
    }
}

static void object_change(struct mem *mem, struct rng *rng, struct object *object)
{
    size_t size = 1 + rng_below(rng, UINT64_C(1) << rng_below(rng, 17));
    object_check(object);
    if (object->at == NULL) {
        object->at = mem_take(mem, size);
        object->size = object->at == NULL ? 0 : size;
    } else if (rng_below(rng, 3) == 0) {
        size_t used = size_min(size, object->size);
        uint8_t *at = mem_move(mem, object->at, object->size, used, size);
        if (at != NULL) {
            for (size_t i = 0; i < used; i++) {
                assert_int_equal(at[i], object->mark);
            }
            object->at = at;
            object->size = size;
        }
    } else {
        mem_give(mem, object->at, object->size);
        *object = (struct object){NULL, 0, 0};
    }
    object->mark = (uint8_t)rng_next(rng);
    if (object->size > 0) {
        memset(object->at, object->mark, object->size);
    }
}

static void random_takes_moves_and_gives_never_overlap_and_add_up(void **state)
{
    (void)state;
    for (unsigned direct = 0; direct < 2; direct++) {
        struct rng rng;
        struct dry dry;
        struct mem mem;
        static struct object objects[OBJECTS];
        memset(objects, 0, sizeof objects);
        rng_init(&rng, seed_get());
        mem_init(&mem, dry_source(&dry, direct != 0), 1 << 20);
        for (unsigned step = 0; step < 20000; step++) {
            object_change(&mem, &rng, &objects[rng_below(&rng, OBJECTS)]);
            assert_true(mem.bytes_used <= mem.bytes_max);
        }
        size_t least = 0;
        for (size_t i = 0; i < OBJECTS; i++) {
            object_check(&objects[i]);
            least += objects[i].size;
        }
        assert_true(mem.bytes_used >= least);
        assert_true(direct == 0 || mem.bytes_used == least);
        assert_true(mem.refused > 0);
        for (size_t i = 0; i < OBJECTS; i++) {
            mem_give(&mem, objects[i].at, objects[i].size);
        }
        assert_int_equal(mem.bytes_used, 0);
        mem_fini(&mem);
        assert_int_equal(dry.objects, 0);
        assert_int_equal(dry.bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_is_rounded_up_by_a_fifth_at_most),
        cmocka_unit_test(a_given_object_is_taken_again_before_a_new_slab),
        cmocka_unit_test(the_bound_and_the_source_refuse_with_null_and_a_count),
        cmocka_unit_test(taken_zero_is_zero_even_where_something_lay),
        cmocka_unit_test(random_takes_moves_and_gives_never_overlap_and_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
