#include "client/verb.h"

/* clos call: started rather than waited for, so that progressive results show as they come. */

struct call {
    struct verb *verb;
    int code;
    bool answered;
};

static void call_on_answer(void *context, const struct client_answer *answer)
{
    struct call *call = context;
    if (answer->error == CLIENT_OK) {
        verb_show(call->verb, NULL, bytes_make(NULL, 0), &answer->payload, answer->details);
    } else if (answer->error == CLIENT_ERROR) {
        call->code = verb_show_error(call->verb, answer);
    }
    call->answered =
        !answer->progress && (answer->error == CLIENT_OK || answer->error == CLIENT_ERROR);
    if (call->answered) {
        client_stop(call->verb->client);
    }
}

int verb_call(struct verb *verb)
{
    struct call call = {.verb = verb};
    struct client_payload payload;
    struct buf args;
    struct buf kwargs;
    uint64_t id = 0;
    buf_init(&args, &verb->mem, VALUE_BYTES_MAX);
    buf_init(&kwargs, &verb->mem, VALUE_BYTES_MAX);
    int code = verb_open(verb);
    if (code == EXIT_FINE) {
        code = verb_payload(verb, &args, &kwargs, &payload);
    }
    if (code == EXIT_FINE) {
        enum client_error error =
            client_call_start(verb->client, verb->line.words.at[0], (const char *)verb->options.at,
                              &payload, call_on_answer, &call, &id);
        if (error == CLIENT_OK) {
            error = verb_listen(verb, verb->line.timeout_ms);
        }
        if (error == CLIENT_STOPPED && call.answered && !verb->broken) {
            code = call.code;
        } else {
            code = verb_failed(verb, error);
            if (error == CLIENT_TIMEOUT || error == CLIENT_STOPPED) {
                (void)client_cancel(verb->client, id, NULL); /* may not be supported: so be it */
            }
        }
    }
    code = verb_close(verb, code); /* the answer may come as late as here */
    buf_fini(&args);
    buf_fini(&kwargs);
    return code;
}
