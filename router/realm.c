#include "router/realm.h"

#include "router/broker.h"
#include "router/dealer.h"

static struct match *realm_match_new(struct realm *realm)
{
    struct core *core = realm->core;
    struct match_limits limits = {
        .entries_max = (uint32_t)core->limits->patterns_per_realm,
        .shapes_max = (uint32_t)core->limits->wildcard_shapes_per_realm,
    };
    return match_new(&core->mem, core->hash_key, limits);
}

static bool realm_roles_init(struct realm *realm)
{
    const struct realm_settings *settings = realm->settings;
    struct mem *mem = &realm->core->mem;
    if (settings->roles_count == 0) {
        return true;
    }
    realm->roles = mem_take_zero(mem, settings->roles_count * sizeof *realm->roles);
    if (realm->roles == NULL) {
        return false;
    }
    for (size_t i = 0; i < settings->roles_count; i++) {
        struct role *role = &realm->roles[i];
        role->name = settings->roles[i].name;
        role->permit = permit_new(mem, &settings->roles[i], realm->core->hash_key);
        if (role->permit == NULL) {
            return false;
        }
        if (settings->anonymous_role != NULL && strcmp(settings->anonymous_role, role->name) == 0) {
            realm->anonymous = role;
        }
    }
    return true;
}

bool realm_init(struct realm *realm, struct core *core, uint32_t index)
{
    *realm =
        (struct realm){.core = core, .settings = &core->settings->realms[index], .index = index};
    uint32_t patterns_max = (uint32_t)core->limits->patterns_per_realm;
    list_init(&realm->sessions);
    map_init(&realm->subscription_ids, &core->mem, patterns_max);
    map_init(&realm->registration_ids, &core->mem, patterns_max);
    route_init(&realm->topics, &core->mem);
    route_init(&realm->procedures, &core->mem);
    realm->subscriptions = realm_match_new(realm);
    realm->registrations = realm_match_new(realm);
    realm->claims = realm_match_new(realm);
    return realm_roles_init(realm) && realm->subscriptions != NULL &&
           realm->registrations != NULL && realm->claims != NULL;
}

void realm_fini(struct realm *realm)
{
    struct mem *mem = &realm->core->mem;
    check(list_empty(&realm->sessions));
    broker_fini(realm);
    dealer_fini(realm);
    match_free(realm->subscriptions);
    match_free(realm->registrations);
    match_free(realm->claims);
    map_fini(&realm->subscription_ids);
    map_fini(&realm->registration_ids);
    route_fini(&realm->topics);
    route_fini(&realm->procedures);
    for (size_t i = 0; i < realm->settings->roles_count && realm->roles != NULL; i++) {
        permit_free(realm->roles[i].permit);
    }
    mem_give(mem, realm->roles, realm->settings->roles_count * sizeof *realm->roles);
}

static bool realm_is_open_at(const struct listener_settings *listener, const char *name)
{
    if (listener->realms == NULL) {
        return true;
    }
    for (const char *const *open = listener->realms; *open != NULL; open++) {
        if (strcmp(*open, name) == 0) {
            return true;
        }
    }
    return false;
}

struct realm *realm_find(struct core *core, const struct listener_settings *listener,
                         struct bytes name)
{
    for (size_t i = 0; i < core->settings->realms_count; i++) {
        const char *own = core->settings->realms[i].name;
        if (bytes_equal_text(name, own)) {
            return realm_is_open_at(listener, own) ? &core->realms[i] : NULL;
        }
    }
    return NULL;
}

place_id realm_home(const struct realm *realm, enum match_kind kind, struct bytes uri)
{
    uint64_t hash = core_pattern_id(realm->core, realm, "home", kind, uri);
    return (place_id)(hash % realm->core->places);
}
