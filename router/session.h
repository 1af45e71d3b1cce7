/* WAMP sessions: states, and each message to its handler (WAMP, sessions; rules B-SES, B-ID-4).
 *
 * A session lives from WELCOME to the end of the transport, GOODBYE or ABORT, on one worker. It
 * owns its maps of what it holds; session_end walks them all, cannot fail, and after it nobody
 * points at the session. Bounded by the limits ..._per_session. A peer's faults end it with ABORT
 * wamp.error.protocol_violation and nothing it sent behind that has any effect. Pure. */
#ifndef CLOS_SESSION_H
#define CLOS_SESSION_H

#include "router/conn.h"

struct role;

enum session_state {
    SESSION_ESTABLISHED,
    SESSION_SHUTTING_DOWN, /* our GOODBYE is out; only the peer's is awaited */
};

enum { AUTHID_BYTES = 24 };

struct session {
    uint64_t id;
    struct conn *conn;
    struct realm *realm;
    const struct role *role;
    struct list in_realm;
    uint64_t request_last;    /* the client's watermark */
    uint64_t invocation_last; /* ours towards it */
    struct map subscriptions; /* subscription id -> membership */
    struct map registrations; /* registration id -> endpoint */
    struct map calls;         /* request -> call it made */
    struct map invocations;   /* request -> invocation it is to answer */
    struct list announcing;   /* endpoints claimed but not registered yet */
    enum session_state state;
    uint8_t roles;
    char authid[AUTHID_BYTES];
};

/* One whole message of a connection. */
void session_receive(struct conn *conn, struct bytes octets);

/* Takes the session out of every table; its connection stays. Others hear of it as WAMP says. */
void session_end(struct session *session);

/* ABORT protocol_violation, end, finish the connection. */
void session_violate(struct conn *conn, const char *message);

/* For a doomed connection whose session is over: ABORT wamp.close.killed, then its end. */
void session_kill(struct conn *conn, const char *message);

/* GOODBYE from us with that reason; then only the peer's is awaited, for close_ms. */
void session_goodbye(struct session *session, const char *reason);

/* ERROR [8, type, request, {}, uri] with an optional message as its only argument. */
void session_error(struct session *session, enum message_code type, uint64_t request,
                   const char *uri, const char *message);

#endif
