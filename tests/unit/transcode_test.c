/* Any serializer to any other: the same value under one model, or a refusal that says why. */
#include "common/transcode.h"
#include "common/heap.h"
#include "common/number.h"
#include "tests/lib/guard.h"
#include "tests/lib/seed.h"
#include "tests/lib/value_tree.h"
#include "tests/lib/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { OUT_MAX = 1 << 20, ARENA_MAX = 8 << 20, NODES_MIN = 100000 };

struct bench {
    struct mem mem;
    struct buf from;
    struct buf to;
    struct buf back;
    struct arena arena;
    struct guard guard;
};

static void bench_init(struct bench *bench)
{
    mem_init(&bench->mem, heap_source(), SIZE_MAX);
    buf_init(&bench->from, &bench->mem, OUT_MAX);
    buf_init(&bench->to, &bench->mem, OUT_MAX);
    buf_init(&bench->back, &bench->mem, OUT_MAX);
    arena_init(&bench->arena, ARENA_MAX);
    guard_init(&bench->guard, OUT_MAX);
}

static void bench_fini(struct bench *bench)
{
    buf_fini(&bench->from);
    buf_fini(&bench->to);
    buf_fini(&bench->back);
    arena_fini(&bench->arena);
    guard_fini(&bench->guard);
    mem_fini(&bench->mem);
}

static bool bench_transcode(struct bench *bench, enum serializer from, struct bytes value,
                            enum serializer to, struct buf *out)
{
    struct writer writer;
    buf_reset(out);
    writer_init(&writer, to, out);
    bool done = transcode(from, guard_copy(&bench->guard, value), &writer);
    assert_int_equal(writer.depth, 0);
    if (!done) {
        assert_int_equal(out->size, 0);
        assert_false(out->failed);
    }
    return done;
}

static void write_value(struct buf *out, enum serializer serializer, const struct value *value,
                        struct rng *rng)
{
    struct writer writer;
    buf_reset(out);
    writer_init(&writer, serializer, out);
    value_encode(value, &writer, rng);
    assert_false(out->failed);
    assert_int_equal(writer.depth, 0);
}

/* proves B-SER-1 B-SER-6 */
static void random_values_survive_all_pairs_of_serializers(void **unused)
{
    (void)unused;
    const uint64_t seed = seed_get();
    struct rng rng;
    rng_init(&rng, seed);
    struct bench bench;
    bench_init(&bench);
    size_t nodes = 0;
    for (int round = 0; nodes < NODES_MIN; round++) {
        bench.arena.size = 0;
        enum value_range range = round % 4 == 0 ? VALUE_ANY : VALUE_JSON;
        struct value *value = value_random(&bench.arena, &rng, 6, range);
        size_t kept = bench.arena.size;
        nodes += value_size(value);
        for (unsigned pair = 0; pair < 9; pair++) {
            enum serializer from = SERIALIZER_JSON + pair / 3;
            enum serializer to = SERIALIZER_JSON + pair % 3;
            bool json = from == SERIALIZER_JSON || to == SERIALIZER_JSON;
            bool can = !json || value_is_json(value);
            if (from == SERIALIZER_JSON && !can) {
                continue; /* cannot be written in the first place */
            }
            bench.arena.size = kept;
            write_value(&bench.from, from, value, &rng);
            assert_true(walk_verdict(from, guard_copy(&bench.guard, buf_bytes(&bench.from)), 128));
            bool done = bench_transcode(&bench, from, buf_bytes(&bench.from), to, &bench.to);
            if (done != can) {
                fprintf(stderr, "seed %llu round %d pair %u\n", (unsigned long long)seed, round,
                        pair);
            }
            assert_int_equal(done, can);
            if (!done) {
                continue;
            }
            struct bytes encoded = guard_copy(&bench.guard, buf_bytes(&bench.to));
            assert_true(walk_verdict(to, encoded, 128));
            struct value *read = value_decode(&bench.arena, to, encoded);
            if (read == NULL || !value_equal(value, read)) {
                fprintf(stderr, "seed %llu round %d pair %u\n", (unsigned long long)seed, round,
                        pair);
            }
            assert_non_null(read);
            assert_true(value_equal(value, read));
            assert_true(bench_transcode(&bench, to, buf_bytes(&bench.to), from, &bench.back));
            read = value_decode(&bench.arena, from, buf_bytes(&bench.back));
            assert_true(value_equal(value, read));
        }
    }
    bench_fini(&bench);
}

struct row {
    enum serializer from;
    struct bytes value;
    enum serializer to;
    struct bytes expected; /* at NULL: refused */
};

#define ROW(from, value, to, expected)                                                             \
    {                                                                                              \
        SERIALIZER_##from, BYTES_STATIC(value), SERIALIZER_##to, BYTES_STATIC(expected)            \
    }
#define REFUSED(from, value, to)                                                                   \
    {                                                                                              \
        SERIALIZER_##from, BYTES_STATIC(value), SERIALIZER_##to,                                   \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }

static void rows_check(const struct row *rows, size_t count)
{
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        assert_true(walk_verdict(row->from, row->value, DEPTH_MAX));
        bool done = bench_transcode(&bench, row->from, row->value, row->to, &bench.to);
        bool as_said = done == (row->expected.at != NULL) &&
                       (!done || bytes_equal(buf_bytes(&bench.to), row->expected));
        if (!as_said) {
            fprintf(stderr, "row %zu: %s %.*s\n", i, done ? "came to" : "refused",
                    (int)bench.to.size, (const char *)bench.to.at);
        }
        assert_true(as_said);
        assert_true(!done || walk_verdict(row->to, buf_bytes(&bench.to), DEPTH_MAX));
    }
    bench_fini(&bench);
}

/* proves B-SER-2 B-SER-6 */
static void each_form_has_its_exact_counterpart(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        ROW(JSON, "[1, -1 ,true,false,null]", MSGPACK, "\x95\x01\xff\xc3\xc2\xc0"),
        ROW(JSON, "[1,-1,true,false,null]", CBOR, "\x9f\x01\x20\xf5\xf4\xf6\xff"),
        ROW(JSON, " 1.0 ", MSGPACK, "\xcb\x3f\xf0\0\0\0\0\0\0"),
        ROW(MSGPACK, "\xcb\x3f\xf0\0\0\0\0\0\0", JSON, "1.0"),
        ROW(MSGPACK, "\xca\x3f\x80\0\0", JSON, "1.0"),
        ROW(CBOR, "\xf9\x3c\x00", JSON, "1.0"),
        ROW(CBOR, "\xf9\x80\x00", JSON, "-0.0"),
        ROW(JSON, "-0.0", CBOR, "\xfb\x80\0\0\0\0\0\0\0"),
        ROW(JSON, "18446744073709551615", MSGPACK, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
        ROW(JSON, "-9223372036854775808", MSGPACK, "\xd3\x80\0\0\0\0\0\0\0"),
        ROW(JSON, "18446744073709551616", MSGPACK, "\xcb\x43\xf0\0\0\0\0\0\0"),
        ROW(MSGPACK, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", JSON, "18446744073709551615"),
        ROW(MSGPACK, "\xd3\x80\0\0\0\0\0\0\0", JSON, "-9223372036854775808"),
        ROW(JSON, "\"\\u0000EOP/kFMHXFJvX8BtT+N82w==\"", MSGPACK,
            "\xc4\x10\x10\xe3\xff\x90\x53\x07\x5c\x52\x6f\x5f\xc0\x6d\x4f\xe3\x7c\xdb"),
        ROW(CBOR, "\x50\x10\xe3\xff\x90\x53\x07\x5c\x52\x6f\x5f\xc0\x6d\x4f\xe3\x7c\xdb", JSON,
            "\"\\u0000EOP/kFMHXFJvX8BtT+N82w==\""),
        ROW(JSON, "\"\\u0000EOP\\/kFMHXFJvX8BtT\\u002bN82w==\"", CBOR,
            "\x50\x10\xe3\xff\x90\x53\x07\x5c\x52\x6f\x5f\xc0\x6d\x4f\xe3\x7c\xdb"),
        ROW(JSON, "\"\\u0000\"", CBOR, "\x40"),
        ROW(MSGPACK, "\xc4\x00", JSON, "\"\\u0000\""),
        ROW(JSON, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD834\\udd1e\"", MSGPACK,
            "\xae\"\\/\b\f\n\r\t\xc3\xa4\xf0\x9d\x84\x9e"),
        ROW(MSGPACK, "\xa9\"\\/\b\f\n\r\t\x01", JSON, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\""),
        ROW(CBOR, "\x7f\x61\x61\x60\x62\xc3\xa4\xff", JSON, "\"a\xc3\xa4\""),
        ROW(CBOR, "\x7f\x61\x61\x60\x62\xc3\xa4\xff", MSGPACK, "\xa3\x61\xc3\xa4"),
        ROW(CBOR, "\x5f\x41\x10\x43\xe3\xff\x90\x40\xff", JSON, "\"\\u0000EOP/kA==\""),
        ROW(CBOR, "\x5f\xff", MSGPACK, "\xc4\x00"),
        ROW(CBOR, "\xf7", JSON, "null"),
        ROW(CBOR, "\xc1\x1a\x51\x4b\x67\xb0", JSON, "1363896240"),
        ROW(CBOR, "\xd8\x20\x61\x61", MSGPACK, "\xa1\x61"),
        ROW(CBOR, "\xbf\x61\x61\x9f\x01\xff\xff", MSGPACK, "\x81\xa1\x61\x91\x01"),
        ROW(MSGPACK, "\x81\x01\x02", CBOR, "\xa1\x01\x02"),
        ROW(MSGPACK, "\xca\x7f\x80\0\0", CBOR, "\xfb\x7f\xf0\0\0\0\0\0\0"),
        ROW(MSGPACK, "\xca\x7f\x80\0\x01", CBOR, "\xfb\x7f\xf0\0\0\x20\0\0\0"),
        ROW(CBOR, "\xf9\x7c\x01", MSGPACK, "\xcb\x7f\xf0\x04\0\0\0\0\0"),
        ROW(CBOR, "\xfb\xff\xf8\0\0\0\0\x12\x34", MSGPACK, "\xcb\xff\xf8\0\0\0\0\x12\x34"),
        ROW(MSGPACK, "\xc7\x00\x05", MSGPACK, "\xc7\x00\x05"),
        ROW(CBOR, "\xc2\x41\x01", CBOR, "\xc2\x41\x01"),
        ROW(JSON, "{\"a\":1,\"a\":2}", MSGPACK, "\x82\xa1\x61\x01\xa1\x61\x02"),
    };
    rows_check(rows, array_count(rows));
}

static void what_has_no_form_is_refused_and_leaves_nothing_behind(void **unused)
{
    (void)unused;
    static const struct row rows[] = {
        REFUSED(MSGPACK, "\x92\x01\x81\x01\x02", JSON),
        REFUSED(MSGPACK, "\x81\xc4\x01\x61\x02", JSON),
        REFUSED(MSGPACK, "\x81\x90\x02", JSON),
        REFUSED(CBOR, "\xa1\xf6\x02", JSON),
        REFUSED(CBOR, "\xf9\x7e\x00", JSON),
        REFUSED(CBOR, "\xf9\xfc\x00", JSON),
        REFUSED(MSGPACK, "\xcb\x7f\xf0\0\0\0\0\0\0", JSON),
        REFUSED(MSGPACK, "\xa2\0a", JSON),
        REFUSED(CBOR, "\x81\x7f\x60\x61\0\xff", JSON),
        REFUSED(MSGPACK, "\x91\xd4\x01\x02", JSON),
        REFUSED(MSGPACK, "\xd6\xff\0\0\0\0", CBOR),
        REFUSED(MSGPACK, "\xc7\x02\x05\0\0", CBOR),
        REFUSED(CBOR, "\x82\x01\xc2\x41\x01", MSGPACK),
        REFUSED(CBOR, "\xc3\x41\x01", JSON),
        REFUSED(CBOR, "\xc1\xc2\xc1\x41\x01", JSON),
        REFUSED(CBOR, "\x3b\x80\0\0\0\0\0\0\0", MSGPACK),
        REFUSED(CBOR, "\xe0", MSGPACK),
        REFUSED(CBOR, "\xf8\xff", JSON),
        REFUSED(JSON, "[1,\"\\u0000!!!\"]", MSGPACK),
        REFUSED(JSON, "\"\\u0000AAA\"", CBOR),
        REFUSED(JSON, "\"\\u0000AA==AAAA\"", CBOR),
        REFUSED(JSON, "\"\\u0000AB==\"", CBOR),
        REFUSED(JSON, "{\"\\u0000AAAA\":1}", CBOR),
        REFUSED(JSON, "1e400", MSGPACK),
        REFUSED(JSON, "-1e400", CBOR),
    };
    rows_check(rows, array_count(rows));
}

static void a_refusal_leaves_the_open_containers_as_they_were(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    struct writer writer;
    writer_init(&writer, SERIALIZER_JSON, &bench.to);
    write_array(&writer, WRITE_COUNT_UNKNOWN);
    assert_true(transcode(SERIALIZER_MSGPACK, BYTES_LITERAL("\x81\xa1k\x01"), &writer));
    assert_false(transcode(SERIALIZER_MSGPACK, BYTES_LITERAL("\x92\x91\x01\xc7\x00\x01"), &writer));
    write_map(&writer, 1);
    write_string(&writer, BYTES_LITERAL("a"));
    assert_false(transcode(SERIALIZER_CBOR, BYTES_LITERAL("\x9f\x01\xc2\x41\x01\xff"), &writer));
    assert_true(transcode(SERIALIZER_CBOR, BYTES_LITERAL("\x9f\x01\x40\xff"), &writer));
    write_end(&writer);
    write_end(&writer);
    assert_true(bytes_equal_text(buf_bytes(&bench.to), "[{\"k\":1},{\"a\":[1,\"\\u0000\"]}]"));
    bench_fini(&bench);
}

static void nesting_beyond_what_the_writer_has_left_is_refused(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    uint8_t deep[DEPTH_MAX];
    memset(deep, 0x91, sizeof deep - 1);
    deep[sizeof deep - 1] = 0x90;
    assert_true(bench_transcode(&bench, SERIALIZER_MSGPACK, bytes_make(deep, DEPTH_MAX),
                                SERIALIZER_CBOR, &bench.to));
    struct writer writer;
    buf_reset(&bench.to);
    writer_init(&writer, SERIALIZER_CBOR, &bench.to);
    write_array(&writer, 1);
    assert_false(transcode(SERIALIZER_MSGPACK, bytes_make(deep, DEPTH_MAX), &writer));
    assert_true(transcode(SERIALIZER_MSGPACK, bytes_make(deep + 1, DEPTH_MAX - 1), &writer));
    write_end(&writer);
    assert_false(bench.to.failed);
    bench_fini(&bench);
}

static void a_buf_too_small_at_any_size_is_a_refusal(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    struct bytes json = BYTES_LITERAL("{\"k\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17],"
                                      "\"\\u00e4\":\"\\u0000AAAA\",\"f\":-1.5}");
    assert_true(bench_transcode(&bench, SERIALIZER_JSON, json, SERIALIZER_MSGPACK, &bench.to));
    size_t whole = bench.to.size;
    bool done = false;
    for (size_t room = 0; !done; room++) {
        struct buf small;
        struct writer writer;
        assert_true(room <= whole + 64);
        buf_init(&small, &bench.mem, room);
        writer_init(&writer, SERIALIZER_MSGPACK, &small);
        done = transcode(SERIALIZER_JSON, json, &writer);
        assert_int_equal(done, !small.failed);
        assert_true(done ? small.size == whole && room >= whole : small.size == 0);
        buf_fini(&small);
    }
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_has_its_exact_counterpart),
        cmocka_unit_test(what_has_no_form_is_refused_and_leaves_nothing_behind),
        cmocka_unit_test(a_refusal_leaves_the_open_containers_as_they_were),
        cmocka_unit_test(nesting_beyond_what_the_writer_has_left_is_refused),
        cmocka_unit_test(a_buf_too_small_at_any_size_is_a_refusal),
        cmocka_unit_test(random_values_survive_all_pairs_of_serializers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
