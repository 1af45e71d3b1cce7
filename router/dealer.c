/* A call is two records: struct call where the caller is, struct invocation where the callee is.
 * At one place they point at each other; between places they know each other's place and number.
 * Whichever side goes first takes both records away, so that the other hears exactly once. */
#include "router/dealer.h"

#include "router/encode.h"
#include "router/register.h"

struct answer {             /* what ends a call */
    struct bytes error_uri; /* empty: a result */
    enum serializer serializer;
    struct bytes args;
    struct bytes kwargs;
};

static uint64_t errand_key(place_id from, uint64_t call)
{
    return ((uint64_t)(from + 1) << 56) | call;
}

/* ---- the caller's side */

static void call_free(struct call *call)
{
    struct core *core = call->caller->conn->core;
    check(map_take(&call->caller->calls, call->request) == call);
    if (call->id != 0) {
        check(map_take(&core->calls, call->id) == call);
    }
    core->gauges.calls_open--;
    mem_give(&core->mem, call, sizeof *call);
}

static void call_fail(struct call *call, const char *error, const char *words)
{
    call->caller->conn->core->stats.calls_failed++;
    session_error(call->caller, MESSAGE_CALL, call->request, error, words);
    call_free(call);
}

/* RESULT or ERROR to the caller; exactly once, since the record goes. */
static void call_answer(struct call *call, const struct answer *answer)
{
    struct conn *conn = call->caller->conn;
    struct encoding encoding;
    struct writer writer;
    bool result = answer->error_uri.size == 0;
    encode_begin(&encoding, conn->core, conn->transport.serializer, &writer);
    write_array(&writer, (result ? 3 : 5) + payload_count(answer->args, answer->kwargs));
    write_uint(&writer, result ? MESSAGE_RESULT : MESSAGE_ERROR);
    if (!result) {
        write_uint(&writer, MESSAGE_CALL);
    }
    write_uint(&writer, call->request);
    write_map(&writer, 0);
    write_end(&writer);
    if (!result) {
        write_string(&writer, answer->error_uri);
    }
    encode_payload(&encoding, &writer, answer->serializer, answer->args, answer->kwargs);
    encode_end(&encoding);
    enum sent sent = encode_send(&encoding, conn);
    encode_done(&encoding);
    if (sent == SENT_FAILED) {
        call_fail(call, "wamp.error.invalid_argument", "the result has no form in this serializer");
    } else if (sent == SENT_OVERSIZED) {
        call_fail(call, "wamp.error.payload_size_exceeded", "the result is too large for you");
    } else {
        call_free(call);
    }
}

/* ---- the callee's side */

static void invocation_free(struct invocation *invocation)
{
    struct core *core = invocation->callee->conn->core;
    if (invocation->call_id != 0) {
        check(map_take(&core->errands, errand_key(invocation->from, invocation->call_id)) ==
              invocation);
    }
    core->gauges.invocations_open--;
    mem_give(&core->mem, invocation, sizeof *invocation);
}

/* The invocation is out of its session's map: its caller hears the answer, here or elsewhere. */
static void invocation_answer(struct invocation *invocation, const struct answer *answer)
{
    struct session *callee = invocation->callee;
    struct core *core = callee->conn->core;
    if (invocation->call != NULL) {
        call_answer(invocation->call, answer);
    } else {
        struct note note = {.head = {.kind = answer->error_uri.size == 0 ? NOTE_RESULT : NOTE_ERROR,
                                     .serializer = (uint8_t)answer->serializer,
                                     .realm = callee->realm->index,
                                     .call = invocation->call_id},
                            .uri = answer->error_uri,
                            .args = answer->args,
                            .kwargs = answer->kwargs};
        core_note_post(core, invocation->from, &note, callee->conn);
    }
    invocation_free(invocation);
}

struct order { /* a call as it reaches its callee */
    struct endpoint *endpoint;
    struct call *call; /* NULL: it comes from another place */
    uint64_t call_id;  /* then */
    place_id from;     /* then */
    struct bytes procedure;
    enum serializer serializer;
    struct bytes args;
    struct bytes kwargs;
};

static struct invocation *invocation_new(const struct order *order)
{
    struct session *callee = order->endpoint->session;
    struct core *core = callee->conn->core;
    struct invocation *invocation = mem_take(&core->mem, sizeof *invocation);
    if (invocation == NULL) {
        return NULL;
    }
    uint64_t request = callee->invocation_last == ID_MAX ? 1 : callee->invocation_last + 1;
    *invocation = (struct invocation){.callee = callee,
                                      .request = request,
                                      .call = order->call,
                                      .call_id = order->call_id,
                                      .from = order->from};
    if (!map_put(&callee->invocations, request, invocation)) {
        mem_give(&core->mem, invocation, sizeof *invocation);
        return NULL;
    }
    if (order->call_id != 0 &&
        !map_put(&core->errands, errand_key(order->from, order->call_id), invocation)) {
        map_take(&callee->invocations, request);
        mem_give(&core->mem, invocation, sizeof *invocation);
        return NULL;
    }
    callee->invocation_last = request;
    core->gauges.invocations_open++;
    return invocation;
}

static enum sent invocation_send(const struct invocation *invocation, const struct order *order)
{
    struct conn *conn = invocation->callee->conn;
    const struct registration *registration = order->endpoint->registration;
    struct encoding encoding;
    struct writer writer;
    bool pattern = registration->kind != MATCH_EXACT;
    encode_begin(&encoding, conn->core, conn->transport.serializer, &writer);
    write_array(&writer, 4 + payload_count(order->args, order->kwargs));
    write_uint(&writer, MESSAGE_INVOCATION);
    write_uint(&writer, invocation->request);
    write_uint(&writer, registration->id);
    write_map(&writer, pattern ? 1 : 0);
    if (pattern) {
        write_string(&writer, BYTES_LITERAL("procedure"));
        write_string(&writer, order->procedure);
    }
    write_end(&writer);
    encode_payload(&encoding, &writer, order->serializer, order->args, order->kwargs);
    encode_end(&encoding);
    enum sent sent = encode_send(&encoding, conn);
    encode_done(&encoding);
    return sent;
}

/* Sends INVOCATION and remembers whom to answer. NULL, or the error that the caller gets. */
static const char *invoke(const struct order *order)
{
    struct session *callee = order->endpoint->session;
    endpoint_answer(order->endpoint); /* REGISTERED before the first INVOCATION (B-ORD-4) */
    struct invocation *invocation = invocation_new(order);
    if (invocation == NULL) {
        callee->conn->core->stats.quota_refusals++;
        return "clos.error.quota_exceeded";
    }
    enum sent sent = invocation_send(invocation, order);
    if (unlikely(sent == SENT_FAILED || sent == SENT_OVERSIZED)) {
        callee->invocation_last--; /* the callee has not seen this number */
        map_take(&callee->invocations, invocation->request);
        invocation_free(invocation);
        return sent == SENT_FAILED ? "wamp.error.invalid_argument"
                                   : "wamp.error.payload_size_exceeded";
    }
    callee->conn->core->stats.invocations++;
    if (order->call != NULL) {
        order->call->invocation = invocation;
    }
    return NULL;
}

/* ---- CALL */

static void call_refuse(struct session *session, const struct message *message, const char *error,
                        const char *words)
{
    session->conn->core->stats.calls_failed++;
    session_error(session, MESSAGE_CALL, message->request, error, words);
}

static struct call *call_new(struct session *session, const struct message *message)
{
    struct core *core = session->conn->core;
    struct call *call = mem_take_zero(&core->mem, sizeof *call);
    if (call == NULL) {
        return NULL;
    }
    if (!map_put(&session->calls, message->request, call)) {
        mem_give(&core->mem, call, sizeof *call);
        return NULL;
    }
    call->caller = session;
    call->request = message->request;
    core->gauges.calls_open++;
    core->stats.calls++;
    return call;
}

static void call_here(struct call *call, const struct message *message, const struct callee *callee)
{
    struct order order = {.endpoint = callee->endpoint,
                          .call = call,
                          .procedure = message->uri,
                          .serializer = message->serializer,
                          .args = message->args,
                          .kwargs = message->kwargs};
    const char *error = invoke(&order);
    if (unlikely(error != NULL)) {
        call_fail(call, error, "the callee can not take this call");
    }
}

static void call_elsewhere(struct call *call, const struct message *message,
                           const struct registration *registration, const struct callee *callee)
{
    struct session *session = call->caller;
    struct core *core = session->conn->core;
    uint64_t id = ++core->call_last;
    if (!map_put(&core->calls, id, call)) {
        core->stats.quota_refusals++;
        call_fail(call, "clos.error.quota_exceeded", "too many calls are open");
        return;
    }
    call->id = id;
    call->place = callee->place;
    struct note note = {.head = {.kind = NOTE_CALL,
                                 .serializer = (uint8_t)message->serializer,
                                 .realm = session->realm->index,
                                 .id = registration->id,
                                 .session = session->id,
                                 .target = callee->session,
                                 .call = id},
                        .uri = message->uri,
                        .args = message->args,
                        .kwargs = message->kwargs};
    core_note_post(core, callee->place, &note, session->conn);
}

static bool call_judge(struct session *session, const struct message *message)
{
    struct realm *realm = session->realm;
    if (message->progress) {
        session_violate(session->conn, "progressive call invocations were not announced");
        return false;
    }
    if (route_find(&realm->procedures, message->uri) == NULL &&
        !uri_valid(message->uri, realm->settings->uri_check)) {
        call_refuse(session, message, "wamp.error.invalid_uri", "not a valid procedure");
        return false;
    }
    if (!permit_allows(session->role->permit, ACTION_CALL, message->uri)) {
        call_refuse(session, message, "wamp.error.not_authorized", "calling this is not allowed");
        return false;
    }
    if (map_get(&session->calls, message->request) != NULL) {
        session_violate(session->conn, "the request id of a call is still in use");
        return false;
    }
    return true;
}

void dealer_call(struct session *session, const struct message *message)
{
    struct realm *realm = session->realm;
    if (!call_judge(session, message)) {
        return;
    }
    struct registration *registration = registration_find(realm, message->uri);
    if (registration == NULL) {
        call_refuse(session, message, "wamp.error.no_such_procedure",
                    "no callee has registered this procedure");
        return;
    }
    struct call *call = call_new(session, message);
    if (call == NULL) {
        realm->core->stats.quota_refusals++;
        call_refuse(session, message, "clos.error.quota_exceeded", "too many calls are open");
        return;
    }
    const struct callee *callee = registration_choose(registration);
    call->callee = callee->session;
    if (callee->endpoint != NULL) {
        call_here(call, message, callee);
    } else {
        call_elsewhere(call, message, registration, callee);
    }
}

/* ---- YIELD and ERROR */

/* The invocation that a callee answers, out of its map; NULL: over long ago, or never made (then
 * the callee is in violation: R4). */
static struct invocation *invocation_take(struct session *session, uint64_t request)
{
    struct invocation *invocation = map_take(&session->invocations, request);
    if (likely(invocation != NULL)) {
        return invocation;
    }
    if (request > session->invocation_last) {
        session_violate(session->conn, "an answer to an invocation that never was");
    } else {
        session->conn->core->stats.replies_late++;
    }
    return NULL;
}

void dealer_yield(struct session *session, const struct message *message)
{
    if (unlikely(message->progress)) { /* nobody asked for progress: dropped, the call goes on */
        session->conn->core->stats.replies_late++;
        return;
    }
    struct invocation *invocation = invocation_take(session, message->request);
    if (likely(invocation != NULL)) {
        struct answer answer = {
            .serializer = message->serializer, .args = message->args, .kwargs = message->kwargs};
        invocation_answer(invocation, &answer);
    }
}

void dealer_error(struct session *session, const struct message *message)
{
    if (message->request_type != MESSAGE_INVOCATION) {
        session_violate(session->conn, "ERROR from a client must be of type INVOCATION");
        return;
    }
    if (!uri_valid(message->uri, session->realm->settings->uri_check)) {
        session_violate(session->conn, "the URI of an ERROR is not valid");
        return;
    }
    struct invocation *invocation = invocation_take(session, message->request);
    if (invocation != NULL) {
        struct answer answer = {.error_uri = message->uri,
                                .serializer = message->serializer,
                                .args = message->args,
                                .kwargs = message->kwargs};
        invocation_answer(invocation, &answer);
    }
}

/* ---- the end of a session */

/* Its calls: nobody waits for them any more; late answers will be thrown away (B-RPC-12). */
static void calls_abandon(struct session *session)
{
    struct core *core = session->conn->core;
    struct call *call;
    while ((call = map_pop_any(&session->calls, NULL)) != NULL) {
        if (call->id != 0) {
            struct note note = {
                .head = {.kind = NOTE_ABANDON, .realm = session->realm->index, .call = call->id}};
            core_note_post(core, call->place, &note, NULL);
            check(map_take(&core->calls, call->id) == call);
        } else {
            struct invocation *invocation = call->invocation;
            check(map_take(&invocation->callee->invocations, invocation->request) == invocation);
            invocation_free(invocation);
        }
        core->gauges.calls_open--;
        mem_give(&core->mem, call, sizeof *call);
    }
}

/* Its invocations: each caller hears that its call was canceled (B-RPC-13). */
static void invocations_cancel(struct session *session)
{
    struct invocation *invocation;
    struct answer answer = {.error_uri = BYTES_LITERAL("wamp.error.canceled"),
                            .serializer = SERIALIZER_JSON,
                            .args = BYTES_LITERAL("[\"the callee left\"]")};
    while ((invocation = map_pop_any(&session->invocations, NULL)) != NULL) {
        session->conn->core->stats.calls_failed++;
        invocation_answer(invocation, &answer);
    }
}

void dealer_leave(struct session *session)
{
    register_leave(session);
    calls_abandon(session);
    invocations_cancel(session);
}

/* ---- notes of other places */

static void dealer_note_call(struct realm *realm, place_id from, const struct note *note)
{
    struct session *callee = map_get(&realm->core->sessions, note->head.target);
    struct endpoint *endpoint =
        callee == NULL ? NULL : map_get(&callee->registrations, note->head.id);
    const char *error = "wamp.error.no_such_procedure"; /* it left before the call came */
    if (endpoint != NULL) {
        struct order order = {.endpoint = endpoint,
                              .call_id = note->head.call,
                              .from = from,
                              .procedure = note->uri,
                              .serializer = (enum serializer)note->head.serializer,
                              .args = note->args,
                              .kwargs = note->kwargs};
        error = invoke(&order);
    }
    if (error != NULL) {
        struct note answer = {.head = {.kind = NOTE_ERROR,
                                       .serializer = SERIALIZER_JSON,
                                       .realm = realm->index,
                                       .call = note->head.call},
                              .uri = bytes_text(error)};
        realm->core->stats.calls_failed++;
        core_note_post(realm->core, from, &answer, NULL);
    }
}

static void dealer_note_answer(struct realm *realm, const struct note *note)
{
    struct call *call = map_get(&realm->core->calls, note->head.call);
    if (call == NULL) {
        realm->core->stats.replies_orphaned++;
        return;
    }
    struct answer answer = {.error_uri = note->uri,
                            .serializer = (enum serializer)note->head.serializer,
                            .args = note->args,
                            .kwargs = note->kwargs};
    call_answer(call, &answer);
}

static void dealer_note_abandon(struct realm *realm, place_id from, const struct note *note)
{
    struct invocation *invocation =
        map_get(&realm->core->errands, errand_key(from, note->head.call));
    if (invocation != NULL) {
        check(map_take(&invocation->callee->invocations, invocation->request) == invocation);
        invocation_free(invocation);
    }
}

void dealer_note(struct realm *realm, place_id from, const struct note *note)
{
    if (note->head.kind == NOTE_CALL) {
        dealer_note_call(realm, from, note);
    } else if (note->head.kind == NOTE_RESULT || note->head.kind == NOTE_ERROR) {
        dealer_note_answer(realm, note);
    } else if (note->head.kind == NOTE_ABANDON) {
        dealer_note_abandon(realm, from, note);
    } else {
        register_note(realm, from, note);
    }
}
