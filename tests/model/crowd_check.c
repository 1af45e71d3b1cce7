/* What the people of a crowd may hear. */
#include "tests/model/crowd.h"

#include "tests/sim/sim_world.h"

static struct crowd_span *span_find(struct seat *seat, uint64_t id)
{
    for (unsigned i = 0; i < CROWD_SPANS; i++) {
        if (seat->spans[i].id == id && id != 0) {
            return &seat->spans[i];
        }
    }
    return NULL;
}

static bool span_owes(const struct seat *seat, const struct crowd_span *span,
                      const struct crowd_publication *publication, uint64_t index)
{
    return index >= span->from && index < span->to &&
           (sim_patterns[span->pattern].topics >> publication->topic & 1) != 0 &&
           (publication->uid != seat->uid || publication->to_self);
}

/* Nothing of this publisher that was owed lies between the last one heard and this one. */
static void check_hole(const struct crowd *crowd, const struct seat *seat,
                       const struct crowd_span *span, uint64_t index)
{
    uint32_t uid = crowd->publications[index].uid;
    for (uint64_t i = index; i > span->from; i--) {
        const struct crowd_publication *between = &crowd->publications[i - 1];
        if (between->uid == uid && between->number <= span->heard[uid]) {
            return;
        }
        check(between->uid != uid || !span_owes(seat, span, between, i - 1)); /* a hole */
    }
}

static void heard_event(struct crowd *crowd, struct seat *seat, const struct parsed *message)
{
    struct crowd_span *span = span_find(seat, message->number[1]);
    check(span != NULL); /* an event of no subscription */
    if (crowd->garbage &&
        (message->args_count < 3 || message->args[2] >= crowd->publications_count)) {
        return;
    }
    check(message->args_count == 3 && message->args[2] < crowd->publications_count);
    uint64_t index = message->args[2];
    const struct crowd_publication *publication = &crowd->publications[index];
    check(publication->uid == message->args[0] && publication->number == message->args[1]);
    check((sim_patterns[span->pattern].topics >> publication->topic & 1) != 0);
    check(publication->uid != seat->uid || publication->to_self);
    check(publication->number >= seat->events[publication->uid]); /* in the publisher's order */
    check_hole(crowd, seat, span, index);
    check(publication->number > span->heard[publication->uid]); /* once on each subscription */
    span->heard[publication->uid] = publication->number;
    seat->events[publication->uid] = publication->number;
    crowd->events++;
}

static void heard_subscribed(struct crowd *crowd, struct seat *seat,
                             const struct crowd_request *request, uint64_t id)
{
    const struct crowd_span *held = span_find(seat, id);
    if (request->want == CROWD_SUBSCRIBED_AGAIN) {
        check(held != NULL && held->pattern == request->what);
        return;
    }
    check(held == NULL && id != 0 && id <= ID_MAX);
    for (unsigned i = 0; i < CROWD_SPANS; i++) {
        struct crowd_span *span = &seat->spans[i];
        if (span->id == 0) {
            memset(span, 0, sizeof *span);
            span->id = id;
            span->pattern = request->what;
            span->from = crowd->publications_count;
            span->to = UINT64_MAX;
            return;
        }
    }
    check(false); /* more SUBSCRIBED than were asked for */
}

static void heard_invocation(struct crowd *crowd, struct seat *seat, const struct parsed *message)
{
    unsigned pattern = 0;
    while (pattern < CROWD_PATTERNS && seat->registrations[pattern] != message->number[2]) {
        pattern++;
    }
    check(pattern < CROWD_PATTERNS); /* an invocation of no registration */
    check(message->number[1] == seat->invocation_last + 1);
    seat->invocation_last = message->number[1];
    struct crowd_invocation invocation = {message->number[1], message->args[0], message->args[1]};
    bool known = message->args_count == 3 && message->args[0] > 0 &&
                 message->args[0] <= crowd->lives && message->args[2] < CROWD_PROCEDURES;
    check(known || crowd->garbage);
    if (known) {
        check((crowd_patterns[pattern].procedures >> message->args[2] & 1) != 0);
        check(message->args[1] > seat->orders[message->args[0]]); /* in the caller's order */
        seat->orders[message->args[0]] = message->args[1];
    }
    check(seat->invocations_count < CROWD_INVOCATIONS);
    seat->invocations[seat->invocations_count++] = invocation;
    if (seat->invocations_count == CROWD_INVOCATIONS) {
        crowd_answer(crowd, seat, 0);
        if (seat->state != SEAT_JOINED) {
            seat->invocations_count--;
        }
    }
}

/* Whoever hears REGISTERED with policy single is the only one who holds it for certain. */
static void check_single(const struct crowd *crowd, const struct seat *seat, uint32_t pattern)
{
    for (unsigned i = 0; i < CROWD_SEATS; i++) {
        const struct seat *other = &crowd->seats[i];
        check(other == seat || other->state != SEAT_JOINED || other->held[pattern] != HELD);
    }
}

static struct crowd_request *request_find(struct seat *seat, uint64_t id)
{
    check(id > 0 && id <= seat->request); /* an answer to nothing that was asked */
    check(seat->requests[id].want != CROWD_NOTHING);
    return &seat->requests[id];
}

static void heard_call_error(struct crowd *crowd, struct seat *seat,
                             const struct crowd_request *request, const struct parsed *message)
{
    const char *uri = message->text[4];
    check(request->want == CROWD_RESULT);
    seat->calls_open--;
    if (strcmp(uri, "com.error.busy") == 0) {
        check(message->args_count == 2 && message->args[0] == seat->uid &&
              message->args[1] == request->number);
    } else if (strcmp(uri, "wamp.error.no_such_procedure") == 0) {
        check(!request->sure);
    } else if (strcmp(uri, "clos.error.quota_exceeded") == 0) {
        check(crowd->poor);
    } else {
        check(strcmp(uri, "wamp.error.canceled") == 0 ||
              strcmp(uri, "wamp.error.invalid_argument") == 0 || crowd->garbage);
    }
}

static void heard_error(struct crowd *crowd, struct seat *seat, const struct parsed *message)
{
    struct crowd_request *request = request_find(seat, message->number[2]);
    const char *uri = message->text[4];
    bool quota = strcmp(uri, "clos.error.quota_exceeded") == 0;
    if (message->number[1] == MESSAGE_CALL) {
        heard_call_error(crowd, seat, request, message);
    } else if (message->number[1] == MESSAGE_REGISTER) {
        check(request->want == CROWD_REGISTERED);
        uint64_t others = crowd->touched[request->what] & ~(UINT64_C(1) << seat->uid);
        check((quota && crowd->poor) || (strcmp(uri, "wamp.error.procedure_already_exists") == 0 &&
                                         (others != 0 || crowd->poor || crowd->garbage)));
        seat->held[request->what] = HELD_NOT;
    } else if (message->number[1] == MESSAGE_SUBSCRIBE) {
        check(quota && crowd->poor);
        check(request->want == CROWD_SUBSCRIBED || request->want == CROWD_SUBSCRIBED_AGAIN);
    } else if (message->number[1] == MESSAGE_UNSUBSCRIBE) {
        check(request->want == CROWD_NO_SUCH_SUBSCRIPTION &&
              strcmp(uri, "wamp.error.no_such_subscription") == 0);
    } else {
        check(message->number[1] == MESSAGE_UNREGISTER);
        check(request->want == CROWD_NO_SUCH_REGISTRATION &&
              strcmp(uri, "wamp.error.no_such_registration") == 0);
    }
    request->want = CROWD_NOTHING;
}

static void heard_registered(struct crowd *crowd, struct seat *seat,
                             const struct crowd_request *request, uint64_t id)
{
    check(request->want == CROWD_REGISTERED && id > 0 && id <= ID_MAX);
    seat->held[request->what] = HELD;
    seat->registrations[request->what] = id;
    if (request->single) {
        check_single(crowd, seat, request->what);
    }
}

static void heard_answer(struct crowd *crowd, struct seat *seat, const struct parsed *message)
{
    struct crowd_request *request = request_find(seat, message->number[1]);
    switch (message->number[0]) {
    case MESSAGE_PUBLISHED:
        check(request->want == CROWD_PUBLISHED);
        break;
    case MESSAGE_SUBSCRIBED:
        check(request->want == CROWD_SUBSCRIBED || request->want == CROWD_SUBSCRIBED_AGAIN);
        heard_subscribed(crowd, seat, request, message->number[2]);
        break;
    case MESSAGE_UNSUBSCRIBED:
        check(request->want == CROWD_UNSUBSCRIBED);
        seat->spans[request->what].id = 0;
        break;
    case MESSAGE_REGISTERED:
        heard_registered(crowd, seat, request, message->number[2]);
        break;
    case MESSAGE_UNREGISTERED:
        check(request->want == CROWD_UNREGISTERED);
        seat->held[request->what] = HELD_NOT;
        seat->registrations[request->what] = 0;
        break;
    case MESSAGE_RESULT:
        check(request->want == CROWD_RESULT && message->args_count == 2);
        check(message->args[0] == seat->uid && message->args[1] == request->number);
        seat->calls_open--;
        crowd->results++;
        break;
    default:
        check(false); /* a message that has no place here */
    }
    request->want = CROWD_NOTHING;
}

void crowd_check_message(struct crowd *crowd, struct seat *seat, const char *json)
{
    struct parsed message;
    if (seat->state == SEAT_WILD) {
        return;
    }
    check(parse_message(json, &message));
    if (seat->state == SEAT_JOINING) {
        check(message.number[0] == MESSAGE_WELCOME);
        seat->state = SEAT_JOINED;
        return;
    }
    if (message.number[0] == MESSAGE_ABORT) { /* only slow readers are ended */
        check(seat->was_deaf || crowd->harsh);
        seat->state = SEAT_WILD;
        return;
    }
    check(seat->state == SEAT_JOINED || seat->state == SEAT_LEAVING);
    if (message.number[0] == MESSAGE_GOODBYE) {
        check(seat->state == SEAT_LEAVING);
        seat->state = SEAT_OVER;
        memset(seat->held, 0, sizeof seat->held);
    } else if (message.number[0] == MESSAGE_EVENT) {
        heard_event(crowd, seat, &message);
    } else if (message.number[0] == MESSAGE_INVOCATION) {
        heard_invocation(crowd, seat, &message);
    } else if (message.number[0] == MESSAGE_ERROR) {
        heard_error(crowd, seat, &message);
    } else {
        heard_answer(crowd, seat, &message);
    }
}

void crowd_check_end(const struct crowd *crowd)
{
    for (unsigned i = 0; i < CROWD_SEATS; i++) {
        const struct seat *seat = &crowd->seats[i];
        if (seat->state != SEAT_JOINED) {
            check(seat->state == SEAT_EMPTY || seat->state == SEAT_WILD);
            continue;
        }
        for (uint64_t k = 1; k <= seat->request; k++) {
            check(seat->requests[k].want == CROWD_NOTHING); /* a request was never answered */
        }
        for (unsigned k = 0; k < CROWD_SPANS; k++) {
            const struct crowd_span *span = &seat->spans[k];
            for (uint64_t p = 0; p < crowd->publications_count && span->id != 0; p++) {
                const struct crowd_publication *publication = &crowd->publications[p];
                check(!publication->taken || !span_owes(seat, span, publication, p) ||
                      span->heard[publication->uid] >= publication->number);
            }
        }
    }
}
