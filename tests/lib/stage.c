#include "tests/lib/stage.h"

#include "common/heap.h"

#include <stdlib.h>

static const char *const stage_paths[] = {"/ws", "/", NULL};

struct transport_options stage_transport_options(const struct limits *limits)
{
    return (struct transport_options){
        .websocket = true,
        .rawsocket = true,
        .serializers = 1 << SERIALIZER_JSON | 1 << SERIALIZER_MSGPACK | 1 << SERIALIZER_CBOR,
        .paths = stage_paths,
        .bytes_max = limits->message_bytes,
        .bytes_max_unwelcome = limits->message_unwelcome_bytes,
        .fragments_max = (uint32_t)limits->fragments_per_message,
        .pings_per_s = (uint32_t)limits->pings_per_s,
        .http_ns = limits->http_head_ms * NS_PER_MS,
        .rawsocket_ns = limits->rawsocket_handshake_ms * NS_PER_MS,
        .message_ns = limits->message_ms * NS_PER_MS,
        .close_ns = limits->close_ms * NS_PER_MS,
        .ping_ns = limits->ping_interval_ms * NS_PER_MS,
        .ping_rawsocket_ns = limits->ping_rawsocket_interval_ms * NS_PER_MS,
        .pings_missed_max = (uint32_t)limits->pings_missed,
        .rawsocket_length_min = 1024,
    };
}

static void stage_start(struct stage *stage, unsigned cores, uint64_t seed)
{
    stage->door = &stage->settings.listeners[0];
    stage->cores_count = cores;
    stage->now_ns = NS_PER_S;
    for (unsigned i = 0; i < cores; i++) {
        struct core_options options = {.settings = &stage->settings,
                                       .source = heap_source(),
                                       .seed = seed + i,
                                       .self = (place_id)i,
                                       .places = cores,
                                       .now_ns = stage->now_ns};
        check(core_init(&stage->cores[i], &options));
    }
}

void stage_init(struct stage *stage, unsigned cores, uint64_t seed, const struct limits *limits)
{
    check(cores >= 1 && cores <= STAGE_CORES);
    memset(stage, 0, sizeof *stage);
    stage->settings.limits = limits != NULL ? *limits : limits_default();
    stage->permission =
        (struct permission_settings){.uri = "", .match = MATCH_PREFIX, .allow = ACTION_ALL};
    stage->role = (struct role_settings){
        .name = "anonymous", .permissions = &stage->permission, .permissions_count = 1};
    stage->realm = (struct realm_settings){
        .name = "realm1", .roles = &stage->role, .roles_count = 1, .anonymous_role = "anonymous"};
    stage->listener = (struct listener_settings){
        .endpoint = "stage", .transport = stage_transport_options(&stage->settings.limits)};
    stage->settings.realms = &stage->realm;
    stage->settings.realms_count = 1;
    stage->settings.listeners = &stage->listener;
    stage->settings.listeners_count = 1;
    stage->settings.workers = cores;
    stage->settings.agent = "clos";
    stage_start(stage, cores, seed);
}

void stage_init_with(struct stage *stage, unsigned cores, uint64_t seed,
                     const struct settings *settings)
{
    check(cores >= 1 && cores <= STAGE_CORES);
    memset(stage, 0, sizeof *stage);
    stage->settings = *settings;
    stage->settings.workers = cores;
    stage_start(stage, cores, seed);
}

static void actor_close(struct actor *actor)
{
    if (actor->conn != NULL) {
        conn_release(actor->conn);
        actor->conn = NULL;
        actor->person->gone = true;
    }
}

void stage_fini(struct stage *stage)
{
    for (unsigned i = 0; i < stage->actors_count; i++) {
        actor_close(&stage->actors[i]);
    }
    stage->hold_parcels = false;
    stage_run(stage);
    static const struct gauges nothing;
    for (unsigned i = 0; i < stage->cores_count; i++) {
        check(memcmp(&stage->cores[i].gauges, &nothing, sizeof nothing) == 0);
        core_fini(&stage->cores[i]);
    }
}

unsigned stage_enter(struct stage *stage, struct person *person, unsigned core)
{
    check(stage->actors_count < STAGE_ACTORS && core < stage->cores_count);
    struct actor *actor = &stage->actors[stage->actors_count];
    actor->person = person;
    actor->conn = conn_open(&stage->cores[core], stage->door, NULL);
    if (actor->conn == NULL) {
        person->gone = true;
    }
    return stage->actors_count++;
}

void stage_leave(struct stage *stage, unsigned actor)
{
    actor_close(&stage->actors[actor]);
}

/* What the person wrote goes in; an exact copy, so that reading past its end is seen. */
static bool actor_feed(struct actor *actor)
{
    struct person *person = actor->person;
    bool moved = false;
    while (actor->conn != NULL && person->out.size > 0 && conn_wants_reading(actor->conn)) {
        size_t size = person->out.size;
        size = actor->split == 0 ? size : size_min(size, actor->split);
        uint8_t *copy = malloc(size);
        check(copy != NULL);
        memcpy(copy, person->out.at, size);
        person_sent(person, size);
        conn_receive(actor->conn, copy, size);
        free(copy);
        moved = true;
    }
    return moved;
}

static bool actor_flush(struct actor *actor)
{
    struct iovec vectors[8];
    bool moved = false;
    if (actor->conn == NULL || actor->deaf) {
        return false;
    }
    while (actor->conn->out.bytes > 0 && actor->conn->phase != CONN_CLOSING) {
        unsigned count = outq_gather(&actor->conn->out, vectors, array_count(vectors));
        size_t size = 0;
        for (unsigned i = 0; i < count; i++) {
            person_take(actor->person, vectors[i].iov_base, vectors[i].iov_len);
            size += vectors[i].iov_len;
        }
        conn_sent(actor->conn, size); /* which may drop what was gathered */
        moved = true;
    }
    return moved;
}

static bool stage_move_parcels(struct stage *stage)
{
    bool moved = false;
    for (unsigned from = 0; from < stage->cores_count && !stage->hold_parcels; from++) {
        for (unsigned to = 0; to < stage->cores_count; to++) {
            struct parcel *parcel;
            while ((parcel = lane_take(&stage->cores[from].lanes[to])) != NULL) {
                core_notes_receive(&stage->cores[to], (place_id)from,
                                   bytes_make(parcel->data, parcel->size));
                core_parcel_home(&stage->cores[from], (place_id)to, parcel);
                moved = true;
            }
        }
    }
    return moved;
}

static bool stage_turn(struct stage *stage)
{
    bool moved = false;
    for (unsigned i = 0; i < stage->cores_count; i++) {
        core_turn_begin(&stage->cores[i], stage->now_ns);
    }
    for (unsigned i = 0; i < stage->actors_count; i++) {
        moved = actor_feed(&stage->actors[i]) || moved;
    }
    for (unsigned i = 0; i < stage->cores_count; i++) {
        core_turn_end(&stage->cores[i]);
    }
    moved = stage_move_parcels(stage) || moved;
    for (unsigned i = 0; i < stage->cores_count; i++) {
        core_turn_end(&stage->cores[i]);
    }
    for (unsigned i = 0; i < stage->actors_count; i++) {
        struct actor *actor = &stage->actors[i];
        moved = actor_flush(actor) || moved;
        if (actor->conn != NULL && conn_is_done(actor->conn)) {
            actor_close(actor);
            moved = true;
        }
    }
    for (unsigned i = 0; i < stage->cores_count; i++) {
        while (list_pop(&stage->cores[i].dirty) != NULL) {
        }
    }
    return moved;
}

void stage_run(struct stage *stage)
{
    while (stage_turn(stage)) {
    }
}

void stage_wait(struct stage *stage, uint64_t ns)
{
    uint64_t until = stage->now_ns + ns;
    stage_run(stage);
    while (stage->now_ns < until) {
        uint64_t next = until;
        for (unsigned i = 0; i < stage->cores_count; i++) {
            uint64_t due = core_next_ns(&stage->cores[i]);
            next = due < next ? due : next;
        }
        stage->now_ns = next > stage->now_ns ? next : stage->now_ns + NS_PER_MS;
        stage->now_ns = stage->now_ns > until ? until : stage->now_ns;
        stage_run(stage);
    }
}
