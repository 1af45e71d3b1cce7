/* One session and a stranger on a stage; octets are decoded as a sequence of messages, by the rules
 * most of the time. A small model of session states says what may be answered: nothing but WELCOME
 * or ABORT before a session, one answer to each request, GOODBYE to GOODBYE, and after ABORT
 * nothing at all and the end of the connection. Who breaks the rules hears ABORT protocol_violation
 * at once.
 *
 * A byte chooses the message, the next one how it is spoilt (mostly not at all). */
#include "tests/lib/parse.h"
#include "tests/lib/stage.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum state {
    STATE_NONE, /* no session */
    STATE_JOINED,
    STATE_ENDED, /* ABORT was due */
};

struct model {
    struct stage stage;
    struct person person;
    struct person stranger; /* holds a procedure that nobody answers */
    unsigned actor;
    enum state state;
    uint64_t request;
    uint64_t subscription; /* last heard */
    uint64_t registration;
    uint64_t invocation;
    bool loud;
};

#define ROLES "{\"roles\":{\"publisher\":{},\"subscriber\":{},\"caller\":{},\"callee\":{}}"

static const char *const hellos[] = {
    "[1,\"realm1\"," ROLES "}]",
    "[1,\"realm1\"," ROLES ",\"authmethods\":[\"ticket\",\"anonymous\"]}]",
    "[1,\"realm2\",{\"roles\":{\"caller\":{}}}]",
    "[1,\"realm1\",{\"roles\":{\"caller\":{}},\"authmethods\":[\"ticket\"]}]",
    "[1,\"a..b\",{\"roles\":{\"caller\":{}}}]",
};

/* What a violation looks like in a session; before one they are violations too. */
static const char *const wrongs[] = {
    "[1,\"realm1\",{\"roles\":{\"caller\":{}}}]",
    "[2,1,{}]",
    "[5,\"signature\",{}]",
    "[8,48,1,{},\"a.b\"]",
    "[8,68,9007199254740992,{},\"a.b\"]",
    "[8,68,1,{},\"a..b\"]",
    "[16,9007199254740992,{},\"a.b\"]",
    "[48,0,{},\"a.b\"]",
    "[70,9007199254740992,{}]",
    "[49,1,{}]",
    "[36,1,1,{}]",
    "[32,1,{\"match\":\"near\"},\"a.b\"]",
    "[64,1,{\"invoke\":0},\"a.b\"]",
    "[16,1,{\"acknowledge\":1},\"a.b\"]",
    "[6,{}]",
    "[]",
    "{}",
    "[1000,{}]",
    "[34,1]",
    "[66,1,-1]",
};

static void say(struct model *model, struct person *person, const char *json)
{
    if (model->loud) {
        fprintf(stderr, "says %s\n", json);
    }
    person_say(person, json);
    stage_run(&model->stage);
}

/* The next message heard; false: silence. */
static bool hear(struct model *model, struct parsed *message)
{
    char *json = person_hear(&model->person);
    if (json == NULL) {
        return false;
    }
    if (model->loud) {
        fprintf(stderr, "hears %s\n", json);
    }
    check(parse_message(json, message));
    free(json);
    return true;
}

static void silence(struct model *model)
{
    struct parsed message;
    check(!hear(model, &message));
}

static void hear_abort(struct model *model, const char *reason)
{
    struct parsed message;
    check(hear(model, &message));
    check(message.number[0] == 3 && strcmp(message.text[2], reason) == 0);
    silence(model);
    check(model->person.gone);
    model->state = STATE_ENDED;
}

/* ---- one message each, and what must come of it */

static void do_hello(struct model *model, unsigned arg)
{
    static const char *const reasons[] = {NULL, NULL, "wamp.error.no_such_realm",
                                          "wamp.error.no_matching_auth_method",
                                          "wamp.error.invalid_uri"};
    struct parsed message;
    unsigned i = arg % 16 < array_count(hellos) ? arg % 16 : 0;
    if (model->state != STATE_NONE) {
        return;
    }
    say(model, &model->person, hellos[i]);
    if (reasons[i] != NULL) {
        hear_abort(model, reasons[i]);
        return;
    }
    check(hear(model, &message) && message.number[0] == 2 && message.number[1] > 0);
    silence(model);
    model->state = STATE_JOINED;
    model->request = model->invocation = model->subscription = model->registration = 0;
}

/* One answer: a code with the request's id, or ERROR of that type with one of these words. */
static void hear_answer(struct model *model, uint64_t code, uint64_t type, const char *error,
                        uint64_t *id)
{
    struct parsed message;
    check(hear(model, &message));
    if (message.number[0] == 8) {
        check(error != NULL && message.number[1] == type && message.number[2] == model->request);
        check(strncmp(message.text[4], error, strlen(error)) == 0);
        return;
    }
    check(message.number[0] == code && message.number[1] == model->request);
    if (id != NULL) {
        check(message.number[2] > 0);
        *id = message.number[2];
    }
}

static void do_subscribe(struct model *model, unsigned arg)
{
    static const char *const uris[] = {"a.b", "a", "", ".b", "a..b", "a b", "wamp.x"};
    static const char *const matches[] = {"exact", "prefix", "wildcard"};
    char text[256];
    snprintf(text, sizeof text, "[32,%llu,{\"match\":\"%s\"},\"%s\"]",
             (unsigned long long)++model->request, matches[arg % 3], uris[arg / 3 % 7]);
    say(model, &model->person, text);
    bool valid =
        uri_pattern_valid(bytes_text(uris[arg / 3 % 7]), (enum match_kind)(arg % 3), URI_LOOSE);
    hear_answer(model, 33, 32, valid ? NULL : "wamp.error.invalid_uri", &model->subscription);
    silence(model);
}

static void do_publish(struct model *model, unsigned arg)
{
    static const char *const uris[] = {"a.b", "a.c", "x", "", "wamp.session.on_join", "a#"};
    char text[256];
    struct parsed message;
    const char *uri = uris[arg % 6];
    bool acknowledge = (arg & 64) != 0;
    snprintf(text, sizeof text, "[16,%llu,{\"acknowledge\":%s,\"exclude_me\":%s},\"%s\",[1]]",
             (unsigned long long)++model->request, acknowledge ? "true" : "false",
             (arg & 128) != 0 ? "true" : "false", uri);
    say(model, &model->person, text);
    bool answered = false;
    bool valid = arg % 6 < 3;
    while (hear(model, &message)) {
        if (message.number[0] == 36) {
            check(valid && (arg & 128) == 0 && !answered && message.args[0] == 1);
        } else {
            check(acknowledge && !answered);
            check(message.number[0] == (valid ? 17 : 8));
            check(message.number[valid ? 1 : 2] == model->request);
            answered = true;
        }
    }
    check(answered == acknowledge);
}

static void do_register(struct model *model, unsigned arg)
{
    static const char *const uris[] = {"mine", "mine.b", "strange", "wamp.x", "a..b"};
    static const char *const errors[] = {NULL, NULL, "wamp.error.procedure_already_exists",
                                         "wamp.error.invalid_uri", "wamp.error.invalid_uri"};
    char text[256];
    snprintf(text, sizeof text, "[64,%llu,{\"invoke\":\"roundrobin\"},\"%s\"]",
             (unsigned long long)++model->request, uris[arg % 5]);
    say(model, &model->person, text);
    hear_answer(model, 65, 64, errors[arg % 5], &model->registration);
    silence(model);
}

static void do_give_back(struct model *model, bool subscription)
{
    char text[256];
    uint64_t *id = subscription ? &model->subscription : &model->registration;
    unsigned code = subscription ? 34 : 66;
    snprintf(text, sizeof text, "[%u,%llu,%llu]", code, (unsigned long long)++model->request,
             *id == 0 ? 77ULL : (unsigned long long)*id);
    say(model, &model->person, text);
    hear_answer(model, code + 1, code,
                *id != 0       ? NULL
                : subscription ? "wamp.error.no_such_subscription"
                               : "wamp.error.no_such_registration",
                NULL);
    *id = 0;
    silence(model);
}

/* Calls to oneself come back as INVOCATION and are answered by YIELD or ERROR; late answers too. */
static void do_call(struct model *model, unsigned arg)
{
    static const char *const uris[] = {"mine", "mine.b", "strange", "nobody", "a..b", "mine"};
    char text[256];
    struct parsed message;
    uint64_t request = ++model->request;
    snprintf(text, sizeof text, "[48,%llu,{},\"%s\",[%llu]]", (unsigned long long)request,
             uris[arg % 6], (unsigned long long)request);
    say(model, &model->person, text);
    if (!hear(model, &message)) {
        check(arg % 6 == 2); /* the stranger does not answer */
        return;
    }
    if (message.number[0] == 8) {
        check(message.number[1] == 48 && message.number[2] == request && arg % 6 != 2);
        silence(model);
        return;
    }
    check(message.number[0] == 68 && message.number[1] == ++model->invocation);
    check(message.args_count == 1 && message.args[0] == request);
    bool error = (arg & 64) != 0;
    snprintf(text, sizeof text, error ? "[8,68,%llu,{},\"com.no\",[%llu]]" : "[70,%llu,{},[%llu]]",
             (unsigned long long)model->invocation, (unsigned long long)request);
    say(model, &model->person, text);
    check(hear(model, &message) && message.number[0] == (error ? 8 : 50));
    check(message.number[error ? 2 : 1] == request && message.args[0] == request);
    if ((arg & 128) != 0) {
        say(model, &model->person, text); /* late: thrown away */
    }
    silence(model);
}

static void do_goodbye(struct model *model)
{
    struct parsed message;
    say(model, &model->person, "[6,{},\"wamp.close.normal\"]");
    check(hear(model, &message) && message.number[0] == 6);
    silence(model);
    check(!model->person.gone);
    model->state = STATE_NONE;
}

static void do_wrong(struct model *model, unsigned arg)
{
    unsigned i = arg % array_count(wrongs);
    if (model->state == STATE_NONE && i == 0) {
        return;
    }
    say(model, &model->person, wrongs[i]);
    hear_abort(model, "wamp.error.protocol_violation");
}

/* Any octets: a message or not, what comes is well-formed and the router lives. */
static void do_octets(struct model *model, struct bytes octets)
{
    struct parsed message;
    person_say_octets(&model->person, octets);
    stage_run(&model->stage);
    while (hear(model, &message)) {
        check(message.number[0] != 0);
    }
    model->state = STATE_ENDED;
}

static void step(struct model *model, unsigned deed, unsigned arg)
{
    struct parsed message;
    if (deed == 0) {
        do_wrong(model, arg);
    } else if (deed == 1 && (arg & 7) == 0) {
        say(model, &model->person, "[3,{},\"com.done\"]");
        silence(model);
        check(model->person.gone);
        model->state = STATE_ENDED;
    } else if (model->state == STATE_NONE) {
        do_hello(model, arg);
    } else if (deed < 6) {
        do_subscribe(model, arg);
    } else if (deed < 12) {
        do_publish(model, arg);
    } else if (deed < 16) {
        do_register(model, arg);
    } else if (deed < 20) {
        do_give_back(model, deed % 2 == 0);
    } else if (deed < 28) {
        do_call(model, arg);
    } else if (deed == 28) {
        do_goodbye(model);
    } else {
        stage_wait(&model->stage, NS_PER_MS << (arg % 14));
        check(!hear(model, &message) && !model->person.gone);
    }
}

static void model_begin(struct model *model, uint8_t settings)
{
    static const enum framing framings[] = {FRAMING_RAWSOCKET, FRAMING_WEBSOCKET};
    memset(model, 0, sizeof *model);
    stage_init(&model->stage, 1 + (settings >> 3 & 1), settings, NULL);
    model->loud = getenv("LOUD") != NULL;
    person_init(&model->stranger, FRAMING_RAWSOCKET, SERIALIZER_CBOR);
    stage_enter(&model->stage, &model->stranger, model->stage.cores_count - 1);
    say(model, &model->stranger, hellos[0]);
    say(model, &model->stranger, "[64,1,{},\"strange\"]");
    person_init(&model->person, framings[settings & 1],
                (enum serializer)(SERIALIZER_JSON + (settings >> 1 & 3) % 3));
    model->actor = stage_enter(&model->stage, &model->person, 0);
    stage_run(&model->stage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model model;
    if (size < 1) {
        return 0;
    }
    model_begin(&model, data[0]);
    size_t at = 1;
    while (at + 2 <= size && model.state != STATE_ENDED) {
        unsigned deed = data[at] & 31;
        unsigned arg = data[at + 1];
        at += 2;
        if (deed == 31 && model.state == STATE_JOINED) {
            do_octets(&model, bytes_make(data + at, size - at));
        } else {
            step(&model, deed, arg);
        }
    }
    stage_fini(&model.stage);
    person_fini(&model.person);
    person_fini(&model.stranger);
    return 0;
}
