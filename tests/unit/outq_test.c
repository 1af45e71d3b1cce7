/* The out-queue: what was put in comes out, in order, whatever its parts and however it is taken. */
#include "common/outq.h"

#include "common/heap.h"
#include "common/rng.h"
#include "tests/lib/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { TRACE = 1 << 20, FRAMES = 4000 };

struct fixture {
    struct mem mem;
    struct outq outq;
    struct rng rng;
    size_t in;      /* octets put */
    size_t out;     /* octets taken */
    size_t ends[FRAMES]; /* where frames end, counted from the first octet put */
    size_t frames;
    uint8_t said[TRACE];
};

static struct fixture *fixture_new(uint64_t seed)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    mem_init(&f->mem, heap_source(), SIZE_MAX / 2);
    outq_init(&f->outq, &f->mem);
    rng_init(&f->rng, seed);
    return f;
}

static void fixture_free(struct fixture *f)
{
    outq_fini(&f->outq);
    assert_int_equal(f->mem.bytes_used, 0);
    mem_fini(&f->mem);
    free(f);
}

static void put(struct fixture *f, size_t size, bool shared)
{
    uint8_t *said = f->said + f->in;
    for (size_t i = 0; i < size; i++) {
        said[i] = (uint8_t)rng_next(&f->rng);
    }
    if (shared) {
        struct blob *blob = blob_new(&f->mem, size);
        assert_non_null(blob);
        memcpy(blob->data, said, size);
        assert_true(outq_put_blob(&f->outq, blob));
        blob_drop(&f->mem, blob);
    } else {
        assert_true(outq_put(&f->outq, said, size, 1));
    }
    f->in += size;
    f->ends[f->frames++] = f->in;
}

static void take(struct fixture *f, size_t size)
{
    struct iovec vectors[7];
    unsigned count = outq_gather(&f->outq, vectors, array_count(vectors));
    size_t taken = 0;
    for (unsigned i = 0; i < count && taken < size; i++) {
        size_t part = size_min(vectors[i].iov_len, size - taken);
        assert_memory_equal(vectors[i].iov_base, f->said + f->out + taken, part);
        taken += part;
    }
    outq_sent(&f->outq, taken);
    f->out += taken;
    assert_int_equal(f->outq.bytes, f->in - f->out);
}

static void what_goes_in_comes_out_in_order(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(seed_get());
    while (f->in < TRACE - 40000 && f->frames < FRAMES) {
        uint64_t what = rng_below(&f->rng, 8);
        if (what < 4) {
            put(f, 1 + rng_below(&f->rng, 300), false);
        } else if (what == 4) {
            put(f, 1 + rng_below(&f->rng, 4000), false);
        } else if (what == 5) {
            put(f, 4097 + rng_below(&f->rng, 30000), true);
        } else {
            take(f, rng_below(&f->rng, 20000));
        }
    }
    while (f->outq.bytes > 0) {
        take(f, 10000);
    }
    assert_int_equal(f->out, f->in);
    assert_int_equal(f->outq.messages, 0);
    assert_int_equal(f->mem.bytes_used, 0);
    fixture_free(f);
}

static void a_small_message_behind_a_shared_one_does_not_lie_in_it(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(1);
    put(f, 5000, true);
    put(f, 10, false);
    put(f, 10, false);
    take(f, 6000);
    assert_int_equal(f->outq.bytes, 0);
    fixture_free(f);
}

/* What stays: all that is in flight, to the end of a frame, and what comes behind it is intact. */
static void what_is_dropped_begins_where_a_frame_ends(void **state)
{
    (void)state;
    uint64_t seed = seed_get();
    for (uint64_t round = 0; round < 300; round++) {
        struct fixture *f = fixture_new(seed + round);
        size_t frames = 1 + rng_below(&f->rng, 30);
        while (f->frames < frames) {
            bool shared = rng_below(&f->rng, 4) == 0;
            put(f, shared ? 5000 : 1 + rng_below(&f->rng, 1500), shared);
        }
        take(f, rng_below(&f->rng, f->in));
        size_t keep = rng_below(&f->rng, f->outq.bytes + 1);
        bool half = f->outq.head != NULL && f->outq.head_sent > 0;
        outq_drop_rest(&f->outq, keep);
        assert_true(f->outq.bytes >= keep);
        assert_true(keep > 0 || half || f->outq.bytes == 0);
        size_t end = f->out + f->outq.bytes;
        bool whole = end == f->out && !half;
        for (size_t i = 0; i < f->frames; i++) {
            whole = whole || f->ends[i] == end;
        }
        assert_true(whole);
        f->in = end;
        f->frames = 0;
        put(f, 20, false);
        while (f->outq.bytes > 0) {
            take(f, 10000);
        }
        fixture_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out_in_order),
        cmocka_unit_test(a_small_message_behind_a_shared_one_does_not_lie_in_it),
        cmocka_unit_test(what_is_dropped_begins_where_a_frame_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
