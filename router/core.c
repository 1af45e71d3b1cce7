#include "router/core.h"

#include "common/crypto.h"
#include "router/broker.h"
#include "router/dealer.h"
#include "router/session.h"

enum {
    CORE_COUNT_MAX = 1 << 30, /* maps whose bound is another's */
    BODY_GROWTH = 4,          /* a transcoded payload may be longer than it came */
    BODY_HEAD_BYTES = 4096,   /* frame head, ids, a topic in Details */
};

static bool core_realms_init(struct core *core)
{
    size_t count = core->settings->realms_count;
    core->realms = mem_take_zero(&core->mem, count * sizeof *core->realms);
    if (core->realms == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!realm_init(&core->realms[i], core, i)) {
            return false;
        }
    }
    return true;
}

bool core_init(struct core *core, const struct core_options *options)
{
    const struct limits *limits = &options->settings->limits;
    check(options->places >= 1 && options->places <= PLACES_MAX);
    check(options->self < options->places && options->settings->realms_count > 0);
    *core = (struct core){
        .settings = options->settings,
        .limits = limits,
        .self = options->self,
        .places = options->places,
        .others = place_others(options->places, options->self),
        .now_ns = options->now_ns,
    };
    memcpy(core->hash_key, options->hash_key, sizeof core->hash_key);
    rng_init(&core->rng, options->seed);
    mem_init(&core->mem, options->source, limits->worker_memory_bytes);
    /* Sessions pause at half of place_bytes; what one turn can add beyond is far below the rest.
     * What a session held is told to all when it leaves, and nobody can be paused for that. */
    size_t lane_bytes = 4 * limits->place_bytes + limits->worker_memory_bytes;
    mem_init(&core->parcel_mem, options->source, (size_t)options->places * lane_bytes);
    list_init(&core->conns);
    list_init(&core->dirty);
    list_init(&core->doomed);
    timer_wheel_init(&core->timers, options->now_ns);
    map_init(&core->sessions, &core->mem, CORE_COUNT_MAX);
    map_init(&core->calls, &core->mem, CORE_COUNT_MAX);
    map_init(&core->errands, &core->mem, CORE_COUNT_MAX);
    map_init(&core->tickets, &core->mem, CORE_COUNT_MAX);
    message_reader_init(&core->reader, &core->mem, (unsigned)limits->depth_details,
                        (unsigned)limits->depth_payload);
    for (size_t i = 0; i < SERIALIZERS; i++) {
        buf_init(&core->bodies[i], &core->mem,
                 BODY_GROWTH * limits->message_bytes + BODY_HEAD_BYTES);
    }
    buf_init(&core->matches, &core->mem, (size_t)CORE_COUNT_MAX);
    for (unsigned i = 0; i < core->places; i++) {
        lane_init(&core->lanes[i], &core->parcel_mem, core->self);
    }
    return core_realms_init(core);
}

void core_fini(struct core *core)
{
    list_for_each_safe(node, &core->conns)
    {
        conn_release(container_of(node, struct conn, in_core));
    }
    uint64_t ticket;
    void *owner;
    while ((owner = map_pop_any(&core->tickets, &ticket)) != NULL) {
        if (ticket % 2 == 1) { /* the home will not answer any more */
            dealer_forget(owner);
        } else {
            broker_forget(owner);
        }
    }
    for (uint32_t i = 0; i < core->settings->realms_count; i++) {
        realm_fini(&core->realms[i]);
    }
    mem_give(&core->mem, core->realms, core->settings->realms_count * sizeof *core->realms);
    for (unsigned i = 0; i < core->places; i++) {
        lane_seal(&core->lanes[i]);
        struct parcel *parcel;
        while ((parcel = lane_take(&core->lanes[i])) != NULL) {
            lane_home(&core->lanes[i], parcel);
        }
        check(core->lanes[i].bytes == 0);
    }
    map_fini(&core->sessions);
    map_fini(&core->calls);
    map_fini(&core->errands);
    map_fini(&core->tickets);
    message_reader_fini(&core->reader);
    for (size_t i = 0; i < SERIALIZERS; i++) {
        buf_fini(&core->bodies[i]);
    }
    buf_fini(&core->matches);
    mem_fini(&core->mem);
    mem_fini(&core->parcel_mem);
}

void core_turn_begin(struct core *core, uint64_t now_ns)
{
    check(now_ns >= core->now_ns);
    core->now_ns = now_ns;
}

void core_turn_end(struct core *core)
{
    struct list due;
    list_init(&due);
    timer_wheel_expire(&core->timers, core->now_ns, &due);
    struct list *node;
    while ((node = list_pop(&due)) != NULL) {
        conn_expire(container_of(container_of(node, struct timer, node), struct conn, timer));
    }
    if (unlikely(core->mem.bytes_used > core->mem.bytes_max / 4 * 3)) {
        conn_relieve(core); /* before somebody is refused who has done nothing */
    }
    conn_end_doomed(core);
    list_for_each(dirty, &core->dirty)
    {
        conn_schedule(container_of(dirty, struct conn, in_dirty));
    }
    for (unsigned i = 0; i < core->places; i++) {
        lane_seal(&core->lanes[i]);
    }
}

uint64_t core_next_ns(struct core *core)
{
    return timer_wheel_next(&core->timers);
}

/* Even tickets are a subscription's, odd ones an endpoint's. Unknown: withdrawn meanwhile. */
static void core_ticket_answered(struct core *core, place_id from, const struct note_head *head)
{
    void *owner = map_get(&core->tickets, head->ticket);
    bool taken = head->kind == NOTE_TAKEN;
    if (owner == NULL) {
        return;
    }
    if (head->ticket % 2 == 0) {
        taken ? broker_taken(owner, from) : broker_refused(owner);
    } else {
        taken ? dealer_taken(owner, from) : dealer_refused(owner);
    }
}

void core_notes_receive(struct core *core, place_id from, struct bytes notes)
{
    check(from < core->places && from != core->self);
    while (notes.size > 0) {
        struct note note;
        size_t size = note_read(notes, &note);
        check(note.head.realm < core->settings->realms_count);
        struct realm *realm = &core->realms[note.head.realm];
        core->stats.notes_received++;
        switch ((enum note_kind)note.head.kind) {
        case NOTE_INTEREST_ADD:
            broker_interest_add(realm, from, &note);
            break;
        case NOTE_INTEREST_DEL:
            broker_interest_del(realm, from, &note);
            break;
        case NOTE_EVENT:
            broker_event(realm, from, &note);
            break;
        case NOTE_TAKEN:
        case NOTE_REFUSED:
            core_ticket_answered(core, from, &note.head);
            break;
        case NOTE_CLAIM:
        case NOTE_GRANT:
        case NOTE_DENY:
        case NOTE_RELEASE:
        case NOTE_ENDPOINT_ADD:
        case NOTE_ENDPOINT_DEL:
        case NOTE_CALL:
        case NOTE_RESULT:
        case NOTE_ERROR:
        case NOTE_ABANDON:
            dealer_note(realm, from, &note);
            break;
        }
        notes = bytes_from(notes, size);
    }
}

void core_note_post(struct core *core, place_id to, const struct note *note, struct conn *source)
{
    struct lane *lane = &core->lanes[to];
    bool put = lane_put(lane, note);
    check(put); /* parcel_mem is sized so that pausing the sources comes first */
    core->stats.notes_sent++;
    if (unlikely(lane->bytes > core->limits->place_bytes / 2)) {
        core->lanes_full |= place_bit(to);
        if (source != NULL) {
            conn_wait_lane(source, to);
        }
    }
}

void core_parcel_home(struct core *core, place_id from, struct parcel *parcel)
{
    struct lane *lane = &core->lanes[from];
    lane_home(lane, parcel);
    if (unlikely((core->lanes_full & place_bit(from)) != 0) &&
        lane->bytes <= core->limits->place_bytes / 4) {
        core->lanes_full &= ~place_bit(from);
        conn_lane_has_room(core, from);
    }
}

void core_drain(struct core *core)
{
    core->draining = true;
    list_for_each(node, &core->conns)
    {
        struct conn *conn = container_of(node, struct conn, in_core);
        if (conn->session != NULL) {
            session_goodbye(conn->session, "wamp.close.system_shutdown");
        } else {
            conn_finish(conn, 1001);
        }
    }
}

uint64_t core_pattern_id(const struct core *core, const struct realm *realm, const char *what,
                         enum match_kind kind, struct bytes uri)
{
    uint8_t text[URI_OCTETS_MAX + 32];
    size_t what_size = strlen(what);
    check(what_size < 16 && uri.size <= URI_OCTETS_MAX);
    memcpy(text, what, what_size);
    text[what_size] = (uint8_t)kind;
    memcpy(text + what_size + 1, &realm->index, sizeof realm->index);
    size_t size = what_size + 1 + sizeof realm->index;
    if (uri.size > 0) {
        memcpy(text + size, uri.at, uri.size);
    }
    return (crypto_siphash(core->hash_key, bytes_make(text, size + uri.size)) >> 11) + 1;
}
