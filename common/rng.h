/* Seeded numbers for ids, jitter and the simulator (xoshiro256++). One owner, one thread. Not for
 * secrets: those come from crypto.h. */
#ifndef CLOS_RNG_H
#define CLOS_RNG_H

#include "common/base.h"

struct rng {
    uint64_t state[4];
};

void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t bound); /* uniform in [0, bound), bound over 0 */

/* An id of global scope: uniform in [1, 2^53] (WAMP, identifiers of global scope). */
uint64_t rng_id(struct rng *rng);

#endif
