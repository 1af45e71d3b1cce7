/* One number for each way through io.h: CPU and speed of a bare echo, a bare relay and a bare
 * fan-out, on both makers, over loopback TCP and unix sockets.
 *
 *   micro_io [buffer_bytes buffers_count [milliseconds]]
 *
 * The router's part runs on the main thread, and its CPU time is the number; the clients run on
 * another. CPU is of the main thread only (user and system), per message of 90 octets. */
#include "common/clock.h"
#include "common/io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MESSAGE_BYTES = 90,
    DEPTH = 1000,
    FAN = 64,
    FAN_BYTES = 20480,
    PORTS_MAX = FAN + 1,
    OUT_BYTES = 1 << 20,
    EVENTS_MAX = 256,
};

enum work {
    WORK_ECHO,  /* pipelined DEPTH deep */
    WORK_RELAY, /* in at one, out at the other */
    WORK_FAN,   /* each turn a vector of FAN_BYTES to each of FAN */
    WORK_CALL,  /* echo at depth 1 */
    WORKS,
};

static const char *const work_names[WORKS] = {"echo", "relay", "fan-out", "call"};

struct port {
    io_id id;
    bool sending;
    bool over;
    uint8_t *out[2]; /* one under way, one filling */
    size_t out_size[2];
    size_t out_head;
    unsigned filling;
};

struct bench {
    struct io *io;
    enum work work;
    int client[PORTS_MAX];
    int router[PORTS_MAX];
    unsigned ports_count;
    struct port ports[PORTS_MAX];
    uint8_t *shared;
    uint64_t end_ns;
    uint64_t octets; /* sent by the router */
    uint64_t turns;
    _Atomic bool stop;
    uint64_t client_messages;
};

static void pair_make(bool unix_sockets, int *client, int *router)
{
    if (unix_sockets) {
        int pair[2];
        check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        *client = pair[0];
        *router = pair[1];
        return;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int one = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    check(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0);
    check(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    *client = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(*client, (struct sockaddr *)&address, size) == 0);
    *router = accept(listener, NULL, NULL);
    check(*router >= 0);
    setsockopt(*client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(*router, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    close(listener);
}

/* ---- the clients' thread */

static void client_round(struct bench *bench, uint8_t *octets, size_t size)
{
    int from = bench->client[bench->work == WORK_RELAY ? 1 : 0];
    size_t got = 0;
    ssize_t sent = send(bench->client[0], octets, size, MSG_NOSIGNAL);
    while (sent > 0 && got < (size_t)sent) {
        ssize_t came = recv(from, octets, size, 0);
        if (came <= 0) {
            return;
        }
        got += (size_t)came;
    }
    bench->client_messages += size / MESSAGE_BYTES;
}

/* Keeps DEPTH messages in flight: writes as much as came back. */
static void client_pipeline(struct bench *bench, uint8_t *octets, size_t size)
{
    int from = bench->client[bench->work == WORK_RELAY ? 1 : 0];
    size_t credit = DEPTH * MESSAGE_BYTES;
    size_t total = 0;
    while (!atomic_load_explicit(&bench->stop, memory_order_relaxed)) {
        while (credit > 0) {
            ssize_t sent = send(bench->client[0], octets, size_min(credit, size), MSG_NOSIGNAL);
            if (sent <= 0) {
                return;
            }
            credit -= (size_t)sent;
        }
        ssize_t came = recv(from, octets, size, 0);
        if (came <= 0) {
            return;
        }
        credit += (size_t)came;
        total += (size_t)came;
    }
    bench->client_messages += total / MESSAGE_BYTES;
}

static void client_drink(struct bench *bench, uint8_t *octets, size_t size)
{
    struct pollfd polls[PORTS_MAX];
    for (unsigned i = 0; i < bench->ports_count; i++) {
        polls[i] = (struct pollfd){.fd = bench->client[i], .events = POLLIN};
    }
    while (!atomic_load_explicit(&bench->stop, memory_order_relaxed)) {
        poll(polls, bench->ports_count, 100);
        for (unsigned i = 0; i < bench->ports_count; i++) {
            if (polls[i].revents != 0) {
                recv(polls[i].fd, octets, size, MSG_DONTWAIT);
            }
        }
    }
}

static void *client_run(void *argument)
{
    struct bench *bench = argument;
    size_t size = 1 << 18;
    uint8_t *octets = calloc(1, size);
    if (bench->work == WORK_CALL) {
        while (!atomic_load_explicit(&bench->stop, memory_order_relaxed)) {
            client_round(bench, octets, MESSAGE_BYTES);
        }
    } else if (bench->work == WORK_FAN) {
        client_drink(bench, octets, size);
    } else {
        client_pipeline(bench, octets, size);
    }
    free(octets);
    return NULL;
}

/* ---- the router's part */

static void port_flush(struct bench *bench, struct port *port)
{
    unsigned under_way = 1 - port->filling;
    if (port->sending || port->over) {
        return;
    }
    if (port->out_head == port->out_size[under_way]) {
        if (port->out_size[port->filling] == 0) {
            return;
        }
        port->out_size[under_way] = 0;
        port->out_head = 0;
        port->filling = under_way;
        under_way = 1 - under_way;
    }
    struct iovec vector = {.iov_base = port->out[under_way] + port->out_head,
                           .iov_len = port->out_size[under_way] - port->out_head};
    port->sending = true;
    io_send(bench->io, port->id, &vector, 1);
}

static void port_fan(struct bench *bench, struct port *port)
{
    struct iovec vectors[16];
    for (unsigned i = 0; i < array_count(vectors); i++) {
        vectors[i] = (struct iovec){.iov_base = bench->shared + i * FAN_BYTES / 16,
                                    .iov_len = FAN_BYTES / 16};
    }
    port->sending = true;
    io_send(bench->io, port->id, vectors, array_count(vectors));
}

static void bench_event(struct bench *bench, const struct io_event *event)
{
    struct port *port = event->tag;
    if (event->kind == IO_RECEIVED) {
        struct port *to = bench->work == WORK_RELAY ? &bench->ports[1] : port;
        check(to->out_size[to->filling] + event->size <= OUT_BYTES);
        memcpy(to->out[to->filling] + to->out_size[to->filling], event->data, event->size);
        to->out_size[to->filling] += event->size;
    } else if (event->kind == IO_SENT) {
        port->sending = false;
        port->over = event->result < 0;
        port->out_head += event->result > 0 ? (size_t)event->result : 0;
        bench->octets += event->result > 0 ? (uint64_t)event->result : 0;
    } else if (event->kind == IO_ENDED) {
        port->over = true;
    }
}

static void bench_turns(struct bench *bench)
{
    static struct io_event events[EVENTS_MAX];
    for (;;) {
        for (unsigned i = 0; i < bench->ports_count; i++) {
            struct port *port = &bench->ports[i];
            if (bench->work != WORK_FAN) {
                port_flush(bench, port);
            } else if (!port->sending) {
                port_fan(bench, port);
            }
        }
        uint64_t now_ns = clock_now_ns();
        if (now_ns >= bench->end_ns) {
            return;
        }
        size_t count = io_wait(bench->io, events, EVENTS_MAX, now_ns, bench->end_ns);
        bench->turns++;
        for (size_t i = 0; i < count; i++) {
            bench_event(bench, &events[i]);
        }
    }
}

static uint64_t cpu_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_S +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static void bench_print(const struct bench *bench, bool unix_sockets, uint64_t spent_ns,
                        uint64_t lasted_ns)
{
    double seconds = (double)lasted_ns / (double)NS_PER_S;
    double messages = (double)bench->octets / MESSAGE_BYTES;
    printf("%-5s %-4s %-7s %9.1f CPU ns/message  %10.0f messages/s  %7.1f MB/s  cpu %3.0f%%  "
           "turns/s %8.0f  short %llu\n",
           bench->io->name, unix_sockets ? "unix" : "tcp", work_names[bench->work],
           (double)spent_ns / messages, messages / seconds, (double)bench->octets / seconds / 1e6,
           100.0 * (double)spent_ns / (double)lasted_ns, (double)bench->turns / seconds,
           (unsigned long long)bench->io->counters.buffers_short);
}

static void bench_run(struct io *io, enum work work, bool unix_sockets, uint64_t lasts_ns)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    check(bench != NULL);
    bench->io = io;
    bench->work = work;
    bench->ports_count = work == WORK_FAN ? FAN : work == WORK_RELAY ? 2 : 1;
    bench->shared = calloc(1, FAN_BYTES);
    for (unsigned i = 0; i < bench->ports_count; i++) {
        struct port *port = &bench->ports[i];
        pair_make(unix_sockets, &bench->client[i], &bench->router[i]);
        port->out[0] = malloc(OUT_BYTES);
        port->out[1] = malloc(OUT_BYTES);
        port->id = io_add(io, bench->router[i], port);
        check(port->id != 0);
        io_receive(io, port->id, true);
    }
    pthread_t thread;
    check(pthread_create(&thread, NULL, client_run, bench) == 0);
    uint64_t start_ns = clock_now_ns();
    uint64_t start_cpu_ns = cpu_ns();
    bench->end_ns = start_ns + lasts_ns;
    bench_turns(bench);
    bench_print(bench, unix_sockets, cpu_ns() - start_cpu_ns, clock_now_ns() - start_ns);
    atomic_store(&bench->stop, true);
    io_free(io);
    pthread_join(thread, NULL);
    for (unsigned i = 0; i < bench->ports_count; i++) {
        close(bench->client[i]);
        free(bench->ports[i].out[0]);
        free(bench->ports[i].out[1]);
    }
    free(bench->shared);
    free(bench);
}

static uint32_t argument_read(int argc, char **argv, int index, uint32_t otherwise)
{
    if (index >= argc) {
        return otherwise;
    }
    char *end = NULL;
    unsigned long value = strtoul(argv[index], &end, 10);
    if (*end != '\0' || value == 0 || value > 1U << 20) {
        fprintf(stderr, "usage: micro_io [buffer_bytes buffers_count [milliseconds]]\n");
        exit(2);
    }
    return (uint32_t)value;
}

int main(int argc, char **argv)
{
    struct io_options options = {
        .sockets_max = 128,
        .buffers_count = argument_read(argc, argv, 2, 16),
        .buffer_bytes = argument_read(argc, argv, 1, 65536),
    };
    uint64_t lasts_ns = argument_read(argc, argv, 3, 1000) * NS_PER_MS;
    for (unsigned work = 0; work < WORKS; work++) {
        for (unsigned unix_sockets = 0; unix_sockets <= 1; unix_sockets++) {
            for (unsigned epoll = 0; epoll <= 1; epoll++) {
                struct io *io = epoll != 0 ? io_epoll_new(&options) : io_uring_new(&options);
                if (io == NULL) {
                    printf("uring: the kernel refuses: %s\n", strerror(errno));
                    continue;
                }
                bench_run(io, (enum work)work, unix_sockets != 0, lasts_ns);
            }
        }
    }
    return 0;
}
