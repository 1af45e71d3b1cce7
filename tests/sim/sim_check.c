/* What must always hold, judged at each message that somebody hears, and once all is quiet.
 *
 * Events of a publisher come with its own number and with the world's count of publications. From
 * these and from the spans in which a person held a pattern follows what it must hear: everything
 * that was said between the moment it heard SUBSCRIBED and the moment it said UNSUBSCRIBE, in the
 * publisher's order, once for each subscription. */
#include "tests/sim/sim_world.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t person_index(const struct sim_world *world, const struct sim_person *person)
{
    return (uint64_t)(person - world->people);
}

static struct sim_subscription *span_find(struct sim_person *person, uint64_t id)
{
    struct sim_subscription *found = NULL;
    for (unsigned i = 0; i < SIM_SUBSCRIPTIONS; i++) {
        struct sim_subscription *span = &person->subscriptions[i];
        if (span->id == id && !span->over) {
            found = span;
        }
    }
    return found;
}

/* Whether a person had to hear a publication on a span. */
static bool span_owes(const struct sim_person *person, const struct sim_subscription *span,
                      const struct sim_publication *publication, uint64_t index)
{
    return index >= span->from && index < span->to &&
           (sim_patterns[span->pattern].topics >> publication->topic & 1) != 0 &&
           (publication->uid != person->uid || publication->to_self);
}

/* No hole: nothing of this publisher that was owed on this span lies between the last one heard on
 * it and this one. */
static void check_hole(struct sim_world *world, struct sim_person *person,
                       const struct sim_subscription *span, uint64_t index)
{
    uint32_t uid = world->publications[index].uid;
    uint64_t last =
        world->span_heard[person_index(world, person)][span - person->subscriptions][uid];
    for (uint64_t i = index; i > span->from; i--) {
        const struct sim_publication *between = &world->publications[i - 1];
        if (between->uid == uid && between->number <= last) {
            return;
        }
        if (between->uid == uid && span_owes(person, span, between, i - 1)) {
            sim_fail(world, "an event is missing", i - 1, index);
        }
    }
}

static void heard_event(struct sim_world *world, struct sim_person *person,
                        const struct parsed *message)
{
    struct sim_subscription *span = span_find(person, message->number[1]);
    if (span == NULL) {
        sim_fail(world, "an event of no subscription", message->number[1], person->uid);
    }
    if (message->args_count < 3 || message->args[2] >= world->publications_count) {
        sim_fail(world, "an event that nobody published", message->number[2], 0);
    }
    uint64_t index = message->args[2];
    const struct sim_publication *publication = &world->publications[index];
    struct sim_heard *heard = &world->heard[person->uid][publication->uid];
    if (publication->uid != message->args[0] || publication->number != message->args[1]) {
        sim_fail(world, "an event with another's payload", index, 0);
    }
    if ((sim_patterns[span->pattern].topics >> publication->topic & 1) == 0) {
        sim_fail(world, "an event of another topic", index, span->pattern);
    }
    if (publication->uid == person->uid && !publication->to_self) {
        sim_fail(world, "a publisher hears itself", index, 0);
    }
    if (publication->number < heard->event) {
        sim_fail(world, "events of one publisher out of order", publication->number, heard->event);
    }
    check_hole(world, person, span, index);
    heard->event = publication->number;
    world->events++;
}

/* An event is heard once on each subscription: kept as the last number by span and publisher. */
static void heard_once(struct sim_world *world, struct sim_person *person,
                       const struct parsed *message)
{
    const struct sim_subscription *span = span_find(person, message->number[1]);
    uint64_t *number = &world->span_heard[person_index(world, person)][span - person->subscriptions]
                                         [message->args[0]];
    if (message->args[1] <= *number) {
        sim_fail(world, "an event came twice on one subscription", message->args[1], *number);
    }
    *number = message->args[1];
}

static void heard_subscribed(struct sim_world *world, struct sim_person *person,
                             const struct sim_request *request, uint64_t id)
{
    for (unsigned i = 0; i < SIM_SUBSCRIPTIONS; i++) {
        struct sim_subscription *span = &person->subscriptions[i];
        if (span->id == 0) {
            *span = (struct sim_subscription){.id = id,
                                              .pattern = request->what,
                                              .from = world->publications_count,
                                              .to = UINT64_MAX};
            memset(world->span_heard[person_index(world, person)][i], 0,
                   sizeof world->span_heard[0][0]);
            return;
        }
    }
    sim_fail(world, "more SUBSCRIBED than were asked for", id, 0);
}

static void heard_invocation(struct sim_world *world, struct sim_person *person,
                             const struct parsed *message)
{
    bool held = false;
    for (unsigned i = 0; i < SIM_PROCEDURES; i++) {
        held = held || person->registrations[i] == message->number[2];
    }
    if (!held) {
        sim_fail(world, "an invocation of no registration", message->number[2], person->uid);
    }
    if (message->number[1] != person->invocation_last + 1) {
        sim_fail(world, "invocation ids are not 1, 2, 3", message->number[1], 0);
    }
    person->invocation_last = message->number[1];
    if (message->args_count != 2 || message->args[0] == 0 || message->args[0] > world->lives) {
        sim_fail(world, "an invocation that nobody called", message->number[1], 0);
    }
    struct sim_heard *heard = &world->heard[person->uid][message->args[0]];
    if (message->args[1] <= heard->invocation) {
        sim_fail(world, "calls of one caller out of order", message->args[1], heard->invocation);
    }
    heard->invocation = message->args[1];
    if (person->invocations_count < array_count(person->invocations)) {
        uint32_t i = person->invocations_count++;
        person->invocations[i] = message->number[1];
        person->invocation_args[i][0] = message->args[0];
        person->invocation_args[i][1] = message->args[1];
    }
}

/* Policy single: whoever hears REGISTERED is the only one who holds it, as far as anybody can tell:
 * a person that was cut off, or is about to give it back, may have lost it already. */
static void check_single(struct sim_world *world, const struct sim_person *person)
{
    for (unsigned i = 0; i < world->people_count; i++) {
        const struct sim_person *other = &world->people[i];
        if (other != person && other->end != NULL && other->joined && !other->leaving &&
            sim_killed(world) <= world->cut && other->registrations[0] != 0 &&
            !other->registering[0]) {
            sim_fail(world, "a single procedure has two callees", person->uid, other->uid);
        }
    }
}

static struct sim_request *request_find(struct sim_world *world, struct sim_person *person,
                                        uint64_t id, enum sim_want want)
{
    struct sim_request *request = &person->requests[id % SIM_REQUESTS];
    if (id == 0 || id > person->request || request->want != want) {
        sim_fail(world, "an answer to nothing that was asked", id, (uint64_t)want);
    }
    return request;
}

static void heard_error(struct sim_world *world, struct sim_person *person,
                        const struct parsed *message)
{
    static const char *const call_errors[] = {"com.error.busy", "wamp.error.canceled",
                                              "wamp.error.no_such_procedure",
                                              "clos.error.quota_exceeded"};
    struct sim_request *request;
    const char *uri = message->text[4];
    if (message->number[1] == 48) {
        request = request_find(world, person, message->number[2], WANT_RESULT);
        bool known = false;
        for (unsigned i = 0; i < array_count(call_errors); i++) {
            known = known || strcmp(uri, call_errors[i]) == 0;
        }
        if (!known || (strcmp(uri, "com.error.busy") == 0 && message->args[1] != request->number)) {
            sim_fail(world, "an error that is not this call's", message->number[2], 0);
        }
        person->calls_open--;
    } else if (message->number[1] == 64 &&
               strcmp(uri, "wamp.error.procedure_already_exists") == 0) {
        request = request_find(world, person, message->number[2], WANT_REGISTERED);
        person->registering[request->what] = false;
    } else {
        sim_fail(world, "a request by the rules was refused", message->number[1],
                 message->number[2]);
    }
    request->want = WANT_NOTHING;
}

static void heard_answer(struct sim_world *world, struct sim_person *person,
                         const struct parsed *message)
{
    static const struct {
        uint64_t code;
        enum sim_want want;
    } answers[] = {{17, WANT_PUBLISHED}, {33, WANT_SUBSCRIBED}, {35, WANT_UNSUBSCRIBED},
                   {50, WANT_RESULT},    {65, WANT_REGISTERED}, {67, WANT_UNREGISTERED}};
    for (unsigned i = 0; i < array_count(answers); i++) {
        if (answers[i].code != message->number[0]) {
            continue;
        }
        struct sim_request *request =
            request_find(world, person, message->number[1], answers[i].want);
        if (request->want == WANT_SUBSCRIBED) {
            heard_subscribed(world, person, request, message->number[2]);
        } else if (request->want == WANT_UNSUBSCRIBED) {
            person->subscriptions[request->what].over = true;
            person->subscriptions[request->what].id = 0;
        } else if (request->want == WANT_REGISTERED) {
            person->registrations[request->what] = message->number[2];
            person->registering[request->what] = false;
            if (request->what == 0 && !person->leaving) {
                check_single(world, person);
            }
        } else if (request->want == WANT_UNREGISTERED) {
            person->registrations[request->what] = 0;
            person->registering[request->what] = false;
        } else if (request->want == WANT_RESULT) {
            if (message->args_count != 2 || message->args[0] != person->uid ||
                message->args[1] != request->number) {
                sim_fail(world, "another call's result", message->number[1], message->args[1]);
            }
            person->calls_open--;
            world->results++;
        }
        request->want = WANT_NOTHING;
        return;
    }
    sim_fail(world, "a message that has no place here", message->number[0], 0);
}

void sim_check_message(struct sim_world *world, struct sim_person *person, const char *json)
{
    struct parsed message;
    if (!parse_message(json, &message)) {
        sim_fail(world, "not a WAMP message", 0, 0);
    }
    for (const char *at = json; *at != '\0'; at++) {
        world->trace = (world->trace ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    }
    if (message.number[0] == 2 && !person->joined) {
        person->joined = true;
    } else if (message.number[0] == 6) {
        person->leaving = true;
        person->joined = false;
    } else if (message.number[0] == 3) { /* only slow readers are ended, and counted */
        if (!world->calm && ++world->cut > sim_killed(world)) {
            sim_fail(world, "somebody who kept the rules was ended", person->uid, 0);
        }
        person->leaving = true;
        person->joined = false;
    } else if (!person->joined) {
        sim_fail(world, "a message outside of a session", message.number[0], 0);
    } else if (message.number[0] == 36) {
        heard_event(world, person, &message);
        heard_once(world, person, &message);
    } else if (message.number[0] == 68) {
        heard_invocation(world, person, &message);
    } else if (message.number[0] == 8) {
        heard_error(world, person, &message);
    } else {
        heard_answer(world, person, &message);
    }
}

/* The last of each publisher that is still here must have been heard by whoever was owed it. */
static void check_owed(struct sim_world *world, struct sim_person *person, unsigned slot)
{
    const struct sim_subscription *span = &person->subscriptions[slot];
    const uint64_t *heard = world->span_heard[person_index(world, person)][slot];
    for (uint64_t i = world->publications_count; i > span->from; i--) {
        const struct sim_publication *publication = &world->publications[i - 1];
        bool here = false;
        for (unsigned k = 0; k < world->people_count; k++) {
            here = here || (world->people[k].end != NULL && world->people[k].joined &&
                            world->people[k].uid == publication->uid);
        }
        if (here && span_owes(person, span, publication, i - 1) &&
            heard[publication->uid] < publication->number) {
            sim_fail(world, "an event never came", i - 1, person->uid);
        }
    }
}

void sim_check_quiet(struct sim_world *world)
{
    for (unsigned i = 0; i < world->people_count; i++) {
        struct sim_person *person = &world->people[i];
        if (person->end == NULL || !person->joined || person->leaving) {
            continue;
        }
        for (unsigned k = 0; k < SIM_SUBSCRIPTIONS; k++) {
            const struct sim_subscription *span = &person->subscriptions[k];
            if (span->id != 0 && !span->over) {
                check_owed(world, person, k);
            }
        }
        for (unsigned k = 0; k < SIM_REQUESTS; k++) {
            enum sim_want want = person->requests[k].want;
            if (want != WANT_NOTHING && want != WANT_RESULT) {
                sim_fail(world, "a request was never answered", k, (uint64_t)want);
            }
        }
    }
}
