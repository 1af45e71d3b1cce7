/* The process: listeners, workers on their threads, the matrix of ways between them, the drain.
 *
 * Called by start.c on the main thread. router_new builds everything and says what refuses;
 * router_run starts the threads; router_command and router_report may then be called until
 * router_join; router_free ends it. */
#ifndef CLOS_ROUTER_H
#define CLOS_ROUTER_H

#include "router/worker.h"

#include <stdio.h>

enum { ROUTER_WORDS = 512 };

struct router;

/* NULL: words says what the world refuses and how to cure it. */
struct router *router_new(const struct settings *settings, char words[ROUTER_WORDS]);
bool router_run(struct router *router, char words[ROUTER_WORDS]);

/* What listener number i is reached at ("tcp://127.0.0.1:8080"), with the real port; NULL behind
 * the last. Lives as long as the router. */
const char *router_endpoint(const struct router *router, size_t i);

/* "uring" or "epoll". */
const char *router_io_name(const struct router *router);

/* Why io_uring was given up for epoll under auto: an errno; 0: it was not. */
int router_io_fallback(const struct router *router);

void router_command(struct router *router, enum gate_command command);

/* Whether every worker has ended. */
bool router_is_over(struct router *router);

/* Sums of all workers as one JSON object on one line: counters and gauges. */
void router_report(struct router *router, FILE *out);

void router_join(struct router *router);
void router_free(struct router *router);

#endif
