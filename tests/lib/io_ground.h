/* What a struct io stands on in a test: a maker, sockets of a family, and peers at the other end,
 * with the same words for real ones (127.0.0.1, unix) and simulated ones.
 *
 * One thread. The ground owns its io, its listener's address and (simulated) net; the test owns its
 * peers and frees them first. Peers never block. Real grounds wait at most 20 ms a turn; simulated
 * ones let time jump to the next thing that happens. */
#ifndef CLOS_IO_GROUND_H
#define CLOS_IO_GROUND_H

#include "common/io.h"
#include "tests/sim/sim_io.h"

#include <sys/socket.h>

enum ground_kind {
    GROUND_URING_TCP,
    GROUND_URING_UNIX,
    GROUND_EPOLL_TCP,
    GROUND_EPOLL_UNIX,
    GROUND_SIM,
    GROUNDS,
};

enum peer_state {
    PEER_OPEN,
    PEER_OVER,
    PEER_RESET,
};

struct ground {
    enum ground_kind kind;
    struct io *io;
    struct sim_net *net;
    uint64_t now_ns;
    int socket_bytes; /* of what is accepted, when not 0: a small room to send into */
    int listen_fd;    /* simulated */
    struct sockaddr_storage address;
    socklen_t address_size;
};

struct peer {
    struct ground *ground;
    struct sim_end *end;
    int fd;
    enum peer_state state;
};

extern const char *const ground_names[GROUNDS];

/* False: the kernel refuses this maker (errno). */
bool ground_init(struct ground *ground, enum ground_kind kind, const struct io_options *options,
                 uint64_t seed);
void ground_fini(struct ground *ground);
struct io *ground_make_io(struct ground *ground, const struct io_options *options);
bool ground_is_real(const struct ground *ground);
bool ground_is_unix(const struct ground *ground);

int ground_listen(struct ground *ground); /* an fd for io_listen; peers connect to the last one */
void ground_adjust(struct ground *ground, int fd); /* socket_bytes, on what was accepted */

/* One io_wait; moves the ground's time. */
size_t ground_turn(struct ground *ground, struct io *io, struct io_event *events, size_t max);

struct peer *peer_connect(struct ground *ground);
size_t peer_write(struct peer *peer, const void *at, size_t size);
size_t peer_read(struct peer *peer, void *to, size_t size); /* 0: see peer->state */
void peer_finish(struct peer *peer);
void peer_reset(struct peer *peer); /* a plain close on unix sockets, which know no reset */
void peer_free(struct peer *peer);

#endif
