/* One worker: a core, an io, and the rings to its neighbours. Runs one turn after another.
 *
 * A turn: take a batch of facts from the io, feed connections, drain the rings, run timers, hand
 * over parcels, flush each dirty connection once. Nothing is acted on inside a completion, and at
 * most one send is in flight per socket. Everything here belongs to the worker's thread but for
 * what struct gate shares; the simulator runs worker_turn for all workers on one thread, with its
 * own io and clock. Bounded by the core's limits and the rings' sizes; what does not fit a ring
 * waits in its lane. Fails at start only. */
#ifndef CLOS_WORKER_H
#define CLOS_WORKER_H

#include "common/io.h"
#include "common/ring.h"
#include "router/core.h"

#include <stdatomic.h>

enum { WORKER_EVENTS = 512 };

enum gate_sleep {
    GATE_AWAKE,
    GATE_ASLEEP,         /* wake it for parcels and sockets */
    GATE_ASLEEP_IN_NEED, /* wake it for parcels that come home, too */
};

enum gate_command {
    GATE_RUN,
    GATE_DRAIN, /* say goodbye, end when all have left or the time is over */
    GATE_STOP,  /* end now */
};

/* What others may touch of a worker. */
struct gate {
    _Alignas(64) _Atomic int sleep;
    _Atomic int command;
    _Atomic uint32_t load;          /* connections it has or is about to have */
    _Atomic uint32_t report_wanted; /* number of the newest report asked for */
    _Atomic uint32_t report_made;   /* number of the report that stands in stats and gauges */
};

/* The way from one worker to another: parcels out, empty parcels home, fresh sockets out. */
struct way {
    struct ring parcels;
    struct ring homes;
    struct ring sockets;
};

struct listening {
    bool is_listener; /* true: tells a tag of a listener from one of a socket */
    const struct listener_settings *settings;
    uint32_t index;
    io_id id;
};

struct worker {
    struct core core;
    struct io *io;
    uint64_t (*clock)(void *context);
    void *clock_context;
    struct gate *gates;    /* of all workers */
    struct way *ways;      /* [from * workers + to] */
    struct io *const *ios; /* of all workers, to wake them */
    struct listening *listenings;
    uint32_t listenings_count;
    unsigned workers;
    place_id self;
    void (*discard)(int fd); /* closes an accepted socket that cannot be taken */
    struct list sockets;
    bool drained; /* the drain has begun */
    uint64_t drain_until_ns;
    struct list homing[PLACES_MAX]; /* parcels that did not fit the ring home */
    struct stats stats_reported;
    struct gauges gauges_reported;
    struct io_counters io_reported;
    const char *io_name;
    struct io_event events[WORKER_EVENTS];
};

struct worker_options {
    const struct core_options *core;
    struct io *io;
    uint64_t (*clock)(void *context);
    void *clock_context;
    struct gate *gates;
    struct way *ways;
    struct io *const *ios;
    void (*discard)(int fd);
};

bool worker_init(struct worker *worker, const struct worker_options *options);

/* Copies its counters to where others may read them. On its own thread. */
void worker_make_report(struct worker *worker);

/* Its end, in two steps, since workers hold each other's parcels: all workers (an array, in the
 * order of their places) let go of their sockets, whose io is freed already or never had them;
 * then each is buried with its core. No thread runs any more. */
void worker_fini(struct worker *worker);
void worker_bury(struct worker *worker);

/* Listens with an fd that is bound and listening; the worker owns it from here. */
bool worker_listen(struct worker *worker, struct listening *listening, int fd);

/* One turn; false: the worker has nothing more to do, ever (drained or stopped). may_wait false:
 * only look. */
bool worker_turn(struct worker *worker, bool may_wait);

#endif
