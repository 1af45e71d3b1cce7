/* MessagePack: every form, every cut, all short inputs against a dumb twin, and msgpack-c as the
 * oracle of what is written. */
#include "common/msgpack.h"
#include "common/heap.h"
#include "tests/lib/guard.h"
#include "tests/lib/seed.h"
#include "tests/lib/value_tree.h"
#include "tests/lib/walk.h"

#include <msgpack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define ROW(input, text)                                                                           \
    {                                                                                              \
        BYTES_STATIC(input), text                                                                  \
    }

static void every_form_is_read_and_no_cut_of_it_is_accepted(void **unused)
{
    (void)unused;
    static const struct walk_row rows[] = {
        ROW("\x00", "0"),
        ROW("\x7f", "127"),
        ROW("\xe0", "-32"),
        ROW("\xff", "-1"),
        ROW("\xc0", "null"),
        ROW("\xc2", "false"),
        ROW("\xc3", "true"),
        ROW("\xcc\x05", "5"),
        ROW("\xcc\xff", "255"),
        ROW("\xcd\xff\xff", "65535"),
        ROW("\xce\xff\xff\xff\xff", "4294967295"),
        ROW("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
        ROW("\xd0\x80", "-128"),
        ROW("\xd0\x7f", "127"),
        ROW("\xd1\x80\x00", "-32768"),
        ROW("\xd1\x00\x01", "1"),
        ROW("\xd2\x80\x00\x00\x00", "-2147483648"),
        ROW("\xd2\x7f\xff\xff\xff", "2147483647"),
        ROW("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808"),
        ROW("\xd3\x7f\xff\xff\xff\xff\xff\xff\xff", "9223372036854775807"),
        ROW("\xca\x3f\xc0\x00\x00", "1.5f"),
        ROW("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5f"),
        ROW("\xa0", "\"\""),
        ROW("\xa2\xc3\xa4", "\"ä\""),
        ROW("\xd9\x01\x61", "\"a\""),
        ROW("\xda\x00\x01\x61", "\"a\""),
        ROW("\xdb\x00\x00\x00\x01\x61", "\"a\""),
        ROW("\xc4\x02\x00\xff", "h'00ff'"),
        ROW("\xc5\x00\x02\x00\xff", "h'00ff'"),
        ROW("\xc6\x00\x00\x00\x02\x00\xff", "h'00ff'"),
        ROW("\xd4\x01\x02", "x'd40102'"),
        ROW("\xd5\x01\x02\x03", "x'd5010203'"),
        ROW("\xd6\xff\x02\x03\x04\x05", "x'd6ff02030405'"),
        ROW("\xd7\x01\x02\x03\x04\x05\x06\x07\x08\x09", "x'd7010203040506070809'"),
        ROW("\xd8\x01\x02\x03\x04\x05\x06\x07\x08\x09\x02\x03\x04\x05\x06\x07\x08\x09",
            "x'd80102030405060708090203040506070809'"),
        ROW("\xc7\x00\x07", "x'c70007'"),
        ROW("\xc7\x01\x07\x08", "x'c7010708'"),
        ROW("\xc8\x00\x01\x07\x08", "x'c800010708'"),
        ROW("\xc9\x00\x00\x00\x01\x07\x08", "x'c9000000010708'"),
        ROW("\x90", "[0:]"),
        ROW("\x80", "{0:}"),
        ROW("\x93\x01\x92\x02\x03\x04", "[3:1 [2:2 3] 4]"),
        ROW("\xdc\x00\x02\x90\x80", "[2:[0:] {0:}]"),
        ROW("\xdd\x00\x00\x00\x01\xa1z", "[1:\"z\"]"),
        ROW("\x82\xa1\x61\x01\xa1\x62\x81\xa1\x63\xc0", "{2:\"a\" 1 \"b\" {1:\"c\" null}}"),
        ROW("\xde\x00\x01\x05\x06", "{1:5 6}"),
        ROW("\xdf\x00\x00\x00\x01\x90\x80", "{1:[0:] {0:}}"),
        ROW("\x95\x10\x07\x80\xac\x63om.app.tick\x91\xa1z",
            "[5:16 7 {0:} \"com.app.tick\" [1:\"z\"]]"),
    };
    walk_rows_check(SERIALIZER_MSGPACK, rows, array_count(rows));
}

/* proves B-SER-3 B-SER-5 */
static void broken_input_is_refused_where_it_breaks(void **unused)
{
    (void)unused;
    static const struct walk_row rows[] = {
        ROW("", "!"),
        ROW("\xc1", "!"),
        ROW("\x91\xc1", "[1:!"),
        ROW("\x01\x02", "1!"), /* trailing octets */
        ROW("\x91\x01\xc0", "[1:1]!"),
        ROW("\xa1\xff", "!"), /* not UTF-8 */
        ROW("\xa3\xed\xa0\x80", "!"),
        ROW("\xd9\x02\xc3", "!"),
        ROW("\x81\xa2\xc0\x80\x01", "{1:!"),
        ROW("\xdd\xff\xff\xff\xff", "!"), /* counts beyond the octets left */
        ROW("\xdd\xff\xff\xff\xff\x01\x02\x03", "!"),
        ROW("\xdf\x80\x00\x00\x00\x01\x02", "!"),
        ROW("\xdf\xff\xff\xff\xff\x01\x02", "!"),
        ROW("\xdc\xff\xff\x00", "!"),
        ROW("\x82\x01\x02\x03", "!"),
        ROW("\xdb\xff\xff\xff\xff\x61", "!"),
        ROW("\xc6\xff\xff\xff\xff\x61", "!"),
        ROW("\xc9\xff\xff\xff\xff\x61\x61", "!"),
        ROW("\x92\x91\x01", "[2:[1:1]!"),
    };
    walk_rows_check(SERIALIZER_MSGPACK, rows, array_count(rows));
}

/* The dumb twin, by the specification's table: octets of the item at at, or 0. */
static size_t twin_size(const uint8_t *at, size_t left)
{
    if (left == 0) {
        return 0;
    }
    uint8_t lead = at[0];
    size_t head = 1;
    size_t items = 0;
    size_t content = 0;
    bool text = false;
    if (lead >= 0x80 && lead <= 0x8f) {
        items = 2 * (lead & 15U);
    } else if (lead >= 0x90 && lead <= 0x9f) {
        items = lead & 15U;
    } else if (lead >= 0xa0 && lead <= 0xbf) {
        content = lead & 31U;
        text = true;
    } else if (lead == 0xc1) {
        return 0;
    } else if (lead >= 0xc4 && lead <= 0xdf) {
        static const uint8_t numbers[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8};
        size_t wide = lead <= 0xc6   ? (size_t)1 << (lead - 0xc4)
                      : lead <= 0xc9 ? (size_t)1 << (lead - 0xc7)
                      : lead <= 0xd8 ? 0
                      : lead <= 0xdb ? (size_t)1 << (lead - 0xd9)
                                     : (size_t)2 << (lead & 1);
        head += wide;
        if (left < head) {
            return 0;
        }
        size_t length = 0;
        for (size_t i = 1; i < head; i++) {
            length = length << 8 | at[i];
        }
        if (lead >= 0xca && lead <= 0xd3) {
            content = numbers[lead - 0xca];
        } else if (lead >= 0xd4 && lead <= 0xd8) {
            content = 1 + ((size_t)1 << (lead - 0xd4));
        } else if (lead >= 0xdc) {
            items = lead >= 0xde ? 2 * length : length;
        } else {
            content = length + (lead >= 0xc7 && lead <= 0xc9);
            text = lead >= 0xd9;
        }
    }
    if (left - head < content) {
        return 0;
    }
    for (size_t i = 0; text && i < content;
         i++) { /* short texts only: no more than one character */
        if (at[head + i] >= 0x80) {
            bool pair = i + 1 < content && at[head + i] >= 0xc2 && at[head + i] <= 0xdf &&
                        (at[head + i + 1] & 0xc0) == 0x80;
            if (!pair) {
                return 0;
            }
            i++;
        }
    }
    size_t size = head + content;
    for (size_t i = 0; i < items; i++) {
        size_t item = twin_size(at + size, left - size);
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
        reader_init(&reader, SERIALIZER_MSGPACK, input, DEPTH_MAX);
        bool verdict = reader_skip(&reader, &range) == 1 && range.size == size;
        assert_int_equal(verdict, twin_size(input.at, size) == size);
        if (size < 3 || i % 7 == 0) {
            assert_int_equal(walk_verdict(SERIALIZER_MSGPACK, input, DEPTH_MAX), verdict);
        }
    }
    guard_fini(&guard);
}

static int oracle_put(void *out, const char *at, size_t size)
{
    buf_put(out, at, size);
    return 0;
}

static void what_is_written_is_what_msgpack_c_reads_and_writes(void **unused)
{
    (void)unused;
    const uint64_t seed = seed_get();
    struct rng rng;
    rng_init(&rng, seed);
    struct mem mem;
    struct buf out;
    struct buf oracle;
    struct arena arena;
    mem_init(&mem, heap_source(), SIZE_MAX);
    buf_init(&out, &mem, 1 << 20);
    buf_init(&oracle, &mem, 1 << 20);
    arena_init(&arena, 8 << 20);
    for (int round = 0; round < 3000; round++) {
        struct writer writer;
        msgpack_unpacked unpacked;
        msgpack_packer packer;
        size_t offset = 0;
        arena.size = 0;
        buf_reset(&out);
        buf_reset(&oracle);
        writer_init(&writer, SERIALIZER_MSGPACK, &out);
        value_encode(value_random(&arena, &rng, 6, VALUE_ANY), &writer, &rng);
        msgpack_unpacked_init(&unpacked);
        assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)out.at, out.size, &offset),
                         MSGPACK_UNPACK_SUCCESS);
        assert_int_equal(offset, out.size);
        msgpack_packer_init(&packer, &oracle, oracle_put);
        msgpack_pack_object(&packer, unpacked.data);
        assert_true(bytes_equal(buf_bytes(&out), buf_bytes(&oracle)));
        msgpack_unpacked_destroy(&unpacked);
    }
    arena_fini(&arena);
    buf_fini(&out);
    buf_fini(&oracle);
    mem_fini(&mem);
}

static void a_count_that_comes_late_is_patched_at_every_width(void **unused)
{
    (void)unused;
    static const uint32_t counts[] = {0, 1, 15, 16, 17, 65535, 65536, 65537};
    struct mem mem;
    struct buf late;
    struct buf early;
    mem_init(&mem, heap_source(), SIZE_MAX);
    buf_init(&late, &mem, 1 << 20);
    buf_init(&early, &mem, 1 << 20);
    for (size_t i = 0; i < array_count(counts) * 2; i++) {
        bool map = i % 2 == 1;
        uint32_t count = counts[i / 2];
        struct buf *outs[] = {&late, &early};
        for (size_t k = 0; k < 2; k++) {
            struct writer writer;
            buf_reset(outs[k]);
            writer_init(&writer, SERIALIZER_MSGPACK, outs[k]);
            write_array(&writer, 2);
            (map ? write_map : write_array)(&writer, k == 0 ? WRITE_COUNT_UNKNOWN : count);
            for (uint32_t item = 0; item < (map ? 2 * count : count); item++) {
                write_uint(&writer, item & 0xff);
            }
            write_end(&writer);
            write_null(&writer);
            write_end(&writer);
        }
        assert_true(bytes_equal(buf_bytes(&late), buf_bytes(&early)));
        assert_true(walk_verdict(SERIALIZER_MSGPACK, buf_bytes(&late), DEPTH_MAX));
    }
    buf_fini(&late);
    buf_fini(&early);
    mem_fini(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read_and_no_cut_of_it_is_accepted),
        cmocka_unit_test(broken_input_is_refused_where_it_breaks),
        cmocka_unit_test(all_inputs_of_one_to_three_octets_agree_with_the_twin),
        cmocka_unit_test(what_is_written_is_what_msgpack_c_reads_and_writes),
        cmocka_unit_test(a_count_that_comes_late_is_patched_at_every_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
