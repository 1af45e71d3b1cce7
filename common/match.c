/* The one face of three structures (match_inside.h): a hash table for exact URIs, a radix tree for
 * prefixes, hash probes by shape for wildcards. Each kind that holds nothing costs one comparison,
 * so that with exact patterns alone a lookup is one probe. */
#include "common/match_inside.h"

#include "common/crypto.h"

struct match {
    struct mem *mem;
    struct match_limits limits;
    uint8_t hash_key[16];
    uint32_t counts[MATCH_KINDS];
    struct list entries[MATCH_KINDS];
    struct table exact;
    struct prefix_tree prefixes;
    struct wildcards wildcards;
};

struct match *match_new(struct mem *mem, const uint8_t hash_key[16], struct match_limits limits)
{
    struct match *match = mem_take(mem, sizeof *match);
    if (match == NULL) {
        return NULL;
    }
    *match = (struct match){.mem = mem, .limits = limits};
    memcpy(match->hash_key, hash_key, sizeof match->hash_key);
    for (unsigned kind = 0; kind < MATCH_KINDS; kind++) {
        list_init(&match->entries[kind]);
    }
    wildcards_init(&match->wildcards);
    return match;
}

static void entry_free(struct match *match, struct entry *entry)
{
    mem_give(match->mem, entry, offsetof(struct entry, uri) + entry->size);
}

void match_free(struct match *match)
{
    table_fini(&match->exact, match->mem);
    prefix_fini(&match->prefixes, match->mem);
    wildcards_fini(&match->wildcards, match->mem);
    for (unsigned kind = 0; kind < MATCH_KINDS; kind++) {
        list_for_each_safe(node, &match->entries[kind])
        {
            entry_free(match, container_of(node, struct entry, node));
        }
    }
    mem_give(match->mem, match, sizeof *match);
}

static struct entry *match_find(const struct match *match, enum match_kind kind, struct bytes uri)
{
    if (match->counts[kind] == 0) {
        return NULL;
    }
    if (kind == MATCH_PREFIX) {
        return prefix_find(&match->prefixes, uri);
    }
    uint64_t hash = crypto_siphash(match->hash_key, uri);
    return table_find(kind == MATCH_EXACT ? &match->exact : &match->wildcards.table, hash, uri);
}

static struct entry *entry_new(struct match *match, enum match_kind kind, struct bytes uri,
                               void *value)
{
    struct entry *entry = mem_take(match->mem, offsetof(struct entry, uri) + uri.size);
    if (entry == NULL) {
        return NULL;
    }
    list_init(&entry->node);
    entry->hash = kind == MATCH_PREFIX ? 0 : crypto_siphash(match->hash_key, uri);
    entry->shape = NULL;
    entry->value = value;
    entry->size = (uint32_t)uri.size;
    if (uri.size > 0) {
        memcpy(entry->uri, uri.at, uri.size);
    }
    return entry;
}

static bool entry_place(struct match *match, enum match_kind kind, struct entry *entry)
{
    switch (kind) {
    case MATCH_EXACT:
        return table_put(&match->exact, match->mem, entry);
    case MATCH_PREFIX:
        return prefix_put(&match->prefixes, match->mem, entry);
    case MATCH_WILDCARD:
        return wildcards_put(&match->wildcards, match->mem, match->limits.shapes_max, entry);
    }
    return false;
}

bool match_put(struct match *match, enum match_kind kind, struct bytes uri, void *value)
{
    check(value != NULL);
    check(match_find(match, kind, uri) == NULL);
    uint64_t count = (uint64_t)match->counts[MATCH_EXACT] + match->counts[MATCH_PREFIX] +
                     match->counts[MATCH_WILDCARD];
    if (count >= match->limits.entries_max || uri.size > URI_OCTETS_MAX) {
        return false;
    }
    struct entry *entry = entry_new(match, kind, uri, value);
    if (entry == NULL) {
        return false;
    }
    if (!entry_place(match, kind, entry)) {
        entry_free(match, entry);
        return false;
    }
    list_push(&match->entries[kind], &entry->node);
    match->counts[kind]++;
    return true;
}

void *match_get(const struct match *match, enum match_kind kind, struct bytes uri)
{
    const struct entry *entry = match_find(match, kind, uri);
    return entry == NULL ? NULL : entry->value;
}

void *match_take(struct match *match, enum match_kind kind, struct bytes uri)
{
    struct entry *entry = match_find(match, kind, uri);
    if (entry == NULL) {
        return NULL;
    }
    switch (kind) {
    case MATCH_EXACT:
        table_take(&match->exact, match->mem, entry);
        break;
    case MATCH_PREFIX:
        prefix_take(&match->prefixes, match->mem, entry);
        break;
    case MATCH_WILDCARD:
        wildcards_take(&match->wildcards, match->mem, entry);
        break;
    }
    void *value = entry->value;
    list_remove(&entry->node);
    match->counts[kind]--;
    entry_free(match, entry);
    return value;
}

uint32_t match_count(const struct match *match, enum match_kind kind)
{
    return match->counts[kind];
}

/* R13: such a uri is for patterns that begin with the component wamp. */
static bool match_guards(const struct match *match, struct bytes uri)
{
    return !match->limits.plain && uri_reserved(uri);
}

/* A prefix of a guarded uri names its first component whole when it is as long as "wamp". */
static bool prefix_may(const struct entry *entry, bool guarded)
{
    return !guarded || entry->size >= 4;
}

void match_all(const struct match *match, struct bytes uri,
               void (*visit)(void *context, enum match_kind kind, void *value), void *context)
{
    struct entry *entry = match_find(match, MATCH_EXACT, uri);
    if (entry != NULL) {
        visit(context, MATCH_EXACT, entry->value);
    }
    if (match->counts[MATCH_PREFIX] > 0) {
        bool guarded = match_guards(match, uri);
        struct prefix_walk walk = prefix_walk_start(&match->prefixes, uri);
        while ((entry = prefix_walk_next(&walk)) != NULL) {
            if (prefix_may(entry, guarded)) {
                visit(context, MATCH_PREFIX, entry->value);
            }
        }
    }
    if (match->counts[MATCH_WILDCARD] > 0) {
        struct wildcard_walk walk;
        wildcard_walk_start(&walk, &match->wildcards, match->hash_key, uri,
                            match_guards(match, uri));
        while ((entry = wildcard_walk_next(&walk)) != NULL) {
            visit(context, MATCH_WILDCARD, entry->value);
        }
    }
}

/* The longest prefix; *aligned: one of those that match ends where a component of uri does. */
static struct entry *match_best_prefix(const struct match *match, struct bytes uri, bool guarded,
                                       bool *aligned)
{
    struct entry *best = NULL;
    struct entry *entry;
    struct prefix_walk walk = prefix_walk_start(&match->prefixes, uri);
    while ((entry = prefix_walk_next(&walk)) != NULL) {
        if (prefix_may(entry, guarded)) {
            uint32_t end = entry->size;
            *aligned |= end == 0 || end == uri.size || uri.at[end] == '.' || uri.at[end - 1] == '.';
            best = entry;
        }
    }
    return best;
}

static struct entry *match_best_pattern(const struct match *match, struct bytes uri,
                                        enum match_kind *kind)
{
    bool guarded = match_guards(match, uri);
    bool aligned = match->limits.plain;
    struct entry *prefix = NULL;
    if (match->counts[MATCH_PREFIX] > 0) {
        prefix = match_best_prefix(match, uri, guarded, &aligned);
    }
    if (match->counts[MATCH_WILDCARD] > 0 && (prefix == NULL || !aligned)) {
        struct wildcard_walk walk;
        wildcard_walk_start(&walk, &match->wildcards, match->hash_key, uri, guarded);
        struct entry *wildcard = wildcard_walk_next(&walk);
        if (wildcard != NULL) {
            *kind = MATCH_WILDCARD;
            return wildcard;
        }
    }
    *kind = MATCH_PREFIX;
    return prefix;
}

void *match_best(const struct match *match, struct bytes uri, enum match_kind *kind)
{
    enum match_kind found = MATCH_EXACT;
    const struct entry *entry = match_find(match, MATCH_EXACT, uri);
    if (entry == NULL) {
        entry = match_best_pattern(match, uri, &found);
    }
    if (entry == NULL) {
        return NULL;
    }
    if (kind != NULL) {
        *kind = found;
    }
    return entry->value;
}

void match_each(const struct match *match, enum match_kind kind,
                void (*visit)(void *context, struct bytes uri, void *value), void *context)
{
    list_for_each(node, &match->entries[kind])
    {
        const struct entry *entry = container_of(node, struct entry, node);
        visit(context, entry_uri(entry), entry->value);
    }
}
