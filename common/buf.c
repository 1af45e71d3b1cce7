#include "common/buf.h"

void buf_init(struct buf *buf, struct mem *mem, size_t bytes_max)
{
    *buf = (struct buf){.mem = mem, .bytes_max = bytes_max};
}

bool buf_grow(struct buf *buf, size_t more)
{
    if (buf->failed || more > buf->bytes_max - buf->size) {
        buf->failed = true;
        return false;
    }
    size_t room = size_max(buf->room * 2, 64);
    room = size_min(size_max(room, buf->size + more), buf->bytes_max);
    uint8_t *at = mem_move(buf->mem, buf->at, buf->room, buf->size, room);
    if (at == NULL) {
        buf->failed = true;
        return false;
    }
    buf->at = at;
    buf->room = room;
    return true;
}

void buf_fini(struct buf *buf)
{
    mem_give(buf->mem, buf->at, buf->room);
    buf_init(buf, buf->mem, buf->bytes_max);
}
