/* Real and simulated sockets behind the same words: io_ground.h. */
#include "tests/lib/io_ground.h"
#include "common/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

const char *const ground_names[GROUNDS] = {"uring tcp", "uring unix", "epoll tcp", "epoll unix",
                                           "sim"};

enum { TURN_NS = 20000000, BACKLOG = 512 };

bool ground_is_real(const struct ground *ground)
{
    return ground->kind != GROUND_SIM;
}

bool ground_is_unix(const struct ground *ground)
{
    return ground->kind == GROUND_URING_UNIX || ground->kind == GROUND_EPOLL_UNIX;
}

struct io *ground_make_io(struct ground *ground, const struct io_options *options)
{
    if (!ground_is_real(ground)) {
        return sim_io_new(ground->net, options);
    }
    bool uring = ground->kind == GROUND_URING_TCP || ground->kind == GROUND_URING_UNIX;
    return uring ? io_uring_new(options) : io_epoll_new(options);
}

bool ground_init(struct ground *ground, enum ground_kind kind, const struct io_options *options,
                 uint64_t seed)
{
    *ground = (struct ground){.kind = kind};
    if (!ground_is_real(ground)) {
        ground->net = sim_net_new(seed);
    }
    ground->now_ns = ground_is_real(ground) ? clock_now_ns() : 0;
    ground->io = ground_make_io(ground, options);
    return ground->io != NULL;
}

void ground_fini(struct ground *ground)
{
    if (ground->io != NULL) {
        io_free(ground->io);
    }
    if (ground->net != NULL) {
        sim_net_free(ground->net);
    }
}

int ground_listen(struct ground *ground)
{
    if (!ground_is_real(ground)) {
        if (ground->socket_bytes > 0) {
            sim_net_faults(ground->net)->socket_bytes = (uint32_t)ground->socket_bytes;
        }
        ground->listen_fd = sim_listen_fd(ground->net);
        return ground->listen_fd;
    }
    int family = ground_is_unix(ground) ? AF_UNIX : AF_INET;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un un = {.sun_family = AF_UNIX}; /* no path: the kernel finds a name */
    const struct sockaddr *name =
        family == AF_UNIX ? (const struct sockaddr *)&un : (const struct sockaddr *)&in;
    socklen_t size = family == AF_UNIX ? sizeof(un.sun_family) : sizeof(in);
    check(fd >= 0 && bind(fd, name, size) == 0 && listen(fd, BACKLOG) == 0);
    ground->address_size = sizeof(ground->address);
    int known = getsockname(fd, (struct sockaddr *)&ground->address, &ground->address_size);
    check(known == 0);
    return fd;
}

void ground_adjust(struct ground *ground, int fd)
{
    if (ground_is_real(ground) && ground->socket_bytes > 0) {
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &ground->socket_bytes, sizeof(int));
    }
}

size_t ground_turn(struct ground *ground, struct io *io, struct io_event *events, size_t max)
{
    if (ground_is_real(ground)) {
        ground->now_ns = clock_now_ns();
        return io_wait(io, events, max, ground->now_ns, ground->now_ns + TURN_NS);
    }
    uint64_t next_ns = sim_net_next_ns(ground->net);
    if (next_ns != NEVER && next_ns > ground->now_ns) {
        ground->now_ns = next_ns;
    }
    return io_wait(io, events, max, ground->now_ns, ground->now_ns);
}

struct peer *peer_connect(struct ground *ground)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    check(peer != NULL);
    *peer = (struct peer){.ground = ground, .fd = -1};
    if (!ground_is_real(ground)) {
        peer->end = sim_connect(ground->net, ground->listen_fd);
        check(peer->end != NULL);
        return peer;
    }
    peer->fd = socket(ground->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *address = (const struct sockaddr *)&ground->address;
    if (ground->socket_bytes > 0) {
        setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &ground->socket_bytes, sizeof(int));
    }
    check(peer->fd >= 0 && connect(peer->fd, address, ground->address_size) == 0);
    int mode = fcntl(peer->fd, F_SETFL, O_NONBLOCK);
    check(mode == 0);
    return peer;
}

size_t peer_write(struct peer *peer, const void *at, size_t size)
{
    if (peer->end != NULL) {
        return sim_end_write(peer->end, at, size);
    }
    if (peer->fd < 0) {
        return 0;
    }
    ssize_t taken = send(peer->fd, at, size, MSG_NOSIGNAL);
    return taken > 0 ? (size_t)taken : 0;
}

size_t peer_read(struct peer *peer, void *to, size_t size)
{
    if (peer->end != NULL) {
        size_t taken = sim_end_read(peer->end, to, size);
        if (taken == 0) {
            enum sim_end_state state = sim_end_state(peer->end);
            peer->state = state == SIM_END_OPEN    ? PEER_OPEN
                          : state == SIM_END_RESET ? PEER_RESET
                                                   : PEER_OVER;
        }
        return taken;
    }
    if (peer->fd < 0) {
        return 0;
    }
    ssize_t taken = recv(peer->fd, to, size, 0);
    if (taken < 0 && errno != EAGAIN) {
        peer->state = PEER_RESET;
    } else if (taken == 0 && peer->state == PEER_OPEN) { /* an error is told once, then zero */
        peer->state = PEER_OVER;
    }
    return taken > 0 ? (size_t)taken : 0;
}

void peer_finish(struct peer *peer)
{
    if (peer->end != NULL) {
        sim_end_finish(peer->end);
    } else {
        shutdown(peer->fd, SHUT_WR);
    }
}

void peer_reset(struct peer *peer)
{
    peer->state = PEER_RESET;
    if (peer->end != NULL) {
        sim_end_reset(peer->end);
        return;
    }
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(peer->fd);
    peer->fd = -1;
}

void peer_free(struct peer *peer)
{
    if (peer->end != NULL) {
        sim_end_free(peer->end);
    } else if (peer->fd >= 0) {
        close(peer->fd);
    }
    free(peer);
}
