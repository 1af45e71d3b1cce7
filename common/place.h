/* Names of places. A place is whoever wants some URIs and can be sent notes: a worker of this
 * process today, a node through its link in a mesh. Broker and dealer do not know which.
 *
 * Bounded: PLACES_MAX, so that a set of places is one word. Pure. */
#ifndef CLOS_PLACE_H
#define CLOS_PLACE_H

#include "common/base.h"

typedef uint8_t place_id;
typedef uint64_t place_set; /* bit (1 << place_id) */

enum { PLACES_MAX = 64 };

static inline place_set place_bit(place_id place)
{
    check(place < PLACES_MAX);
    return UINT64_C(1) << place;
}

/* All of the first count places but self. */
static inline place_set place_others(unsigned count, place_id self)
{
    place_set all = count == PLACES_MAX ? UINT64_MAX : (UINT64_C(1) << count) - 1;
    return all & ~place_bit(self);
}

/* Takes the lowest place out of a set that is not empty. */
static inline place_id place_pop(place_set *set)
{
    check(*set != 0);
    place_id place = (place_id)__builtin_ctzll(*set);
    *set &= *set - 1;
    return place;
}

#endif
