/* What all three serializers promise behind token.h: depth, ends, skips, texts, late counts. */
#include "common/token.h"
#include "common/heap.h"
#include "tests/lib/guard.h"
#include "tests/lib/seed.h"
#include "tests/lib/value_tree.h"
#include "tests/lib/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const enum serializer all[] = {SERIALIZER_JSON, SERIALIZER_MSGPACK, SERIALIZER_CBOR};

struct bench {
    struct mem mem;
    struct buf out;
    struct guard guard;
};

static void bench_init(struct bench *bench)
{
    mem_init(&bench->mem, heap_source(), SIZE_MAX);
    buf_init(&bench->out, &bench->mem, 4 << 20);
    guard_init(&bench->guard, 4 << 20);
}

static void bench_fini(struct bench *bench)
{
    buf_fini(&bench->out);
    guard_fini(&bench->guard);
    mem_fini(&bench->mem);
}

/* [16, 7, {"acknowledge": true}, "com.app.tick", [1, [2]], {"k": null}], with its counts said or
 * not. */
static struct bytes bench_publish(struct bench *bench, enum serializer serializer, bool late)
{
    struct writer writer;
    buf_reset(&bench->out);
    writer_init(&writer, serializer, &bench->out);
    write_array(&writer, late ? WRITE_COUNT_UNKNOWN : 6);
    write_uint(&writer, 16);
    write_uint(&writer, 7);
    write_map(&writer, late ? WRITE_COUNT_UNKNOWN : 1);
    write_string(&writer, BYTES_LITERAL("acknowledge"));
    write_bool(&writer, true);
    write_end(&writer);
    write_string(&writer, BYTES_LITERAL("com.app.tick"));
    write_array(&writer, late ? WRITE_COUNT_UNKNOWN : 2);
    write_uint(&writer, 1);
    write_array(&writer, late ? WRITE_COUNT_UNKNOWN : 1);
    write_uint(&writer, 2);
    write_end(&writer);
    write_end(&writer);
    write_map(&writer, late ? WRITE_COUNT_UNKNOWN : 1);
    write_string(&writer, BYTES_LITERAL("k"));
    write_null(&writer);
    write_end(&writer);
    write_end(&writer);
    assert_false(bench->out.failed);
    return guard_copy(&bench->guard, buf_bytes(&bench->out));
}

static struct token expect(struct reader *reader, enum token_kind kind)
{
    struct token token;
    assert_int_equal(reader_next(reader, &token), 1);
    assert_int_equal(token.kind, kind);
    return token;
}

static void a_head_is_walked_and_its_payload_skipped_as_a_range(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < 2 * array_count(all); i++) {
        enum serializer serializer = all[i / 2];
        struct bytes input = bench_publish(&bench, serializer, i % 2 == 1);
        struct reader reader;
        struct bytes args;
        struct bytes kwargs;
        struct bytes none = {0};
        reader_init(&reader, serializer, input, 3);
        expect(&reader, TOKEN_ARRAY);
        assert_int_equal(expect(&reader, TOKEN_UINT).uint, 16);
        assert_int_equal(expect(&reader, TOKEN_UINT).uint, 7);
        expect(&reader, TOKEN_MAP);
        struct token key = expect(&reader, TOKEN_STRING);
        assert_true(token_is(&key, "acknowledge"));
        assert_false(token_is(&key, "acknowledg"));
        assert_false(token_is(&key, "acknowledge2"));
        assert_true(expect(&reader, TOKEN_BOOL).boolean);
        expect(&reader, TOKEN_END);
        struct token topic = expect(&reader, TOKEN_STRING);
        assert_true(topic.plain && bytes_equal_text(topic.bytes, "com.app.tick"));
        assert_int_equal(reader_skip(&reader, &args), 1);
        assert_int_equal(reader_skip(&reader, &kwargs), 1);
        assert_int_equal(reader_skip(&reader, &none), 0); /* the END, consumed */
        assert_null(none.at);
        struct token token;
        assert_int_equal(reader_next(&reader, &token), 0);
        assert_int_equal(reader_next(&reader, &token), 0);
        assert_int_equal(reader_skip(&reader, &none), 0);
        assert_true(walk_verdict(serializer, args, 2));
        assert_false(walk_verdict(serializer, args, 1));
        assert_true(walk_verdict(serializer, kwargs, 1));
    }
    bench_fini(&bench);
}

static void no_cut_of_a_message_is_accepted_and_a_refusal_stays(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < 2 * array_count(all); i++) {
        enum serializer serializer = all[i / 2];
        struct bytes whole = bench_publish(&bench, serializer, i % 2 == 1);
        uint8_t copy[256];
        size_t size = whole.size;
        memcpy(copy, whole.at, size);
        assert_true(walk_verdict(serializer, whole, DEPTH_MAX));
        for (size_t cut = 0; cut < size; cut++) {
            struct bytes part = guard_copy(&bench.guard, bytes_make(copy, cut));
            assert_false(walk_verdict(serializer, part, DEPTH_MAX));
        }
        copy[size] = serializer == SERIALIZER_JSON ? '1' : 0;
        assert_false(walk_verdict(serializer, bytes_make(copy, size + 1), DEPTH_MAX));
    }
    bench_fini(&bench);
}

static void write_nested(struct writer *writer, unsigned depth, bool late)
{
    for (unsigned i = 0; i < depth; i++) {
        if (i % 2 == 1) {
            write_map(writer, late ? WRITE_COUNT_UNKNOWN : 1);
            write_string(writer, BYTES_LITERAL("k"));
        } else {
            write_array(writer, late ? WRITE_COUNT_UNKNOWN : 1);
        }
    }
    write_null(writer);
    for (unsigned i = 0; i < depth; i++) {
        write_end(writer);
    }
}

static void nesting_is_accepted_to_depth_max_and_not_one_deeper(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < 2 * array_count(all); i++) {
        for (unsigned depth = 1; depth <= DEPTH_MAX; depth++) {
            struct writer writer;
            enum serializer serializer = all[i / 2];
            buf_reset(&bench.out);
            writer_init(&writer, serializer, &bench.out);
            write_nested(&writer, depth, i % 2 == 1);
            struct bytes input = guard_copy(&bench.guard, buf_bytes(&bench.out));
            assert_true(walk_verdict(serializer, input, depth));
            assert_false(walk_verdict(serializer, input, depth - 1));
        }
    }
    /* empty containers open a level like others */
    assert_false(walk_verdict(SERIALIZER_JSON, BYTES_LITERAL("[[]]"), 1));
    assert_false(walk_verdict(SERIALIZER_JSON, BYTES_LITERAL("[{}]"), 1));
    assert_false(walk_verdict(SERIALIZER_MSGPACK, BYTES_LITERAL("\x91\x90"), 1));
    assert_false(walk_verdict(SERIALIZER_CBOR, BYTES_LITERAL("\x81\x80"), 1));
    assert_false(walk_verdict(SERIALIZER_CBOR, BYTES_LITERAL("\x9f\xbf\xff\xff"), 1));
    /* a million opening brackets */
    enum { MANY = 1 << 20 };
    static const uint8_t openers[] = {'[', 0x91, 0x9f};
    for (size_t i = 0; i < array_count(all); i++) {
        memset(bench.guard.end - MANY, openers[i], MANY);
        assert_false(walk_verdict(all[i], bytes_make(bench.guard.end - MANY, MANY), DEPTH_MAX));
    }
    bench_fini(&bench);
}

/* Attack row 68. Each step goes forward by its token's octets, so the steps are the items. */
static void a_mebibyte_of_tiny_items_is_one_step_an_item(void **unused)
{
    (void)unused;
    enum { ITEMS = 300000 };
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < 2 * array_count(all); i++) {
        struct writer writer;
        enum serializer serializer = all[i / 2];
        bool strings = i % 2 == 1;
        buf_reset(&bench.out);
        writer_init(&writer, serializer, &bench.out);
        write_array(&writer, ITEMS);
        for (unsigned item = 0; item < ITEMS; item++) {
            if (strings) {
                write_string(&writer, BYTES_LITERAL("s"));
            } else {
                write_array(&writer, 0);
                write_end(&writer);
            }
        }
        write_end(&writer);
        struct bytes input = guard_copy(&bench.guard, buf_bytes(&bench.out));
        struct reader reader;
        struct token token;
        size_t steps = 0;
        reader_init(&reader, serializer, input, DEPTH_MAX);
        while (reader_next(&reader, &token) == 1) {
            steps++;
        }
        assert_int_equal(steps, 2 + (strings ? 1 : 2) * ITEMS);
        assert_true(walk_verdict(serializer, input, DEPTH_MAX));
    }
    bench_fini(&bench);
}

static void texts_that_are_not_plain_decode_and_compare(void **unused)
{
    (void)unused;
    static const struct {
        enum serializer serializer;
        struct bytes input;
        struct bytes content;
        bool plain;
    } rows[] = {
        {SERIALIZER_JSON, BYTES_STATIC("\"match\""), BYTES_STATIC("match"), true},
        {SERIALIZER_JSON, BYTES_STATIC("\"m\\u0061tch\""), BYTES_STATIC("match"), false},
        {SERIALIZER_JSON, BYTES_STATIC("\"a\\/\\\\ \\ud834\\udd1e\""),
         BYTES_STATIC("a/\\ \xf0\x9d\x84\x9e"), false},
        {SERIALIZER_MSGPACK, BYTES_STATIC("\xa5\x6d\x61tch"), BYTES_STATIC("match"), true},
        {SERIALIZER_CBOR, BYTES_STATIC("\x65\x6d\x61tch"), BYTES_STATIC("match"), true},
        {SERIALIZER_CBOR, BYTES_STATIC("\x7f\x62\x6d\x61\x60\x63tch\xff"), BYTES_STATIC("match"),
         false},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct reader reader;
        struct token token;
        uint8_t content[64];
        char other[64];
        reader_init(&reader, rows[i].serializer, rows[i].input, DEPTH_MAX);
        assert_int_equal(reader_next(&reader, &token), 1);
        assert_int_equal(token.kind, TOKEN_STRING);
        assert_int_equal(token.plain, rows[i].plain);
        long size = token_text(&token, content);
        assert_int_equal(size, rows[i].content.size);
        assert_memory_equal(content, rows[i].content.at, rows[i].content.size);
        memcpy(other, content, (size_t)size);
        other[size] = 0;
        assert_true(token_is(&token, other));
        other[size - 1]++;
        assert_false(token_is(&token, other));
        other[size - 1] = 0;
        assert_false(token_is(&token, other));
        memcpy(other, content, (size_t)size);
        other[size] = 'x';
        other[size + 1] = 0;
        assert_false(token_is(&token, other));
        assert_false(token_is(&token, ""));
    }
}

static void a_binary_is_no_string_whatever_it_says(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < array_count(all); i++) {
        struct writer writer;
        struct reader reader;
        uint8_t content[64];
        buf_reset(&bench.out);
        writer_init(&writer, all[i], &bench.out);
        write_binary(&writer, BYTES_LITERAL("exact"));
        reader_init(&reader, all[i], buf_bytes(&bench.out), DEPTH_MAX);
        struct token token = expect(&reader, TOKEN_BINARY);
        assert_false(token_is(&token, "exact"));
        assert_int_equal(token_text(&token, content), 5);
        assert_memory_equal(content, "exact", 5);
    }
    bench_fini(&bench);
}

static void a_key_that_is_skipped_is_a_range_too(void **unused)
{
    (void)unused;
    static const struct {
        enum serializer serializer;
        struct bytes input;
        struct bytes key;
    } rows[] = {
        {SERIALIZER_JSON, BYTES_STATIC("{ \"k\\n\" : 1 , \"l\":2}"), BYTES_STATIC("\"k\\n\"")},
        {SERIALIZER_MSGPACK, BYTES_STATIC("\x82\xa1k\x01\xa1l\x02"), BYTES_STATIC("\xa1k")},
        {SERIALIZER_CBOR, BYTES_STATIC("\xbf\x61k\x01\x61l\x02\xff"), BYTES_STATIC("\x61k")},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct reader reader;
        struct bytes range;
        reader_init(&reader, rows[i].serializer, rows[i].input, DEPTH_MAX);
        expect(&reader, TOKEN_MAP);
        assert_int_equal(reader_skip(&reader, &range), 1);
        assert_true(bytes_equal(range, rows[i].key));
        assert_int_equal(expect(&reader, TOKEN_UINT).uint, 1);
        expect(&reader, TOKEN_STRING);
        assert_int_equal(reader_skip(&reader, &range), 1);
        assert_int_equal(range.size, 1);
        expect(&reader, TOKEN_END);
        assert_int_equal(reader_skip(&reader, &range), 0);
    }
}

/* Attack row 64: what looks like an id must be told apart by its kind. */
static void numbers_keep_the_kind_they_were_written_in(void **unused)
{
    (void)unused;
    static const struct {
        enum serializer serializer;
        struct bytes input;
        enum token_kind kind;
    } rows[] = {
        {SERIALIZER_JSON, BYTES_STATIC("1"), TOKEN_UINT},
        {SERIALIZER_JSON, BYTES_STATIC("1.0"), TOKEN_FLOAT},
        {SERIALIZER_JSON, BYTES_STATIC("1e0"), TOKEN_FLOAT},
        {SERIALIZER_JSON, BYTES_STATIC("1.5"), TOKEN_FLOAT},
        {SERIALIZER_JSON, BYTES_STATIC("-1"), TOKEN_INT},
        {SERIALIZER_JSON, BYTES_STATIC("\"1\""), TOKEN_STRING},
        {SERIALIZER_JSON, BYTES_STATIC("true"), TOKEN_BOOL},
        {SERIALIZER_MSGPACK, BYTES_STATIC("\xd0\x01"), TOKEN_UINT},
        {SERIALIZER_MSGPACK, BYTES_STATIC("\xd3\0\0\0\0\0\0\0\x01"), TOKEN_UINT},
        {SERIALIZER_MSGPACK, BYTES_STATIC("\xd0\xff"), TOKEN_INT},
        {SERIALIZER_MSGPACK, BYTES_STATIC("\xca\x3f\x80\0\0"), TOKEN_FLOAT},
        {SERIALIZER_MSGPACK, BYTES_STATIC("\xc3"), TOKEN_BOOL},
        {SERIALIZER_MSGPACK, BYTES_STATIC("\xc4\x01\x31"), TOKEN_BINARY},
        {SERIALIZER_MSGPACK, BYTES_STATIC("\xd4\x01\x31"), TOKEN_EXT},
        {SERIALIZER_CBOR, BYTES_STATIC("\x1b\0\0\0\0\0\0\0\x01"), TOKEN_UINT},
        {SERIALIZER_CBOR, BYTES_STATIC("\x20"), TOKEN_INT},
        {SERIALIZER_CBOR, BYTES_STATIC("\xf9\x3c\x00"), TOKEN_FLOAT},
        {SERIALIZER_CBOR, BYTES_STATIC("\xc2\x41\x01"), TOKEN_BINARY},
        {SERIALIZER_CBOR, BYTES_STATIC("\xf5"), TOKEN_BOOL},
        {SERIALIZER_CBOR, BYTES_STATIC("\xf8\x40"), TOKEN_EXT},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct reader reader;
        reader_init(&reader, rows[i].serializer, rows[i].input, DEPTH_MAX);
        expect(&reader, rows[i].kind);
    }
}

static void random_values_come_back_as_they_were_written(void **unused)
{
    (void)unused;
    const uint64_t seed = seed_get();
    struct rng rng;
    rng_init(&rng, seed);
    struct bench bench;
    struct arena arena;
    bench_init(&bench);
    arena_init(&arena, 8 << 20);
    size_t nodes = 0;
    for (int round = 0; nodes < 100000; round++) {
        enum serializer serializer = all[round % 3];
        struct writer writer;
        arena.size = 0;
        bool json = serializer == SERIALIZER_JSON;
        struct value *value = value_random(&arena, &rng, 6, json ? VALUE_JSON : VALUE_ANY);
        buf_reset(&bench.out);
        writer_init(&writer, serializer, &bench.out);
        value_encode(value, &writer, &rng);
        struct bytes input = guard_copy(&bench.guard, buf_bytes(&bench.out));
        struct value *read = value_decode(&arena, serializer, input);
        if (read == NULL || !value_equal(value, read)) {
            fprintf(stderr, "seed %llu round %d\n", (unsigned long long)seed, round);
        }
        assert_non_null(read);
        assert_true(value_equal(value, read));
        assert_true(walk_verdict(serializer, input, DEPTH_MAX));
        nodes += value_size(value);
    }
    arena_fini(&arena);
    bench_fini(&bench);
}

static void a_writer_may_write_on_after_its_buf_failed(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < 2 * array_count(all); i++) {
        size_t whole = bench_publish(&bench, all[i / 2], i % 2 == 1).size;
        for (size_t room = 0; room < whole; room++) {
            buf_fini(&bench.out);
            bench.out.bytes_max = room;
            struct writer writer;
            writer_init(&writer, all[i / 2], &bench.out);
            write_nested(&writer, 100, i % 2 == 1);
            assert_true(bench.out.failed);
            assert_in_range(bench.out.size, 0, room);
        }
        bench.out.bytes_max = 4 << 20;
        buf_fini(&bench.out);
    }
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_walked_and_its_payload_skipped_as_a_range),
        cmocka_unit_test(no_cut_of_a_message_is_accepted_and_a_refusal_stays),
        cmocka_unit_test(nesting_is_accepted_to_depth_max_and_not_one_deeper),
        cmocka_unit_test(a_mebibyte_of_tiny_items_is_one_step_an_item),
        cmocka_unit_test(texts_that_are_not_plain_decode_and_compare),
        cmocka_unit_test(a_binary_is_no_string_whatever_it_says),
        cmocka_unit_test(a_key_that_is_skipped_is_a_range_too),
        cmocka_unit_test(numbers_keep_the_kind_they_were_written_in),
        cmocka_unit_test(random_values_come_back_as_they_were_written),
        cmocka_unit_test(a_writer_may_write_on_after_its_buf_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
