/* The named workloads. Each runs to its end on the calling thread, prints its one result, and
 * answers the exit code: 0 well, 1 order or loss violated, 2 it could not run.
 *
 * struct run is what the steady ones (pubsub, rpc) share: phases, the schedule, the stop. */
#ifndef CLOS_SCENARIO_H
#define CLOS_SCENARIO_H

#include "bench/flight.h"
#include "bench/load.h"
#include "bench/order.h"
#include "bench/result.h"

int scenario_pubsub(const struct options *options);
int scenario_rpc(const struct options *options);
int scenario_connect(const struct options *options);
int scenario_churn(const struct options *options);

struct run {
    const struct options *options;
    /* Sends the next message of the schedule, which is sender's turn; false: it can't now. */
    bool (*send)(struct run *run, size_t sender, uint64_t intended_ns);
    struct load load;
    struct result result;
    struct progress progress;
    size_t ready; /* sessions that have joined and declared what they must */
    bool failed;  /* a connection ended */
    bool measuring;
    uint64_t start_ns;
    uint64_t look_ns;  /* when to look for stalled windows next */
    uint64_t sent;     /* by all senders */
    uint64_t expected; /* answers to what was sent */
    uint64_t answered;
    uint64_t answer_ns; /* when the last one came */
    struct flight *flights;
    size_t flights_count;
};

/* After all are ready: warm-up, measuring, draining. Fills in all of result but order and loss. */
void run_drive(struct run *run);

static inline void run_answer(struct run *run, uint64_t intended_ns)
{
    run->answered++;
    run->answer_ns = run->load.now_ns;
    if (run->measuring) {
        run->result.messages++;
        if (intended_ns >= run->result.start_ns) {
            histogram_record(&run->result.latency,
                             run->load.now_ns > intended_ns ? run->load.now_ns - intended_ns : 0);
        }
    }
}

/* For load_ops.ended. */
void run_ended(struct load *load, struct conn *conn, const char *why);

#endif
