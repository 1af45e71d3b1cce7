/* Where a router is: the text of a URL taken apart.
 *
 *   ws://host[:port][/path]    WebSocket over TCP          port 80 and path / unless said
 *   wss://host[:port][/path]   WebSocket over TLS          port 443
 *   rs://host:port             RawSocket over TCP
 *   rss://host:port            RawSocket over TLS
 *   tcp://host:port            the same as rs, tls:// the same as rss: as routers print endpoints
 *   rs:///path  rs://unix:/path  unix:/path                RawSocket over a Unix socket
 *   ws+unix:///path[:/path]    WebSocket over a Unix socket, the second path is the request's
 *
 * Called by client.c and by whoever wants to look first; any thread. The struct owns its texts.
 * Bounded by its arrays. Fails by returning why not, a text that lives for ever. Pure. */
#ifndef CLOS_URL_H
#define CLOS_URL_H

#include "common/transport.h"

enum { URL_HOST_MAX = 255, URL_PATH_MAX = 1023, URL_SOCKET_MAX = 107 };

struct url {
    enum framing framing;
    bool tls;
    bool is_unix;
    uint16_t port;
    char host[URL_HOST_MAX + 1];          /* name or address, no brackets; unix: "localhost" */
    char authority[URL_HOST_MAX + 9];     /* of the Host field: host, brackets, port if unusual */
    char path[URL_PATH_MAX + 1];          /* WebSocket: of the request, with its query */
    char socket_path[URL_SOCKET_MAX + 1]; /* unix: of the socket */
};

/* NULL: *url is filled in. Else what is wrong with the text. */
const char *url_parse(const char *text, struct url *url);

#endif
