/* What the client verbs share: the run, its exit codes, its output. Only verb*.c include this.
 *
 * One struct verb a process, one thread. Output is out before the verb waits; when stdout is gone
 * the verb ends. */
#ifndef CLOS_VERB_H
#define CLOS_VERB_H

#include "client/client.h"
#include "client/value.h"
#include "client/verb_line.h"

enum verb_exit {
    EXIT_FINE = 0,
    EXIT_GENERAL = 1,
    EXIT_USAGE = 2,
    EXIT_ANSWERED = 3, /* the callee, or the router, answered ERROR */
    EXIT_DATA = 65,    /* a line of stdin is no value */
    EXIT_UNAVAILABLE = 69,
    EXIT_PROTOCOL = 76,
    EXIT_DENIED = 77,
    EXIT_CONFIG = 78,
    EXIT_TIMEOUT = 124,
    EXIT_INTERRUPTED = 130,
    EXIT_TERMINATED = 143,
};

struct verb {
    const char *name;
    struct verb_line line;
    struct mem mem;
    struct buf text;    /* a line of output being made */
    struct buf options; /* of the request: JSON and a NUL */
    struct client *client;
    int signal_fd; /* SIGINT and SIGTERM; readable for ever once one came */
    bool color;
    bool broken; /* stdout is gone */
};

/* One for each verb: words and options are read. All have left the router when they return. */
int verb_pub(struct verb *verb);
int verb_sub(struct verb *verb);
int verb_call(struct verb *verb);
int verb_register(struct verb *verb);

/* "clos: " and the message on stderr; answers code. */
int verb_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, and where to read on: EXIT_USAGE. */
int verb_misuse(const struct verb *verb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Connects and joins; builds options. EXIT_FINE, or an exit code after it was told why. */
int verb_open(struct verb *verb);
/* The client's last failure, told on stderr, as an exit code. */
int verb_failed(struct verb *verb, enum client_error error);
/* GOODBYE; code, or why that failed when code is EXIT_FINE. */
int verb_close(struct verb *verb, int code);

/* args of words after the first, kwargs of --keyword; encoded into the bufs. EXIT_FINE or told. */
int verb_payload(struct verb *verb, struct buf *args, struct buf *kwargs,
                 struct client_payload *payload);

/* ---- output: builds in text, then writes it as one line */
void verb_show(struct verb *verb, const char *key, struct bytes name,
               const struct client_payload *payload, struct bytes details);
/* Lines gather while messages keep coming: flushed before each wait. false: nobody reads them. */
bool verb_flush(struct verb *verb);
/* As client_run, with that. timeout_ms 0: no limit. */
enum client_error verb_listen(struct verb *verb, uint64_t timeout_ms);
/* An ERROR that came as an answer: stdout as JSON, else stderr. Answers its exit code. */
int verb_show_error(struct verb *verb, const struct client_answer *answer);

#endif
