/* The default maker. What is asked for is only noted; a socket with something to tell the kernel
 * stands in the work list, and uring_settle turns its flags into requests, whatever changed:
 *
 *   io_* and completions ─► flags, work ─► uring_settle ─► SQ ─► one enter ─► CQ ─► events
 *
 * So a pause and a resume in one turn cost nothing, nothing is lost when the SQ is full, and a
 * multishot that ended for any reason is armed again by the same words that armed it first. A
 * socket is closed when each request of its own has had its last completion; only then is its id
 * free. user_data is the io_id with the operation in the bits that the id leaves free.
 *
 * The ring is made disabled and enabled at the first wait, since it belongs to the thread that
 * enables it. Waking is an eventfd under a multishot poll: one write for the waker, from any
 * thread, and it is never read: each write is an edge. */
#include "common/io_uring_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    DRAIN_EVENTS = 64,
    DRAIN_IDLE_MAX = 500, /* waits in vain at the end, 10 ms each: a kernel that is stuck loses */
    DRAIN_IDLE_NS = 10000000,
};

static struct uring *uring_of(struct io *io)
{
    return container_of(io, struct uring, io);
}

static struct io_socket *uring_socket(struct uring *uring, io_id id)
{
    struct io_socket *socket = io_table_find(&uring->table, id);
    check(socket != NULL);
    return socket;
}

static void uring_touch(struct uring *uring, struct io_socket *socket)
{
    if (list_empty(&socket->work)) {
        list_push(&uring->work, &socket->work);
    }
}

static io_id uring_enter(struct io *io, int fd, void *tag, unsigned flags)
{
    struct uring *uring = uring_of(io);
    struct io_socket *socket = io_table_take(&uring->table, fd, tag, flags);
    if (socket == NULL) {
        return 0;
    }
    int mode = fcntl(fd, F_GETFL); /* O_NONBLOCK would mean: answer -EAGAIN instead of waiting */
    if (mode >= 0 && (mode & O_NONBLOCK) != 0) {
        fcntl(fd, F_SETFL, mode & ~O_NONBLOCK);
    }
    if ((flags & IO_FLAG_LISTENER) != 0) {
        uring_touch(uring, socket);
    }
    return io_table_id(&uring->table, socket);
}

static io_id uring_listen(struct io *io, int fd, void *tag)
{
    return uring_enter(io, fd, tag, IO_FLAG_LISTENER | IO_FLAG_WANTED);
}

static io_id uring_add(struct io *io, int fd, void *tag)
{
    return uring_enter(io, fd, tag, 0);
}

static void uring_receive(struct io *io, io_id id, bool on)
{
    struct uring *uring = uring_of(io);
    struct io_socket *socket = uring_socket(uring, id);
    check((socket->flags & IO_FLAG_LISTENER) == 0);
    bool was = (socket->flags & IO_FLAG_WANTED) != 0;
    if (was == on || (socket->flags & (IO_FLAG_CLOSING | IO_FLAG_OVER)) != 0) {
        return;
    }
    socket->flags ^= IO_FLAG_WANTED;
    list_remove(&socket->wait); /* a new wish starts at the end of the line for buffers */
    uring_touch(uring, socket);
}

static void uring_send(struct io *io, io_id id, const struct iovec *vectors, unsigned count)
{
    struct uring *uring = uring_of(io);
    struct io_socket *socket = uring_socket(uring, id);
    io_send_keep(&uring->table, socket, vectors, count);
    uring_touch(uring, socket);
}

static void uring_close(struct io *io, io_id id, bool reset)
{
    struct uring *uring = uring_of(io);
    struct io_socket *socket = uring_socket(uring, id);
    socket->flags &= ~(unsigned)IO_FLAG_WANTED;
    socket->flags |= IO_FLAG_CLOSING | (reset ? IO_FLAG_RESET : 0U);
    list_remove(&socket->wait);
    uring_touch(uring, socket);
}

static void uring_wake(struct io *io)
{
    uint64_t one = 1;
    ssize_t written = write(uring_of(io)->wake_fd, &one, sizeof(one));
    check(written == sizeof(one)); /* a count of 2^64 wakes does not fill */
}

static void uring_settle_read(struct uring *uring, struct io_socket *socket)
{
    bool wanted = (socket->flags & IO_FLAG_WANTED) != 0 && list_empty(&socket->wait);
    io_id id = io_table_id(&uring->table, socket);
    if ((socket->flags & IO_FLAG_READ_FLYING) == 0) {
        if (wanted) {
            bool listens = (socket->flags & IO_FLAG_LISTENER) != 0;
            uring_ask_read(uring, socket->fd, id, listens);
            socket->flags |= IO_FLAG_READ_FLYING;
        }
    } else if (!wanted && (socket->flags & IO_FLAG_READ_STOPPED) == 0) {
        bool listens = (socket->flags & IO_FLAG_LISTENER) != 0;
        uring_ask_cancel(uring, id, URING_CANCEL_READ, listens ? URING_ACCEPT : URING_RECEIVE);
        socket->flags |= IO_FLAG_READ_STOPPED;
    }
}

static void uring_settle_send(struct uring *uring, struct io_socket *socket)
{
    bool closing = (socket->flags & IO_FLAG_CLOSING) != 0;
    if ((socket->flags & IO_FLAG_SEND_QUEUED) != 0 && (socket->flags & IO_FLAG_RESET) == 0) {
        uring_ask_send(uring, socket->fd, io_table_id(&uring->table, socket), socket->send);
        socket->flags &= ~(unsigned)IO_FLAG_SEND_QUEUED;
        socket->flags |= IO_FLAG_SEND_FLYING;
    }
    unsigned flying = socket->flags & (IO_FLAG_SEND_FLYING | IO_FLAG_SEND_STOPPED);
    if (closing && flying == IO_FLAG_SEND_FLYING) {
        io_id id = io_table_id(&uring->table, socket);
        uring_ask_cancel(uring, id, URING_CANCEL_SEND, URING_SEND);
        socket->flags |= IO_FLAG_SEND_STOPPED;
    }
}

/* What this socket's flags ask of the kernel; closing and with nothing under way, it is done. */
static void uring_settle(struct uring *uring, struct io_socket *socket)
{
    uring_settle_send(uring, socket);
    uring_settle_read(uring, socket);
    unsigned flying = IO_FLAG_SEND_FLYING | IO_FLAG_READ_FLYING;
    if ((socket->flags & IO_FLAG_CLOSING) != 0 && (socket->flags & flying) == 0) {
        list_push(&uring->done, &socket->work);
    }
}

static void uring_settle_all(struct uring *uring)
{
    while (!list_empty(&uring->work)) {
        uring_settle(uring, container_of(list_pop(&uring->work), struct io_socket, work));
    }
}

static void uring_close_done(struct uring *uring, struct io_batch *batch)
{
    while (!list_empty(&uring->done) && !io_batch_full(batch)) {
        struct io_socket *socket = container_of(uring->done.next, struct io_socket, work);
        if (socket->send != NULL) { /* a reset came before the kernel heard of it */
            io_send_drop(&uring->table, socket);
            io_batch_add(batch, &uring->table, socket, IO_SENT, -ECANCELED);
            continue;
        }
        io_batch_add(batch, &uring->table, socket, IO_CLOSED, 0);
        io_socket_shut(socket);
        io_table_give(&uring->table, socket);
    }
}

static void uring_over(struct uring *uring, struct io_socket *socket, struct io_batch *batch,
                       int result)
{
    socket->flags |= IO_FLAG_OVER;
    socket->flags &= ~(unsigned)IO_FLAG_WANTED;
    io_batch_add(batch, &uring->table, socket, IO_ENDED, result);
}

static void uring_accepted(struct uring *uring, struct io_socket *socket, struct io_batch *batch,
                           int result, uint64_t now_ns)
{
    bool closing = (socket->flags & IO_FLAG_CLOSING) != 0;
    if (result >= 0) {
        if (closing) {
            close(result);
        } else {
            io_batch_add(batch, &uring->table, socket, IO_ACCEPTED, result);
        }
    } else if (!closing) {
        switch (io_accept_refusal(-result)) {
        case IO_REFUSAL_RETRY:
            break;
        case IO_REFUSAL_PAUSE:
            uring->io.counters.accept_paused++;
            uring->resume_ns = now_ns + IO_ACCEPT_PAUSE_MS * NS_PER_MS;
            list_remove(&socket->wait);
            list_push(&uring->paused, &socket->wait);
            break;
        case IO_REFUSAL_END:
            uring_over(uring, socket, batch, result);
            break;
        }
    }
}

static void uring_received(struct uring *uring, struct io_socket *socket, struct io_batch *batch,
                           const struct io_uring_cqe *cqe)
{
    bool closing = (socket->flags & IO_FLAG_CLOSING) != 0;
    if (cqe->res > 0) {
        if (closing) {
            return;
        }
        check((cqe->flags & IORING_CQE_F_BUFFER) != 0);
        io_batch_add(batch, &uring->table, socket, IO_RECEIVED, 0);
        struct io_event *event = &batch->events[batch->count - 1];
        event->data = uring_buffer(uring, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
        event->size = (size_t)cqe->res;
        return;
    }
    switch (-cqe->res) {
    case ENOBUFS:
        uring->io.counters.buffers_short++;
        if ((socket->flags & IO_FLAG_WANTED) != 0) {
            list_remove(&socket->wait);
            list_push(&uring->starved, &socket->wait);
        }
        break;
    case EINTR:
    case EAGAIN:
    case ECANCELED:
        break;
    default:
        if (!closing && (socket->flags & IO_FLAG_OVER) == 0) {
            uring_over(uring, socket, batch, cqe->res);
        }
        break;
    }
}

/* Too late is the rule: the last completion is there. Else the request was busy just then, and
 * the cancel is asked for again. */
static void uring_cancel_failed(struct uring *uring, struct io_socket *socket, enum uring_verb verb)
{
    if (socket == NULL) {
        return;
    }
    unsigned stopped = verb == URING_CANCEL_READ ? IO_FLAG_READ_STOPPED : IO_FLAG_SEND_STOPPED;
    if ((socket->flags & stopped) != 0) {
        socket->flags &= ~stopped;
        uring_touch(uring, socket);
    }
}

/* One completion; it adds one event at most. */
static void uring_reap(struct uring *uring, const struct io_uring_cqe *cqe, struct io_batch *batch,
                       uint64_t now_ns, bool *woken)
{
    enum uring_verb verb = uring_verb_of(cqe->user_data);
    bool last = (cqe->flags & IORING_CQE_F_MORE) == 0;
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
        uring_buffer_lend(uring, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    }
    if (verb == URING_WAKE) {
        uring->wake_armed = !last;
        *woken = true;
        return;
    }
    struct io_socket *socket = io_table_find(&uring->table, uring_id_of(cqe->user_data));
    if (verb == URING_CANCEL_READ || verb == URING_CANCEL_SEND) {
        uring_cancel_failed(uring, socket, verb);
        return;
    }
    check(socket != NULL); /* a socket outlives its requests */
    if (verb == URING_SEND) {
        io_send_drop(&uring->table, socket);
        io_batch_add(batch, &uring->table, socket, IO_SENT, cqe->res);
    } else if (verb == URING_ACCEPT) {
        uring_accepted(uring, socket, batch, cqe->res, now_ns);
    } else {
        uring_received(uring, socket, batch, cqe);
    }
    if (last && verb != URING_SEND) {
        socket->flags &= ~(unsigned)(IO_FLAG_READ_FLYING | IO_FLAG_READ_STOPPED);
        uring_touch(uring, socket);
    } else if (last && (socket->flags & IO_FLAG_CLOSING) != 0) {
        uring_touch(uring, socket);
    }
}

static void uring_reap_all(struct uring *uring, struct io_batch *batch, uint64_t now_ns)
{
    bool woken = false;
    unsigned head;
    unsigned seen = 0;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(&uring->ring, head, cqe)
    {
        if (batch->count + woken == batch->max) {
            break;
        }
        uring_reap(uring, cqe, batch, now_ns, &woken);
        seen++;
    }
    io_uring_cq_advance(&uring->ring, seen);
    if (woken) {
        io_batch_add(batch, NULL, NULL, IO_WOKEN, 0);
    }
}

/* As many starved sockets as there are buffers, so that the rest does not run into ENOBUFS again;
 * true while some still stand in line. */
static bool uring_feed(struct uring *uring)
{
    uint32_t meals = uring->buffers_count - uring->buffers_lent;
    for (; meals > 0 && !list_empty(&uring->starved); meals--) {
        uring_touch(uring, container_of(list_pop(&uring->starved), struct io_socket, wait));
    }
    return !list_empty(&uring->starved);
}

static void uring_resume(struct uring *uring, uint64_t now_ns)
{
    while (now_ns >= uring->resume_ns && !list_empty(&uring->paused)) {
        uring_touch(uring, container_of(list_pop(&uring->paused), struct io_socket, wait));
    }
}

static size_t uring_wait(struct io *io, struct io_event *events, size_t events_max, uint64_t now_ns,
                         uint64_t until_ns)
{
    struct uring *uring = uring_of(io);
    struct io_batch batch = {.events = events, .max = events_max};
    check(events_max > 0);
    io->counters.waits++;
    uring_enable(uring);
    for (;;) {
        uring_buffers_return(uring);
        bool hungry = uring_feed(uring);
        uring_resume(uring, now_ns);
        uring_settle_all(uring);
        if (!uring->wake_armed) {
            uring_ask_wake(uring);
        }
        uint64_t wake_ns =
            list_empty(&uring->paused) || until_ns < uring->resume_ns ? until_ns : uring->resume_ns;
        bool look = hungry || !list_empty(&uring->done) || wake_ns <= now_ns ||
                    io_uring_cq_ready(&uring->ring) > 0;
        uint64_t sleep_ns = wake_ns == NEVER ? NEVER : wake_ns - now_ns;
        int result = look ? uring_look(uring) : uring_sleep(uring, sleep_ns);
        uring_close_done(uring, &batch);
        uring_reap_all(uring, &batch, now_ns);
        if (batch.count > 0 || result == -EINTR) {
            return batch.count;
        }
        if (result == -ETIME) {
            now_ns = wake_ns;
        }
        if (now_ns >= until_ns && (!hungry || result == -ETIME)) {
            return 0;
        }
    }
}

/* Nothing that the kernel still does may touch a buffer or a block that we free. On another thread
 * than the owner's nothing can be asked; the owner has ended, and the kernel cancelled it all. */
static void uring_drain(struct uring *uring)
{
    for (uint32_t i = 0; i < uring->table.touched; i++) {
        struct io_socket *socket = &uring->table.sockets[i];
        if (socket->fd >= 0) {
            list_remove(&socket->wait);
            socket->flags &= ~(unsigned)IO_FLAG_WANTED;
            socket->flags |= IO_FLAG_CLOSING;
            if ((socket->flags & IO_FLAG_SEND_QUEUED) != 0) {
                io_send_drop(&uring->table, socket);
            }
            uring_touch(uring, socket);
        }
    }
    bool mine = io_uring_get_events(&uring->ring) != -EEXIST;
    for (unsigned idle = 0; mine && uring->table.used > 0 && idle < DRAIN_IDLE_MAX;) {
        struct io_event events[DRAIN_EVENTS];
        struct io_batch batch = {.events = events, .max = array_count(events)};
        uring_buffers_return(uring);
        uring_settle_all(uring);
        bool look = !list_empty(&uring->done) || io_uring_cq_ready(&uring->ring) > 0;
        int result = look ? uring_look(uring) : uring_sleep(uring, DRAIN_IDLE_NS);
        idle += result == -ETIME;
        mine = result != -EEXIST;
        uring_close_done(uring, &batch);
        uring_reap_all(uring, &batch, 0);
    }
}

static void uring_free(struct io *io)
{
    struct uring *uring = uring_of(io);
    if (uring->enabled) {
        uring_drain(uring);
    }
    uring_ring_fini(uring);
    free(uring);
}

static const struct io_ops uring_ops = {
    .free = uring_free,
    .listen = uring_listen,
    .add = uring_add,
    .receive = uring_receive,
    .send = uring_send,
    .close = uring_close,
    .wake = uring_wake,
    .wait = uring_wait,
};

struct io *io_uring_new(const struct io_options *options)
{
    struct uring *uring = calloc(1, sizeof(*uring));
    if (uring == NULL) {
        return NULL;
    }
    uring->io.ops = &uring_ops;
    uring->io.name = "uring";
    if (!uring_ring_init(uring, options)) {
        int why = errno;
        uring_free(&uring->io);
        errno = why;
        return NULL;
    }
    return &uring->io;
}
