/* Linear probing at three quarters at most. Taking a slot moves later members of its run back into
 * the hole, so a run never has a gap and a search ends at the first free slot.
 *
 * A walk starts below a free slot and goes down. A take only ever moves slots from above the hole
 * into it, and no run crosses the free slot it started from, so what moves was seen already. */
#include "common/map.h"

enum { MAP_BITS_MIN = 3, MAP_BITS_MAX = 31 };

void map_init(struct map *map, struct mem *mem, uint32_t count_max)
{
    check(count_max <= 1U << 30);
    *map = (struct map){.mem = mem, .count_max = count_max};
}

static size_t slots_bytes(uint32_t bits)
{
    return sizeof(struct map_slot) << bits;
}

static void map_free_slots(struct map *map)
{
    if (map->slots != NULL) {
        mem_give(map->mem, map->slots, slots_bytes(map->bits));
    }
    map->slots = NULL;
    map->bits = 0;
    map->cursor = 0;
    map->count = 0;
}

void map_fini(struct map *map)
{
    map_free_slots(map);
}

static void slots_put(struct map_slot *slots, uint32_t bits, struct map_slot slot)
{
    uint32_t mask = (1U << bits) - 1;
    uint32_t i = map_slot_home(slot.key, bits);
    while (slots[i].key != 0) {
        check(slots[i].key != slot.key);
        i = (i + 1) & mask;
    }
    slots[i] = slot;
}

static bool map_resize(struct map *map, uint32_t bits)
{
    if (bits > MAP_BITS_MAX) {
        return false;
    }
    struct map_slot *slots = mem_take_zero(map->mem, slots_bytes(bits));
    if (slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; map->slots != NULL && i < 1U << map->bits; i++) {
        if (map->slots[i].key != 0) {
            slots_put(slots, bits, map->slots[i]);
        }
    }
    uint32_t count = map->count;
    map_free_slots(map);
    map->slots = slots;
    map->bits = bits;
    map->count = count;
    return true;
}

/* Room for one more: grows when above three quarters, shrinks when under an eighth. */
static bool map_fit(struct map *map)
{
    if (map->slots == NULL) {
        return map_resize(map, MAP_BITS_MIN);
    }
    uint64_t room = UINT64_C(1) << map->bits;
    if ((uint64_t)map->count + 1 > room / 4 * 3) {
        return map_resize(map, map->bits + 1);
    }
    if (map->bits > MAP_BITS_MIN && map->count < room / 8) {
        (void)map_resize(map, map->bits - 1); /* refused: the large one does as well */
    }
    return true;
}

bool map_put(struct map *map, uint64_t key, void *value)
{
    check(key != 0 && value != NULL);
    if (map->count >= map->count_max || !map_fit(map)) {
        return false;
    }
    slots_put(map->slots, map->bits, (struct map_slot){key, value});
    map->count++;
    return true;
}

/* Empties slot hole and closes the gap. */
static void map_take_slot(struct map *map, uint32_t hole)
{
    if (--map->count == 0) {
        map_free_slots(map);
        return;
    }
    uint32_t mask = (1U << map->bits) - 1;
    for (uint32_t i = (hole + 1) & mask; map->slots[i].key != 0; i = (i + 1) & mask) {
        uint32_t home = map_slot_home(map->slots[i].key, map->bits);
        if (((i - home) & mask) >= ((i - hole) & mask)) { /* its home is not behind the hole */
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (struct map_slot){0, NULL};
}

void *map_take(struct map *map, uint64_t key)
{
    check(key != 0);
    if (map->count == 0) {
        return NULL;
    }
    uint32_t mask = (1U << map->bits) - 1;
    uint32_t i = map_slot_home(key, map->bits);
    while (map->slots[i].key != key) {
        if (map->slots[i].key == 0) {
            return NULL;
        }
        i = (i + 1) & mask;
    }
    void *value = map->slots[i].value;
    map_take_slot(map, i);
    return value;
}

void *map_pop_any(struct map *map, uint64_t *key)
{
    if (map->count == 0) {
        return NULL;
    }
    uint32_t mask = (1U << map->bits) - 1;
    uint32_t i = map->cursor & mask;
    while (map->slots[i].key == 0) {
        i = (i + 1) & mask;
    }
    map->cursor = i;
    struct map_slot slot = map->slots[i];
    map_take_slot(map, i);
    if (key != NULL) {
        *key = slot.key;
    }
    return slot.value;
}

struct map_walk map_walk_start(const struct map *map)
{
    struct map_walk walk = {.map = map};
    if (map->count > 0) {
        while (map->slots[walk.at].key != 0) {
            walk.at++;
        }
        walk.left = (1U << map->bits) - 1;
    }
    return walk;
}

bool map_walk_next(struct map_walk *walk)
{
    const struct map *map = walk->map;
    while (walk->left > 0 && map->count > 0) {
        walk->left--;
        walk->at = (walk->at - 1) & ((1U << map->bits) - 1);
        if (map->slots[walk->at].key != 0) {
            walk->key = map->slots[walk->at].key;
            walk->value = map->slots[walk->at].value;
            return true;
        }
    }
    return false;
}
