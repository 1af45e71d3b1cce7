/* A stage with people who read slowly, or not at all: join, subscribe, publish, call, read so many
 * octets, and a tally of what was heard. For the slow-reader and lane tests. Test code, one thread;
 * fails by check. */
#ifndef CLOS_TESTS_SLOW_H
#define CLOS_TESTS_SLOW_H

#include "router/session.h"
#include "tests/lib/stage.h"

struct slow {
    struct stage stage;
    struct person people[STAGE_ACTORS];
    uint64_t request[STAGE_ACTORS]; /* last used */
    uint64_t published;             /* events are numbered */
};

struct slow_tally { /* of all that a person has heard and nobody has listened to */
    uint64_t events;
    uint64_t results;
    uint64_t errors;
    uint64_t invocations;
    uint64_t aborts;
    uint64_t first; /* number of the first event, result or invocation */
    uint64_t last;
    uint64_t request_last; /* of the last INVOCATION */
    bool in_order;         /* each number is its predecessor plus one */
    bool abort_was_last;
};

struct slow *slow_new(unsigned cores, const struct limits *limits);
void slow_free(struct slow *slow);

unsigned slow_join(struct slow *slow, enum framing framing, unsigned core);
void slow_subscribe(struct slow *slow, unsigned who, const char *topic);
void slow_register(struct slow *slow, unsigned who, const char *procedure);

/* One numbered event with that many octets of payload; then everything moves. */
void slow_publish(struct slow *slow, unsigned who, const char *topic, size_t payload);

/* Only said, as is a call with a number. */
void slow_say_publish(struct slow *slow, unsigned who, const char *topic, size_t payload);
void slow_say_call(struct slow *slow, unsigned who, const char *procedure, uint64_t number);

/* The callee yields to every invocation heard, with its number and that much payload. */
void slow_yield_all(struct slow *slow, unsigned who, size_t payload);

void slow_deafen(struct slow *slow, unsigned who);
void slow_hear_again(struct slow *slow, unsigned who);

/* A deaf person takes so many octets, if there are as many. */
void slow_read(struct slow *slow, unsigned who, size_t size);

struct conn *slow_conn(struct slow *slow, unsigned who);
size_t slow_waiting(struct slow *slow, unsigned who); /* octets in its out-queue; gone: 0 */

/* The next message heard must be this. */
void slow_expect(struct slow *slow, unsigned who, const char *json);

struct slow_tally slow_tally(struct slow *slow, unsigned who);

#endif
