/* One encoded message for many connections: framings, sizes, and payload without a form. */
#include "router/encode.h"

#include "tests/lib/scene.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct scene scene;

/* [36, filling] to one person; what became of it. */
static enum sent send_text(unsigned who, size_t size)
{
    static char filling[40000];
    struct encoding encoding;
    struct writer writer;
    struct conn *conn = scene.stage.actors[who].conn;
    memset(filling, 'x', sizeof filling);
    encode_begin(&encoding, conn->core, conn->transport.serializer, &writer);
    write_array(&writer, 2);
    write_uint(&writer, MESSAGE_EVENT);
    write_string(&writer, bytes_make(filling, size));
    write_end(&writer);
    encode_end(&encoding);
    enum sent sent = encode_send(&encoding, conn);
    encode_done(&encoding);
    return sent;
}

static void messages_of_every_size_arrive_whole_and_in_order(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 120, 130, 4000, 4080, 4096, 5000, 1, 39999, 2, 4095};
    for (unsigned s = SERIALIZER_JSON; s <= SERIALIZER_CBOR; s++) {
        scene_init(&scene, 1, NULL);
        unsigned who = scene_join(&scene, 0, (enum serializer)s);
        for (unsigned i = 0; i < array_count(sizes); i++) { /* all wait in one queue */
            assert_int_equal(send_text(who, sizes[i]), SENT);
        }
        stage_run(&scene.stage);
        for (unsigned i = 0; i < array_count(sizes); i++) {
            char *json = person_hear(&scene.people[who]);
            assert_non_null(json);
            assert_int_equal(strlen(json), sizes[i] + strlen("[36,\"\"]"));
            free(json);
        }
        scene_silence(&scene, who);
        scene_fini(&scene);
    }
}

static void a_message_above_the_peers_limit_is_not_sent(void **state)
{
    (void)state;
    scene_init(&scene, 1, NULL);
    unsigned who = scene_join(&scene, 0, SERIALIZER_JSON);
    scene.stage.actors[who].conn->transport.peer_bytes_max = 512;
    assert_int_equal(send_text(who, 512 - strlen("[36,\"\"]")), SENT);
    assert_int_equal(send_text(who, 513 - strlen("[36,\"\"]")), SENT_OVERSIZED);
    stage_run(&scene.stage);
    scene_hears(&scene, who, "[36,*]");
    scene_silence(&scene, who);
    scene_fini(&scene);
}

static void who_can_not_be_queued_to_for_want_of_memory_is_ended(void **state)
{
    (void)state;
    for (unsigned large = 0; large < 2; large++) {
        scene_init(&scene, 1, NULL);
        unsigned who = scene_join(&scene, 0, SERIALIZER_JSON);
        struct core *core = &scene.stage.cores[0];
        assert_int_equal(send_text(who, 39999), SENT); /* the scratch has its room */
        stage_run(&scene.stage);
        core->mem.bytes_max = core->mem.bytes_used;
        assert_int_equal(send_text(who, large ? 39999 : 100), SENT_DOOMED);
        stage_run(&scene.stage);
        /* No memory for last words either: reset at once. */
        assert_null(scene.stage.actors[who].conn);
        assert_int_equal(core->stats.killed_memory, 1);
        core->mem.bytes_max = SIZE_MAX;
        stage_wait(&scene.stage, 30 * NS_PER_S);
        assert_true(scene.people[who].gone);
        scene_fini(&scene);
    }
}

static void a_payload_without_a_form_leaves_a_message_that_is_not_sent(void **state)
{
    (void)state;
    static const uint8_t args[] = {0x82, 0x82, 1, 2, 0xf8, 99}; /* [[1, 2], simple(99)] */
    static const uint8_t kwargs[] = {0xa1, 0x61, 'k', 0x81, 0xf8, 99};
    scene_init(&scene, 1, NULL);
    for (unsigned s = SERIALIZER_JSON; s <= SERIALIZER_MSGPACK; s++) {
        for (unsigned part = 0; part < 3; part++) {
            unsigned who = scene_join(&scene, 0, (enum serializer)s);
            struct conn *conn = scene.stage.actors[who].conn;
            struct encoding encoding;
            struct writer writer;
            struct bytes a = part == 1 ? BYTES_LITERAL("\x80") : bytes_make(args, sizeof args);
            struct bytes k = part == 0 ? (struct bytes){0} : bytes_make(kwargs, sizeof kwargs);
            encode_begin(&encoding, conn->core, (enum serializer)s, &writer);
            write_array(&writer, 1 + payload_count(a, k));
            write_uint(&writer, MESSAGE_EVENT);
            encode_payload(&encoding, &writer, SERIALIZER_CBOR, a, k);
            encode_end(&encoding);
            assert_int_equal(encode_send(&encoding, conn), SENT_FAILED);
            encode_done(&encoding);
            stage_run(&scene.stage);
            scene_silence(&scene, who);
        }
    }
    scene_fini(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_every_size_arrive_whole_and_in_order),
        cmocka_unit_test(a_message_above_the_peers_limit_is_not_sent),
        cmocka_unit_test(who_can_not_be_queued_to_for_want_of_memory_is_ended),
        cmocka_unit_test(a_payload_without_a_form_leaves_a_message_that_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
