/* One run of `clos register PROC COMMAND`: a child process whose stdout is an invocation's result.
 *
 * Owned by verb_register.c. Each child leads a process group of its own, so that it and what it
 * started can be ended together. Bounded: what is kept of its output by CHILD_OUT_MAX. */
#ifndef CLOS_VERB_CHILD_H
#define CLOS_VERB_CHILD_H

#include "client/exchange.h"
#include "common/buf.h"

#include <sys/types.h>

enum { CHILD_OUT_MAX = 1 << 20 };

struct child {
    pid_t pid; /* 0: the place is free */
    int fd;    /* its stdout; -1: closed */
    uint64_t invocation;
    struct buf out;
    bool too_much;
    bool interrupted;
};

/* false: no process, no pipe or no memory. command ends with NULL. */
bool child_start(struct child *child, struct mem *mem, const char *const *command,
                 const struct client_invocation *invocation);

/* Takes what it has written. */
void child_read(struct child *child);

/* True: it has ended, *status as of waitpid. */
bool child_ended(struct child *child, int *status);

/* SIGTERM to its group. */
void child_interrupt(struct child *child);

/* Gives everything back; one that still runs is ended. */
void child_fini(struct child *child);

#endif
