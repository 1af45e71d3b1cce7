/* The simulated world of sockets: the third maker of io.h, and the clients at the other end.
 *
 *   sim_end ── write, read, finish, reset ──► [pipe, pipe] ◄── io_send, IO_RECEIVED ── struct io
 *
 * Who calls it: a simulator or a test, one thread, all of it (several ios may share one net, one
 * for each simulated worker; an fd accepted on one may be added to another). Nothing blocks:
 * io_wait gives what is due by its now_ns and returns, 0 if there is nothing; until_ns is only
 * looked at by the caller, who moves time by calling with a later now_ns. sim_net_next_ns says
 * where time may jump to. All chance comes from the seed: the same calls give the same events
 * (sim_net_trace).
 *
 * Owned by the net: connections, fds (numbers far above real ones; only io_add, io_listen and
 * sim_connect understand them, so refuse a connection by io_add then io_close). The caller frees
 * ends with sim_end_free and ios with io_free, all before sim_net_free, which checks that no fd is
 * left attached. Bounds: a pipe holds faults.socket_bytes, then writers get stuck; sockets_max,
 * buffers as in io.h. Faults are thousandths; sim_net_new draws each, and leaves out about half.
 *
 * What it checks of the router beyond io.h: octets of a send are read as late as at its completion
 * and must still be what they were at io_send; buffers are poisoned (ASan) and overwritten at the
 * io_wait after the one that gave them. */
#ifndef CLOS_SIM_IO_H
#define CLOS_SIM_IO_H

#include "common/io.h"
#include "common/rng.h"

struct sim_net;
struct sim_end;

struct sim_faults {
    uint32_t socket_bytes;      /* room of a pipe, each way; of pipes made from now on */
    uint32_t send_short;        /* sends taken in part though there was room */
    uint32_t receive_short;     /* receives that give less than came */
    uint32_t late;              /* completions that come late_max_ns late at most */
    uint32_t starve;            /* receives put off for want of a buffer */
    uint32_t descriptors_short; /* accepts refused as by EMFILE: 100 ms pause */
    uint64_t late_max_ns;
    uint64_t way_max_ns; /* how long octets are on their way */
};

enum sim_end_state {
    SIM_END_OPEN,
    SIM_END_OVER,  /* the router closed, and all that it sent was read */
    SIM_END_RESET, /* the router reset it, or refused to read what came */
};

struct sim_net *sim_net_new(uint64_t seed);
void sim_net_free(struct sim_net *net);
struct sim_faults *sim_net_faults(struct sim_net *net); /* to change at any time */
uint64_t sim_net_now_ns(const struct sim_net *net);     /* the latest time it was told */
void sim_net_advance(struct sim_net *net, uint64_t now_ns);
uint64_t sim_net_trace(const struct sim_net *net);    /* a hash over every event so far */
uint32_t sim_net_attached(const struct sim_net *net); /* fds that ios hold */

/* The earliest time at which an io_wait gives an event or an end can read more, if nobody does
 * anything: now or before means at once, NEVER that all is quiet. */
uint64_t sim_net_next_ns(struct sim_net *net);
uint64_t sim_io_next_ns(struct io *io); /* the same for this io's io_wait alone */

struct io *sim_io_new(struct sim_net *net, const struct io_options *options);
int sim_listen_fd(struct sim_net *net); /* for io_listen */

/* A client connects; the router hears of it as IO_ACCEPTED. NULL: nobody listens there any more. */
struct sim_end *sim_connect(struct sim_net *net, int listen_fd);
size_t sim_end_write(struct sim_end *end, const void *at, size_t size); /* octets taken */
size_t sim_end_read(struct sim_end *end, void *to, size_t size);        /* octets that came */
size_t sim_end_room(struct sim_end *end); /* octets that sim_end_write would take */
enum sim_end_state sim_end_state(struct sim_end *end);
void sim_end_finish(struct sim_end *end); /* nothing more will be written; reading goes on */
void sim_end_reset(struct sim_end *end);  /* gone without a word; the end is still to be freed */
void sim_end_free(struct sim_end *end);   /* closes if it was open */

#endif
