/* All the ways to read one input to its end, which must agree on whether it is well-formed.
 *
 * Called by unit tests and fuzzers, any thread; keeps nothing. Bounded by the input. A
 * disagreement, or a skip whose range is not what the walk goes over, is a failed check(). */
#ifndef CLOS_TESTS_WALK_H
#define CLOS_TESTS_WALK_H

#include "common/token.h"

/* A literal's octets where an initializer must be constant. */
#define BYTES_STATIC(text) {(const uint8_t *)(text), sizeof(text) - 1}

/* Whether input is one well-formed value. */
bool walk_verdict(enum serializer serializer, struct bytes input, unsigned depth_max);

#endif
