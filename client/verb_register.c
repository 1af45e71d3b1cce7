#include "client/verb.h"
#include "client/verb_child.h"
#include "common/clock.h"
#include "common/utf8.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* clos register: answers with the call's own arguments, with a fixed value, or with what a command
 * writes. Commands run beside each other, CHILDREN_MAX at once; what comes beyond is refused as
 * unavailable, so that the router may ask another callee. */

enum { CHILDREN_MAX = 64 };

struct callee {
    struct verb *verb;
    struct child children[CHILDREN_MAX];
    const char *const *command;
    struct buf result; /* of --result, as one array */
    struct buf answer;
    uint64_t taken; /* invocations that were taken on */
    uint64_t answered;
    int child_fd; /* SIGCHLD */
};

static bool callee_is_full(const struct callee *callee)
{
    uint64_t count = callee->verb->line.count;
    return count > 0 && callee->taken == count;
}

static void callee_answered(struct callee *callee)
{
    callee->answered++;
    if (callee->verb->line.count > 0 && callee->answered == callee->verb->line.count) {
        client_stop(callee->verb->client);
    }
}

/* A result that cannot be sent still gets its caller an answer. */
static void callee_yield(struct callee *callee, uint64_t request,
                         const struct client_payload *payload)
{
    struct client_payload nothing = client_nothing();
    enum client_error error = client_yield(callee->verb->client, request, NULL, payload);
    if (error == CLIENT_LIMIT || error == CLIENT_USAGE) {
        (void)client_refuse(callee->verb->client, request,
                            error == CLIENT_LIMIT ? "wamp.error.payload_size_exceeded"
                                                  : "wamp.error.runtime_error",
                            &nothing);
    }
    callee_answered(callee);
}

static void callee_refuse(struct callee *callee, uint64_t request, const char *uri,
                          const char *text)
{
    struct buf *answer = &callee->answer;
    struct writer writer;
    buf_reset(answer);
    writer_init(&writer, SERIALIZER_JSON, answer);
    write_array(&writer, 1);
    write_string(&writer, bytes_text(text));
    write_end(&writer);
    struct client_payload payload = {
        .serializer = SERIALIZER_JSON,
        .args = answer->failed ? bytes_make(NULL, 0) : buf_bytes(answer),
    };
    (void)client_refuse(callee->verb->client, request, uri, &payload);
}

static void callee_run(struct callee *callee, const struct client_invocation *invocation)
{
    struct child *child = NULL;
    for (size_t i = 0; i < CHILDREN_MAX && child == NULL; i++) {
        child = callee->children[i].pid == 0 ? &callee->children[i] : NULL;
    }
    if (child == NULL) {
        callee->taken--;
        callee_refuse(callee, invocation->request, "wamp.error.unavailable",
                      "too many commands are running");
    } else if (!child_start(child, &callee->verb->mem, callee->command, invocation)) {
        callee_refuse(callee, invocation->request, "wamp.error.runtime_error",
                      "the command cannot be started");
        callee_answered(callee);
    }
}

static void callee_on_invocation(void *context, const struct client_invocation *invocation)
{
    struct callee *callee = context;
    if (callee_is_full(callee)) {
        callee_refuse(callee, invocation->request, "wamp.error.unavailable", "about to leave");
        return;
    }
    callee->taken++;
    verb_show(callee->verb, "procedure", invocation->procedure, &invocation->payload,
              invocation->details);
    if (callee->command != NULL) {
        callee_run(callee, invocation);
    } else if (callee->verb->line.echo) {
        callee_yield(callee, invocation->request, &invocation->payload);
    } else {
        struct client_payload payload = {
            .serializer = SERIALIZER_JSON,
            .args = buf_bytes(&callee->result),
        };
        callee_yield(callee, invocation->request, &payload);
    }
}

static void callee_on_interrupt(void *context, uint64_t request)
{
    struct callee *callee = context;
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        struct child *child = &callee->children[i];
        if (child->pid > 0 && child->invocation == request) {
            child_interrupt(child);
        }
    }
}

/* ---- what commands answer */

/* Its output without the last line's end, typed as an argument is; what is no text is binary. */
static void child_answer(struct callee *callee, struct child *child)
{
    struct bytes text = buf_bytes(&child->out);
    struct writer writer;
    if (text.size > 0 && text.at[text.size - 1] == '\n') {
        text.size--;
    }
    enum serializer serializer = client_serializer(callee->verb->client);
    buf_reset(&callee->answer);
    writer_init(&writer, serializer, &callee->answer);
    write_array(&writer, 1);
    if (!utf8_valid(text)) {
        write_binary(&writer, text);
    } else if (!value_write_typed(&writer, text)) { /* begins like JSON and is none */
        buf_reset(&callee->answer);
        writer_init(&writer, serializer, &callee->answer);
        write_array(&writer, 1);
        write_string(&writer, text);
    }
    write_end(&writer);
    struct client_payload payload = {.serializer = serializer, .args = buf_bytes(&callee->answer)};
    if (child->out.size == 0) {
        payload.args = bytes_make(NULL, 0);
    }
    callee_yield(callee, child->invocation, &payload);
}

static void child_finish(struct callee *callee, struct child *child, int status)
{
    char text[64];
    const char *uri = "wamp.error.runtime_error";
    (void)snprintf(text, sizeof text,
                   WIFSIGNALED(status) ? "killed by signal %d" : "exit status %d",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (child->interrupted) {
        uri = "wamp.error.canceled";
    } else if (child->too_much) {
        uri = "wamp.error.payload_size_exceeded";
    } else if (status == 0) {
        child_answer(callee, child);
        child_fini(child);
        return;
    }
    callee_refuse(callee, child->invocation, uri, text);
    callee_answered(callee);
    child_fini(child);
}

static void callee_reap(struct callee *callee)
{
    struct signalfd_siginfo info;
    while (read(callee->child_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        /* one signal may stand for many children: all are asked */
    }
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        int status = 0;
        struct child *child = &callee->children[i];
        if (child->pid > 0) {
            child_read(child);
            if (child_ended(child, &status)) {
                child_finish(callee, child, status);
            }
        }
    }
}

/* ---- the loop */

static void callee_wait(struct callee *callee, uint64_t deadline_ns)
{
    struct client *client = callee->verb->client;
    struct pollfd fds[CHILDREN_MAX + 3] = {
        {.fd = client_fd(client),
         .events = (short)(POLLIN | (client_unsent(client) ? POLLOUT : 0))},
        {.fd = callee->verb->signal_fd, .events = POLLIN},
        {.fd = callee->child_fd, .events = POLLIN},
    };
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        bool runs = callee->children[i].pid > 0;
        fds[i + 3] = (struct pollfd){.fd = runs ? callee->children[i].fd : -1, .events = POLLIN};
    }
    uint64_t now = clock_now_ns();
    int ms = -1;
    if (deadline_ns != NEVER) {
        uint64_t left = deadline_ns > now ? (deadline_ns - now) / NS_PER_MS + 1 : 0;
        ms = left > INT32_MAX ? INT32_MAX : (int)left;
    }
    (void)poll(fds, array_count(fds), ms);
}

static enum client_error callee_loop(struct callee *callee)
{
    uint64_t ms = callee->verb->line.timeout_ms;
    uint64_t deadline = ms > 0 ? clock_now_ns() + ms * NS_PER_MS : NEVER;
    for (;;) {
        enum client_error error = client_run(callee->verb->client, 0);
        bool flushed = verb_flush(callee->verb);
        if (error != CLIENT_TIMEOUT || !flushed || clock_now_ns() >= deadline) {
            return flushed ? error : CLIENT_STOPPED;
        }
        callee_wait(callee, deadline);
        callee_reap(callee);
    }
}

static int callee_prepare(struct callee *callee)
{
    struct verb *verb = callee->verb;
    const struct texts *words = &verb->line.words;
    bool command = words->count > 1;
    struct writer writer;
    sigset_t set;
    if ((int)command + (int)verb->line.echo + (int)(verb->line.result != NULL) != 1) {
        return verb_misuse(verb, "one of COMMAND, --echo and --result has to say how to answer");
    }
    if (command) {
        callee->command = words->at + 1; /* NULL follows: fewer words than room for them */
    }
    if (verb->line.result != NULL) {
        writer_init(&writer, SERIALIZER_JSON, &callee->result);
        write_array(&writer, 1);
        if (!value_write_typed(&writer, bytes_text(verb->line.result))) {
            return verb_misuse(verb, "'%.100s' is no value", verb->line.result);
        }
        write_end(&writer);
    }
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    callee->child_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return callee->child_fd >= 0 ? EXIT_FINE : verb_fail(EXIT_GENERAL, "cannot wait for signals");
}

static int callee_serve(struct callee *callee)
{
    struct verb *verb = callee->verb;
    struct client_callee form = {
        .on_invocation = callee_on_invocation,
        .on_interrupt = callee_on_interrupt,
        .context = callee,
    };
    int code = verb_open(verb);
    if (code != EXIT_FINE) {
        return code;
    }
    enum client_error error = client_register(verb->client, verb->line.words.at[0],
                                              (const char *)verb->options.at, &form, NULL);
    if (error == CLIENT_OK) {
        error = callee_loop(callee);
    }
    bool enough = verb->line.count > 0 && callee->answered >= verb->line.count;
    if (error == CLIENT_STOPPED && enough && !verb->broken) {
        return EXIT_FINE;
    }
    return error == CLIENT_TIMEOUT ? EXIT_TIMEOUT : verb_failed(verb, error);
}

int verb_register(struct verb *verb)
{
    struct callee callee = {.verb = verb, .child_fd = -1};
    buf_init(&callee.result, &verb->mem, VALUE_BYTES_MAX);
    buf_init(&callee.answer, &verb->mem, VALUE_BYTES_MAX);
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        callee.children[i].fd = -1;
        buf_init(&callee.children[i].out, &verb->mem, CHILD_OUT_MAX);
    }
    int code = callee_prepare(&callee);
    if (code == EXIT_FINE) {
        code = callee_serve(&callee);
    }
    code = verb_close(verb, code); /* handlers look at the callee: it goes last */
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        child_fini(&callee.children[i]);
    }
    buf_fini(&callee.result);
    buf_fini(&callee.answer);
    if (callee.child_fd >= 0) {
        (void)close(callee.child_fd);
    }
    return code;
}
