/* URI rules and the matcher against naive twins: the validator against one that splits first, and a
 * match, changed and asked by the input's commands, against its dumb model.
 *
 * Input: lines. Each starts with a command octet, the rest is a URI or pattern. */
#include "common/uri.h"
#include "tests/lib/dry.h"
#include "tests/model/match_model.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the naive validator */

static bool twin_component_fine(struct bytes component, enum uri_check rule)
{
    for (size_t i = 0; i < component.size; i++) {
        uint8_t c = component.at[i];
        bool strict = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (rule == URI_STRICT ? !strict : c <= ' ' || c == '#' || c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Decodes by arithmetic on the whole sequence and encodes again: valid is what comes back. */
static bool twin_utf8_fine(struct bytes text)
{
    size_t i = 0;
    while (i < text.size) {
        uint8_t first = text.at[i];
        size_t count = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if (count > text.size - i) {
            return false;
        }
        uint32_t c = count == 1 ? first : first & ((1U << (7 - count)) - 1);
        for (size_t k = 1; k < count; k++) {
            c = c * 64 + (text.at[i + k] & 63);
        }
        uint8_t again[4] = {(uint8_t)c};
        size_t need = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        uint32_t rest = c;
        for (size_t k = need; k-- > 1;) {
            again[k] = (uint8_t)(0x80 + rest % 64);
            rest /= 64;
        }
        static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
        again[0] = (uint8_t)(heads[need] + rest);
        static const uint32_t spaces[] = {0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000};
        bool refused = (c >= 0xd800 && c < 0xe000) || c > 0x10ffff || (c >= 0x80 && c < 0xa0) ||
                       (c >= 0x2000 && c <= 0x200a);
        for (size_t k = 0; k < array_count(spaces); k++) {
            refused = refused || c == spaces[k];
        }
        if (refused || need != count || memcmp(again, text.at + i, count) != 0) {
            return false;
        }
        i += count;
    }
    return true;
}

static bool twin_valid(struct bytes uri, enum match_kind kind, enum uri_check rule)
{
    size_t components = 0;
    size_t start = 0;
    bool fine = uri.size <= URI_OCTETS_MAX && twin_utf8_fine(uri);
    for (size_t i = 0; i <= uri.size; i++) {
        if (i < uri.size && uri.at[i] != '.') {
            continue;
        }
        bool may_be_empty = kind == MATCH_WILDCARD || (kind == MATCH_PREFIX && i == uri.size);
        fine = fine && (i > start || may_be_empty) &&
               twin_component_fine(bytes_make(uri.at + start, i - start), rule);
        components++;
        start = i + 1;
    }
    return fine && components <= URI_COMPONENTS_MAX;
}

static void compare_validators(struct bytes uri)
{
    for (unsigned kind = 0; kind < MATCH_KINDS; kind++) {
        for (unsigned rule = 0; rule < 2; rule++) {
            bool got = uri_pattern_valid(uri, (enum match_kind)kind, (enum uri_check)rule);
            check(got == twin_valid(uri, (enum match_kind)kind, (enum uri_check)rule));
        }
    }
    bool dotted = uri.size > 0 && memchr(uri.at, '.', uri.size) != NULL;
    check(uri_name_valid(uri, URI_LOOSE) == (uri_valid(uri, URI_LOOSE) && !dotted));
    check(uri_name_valid(uri, URI_STRICT) == (uri_valid(uri, URI_STRICT) && !dotted));
}

/* ---- the match and its model */

struct twins {
    struct match *match;
    struct match_model model;
    uintptr_t next; /* each value is another number */
    size_t visits;
    struct bytes asked;
};

static void visit(void *context, enum match_kind kind, void *value)
{
    struct twins *twins = context;
    twins->visits++;
    for (size_t i = 0; i < twins->model.count; i++) {
        const struct model_entry *entry = &twins->model.entries[i];
        if (entry->value == value) {
            check(entry->kind == kind && model_matches(&twins->model, entry, twins->asked));
            return;
        }
    }
    check(false);
}

static void twins_ask(struct twins *twins, struct bytes uri)
{
    size_t want = 0;
    for (size_t i = 0; i < twins->model.count; i++) {
        want += model_matches(&twins->model, &twins->model.entries[i], uri);
    }
    twins->visits = 0;
    twins->asked = uri;
    match_all(twins->match, uri, visit, twins);
    check(twins->visits == want);
    enum match_kind kind = MATCH_EXACT;
    enum match_kind kind_model = MATCH_EXACT;
    check(match_best(twins->match, uri, &kind) == model_best(&twins->model, uri, &kind_model));
    check(kind == kind_model);
}

static void twins_obey(struct twins *twins, uint8_t command, struct bytes uri)
{
    compare_validators(uri);
    enum match_kind kind = (enum match_kind)(command / 4 % MATCH_KINDS);
    if (uri.size > MODEL_URI_MAX || !uri_pattern_valid(uri, kind, URI_LOOSE)) {
        return;
    }
    if (command % 4 == 0) {
        check(match_take(twins->match, kind, uri) == model_take(&twins->model, kind, uri));
    } else if (command % 4 == 1) {
        void *there = model_get(&twins->model, kind, uri);
        check(match_get(twins->match, kind, uri) == there);
        if (there == NULL && twins->model.count < MODEL_ENTRIES_MAX) {
            void *value = (void *)++twins->next;
            if (match_put(twins->match, kind, uri, value)) {
                model_put(&twins->model, kind, uri, value);
            }
        }
    }
    if (uri_valid(uri, URI_LOOSE)) {
        twins_ask(twins, uri);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t hash_key[16];
    static struct twins twins;
    struct dry dry;
    struct mem mem;
    dry_mem_init(&mem, &dry, SIZE_MAX);
    struct match_limits limits = {MODEL_ENTRIES_MAX, 16, size > 0 && data[0] % 2 == 1};
    twins = (struct twins){.match = match_new(&mem, hash_key, limits)};
    twins.model.plain = limits.plain;
    size_t at = size > 0 ? 1 : 0;
    while (at < size) {
        uint8_t command = data[at++];
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t length = end == NULL ? size - at : (size_t)(end - (data + at));
        /* a copy of exactly its size, so that a sanitizer sees a step too far */
        uint8_t *copy = malloc(length == 0 ? 1 : length);
        check(copy != NULL);
        memcpy(copy, data + at, length);
        twins_obey(&twins, command, bytes_make(copy, length));
        free(copy);
        at += length + 1;
    }
    match_free(twins.match);
    dry_mem_fini(&mem, &dry);
    return 0;
}
