/* A world is built from its seed, lives for some steps with faults, then grows calm: everybody
 * reads, nobody starts anything, and what was owed must come. In the end all leave, and nothing
 * may be left: no gauge, no octet of memory. */
#include "tests/sim/sim_world.h"

#include "common/heap.h"
#include "tests/lib/stage.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALM_STEPS = 200000, CALM_QUIET = 100 };

static uint64_t world_clock(void *context)
{
    return sim_net_now_ns(context);
}

static void world_discard(int fd)
{
    (void)fd;
    check(false); /* the simulated router has room for all */
}

_Noreturn void sim_fail(const struct sim_world *world, const char *what, uint64_t a, uint64_t b)
{
    printf("seed %llu: %s (%llu, %llu) after %llu publications, %llu events, %llu results\n",
           (unsigned long long)world->seed, what, (unsigned long long)a, (unsigned long long)b,
           (unsigned long long)world->publications_count, (unsigned long long)world->events,
           (unsigned long long)world->results);
    for (unsigned i = 0; i < world->workers_count; i++) {
        const struct stats *stats = &world->workers[i].core.stats;
#define COUNTER(name, help)                                                                        \
    if (stats->name > 0) {                                                                         \
        printf("  worker %u " #name " %llu\n", i, (unsigned long long)stats->name);                \
    }
#include "common/stats.def"
#undef COUNTER
        for (int end = 1; end < TRANSPORT_ENDS; end++) {
            if (stats->transport_ends[end] > 0) {
                printf("  worker %u ends: %s\n", i, transport_end_name((enum transport_end)end));
            }
        }
    }
    printf("seed %llu: %s\n", (unsigned long long)world->seed, what);
    fflush(stdout);
    abort();
}

static void world_settings(struct sim_world *world)
{
    struct limits *limits = &world->settings.limits;
    *limits = limits_default();
    limits->out_soft_bytes = 16384 + rng_below(&world->rng, 65536);
    limits->out_hard_bytes = limits->out_soft_bytes * 4;
    limits->message_bytes = 65536;
    limits->place_bytes = 1048576;
    world->permission =
        (struct permission_settings){.uri = "", .match = MATCH_PREFIX, .allow = ACTION_ALL};
    world->role = (struct role_settings){
        .name = "anonymous", .permissions = &world->permission, .permissions_count = 1};
    world->realm = (struct realm_settings){
        .name = "realm1", .roles = &world->role, .roles_count = 1, .anonymous_role = "anonymous"};
    world->listener =
        (struct listener_settings){.endpoint = "sim", .transport = stage_transport_options(limits)};
    world->settings.realms = &world->realm;
    world->settings.realms_count = 1;
    world->settings.listeners = &world->listener;
    world->settings.listeners_count = 1;
    world->settings.workers = world->workers_count;
    world->settings.agent = "clos";
}

static void world_worker(struct sim_world *world, unsigned i)
{
    struct io_options io = {.sockets_max = 256, .buffers_count = 8, .buffer_bytes = 2048};
    struct core_options core = {.settings = &world->settings,
                                .source = heap_source(),
                                .seed = rng_next(&world->rng),
                                .self = (place_id)i,
                                .places = world->workers_count,
                                .now_ns = sim_net_now_ns(world->net)};
    world->ios[i] = sim_io_new(world->net, &io);
    struct worker_options options = {.core = &core,
                                     .io = world->ios[i],
                                     .clock = world_clock,
                                     .clock_context = world->net,
                                     .gates = world->gates,
                                     .ways = world->ways,
                                     .ios = world->ios,
                                     .discard = world_discard};
    check(worker_init(&world->workers[i], &options));
    world->workers[i].listenings = &world->listenings[i];
    world->workers[i].listenings_count = 1;
    world->listenings[i].settings = &world->listener;
    world->listen_fd[i] = sim_listen_fd(world->net);
    check(worker_listen(&world->workers[i], &world->listenings[i], world->listen_fd[i]));
}

static struct sim_world *world_new(uint64_t seed)
{
    struct sim_world *world = aligned_alloc(64, (sizeof *world + 63) / 64 * 64);
    check(world != NULL);
    memset(world, 0, sizeof *world);
    world->seed = seed;
    rng_init(&world->rng, seed);
    world->net = sim_net_new(rng_next(&world->rng));
    sim_net_advance(world->net, NS_PER_S);
    world->workers_count = 1 + (unsigned)rng_below(&world->rng, SIM_WORKERS);
    world->people_count = 2 + (unsigned)rng_below(&world->rng, SIM_PEOPLE - 1);
    world_settings(world);
    for (unsigned i = 0; i < world->workers_count * world->workers_count; i++) {
        ring_init(&world->ways[i].parcels, world->slots[i][0], SIM_RING);
        ring_init(&world->ways[i].homes, world->slots[i][1], SIM_RING);
        ring_init(&world->ways[i].sockets, world->slots[i][2], SIM_RING);
    }
    for (unsigned i = 0; i < world->workers_count; i++) {
        world_worker(world, i);
    }
    sim_people_weights(world);
    return world;
}

static void world_step(struct sim_world *world)
{
    for (unsigned i = 0; i < world->people_count; i++) {
        struct sim_person *person = &world->people[i];
        if (!world->calm) {
            if (person->end == NULL && rng_below(&world->rng, 8) == 0) {
                sim_person_arrive(world, person);
            }
            sim_person_act(world, person);
        }
        sim_person_move(world, person);
    }
    for (unsigned i = 0; i < world->workers_count; i++) {
        unsigned k = (unsigned)rng_below(&world->rng, world->workers_count);
        if (world->calm || rng_below(&world->rng, 4) != 0) {
            worker_turn(&world->workers[world->calm ? i : k], false);
        }
    }
    uint64_t now = sim_net_now_ns(world->net);
    uint64_t next = sim_net_next_ns(world->net);
    if (next != NEVER && next > now) {
        uint64_t step = next - now < NS_PER_MS ? next - now : NS_PER_MS;
        sim_net_advance(world->net, now + step);
    } else if (rng_below(&world->rng, 3) == 0) {
        sim_net_advance(world->net, now + rng_below(&world->rng, NS_PER_MS));
    }
}

/* Faults end, everybody reads; soon all must be quiet, and everything owed must have come. */
static void world_calm(struct sim_world *world)
{
    struct sim_faults *faults = sim_net_faults(world->net);
    uint32_t bytes = faults->socket_bytes;
    memset(faults, 0, sizeof *faults);
    faults->socket_bytes = bytes;
    world->calm = true;
    for (unsigned i = 0; i < world->people_count; i++) {
        world->people[i].deaf = false;
    }
    uint64_t trace = 0;
    unsigned quiet = 0;
    for (unsigned step = 0; quiet < CALM_QUIET; step++) {
        if (step == CALM_STEPS) {
            sim_fail(world, "it does not become quiet", step, 0);
        }
        world_step(world);
        if (quiet == CALM_QUIET / 2) { /* let timers run, pings and pauses */
            sim_net_advance(world->net, sim_net_now_ns(world->net) + NS_PER_S / 5);
        }
        quiet = sim_net_trace(world->net) == trace ? quiet + 1 : 0;
        trace = sim_net_trace(world->net);
    }
    sim_check_quiet(world);
}

static void world_free(struct sim_world *world)
{
    for (unsigned i = 0; i < world->people_count; i++) {
        sim_person_leave(world, &world->people[i]);
    }
    for (unsigned step = 0; step < 200; step++) {
        world_step(world);
    }
    static const struct gauges nothing;
    for (unsigned i = 0; i < world->workers_count; i++) {
        if (memcmp(&world->workers[i].core.gauges, &nothing, sizeof nothing) != 0) {
            sim_fail(world, "somebody left and something stayed", i, 0);
        }
        io_free(world->ios[i]);
    }
    for (unsigned i = 0; i < world->workers_count; i++) {
        worker_fini(&world->workers[i]);
    }
    for (unsigned i = 0; i < world->workers_count; i++) {
        worker_bury(&world->workers[i]);
    }
    sim_net_free(world->net);
    free(world);
}

uint64_t sim_run(uint64_t seed, unsigned steps, bool verbose)
{
    check_context("seed", seed);
    struct sim_world *world = world_new(seed);
    for (unsigned step = 0; step < steps; step++) {
        world_step(world);
    }
    world_calm(world);
    uint64_t trace = world->trace ^ sim_net_trace(world->net);
    if (verbose) {
        printf("seed %llu: %u workers, %u lives, %llu publications, %llu events, %llu results\n",
               (unsigned long long)seed, world->workers_count, world->lives,
               (unsigned long long)world->publications_count, (unsigned long long)world->events,
               (unsigned long long)world->results);
    }
    world_free(world);
    return trace;
}
