/* Base64 with the alphabet and padding of RFC 4648, section 4, as WAMP's JSON carries binaries.
 *
 * Pure, any thread, keeps nothing. Decoding is strict: whole groups of four, padding only at the
 * end, no spare bits set. Sizes are bounded by what the caller hands over. */
#ifndef CLOS_BASE64_H
#define CLOS_BASE64_H

#include "common/bytes.h"

static inline size_t base64_size(size_t octets) /* of the text */
{
    return (octets + 2) / 3 * 4;
}

/* Writes base64_size(octets.size) characters. */
void base64_encode(struct bytes octets, uint8_t *out);

/* The size, at most three quarters of the text's, or -1. out may be where the text starts. */
long base64_decode(struct bytes text, uint8_t *out);

#endif
