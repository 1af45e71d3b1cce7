/* The seed of a random test: 1 unless the environment says SEED=number. It is printed at once and
 * again by a check that fails. */
#ifndef CLOS_SEED_H
#define CLOS_SEED_H

#include "common/base.h"

#include <stdio.h>
#include <stdlib.h>

static inline uint64_t seed_get(void)
{
    const char *text = getenv("SEED");
    uint64_t seed = text == NULL ? 1 : strtoull(text, NULL, 0);
    printf("SEED=%llu\n", (unsigned long long)seed);
    check_context("a random test with SEED", seed);
    return seed;
}

#endif
