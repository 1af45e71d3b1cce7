#include "client/verb.h"

#include "common/clock.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

/* What people and scripts see. People get arguments as they would type them; scripts get one JSON
 * object a line. */

int verb_fail(int code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)fputs("clos: ", stderr);
    (void)vfprintf(stderr, format, list);
    (void)fputc('\n', stderr);
    va_end(list);
    return code;
}

int verb_misuse(const struct verb *verb, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)fputs("clos: ", stderr);
    (void)vfprintf(stderr, format, list);
    (void)fprintf(stderr, "\ntry 'clos help %s'\n", verb->name);
    va_end(list);
    return EXIT_USAGE;
}

static void verb_show_line(struct verb *verb)
{
    buf_put_byte(&verb->text, '\n');
    if (verb->text.failed) {
        (void)verb_fail(EXIT_GENERAL, "a message is too long to be shown");
    } else if (fwrite(verb->text.at, 1, verb->text.size, stdout) != verb->text.size) {
        verb->broken = true;
        client_stop(verb->client);
    }
}

bool verb_flush(struct verb *verb)
{
    verb->broken = verb->broken || fflush(stdout) != 0;
    return !verb->broken;
}

enum client_error verb_listen(struct verb *verb, uint64_t timeout_ms)
{
    uint64_t deadline = timeout_ms > 0 ? clock_now_ns() + timeout_ms * NS_PER_MS : NEVER;
    for (;;) {
        enum client_error error = client_run(verb->client, 0);
        bool flushed = verb_flush(verb);
        uint64_t now = clock_now_ns();
        if (error != CLIENT_TIMEOUT || !flushed || now >= deadline) {
            return flushed ? error : CLIENT_STOPPED;
        }
        struct pollfd fds[2] = {
            {.fd = verb->signal_fd, .events = POLLIN},
            {.fd = client_fd(verb->client),
             .events = (short)(POLLIN | (client_unsent(verb->client) ? POLLOUT : 0))},
        };
        uint64_t ms = (deadline - now) / NS_PER_MS + 1;
        (void)poll(fds, 2, deadline == NEVER ? -1 : ms > INT32_MAX ? INT32_MAX : (int)ms);
    }
}

static void show_text(struct verb *verb, const char *text)
{
    buf_put_bytes(&verb->text, bytes_text(text));
}

/* "key": value; a value without a form in JSON becomes null, and is told of. */
static void show_pair(struct verb *verb, const char *key, enum serializer serializer,
                      struct bytes value, const char *instead)
{
    show_text(verb, key);
    size_t size = verb->text.size;
    if (!value_json(&verb->text, serializer, value, instead) && !verb->text.failed) {
        verb->text.size = size;
        show_text(verb, "null");
        (void)verb_fail(EXIT_GENERAL, "a payload has no form in JSON");
    }
}

static void show_object(struct verb *verb, const char *key, struct bytes name,
                        const struct client_payload *payload, struct bytes details)
{
    show_text(verb, "{");
    if (key != NULL) {
        show_text(verb, "\"");
        show_text(verb, key);
        show_text(verb, "\":");
        value_json_text(&verb->text, name);
        show_text(verb, ",");
    }
    show_pair(verb, "\"args\":", payload->serializer, payload->args, "[]");
    show_pair(verb, ",\"kwargs\":", payload->serializer, payload->kwargs, "{}");
    show_pair(verb, ",\"details\":", payload->serializer, details, "{}");
    show_text(verb, "}");
}

static void show_words(struct verb *verb, struct bytes name, const struct client_payload *payload)
{
    char shown[1024];
    bool something = payload->args.size > 0 || payload->kwargs.size > 0;
    if (name.size > 0) {
        show_text(verb, verb->color ? "\033[1m" : "");
        show_text(verb, failure_text(name, shown, sizeof shown));
        show_text(verb, verb->color ? "\033[0m" : "");
        show_text(verb, something ? " " : "");
    }
    size_t size = verb->text.size;
    if (!value_line(&verb->text, payload) && !verb->text.failed) {
        verb->text.size = size;
        show_text(verb, "?");
        (void)verb_fail(EXIT_GENERAL, "a payload has no form in JSON");
    }
}

void verb_show(struct verb *verb, const char *key, struct bytes name,
               const struct client_payload *payload, struct bytes details)
{
    buf_reset(&verb->text);
    if (verb->line.json) {
        show_object(verb, key, name, payload, details);
    } else {
        show_words(verb, name, payload);
    }
    verb_show_line(verb);
}

int verb_show_error(struct verb *verb, const struct client_answer *answer)
{
    static const struct {
        const char *uri;
        int code;
    } codes[] = {
        {"wamp.error.not_authorized", EXIT_DENIED},
        {"wamp.error.authorization_denied", EXIT_DENIED},
        {"wamp.error.authorization_failed", EXIT_DENIED},
        {"wamp.error.authorization_required", EXIT_DENIED},
        {"wamp.error.timeout", EXIT_TIMEOUT},
    };
    char uri[256];
    if (verb->line.json) {
        verb_show(verb, "error", answer->uri, &answer->payload, answer->details);
    } else {
        buf_reset(&verb->text);
        show_words(verb, bytes_make(NULL, 0), &answer->payload);
        buf_put_byte(&verb->text, '\0');
        (void)verb_fail(0, "%s%s%s", failure_text(answer->uri, uri, sizeof uri),
                        verb->text.size > 1 && !verb->text.failed ? ": " : "",
                        !verb->text.failed ? (const char *)verb->text.at : "");
    }
    for (size_t i = 0; i < array_count(codes); i++) {
        if (bytes_equal_text(answer->uri, codes[i].uri)) {
            return codes[i].code;
        }
    }
    return EXIT_ANSWERED;
}
