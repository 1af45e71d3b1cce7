/* Going to sleep without missing a call: the worker marks its gate, then looks at its rings once
 * more; a sender puts into a ring, then looks at the gate. Both touch the gate with read-modify-
 * write operations, so one of the two sees the other. */
#include "router/worker.h"

#include "router/conn.h"

struct socket {
    bool is_listener; /* false, see struct listening */
    struct list link; /* in worker->sockets */
    bool sending;
    bool reading;
    bool closing;
    struct conn *conn; /* NULL: refused, only to be closed */
    io_id id;
};

static struct way *way_between(const struct worker *worker, unsigned from, unsigned to)
{
    return &worker->ways[from * worker->workers + to];
}

/* ---- sockets */

static void socket_close(struct worker *worker, struct socket *socket)
{
    if (!socket->closing) {
        socket->closing = true;
        io_close(worker->io, socket->id, socket->conn == NULL || socket->conn->reset);
    }
}

static void socket_free(struct worker *worker, struct socket *socket)
{
    list_remove(&socket->link);
    mem_give(&worker->core.mem, socket, sizeof *socket);
    atomic_fetch_sub_explicit(&worker->gates[worker->self].load, 1, memory_order_relaxed);
}

static void socket_refuse(struct worker *worker, int fd)
{
    worker->discard(fd);
    worker->core.stats.connections_refused++;
}

static void socket_take(struct worker *worker, int fd, const struct listener_settings *settings)
{
    struct core *core = &worker->core;
    struct socket *socket = mem_take_zero(&core->mem, sizeof *socket);
    if (socket == NULL) {
        atomic_fetch_sub_explicit(&worker->gates[worker->self].load, 1, memory_order_relaxed);
        socket_refuse(worker, fd);
        return;
    }
    list_init(&socket->link);
    list_push(&worker->sockets, &socket->link);
    socket->id = io_add(worker->io, fd, socket);
    if (socket->id == 0) {
        socket_free(worker, socket);
        socket_refuse(worker, fd);
        return;
    }
    socket->conn = conn_open(core, settings, socket);
    if (socket->conn == NULL) {
        socket_close(worker, socket);
    }
}

static void socket_closed(struct worker *worker, struct socket *socket)
{
    if (socket->conn != NULL) {
        conn_release(socket->conn);
    }
    socket_free(worker, socket);
}

/* Sends what waits, pauses or resumes reading, closes when nothing is left to do. */
static void socket_flush(struct worker *worker, struct socket *socket)
{
    struct conn *conn = socket->conn;
    if (socket->closing) {
        return;
    }
    if (!socket->sending && conn->out.bytes > 0 && conn->phase != CONN_CLOSING) {
        struct iovec vectors[IO_VECTORS_MAX];
        unsigned count = outq_gather(&conn->out, vectors, IO_VECTORS_MAX);
        socket->sending = true;
        for (unsigned i = 0; i < count; i++) {
            conn->in_flight += vectors[i].iov_len;
        }
        io_send(worker->io, socket->id, vectors, count);
    }
    if (conn_is_done(conn)) {
        socket_close(worker, socket);
        return;
    }
    bool wants = conn_wants_reading(conn);
    if (wants != socket->reading) {
        socket->reading = wants;
        io_receive(worker->io, socket->id, wants);
    }
}

static void sockets_flush(struct worker *worker)
{
    struct list *node;
    while ((node = list_pop(&worker->core.dirty)) != NULL) {
        struct conn *conn = container_of(node, struct conn, in_dirty);
        socket_flush(worker, conn->world);
    }
}

/* ---- fresh connections go to the least loaded worker */

static unsigned worker_least_loaded(struct worker *worker)
{
    unsigned best = worker->self;
    uint32_t load = atomic_load_explicit(&worker->gates[best].load, memory_order_relaxed);
    for (unsigned i = 0; i < worker->workers; i++) {
        uint32_t other = atomic_load_explicit(&worker->gates[i].load, memory_order_relaxed);
        if (other < load) {
            best = i;
            load = other;
        }
    }
    return best;
}

static void gate_wake(struct worker *worker, unsigned to, bool for_home)
{
    struct gate *gate = &worker->gates[to];
    int sleep = atomic_fetch_add(&gate->sleep, 0); /* pairs with the exchange in worker_rest */
    if (sleep == GATE_AWAKE || (for_home && sleep != GATE_ASLEEP_IN_NEED)) {
        return;
    }
    if (atomic_exchange(&gate->sleep, GATE_AWAKE) != GATE_AWAKE) {
        worker->core.stats.wakes_sent++;
        io_wake(worker->ios[to]);
    }
}

/* An accepted socket travels as one word: the fd and its listener's number. */
static void *socket_word(int fd, uint32_t listener)
{
    return (void *)(((uintptr_t)(unsigned)fd << 16 | listener) + 1);
}

static void worker_accepted(struct worker *worker, const struct listening *listening, int fd)
{
    unsigned to = worker_least_loaded(worker);
    if (to != worker->self && ring_push(&way_between(worker, worker->self, to)->sockets,
                                        socket_word(fd, listening->index))) {
        atomic_fetch_add_explicit(&worker->gates[to].load, 1, memory_order_relaxed);
        worker->core.stats.sockets_handed++;
        gate_wake(worker, to, false);
        return;
    }
    atomic_fetch_add_explicit(&worker->gates[worker->self].load, 1, memory_order_relaxed);
    socket_take(worker, fd, listening->settings);
}

static void worker_take_sockets(struct worker *worker, unsigned from)
{
    void *word;
    while ((word = ring_pop(&way_between(worker, from, worker->self)->sockets)) != NULL) {
        uintptr_t number = (uintptr_t)word - 1;
        uint32_t listener = (uint32_t)(number & 0xffff);
        socket_take(worker, (int)(number >> 16), &worker->core.settings->listeners[listener]);
    }
}

/* ---- events of the io */

static void worker_event(struct worker *worker, const struct io_event *event)
{
    struct socket *socket = event->tag;
    switch (event->kind) {
    case IO_ACCEPTED:
        worker_accepted(worker, event->tag, event->result);
        break;
    case IO_RECEIVED:
        if (!socket->closing) {
            conn_receive(socket->conn, event->data, event->size);
        }
        break;
    case IO_ENDED:
        if (!socket->closing) {
            conn_peer_ended(socket->conn);
        }
        break;
    case IO_SENT:
        socket->sending = false;
        if (event->result >= 0) {
            conn_sent(socket->conn, (size_t)event->result);
        } else if (!socket->closing) {
            conn_peer_ended(socket->conn);
        }
        break;
    case IO_CLOSED:
        if (socket->is_listener) {
            ((struct listening *)event->tag)->id = 0;
        } else {
            socket_closed(worker, socket);
        }
        break;
    case IO_WOKEN:
        break;
    }
}

/* ---- rings */

static void worker_take_parcels(struct worker *worker, unsigned from)
{
    struct way *way = way_between(worker, from, worker->self);
    struct parcel *parcel;
    while ((parcel = ring_pop(&way->parcels)) != NULL) {
        core_notes_receive(&worker->core, (place_id)from, bytes_make(parcel->data, parcel->size));
        list_init(&parcel->link);
        list_push(&worker->homing[from], &parcel->link);
    }
    bool sent = false;
    struct list *node;
    while ((node = list_pop(&worker->homing[from])) != NULL) {
        parcel = container_of(node, struct parcel, link);
        if (!ring_push(&way->homes, parcel)) {
            list_push(worker->homing[from].next, &parcel->link);
            break;
        }
        sent = true;
    }
    if (sent) {
        gate_wake(worker, from, true);
    }
}

static void worker_take_homes(struct worker *worker, unsigned from)
{
    struct parcel *parcel;
    while ((parcel = ring_pop(&way_between(worker, worker->self, from)->homes)) != NULL) {
        core_parcel_home(&worker->core, (place_id)from, parcel);
    }
}

static void worker_drain_rings(struct worker *worker)
{
    for (unsigned from = 0; from < worker->workers; from++) {
        if (from != worker->self) {
            worker_take_sockets(worker, from);
            worker_take_parcels(worker, from);
            worker_take_homes(worker, from);
        }
    }
}

/* Hands over what is ready; what a full ring does not take stays first in its lane. */
static void worker_hand_over(struct worker *worker)
{
    for (unsigned to = 0; to < worker->workers; to++) {
        struct lane *lane = &worker->core.lanes[to];
        struct parcel *parcel;
        bool sent = false;
        while ((parcel = lane_take(lane)) != NULL) {
            if (!ring_push(&way_between(worker, worker->self, to)->parcels, parcel)) {
                lane_return(lane, parcel);
                break;
            }
            worker->core.stats.parcels_sent++;
            sent = true;
        }
        if (sent) {
            gate_wake(worker, to, false);
        }
    }
}

static bool worker_rings_empty(const struct worker *worker)
{
    for (unsigned from = 0; from < worker->workers; from++) {
        if (from == worker->self) {
            continue;
        }
        struct way *in = way_between(worker, from, worker->self);
        struct way *out = way_between(worker, worker->self, from);
        if (ring_count(&in->parcels) > 0 || ring_count(&in->sockets) > 0 ||
            ring_count(&out->homes) > 0 || !list_empty(&worker->homing[from])) {
            return false;
        }
    }
    return true;
}

/* Whether a parcel that comes home would let something go on here. */
static bool worker_in_need(const struct worker *worker)
{
    if (worker->core.lanes_full != 0) {
        return true;
    }
    for (unsigned to = 0; to < worker->workers; to++) {
        if (!list_empty(&worker->core.lanes[to].ready)) {
            return true;
        }
    }
    return false;
}

/* ---- the turn */

static uint64_t worker_until(struct worker *worker, uint64_t now_ns, bool may_wait)
{
    struct gate *gate = &worker->gates[worker->self];
    if (!may_wait) {
        return now_ns;
    }
    if (worker->workers > 1) {
        int sleep = worker_in_need(worker) ? GATE_ASLEEP_IN_NEED : GATE_ASLEEP;
        atomic_exchange(&gate->sleep, sleep); /* pairs with gate_wake */
        if (!worker_rings_empty(worker)) {
            return now_ns;
        }
    }
    uint64_t until = core_next_ns(&worker->core);
    if (worker->drained && worker->drain_until_ns < until) {
        until = worker->drain_until_ns;
    }
    return until;
}

void worker_make_report(struct worker *worker)
{
    worker->stats_reported = worker->core.stats;
    worker->gauges_reported = worker->core.gauges;
    worker->io_reported = worker->io->counters;
}

static void worker_report(struct worker *worker)
{
    struct gate *gate = &worker->gates[worker->self];
    uint32_t wanted = atomic_load_explicit(&gate->report_wanted, memory_order_acquire);
    if (unlikely(wanted != atomic_load_explicit(&gate->report_made, memory_order_relaxed))) {
        worker_make_report(worker);
        atomic_store_explicit(&gate->report_made, wanted, memory_order_release);
    }
}

static void worker_begin_drain(struct worker *worker)
{
    worker->drained = true;
    worker->drain_until_ns = worker->core.now_ns + worker->core.limits->drain_ms * NS_PER_MS;
    for (uint32_t i = 0; i < worker->listenings_count; i++) {
        if (worker->listenings[i].id != 0) {
            io_close(worker->io, worker->listenings[i].id, false);
        }
    }
    core_drain(&worker->core);
}

bool worker_turn(struct worker *worker, bool may_wait)
{
    struct core *core = &worker->core;
    struct gate *gate = &worker->gates[worker->self];
    uint64_t now_ns = worker->clock(worker->clock_context);
    uint64_t until_ns = worker_until(worker, now_ns, may_wait);
    size_t count = io_wait(worker->io, worker->events, WORKER_EVENTS, now_ns, until_ns);
    if (worker->workers > 1) {
        atomic_store(&gate->sleep, GATE_AWAKE);
    }
    core_turn_begin(core, worker->clock(worker->clock_context));
    for (size_t i = 0; i < count; i++) {
        worker_event(worker, &worker->events[i]);
    }
    worker_drain_rings(worker);
    int command = atomic_load_explicit(&gate->command, memory_order_acquire);
    if (unlikely(command == GATE_DRAIN && !worker->drained)) {
        worker_begin_drain(worker);
    }
    core_turn_end(core);
    worker_hand_over(worker);
    sockets_flush(worker);
    worker_report(worker);
    bool over = command == GATE_STOP ||
                (worker->drained &&
                 (core->gauges.connections == 0 || core->now_ns >= worker->drain_until_ns));
    return !over;
}

/* ---- its life */

bool worker_init(struct worker *worker, const struct worker_options *options)
{
    memset(worker, 0, sizeof *worker);
    worker->io = options->io;
    worker->io_name = options->io->name;
    worker->clock = options->clock;
    worker->clock_context = options->clock_context;
    worker->gates = options->gates;
    worker->ways = options->ways;
    worker->ios = options->ios;
    worker->workers = options->core->places;
    worker->self = options->core->self;
    worker->discard = options->discard;
    list_init(&worker->sockets);
    for (unsigned i = 0; i < PLACES_MAX; i++) {
        list_init(&worker->homing[i]);
    }
    return core_init(&worker->core, options->core);
}

void worker_fini(struct worker *worker)
{
    struct list *node;
    while ((node = list_pop(&worker->sockets)) != NULL) {
        struct socket *socket = container_of(node, struct socket, link);
        if (socket->conn != NULL) {
            conn_release(socket->conn);
        }
        socket_free(worker, socket);
    }
    for (unsigned from = 0; from < worker->workers; from++) {
        if (from != worker->self) {
            void *word;
            while ((word = ring_pop(&way_between(worker, from, worker->self)->sockets)) != NULL) {
                worker->discard((int)(((uintptr_t)word - 1) >> 16));
            }
        }
    }
}

void worker_bury(struct worker *worker)
{
    for (unsigned to = 0; to < worker->workers; to++) {
        if (to != worker->self) {
            struct way *way = way_between(worker, worker->self, to);
            struct worker *other = worker - worker->self + to;
            struct parcel *parcel;
            struct list *node;
            while ((parcel = ring_pop(&way->parcels)) != NULL) {
                core_parcel_home(&worker->core, (place_id)to, parcel);
            }
            worker_take_homes(worker, to);
            while ((node = list_pop(&other->homing[worker->self])) != NULL) {
                core_parcel_home(&worker->core, (place_id)to,
                                 container_of(node, struct parcel, link));
            }
        }
    }
    core_fini(&worker->core);
}

bool worker_listen(struct worker *worker, struct listening *listening, int fd)
{
    listening->is_listener = true;
    listening->id = io_listen(worker->io, fd, listening);
    return listening->id != 0;
}
