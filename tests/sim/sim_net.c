/* Pipes, connections and numbers of the simulated net: sim_io.h. */
#include "tests/sim/sim_net.h"

#include <stdlib.h>

bool sim_chance(struct sim_net *net, uint32_t thousandths)
{
    return thousandths > 0 && rng_below(&net->rng, 1000) < thousandths;
}

void sim_trace(struct sim_net *net, uint64_t value)
{
    net->trace = (net->trace ^ value) * UINT64_C(0x100000001b3);
    net->trace ^= net->trace >> 29;
}

static uint32_t sim_draw(struct sim_net *net, uint32_t max)
{
    return rng_below(&net->rng, 2) == 0 ? 0 : (uint32_t)rng_below(&net->rng, max + 1);
}

struct sim_net *sim_net_new(uint64_t seed)
{
    struct sim_net *net = calloc(1, sizeof(*net));
    check(net != NULL);
    rng_init(&net->rng, seed);
    list_init(&net->conns);
    list_init(&net->ios);
    net->faults = (struct sim_faults){
        .socket_bytes = 1U << (8 + rng_below(&net->rng, 10)),
        .send_short = sim_draw(net, 800),
        .receive_short = sim_draw(net, 800),
        .late = sim_draw(net, 500),
        .starve = sim_draw(net, 300),
        .descriptors_short = sim_draw(net, 200),
        .late_max_ns = 1 + rng_below(&net->rng, 20 * NS_PER_MS),
        .way_max_ns = sim_draw(net, 50) * NS_PER_MS,
    };
    return net;
}

static void sim_conn_free(struct sim_conn *conn)
{
    list_remove(&conn->link);
    list_remove(&conn->wait);
    free(conn->pipes[0].bytes);
    free(conn->pipes[1].bytes);
    free(conn);
}

void sim_net_free(struct sim_net *net)
{
    check(list_empty(&net->ios) && net->attached == 0);
    list_for_each_safe(node, &net->conns)
    {
        struct sim_conn *conn = container_of(node, struct sim_conn, link);
        check(!conn->client_open); /* every end is freed first */
        sim_conn_free(conn);
    }
    free(net);
}

struct sim_faults *sim_net_faults(struct sim_net *net)
{
    return &net->faults;
}

uint64_t sim_net_now_ns(const struct sim_net *net)
{
    return net->now_ns;
}

void sim_net_advance(struct sim_net *net, uint64_t now_ns)
{
    net->now_ns = now_ns > net->now_ns ? now_ns : net->now_ns;
}

uint64_t sim_net_trace(const struct sim_net *net)
{
    return net->trace;
}

uint32_t sim_net_attached(const struct sim_net *net)
{
    return net->attached;
}

/* ---- pipes */

static uint64_t sim_way_ns(struct sim_net *net, const struct sim_pipe *pipe)
{
    uint64_t way_ns = net->faults.way_max_ns;
    uint64_t due_ns = net->now_ns + (way_ns == 0 ? 0 : rng_below(&net->rng, way_ns + 1));
    return due_ns > pipe->due_last_ns ? due_ns : pipe->due_last_ns;
}

size_t sim_pipe_room(const struct sim_pipe *pipe)
{
    return pipe->room - pipe->size;
}

void sim_pipe_write(struct sim_net *net, struct sim_pipe *pipe, const void *at, size_t size)
{
    check(size <= sim_pipe_room(pipe) && !pipe->finished);
    size_t tail = (pipe->head + pipe->size) % pipe->room;
    size_t first = size_min(size, pipe->room - tail);
    memcpy(pipe->bytes + tail, at, first);
    memcpy(pipe->bytes, (const uint8_t *)at + first, size - first);
    pipe->size += size;
    pipe->due_last_ns = sim_way_ns(net, pipe);
    if (pipe->segments_count == SIM_SEGMENTS) {
        pipe->segments_count--; /* the last two travel together, as late as the later */
        uint32_t last = (pipe->segments_head + pipe->segments_count) % SIM_SEGMENTS;
        size += pipe->segments[last].size;
    }
    uint32_t next = (pipe->segments_head + pipe->segments_count) % SIM_SEGMENTS;
    pipe->segments[next] = (struct sim_segment){.size = size, .due_ns = pipe->due_last_ns};
    pipe->segments_count++;
}

size_t sim_pipe_arrived(struct sim_net *net, struct sim_pipe *pipe)
{
    while (pipe->segments_count > 0) {
        struct sim_segment *segment = &pipe->segments[pipe->segments_head];
        if (segment->due_ns > net->now_ns) {
            break;
        }
        pipe->arrived += segment->size;
        pipe->segments_head = (pipe->segments_head + 1) % SIM_SEGMENTS;
        pipe->segments_count--;
    }
    return pipe->arrived;
}

void sim_pipe_read(struct sim_pipe *pipe, void *to, size_t size)
{
    check(size <= pipe->arrived);
    size_t first = size_min(size, pipe->room - pipe->head);
    memcpy(to, pipe->bytes + pipe->head, first);
    memcpy((uint8_t *)to + first, pipe->bytes, size - first);
    pipe->head = (pipe->head + size) % pipe->room;
    pipe->size -= size;
    pipe->arrived -= size;
}

bool sim_pipe_over(struct sim_net *net, struct sim_pipe *pipe)
{
    return pipe->finished && pipe->size == 0 && pipe->finish_ns <= net->now_ns;
}

uint64_t sim_pipe_next_ns(struct sim_net *net, struct sim_pipe *pipe)
{
    sim_pipe_arrived(net, pipe);
    if (pipe->segments_count > 0) {
        return pipe->segments[pipe->segments_head].due_ns;
    }
    return pipe->finished && pipe->finish_ns > net->now_ns ? pipe->finish_ns : NEVER;
}

static void sim_pipe_finish(struct sim_net *net, struct sim_pipe *pipe)
{
    if (!pipe->finished) {
        pipe->finished = true;
        pipe->finish_ns = sim_way_ns(net, pipe);
    }
}

/* A reset loses what is on its way, and a part of what arrived. */
static void sim_pipe_cut(struct sim_net *net, struct sim_pipe *pipe)
{
    size_t keep = (size_t)rng_below(&net->rng, sim_pipe_arrived(net, pipe) + 1);
    pipe->size = keep;
    pipe->arrived = keep;
    pipe->segments_count = 0;
    pipe->finished = true;
    pipe->finish_ns = net->now_ns;
}

/* ---- fds */

struct sim_fd *sim_fd(struct sim_net *net, int fd)
{
    check(fd >= SIM_FD_FIRST && (uint32_t)(fd - SIM_FD_FIRST) < net->fds_used);
    struct sim_fd *slot = &net->fds[fd - SIM_FD_FIRST];
    check(slot->used);
    return slot;
}

int sim_fd_take(struct sim_net *net, struct sim_conn *conn)
{
    uint32_t index = net->fds_used;
    if (net->fds_free_count > 0) {
        net->fds_free_count--;
        index = net->fds_free[net->fds_free_count];
    } else {
        check(net->fds_used < SIM_FDS_MAX);
        net->fds_used++;
    }
    struct sim_fd *slot = &net->fds[index];
    *slot = (struct sim_fd){.conn = conn, .used = true, .listens = conn == NULL};
    list_init(&slot->backlog);
    return SIM_FD_FIRST + (int)index;
}

void sim_fd_give(struct sim_net *net, int fd)
{
    struct sim_fd *slot = sim_fd(net, fd);
    list_for_each_safe(node, &slot->backlog)
    {
        sim_conn_leave(net, container_of(node, struct sim_conn, wait), true, true);
    }
    slot->used = false;
    net->fds_free[net->fds_free_count] = (uint32_t)(fd - SIM_FD_FIRST);
    net->fds_free_count++;
}

int sim_listen_fd(struct sim_net *net)
{
    return sim_fd_take(net, NULL);
}

/* ---- connections */

void sim_conn_finish(struct sim_net *net, struct sim_conn *conn, unsigned way)
{
    sim_pipe_finish(net, &conn->pipes[way]);
}

void sim_conn_leave(struct sim_net *net, struct sim_conn *conn, bool router, bool reset)
{
    list_remove(&conn->wait);
    if (router) {
        /* As in life: closing with octets unread is a reset. */
        reset = reset || conn->pipes[SIM_TO_ROUTER].size > 0;
        conn->router_open = false;
        conn->reset_by_router = conn->client_open && reset;
    } else {
        reset = reset || conn->pipes[SIM_TO_CLIENT].size > 0;
        conn->client_open = false;
        conn->reset_by_client = conn->reset_by_client || reset;
    }
    unsigned way = router ? SIM_TO_CLIENT : SIM_TO_ROUTER;
    if (reset) {
        sim_pipe_cut(net, &conn->pipes[way]);
    } else {
        sim_conn_finish(net, conn, way);
    }
    if (!conn->router_open && !conn->client_open) {
        sim_conn_free(conn);
    }
}

static void sim_pipe_init(struct sim_net *net, struct sim_pipe *pipe)
{
    pipe->room = net->faults.socket_bytes;
    pipe->bytes = malloc(pipe->room);
    check(pipe->room > 0 && pipe->bytes != NULL);
}

struct sim_end *sim_connect(struct sim_net *net, int listen_fd)
{
    check(listen_fd >= SIM_FD_FIRST && listen_fd < SIM_FD_FIRST + SIM_FDS_MAX);
    struct sim_fd *slot = &net->fds[listen_fd - SIM_FD_FIRST];
    if (!slot->used || !slot->listens) {
        return NULL;
    }
    struct sim_conn *conn = calloc(1, sizeof(*conn));
    check(conn != NULL);
    conn->net = net;
    conn->end.conn = conn;
    conn->client_open = true;
    conn->router_open = true;
    sim_pipe_init(net, &conn->pipes[SIM_TO_ROUTER]);
    sim_pipe_init(net, &conn->pipes[SIM_TO_CLIENT]);
    conn->accept_ns = sim_way_ns(net, &conn->pipes[SIM_TO_ROUTER]);
    list_push(&net->conns, &conn->link);
    list_push(&slot->backlog, &conn->wait);
    return &conn->end;
}

size_t sim_end_room(struct sim_end *end)
{
    struct sim_conn *conn = end->conn;
    const struct sim_pipe *pipe = &conn->pipes[SIM_TO_ROUTER];
    bool deaf = !conn->router_open || conn->reset_by_client || pipe->finished;
    return deaf ? 0 : sim_pipe_room(pipe);
}

size_t sim_end_write(struct sim_end *end, const void *at, size_t size)
{
    size_t taken = size_min(size, sim_end_room(end));
    if (taken > 0) {
        sim_pipe_write(end->conn->net, &end->conn->pipes[SIM_TO_ROUTER], at, taken);
    }
    return taken;
}

size_t sim_end_read(struct sim_end *end, void *to, size_t size)
{
    struct sim_pipe *pipe = &end->conn->pipes[SIM_TO_CLIENT];
    if (end->conn->reset_by_client) {
        return 0;
    }
    size_t taken = size_min(size, sim_pipe_arrived(end->conn->net, pipe));
    if (taken > 0) {
        sim_pipe_read(pipe, to, taken);
    }
    return taken;
}

enum sim_end_state sim_end_state(struct sim_end *end)
{
    struct sim_conn *conn = end->conn;
    if (!sim_pipe_over(conn->net, &conn->pipes[SIM_TO_CLIENT])) {
        return SIM_END_OPEN;
    }
    return conn->reset_by_router || conn->reset_by_client ? SIM_END_RESET : SIM_END_OVER;
}

void sim_end_finish(struct sim_end *end)
{
    sim_conn_finish(end->conn->net, end->conn, SIM_TO_ROUTER);
}

void sim_end_reset(struct sim_end *end)
{
    struct sim_conn *conn = end->conn;
    conn->reset_by_client = true;
    sim_pipe_cut(conn->net, &conn->pipes[SIM_TO_ROUTER]);
    sim_pipe_cut(conn->net, &conn->pipes[SIM_TO_CLIENT]);
    conn->pipes[SIM_TO_CLIENT].size = 0;
    conn->pipes[SIM_TO_CLIENT].arrived = 0;
}

void sim_end_free(struct sim_end *end)
{
    sim_conn_leave(end->conn->net, end->conn, false, end->conn->reset_by_client);
}
