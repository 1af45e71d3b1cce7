/* Table and blocks for the kernel makers: io_table.h. The id is generation << 28 | slot: the four
 * bits between them are free for io_uring's user_data. */
#include "common/io_table.h"
#include "common/heap.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ID_SLOT_BITS = 24, ID_GENERATION_SHIFT = 28 };

static_assert(sizeof(struct io_socket) <= 64, "an idle socket costs a cache line");
static_assert(IO_SOCKETS_MAX == 1 << ID_SLOT_BITS, "a slot fits its bits");

void *io_map(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

void io_unmap(void *at, size_t size)
{
    if (at != NULL) {
        io_unpoison(at, size);
        munmap(at, size);
    }
}

bool io_table_init(struct io_table *table, uint32_t sockets_max)
{
    check(sockets_max > 0 && sockets_max <= IO_SOCKETS_MAX);
    table->sockets_max = sockets_max;
    table->touched = 0;
    list_init(&table->free);
    mem_init(&table->mem, heap_source(), SIZE_MAX);
    table->sockets = io_map(sockets_max * sizeof(struct io_socket));
    return table->sockets != NULL;
}

void io_table_fini(struct io_table *table)
{
    for (uint32_t i = 0; table->sockets != NULL && i < table->touched; i++) {
        struct io_socket *socket = &table->sockets[i];
        io_send_drop(table, socket);
        if (socket->fd >= 0) {
            io_socket_shut(socket);
        }
    }
    io_unmap(table->sockets, table->sockets_max * sizeof(struct io_socket));
    mem_fini(&table->mem);
}

struct io_socket *io_table_take(struct io_table *table, int fd, void *tag, unsigned flags)
{
    check(fd >= 0);
    struct io_socket *socket = NULL;
    if (!list_empty(&table->free)) {
        socket = container_of(list_pop(&table->free), struct io_socket, work);
    } else if (table->touched < table->sockets_max) {
        socket = &table->sockets[table->touched];
        table->touched++;
        socket->generation = 1;
    } else {
        return NULL;
    }
    table->used++;
    list_init(&socket->work);
    list_init(&socket->wait);
    socket->tag = tag;
    socket->send = NULL;
    socket->fd = fd;
    socket->flags = flags;
    return socket;
}

void io_table_give(struct io_table *table, struct io_socket *socket)
{
    check(socket->fd < 0 && socket->send == NULL);
    list_remove(&socket->work);
    list_remove(&socket->wait);
    socket->generation = socket->generation == UINT32_MAX ? 1 : socket->generation + 1;
    list_push(&table->free, &socket->work);
    table->used--;
}

io_id io_table_id(const struct io_table *table, const struct io_socket *socket)
{
    uint64_t slot = (uint64_t)(socket - table->sockets);
    return (uint64_t)socket->generation << ID_GENERATION_SHIFT | slot;
}

struct io_socket *io_table_find(const struct io_table *table, io_id id)
{
    uint32_t slot = (uint32_t)(id & (IO_SOCKETS_MAX - 1));
    if (slot >= table->touched) {
        return NULL;
    }
    struct io_socket *socket = &table->sockets[slot];
    bool same = (uint32_t)(id >> ID_GENERATION_SHIFT) == socket->generation;
    return same && socket->fd >= 0 ? socket : NULL;
}

static size_t send_bytes(size_t count)
{
    return sizeof(struct io_send) + count * sizeof(struct iovec);
}

void io_send_keep(struct io_table *table, struct io_socket *socket, const struct iovec *vectors,
                  unsigned count)
{
    check(count > 0 && count <= IO_VECTORS_MAX);
    check(socket->send == NULL); /* two sends in flight may reorder on the wire */
    check((socket->flags & (IO_FLAG_CLOSING | IO_FLAG_LISTENER)) == 0);
    struct io_send *send = mem_take(&table->mem, send_bytes(count));
    check(send != NULL); /* the pool has no bound of its own: one block a socket */
    memset(&send->head, 0, sizeof(send->head));
    memcpy(send->vectors, vectors, count * sizeof(struct iovec));
    send->head.msg_iov = send->vectors;
    send->head.msg_iovlen = count;
    socket->send = send;
    socket->flags |= IO_FLAG_SEND_QUEUED;
}

void io_send_drop(struct io_table *table, struct io_socket *socket)
{
    if (socket->send != NULL) {
        mem_give(&table->mem, socket->send, send_bytes(socket->send->head.msg_iovlen));
        socket->send = NULL;
    }
    socket->flags &= ~(unsigned)(IO_FLAG_SEND_QUEUED | IO_FLAG_SEND_FLYING | IO_FLAG_SEND_STOPPED);
}

void io_batch_add(struct io_batch *batch, const struct io_table *table,
                  const struct io_socket *socket, enum io_kind kind, int result)
{
    check(!io_batch_full(batch));
    struct io_event *event = &batch->events[batch->count];
    batch->count++;
    *event = (struct io_event){.kind = kind, .result = result};
    if (socket != NULL) {
        event->id = io_table_id(table, socket);
        event->tag = socket->tag;
    }
}

void io_socket_shut(struct io_socket *socket)
{
    if ((socket->flags & IO_FLAG_RESET) != 0) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    close(socket->fd);
    socket->fd = -1;
}

enum io_refusal io_accept_refusal(int error)
{
    switch (error) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ECANCELED:
        return IO_REFUSAL_RETRY;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
        return IO_REFUSAL_END;
    default:
        return IO_REFUSAL_PAUSE;
    }
}
