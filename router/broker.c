/* A subscription is in the realm's match while anybody wants it: sessions here (members), or other
 * places. The match's answers are cached by topic; every change of what is in the match makes the
 * cache forget. Nothing changes while an event is handed out: who overflows is only doomed. */
#include "router/broker.h"

#include "router/encode.h"

struct event {
    uint64_t publication;
    const struct session *skip; /* the publisher, if it is here and shall not hear itself */
    struct conn *source;        /* of a publisher that is here */
    enum serializer serializer;
    struct bytes topic;
    struct bytes args;
    struct bytes kwargs;
};

static struct bytes subscription_uri(const struct subscription *subscription)
{
    return bytes_make(subscription->uri, subscription->uri_size);
}

/* ---- subscriptions come and go */

static struct subscription *subscription_new(struct realm *realm, enum match_kind kind,
                                             struct bytes uri)
{
    struct core *core = realm->core;
    size_t size = sizeof(struct subscription) + uri.size;
    uint64_t id = core_pattern_id(core, realm, "sub", kind, uri);
    struct subscription *subscription = mem_take(&core->mem, size);
    if (subscription == NULL) {
        return NULL;
    }
    *subscription = (struct subscription){
        .realm = realm, .id = id, .kind = (uint8_t)kind, .uri_size = (uint16_t)uri.size};
    memcpy(subscription->uri, uri.at, uri.size);
    /* Two patterns with one id: one in 2^53. The later is refused. */
    if (map_get(&realm->subscription_ids, id) != NULL ||
        !map_put(&realm->subscription_ids, id, subscription)) {
        mem_give(&core->mem, subscription, size);
        return NULL;
    }
    if (!match_put(realm->subscriptions, kind, uri, subscription)) {
        map_take(&realm->subscription_ids, id);
        mem_give(&core->mem, subscription, size);
        return NULL;
    }
    route_forget(&realm->topics);
    core->gauges.subscriptions++;
    return subscription;
}

static void subscription_free(struct subscription *subscription)
{
    struct core *core = subscription->realm->core;
    check(subscription->count == 0);
    if (subscription->ticket != 0) {
        map_take(&core->tickets, subscription->ticket);
    }
    mem_give(&core->mem, subscription->members, subscription->room * sizeof *subscription->members);
    mem_give(&core->mem, subscription, sizeof *subscription + subscription->uri_size);
    core->gauges.subscriptions--;
}

/* Nobody here and nobody elsewhere: it goes. */
static void subscription_settle(struct subscription *subscription)
{
    struct realm *realm = subscription->realm;
    if (subscription->count > 0 || subscription->places != 0) {
        return;
    }
    struct bytes uri = subscription_uri(subscription);
    check(match_take(realm->subscriptions, (enum match_kind)subscription->kind, uri) ==
          subscription);
    check(map_take(&realm->subscription_ids, subscription->id) == subscription);
    route_forget(&realm->topics);
    subscription_free(subscription);
}

static void subscription_tell(struct subscription *subscription, enum note_kind kind)
{
    struct realm *realm = subscription->realm;
    struct note note = {.head = {.kind = (uint8_t)kind,
                                 .match = subscription->kind,
                                 .realm = realm->index,
                                 .ticket = subscription->ticket},
                        .uri = subscription_uri(subscription)};
    place_set others = realm->core->others;
    while (others != 0) {
        core_note_post(realm->core, place_pop(&others), &note, NULL);
    }
}

/* The first member here: every other place is told, and SUBSCRIBED waits for them all. */
static bool subscription_announce(struct subscription *subscription)
{
    struct core *core = subscription->realm->core;
    if (core->others == 0) {
        return true;
    }
    uint64_t ticket = ++core->ticket_last * 2;
    if (!map_put(&core->tickets, ticket, subscription)) {
        return false;
    }
    subscription->ticket = ticket;
    subscription->awaited = core->others;
    subscription_tell(subscription, NOTE_INTEREST_ADD);
    return true;
}

static void subscription_withdraw(struct subscription *subscription)
{
    struct core *core = subscription->realm->core;
    if (subscription->ticket != 0) {
        map_take(&core->tickets, subscription->ticket);
        subscription->ticket = 0;
        subscription->awaited = 0;
    }
    subscription_tell(subscription, NOTE_INTEREST_DEL);
}

/* ---- memberships */

/* One more SUBSCRIBE of the session waits for the places to take note. false: a limit. */
static bool membership_wait(struct membership *membership, uint64_t request)
{
    struct waiting *waiting = NULL;
    if (membership->waiting_count < WAITING_MAX) {
        waiting = mem_take(&membership->subscription->realm->core->mem, sizeof *waiting);
    }
    if (waiting == NULL) {
        return false;
    }
    waiting->request = request;
    list_push(&membership->waiting, &waiting->link);
    membership->subscription->pending++;
    membership->waiting_count++;
    return true;
}

/* The next SUBSCRIBE that waits; 0: none does. */
static uint64_t membership_waited(struct membership *membership)
{
    struct list *link = list_pop(&membership->waiting);
    if (link == NULL) {
        return 0;
    }
    struct waiting *waiting = container_of(link, struct waiting, link);
    uint64_t request = waiting->request;
    membership->subscription->pending--;
    membership->waiting_count--;
    mem_give(&membership->subscription->realm->core->mem, waiting, sizeof *waiting);
    return request;
}

static void membership_answer(struct membership *membership)
{
    uint64_t request;
    while ((request = membership_waited(membership)) != 0) {
        encode_ids(membership->session->conn, MESSAGE_SUBSCRIBED, 2, request,
                   membership->subscription->id);
        membership->answered = true;
    }
}

static bool members_reserve(struct subscription *subscription)
{
    if (subscription->count < subscription->room) {
        return true;
    }
    uint32_t room = subscription->room == 0 ? 1 : subscription->room * 2;
    struct member *members =
        mem_move(&subscription->realm->core->mem, subscription->members,
                 subscription->room * sizeof *members, subscription->count * sizeof *members,
                 room * sizeof *members);
    if (members == NULL) {
        return false;
    }
    subscription->members = members;
    subscription->room = room;
    return true;
}

static struct membership *membership_new(struct subscription *subscription, struct session *session)
{
    struct core *core = subscription->realm->core;
    struct membership *membership = mem_take(&core->mem, sizeof *membership);
    if (membership == NULL) {
        return NULL;
    }
    if (!members_reserve(subscription) ||
        !map_put(&session->subscriptions, subscription->id, membership)) {
        mem_give(&core->mem, membership, sizeof *membership);
        return NULL;
    }
    *membership = (struct membership){
        .subscription = subscription, .session = session, .index = subscription->count};
    list_init(&membership->waiting);
    subscription->members[subscription->count++] = (struct member){session, membership};
    core->gauges.subscribers++;
    return membership;
}

/* It has been taken out of its session's map. */
static void membership_free(struct membership *membership)
{
    struct subscription *subscription = membership->subscription;
    struct core *core = subscription->realm->core;
    struct member *last = &subscription->members[--subscription->count];
    subscription->members[membership->index] = *last;
    last->membership->index = membership->index;
    while (membership_waited(membership) != 0) {
    }
    mem_give(&core->mem, membership, sizeof *membership);
    core->gauges.subscribers--;
    if (subscription->count == 0) {
        subscription_withdraw(subscription);
        subscription_settle(subscription);
    }
}

static void subscribe_refuse(struct session *session, const struct message *message)
{
    session->conn->core->stats.quota_refusals++;
    session_error(session, MESSAGE_SUBSCRIBE, message->request, "clos.error.quota_exceeded",
                  "a limit on subscriptions is reached");
}

/* A new member of a pattern that may be new. false: a limit. */
static bool subscribe_join(struct session *session, const struct message *message)
{
    struct realm *realm = session->realm;
    struct subscription *subscription =
        match_get(realm->subscriptions, message->match, message->uri);
    if (subscription == NULL) {
        subscription = subscription_new(realm, message->match, message->uri);
        if (subscription == NULL) {
            return false;
        }
    }
    struct membership *membership = membership_new(subscription, session);
    if (membership == NULL) {
        subscription_settle(subscription);
        return false;
    }
    if (!membership_wait(membership, message->request) ||
        (subscription->count == 1 && !subscription_announce(subscription))) {
        map_take(&session->subscriptions, subscription->id);
        membership_free(membership);
        return false;
    }
    if (subscription->awaited == 0) {
        membership_answer(membership);
    }
    return true;
}

void broker_subscribe(struct session *session, const struct message *message)
{
    struct realm *realm = session->realm;
    if (!uri_pattern_valid(message->uri, message->match, realm->settings->uri_check)) {
        session_error(session, MESSAGE_SUBSCRIBE, message->request, "wamp.error.invalid_uri",
                      "not a valid topic pattern");
        return;
    }
    if (!permit_allows_pattern(session->role->permit, ACTION_SUBSCRIBE, message->match,
                               message->uri)) {
        session_error(session, MESSAGE_SUBSCRIBE, message->request, "wamp.error.not_authorized",
                      "subscribing to this is not allowed");
        return;
    }
    uint64_t id = core_pattern_id(realm->core, realm, "sub", message->match, message->uri);
    struct membership *membership = map_get(&session->subscriptions, id);
    if (membership == NULL) {
        if (!subscribe_join(session, message)) {
            subscribe_refuse(session, message);
        }
        return;
    }
    if (!membership_wait(membership, message->request)) {
        subscribe_refuse(session, message);
    } else if (membership->subscription->awaited == 0) {
        membership_answer(membership);
    }
}

void broker_unsubscribe(struct session *session, const struct message *message)
{
    struct membership *membership = map_take(&session->subscriptions, message->id);
    if (membership == NULL) {
        session_error(session, MESSAGE_UNSUBSCRIBE, message->request,
                      "wamp.error.no_such_subscription", "this session has no such subscription");
        return;
    }
    membership_answer(membership);
    membership_free(membership);
    encode_ids(session->conn, MESSAGE_UNSUBSCRIBED, 1, message->request, 0);
}

void broker_leave(struct session *session)
{
    struct membership *membership;
    while ((membership = map_pop_any(&session->subscriptions, NULL)) != NULL) {
        membership_free(membership);
    }
}

/* ---- publishing */

static void event_encode(struct encoding *encoding, const struct event *event,
                         const struct subscription *subscription, enum serializer serializer)
{
    struct writer writer;
    bool pattern = subscription->kind != MATCH_EXACT;
    encode_begin(encoding, subscription->realm->core, serializer, &writer);
    write_array(&writer, 4 + payload_count(event->args, event->kwargs));
    write_uint(&writer, MESSAGE_EVENT);
    write_uint(&writer, subscription->id);
    write_uint(&writer, event->publication);
    write_map(&writer, pattern ? 1 : 0);
    if (pattern) {
        write_string(&writer, BYTES_LITERAL("topic"));
        write_string(&writer, event->topic);
    }
    write_end(&writer);
    encode_payload(encoding, &writer, event->serializer, event->args, event->kwargs);
    encode_end(encoding);
}

/* A subscriber that reads, but not as fast as this publisher writes, slows it a little. */
static void event_press(const struct event *event, const struct conn *conn)
{
    const struct core *core = conn->core;
    const struct limits *limits = core->limits;
    bool crowded = conn->out.bytes > limits->out_hard_bytes / 4 * 3 ||
                   conn->out.messages > limits->out_hard_messages / 4 * 3;
    if (event->source != NULL && crowded && conn_reads(conn)) {
        conn_pause_publisher(event->source);
    }
}

static void event_deliver_to(const struct event *event, struct encoding *encoding,
                             struct conn *conn)
{
    struct stats *stats = &conn->core->stats;
    switch (encode_send(encoding, conn)) {
    case SENT:
        stats->events_delivered++;
        if (unlikely(conn->out.bytes > conn->core->limits->out_soft_bytes ||
                     conn->out.messages > conn->core->limits->out_hard_messages / 4 * 3)) {
            event_press(event, conn);
        }
        break;
    case SENT_FAILED:
        stats->events_untranscodable++;
        break;
    case SENT_OVERSIZED:
        stats->events_oversized++;
        break;
    case SENT_DOOMED:
        break;
    }
}

/* Whoever waits for SUBSCRIBED is not subscribed yet: an event that comes earlier is not for it.
 * (To send SUBSCRIBED early instead would say that all places have taken note when some have not.)
 */
static bool member_waits(const struct subscription *subscription, const struct member *member)
{
    return unlikely(subscription->pending > 0) && !list_empty(&member->membership->waiting) &&
           !member->membership->answered;
}

static void event_deliver(const struct event *event, struct subscription *subscription)
{
    struct encoding encodings[SERIALIZERS];
    bool made[SERIALIZERS] = {false};
    for (uint32_t i = 0; i < subscription->count; i++) {
        const struct member *member = &subscription->members[i];
        if (member->session == event->skip || member_waits(subscription, member)) {
            continue;
        }
        enum serializer serializer = member->session->conn->transport.serializer;
        if (!made[serializer]) {
            event_encode(&encodings[serializer], event, subscription, serializer);
            made[serializer] = true;
        }
        event_deliver_to(event, &encodings[serializer], member->session->conn);
    }
    for (size_t i = 0; i < SERIALIZERS; i++) {
        if (made[i]) {
            encode_done(&encodings[i]);
        }
    }
}

static void topic_gather(void *context, enum match_kind kind, void *value)
{
    (void)kind;
    buf_put(context, &value, sizeof value);
}

/* All subscriptions that match a topic; the answer is good until the next call. */
static size_t topic_match(struct realm *realm, struct bytes topic, void *const **matches)
{
    const struct route *route = route_find(&realm->topics, topic);
    if (likely(route != NULL)) {
        *matches = route->values;
        return route->count;
    }
    struct buf *buf = &realm->core->matches;
    buf_reset(buf);
    match_all(realm->subscriptions, topic, topic_gather, buf);
    *matches = (void *const *)(void *)buf->at;
    size_t count = buf->size / sizeof **matches;
    if (!uri_reserved(topic)) { /* what is kept may be published without another look */
        route_keep(&realm->topics, topic, *matches, count);
    }
    return count;
}

/* Hands an event to the members here; the places elsewhere that want it. */
static place_set event_hand_out(struct realm *realm, const struct event *event)
{
    void *const *matches;
    place_set places = 0;
    size_t count = topic_match(realm, event->topic, &matches);
    for (size_t i = 0; i < count; i++) {
        struct subscription *subscription = matches[i];
        places |= subscription->places;
        if (subscription->count > 0) {
            event_deliver(event, subscription);
        }
    }
    return places;
}

static void publish_post(struct session *session, const struct event *event, place_set places)
{
    struct note note = {.head = {.kind = NOTE_EVENT,
                                 .serializer = (uint8_t)event->serializer,
                                 .realm = session->realm->index,
                                 .id = event->publication,
                                 .session = session->id},
                        .uri = event->topic,
                        .args = event->args,
                        .kwargs = event->kwargs};
    while (places != 0) {
        core_note_post(session->conn->core, place_pop(&places), &note, session->conn);
    }
}

/* NULL: it may be published. */
static const char *publish_judge(struct session *session, struct bytes topic, const char **words)
{
    struct realm *realm = session->realm;
    bool known = route_find(&realm->topics, topic) != NULL;
    if (!known && (!uri_valid(topic, realm->settings->uri_check) || uri_reserved(topic))) {
        *words = "not a valid topic";
        return "wamp.error.invalid_uri";
    }
    if (!permit_allows(session->role->permit, ACTION_PUBLISH, topic)) {
        *words = "publishing to this is not allowed";
        return "wamp.error.not_authorized";
    }
    return NULL;
}

void broker_publish(struct session *session, const struct message *message)
{
    struct core *core = session->conn->core;
    const char *words = NULL;
    const char *error = publish_judge(session, message->uri, &words);
    if (unlikely(error != NULL)) {
        core->stats.publications_refused++;
        if (message->acknowledge) {
            session_error(session, MESSAGE_PUBLISH, message->request, error, words);
        }
        return;
    }
    struct event event = {
        .publication = rng_id(&core->rng),
        .skip = message->exclude_me ? session : NULL,
        .source = session->conn,
        .serializer = message->serializer,
        .topic = message->uri,
        .args = message->args,
        .kwargs = message->kwargs,
    };
    core->stats.publications++;
    place_set places = event_hand_out(session->realm, &event);
    if (places != 0) {
        publish_post(session, &event, places);
    }
    if (message->acknowledge) {
        encode_ids(session->conn, MESSAGE_PUBLISHED, 2, message->request, event.publication);
    }
}

/* ---- notes of other places */

void broker_event(struct realm *realm, place_id from, const struct note *note)
{
    (void)from;
    struct event event = {
        .publication = note->head.id,
        .serializer = (enum serializer)note->head.serializer,
        .topic = note->uri,
        .args = note->args,
        .kwargs = note->kwargs,
    };
    event_hand_out(realm, &event);
}

void broker_interest_add(struct realm *realm, place_id from, const struct note *note)
{
    enum match_kind kind = (enum match_kind)note->head.match;
    struct subscription *subscription = match_get(realm->subscriptions, kind, note->uri);
    if (subscription == NULL) {
        subscription = subscription_new(realm, kind, note->uri);
    }
    if (subscription != NULL) {
        subscription->places |= place_bit(from);
    } else {
        realm->core->stats.quota_refusals++;
    }
    struct note answer = {
        .head = {.kind = (uint8_t)(subscription != NULL ? NOTE_TAKEN : NOTE_REFUSED),
                 .realm = realm->index,
                 .ticket = note->head.ticket}};
    core_note_post(realm->core, from, &answer, NULL);
}

void broker_interest_del(struct realm *realm, place_id from, const struct note *note)
{
    struct subscription *subscription =
        match_get(realm->subscriptions, (enum match_kind)note->head.match, note->uri);
    if (subscription != NULL) {
        subscription->places &= ~place_bit(from);
        subscription_settle(subscription);
    }
}

void broker_taken(struct subscription *subscription, place_id from)
{
    subscription->awaited &= ~place_bit(from);
    if (subscription->awaited != 0) {
        return;
    }
    map_take(&subscription->realm->core->tickets, subscription->ticket);
    subscription->ticket = 0;
    for (uint32_t i = 0; i < subscription->count && subscription->pending > 0; i++) {
        membership_answer(subscription->members[i].membership);
    }
}

void broker_refused(struct subscription *subscription)
{
    for (uint32_t i = subscription->count; i > 0; i--) {
        struct membership *membership = subscription->members[i - 1].membership;
        struct session *session = membership->session;
        bool last = subscription->count == 1;
        uint64_t request = membership_waited(membership);
        if (request == 0) {
            continue; /* it had SUBSCRIBED before; only those that wait are refused */
        }
        do {
            session_error(session, MESSAGE_SUBSCRIBE, request, "clos.error.quota_exceeded",
                          "a limit on subscriptions is reached");
        } while ((request = membership_waited(membership)) != 0);
        map_take(&session->subscriptions, subscription->id);
        membership_free(membership);
        if (last) {
            return;
        }
    }
}

void broker_forget(struct subscription *subscription)
{
    subscription->ticket = 0;
}

static void fini_subscription(void *context, struct bytes uri, void *value)
{
    (void)uri;
    (void)context;
    subscription_free(value);
}

void broker_fini(struct realm *realm)
{
    for (int kind = 0; kind < MATCH_KINDS; kind++) {
        match_each(realm->subscriptions, (enum match_kind)kind, fini_subscription, NULL);
    }
}
