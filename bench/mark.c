/* Eight hexadecimal digits at a time: the digits of a word stand one to an octet, the most
 * significant first, so that text order is number order. */
#include "bench/wire.h"

static void digits_write(uint32_t value, uint8_t *to)
{
    uint64_t x = value;
    x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
    x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x | x << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    uint64_t letters = ((x + UINT64_C(0x0606060606060606)) >> 4) & UINT64_C(0x0101010101010101);
    x += UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
    x = __builtin_bswap64(x);
    memcpy(to, &x, 8);
}

static uint32_t digits_read(const uint8_t *from)
{
    uint64_t x;
    memcpy(&x, from, 8);
    x = __builtin_bswap64(x);
    uint64_t letters = (x >> 6) & UINT64_C(0x0101010101010101);
    x = (x & UINT64_C(0x0f0f0f0f0f0f0f0f)) + letters * 9;
    x = (x | x >> 4) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x | x >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(x | x >> 16);
}

void mark_write(const struct mark *mark, uint8_t to[MARK_BYTES])
{
    digits_write(mark->sender, to);
    digits_write((uint32_t)(mark->sequence >> 32), to + 8);
    digits_write((uint32_t)mark->sequence, to + 16);
    digits_write((uint32_t)(mark->time_ns >> 32), to + 24);
    digits_write((uint32_t)mark->time_ns, to + 32);
}

void mark_read(const uint8_t from[MARK_BYTES], struct mark *mark)
{
    mark->sender = digits_read(from);
    mark->sequence = (uint64_t)digits_read(from + 8) << 32 | digits_read(from + 16);
    mark->time_ns = (uint64_t)digits_read(from + 24) << 32 | digits_read(from + 32);
}
