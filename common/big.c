#include "common/big.h"

static void big_push(struct big *big, uint32_t limb)
{
    if (limb != 0) {
        check(big->size < BIG_LIMBS);
        big->limbs[big->size++] = limb;
    }
}

static void big_trim(struct big *big)
{
    while (big->size > 0 && big->limbs[big->size - 1] == 0) {
        big->size--;
    }
}

void big_set(struct big *big, uint64_t value)
{
    big->limbs[0] = (uint32_t)value;
    big->limbs[1] = (uint32_t)(value >> 32);
    big->size = 2;
    big_trim(big);
}

void big_multiply_add(struct big *big, uint32_t factor, uint32_t term)
{
    uint64_t carry = term;
    for (uint32_t i = 0; i < big->size; i++) {
        carry += (uint64_t)big->limbs[i] * factor;
        big->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    big_push(big, (uint32_t)carry);
}

void big_multiply_power5(struct big *big, unsigned exponent)
{
    static const uint32_t powers[] = {1,     5,      25,      125,     625,      3125,     15625,
                                      78125, 390625, 1953125, 9765625, 48828125, 244140625};
    for (; exponent >= 13; exponent -= 13) {
        big_multiply_add(big, 1220703125, 0); /* 5 to the 13th, the largest in a limb */
    }
    if (exponent > 0) {
        big_multiply_add(big, powers[exponent], 0);
    }
}

void big_multiply_power2(struct big *big, unsigned exponent)
{
    unsigned whole = exponent / 32;
    if (big->size == 0) {
        return;
    }
    if (exponent % 32 > 0) {
        big_multiply_add(big, UINT32_C(1) << exponent % 32, 0);
    }
    if (whole > 0) {
        check(big->size + whole <= BIG_LIMBS);
        memmove(big->limbs + whole, big->limbs, big->size * sizeof big->limbs[0]);
        memset(big->limbs, 0, whole * sizeof big->limbs[0]);
        big->size += whole;
    }
}

void big_add(struct big *big, const struct big *other)
{
    uint64_t carry = 0;
    for (uint32_t i = 0; i < other->size || (carry > 0 && i < big->size); i++) {
        if (i == big->size) {
            check(big->size < BIG_LIMBS);
            big->limbs[big->size++] = 0;
        }
        carry += (uint64_t)big->limbs[i] + (i < other->size ? other->limbs[i] : 0);
        big->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    big_push(big, (uint32_t)carry);
}

void big_subtract(struct big *big, const struct big *other)
{
    uint64_t borrow = 0;
    check(big->size >= other->size);
    for (uint32_t i = 0; i < other->size || (borrow > 0 && i < big->size); i++) {
        uint64_t take = borrow + (i < other->size ? other->limbs[i] : 0);
        borrow = big->limbs[i] < take;
        big->limbs[i] = (uint32_t)(big->limbs[i] - take);
    }
    check(borrow == 0);
    big_trim(big);
}

int big_compare(const struct big *a, const struct big *b)
{
    if (a->size != b->size) {
        return a->size < b->size ? -1 : 1;
    }
    for (uint32_t i = a->size; i-- > 0;) {
        if (a->limbs[i] != b->limbs[i]) {
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
        }
    }
    return 0;
}

unsigned big_bits(const struct big *big)
{
    if (big->size == 0) {
        return 0;
    }
    return big->size * 32 - (unsigned)__builtin_clz(big->limbs[big->size - 1]);
}

/* Takes factor times divisor from big, modulo the size limbs that are looked at. true: it was too
 * much, and big now lacks the same amount as a wrapped number. */
static bool big_take(struct big *big, const struct big *divisor, uint32_t size, uint32_t factor)
{
    uint64_t carry = 0;
    uint64_t borrow = 0;
    for (uint32_t i = 0; i < size; i++) {
        carry += i < divisor->size ? (uint64_t)divisor->limbs[i] * factor : 0;
        uint64_t take = (carry & UINT32_MAX) + borrow;
        borrow = big->limbs[i] < take;
        big->limbs[i] = (uint32_t)(big->limbs[i] - take);
        carry >>= 32;
    }
    return borrow > 0;
}

/* Gives one divisor back. true: the wrapped number became a true one again. */
static bool big_give(struct big *big, const struct big *divisor, uint32_t size)
{
    uint64_t carry = 0;
    for (uint32_t i = 0; i < size; i++) {
        carry += (uint64_t)big->limbs[i] + (i < divisor->size ? divisor->limbs[i] : 0);
        big->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return carry > 0;
}

uint32_t big_divide(struct big *big, const struct big *divisor)
{
    uint32_t size = divisor->size;
    check(size > 0 && divisor->limbs[size - 1] >> 31 == 1 && size < BIG_LIMBS);
    if (big->size < size) {
        return 0;
    }
    check(big->size <= size + 1);
    if (big->size == size) {
        big->limbs[size] = 0; /* behind the top: not part of the number, only of the estimate */
    }
    uint64_t top = (uint64_t)big->limbs[size] << 32 | big->limbs[size - 1];
    /* With a divisor that fills its top limb the estimate is never too small, and two too large at
     * the most (Knuth, 4.3.1, theorems A and B). */
    uint64_t estimate = top / divisor->limbs[size - 1];
    uint32_t quotient = estimate > UINT32_MAX ? UINT32_MAX : (uint32_t)estimate;
    big->size = size + 1;
    if (big_take(big, divisor, size + 1, quotient)) {
        do {
            quotient--;
        } while (!big_give(big, divisor, size + 1));
    }
    big_trim(big);
    check(big_compare(big, divisor) < 0);
    return quotient;
}
