/* Sessions that live a whole life again and again: join, subscribe, call, publish, leave. A share
 * of them ends by a reset at a random station instead. One steady callee answers the calls.
 *
 *     join -> SUBSCRIBED -> RESULT -> PUBLISHED -> GOODBYE -> join ...
 */
#include "bench/scenario.h"
#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHURN_TOPICS = 16, CHURN_STATIONS = 5, CHURN_ERRORS_MAX = 100, CHURN_NO_RESET = 99 };

struct churn_life {
    unsigned station; /* answers heard so far */
    unsigned reset_at;
    uint64_t number;
};

struct churn {
    struct load load;
    struct result result;
    struct progress progress;
    struct churn_life *lives; /* one a conn; the first conn is the callee */
    struct wire_template subscribe[CHURN_TOPICS];
    struct wire_template publish[CHURN_TOPICS];
    struct wire_template call;
    struct wire_template registration;
    struct wire_template yield;
    uint64_t begun;
    uint64_t ended; /* by whatever end */
    uint64_t last_ns;
    bool callee_ready;
    bool failed;
};

static struct churn *churn_of(struct load *load)
{
    return container_of(load, struct churn, load);
}

static void churn_over(struct churn *churn, struct conn *conn, bool whole)
{
    churn->ended++;
    churn->last_ns = churn->load.now_ns;
    churn->result.messages++;
    if (whole) {
        histogram_record(&churn->result.latency, churn->load.now_ns - conn->opened_ns);
    }
}

static void churn_goodbye(struct churn *churn, struct conn *conn)
{
    struct buf goodbye;
    buf_init(&goodbye, &churn->load.mem, 256);
    wire_put_goodbye(&goodbye, conn->peer.serializer);
    peer_send(&conn->peer, buf_bytes(&goodbye));
    load_touch(&churn->load, conn);
    buf_fini(&goodbye);
}

/* The life has reached its next station: says what comes after it, or ends it. */
static void churn_step(struct churn *churn, struct conn *conn)
{
    struct churn_life *life = &churn->lives[conn->index];
    struct load *load = &churn->load;
    size_t topic = conn->index % CHURN_TOPICS;
    struct mark mark = {conn->index, life->number, load->now_ns};
    if (life->station == life->reset_at) {
        churn_over(churn, conn, false);
        load_close(load, conn, true);
        return;
    }
    switch (life->station++) {
    case 0:
        load_send(load, conn, &churn->subscribe[topic], conn->request_next++, NULL);
        break;
    case 1:
        load_send(load, conn, &churn->call, conn->request_next++, &mark);
        break;
    case 2:
        load_send(load, conn, &churn->publish[topic], conn->request_next++, &mark);
        break;
    case 3:
        churn_goodbye(churn, conn);
        break;
    default:
        churn_over(churn, conn, true);
        load_close(load, conn, false);
        break;
    }
}

static void churn_joined(struct load *load, struct conn *conn)
{
    struct churn *churn = churn_of(load);
    if (conn->receiver) {
        load_send(load, conn, &churn->registration, conn->request_next++, NULL);
    } else {
        churn_step(churn, conn);
    }
}

static void churn_wrong(struct churn *churn, const struct conn *conn, const char *why)
{
    if (churn->result.errors++ == 0) {
        fprintf(stderr, "clos bench: connection %u: %s\n", conn->index, why);
    }
    churn->failed |= conn->receiver || churn->result.errors >= CHURN_ERRORS_MAX;
}

static void churn_callee(struct churn *churn, struct conn *conn, const struct wire_message *message)
{
    struct mark mark;
    if (message->type == WIRE_REGISTERED) {
        churn->callee_ready = true;
    } else if (message->type == WIRE_INVOCATION &&
               message->payload.size == churn->load.options->payload) {
        mark_read(message->payload.at, &mark);
        load_send(&churn->load, conn, &churn->yield, message->id[0], &mark);
    } else {
        churn_wrong(churn, conn, "the callee was told what it did not ask for");
    }
}

static void churn_message(struct load *load, struct conn *conn, const struct wire_message *message)
{
    static const unsigned expected[CHURN_STATIONS] = {WIRE_WELCOME, WIRE_SUBSCRIBED, WIRE_RESULT,
                                                      WIRE_PUBLISHED, WIRE_GOODBYE};
    struct churn *churn = churn_of(load);
    struct churn_life *life = &churn->lives[conn->index];
    struct mark mark;
    if (conn->receiver) {
        churn_callee(churn, conn, message);
        return;
    }
    if (message->type == WIRE_EVENT && life->station > 1) {
        return; /* of another life on the same topic */
    }
    if (life->station >= CHURN_STATIONS || message->type != expected[life->station]) {
        churn_wrong(churn, conn, "an answer that is not the next");
        return;
    }
    if (message->type == WIRE_RESULT) {
        bool good = message->payload.size == load->options->payload;
        if (good) {
            mark_read(message->payload.at, &mark);
        }
        if (!good || mark.sender != conn->index || mark.sequence != life->number) {
            churn_wrong(churn, conn, "the result of another's call");
        }
    }
    churn_step(churn, conn);
}

static void churn_ended(struct load *load, struct conn *conn, const char *why)
{
    struct churn *churn = churn_of(load);
    if (!conn->receiver && churn->lives[conn->index].station == CHURN_STATIONS - 1) {
        churn_over(churn, conn, true); /* it hung up in place of GOODBYE */
        return;
    }
    churn_wrong(churn, conn, why);
    churn->ended += !conn->receiver;
}

static bool churn_prepare(struct churn *churn)
{
    const struct options *options = churn->load.options;
    struct mem *mem = &churn->load.mem;
    struct wire_template_options call = {
        .type = WIRE_CALL, .uri = "bench.churn.echo", .payload_size = options->payload};
    struct wire_template_options yield = {.type = WIRE_YIELD, .payload_size = options->payload};
    struct wire_template_options registration = {.type = WIRE_REGISTER, .uri = "bench.churn.echo"};
    bool good = wire_template_init(&churn->call, mem, options->serializer, &call);
    good &= wire_template_init(&churn->yield, mem, options->serializer_receivers, &yield);
    good &=
        wire_template_init(&churn->registration, mem, options->serializer_receivers, &registration);
    for (unsigned i = 0; i < CHURN_TOPICS; i++) {
        char topic[64];
        snprintf(topic, sizeof(topic), "bench.churn.topic.%u", i);
        struct wire_template_options subscribe = {.type = WIRE_SUBSCRIBE, .uri = topic};
        struct wire_template_options publish = {.type = WIRE_PUBLISH,
                                                .key = "acknowledge",
                                                .uri = topic,
                                                .payload_size = options->payload};
        good &= wire_template_init(&churn->subscribe[i], mem, options->serializer, &subscribe);
        good &= wire_template_init(&churn->publish[i], mem, options->serializer, &publish);
    }
    churn->lives = calloc(churn->load.conns_count, sizeof(churn->lives[0]));
    churn->load.conns[0].receiver = true;
    return good && churn->lives != NULL;
}

static void churn_fini(struct churn *churn)
{
    wire_template_fini(&churn->call);
    wire_template_fini(&churn->yield);
    wire_template_fini(&churn->registration);
    for (unsigned i = 0; i < CHURN_TOPICS; i++) {
        wire_template_fini(&churn->subscribe[i]);
        wire_template_fini(&churn->publish[i]);
    }
    free(churn->lives);
    load_fini(&churn->load);
    free(churn);
}

static bool churn_start_callee(struct churn *churn)
{
    struct load *load = &churn->load;
    uint64_t until_ns = clock_now_ns() + 10 * NS_PER_S;
    load_open(load, &load->conns[0]);
    while (!churn->callee_ready && !churn->failed && load->now_ns < until_ns) {
        load_turn(load, load->now_ns + 50 * NS_PER_MS);
    }
    if (!churn->callee_ready) {
        fputs("clos bench: the callee could not register\n", stderr);
    }
    return churn->callee_ready;
}

static void churn_begin(struct churn *churn, struct conn *conn)
{
    const struct options *options = churn->load.options;
    struct churn_life *life = &churn->lives[conn->index];
    bool reset = rng_below(&churn->load.rng, 100) < options->reset_percent;
    *life = (struct churn_life){.reset_at = CHURN_NO_RESET, .number = churn->begun++};
    if (reset) {
        life->reset_at = (unsigned)rng_below(&churn->load.rng, CHURN_STATIONS);
    }
    load_open(&churn->load, conn);
}

static void churn_drive(struct churn *churn)
{
    struct load *load = &churn->load;
    const struct options *options = load->options;
    uint64_t start_ns = clock_now_ns();
    uint64_t stop_ns = start_ns + (uint64_t)(options->duration_s * 1e9);
    uint64_t drain_ns = stop_ns + (uint64_t)(options->drain_s * 1e9);
    bool more = true;
    result_start(&churn->result, start_ns);
    churn->last_ns = start_ns;
    while (!churn->failed && load->now_ns < drain_ns && (more || churn->ended < churn->begun)) {
        uint64_t until_ns = load->now_ns + 50 * NS_PER_MS;
        more = more && load->now_ns < stop_ns &&
               (options->count == 0 || churn->begun < options->count);
        for (size_t i = 1; more && i < load->conns_count; i++) {
            double due = options->rate > 0 ? (double)churn->begun * 1e9 / (double)options->rate : 0;
            uint64_t due_ns = start_ns + (uint64_t)due;
            if (load->conns[i].state != CONN_FREE || due_ns > load->now_ns) {
                until_ns = due_ns > load->now_ns && due_ns < until_ns ? due_ns : until_ns;
                continue;
            }
            if (options->count == 0 || churn->begun < options->count) {
                churn_begin(churn, &load->conns[i]);
            }
        }
        load_turn(load, until_ns);
        progress_tell(&churn->progress, options, load->now_ns, churn->ended, "churning");
    }
    result_stop(&churn->result, churn->last_ns);
    churn->result.published = churn->begun;
    churn->result.received = churn->ended;
    churn->result.lost = churn->begun - churn->ended;
}

int scenario_churn(const struct options *options)
{
    static const struct load_ops ops = {churn_joined, churn_message, churn_ended};
    struct churn *churn = calloc(1, sizeof(*churn));
    check(churn != NULL);
    churn->result.options = options;
    histogram_init(&churn->result.latency);
    histogram_init(&churn->result.acknowledge);
    if (!load_init(&churn->load, options, &ops, options->concurrency + 1, churn)) {
        return 2; /* the process ends: what was taken needs no way back */
    }
    int code = 2;
    if (!churn_prepare(churn)) {
        fputs("clos bench: out of memory\n", stderr);
    } else if (churn_start_callee(churn)) {
        churn_drive(churn);
        result_print(&churn->result);
        code = result_verdict(&churn->result);
    }
    churn_fini(churn);
    return code;
}
