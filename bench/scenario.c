/* The steady part of pubsub and rpc. A closed loop asks every sender each turn; an open one asks
 * the sender whose turn it is when its time has come. What could not leave in time keeps its
 * intended time, so a stall is felt by everything that had to wait behind it. */
#include "bench/scenario.h"
#include "common/clock.h"

#include <stdio.h>
#include <sys/prctl.h>

enum { RUN_BURST = 1024, RUN_STALL_MS = 1000 };

void run_ended(struct load *load, struct conn *conn, const char *why)
{
    struct run *run = load->scenario;
    if (!run->failed) {
        fprintf(stderr, "clos bench: connection %u (%s): %s\n", conn->index,
                conn->receiver ? "receiver" : "sender", why);
    }
    run->failed = true;
    run->result.errors++;
}

static uint64_t run_due(const struct run *run, uint64_t number)
{
    double offset = (double)number * 1e9 / (double)run->options->rate;
    return run->start_ns + (uint64_t)offset;
}

static bool run_enough(const struct run *run)
{
    return run->options->count > 0 && run->sent >= run->options->count;
}

/* When there is something to send next. */
static uint64_t run_send_open(struct run *run)
{
    for (size_t burst = 0; burst < RUN_BURST && !run_enough(run); burst++) {
        uint64_t due_ns = run_due(run, run->sent);
        if (due_ns > run->load.now_ns) {
            return due_ns;
        }
        if (!run->send(run, run->sent % run->flights_count, due_ns)) {
            return run->load.now_ns + NS_PER_MS;
        }
        run->sent++;
    }
    return run->load.now_ns;
}

/* A window that heard nothing from one look to the next is not waited for any longer. */
static void run_give_up(struct run *run)
{
    if (run->load.now_ns < run->look_ns) {
        return;
    }
    run->look_ns = run->load.now_ns + RUN_STALL_MS * NS_PER_MS;
    for (size_t sender = 0; sender < run->flights_count; sender++) {
        struct flight *flight = &run->flights[sender];
        if (!flight_room(flight) && flight->answered == flight->answered_before) {
            run->result.stalls++;
            flight_clear(flight);
        }
        flight->answered_before = flight->answered;
    }
}

static uint64_t run_send_closed(struct run *run)
{
    for (size_t sender = 0; sender < run->flights_count; sender++) {
        struct flight *flight = &run->flights[sender];
        for (size_t burst = 0; burst < RUN_BURST && flight_room(flight) && !run_enough(run);
             burst++) {
            if (!run->send(run, sender, clock_now_ns())) {
                break;
            }
            run->sent++;
        }
    }
    run_give_up(run);
    return run->load.now_ns + 50 * NS_PER_MS;
}

static void run_measure(struct run *run)
{
    if (!run->measuring &&
        run->load.now_ns >= run->start_ns + (uint64_t)(run->options->warmup_s * 1e9)) {
        run->measuring = true;
        result_start(&run->result, clock_now_ns());
    }
}

static bool run_waits(const struct run *run)
{
    bool waits = run->answered < run->expected;
    for (size_t i = 0; i < run->flights_count && run->options->acknowledge; i++) {
        waits |= run->flights[i].outstanding > 0;
    }
    return waits;
}

static void run_drain(struct run *run)
{
    uint64_t silence_ns = (uint64_t)(run->options->drain_s * 1e9);
    uint64_t since_ns = run->load.now_ns;
    while (run_waits(run) && run->load.now_ns < since_ns + silence_ns) {
        load_turn(&run->load, run->load.now_ns + 20 * NS_PER_MS);
        since_ns = run->answer_ns > since_ns ? run->answer_ns : since_ns;
        progress_tell(&run->progress, run->options, run->load.now_ns, run->answered, "draining");
    }
}

void run_drive(struct run *run)
{
    const struct options *options = run->options;
    prctl(PR_SET_TIMERSLACK, 1); /* nanosecond; the default would oversleep by 50 us */
    run->start_ns = clock_now_ns();
    run->look_ns = run->start_ns + RUN_STALL_MS * NS_PER_MS;
    run->load.now_ns = run->start_ns;
    uint64_t stop_ns = run->start_ns + (uint64_t)(options->duration_s * 1e9);
    while (run->load.now_ns < stop_ns && !run_enough(run) && !run->failed) {
        run_measure(run);
        uint64_t until_ns = options->rate > 0 ? run_send_open(run) : run_send_closed(run);
        load_turn(&run->load, until_ns < stop_ns ? until_ns : stop_ns);
        progress_tell(&run->progress, options, run->load.now_ns, run->answered,
                      run->measuring ? "measuring" : "warming up");
    }
    run_measure(run);
    if (!run->measuring) { /* it ended within the warm-up: there is nothing to tell of time */
        run->measuring = true;
        result_start(&run->result, clock_now_ns());
    }
    run_drain(run);
    uint64_t last_ns = run->answer_ns > run->result.start_ns ? run->answer_ns : run->load.now_ns;
    result_stop(&run->result, last_ns);
    run->result.published = run->sent;
    run->result.received = run->answered;
}
