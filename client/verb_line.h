/* A client verb's command line and environment, taken apart by one table of options.
 *
 * Called by verbs.c at start. The texts point into argv or the environment, or (from files) into
 * memory of verb_line, which verb_line_fini gives back. Order: option, environment, built-in. Fails
 * with a text in error and the exit code that fits. */
#ifndef CLOS_VERB_LINE_H
#define CLOS_VERB_LINE_H

#include "common/base.h"

enum verb_bit {
    VERB_PUB = 1,
    VERB_SUB = 2,
    VERB_CALL = 4,
    VERB_REGISTER = 8,
    VERB_ALL = 15,
};

struct texts {
    const char **at;
    size_t count;
};

struct verb_line {
    const char *url;
    const char *realm;
    const char *serializer;
    const char *authmethod;
    const char *authid;
    const char *authrole;
    const char *secret;
    const char *ticket;
    const char *private_key;
    const char *ca;
    const char *match;
    const char *invoke;
    const char *result;
    bool insecure;
    bool json;
    bool ack;
    bool lines;
    bool echo;
    bool help;
    bool url_given; /* on the command line: its faults are misuse, not bad settings */
    uint64_t count; /* this and the next three: 0 is not given */
    uint64_t repeat;
    uint64_t rate; /* a second */
    uint64_t timeout_ms;
    struct texts keywords;
    struct texts options;
    struct texts words; /* topic or procedure, and what follows it */
    char *files[3];     /* secrets that came from files */
    char error[256];
    int exit; /* when error says something */
};

/* false: error and exit are set. */
bool verb_line_read(struct verb_line *line, enum verb_bit verb, int argc, char **argv);
void verb_line_fini(struct verb_line *line);

/* Prints the options of a verb, one line each. */
void verb_line_help(enum verb_bit verb);

#endif
