/* The handshakes of peer.c: what is said before the first message. Pure; called by peer_next only.
 * Bounded: an HTTP head of 8 KiB. */
#ifndef CLOS_PEER_HANDSHAKE_H
#define CLOS_PEER_HANDSHAKE_H

#include "bench/peer.h"

/* 1: done, the state is PEER_OPEN and input begins behind it. 0: more octets. -1: refused, and
 * peer->broken says why. */
int peer_handshake(struct peer *peer, struct bytes *input);

#endif
