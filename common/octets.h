/* Numbers in network order, at any alignment. The caller has looked that the octets are there. */
#ifndef CLOS_OCTETS_H
#define CLOS_OCTETS_H

#include "common/base.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are scanned from their low end");

static inline uint16_t octets_load16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap16(value);
}

static inline uint32_t octets_load32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

static inline uint64_t octets_load64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap64(value);
}

/* size is 1, 2, 4 or 8. */
static inline uint64_t octets_load(const uint8_t *at, size_t size)
{
    return size == 1   ? at[0]
           : size == 2 ? octets_load16(at)
           : size == 4 ? octets_load32(at)
                       : octets_load64(at);
}

static inline void octets_store16(uint8_t *at, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(at, &value, sizeof value);
}

static inline void octets_store32(uint8_t *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof value);
}

static inline void octets_store64(uint8_t *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, sizeof value);
}

#endif
