/* The client verbs of the command line: clos pub, sub, call, register.
 *
 * Called once by main, in a process that it may make its own: it blocks SIGINT, SIGTERM and
 * SIGCHLD, ignores SIGPIPE, and writes to stdout and stderr. Returns what the process should exit
 * with (verb.h). */
#ifndef CLOS_CLIENT_VERBS_H
#define CLOS_CLIENT_VERBS_H

#include <stdbool.h>

bool verbs_has(const char *verb);

/* argv[0] is the first word after the verb, argc counts from there. */
int verbs_main(const char *verb, int argc, char **argv);

/* What `clos help VERB` shows, on stdout. */
int verbs_help(const char *verb);

#endif
