/* Ids as people see them: those that are drawn, and those that count. */
#include "tests/lib/parse.h"
#include "tests/lib/stage.h"

#include "router/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char hello[] = "[1,\"realm1\",{\"roles\":{\"publisher\":{},\"subscriber\":{},"
                            "\"caller\":{},\"callee\":{}}}]";

static unsigned enter(struct stage *stage, struct person *person, unsigned core)
{
    person_init(person, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    unsigned actor = stage_enter(stage, person, core);
    person_say(person, hello);
    stage_run(stage);
    free(person_hear(person));
    return actor;
}

/* [code,number,rest */
static void say_number(struct person *person, unsigned code, uint64_t number, const char *rest)
{
    char text[128];
    int size = snprintf(text, sizeof text, "[%u,%llu,%s", code, (unsigned long long)number, rest);
    assert_in_range(size, 1, sizeof text - 1);
    person_say(person, text);
}

static struct parsed hear(struct person *person)
{
    struct parsed parsed = {0};
    char *json = person_hear(person);
    assert_non_null(json);
    assert_true(parse_message(json, &parsed));
    free(json);
    return parsed;
}

enum { DRAWN = 4000, PARTS = 16 };

static int id_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Even over the whole range, in no order, none twice. */
static void ids_judge(uint64_t ids[DRAWN])
{
    unsigned parts[PARTS] = {0};
    unsigned rising = 0;
    for (unsigned i = 0; i < DRAWN; i++) {
        assert_in_range(ids[i], 1, UINT64_C(1) << 53);
        parts[(ids[i] - 1) >> 49]++;
        rising += i > 0 && ids[i] > ids[i - 1];
    }
    for (unsigned i = 0; i < PARTS; i++) {
        assert_in_range(parts[i], 155, 345); /* six deviations around 250 */
    }
    assert_in_range(rising, DRAWN / 2 - 120, DRAWN / 2 + 120); /* deviation 18 */
    qsort(ids, DRAWN, sizeof *ids, id_compare);
    for (unsigned i = 1; i < DRAWN; i++) {
        assert_true(ids[i] != ids[i - 1]);
    }
}

/* proves B-ID-2 B-ID-7 */
static void session_ids_are_drawn_from_the_whole_range(void **state)
{
    (void)state;
    static uint64_t ids[DRAWN];
    struct stage stage;
    struct person people[4];
    stage_init(&stage, 4, 7, NULL);
    for (unsigned i = 0; i < 4; i++) {
        person_init(&people[i], FRAMING_RAWSOCKET, SERIALIZER_JSON);
        stage_enter(&stage, &people[i], i);
    }
    for (unsigned i = 0; i < DRAWN; i++) {
        struct person *person = &people[i % 4];
        person_say(person, hello);
        person_say(person, "[16,1,{\"acknowledge\":true},\"t\"]"); /* from 1 each time */
        person_say(person, "[6,{},\"wamp.close.close_realm\"]");
        stage_run(&stage);
        ids[i] = hear(person).number[1];
        assert_int_equal(hear(person).number[0], 17);
        assert_int_equal(hear(person).number[0], 6);
    }
    ids_judge(ids);
    stage_fini(&stage);
    for (unsigned i = 0; i < 4; i++) {
        person_fini(&people[i]);
    }
}

/* proves B-ID-2 */
static void publication_ids_are_drawn_from_the_whole_range(void **state)
{
    (void)state;
    static uint64_t ids[DRAWN];
    struct stage stage;
    struct person people[4];
    stage_init(&stage, 4, 9, NULL);
    for (unsigned i = 0; i < 4; i++) {
        enter(&stage, &people[i], i);
    }
    for (unsigned i = 0; i < DRAWN; i++) {
        struct person *person = &people[i % 4];
        say_number(person, 16, i / 4 + 1, "{\"acknowledge\":true},\"t\"]");
        stage_run(&stage);
        ids[i] = hear(person).number[2];
    }
    ids_judge(ids);
    stage_fini(&stage);
    for (unsigned i = 0; i < 4; i++) {
        person_fini(&people[i]);
    }
}

/* proves B-ID-4 */
static void request_ids_wrap_behind_2_to_the_53(void **state)
{
    (void)state;
    struct stage stage;
    struct person alice;
    stage_init(&stage, 1, 1, NULL);
    unsigned actor = enter(&stage, &alice, 0);
    stage.actors[actor].conn->session->request_last = ID_MAX - 2;
    static const uint64_t requests[] = {ID_MAX - 1, ID_MAX, 1, 2};
    for (unsigned i = 0; i < array_count(requests); i++) {
        say_number(&alice, 16, requests[i], "{\"acknowledge\":true},\"t\"]");
        stage_run(&stage);
        struct parsed parsed = hear(&alice);
        assert_int_equal(parsed.number[0], 17);
        assert_int_equal(parsed.number[1], requests[i]);
    }
    say_number(&alice, 16, ID_MAX, "{\"acknowledge\":true},\"t\"]");
    stage_run(&stage);
    assert_int_equal(hear(&alice).number[0], 3);
    assert_true(alice.gone);
    stage_fini(&stage);
    person_fini(&alice);
}

/* proves B-ID-5 */
static void invocation_ids_wrap_behind_2_to_the_53(void **state)
{
    (void)state;
    struct stage stage;
    struct person alice;
    stage_init(&stage, 1, 1, NULL);
    unsigned actor = enter(&stage, &alice, 0);
    person_say(&alice, "[64,1,{},\"p\"]");
    stage_run(&stage);
    assert_int_equal(hear(&alice).number[0], 65);
    stage.actors[actor].conn->session->invocation_last = ID_MAX - 1;
    static const uint64_t requests[] = {ID_MAX, 1, 2};
    for (unsigned i = 0; i < array_count(requests); i++) {
        say_number(&alice, 48, i + 2, "{},\"p\"]");
        stage_run(&stage);
        struct parsed parsed = hear(&alice);
        assert_int_equal(parsed.number[0], 68);
        assert_int_equal(parsed.number[1], requests[i]);
        say_number(&alice, 70, requests[i], "{}]");
        stage_run(&stage);
        parsed = hear(&alice);
        assert_int_equal(parsed.number[0], 50);
        assert_int_equal(parsed.number[1], i + 2);
    }
    stage_fini(&stage);
    person_fini(&alice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_ids_are_drawn_from_the_whole_range),
        cmocka_unit_test(publication_ids_are_drawn_from_the_whole_range),
        cmocka_unit_test(request_ids_wrap_behind_2_to_the_53),
        cmocka_unit_test(invocation_ids_wrap_behind_2_to_the_53),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
