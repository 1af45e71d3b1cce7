/* CBOR: the examples of RFC 8949, every cut, all short inputs against a dumb twin, and libcbor as
 * the oracle of what is written. */
#include "common/cbor.h"
#include "common/heap.h"
#include "tests/lib/guard.h"
#include "tests/lib/seed.h"
#include "tests/lib/value_tree.h"
#include "tests/lib/walk.h"

#include <cbor.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define ROW(input, text)                                                                           \
    {                                                                                              \
        BYTES_STATIC(input), text                                                                  \
    }

/* proves B-SER-4 */
static void every_form_is_read_and_no_cut_of_it_is_accepted(void **unused)
{
    (void)unused;
    static const struct walk_row rows[] = {
        ROW("\x00", "0"),
        ROW("\x17", "23"),
        ROW("\x18\x18", "24"),
        ROW("\x18\x05", "5"), /* longer than need be is well-formed */
        ROW("\x19\x03\xe8", "1000"),
        ROW("\x1a\x00\x0f\x42\x40", "1000000"),
        ROW("\x1b\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
        ROW("\x20", "-1"),
        ROW("\x38\x63", "-100"),
        ROW("\x39\x03\xe7", "-1000"),
        ROW("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", "-9223372036854775808"),
        ROW("\x3b\xff\xff\xff\xff\xff\xff\xff\xff", "x'3bffffffffffffffff'"),
        ROW("\xf9\x00\x00", "0f"),
        ROW("\xf9\x80\x00", "-0f"),
        ROW("\xf9\x3e\x00", "1.5f"),
        ROW("\xf9\x7b\xff", "65504f"),
        ROW("\xf9\x00\x01", "5.9604644775390625e-08f"),
        ROW("\xf9\x04\x00", "6.103515625e-05f"),
        ROW("\xf9\x7c\x00", "inff"),
        ROW("\xf9\x7e\x00", "nanf"),
        ROW("\xfa\x47\xc3\x50\x00", "100000f"),
        ROW("\xfb\xc0\x10\x66\x66\x66\x66\x66\x66", "-4.0999999999999996f"),
        ROW("\xf4", "false"),
        ROW("\xf5", "true"),
        ROW("\xf6", "null"),
        ROW("\xf7", "null"),
        ROW("\xf0", "x'f0'"),
        ROW("\xe0", "x'e0'"),
        ROW("\xf8\x20", "x'f820'"),
        ROW("\xf8\xff", "x'f8ff'"),
        ROW("\x40", "h''"),
        ROW("\x44\x01\x02\x03\x04", "h'01020304'"),
        ROW("\x60", "\"\""),
        ROW("\x64\x49\x45\x54\x46", "\"IETF\""),
        ROW("\x78\x01\x61", "\"a\""),
        ROW("\x79\x00\x01\x61", "\"a\""),
        ROW("\x7a\x00\x00\x00\x01\x61", "\"a\""),
        ROW("\x7b\x00\x00\x00\x00\x00\x00\x00\x01\x61", "\"a\""),
        ROW("\x63\xe6\xb0\xb4", "\"水\""),
        ROW("\x80", "[0:]"),
        ROW("\x83\x01\x82\x02\x03\x82\x04\x05", "[3:1 [2:2 3] [2:4 5]]"),
        ROW("\x98\x01\x01", "[1:1]"),
        ROW("\xa0", "{0:}"),
        ROW("\xa2\x61\x61\x01\x61\x62\x82\x02\x03", "{2:\"a\" 1 \"b\" [2:2 3]}"),
        ROW("\xa1\x80\xa0", "{1:[0:] {0:}}"),
        ROW("\x5f\x42\x01\x02\x43\x03\x04\x05\xff", "~h'0102030405'"),
        ROW("\x5f\xff", "~h''"),
        ROW("\x7f\x65\x73\x74\x72\x65\x61\x64\x6d\x69\x6e\x67\xff", "~\"streaming\""),
        ROW("\x7f\x60\xff", "~\"\""),
        ROW("\x9f\xff", "[]"),
        ROW("\x9f\x01\x82\x02\x03\x9f\x04\x05\xff\xff", "[1 [2:2 3] [4 5]]"),
        ROW("\x83\x01\x9f\x02\x03\xff\x82\x04\x05", "[3:1 [2 3] [2:4 5]]"),
        ROW("\xbf\xff", "{}"),
        ROW("\xbf\x61\x61\x01\x61\x62\x9f\x02\x03\xff\xff", "{\"a\" 1 \"b\" [2 3]}"),
        ROW("\xbf\xbf\xff\x9f\xff\xff", "{{} []}"),
        ROW("\xc1\x1a\x51\x4b\x67\xb0", "#1363896240"),
        ROW("\xd8\x20\x61\x61", "#\"a\""),
        ROW("\xd9\xd9\xf7\x82\xc1\x01\x02", "#[2:#1 2]"),
        ROW("\xc2\x42\x01\x00", "##h'0100'"),
        ROW("\xdb\x00\x00\x00\x00\x00\x00\x00\x03\x41\x01", "##h'01'"),
        ROW("\xc1\xc3\xc1\x5f\x41\x01\xff", "##~h'01'"),
        ROW("\x85\x10\x07\xa0\x6c\x63om.app.tick\x81\x61z",
            "[5:16 7 {0:} \"com.app.tick\" [1:\"z\"]]"),
    };
    walk_rows_check(SERIALIZER_CBOR, rows, array_count(rows));
}

/* proves B-SER-5 */
static void broken_input_is_refused_where_it_breaks(void **unused)
{
    (void)unused;
    static const struct walk_row rows[] = {
        ROW("", "!"),
        ROW("\x1c", "!"), /* reserved additional information */
        ROW("\x1d", "!"),
        ROW("\x1e", "!"),
        ROW("\x3c\x00", "!"),
        ROW("\x5d\x00", "!"),
        ROW("\x7e\x00", "!"),
        ROW("\x9c\x00", "!"),
        ROW("\xbd\x00", "!"),
        ROW("\xdc\x00", "!"),
        ROW("\xfc", "!"),
        ROW("\xfd", "!"),
        ROW("\xfe", "!"),
        ROW("\x1f", "!"), /* indefinite where nothing is */
        ROW("\x3f", "!"),
        ROW("\xdf\x01", "!"),
        ROW("\xff", "!"), /* break outside */
        ROW("\x81\xff", "[1:!"),
        ROW("\x82\x01\xff", "[2:1!"),
        ROW("\xa1\x01\xff", "{1:1!"),
        ROW("\x9f\xc1\xff", "[!"),
        ROW("\xc1\xff", "!"),
        ROW("\xbf\x01\xff", "{1!"),
        ROW("\xbf\x01\x02\x03\xff\xff", "{1 2 3!"),
        ROW("\x9f\xff\xff", "[]!"),
        ROW("\x5f\x61\x61\xff", "!"), /* chunks of another type, or of no length */
        ROW("\x7f\x41\x61\xff", "!"),
        ROW("\x5f\x5f\x41\x01\xff\xff", "!"),
        ROW("\x7f\x7f\xff\xff", "!"),
        ROW("\x5f\x00\xff", "!"),
        ROW("\x5f\xc1\x41\x01\xff", "!"),
        ROW("\x7f\x61\xc3\x61\xa4\xff", "!"), /* a character cut by a chunk's end */
        ROW("\x61\xff", "!"),
        ROW("\x63\xed\xa0\x80", "!"),
        ROW("\xf8\x00", "!"), /* a simple value in two octets that has a form in one */
        ROW("\xf8\x18", "!"),
        ROW("\xf8\x1f", "!"),
        ROW("\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "!"), /* counts beyond the octets left */
        ROW("\x9b\x80\x00\x00\x00\x00\x00\x00\x00\x01", "!"),
        ROW("\xbb\x80\x00\x00\x00\x00\x00\x00\x00\x01\x02", "!"),
        ROW("\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02", "!"),
        ROW("\x9a\xff\xff\xff\xff\x01", "!"),
        ROW("\xba\xff\xff\xff\xff\x01", "!"),
        ROW("\xa2\x01\x02\x03", "!"),
        ROW("\x5b\xff\xff\xff\xff\xff\xff\xff\xff\x01", "!"),
        ROW("\x7a\xff\xff\xff\xff\x01", "!"),
        ROW("\x00\x00", "0!"), /* trailing octets */
        ROW("\x81\x00\x00", "[1:0]!"),
    };
    walk_rows_check(SERIALIZER_CBOR, rows, array_count(rows));
}

/* The dumb twin, after RFC 8949, appendix C, for inputs of three octets. Octets of the item at
 * at, or 0; a break is an item of one octet where breakable says so. */
static size_t twin_size(const uint8_t *at, size_t left, bool breakable)
{
    if (left == 0) {
        return 0;
    }
    unsigned major = at[0] >> 5;
    unsigned info = at[0] & 31;
    size_t size = 1;
    size_t argument = info;
    if (info >= 24 && info < 28) {
        argument = 0;
        size += (size_t)1 << (info - 24);
        if (left < size) {
            return 0;
        }
        for (size_t i = 1; i < size; i++) {
            argument = argument << 8 | at[i];
        }
    } else if (info >= 28 && info < 31) {
        return 0;
    } else if (info == 31) {
        if (major == 7) {
            return breakable ? 1 : 0;
        }
        if (major < 2 || major == 6) {
            return 0;
        }
        for (size_t items = 0;; items++) {
            bool odd = major == 5 && items % 2 == 1;
            if (size < left && at[size] == 0xff && !odd) {
                return size + 1;
            }
            size_t item = twin_size(at + size, left - size, false);
            if (item == 0 || (major < 4 && (at[size] >> 5 != major || (at[size] & 31) == 31))) {
                return 0;
            }
            size += item;
        }
    }
    if (major == 2 || major == 3) {
        if (left - size < argument) {
            return 0;
        }
        bool pair =
            argument == 2 && at[size] >= 0xc2 && at[size] <= 0xdf && (at[size + 1] & 0xc0) == 0x80;
        for (size_t i = 0; major == 3 && !pair && i < argument; i++) {
            if (at[size + i] >= 0x80) {
                return 0;
            }
        }
        return size + argument;
    }
    size_t items = major == 4 ? argument : major == 5 ? 2 * argument : major == 6 ? 1 : 0;
    if (major == 7 && info == 24 && argument < 32) {
        return 0;
    }
    for (size_t i = 0; i < items; i++) {
        size_t item = twin_size(at + size, left - size, false);
        if (item == 0) {
            return 0;
        }
        size += item;
    }
    return size;
}

static void all_inputs_of_one_to_three_octets_agree_with_the_twin(void **unused)
{
    (void)unused;
    struct guard guard;
    guard_init(&guard, 3);
    for (uint32_t i = 0; i < 0x1010100; i++) {
        size_t size = i < 0x100 ? 1 : i < 0x10100 ? 2 : 3;
        uint32_t number = i - (size == 1 ? 0 : size == 2 ? 0x100 : 0x10100);
        guard.end[-1] = (uint8_t)number;
        guard.end[-2] = (uint8_t)(number >> 8);
        guard.end[-3] = (uint8_t)(number >> 16);
        struct bytes input = bytes_make(guard.end - size, size);
        struct reader reader;
        struct bytes range;
        reader_init(&reader, SERIALIZER_CBOR, input, DEPTH_MAX);
        bool verdict = reader_skip(&reader, &range) == 1 && range.size == size;
        assert_int_equal(verdict, twin_size(input.at, size, false) == size);
        if (size < 3 || i % 7 == 0) {
            assert_int_equal(walk_verdict(SERIALIZER_CBOR, input, DEPTH_MAX), verdict);
        }
    }
    guard_fini(&guard);
}

static void what_is_written_is_what_libcbor_reads_and_writes(void **unused)
{
    (void)unused;
    const uint64_t seed = seed_get();
    struct rng rng;
    rng_init(&rng, seed);
    struct mem mem;
    struct buf out;
    struct arena arena;
    mem_init(&mem, heap_source(), SIZE_MAX);
    buf_init(&out, &mem, 1 << 20);
    arena_init(&arena, 8 << 20);
    for (int round = 0; round < 3000; round++) {
        struct writer writer;
        arena.size = 0;
        buf_reset(&out);
        writer_init(&writer, SERIALIZER_CBOR, &out);
        value_encode(value_random(&arena, &rng, 6, VALUE_ANY), &writer, &rng);
        struct cbor_load_result result;
        cbor_item_t *item = cbor_load(out.at, out.size, &result);
        assert_non_null(item);
        assert_int_equal(result.error.code, CBOR_ERR_NONE);
        assert_int_equal(result.read, out.size);
        unsigned char *again = NULL;
        size_t room;
        size_t size = cbor_serialize_alloc(item, &again, &room);
        assert_true(bytes_equal(buf_bytes(&out), bytes_make(again, size)));
        free(again);
        cbor_decref(&item);
    }
    arena_fini(&arena);
    buf_fini(&out);
    mem_fini(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read_and_no_cut_of_it_is_accepted),
        cmocka_unit_test(broken_input_is_refused_where_it_breaks),
        cmocka_unit_test(all_inputs_of_one_to_three_octets_agree_with_the_twin),
        cmocka_unit_test(what_is_written_is_what_libcbor_reads_and_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
