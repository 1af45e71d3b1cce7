/* The maker for where io_uring is forbidden. Edge-triggered, so a socket costs one epoll_ctl in its
 * life; what an edge said is remembered in its flags until a read comes back dry.
 *
 *   work: sends to try, sockets to close ─► events          (before the wait)
 *   epoll_wait ─► flags ─► ready ─► read or accept ─► events (after it)
 *
 * A wait reads at most buffers_count buffers' worth; who is left keeps its place in line for the
 * next one. Calls never block whatever O_NONBLOCK says, except accept, so listeners have it set. */
#include "common/io_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    EDGES_MAX = 256,  /* taken from the kernel at once */
    ACCEPTS_MAX = 16, /* of one listener, before the next socket's turn */
    READS_MAX = 4,    /* of one socket, before the next one's turn */
};

struct epoll {
    struct io io;
    int fd;
    int wake_fd;
    bool coarse; /* no epoll_pwait2: milliseconds must do */
    struct io_table table;
    struct list work;
    struct list ready;
    struct list paused;
    uint64_t resume_ns; /* when the paused listeners try again */
    uint8_t *buffers;
    uint32_t buffers_count;
    uint32_t buffers_used; /* given out with the events of the last wait */
    uint32_t buffer_bytes;
    struct epoll_event edges[EDGES_MAX];
};

static struct epoll *epoll_of(struct io *io)
{
    return container_of(io, struct epoll, io);
}

static struct io_socket *epoll_socket(struct epoll *epoll, io_id id)
{
    struct io_socket *socket = io_table_find(&epoll->table, id);
    check(socket != NULL);
    return socket;
}

static void epoll_queue(struct list *list, struct list *node)
{
    list_remove(node);
    list_push(list, node);
}

static io_id epoll_enter(struct epoll *epoll, int fd, void *tag, unsigned flags)
{
    struct io_socket *socket = io_table_take(&epoll->table, fd, tag, flags);
    if (socket == NULL) {
        return 0;
    }
    uint32_t interest = EPOLLIN | EPOLLRDHUP | EPOLLET;
    interest |= (flags & IO_FLAG_LISTENER) != 0 ? 0 : EPOLLOUT;
    struct epoll_event edge = {.events = interest, .data.u64 = io_table_id(&epoll->table, socket)};
    if (epoll_ctl(epoll->fd, EPOLL_CTL_ADD, fd, &edge) != 0) {
        /* Out of watches or memory: the first try to read says so, as a kernel's refusal. */
        socket->flags |= IO_FLAG_READABLE | IO_FLAG_HUNG_UP;
    }
    return edge.data.u64;
}

static io_id epoll_listen(struct io *io, int fd, void *tag)
{
    int mode = fcntl(fd, F_GETFL);
    if (mode >= 0 && (mode & O_NONBLOCK) == 0) {
        fcntl(fd, F_SETFL, mode | O_NONBLOCK);
    }
    return epoll_enter(epoll_of(io), fd, tag, IO_FLAG_LISTENER | IO_FLAG_WANTED);
}

static io_id epoll_add(struct io *io, int fd, void *tag)
{
    return epoll_enter(epoll_of(io), fd, tag, 0);
}

static void epoll_receive(struct io *io, io_id id, bool on)
{
    struct epoll *epoll = epoll_of(io);
    struct io_socket *socket = epoll_socket(epoll, id);
    check((socket->flags & IO_FLAG_LISTENER) == 0);
    if ((socket->flags & (IO_FLAG_CLOSING | IO_FLAG_OVER)) != 0) {
        return;
    }
    if (!on) {
        socket->flags &= ~(unsigned)IO_FLAG_WANTED;
        list_remove(&socket->wait);
    } else if ((socket->flags & IO_FLAG_WANTED) == 0) {
        socket->flags |= IO_FLAG_WANTED;
        if ((socket->flags & IO_FLAG_READABLE) != 0) {
            epoll_queue(&epoll->ready, &socket->wait);
        }
    }
}

static void epoll_send(struct io *io, io_id id, const struct iovec *vectors, unsigned count)
{
    struct epoll *epoll = epoll_of(io);
    struct io_socket *socket = epoll_socket(epoll, id);
    io_send_keep(&epoll->table, socket, vectors, count);
    epoll_queue(&epoll->work, &socket->work);
}

static void epoll_close(struct io *io, io_id id, bool reset)
{
    struct epoll *epoll = epoll_of(io);
    struct io_socket *socket = epoll_socket(epoll, id);
    socket->flags &= ~(unsigned)IO_FLAG_WANTED;
    socket->flags |= IO_FLAG_CLOSING | (reset ? IO_FLAG_RESET : 0U);
    list_remove(&socket->wait);
    epoll_queue(&epoll->work, &socket->work);
}

static void epoll_wake(struct io *io)
{
    uint64_t one = 1;
    ssize_t written = write(epoll_of(io)->wake_fd, &one, sizeof(one));
    check(written == sizeof(one)); /* a count of 2^64 wakes does not fill */
}

/* The send's result, or -EAGAIN: the kernel has no room. */
static int epoll_try(struct io_socket *socket)
{
    struct io_send *send = socket->send;
    ssize_t taken;
    do {
        if (send->head.msg_iovlen == 1) {
            taken = sendto(socket->fd, send->vectors[0].iov_base, send->vectors[0].iov_len,
                           MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
        } else {
            taken = sendmsg(socket->fd, &send->head, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    } while (taken < 0 && errno == EINTR);
    return taken >= 0 ? (int)taken : -errno;
}

/* One socket's sends and closing, as far as events fit; true when it has nothing more to do now. */
static bool epoll_work_socket(struct epoll *epoll, struct io_socket *socket, struct io_batch *batch)
{
    bool closing = (socket->flags & IO_FLAG_CLOSING) != 0;
    if (socket->send != NULL) {
        bool try = (socket->flags & IO_FLAG_RESET) == 0;
        int result = try ? epoll_try(socket) : -ECANCELED;
        if (result == -EAGAIN && !closing) {
            socket->flags &= ~(unsigned)IO_FLAG_SEND_QUEUED;
            socket->flags |= IO_FLAG_SEND_FLYING;
            return true;
        }
        io_send_drop(&epoll->table, socket);
        io_batch_add(batch, &epoll->table, socket, IO_SENT,
                     result == -EAGAIN ? -ECANCELED : result);
    }
    if (!closing) {
        return true;
    }
    if (io_batch_full(batch)) {
        return false;
    }
    io_batch_add(batch, &epoll->table, socket, IO_CLOSED, 0);
    io_socket_shut(socket);
    io_table_give(&epoll->table, socket);
    return true;
}

static void epoll_work(struct epoll *epoll, struct io_batch *batch)
{
    while (!list_empty(&epoll->work) && !io_batch_full(batch)) {
        struct io_socket *socket = container_of(epoll->work.next, struct io_socket, work);
        list_remove(&socket->work);
        if (!epoll_work_socket(epoll, socket, batch)) {
            list_push(&epoll->work, &socket->work);
        }
    }
}

static void epoll_over(struct epoll *epoll, struct io_socket *socket, struct io_batch *batch,
                       int result)
{
    socket->flags |= IO_FLAG_OVER;
    socket->flags &= ~(unsigned)(IO_FLAG_WANTED | IO_FLAG_READABLE);
    io_batch_add(batch, &epoll->table, socket, IO_ENDED, result);
}

/* False: read dry, ended or paused; true: there may be more. */
static bool epoll_accept(struct epoll *epoll, struct io_socket *socket, struct io_batch *batch,
                         uint64_t now_ns)
{
    for (unsigned i = 0; i < ACCEPTS_MAX && !io_batch_full(batch); i++) {
        int fd = accept4(socket->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            io_batch_add(batch, &epoll->table, socket, IO_ACCEPTED, fd);
            continue;
        }
        if (errno == EAGAIN) {
            socket->flags &= ~(unsigned)IO_FLAG_READABLE;
            return false;
        }
        switch (io_accept_refusal(errno)) {
        case IO_REFUSAL_RETRY:
            break;
        case IO_REFUSAL_PAUSE:
            epoll->io.counters.accept_paused++;
            epoll->resume_ns = now_ns + IO_ACCEPT_PAUSE_MS * NS_PER_MS;
            list_push(&epoll->paused, &socket->wait);
            return false;
        case IO_REFUSAL_END:
            epoll_over(epoll, socket, batch, -errno);
            return false;
        }
    }
    return true;
}

static uint8_t *epoll_buffer(struct epoll *epoll)
{
    uint8_t *buffer = epoll->buffers + (size_t)epoll->buffers_used * epoll->buffer_bytes;
    io_unpoison(buffer, epoll->buffer_bytes);
    return buffer;
}

/* As epoll_accept. A short read of a stream means dry, unless an end waits behind it. */
static bool epoll_read(struct epoll *epoll, struct io_socket *socket, struct io_batch *batch)
{
    for (unsigned i = 0; i < READS_MAX; i++) {
        if (io_batch_full(batch) || epoll->buffers_used == epoll->buffers_count) {
            return true;
        }
        uint8_t *buffer = epoll_buffer(epoll);
        ssize_t size = recv(socket->fd, buffer, epoll->buffer_bytes, MSG_DONTWAIT);
        if (size > 0) {
            io_batch_add(batch, &epoll->table, socket, IO_RECEIVED, 0);
            batch->events[batch->count - 1].data = buffer;
            batch->events[batch->count - 1].size = (size_t)size;
            epoll->buffers_used++;
            if ((size_t)size < epoll->buffer_bytes && (socket->flags & IO_FLAG_HUNG_UP) == 0) {
                socket->flags &= ~(unsigned)IO_FLAG_READABLE;
                return false;
            }
            continue;
        }
        io_poison(buffer, epoll->buffer_bytes);
        if (size < 0 && errno == EAGAIN) {
            socket->flags &= ~(unsigned)IO_FLAG_READABLE;
            return false;
        }
        if (size == 0 || errno != EINTR) {
            epoll_over(epoll, socket, batch, size == 0 ? 0 : -errno);
            return false;
        }
    }
    return true;
}

static void epoll_ready(struct epoll *epoll, struct io_batch *batch, uint64_t now_ns)
{
    while (!list_empty(&epoll->ready) && !io_batch_full(batch)) {
        struct io_socket *socket = container_of(epoll->ready.next, struct io_socket, wait);
        bool listens = (socket->flags & IO_FLAG_LISTENER) != 0;
        if (!listens && epoll->buffers_used == epoll->buffers_count) {
            epoll->io.counters.buffers_short++;
            return;
        }
        list_remove(&socket->wait);
        bool more =
            listens ? epoll_accept(epoll, socket, batch, now_ns) : epoll_read(epoll, socket, batch);
        if (more) {
            list_push(&epoll->ready, &socket->wait);
        }
    }
}

static void epoll_edge(struct epoll *epoll, const struct epoll_event *edge, bool *woken)
{
    if (edge->data.u64 == 0) {
        *woken = true;
        return;
    }
    struct io_socket *socket = io_table_find(&epoll->table, edge->data.u64);
    if (socket == NULL) {
        return; /* a late edge of a predecessor whose file somebody else holds open */
    }
    if ((edge->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        bool hung = (edge->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        socket->flags |= IO_FLAG_READABLE | (hung ? IO_FLAG_HUNG_UP : 0U);
        bool queue = (socket->flags & IO_FLAG_WANTED) != 0;
        if (queue && list_empty(&socket->wait)) {
            list_push(&epoll->ready, &socket->wait);
        }
    }
    bool room = (edge->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    if (room && (socket->flags & IO_FLAG_SEND_FLYING) != 0) {
        epoll_queue(&epoll->work, &socket->work);
    }
}

static int epoll_sleep(struct epoll *epoll, uint64_t sleep_ns)
{
    if (!epoll->coarse) {
        struct timespec limit = {.tv_sec = (time_t)(sleep_ns / NS_PER_S),
                                 .tv_nsec = (long)(sleep_ns % NS_PER_S)};
        int count = epoll_pwait2(epoll->fd, epoll->edges, EDGES_MAX,
                                 sleep_ns == NEVER ? NULL : &limit, NULL);
        if (count >= 0 || (errno != ENOSYS && errno != EPERM)) {
            return count;
        }
        epoll->coarse = true;
    }
    uint64_t ms = sleep_ns / NS_PER_MS + (sleep_ns % NS_PER_MS != 0);
    int limit_ms = sleep_ns == NEVER ? -1 : (int)(ms < INT32_MAX ? ms : INT32_MAX);
    return epoll_wait(epoll->fd, epoll->edges, EDGES_MAX, limit_ms);
}

static void epoll_resume(struct epoll *epoll, uint64_t now_ns)
{
    if (now_ns >= epoll->resume_ns) {
        while (!list_empty(&epoll->paused)) {
            list_push(&epoll->ready, list_pop(&epoll->paused));
        }
    }
}

static size_t epoll_wait_events(struct io *io, struct io_event *events, size_t events_max,
                                uint64_t now_ns, uint64_t until_ns)
{
    struct epoll *epoll = epoll_of(io);
    struct io_batch batch = {.events = events, .max = events_max};
    check(events_max > 0);
    io->counters.waits++;
    io_poison(epoll->buffers, (size_t)epoll->buffers_used * epoll->buffer_bytes);
    epoll->buffers_used = 0;
    for (;;) {
        epoll_resume(epoll, now_ns);
        epoll_work(epoll, &batch);
        if (io_batch_full(&batch)) {
            return batch.count;
        }
        uint64_t wake_ns =
            list_empty(&epoll->paused) || until_ns < epoll->resume_ns ? until_ns : epoll->resume_ns;
        bool look = batch.count > 0 || !list_empty(&epoll->ready) || wake_ns <= now_ns;
        uint64_t sleep_ns = wake_ns == NEVER ? NEVER : wake_ns - now_ns;
        int count = epoll_sleep(epoll, look ? 0 : sleep_ns);
        check(count >= 0 || errno == EINTR);
        bool woken = false;
        for (int i = 0; i < count; i++) {
            epoll_edge(epoll, &epoll->edges[i], &woken);
        }
        if (woken) {
            io_batch_add(&batch, NULL, NULL, IO_WOKEN, 0);
        }
        epoll_work(epoll, &batch); /* sends that found no room before */
        epoll_ready(epoll, &batch, now_ns);
        if (batch.count > 0 || count < 0 || now_ns >= until_ns) {
            return batch.count;
        }
        if (count == 0 && !look) {
            now_ns = wake_ns;
        }
        if (now_ns >= until_ns) {
            return 0;
        }
    }
}

static void epoll_free(struct io *io)
{
    struct epoll *epoll = epoll_of(io);
    io_table_fini(&epoll->table);
    io_unmap(epoll->buffers, (size_t)epoll->buffers_count * epoll->buffer_bytes);
    if (epoll->wake_fd >= 0) {
        close(epoll->wake_fd);
    }
    if (epoll->fd >= 0) {
        close(epoll->fd);
    }
    free(epoll);
}

static const struct io_ops epoll_ops = {
    .free = epoll_free,
    .listen = epoll_listen,
    .add = epoll_add,
    .receive = epoll_receive,
    .send = epoll_send,
    .close = epoll_close,
    .wake = epoll_wake,
    .wait = epoll_wait_events,
};

struct io *io_epoll_new(const struct io_options *options)
{
    struct epoll *epoll = calloc(1, sizeof(*epoll));
    if (epoll == NULL) {
        return NULL;
    }
    epoll->io.ops = &epoll_ops;
    epoll->io.name = "epoll";
    epoll->buffers_count = options->buffers_count;
    epoll->buffer_bytes = options->buffer_bytes;
    list_init(&epoll->work);
    list_init(&epoll->ready);
    list_init(&epoll->paused);
    size_t buffers_bytes = (size_t)options->buffers_count * options->buffer_bytes;
    check(buffers_bytes > 0);
    bool good = io_table_init(&epoll->table, options->sockets_max);
    epoll->buffers = io_map(buffers_bytes);
    epoll->fd = epoll_create1(EPOLL_CLOEXEC);
    epoll->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event wake = {.events = EPOLLIN | EPOLLET, .data.u64 = 0};
    good = good && epoll->buffers != NULL && epoll->fd >= 0 && epoll->wake_fd >= 0;
    if (!good || epoll_ctl(epoll->fd, EPOLL_CTL_ADD, epoll->wake_fd, &wake) != 0) {
        int why = errno;
        epoll_free(&epoll->io);
        errno = why;
        return NULL;
    }
    io_poison(epoll->buffers, buffers_bytes);
    return &epoll->io;
}
