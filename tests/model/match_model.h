/* The dumb twin of match: a list of patterns, each compared with the URI component by component.
 * One test owns it; fixed room, fails by check(). */
#ifndef CLOS_MATCH_MODEL_H
#define CLOS_MATCH_MODEL_H

#include "common/match.h"

enum { MODEL_ENTRIES_MAX = 256, MODEL_URI_MAX = 64 };

struct model_entry {
    enum match_kind kind;
    size_t size;
    uint8_t uri[MODEL_URI_MAX];
    void *value;
};

struct match_model {
    size_t count;
    struct model_entry entries[MODEL_ENTRIES_MAX]; /* in the order they were put */
    bool plain;
};

/* Does this pattern match this concrete uri? Without R13. */
bool model_pattern_matches(enum match_kind kind, struct bytes pattern, struct bytes uri);

void model_put(struct match_model *model, enum match_kind kind, struct bytes uri, void *value);
void *model_get(const struct match_model *model, enum match_kind kind, struct bytes uri);
void *model_take(struct match_model *model, enum match_kind kind, struct bytes uri);
bool model_matches(const struct match_model *model, const struct model_entry *entry,
                   struct bytes uri); /* with R13 */
void *model_best(const struct match_model *model, struct bytes uri, enum match_kind *kind);

#endif
