/* As map.c, for entries found by the keyed hash of their text: three quarters full at most, no
 * tombstones. It shrinks when one is put, never when one is taken, since taking needs no memory. */
#include "common/match_inside.h"

enum { TABLE_BITS_MIN = 3, TABLE_BITS_MAX = 31 };

static size_t slots_bytes(uint32_t bits)
{
    return sizeof(struct table_slot) << bits;
}

static uint32_t slot_home(const struct table *table, uint64_t hash)
{
    return (uint32_t)hash & ((1U << table->bits) - 1);
}

struct entry *table_find(const struct table *table, uint64_t hash, struct bytes uri)
{
    if (table->count == 0) {
        return NULL;
    }
    uint32_t mask = (1U << table->bits) - 1;
    uint32_t i = slot_home(table, hash);
    while (table->slots[i].entry != NULL) {
        if (table->slots[i].hash == hash && bytes_equal(entry_uri(table->slots[i].entry), uri)) {
            return table->slots[i].entry;
        }
        i = (i + 1) & mask;
    }
    return NULL;
}

static void table_add(struct table *table, struct table_slot slot)
{
    uint32_t mask = (1U << table->bits) - 1;
    uint32_t i = slot_home(table, slot.hash);
    while (table->slots[i].entry != NULL) {
        i = (i + 1) & mask;
    }
    table->slots[i] = slot;
    table->count++;
}

static bool table_resize(struct table *table, struct mem *mem, uint32_t bits)
{
    if (bits > TABLE_BITS_MAX) {
        return false;
    }
    struct table_slot *slots = mem_take_zero(mem, slots_bytes(bits));
    if (slots == NULL) {
        return false;
    }
    struct table old = *table;
    *table = (struct table){.slots = slots, .bits = bits};
    for (uint32_t i = 0; old.slots != NULL && i < 1U << old.bits; i++) {
        if (old.slots[i].entry != NULL) {
            table_add(table, old.slots[i]);
        }
    }
    table_fini(&old, mem);
    return true;
}

static bool table_fit(struct table *table, struct mem *mem)
{
    if (table->slots == NULL) {
        return table_resize(table, mem, TABLE_BITS_MIN);
    }
    uint64_t room = UINT64_C(1) << table->bits;
    if ((uint64_t)table->count + 1 > room / 4 * 3) {
        return table_resize(table, mem, table->bits + 1);
    }
    if (table->bits > TABLE_BITS_MIN && table->count < room / 8) {
        (void)table_resize(table, mem, table->bits - 1); /* refused: the large one does as well */
    }
    return true;
}

bool table_put(struct table *table, struct mem *mem, struct entry *entry)
{
    if (!table_fit(table, mem)) {
        return false;
    }
    table_add(table, (struct table_slot){entry->hash, entry});
    return true;
}

void table_take(struct table *table, struct mem *mem, const struct entry *entry)
{
    check(table->count > 0);
    uint32_t mask = (1U << table->bits) - 1;
    uint32_t hole = slot_home(table, entry->hash);
    while (table->slots[hole].entry != entry) {
        check(table->slots[hole].entry != NULL);
        hole = (hole + 1) & mask;
    }
    if (--table->count == 0) {
        table_fini(table, mem);
        return;
    }
    for (uint32_t i = (hole + 1) & mask; table->slots[i].entry != NULL; i = (i + 1) & mask) {
        uint32_t home = slot_home(table, table->slots[i].hash);
        if (((i - home) & mask) >= ((i - hole) & mask)) { /* its home is not behind the hole */
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    table->slots[hole] = (struct table_slot){0, NULL};
}

void table_fini(struct table *table, struct mem *mem)
{
    if (table->slots != NULL) {
        mem_give(mem, table->slots, slots_bytes(table->bits));
    }
    *table = (struct table){0};
}
