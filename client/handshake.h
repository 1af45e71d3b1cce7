/* WebSocket's opening handshake, the client's half (RFC 6455, 4.1; WAMP, WebSocket transport).
 *
 * Called by frames.c; keeps nothing. Pure: random octets come from a function. The answer is read
 * whole, so the caller bounds it. Fails with a text for the eyes. */
#ifndef CLOS_HANDSHAKE_H
#define CLOS_HANDSHAKE_H

#include "common/buf.h"
#include "common/serializer.h"

/* Appends the request; accept is what the answer has to prove. Failure shows in out->failed. */
void handshake_request(struct buf *out, const char *authority, const char *path,
                       enum serializer serializer, void (*fill)(void *out, size_t size),
                       char accept[29]);

/* Reads the answer from the front of in. Positive: octets of a head that says yes. 0: the head is
 * not whole. -1: it says no or is broken, why tells. */
long handshake_answer(struct bytes in, const char *accept, enum serializer serializer, char *why,
                      size_t why_room);

#endif
