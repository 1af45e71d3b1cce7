#include "tests/lib/attack.h"

#include "tests/lib/talk_json.h"

#include <stdio.h>

const char attack_hello[] = "[1,\"realm1\",{\"roles\":{\"publisher\":{},\"subscriber\":{},"
                            "\"caller\":{},\"callee\":{}}}]";

static void hear(struct attack *attack, struct person *person, const char *pattern)
{
    struct talk_variables variables = {0};
    stage_run(&attack->stage);
    char *json = person_hear(person);
    if (json == NULL || !talk_match(pattern, json, &variables)) {
        print_error("expected %s\n   heard %.1000s\n", pattern, json == NULL ? "nothing" : json);
        fail();
    }
    free(json);
}

/* ---- the witnesses */

static void witness_join(struct attack *attack, struct person *person, unsigned core)
{
    person_init(person, FRAMING_WEBSOCKET, core == 0 ? SERIALIZER_JSON : SERIALIZER_CBOR);
    stage_enter(&attack->stage, person, core);
    person_say(person, attack_hello);
    hear(attack, person, "[2, *, {...}]");
}

static void say_number(struct person *person, unsigned code, uint64_t number, const char *rest)
{
    char text[160];
    int size = snprintf(text, sizeof text, "[%u,%llu,%s", code, (unsigned long long)number, rest);
    assert_in_range(size, 1, sizeof text - 1);
    person_say(person, text);
}

/* Event and call, from one core to the other. */
static void witnesses_judge(struct attack *attack)
{
    assert_int_equal(attack->bob.heard_count, 0);
    assert_int_equal(attack->carol.heard_count, 0);
    say_number(&attack->bob, 16, ++attack->request, "{},\"com.safe.topic\",[\"safe\"]]");
    hear(attack, &attack->carol, "[36, *, *, {}, [\"safe\"]]");
    say_number(&attack->bob, 48, ++attack->request, "{},\"com.safe.procedure\"]");
    hear(attack, &attack->carol, "[68, *, *, {}]");
    say_number(&attack->carol, 70, ++attack->invoked, "{},[\"sound\"]]");
    hear(attack, &attack->bob, "[50, *, {}, [\"sound\"]]");
    assert_false(attack->bob.gone || attack->carol.gone);
}

/* ---- counters */

static struct stats stats_sum(const struct attack *attack)
{
    struct stats sum = {0};
    uint64_t *to = (uint64_t *)(void *)&sum;
    for (unsigned i = 0; i < attack->stage.cores_count; i++) {
        const uint64_t *from = (const uint64_t *)(const void *)&attack->stage.cores[i].stats;
        for (size_t k = 0; k < sizeof sum / sizeof *to; k++) {
            to[k] += from[k];
        }
    }
    return sum;
}

/* Faults: what grows when something is wrong, and must not grow beside the one expected. */
static const size_t faults[] = {
    ATTACK_COUNTER(connections_refused),
    ATTACK_COUNTER(publications_refused),
    ATTACK_COUNTER(events_untranscodable),
    ATTACK_COUNTER(events_oversized),
    ATTACK_COUNTER(replies_late),
    ATTACK_COUNTER(replies_orphaned),
    ATTACK_COUNTER(joins_refused),
    ATTACK_COUNTER(requests_refused),
    ATTACK_COUNTER(protocol_violations),
    ATTACK_COUNTER(killed_hard_bytes),
    ATTACK_COUNTER(killed_hard_messages),
    ATTACK_COUNTER(killed_soft),
    ATTACK_COUNTER(killed_stuck),
    ATTACK_COUNTER(killed_memory),
    ATTACK_COUNTER(hello_timeouts),
    ATTACK_COUNTER(close_timeouts),
    ATTACK_COUNTER(quota_refusals),
    ATTACK_END(PEER_CLOSED),
    ATTACK_END(HTTP_REFUSED),
    ATTACK_END(HTTP_TIMEOUT),
    ATTACK_END(RAWSOCKET_TIMEOUT),
    ATTACK_END(NOT_SPOKEN),
    ATTACK_END(RAWSOCKET_REFUSED),
    ATTACK_END(RAWSOCKET_FRAME),
    ATTACK_END(TOO_BIG),
    ATTACK_END(PROTOCOL),
    ATTACK_END(UTF8),
    ATTACK_END(FLOOD),
    ATTACK_END(MESSAGE_TIMEOUT),
    ATTACK_END(PING_TIMEOUT),
    ATTACK_END(MEMORY),
};

static uint64_t stats_at(const struct stats *stats, size_t place)
{
    uint64_t value;
    memcpy(&value, (const char *)stats + place, sizeof value);
    return value;
}

void attack_counters_judge(const struct attack *attack, size_t counter, uint64_t count)
{
    struct stats now = stats_sum(attack);
    for (size_t i = 0; i < array_count(faults); i++) {
        uint64_t grown = stats_at(&now, faults[i]) - stats_at(&attack->before, faults[i]);
        uint64_t wanted = faults[i] == counter ? count : 0;
        /* A quota's refusal and a limit's error are told to the client by the same ERROR. */
        bool companion = faults[i] == ATTACK_COUNTER(requests_refused) &&
                         (counter == ATTACK_COUNTER(quota_refusals) ||
                          counter == ATTACK_COUNTER(publications_refused));
        if (grown != wanted && !companion) {
            print_error("counter at %zu grew by %llu, not by %llu\n", faults[i] / sizeof(uint64_t),
                        (unsigned long long)grown, (unsigned long long)wanted);
            fail();
        }
    }
}

/* ---- a test's life */

void attack_prepare(struct attack *attack)
{
    memset(attack, 0, sizeof *attack);
    attack->limits = limits_default();
    attack->permissions[0] =
        (struct permission_settings){.uri = "", .match = MATCH_PREFIX, .allow = ACTION_ALL};
    attack->role = (struct role_settings){
        .name = "anonymous", .permissions = attack->permissions, .permissions_count = 1};
    attack->realm = (struct realm_settings){
        .name = "realm1", .roles = &attack->role, .roles_count = 1, .anonymous_role = "anonymous"};
    attack->realms = &attack->realm;
    attack->realms_count = 1;
    attack->listener = (struct listener_settings){
        .endpoint = "attack", .transport = stage_transport_options(&attack->limits)};
}

void attack_begin(struct attack *attack)
{
    struct transport_options told = attack->listener.transport;
    attack->listener.transport = stage_transport_options(&attack->limits);
    attack->listener.transport.websocket = told.websocket;
    attack->listener.transport.rawsocket = told.rawsocket;
    attack->listener.transport.origins = told.origins;
    attack->listener.transport.serializers = told.serializers;
    attack->settings = (struct settings){.limits = attack->limits,
                                         .realms = attack->realms,
                                         .realms_count = attack->realms_count,
                                         .listeners = &attack->listener,
                                         .listeners_count = 1,
                                         .agent = "clos"};
    stage_init_with(&attack->stage, 2, 1, &attack->settings);
    witness_join(attack, &attack->bob, 0);
    witness_join(attack, &attack->carol, 1);
    person_say(&attack->carol, "[32,1,{},\"com.safe.topic\"]");
    hear(attack, &attack->carol, "[33, 1, *]");
    person_say(&attack->carol, "[64,2,{},\"com.safe.procedure\"]");
    hear(attack, &attack->carol, "[65, 2, *]");
    witnesses_judge(attack);
    attack->before = stats_sum(attack);
}

void attack_leave(struct attack *attack)
{
    if (attack->here) {
        if (!attack->mallory.gone) {
            stage_leave(&attack->stage, attack->actor);
        }
        attack->mallory.out.size = 0;
        stage_run(&attack->stage);
        person_fini(&attack->mallory);
        attack->here = false;
    }
}

void attack_end(struct attack *attack, size_t counter, uint64_t count)
{
    stage_run(&attack->stage);
    attack_counters_judge(attack, counter, count);
    witnesses_judge(attack);
    attack_leave(attack);
    witnesses_judge(attack);
    stage_fini(&attack->stage); /* every gauge is zero, all memory came home */
    person_fini(&attack->bob);
    person_fini(&attack->carol);
}

/* ---- the attacker */

/* One life after another in the same seat, so that many fit on the stage. */
static void attack_take_seat(struct attack *attack)
{
    if (attack->actor != 0) {
        attack->stage.actors_count = attack->actor;
    }
    attack->actor = stage_enter(&attack->stage, &attack->mallory, 0);
    attack->here = true;
    stage_run(&attack->stage);
}

void attack_enter(struct attack *attack, enum framing framing, enum serializer serializer)
{
    attack_leave(attack);
    person_init(&attack->mallory, framing, serializer);
    attack_take_seat(attack);
}

void attack_enter_silent(struct attack *attack)
{
    attack_leave(attack);
    person_init(&attack->mallory, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    attack->mallory.out.size = 0;
    attack->mallory.refused = true; /* it keeps what comes as it is */
    attack_take_seat(attack);
}

void attack_join(struct attack *attack, enum framing framing, enum serializer serializer)
{
    attack_enter(attack, framing, serializer);
    attack_say(attack, attack_hello);
    attack_expect(attack, "[2, *, {...}]");
}

void attack_write(struct attack *attack, struct bytes octets)
{
    octets_put(&attack->mallory.out, octets.at, octets.size);
    stage_run(&attack->stage);
}

void attack_write_text(struct attack *attack, const char *text)
{
    attack_write(attack, bytes_text(text));
}

void attack_frame(struct attack *attack, uint8_t first, struct bytes payload)
{
    octets_frame(&attack->mallory.out, first, payload);
    stage_run(&attack->stage);
}

void attack_say(struct attack *attack, const char *json)
{
    person_say(&attack->mallory, json);
    stage_run(&attack->stage);
}

void attack_say_octets(struct attack *attack, struct bytes message)
{
    person_say_octets(&attack->mallory, message);
    stage_run(&attack->stage);
}

void attack_expect(struct attack *attack, const char *pattern)
{
    hear(attack, &attack->mallory, pattern);
}

void attack_expect_nothing(struct attack *attack)
{
    stage_run(&attack->stage);
    assert_int_equal(attack->mallory.heard_count, 0);
    assert_int_equal(attack->mallory.close_code, 0);
    assert_false(attack->mallory.gone);
}

void attack_expect_close(struct attack *attack, uint16_t code)
{
    stage_run(&attack->stage);
    assert_int_equal(attack->mallory.heard_count, 0);
    assert_int_equal(attack->mallory.close_code, code);
    assert_int_equal(attack->mallory.in.size, 0);
    assert_true(attack->mallory.gone);
}

void attack_expect_dropped(struct attack *attack)
{
    attack_expect_close(attack, 0);
}

void attack_expect_octets(struct attack *attack, struct bytes octets)
{
    stage_run(&attack->stage);
    assert_int_equal(attack->mallory.in.size, octets.size);
    if (octets.size > 0) {
        assert_memory_equal(attack->mallory.in.at, octets.at, octets.size);
    }
    assert_true(attack->mallory.gone);
}

void attack_expect_status(struct attack *attack, unsigned status)
{
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %u ", status);
    stage_run(&attack->stage);
    octets_put(&attack->mallory.in, "", 1);
    const char *answer = (const char *)attack->mallory.in.at;
    if (strncmp(answer, line, strlen(line)) != 0) {
        print_error("expected %s\n   heard %s\n", line, answer);
        fail();
    }
    const char *body = strstr(answer, "\r\n\r\n");
    const char *length = strstr(answer, "Content-Length: ");
    assert_non_null(body);
    assert_non_null(length);
    assert_non_null(strstr(answer, "close\r\n"));
    assert_int_equal(strlen(body + 4), strtoul(length + 16, NULL, 10)); /* and nothing behind it */
    assert_true(attack->mallory.gone);
}

void attack_expect_violation(struct attack *attack)
{
    attack_expect(attack, "[3, {\"message\": *}, \"wamp.error.protocol_violation\"]");
    attack_expect_close(attack, attack->mallory.framing == FRAMING_WEBSOCKET ? 1002 : 0);
}
