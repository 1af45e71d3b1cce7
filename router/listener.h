/* Sockets that listen: TCP, one for each worker on the same address (SO_REUSEPORT), and Unix.
 *
 * Called at start, on the main thread. Returns fds that are bound and listening, non-blocking and
 * closed on exec, or -1 with a sentence in words that says what is wrong and how to cure it. */
#ifndef CLOS_LISTENER_H
#define CLOS_LISTENER_H

#include "router/settings.h"

enum { LISTENER_WORDS = 256 };

/* Fails when somebody else listens there, SO_REUSEPORT or not. *port: 0 to let the kernel choose,
 * and then the choice. Calling it again with that port adds a socket to the same address when
 * shared is true. */
int listener_open_tcp(const struct listener_settings *settings, uint16_t *port, bool shared,
                      char words[LISTENER_WORDS]);

/* A socket file left by a router that is gone is replaced; anything else there is not touched. */
int listener_open_unix(const struct listener_settings *settings, char words[LISTENER_WORDS]);

#endif
