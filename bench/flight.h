/* What one sender has under way: a window over its sequence numbers, oldest to newest.
 *
 * Pure; one owner. Each number in flight has a slot that counts the answers it waits for. A closed
 * loop sends only while flight_room says so; an open loop sends regardless and a slot that is
 * overrun no longer counts. Slots are four times the window, so answers may come in any order. */
#ifndef CLOS_FLIGHT_H
#define CLOS_FLIGHT_H

#include "common/mem.h"

struct flight_slot {
    uint64_t time_ns; /* the intended send time */
    uint32_t answers; /* to come */
};

struct flight {
    struct flight_slot *slots;
    uint64_t mask;
    uint64_t next; /* the next sequence number */
    uint64_t window;
    uint64_t outstanding;     /* numbers with answers to come */
    uint64_t answered;        /* answers so far */
    uint64_t answered_before; /* at the last look for a stall */
};

static inline bool flight_init(struct flight *flight, struct mem *mem, uint64_t window)
{
    uint64_t slots = 64;
    while (slots < 4 * window) {
        slots *= 2;
    }
    *flight = (struct flight){.mask = slots - 1, .window = window};
    flight->slots = mem_take_zero(mem, slots * sizeof(flight->slots[0]));
    return flight->slots != NULL;
}

static inline void flight_fini(struct flight *flight, struct mem *mem)
{
    mem_give(mem, flight->slots, (flight->mask + 1) * sizeof(flight->slots[0]));
}

static inline bool flight_room(const struct flight *flight)
{
    return flight->outstanding < flight->window &&
           flight->slots[flight->next & flight->mask].answers == 0;
}

/* The number that was given to this one. */
static inline uint64_t flight_send(struct flight *flight, uint32_t answers, uint64_t time_ns)
{
    struct flight_slot *slot = &flight->slots[flight->next & flight->mask];
    flight->outstanding -= slot->answers > 0; /* overrun by an open loop */
    slot->answers = answers;
    slot->time_ns = time_ns;
    flight->outstanding += answers > 0;
    return flight->next++;
}

/* One answer to a number: its slot, or NULL if none is waited for any more. */
static inline struct flight_slot *flight_answer(struct flight *flight, uint64_t number)
{
    struct flight_slot *slot = &flight->slots[number & flight->mask];
    if (number >= flight->next || flight->next - number > flight->mask + 1 || slot->answers == 0) {
        return NULL;
    }
    slot->answers--;
    flight->answered++;
    flight->outstanding -= slot->answers == 0;
    return slot;
}

/* Nothing comes any more: forget what was waited for. */
static inline void flight_clear(struct flight *flight)
{
    for (uint64_t i = 0; i <= flight->mask; i++) {
        flight->slots[i].answers = 0;
    }
    flight->outstanding = 0;
}

#endif
