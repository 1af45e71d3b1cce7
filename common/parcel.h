/* Parcels: notes on their way from one place to another, many in one block of memory.
 *
 * The sender's core fills the lane's open parcel during a turn; its worker takes the ready ones and
 * hands them over; the receiver reads the notes and sends the empty parcel home, where alone it is
 * freed. A lane keeps order: first in, first out, and there is one lane for each ordered pair of
 * places. Bounded: bytes says what has not come home; the core stops reading from the sessions that
 * add to a lane above its limit. Pure; the hand-over itself is ring.h's business. */
#ifndef CLOS_PARCEL_H
#define CLOS_PARCEL_H

#include "common/list.h"
#include "common/mem.h"
#include "common/note.h"

enum { PARCEL_BYTES = 32768 - 64 }; /* of a common parcel; a larger note has one of its own */

struct parcel {
    struct list link;
    place_id from;
    uint32_t size;
    uint32_t room;
    uint32_t notes;
    uint8_t data[];
};

struct lane {
    struct mem *mem;
    struct parcel *open; /* being filled */
    struct list ready;   /* full, or sealed at the end of a turn */
    size_t bytes;        /* of all parcels that are not home */
    place_id from;
};

void lane_init(struct lane *lane, struct mem *mem, place_id from);

/* false: no memory. */
bool lane_put(struct lane *lane, const struct note *note);

/* Makes what is in the open parcel ready to go. */
void lane_seal(struct lane *lane);

/* The next parcel to hand over, or NULL. */
struct parcel *lane_take(struct lane *lane);

/* Could not be handed over: it stays the next one. */
void lane_return(struct lane *lane, struct parcel *parcel);

/* An empty parcel has come home. */
void lane_home(struct lane *lane, struct parcel *parcel);

#endif
