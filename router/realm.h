/* One worker's share of a realm: who is here, and who anywhere wants or answers what.
 *
 * Every worker holds the whole of subscriptions and registrations (patterns and places), but only
 * its own sessions in them. Realms are isolated: nothing here points into another. Made at start
 * from the settings. Bounded by patterns_per_realm and wildcard_shapes_per_realm. Pure. */
#ifndef CLOS_REALM_H
#define CLOS_REALM_H

#include "router/permit.h"
#include "router/route.h"
#include "router/session.h"

struct role {
    const char *name;
    struct permit *permit;
};

struct realm {
    struct core *core;
    const struct realm_settings *settings;
    uint32_t index;
    struct role *roles;
    const struct role *anonymous; /* NULL: not allowed in */
    struct list sessions;
    struct match *subscriptions; /* struct subscription by pattern */
    struct match *registrations; /* struct registration by pattern */
    struct match *claims;        /* struct claim by pattern: those whose home is here */
    struct map subscription_ids;
    struct map registration_ids;
    struct route_cache topics;
    struct route_cache procedures;
};

bool realm_init(struct realm *realm, struct core *core, uint32_t index);
void realm_fini(struct realm *realm);

/* By name; NULL when there is none or the listener does not open it. */
struct realm *realm_find(struct core *core, const struct listener_settings *listener,
                         struct bytes name);

/* The place that decides what only one may decide about a pattern. */
place_id realm_home(const struct realm *realm, enum match_kind kind, struct bytes uri);

#endif
