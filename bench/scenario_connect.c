/* Opens sessions as fast as the router takes them, or at a rate, and keeps them: how long until
 * WELCOME, what a join costs, and what an idle session weighs. */
#include "bench/scenario.h"
#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>

struct connect {
    struct load load;
    struct result result;
    struct progress progress;
    uint64_t opened;
    uint64_t ended;
    uint64_t start_ns;
    uint64_t last_ns;
};

static uint64_t connect_due(const struct connect *connect, uint64_t number)
{
    uint64_t rate = connect->load.options->rate;
    double offset = rate > 0 ? (double)number * 1e9 / (double)rate : 0.0;
    return connect->start_ns + (uint64_t)offset;
}

static void connect_joined(struct load *load, struct conn *conn)
{
    struct connect *connect = container_of(load, struct connect, load);
    uint64_t since_ns =
        load->options->rate > 0 ? connect_due(connect, conn->index) : conn->opened_ns;
    connect->result.messages++;
    connect->last_ns = load->now_ns;
    histogram_record(&connect->result.latency, load->now_ns - since_ns);
}

static void connect_message(struct load *load, struct conn *conn,
                            const struct wire_message *message)
{
    struct connect *connect = container_of(load, struct connect, load);
    (void)conn;
    (void)message; /* an idle session hears nothing */
    connect->result.errors++;
}

static void connect_ended(struct load *load, struct conn *conn, const char *why)
{
    struct connect *connect = container_of(load, struct connect, load);
    if (connect->result.errors++ == 0) {
        fprintf(stderr, "clos bench: connection %u: %s\n", conn->index, why);
    }
    connect->ended++;
}

static void connect_open(struct connect *connect)
{
    struct load *load = &connect->load;
    const struct options *options = load->options;
    uint64_t stop_ns = connect->start_ns + (uint64_t)(options->duration_s * 1e9);
    uint64_t joined = 0;
    while (joined + connect->ended < options->sessions && load->now_ns < stop_ns) {
        uint64_t until_ns = load->now_ns + 50 * NS_PER_MS;
        while (connect->opened < options->sessions &&
               connect->opened - joined - connect->ended < options->concurrency) {
            uint64_t due_ns = connect_due(connect, connect->opened);
            if (due_ns > load->now_ns) {
                until_ns = due_ns < until_ns ? due_ns : until_ns;
                break;
            }
            load_open(load, &load->conns[connect->opened++]);
        }
        load_turn(load, until_ns);
        joined = connect->result.messages;
        progress_tell(&connect->progress, options, load->now_ns, joined, "joining");
    }
}

static void connect_hold(struct connect *connect)
{
    struct load *load = &connect->load;
    uint64_t stop_ns = clock_now_ns() + (uint64_t)(load->options->hold_s * 1e9);
    while (load->now_ns < stop_ns) {
        load_turn(load, stop_ns);
        progress_tell(&connect->progress, load->options, load->now_ns, connect->result.messages,
                      "holding");
    }
}

static void connect_weigh(struct connect *connect)
{
    struct result *result = &connect->result;
    struct probe probe;
    result->sessions = result->messages;
    if (result->options->pid > 0 && result->messages > 0 &&
        probe_read(result->options->pid, &probe)) {
        result->probe_stop.rss_bytes = probe.rss_bytes;
        result->idle_rss_per_session =
            ((double)probe.rss_bytes - (double)result->probe_start.rss_bytes) /
            (double)result->messages;
    }
}

int scenario_connect(const struct options *options)
{
    static const struct load_ops ops = {connect_joined, connect_message, connect_ended};
    struct connect *connect = calloc(1, sizeof(*connect));
    check(connect != NULL);
    connect->result.options = options;
    histogram_init(&connect->result.latency);
    histogram_init(&connect->result.acknowledge);
    if (!load_init(&connect->load, options, &ops, options->sessions, connect)) {
        return 2; /* the process ends: what was taken needs no way back */
    }
    connect->start_ns = clock_now_ns();
    connect->last_ns = connect->start_ns;
    result_start(&connect->result, connect->start_ns);
    connect_open(connect);
    result_stop(&connect->result, connect->last_ns);
    connect_hold(connect);
    connect_weigh(connect);
    connect->result.published = connect->opened;
    connect->result.received = connect->result.messages;
    connect->result.lost = options->sessions - connect->result.messages;
    int code = 2;
    if (connect->result.messages > 0) {
        result_print(&connect->result);
        code = result_verdict(&connect->result);
    }
    load_fini(&connect->load);
    free(connect);
    return code;
}
