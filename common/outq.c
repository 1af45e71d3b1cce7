/* A queue of chunks. The first chunk is small, so that a quiet connection costs little, and each
 * next one four times the size of its predecessor, so that a busy one sends long vectors. */
#include "common/outq.h"

void outq_init(struct outq *outq, struct mem *mem)
{
    *outq = (struct outq){.mem = mem};
}

static void chunk_free(struct outq *outq, struct outq_chunk *chunk)
{
    if (chunk->blob != NULL) {
        blob_drop(outq->mem, chunk->blob);
    }
    mem_give(outq->mem, chunk, sizeof *chunk + chunk->room);
}

void outq_fini(struct outq *outq)
{
    while (outq->head != NULL) {
        struct outq_chunk *chunk = outq->head;
        outq->head = chunk->next;
        chunk_free(outq, chunk);
    }
    outq_init(outq, outq->mem);
}

static struct outq_chunk *chunk_append(struct outq *outq, size_t room)
{
    struct outq_chunk *chunk = mem_take(outq->mem, sizeof *chunk + room);
    if (chunk == NULL) {
        return NULL;
    }
    *chunk = (struct outq_chunk){.room = (uint32_t)room};
    if (outq->tail == NULL) {
        outq->head = chunk;
        outq->head_sent = 0;
    } else {
        outq->tail->next = chunk;
    }
    outq->tail = chunk;
    return chunk;
}

uint8_t *outq_chunk_add(struct outq *outq, size_t size)
{
    check(size <= UINT32_MAX / 2);
    size_t room = OUTQ_CHUNK_BYTES_MIN;
    if (outq->tail != NULL && outq->tail->room > 0) {
        room = size_min((outq->tail->room + sizeof *outq->tail) * 4, OUTQ_CHUNK_BYTES_MAX);
    }
    if (size + sizeof *outq->tail > room) {
        room = size_max(size + sizeof *outq->tail, room);
    }
    struct outq_chunk *chunk = chunk_append(outq, room - sizeof *chunk);
    return chunk == NULL ? NULL : chunk->data;
}

bool outq_put_blob(struct outq *outq, struct blob *blob)
{
    struct outq_chunk *chunk = chunk_append(outq, 0);
    if (chunk == NULL) {
        return false;
    }
    blob->refs++;
    chunk->blob = blob;
    chunk->size = blob->size;
    chunk->messages = 1;
    outq->bytes += blob->size;
    outq->messages++;
    return true;
}

static uint8_t *chunk_data(struct outq_chunk *chunk)
{
    return chunk->blob != NULL ? chunk->blob->data : chunk->data;
}

unsigned outq_gather(const struct outq *outq, struct iovec *vectors, unsigned vectors_max)
{
    unsigned count = 0;
    size_t skip = outq->head_sent;
    for (struct outq_chunk *chunk = outq->head; chunk != NULL && count < vectors_max;
         chunk = chunk->next) {
        if (chunk->size > skip) {
            vectors[count++] = (struct iovec){chunk_data(chunk) + skip, chunk->size - skip};
        }
        skip = 0;
    }
    return count;
}

void outq_sent(struct outq *outq, size_t size)
{
    check(size <= outq->bytes);
    outq->bytes -= size;
    outq->head_sent += size;
    while (outq->head != NULL && outq->head_sent >= outq->head->size) {
        struct outq_chunk *chunk = outq->head;
        outq->head_sent -= chunk->size;
        outq->messages -= chunk->messages;
        outq->head = chunk->next;
        if (outq->head == NULL) {
            outq->tail = NULL;
        }
        chunk_free(outq, chunk);
    }
    check(outq->head != NULL || (outq->bytes == 0 && outq->head_sent == 0));
}

void outq_drop_rest(struct outq *outq, size_t keep)
{
    check(keep <= outq->bytes);
    size_t kept = keep + outq->head_sent;
    size_t seen = 0;
    struct outq_chunk *last = NULL;
    struct outq_chunk *chunk = outq->head;
    while (chunk != NULL && seen < kept) {
        seen += chunk->size;
        last = chunk;
        chunk = chunk->next;
    }
    if (last == NULL) {
        outq_fini(outq);
        return;
    }
    outq->bytes = seen - outq->head_sent;
    while (chunk != NULL) {
        struct outq_chunk *next = chunk->next;
        outq->messages -= chunk->messages;
        chunk_free(outq, chunk);
        chunk = next;
    }
    outq->tail = last;
    last->next = NULL;
}
