/* The second depth: real workers and rings on simulated sockets that send short, receive short and
 * come late. Time moves only as far as something is due, so that it all settles. */
#include "common/heap.h"
#include "router/worker.h"
#include "tests/lib/talk_run.h"
#include "tests/sim/sim_io.h"

#include <stdlib.h>

enum { SIM_TALK_WORKERS = 3, SIM_TALK_RING = 16, SIM_TALK_QUIET = 12, SIM_TALK_ROUNDS = 100000 };

struct sim_router {
    struct sim_net *net;
    struct settings settings;
    unsigned count;
    struct worker workers[SIM_TALK_WORKERS];
    struct io *ios[SIM_TALK_WORKERS];
    struct gate gates[SIM_TALK_WORKERS];
    struct way ways[SIM_TALK_WORKERS * SIM_TALK_WORKERS];
    void *slots[SIM_TALK_WORKERS * SIM_TALK_WORKERS][3][SIM_TALK_RING];
    struct listening listenings[SIM_TALK_WORKERS];
    int listen_fd[SIM_TALK_WORKERS];
};

static uint64_t router_clock(void *context)
{
    return sim_net_now_ns(context);
}

static void router_discard(int fd)
{
    (void)fd;
    check(false); /* the simulated router has room for all */
}

static void router_worker(struct sim_router *router, unsigned i, uint64_t seed)
{
    struct io_options io = {.sockets_max = 128, .buffers_count = 8, .buffer_bytes = 2048};
    struct core_options core = {.settings = &router->settings,
                                .source = heap_source(),
                                .seed = seed + i,
                                .self = (place_id)i,
                                .places = router->count,
                                .now_ns = sim_net_now_ns(router->net)};
    router->ios[i] = sim_io_new(router->net, &io);
    struct worker_options options = {.core = &core,
                                     .io = router->ios[i],
                                     .clock = router_clock,
                                     .clock_context = router->net,
                                     .gates = router->gates,
                                     .ways = router->ways,
                                     .ios = router->ios,
                                     .discard = router_discard};
    check(worker_init(&router->workers[i], &options));
    router->listenings[i].settings = &router->settings.listeners[0];
    router->workers[i].listenings = &router->listenings[i];
    router->workers[i].listenings_count = 1;
    router->listen_fd[i] = sim_listen_fd(router->net);
    check(worker_listen(&router->workers[i], &router->listenings[i], router->listen_fd[i]));
}

static bool sim_start(struct talk_run *run)
{
    struct sim_router *router = aligned_alloc(64, (sizeof *router + 63) / 64 * 64);
    check(router != NULL);
    memset(router, 0, sizeof *router);
    router->net = sim_net_new(run->variant.seed);
    sim_net_faults(router->net)->descriptors_short = 0;
    sim_net_advance(router->net, NS_PER_S);
    router->settings = run->talk->settings;
    router->count = run->variant.workers;
    check(router->count <= SIM_TALK_WORKERS);
    router->settings.workers = router->count;
    for (unsigned i = 0; i < router->count * router->count; i++) {
        ring_init(&router->ways[i].parcels, router->slots[i][0], SIM_TALK_RING);
        ring_init(&router->ways[i].homes, router->slots[i][1], SIM_TALK_RING);
        ring_init(&router->ways[i].sockets, router->slots[i][2], SIM_TALK_RING);
    }
    for (unsigned i = 0; i < router->count; i++) {
        router_worker(router, i, run->variant.seed);
    }
    run->router = router;
    return true;
}

static bool person_move(struct talk_person *person)
{
    bool moved = false;
    uint8_t octets[4096];
    size_t size = person->person.out.size;
    if (size > 0 && sim_end_state(person->end) == SIM_END_OPEN) {
        size = sim_end_write(person->end, person->person.out.at, size);
        person_sent(&person->person, size);
        moved = size > 0;
    }
    while (!person->deaf && (size = sim_end_read(person->end, octets, sizeof octets)) > 0) {
        person_take(&person->person, octets, size);
        moved = true;
    }
    if (!person->deaf && !person->person.gone && sim_end_state(person->end) != SIM_END_OPEN) {
        person->person.gone = true;
        moved = true;
    }
    return moved;
}

static bool router_round(struct talk_run *run)
{
    struct sim_router *router = run->router;
    bool moved = false;
    for (unsigned i = 0; i < run->people_count; i++) {
        struct talk_person *person = &run->people[i];
        moved = (person->here && person_move(person)) || moved;
    }
    for (unsigned i = 0; i < router->count; i++) {
        worker_turn(&router->workers[i], false);
    }
    return moved;
}

/* Until nothing has moved for some rounds and nothing is on its way. */
static void sim_settle(struct talk_run *run)
{
    struct sim_router *router = run->router;
    unsigned quiet = 0;
    for (unsigned rounds = 0; quiet < SIM_TALK_QUIET; rounds++) {
        check(rounds < SIM_TALK_ROUNDS);
        bool moved = router_round(run);
        uint64_t next = sim_net_next_ns(router->net);
        if (next != NEVER && next > sim_net_now_ns(router->net)) {
            sim_net_advance(router->net, next);
            moved = true;
        }
        quiet = moved ? 0 : quiet + 1;
    }
}

static void sim_enter(struct talk_run *run, struct talk_person *person)
{
    struct sim_router *router = run->router;
    person->end = sim_connect(router->net, router->listen_fd[person->worker]);
    if (person->end == NULL) { /* nobody listens any more */
        person->here = false;
        person->person.gone = true;
    }
}

static void sim_leave(struct talk_run *run, struct talk_person *person)
{
    sim_end_free(person->end);
    person->end = NULL;
    person->here = false;
    sim_settle(run);
}

static bool sim_more(struct talk_run *run)
{
    (void)run;
    return false;
}

static void sim_wait(struct talk_run *run, uint64_t ns)
{
    struct sim_router *router = run->router;
    uint64_t until = sim_net_now_ns(router->net) + ns;
    sim_settle(run);
    while (sim_net_now_ns(router->net) < until) {
        uint64_t next = until;
        for (unsigned i = 0; i < router->count; i++) {
            uint64_t due = core_next_ns(&router->workers[i].core);
            next = due < next ? due : next;
        }
        uint64_t now = sim_net_now_ns(router->net);
        sim_net_advance(router->net, next > now ? next : now + NS_PER_MS);
        sim_settle(run);
    }
}

static void sim_drain(struct talk_run *run)
{
    struct sim_router *router = run->router;
    for (unsigned i = 0; i < router->count; i++) {
        atomic_store(&router->gates[i].command, GATE_DRAIN);
    }
}

static bool sim_stop(struct talk_run *run)
{
    static const struct gauges nothing;
    struct sim_router *router = run->router;
    bool empty = true;
    for (unsigned i = 0; i < router->count; i++) {
        const struct core *core = &router->workers[i].core;
        empty = empty && memcmp(&core->gauges, &nothing, sizeof nothing) == 0;
    }
    for (unsigned i = 0; i < router->count; i++) {
        io_free(router->ios[i]);
    }
    for (unsigned i = 0; i < router->count; i++) {
        worker_fini(&router->workers[i]);
    }
    for (unsigned i = 0; i < router->count; i++) {
        worker_bury(&router->workers[i]);
    }
    sim_net_free(router->net);
    free(router);
    return empty;
}

const struct talk_maker talk_sim_maker = {
    .start = sim_start,
    .enter = sim_enter,
    .leave = sim_leave,
    .settle = sim_settle,
    .more = sim_more,
    .wait = sim_wait,
    .drain = sim_drain,
    .stop = sim_stop,
};
