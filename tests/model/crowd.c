/* What the people of a crowd do. */
#include "tests/model/crowd.h"

#include "tests/sim/sim_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *const crowd_procedures[CROWD_PROCEDURES] = {"p.one", "p.two", "p.a.x", "p.b.x", "q"};
const struct crowd_pattern crowd_patterns[CROWD_PATTERNS] = {
    {"p.one", "exact", 1 << 0, "single"},
    {"p.two", "exact", 1 << 1, "roundrobin"},
    {"p.", "prefix", 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3, "roundrobin"},
    {"..x", "wildcard", 1 << 2 | 1 << 3, "last"},
};

static const char hello[] = "[1,\"realm1\",{\"roles\":{\"publisher\":{},\"subscriber\":{},"
                            "\"caller\":{},\"callee\":{}}}]";

void crowd_init(struct crowd *crowd, unsigned cores, uint64_t seed, const struct limits *limits)
{
    memset(crowd, 0, sizeof *crowd);
    stage_init(&crowd->stage, cores, seed, limits);
    crowd->quiet = true;
}

static void say(struct crowd *crowd, struct seat *seat, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct crowd *crowd, struct seat *seat, const char *format, ...)
{
    char text[8192];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    check(size > 0 && (size_t)size < sizeof text);
    if (crowd->loud) {
        fprintf(stderr, "%u says %.200s\n", seat->uid, text);
    }
    person_say(&seat->person, text);
    crowd->quiet = false;
}

static struct crowd_request *request_new(struct seat *seat, enum crowd_want want, uint32_t what)
{
    struct crowd_request *request = &seat->requests[++seat->request];
    *request = (struct crowd_request){.want = want, .what = what};
    return request;
}

static bool may_ask(const struct seat *seat)
{
    return seat->state == SEAT_JOINED && seat->request + 1 < CROWD_REQUESTS;
}

static void life_begin(struct crowd *crowd, struct seat *seat)
{
    struct person person = seat->person;
    unsigned actor = seat->actor;
    unsigned core = seat->core;
    memset(seat, 0, sizeof *seat);
    seat->person = person;
    seat->actor = actor;
    seat->core = core;
    seat->uid = ++crowd->lives;
    seat->state = SEAT_JOINING;
    if ((crowd->drained & place_bit((place_id)core)) != 0) {
        seat->state = SEAT_WILD;
    }
    say(crowd, seat, "%s", hello);
}

void crowd_join(struct crowd *crowd, struct seat *seat, unsigned arg)
{
    static const enum framing framings[] = {FRAMING_RAWSOCKET, FRAMING_WEBSOCKET};
    static const size_t splits[] = {0, 0, 13, 200};
    if (crowd->lives + 1 >= CROWD_LIVES ||
        (seat->state != SEAT_EMPTY && (seat->state != SEAT_OVER || seat->person.gone))) {
        return;
    }
    if (seat->state == SEAT_EMPTY) {
        person_init(&seat->person, framings[arg & 1],
                    (enum serializer)(SERIALIZER_JSON + (arg >> 1 & 3) % 3));
        seat->core = (arg >> 3 & 3) % crowd->stage.cores_count;
        seat->actor = stage_enter(&crowd->stage, &seat->person, seat->core);
        crowd->stage.actors[seat->actor].split = splits[arg >> 5 & 3];
    }
    life_begin(crowd, seat);
}

void crowd_subscribe(struct crowd *crowd, struct seat *seat, unsigned arg)
{
    uint32_t pattern = arg % SIM_PATTERNS;
    unsigned used = 0;
    enum crowd_want want = CROWD_SUBSCRIBED;
    if (!may_ask(seat)) {
        return;
    }
    for (unsigned i = 0; i < CROWD_SPANS; i++) {
        const struct crowd_span *span = &seat->spans[i];
        used += span->id != 0;
        if (span->id != 0 && span->pattern == pattern) {
            want = CROWD_SUBSCRIBED_AGAIN;
            if (span->to != UINT64_MAX) {
                return;
            }
        }
    }
    for (unsigned i = 1; i <= seat->request; i++) {
        used += seat->requests[i].want == CROWD_SUBSCRIBED;
        if (seat->requests[i].want == CROWD_SUBSCRIBED && seat->requests[i].what == pattern) {
            return;
        }
    }
    if (used >= CROWD_SPANS && want == CROWD_SUBSCRIBED) {
        return;
    }
    request_new(seat, want, pattern);
    say(crowd, seat, "[32,%llu,{\"match\":\"%s\"},\"%s\"]", (unsigned long long)seat->request,
        sim_patterns[pattern].match, sim_patterns[pattern].uri);
}

void crowd_unsubscribe(struct crowd *crowd, struct seat *seat, unsigned arg)
{
    uint32_t i = arg % CROWD_SPANS;
    struct crowd_span *span = &seat->spans[i];
    if (!may_ask(seat) || span->id == 0 || span->to != UINT64_MAX) {
        return;
    }
    span->to = crowd->publications_count;
    request_new(seat, CROWD_UNSUBSCRIBED, i);
    say(crowd, seat, "[34,%llu,%llu]", (unsigned long long)seat->request,
        (unsigned long long)span->id);
}

void crowd_publish(struct crowd *crowd, struct seat *seat, unsigned arg)
{
    static const size_t sizes[] = {0, 10, 200, 5000};
    if (!may_ask(seat) || crowd->publications_count == CROWD_PUBLICATIONS) {
        return;
    }
    struct crowd_publication *publication = &crowd->publications[crowd->publications_count];
    *publication = (struct crowd_publication){.uid = seat->uid,
                                              .topic = arg % SIM_TOPICS,
                                              .number = ++seat->published,
                                              .to_self = (arg & 8) != 0};
    bool acknowledge = (arg & 16) != 0;
    request_new(seat, acknowledge ? CROWD_PUBLISHED : CROWD_NOTHING, 0);
    char filling[5001];
    size_t size = sizes[arg >> 6 & 3];
    memset(filling, 'x', size);
    filling[size] = '\0';
    say(crowd, seat,
        "[16,%llu,{\"acknowledge\":%s,\"exclude_me\":%s},\"%s\",[%u,%llu,%llu],{\"f\":\"%s\"}]",
        (unsigned long long)seat->request, acknowledge ? "true" : "false",
        publication->to_self ? "false" : "true", sim_topics[publication->topic], seat->uid,
        (unsigned long long)publication->number, (unsigned long long)crowd->publications_count,
        filling);
    crowd->publications_count++;
}

void crowd_register(struct crowd *crowd, struct seat *seat, unsigned arg)
{
    static const char *const policies[] = {"single", "roundrobin", "random", "first", "last"};
    uint32_t pattern = arg % CROWD_PATTERNS;
    unsigned policy = arg >> 5 & 7;
    if (!may_ask(seat) || seat->held[pattern] != HELD_NOT) {
        return;
    }
    const char *invoke =
        policy < array_count(policies) ? policies[policy] : crowd_patterns[pattern].policy;
    seat->held[pattern] = HELD_ASKED;
    crowd->touched[pattern] |= UINT64_C(1) << seat->uid;
    request_new(seat, CROWD_REGISTERED, pattern)->single = strcmp(invoke, "single") == 0;
    say(crowd, seat, "[64,%llu,{\"invoke\":\"%s\",\"match\":\"%s\"},\"%s\"]",
        (unsigned long long)seat->request, invoke, crowd_patterns[pattern].match,
        crowd_patterns[pattern].uri);
}

void crowd_unregister(struct crowd *crowd, struct seat *seat, unsigned arg)
{
    uint32_t pattern = arg % CROWD_PATTERNS;
    if (!may_ask(seat) || seat->held[pattern] != HELD) {
        return;
    }
    seat->held[pattern] = HELD_RETURNING;
    request_new(seat, CROWD_UNREGISTERED, pattern);
    say(crowd, seat, "[66,%llu,%llu]", (unsigned long long)seat->request,
        (unsigned long long)seat->registrations[pattern]);
}

static bool callee_is_there(const struct crowd *crowd, uint32_t procedure)
{
    for (unsigned i = 0; i < CROWD_SEATS; i++) {
        for (unsigned k = 0; k < CROWD_PATTERNS; k++) {
            if (crowd->seats[i].state == SEAT_JOINED && crowd->seats[i].held[k] == HELD &&
                (crowd_patterns[k].procedures >> procedure & 1) != 0) {
                return true;
            }
        }
    }
    return false;
}

void crowd_call(struct crowd *crowd, struct seat *seat, unsigned arg, bool run_next)
{
    uint32_t procedure = arg % CROWD_PROCEDURES;
    if (!may_ask(seat) || seat->calls_open >= 6) {
        return;
    }
    struct crowd_request *request = request_new(seat, CROWD_RESULT, procedure);
    request->number = ++seat->called;
    request->sure = crowd->quiet && run_next && !crowd->stage.hold_parcels && !crowd->poor &&
                    !crowd->harsh && callee_is_there(crowd, procedure);
    seat->calls_open++;
    say(crowd, seat, "[48,%llu,{},\"%s\",[%u,%llu,%u]]", (unsigned long long)seat->request,
        crowd_procedures[procedure], seat->uid, (unsigned long long)request->number, procedure);
}

/* A CBOR simple value, which no other serializer has a form for: the caller must not hear CBOR. */
static bool answer_formless(struct crowd *crowd, struct seat *seat,
                            const struct crowd_invocation *invocation)
{
    bool wanted = seat->person.serializer == SERIALIZER_CBOR && invocation->request < 24;
    for (unsigned i = 0; i < CROWD_SEATS; i++) {
        wanted = wanted && (crowd->seats[i].uid != invocation->uid ||
                            crowd->seats[i].person.serializer != SERIALIZER_CBOR);
    }
    if (wanted) {
        uint8_t yield[] = {0x84, 0x18, 70, (uint8_t)invocation->request, 0xa0, 0x82, 1, 0xf8, 99};
        person_say_octets(&seat->person, bytes_make(yield, sizeof yield));
        crowd->quiet = false;
    }
    return wanted;
}

void crowd_answer(struct crowd *crowd, struct seat *seat, unsigned arg)
{
    if (seat->state != SEAT_JOINED || seat->invocations_count == 0) {
        return;
    }
    unsigned i = arg % seat->invocations_count;
    struct crowd_invocation invocation = seat->invocations[i];
    seat->invocations[i] = seat->invocations[--seat->invocations_count];
    if ((arg & 128) != 0 && answer_formless(crowd, seat, &invocation)) {
        return;
    }
    say(crowd, seat,
        (arg & 64) != 0 ? "[8,68,%llu,{},\"com.error.busy\",[%llu,%llu]]"
                        : "[70,%llu,{},[%llu,%llu]]",
        (unsigned long long)invocation.request, (unsigned long long)invocation.uid,
        (unsigned long long)invocation.number);
}

void crowd_goodbye(struct crowd *crowd, struct seat *seat)
{
    if (seat->state == SEAT_JOINED) {
        seat->state = SEAT_LEAVING;
        say(crowd, seat, "[6,{},\"wamp.close.normal\"]");
    }
}

static void seat_clear(struct seat *seat)
{
    person_fini(&seat->person);
    memset(seat, 0, sizeof *seat);
}

void crowd_drop(struct crowd *crowd, struct seat *seat)
{
    if (seat->state != SEAT_EMPTY) {
        stage_leave(&crowd->stage, seat->actor);
        seat_clear(seat);
        crowd->quiet = false;
    }
}

void crowd_deaf(struct crowd *crowd, struct seat *seat, bool deaf)
{
    if (seat->state != SEAT_EMPTY) {
        crowd->stage.actors[seat->actor].deaf = deaf;
        seat->was_deaf = seat->was_deaf || deaf;
    }
}

void crowd_ask_unknown(struct crowd *crowd, struct seat *seat, unsigned arg)
{
    if (!may_ask(seat)) {
        return;
    }
    bool subscription = (arg & 1) != 0;
    request_new(seat, subscription ? CROWD_NO_SUCH_SUBSCRIPTION : CROWD_NO_SUCH_REGISTRATION, 0);
    say(crowd, seat, "[%d,%llu,%u]", subscription ? 34 : 66, (unsigned long long)seat->request,
        arg + 1);
}

void crowd_violate(struct crowd *crowd, struct seat *seat, unsigned arg)
{
    static const char *const wrong[] = {
        "[70,9007199254740992,{}]",
        "[8,68,9007199254740992,{},\"a.b\"]",
        "[8,48,1,{},\"a.b\"]",
        "[16,255,{},\"a.b\"]",
        "[32,1,{\"match\":1},\"a\"]",
        "[36,1,1,{}]",
        "[1,\"realm1\",{\"roles\":1}]",
        "[48,1,{},\"a\",{}]",
        "[49,1,{}]",
        "[5,\"x\",{}]",
        "[]",
        "[16]",
    };
    if (seat->state == SEAT_JOINED) {
        say(crowd, seat, "%s", wrong[arg % array_count(wrong)]);
        seat->state = SEAT_WILD;
    }
}

void crowd_garbage(struct crowd *crowd, struct seat *seat, struct bytes octets, bool framed)
{
    if (seat->state == SEAT_EMPTY) {
        return;
    }
    if (framed) {
        person_say_octets(&seat->person, octets);
    } else {
        octets_put(&seat->person.out, octets.at, octets.size);
    }
    seat->state = SEAT_WILD;
    crowd->garbage = true;
    crowd->quiet = false;
}

void crowd_drain(struct crowd *crowd, unsigned core)
{
    core_drain(&crowd->stage.cores[core]);
    crowd->drained |= place_bit((place_id)core);
    crowd->quiet = false;
    for (unsigned i = 0; i < CROWD_SEATS; i++) {
        if (crowd->seats[i].state != SEAT_EMPTY && crowd->seats[i].core == core) {
            crowd->seats[i].state = SEAT_WILD;
        }
    }
}

/* ---- moving */

static void seats_look(struct crowd *crowd)
{
    for (unsigned i = 0; i < CROWD_SEATS; i++) {
        struct seat *seat = &crowd->seats[i];
        if (seat->state == SEAT_EMPTY || !seat->person.gone) {
            continue;
        }
        bool full = crowd->poor && seat->state == SEAT_JOINING;
        bool over = seat->state == SEAT_LEAVING || seat->state == SEAT_OVER;
        if (crowd->loud) {
            fprintf(stderr, "%u is gone\n", seat->uid);
        }
        check(over || seat->state == SEAT_WILD || seat->was_deaf || crowd->harsh || full);
        seat_clear(seat);
    }
}

static void seats_listen(struct crowd *crowd)
{
    for (unsigned i = 0; i < CROWD_SEATS; i++) {
        struct seat *seat = &crowd->seats[i];
        char *json;
        while (seat->state != SEAT_EMPTY && (json = person_hear(&seat->person)) != NULL) {
            if (crowd->loud) {
                fprintf(stderr, "%u hears %.200s\n", seat->uid, json);
            }
            crowd_check_message(crowd, seat, json);
            free(json);
        }
    }
}

/* What somebody published who is here and has nothing left to send has been read. (Who is deaf may
 * have been ended without having heard of it.) */
static void publications_look(struct crowd *crowd)
{
    for (uint64_t k = 0; k < crowd->publications_count; k++) {
        struct crowd_publication *publication = &crowd->publications[k];
        for (unsigned i = 0; i < CROWD_SEATS && !publication->taken; i++) {
            const struct seat *seat = &crowd->seats[i];
            publication->taken = seat->uid == publication->uid && !seat->was_deaf &&
                                 (seat->state == SEAT_JOINED || seat->state == SEAT_LEAVING) &&
                                 seat->person.out.size == 0;
        }
    }
}

/* Nothing is under way: both records of each call are there or neither is, and nobody waits. */
static void cores_look(const struct crowd *crowd)
{
    uint64_t calls = 0;
    uint64_t invocations = 0;
    for (unsigned i = 0; i < crowd->stage.cores_count; i++) {
        const struct core *core = &crowd->stage.cores[i];
        calls += core->gauges.calls_open;
        invocations += core->gauges.invocations_open;
        check(crowd->poor || map_count(&core->tickets) == 0);
    }
    check(calls == invocations);
}

void crowd_run(struct crowd *crowd)
{
    stage_run(&crowd->stage);
    seats_look(crowd);
    seats_listen(crowd);
    publications_look(crowd);
    if (crowd->stage.hold_parcels) {
        return;
    }
    crowd->quiet = true;
    cores_look(crowd);
    for (unsigned k = 0; k < CROWD_PATTERNS; k++) {
        crowd->touched[k] = 0;
        for (unsigned i = 0; i < CROWD_SEATS; i++) {
            const struct seat *seat = &crowd->seats[i];
            if (seat->state != SEAT_EMPTY && seat->held[k] != HELD_NOT) {
                crowd->touched[k] |= UINT64_C(1) << seat->uid;
            }
        }
    }
}

void crowd_fini(struct crowd *crowd)
{
    crowd->stage.hold_parcels = false;
    for (unsigned i = 0; i < CROWD_SEATS; i++) {
        struct seat *seat = &crowd->seats[i];
        crowd_deaf(crowd, seat, false);
        if (seat->state != SEAT_JOINED && seat->state != SEAT_JOINING) {
            crowd_drop(crowd, seat);
        }
    }
    bool busy = true;
    for (unsigned rounds = 0; busy; rounds++) {
        check(rounds < 10000); /* what is paused goes on */
        stage_wait(&crowd->stage, 10 * NS_PER_MS);
        crowd_run(crowd);
        busy = false;
        for (unsigned i = 0; i < CROWD_SEATS; i++) {
            struct seat *seat = &crowd->seats[i];
            while (seat->state == SEAT_JOINED && seat->invocations_count > 0) {
                crowd_answer(crowd, seat, 0);
            }
            busy = busy || (seat->state == SEAT_JOINED && seat->person.out.size > 0);
        }
    }
    crowd_check_end(crowd);
    for (unsigned i = 0; i < CROWD_SEATS; i++) {
        crowd_drop(crowd, &crowd->seats[i]);
    }
    stage_fini(&crowd->stage);
}

void crowd_cut(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->stage.cores_count; i++) {
        core_fini(&crowd->stage.cores[i]);
    }
    for (unsigned i = 0; i < CROWD_SEATS; i++) {
        if (crowd->seats[i].state != SEAT_EMPTY) {
            person_fini(&crowd->seats[i].person);
        }
    }
}
