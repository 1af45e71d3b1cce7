/* What the two kernel makers of io.h share: the table that turns an io_id into a socket and back,
 * and the blocks that hold a send's vectors while it is under way.
 *
 * Private to io*.c. One io owns a table; its thread alone touches it. An id is generation and slot;
 * the generation of a slot grows when the slot is given back, so a late word about the predecessor
 * finds nothing. Bounded by sockets_max; a slot's memory is first touched when it is first used,
 * and a send's block lives only from io_send to IO_SENT. A full table is answered with NULL. */
#ifndef CLOS_IO_TABLE_H
#define CLOS_IO_TABLE_H

#include "common/io.h"
#include "common/list.h"
#include "common/mem.h"

#include <sys/socket.h>

#if defined(__SANITIZE_ADDRESS__)
#define IO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IO_ASAN 1
#endif
#endif
#ifdef IO_ASAN
#include <sanitizer/asan_interface.h>
#define io_poison(at, size) __asan_poison_memory_region(at, size)
#define io_unpoison(at, size) __asan_unpoison_memory_region(at, size)
#else
#define io_poison(at, size) ((void)(at), (void)(size))
#define io_unpoison(at, size) ((void)(at), (void)(size))
#endif

enum io_flag {
    IO_FLAG_LISTENER = 1 << 0,
    IO_FLAG_WANTED = 1 << 1, /* io_receive said on; always for a listener */
    IO_FLAG_OVER = 1 << 2,   /* IO_ENDED was given */
    IO_FLAG_CLOSING = 1 << 3,
    IO_FLAG_RESET = 1 << 4,
    IO_FLAG_PAUSED = 1 << 5,        /* a listener without descriptors */
    IO_FLAG_SEND_QUEUED = 1 << 6,   /* the kernel does not know of it yet */
    IO_FLAG_SEND_FLYING = 1 << 7,   /* the kernel has it, or (epoll) had no room for it */
    IO_FLAG_SEND_STOPPED = 1 << 8,  /* uring: its cancel was asked for */
    IO_FLAG_READ_FLYING = 1 << 9,   /* uring: the multishot receive or accept is armed */
    IO_FLAG_READ_STOPPED = 1 << 10, /* uring: its cancel was asked for */
    IO_FLAG_READABLE = 1 << 11,     /* epoll: an edge was seen, and not yet read dry */
    IO_FLAG_HUNG_UP = 1 << 12,      /* epoll: an end or an error waits behind the octets */
};

struct io_send {
    struct msghdr head; /* msg_iovlen vectors at msg_iov */
    struct iovec vectors[];
};

/* One cache line. In an unused slot only work (the free list) and generation mean something. */
struct io_socket {
    struct list work; /* something is to be handed to the kernel */
    struct list wait; /* for buffers, for descriptors, or (epoll) for its turn to read */
    void *tag;
    struct io_send *send; /* NULL: none queued, none flying */
    uint32_t generation;
    int fd;
    unsigned flags;
};

struct io_table {
    struct io_socket *sockets;
    uint32_t sockets_max;
    uint32_t touched; /* slots below this were used at least once */
    uint32_t used;    /* slots taken now */
    struct list free;
    struct mem mem; /* blocks of sends */
};

struct io_batch {
    struct io_event *events;
    size_t count;
    size_t max;
};

bool io_table_init(struct io_table *table, uint32_t sockets_max); /* false: no memory */
void io_table_fini(struct io_table *table); /* closes the fd of every socket */

struct io_socket *io_table_take(struct io_table *table, int fd, void *tag, unsigned flags);
void io_table_give(struct io_table *table, struct io_socket *socket);

io_id io_table_id(const struct io_table *table, const struct io_socket *socket);
struct io_socket *io_table_find(const struct io_table *table, io_id id); /* NULL: it is gone */

/* The caller's vectors, copied into a block that hangs on the socket; and the block's end. */
void io_send_keep(struct io_table *table, struct io_socket *socket, const struct iovec *vectors,
                  unsigned count);
void io_send_drop(struct io_table *table, struct io_socket *socket);

void io_batch_add(struct io_batch *batch, const struct io_table *table,
                  const struct io_socket *socket, enum io_kind kind, int result);

/* Throws away what the kernel holds when asked to, and closes. */
void io_socket_shut(struct io_socket *socket);

/* What becomes of a listener whose accept failed. */
enum io_refusal {
    IO_REFUSAL_RETRY, /* that one connection was lost, or nothing was there */
    IO_REFUSAL_PAUSE, /* descriptors or memory are short: try again later */
    IO_REFUSAL_END,   /* this is no listener */
};
enum io_refusal io_accept_refusal(int error);

void *io_map(size_t size); /* zero pages, touched when used; NULL: no memory */
void io_unmap(void *at, size_t size);

static inline bool io_batch_full(const struct io_batch *batch)
{
    return batch->count == batch->max;
}

#endif
