/* Writing JSON: exact text, and jansson as the oracle of what it means. */
#include "common/json.h"
#include "common/heap.h"
#include "tests/lib/seed.h"
#include "tests/lib/value_tree.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void separators_stand_where_the_grammar_wants_them(void **unused)
{
    (void)unused;
    struct mem mem;
    struct buf out;
    struct writer writer;
    mem_init(&mem, heap_source(), SIZE_MAX);
    buf_init(&out, &mem, 4096);
    writer_init(&writer, SERIALIZER_JSON, &out);
    write_array(&writer, 8);
    write_uint(&writer, UINT64_MAX);
    write_int(&writer, INT64_MIN);
    write_int(&writer, 5);
    write_map(&writer, WRITE_COUNT_UNKNOWN);
    write_string(&writer, BYTES_LITERAL("a\"\\\n\x1f/ä\x7f"));
    write_float(&writer, 2);
    write_string(&writer, BYTES_LITERAL(""));
    write_array(&writer, 0);
    write_end(&writer);
    write_end(&writer);
    write_map(&writer, 0);
    write_end(&writer);
    write_binary(&writer, BYTES_LITERAL("\0\xff"));
    write_raw(&writer, BYTES_LITERAL("[1, 2]"));
    write_bool(&writer, true);
    write_end(&writer);
    assert_false(out.failed);
    assert_true(bytes_equal_text(
        buf_bytes(&out),
        "[18446744073709551615,-9223372036854775808,5,"
        "{\"a\\\"\\\\\\n\\u001f/ä\x7f\":2.0,\"\":[]},{},\"\\u0000AP8=\",[1, 2],true]"));
    buf_fini(&out);
    mem_fini(&mem);
}

static void what_json_has_no_form_for_fails_the_buf(void **unused)
{
    (void)unused;
    struct mem mem;
    mem_init(&mem, heap_source(), SIZE_MAX);
    for (int i = 0; i < 4; i++) {
        struct buf out;
        struct writer writer;
        buf_init(&out, &mem, 4096);
        writer_init(&writer, SERIALIZER_JSON, &out);
        write_array(&writer, 1);
        if (i == 0) {
            write_float(&writer, (double)__builtin_nanf(""));
        } else if (i == 1) {
            write_float(&writer, (double)-__builtin_inff());
        } else if (i == 2) {
            write_string(&writer, BYTES_LITERAL("\0a"));
        } else {
            write_string(&writer, BYTES_LITERAL("a\0"));
        }
        write_end(&writer);
        assert_int_equal(out.failed, i < 3);
        buf_fini(&out);
    }
    mem_fini(&mem);
}

static void compare_with_jansson(const struct value *value, const json_t *tree)
{
    if (value->kind == TOKEN_STRING) {
        assert_true(json_is_string(tree));
        assert_true(bytes_equal(value->text,
                                bytes_make(json_string_value(tree), json_string_length(tree))));
    } else if (value->kind == TOKEN_FLOAT) {
        double number = json_real_value(tree);
        assert_true(json_is_real(tree));
        assert_memory_equal(&number, &value->bits, sizeof number);
    } else if (value->kind == TOKEN_INT || value->kind == TOKEN_UINT) {
        assert_true(json_is_integer(tree));
        assert_true((uint64_t)json_integer_value(tree) == value->bits);
    } else if (value->kind == TOKEN_ARRAY) {
        assert_int_equal(json_array_size(tree), value->count);
        for (size_t i = 0; i < value->count; i++) {
            compare_with_jansson(&value->items[i], json_array_get(tree, i));
        }
    } else if (value->kind == TOKEN_MAP) {
        assert_true(json_is_object(tree));
    } else if (value->kind == TOKEN_BOOL) {
        assert_true(value->bits ? json_is_true(tree) : json_is_false(tree));
    } else if (value->kind == TOKEN_NULL) {
        assert_true(json_is_null(tree));
    }
}

static void what_is_written_is_what_jansson_reads(void **unused)
{
    (void)unused;
    struct rng rng;
    rng_init(&rng, seed_get());
    struct mem mem;
    struct buf out;
    struct arena arena;
    mem_init(&mem, heap_source(), SIZE_MAX);
    buf_init(&out, &mem, 1 << 20);
    arena_init(&arena, 8 << 20);
    size_t compared = 0;
    for (int round = 0; round < 20000; round++) {
        struct writer writer;
        arena.size = 0;
        buf_reset(&out);
        writer_init(&writer, SERIALIZER_JSON, &out);
        struct value *value = value_random(&arena, &rng, 4, VALUE_JSON);
        value_encode(value, &writer, &rng);
        json_error_t error;
        json_t *tree =
            json_loadb((const char *)out.at, out.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        if (tree == NULL) { /* integers from 2^63, and U+0000 in a key */
            enum json_error_code code = json_error_code(&error);
            assert_true(code == json_error_numeric_overflow || code == json_error_null_byte_in_key);
            continue;
        }
        compared++;
        compare_with_jansson(value, tree);
        json_decref(tree);
    }
    assert_in_range(compared, 10000, 20000);
    arena_fini(&arena);
    buf_fini(&out);
    mem_fini(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separators_stand_where_the_grammar_wants_them),
        cmocka_unit_test(what_json_has_no_form_for_fails_the_buf),
        cmocka_unit_test(what_is_written_is_what_jansson_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
