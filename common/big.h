/* Natural numbers of a few thousand bits: just what number.c needs to be exact.
 *
 * Lives on the caller's stack, holds BIG_LIMBS limbs, lowest first, no zero on top. The callers'
 * bounds are argued in number.c; a check() holds them. Pure, any thread, cannot fail. */
#ifndef CLOS_BIG_H
#define CLOS_BIG_H

#include "common/base.h"

enum { BIG_LIMBS = 92 };

struct big {
    uint32_t size;
    uint32_t limbs[BIG_LIMBS];
};

void big_set(struct big *big, uint64_t value);
void big_multiply_add(struct big *big, uint32_t factor, uint32_t term); /* factor over 0 */
void big_multiply_power5(struct big *big, unsigned exponent);
void big_multiply_power2(struct big *big, unsigned exponent);
void big_add(struct big *big, const struct big *other);
void big_subtract(struct big *big, const struct big *other); /* other is not larger */
int big_compare(const struct big *a, const struct big *b);
unsigned big_bits(const struct big *big); /* 0 for zero */

/* big becomes the remainder; the quotient, which must fit in a limb. The top limb of divisor has
 * its highest bit set. */
uint32_t big_divide(struct big *big, const struct big *divisor);

#endif
