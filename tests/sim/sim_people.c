/* What people do: at random, but always by the rules; whoever breaks them is the fuzzers' business.
 * Each remembers its open requests, so that the checks know what an answer means. */
#include "tests/sim/sim_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *const sim_topics[SIM_TOPICS] = {"a.b", "a.c", "a.b.c", "a.b.d", "x.b.c", "x"};
const char *const sim_procedures[SIM_PROCEDURES] = {"p.one", "p.two", "p.three", "q.one", "q"};

const struct sim_pattern sim_patterns[SIM_PATTERNS] = {
    {"a.b", "exact", 1 << 0},
    {"a.c", "exact", 1 << 1},
    {"a.b.c", "exact", 1 << 2},
    {"x", "exact", 1 << 5},
    {"a.", "prefix", 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3},
    {"a.b", "prefix", 1 << 0 | 1 << 2 | 1 << 3},
    {"", "prefix", 63},
    {".b.c", "wildcard", 1 << 2 | 1 << 4},
    {"a.", "wildcard", 1 << 0 | 1 << 1},
    {"a..d", "wildcard", 1 << 3},
};

enum sim_deed {
    DEED_SUBSCRIBE,
    DEED_UNSUBSCRIBE,
    DEED_PUBLISH,
    DEED_REGISTER,
    DEED_UNREGISTER,
    DEED_CALL,
    DEED_ANSWER,
    DEED_DEAF,
    DEED_HEAR,
    DEED_GOODBYE,
    DEED_RESET,
    DEEDS,
};

static struct sim_request *request_new(struct sim_person *person, enum sim_want want, uint32_t what)
{
    struct sim_request *request = &person->requests[++person->request % SIM_REQUESTS];
    *request = (struct sim_request){.want = want, .what = what};
    return request;
}

void sim_people_weights(struct sim_world *world)
{
    static const unsigned pubsub[] = {DEED_SUBSCRIBE, DEED_PUBLISH};
    static const unsigned rpc[] = {DEED_REGISTER, DEED_CALL, DEED_ANSWER};
    uint64_t both = rng_below(&world->rng, 4); /* 0: only pubsub, 1: only rpc, else both */
    for (unsigned i = 0; i < DEEDS; i++) {
        bool off = rng_below(&world->rng, 2) == 0;
        world->weights[i] = off ? 0 : (uint32_t)(1 + rng_below(&world->rng, 4));
    }
    for (unsigned i = 0; i < array_count(pubsub) && both != 1; i++) {
        world->weights[pubsub[i]] += (uint32_t)(2 + rng_below(&world->rng, 10));
    }
    for (unsigned i = 0; i < array_count(rpc) && both != 0; i++) {
        world->weights[rpc[i]] += (uint32_t)(2 + rng_below(&world->rng, 10));
    }
    if (world->weights[DEED_DEAF] > 0) {
        world->weights[DEED_HEAR] += 4 * world->weights[DEED_DEAF];
    }
}

void sim_person_arrive(struct sim_world *world, struct sim_person *person)
{
    if (world->lives + 1 >= SIM_LIVES) {
        return;
    }
    enum serializer serializer = (enum serializer)(1 + rng_below(&world->rng, 3));
    enum framing framing = rng_below(&world->rng, 2) == 0 ? FRAMING_RAWSOCKET : FRAMING_WEBSOCKET;
    unsigned worker = (unsigned)rng_below(&world->rng, world->workers_count);
    struct sim_end *end = sim_connect(world->net, world->listen_fd[worker]);
    if (end == NULL) {
        return;
    }
    memset(person, 0, sizeof *person);
    person->end = end;
    person->uid = ++world->lives;
    person_init(&person->person, framing, serializer);
    person_say(&person->person, "[1,\"realm1\",{\"roles\":{\"publisher\":{},\"subscriber\":{},"
                                "\"caller\":{},\"callee\":{}}}]");
}

void sim_person_leave(struct sim_world *world, struct sim_person *person)
{
    (void)world;
    if (person->end != NULL) {
        sim_end_free(person->end);
        person_fini(&person->person);
        person->end = NULL;
        person->gone = true;
    }
}

/* ---- deeds */

static void say(struct sim_person *person, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct sim_person *person, const char *format, ...)
{
    static char text[16384];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    check(size > 0 && (size_t)size < sizeof text);
    person_say(&person->person, text);
}

static bool pattern_is_held(const struct sim_person *person, uint32_t pattern)
{
    for (unsigned i = 0; i < SIM_SUBSCRIPTIONS; i++) {
        const struct sim_subscription *span = &person->subscriptions[i];
        if (span->id != 0 && span->pattern == pattern && !span->over) {
            return true;
        }
    }
    for (uint64_t i = 0; i < SIM_REQUESTS; i++) {
        const struct sim_request *request = &person->requests[i];
        if (request->want == WANT_SUBSCRIBED && request->what == pattern) {
            return true;
        }
    }
    return false;
}

static void do_subscribe(struct sim_world *world, struct sim_person *person)
{
    uint32_t pattern = (uint32_t)rng_below(&world->rng, SIM_PATTERNS);
    unsigned used = 0;
    for (unsigned i = 0; i < SIM_SUBSCRIPTIONS; i++) {
        used += person->subscriptions[i].id != 0;
    }
    for (unsigned i = 0; i < SIM_REQUESTS; i++) {
        used += person->requests[i].want == WANT_SUBSCRIBED;
    }
    if (used >= SIM_SUBSCRIPTIONS || pattern_is_held(person, pattern)) {
        return;
    }
    request_new(person, WANT_SUBSCRIBED, pattern);
    say(person, "[32,%llu,{\"match\":\"%s\"},\"%s\"]", (unsigned long long)person->request,
        sim_patterns[pattern].match, sim_patterns[pattern].uri);
}

static void do_unsubscribe(struct sim_world *world, struct sim_person *person)
{
    uint32_t slot = (uint32_t)rng_below(&world->rng, SIM_SUBSCRIPTIONS);
    struct sim_subscription *span = &person->subscriptions[slot];
    if (span->id == 0 || span->to != UINT64_MAX) {
        return;
    }
    span->to = world->publications_count;
    request_new(person, WANT_UNSUBSCRIBED, slot);
    say(person, "[34,%llu,%llu]", (unsigned long long)person->request,
        (unsigned long long)span->id);
}

static void do_publish(struct sim_world *world, struct sim_person *person)
{
    if (world->publications_count >= SIM_PUBLICATIONS) {
        return;
    }
    bool acknowledge = rng_below(&world->rng, 3) == 0;
    struct sim_publication *publication = &world->publications[world->publications_count++];
    *publication = (struct sim_publication){.uid = person->uid,
                                            .topic = (uint8_t)rng_below(&world->rng, SIM_TOPICS),
                                            .to_self = rng_below(&world->rng, 4) == 0,
                                            .number = ++person->published};
    request_new(person, acknowledge ? WANT_PUBLISHED : WANT_NOTHING, 0);
    static char filling[8193];
    static const size_t sizes[16] = {1024, 1024, 8192}; /* the last are shared, not copied */
    size_t size = 10 + rng_below(&world->rng, 1 + sizes[rng_below(&world->rng, 16)]) % 8183;
    memset(filling, 'x', size);
    filling[size] = '\0';
    say(person,
        "[16,%llu,{\"acknowledge\":%s,\"exclude_me\":%s},\"%s\",[%u,%llu,%llu],{\"f\":\"%s\"}]",
        (unsigned long long)person->request, acknowledge ? "true" : "false",
        publication->to_self ? "false" : "true", sim_topics[publication->topic], person->uid,
        (unsigned long long)publication->number,
        (unsigned long long)(world->publications_count - 1), filling);
}

static void do_register(struct sim_world *world, struct sim_person *person)
{
    static const char *const policies[] = {"single", "roundrobin", "roundrobin", "random", "last"};
    uint32_t procedure = (uint32_t)rng_below(&world->rng, SIM_PROCEDURES);
    if (person->registrations[procedure] != 0 || person->registering[procedure]) {
        return;
    }
    person->registering[procedure] = true;
    request_new(person, WANT_REGISTERED, procedure);
    say(person, "[64,%llu,{\"invoke\":\"%s\"},\"%s\"]", (unsigned long long)person->request,
        policies[procedure], sim_procedures[procedure]);
}

static void do_unregister(struct sim_world *world, struct sim_person *person)
{
    uint32_t procedure = (uint32_t)rng_below(&world->rng, SIM_PROCEDURES);
    if (person->registrations[procedure] == 0 || person->registering[procedure]) {
        return;
    }
    person->registering[procedure] = true;
    request_new(person, WANT_UNREGISTERED, procedure);
    say(person, "[66,%llu,%llu]", (unsigned long long)person->request,
        (unsigned long long)person->registrations[procedure]);
}

static void do_call(struct sim_world *world, struct sim_person *person)
{
    uint32_t procedure = (uint32_t)rng_below(&world->rng, SIM_PROCEDURES);
    if (person->calls_open >= 20) {
        return;
    }
    struct sim_request *request = request_new(person, WANT_RESULT, procedure);
    request->number = ++person->called;
    person->calls_open++;
    say(person, "[48,%llu,{},\"%s\",[%u,%llu]]", (unsigned long long)person->request,
        sim_procedures[procedure], person->uid, (unsigned long long)person->called);
}

static void do_answer(struct sim_world *world, struct sim_person *person)
{
    if (person->invocations_count == 0) {
        return;
    }
    uint32_t i = (uint32_t)rng_below(&world->rng, person->invocations_count);
    unsigned long long request = person->invocations[i];
    unsigned long long uid = person->invocation_args[i][0];
    unsigned long long number = person->invocation_args[i][1];
    uint32_t last = --person->invocations_count;
    person->invocations[i] = person->invocations[last];
    person->invocation_args[i][0] = person->invocation_args[last][0];
    person->invocation_args[i][1] = person->invocation_args[last][1];
    if (rng_below(&world->rng, 4) == 0) {
        say(person, "[8,68,%llu,{},\"com.error.busy\",[%llu,%llu]]", request, uid, number);
    } else {
        say(person, "[70,%llu,{},[%llu,%llu]]", request, uid, number);
    }
}

static void do_go(struct sim_world *world, struct sim_person *person, bool goodbye)
{
    if (rng_below(&world->rng, 20) != 0) {
        return;
    }
    if (goodbye) {
        person->leaving = true;
        say(person, "[6,{},\"wamp.close.normal\"]");
    } else {
        sim_end_reset(person->end);
        sim_person_leave(world, person);
    }
}

void sim_person_act(struct sim_world *world, struct sim_person *person)
{
    if (person->end == NULL || !person->joined || person->leaving) {
        return;
    }
    uint32_t sum = 0;
    for (unsigned i = 0; i < DEEDS; i++) {
        sum += world->weights[i];
    }
    uint64_t pick = sum == 0 ? 0 : rng_below(&world->rng, sum);
    unsigned deed = 0;
    while (deed < DEEDS - 1 && pick >= world->weights[deed]) {
        pick -= world->weights[deed++];
    }
    switch ((enum sim_deed)deed) {
    case DEED_SUBSCRIBE:
        do_subscribe(world, person);
        break;
    case DEED_UNSUBSCRIBE:
        do_unsubscribe(world, person);
        break;
    case DEED_PUBLISH:
        do_publish(world, person);
        break;
    case DEED_REGISTER:
        do_register(world, person);
        break;
    case DEED_UNREGISTER:
        do_unregister(world, person);
        break;
    case DEED_CALL:
        do_call(world, person);
        break;
    case DEED_ANSWER:
        do_answer(world, person);
        break;
    case DEED_DEAF:
        person->deaf = true;
        person->slow_reader = true;
        break;
    case DEED_HEAR:
        person->deaf = false;
        break;
    case DEED_GOODBYE:
        do_go(world, person, true);
        break;
    case DEED_RESET:
    case DEEDS:
        do_go(world, person, false);
        break;
    }
}

/* ---- octets and messages */

/* How many slow readers the router says it has ended. */
uint64_t sim_killed(const struct sim_world *world)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < world->workers_count; i++) {
        const struct stats *stats = &world->workers[i].core.stats;
        sum += stats->killed_hard_bytes + stats->killed_hard_messages + stats->killed_soft +
               stats->killed_stuck;
    }
    return sum;
}

void sim_person_move(struct sim_world *world, struct sim_person *person)
{
    if (person->end == NULL) {
        return;
    }
    struct octets *out = &person->person.out;
    if (out->size > 0) {
        size_t cut =
            rng_below(&world->rng, 4) == 0 ? 1 + rng_below(&world->rng, out->size) : out->size;
        person_sent(&person->person, sim_end_write(person->end, out->at, cut));
    }
    uint8_t octets[4096];
    size_t size = 0;
    while (!person->deaf && (size = sim_end_read(person->end, octets, sizeof octets)) > 0) {
        person_take(&person->person, octets, size);
    }
    char *json;
    while ((json = person_hear(&person->person)) != NULL) {
        sim_check_message(world, person, json);
        free(json);
    }
    if (person->deaf || sim_end_state(person->end) == SIM_END_OPEN) {
        return;
    }
    if (!person->leaving && !world->calm && ++world->cut > sim_killed(world)) {
        sim_fail(world, "somebody who kept the rules was thrown out", person->uid, 0);
    }
    sim_person_leave(world, person);
}
