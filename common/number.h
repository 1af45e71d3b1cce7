/* Doubles to text and back without the locale, and narrower floats to doubles.
 *
 * Parsing rounds to the nearest double, ties to even, for any length of text; printing gives the
 * shortest text that parses back to the same double. Pure, any thread, no memory but the stack;
 * work is bounded by NUMBER_DIGITS_MAX digits and the range of doubles. Cannot fail: callers hand
 * over what the JSON grammar has proven (parse), and finite doubles (print). */
#ifndef CLOS_NUMBER_H
#define CLOS_NUMBER_H

#include "common/bytes.h"

enum {
    NUMBER_TEXT_MAX = 32,    /* room for what number_print writes */
    NUMBER_DIGITS_MAX = 800, /* more digits than any tie between doubles has (767) */
};

/* text is a number of the JSON grammar, of less than 10^8 octets. Beyond all doubles: an infinity;
 * below: a zero. */
double number_parse(struct bytes text);

/* Always a float of the JSON grammar: with a point or an exponent. The size. */
size_t number_print(double value, char out[NUMBER_TEXT_MAX]);

/* Decimal digits of value; the size, 20 at the most. */
size_t number_print_uint(uint64_t value, char *out);

static inline double number_from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t number_to_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline bool number_is_finite(double value)
{
    return (number_to_bits(value) >> 52 & 0x7ff) != 0x7ff;
}

/* The same value; a NaN keeps its payload, signalling ones too (the processor would quiet them). */
double number_from_single(uint32_t bits);
double number_from_half(uint16_t bits);

#endif
