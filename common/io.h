/* The seam to the kernel: requests out, batches of facts in. We are never called back.
 *
 * Three makers: io_uring.c, io_epoll.c and the simulator's; tests/suite/io_suite.c holds all three
 * to the same words. One worker owns one struct io and is the only one to call it, but for
 * io_wake, which any thread may call.
 *
 * A socket is named by an io_id that the io gives out and never reuses while anything of its
 * predecessor is under way (slot + generation). The user hangs a tag on each; every event about it
 * carries that tag. Bounds: sockets_max; buffers_count x buffer_bytes for receiving; one send in
 * flight per socket (check). What the kernel refuses comes as an event with a negative errno. */
#ifndef CLOS_IO_H
#define CLOS_IO_H

#include "common/bytes.h"

#include <sys/uio.h>

typedef uint64_t io_id; /* 0 is no socket */

enum {
    IO_VECTORS_MAX = 64,      /* of one send */
    IO_SOCKETS_MAX = 1 << 24, /* of one io: what an io_id has room for */
    IO_ACCEPT_PAUSE_MS = 100, /* without descriptors */
};

enum io_kind {
    IO_ACCEPTED, /* id: the listener; tag: the listener's; result: the new fd, not yet added */
    IO_RECEIVED, /* data: octets that came; writable by the caller, dead at the next io_wait */
    IO_ENDED,    /* nothing more comes: result 0 for an orderly end, else -errno. Once per socket */
    IO_SENT,     /* result: octets taken by the kernel (may be short), or -errno */
    IO_CLOSED,   /* the last event of a socket: its buffers and its id are free */
    IO_WOKEN,    /* io_wake was called, once or more; id and tag are 0 */
};

struct io_event {
    enum io_kind kind;
    int result;
    io_id id;
    void *tag;
    uint8_t *data; /* IO_RECEIVED */
    size_t size;
};

struct io_options {
    uint32_t sockets_max;
    uint32_t buffers_count; /* a power of two, at most 32768 */
    uint32_t buffer_bytes;
    uint32_t completions; /* io_uring: entries of the completion queue; 0: enough for the sockets */
};

struct io_counters {
    uint64_t waits;         /* turns of the kernel's crank */
    uint64_t buffers_short; /* receives that paused for want of a buffer */
    uint64_t accept_paused; /* accepts that paused for want of descriptors (EMFILE, ENFILE) */
};

struct io;

struct io_ops {
    void (*free)(struct io *io);
    io_id (*listen)(struct io *io, int fd, void *tag);
    io_id (*add)(struct io *io, int fd, void *tag);
    void (*receive)(struct io *io, io_id id, bool on);
    void (*send)(struct io *io, io_id id, const struct iovec *vectors, unsigned count);
    void (*close)(struct io *io, io_id id, bool reset);
    void (*wake)(struct io *io);
    size_t (*wait)(struct io *io, struct io_event *events, size_t events_max, uint64_t now_ns,
                   uint64_t until_ns);
};

struct io {
    const struct io_ops *ops;
    struct io_counters counters;
    const char *name; /* "uring", "epoll", "sim" */
};

/* NULL: the kernel refuses (errno says why: EPERM, ENOSYS where io_uring is forbidden). */
struct io *io_uring_new(const struct io_options *options);
struct io *io_epoll_new(const struct io_options *options);

/* Cancels and closes everything, without events. On the owner's thread, or after it ended. */
static inline void io_free(struct io *io)
{
    io->ops->free(io);
}

/* Accepts on a bound, listening, non-blocking fd, for ever; the io owns the fd from here. When
 * descriptors run out it pauses 100 ms (counted), it does not spin. 0: sockets_max reached. */
static inline io_id io_listen(struct io *io, int fd, void *tag)
{
    return io->ops->listen(io, fd, tag);
}

/* Takes over a connected stream socket. Receiving is off until io_receive. 0: sockets_max. */
static inline io_id io_add(struct io *io, int fd, void *tag)
{
    return io->ops->add(io, fd, tag);
}

/* Receiving on or off (back-pressure). Off: octets already taken from the kernel may still come as
 * IO_RECEIVED; no more than the buffers hold. Repeating the same word is fine. */
static inline void io_receive(struct io *io, io_id id, bool on)
{
    io->ops->receive(io, id, on);
}

/* Sends what the vectors name, once; they (copied) and what they point at must stay until IO_SENT.
 * No send may be in flight on this socket. Nothing is written before the next io_wait. */
static inline void io_send(struct io *io, io_id id, const struct iovec *vectors, unsigned count)
{
    io->ops->send(io, id, vectors, count);
}

/* Ends a socket or a listener: cancels what is under way, waits for the last word of the kernel,
 * closes, then IO_CLOSED. A send in flight still ends with IO_SENT before IO_CLOSED (what the
 * kernel takes at once of a send asked for in this turn goes out first); nothing else comes of it
 * after this call. reset: throw away what the kernel holds (RST), for the slow reader. */
static inline void io_close(struct io *io, io_id id, bool reset)
{
    io->ops->close(io, id, reset);
}

/* Any thread: makes this io's current or next io_wait return with IO_WOKEN. */
static inline void io_wake(struct io *io)
{
    io->ops->wake(io);
}

/* Hands requests to the kernel and waits for at least one event, or until until_ns (monotonic;
 * NEVER: no limit; not after now_ns: only look). Returns how many events were filled in; 0 also
 * when a signal came. Buffers given out with IO_RECEIVED at the call before go home now. */
static inline size_t io_wait(struct io *io, struct io_event *events, size_t events_max,
                             uint64_t now_ns, uint64_t until_ns)
{
    return io->ops->wait(io, events, events_max, now_ns, until_ns);
}

#endif
