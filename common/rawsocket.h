/* RawSocket: the four-octet handshake and frames of a four-octet head (rules B-RS). A part of
 * transport.h, which tells what bounds it, who owns what and how it fails; nobody else calls it. */
#ifndef CLOS_RAWSOCKET_H
#define CLOS_RAWSOCKET_H

#include "common/transport.h"

enum { RAWSOCKET_MAGIC = 0x7F, RAWSOCKET_HEAD_BYTES = 4 };

/* The exponent we announce: messages of up to 2^(9 + exponent) octets, at most bytes_max. */
unsigned rawsocket_exponent(size_t bytes_max);

/* What we take once the session is welcome: exactly what we announced. */
size_t rawsocket_bytes_max(size_t bytes_max);

/* Both as transport_next; rawsocket_handshake answers 1 when the handshake is done. */
int rawsocket_handshake(struct transport *transport, struct feed *feed);
int rawsocket_next(struct transport *transport, struct feed *feed, uint64_t now_ns,
                   struct bytes *message);

/* Appends a PING that carries ping_sent; false: no memory. */
bool rawsocket_ping(struct transport *transport);

#endif
