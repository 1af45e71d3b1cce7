/* What passes between the library and its user: payloads, events, invocations, answers.
 *
 * All are views: given to a handler they live until the handler returns; what a handler wants to
 * keep it copies. Payloads are encoded values with the name of their serializer: received ones in
 * that of the connection, sent ones in any (JSON text is the handy one; they are transcoded). */
#ifndef CLOS_EXCHANGE_H
#define CLOS_EXCHANGE_H

#include "client/failure.h"
#include "common/match.h"
#include "common/serializer.h"

struct client_payload {
    enum serializer serializer;
    struct bytes args;   /* one encoded array; size 0: none */
    struct bytes kwargs; /* one encoded dictionary with text for keys; size 0: none */
};

struct client_event {
    uint64_t subscription;
    uint64_t publication;
    struct bytes topic;   /* of the event, also when the subscription is a pattern */
    struct bytes details; /* one encoded dictionary, in the payload's serializer */
    struct client_payload payload;
};

struct client_invocation {
    uint64_t request; /* what client_yield and client_refuse name */
    uint64_t registration;
    struct bytes procedure; /* of the call, also when the registration is a pattern */
    struct bytes details;
    struct client_payload payload;
};

/* The answer to any request. */
struct client_answer {
    enum client_error error; /* CLIENT_OK; CLIENT_ERROR: uri says which; or why none came */
    bool progress;           /* a call's result, and more will come */
    uint64_t id;             /* publication, subscription or registration */
    struct bytes uri;        /* of an ERROR */
    struct bytes details;
    struct client_payload payload;
};

/* JSON text as a payload; either may be NULL. The texts must outlive its use. */
static inline struct client_payload client_json(const char *args, const char *kwargs)
{
    return (struct client_payload){
        .serializer = SERIALIZER_JSON,
        .args = args != NULL ? bytes_text(args) : bytes_make(NULL, 0),
        .kwargs = kwargs != NULL ? bytes_text(kwargs) : bytes_make(NULL, 0),
    };
}

static inline struct client_payload client_nothing(void)
{
    return client_json(NULL, NULL);
}

#endif
