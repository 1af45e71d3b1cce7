/* A message from the router, read by the table of WAMP's messages (rules B-MSG-1 to 7, B-ID-1).
 *
 * Called by dialog.c for each message; the struct is its own, one thread. Its views point into the
 * message, or into text where a string had to be decoded first; both die with the next
 * inbound_read. Bounded by the message and DEPTH_MAX. Fails by saying what is wrong. Pure. */
#ifndef CLOS_INBOUND_H
#define CLOS_INBOUND_H

#include "common/token.h"

enum wamp_code {
    WAMP_HELLO = 1,
    WAMP_WELCOME = 2,
    WAMP_ABORT = 3,
    WAMP_CHALLENGE = 4,
    WAMP_AUTHENTICATE = 5,
    WAMP_GOODBYE = 6,
    WAMP_ERROR = 8,
    WAMP_PUBLISH = 16,
    WAMP_PUBLISHED = 17,
    WAMP_SUBSCRIBE = 32,
    WAMP_SUBSCRIBED = 33,
    WAMP_UNSUBSCRIBE = 34,
    WAMP_UNSUBSCRIBED = 35,
    WAMP_EVENT = 36,
    WAMP_CALL = 48,
    WAMP_CANCEL = 49,
    WAMP_RESULT = 50,
    WAMP_REGISTER = 64,
    WAMP_REGISTERED = 65,
    WAMP_UNREGISTER = 66,
    WAMP_UNREGISTERED = 67,
    WAMP_INVOCATION = 68,
    WAMP_INTERRUPT = 69,
    WAMP_YIELD = 70,
};

#define WAMP_ID_MAX (UINT64_C(1) << 53)

struct inbound {
    uint64_t code;
    uint64_t type;  /* ERROR: of the request */
    uint64_t id[2]; /* in the order of the message */
    struct bytes details;
    struct bytes uri; /* URI, reason or method: the one text a message has */
    struct bytes args;
    struct bytes kwargs;
    struct buf text; /* where uri is decoded to when it is escaped */
};

void inbound_init(struct inbound *inbound, struct mem *mem);
void inbound_fini(struct inbound *inbound);

/* NULL: read. Else what is wrong, a text that lives for ever. */
const char *inbound_read(struct inbound *inbound, enum serializer serializer, struct bytes message);

/* The value at key of an encoded dictionary; false: there is none. */
bool inbound_at(enum serializer serializer, struct bytes dictionary, const char *key,
                struct bytes *value);

/* The same value's first token: 1, or 0 when there is none. */
int inbound_find(enum serializer serializer, struct bytes dictionary, const char *key,
                 struct token *token);

/* Whether value is exactly one well-formed value that begins with kind (ARRAY or MAP). */
bool inbound_is(enum serializer serializer, struct bytes value, enum token_kind kind);

#endif
