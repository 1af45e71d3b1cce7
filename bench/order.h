/* What one receiver heard of one sender: whether each message came, once, and in its turn.
 *
 * Pure. The sender's messages that this receiver ought to get are numbered 0, 1, 2 ... without
 * holes. A pair remembers the next number and which of the 64 before it came, so a late one is told
 * from a repeated one (an older one counts as late). order_end adds what never came. */
#ifndef CLOS_ORDER_H
#define CLOS_ORDER_H

#include "common/base.h"

struct order_pair {
    uint64_t next;
    uint64_t seen; /* bit i: number next - 1 - i came */
};

struct order {
    uint64_t lost; /* skipped so far; a late one is taken off again */
    uint64_t duplicated;
    uint64_t reordered;
};

enum order_verdict {
    ORDER_NEW,   /* comes for the first time, in its turn or after a hole */
    ORDER_LATE,  /* comes for the first time, after a later one */
    ORDER_AGAIN, /* came before */
};

static inline enum order_verdict order_note(struct order *order, struct order_pair *pair,
                                            uint64_t number)
{
    if (likely(number == pair->next)) {
        pair->next++;
        pair->seen = pair->seen << 1 | 1;
        return ORDER_NEW;
    }
    if (number > pair->next) {
        uint64_t hole = number - pair->next;
        order->lost += hole;
        pair->seen = hole < 63 ? pair->seen << (hole + 1) | 1 : 1;
        pair->next = number + 1;
        return ORDER_NEW;
    }
    uint64_t back = pair->next - 1 - number;
    if (back < 64 && (pair->seen >> back & 1) != 0) {
        order->duplicated++;
        return ORDER_AGAIN;
    }
    if (back < 64) {
        pair->seen |= UINT64_C(1) << back;
    }
    order->reordered++;
    order->lost -= order->lost > 0;
    return ORDER_LATE;
}

/* sent: how many there were for this pair. */
static inline void order_end(struct order *order, const struct order_pair *pair, uint64_t sent)
{
    order->lost += sent > pair->next ? sent - pair->next : 0;
}

#endif
