/* A simulated router and its people, all from one seed.
 *
 * Production code runs: workers, rings, cores, transports. Simulated are sockets, time and chance
 * (sim_io.h); people are tests/lib's persons who do things at random and remember what they said
 * and heard; sim_check.c says after each message, and at the end, whether that may be. One thread.
 * What differs from a real run: workers take turns instead of running side by side, so a parcel
 * waits in its ring for as long as its receiver is not chosen. */
#ifndef CLOS_SIM_WORLD_H
#define CLOS_SIM_WORLD_H

#include "router/worker.h"
#include "tests/lib/parse.h"
#include "tests/lib/person.h"
#include "tests/sim/sim_io.h"

enum {
    SIM_WORKERS = 3,
    SIM_PEOPLE = 12,
    SIM_TOPICS = 6,
    SIM_PATTERNS = 10,
    SIM_PROCEDURES = 5,
    SIM_SUBSCRIPTIONS = 12, /* of one person in its life */
    SIM_RING = 4,           /* slots of a ring: small, so that rings run full */
    SIM_REQUESTS = 4096,
    SIM_PUBLICATIONS = 20000,
};

enum sim_want { /* what an open request of a person is */
                WANT_NOTHING,
                WANT_SUBSCRIBED,
                WANT_UNSUBSCRIBED,
                WANT_PUBLISHED,
                WANT_REGISTERED,
                WANT_UNREGISTERED,
                WANT_RESULT,
};

struct sim_request {
    enum sim_want want;
    uint32_t what;   /* pattern, or slot of a subscription, or procedure */
    uint64_t number; /* of the call */
};

struct sim_subscription { /* one span in which a person held a pattern */
    uint64_t id;          /* 0: this slot is free */
    uint32_t pattern;
    uint64_t from; /* the world's count of publications when SUBSCRIBED was heard */
    uint64_t to;   /* ... when UNSUBSCRIBE was said; UINT64_MAX */
    bool over;     /* UNSUBSCRIBED was heard */
};

struct sim_person {
    struct person person;
    struct sim_end *end;
    bool joined;
    bool leaving; /* said GOODBYE */
    bool gone;
    bool clean;       /* everything it said has been taken in */
    bool deaf;        /* does not read, until it hears again */
    bool slow_reader; /* was deaf once: may have been ended for it */
    uint32_t uid;     /* of this life */
    uint64_t request; /* last used */
    uint64_t published;
    uint64_t called;
    struct sim_request requests[SIM_REQUESTS];
    struct sim_subscription subscriptions[SIM_SUBSCRIPTIONS];
    uint64_t registrations[SIM_PROCEDURES]; /* id; 0: not held */
    uint64_t unregistered[SIM_PROCEDURES];  /* id that was given back */
    bool registering[SIM_PROCEDURES];
    uint64_t invocations[64]; /* requests to be answered later */
    uint64_t invocation_args[64][2];
    uint32_t invocations_count;
    uint64_t invocation_last;
    uint64_t calls_open;
};

struct sim_publication {
    uint32_t uid; /* of the publisher's life */
    uint8_t topic;
    bool to_self;
    uint64_t number; /* of the publisher */
};

/* What somebody has heard from somebody: the last number, by life of the one and of the other. */
struct sim_heard {
    uint64_t event;      /* number of the last event */
    uint64_t invocation; /* number of the last call */
};

enum { SIM_LIVES = 256 };

struct sim_world {
    uint64_t seed;
    struct rng rng;
    struct settings settings;
    struct realm_settings realm;
    struct role_settings role;
    struct permission_settings permission;
    struct listener_settings listener;
    struct sim_net *net;
    int listen_fd[SIM_WORKERS];
    unsigned workers_count;
    struct worker workers[SIM_WORKERS];
    struct io *ios[SIM_WORKERS];
    struct gate gates[SIM_WORKERS];
    struct way ways[SIM_WORKERS * SIM_WORKERS];
    void *slots[SIM_WORKERS * SIM_WORKERS][3][SIM_RING];
    struct listening listenings[SIM_WORKERS];
    unsigned people_count;
    struct sim_person people[SIM_PEOPLE];
    uint32_t lives; /* uids given */
    struct sim_publication publications[SIM_PUBLICATIONS];
    uint64_t publications_count;
    uint32_t weights[16]; /* of the things people do; about half of them zero */
    bool calm;            /* no more faults, nobody starts anything new */
    uint64_t events;      /* heard */
    uint64_t results;
    uint64_t cut; /* people whose connection ended without their doing */
    uint64_t trace;
    struct sim_heard heard[SIM_LIVES][SIM_LIVES];
    /* number of the last event heard on a span, by the publisher's life */
    uint64_t span_heard[SIM_PEOPLE][SIM_SUBSCRIPTIONS][SIM_LIVES];
};

extern const char *const sim_topics[SIM_TOPICS];
extern const char *const sim_procedures[SIM_PROCEDURES];
extern const struct sim_pattern {
    const char *uri;
    const char *match;
    uint32_t topics; /* bit by topic that it matches */
} sim_patterns[SIM_PATTERNS];

_Noreturn void sim_fail(const struct sim_world *world, const char *what, uint64_t a, uint64_t b);

/* ---- people */
void sim_people_weights(struct sim_world *world); /* what they like to do in this world */
void sim_person_arrive(struct sim_world *world, struct sim_person *person);
void sim_person_act(struct sim_world *world, struct sim_person *person);
void sim_person_move(struct sim_world *world, struct sim_person *person); /* octets, messages */
void sim_person_leave(struct sim_world *world, struct sim_person *person);

uint64_t sim_killed(const struct sim_world *world); /* slow readers ended, as the router counts */

/* ---- checks */
void sim_check_message(struct sim_world *world, struct sim_person *person, const char *json);
/* All is quiet: everybody who is here must have heard all that was due to them. */
void sim_check_quiet(struct sim_world *world);

/* The whole of a run; the trace. */
uint64_t sim_run(uint64_t seed, unsigned steps, bool verbose);

#endif
