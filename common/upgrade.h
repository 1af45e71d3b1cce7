/* The WebSocket's opening handshake, server's side: is this request one we accept, and the answer
 * to it (RFC 6455, 4.2; rules B-WS-1 to B-WS-5). A part of transport.h; nobody else calls it. Pure,
 * owns nothing, bounded by the head it is given; nothing of a request is ever put into an answer.
 * Extensions are declined by not answering them. */
#ifndef CLOS_UPGRADE_H
#define CLOS_UPGRADE_H

#include "common/transport.h"

struct upgrade {
    enum serializer serializer;
    const char *subprotocol; /* NULL: none (testee) */
    char accept[29];
};

/* 1: accept so; negative: refuse with that HTTP status. */
int upgrade_judge(const struct transport_options *options, struct bytes head,
                  struct upgrade *upgrade);

/* Both append an answer; false: no memory. */
bool upgrade_accept(const struct upgrade *upgrade, struct outq *out);
bool upgrade_refuse(const struct transport_options *options, int status, struct outq *out);

/* An origin's parts, or false if it is not scheme://host[:port] and nothing else. */
struct origin {
    struct bytes scheme;
    struct bytes host;
    uint16_t port; /* the scheme's own if none is named */
};
bool origin_parse(struct bytes text, struct origin *origin);

#endif
