/* The inside of sim_io.h: what its two files share. A connection has two pipes; its router side is
 * an fd, its client side a sim_end. Freed when both sides let go. */
#ifndef CLOS_SIM_NET_H
#define CLOS_SIM_NET_H

#include "common/list.h"
#include "tests/sim/sim_io.h"

enum {
    SIM_FD_FIRST = 1 << 24, /* no real fd is so high */
    SIM_FDS_MAX = 1 << 16,
    SIM_SEGMENTS = 32,
    SIM_TO_ROUTER = 0,
    SIM_TO_CLIENT = 1,
};

struct sim_segment {
    size_t size;
    uint64_t due_ns;
};

struct sim_pipe {
    uint8_t *bytes; /* a ring */
    size_t room;
    size_t head;
    size_t size;    /* written and not read */
    size_t arrived; /* of these, to be read now */
    struct sim_segment segments[SIM_SEGMENTS];
    uint32_t segments_head;
    uint32_t segments_count;
    uint64_t due_last_ns;
    bool finished;
    uint64_t finish_ns; /* when that arrives */
};

struct sim_end {
    struct sim_conn *conn;
};

struct sim_conn {
    struct list link; /* of the net */
    struct list wait; /* of a listener's backlog */
    struct sim_net *net;
    struct sim_pipe pipes[2];
    struct sim_end end;
    uint64_t accept_ns;
    bool client_open;
    bool router_open;
    bool reset_by_client;
    bool reset_by_router;
};

struct sim_fd {
    struct sim_conn *conn; /* or a listener */
    struct list backlog;
    bool used;
    bool listens;
    bool attached; /* an io has it */
};

struct sim_net {
    struct rng rng;
    struct sim_faults faults;
    uint64_t now_ns;
    uint64_t trace;
    struct list conns;
    struct list ios;
    uint32_t attached;
    uint32_t fds_used;              /* slots below this were used */
    uint32_t fds_free[SIM_FDS_MAX]; /* last out, first in: numbers are reused as soon as they can */
    uint32_t fds_free_count;
    struct sim_fd fds[SIM_FDS_MAX];
};

bool sim_chance(struct sim_net *net, uint32_t thousandths);
void sim_trace(struct sim_net *net, uint64_t value);

size_t sim_pipe_room(const struct sim_pipe *pipe);
void sim_pipe_write(struct sim_net *net, struct sim_pipe *pipe, const void *at, size_t size);
size_t sim_pipe_arrived(struct sim_net *net, struct sim_pipe *pipe);
void sim_pipe_read(struct sim_pipe *pipe, void *to, size_t size);
bool sim_pipe_over(struct sim_net *net, struct sim_pipe *pipe); /* all read, and the end is here */
uint64_t sim_pipe_next_ns(struct sim_net *net, struct sim_pipe *pipe); /* of an arrival to come */

struct sim_fd *sim_fd(struct sim_net *net, int fd);
int sim_fd_take(struct sim_net *net, struct sim_conn *conn);
void sim_fd_give(struct sim_net *net, int fd); /* a listener's backlog is reset */

void sim_conn_finish(struct sim_net *net, struct sim_conn *conn, unsigned way);
void sim_conn_leave(struct sim_net *net, struct sim_conn *conn, bool router, bool reset);

#endif
