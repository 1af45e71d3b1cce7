/* Why something did not work: a kind to act on, a text to show, and WAMP's URI where there is one.
 *
 * Embedded in whatever can fail once and for all; the first reason stays, later ones are
 * consequences. Texts are cut at their room, and what a router sent is stripped of control
 * characters before it gets here. Any thread, one owner. */
#ifndef CLOS_FAILURE_H
#define CLOS_FAILURE_H

#include "common/bytes.h"

enum client_error {
    CLIENT_OK,
    CLIENT_USAGE,     /* the caller asked for what cannot be: URL, realm, payload, options, state */
    CLIENT_CONNECT,   /* nobody to talk to: name, address, connection refused */
    CLIENT_TLS,       /* certificate or TLS handshake */
    CLIENT_HANDSHAKE, /* the WebSocket or RawSocket handshake was refused */
    CLIENT_PROTOCOL,  /* the router broke the protocol, or says that we did */
    CLIENT_DENIED,    /* not allowed in: ABORT with a reason of authentication or authorization */
    CLIENT_ABORTED,   /* ABORT for another reason: uri says which */
    CLIENT_CLOSED,    /* the session or the connection ended */
    CLIENT_ERROR,     /* a request was answered with ERROR: uri says which */
    CLIENT_TIMEOUT,
    CLIENT_LIMIT,   /* a bound of this library: size, memory, requests in flight */
    CLIENT_STOPPED, /* client_stop, or the stop descriptor became readable */
};

struct failure {
    enum client_error error;
    char text[256];
    char uri[256]; /* "" where there is none */
};

/* Sets the first reason; later calls change nothing. Answers failure->error. */
enum client_error failure_set(struct failure *failure, enum client_error error, const char *format,
                              ...) __attribute__((format(printf, 3, 4)));

/* A copy of text for the eyes: cut at room, control characters and broken UTF-8 as '?'. */
const char *failure_text(struct bytes text, char *out, size_t room);

const char *client_error_name(enum client_error error); /* "timeout" */

#endif
