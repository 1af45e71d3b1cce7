/* What the transport fuzzers share: a stream fed whole and again in random pieces must come to the
 * same, with bounded memory held. Test code; fails by check. */
#ifndef CLOS_WIRE_FUZZ_H
#define CLOS_WIRE_FUZZ_H

#include "tests/lib/wire.h"

/* start goes in whole first (a handshake, may be empty), then the stream. seed chooses the pieces;
 * every message is echoed and the first one makes the session welcome. */
void wire_fuzz(const struct transport_options *options, struct bytes start, struct bytes stream,
               uint32_t seed);

#endif
