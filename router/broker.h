/* The broker: subscribe, publish, who hears it (WAMP, publish and subscribe; rules B-PS, A-PBS,
 * A-EXM).
 *
 * Called by session.c with a session's request, and by core.c with notes of other places. The
 * publisher's worker matches, delivers to its own sessions, and posts one note to each other place
 * that wants the topic; that place matches again and delivers to its own. SUBSCRIBED is sent when
 * every place has taken note of the pattern; events that come earlier are not for that session.
 * Subscriptions are owned by the realm, memberships by their session. Pure. */
#ifndef CLOS_BROKER_H
#define CLOS_BROKER_H

#include "router/realm.h"

struct membership;

struct member { /* of a subscription, in its array */
    struct session *session;
    struct membership *membership;
};

struct subscription {
    struct realm *realm;
    uint64_t id;
    place_set places;       /* other places that want it */
    place_set awaited;      /* of which we wait to hear that they have taken note of us */
    uint64_t ticket;        /* of our announcement under way; 0: none */
    struct member *members; /* of sessions here */
    uint32_t count;
    uint32_t room;
    uint32_t pending; /* SUBSCRIBEs of members that wait for SUBSCRIBED */
    uint16_t uri_size;
    uint8_t kind; /* enum match_kind */
    uint8_t uri[];
};

enum { WAITING_MAX = 16 }; /* SUBSCRIBEs of one session to one pattern without an answer */

struct waiting { /* a SUBSCRIBE that waits for SUBSCRIBED */
    struct list link;
    uint64_t request;
};

struct membership { /* one session's place in a subscription */
    struct subscription *subscription;
    struct session *session;
    struct list waiting;
    uint32_t index; /* in members */
    uint32_t waiting_count;
    bool answered; /* it has heard SUBSCRIBED: events are for it */
};

void broker_subscribe(struct session *session, const struct message *message);
void broker_unsubscribe(struct session *session, const struct message *message);
void broker_publish(struct session *session, const struct message *message);

/* The session is leaving: all its memberships go. */
void broker_leave(struct session *session);

/* Notes. */
void broker_interest_add(struct realm *realm, place_id from, const struct note *note);
void broker_interest_del(struct realm *realm, place_id from, const struct note *note);
void broker_taken(struct subscription *subscription, place_id from);
void broker_refused(struct subscription *subscription);
void broker_event(struct realm *realm, place_id from, const struct note *note);

/* Its announcement will not be answered any more, at the core's end. */
void broker_forget(struct subscription *subscription);

/* Frees what other places still want, at the core's end. */
void broker_fini(struct realm *realm);

#endif
