/* Counters and gauges of one worker.
 *
 * The worker that owns the block is the only one to write it, with plain adds. Others see copies
 * that the worker itself hands out. Nothing here is bounded or fails. */
#ifndef CLOS_STATS_H
#define CLOS_STATS_H

#include "common/base.h"
#include "common/transport.h"

struct stats {
#define COUNTER(name, help) uint64_t name;
#include "common/stats.def"
#undef COUNTER
    uint64_t transport_ends[TRANSPORT_END_LOCAL + 1]; /* by reason */
};

/* Gauges: what is there now. All are zero when everybody has left. */
struct gauges {
    uint64_t connections;
    uint64_t sessions;
    uint64_t subscriptions;    /* distinct patterns that somebody here or elsewhere wants */
    uint64_t subscribers;      /* memberships of sessions here */
    uint64_t registrations;    /* distinct patterns */
    uint64_t callees;          /* entries in them, here and elsewhere */
    uint64_t claims;           /* held at home here */
    uint64_t calls_open;       /* of callers here */
    uint64_t invocations_open; /* at callees here */
};

#endif
