/* What a router does to payload: nothing, unless the receiver has another serializer. */
#include "tests/lib/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const char hello[] = "[1,\"realm1\",{\"roles\":{\"publisher\":{},\"subscriber\":{},"
                            "\"caller\":{},\"callee\":{}}}]";

static unsigned enter(struct stage *stage, struct person *person, enum serializer serializer)
{
    person_init(person, FRAMING_RAWSOCKET, serializer);
    unsigned actor = stage_enter(stage, person, 0);
    person_say(person, hello);
    stage_run(stage);
    free(person_hear(person));
    return actor;
}

/* What waits to be sent to somebody who does not read. */
static void waiting_read(struct stage *stage, unsigned actor, struct octets *octets)
{
    struct iovec vectors[16];
    unsigned count = outq_gather(&stage->actors[actor].conn->out, vectors, array_count(vectors));
    for (unsigned i = 0; i < count; i++) {
        octets_put(octets, vectors[i].iov_base, vectors[i].iov_len);
    }
}

/* Subscribes to or registers "t", ends up deaf with an empty queue. */
static void listen_deaf(struct stage *stage, struct person *person, unsigned actor,
                        const char *request)
{
    person_say(person, request);
    stage_run(stage);
    free(person_hear(person));
    stage->actors[actor].deaf = true;
}

static bool ends_with(const struct octets *octets, struct bytes end)
{
    return octets->size >= end.size &&
           memcmp(octets->at + octets->size - end.size, end.at, end.size) == 0;
}

/* Written as nobody would write it, so that an encoder would give something else. */
static const char odd_json[] =
    ",[ 1 , 2.50 ,\t1e2, \"\\u0041\\/\", \"\\u0000AAE=\" ],{ \"k\" :null}]";

/* proves B-MSG-6 B-PS-10 */
static void payload_of_an_event_is_the_publishers_octets(void **state)
{
    (void)state;
    struct stage stage;
    struct person alice;
    struct person bob;
    struct octets said = {0};
    struct octets heard = {0};
    stage_init(&stage, 1, 1, NULL);
    unsigned a = enter(&stage, &alice, SERIALIZER_JSON);
    enter(&stage, &bob, SERIALIZER_JSON);
    listen_deaf(&stage, &alice, a, "[32,1,{},\"t\"]");
    octets_text(&said, "[16,1,{},\"t\"");
    octets_text(&said, odd_json);
    person_say_octets(&bob, octets_view(&said));
    stage_run(&stage);
    waiting_read(&stage, a, &heard);
    /* blanks between Arguments and ArgumentsKw are the message's, those within are payload */
    assert_true(ends_with(&heard, bytes_text(odd_json)));
    stage_fini(&stage);
    person_fini(&alice);
    person_fini(&bob);
    octets_free(&said);
    octets_free(&heard);
}

/* proves B-MSG-6 B-RPC-7 */
static void payload_of_a_call_is_the_callers_octets(void **state)
{
    (void)state;
    static const uint8_t call[] = {
        0x95, 0x30, 1, 0x80, 0xa1, 't', /* long forms of [1, {2: 3}] */
        0xdc, 0,    2, 0xcf, 0,    0,   0, 0, 0, 0, 0, 1, 0xdf, 0, 0, 0, 1, 2, 3};
    struct stage stage;
    struct person alice;
    struct person bob;
    struct octets heard = {0};
    stage_init(&stage, 1, 1, NULL);
    unsigned a = enter(&stage, &alice, SERIALIZER_MSGPACK);
    enter(&stage, &bob, SERIALIZER_MSGPACK);
    listen_deaf(&stage, &alice, a, "[64,1,{},\"t\"]");
    person_say_octets(&bob, bytes_make(call, sizeof call));
    stage_run(&stage);
    waiting_read(&stage, a, &heard);
    assert_true(ends_with(&heard, bytes_make(call + 6, sizeof call - 6)));
    stage_fini(&stage);
    person_fini(&alice);
    person_fini(&bob);
    octets_free(&heard);
}

/* proves B-MSG-6 B-SER-1 B-SEC-2 */
static void another_serializer_gets_the_payload_encoded_anew(void **state)
{
    (void)state;
    struct stage stage;
    struct person alice;
    struct person bob;
    struct octets heard = {0};
    stage_init(&stage, 1, 1, NULL);
    unsigned a = enter(&stage, &alice, SERIALIZER_CBOR);
    enter(&stage, &bob, SERIALIZER_JSON);
    listen_deaf(&stage, &alice, a, "[32,1,{},\"t\"]");
    person_say_octets(&bob, bytes_text("[16,1,{},\"t\",[ 2.50 , \"\\u0041\", \"\\u0000AAE=\" ]]"));
    stage_run(&stage);
    waiting_read(&stage, a, &heard);
    /* no Details, then a list whose length JSON did not say */
    static const uint8_t end[] = {0xa0, 0x9f, 0xfb, 0x40, 0x04, 0, 0, 0,   0,
                                  0,    0,    0x61, 'A',  0x42, 0, 1, 0xff};
    assert_true(ends_with(&heard, bytes_make(end, sizeof end)));
    stage_fini(&stage);
    person_fini(&alice);
    person_fini(&bob);
    octets_free(&heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payload_of_an_event_is_the_publishers_octets),
        cmocka_unit_test(payload_of_a_call_is_the_callers_octets),
        cmocka_unit_test(another_serializer_gets_the_payload_encoded_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
