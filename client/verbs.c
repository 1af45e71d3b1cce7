#include "client/verbs.h"

#include "client/url.h"
#include "client/verb.h"
#include "common/heap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* One row a verb. What all have in common is here: the line, the signals, joining, leaving. */

struct verb_row {
    const char *name;
    enum verb_bit bit;
    int (*run)(struct verb *verb);
    size_t words_min;
    const char *wanted; /* what is missing when there are fewer words */
    const char *synopsis;
    const char *about;
};

static const struct verb_row rows[] = {
    {"pub", VERB_PUB, verb_pub, 1, "the topic", "TOPIC [ARG...]", "Publish to a topic."},
    {"sub", VERB_SUB, verb_sub, 1, "the topic", "TOPIC...",
     "Subscribe, and show a line for each event."},
    {"call", VERB_CALL, verb_call, 1, "the procedure", "PROCEDURE [ARG...]",
     "Call a procedure and show its result, each progressive one on a line of its own."},
    {"register", VERB_REGISTER, verb_register, 1, "the procedure",
     "PROCEDURE (COMMAND [ARG...] | --echo | --result JSON)",
     "Register a procedure and show a line for each call. COMMAND is run for each, with\n"
     "WAMP_ARGS, WAMP_KWARGS, WAMP_ARGS_JSON and WAMP_KWARGS_JSON in its environment; what it\n"
     "writes to stdout is the result, typed as arguments are. If it fails, so does the call.\n"
     "Options come before COMMAND."},
};

static const char help_values[] =
    "\n"
    "How an argument or VALUE is typed:\n"
    "  42  -1.5  true  null  [1,2]  {\"a\":1}   what JSON makes of it\n"
    "  \"42\"  '42'  hello                     strings\n"
    "  0x00ff                                binary\n";

static const char help_rest[] =
    "\n"
    "Environment, where an option is not given:\n"
    "  CLOS_URL CLOS_REALM CLOS_SERIALIZER CLOS_AUTHMETHOD CLOS_AUTHID CLOS_AUTHROLE\n"
    "  CLOS_TICKET CLOS_SECRET CLOS_PRIVATE_KEY, or a file's name in CLOS_TICKET_FILE,\n"
    "  CLOS_SECRET_FILE, CLOS_PRIVATE_KEY_FILE; CBURL and CBREALM last.\n"
    "  NO_COLOR and FORCE_COLOR are obeyed.\n"
    "\n"
    "Exit codes:\n"
    "  0 done   1 failed   2 misused   3 answered with ERROR   65 bad data on stdin\n"
    "  69 no router, or it hung up   76 protocol error   77 not authorized\n"
    "  78 bad setting   124 --timeout   130 interrupted   143 terminated\n";

static const struct verb_row *row_find(const char *name)
{
    for (size_t i = 0; i < array_count(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static int verbs_help(const struct verb_row *row)
{
    (void)printf("usage: clos %s [OPTION...] %s\n\n%s\n\n", row->name, row->synopsis, row->about);
    verb_line_help(row->bit);
    (void)fputs(help_values, stdout);
    (void)fputs(help_rest, stdout);
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_GENERAL;
}

/* ---- the client */

static enum serializer serializer_of(const char *name)
{
    if (name != NULL && strcmp(name, "json") == 0) {
        return SERIALIZER_JSON;
    }
    return name != NULL && strcmp(name, "cbor") == 0 ? SERIALIZER_CBOR : SERIALIZER_MSGPACK;
}

/* The method that is named, else the one whose secret is there. */
static void verb_authentication(const struct verb_line *line, struct client_options *options)
{
    options->authmethod = line->authmethod;
    if (options->authmethod == NULL) {
        options->authmethod = line->ticket != NULL        ? "ticket"
                              : line->private_key != NULL ? "cryptosign"
                              : line->secret != NULL      ? "wampcra"
                                                          : NULL;
    }
    if (options->authmethod != NULL) {
        options->secret = strcmp(options->authmethod, "ticket") == 0       ? line->ticket
                          : strcmp(options->authmethod, "cryptosign") == 0 ? line->private_key
                                                                           : line->secret;
    }
    options->authid = line->authid;
    options->authrole = line->authrole;
}

/* --option, --match and --invoke as one JSON dictionary. */
static int verb_options(struct verb *verb)
{
    char match[32];
    char invoke[32];
    const char *bad = "";
    struct texts *texts = &verb->line.options;
    const char **all = calloc(texts->count + 2, sizeof *all);
    if (all == NULL) {
        return verb_fail(EXIT_GENERAL, "no memory");
    }
    size_t count = 0;
    for (size_t i = 0; i < texts->count; i++) {
        all[count++] = texts->at[i];
    }
    if (verb->line.match != NULL) {
        (void)snprintf(match, sizeof match, "match=%s", verb->line.match);
        all[count++] = match;
    }
    if (verb->line.invoke != NULL) {
        (void)snprintf(invoke, sizeof invoke, "invoke=%s", verb->line.invoke);
        all[count++] = invoke;
    }
    bool fine = value_pairs(&verb->options, SERIALIZER_JSON, all, count, &bad);
    buf_put_byte(&verb->options, '\0');
    free(all);
    return fine ? EXIT_FINE : verb_misuse(verb, "'%s' is no option, or there twice", bad);
}

int verb_open(struct verb *verb)
{
    struct client_options options = {
        .url = verb->line.url,
        .realm = verb->line.realm,
        .serializer = serializer_of(verb->line.serializer),
        .stop_fd = verb->signal_fd,
        .ca_file = verb->line.ca,
        .insecure = verb->line.insecure,
    };
    struct url url;
    verb_authentication(&verb->line, &options);
    int code = verb_options(verb);
    if (code != EXIT_FINE) {
        return code;
    }
    const char *why = url_parse(verb->line.url, &url);
    if (why != NULL && verb->line.url_given) {
        return verb_misuse(verb, "bad URL '%.100s': %s", verb->line.url, why);
    }
    verb->client = client_new(&options);
    if (verb->client == NULL) {
        return verb_fail(EXIT_GENERAL, "no memory");
    }
    enum client_error error = client_connect(verb->client);
    if (error == CLIENT_OK) {
        error = client_join(verb->client);
    }
    if (error == CLIENT_USAGE) {
        return verb_fail(EXIT_CONFIG, "%s", client_failure(verb->client)->text);
    }
    return error == CLIENT_OK ? EXIT_FINE : verb_failed(verb, error);
}

static int verb_stopped(const struct verb *verb)
{
    struct signalfd_siginfo info;
    if (verb->broken) {
        return verb_fail(EXIT_GENERAL, "nobody reads the output");
    }
    if (read(verb->signal_fd, &info, sizeof info) == (ssize_t)sizeof info &&
        info.ssi_signo == SIGTERM) {
        return EXIT_TERMINATED;
    }
    return EXIT_INTERRUPTED;
}

int verb_failed(struct verb *verb, enum client_error error)
{
    static const int codes[] = {
        [CLIENT_USAGE] = EXIT_USAGE,         [CLIENT_CONNECT] = EXIT_UNAVAILABLE,
        [CLIENT_TLS] = EXIT_UNAVAILABLE,     [CLIENT_HANDSHAKE] = EXIT_PROTOCOL,
        [CLIENT_PROTOCOL] = EXIT_PROTOCOL,   [CLIENT_DENIED] = EXIT_DENIED,
        [CLIENT_ABORTED] = EXIT_UNAVAILABLE, [CLIENT_CLOSED] = EXIT_UNAVAILABLE,
        [CLIENT_ERROR] = EXIT_ANSWERED,      [CLIENT_TIMEOUT] = EXIT_TIMEOUT,
        [CLIENT_LIMIT] = EXIT_GENERAL,       [CLIENT_STOPPED] = EXIT_INTERRUPTED,
    };
    const struct failure *failure = client_failure(verb->client);
    if (error == CLIENT_STOPPED) {
        return verb_stopped(verb);
    }
    if (error == CLIENT_ERROR) {
        struct client_answer answer = {
            .uri = bytes_text(failure->uri),
            .payload = client_nothing(),
        };
        return verb_show_error(verb, &answer);
    }
    return verb_fail(codes[error], "%s", failure->text);
}

int verb_close(struct verb *verb, int code)
{
    if (verb->client == NULL) {
        return code;
    }
    enum client_error error = client_close(verb->client);
    if (error != CLIENT_OK && code == EXIT_FINE) {
        code = verb_failed(verb, error);
    }
    client_free(verb->client);
    verb->client = NULL;
    return code;
}

int verb_payload(struct verb *verb, struct buf *args, struct buf *kwargs,
                 struct client_payload *payload)
{
    const struct texts *words = &verb->line.words;
    const struct texts *pairs = &verb->line.keywords;
    enum serializer serializer = client_serializer(verb->client);
    const char *bad = "";
    buf_reset(args);
    buf_reset(kwargs);
    if (words->count > 1 && !value_args(args, serializer, words->at + 1, words->count - 1, &bad)) {
        return verb_misuse(verb, "'%.100s' is no value", bad);
    }
    if (pairs->count > 0 && !value_pairs(kwargs, serializer, pairs->at, pairs->count, &bad)) {
        return verb_misuse(verb, "'%.100s' is no KEY=VALUE, or there twice", bad);
    }
    *payload = (struct client_payload){
        .serializer = serializer,
        .args = buf_bytes(args),
        .kwargs = buf_bytes(kwargs),
    };
    return EXIT_FINE;
}

/* ---- the process */

static bool color_wanted(void)
{
    const char *no = getenv("NO_COLOR");
    const char *force = getenv("FORCE_COLOR");
    const char *term = getenv("TERM");
    if (no != NULL && no[0] != '\0') {
        return false;
    }
    if (force != NULL && force[0] != '\0') {
        return true;
    }
    return isatty(STDOUT_FILENO) == 1 && (term == NULL || strcmp(term, "dumb") != 0);
}

static bool signals_take(struct verb *verb)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)signal(SIGPIPE, SIG_IGN);
    verb->signal_fd = sigprocmask(SIG_BLOCK, &set, NULL) == 0
                          ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)
                          : -1;
    return verb->signal_fd > 0;
}

static int verb_run(struct verb *verb, const struct verb_row *row)
{
    if (verb->line.words.count < row->words_min) {
        return verb_misuse(verb, "%s is missing", row->wanted);
    }
    if (!signals_take(verb)) {
        return verb_fail(EXIT_GENERAL, "cannot wait for signals");
    }
    verb->color = color_wanted();
    mem_init(&verb->mem, heap_source(), SIZE_MAX / 2);
    buf_init(&verb->text, &verb->mem, (size_t)VALUE_BYTES_MAX * 8);
    buf_init(&verb->options, &verb->mem, VALUE_BYTES_MAX);
    int code = row->run(verb);
    check(verb->client == NULL);
    if (!verb_flush(verb) && code == EXIT_FINE) {
        code = verb_fail(EXIT_GENERAL, "nobody reads the output");
    }
    buf_fini(&verb->text);
    buf_fini(&verb->options);
    mem_fini(&verb->mem);
    (void)close(verb->signal_fd);
    return code;
}

int verbs_main(const char *name, int argc, char **argv)
{
    struct verb verb = {.name = name, .signal_fd = -1};
    const struct verb_row *row = row_find(name);
    int code;
    if (row == NULL) {
        return verb_fail(EXIT_USAGE, "there is no verb '%s'", name);
    }
    if (!verb_line_read(&verb.line, row->bit, argc - 1, argv + 1)) {
        code = verb.line.exit == EXIT_USAGE ? verb_misuse(&verb, "%s", verb.line.error)
                                            : verb_fail(verb.line.exit, "%s", verb.line.error);
    } else {
        code = verb.line.help ? verbs_help(row) : verb_run(&verb, row);
    }
    verb_line_fini(&verb.line);
    return code;
}
