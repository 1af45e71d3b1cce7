/* An encoded message too large to copy for each receiver: written once, shared by count.
 *
 * One worker makes, shares and frees it (the count is plain); between workers octets travel in
 * parcels, never blobs. Fails by blob_new's NULL (a limit of mem). */
#ifndef CLOS_BLOB_H
#define CLOS_BLOB_H

#include "common/bytes.h"
#include "common/mem.h"

struct blob {
    uint32_t refs;
    uint32_t size;
    uint8_t data[];
};

static inline struct blob *blob_new(struct mem *mem, size_t size)
{
    check(size <= UINT32_MAX);
    struct blob *blob = mem_take(mem, sizeof *blob + size);
    if (blob != NULL) {
        blob->refs = 1;
        blob->size = (uint32_t)size;
    }
    return blob;
}

static inline void blob_drop(struct mem *mem, struct blob *blob)
{
    check(blob->refs > 0);
    if (--blob->refs == 0) {
        mem_give(mem, blob, sizeof *blob + blob->size);
    }
}

#endif
