#include "common/parcel.h"

void lane_init(struct lane *lane, struct mem *mem, place_id from)
{
    *lane = (struct lane){.mem = mem, .from = from};
    list_init(&lane->ready);
}

static bool lane_open(struct lane *lane, size_t size)
{
    size_t room = size_max(size, PARCEL_BYTES);
    struct parcel *parcel = mem_take(lane->mem, sizeof *parcel + room);
    if (parcel == NULL) {
        return false;
    }
    *parcel = (struct parcel){.from = lane->from, .room = (uint32_t)room};
    lane->open = parcel;
    lane->bytes += sizeof *parcel + room;
    return true;
}

bool lane_put(struct lane *lane, const struct note *note)
{
    size_t size = note_size(note);
    if (lane->open != NULL && lane->open->room - lane->open->size < size) {
        lane_seal(lane);
    }
    if (lane->open == NULL && !lane_open(lane, size)) {
        return false;
    }
    note_write(note, lane->open->data + lane->open->size);
    lane->open->size += (uint32_t)size;
    lane->open->notes++;
    return true;
}

void lane_seal(struct lane *lane)
{
    if (lane->open != NULL) {
        list_push(&lane->ready, &lane->open->link);
        lane->open = NULL;
    }
}

struct parcel *lane_take(struct lane *lane)
{
    struct list *link = list_pop(&lane->ready);
    return link == NULL ? NULL : container_of(link, struct parcel, link);
}

void lane_return(struct lane *lane, struct parcel *parcel)
{
    list_push(lane->ready.next, &parcel->link); /* before the first */
}

void lane_home(struct lane *lane, struct parcel *parcel)
{
    size_t size = sizeof *parcel + parcel->room;
    check(lane->bytes >= size && parcel->from == lane->from);
    lane->bytes -= size;
    mem_give(lane->mem, parcel, size);
}
