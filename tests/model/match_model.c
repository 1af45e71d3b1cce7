#include "tests/model/match_model.h"

/* Component number index of uri; false: it has fewer. */
static bool component_at(struct bytes uri, size_t index, struct bytes *component)
{
    size_t start = 0;
    for (size_t i = 0; i <= uri.size; i++) {
        if (i == uri.size || uri.at[i] == '.') {
            if (index == 0) {
                *component = bytes_make(uri.at + start, i - start);
                return true;
            }
            index--;
            start = i + 1;
        }
    }
    return false;
}

static bool wildcard_matches(struct bytes pattern, struct bytes uri)
{
    struct bytes a;
    struct bytes b;
    for (size_t i = 0;; i++) {
        bool more = component_at(pattern, i, &a);
        if (more != component_at(uri, i, &b)) {
            return false;
        }
        if (!more) {
            return true;
        }
        if (a.size > 0 && !bytes_equal(a, b)) {
            return false;
        }
    }
}

bool model_pattern_matches(enum match_kind kind, struct bytes pattern, struct bytes uri)
{
    switch (kind) {
    case MATCH_EXACT:
        return bytes_equal(pattern, uri);
    case MATCH_PREFIX:
        return bytes_start_with(uri, pattern);
    case MATCH_WILDCARD:
        return wildcard_matches(pattern, uri);
    }
    return false;
}

void model_put(struct match_model *model, enum match_kind kind, struct bytes uri, void *value)
{
    check(model->count < MODEL_ENTRIES_MAX && uri.size <= MODEL_URI_MAX);
    struct model_entry *entry = &model->entries[model->count++];
    *entry = (struct model_entry){.kind = kind, .size = uri.size, .value = value};
    memcpy(entry->uri, uri.at, uri.size);
}

static bool model_is(const struct model_entry *entry, enum match_kind kind, struct bytes uri)
{
    return entry->kind == kind && bytes_equal(bytes_make(entry->uri, entry->size), uri);
}

void *model_get(const struct match_model *model, enum match_kind kind, struct bytes uri)
{
    for (size_t i = 0; i < model->count; i++) {
        if (model_is(&model->entries[i], kind, uri)) {
            return model->entries[i].value;
        }
    }
    return NULL;
}

void *model_take(struct match_model *model, enum match_kind kind, struct bytes uri)
{
    for (size_t i = 0; i < model->count; i++) {
        if (model_is(&model->entries[i], kind, uri)) {
            void *value = model->entries[i].value;
            model->count--;
            memmove(&model->entries[i], &model->entries[i + 1],
                    (model->count - i) * sizeof model->entries[0]);
            return value;
        }
    }
    return NULL;
}

bool model_matches(const struct match_model *model, const struct model_entry *entry,
                   struct bytes uri)
{
    struct bytes pattern = bytes_make(entry->uri, entry->size);
    struct bytes first = {0};
    struct bytes pattern_first = {0};
    if (!model_pattern_matches(entry->kind, pattern, uri)) {
        return false;
    }
    (void)component_at(uri, 0, &first);
    (void)component_at(pattern, 0, &pattern_first);
    return model->plain || !bytes_equal_text(first, "wamp") ||
           bytes_equal_text(pattern_first, "wamp");
}

/* A-PBR-4 word by word: the lengths of the runs of concrete components before, between and behind
 * the wildcards, compared from the left. */
static int runs_compare(struct bytes a, struct bytes b)
{
    size_t run_a = 0;
    size_t run_b = 0;
    size_t at_a = 0;
    size_t at_b = 0;
    struct bytes component;
    for (;;) {
        run_a = 0;
        while (component_at(a, at_a, &component) && component.size > 0) {
            run_a++;
            at_a++;
        }
        run_b = 0;
        while (component_at(b, at_b, &component) && component.size > 0) {
            run_b++;
            at_b++;
        }
        if (run_a != run_b) {
            return run_a > run_b ? 1 : -1;
        }
        if (!component_at(a, at_a++, &component) || !component_at(b, at_b++, &component)) {
            return 0;
        }
    }
}

static bool model_beats(const struct model_entry *a, const struct model_entry *b)
{
    return a->kind == MATCH_PREFIX
               ? a->size > b->size
               : runs_compare(bytes_make(a->uri, a->size), bytes_make(b->uri, b->size)) > 0;
}

/* Is the pattern one that reaches to the end of some component of uri? */
static bool ends_with_component(struct bytes pattern, struct bytes uri)
{
    struct bytes component;
    size_t end = 0; /* of the components so far, and then of the dot behind them */
    bool whole = pattern.size == 0;
    for (size_t i = 0; component_at(uri, i, &component); i++) {
        end += component.size;
        whole = whole || pattern.size == end || pattern.size == end + 1;
        end++;
    }
    return whole;
}

static const struct model_entry *model_best_of(const struct match_model *model, struct bytes uri,
                                               enum match_kind kind)
{
    const struct model_entry *best = NULL;
    for (size_t i = 0; i < model->count; i++) {
        const struct model_entry *entry = &model->entries[i];
        if (entry->kind == kind && model_matches(model, entry, uri) &&
            (best == NULL || model_beats(entry, best))) {
            best = entry;
        }
    }
    return best;
}

void *model_best(const struct match_model *model, struct bytes uri, enum match_kind *kind)
{
    bool whole = model->plain; /* do prefixes go before wildcards here? */
    for (size_t i = 0; i < model->count; i++) {
        const struct model_entry *entry = &model->entries[i];
        whole = whole || (entry->kind == MATCH_PREFIX && model_matches(model, entry, uri) &&
                          ends_with_component(bytes_make(entry->uri, entry->size), uri));
    }
    const enum match_kind order[2][MATCH_KINDS] = {
        {MATCH_EXACT, MATCH_WILDCARD, MATCH_PREFIX},
        {MATCH_EXACT, MATCH_PREFIX, MATCH_WILDCARD},
    };
    for (size_t i = 0; i < MATCH_KINDS; i++) {
        const struct model_entry *best = model_best_of(model, uri, order[whole][i]);
        if (best != NULL) {
            *kind = best->kind;
            return best->value;
        }
    }
    return NULL;
}
