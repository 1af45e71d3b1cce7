/* Pair order on four bare cores: people on every core publish and call at random, over several
 * topics, patterns and procedures, while notes between cores are held up at random and octets come
 * in pieces. Each message is judged when it is heard. */
#include "tests/lib/parse.h"
#include "tests/lib/seed.h"
#include "tests/lib/stage.h"

#include "common/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    PEOPLE = 8,
    PATTERNS = 6,
    TOPICS = 4,
    PROCEDURES = 3,
    STEPS = 6000,
    REQUESTS = 8192,
    IDS = 64,
};

static const char *const topics[TOPICS] = {"a.b", "a.c", "x.b", "x"};
static const char *const procedures[PROCEDURES] = {"p.one", "p.two", "q"};
static const char *const patterns[PATTERNS] = {"{},\"a.b\"",
                                               "{},\"x\"",
                                               "{\"match\":\"prefix\"},\"a.\"",
                                               "{\"match\":\"prefix\"},\"\"",
                                               "{\"match\":\"wildcard\"},\".b\"",
                                               "{\"match\":\"wildcard\"},\"a.\""};

enum pending {
    PENDING_NONE,
    PENDING_SUBSCRIBE,
    PENDING_UNSUBSCRIBE,
    PENDING_REGISTER,
    PENDING_UNREGISTER,
    PENDING_CALL,
};

struct hold { /* a subscription or registration */
    uint64_t id;
    uint32_t index; /* of the pattern or procedure */
    bool held;
    uint64_t heard[PEOPLE]; /* the last number of each publisher */
};

struct body {
    struct person person;
    unsigned actor;
    uint64_t request;
    enum pending pending[REQUESTS];
    uint32_t index[REQUESTS];
    uint64_t what[REQUESTS];
    bool asked[PATTERNS + PROCEDURES];
    struct hold holds[IDS];
    unsigned holds_count;
    uint64_t published;
    uint64_t called;
    uint64_t event_heard[PEOPLE]; /* the last number over all subscriptions */
    uint64_t call_heard[PEOPLE];
    uint64_t answers_owed[64];
    unsigned answers_count;
};

struct crowd {
    struct rng rng;
    struct stage stage;
    struct body bodies[PEOPLE];
    uint64_t events;
    uint64_t invocations;
};

static void body_say(struct body *body, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void body_say(struct body *body, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    check(size > 0 && (size_t)size < sizeof text);
    person_say(&body->person, text);
}

static uint64_t body_request(struct body *body, enum pending pending, uint32_t index, uint64_t what)
{
    uint64_t request = ++body->request;
    check(request < REQUESTS);
    body->pending[request] = pending;
    body->index[request] = index;
    body->what[request] = what;
    return request;
}

static struct hold *hold_find(struct body *body, uint64_t id)
{
    for (unsigned i = 0; i < body->holds_count; i++) {
        if (body->holds[i].id == id) {
            return &body->holds[i];
        }
    }
    return NULL;
}

static void hold_begin(struct body *body, uint64_t id, uint32_t index)
{
    struct hold *hold = hold_find(body, id);
    if (hold == NULL) {
        check(body->holds_count < IDS);
        hold = &body->holds[body->holds_count++];
        *hold = (struct hold){.id = id, .index = index};
    }
    hold->held = true;
}

static void hold_end(struct body *body, uint64_t id)
{
    struct hold *hold = hold_find(body, id);
    assert_non_null(hold);
    hold->held = false;
    body->asked[hold->index] = false;
}

static void hear_event(struct crowd *crowd, struct body *body, const struct parsed *parsed)
{
    struct hold *hold = hold_find(body, parsed->number[1]);
    uint64_t publisher = parsed->args[0];
    uint64_t number = parsed->args[1];
    assert_non_null(hold);
    assert_true(hold->held); /* SUBSCRIBED came before, and UNSUBSCRIBED has not come */
    assert_true(number > hold->heard[publisher]);
    assert_true(number >= body->event_heard[publisher]);
    hold->heard[publisher] = number;
    body->event_heard[publisher] = number;
    crowd->events++;
}

static void hear_invocation(struct crowd *crowd, struct body *body, const struct parsed *parsed)
{
    uint64_t caller = parsed->args[0];
    uint64_t number = parsed->args[1];
    const struct hold *hold = hold_find(body, parsed->number[2]);
    assert_non_null(hold);
    assert_true(hold->held); /* REGISTERED came before */
    assert_true(number > body->call_heard[caller]);
    body->call_heard[caller] = number;
    if (body->answers_count < array_count(body->answers_owed)) {
        body->answers_owed[body->answers_count++] = parsed->number[1];
    }
    crowd->invocations++;
}

static void hear_answer(struct body *body, const struct parsed *parsed)
{
    bool error = parsed->number[0] == 8;
    uint64_t request = parsed->number[error ? 2 : 1];
    enum pending pending = body->pending[request];
    assert_true(pending != PENDING_NONE); /* nobody is answered twice */
    body->pending[request] = PENDING_NONE;
    if (error) {
        if (pending == PENDING_REGISTER) {
            body->asked[body->index[request]] = false;
        }
    } else if (pending == PENDING_SUBSCRIBE || pending == PENDING_REGISTER) {
        hold_begin(body, parsed->number[2], body->index[request]);
    } else if (pending == PENDING_UNSUBSCRIBE || pending == PENDING_UNREGISTER) {
        hold_end(body, body->what[request]);
    }
}

static void crowd_hear(struct crowd *crowd)
{
    for (unsigned i = 0; i < PEOPLE; i++) {
        struct body *body = &crowd->bodies[i];
        char *json;
        assert_false(body->person.gone);
        while ((json = person_hear(&body->person)) != NULL) {
            struct parsed parsed;
            assert_true(parse_message(json, &parsed));
            if (parsed.number[0] == 36) {
                hear_event(crowd, body, &parsed);
            } else if (parsed.number[0] == 68) {
                hear_invocation(crowd, body, &parsed);
            } else if (parsed.number[0] != 2) {
                hear_answer(body, &parsed);
            }
            free(json);
        }
    }
}

static void do_subscribe(struct crowd *crowd, struct body *body)
{
    uint32_t index = (uint32_t)rng_below(&crowd->rng, PATTERNS);
    if (!body->asked[index]) {
        body->asked[index] = true;
        body_say(body, "[32,%llu,%s]",
                 (unsigned long long)body_request(body, PENDING_SUBSCRIBE, index, 0),
                 patterns[index]);
    }
}

static void do_register(struct crowd *crowd, struct body *body)
{
    uint32_t index = (uint32_t)rng_below(&crowd->rng, PROCEDURES);
    if (!body->asked[PATTERNS + index]) {
        body->asked[PATTERNS + index] = true;
        body_say(body, "[64,%llu,{\"invoke\":\"first\"},\"%s\"]",
                 (unsigned long long)body_request(body, PENDING_REGISTER, PATTERNS + index, 0),
                 procedures[index]);
    }
}

static void do_end(struct crowd *crowd, struct body *body)
{
    if (body->holds_count == 0) {
        return;
    }
    const struct hold *hold = &body->holds[rng_below(&crowd->rng, body->holds_count)];
    bool topic = hold->index < PATTERNS;
    for (uint64_t request = 1; request <= body->request; request++) {
        if (body->what[request] == hold->id && body->pending[request] != PENDING_NONE) {
            return; /* under way */
        }
    }
    /* A registration ends only while nobody calls: an invocation may cross UNREGISTER. */
    if (hold->held && topic) {
        body_say(body, "[34,%llu,%llu]",
                 (unsigned long long)body_request(body, PENDING_UNSUBSCRIBE, 0, hold->id),
                 (unsigned long long)hold->id);
    }
}

static void do_publish(struct crowd *crowd, struct body *body, unsigned number)
{
    body_say(body, "[16,%llu,{},\"%s\",[%u,%llu]]", (unsigned long long)++body->request,
             topics[rng_below(&crowd->rng, TOPICS)], number, (unsigned long long)++body->published);
}

static void do_call(struct crowd *crowd, struct body *body, unsigned number)
{
    body_say(body, "[48,%llu,{},\"%s\",[%u,%llu]]",
             (unsigned long long)body_request(body, PENDING_CALL, 0, 0),
             procedures[rng_below(&crowd->rng, PROCEDURES)], number,
             (unsigned long long)++body->called);
}

static void do_answer(struct body *body)
{
    if (body->answers_count > 0) {
        body_say(body, "[70,%llu,{}]",
                 (unsigned long long)body->answers_owed[--body->answers_count]);
    }
}

static void crowd_step(struct crowd *crowd)
{
    unsigned number = (unsigned)rng_below(&crowd->rng, PEOPLE);
    struct body *body = &crowd->bodies[number];
    switch (rng_below(&crowd->rng, 12)) {
    case 0:
        do_subscribe(crowd, body);
        break;
    case 1:
        do_register(crowd, body);
        break;
    case 2:
        do_end(crowd, body);
        break;
    case 3:
    case 4:
        do_answer(body);
        break;
    case 5:
    case 6:
    case 7:
        do_call(crowd, body, number);
        break;
    default:
        do_publish(crowd, body, number);
    }
    crowd->stage.actors[body->actor].split = rng_below(&crowd->rng, 3) == 0 ? 5 : 0;
    if (rng_below(&crowd->rng, 4) == 0) {
        crowd->stage.hold_parcels = rng_below(&crowd->rng, 2) == 0;
    }
    if (rng_below(&crowd->rng, 3) == 0) {
        stage_run(&crowd->stage);
        crowd_hear(crowd);
    }
}

static void crowd_enter(struct crowd *crowd)
{
    for (unsigned i = 0; i < PEOPLE; i++) {
        struct body *body = &crowd->bodies[i];
        person_init(&body->person, i % 2 == 0 ? FRAMING_RAWSOCKET : FRAMING_WEBSOCKET,
                    (enum serializer)(1 + i % 3));
        body->actor = stage_enter(&crowd->stage, &body->person, i % 4);
        body_say(body, "[1,\"realm1\",{\"roles\":{\"publisher\":{},\"subscriber\":{},"
                       "\"caller\":{},\"callee\":{}}}]");
    }
    stage_run(&crowd->stage);
    crowd_hear(crowd);
}

/* proves B-ORD-1 B-ORD-2 B-ORD-3 B-ORD-4 B-PS-5 B-RPC-9 */
static void each_pair_hears_in_the_order_in_which_the_other_spoke(void **state)
{
    (void)state;
    uint64_t seed = seed_get();
    struct crowd *crowd = calloc(1, sizeof *crowd);
    assert_non_null(crowd);
    rng_init(&crowd->rng, seed);
    stage_init(&crowd->stage, 4, seed, NULL);
    crowd_enter(crowd);
    for (unsigned step = 0; step < STEPS; step++) {
        crowd_step(crowd);
    }
    crowd->stage.hold_parcels = false;
    stage_run(&crowd->stage);
    crowd_hear(crowd);
    for (unsigned i = 0; i < PEOPLE; i++) {
        const struct body *body = &crowd->bodies[i];
        for (uint64_t request = 1; request <= body->request; request++) {
            assert_true(body->pending[request] == PENDING_NONE ||
                        body->pending[request] == PENDING_CALL);
        }
    }
    assert_true(crowd->events > STEPS / 4 && crowd->invocations > STEPS / 16);
    stage_fini(&crowd->stage);
    for (unsigned i = 0; i < PEOPLE; i++) {
        person_fini(&crowd->bodies[i].person);
    }
    free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pair_hears_in_the_order_in_which_the_other_spoke),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
