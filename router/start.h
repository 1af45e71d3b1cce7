/* clos start and clos check: from the command line to a running router, and its orderly end.
 *
 * Called by main on its one thread; the answer is the exit code: 0, 2 usage, 71 what the world
 * refuses, 78 configuration. SIGTERM and SIGINT drain (GOODBYE wamp.close.system_shutdown, flush,
 * exit 0), a second one ends at once; SIGUSR2 drains too; SIGUSR1 prints the counters on stderr as
 * one line of JSON. */
#ifndef CLOS_START_H
#define CLOS_START_H

int start_main(int argc, char **argv);
int check_main(int argc, char **argv);

#endif
