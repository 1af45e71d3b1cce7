/* The client verbs of the command line: clos pub, sub, call, register.
 *
 * Called once by main, in a process that it may make its own: it blocks SIGINT, SIGTERM and
 * SIGCHLD, ignores SIGPIPE, and writes to stdout and stderr. Returns what the process should exit
 * with (verb.h). */
#ifndef CLOS_VERBS_H
#define CLOS_VERBS_H

/* argv[0] is the verb, its words and options follow. With --help it shows what `clos help VERB`
 * should, on stdout. */
int verbs_main(const char *verb, int argc, char **argv);

#endif
