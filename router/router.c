#include "router/router.h"

#include "common/clock.h"
#include "common/crypto.h"
#include "common/heap.h"
#include "router/listener.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    SOCKETS_RING = 1024,
    BUFFERS_COUNT = 64,
    BUFFER_BYTES = 32768,
    REPORT_WAIT_MS = 2000,
};

struct thread {
    struct router *router;
    pthread_t thread;
    unsigned self;
    bool started;
    _Atomic bool over;
};

struct router {
    const struct settings *settings;
    unsigned workers_count;
    struct worker *workers;
    struct io **ios;
    struct gate *gates;
    struct way *ways;
    void **ring_slots;
    struct thread *threads;
    struct listening *listenings; /* [worker * listeners + listener] */
    char **endpoints;
    int io_fallback;
    pthread_mutex_t wake_lock; /* a thread that is over is not woken */
    pthread_cond_t reported;   /* a worker has made its report, or is over */
};

static void *array_new(size_t count, size_t size, size_t alignment)
{
    size_t bytes = (count * size + alignment - 1) / alignment * alignment;
    void *array = aligned_alloc(alignment, bytes);
    check(array != NULL);
    return memset(array, 0, bytes);
}

/* ---- the io of each worker */

static struct io *io_make(struct router *router, const struct io_options *options)
{
    struct io *io = NULL;
    if (router->settings->io != IO_EPOLL && router->io_fallback == 0) {
        io = io_uring_new(options);
        if (io == NULL && router->settings->io == IO_AUTO) {
            router->io_fallback = errno != 0 ? errno : ENOSYS;
        }
    }
    if (io == NULL && router->settings->io != IO_URING) {
        io = io_epoll_new(options);
    }
    return io;
}

static bool ios_make(struct router *router, char words[ROUTER_WORDS])
{
    struct rlimit files = {.rlim_cur = 1024};
    getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < files.rlim_max) { /* as many descriptors as we may have */
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    size_t sockets = size_min((size_t)files.rlim_cur, router->settings->limits.connections) + 64;
    struct io_options options = {.sockets_max = (uint32_t)size_min(sockets, UINT32_MAX / 2),
                                 .buffers_count = BUFFERS_COUNT,
                                 .buffer_bytes = BUFFER_BYTES};
    for (unsigned i = 0; i < router->workers_count; i++) {
        router->ios[i] = io_make(router, &options);
        if (router->ios[i] == NULL) {
            snprintf(words, ROUTER_WORDS,
                     "the kernel refuses %s: %s (containers often forbid io_uring: use --io auto "
                     "or --io epoll)",
                     router->settings->io == IO_EPOLL ? "epoll" : "io_uring", strerror(errno));
            return false;
        }
    }
    return true;
}

/* ---- listeners */

static bool listen_on(struct router *router, unsigned worker, uint32_t index, int fd)
{
    struct listening *listening =
        &router->listenings[worker * router->settings->listeners_count + index];
    listening->settings = &router->settings->listeners[index];
    listening->index = index;
    return worker_listen(&router->workers[worker], listening, fd);
}

static bool listener_start(struct router *router, uint32_t index, char words[ROUTER_WORDS])
{
    const struct listener_settings *settings = &router->settings->listeners[index];
    uint16_t port = settings->port;
    size_t size = strlen(settings->endpoint) + 16;
    char *endpoint = array_new(size, 1, 16);
    router->endpoints[index] = endpoint;
    unsigned sockets = settings->is_unix ? 1 : router->workers_count;
    for (unsigned worker = 0; worker < sockets; worker++) {
        int fd = settings->is_unix ? listener_open_unix(settings, words)
                                   : listener_open_tcp(settings, &port, worker > 0, words);
        if (fd < 0) {
            return false;
        }
        if (!listen_on(router, worker, index, fd)) {
            close(fd);
            snprintf(words, ROUTER_WORDS, "no room for the listener %s", settings->endpoint);
            return false;
        }
    }
    if (settings->is_unix) {
        snprintf(endpoint, size, "unix:%s", settings->path);
    } else {
        bool colons = strchr(settings->host, ':') != NULL;
        snprintf(endpoint, size, "tcp://%s%s%s:%u", colons ? "[" : "", settings->host,
                 colons ? "]" : "", port);
    }
    return true;
}

/* ---- building */

static size_t power_of_two(size_t least)
{
    size_t power = 256;
    while (power < least) {
        power *= 2;
    }
    return power;
}

static void ways_make(struct router *router)
{
    size_t parcels = power_of_two(router->settings->limits.place_bytes / PARCEL_BYTES * 4);
    size_t pairs = (size_t)router->workers_count * router->workers_count;
    size_t slots = 2 * parcels + SOCKETS_RING;
    router->ring_slots = array_new(pairs * slots, sizeof(void *), 64);
    for (size_t i = 0; i < pairs; i++) {
        void **at = router->ring_slots + i * slots;
        ring_init(&router->ways[i].parcels, at, (uint32_t)parcels);
        ring_init(&router->ways[i].homes, at + parcels, (uint32_t)parcels);
        ring_init(&router->ways[i].sockets, at + 2 * parcels, SOCKETS_RING);
    }
}

static uint64_t router_clock(void *context)
{
    (void)context;
    return clock_now_ns();
}

static void fd_discard(int fd)
{
    close(fd);
}

static bool workers_make(struct router *router, char words[ROUTER_WORDS])
{
    struct core_options core = {.settings = router->settings,
                                .source = heap_source(),
                                .places = router->workers_count,
                                .now_ns = clock_now_ns()};
    crypto_random(core.hash_key, sizeof core.hash_key);
    for (unsigned i = 0; i < router->workers_count; i++) {
        core.self = (place_id)i;
        crypto_random(&core.seed, sizeof core.seed);
        struct worker_options options = {.core = &core,
                                         .io = router->ios[i],
                                         .clock = router_clock,
                                         .gates = router->gates,
                                         .ways = router->ways,
                                         .ios = router->ios,
                                         .discard = fd_discard};
        if (!worker_init(&router->workers[i], &options)) {
            snprintf(words, ROUTER_WORDS,
                     "not enough memory for a worker's tables: raise limits.worker_memory_bytes");
            return false;
        }
        size_t listeners = router->settings->listeners_count;
        router->workers[i].listenings = router->listenings + i * listeners;
        router->workers[i].listenings_count = (uint32_t)listeners;
    }
    return true;
}

struct router *router_new(const struct settings *settings, char words[ROUTER_WORDS])
{
    unsigned workers = settings->workers;
    check(workers >= 1 && workers <= PLACES_MAX);
    struct router *router = array_new(1, sizeof *router, 64);
    pthread_mutex_init(&router->wake_lock, NULL);
    pthread_cond_init(&router->reported, NULL);
    router->settings = settings;
    router->workers_count = workers;
    router->workers = array_new(workers, sizeof *router->workers, 64);
    router->ios = array_new(workers, sizeof(void *), 64);
    router->gates = array_new(workers, sizeof *router->gates, 64);
    router->ways = array_new((size_t)workers * workers, sizeof *router->ways, 64);
    router->threads = array_new(workers, sizeof *router->threads, 64);
    router->listenings =
        array_new((size_t)workers * settings->listeners_count, sizeof *router->listenings, 64);
    router->endpoints = array_new(settings->listeners_count + 1, sizeof(char *), 64);
    ways_make(router);
    if (!ios_make(router, words) || !workers_make(router, words)) {
        router_free(router);
        return NULL;
    }
    for (uint32_t i = 0; i < settings->listeners_count; i++) {
        if (!listener_start(router, i, words)) {
            router_free(router);
            return NULL;
        }
    }
    return router;
}

/* ---- running */

static void thread_pin(unsigned worker)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return;
    }
    unsigned count = (unsigned)CPU_COUNT(&allowed);
    unsigned skip = count > 0 ? worker % count : 0;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && skip-- == 0) {
            cpu_set_t own;
            CPU_ZERO(&own);
            CPU_SET(cpu, &own);
            pthread_setaffinity_np(pthread_self(), sizeof own, &own);
            return;
        }
    }
}

static void *thread_main(void *argument)
{
    struct thread *thread = argument;
    struct worker *worker = &thread->router->workers[thread->self];
    if (thread->router->settings->pin && thread->router->workers_count > 1) {
        thread_pin(thread->self);
    }
    check_context("worker", thread->self);
    struct router *router = thread->router;
    _Atomic uint32_t *made = &router->gates[thread->self].report_made;
    uint32_t told = atomic_load(made);
    while (worker_turn(worker, true)) {
        if (unlikely(atomic_load_explicit(made, memory_order_relaxed) != told)) {
            told = atomic_load(made);
            pthread_mutex_lock(&router->wake_lock);
            pthread_cond_broadcast(&router->reported);
            pthread_mutex_unlock(&router->wake_lock);
        }
    }
    worker_make_report(worker);
    pthread_mutex_lock(&router->wake_lock); /* nobody is about to wake it */
    atomic_store(&thread->over, true);
    pthread_cond_broadcast(&router->reported);
    pthread_mutex_unlock(&router->wake_lock);
    io_free(worker->io);
    return NULL;
}

bool router_run(struct router *router, char words[ROUTER_WORDS])
{
    for (unsigned i = 0; i < router->workers_count; i++) {
        struct thread *thread = &router->threads[i];
        thread->router = router;
        thread->self = i;
        int error = pthread_create(&thread->thread, NULL, thread_main, thread);
        if (error != 0) {
            snprintf(words, ROUTER_WORDS, "cannot start worker %u: %s", i, strerror(error));
            return false;
        }
        thread->started = true;
    }
    return true;
}

static void router_wake(struct router *router, unsigned worker)
{
    pthread_mutex_lock(&router->wake_lock);
    if (!atomic_load(&router->threads[worker].over)) {
        io_wake(router->ios[worker]);
    }
    pthread_mutex_unlock(&router->wake_lock);
}

void router_command(struct router *router, enum gate_command command)
{
    for (unsigned i = 0; i < router->workers_count; i++) {
        atomic_store(&router->gates[i].command, (int)command);
        router_wake(router, i);
    }
}

bool router_is_over(struct router *router)
{
    for (unsigned i = 0; i < router->workers_count; i++) {
        if (!atomic_load(&router->threads[i].over)) {
            return false;
        }
    }
    return true;
}

const char *router_endpoint(const struct router *router, size_t i)
{
    return i < router->settings->listeners_count ? router->endpoints[i] : NULL;
}

const char *router_io_name(const struct router *router)
{
    return router->ios[0]->name;
}

int router_io_fallback(const struct router *router)
{
    return router->io_fallback;
}

/* ---- report */

/* Every worker that runs copies its counters at its next turn; the wait is bounded. */
static void report_ask(struct router *router)
{
    struct timespec until;
    uint64_t until_ns = clock_wall_ns() + REPORT_WAIT_MS * NS_PER_MS;
    until.tv_sec = (time_t)(until_ns / NS_PER_S);
    until.tv_nsec = (long)(until_ns % NS_PER_S);
    for (unsigned i = 0; i < router->workers_count; i++) {
        struct gate *gate = &router->gates[i];
        uint32_t wanted = atomic_load(&gate->report_wanted) + 1;
        atomic_store(&gate->report_wanted, wanted);
        router_wake(router, i);
        pthread_mutex_lock(&router->wake_lock);
        int status = 0;
        while (status == 0 && !atomic_load(&router->threads[i].over) &&
               atomic_load(&gate->report_made) != wanted) {
            status = pthread_cond_timedwait(&router->reported, &router->wake_lock, &until);
        }
        pthread_mutex_unlock(&router->wake_lock);
    }
}

static uint64_t report_sum(const struct router *router, size_t offset)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < router->workers_count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&router->workers[i] + offset, sizeof value);
        sum += value;
    }
    return sum;
}

#define REPORT_FIELD(block, name)                                                                  \
    fprintf(out, ",\"" #name "\":%llu",                                                            \
            (unsigned long long)report_sum(router, offsetof(struct worker, block.name)))

void router_report(struct router *router, FILE *out)
{
    report_ask(router);
    fprintf(out, "{\"workers\":%u,\"io\":\"%s\",\"io_fallback\":%s", router->workers_count,
            router->workers[0].io_name, router->io_fallback != 0 ? "true" : "false");
#define COUNTER(name, help) REPORT_FIELD(stats_reported, name);
#include "common/stats.def"
#undef COUNTER
    REPORT_FIELD(gauges_reported, connections);
    REPORT_FIELD(gauges_reported, sessions);
    REPORT_FIELD(gauges_reported, subscriptions);
    REPORT_FIELD(gauges_reported, subscribers);
    REPORT_FIELD(gauges_reported, registrations);
    REPORT_FIELD(gauges_reported, callees);
    REPORT_FIELD(gauges_reported, claims);
    REPORT_FIELD(gauges_reported, calls_open);
    REPORT_FIELD(gauges_reported, invocations_open);
    REPORT_FIELD(io_reported, waits);
    REPORT_FIELD(io_reported, buffers_short);
    REPORT_FIELD(io_reported, accept_paused);
    for (int end = 1; end <= TRANSPORT_END_LOCAL; end++) {
        size_t offset =
            offsetof(struct worker, stats_reported.transport_ends) + (size_t)end * sizeof(uint64_t);
        fprintf(out, ",\"transport_end_%s\":%llu", transport_end_name((enum transport_end)end),
                (unsigned long long)report_sum(router, offset));
    }
    fprintf(out, "}\n");
    fflush(out);
}

/* ---- the end */

void router_join(struct router *router)
{
    for (unsigned i = 0; i < router->workers_count; i++) {
        if (router->threads[i].started) {
            pthread_join(router->threads[i].thread, NULL);
        }
    }
}

void router_free(struct router *router)
{
    for (unsigned i = 0; i < router->workers_count; i++) {
        if (router->ios[i] != NULL && !router->threads[i].started) {
            io_free(router->ios[i]);
        }
    }
    for (unsigned i = 0; i < router->workers_count; i++) {
        if (router->workers[i].io != NULL) {
            worker_fini(&router->workers[i]);
        }
    }
    for (unsigned i = 0; i < router->workers_count; i++) {
        if (router->workers[i].io != NULL) {
            worker_bury(&router->workers[i]);
        }
    }
    for (size_t i = 0; i < router->settings->listeners_count; i++) {
        if (router->settings->listeners[i].is_unix && router->endpoints[i] != NULL) {
            unlink(router->settings->listeners[i].path);
        }
        free(router->endpoints[i]);
    }
    free(router->workers);
    free(router->ios);
    free(router->gates);
    free(router->ways);
    free(router->ring_slots);
    free(router->threads);
    free(router->listenings);
    free(router->endpoints);
    free(router);
}
