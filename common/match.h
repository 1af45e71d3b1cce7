/* Exact, prefix and wildcard matching of URIs in one structure (WAMP, pattern-based subscriptions
 * and registrations; rules A-PBS, A-PBR).
 *
 * One worker owns a struct match; the entries' owners keep the pointer that match_put stored.
 * Bounded by entries_max, components per URI (URI_COMPONENTS_MAX) and octets (URI_OCTETS_MAX);
 * a full table or memory refuses with false. Lookup never allocates and costs: exact, one hash
 * probe; prefix, one step per node of a radix tree, so one per octet of the URI at most; wildcard,
 * one hash probe per distinct shape stored that has as many components as the URI (shapes_max).
 * The hash is keyed (SipHash) so that clients cannot choose collisions. Pure. */
#ifndef CLOS_MATCH_H
#define CLOS_MATCH_H

#include "common/bytes.h"
#include "common/mem.h"

enum match_kind {
    MATCH_EXACT,
    MATCH_PREFIX,
    MATCH_WILDCARD,
};

enum { MATCH_KINDS = 3 };

struct match; /* opaque: its insides are three structures, see match_inside.h */

struct match_limits {
    uint32_t entries_max;
    uint32_t shapes_max; /* distinct wildcard shapes: which components are empty, and how many */
    bool plain; /* for rules: R13 (below) does not hold, and any prefix goes before any wildcard */
};

struct match *match_new(struct mem *mem, const uint8_t hash_key[16], struct match_limits limits);
void match_free(struct match *match); /* entries still inside are forgotten, not freed */

/* The uri's octets are copied. NULL value is not allowed; the key must not be inside yet (check).
 * The uri is a valid pattern of its kind (uri_pattern_valid). false: a limit reached. */
bool match_put(struct match *match, enum match_kind kind, struct bytes uri, void *value);

/* The value stored under exactly this kind and pattern, or NULL. */
void *match_get(const struct match *match, enum match_kind kind, struct bytes uri);

/* Takes it out and returns its value; NULL when it was not inside. */
void *match_take(struct match *match, enum match_kind kind, struct bytes uri);

uint32_t match_count(const struct match *match, enum match_kind kind);

/* All values whose pattern matches the concrete uri: the exact one, then prefixes from short to
 * long, then wildcards in any order. Calls visit for each; visit must not change the match.
 * R13: a uri whose first component is "wamp" is matched only by patterns whose first component is
 * literally "wamp" (so the empty prefix or a leading wildcard never harvests meta events). */
void match_all(const struct match *match, struct bytes uri,
               void (*visit)(void *context, enum match_kind kind, void *value), void *context);

/* The one value a CALL goes to, by the ranking of A-PBR-4: exact; else the longest prefix; else
 * the best wildcard (runs of concrete components before, between and behind the wildcards compared
 * from the left, the longer one wins). Wildcards have no tie: two that match one URI have as many
 * components, and where they first differ one has a wildcard and ends its run.
 *
 * Where all matching prefixes end inside a component of the URI ("a.c3" and a.c33.x), a wildcard
 * goes before them: the vector of A-PBR-5 wants it so, though its prefixes are plain strings
 * (A-PBR-2) and by A-PBR-4 alone such a prefix would win. Not when limits.plain.
 * NULL when nothing matches. *kind is set when not NULL. The R13 rule holds here too. */
void *match_best(const struct match *match, struct bytes uri, enum match_kind *kind);

/* Walks every entry of one kind in the order they were put; visit must not change the match. */
void match_each(const struct match *match, enum match_kind kind,
                void (*visit)(void *context, struct bytes uri, void *value), void *context);

#endif
