/* The home of a pattern counts who holds it (struct claim) and numbers its callees; everybody else
 * only keeps the table of callees that announcements make. A callee that was released and one that
 * was granted after it may be announced in the wrong order to a third place: the higher order is
 * the newer, so policy single calls the last, and the newest policy stands. */
#include "router/register.h"

#include "router/encode.h"

static struct bytes registration_uri(const struct registration *registration)
{
    return bytes_make(registration->uri, registration->uri_size);
}

static struct bytes endpoint_uri(const struct endpoint *endpoint)
{
    return bytes_make(endpoint->uri, endpoint->uri_size);
}

static uint64_t registration_id(const struct realm *realm, enum match_kind kind, struct bytes uri)
{
    return core_pattern_id(realm->core, realm, "reg", kind, uri);
}

/* ---- the table of callees */

static struct registration *registration_new(struct realm *realm, enum match_kind kind,
                                             struct bytes uri)
{
    struct core *core = realm->core;
    size_t size = sizeof(struct registration) + uri.size;
    uint64_t id = registration_id(realm, kind, uri);
    struct registration *registration = mem_take(&core->mem, size);
    if (registration == NULL) {
        return NULL;
    }
    *registration = (struct registration){
        .realm = realm, .id = id, .kind = (uint8_t)kind, .uri_size = (uint16_t)uri.size};
    memcpy(registration->uri, uri.at, uri.size);
    if (map_get(&realm->registration_ids, id) != NULL ||
        !map_put(&realm->registration_ids, id, registration)) {
        mem_give(&core->mem, registration, size);
        return NULL;
    }
    if (!match_put(realm->registrations, kind, uri, registration)) {
        map_take(&realm->registration_ids, id);
        mem_give(&core->mem, registration, size);
        return NULL;
    }
    route_forget(&realm->procedures);
    core->gauges.registrations++;
    return registration;
}

static void registration_free(struct registration *registration)
{
    struct core *core = registration->realm->core;
    core->gauges.callees -= registration->count;
    core->gauges.registrations--;
    mem_give(&core->mem, registration->callees, registration->room * sizeof *registration->callees);
    mem_give(&core->mem, registration, sizeof *registration + registration->uri_size);
}

static void registration_settle(struct registration *registration)
{
    struct realm *realm = registration->realm;
    if (registration->count > 0) {
        return;
    }
    enum match_kind kind = (enum match_kind)registration->kind;
    check(match_take(realm->registrations, kind, registration_uri(registration)) == registration);
    check(map_take(&realm->registration_ids, registration->id) == registration);
    route_forget(&realm->procedures);
    registration_free(registration);
}

static bool callees_reserve(struct registration *registration)
{
    if (registration->count < registration->room) {
        return true;
    }
    uint32_t room = registration->room == 0 ? 1 : registration->room * 2;
    struct callee *callees =
        mem_move(&registration->realm->core->mem, registration->callees,
                 registration->room * sizeof *callees, registration->count * sizeof *callees,
                 room * sizeof *callees);
    if (callees == NULL) {
        return false;
    }
    registration->callees = callees;
    registration->room = room;
    return true;
}

/* Puts a callee where its order says. NULL: a limit. */
static struct registration *callee_add(struct realm *realm, enum match_kind kind, struct bytes uri,
                                       enum invoke_policy policy, const struct callee *callee)
{
    struct registration *registration = match_get(realm->registrations, kind, uri);
    if (registration == NULL) {
        registration = registration_new(realm, kind, uri);
    }
    if (registration == NULL || !callees_reserve(registration)) {
        if (registration != NULL) {
            registration_settle(registration);
        }
        return NULL;
    }
    uint32_t at = registration->count;
    while (at > 0 && registration->callees[at - 1].order > callee->order) {
        registration->callees[at] = registration->callees[at - 1];
        at--;
    }
    registration->callees[at] = *callee;
    if (at == registration->count) {
        registration->policy = policy;
    }
    registration->count++;
    realm->core->gauges.callees++;
    return registration;
}

static void callee_remove(struct registration *registration, place_id place, uint64_t session)
{
    for (uint32_t i = 0; i < registration->count; i++) {
        struct callee *callee = &registration->callees[i];
        if (callee->session == session && callee->place == place) {
            memmove(callee, callee + 1, (registration->count - i - 1) * sizeof *callee);
            registration->count--;
            registration->realm->core->gauges.callees--;
            if (registration->next > i) {
                registration->next--;
            }
            break;
        }
    }
    registration_settle(registration);
}

struct callee *registration_choose(struct registration *registration)
{
    uint32_t count = registration->count;
    check(count > 0);
    switch (registration->policy) {
    case INVOKE_FIRST:
        return &registration->callees[0];
    case INVOKE_SINGLE:
    case INVOKE_LAST:
        return &registration->callees[count - 1];
    case INVOKE_RANDOM:
        return &registration->callees[rng_below(&registration->realm->core->rng, count)];
    case INVOKE_ROUNDROBIN:
        registration->next = registration->next >= count ? 0 : registration->next;
        return &registration->callees[registration->next++];
    }
    check(false);
    return NULL;
}

struct registration *registration_find(struct realm *realm, struct bytes procedure)
{
    const struct route *route = route_find(&realm->procedures, procedure);
    if (likely(route != NULL)) {
        return route->count == 0 ? NULL : route->values[0];
    }
    void *found = match_best(realm->registrations, procedure, NULL);
    route_keep(&realm->procedures, procedure, &found, found == NULL ? 0 : 1);
    return found;
}

/* ---- claims, at the home */

static bool claim_take(struct realm *realm, enum match_kind kind, struct bytes uri,
                       enum invoke_policy policy, uint64_t *order)
{
    struct core *core = realm->core;
    struct claim *claim = match_get(realm->claims, kind, uri);
    if (claim != NULL && (policy == INVOKE_SINGLE || policy != claim->policy)) {
        return false;
    }
    if (claim == NULL) {
        claim = mem_take_zero(&core->mem, sizeof *claim);
        if (claim == NULL) {
            return false;
        }
        claim->policy = policy;
        if (!match_put(realm->claims, kind, uri, claim)) {
            mem_give(&core->mem, claim, sizeof *claim);
            return false;
        }
    }
    claim->count++;
    core->gauges.claims++;
    *order = ++core->order_last;
    return true;
}

static void claim_release(struct realm *realm, enum match_kind kind, struct bytes uri)
{
    struct core *core = realm->core;
    struct claim *claim = match_get(realm->claims, kind, uri);
    check(claim != NULL && claim->count > 0);
    core->gauges.claims--;
    if (--claim->count == 0) {
        match_take(realm->claims, kind, uri);
        mem_give(&core->mem, claim, sizeof *claim);
    }
}

/* ---- endpoints of sessions here */

static struct note endpoint_note(const struct endpoint *endpoint, enum note_kind kind)
{
    return (struct note){.head = {.kind = (uint8_t)kind,
                                  .match = endpoint->kind,
                                  .policy = (uint8_t)endpoint->policy,
                                  .realm = endpoint->realm->index,
                                  .session = endpoint->session_id,
                                  .ticket = endpoint->ticket,
                                  .order = endpoint->order},
                         .uri = endpoint_uri(endpoint)};
}

static void endpoint_tell(const struct endpoint *endpoint, enum note_kind kind)
{
    struct core *core = endpoint->realm->core;
    struct note note = endpoint_note(endpoint, kind);
    place_set others = core->others;
    while (others != 0) {
        core_note_post(core, place_pop(&others), &note, NULL);
    }
}

static void endpoint_release(const struct endpoint *endpoint)
{
    struct realm *realm = endpoint->realm;
    enum match_kind kind = (enum match_kind)endpoint->kind;
    place_id home = realm_home(realm, kind, endpoint_uri(endpoint));
    if (home == realm->core->self) {
        claim_release(realm, kind, endpoint_uri(endpoint));
    } else {
        struct note note = endpoint_note(endpoint, NOTE_RELEASE);
        core_note_post(realm->core, home, &note, NULL);
    }
}

static void endpoint_free(struct endpoint *endpoint)
{
    struct core *core = endpoint->realm->core;
    if (endpoint->ticket != 0) {
        map_take(&core->tickets, endpoint->ticket);
    }
    list_remove(&endpoint->in_session);
    mem_give(&core->mem, endpoint, sizeof *endpoint + endpoint->uri_size);
}

/* It is in no session's map any more: everybody is told. */
static void endpoint_withdraw(struct endpoint *endpoint)
{
    struct registration *registration = endpoint->registration;
    endpoint_tell(endpoint, NOTE_ENDPOINT_DEL);
    endpoint_release(endpoint);
    callee_remove(registration, endpoint->realm->core->self, endpoint->session_id);
    endpoint_free(endpoint);
}

void endpoint_answer(struct endpoint *endpoint)
{
    if (endpoint->state == ENDPOINT_ANNOUNCED) {
        endpoint->state = ENDPOINT_REGISTERED;
        encode_ids(endpoint->session->conn, MESSAGE_REGISTERED, 2, endpoint->request,
                   endpoint->registration->id);
    }
}

/* Every place has taken note. */
static void endpoint_settle(struct endpoint *endpoint)
{
    map_take(&endpoint->realm->core->tickets, endpoint->ticket);
    endpoint->ticket = 0;
    endpoint_answer(endpoint);
}

static void endpoint_refuse(struct endpoint *endpoint, const char *uri, const char *words)
{
    session_error(endpoint->session, MESSAGE_REGISTER, endpoint->request, uri, words);
    endpoint_free(endpoint);
}

static void endpoint_refuse_limit(struct endpoint *endpoint)
{
    endpoint->realm->core->stats.quota_refusals++;
    endpoint_refuse(endpoint, "clos.error.quota_exceeded", "a limit on registrations is reached");
}

/* The home said yes: the table here, then every other place. */
static void endpoint_granted(struct endpoint *endpoint, uint64_t order)
{
    struct realm *realm = endpoint->realm;
    struct core *core = realm->core;
    enum match_kind kind = (enum match_kind)endpoint->kind;
    struct bytes uri = endpoint_uri(endpoint);
    endpoint->order = order;
    if (endpoint->session == NULL) { /* it left meanwhile */
        endpoint_release(endpoint);
        endpoint_free(endpoint);
        return;
    }
    uint64_t id = registration_id(realm, kind, uri);
    if (map_get(&endpoint->session->registrations, id) != NULL) { /* it asked twice */
        endpoint_release(endpoint);
        encode_ids(endpoint->session->conn, MESSAGE_REGISTERED, 2, endpoint->request, id);
        endpoint_free(endpoint);
        return;
    }
    struct callee callee = {
        .order = order, .session = endpoint->session_id, .endpoint = endpoint, .place = core->self};
    endpoint->registration = callee_add(realm, kind, uri, endpoint->policy, &callee);
    if (endpoint->registration == NULL) {
        endpoint_release(endpoint);
        endpoint_refuse_limit(endpoint);
        return;
    }
    if (!map_put(&endpoint->session->registrations, id, endpoint)) {
        endpoint_release(endpoint);
        callee_remove(endpoint->registration, core->self, endpoint->session_id);
        endpoint_refuse_limit(endpoint);
        return;
    }
    list_remove(&endpoint->in_session);
    endpoint->state = ENDPOINT_ANNOUNCED;
    endpoint->awaited = core->others;
    endpoint_tell(endpoint, NOTE_ENDPOINT_ADD);
    if (endpoint->awaited == 0) {
        endpoint_settle(endpoint);
    }
}

static void endpoint_denied(struct endpoint *endpoint)
{
    if (endpoint->session == NULL) {
        endpoint_free(endpoint);
    } else {
        endpoint_refuse(endpoint, "wamp.error.procedure_already_exists",
                        "registered by another, or with another policy");
    }
}

static void endpoint_claim(struct endpoint *endpoint)
{
    struct realm *realm = endpoint->realm;
    enum match_kind kind = (enum match_kind)endpoint->kind;
    place_id home = realm_home(realm, kind, endpoint_uri(endpoint));
    if (home != realm->core->self) {
        struct note note = endpoint_note(endpoint, NOTE_CLAIM);
        core_note_post(realm->core, home, &note, NULL);
        return;
    }
    uint64_t order;
    if (claim_take(realm, kind, endpoint_uri(endpoint), endpoint->policy, &order)) {
        endpoint_granted(endpoint, order);
    } else {
        endpoint_denied(endpoint);
    }
}

static struct endpoint *endpoint_new(struct session *session, const struct message *message)
{
    struct core *core = session->conn->core;
    struct endpoint *endpoint = mem_take(&core->mem, sizeof *endpoint + message->uri.size);
    if (endpoint == NULL) {
        return NULL;
    }
    *endpoint = (struct endpoint){.session = session,
                                  .session_id = session->id,
                                  .realm = session->realm,
                                  .request = message->request,
                                  .ticket = ++core->ticket_last * 2 + 1,
                                  .policy = message->invoke,
                                  .kind = (uint8_t)message->match,
                                  .uri_size = (uint16_t)message->uri.size};
    memcpy(endpoint->uri, message->uri.at, message->uri.size);
    list_init(&endpoint->in_session);
    if (!map_put(&core->tickets, endpoint->ticket, endpoint)) {
        mem_give(&core->mem, endpoint, sizeof *endpoint + endpoint->uri_size);
        return NULL;
    }
    list_push(&session->announcing, &endpoint->in_session);
    return endpoint;
}

/* ---- requests */

void dealer_register(struct session *session, const struct message *message)
{
    struct realm *realm = session->realm;
    if (!uri_pattern_valid(message->uri, message->match, realm->settings->uri_check) ||
        uri_reserved(message->uri)) {
        session_error(session, MESSAGE_REGISTER, message->request, "wamp.error.invalid_uri",
                      "not a valid procedure pattern");
        return;
    }
    if (!permit_allows_pattern(session->role->permit, ACTION_REGISTER, message->match,
                               message->uri)) {
        session_error(session, MESSAGE_REGISTER, message->request, "wamp.error.not_authorized",
                      "registering this is not allowed");
        return;
    }
    uint64_t id = registration_id(realm, message->match, message->uri);
    const struct endpoint *held = map_get(&session->registrations, id);
    if (held != NULL && held->policy == message->invoke && held->policy != INVOKE_SINGLE &&
        held->state == ENDPOINT_REGISTERED) {
        encode_ids(session->conn, MESSAGE_REGISTERED, 2, message->request, id);
        return;
    }
    struct endpoint *endpoint = endpoint_new(session, message);
    if (endpoint == NULL) {
        realm->core->stats.quota_refusals++;
        session_error(session, MESSAGE_REGISTER, message->request, "clos.error.quota_exceeded",
                      "a limit on registrations is reached");
        return;
    }
    endpoint_claim(endpoint);
}

void dealer_unregister(struct session *session, const struct message *message)
{
    struct endpoint *endpoint = map_take(&session->registrations, message->id);
    if (endpoint == NULL) {
        session_error(session, MESSAGE_UNREGISTER, message->request,
                      "wamp.error.no_such_registration", "this session has no such registration");
        return;
    }
    endpoint_answer(endpoint);
    endpoint_withdraw(endpoint);
    encode_ids(session->conn, MESSAGE_UNREGISTERED, 1, message->request, 0);
}

void register_leave(struct session *session)
{
    struct endpoint *endpoint;
    while ((endpoint = map_pop_any(&session->registrations, NULL)) != NULL) {
        endpoint_withdraw(endpoint);
    }
    struct list *node;
    while ((node = list_pop(&session->announcing)) != NULL) {
        container_of(node, struct endpoint, in_session)->session = NULL; /* the home will answer */
    }
}

/* ---- notes of other places */

void dealer_taken(struct endpoint *endpoint, place_id from)
{
    endpoint->awaited &= ~place_bit(from);
    if (endpoint->awaited == 0) {
        endpoint_settle(endpoint);
    }
}

void dealer_refused(struct endpoint *endpoint)
{
    if (endpoint->state != ENDPOINT_ANNOUNCED) {
        return;
    }
    endpoint->realm->core->stats.quota_refusals++;
    session_error(endpoint->session, MESSAGE_REGISTER, endpoint->request,
                  "clos.error.quota_exceeded", "a limit on registrations is reached");
    map_take(&endpoint->session->registrations, endpoint->registration->id);
    endpoint_withdraw(endpoint);
}

static void register_note_claim(struct realm *realm, place_id from, const struct note *note)
{
    struct note answer = {.head = {.realm = realm->index, .ticket = note->head.ticket}};
    bool granted = claim_take(realm, (enum match_kind)note->head.match, note->uri,
                              (enum invoke_policy)note->head.policy, &answer.head.order);
    answer.head.kind = (uint8_t)(granted ? NOTE_GRANT : NOTE_DENY);
    core_note_post(realm->core, from, &answer, NULL);
}

static void register_note_endpoint_add(struct realm *realm, place_id from, const struct note *note)
{
    struct callee callee = {
        .order = note->head.order, .session = note->head.session, .place = from};
    bool taken = callee_add(realm, (enum match_kind)note->head.match, note->uri,
                            (enum invoke_policy)note->head.policy, &callee) != NULL;
    struct note answer = {.head = {.kind = (uint8_t)(taken ? NOTE_TAKEN : NOTE_REFUSED),
                                   .realm = realm->index,
                                   .ticket = note->head.ticket}};
    core_note_post(realm->core, from, &answer, NULL);
}

void register_note(struct realm *realm, place_id from, const struct note *note)
{
    enum match_kind kind = (enum match_kind)note->head.match;
    struct registration *registration;
    struct endpoint *endpoint;
    if (note->head.kind == NOTE_CLAIM) {
        register_note_claim(realm, from, note);
    } else if (note->head.kind == NOTE_RELEASE) {
        claim_release(realm, kind, note->uri);
    } else if (note->head.kind == NOTE_ENDPOINT_ADD) {
        register_note_endpoint_add(realm, from, note);
    } else if (note->head.kind == NOTE_ENDPOINT_DEL) {
        registration = match_get(realm->registrations, kind, note->uri);
        if (registration != NULL) { /* it may have been refused here */
            callee_remove(registration, from, note->head.session);
        }
    } else {
        endpoint = map_get(&realm->core->tickets, note->head.ticket);
        check(endpoint != NULL && endpoint->state == ENDPOINT_CLAIMED);
        if (note->head.kind == NOTE_GRANT) {
            endpoint_granted(endpoint, note->head.order);
        } else {
            endpoint_denied(endpoint);
        }
    }
}

void dealer_forget(struct endpoint *endpoint)
{
    endpoint->ticket = 0;
    endpoint_free(endpoint);
}

static void fini_registration(void *context, struct bytes uri, void *value)
{
    (void)context;
    (void)uri;
    registration_free(value);
}

static void fini_claim(void *context, struct bytes uri, void *value)
{
    (void)uri;
    struct core *core = context;
    struct claim *claim = value;
    core->gauges.claims -= claim->count;
    mem_give(&core->mem, claim, sizeof *claim);
}

void dealer_fini(struct realm *realm)
{
    for (int kind = 0; kind < MATCH_KINDS; kind++) {
        match_each(realm->registrations, (enum match_kind)kind, fini_registration, NULL);
        match_each(realm->claims, (enum match_kind)kind, fini_claim, realm->core);
    }
}
