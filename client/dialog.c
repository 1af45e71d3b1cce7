#include "client/dialog.h"

#include "client/dialog_table.h"
#include "common/transcode.h"

/* What the client says. Every message is encoded whole into scratch and then framed; an id of the
 * sequence 1, 2, 3 ... is used up only when its message has been taken (rule B-ID-4). What the
 * router says is in dialog_take.c. */

struct feature {
    const char *role;
    const char *names[7];
};

/* Only what this library does. */
static const struct feature features[] = {
    {"publisher",
     {"publisher_identification", "publisher_exclusion", "subscriber_blackwhite_listing"}},
    {"subscriber",
     {"publisher_identification", "pattern_based_subscription", "subscription_revocation"}},
    {"caller",
     {"caller_identification", "call_timeout", "call_canceling", "progressive_call_results"}},
    {"callee",
     {"caller_identification", "call_canceling", "progressive_call_results",
      "pattern_based_registration", "shared_registration", "registration_revocation"}},
};

bool dialog_init(struct dialog *dialog, struct mem *mem, struct frames *frames)
{
    *dialog = (struct dialog){.frames = frames, .mem = mem};
    buf_init(&dialog->welcome, mem, FRAMES_MESSAGE_MAX);
    buf_init(&dialog->scratch, mem, FRAMES_MESSAGE_MAX + 4096);
    inbound_init(&dialog->inbound, mem);
    dialog->pending = mem_take_zero(mem, DIALOG_PENDING_MAX * sizeof dialog->pending[0]);
    return dialog->pending != NULL;
}

void dialog_fini(struct dialog *dialog)
{
    for (size_t i = 0; dialog->pending != NULL && i < DIALOG_PENDING_MAX; i++) {
        entry_free(dialog->mem, dialog->pending[i].entry);
    }
    mem_give(dialog->mem, dialog->pending, DIALOG_PENDING_MAX * sizeof dialog->pending[0]);
    entries_fini(&dialog->subscriptions, dialog->mem);
    entries_fini(&dialog->registrations, dialog->mem);
    buf_fini(&dialog->welcome);
    buf_fini(&dialog->scratch);
    inbound_fini(&dialog->inbound);
}

/* ---- a message */

static void say_begin(struct dialog *dialog, struct writer *writer, enum wamp_code code,
                      uint32_t elements)
{
    buf_reset(&dialog->scratch);
    writer_init(writer, dialog->frames->serializer, &dialog->scratch);
    write_array(writer, elements);
    write_uint(writer, (uint64_t)code);
}

static enum client_error say_end(struct dialog *dialog, struct writer *writer)
{
    write_end(writer);
    if (dialog->scratch.failed) {
        return CLIENT_LIMIT;
    }
    return frames_send(dialog->frames, buf_bytes(&dialog->scratch));
}

static void say_text(struct writer *writer, const char *text)
{
    write_string(writer, bytes_text(text));
}

static void say_text_at(struct writer *writer, const char *key, const char *text)
{
    if (text != NULL) {
        say_text(writer, key);
        say_text(writer, text);
    }
}

/* One pair of a JSON dictionary; its key has just been read. */
static bool say_pair(struct writer *writer, struct reader *reader, const struct token *key)
{
    uint8_t text[256];
    struct bytes value;
    if (key->bytes.size > sizeof text) {
        return false;
    }
    long size = token_text(key, text);
    if (size < 0 || reader_skip(reader, &value) != 1) {
        return false;
    }
    write_string(writer, bytes_make(text, (size_t)size));
    return transcode(SERIALIZER_JSON, value, writer);
}

/* The user's options, but for the key acknowledge: that is ours to say. */
static bool say_options(struct writer *writer, const char *options, bool acknowledge)
{
    struct reader reader;
    struct token token;
    struct bytes text = options != NULL ? bytes_text(options) : BYTES_LITERAL("{}");
    if (!inbound_is(SERIALIZER_JSON, text, TOKEN_MAP)) {
        return false;
    }
    write_map(writer, WRITE_COUNT_UNKNOWN);
    reader_init(&reader, SERIALIZER_JSON, text, DEPTH_MAX);
    (void)reader_next(&reader, &token);
    while (reader_next(&reader, &token) == 1 && token.kind != TOKEN_END) {
        struct bytes skipped;
        if (token_is(&token, "acknowledge")) {
            (void)reader_skip(&reader, &skipped);
        } else if (!say_pair(writer, &reader, &token)) {
            return false;
        }
    }
    if (acknowledge) {
        say_text(writer, "acknowledge");
        write_bool(writer, true);
    }
    write_end(writer);
    return true;
}

static uint32_t payload_elements(const struct client_payload *payload)
{
    return payload->kwargs.size > 0 ? 2 : payload->args.size > 0 ? 1 : 0;
}

static bool say_value(struct writer *writer, const struct client_payload *payload,
                      struct bytes value, enum token_kind kind)
{
    if (!inbound_is(payload->serializer, value, kind)) {
        return false;
    }
    if (payload->serializer == writer->serializer) {
        write_raw(writer, value);
        return true;
    }
    return transcode(payload->serializer, value, writer);
}

static bool say_payload(struct writer *writer, const struct client_payload *payload)
{
    if (payload->args.size > 0) {
        if (!say_value(writer, payload, payload->args, TOKEN_ARRAY)) {
            return false;
        }
    } else if (payload->kwargs.size > 0) {
        write_array(writer, 0);
        write_end(writer);
    }
    return payload->kwargs.size == 0 || say_value(writer, payload, payload->kwargs, TOKEN_MAP);
}

/* A failed write is a limit when memory ran out, else the user's words have no such form. */
static enum client_error say_refused(const struct dialog *dialog)
{
    return dialog->scratch.failed && dialog->scratch.size >= FRAMES_MESSAGE_MAX ? CLIENT_LIMIT
                                                                                : CLIENT_USAGE;
}

/* ---- joining and leaving */

static void say_roles(struct writer *writer)
{
    write_map(writer, (uint32_t)array_count(features));
    for (size_t i = 0; i < array_count(features); i++) {
        say_text(writer, features[i].role);
        write_map(writer, 1);
        say_text(writer, "features");
        write_map(writer, WRITE_COUNT_UNKNOWN);
        for (const char *const *name = features[i].names; *name != NULL; name++) {
            say_text(writer, *name);
            write_bool(writer, true);
        }
        write_end(writer);
        write_end(writer);
    }
    write_end(writer);
}

enum client_error dialog_join(struct dialog *dialog, const struct dialog_join *join)
{
    struct writer writer;
    if (dialog->state != DIALOG_NEW) {
        return CLIENT_USAGE;
    }
    say_begin(dialog, &writer, WAMP_HELLO, 3);
    say_text(&writer, join->realm);
    write_map(&writer, WRITE_COUNT_UNKNOWN);
    say_text_at(&writer, "agent", "clos/" CLOS_VERSION);
    say_text(&writer, "roles");
    say_roles(&writer);
    if (join->authmethod != NULL) {
        say_text(&writer, "authmethods");
        write_array(&writer, 1);
        say_text(&writer, join->authmethod);
        write_end(&writer);
    }
    say_text_at(&writer, "authid", join->authid);
    say_text_at(&writer, "authrole", join->authrole);
    if (join->authextra != NULL) {
        struct client_payload extra = client_json(NULL, join->authextra);
        say_text(&writer, "authextra");
        if (!say_value(&writer, &extra, extra.kwargs, TOKEN_MAP)) {
            return say_refused(dialog);
        }
    }
    write_end(&writer);
    enum client_error error = say_end(dialog, &writer);
    if (error == CLIENT_OK) {
        dialog->state = DIALOG_JOINING;
        dialog->sign = join->sign;
        dialog->sign_context = join->sign_context;
    }
    return error;
}

enum client_error dialog_leave(struct dialog *dialog)
{
    struct writer writer;
    if (dialog->state != DIALOG_JOINED) {
        return CLIENT_CLOSED;
    }
    say_begin(dialog, &writer, WAMP_GOODBYE, 3);
    write_map(&writer, 0);
    write_end(&writer);
    say_text(&writer, "wamp.close.close_realm");
    enum client_error error = say_end(dialog, &writer);
    if (error == CLIENT_OK) {
        dialog->state = DIALOG_LEAVING;
    }
    return error;
}

/* ---- requests: [code, request, options, uri, payload...] */

/* Reserves what the answer will need, sends, and only then counts the request. */
static enum client_error dialog_ask(struct dialog *dialog, struct writer *writer,
                                    struct dialog_request *request,
                                    const struct dialog_pending *form)
{
    uint64_t id = dialog->requests == WAMP_ID_MAX ? 1 : dialog->requests + 1;
    struct dialog_pending *pending = NULL;
    if (form != NULL) {
        pending = pending_add(dialog, id);
        if (pending == NULL) {
            return CLIENT_LIMIT;
        }
    }
    enum client_error error = say_end(dialog, writer);
    if (error != CLIENT_OK) {
        if (pending != NULL) {
            (void)pending_take(dialog, pending);
        }
        return error;
    }
    if (pending != NULL) {
        *pending = *form;
        pending->request = id;
        pending->on_answer = request->on_answer;
        pending->context = request->context;
    }
    dialog->requests = id;
    request->request = id;
    return CLIENT_OK;
}

static enum client_error say_request(struct dialog *dialog, struct writer *writer,
                                     enum wamp_code code, const struct dialog_request *request,
                                     const struct client_payload *payload, bool acknowledge)
{
    if (dialog->state != DIALOG_JOINED) {
        return CLIENT_CLOSED;
    }
    say_begin(dialog, writer, code, 4 + (payload != NULL ? payload_elements(payload) : 0));
    write_uint(writer, dialog->requests == WAMP_ID_MAX ? 1 : dialog->requests + 1);
    if (!say_options(writer, request->options, acknowledge)) {
        return say_refused(dialog);
    }
    say_text(writer, request->uri);
    if (payload != NULL && !say_payload(writer, payload)) {
        return say_refused(dialog);
    }
    return CLIENT_OK;
}

enum client_error dialog_publish(struct dialog *dialog, struct dialog_request *request,
                                 const struct client_payload *payload)
{
    struct writer writer;
    bool acknowledge = request->on_answer != NULL;
    struct dialog_pending form = {.code = WAMP_PUBLISH};
    enum client_error error =
        say_request(dialog, &writer, WAMP_PUBLISH, request, payload, acknowledge);
    return error != CLIENT_OK ? error
                              : dialog_ask(dialog, &writer, request, acknowledge ? &form : NULL);
}

enum client_error dialog_call(struct dialog *dialog, struct dialog_request *request,
                              const struct client_payload *payload)
{
    struct writer writer;
    struct dialog_pending form = {.code = WAMP_CALL};
    enum client_error error = say_request(dialog, &writer, WAMP_CALL, request, payload, false);
    return error != CLIENT_OK ? error : dialog_ask(dialog, &writer, request, &form);
}

enum client_error dialog_cancel(struct dialog *dialog, uint64_t request, const char *mode)
{
    struct writer writer;
    struct dialog_pending *pending = pending_find(dialog, request);
    if (pending == NULL || pending->code != WAMP_CALL || dialog->state != DIALOG_JOINED) {
        return CLIENT_USAGE;
    }
    say_begin(dialog, &writer, WAMP_CANCEL, 3);
    write_uint(&writer, request);
    write_map(&writer, mode != NULL ? 1 : 0);
    say_text_at(&writer, "mode", mode);
    write_end(&writer);
    return say_end(dialog, &writer);
}

static enum client_error dialog_add(struct dialog *dialog, enum wamp_code code,
                                    const struct dialog_entries *entries,
                                    struct dialog_request *request,
                                    const struct dialog_entry *entry)
{
    struct writer writer;
    struct dialog_pending form = {.code = code};
    enum client_error error = say_request(dialog, &writer, code, request, NULL, false);
    if (error != CLIENT_OK) {
        return error;
    }
    if (entries->count >= DIALOG_ENTRIES_MAX) {
        return CLIENT_LIMIT;
    }
    form.entry = entry_new(dialog->mem, entry, bytes_text(request->uri));
    if (form.entry == NULL) {
        return CLIENT_LIMIT;
    }
    error = dialog_ask(dialog, &writer, request, &form);
    if (error != CLIENT_OK) {
        entry_free(dialog->mem, form.entry);
    }
    return error;
}

enum client_error dialog_subscribe(struct dialog *dialog, struct dialog_request *request,
                                   const struct dialog_entry *entry)
{
    check(entry->on_event != NULL);
    return dialog_add(dialog, WAMP_SUBSCRIBE, &dialog->subscriptions, request, entry);
}

enum client_error dialog_register(struct dialog *dialog, struct dialog_request *request,
                                  const struct dialog_entry *entry)
{
    check(entry->on_invocation != NULL);
    return dialog_add(dialog, WAMP_REGISTER, &dialog->registrations, request, entry);
}

static enum client_error dialog_drop(struct dialog *dialog, enum wamp_code code,
                                     const struct dialog_entries *entries,
                                     struct dialog_request *request, uint64_t id)
{
    struct writer writer;
    struct dialog_pending form = {.code = code, .id = id};
    if (dialog->state != DIALOG_JOINED) {
        return CLIENT_CLOSED;
    }
    if (entries_find(entries, id) == NULL) {
        return CLIENT_USAGE;
    }
    say_begin(dialog, &writer, code, 3);
    write_uint(&writer, dialog->requests == WAMP_ID_MAX ? 1 : dialog->requests + 1);
    write_uint(&writer, id);
    return dialog_ask(dialog, &writer, request, &form);
}

enum client_error dialog_unsubscribe(struct dialog *dialog, struct dialog_request *request,
                                     uint64_t id)
{
    return dialog_drop(dialog, WAMP_UNSUBSCRIBE, &dialog->subscriptions, request, id);
}

enum client_error dialog_unregister(struct dialog *dialog, struct dialog_request *request,
                                    uint64_t id)
{
    return dialog_drop(dialog, WAMP_UNREGISTER, &dialog->registrations, request, id);
}

void dialog_forget(struct dialog *dialog, uint64_t request)
{
    struct dialog_pending *pending = pending_find(dialog, request);
    if (pending != NULL) {
        entry_free(dialog->mem, pending->entry);
        pending->entry = NULL;
        pending->on_answer = NULL;
    }
}

/* ---- answers of a callee */

enum client_error dialog_yield(struct dialog *dialog, uint64_t invocation, const char *options,
                               const struct client_payload *payload)
{
    struct writer writer;
    if (dialog->state != DIALOG_JOINED) {
        return CLIENT_CLOSED;
    }
    say_begin(dialog, &writer, WAMP_YIELD, 3 + payload_elements(payload));
    write_uint(&writer, invocation);
    if (!say_options(&writer, options, false) || !say_payload(&writer, payload)) {
        return say_refused(dialog);
    }
    return say_end(dialog, &writer);
}

enum client_error dialog_refuse(struct dialog *dialog, uint64_t invocation, const char *uri,
                                const struct client_payload *payload)
{
    struct writer writer;
    if (dialog->state != DIALOG_JOINED) {
        return CLIENT_CLOSED;
    }
    say_begin(dialog, &writer, WAMP_ERROR, 5 + payload_elements(payload));
    write_uint(&writer, WAMP_INVOCATION);
    write_uint(&writer, invocation);
    write_map(&writer, 0);
    write_end(&writer);
    say_text(&writer, uri);
    if (!say_payload(&writer, payload)) {
        return say_refused(dialog);
    }
    return say_end(dialog, &writer);
}
