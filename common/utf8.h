/* UTF-8, exact to RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF.
 *
 * utf8_valid judges text that lies whole in memory; utf8_feed judges a stream in chunks of any cut
 * and fails at the very first octet that no valid text can go on with. Pure, any thread, owns and
 * keeps nothing but the caller's one octet of state; one pass, no look beyond the bytes given. */
#ifndef CLOS_UTF8_H
#define CLOS_UTF8_H

#include "common/bytes.h"

enum { UTF8_START = 0 }; /* the state before the first chunk, and between two characters */

bool utf8_valid_beyond_ascii(struct bytes text); /* slow path of utf8_valid */

/* 1: valid so far and it ends with a whole character. 0: valid so far, inside a character.
 * -1: broken; the state is of no more use. *state is UTF8_START before the first chunk. */
int utf8_feed(uint8_t *state, struct bytes chunk);

/* Whether text that ended in this state ended with a whole character. */
static inline bool utf8_complete(uint8_t state)
{
    return state == UTF8_START;
}

/* Octets of the character that starts at at, which is not ASCII; 0: not valid. */
static inline size_t utf8_character(const uint8_t *at, const uint8_t *end)
{
    size_t left = (size_t)(end - at);
    uint8_t lead = at[0];
    if (lead >= 0xc2 && lead <= 0xdf) {
        return left >= 2 && (at[1] & 0xc0) == 0x80 ? 2 : 0;
    }
    if ((lead & 0xf0) == 0xe0) {
        if (left < 3 || (at[1] & 0xc0) != 0x80 || (at[2] & 0xc0) != 0x80) {
            return 0;
        }
        return (lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] > 0x9f) ? 0 : 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if (left < 4 || (at[1] & 0xc0) != 0x80 || (at[2] & 0xc0) != 0x80 ||
            (at[3] & 0xc0) != 0x80) {
            return 0;
        }
        return (lead == 0xf0 && at[1] < 0x90) || (lead == 0xf4 && at[1] > 0x8f) ? 0 : 4;
    }
    return 0;
}

static inline uint64_t utf8_word(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

#define UTF8_HIGH_BITS UINT64_C(0x8080808080808080)

/* Short texts (keys, URIs) are told from a few overlapping words, in line with the caller. */
static inline bool utf8_is_ascii(struct bytes text)
{
    const uint8_t *at = text.at;
    size_t size = text.size;
    if (size < 8) {
        uint8_t seen = 0;
        for (size_t i = 0; i < size; i++) {
            seen |= at[i];
        }
        return seen < 0x80;
    }
    uint64_t seen = utf8_word(at + size - 8);
    for (; size >= 32; at += 32, size -= 32) {
        seen |= utf8_word(at) | utf8_word(at + 8) | utf8_word(at + 16) | utf8_word(at + 24);
    }
    for (; size >= 8; at += 8, size -= 8) {
        seen |= utf8_word(at);
    }
    return (seen & UTF8_HIGH_BITS) == 0;
}

static inline bool utf8_valid(struct bytes text)
{
    return utf8_is_ascii(text) || utf8_valid_beyond_ascii(text);
}

#endif
