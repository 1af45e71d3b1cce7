/* The dialog's tables: requests in flight, subscriptions, registrations.
 *
 * Called by dialog.c and dialog_take.c only; the dialog owns what they hold, one thread. Bounds are
 * in dialog.h; a full table or memory answers NULL or false. Pure. */
#ifndef CLOS_DIALOG_TABLE_H
#define CLOS_DIALOG_TABLE_H

#include "client/dialog.h"

/* A free slot for request, already marked; NULL: too many in flight. */
struct dialog_pending *pending_add(struct dialog *dialog, uint64_t request);
struct dialog_pending *pending_find(struct dialog *dialog, uint64_t request);
/* Frees the slot; what it held is the caller's. */
struct dialog_pending pending_take(struct dialog *dialog, struct dialog_pending *pending);

struct dialog_entry *entry_new(struct mem *mem, const struct dialog_entry *form, struct bytes uri);
void entry_free(struct mem *mem, struct dialog_entry *entry);

struct dialog_entry *entries_find(const struct dialog_entries *entries, uint64_t id);
/* Takes the entry over; one with the same id is freed and replaced. false: full (not taken). */
bool entries_put(struct dialog_entries *entries, struct mem *mem, struct dialog_entry *entry);
void entries_remove(struct dialog_entries *entries, struct mem *mem, uint64_t id);
void entries_fini(struct dialog_entries *entries, struct mem *mem);

#endif
