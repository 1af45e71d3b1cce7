/* How a client proves who it is: ticket, wampcra (salted or not), cryptosign (WAMP, 2.6).
 *
 * Called by client.c while it joins; struct auth is part of the client and is wiped with it. One
 * thread. Bounded: secrets and challenges by AUTH_TEXT_MAX, key derivation by
 * AUTH_ITERATIONS_MAX, since the router says how long it takes. Fails with a text or false. */
#ifndef CLOS_AUTH_H
#define CLOS_AUTH_H

#include "common/bytes.h"
#include "common/serializer.h"

enum {
    AUTH_TEXT_MAX = 1024,
    AUTH_EXTRA_MAX = 128,
    AUTH_ITERATIONS_MAX = 10000000,
};

struct auth_method;

struct auth {
    const struct auth_method *method;
    char secret[AUTH_TEXT_MAX];
    uint8_t seed[32]; /* cryptosign */
};

/* secret: the ticket, the password, or 64 hex digits of a seed. extra: HELLO's authextra as JSON,
 * or "". NULL: fine; else what is wrong. */
const char *auth_init(struct auth *auth, const char *method, const char *secret,
                      char extra[AUTH_EXTRA_MAX]);

/* A dialog's sign: answers CHALLENGE. context is the struct auth. */
bool auth_sign(void *context, struct bytes method, enum serializer serializer, struct bytes extra,
               char *signature, size_t room);

#endif
