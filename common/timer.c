/* A timer's level is that of the highest digit (base 64) in which its tick differs from the wheel's
 * tick, its slot is that digit:
 *
 *     wheel's tick   0 3 7 5        level 0: differs in the last digit only, slots behind 5
 *     timer's tick   0 3 9 1        level 1: slot 9
 *
 * So all of level 0 comes before all of level 1, and so on, and the next slot is the lowest bit of
 * the lowest level that has any. When the wheel's tick reaches a slot's start, its timers fire or
 * move down. Only the top level is a true circle; what lies beyond it waits in its farthest slot
 * and is placed anew from there. */
#include "common/timer.h"

enum {
    DIGIT_BITS = 6,
    TOP = TIMER_LEVELS - 1,
    PLACE_NONE = TIMER_LEVELS * TIMER_SLOTS,
};

_Static_assert(1 << DIGIT_BITS == TIMER_SLOTS, "a slot for each digit, a bit for each slot");

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns)
{
    *wheel = (struct timer_wheel){.tick = now_ns >> TIMER_TICK_BITS};
    for (size_t i = 0; i < PLACE_NONE; i++) {
        list_init(&wheel->slots[i / TIMER_SLOTS][i % TIMER_SLOTS]);
    }
    list_init(&wheel->ready);
}

void timer_init(struct timer *timer)
{
    list_init(&timer->node);
    timer->due_ns = NEVER;
    timer->place = PLACE_NONE;
}

/* The first tick at which the timer may fire. */
static uint64_t tick_of(uint64_t due_ns)
{
    return (due_ns >> TIMER_TICK_BITS) + ((due_ns & (TIMER_TICK_NS - 1)) != 0);
}

static void wheel_place(struct timer_wheel *wheel, struct timer *timer)
{
    uint64_t tick = tick_of(timer->due_ns);
    if (tick <= wheel->tick) {
        timer->place = PLACE_NONE;
        list_push(&wheel->ready, &timer->node);
        return;
    }
    unsigned level = (63U - (unsigned)__builtin_clzll(tick ^ wheel->tick)) / DIGIT_BITS;
    uint64_t digits = tick >> (DIGIT_BITS * TOP);
    if (level >= TOP) {
        uint64_t here = wheel->tick >> (DIGIT_BITS * TOP);
        level = TOP;
        digits = digits - here < TIMER_SLOTS ? digits : here + TIMER_SLOTS - 1;
    } else {
        digits = tick >> (DIGIT_BITS * level);
    }
    unsigned slot = (unsigned)digits & (TIMER_SLOTS - 1);
    timer->place = level * TIMER_SLOTS + slot;
    wheel->taken[level] |= UINT64_C(1) << slot;
    list_push(&wheel->slots[level][slot], &timer->node);
}

void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ns)
{
    timer_stop(wheel, timer);
    if (due_ns != NEVER) {
        timer->due_ns = due_ns;
        wheel_place(wheel, timer);
    }
}

void timer_stop(struct timer_wheel *wheel, struct timer *timer)
{
    list_remove(&timer->node);
    if (timer->place != PLACE_NONE) {
        unsigned level = timer->place / TIMER_SLOTS;
        unsigned slot = timer->place % TIMER_SLOTS;
        if (list_empty(&wheel->slots[level][slot])) {
            wheel->taken[level] &= ~(UINT64_C(1) << slot);
        }
    }
    timer->place = PLACE_NONE;
    timer->due_ns = NEVER;
}

struct slot_found {
    uint64_t tick; /* at which the slot begins; NEVER: no slot is taken */
    unsigned level;
    unsigned slot;
};

static struct slot_found wheel_find_slot(const struct timer_wheel *wheel)
{
    for (unsigned level = 0; level < TOP; level++) {
        if (wheel->taken[level] != 0) {
            unsigned slot = (unsigned)__builtin_ctzll(wheel->taken[level]);
            unsigned above = DIGIT_BITS * (level + 1);
            uint64_t base = wheel->tick >> above << above;
            uint64_t tick = base | (uint64_t)slot << (DIGIT_BITS * level);
            return (struct slot_found){tick, level, slot};
        }
    }
    uint64_t taken = wheel->taken[TOP];
    if (taken == 0) {
        return (struct slot_found){.tick = NEVER};
    }
    uint64_t here = wheel->tick >> (DIGIT_BITS * TOP);
    unsigned first = (unsigned)(here + 1) % TIMER_SLOTS;
    taken = taken >> first | taken << ((TIMER_SLOTS - first) % TIMER_SLOTS);
    uint64_t digits = here + 1 + (unsigned)__builtin_ctzll(taken);
    return (struct slot_found){digits << (DIGIT_BITS * TOP), TOP, (unsigned)digits % TIMER_SLOTS};
}

uint64_t timer_wheel_next(const struct timer_wheel *wheel)
{
    if (!list_empty(&wheel->ready)) {
        return 0;
    }
    uint64_t tick = wheel_find_slot(wheel).tick;
    return tick >= NEVER >> TIMER_TICK_BITS ? NEVER : tick << TIMER_TICK_BITS;
}

void timer_wheel_expire(struct timer_wheel *wheel, uint64_t now_ns, struct list *due)
{
    uint64_t target = now_ns >> TIMER_TICK_BITS;
    struct slot_found found = wheel_find_slot(wheel);
    while (found.tick <= target) {
        check(found.tick > wheel->tick);
        wheel->tick = found.tick;
        wheel->taken[found.level] &= ~(UINT64_C(1) << found.slot);
        struct list *slot = &wheel->slots[found.level][found.slot];
        for (struct list *node = list_pop(slot); node != NULL; node = list_pop(slot)) {
            wheel_place(wheel, container_of(node, struct timer, node));
        }
        found = wheel_find_slot(wheel);
    }
    wheel->tick = target > wheel->tick ? target : wheel->tick;
    for (struct list *node = list_pop(&wheel->ready); node != NULL;
         node = list_pop(&wheel->ready)) {
        list_push(due, node);
    }
}
