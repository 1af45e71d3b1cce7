/* A view on somebody else's bytes. Owns nothing; dead when its owner moves or frees them. */
#ifndef CLOS_BYTES_H
#define CLOS_BYTES_H

#include "common/base.h"

struct bytes {
    const uint8_t *at;
    size_t size;
};

#define BYTES_LITERAL(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

static inline struct bytes bytes_make(const void *at, size_t size)
{
    return (struct bytes){(const uint8_t *)at, size};
}

static inline struct bytes bytes_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

static inline bool bytes_equal_text(struct bytes a, const char *text)
{
    return bytes_equal(a, bytes_text(text));
}

static inline bool bytes_start_with(struct bytes a, struct bytes prefix)
{
    return a.size >= prefix.size && (prefix.size == 0 || memcmp(a.at, prefix.at, prefix.size) == 0);
}

static inline struct bytes bytes_from(struct bytes a, size_t offset)
{
    check(offset <= a.size);
    return offset == 0 ? a : (struct bytes){a.at + offset, a.size - offset};
}

#endif
