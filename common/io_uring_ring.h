/* io_uring's machinery below io_uring.c: the ring and its flags, the requests one by one, the
 * buffers that the kernel fills, the enter. Private to io_uring*.c; one thread, the one that called
 * uring_enable. Bounded by the options; a full SQ is submitted and written on, never refused. */
#ifndef CLOS_IO_URING_RING_H
#define CLOS_IO_URING_RING_H

#include "common/io_table.h"

#include <liburing.h>

enum uring_verb {
    URING_WAKE,
    URING_ACCEPT,
    URING_RECEIVE,
    URING_SEND,
    URING_CANCEL_READ, /* answers only when it failed */
    URING_CANCEL_SEND,
};

struct uring {
    struct io io;
    struct io_uring ring;
    struct io_table table;
    struct list work;    /* sockets whose flags ask something of the kernel */
    struct list done;    /* sockets that closed: two last events, then their slot is free */
    struct list starved; /* sockets whose receive ended for want of a buffer, first come first */
    struct list paused;  /* listeners without descriptors */
    uint64_t resume_ns;  /* when the paused listeners try again */
    int wake_fd;
    bool made; /* the ring exists */
    bool enabled;
    bool wake_armed;
    struct io_uring_buf_ring *buffer_ring;
    uint8_t *buffers;
    uint16_t *lent; /* buffers that came with completions since the last return */
    uint32_t buffers_lent;
    uint32_t buffers_count;
    uint32_t buffer_bytes;
};

bool uring_ring_init(struct uring *uring, const struct io_options *options); /* false: errno */
void uring_ring_fini(struct uring *uring);

/* Binds the ring to the calling thread, once. */
void uring_enable(struct uring *uring);

void uring_ask_wake(struct uring *uring);
void uring_ask_read(struct uring *uring, int fd, io_id id, bool listens);
void uring_ask_send(struct uring *uring, int fd, io_id id, struct io_send *send);
void uring_ask_cancel(struct uring *uring, io_id id, enum uring_verb verb, enum uring_verb target);

/* Submits; runs what the kernel put off; waits for one completion at most so long. 0 or -errno:
 * -ETIME, -EINTR, or -EEXIST on a thread that the ring does not belong to. */
int uring_sleep(struct uring *uring, uint64_t sleep_ns);
int uring_look(struct uring *uring); /* without waiting; without a system call if there's no need */

uint8_t *uring_buffer(struct uring *uring, uint32_t index);
void uring_buffer_lend(struct uring *uring, uint32_t index);
void uring_buffers_return(struct uring *uring);

enum { URING_VERB_SHIFT = 24 }; /* into the bits that an io_id leaves free */

static inline enum uring_verb uring_verb_of(uint64_t user_data)
{
    return (enum uring_verb)(user_data >> URING_VERB_SHIFT & 15);
}

static inline io_id uring_id_of(uint64_t user_data)
{
    return user_data & ~(UINT64_C(15) << URING_VERB_SHIFT);
}

#endif
