#include "client/dialog_table.h"

/* Requests are numbered in sequence and mostly answered in sequence, so a slot is looked for from
 * the request's own place upwards and is nearly always the first one. */

struct dialog_pending *pending_add(struct dialog *dialog, uint64_t request)
{
    if (dialog->pending_count == DIALOG_PENDING_MAX) {
        return NULL;
    }
    size_t i = request & (DIALOG_PENDING_MAX - 1);
    while (dialog->pending[i].request != 0) {
        i = (i + 1) & (DIALOG_PENDING_MAX - 1);
    }
    dialog->pending_count++;
    dialog->pending[i] = (struct dialog_pending){.request = request};
    return &dialog->pending[i];
}

struct dialog_pending *pending_find(struct dialog *dialog, uint64_t request)
{
    size_t start = request & (DIALOG_PENDING_MAX - 1);
    for (size_t i = 0; request != 0 && i < DIALOG_PENDING_MAX; i++) {
        struct dialog_pending *pending = &dialog->pending[(start + i) & (DIALOG_PENDING_MAX - 1)];
        if (pending->request == request) {
            return pending;
        }
    }
    return NULL;
}

struct dialog_pending pending_take(struct dialog *dialog, struct dialog_pending *pending)
{
    struct dialog_pending taken = *pending;
    check(dialog->pending_count > 0 && pending->request != 0);
    dialog->pending_count--;
    *pending = (struct dialog_pending){0};
    return taken;
}

struct dialog_entry *entry_new(struct mem *mem, const struct dialog_entry *form, struct bytes uri)
{
    struct dialog_entry *entry = mem_take(mem, sizeof *entry + uri.size);
    if (entry != NULL) {
        *entry = *form;
        entry->uri_size = uri.size;
        memcpy(entry->uri, uri.at, uri.size);
    }
    return entry;
}

void entry_free(struct mem *mem, struct dialog_entry *entry)
{
    if (entry != NULL) {
        mem_give(mem, entry, sizeof *entry + entry->uri_size);
    }
}

/* Where id stands, or would stand. */
static size_t entries_place(const struct dialog_entries *entries, uint64_t id)
{
    size_t low = 0;
    size_t high = entries->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries->at[middle]->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct dialog_entry *entries_find(const struct dialog_entries *entries, uint64_t id)
{
    size_t i = entries_place(entries, id);
    return i < entries->count && entries->at[i]->id == id ? entries->at[i] : NULL;
}

static bool entries_grow(struct dialog_entries *entries, struct mem *mem)
{
    size_t room = size_max(16, entries->room * 2);
    if (entries->count < entries->room) {
        return true;
    }
    if (room > DIALOG_ENTRIES_MAX) {
        return false;
    }
    void *at = mem_move(mem, entries->at, entries->room * sizeof entries->at[0],
                        entries->count * sizeof entries->at[0], room * sizeof entries->at[0]);
    if (at == NULL) {
        return false;
    }
    entries->at = at;
    entries->room = room;
    return true;
}

bool entries_put(struct dialog_entries *entries, struct mem *mem, struct dialog_entry *entry)
{
    size_t i = entries_place(entries, entry->id);
    if (i < entries->count && entries->at[i]->id == entry->id) {
        entry_free(mem, entries->at[i]);
        entries->at[i] = entry;
        return true;
    }
    if (!entries_grow(entries, mem)) {
        return false;
    }
    memmove(entries->at + i + 1, entries->at + i, (entries->count - i) * sizeof entries->at[0]);
    entries->at[i] = entry;
    entries->count++;
    return true;
}

void entries_remove(struct dialog_entries *entries, struct mem *mem, uint64_t id)
{
    size_t i = entries_place(entries, id);
    if (i < entries->count && entries->at[i]->id == id) {
        entry_free(mem, entries->at[i]);
        entries->count--;
        memmove(entries->at + i, entries->at + i + 1, (entries->count - i) * sizeof entries->at[0]);
    }
}

void entries_fini(struct dialog_entries *entries, struct mem *mem)
{
    for (size_t i = 0; i < entries->count; i++) {
        entry_free(mem, entries->at[i]);
    }
    mem_give(mem, entries->at, entries->room * sizeof entries->at[0]);
    *entries = (struct dialog_entries){0};
}
