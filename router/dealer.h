/* The dealer: register, call, invoke, yield (WAMP, remote procedure calls; rules B-RPC, A-PBR,
 * A-SHR).
 *
 * Called by session.c with a session's request, and by core.c with notes. Every worker knows every
 * registration and its callees; the caller's worker chooses the callee and posts the call to its
 * place, so that calls of one caller to one callee keep their order across procedures. What only
 * one may decide (is a procedure free, in which order its callees stand) the URI's home decides:
 * claim, grant or deny. REGISTERED is sent when every place has taken note, or just before the
 * first invocation that is earlier. Every call ends exactly once: with its result, its error, or
 * because its caller left. Registrations are owned by the realm, endpoints and calls and
 * invocations by their sessions. Pure. */
#ifndef CLOS_DEALER_H
#define CLOS_DEALER_H

#include "router/realm.h"

struct callee { /* of a registration, in its array, by order */
    uint64_t order;
    uint64_t session;
    struct endpoint *endpoint; /* NULL: the session lives at another place */
    place_id place;
};

struct registration {
    struct realm *realm;
    uint64_t id;
    struct callee *callees;
    uint32_t count;
    uint32_t room;
    uint32_t next; /* roundrobin */
    enum invoke_policy policy;
    uint16_t uri_size;
    uint8_t kind; /* enum match_kind */
    uint8_t uri[];
};

enum endpoint_state {
    ENDPOINT_CLAIMED,   /* the home has been asked */
    ENDPOINT_ANNOUNCED, /* places have been told; not all have taken note */
    ENDPOINT_REGISTERED,
};

struct endpoint {            /* one session's place in a registration, or its claim to one */
    struct session *session; /* NULL: it left while the home was asked */
    struct registration *registration; /* NULL while claimed */
    struct list in_session;            /* while claimed */
    struct realm *realm;
    uint64_t session_id;
    uint64_t request; /* of the REGISTER that waits for REGISTERED */
    uint64_t ticket;  /* 0: nothing is awaited */
    uint64_t order;   /* given by the home */
    place_set awaited;
    enum endpoint_state state;
    enum invoke_policy policy;
    uint16_t uri_size;
    uint8_t kind;
    uint8_t uri[];
};

struct claim { /* at the home: how many hold a pattern, under which policy */
    uint32_t count;
    enum invoke_policy policy;
};

struct call { /* at the caller's place */
    struct session *caller;
    uint64_t request;
    uint64_t id;                   /* of a call that went to another place; 0: here */
    uint64_t callee;               /* session id */
    struct invocation *invocation; /* of a call that stayed here */
    place_id place;
};

struct invocation { /* at the callee's place */
    struct session *callee;
    uint64_t request;
    struct call *call; /* its caller is here; NULL: elsewhere, or gone */
    uint64_t call_id;  /* its caller is at from; 0: here or gone */
    place_id from;
};

void dealer_register(struct session *session, const struct message *message);
void dealer_unregister(struct session *session, const struct message *message);
void dealer_call(struct session *session, const struct message *message);
void dealer_yield(struct session *session, const struct message *message);
void dealer_error(struct session *session, const struct message *message);

/* The session is leaving: its endpoints, calls and invocations go; each caller hears once. */
void dealer_leave(struct session *session);

/* Notes. */
void dealer_note(struct realm *realm, place_id from, const struct note *note);
void dealer_taken(struct endpoint *endpoint, place_id from);
void dealer_refused(struct endpoint *endpoint);

/* A claim that its home will not answer any more, at the core's end. */
void dealer_forget(struct endpoint *endpoint);

/* Frees what other places still offer, at the core's end. */
void dealer_fini(struct realm *realm);

#endif
