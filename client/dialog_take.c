#include "client/dialog_table.h"

/* What the router says. Each message goes to one function by the table at the end; a message that
 * does not fit the state, or answers nothing that was asked, ends the session with ABORT. */

static void dialog_abort(struct dialog *dialog, const char *text)
{
    struct writer writer;
    buf_reset(&dialog->scratch);
    writer_init(&writer, dialog->frames->serializer, &dialog->scratch);
    write_array(&writer, 3);
    write_uint(&writer, WAMP_ABORT);
    write_map(&writer, 1);
    write_string(&writer, BYTES_LITERAL("message"));
    write_string(&writer, bytes_text(text));
    write_end(&writer);
    write_string(&writer, BYTES_LITERAL("wamp.error.protocol_violation"));
    write_end(&writer);
    if (!dialog->scratch.failed) {
        (void)frames_send(dialog->frames, buf_bytes(&dialog->scratch));
    }
}

static bool dialog_broken(struct dialog *dialog, const char *text)
{
    dialog_abort(dialog, text);
    failure_set(&dialog->failure, CLIENT_PROTOCOL, "the router broke the protocol: %s", text);
    dialog_end(dialog, CLIENT_PROTOCOL, text);
    return false;
}

void dialog_end(struct dialog *dialog, enum client_error error, const char *text)
{
    failure_set(&dialog->failure, error, "%s", text);
    dialog->state = DIALOG_LEFT;
    struct client_answer answer = {
        .error = dialog->failure.error,
        .uri = bytes_text(dialog->failure.uri),
        .payload.serializer = dialog->frames->serializer,
    };
    for (size_t i = 0; dialog->pending_count > 0 && i < DIALOG_PENDING_MAX; i++) {
        if (dialog->pending[i].request != 0) {
            struct dialog_pending pending = pending_take(dialog, &dialog->pending[i]);
            entry_free(dialog->mem, pending.entry);
            if (pending.on_answer != NULL) {
                pending.on_answer(pending.context, &answer);
            }
        }
    }
}

/* ---- the session's beginning and end */

static bool take_welcome(struct dialog *dialog, const struct inbound *in)
{
    dialog->session = in->id[0];
    buf_put_bytes(&dialog->welcome, in->details);
    dialog->state = DIALOG_JOINED;
    if (dialog->welcome.failed) {
        dialog_end(dialog, CLIENT_LIMIT, "no memory for what the router sends");
        return false;
    }
    return true;
}

static bool take_challenge(struct dialog *dialog, const struct inbound *in)
{
    char signature[1024];
    char method[64];
    struct writer writer;
    failure_text(in->uri, method, sizeof method);
    if (dialog->sign == NULL ||
        !dialog->sign(dialog->sign_context, in->uri, dialog->frames->serializer, in->details,
                      signature, sizeof signature)) {
        dialog_abort(dialog, "cannot answer the challenge");
        failure_set(&dialog->failure, CLIENT_DENIED, "cannot answer the router's %s challenge",
                    method);
        dialog_end(dialog, CLIENT_DENIED, "");
        return false;
    }
    buf_reset(&dialog->scratch);
    writer_init(&writer, dialog->frames->serializer, &dialog->scratch);
    write_array(&writer, 3);
    write_uint(&writer, WAMP_AUTHENTICATE);
    write_string(&writer, bytes_text(signature));
    write_map(&writer, 0);
    write_end(&writer);
    write_end(&writer);
    if (dialog->scratch.failed ||
        frames_send(dialog->frames, buf_bytes(&dialog->scratch)) != CLIENT_OK) {
        dialog_end(dialog, CLIENT_LIMIT, "no room to answer the router's challenge");
        return false;
    }
    return true;
}

/* The reasons that mean: not you. */
static bool reason_denies(struct bytes reason)
{
    static const char *const reasons[] = {
        "wamp.error.not_authorized",
        "wamp.error.authentication_denied",
        "wamp.error.authentication_failed",
        "wamp.error.authentication_required",
        "wamp.error.authorization_denied",
        "wamp.error.authorization_failed",
        "wamp.error.authorization_required",
        "wamp.error.no_such_principal",
        "wamp.error.no_such_role",
        "wamp.error.no_auth_method",
        "wamp.error.no_matching_auth_method",
    };
    for (size_t i = 0; i < array_count(reasons); i++) {
        if (bytes_equal_text(reason, reasons[i])) {
            return true;
        }
    }
    return false;
}

static bool dialog_ended_by(struct dialog *dialog, const struct inbound *in,
                            enum client_error error, const char *verb)
{
    char message[128] = "";
    uint8_t text[512];
    struct token token;
    if (inbound_find(dialog->frames->serializer, in->details, "message", &token) == 1 &&
        token.kind == TOKEN_STRING && token.bytes.size <= sizeof text) {
        long size = token_text(&token, text);
        failure_text(bytes_make(text, size > 0 ? (size_t)size : 0), message, sizeof message);
    }
    failure_text(in->uri, dialog->failure.uri, sizeof dialog->failure.uri);
    failure_set(&dialog->failure, error, "%s: %.100s%s%s", verb, dialog->failure.uri,
                message[0] != '\0' ? ": " : "", message);
    dialog_end(dialog, error, "");
    return false;
}

static bool take_abort(struct dialog *dialog, const struct inbound *in)
{
    enum client_error error = CLIENT_ABORTED;
    if (reason_denies(in->uri)) {
        error = CLIENT_DENIED;
    } else if (bytes_equal_text(in->uri, "wamp.error.protocol_violation")) {
        error = CLIENT_PROTOCOL;
    }
    return dialog_ended_by(dialog, in, error,
                           dialog->state == DIALOG_JOINING ? "the router does not let us in"
                                                           : "the router aborted the session");
}

static bool take_goodbye(struct dialog *dialog, const struct inbound *in)
{
    struct writer writer;
    if (dialog->state == DIALOG_LEAVING) {
        dialog_end(dialog, CLIENT_CLOSED, "closed");
        return false;
    }
    buf_reset(&dialog->scratch);
    writer_init(&writer, dialog->frames->serializer, &dialog->scratch);
    write_array(&writer, 3);
    write_uint(&writer, WAMP_GOODBYE);
    write_map(&writer, 0);
    write_end(&writer);
    write_string(&writer, BYTES_LITERAL("wamp.close.goodbye_and_out"));
    write_end(&writer);
    (void)frames_send(dialog->frames, buf_bytes(&dialog->scratch));
    return dialog_ended_by(dialog, in, CLIENT_CLOSED, "the router ended the session");
}

/* ---- answers */

static struct client_payload inbound_payload_of(const struct dialog *dialog,
                                                const struct inbound *in)
{
    return (struct client_payload){
        .serializer = dialog->frames->serializer,
        .args = in->args,
        .kwargs = in->kwargs,
    };
}

static bool dialog_answer(struct dialog *dialog, const struct inbound *in,
                          struct dialog_pending *pending, struct client_answer *answer)
{
    struct dialog_pending taken = *pending;
    answer->details = in->details;
    answer->payload = inbound_payload_of(dialog, in);
    if (!answer->progress) {
        taken = pending_take(dialog, pending);
    }
    if (taken.on_answer != NULL) {
        taken.on_answer(taken.context, answer);
    }
    return true;
}

static bool take_error(struct dialog *dialog, const struct inbound *in)
{
    struct dialog_pending *pending = pending_find(dialog, in->id[0]);
    struct client_answer answer = {.error = CLIENT_ERROR, .uri = in->uri};
    if (pending == NULL || (uint64_t)pending->code != in->type) {
        return dialog_broken(dialog, "ERROR answers nothing that was asked");
    }
    entry_free(dialog->mem, pending->entry);
    pending->entry = NULL;
    return dialog_answer(dialog, in, pending, &answer);
}

static bool take_published(struct dialog *dialog, const struct inbound *in)
{
    struct dialog_pending *pending = pending_find(dialog, in->id[0]);
    struct client_answer answer = {.id = in->id[1]};
    if (pending == NULL || pending->code != WAMP_PUBLISH) {
        return dialog_broken(dialog, "PUBLISHED answers nothing that was asked");
    }
    return dialog_answer(dialog, in, pending, &answer);
}

static bool take_result(struct dialog *dialog, const struct inbound *in)
{
    struct token token;
    struct dialog_pending *pending = pending_find(dialog, in->id[0]);
    struct client_answer answer = {0};
    if (pending == NULL || pending->code != WAMP_CALL) {
        return dialog_broken(dialog, "RESULT answers nothing that was asked");
    }
    answer.progress =
        inbound_find(dialog->frames->serializer, in->details, "progress", &token) == 1 &&
        token.kind == TOKEN_BOOL && token.boolean;
    return dialog_answer(dialog, in, pending, &answer);
}

static bool dialog_added(struct dialog *dialog, const struct inbound *in, enum wamp_code code,
                         struct dialog_entries *entries)
{
    struct dialog_pending *pending = pending_find(dialog, in->id[0]);
    struct client_answer answer = {.id = in->id[1]};
    if (pending == NULL || pending->code != code) {
        return dialog_broken(dialog, "an acknowledgement answers nothing that was asked");
    }
    if (pending->entry == NULL) { /* forgotten: what comes for it is refused */
        return dialog_answer(dialog, in, pending, &answer);
    }
    pending->entry->id = in->id[1];
    if (!entries_put(entries, dialog->mem, pending->entry)) {
        dialog_end(dialog, CLIENT_LIMIT, "too many subscriptions or registrations");
        return false;
    }
    pending->entry = NULL;
    return dialog_answer(dialog, in, pending, &answer);
}

static bool take_subscribed(struct dialog *dialog, const struct inbound *in)
{
    return dialog_added(dialog, in, WAMP_SUBSCRIBE, &dialog->subscriptions);
}

static bool take_registered(struct dialog *dialog, const struct inbound *in)
{
    return dialog_added(dialog, in, WAMP_REGISTER, &dialog->registrations);
}

/* Also the router's own wish: request 0, and the id in Details. */
static bool dialog_dropped(struct dialog *dialog, const struct inbound *in, enum wamp_code code,
                           struct dialog_entries *entries, const char *key)
{
    struct dialog_pending *pending = pending_find(dialog, in->id[0]);
    struct client_answer answer = {0};
    struct token token;
    if (in->id[0] == 0) {
        if (inbound_find(dialog->frames->serializer, in->details, key, &token) == 1 &&
            token.kind == TOKEN_UINT) {
            entries_remove(entries, dialog->mem, token.uint);
        }
        return true;
    }
    if (pending == NULL || pending->code != code) {
        return dialog_broken(dialog, "an acknowledgement answers nothing that was asked");
    }
    answer.id = pending->id;
    entries_remove(entries, dialog->mem, pending->id);
    return dialog_answer(dialog, in, pending, &answer);
}

static bool take_unsubscribed(struct dialog *dialog, const struct inbound *in)
{
    return dialog_dropped(dialog, in, WAMP_UNSUBSCRIBE, &dialog->subscriptions, "subscription");
}

static bool take_unregistered(struct dialog *dialog, const struct inbound *in)
{
    return dialog_dropped(dialog, in, WAMP_UNREGISTER, &dialog->registrations, "registration");
}

/* ---- events and invocations */

/* The URI that Details name (for patterns), else the one that was asked for. */
static struct bytes entry_uri(const struct dialog *dialog, const struct inbound *in,
                              const struct dialog_entry *entry, const char *key, uint8_t text[1024])
{
    struct token token;
    if (inbound_find(dialog->frames->serializer, in->details, key, &token) == 1 &&
        token.kind == TOKEN_STRING && token.bytes.size <= 1024) {
        long size = token.plain ? 0 : token_text(&token, text);
        if (token.plain) {
            return token.bytes;
        }
        if (size >= 0) {
            return bytes_make(text, (size_t)size);
        }
    }
    return bytes_make(entry->uri, entry->uri_size);
}

/* An event may still be under way when its subscription has gone: it is ignored. */
static bool take_event(struct dialog *dialog, const struct inbound *in)
{
    uint8_t text[1024];
    struct dialog_entry *entry = entries_find(&dialog->subscriptions, in->id[0]);
    if (entry != NULL) {
        struct client_event event = {
            .subscription = in->id[0],
            .publication = in->id[1],
            .topic = entry_uri(dialog, in, entry, "topic", text),
            .details = in->details,
            .payload = inbound_payload_of(dialog, in),
        };
        entry->on_event(entry->context, &event);
    }
    return true;
}

static bool take_invocation(struct dialog *dialog, const struct inbound *in)
{
    uint8_t text[1024];
    struct dialog_entry *entry = entries_find(&dialog->registrations, in->id[1]);
    struct client_payload nothing = client_nothing();
    if (entry == NULL) {
        (void)dialog_refuse(dialog, in->id[0], "wamp.error.no_such_registration", &nothing);
        return true;
    }
    struct client_invocation invocation = {
        .request = in->id[0],
        .registration = in->id[1],
        .procedure = entry_uri(dialog, in, entry, "procedure", text),
        .details = in->details,
        .payload = inbound_payload_of(dialog, in),
    };
    entry->on_invocation(entry->context, &invocation);
    return true;
}

/* INTERRUPT does not name the registration, so every callee is asked; who knows the request acts.
 */
static bool take_interrupt(struct dialog *dialog, const struct inbound *in)
{
    for (size_t i = 0; i < dialog->registrations.count; i++) {
        struct dialog_entry *entry = dialog->registrations.at[i];
        if (entry->on_interrupt != NULL) {
            entry->on_interrupt(entry->context, in->id[0]);
        }
    }
    return true;
}

/* ---- the table */

enum { IN_JOINING = 1, IN_JOINED = 2 };

struct taker {
    enum wamp_code code;
    unsigned states;
    bool (*take)(struct dialog *dialog, const struct inbound *in);
};

static const struct taker takers[] = {
    {WAMP_WELCOME, IN_JOINING, take_welcome},
    {WAMP_CHALLENGE, IN_JOINING, take_challenge},
    {WAMP_ABORT, IN_JOINING | IN_JOINED, take_abort},
    {WAMP_GOODBYE, IN_JOINED, take_goodbye},
    {WAMP_ERROR, IN_JOINED, take_error},
    {WAMP_PUBLISHED, IN_JOINED, take_published},
    {WAMP_SUBSCRIBED, IN_JOINED, take_subscribed},
    {WAMP_UNSUBSCRIBED, IN_JOINED, take_unsubscribed},
    {WAMP_EVENT, IN_JOINED, take_event},
    {WAMP_RESULT, IN_JOINED, take_result},
    {WAMP_REGISTERED, IN_JOINED, take_registered},
    {WAMP_UNREGISTERED, IN_JOINED, take_unregistered},
    {WAMP_INVOCATION, IN_JOINED, take_invocation},
    {WAMP_INTERRUPT, IN_JOINED, take_interrupt},
};

bool dialog_take(struct dialog *dialog, struct bytes message)
{
    if (dialog->state == DIALOG_LEFT || dialog->state == DIALOG_NEW) {
        return dialog->state == DIALOG_NEW
                   ? dialog_broken(dialog, "a message came before HELLO was sent")
                   : false;
    }
    const char *why = inbound_read(&dialog->inbound, dialog->frames->serializer, message);
    if (why != NULL) {
        return dialog_broken(dialog, why);
    }
    const struct inbound *in = &dialog->inbound;
    /* After our GOODBYE only the router's counts: what was under way before it is not for us. */
    if (dialog->state == DIALOG_LEAVING && in->code != WAMP_GOODBYE && in->code != WAMP_ABORT) {
        return true;
    }
    unsigned state = dialog->state == DIALOG_JOINING ? IN_JOINING : IN_JOINED;
    for (size_t i = 0; i < array_count(takers); i++) {
        if (takers[i].code == in->code) {
            return (takers[i].states & state) != 0
                       ? takers[i].take(dialog, in)
                       : dialog_broken(dialog, "a message came in the wrong state");
        }
    }
    return dialog_broken(dialog, "no message that a router sends has this code");
}
