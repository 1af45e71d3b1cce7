/* Single URIs are asked for with every message and go through a match. Patterns are asked for
 * rarely and are compared with each rule in turn: a pattern is a set of URIs, a rule is one too,
 * and what counts is which contains or meets which. */
#include "router/permit.h"

static struct bytes rule_uri(const struct permission_settings *rule)
{
    return bytes_text(rule->uri);
}

static bool rule_allows(const struct permission_settings *rule, enum action action)
{
    return (rule->allow & action) != 0;
}

static bool role_allows_all(const struct role_settings *role)
{
    const struct permission_settings *rule = role->permissions;
    return role->permissions_count == 1 && rule->match == MATCH_PREFIX && rule->uri[0] == '\0' &&
           rule->allow == ACTION_ALL;
}

static bool permit_put_rules(struct permit *permit)
{
    for (size_t i = 0; i < permit->role->permissions_count; i++) {
        const struct permission_settings *rule = &permit->role->permissions[i];
        (void)match_take(permit->rules, rule->match, rule_uri(rule)); /* the later decides */
        /* The match gives pointers back as they were put in; nobody writes through them. */
        if (!match_put(permit->rules, rule->match, rule_uri(rule), (void *)(uintptr_t)rule)) {
            return false;
        }
    }
    return true;
}

struct permit *permit_new(struct mem *mem, const struct role_settings *role,
                          const uint8_t hash_key[16])
{
    struct permit *permit = mem_take(mem, sizeof *permit);
    if (permit == NULL) {
        return NULL;
    }
    *permit = (struct permit){.mem = mem, .role = role, .allows_all = role_allows_all(role)};
    check(role->permissions_count <= UINT32_MAX);
    uint32_t count = (uint32_t)role->permissions_count;
    struct match_limits limits = {count, count, .plain = true};
    permit->rules = match_new(mem, hash_key, limits);
    if (permit->rules == NULL || !permit_put_rules(permit)) {
        permit_free(permit);
        return NULL;
    }
    return permit;
}

void permit_free(struct permit *permit)
{
    if (permit == NULL) {
        return;
    }
    if (permit->rules != NULL) {
        match_free(permit->rules);
    }
    mem_give(permit->mem, permit, sizeof *permit);
}

bool permit_match(const struct permit *permit, enum action action, struct bytes uri)
{
    const struct permission_settings *rule = match_best(permit->rules, uri, NULL);
    return rule != NULL && rule_allows(rule, action);
}

/* ---- patterns */

struct components {
    struct bytes rest;
    bool more; /* rest is one component or several */
};

static struct components components_of(struct bytes uri)
{
    return (struct components){uri, true};
}

static bool component_next(struct components *components, struct bytes *component)
{
    if (!components->more) {
        return false;
    }
    struct bytes rest = components->rest;
    const uint8_t *dot = rest.size == 0 ? NULL : memchr(rest.at, '.', rest.size);
    size_t size = dot == NULL ? rest.size : (size_t)(dot - rest.at);
    *component = bytes_make(rest.at, size);
    components->more = dot != NULL;
    components->rest = dot == NULL ? rest : bytes_from(rest, size + 1);
    return true;
}

struct wildcard_compared {
    bool meet;    /* some URI matches both */
    bool covered; /* every URI that matches b matches a */
    int rank;     /* over 0: a decides before b where they meet */
};

/* Two wildcard patterns; a URI is one without wildcards. */
static struct wildcard_compared wildcards_compare(struct bytes a, struct bytes b)
{
    struct wildcard_compared compared = {true, true, 0};
    struct components of_a = components_of(a);
    struct components of_b = components_of(b);
    struct bytes x;
    struct bytes y;
    while (component_next(&of_a, &x)) {
        if (!component_next(&of_b, &y)) {
            return (struct wildcard_compared){false, false, 0};
        }
        if (x.size > 0 && !bytes_equal(x, y)) {
            compared.covered = false;
            compared.meet = compared.meet && y.size == 0;
        }
        if (compared.rank == 0 && (x.size == 0) != (y.size == 0)) {
            compared.rank = x.size > 0 ? 1 : -1;
        }
    }
    return of_b.more ? (struct wildcard_compared){false, false, 0} : compared;
}

/* Does any URI that matches the wildcard pattern start with prefix? */
static bool prefix_meets_wildcard(struct bytes prefix, struct bytes pattern)
{
    struct components of_prefix = components_of(prefix);
    struct components of_pattern = components_of(pattern);
    struct bytes x;
    struct bytes y;
    while (component_next(&of_prefix, &x)) {
        if (!component_next(&of_pattern, &y)) {
            return false;
        }
        bool last = !of_prefix.more; /* a piece of a component, maybe none of it */
        if (y.size > 0 && !(last ? bytes_start_with(y, x) : bytes_equal(x, y))) {
            return false;
        }
    }
    return true;
}

/* Of the rules that cover all of a prefix pattern: the longest prefix, or NULL. */
static const struct permission_settings *prefix_decider(const struct permit *permit,
                                                        struct bytes pattern)
{
    const struct permission_settings *best = NULL;
    for (size_t i = 0; i < permit->role->permissions_count; i++) {
        const struct permission_settings *rule = &permit->role->permissions[i];
        if (rule->match == MATCH_PREFIX && bytes_start_with(pattern, rule_uri(rule)) &&
            (best == NULL || rule_uri(rule).size >= rule_uri(best).size)) {
            best = rule;
        }
    }
    return best;
}

/* Is rule about a part of the pattern, and asked before decider there? */
static bool rule_is_inside(const struct permission_settings *rule, enum match_kind kind,
                           struct bytes pattern, const struct permission_settings *decider)
{
    struct bytes uri = rule_uri(rule);
    if (kind == MATCH_PREFIX) {
        return rule->match != MATCH_WILDCARD && bytes_start_with(uri, pattern) &&
               !(decider->match == rule->match && bytes_equal(rule_uri(decider), uri));
    }
    switch (rule->match) {
    case MATCH_EXACT:
        return wildcards_compare(pattern, uri).covered && decider->match != MATCH_EXACT;
    case MATCH_PREFIX:
        return decider->match != MATCH_EXACT && !bytes_start_with(pattern, uri) &&
               prefix_meets_wildcard(uri, pattern);
    case MATCH_WILDCARD:
        return decider->match == MATCH_WILDCARD && wildcards_compare(uri, pattern).meet &&
               wildcards_compare(uri, rule_uri(decider)).rank > 0;
    }
    return false;
}

bool permit_allows_pattern(const struct permit *permit, enum action action, enum match_kind kind,
                           struct bytes uri)
{
    if (kind == MATCH_EXACT || permit->allows_all) {
        return permit_allows(permit, action, uri);
    }
    const struct permission_settings *decider =
        kind == MATCH_PREFIX ? prefix_decider(permit, uri) : match_best(permit->rules, uri, NULL);
    if (decider == NULL || !rule_allows(decider, action)) {
        return false;
    }
    for (size_t i = 0; i < permit->role->permissions_count; i++) {
        const struct permission_settings *rule = &permit->role->permissions[i];
        bool counts = match_get(permit->rules, rule->match, rule_uri(rule)) == rule;
        if (counts && !rule_allows(rule, action) && rule_is_inside(rule, kind, uri, decider)) {
            return false;
        }
    }
    return true;
}
