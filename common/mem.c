/* Classes grow in four steps to a doubling (16, 20, 24, 28 times a power of two, in units of 16
 * octets), so rounding wastes a fifth at most. A free object holds the link to the next free one;
 * no header stands before an object, since whoever gives it back knows its size. */
#include "common/mem.h"

struct mem_free {
    struct mem_free *next;
};

struct mem_slab {
    struct mem_slab *next;
    uint64_t pad; /* keeps what follows aligned to 16 */
};

static size_t class_of(size_t size)
{
    size_t units = (size + 15) / 16;
    if (units <= 4) {
        return units - 1;
    }
    unsigned top = 63U - (unsigned)__builtin_clzll(units - 1); /* units - 1 >= 4, so top >= 2 */
    size_t step = (units - 1) >> (top - 2);                    /* 4 to 7 */
    return 4 * (size_t)(top - 1) + (step - 4);
}

static size_t class_bytes(size_t class)
{
    if (class < 4) {
        return 16 * (class + 1);
    }
    size_t top = class / 4 + 1;
    return ((class % 4 + 5) << (top - 2)) * 16;
}

void mem_init(struct mem *mem, struct mem_source source, size_t bytes_max)
{
    *mem = (struct mem){.source = source, .bytes_max = bytes_max};
    check(class_bytes(class_of(MEM_CLASS_BYTES_MAX)) == MEM_CLASS_BYTES_MAX);
    check(class_of(MEM_CLASS_BYTES_MAX) < MEM_CLASSES);
}

static bool mem_is_direct(const struct mem *mem, size_t size)
{
    return mem->source.direct || size > MEM_CLASS_BYTES_MAX;
}

static bool mem_take_slab(struct mem *mem)
{
    struct mem_slab *slab = mem->source.take(mem->source.context, MEM_SLAB_BYTES);
    if (slab == NULL) {
        return false;
    }
    slab->next = mem->slabs;
    mem->slabs = slab;
    mem->bytes_slabs += MEM_SLAB_BYTES;
    mem->slab_at = (uint8_t *)(slab + 1);
    mem->slab_left = MEM_SLAB_BYTES - sizeof *slab;
    return true;
}

static void *mem_take_class(struct mem *mem, size_t class, size_t bytes)
{
    struct mem_free *object = mem->free[class];
    if (likely(object != NULL)) {
        mem->free[class] = object->next;
        return object;
    }
    if (mem->slab_left < bytes && !mem_take_slab(mem)) {
        return NULL;
    }
    void *at = mem->slab_at;
    mem->slab_at += bytes;
    mem->slab_left -= bytes;
    return at;
}

void *mem_take(struct mem *mem, size_t size)
{
    check(size > 0);
    bool direct = mem_is_direct(mem, size);
    size_t class = direct ? 0 : class_of(size);
    size_t bytes = direct ? size : class_bytes(class);
    if (unlikely(bytes > mem->bytes_max - mem->bytes_used)) {
        mem->refused++;
        return NULL;
    }
    void *at =
        direct ? mem->source.take(mem->source.context, bytes) : mem_take_class(mem, class, bytes);
    if (unlikely(at == NULL)) {
        mem->refused++;
        return NULL;
    }
    mem->bytes_used += bytes;
    return at;
}

void *mem_take_zero(struct mem *mem, size_t size)
{
    void *at = mem_take(mem, size);
    return at == NULL ? NULL : memset(at, 0, size);
}

void mem_give(struct mem *mem, void *at, size_t size)
{
    if (at == NULL) {
        return;
    }
    bool direct = mem_is_direct(mem, size);
    size_t class = direct ? 0 : class_of(size);
    size_t bytes = direct ? size : class_bytes(class);
    check(mem->bytes_used >= bytes);
    mem->bytes_used -= bytes;
    if (direct) {
        mem->source.give(mem->source.context, at, bytes);
        return;
    }
    struct mem_free *object = at;
    object->next = mem->free[class];
    mem->free[class] = object;
}

void *mem_move(struct mem *mem, void *at, size_t size_old, size_t size_used, size_t size_new)
{
    check(size_used <= size_old && size_used <= size_new);
    void *moved = mem_take(mem, size_new);
    if (moved == NULL) {
        return NULL;
    }
    if (size_used > 0) {
        memcpy(moved, at, size_used);
    }
    mem_give(mem, at, size_old);
    return moved;
}

void mem_fini(struct mem *mem)
{
    check(mem->bytes_used == 0);
    while (mem->slabs != NULL) {
        struct mem_slab *slab = mem->slabs;
        mem->slabs = slab->next;
        mem->source.give(mem->source.context, slab, MEM_SLAB_BYTES);
    }
    mem->bytes_slabs = 0;
}
