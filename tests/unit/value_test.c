#include "client/value.h"

#include "client/inbound.h"
#include "common/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct desk {
    struct mem mem;
    struct buf out;
    struct buf other;
};

static void desk_open(struct desk *desk)
{
    mem_init(&desk->mem, heap_source(), SIZE_MAX / 2);
    buf_init(&desk->out, &desk->mem, VALUE_BYTES_MAX);
    buf_init(&desk->other, &desk->mem, VALUE_BYTES_MAX);
}

static void desk_close(struct desk *desk)
{
    buf_fini(&desk->out);
    buf_fini(&desk->other);
    mem_fini(&desk->mem);
}

static void out_is(struct desk *desk, const void *octets, size_t size)
{
    assert_int_equal(desk->out.size, size);
    assert_memory_equal(desk->out.at, octets, size);
    buf_reset(&desk->out);
}

static void text_is(struct desk *desk, const char *text)
{
    buf_put_byte(&desk->out, '\0');
    assert_string_equal((const char *)desk->out.at, text);
    buf_reset(&desk->out);
}

static bool value_of(struct desk *desk, enum serializer serializer, const char *text)
{
    struct writer writer;
    writer_init(&writer, serializer, &desk->out);
    return value_write_typed(&writer, bytes_text(text));
}

static const struct {
    const char *text;
    const char *octets; /* MessagePack */
    size_t size;
} typed[] = {
    {"0", "\0", 1},
    {"127", "\x7f", 1},
    {"-1", "\xff", 1},
    {"18446744073709551615", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    {"1.5", "\xcb\x3f\xf8\0\0\0\0\0\0", 9},
    {"1e0", "\xcb\x3f\xf0\0\0\0\0\0\0", 9},
    {"true", "\xc3", 1},
    {"false", "\xc2", 1},
    {"null", "\xc0", 1},
    {"[1,\"a\"]",
     "\x92\x01\xa1"
     "a",
     4},
    {"{\"a\":[]}",
     "\x81\xa1"
     "a\x90",
     4},
    {"hello", "\xa5hello", 6},
    {"\"42\"",
     "\xa2"
     "42",
     3},
    {"'42'",
     "\xa2"
     "42",
     3},
    {"''", "\xa0", 1},
    {"", "\xa0", 1},
    {"'", "\xa1'", 2},
    {"007",
     "\xa3"
     "007",
     4},
    {"+1", "\xa2+1", 3},
    {"1.",
     "\xa2"
     "1.",
     3},
    {"True", "\xa4True", 5},
    {"nan", "\xa3nan", 4},
    {"0xff00", "\xc4\x02\xff\0", 4},
    {"0xFf", "\xc4\x01\xff", 3},
    {"0x",
     "\xa2"
     "0x",
     3},
    {"0xf",
     "\xa3"
     "0xf",
     4},
    {"0xfg",
     "\xa4"
     "0xfg",
     5},
    {"\"open", "\xa5\"open", 6},
    {"h\xc3\xa9", "\xa3h\xc3\xa9", 4},
};

static void argument_is_typed_by_its_text(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk);
    for (size_t i = 0; i < array_count(typed); i++) {
        if (!value_of(&desk, SERIALIZER_MSGPACK, typed[i].text)) {
            fail_msg("'%s' was refused", typed[i].text);
        }
        out_is(&desk, typed[i].octets, typed[i].size);
    }
    desk_close(&desk);
}

static void text_that_pretends_to_be_json_or_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"[", "[1,", "{a:1}", "{\"a\"}", "\xff", "'\xc3'"};
    struct desk desk;
    desk_open(&desk);
    for (size_t i = 0; i < array_count(rows); i++) {
        if (value_of(&desk, SERIALIZER_MSGPACK, rows[i])) {
            fail_msg("'%s' was taken", rows[i]);
        }
        buf_reset(&desk.out);
    }
    desk_close(&desk);
}

static void texts_become_one_array_or_dictionary_in_each_serializer(void **state)
{
    (void)state;
    static const char *const args[] = {"1", "0x01", "a"};
    static const char *const pairs[] = {"a=1", "b=x=y", "c="};
    const char *bad = NULL;
    struct desk desk;
    desk_open(&desk);
    assert_true(value_args(&desk.out, SERIALIZER_JSON, args, 3, &bad));
    text_is(&desk, "[1,\"\\u0000AQ==\",\"a\"]");
    assert_true(value_args(&desk.out, SERIALIZER_CBOR, args, 3, &bad));
    out_is(&desk,
           "\x83\x01\x41\x01\x61"
           "a",
           6);
    assert_true(value_pairs(&desk.out, SERIALIZER_JSON, pairs, 3, &bad));
    text_is(&desk, "{\"a\":1,\"b\":\"x=y\",\"c\":\"\"}");
    assert_true(value_pairs(&desk.out, SERIALIZER_MSGPACK, pairs, 1, &bad));
    out_is(&desk,
           "\x81\xa1"
           "a\x01",
           4);
    desk_close(&desk);
}

static void pairs_without_a_key_or_with_one_twice_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a=1", "=1"}, {"a=1", "novalue"}, {"a=1", "a=2"}, {"a=1", "b=[1"}, {"a=1", "\xff=1"}};
    const char *bad = NULL;
    struct desk desk;
    desk_open(&desk);
    for (size_t i = 0; i < array_count(rows); i++) {
        assert_false(value_pairs(&desk.out, SERIALIZER_JSON, rows[i], 2, &bad));
        assert_string_equal(bad, rows[i][1]);
        buf_reset(&desk.out);
    }
    desk_close(&desk);
}

static void json_is_one_line_that_no_terminal_obeys(void **state)
{
    (void)state;
    static const struct {
        const char *octets; /* MessagePack */
        size_t size;
        const char *text;
    } rows[] = {
        {"\xa3"
         "a\nb",
         4, "\"a\\nb\""},
        {"\xa1\x1b", 2, "\"\\u001b\""},
        {"\xa1\x7f", 2, "\"\\u007f\""},
        {"\xa2\xc2\x9b", 3, "\"\\u009b\""},
        {"\xa2\xc2\xa0", 3, "\"\xc2\xa0\""},
        {"\x81\xa1\x7f\xc4\x01\0", 6, "{\"\\u007f\":\"\\u0000AA==\"}"},
    };
    struct desk desk;
    desk_open(&desk);
    for (size_t i = 0; i < array_count(rows); i++) {
        assert_true(value_json(&desk.out, SERIALIZER_MSGPACK,
                               bytes_make(rows[i].octets, rows[i].size), "none"));
        text_is(&desk, rows[i].text);
    }
    assert_true(value_json(&desk.out, SERIALIZER_JSON, bytes_text("[1,\n  2]"), "none"));
    text_is(&desk, "[1,  2]");
    assert_true(value_json(&desk.out, SERIALIZER_JSON, bytes_make(NULL, 0), "none"));
    text_is(&desk, "none");
    desk_close(&desk);
}

static void value_without_a_form_in_json_appends_nothing(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk);
    assert_false(value_json(&desk.out, SERIALIZER_MSGPACK,
                            bytes_make("\x92\x01\xcb\x7f\xf8\0\0\0\0\0\0", 11), ""));
    assert_false(value_json(&desk.out, SERIALIZER_MSGPACK, bytes_make("\x81\x01\x02", 3), ""));
    assert_int_equal(desk.out.size, 0);
    assert_false(desk.out.failed);
    desk_close(&desk);
}

static void line_reads_as_it_would_be_typed(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        const char *kwargs;
        const char *text;
    } rows[] = {
        {"[1,\"a b\",[true],null]", NULL, "1 \"a b\" [true] null"},
        {"[\"\\u0000/wA=\"]", "{\"k\":\"\\u0000AQ==\"}", "0xff00 k=0x01"},
        {NULL, "{\"a\":1,\"b c\":2,\"\":3,\"d=\":4}", "a=1 \"b c\"=2 \"\"=3 \"d=\"=4"},
        {"[]", "{}", ""},
        {NULL, NULL, ""},
        {NULL, "{\"\\u001b[2J\":\"\\u007f\"}", "\"\\u001b[2J\"=\"\\u007f\""},
    };
    struct desk desk;
    desk_open(&desk);
    for (size_t i = 0; i < array_count(rows); i++) {
        struct client_payload payload = client_json(rows[i].args, rows[i].kwargs);
        assert_true(value_line(&desk.out, &payload));
        text_is(&desk, rows[i].text);
    }
    desk_close(&desk);
}

static void words_for_a_child_have_no_quotes_and_no_nul(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk);
    assert_true(value_words(&desk.out, SERIALIZER_JSON,
                            bytes_text("[1,\"a b\",{\"k\":\"v\"},\"\",\"x\\u0000y\"]")));
    text_is(&desk, "1 a b {\"k\":\"v\"}  \"x\\u0000y\"");
    assert_true(value_words(&desk.out, SERIALIZER_JSON, bytes_text("{\"a\":\"x\",\"b\":2}")));
    text_is(&desk, "a=x b=2");
    desk_close(&desk);
}

static void what_was_typed_comes_back_through_every_serializer(void **state)
{
    (void)state;
    static const char *const texts[] = {"1", "-2.5", "\"a b\"", "[1,{\"k\":null}]", "true"};
    static const enum serializer serializers[] = {SERIALIZER_JSON, SERIALIZER_MSGPACK,
                                                  SERIALIZER_CBOR};
    const char *bad = NULL;
    struct desk desk;
    desk_open(&desk);
    for (size_t i = 0; i < array_count(serializers); i++) {
        buf_reset(&desk.other);
        assert_true(value_args(&desk.other, serializers[i], texts, array_count(texts), &bad));
        assert_true(inbound_is(serializers[i], buf_bytes(&desk.other), TOKEN_ARRAY));
        struct client_payload payload = {.serializer = serializers[i],
                                         .args = buf_bytes(&desk.other)};
        assert_true(value_line(&desk.out, &payload));
        text_is(&desk, "1 -2.5 \"a b\" [1,{\"k\":null}] true");
    }
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(argument_is_typed_by_its_text),
        cmocka_unit_test(text_that_pretends_to_be_json_or_utf8_is_refused),
        cmocka_unit_test(texts_become_one_array_or_dictionary_in_each_serializer),
        cmocka_unit_test(pairs_without_a_key_or_with_one_twice_are_refused_by_name),
        cmocka_unit_test(json_is_one_line_that_no_terminal_obeys),
        cmocka_unit_test(value_without_a_form_in_json_appends_nothing),
        cmocka_unit_test(line_reads_as_it_would_be_typed),
        cmocka_unit_test(words_for_a_child_have_no_quotes_and_no_nul),
        cmocka_unit_test(what_was_typed_comes_back_through_every_serializer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
