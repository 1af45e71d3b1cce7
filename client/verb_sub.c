#include "client/verb.h"

/* clos sub: a line for each event, until --count, --timeout, a signal or the session's end. */

struct sub {
    struct verb *verb;
    uint64_t count;
};

static void sub_on_event(void *context, const struct client_event *event)
{
    struct sub *sub = context;
    if (sub->verb->line.count > 0 && sub->count == sub->verb->line.count) {
        return; /* came while other topics were still being subscribed */
    }
    verb_show(sub->verb, "topic", event->topic, &event->payload, event->details);
    sub->count++;
    if (sub->count == sub->verb->line.count) {
        client_stop(sub->verb->client);
    }
}

static int sub_run(struct sub *sub)
{
    struct verb *verb = sub->verb;
    const struct texts *words = &verb->line.words;
    enum client_error error = CLIENT_OK;
    for (size_t i = 0; i < words->count && error == CLIENT_OK; i++) {
        error = client_subscribe(verb->client, words->at[i], (const char *)verb->options.at,
                                 sub_on_event, sub, NULL);
    }
    if (error == CLIENT_OK) {
        error = verb_listen(verb, verb->line.timeout_ms);
    }
    bool enough = verb->line.count > 0 && sub->count == verb->line.count;
    if (error == CLIENT_STOPPED && enough && !verb->broken) {
        return EXIT_FINE;
    }
    if (error == CLIENT_TIMEOUT) {
        return EXIT_TIMEOUT; /* what was asked for is no error to talk about */
    }
    return verb_failed(verb, error);
}

int verb_sub(struct verb *verb)
{
    struct sub sub = {.verb = verb};
    int code = verb_open(verb);
    return verb_close(verb, code == EXIT_FINE ? sub_run(&sub) : code);
}
