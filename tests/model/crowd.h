/* A crowd on a stage: people who do what they are told, remember what they said, and judge all that
 * they hear against a dumb model of broker and dealer.
 *
 * What must hold: an event is heard by whoever held a matching pattern from the moment it heard
 * SUBSCRIBED to the moment it said UNSUBSCRIBE, in its publisher's order, without a hole, once for
 * each subscription, with its own payload; calls reach a callee in their caller's order and end
 * exactly once, each with its own result; a single procedure has one callee; whoever keeps the
 * rules is not thrown out. For fuzzers and tests, one thread; fails by check. Bounded by the enums:
 * a deed that has no room is not done. */
#ifndef CLOS_TESTS_CROWD_H
#define CLOS_TESTS_CROWD_H

#include "tests/lib/parse.h"
#include "tests/lib/stage.h"

enum {
    CROWD_SEATS = 8,
    CROWD_LIVES = 60,
    CROWD_REQUESTS = 256,
    CROWD_SPANS = 6,
    CROWD_PROCEDURES = 5,
    CROWD_PATTERNS = 4,
    CROWD_INVOCATIONS = 64,
    CROWD_PUBLICATIONS = 1024,
};

enum seat_state {
    SEAT_EMPTY,
    SEAT_JOINING,
    SEAT_JOINED,
    SEAT_LEAVING, /* said GOODBYE */
    SEAT_OVER,    /* heard it: HELLO may come again */
    SEAT_WILD,    /* broke the rules, or its core drains: whatever it hears is right */
};

enum crowd_want {
    CROWD_NOTHING,
    CROWD_SUBSCRIBED,
    CROWD_SUBSCRIBED_AGAIN,
    CROWD_UNSUBSCRIBED,
    CROWD_PUBLISHED,
    CROWD_REGISTERED,
    CROWD_UNREGISTERED,
    CROWD_RESULT,
    CROWD_NO_SUCH_SUBSCRIPTION,
    CROWD_NO_SUCH_REGISTRATION,
};

enum endpoint_held {
    HELD_NOT,
    HELD_ASKED,
    HELD,
    HELD_RETURNING,
};

struct crowd_request {
    enum crowd_want want;
    uint32_t what;   /* pattern, span or procedure */
    uint64_t number; /* of the call */
    bool sure;       /* of a call: a callee is there */
    bool single;     /* of a registration */
};

struct crowd_span { /* in which a pattern is held */
    uint64_t id;    /* 0: free */
    uint32_t pattern;
    uint64_t from;               /* count of publications when SUBSCRIBED was heard */
    uint64_t to;                 /* ... when UNSUBSCRIBE was said */
    uint64_t heard[CROWD_LIVES]; /* number of the last event, by publisher's life */
};

struct crowd_invocation {
    uint64_t request;
    uint64_t uid;
    uint64_t number;
};

struct seat {
    struct person person;
    enum seat_state state;
    unsigned actor;
    unsigned core;
    bool was_deaf; /* may have been ended for it */
    uint32_t uid;  /* of this life */
    uint64_t request;
    uint64_t published;
    uint64_t called;
    unsigned calls_open;
    struct crowd_request requests[CROWD_REQUESTS];
    struct crowd_span spans[CROWD_SPANS];
    enum endpoint_held held[CROWD_PATTERNS];
    uint64_t registrations[CROWD_PATTERNS];
    struct crowd_invocation invocations[CROWD_INVOCATIONS];
    unsigned invocations_count;
    uint64_t invocation_last;
    uint64_t events[CROWD_LIVES]; /* number of the last event heard, by publisher's life */
    uint64_t orders[CROWD_LIVES]; /* number of the last invocation, by caller's life */
};

struct crowd_publication {
    uint32_t uid;
    uint32_t topic;
    uint64_t number;
    bool to_self;
    bool taken; /* the router has certainly read it */
};

struct crowd {
    struct stage stage;
    struct seat seats[CROWD_SEATS];
    struct crowd_publication publications[CROWD_PUBLICATIONS];
    uint64_t publications_count;
    uint64_t touched[CROWD_PATTERNS]; /* lives that may hold it at its home */
    place_set drained;                /* cores that have been told to stop */
    uint32_t lives;
    bool poor;       /* small limits: refusals for them are right */
    bool harsh;      /* small queues: whoever reads may be ended, too */
    bool garbage;    /* somebody sent octets of which nobody knows what they mean */
    bool quiet;      /* nothing is under way */
    bool loud;       /* tells what is said and heard */
    uint64_t events; /* heard */
    uint64_t results;
};

extern const char *const crowd_procedures[CROWD_PROCEDURES];
extern const struct crowd_pattern {
    const char *uri;
    const char *match;
    uint32_t procedures; /* bit by procedure that it matches */
    const char *policy;
} crowd_patterns[CROWD_PATTERNS];

void crowd_init(struct crowd *crowd, unsigned cores, uint64_t seed, const struct limits *limits);

/* The quiet end: everybody reads and answers; then everything that was owed must have come, and
 * every call must be over. Everybody leaves; checks memory and gauges. */
void crowd_fini(struct crowd *crowd);

/* The end in the middle of everything: checks memory only. */
void crowd_cut(struct crowd *crowd);

/* Moves everything and judges what was heard. */
void crowd_run(struct crowd *crowd);

/* ---- deeds; each by a seat, arg chooses the rest. Nothing is moved yet. */
void crowd_join(struct crowd *crowd, struct seat *seat, unsigned arg);
void crowd_subscribe(struct crowd *crowd, struct seat *seat, unsigned arg);
void crowd_unsubscribe(struct crowd *crowd, struct seat *seat, unsigned arg);
void crowd_publish(struct crowd *crowd, struct seat *seat, unsigned arg);
void crowd_register(struct crowd *crowd, struct seat *seat, unsigned arg);
void crowd_unregister(struct crowd *crowd, struct seat *seat, unsigned arg);
void crowd_call(struct crowd *crowd, struct seat *seat, unsigned arg, bool run_next);
void crowd_answer(struct crowd *crowd, struct seat *seat, unsigned arg);
void crowd_goodbye(struct crowd *crowd, struct seat *seat);
void crowd_drop(struct crowd *crowd, struct seat *seat);
void crowd_deaf(struct crowd *crowd, struct seat *seat, bool deaf);
void crowd_ask_unknown(struct crowd *crowd, struct seat *seat, unsigned arg);
/* A message that is a violation in any state. */
void crowd_violate(struct crowd *crowd, struct seat *seat, unsigned arg);
void crowd_garbage(struct crowd *crowd, struct seat *seat, struct bytes octets, bool framed);
void crowd_drain(struct crowd *crowd, unsigned core);

/* ---- judging (crowd_check.c) */
void crowd_check_message(struct crowd *crowd, struct seat *seat, const char *json);
void crowd_check_end(const struct crowd *crowd);

#endif
