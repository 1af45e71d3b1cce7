/* What the members of one role may do: a table of rules (router/settings.h) made into yes or no.
 *
 * Made once at start for each worker, asked by that worker for every request, never changed. It
 * owns a match over the rules and views the settings, which must outlive it. Bounded by the number
 * of rules; asking never allocates. permit_new answers NULL when memory is refused.
 *
 * Of the rules that match a URI the most specific decides alone: the exact one; else the longest
 * prefix; else the best wildcard (match_best). No rule: no. Of two rules with one URI and one match
 * the later decides. The prefix "" covers wamp.* too; what else guards those (nobody publishes or
 * registers them, broad patterns do not receive them) is not asked here. */
#ifndef CLOS_PERMIT_H
#define CLOS_PERMIT_H

#include "router/settings.h"

struct permit {
    struct mem *mem;
    const struct role_settings *role;
    struct match *rules;
    bool allows_all; /* the only rule is prefix "" with every action: nothing needs to be matched */
};

struct permit *permit_new(struct mem *mem, const struct role_settings *role,
                          const uint8_t hash_key[16]);
void permit_free(struct permit *permit); /* NULL is ignored */

/* Slow path of permit_allows. */
bool permit_match(const struct permit *permit, enum action action, struct bytes uri);

/* May this be called or published, or subscribed or registered with match exact? */
static inline bool permit_allows(const struct permit *permit, enum action action, struct bytes uri)
{
    return likely(permit->allows_all) || permit_match(permit, action, uri);
}

/* May this pattern be subscribed or registered? Yes, if the most specific rule that covers the
 * whole pattern allows it and no more specific rule forbids it for a part of the pattern: so a
 * pattern never reaches a URI that the role could not name by itself. Steps: all rules, once. */
bool permit_allows_pattern(const struct permit *permit, enum action action, enum match_kind kind,
                           struct bytes uri);

#endif
