/* The bare core on a stage: several cores without sockets, threads or a clock, and people in front
 * of them. Octets and parcels move when stage_run is called, parcels at once and in order.
 *
 * For the conversation runner at its first depth and for the fuzzers. Test code, one thread. */
#ifndef CLOS_TESTS_STAGE_H
#define CLOS_TESTS_STAGE_H

#include "router/conn.h"
#include "tests/lib/person.h"

enum { STAGE_CORES = 4, STAGE_ACTORS = 2048 };

struct actor {             /* a person and its connection */
    struct person *person; /* the caller's */
    struct conn *conn;     /* NULL: closed */
    bool deaf;             /* does not read: its out-queue stays */
    size_t split;          /* feeds in pieces of that size; 0: whole */
};

struct stage {
    struct settings settings;
    struct realm_settings realm;
    struct role_settings role;
    struct permission_settings permission;
    struct listener_settings listener;
    const struct listener_settings *door; /* through which people come */
    struct core cores[STAGE_CORES];
    unsigned cores_count;
    uint64_t now_ns;
    struct actor actors[STAGE_ACTORS];
    unsigned actors_count;
    bool hold_parcels; /* leave notes between cores lying until it is false again */
};

/* One realm, realm1, open to everybody. limits NULL: the defaults. */
void stage_init(struct stage *stage, unsigned cores, uint64_t seed, const struct limits *limits);

/* The same with settings of the caller's, whose first listener everybody uses; they outlive it. */
void stage_init_with(struct stage *stage, unsigned cores, uint64_t seed,
                     const struct settings *settings);

/* Ends everything; checks that every gauge is zero and all memory came home. */
void stage_fini(struct stage *stage);

/* A person in front of that core; the number of its actor. */
unsigned stage_enter(struct stage *stage, struct person *person, unsigned core);

/* The person's connection is lost. */
void stage_leave(struct stage *stage, unsigned actor);

/* Moves octets and parcels until nothing moves any more. */
void stage_run(struct stage *stage);

/* Time passes, then everything moves. */
void stage_wait(struct stage *stage, uint64_t ns);

/* Listener and transport settings as a router has them without a configuration. */
struct transport_options stage_transport_options(const struct limits *limits);

#endif
