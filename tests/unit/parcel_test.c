/* Lanes: order, large notes, what comes back, and what is home. Notes and places with them. */
#include "common/parcel.h"

#include "tests/lib/dry.h"

#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct dry dry;
static struct mem mem;
static struct lane lane;

static void begin(void)
{
    dry_mem_init(&mem, &dry, SIZE_MAX / 2);
    lane_init(&lane, &mem, 3);
}

static void end(void)
{
    assert_int_equal(lane.bytes, 0);
    assert_null(lane_take(&lane));
    dry_mem_fini(&mem, &dry);
}

static bool put(uint64_t number, size_t size)
{
    uint8_t *octets = malloc(size + 1);
    memset(octets, (int)(number & 0xff), size + 1);
    struct note note = {.head = {.kind = NOTE_EVENT, .id = number, .order = ~number},
                        .uri = BYTES_LITERAL("a.b"),
                        .args = bytes_make(octets, size)};
    bool done = lane_put(&lane, &note);
    free(octets);
    return done;
}

/* Reads every note of a parcel, whose numbers go on from *next. */
static void parcel_is_next(const struct parcel *parcel, uint64_t *next)
{
    struct bytes octets = bytes_make(parcel->data, parcel->size);
    uint32_t notes = 0;
    assert_int_equal(parcel->from, 3);
    while (octets.size > 0) {
        struct note note;
        octets = bytes_from(octets, note_read(octets, &note));
        assert_int_equal(note.head.id, *next);
        assert_int_equal(note.head.order, ~*next);
        assert_true(bytes_equal_text(note.uri, "a.b"));
        for (size_t i = 0; i < note.args.size; i++) {
            assert_int_equal(note.args.at[i], *next & 0xff);
        }
        (*next)++;
        notes++;
    }
    assert_int_equal(notes, parcel->notes);
}

static void notes_come_out_whole_and_in_order_whatever_their_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 7, 8, 9, 1000, 20000, 40000, PARCEL_BYTES, 3, 300000, 2};
    begin();
    for (uint64_t n = 0; n < 200; n++) {
        assert_true(put(n, sizes[n * 7 % array_count(sizes)]));
    }
    lane_seal(&lane);
    lane_seal(&lane); /* nothing new */
    uint64_t next = 0;
    struct parcel *parcel;
    while ((parcel = lane_take(&lane)) != NULL) {
        assert_true(parcel->size > 0);
        parcel_is_next(parcel, &next);
        lane_home(&lane, parcel);
    }
    assert_int_equal(next, 200);
    end();
}

static void what_is_not_sealed_is_not_handed_over(void **state)
{
    (void)state;
    begin();
    assert_true(put(0, 10));
    assert_null(lane_take(&lane));
    lane_seal(&lane);
    struct parcel *parcel = lane_take(&lane);
    assert_non_null(parcel);
    lane_home(&lane, parcel);
    end();
}

static void a_parcel_that_comes_back_stays_the_first(void **state)
{
    (void)state;
    begin();
    for (uint64_t n = 0; n < 4; n++) {
        assert_true(put(n, 30000));
    }
    lane_seal(&lane);
    uint64_t next = 0;
    for (unsigned i = 0; i < 4; i++) {
        struct parcel *parcel = lane_take(&lane);
        lane_return(&lane, parcel);
        assert_ptr_equal(lane_take(&lane), parcel);
        parcel_is_next(parcel, &next);
        lane_home(&lane, parcel);
    }
    end();
}

static void bytes_say_what_is_not_home(void **state)
{
    (void)state;
    begin();
    assert_true(put(0, 10) && put(1, 20));
    size_t common = sizeof(struct parcel) + PARCEL_BYTES;
    assert_int_equal(lane.bytes, common);
    assert_true(put(2, 100000));
    assert_true(lane.bytes > common + 100000);
    lane_seal(&lane);
    struct parcel *first = lane_take(&lane);
    struct parcel *second = lane_take(&lane);
    size_t both = lane.bytes;
    lane_home(&lane, second);
    assert_int_equal(lane.bytes, common);
    assert_true(both > common);
    lane_home(&lane, first);
    end();
}

static void without_memory_a_note_is_refused_and_the_lane_goes_on(void **state)
{
    (void)state;
    begin();
    dry.takes_left = 0;
    assert_false(put(0, 10));
    assert_int_equal(lane.bytes, 0);
    dry.takes_left = 1;
    assert_true(put(0, 10));
    assert_false(put(1, 100000)); /* wants a parcel of its own */
    lane_seal(&lane);
    uint64_t next = 0;
    struct parcel *parcel = lane_take(&lane);
    parcel_is_next(parcel, &next);
    assert_int_equal(next, 1);
    lane_home(&lane, parcel);
    end();
}

static void a_note_takes_a_multiple_of_eight_octets(void **state)
{
    (void)state;
    for (size_t size = 0; size < 40; size++) {
        uint8_t octets[sizeof(struct note_head) + 48];
        struct note note = {.head = {.kind = NOTE_CALL}, .kwargs = bytes_make(octets, size)};
        struct note back;
        assert_int_equal(note_size(&note) % 8, 0);
        assert_true(note_size(&note) <= size + NOTE_HEAD_BYTES_MAX);
        uint8_t *exact = malloc(note_size(&note));
        memset(octets, 7, sizeof octets);
        note_write(&note, exact);
        assert_int_equal(note_read(bytes_make(exact, note_size(&note)), &back), note_size(&note));
        assert_true(bytes_equal(back.kwargs, note.kwargs) && back.uri.size == 0);
        free(exact);
    }
}

static void others_are_all_places_but_oneself(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= PLACES_MAX; count++) {
        for (unsigned self = 0; self < count; self++) {
            place_set set = place_others(count, (place_id)self);
            for (unsigned i = 0; i < count; i++) {
                if (i != self) {
                    assert_int_equal(place_pop(&set), i);
                }
            }
            assert_true(set == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_come_out_whole_and_in_order_whatever_their_size),
        cmocka_unit_test(what_is_not_sealed_is_not_handed_over),
        cmocka_unit_test(a_parcel_that_comes_back_stays_the_first),
        cmocka_unit_test(bytes_say_what_is_not_home),
        cmocka_unit_test(without_memory_a_note_is_refused_and_the_lane_goes_on),
        cmocka_unit_test(a_note_takes_a_multiple_of_eight_octets),
        cmocka_unit_test(others_are_all_places_but_oneself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
