/* The queue beside a dumb string of octets: what gather shows is always what was put and not yet
 * sent, whatever mix of copies and blobs. */
#include "common/outq.h"

#include "common/rng.h"
#include "tests/lib/dry.h"
#include "tests/lib/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { TWIN_BYTES_MAX = 1 << 20, VECTORS_MAX = 512 };

struct twins {
    struct dry dry;
    struct mem mem;
    struct outq outq;
    size_t size;     /* of octets */
    size_t messages; /* whose end is in octets */
    uint64_t next;   /* octets are numbered, so that any mix-up shows */
    uint8_t octets[TWIN_BYTES_MAX];
    bool ends[TWIN_BYTES_MAX]; /* a message ends behind this octet */
};

static struct twins *twins_new(size_t bytes_max)
{
    struct twins *twins = calloc(1, sizeof *twins);
    assert_non_null(twins);
    dry_mem_init(&twins->mem, &twins->dry, bytes_max);
    outq_init(&twins->outq, &twins->mem);
    return twins;
}

static void twins_free(struct twins *twins)
{
    outq_fini(&twins->outq);
    dry_mem_fini(&twins->mem, &twins->dry);
    free(twins);
}

static uint8_t octet_of(uint64_t number)
{
    return (uint8_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

static void twin_put(struct twins *twins, const uint8_t *at, size_t size)
{
    check(twins->size + size <= TWIN_BYTES_MAX && size > 0);
    memcpy(twins->octets + twins->size, at, size);
    twins->size += size;
    twins->ends[twins->size - 1] = true;
    twins->next += size;
    twins->messages++;
}

static void fill(const struct twins *twins, uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = octet_of(twins->next + i);
    }
}

static void put_copy(struct twins *twins, size_t size)
{
    static uint8_t octets[100000];
    check(size <= sizeof octets);
    fill(twins, octets, size);
    assert_true(outq_put(&twins->outq, octets, size, 1));
    twin_put(twins, octets, size);
}

static void put_blob(struct twins *twins, size_t size)
{
    struct blob *blob = blob_new(&twins->mem, size);
    assert_non_null(blob);
    fill(twins, blob->data, size);
    assert_true(outq_put_blob(&twins->outq, blob));
    twin_put(twins, blob->data, size);
    assert_int_equal(blob->refs, 2);
    blob_drop(&twins->mem, blob);
}

static void twins_compare(const struct twins *twins)
{
    struct iovec vectors[VECTORS_MAX];
    unsigned count = outq_gather(&twins->outq, vectors, VECTORS_MAX);
    size_t seen = 0;
    for (unsigned i = 0; i < count; i++) {
        assert_true(vectors[i].iov_len > 0);
        assert_true(seen + vectors[i].iov_len <= twins->size);
        assert_memory_equal(vectors[i].iov_base, twins->octets + seen, vectors[i].iov_len);
        seen += vectors[i].iov_len;
    }
    assert_true(seen == twins->size || count == VECTORS_MAX);
    assert_int_equal(twins->outq.bytes, twins->size);
    assert_true(twins->outq.messages >= twins->messages);
    if (twins->size == 0) {
        assert_int_equal(twins->outq.messages, 0);
        assert_null(twins->outq.head);
        assert_null(twins->outq.tail);
        assert_int_equal(twins->mem.bytes_used, 0);
    }
}

static void twin_cut(struct twins *twins, size_t from, size_t to) /* these octets are gone */
{
    for (size_t i = from; i < to; i++) {
        twins->messages -= twins->ends[i];
    }
    memmove(twins->octets + from, twins->octets + to, twins->size - to);
    memmove(twins->ends + from, twins->ends + to, twins->size - to);
    twins->size -= to - from;
    memset(twins->ends + twins->size, 0, to - from);
}

/* What stays reaches to the end of a frame. */
static void twin_drop(struct twins *twins, size_t keep)
{
    outq_drop_rest(&twins->outq, keep);
    size_t size = twins->outq.bytes;
    assert_true(size >= keep && size <= twins->size);
    twin_cut(twins, size, twins->size);
    assert_true(size == 0 || twins->ends[size - 1]);
}

static void take_sent(struct twins *twins, size_t size)
{
    outq_sent(&twins->outq, size);
    twin_cut(twins, 0, size);
}

static void what_is_gathered_is_what_was_put_through_any_mix(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, seed_get());
    struct twins *twins = twins_new(SIZE_MAX);
    for (unsigned step = 0; step < 30000; step++) {
        uint64_t size = 1 + rng_below(&rng, UINT64_C(1) << rng_below(&rng, 15));
        bool room = twins->size + size < TWIN_BYTES_MAX / 16;
        switch (rng_below(&rng, 6)) {
        case 0:
        case 1:
            if (room) {
                put_copy(twins, size);
            }
            break;
        case 2:
            if (room) {
                put_blob(twins, size);
            }
            break;
        case 3:
            take_sent(twins, rng_below(&rng, twins->size + 1));
            break;
        case 4:
            take_sent(twins, size_min(size, twins->size));
            break;
        default:
            if (rng_below(&rng, 20) == 0) {
                size_t keep = rng_below(&rng, 3) == 0 ? 0 : rng_below(&rng, twins->size + 1);
                twin_drop(twins, keep);
            }
            break;
        }
        twins_compare(twins);
    }
    take_sent(twins, twins->size);
    twins_compare(twins);
    twins_free(twins);
}

static void a_message_after_a_blob_starts_a_chunk_of_its_own(void **state)
{
    (void)state;
    struct twins *twins = twins_new(SIZE_MAX);
    put_blob(twins, 5000);
    put_copy(twins, 10);
    put_blob(twins, 1);
    put_copy(twins, 1);
    struct iovec vectors[8];
    assert_int_equal(outq_gather(&twins->outq, vectors, 8), 4);
    assert_int_equal(vectors[0].iov_len, 5000);
    assert_int_equal(vectors[1].iov_len, 10);
    assert_int_equal(outq_gather(&twins->outq, vectors, 2), 2);
    twins_compare(twins);
    twins_free(twins);
}

static void gathered_octets_stay_where_they_are_while_more_is_put(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, seed_get());
    struct twins *twins = twins_new(SIZE_MAX);
    for (unsigned round = 0; round < 300; round++) {
        for (unsigned i = 0; i < 3; i++) {
            put_copy(twins, 1 + rng_below(&rng, 3000));
        }
        struct iovec vectors[VECTORS_MAX];
        unsigned count = outq_gather(&twins->outq, vectors, VECTORS_MAX);
        size_t in_flight = twins->size;
        for (unsigned i = 0; i < 5; i++) {
            put_copy(twins, 1 + rng_below(&rng, 3000));
            put_blob(twins, 1 + rng_below(&rng, 3000));
        }
        if (round % 3 == 0) {
            twin_drop(twins, in_flight);
        }
        size_t seen = 0;
        for (unsigned i = 0; i < count; i++) {
            assert_memory_equal(vectors[i].iov_base, twins->octets + seen, vectors[i].iov_len);
            seen += vectors[i].iov_len;
        }
        assert_int_equal(seen, in_flight);
        take_sent(twins, 1 + rng_below(&rng, in_flight));
        twins_compare(twins);
        if (round % 10 == 9) {
            take_sent(twins, twins->size);
        }
    }
    twins_free(twins);
}

static void room_that_is_not_all_used_is_used_by_the_next(void **state)
{
    (void)state;
    struct twins *twins = twins_new(SIZE_MAX);
    uint8_t *room = outq_room(&twins->outq, 500);
    assert_non_null(room);
    fill(twins, room, 20);
    outq_commit(&twins->outq, 20, 1);
    twin_put(twins, room, 20);
    assert_ptr_equal(outq_room(&twins->outq, 500), room + 20);
    assert_non_null(outq_room(&twins->outq, 60000)); /* and then not used */
    put_copy(twins, 3);
    twins_compare(twins);
    take_sent(twins, 23);
    twins_compare(twins);
    twins_free(twins);
}

static void each_chunk_is_four_times_the_one_before_up_to_a_bound(void **state)
{
    (void)state;
    struct twins *twins = twins_new(SIZE_MAX);
    for (unsigned i = 0; i < 3000; i++) {
        put_copy(twins, 31);
    }
    struct iovec vectors[8];
    unsigned count = outq_gather(&twins->outq, vectors, 8);
    assert_int_equal(count, 6); /* 1, 4, 16, 32, 32 KiB and a rest: 93,000 octets */
    for (unsigned i = 0; i + 1 < count; i++) {
        size_t want = size_min((size_t)OUTQ_CHUNK_BYTES_MIN << (2 * i), OUTQ_CHUNK_BYTES_MAX);
        assert_in_range(vectors[i].iov_len, want - sizeof(struct outq_chunk) - 31, want);
    }
    twins_free(twins);
}

static void refused_memory_leaves_the_queue_as_it_was(void **state)
{
    (void)state;
    struct twins *twins = twins_new(6000);
    static uint8_t octets[8000];
    put_copy(twins, 900);
    put_blob(twins, 3000);
    assert_false(outq_put(&twins->outq, octets, 8000, 1));
    struct blob *blob = blob_new(&twins->mem, 900);
    assert_non_null(blob);
    twins->dry.takes_left = 0;
    assert_false(outq_put_blob(&twins->outq, blob));
    assert_int_equal(blob->refs, 1);
    assert_int_equal(twins->outq.messages, 2);
    twins_compare(twins);
    blob_drop(&twins->mem, blob);
    twins_free(twins);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_gathered_is_what_was_put_through_any_mix),
        cmocka_unit_test(a_message_after_a_blob_starts_a_chunk_of_its_own),
        cmocka_unit_test(gathered_octets_stay_where_they_are_while_more_is_put),
        cmocka_unit_test(room_that_is_not_all_used_is_used_by_the_next),
        cmocka_unit_test(each_chunk_is_four_times_the_one_before_up_to_a_bound),
        cmocka_unit_test(refused_memory_leaves_the_queue_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
