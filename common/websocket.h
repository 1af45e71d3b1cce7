/* WebSocket frames, server's side (RFC 6455, 5 to 8; rules B-WS-3, B-WS-4). A part of transport.h,
 * which tells what bounds it, who owns what and how it fails; nobody else calls it. */
#ifndef CLOS_WEBSOCKET_H
#define CLOS_WEBSOCKET_H

#include "common/transport.h"

enum websocket_code {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_PROTOCOL_ERROR = 1002,
    WEBSOCKET_DATA_TYPE = 1003,
    WEBSOCKET_NO_CODE = 1005, /* never on the wire: a Close without a code */
    WEBSOCKET_BAD_DATA = 1007,
    WEBSOCKET_POLICY = 1008,
    WEBSOCKET_TOO_BIG = 1009,
    WEBSOCKET_INTERNAL = 1011,
};

void websocket_init(struct transport *transport);

/* As transport_next. */
int websocket_next(struct transport *transport, struct feed *feed, uint64_t now_ns,
                   struct bytes *message);

/* A frame or a message has begun and is not whole. */
bool websocket_unfinished(const struct transport *transport);

/* Ends the transport; a Close with the code for that end goes out first, unless one did. -1. */
int websocket_fail(struct transport *transport, enum transport_end end);

/* Appends a Close, after which nothing may follow; WEBSOCKET_NO_CODE: without a body.
 * false: no memory. */
bool websocket_close(struct transport *transport, uint16_t code);

/* Appends a ping that carries ping_sent; false: no memory. */
bool websocket_ping(struct transport *transport);

/* Unmasks in place; *mask (in memory's order) is turned to go on behind. Tells whether an octet
 * over 0x7F came out. */
bool websocket_unmask(uint8_t *at, size_t size, uint32_t *mask);

#endif
