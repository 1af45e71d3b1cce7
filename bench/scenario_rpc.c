/* Callers take the procedures in turn; callees echo. A RESULT must carry the mark of the call with
 * its request id, each call must be answered once, and what one callee hears of one caller must
 * never go back in number. */
#include "bench/scenario.h"

#include <stdio.h>
#include <stdlib.h>

struct rpc {
    struct run run;
    struct wire_template *call;         /* one a procedure */
    struct wire_template *registration; /* one a procedure */
    struct wire_template yield;
    uint64_t *wanted; /* registrations that each callee still waits for */
    uint64_t *heard;  /* callees x callers: one more than the highest number so far */
};

static struct rpc *rpc_of(struct load *load)
{
    return container_of(load, struct rpc, run.load);
}

static void rpc_joined(struct load *load, struct conn *conn)
{
    struct rpc *rpc = rpc_of(load);
    const struct options *options = load->options;
    if (!conn->receiver) {
        rpc->run.ready++;
        return;
    }
    uint64_t step = options->shared ? 1 : options->callees;
    uint64_t first = options->shared ? 0 : conn->index;
    for (uint64_t i = first; i < options->procedures; i += step) {
        load_send(load, conn, &rpc->registration[i], conn->request_next++, NULL);
        rpc->wanted[conn->index]++;
    }
    rpc->run.ready += rpc->wanted[conn->index] == 0;
}

/* Whether the payload is one of ours. */
static bool rpc_mark(const struct rpc *rpc, const struct wire_message *message, struct mark *mark)
{
    const struct run *run = &rpc->run;
    if (message->payload.size != run->options->payload) {
        return false;
    }
    mark_read(message->payload.at, mark);
    return mark->sender < run->flights_count && mark->sequence < run->flights[mark->sender].next;
}

static void rpc_invocation(struct rpc *rpc, struct conn *conn, const struct wire_message *message)
{
    struct mark mark;
    if (!rpc_mark(rpc, message, &mark)) {
        rpc->run.result.errors++;
        return;
    }
    uint64_t *heard = &rpc->heard[conn->index * rpc->run.flights_count + mark.sender];
    if (mark.sequence < *heard) {
        rpc->run.result.reordered++;
    } else {
        *heard = mark.sequence + 1;
    }
    load_send(&rpc->run.load, conn, &rpc->yield, message->id[0], &mark);
}

static void rpc_answer(struct rpc *rpc, struct conn *conn, const struct wire_message *message)
{
    struct run *run = &rpc->run;
    size_t caller = conn->index - run->options->callees;
    uint64_t number = message->id[0] - 1;
    struct mark mark = {0};
    if (message->type == WIRE_RESULT &&
        (!rpc_mark(rpc, message, &mark) || mark.sender != caller || mark.sequence != number)) {
        run->result.errors++; /* somebody else's answer */
        return;
    }
    struct flight_slot *slot = flight_answer(&run->flights[caller], number);
    if (slot == NULL) {
        run->result.duplicated += run->result.stalls == 0;
        return;
    }
    if (message->type == WIRE_ERROR && run->result.errors++ == 0) {
        fprintf(stderr, "clos bench: a call failed: %.*s\n", (int)message->uri.size,
                (const char *)message->uri.at);
    }
    run_answer(run, slot->time_ns);
}

static void rpc_message(struct load *load, struct conn *conn, const struct wire_message *message)
{
    struct rpc *rpc = rpc_of(load);
    if (message->type == WIRE_INVOCATION && conn->receiver) {
        rpc_invocation(rpc, conn, message);
    } else if ((message->type == WIRE_RESULT ||
                (message->type == WIRE_ERROR && message->request_type == WIRE_CALL)) &&
               !conn->receiver) {
        rpc_answer(rpc, conn, message);
    } else if (message->type == WIRE_REGISTERED && conn->receiver) {
        rpc->run.ready += --rpc->wanted[conn->index] == 0;
    } else {
        if (rpc->run.result.errors++ == 0) {
            fprintf(stderr, "clos bench: message type %u (%.*s) was not asked for\n", message->type,
                    (int)message->uri.size, (const char *)message->uri.at);
        }
        rpc->run.failed |= rpc->run.start_ns == 0; /* REGISTER was refused */
    }
}

static bool rpc_send(struct run *run, size_t sender, uint64_t intended_ns)
{
    struct rpc *rpc = container_of(run, struct rpc, run);
    const struct options *options = run->options;
    struct conn *conn = &run->load.conns[options->callees + sender];
    struct flight *flight = &run->flights[sender];
    if (conn->state != CONN_JOINED || load_waiting(conn) > LOAD_OUT_BYTES_HIGH ||
        !flight_room(flight)) {
        return false;
    }
    uint64_t procedure = flight->next % options->procedures;
    struct mark mark = {(uint32_t)sender, flight_send(flight, 1, intended_ns), intended_ns};
    load_send(&run->load, conn, &rpc->call[procedure], mark.sequence + 1, &mark);
    run->expected++;
    return true;
}

static bool rpc_templates(struct rpc *rpc)
{
    const struct options *options = rpc->run.options;
    struct mem *mem = &rpc->run.load.mem;
    struct wire_template_options yield = {.type = WIRE_YIELD, .payload_size = options->payload};
    bool good = wire_template_init(&rpc->yield, mem, options->serializer_receivers, &yield);
    for (uint64_t i = 0; i < options->procedures; i++) {
        char name[64];
        snprintf(name, sizeof(name), "bench.procedure.%lu", (unsigned long)i);
        struct wire_template_options call = {
            .type = WIRE_CALL, .uri = name, .payload_size = options->payload};
        struct wire_template_options registration = {.type = WIRE_REGISTER,
                                                     .key = options->shared ? "invoke" : NULL,
                                                     .value = "roundrobin",
                                                     .uri = name};
        good &= wire_template_init(&rpc->call[i], mem, options->serializer, &call);
        good &= wire_template_init(&rpc->registration[i], mem, options->serializer_receivers,
                                   &registration);
    }
    return good;
}

static bool rpc_prepare(struct rpc *rpc)
{
    const struct options *options = rpc->run.options;
    struct run *run = &rpc->run;
    rpc->call = calloc(options->procedures, sizeof(rpc->call[0]));
    rpc->registration = calloc(options->procedures, sizeof(rpc->registration[0]));
    rpc->wanted = calloc(options->callees, sizeof(rpc->wanted[0]));
    rpc->heard = calloc(options->callees * options->callers, sizeof(rpc->heard[0]));
    run->flights = calloc(options->callers, sizeof(run->flights[0]));
    bool good = rpc->call != NULL && rpc->registration != NULL && rpc->wanted != NULL &&
                rpc->heard != NULL && run->flights != NULL;
    for (uint64_t i = 0; good && i < options->callers; i++) {
        good = flight_init(&run->flights[i], &run->load.mem, options->window);
        run->flights_count += good;
    }
    for (uint64_t i = 0; i < options->callees; i++) {
        run->load.conns[i].receiver = true;
    }
    return good && rpc_templates(rpc);
}

static void rpc_fini(struct rpc *rpc)
{
    struct run *run = &rpc->run;
    for (uint64_t i = 0; i < run->options->procedures; i++) {
        wire_template_fini(&rpc->call[i]);
        wire_template_fini(&rpc->registration[i]);
    }
    wire_template_fini(&rpc->yield);
    for (size_t i = 0; i < run->flights_count; i++) {
        flight_fini(&run->flights[i], &run->load.mem);
    }
    free(rpc->call);
    free(rpc->registration);
    free(rpc->wanted);
    free(rpc->heard);
    free(run->flights);
    load_fini(&run->load);
    free(rpc);
}

int scenario_rpc(const struct options *options)
{
    static const struct load_ops ops = {rpc_joined, rpc_message, run_ended};
    struct rpc *rpc = calloc(1, sizeof(*rpc));
    check(rpc != NULL);
    struct run *run = &rpc->run;
    run->options = options;
    run->send = rpc_send;
    run->result.options = options;
    histogram_init(&run->result.latency);
    histogram_init(&run->result.acknowledge);
    if (!load_init(&run->load, options, &ops, options->callees + options->callers, run)) {
        return 2; /* the process ends: what was taken needs no way back */
    }
    int code = 2;
    if (!rpc_prepare(rpc)) {
        fputs("clos bench: out of memory\n", stderr);
    } else if (load_join_all(&run->load, &run->ready, &run->failed)) {
        run_drive(run);
        run->result.lost = run->expected - run->answered;
        result_print(&run->result);
        code = result_verdict(&run->result);
    }
    rpc_fini(rpc);
    return code;
}
