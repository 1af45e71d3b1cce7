#include "tests/lib/slow.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAYLOAD_MAX = 1 << 19 };

struct slow *slow_new(unsigned cores, const struct limits *limits)
{
    struct slow *slow = calloc(1, sizeof *slow);
    check(slow != NULL);
    stage_init(&slow->stage, cores, 1, limits);
    return slow;
}

void slow_free(struct slow *slow)
{
    unsigned count = slow->stage.actors_count;
    stage_fini(&slow->stage);
    for (unsigned i = 0; i < count; i++) {
        person_fini(&slow->people[i]);
    }
    free(slow);
}

static unsigned long long request_next(struct slow *slow, unsigned who)
{
    return (unsigned long long)++slow->request[who];
}

/* Hears one message of that type and forgets it. */
static void hear_type(struct slow *slow, unsigned who, unsigned type)
{
    char *json = person_hear(&slow->people[who]);
    check(json != NULL && strtoul(json + 1, NULL, 10) == type);
    free(json);
}

unsigned slow_join(struct slow *slow, enum framing framing, unsigned core)
{
    unsigned who = slow->stage.actors_count;
    struct person *person = &slow->people[who];
    person_init(person, framing, SERIALIZER_JSON);
    check(stage_enter(&slow->stage, person, core) == who);
    stage_run(&slow->stage);
    person_say(person, "[1,\"realm1\",{\"roles\":{\"publisher\":{},\"subscriber\":{},"
                       "\"caller\":{},\"callee\":{}}}]");
    stage_run(&slow->stage);
    hear_type(slow, who, 2);
    return who;
}

void slow_subscribe(struct slow *slow, unsigned who, const char *topic)
{
    char json[256];
    snprintf(json, sizeof json, "[32,%llu,{},\"%s\"]", request_next(slow, who), topic);
    person_say(&slow->people[who], json);
    stage_run(&slow->stage);
    hear_type(slow, who, 33);
}

void slow_register(struct slow *slow, unsigned who, const char *procedure)
{
    char json[256];
    snprintf(json, sizeof json, "[64,%llu,{},\"%s\"]", request_next(slow, who), procedure);
    person_say(&slow->people[who], json);
    stage_run(&slow->stage);
    hear_type(slow, who, 65);
}

static void say_filled(struct person *person, const char *head, size_t payload)
{
    static char filling[PAYLOAD_MAX + 1];
    static char json[PAYLOAD_MAX + 512];
    check(payload <= PAYLOAD_MAX);
    memset(filling, 'x', payload);
    filling[payload] = '\0';
    snprintf(json, sizeof json, "%s,\"%s\"]]", head, filling);
    /* it is JSON already: no need to walk it again */
    check(person->serializer == SERIALIZER_JSON);
    person_say_octets(person, bytes_text(json));
}

void slow_say_publish(struct slow *slow, unsigned who, const char *topic, size_t payload)
{
    char head[256];
    snprintf(head, sizeof head, "[16,%llu,{},\"%s\",[%llu", request_next(slow, who), topic,
             (unsigned long long)++slow->published);
    say_filled(&slow->people[who], head, payload);
}

void slow_publish(struct slow *slow, unsigned who, const char *topic, size_t payload)
{
    slow_say_publish(slow, who, topic, payload);
    stage_run(&slow->stage);
}

void slow_say_call(struct slow *slow, unsigned who, const char *procedure, uint64_t number)
{
    char json[256];
    snprintf(json, sizeof json, "[48,%llu,{},\"%s\",[%llu]]", request_next(slow, who), procedure,
             (unsigned long long)number);
    person_say(&slow->people[who], json);
}

void slow_yield_all(struct slow *slow, unsigned who, size_t payload)
{
    char *json;
    while ((json = person_hear(&slow->people[who])) != NULL) {
        unsigned long long request;
        unsigned long long number;
        char head[256];
        check(sscanf(json, "[68,%llu,%*u,{},[%llu", &request, &number) == 2);
        snprintf(head, sizeof head, "[70,%llu,{},[%llu", request, number);
        say_filled(&slow->people[who], head, payload);
        free(json);
    }
}

void slow_deafen(struct slow *slow, unsigned who)
{
    slow->stage.actors[who].deaf = true;
}

void slow_hear_again(struct slow *slow, unsigned who)
{
    slow->stage.actors[who].deaf = false;
    stage_run(&slow->stage);
}

void slow_read(struct slow *slow, unsigned who, size_t size)
{
    struct conn *conn = slow->stage.actors[who].conn;
    struct iovec vectors[8];
    while (conn != NULL && size > 0 && conn->out.bytes > 0) {
        check(outq_gather(&conn->out, vectors, array_count(vectors)) > 0);
        size_t part = size_min(size, vectors[0].iov_len);
        person_take(&slow->people[who], vectors[0].iov_base, part);
        conn_sent(conn, part);
        size -= part;
    }
}

struct conn *slow_conn(struct slow *slow, unsigned who)
{
    return slow->stage.actors[who].conn;
}

size_t slow_waiting(struct slow *slow, unsigned who)
{
    const struct conn *conn = slow->stage.actors[who].conn;
    return conn == NULL ? 0 : conn->out.bytes;
}

void slow_expect(struct slow *slow, unsigned who, const char *expected)
{
    char *json = person_hear(&slow->people[who]);
    if (json == NULL || strcmp(json, expected) != 0) {
        fprintf(stderr, "heard %.200s\n", json == NULL ? "nothing" : json);
    }
    check(json != NULL && strcmp(json, expected) == 0);
    free(json);
}

/* The number is the first argument; -1: a message without one. */
static int64_t tally_message(struct slow_tally *tally, const char *json)
{
    unsigned long long request = 0;
    unsigned long long number = 0;
    if (sscanf(json, "[36,%*u,%*u,{},[%llu", &number) == 1) {
        tally->events++;
    } else if (sscanf(json, "[50,%*u,{},[%llu", &number) == 1) {
        tally->results++;
    } else if (sscanf(json, "[68,%llu,%*u,{},[%llu", &request, &number) == 2) {
        tally->invocations++;
        tally->request_last = request;
    } else if (strncmp(json, "[8,", 3) == 0) {
        tally->errors++;
        return -1;
    } else {
        check(strncmp(json, "[3,", 3) == 0);
        tally->aborts++;
        return -1;
    }
    return (int64_t)number;
}

struct slow_tally slow_tally(struct slow *slow, unsigned who)
{
    struct slow_tally tally = {.in_order = true};
    char *json;
    while ((json = person_hear(&slow->people[who])) != NULL) {
        int64_t number = tally_message(&tally, json);
        tally.abort_was_last = number < 0 && json[1] == '3';
        if (number >= 0) {
            tally.in_order =
                tally.in_order && (tally.first == 0 || (uint64_t)number == tally.last + 1);
            tally.first = tally.first == 0 ? (uint64_t)number : tally.first;
            tally.last = (uint64_t)number;
        }
        free(json);
    }
    return tally;
}
