/* The io over a simulated net: sim_io.h. Each wait visits the sockets in an order drawn anew; each
 * thing that may happen to a socket is given a time when it first may (mostly now), and happens at
 * the first wait that is not before it. */
#include "tests/sim/sim_net.h"

#include <errno.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define sim_poison(at, size) __asan_poison_memory_region(at, size)
#define sim_unpoison(at, size) __asan_unpoison_memory_region(at, size)
#else
#define sim_poison(at, size) memset(at, 0xdd, size)
#define sim_unpoison(at, size) ((void)(at), (void)(size))
#endif

enum {
    SIM_ID_SHIFT = 28,
    SIM_CHUNKS_MAX = 4,    /* receives of one socket in one wait */
    SIM_LATE_RECEIVES = 2, /* that may come after io_receive(off) */
};

struct sim_socket {
    struct list link; /* of the io: in use */
    uint32_t generation;
    int fd; /* -1: free */
    void *tag;
    bool wanted;
    bool over;
    bool closing;
    bool reset;
    uint32_t grace; /* receives that still come though not wanted */
    struct iovec vectors[IO_VECTORS_MAX];
    unsigned vectors_count; /* 0: no send in flight */
    uint64_t send_hash;
    bool send_done;
    int send_result;
    uint64_t read_ns; /* when the next of its kind happens; 0: not drawn yet */
    uint64_t send_ns;
    uint64_t close_ns;
};

struct sim_io {
    struct io io;
    struct list link; /* of the net */
    struct sim_net *net;
    struct io_options options;
    struct sim_socket *sockets;
    struct list used;
    uint32_t used_count;
    uint32_t *order;
    uint8_t *buffers;
    uint32_t buffers_used;
    bool woken;
};

static struct sim_io *sim_of(struct io *io)
{
    return container_of(io, struct sim_io, io);
}

static io_id sim_id(const struct sim_io *sim, const struct sim_socket *socket)
{
    return (uint64_t)socket->generation << SIM_ID_SHIFT | (uint64_t)(socket - sim->sockets);
}

static struct sim_socket *sim_socket(struct sim_io *sim, io_id id)
{
    uint64_t slot = id & ((1 << SIM_ID_SHIFT) - 1);
    check(slot < sim->options.sockets_max);
    struct sim_socket *socket = &sim->sockets[slot];
    check(socket->fd >= 0 && socket->generation == id >> SIM_ID_SHIFT);
    return socket;
}

static uint64_t sim_draw_ns(struct sim_net *net)
{
    bool late = sim_chance(net, net->faults.late) && net->faults.late_max_ns > 0;
    return net->now_ns + 1 + (late ? rng_below(&net->rng, net->faults.late_max_ns) : 0);
}

/* Times are stored with one added, so that 0 means: not drawn. */
static bool sim_due(struct sim_net *net, uint64_t *due_ns)
{
    *due_ns = *due_ns == 0 ? sim_draw_ns(net) : *due_ns;
    if (*due_ns - 1 > net->now_ns) {
        return false;
    }
    *due_ns = 0;
    return true;
}

static uint64_t sim_when(const struct sim_net *net, uint64_t due_ns)
{
    return due_ns == 0 ? net->now_ns : due_ns - 1;
}

static io_id sim_attach(struct io *io, int fd, void *tag, bool listens)
{
    struct sim_io *sim = sim_of(io);
    struct sim_fd *slot = sim_fd(sim->net, fd);
    check(!slot->attached && slot->listens == listens);
    for (uint32_t i = 0; i < sim->options.sockets_max; i++) {
        struct sim_socket *socket = &sim->sockets[i];
        if (socket->fd >= 0) {
            continue;
        }
        uint32_t generation = socket->generation + 1;
        *socket = (struct sim_socket){.generation = generation, .fd = fd, .tag = tag};
        socket->wanted = listens;
        list_push(&sim->used, &socket->link);
        sim->used_count++;
        slot->attached = true;
        sim->net->attached++;
        return sim_id(sim, socket);
    }
    return 0;
}

static io_id sim_listen(struct io *io, int fd, void *tag)
{
    return sim_attach(io, fd, tag, true);
}

static io_id sim_add(struct io *io, int fd, void *tag)
{
    return sim_attach(io, fd, tag, false);
}

static void sim_receive(struct io *io, io_id id, bool on)
{
    struct sim_io *sim = sim_of(io);
    struct sim_socket *socket = sim_socket(sim, id);
    check(!sim_fd(sim->net, socket->fd)->listens);
    if (socket->closing || socket->over || socket->wanted == on) {
        return;
    }
    socket->wanted = on;
    bool late = !on && sim_chance(sim->net, sim->net->faults.late);
    socket->grace = late ? SIM_LATE_RECEIVES : 0;
}

static uint64_t sim_send_hash(const struct sim_socket *socket)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (unsigned i = 0; i < socket->vectors_count; i++) {
        const uint8_t *at = socket->vectors[i].iov_base;
        size_t size = socket->vectors[i].iov_len;
        uint64_t sums[4] = {0}; /* side by side: queues of slow readers are long */
        for (; size >= 32; size -= 32, at += 32) {
            uint64_t words[4];
            memcpy(words, at, sizeof words);
            for (unsigned k = 0; k < 4; k++) {
                sums[k] = (sums[k] + words[k]) * UINT64_C(0x9e3779b97f4a7c15);
            }
        }
        for (; size > 0; size--, at++) {
            hash = (hash ^ *at) * UINT64_C(0x100000001b3);
        }
        hash ^= sums[0] ^ sums[1] << 1 ^ sums[2] << 2 ^ sums[3] << 3;
    }
    return hash;
}

static void sim_send(struct io *io, io_id id, const struct iovec *vectors, unsigned count)
{
    struct sim_socket *socket = sim_socket(sim_of(io), id);
    check(count > 0 && count <= IO_VECTORS_MAX);
    check(socket->vectors_count == 0 && !socket->closing);
    memcpy(socket->vectors, vectors, count * sizeof(*vectors));
    socket->vectors_count = count;
    socket->send_done = false;
    socket->send_hash = sim_send_hash(socket);
}

static void sim_close(struct io *io, io_id id, bool reset)
{
    struct sim_socket *socket = sim_socket(sim_of(io), id);
    socket->closing = true;
    socket->reset = socket->reset || reset;
    socket->wanted = false;
    socket->grace = 0;
}

static void sim_wake(struct io *io)
{
    sim_of(io)->woken = true;
}

struct sim_batch {
    struct io_event *events;
    size_t count;
    size_t max;
};

static struct io_event *sim_event(struct sim_io *sim, struct sim_batch *batch,
                                  const struct sim_socket *socket, enum io_kind kind, int result)
{
    check(batch->count < batch->max);
    struct io_event *event = &batch->events[batch->count];
    batch->count++;
    *event = (struct io_event){.kind = kind, .result = result};
    if (socket != NULL) {
        event->id = sim_id(sim, socket);
        event->tag = socket->tag;
    }
    sim_trace(sim->net, event->id);
    sim_trace(sim->net, (uint64_t)kind << 32 | (uint32_t)result);
    return event;
}

static int sim_send_error(const struct sim_conn *conn)
{
    if (conn->reset_by_client) {
        return -ECONNRESET;
    }
    return conn->client_open ? 0 : -EPIPE;
}

static size_t sim_send_total(const struct sim_socket *socket)
{
    size_t total = 0;
    for (unsigned i = 0; i < socket->vectors_count; i++) {
        total += socket->vectors[i].iov_len;
    }
    return total;
}

static void sim_send_take(struct sim_io *sim, struct sim_socket *socket, struct sim_pipe *pipe)
{
    struct sim_net *net = sim->net;
    size_t left = size_min(sim_send_total(socket), sim_pipe_room(pipe));
    if (left > 1 && sim_chance(net, net->faults.send_short)) {
        left = 1 + (size_t)rng_below(&net->rng, left);
    }
    socket->send_done = true;
    socket->send_result = (int)left;
    for (unsigned i = 0; left > 0; i++) {
        size_t size = size_min(left, socket->vectors[i].iov_len);
        if (size > 0) {
            sim_pipe_write(net, pipe, socket->vectors[i].iov_base, size);
        }
        left -= size;
    }
}

/* Takes octets, then gives word of it, perhaps later. */
static void sim_step_send(struct sim_io *sim, struct sim_socket *socket, struct sim_batch *batch)
{
    struct sim_net *net = sim->net;
    struct sim_conn *conn = sim_fd(net, socket->fd)->conn;
    struct sim_pipe *pipe = &conn->pipes[SIM_TO_CLIENT];
    if (!socket->send_done) {
        int error = sim_send_error(conn);
        bool room = sim_pipe_room(pipe) > 0 || sim_send_total(socket) == 0;
        if (error == 0 && !room && !socket->closing) {
            return;
        }
        if (error != 0 || (socket->closing && (!room || socket->reset))) {
            socket->send_done = true;
            socket->send_result = error != 0 ? error : -ECANCELED;
        } else if (socket->closing || sim_due(net, &socket->send_ns)) {
            sim_send_take(sim, socket, pipe);
        } else {
            return;
        }
    }
    if (sim_due(net, &socket->send_ns)) {
        check(sim_send_hash(socket) == socket->send_hash); /* it had to stay until IO_SENT */
        socket->vectors_count = 0;
        sim_event(sim, batch, socket, IO_SENT, socket->send_result);
    }
}

static void sim_give(struct sim_io *sim, struct sim_socket *socket, struct sim_batch *batch,
                     struct sim_pipe *pipe)
{
    struct sim_net *net = sim->net;
    size_t size = size_min(sim_pipe_arrived(net, pipe), sim->options.buffer_bytes);
    if (size > 1 && sim_chance(net, net->faults.receive_short)) {
        size = 1 + (size_t)rng_below(&net->rng, size);
    }
    uint8_t *buffer = sim->buffers + (size_t)sim->buffers_used * sim->options.buffer_bytes;
    sim->buffers_used++;
    sim_unpoison(buffer, size);
    sim_pipe_read(pipe, buffer, size);
    struct io_event *event = sim_event(sim, batch, socket, IO_RECEIVED, 0);
    event->data = buffer;
    event->size = size;
    sim_trace(net, size);
}

static void sim_step_read(struct sim_io *sim, struct sim_socket *socket, struct sim_batch *batch)
{
    struct sim_net *net = sim->net;
    struct sim_conn *conn = sim_fd(net, socket->fd)->conn;
    struct sim_pipe *pipe = &conn->pipes[SIM_TO_ROUTER];
    for (uint32_t i = 0; i < SIM_CHUNKS_MAX && batch->count < batch->max; i++) {
        bool open = socket->wanted || socket->grace > 0;
        bool some = sim_pipe_arrived(net, pipe) > 0;
        bool over = sim_pipe_over(net, pipe);
        if (!open || (!some && !over) || !sim_due(net, &socket->read_ns)) {
            return;
        }
        if (some) {
            bool none = sim->buffers_used == sim->options.buffers_count;
            if (none || sim_chance(net, net->faults.starve)) {
                sim->io.counters.buffers_short++;
                return;
            }
            sim_give(sim, socket, batch, pipe);
            socket->grace -= socket->grace > 0;
        } else {
            socket->over = true;
            socket->wanted = false;
            socket->grace = 0;
            sim_event(sim, batch, socket, IO_ENDED, conn->reset_by_client ? -ECONNRESET : 0);
        }
    }
}

static void sim_step_accept(struct sim_io *sim, struct sim_socket *socket, struct sim_batch *batch)
{
    struct sim_net *net = sim->net;
    struct sim_fd *slot = sim_fd(net, socket->fd);
    while (!list_empty(&slot->backlog) && batch->count < batch->max) {
        struct sim_conn *conn = container_of(slot->backlog.next, struct sim_conn, wait);
        if (conn->accept_ns > net->now_ns || !sim_due(net, &socket->read_ns)) {
            return;
        }
        if (sim_chance(net, net->faults.descriptors_short)) {
            sim->io.counters.accept_paused++;
            socket->read_ns = 1 + net->now_ns + IO_ACCEPT_PAUSE_MS * NS_PER_MS;
            return;
        }
        list_remove(&conn->wait);
        sim_event(sim, batch, socket, IO_ACCEPTED, sim_fd_take(net, conn));
    }
}

static void sim_let_go(struct sim_io *sim, struct sim_socket *socket)
{
    struct sim_net *net = sim->net;
    struct sim_fd *slot = sim_fd(net, socket->fd);
    if (!slot->listens) {
        sim_conn_leave(net, slot->conn, true, socket->reset);
    }
    sim_fd_give(net, socket->fd);
    net->attached--;
    socket->fd = -1;
    list_remove(&socket->link);
    sim->used_count--;
}

static void sim_step(struct sim_io *sim, struct sim_socket *socket, struct sim_batch *batch)
{
    if (sim_fd(sim->net, socket->fd)->listens) {
        if (!socket->closing) {
            sim_step_accept(sim, socket, batch);
        }
    } else {
        bool read_first = sim_chance(sim->net, 500);
        if (read_first) {
            sim_step_read(sim, socket, batch);
        }
        if (socket->vectors_count > 0 && batch->count < batch->max) {
            sim_step_send(sim, socket, batch);
        }
        if (!read_first) {
            sim_step_read(sim, socket, batch);
        }
    }
    bool done = socket->closing && socket->vectors_count == 0 && batch->count < batch->max;
    if (done && sim_due(sim->net, &socket->close_ns)) {
        sim_event(sim, batch, socket, IO_CLOSED, 0);
        sim_let_go(sim, socket);
    }
}

static void sim_buffers_return(struct sim_io *sim)
{
    size_t size = (size_t)sim->buffers_used * sim->options.buffer_bytes;
    if (size > 0) {
        sim_poison(sim->buffers, size);
    }
    sim->buffers_used = 0;
}

static size_t sim_wait(struct io *io, struct io_event *events, size_t events_max, uint64_t now_ns,
                       uint64_t until_ns)
{
    (void)until_ns;
    struct sim_io *sim = sim_of(io);
    struct sim_batch batch = {.events = events, .max = events_max};
    check(events_max > 0);
    io->counters.waits++;
    sim_net_advance(sim->net, now_ns);
    sim_buffers_return(sim);
    uint32_t count = 0;
    list_for_each(node, &sim->used)
    {
        struct sim_socket *socket = container_of(node, struct sim_socket, link);
        sim->order[count] = (uint32_t)(socket - sim->sockets);
        count++;
    }
    if (sim->woken) {
        sim->woken = false;
        sim_event(sim, &batch, NULL, IO_WOKEN, 0);
    }
    while (count > 0 && batch.count < batch.max) {
        uint32_t pick = (uint32_t)rng_below(&sim->net->rng, count);
        struct sim_socket *socket = &sim->sockets[sim->order[pick]];
        count--;
        sim->order[pick] = sim->order[count];
        sim_step(sim, socket, &batch);
    }
    return batch.count;
}

static uint64_t sim_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t sim_listener_next_ns(struct sim_io *sim, struct sim_socket *socket)
{
    struct sim_fd *slot = sim_fd(sim->net, socket->fd);
    if (socket->closing) {
        return sim_when(sim->net, socket->close_ns);
    }
    if (list_empty(&slot->backlog)) {
        return NEVER;
    }
    uint64_t accept_ns = container_of(slot->backlog.next, struct sim_conn, wait)->accept_ns;
    uint64_t due_ns = sim_when(sim->net, socket->read_ns);
    return accept_ns > due_ns ? accept_ns : due_ns;
}

static uint64_t sim_socket_next_ns(struct sim_io *sim, struct sim_socket *socket)
{
    struct sim_net *net = sim->net;
    struct sim_conn *conn = sim_fd(net, socket->fd)->conn;
    uint64_t next_ns = NEVER;
    if (socket->vectors_count > 0) {
        bool room = sim_pipe_room(&conn->pipes[SIM_TO_CLIENT]) > 0;
        bool may = room || socket->send_done || sim_send_error(conn) != 0 || socket->closing ||
                   sim_send_total(socket) == 0;
        next_ns = may ? sim_when(net, socket->send_ns) : NEVER;
    } else if (socket->closing) {
        next_ns = sim_when(net, socket->close_ns);
    }
    if (socket->wanted || socket->grace > 0) {
        struct sim_pipe *pipe = &conn->pipes[SIM_TO_ROUTER];
        bool some = sim_pipe_arrived(net, pipe) > 0 || sim_pipe_over(net, pipe);
        uint64_t read_ns = some ? sim_when(net, socket->read_ns) : sim_pipe_next_ns(net, pipe);
        next_ns = sim_min(next_ns, read_ns);
    }
    return next_ns;
}

uint64_t sim_io_next_ns(struct io *io)
{
    struct sim_io *sim = sim_of(io);
    uint64_t next_ns = sim->woken ? sim->net->now_ns : NEVER;
    list_for_each(node, &sim->used)
    {
        struct sim_socket *socket = container_of(node, struct sim_socket, link);
        bool listens = sim_fd(sim->net, socket->fd)->listens;
        next_ns = sim_min(next_ns, listens ? sim_listener_next_ns(sim, socket)
                                           : sim_socket_next_ns(sim, socket));
    }
    return next_ns;
}

uint64_t sim_net_next_ns(struct sim_net *net)
{
    uint64_t next_ns = NEVER;
    list_for_each(node, &net->ios)
    {
        struct sim_io *sim = container_of(node, struct sim_io, link);
        next_ns = sim_min(next_ns, sim_io_next_ns(&sim->io));
    }
    list_for_each(node, &net->conns)
    {
        struct sim_conn *conn = container_of(node, struct sim_conn, link);
        if (conn->client_open && !conn->reset_by_client) {
            uint64_t arrival_ns = sim_pipe_next_ns(net, &conn->pipes[SIM_TO_CLIENT]);
            next_ns = sim_min(next_ns, arrival_ns);
        }
    }
    return next_ns;
}

static void sim_io_free(struct io *io)
{
    struct sim_io *sim = sim_of(io);
    list_for_each_safe(node, &sim->used)
    {
        sim_let_go(sim, container_of(node, struct sim_socket, link));
    }
    list_remove(&sim->link);
    sim_unpoison(sim->buffers, (size_t)sim->options.buffers_count * sim->options.buffer_bytes);
    free(sim->buffers);
    free(sim->order);
    free(sim->sockets);
    free(sim);
}

static const struct io_ops sim_ops = {
    .free = sim_io_free,
    .listen = sim_listen,
    .add = sim_add,
    .receive = sim_receive,
    .send = sim_send,
    .close = sim_close,
    .wake = sim_wake,
    .wait = sim_wait,
};

struct io *sim_io_new(struct sim_net *net, const struct io_options *options)
{
    struct sim_io *sim = calloc(1, sizeof(*sim));
    check(sim != NULL && options->sockets_max > 0 && options->sockets_max <= SIM_FDS_MAX);
    size_t buffers_bytes = (size_t)options->buffers_count * options->buffer_bytes;
    check(buffers_bytes > 0);
    sim->io.ops = &sim_ops;
    sim->io.name = "sim";
    sim->net = net;
    sim->options = *options;
    sim->sockets = calloc(options->sockets_max, sizeof(struct sim_socket));
    sim->order = calloc(options->sockets_max, sizeof(uint32_t));
    sim->buffers = malloc(buffers_bytes);
    check(sim->sockets != NULL && sim->order != NULL && sim->buffers != NULL);
    for (uint32_t i = 0; i < options->sockets_max; i++) {
        sim->sockets[i].fd = -1;
    }
    list_init(&sim->used);
    list_push(&net->ios, &sim->link);
    sim_poison(sim->buffers, buffers_bytes);
    return &sim->io;
}
