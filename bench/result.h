/* What a run found, and its one line: a person's table row or a JSON object.
 *
 * A scenario fills it in; result_print writes it to stdout. result_start and result_stop read the
 * clocks and the router's process on either side of what is measured. One thread. */
#ifndef CLOS_RESULT_H
#define CLOS_RESULT_H

#include "bench/histogram.h"
#include "bench/options.h"
#include "bench/probe.h"

struct result {
    const struct options *options;
    struct histogram latency;     /* from the intended send time; connect: from open to WELCOME */
    struct histogram acknowledge; /* from the intended send time to PUBLISHED */
    uint64_t messages;            /* in the measured time: received, answered, joined, left */
    uint64_t published;           /* in all */
    uint64_t received;            /* in all */
    uint64_t lost;
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t errors; /* ERROR messages, wrong payloads, broken connections */
    uint64_t stalls; /* times that a closed window had to be given up */
    uint64_t sessions;
    double idle_rss_per_session; /* connect: octets */
    uint64_t start_ns;
    uint64_t stop_ns;
    struct probe probe_start;
    struct probe probe_stop;
    uint64_t own_start_ns;
    uint64_t own_stop_ns;
};

void result_start(struct result *result, uint64_t now_ns);
/* stop_ns: when the last message came; the CPU is read now. */
void result_stop(struct result *result, uint64_t stop_ns);
void result_print(const struct result *result);

/* 0, or 1 when order or loss was violated. */
int result_verdict(const struct result *result);

/* At most one line a second on stderr, unless --quiet. */
struct progress {
    uint64_t last_ns;
    uint64_t last_messages;
};
void progress_tell(struct progress *progress, const struct options *options, uint64_t now_ns,
                   uint64_t messages, const char *state);

#endif
