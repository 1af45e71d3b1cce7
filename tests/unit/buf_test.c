/* A growing array: what was put is there, and a bound is met once and remembered. */
#include "common/buf.h"

#include "common/rng.h"
#include "tests/lib/dry.h"
#include "tests/lib/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void what_was_put_is_there_in_order(void **state)
{
    (void)state;
    static uint8_t twin[70000];
    size_t size = 0;
    struct rng rng;
    struct dry dry;
    struct mem mem;
    struct buf buf;
    rng_init(&rng, seed_get());
    dry_mem_init(&mem, &dry, SIZE_MAX);
    buf_init(&buf, &mem, sizeof twin);
    while (size < 60000) {
        uint8_t piece[300];
        size_t piece_size = rng_below(&rng, sizeof piece + 1);
        for (size_t i = 0; i < piece_size; i++) {
            piece[i] = (uint8_t)rng_next(&rng);
        }
        if (piece_size == 1) {
            buf_put_byte(&buf, piece[0]);
        } else if (piece_size % 2 == 0) {
            buf_put(&buf, piece, piece_size);
        } else {
            buf_put_bytes(&buf, bytes_make(piece, piece_size));
        }
        memcpy(twin + size, piece, piece_size);
        size += piece_size;
        assert_true(bytes_equal(buf_bytes(&buf), bytes_make(twin, size)));
        assert_true(buf.room <= size_max(size * 2, 64));
    }
    assert_false(buf.failed);
    buf_fini(&buf);
    assert_int_equal(buf_bytes(&buf).size, 0);
    buf_put_byte(&buf, 'x'); /* it may be used again */
    assert_true(bytes_equal_text(buf_bytes(&buf), "x"));
    buf_fini(&buf);
    dry_mem_fini(&mem, &dry);
}

static void bytes_max_is_reached_exactly_and_one_more_fails_until_reset(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    struct buf buf;
    dry_mem_init(&mem, &dry, SIZE_MAX);
    buf_init(&buf, &mem, 100);
    for (unsigned i = 0; i < 100; i++) {
        buf_put_byte(&buf, (uint8_t)i);
    }
    assert_false(buf.failed);
    assert_int_equal(buf.room, 100);
    buf_put_byte(&buf, 100);
    assert_true(buf.failed);
    assert_int_equal(buf.size, 100);
    assert_false(buf_reserve(&buf, SIZE_MAX));
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(buf.at[i], i);
    }
    buf_reset(&buf);
    assert_false(buf.failed);
    assert_int_equal(buf.size, 0);
    assert_true(buf_reserve(&buf, 100));
    assert_false(buf_reserve(&buf, 101));
    buf_fini(&buf);
    dry_mem_fini(&mem, &dry);
}

static void refused_memory_fails_and_keeps_what_was_there(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    struct buf buf;
    dry_mem_init(&mem, &dry, 150);
    buf_init(&buf, &mem, 1000);
    uint8_t text[65] = "sixty-four octets are the first room";
    buf_put(&buf, text, 64);
    buf_put_byte(&buf, 'x'); /* 64 and 128 at once are too many */
    assert_true(buf.failed);
    assert_true(bytes_equal(buf_bytes(&buf), bytes_make(text, 64)));
    assert_int_equal(mem.refused, 1);
    buf_fini(&buf);
    dry_mem_fini(&mem, &dry);
}

static void nothing_put_takes_no_memory(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    struct buf buf;
    dry_mem_init(&mem, &dry, SIZE_MAX);
    buf_init(&buf, &mem, 0);
    buf_put(&buf, NULL, 0);
    buf_put_bytes(&buf, bytes_make(NULL, 0));
    assert_true(buf_reserve(&buf, 0));
    assert_int_equal(dry.objects, 0);
    buf_put_byte(&buf, 'x');
    assert_true(buf.failed);
    buf_fini(&buf);
    dry_mem_fini(&mem, &dry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_there_in_order),
        cmocka_unit_test(bytes_max_is_reached_exactly_and_one_more_fails_until_reset),
        cmocka_unit_test(refused_memory_fails_and_keeps_what_was_there),
        cmocka_unit_test(nothing_put_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
