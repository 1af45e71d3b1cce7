/* What waits to be sent on one connection: octets copied into chunks, and large blobs by pointer.
 *
 * Owned by the connection's worker. Appending never blocks and never sends; the worker gathers
 * vectors once a turn and says what the kernel took. Octets that were gathered stay where they are
 * until outq_sent. Bounded by its user, who reads bytes and messages after each append (slow-reader
 * policy); memory's own bound makes an append fail with false. Empty, it holds no memory. */
#ifndef CLOS_OUTQ_H
#define CLOS_OUTQ_H

#include "common/blob.h"

#include <sys/uio.h>

enum {
    OUTQ_CHUNK_BYTES_MIN = 1024,
    OUTQ_CHUNK_BYTES_MAX = 32768,
    OUTQ_COPY_BYTES_MAX = 4096, /* above this a shared message is queued as a blob */
};

struct outq_chunk {
    struct outq_chunk *next;
    struct blob *blob; /* NULL: data holds copied octets */
    uint32_t size;
    uint32_t room;
    uint32_t messages; /* that end in this chunk */
    uint8_t data[];
};

struct outq {
    struct mem *mem;
    struct outq_chunk *head;
    struct outq_chunk *tail;
    size_t head_sent;  /* octets of head that are gone */
    size_t bytes;      /* waiting, blobs charged in full */
    uint32_t messages; /* waiting, counted by chunk: a chunk's go when it is gone */
};

void outq_init(struct outq *outq, struct mem *mem);
void outq_fini(struct outq *outq);

/* Slow path of outq_room. */
uint8_t *outq_chunk_add(struct outq *outq, size_t size);

/* Room for size octets at the end, to be written and then confirmed by outq_commit; or NULL. */
static inline uint8_t *outq_room(struct outq *outq, size_t size)
{
    struct outq_chunk *tail = outq->tail;
    if (likely(tail != NULL && tail->size + size <= tail->room)) { /* a blob's room is 0 */
        return tail->data + tail->size;
    }
    return outq_chunk_add(outq, size);
}

static inline void outq_commit(struct outq *outq, size_t size, uint32_t messages)
{
    outq->tail->size += (uint32_t)size;
    outq->tail->messages += messages;
    outq->bytes += size;
    outq->messages += messages;
}

/* Copies octets; messages: how many WAMP messages end with them (0 or 1). */
static inline bool outq_put(struct outq *outq, const void *from, size_t size, uint32_t messages)
{
    uint8_t *to = outq_room(outq, size);
    if (unlikely(to == NULL)) {
        return false;
    }
    memcpy(to, from, size);
    outq_commit(outq, size, messages);
    return true;
}

/* Queues one whole message by reference; takes its own count on the blob. */
bool outq_put_blob(struct outq *outq, struct blob *blob);

/* Fills vectors with what waits, from the head; how many. */
unsigned outq_gather(const struct outq *outq, struct iovec *vectors, unsigned vectors_max);

/* size octets from the head are gone. */
void outq_sent(struct outq *outq, size_t size);

/* Forgets what waits behind the first keep octets (in flight). Each append lies whole in one chunk,
 * and only whole chunks go: what stays ends where a frame ends, and another may follow it. */
void outq_drop_rest(struct outq *outq, size_t keep);

#endif
