/* One turn: flush what is dirty, wait, receive. All connections share one large receive buffer,
 * so that it stays in the cache; only the beginning of a message that was cut is kept apart. */
#include "bench/load.h"
#include "common/clock.h"
#include "common/heap.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOAD_EVENTS = 256, LOAD_JOIN_S = 60 };

static bool load_raise_files(size_t needed)
{
    struct rlimit limit;
    check(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < needed + 16) {
        fprintf(stderr, "clos bench: %zu connections need more open files than the limit of %lu\n",
                needed, (unsigned long)limit.rlim_cur);
        return false;
    }
    return true;
}

bool load_init(struct load *load, const struct options *options, const struct load_ops *ops,
               size_t conns_count, void *scenario)
{
    *load = (struct load){.options = options,
                          .ops = ops,
                          .scenario = scenario,
                          .conns_count = conns_count,
                          .buffer_bytes = LOAD_RECEIVE_BYTES + 2 * options->payload};
    if (!load_raise_files(conns_count)) {
        return false;
    }
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->conns = calloc(conns_count, sizeof(load->conns[0]));
    load->buffer = malloc(load->buffer_bytes);
    if (load->epoll < 0 || load->conns == NULL || load->buffer == NULL) {
        perror("clos bench: out of memory or files");
        return false;
    }
    mem_init(&load->mem, heap_source(), SIZE_MAX / 2);
    rng_init(&load->rng, options->seed);
    load->now_ns = clock_now_ns();
    for (size_t i = 0; i < conns_count; i++) {
        load->conns[i].index = (uint32_t)i;
        load->conns[i].fd = -1;
    }
    return true;
}

void load_fini(struct load *load)
{
    for (size_t i = 0; i < load->conns_count; i++) {
        if (load->conns[i].state != CONN_FREE) {
            load_close(load, &load->conns[i], false);
        }
    }
    mem_fini(&load->mem);
    close(load->epoll);
    free(load->conns);
    free(load->buffer);
}

/* ---- opening and closing */
static void load_watch(struct load *load, struct conn *conn, int verb, bool write)
{
    struct epoll_event event = {.events = EPOLLIN | (write ? (uint32_t)EPOLLOUT : 0),
                                .data.u64 = (uint64_t)conn->generation << 32 | conn->index};
    check(epoll_ctl(load->epoll, verb, conn->fd, &event) == 0);
    conn->wants_write = write;
}

static void load_end(struct load *load, struct conn *conn, const char *why)
{
    load_close(load, conn, false);
    load->ops->ended(load, conn, why);
}

void load_close(struct load *load, struct conn *conn, bool reset)
{
    if (reset) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    if (conn->fd >= 0) {
        close(conn->fd);
    }
    conn->fd = -1;
    conn->state = CONN_FREE;
    conn->generation++;
    peer_fini(&conn->peer);
    buf_fini(&conn->pending);
    for (struct conn **link = &load->dirty; conn->dirty; link = &(*link)->dirty_next) {
        if (*link == conn) {
            *link = conn->dirty_next;
            conn->dirty = false;
            break;
        }
    }
}

/* Source ports of one loopback address run out at about 28,000: take the next address in time. */
static bool load_bind(struct load *load, int fd, const struct target *to)
{
    struct sockaddr_in address;
    uint64_t turn = load->opened++ / LOAD_SOURCE_PORTS;
    if (turn == 0 || to->address.ss_family != AF_INET) {
        return true;
    }
    memcpy(&address, &to->address, sizeof(address));
    if (ntohl(address.sin_addr.s_addr) >> 24 != 127) {
        return true;
    }
    int on = 1;
    address.sin_addr.s_addr = htonl(0x7f000001U + (uint32_t)(turn % 250));
    address.sin_port = 0;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

void load_open(struct load *load, struct conn *conn)
{
    const struct options *options = load->options;
    const struct target *to = conn->receiver ? &options->to_receivers : &options->to;
    int on = 1;
    check(conn->state == CONN_FREE);
    struct peer_options peer = {
        .framing = to->framing,
        .serializer = conn->receiver ? options->serializer_receivers : options->serializer,
        .realm = options->realm,
        .host = to->host,
        .path = to->path,
        .mem = &load->mem,
        .rng = &load->rng,
        .message_bytes_max = options->payload + 65536,
        .out_bytes_max = options->payload * 4 + 64 * LOAD_OUT_BYTES_HIGH,
    };
    peer_init(&conn->peer, &peer);
    buf_init(&conn->pending, &load->mem, load->buffer_bytes);
    conn->opened_ns = clock_now_ns();
    conn->request_next = 1;
    conn->out_sent = 0;
    conn->state = CONN_CONNECTING;
    conn->fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0 || !load_bind(load, conn->fd, to)) {
        load_end(load, conn, strerror(errno));
        return;
    }
    if (to->address.ss_family != AF_UNIX) {
        setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    if (connect(conn->fd, (const struct sockaddr *)&to->address, to->address_size) != 0 &&
        errno != EINPROGRESS) {
        load_end(load, conn, strerror(errno));
        return;
    }
    peer_open(&conn->peer, &peer);
    load_watch(load, conn, EPOLL_CTL_ADD, true);
}

/* ---- out */
void load_send(struct load *load, struct conn *conn, const struct wire_template *template,
               uint64_t id, const struct mark *mark)
{
    peer_send_template(&conn->peer, template, id, mark);
    load_touch(load, conn);
}

static void load_flush(struct load *load, struct conn *conn)
{
    struct buf *out = &conn->peer.out;
    if (out->failed) {
        load_end(load, conn, "more waits to be sent than the load maker keeps");
        return;
    }
    while (conn->out_sent < out->size) {
        ssize_t sent =
            send(conn->fd, out->at + conn->out_sent, out->size - conn->out_sent, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
            break;
        }
        if (sent < 0) {
            load_end(load, conn, strerror(errno));
            return;
        }
        conn->out_sent += (size_t)sent;
    }
    if (conn->out_sent == out->size) {
        buf_reset(out);
        conn->out_sent = 0;
    } else if (conn->out_sent > out->size / 2) {
        memmove(out->at, out->at + conn->out_sent, out->size - conn->out_sent);
        out->size -= conn->out_sent;
        conn->out_sent = 0;
    }
    bool write = out->size > 0;
    if (write != conn->wants_write) {
        load_watch(load, conn, EPOLL_CTL_MOD, write);
    }
}

static void load_flush_dirty(struct load *load)
{
    while (load->dirty != NULL) {
        struct conn *conn = load->dirty;
        load->dirty = conn->dirty_next;
        conn->dirty = false;
        if (conn->state != CONN_CONNECTING) {
            load_flush(load, conn);
        }
    }
}

/* ---- in */
static void load_message(struct load *load, struct conn *conn, struct bytes message)
{
    struct wire_message read;
    load->received_messages++;
    if (wire_read(message, conn->peer.serializer, &read) < 0) {
        load_end(load, conn, "a message that is no WAMP");
    } else if (conn->state == CONN_JOINED) {
        load->ops->message(load, conn, &read);
    } else if (read.type == WIRE_WELCOME) {
        conn->state = CONN_JOINED;
        load->ops->joined(load, conn);
    } else {
        load_end(load, conn, "the router did not let us join the realm");
    }
}

static void load_feed(struct load *load, struct conn *conn, struct bytes input)
{
    struct bytes message;
    uint32_t generation = conn->generation;
    int result;
    while ((result = peer_next(&conn->peer, &input, &message)) > 0) {
        load_message(load, conn, message);
        if (conn->generation != generation) {
            return;
        }
    }
    if (conn->peer.out.size > conn->out_sent) {
        load_touch(load, conn); /* the handshake, HELLO, a pong */
    }
    if (result < 0) {
        load_end(load, conn, conn->peer.broken);
        return;
    }
    conn->pending.size = 0;
    buf_put(&conn->pending, input.at, input.size);
    if (input.size == load->buffer_bytes) {
        load_end(load, conn, "a message too large for the load maker");
    }
}

static void load_receive(struct load *load, struct conn *conn)
{
    size_t have = conn->pending.size;
    memcpy(load->buffer, conn->pending.at != NULL ? conn->pending.at : load->buffer, have);
    ssize_t got = recv(conn->fd, load->buffer + have, load->buffer_bytes - have, 0);
    load->now_ns = clock_now_ns();
    if (got > 0) {
        load_feed(load, conn, bytes_make(load->buffer, have + (size_t)got));
    } else if (got == 0) {
        load_end(load, conn, "the router hung up");
    } else if (errno != EAGAIN && errno != EINTR) {
        load_end(load, conn, strerror(errno));
    }
}

static void load_handle(struct load *load, const struct epoll_event *event)
{
    struct conn *conn = &load->conns[event->data.u64 & UINT32_MAX];
    uint32_t generation = (uint32_t)(event->data.u64 >> 32);
    if (conn->generation != generation || conn->state == CONN_FREE) {
        return;
    }
    if (conn->state == CONN_CONNECTING) {
        int problem = 0;
        socklen_t size = sizeof(problem);
        getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &problem, &size);
        if (problem != 0) {
            load_end(load, conn, strerror(problem));
            return;
        }
        conn->state = CONN_GREETING;
    }
    if ((event->events & EPOLLOUT) != 0) {
        load_flush(load, conn);
    }
    if ((event->events & ~(uint32_t)EPOLLOUT) != 0 && conn->generation == generation) {
        load_receive(load, conn);
    }
}

void load_turn(struct load *load, uint64_t until_ns)
{
    struct epoll_event events[LOAD_EVENTS];
    load_flush_dirty(load);
    load->now_ns = clock_now_ns();
    uint64_t wait_ns = until_ns > load->now_ns ? until_ns - load->now_ns : 0;
    struct timespec timeout = {(time_t)(wait_ns / NS_PER_S), (long)(wait_ns % NS_PER_S)};
    int count = epoll_pwait2(load->epoll, events, LOAD_EVENTS, &timeout, NULL);
    load->now_ns = clock_now_ns();
    for (int i = 0; i < count; i++) {
        load_handle(load, &events[i]);
    }
}

bool load_join_all(struct load *load, const size_t *ready, const bool *failed)
{
    uint64_t until_ns = clock_now_ns() + LOAD_JOIN_S * NS_PER_S;
    size_t opened = 0;
    while (*ready < load->conns_count && !*failed) {
        while (opened < load->conns_count && opened - *ready < load->options->concurrency) {
            load_open(load, &load->conns[opened++]);
        }
        load_turn(load, load->now_ns + 100 * NS_PER_MS);
        if (load->now_ns > until_ns) {
            fprintf(stderr, "clos bench: only %zu of %zu sessions were ready within %d s\n", *ready,
                    load->conns_count, LOAD_JOIN_S);
            return false;
        }
    }
    return !*failed;
}
