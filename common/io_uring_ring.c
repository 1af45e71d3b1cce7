/* A ring as the kernel allows it. Deferred task run is the best (completions are made only inside
 * our enter, so they come in batches); where a flag is unknown we go on without it. What we can't
 * do without (multishot receive: Linux 6.0) is asked for at the start. */
#include "common/io_uring_ring.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    REQUESTS_MAX = 1024, /* in the SQ; more are submitted in several enters */
    COMPLETIONS_MIN = 1024,
    COMPLETIONS_MAX = 32768,
    BUFFERS_GROUP = 0,
};

static const unsigned uring_flags[] = {
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER |
        IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    0,
};

static unsigned uring_completions(const struct io_options *options)
{
    if (options->completions != 0) {
        return options->completions;
    }
    size_t wanted = 2 * (size_t)options->sockets_max + options->buffers_count;
    size_t entries = COMPLETIONS_MIN;
    while (entries < wanted && entries < COMPLETIONS_MAX) {
        entries *= 2;
    }
    return (unsigned)entries;
}

static int uring_ring_make(struct uring *uring, const struct io_options *options)
{
    unsigned completions = uring_completions(options);
    int result = -EINVAL;
    for (size_t i = 0; i < array_count(uring_flags) && result == -EINVAL; i++) {
        struct io_uring_params params = {
            .flags = uring_flags[i] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                     IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED,
            .cq_entries = completions,
        };
        unsigned requests = completions < REQUESTS_MAX ? completions : REQUESTS_MAX;
        result = io_uring_queue_init_params(requests, &uring->ring, &params);
    }
    return result;
}

/* SEND_ZC came with multishot receive, which itself has no mark to ask for. */
static bool uring_ring_able(struct uring *uring)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(&uring->ring);
    bool able = probe != NULL && io_uring_opcode_supported(probe, IORING_OP_SEND_ZC) != 0;
    io_uring_free_probe(probe);
    return able;
}

static void uring_buffer_add(struct uring *uring, uint32_t index, uint32_t offset)
{
    uint8_t *buffer = uring_buffer(uring, index);
    io_poison(buffer, uring->buffer_bytes);
    io_uring_buf_ring_add(uring->buffer_ring, buffer, uring->buffer_bytes, (unsigned short)index,
                          io_uring_buf_ring_mask(uring->buffers_count), (int)offset);
}

static int uring_buffers_make(struct uring *uring, const struct io_options *options)
{
    uint32_t count = options->buffers_count;
    check(count > 0 && count <= 32768 && (count & (count - 1)) == 0 && options->buffer_bytes > 0);
    uring->buffers_count = count;
    uring->buffer_bytes = options->buffer_bytes;
    uring->buffers = io_map((size_t)count * options->buffer_bytes);
    uring->buffer_ring = io_map(count * sizeof(struct io_uring_buf));
    uring->lent = calloc(count, sizeof(uint16_t));
    if (uring->buffers == NULL || uring->buffer_ring == NULL || uring->lent == NULL) {
        return -ENOMEM;
    }
    struct io_uring_buf_reg registration = {
        .ring_addr = (uint64_t)(uintptr_t)uring->buffer_ring,
        .ring_entries = count,
        .bgid = BUFFERS_GROUP,
    };
    int result = io_uring_register_buf_ring(&uring->ring, &registration, 0);
    if (result == 0) {
        io_uring_buf_ring_init(uring->buffer_ring);
        for (uint32_t i = 0; i < count; i++) {
            uring_buffer_add(uring, i, i);
        }
        io_uring_buf_ring_advance(uring->buffer_ring, (int)count);
    }
    return result;
}

bool uring_ring_init(struct uring *uring, const struct io_options *options)
{
    list_init(&uring->work);
    list_init(&uring->done);
    list_init(&uring->starved);
    list_init(&uring->paused);
    uring->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool good = io_table_init(&uring->table, options->sockets_max) && uring->wake_fd >= 0;
    int result = good ? uring_ring_make(uring, options) : -errno;
    uring->made = good && result == 0;
    if (result == 0 && !uring_ring_able(uring)) {
        result = -ENOSYS;
    }
    if (result == 0) {
        result = uring_buffers_make(uring, options);
    }
    errno = -result;
    return result == 0;
}

void uring_ring_fini(struct uring *uring)
{
    if (uring->made) {
        io_uring_queue_exit(&uring->ring);
    }
    io_table_fini(&uring->table);
    io_unmap(uring->buffers, (size_t)uring->buffers_count * uring->buffer_bytes);
    io_unmap(uring->buffer_ring, uring->buffers_count * sizeof(struct io_uring_buf));
    free(uring->lent);
    if (uring->wake_fd >= 0) {
        close(uring->wake_fd);
    }
}

void uring_enable(struct uring *uring)
{
    if (!uring->enabled) {
        /* liburing 2.3 declares io_uring_enable_rings and does not export it */
        long result = syscall(SYS_io_uring_register, uring->ring.ring_fd,
                              IORING_REGISTER_ENABLE_RINGS, NULL, 0);
        check(result == 0);
        uring->enabled = true;
    }
}

static struct io_uring_sqe *uring_ask(struct uring *uring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
    while (sqe == NULL) {
        int result = io_uring_submit(&uring->ring);
        check(result >= 0 || result == -EAGAIN || result == -EINTR || result == -EBUSY);
        sqe = io_uring_get_sqe(&uring->ring);
    }
    return sqe;
}

static void uring_sign(struct io_uring_sqe *sqe, io_id id, enum uring_verb verb)
{
    io_uring_sqe_set_data64(sqe, id | (uint64_t)verb << URING_VERB_SHIFT);
}

void uring_ask_wake(struct uring *uring)
{
    struct io_uring_sqe *sqe = uring_ask(uring);
    io_uring_prep_poll_multishot(sqe, uring->wake_fd, POLLIN);
    uring_sign(sqe, 0, URING_WAKE);
    uring->wake_armed = true;
}

void uring_ask_read(struct uring *uring, int fd, io_id id, bool listens)
{
    struct io_uring_sqe *sqe = uring_ask(uring);
    if (listens) {
        io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
        uring_sign(sqe, id, URING_ACCEPT);
        return;
    }
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFERS_GROUP;
    uring_sign(sqe, id, URING_RECEIVE);
}

void uring_ask_send(struct uring *uring, int fd, io_id id, struct io_send *send)
{
    struct io_uring_sqe *sqe = uring_ask(uring);
    if (send->head.msg_iovlen == 1) {
        const struct iovec *only = &send->vectors[0];
        io_uring_prep_send(sqe, fd, only->iov_base, only->iov_len, MSG_NOSIGNAL);
    } else {
        io_uring_prep_sendmsg(sqe, fd, &send->head, MSG_NOSIGNAL);
    }
    uring_sign(sqe, id, URING_SEND);
}

void uring_ask_cancel(struct uring *uring, io_id id, enum uring_verb verb, enum uring_verb target)
{
    struct io_uring_sqe *sqe = uring_ask(uring);
    io_uring_prep_cancel64(sqe, id | (uint64_t)target << URING_VERB_SHIFT, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    uring_sign(sqe, id, verb);
}

static int uring_entered(int result)
{
    if (result >= 0 || result == -EAGAIN || result == -EBUSY || result == -ENOMEM) {
        return 0; /* what was not submitted stays in the SQ for the next enter */
    }
    check(result == -ETIME || result == -EINTR || result == -EEXIST);
    return result;
}

int uring_sleep(struct uring *uring, uint64_t sleep_ns)
{
    if (sleep_ns == NEVER) {
        return uring_entered(io_uring_submit_and_wait(&uring->ring, 1));
    }
    struct __kernel_timespec limit = {
        .tv_sec = (long long)(sleep_ns / NS_PER_S),
        .tv_nsec = (long long)(sleep_ns % NS_PER_S),
    };
    struct io_uring_cqe *first;
    return uring_entered(io_uring_submit_and_wait_timeout(&uring->ring, &first, 1, &limit, NULL));
}

int uring_look(struct uring *uring)
{
    unsigned flags = IO_URING_READ_ONCE(*uring->ring.sq.kflags);
    bool put_off = (flags & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) != 0;
    if (io_uring_sq_ready(&uring->ring) == 0 && !put_off) {
        return 0;
    }
    return uring_entered(io_uring_submit_and_get_events(&uring->ring));
}

uint8_t *uring_buffer(struct uring *uring, uint32_t index)
{
    check(index < uring->buffers_count);
    return uring->buffers + (size_t)index * uring->buffer_bytes;
}

void uring_buffer_lend(struct uring *uring, uint32_t index)
{
    check(uring->buffers_lent < uring->buffers_count); /* the kernel can't have more than we gave */
    uring->lent[uring->buffers_lent] = (uint16_t)index;
    uring->buffers_lent++;
    io_unpoison(uring_buffer(uring, index), uring->buffer_bytes);
}

void uring_buffers_return(struct uring *uring)
{
    for (uint32_t i = 0; i < uring->buffers_lent; i++) {
        uring_buffer_add(uring, uring->lent[i], i);
    }
    if (uring->buffers_lent > 0) {
        io_uring_buf_ring_advance(uring->buffer_ring, (int)uring->buffers_lent);
        uring->buffers_lent = 0;
    }
}
