/* Timers of one worker: a wheel of four levels with 64 slots each, told the time.
 *
 * A timer is embedded in what it belongs to; the wheel owns nothing and needs no memory of its own,
 * so nothing here fails. A timer never fires early and at most one tick (TIMER_TICK_NS, under 8 ms)
 * after its time, if timer_wheel_expire is called when timer_wheel_next says. Setting and stopping
 * cost the same few steps for one timer or a hundred thousand; a timer that is far off is touched
 * once per level on its way down, not once a turn. One thread. The wheel must not be moved. */
#ifndef CLOS_TIMER_H
#define CLOS_TIMER_H

#include "common/list.h"

enum {
    TIMER_TICK_BITS = 22, /* a tick is 2^22 ns, 4.19 ms: no division */
    TIMER_TICK_NS = 1 << TIMER_TICK_BITS,
    TIMER_LEVELS = 4,
    TIMER_SLOTS = 64,
};

struct timer {
    struct list node;
    uint64_t due_ns;
    uint32_t place; /* its slot, counted over all levels; or none (stopped, ready, due) */
};

struct timer_wheel {
    uint64_t tick;                /* all that was due by then has fired */
    uint64_t taken[TIMER_LEVELS]; /* bit by slot: not empty */
    struct list slots[TIMER_LEVELS][TIMER_SLOTS];
    struct list ready; /* set for a time that had passed */
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns);

void timer_init(struct timer *timer); /* once, before anything else; then it is stopped */

/* Sets or sets anew; due_ns NEVER stops it. */
void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ns);

/* Also for a timer that is stopped, or that lies in the list timer_wheel_expire gave. */
void timer_stop(struct timer_wheel *wheel, struct timer *timer);

/* No timer fires before this time; NEVER: none is set. May be earlier than the first timer's. */
uint64_t timer_wheel_next(const struct timer_wheel *wheel);

/* Moves every timer that is due to the end of the list due, by no promised order. Whoever walks the
 * list pops one after the other, since handling one may stop or set another that lies in it. */
void timer_wheel_expire(struct timer_wheel *wheel, uint64_t now_ns, struct list *due);

/* Set and not yet popped from a due list. */
static inline bool timer_is_set(const struct timer *timer)
{
    return !list_empty(&timer->node);
}

/* The next of a due list, or NULL. */
static inline struct timer *timer_pop(struct list *due)
{
    struct list *node = list_pop(due);
    return node == NULL ? NULL : container_of(node, struct timer, node);
}

#endif
