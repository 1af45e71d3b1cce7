/* Somebody who attacks a router, and people who must not notice: the ground of the attack tests.
 *
 * A stage of two cores with two witnesses, bob on one and carol on the other, who hear and call
 * each other. attack_end proves that they still do, that the one counter that the attack is to be
 * found under grew by so many and no other fault was counted, and that when all have left nothing
 * is left, neither gauge nor octet. Test code: fails through cmocka's asserts. */
#ifndef CLOS_TESTS_ATTACK_H
#define CLOS_TESTS_ATTACK_H

#include "tests/lib/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The place of a counter in struct stats; ATTACK_END(reason) of one of the transport's ends. */
#define ATTACK_COUNTER(name) offsetof(struct stats, name)
#define ATTACK_END(reason)                                                                         \
    (offsetof(struct stats, transport_ends) + sizeof(uint64_t) * TRANSPORT_END_##reason)
#define ATTACK_UNCOUNTED SIZE_MAX /* what is accepted counts under no fault */

extern const char attack_hello[]; /* HELLO for realm1 with all four roles */

struct attack {
    struct limits limits;
    struct settings settings;
    struct realm_settings realm;
    struct role_settings role;
    struct permission_settings permissions[2];
    struct listener_settings listener;
    const struct realm_settings *realms; /* instead of realm, if there are several */
    size_t realms_count;
    struct stage stage;
    struct person bob;
    struct person carol;
    uint64_t request; /* the witnesses' last */
    uint64_t invoked;
    struct stats before;
    struct person mallory; /* the attacker: one life at a time */
    unsigned actor;
    bool here;
};

/* The defaults; what a test changes of settings, listener or limits it does between the two. */
void attack_prepare(struct attack *attack);
void attack_begin(struct attack *attack);

/* The attacker connects, on the first core: without a word (octets are then found in mallory.in),
 * with a good handshake, or joins realm1 as well. */
void attack_enter_silent(struct attack *attack);
void attack_enter(struct attack *attack, enum framing framing, enum serializer serializer);
void attack_join(struct attack *attack, enum framing framing, enum serializer serializer);
void attack_leave(struct attack *attack); /* if it is still there */

/* What it writes; all of it is taken in before these return. */
void attack_write(struct attack *attack, struct bytes octets);
void attack_write_text(struct attack *attack, const char *text);
void attack_frame(struct attack *attack, uint8_t first, struct bytes payload); /* WebSocket */
void attack_say(struct attack *attack, const char *json);
void attack_say_octets(struct attack *attack, struct bytes message);

/* What it hears. */
void attack_expect(struct attack *attack, const char *pattern); /* talk_json.h; the next message */
void attack_expect_nothing(struct attack *attack);              /* and it is still connected */
void attack_expect_close(struct attack *attack, uint16_t code); /* nothing but Close, and hung up */
void attack_expect_dropped(struct attack *attack); /* hung up without any further octet */
void attack_expect_octets(struct attack *attack, struct bytes octets); /* silent: these, hung up */
void attack_expect_status(struct attack *attack, unsigned status);     /* silent: HTTP, hung up */
void attack_expect_violation(struct attack *attack); /* ABORT, Close 1002, hung up */

void attack_end(struct attack *attack, size_t counter, uint64_t count);

/* attack_end's first part, for who ends the witnesses as well. */
void attack_counters_judge(const struct attack *attack, size_t counter, uint64_t count);

#endif
