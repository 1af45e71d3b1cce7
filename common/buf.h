/* A growing array of octets with an upper bound: in-buffers, scratch to encode into.
 *
 * One owner, one thread. Grows by doubling as octets arrive, never from a length a peer claims.
 * When bytes_max or the memory's bound is reached, failed is set and stays set until buf_reset:
 * writers may write on and look once at the end. */
#ifndef CLOS_BUF_H
#define CLOS_BUF_H

#include "common/bytes.h"
#include "common/mem.h"

struct buf {
    uint8_t *at;
    size_t size;
    size_t room;
    size_t bytes_max;
    struct mem *mem;
    bool failed;
};

void buf_init(struct buf *buf, struct mem *mem, size_t bytes_max);
bool buf_grow(struct buf *buf, size_t more); /* slow path of buf_reserve */
void buf_fini(struct buf *buf);              /* gives the memory back; the buf may be used again */

/* Makes room for more octets behind the end; false: failed. */
static inline bool buf_reserve(struct buf *buf, size_t more)
{
    return likely(buf->room - buf->size >= more) || buf_grow(buf, more);
}

static inline void buf_put(struct buf *buf, const void *from, size_t size)
{
    if (size > 0 && buf_reserve(buf, size)) {
        memcpy(buf->at + buf->size, from, size);
        buf->size += size;
    }
}

static inline void buf_put_bytes(struct buf *buf, struct bytes bytes)
{
    buf_put(buf, bytes.at, bytes.size);
}

static inline void buf_put_byte(struct buf *buf, uint8_t byte)
{
    if (buf_reserve(buf, 1)) {
        buf->at[buf->size++] = byte;
    }
}

static inline void buf_reset(struct buf *buf) /* empty, keeps its memory */
{
    buf->size = 0;
    buf->failed = false;
}

static inline struct bytes buf_bytes(const struct buf *buf)
{
    return bytes_make(buf->at, buf->size);
}

#endif
