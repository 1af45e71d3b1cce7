#include "client/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* The client on one end of a socket pair, the router's whole part written into the other end before
 * the client begins: its requests are numbered, so what they will be is known. RawSocket and JSON,
 * so that both parts can be read. */

enum { PEER_MAX = 16384 };

struct pair {
    struct client *client;
    int fd; /* the router's end */
    char said[PEER_MAX];
    char log[PEER_MAX]; /* what handlers heard */
    uint64_t call;
};

static const char hello[] =
    "[1,\"realm1\",{\"agent\":\"clos/" CLOS_VERSION "\",\"roles\":{"
    "\"publisher\":{\"features\":{\"publisher_identification\":true,\"publisher_exclusion\":true,"
    "\"subscriber_blackwhite_listing\":true}},"
    "\"subscriber\":{\"features\":{\"publisher_identification\":true,"
    "\"pattern_based_subscription\":true,\"subscription_revocation\":true}},"
    "\"caller\":{\"features\":{\"caller_identification\":true,\"call_timeout\":true,"
    "\"call_canceling\":true,\"progressive_call_results\":true}},"
    "\"callee\":{\"features\":{\"caller_identification\":true,\"call_canceling\":true,"
    "\"progressive_call_results\":true,\"pattern_based_registration\":true,"
    "\"shared_registration\":true,\"registration_revocation\":true}}}}]";

static const char welcome[] = "[2,9007199254740992,{\"roles\":{\"broker\":{\"features\":{}},"
                              "\"dealer\":{\"features\":{\"call_canceling\":true}}}}]";

static void peer_write(struct pair *pair, const void *octets, size_t size)
{
    assert_int_equal(send(pair->fd, octets, size, MSG_NOSIGNAL), size);
}

static void peer_say(struct pair *pair, const char *message)
{
    size_t size = strlen(message);
    uint8_t head[4] = {0, (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};
    peer_write(pair, head, 4);
    peer_write(pair, message, size);
}

/* Everything the client has sent since the last time, a message a line. */
static const char *peer_hear(struct pair *pair)
{
    uint8_t octets[PEER_MAX];
    ssize_t size = recv(pair->fd, octets, sizeof octets, MSG_DONTWAIT);
    char *to = pair->said;
    for (ssize_t at = 0; at < size;) {
        size_t length = (size_t)octets[at + 1] << 16 | (size_t)octets[at + 2] << 8 | octets[at + 3];
        assert_int_equal(octets[at], 0);
        assert_true(at + 4 + (ssize_t)length <= size);
        memcpy(to, octets + at + 4, length);
        to += length;
        *to++ = '\n';
        at += 4 + (ssize_t)length;
    }
    *to = '\0';
    return pair->said;
}

static void pair_open(struct pair *pair, const struct client_options *extra)
{
    int fds[2];
    struct client_options options = extra != NULL ? *extra : (struct client_options){0};
    options.url = "rs://h:1";
    options.realm = "realm1";
    options.serializer = SERIALIZER_JSON;
    *pair = (struct pair){0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pair->fd = fds[0];
    pair->client = client_new(&options);
    assert_non_null(pair->client);
    peer_write(pair, "\x7f\xf1\0\0", 4);
    assert_int_equal(client_adopt(pair->client, fds[1]), CLIENT_OK);
    uint8_t octets[4];
    assert_int_equal(recv(pair->fd, octets, 4, 0), 4);
    assert_memory_equal(octets, "\x7f\xf1\0\0", 4);
}

static void pair_join(struct pair *pair)
{
    pair_open(pair, NULL);
    peer_say(pair, welcome);
    assert_int_equal(client_join(pair->client), CLIENT_OK);
    (void)peer_hear(pair);
}

static void pair_end(struct pair *pair)
{
    client_free(pair->client);
    (void)close(pair->fd);
}

static void pair_log(struct pair *pair, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void pair_log(struct pair *pair, const char *format, ...)
{
    va_list list;
    size_t used = strlen(pair->log);
    va_start(list, format);
    (void)vsnprintf(pair->log + used, sizeof pair->log - used, format, list);
    va_end(list);
}

#define SHOWN(bytes) (int)(bytes).size, (bytes).size > 0 ? (const char *)(bytes).at : ""

static void on_event(void *context, const struct client_event *event)
{
    pair_log(context, "event %llu %llu %.*s %.*s %.*s %.*s\n",
             (unsigned long long)event->subscription, (unsigned long long)event->publication,
             SHOWN(event->topic), SHOWN(event->details), SHOWN(event->payload.args),
             SHOWN(event->payload.kwargs));
}

static void on_answer(void *context, const struct client_answer *answer)
{
    pair_log(context, "%s%s %.*s %.*s\n", client_error_name(answer->error),
             answer->progress ? " progress" : "", SHOWN(answer->uri), SHOWN(answer->payload.args));
}

/* ---- joining and leaving */

static void join_announces_what_the_library_does(void **state)
{
    (void)state;
    struct pair pair;
    char expected[sizeof hello + 1];
    pair_open(&pair, NULL);
    peer_say(&pair, welcome);
    assert_int_equal(client_join(pair.client), CLIENT_OK);
    (void)snprintf(expected, sizeof expected, "%s\n", hello);
    assert_string_equal(peer_hear(&pair), expected);
    assert_true(client_session(pair.client) == UINT64_C(9007199254740992));
    assert_true(client_router_has(pair.client, "dealer", "call_canceling"));
    assert_false(client_router_has(pair.client, "dealer", "call_timeout"));
    assert_false(client_router_has(pair.client, "broker", "call_canceling"));
    pair_end(&pair);
}

static void abort_of_hello_is_told_by_its_kind(void **state)
{
    (void)state;
    static const struct {
        const char *reason;
        enum client_error error;
    } rows[] = {
        {"wamp.error.not_authorized", CLIENT_DENIED},
        {"wamp.error.no_matching_auth_method", CLIENT_DENIED},
        {"wamp.error.no_such_realm", CLIENT_ABORTED},
        {"wamp.error.protocol_violation", CLIENT_PROTOCOL},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct pair pair;
        char message[128];
        char text[192];
        (void)snprintf(message, sizeof message, "[3,{\"message\":\"no\\u0021\"},\"%s\"]",
                       rows[i].reason);
        (void)snprintf(text, sizeof text, "the router does not let us in: %s: no!", rows[i].reason);
        pair_open(&pair, NULL);
        peer_say(&pair, message);
        assert_int_equal(client_join(pair.client), rows[i].error);
        assert_string_equal(client_failure(pair.client)->uri, rows[i].reason);
        assert_string_equal(client_failure(pair.client)->text, text);
        pair_end(&pair);
    }
}

static void ticket_answers_the_challenge(void **state)
{
    (void)state;
    struct pair pair;
    struct client_options options = {.authmethod = "ticket", .authid = "me", .secret = "s\"1"};
    pair_open(&pair, &options);
    peer_say(&pair, "[4,\"ticket\",{}]");
    peer_say(&pair, welcome);
    assert_int_equal(client_join(pair.client), CLIENT_OK);
    const char *said = peer_hear(&pair);
    assert_non_null(strstr(said, ",\"authmethods\":[\"ticket\"],\"authid\":\"me\"}]\n"));
    assert_string_equal(strchr(said, '\n') + 1, "[5,\"s\\\"1\",{}]\n");
    pair_end(&pair);
}

static void close_says_goodbye_and_waits_for_its_answer(void **state)
{
    (void)state;
    struct pair pair;
    pair_join(&pair);
    peer_say(&pair, "[36,1,2,{}]"); /* was under way: not for us any more */
    peer_say(&pair, "[6,{},\"wamp.close.goodbye_and_out\"]");
    assert_int_equal(client_close(pair.client), CLIENT_OK);
    assert_string_equal(peer_hear(&pair), "[6,{},\"wamp.close.close_realm\"]\n");
    assert_int_equal(client_publish(pair.client, "com.x", NULL, &(struct client_payload){0}),
                     CLIENT_USAGE);
    pair_end(&pair);
}

static void goodbye_of_the_router_is_answered_and_ends_what_waits(void **state)
{
    (void)state;
    struct pair pair;
    struct client_payload nothing = client_nothing();
    pair_join(&pair);
    peer_say(&pair, "[6,{},\"wamp.close.system_shutdown\"]");
    assert_int_equal(
        client_call_start(pair.client, "com.p", NULL, &nothing, on_answer, &pair, NULL), CLIENT_OK);
    assert_int_equal(client_run(pair.client, -1), CLIENT_CLOSED);
    assert_string_equal(client_failure(pair.client)->uri, "wamp.close.system_shutdown");
    assert_string_equal(pair.log, "closed wamp.close.system_shutdown \n");
    assert_string_equal(peer_hear(&pair), "[48,1,{},\"com.p\"]\n"
                                          "[6,{},\"wamp.close.goodbye_and_out\"]\n");
    pair_end(&pair);
}

static void router_that_hangs_up_ends_what_waits(void **state)
{
    (void)state;
    struct pair pair;
    struct client_payload nothing = client_nothing();
    struct client_answer answer;
    pair_join(&pair);
    assert_int_equal(
        client_call_start(pair.client, "com.p", NULL, &nothing, on_answer, &pair, NULL), CLIENT_OK);
    assert_int_equal(shutdown(pair.fd, SHUT_WR), 0);
    assert_int_equal(client_call(pair.client, "com.q", NULL, &nothing, 0, &answer), CLIENT_CLOSED);
    assert_int_equal(answer.error, CLIENT_CLOSED);
    assert_string_equal(client_failure(pair.client)->text, "the router hung up");
    assert_string_equal(pair.log, "closed  \n");
    pair_end(&pair);
}

/* ---- publish and subscribe */

static void events_reach_the_handler_of_their_subscription(void **state)
{
    (void)state;
    struct pair pair;
    uint64_t exact = 0;
    uint64_t pattern = 0;
    pair_join(&pair);
    peer_say(&pair, "[33,1,70]");
    peer_say(&pair, "[36,70,500,{}]"); /* before the next answer: heard while that is awaited */
    peer_say(&pair, "[33,2,60]");
    peer_say(&pair, "[36,60,501,{\"topic\":\"com.a\\u002eb\"},[1,\"x\"],{\"k\":null}]");
    peer_say(&pair, "[36,61,502,{}]"); /* of nobody: ignored */
    peer_say(&pair, "[35,3]");
    peer_say(&pair, "[36,70,503,{}]");
    assert_int_equal(client_subscribe(pair.client, "com.t", NULL, on_event, &pair, &exact),
                     CLIENT_OK);
    assert_int_equal(
        client_subscribe(pair.client, "com.", "{\"match\":\"prefix\"}", on_event, &pair, &pattern),
        CLIENT_OK);
    assert_int_equal(client_unsubscribe(pair.client, exact), CLIENT_OK);
    assert_int_equal(client_unsubscribe(pair.client, exact), CLIENT_USAGE);
    assert_int_equal(client_run(pair.client, 0), CLIENT_TIMEOUT);
    assert_true(exact == 70 && pattern == 60);
    assert_string_equal(pair.log, "event 70 500 com.t {}  \n"
                                  "event 60 501 com.a.b {\"topic\":\"com.a\\u002eb\"} [1,\"x\"] "
                                  "{\"k\":null}\n");
    assert_string_equal(peer_hear(&pair), "[32,1,{},\"com.t\"]\n"
                                          "[32,2,{\"match\":\"prefix\"},\"com.\"]\n"
                                          "[34,3,70]\n");
    pair_end(&pair);
}

static void publications_are_acknowledged_when_asked_for_only(void **state)
{
    (void)state;
    struct pair pair;
    uint64_t publication = 0;
    struct client_payload payload = client_json("[1]", NULL);
    struct client_payload named = client_json(NULL, "{\"a\":[]}");
    pair_join(&pair);
    peer_say(&pair, "[17,2,99]");
    peer_say(&pair, "[8,16,3,{},\"wamp.error.not_authorized\"]");
    assert_int_equal(client_publish(pair.client, "com.t", "{\"acknowledge\":true}", &payload),
                     CLIENT_OK);
    assert_int_equal(client_publish_acknowledged(pair.client, "com.t", "{\"exclude_me\":false}",
                                                 &named, &publication),
                     CLIENT_OK);
    assert_true(publication == 99);
    assert_int_equal(client_publish_acknowledged(pair.client, "com.t", NULL, &payload, NULL),
                     CLIENT_ERROR);
    assert_string_equal(client_failure(pair.client)->uri, "wamp.error.not_authorized");
    assert_string_equal(
        peer_hear(&pair),
        "[16,1,{},\"com.t\",[1]]\n"
        "[16,2,{\"exclude_me\":false,\"acknowledge\":true},\"com.t\",[],{\"a\":[]}]\n"
        "[16,3,{\"acknowledge\":true},\"com.t\",[1]]\n");
    pair_end(&pair);
}

static void words_that_are_none_use_up_no_request_id(void **state)
{
    (void)state;
    struct pair pair;
    static const struct client_payload broken[] = {
        {.serializer = SERIALIZER_JSON, .args = {(const uint8_t *)"[1", 2}},
        {.serializer = SERIALIZER_JSON, .args = {(const uint8_t *)"{}", 2}},
        {.serializer = SERIALIZER_JSON, .kwargs = {(const uint8_t *)"[]", 2}},
        {.serializer = SERIALIZER_MSGPACK, .kwargs = {(const uint8_t *)"\x81\x01\x02", 3}},
    };
    struct client_payload nothing = client_nothing();
    struct client_payload packed = {.serializer = SERIALIZER_MSGPACK,
                                    .args = bytes_make("\x92\xc3\xc4\x01\xff", 5)};
    pair_join(&pair);
    for (size_t i = 0; i < array_count(broken); i++) {
        assert_int_equal(client_publish(pair.client, "com.t", NULL, &broken[i]), CLIENT_USAGE);
    }
    assert_int_equal(client_publish(pair.client, "com.t", "[]", &nothing), CLIENT_USAGE);
    assert_int_equal(client_publish(pair.client, "com.t", NULL, &packed), CLIENT_OK);
    assert_string_equal(peer_hear(&pair), "[16,1,{},\"com.t\",[true,\"\\u0000/w==\"]]\n");
    pair_end(&pair);
}

/* ---- calls */

static void call_answers_with_the_result_or_the_error(void **state)
{
    (void)state;
    struct pair pair;
    struct client_answer answer;
    struct client_payload payload = client_json("[2]", NULL);
    pair_join(&pair);
    peer_say(&pair, "[50,1,{\"progress\":true},[\"part\"]]");
    peer_say(&pair, "[50,1,{},[4],{\"k\":1}]");
    peer_say(&pair, "[8,48,2,{},\"com.error\",[\"why\"]]");
    assert_int_equal(client_call(pair.client, "com.p", NULL, &payload, 0, &answer), CLIENT_OK);
    assert_memory_equal(answer.payload.args.at, "[4]", 3);
    assert_memory_equal(answer.payload.kwargs.at, "{\"k\":1}", 7);
    assert_int_equal(client_call(pair.client, "com.p", NULL, &payload, 0, &answer), CLIENT_ERROR);
    assert_memory_equal(answer.uri.at, "com.error", 9);
    assert_memory_equal(answer.payload.args.at, "[\"why\"]", 7);
    pair_end(&pair);
}

static void calls_in_flight_are_answered_in_any_order(void **state)
{
    (void)state;
    struct pair pair;
    struct client_payload nothing = client_nothing();
    pair_join(&pair);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(client_call_start(pair.client, "com.p", "{\"receive_progress\":true}",
                                           &nothing, on_answer, &pair, NULL),
                         CLIENT_OK);
    }
    peer_say(&pair, "[50,3,{},[3]]");
    peer_say(&pair, "[50,1,{\"progress\":true},[10]]");
    peer_say(&pair, "[8,48,2,{},\"com.e\"]");
    peer_say(&pair, "[50,1,{},[1]]");
    assert_int_equal(client_run(pair.client, 0), CLIENT_TIMEOUT);
    assert_string_equal(pair.log, "ok  [3]\nok progress  [10]\nerror com.e \nok  [1]\n");
    pair_end(&pair);
}

static void call_out_of_time_is_cancelled_and_its_late_answer_dropped(void **state)
{
    (void)state;
    struct pair pair;
    struct client_answer answer;
    struct client_payload nothing = client_nothing();
    pair_join(&pair);
    assert_int_equal(client_call(pair.client, "com.p", NULL, &nothing, 1, &answer), CLIENT_TIMEOUT);
    assert_string_equal(peer_hear(&pair), "[48,1,{},\"com.p\"]\n[49,1,{}]\n");
    peer_say(&pair, "[8,48,1,{},\"wamp.error.canceled\"]");
    peer_say(&pair, "[50,2,{},[2]]");
    assert_int_equal(client_call(pair.client, "com.p", NULL, &nothing, 0, &answer), CLIENT_OK);
    assert_memory_equal(answer.payload.args.at, "[2]", 3);
    pair_end(&pair);
}

/* ---- callee */

static void on_invocation(void *context, const struct client_invocation *invocation)
{
    struct pair *pair = context;
    pair_log(pair, "invocation %llu %llu %.*s %.*s\n", (unsigned long long)invocation->request,
             (unsigned long long)invocation->registration, SHOWN(invocation->procedure),
             SHOWN(invocation->payload.args));
    if (invocation->request == 1) {
        struct client_payload part = client_json("[0]", NULL);
        struct client_answer answer;
        assert_int_equal(client_yield(pair->client, 1, "{\"progress\":true}", &part), CLIENT_OK);
        assert_int_equal(client_yield(pair->client, 1, NULL, &invocation->payload), CLIENT_OK);
        assert_int_equal(client_call(pair->client, "com.x", NULL, &part, 0, &answer),
                         CLIENT_USAGE); /* a handler must not wait */
    }
}

static void on_interrupt(void *context, uint64_t invocation)
{
    struct pair *pair = context;
    struct client_payload nothing = client_nothing();
    pair_log(pair, "interrupt %llu\n", (unsigned long long)invocation);
    assert_int_equal(client_refuse(pair->client, invocation, "wamp.error.canceled", &nothing),
                     CLIENT_OK);
}

static void invocations_are_answered_in_the_handler_or_later(void **state)
{
    (void)state;
    struct pair pair;
    uint64_t registration = 0;
    struct client_callee callee = {
        .on_invocation = on_invocation,
        .on_interrupt = on_interrupt,
        .context = &pair,
    };
    struct client_payload late = client_json("[\"late\"]", NULL);
    pair_join(&pair);
    peer_say(&pair, "[65,1,40]");
    assert_int_equal(client_register(pair.client, "com.p", "{\"invoke\":\"roundrobin\"}", &callee,
                                     &registration),
                     CLIENT_OK);
    assert_true(registration == 40);
    peer_say(&pair, "[68,1,40,{},[7]]");
    peer_say(&pair, "[68,2,40,{\"procedure\":\"com.p.q\"}]");
    peer_say(&pair, "[68,3,40,{}]");
    peer_say(&pair, "[69,3,{}]");
    peer_say(&pair, "[68,4,41,{}]");
    assert_int_equal(client_run(pair.client, 0), CLIENT_TIMEOUT);
    assert_int_equal(client_yield(pair.client, 2, NULL, &late), CLIENT_OK);
    assert_string_equal(pair.log, "invocation 1 40 com.p [7]\n"
                                  "invocation 2 40 com.p.q \n"
                                  "invocation 3 40 com.p \n"
                                  "interrupt 3\n");
    assert_string_equal(peer_hear(&pair), "[64,1,{\"invoke\":\"roundrobin\"},\"com.p\"]\n"
                                          "[70,1,{\"progress\":true},[0]]\n"
                                          "[70,1,{},[7]]\n"
                                          "[8,68,3,{},\"wamp.error.canceled\"]\n"
                                          "[8,68,4,{},\"wamp.error.no_such_registration\"]\n"
                                          "[70,2,{},[\"late\"]]\n");
    pair_end(&pair);
}

/* ---- faults of the router */

static void message_that_breaks_the_protocol_is_answered_with_abort(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{}", "not a list"},
        {"[\"x\"]", "the code is missing"},
        {"[16,1,{},\"com.t\"]", "no message that a router sends has this code"},
        {"[2,1,{}]", "a message came in the wrong state"},
        {"[36,1,2]", "an element is missing"},
        {"[36,1,0,{}]", "an id is 0"},
        {"[36,9007199254740993,1,{}]", "an id is missing or out of range"},
        {"[36,1.0,1,{}]", "an id is missing or out of range"},
        {"[36,1,2,[]]", "a list or dictionary is missing"},
        {"[36,1,2,{},{}]", "a list or dictionary is missing"},
        {"[36,1,2,{},[],{},1]", "too many elements"},
        {"[36,1,2,{}] x", "octets follow the message"},
        {"[50,1,{}]", "RESULT answers nothing that was asked"},
        {"[17,1,5]", "PUBLISHED answers nothing that was asked"},
        {"[33,1,5]", "an acknowledgement answers nothing that was asked"},
        {"[8,48,1,{},\"com.e\"]", "ERROR answers nothing that was asked"},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        struct pair pair;
        char expected[256];
        pair_join(&pair);
        peer_say(&pair, rows[i][0]);
        assert_int_equal(client_run(pair.client, -1), CLIENT_PROTOCOL);
        (void)snprintf(expected, sizeof expected,
                       "[3,{\"message\":\"%s\"},\"wamp.error.protocol_violation\"]\n", rows[i][1]);
        assert_string_equal(peer_hear(&pair), expected);
        (void)snprintf(expected, sizeof expected, "the router broke the protocol: %s", rows[i][1]);
        assert_string_equal(client_failure(pair.client)->text, expected);
        pair_end(&pair);
    }
}

static void waiting_ends_when_the_stop_descriptor_is_readable(void **state)
{
    (void)state;
    int ends[2];
    struct pair pair;
    assert_int_equal(pipe(ends), 0);
    struct client_options options = {.stop_fd = ends[0]};
    pair_open(&pair, &options);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(client_join(pair.client), CLIENT_STOPPED);
    pair_end(&pair);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void too_many_requests_in_flight_are_refused(void **state)
{
    (void)state;
    static struct pair pair;
    struct client_payload nothing = client_nothing();
    uint8_t octets[65536];
    pair_join(&pair);
    for (int i = 0; i < 4096; i++) {
        assert_int_equal(client_call_start(pair.client, "com.p", NULL, &nothing, NULL, NULL, NULL),
                         CLIENT_OK);
        (void)recv(pair.fd, octets, sizeof octets, MSG_DONTWAIT);
    }
    assert_int_equal(client_call_start(pair.client, "com.p", NULL, &nothing, NULL, NULL, NULL),
                     CLIENT_LIMIT);
    peer_say(&pair, "[50,4096,{}]");
    assert_int_equal(client_run(pair.client, 0), CLIENT_TIMEOUT);
    assert_int_equal(
        client_call_start(pair.client, "com.p", NULL, &nothing, NULL, NULL, &pair.call), CLIENT_OK);
    assert_true(pair.call == 4097);
    pair_end(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(join_announces_what_the_library_does),
        cmocka_unit_test(abort_of_hello_is_told_by_its_kind),
        cmocka_unit_test(ticket_answers_the_challenge),
        cmocka_unit_test(close_says_goodbye_and_waits_for_its_answer),
        cmocka_unit_test(goodbye_of_the_router_is_answered_and_ends_what_waits),
        cmocka_unit_test(router_that_hangs_up_ends_what_waits),
        cmocka_unit_test(events_reach_the_handler_of_their_subscription),
        cmocka_unit_test(publications_are_acknowledged_when_asked_for_only),
        cmocka_unit_test(words_that_are_none_use_up_no_request_id),
        cmocka_unit_test(call_answers_with_the_result_or_the_error),
        cmocka_unit_test(calls_in_flight_are_answered_in_any_order),
        cmocka_unit_test(call_out_of_time_is_cancelled_and_its_late_answer_dropped),
        cmocka_unit_test(invocations_are_answered_in_the_handler_or_later),
        cmocka_unit_test(message_that_breaks_the_protocol_is_answered_with_abort),
        cmocka_unit_test(waiting_ends_when_the_stop_descriptor_is_readable),
        cmocka_unit_test(too_many_requests_in_flight_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
