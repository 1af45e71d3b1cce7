/* A bounded queue of pointers from one thread to one other thread, without locks.
 *
 * Exactly one thread pushes and exactly one pops; both are complete in themselves (no fence is left
 * to the caller): what the producer wrote before ring_push is seen by the consumer after ring_pop,
 * and what the consumer read before ring_pop is finished before the producer's next use of the
 * slot. The slots are the owner's, who frees them when both threads are done. It holds slots - 1
 * pointers; then ring_push answers false, and ring_pop answers NULL when there is none.
 *
 * Two makers of the same thing: ck_ring on x86-64, and C11 atomics elsewhere (ck's arm64 assembly
 * is reported defective) and for the thread sanitizer, which cannot see into assembly. Both are
 * always compiled where they can be, so that one test proves both. */
#ifndef CLOS_RING_H
#define CLOS_RING_H

#include "common/base.h"

#include <stdatomic.h>

#if defined(__SANITIZE_THREAD__)
#define RING_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RING_TSAN 1
#endif
#endif
#ifndef RING_TSAN
#define RING_TSAN 0
#endif

#if defined(__x86_64__) && !RING_TSAN
#define RING_HAS_CK 1
#include <ck_ring.h>
#else
#define RING_HAS_CK 0
#endif

enum { RING_LINE_BYTES = 64 };

/* Padding, not alignment: what each side writes is a line apart wherever the struct lies. */
struct ring_c11 {
    void **slots;
    uint32_t mask;
    char pad0[RING_LINE_BYTES];
    _Atomic uint32_t tail; /* written by the producer */
    uint32_t head_seen;    /* the producer's last look at head */
    char pad1[RING_LINE_BYTES];
    _Atomic uint32_t head; /* written by the consumer */
    uint32_t tail_seen;    /* the consumer's last look at tail */
    char pad2[RING_LINE_BYTES];
};

static inline void ring_c11_init(struct ring_c11 *ring, void **slots, uint32_t slots_count)
{
    check(slots_count >= 2 && (slots_count & (slots_count - 1)) == 0);
    *ring = (struct ring_c11){.slots = slots, .mask = slots_count - 1};
}

static inline bool ring_c11_push(struct ring_c11 *ring, void *item)
{
    check(item != NULL);
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed); /* our own */
    if (tail - ring->head_seen == ring->mask) {
        /* Pairs with the release of head in pop: the slot was read before we write it again. */
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
        if (tail - ring->head_seen == ring->mask) {
            return false;
        }
    }
    ring->slots[tail & ring->mask] = item;
    /* Pairs with the acquire of tail in pop: slot and item are written before they are seen. */
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    return true;
}

static inline void *ring_c11_pop(struct ring_c11 *ring)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed); /* our own */
    if (head == ring->tail_seen) {
        /* Pairs with the release of tail in push. */
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (head == ring->tail_seen) {
            return NULL;
        }
    }
    void *item = ring->slots[head & ring->mask];
    /* Pairs with the acquire of head in push. */
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return item;
}

static inline uint32_t ring_c11_count(struct ring_c11 *ring)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    return tail - head <= ring->mask ? tail - head : ring->mask;
}

#if RING_HAS_CK

/* ck_ring does the same: its store fence before p_tail pairs with its load fence after p_tail, its
 * store of c_head with the producer's look at it. */
struct ring_ck {
    char pad[RING_LINE_BYTES]; /* keeps the consumer's index from what lies before us */
    struct ck_ring ring;
    struct ck_ring_buffer *slots;
};

_Static_assert(sizeof(struct ck_ring_buffer) == sizeof(void *), "a slot is a pointer");

static inline void ring_ck_init(struct ring_ck *ring, void **slots, uint32_t slots_count)
{
    check(slots_count >= 4 && (slots_count & (slots_count - 1)) == 0);
    ck_ring_init(&ring->ring, slots_count);
    ring->slots = (struct ck_ring_buffer *)(void *)slots;
}

static inline bool ring_ck_push(struct ring_ck *ring, void *item)
{
    check(item != NULL);
    return ck_ring_enqueue_spsc(&ring->ring, ring->slots, item);
}

static inline void *ring_ck_pop(struct ring_ck *ring)
{
    void *item;
    return ck_ring_dequeue_spsc(&ring->ring, ring->slots, &item) ? item : NULL;
}

static inline uint32_t ring_ck_count(struct ring_ck *ring)
{
    return ck_ring_size(&ring->ring);
}

#define RING_PICK(verb) ring_ck_##verb
struct ring {
    struct ring_ck maker;
};
#else
#define RING_PICK(verb) ring_c11_##verb
struct ring {
    struct ring_c11 maker;
};
#endif

/* slots_count: a power of two, 4 at least. Before either thread uses it. */
static inline void ring_init(struct ring *ring, void **slots, uint32_t slots_count)
{
    RING_PICK(init)(&ring->maker, slots, slots_count);
}

/* By the producer; item is not NULL. false: full. */
static inline bool ring_push(struct ring *ring, void *item)
{
    return RING_PICK(push)(&ring->maker, item);
}

/* By the consumer; NULL: empty. */
static inline void *ring_pop(struct ring *ring)
{
    return RING_PICK(pop)(&ring->maker);
}

/* By anyone: how many there were at some time about now. */
static inline uint32_t ring_count(struct ring *ring)
{
    return RING_PICK(count)(&ring->maker);
}

#endif
