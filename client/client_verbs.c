#include "client/client_inside.h"

/* Each blocking verb is: send, then pump until its answer has been kept. */

static bool done_answered(const struct client *client)
{
    return client->answered;
}

static bool done_easy(const struct client *client)
{
    return client_out_size(client) <= CLIENT_OUT_EASY;
}

static struct bytes client_keep_bytes(struct client *client, struct bytes bytes)
{
    size_t at = client->kept.size;
    buf_put_bytes(&client->kept, bytes); /* room was reserved: nothing moves */
    return bytes.size > 0 ? bytes_make(client->kept.at + at, bytes.size) : bytes_make(NULL, 0);
}

static void client_keep(void *context, const struct client_answer *answer)
{
    struct client *client = context;
    if (answer->progress) {
        return;
    }
    client->answered = true;
    client->answer = *answer;
    buf_reset(&client->kept);
    if (!buf_reserve(&client->kept, answer->uri.size + answer->details.size +
                                        answer->payload.args.size + answer->payload.kwargs.size)) {
        client->answer = (struct client_answer){.error = CLIENT_LIMIT};
        return;
    }
    client->answer.uri = client_keep_bytes(client, answer->uri);
    client->answer.details = client_keep_bytes(client, answer->details);
    client->answer.payload.args = client_keep_bytes(client, answer->payload.args);
    client->answer.payload.kwargs = client_keep_bytes(client, answer->payload.kwargs);
}

static enum client_error client_sent(struct client *client, enum client_error error)
{
    const char *text = NULL;
    if (error == CLIENT_USAGE) {
        text = "args, kwargs or options are not what they should be";
    } else if (error == CLIENT_LIMIT) {
        text = "larger than the router takes, or too much in flight";
    } else if (error == CLIENT_CLOSED) {
        text = "there is no session";
    }
    return text != NULL ? client_fail(client, error, text) : error;
}

/* Waits for the answer to request, which has just been sent with this error. */
static enum client_error client_await(struct client *client, enum client_error sent,
                                      uint64_t request, uint64_t timeout_ms)
{
    if (sent != CLIENT_OK) {
        return client_sent(client, sent);
    }
    enum client_error error =
        client_pump(client, client_deadline((int64_t)timeout_ms), done_answered);
    if (!client->answered) {
        dialog_forget(&client->dialog, request);
        return error;
    }
    if (client->answer.error == CLIENT_ERROR) {
        char uri[256];
        failure_text(client->answer.uri, uri, sizeof uri);
        client->failure = (struct failure){0};
        memcpy(client->failure.uri, uri, sizeof uri);
        return failure_set(&client->failure, CLIENT_ERROR, "the router answered %.200s", uri);
    }
    if (client->answer.error == CLIENT_LIMIT) {
        return client_fail(client, CLIENT_LIMIT, "no memory for the answer");
    }
    return client->answer.error;
}

static struct dialog_request client_request(struct client *client, const char *uri,
                                            const char *options)
{
    client->answered = false;
    return (struct dialog_request){
        .uri = uri,
        .options = options,
        .on_answer = client_keep,
        .context = client,
    };
}

enum client_error client_publish(struct client *client, const char *topic, const char *options,
                                 const struct client_payload *payload)
{
    struct dialog_request request = {.uri = topic, .options = options};
    if (!client->connected) {
        return client_fail(client, CLIENT_USAGE, "not connected");
    }
    enum client_error error =
        client_sent(client, dialog_publish(&client->dialog, &request, payload));
    if (error != CLIENT_OK || client->in_handler) {
        return error;
    }
    if (!client_flush(client)) {
        return client_broken(client);
    }
    return done_easy(client)
               ? CLIENT_OK
               : client_pump(client, client_deadline((int64_t)client->options.timeout_ms),
                             done_easy);
}

enum client_error client_publish_acknowledged(struct client *client, const char *topic,
                                              const char *options,
                                              const struct client_payload *payload,
                                              uint64_t *publication)
{
    struct dialog_request request = client_request(client, topic, options);
    enum client_error error = client_ready(client);
    if (error == CLIENT_OK) {
        error = dialog_publish(&client->dialog, &request, payload);
        error = client_await(client, error, request.request, client->options.timeout_ms);
    }
    if (error == CLIENT_OK && publication != NULL) {
        *publication = client->answer.id;
    }
    return error;
}

enum client_error client_subscribe(struct client *client, const char *topic, const char *options,
                                   void (*on_event)(void *context,
                                                    const struct client_event *event),
                                   void *context, uint64_t *subscription)
{
    struct dialog_request request = client_request(client, topic, options);
    struct dialog_entry form = {.on_event = on_event, .context = context};
    enum client_error error = client_ready(client);
    if (error == CLIENT_OK) {
        error = dialog_subscribe(&client->dialog, &request, &form);
        error = client_await(client, error, request.request, client->options.timeout_ms);
    }
    if (error == CLIENT_OK && subscription != NULL) {
        *subscription = client->answer.id;
    }
    return error;
}

enum client_error client_unsubscribe(struct client *client, uint64_t subscription)
{
    struct dialog_request request = client_request(client, NULL, NULL);
    enum client_error error = client_ready(client);
    if (error == CLIENT_OK) {
        error = dialog_unsubscribe(&client->dialog, &request, subscription);
        error = client_await(client, error, request.request, client->options.timeout_ms);
    }
    return error;
}

enum client_error client_register(struct client *client, const char *procedure, const char *options,
                                  const struct client_callee *callee, uint64_t *registration)
{
    struct dialog_request request = client_request(client, procedure, options);
    struct dialog_entry form = {
        .on_invocation = callee->on_invocation,
        .on_interrupt = callee->on_interrupt,
        .context = callee->context,
    };
    enum client_error error = client_ready(client);
    if (error == CLIENT_OK) {
        error = dialog_register(&client->dialog, &request, &form);
        error = client_await(client, error, request.request, client->options.timeout_ms);
    }
    if (error == CLIENT_OK && registration != NULL) {
        *registration = client->answer.id;
    }
    return error;
}

enum client_error client_unregister(struct client *client, uint64_t registration)
{
    struct dialog_request request = client_request(client, NULL, NULL);
    enum client_error error = client_ready(client);
    if (error == CLIENT_OK) {
        error = dialog_unregister(&client->dialog, &request, registration);
        error = client_await(client, error, request.request, client->options.timeout_ms);
    }
    return error;
}

/* Sent from wherever; outside of handlers it leaves at once. */
static enum client_error client_spoke(struct client *client, enum client_error error)
{
    error = client_sent(client, error);
    if (error == CLIENT_OK && !client->in_handler && !client_flush(client)) {
        return client_broken(client);
    }
    return error;
}

enum client_error client_yield(struct client *client, uint64_t invocation, const char *options,
                               const struct client_payload *payload)
{
    if (!client->connected) {
        return client_fail(client, CLIENT_USAGE, "not connected");
    }
    return client_spoke(client, dialog_yield(&client->dialog, invocation, options, payload));
}

enum client_error client_refuse(struct client *client, uint64_t invocation, const char *error_uri,
                                const struct client_payload *payload)
{
    if (!client->connected) {
        return client_fail(client, CLIENT_USAGE, "not connected");
    }
    return client_spoke(client, dialog_refuse(&client->dialog, invocation, error_uri, payload));
}

enum client_error client_call_start(struct client *client, const char *procedure,
                                    const char *options, const struct client_payload *payload,
                                    void (*on_answer)(void *context,
                                                      const struct client_answer *answer),
                                    void *context, uint64_t *call)
{
    struct dialog_request request = {
        .uri = procedure,
        .options = options,
        .on_answer = on_answer,
        .context = context,
    };
    if (!client->connected) {
        return client_fail(client, CLIENT_USAGE, "not connected");
    }
    enum client_error error = dialog_call(&client->dialog, &request, payload);
    if (call != NULL) {
        *call = request.request;
    }
    return client_spoke(client, error);
}

enum client_error client_cancel(struct client *client, uint64_t call, const char *mode)
{
    if (!client->connected || !client_router_has(client, "dealer", "call_canceling")) {
        return client_fail(client, CLIENT_USAGE, "the router does not cancel calls");
    }
    return client_spoke(client, dialog_cancel(&client->dialog, call, mode));
}

enum client_error client_call(struct client *client, const char *procedure, const char *options,
                              const struct client_payload *payload, uint64_t timeout_ms,
                              struct client_answer *answer)
{
    struct dialog_request request = client_request(client, procedure, options);
    enum client_error error = client_ready(client);
    if (error != CLIENT_OK) {
        return error;
    }
    timeout_ms = timeout_ms != 0 ? timeout_ms : client->options.timeout_ms;
    error = dialog_call(&client->dialog, &request, payload);
    error = client_await(client, error, request.request, timeout_ms);
    if (error == CLIENT_TIMEOUT || error == CLIENT_STOPPED) {
        struct failure why = client->failure; /* that the cancelling fails would tell less */
        (void)client_cancel(client, request.request, NULL);
        client->failure = why;
    }
    if (answer != NULL) {
        *answer = client->answered ? client->answer : (struct client_answer){.error = error};
    }
    return error;
}
