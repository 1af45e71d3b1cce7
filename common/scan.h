/* Finds the first octet of JSON text that is not plain, many octets at a time.
 *
 * Plain is all that a string holds as itself: no quote, no backslash, no control character; and
 * with ascii, nothing above 0x7f. Never reads beyond end. Included by json.c and json_write.c. */
#ifndef CLOS_SCAN_H
#define CLOS_SCAN_H

#include "common/base.h"

#ifdef __SSE2__
#include <emmintrin.h>

static inline const uint8_t *scan_blocks(const uint8_t *at, const uint8_t *end, bool ascii)
{
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    for (; end - at >= 16; at += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i found =
            _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash));
        /* unsigned at most 0x1f: the smaller of the two is the octet itself */
        found = _mm_or_si128(found, _mm_cmpeq_epi8(_mm_min_epu8(block, control), block));
        found = ascii ? _mm_or_si128(found, block) : found;
        int mask = _mm_movemask_epi8(found);
        if (mask != 0) {
            return at + __builtin_ctz((unsigned)mask);
        }
    }
    return at;
}
#else
static inline const uint8_t *scan_blocks(const uint8_t *at, const uint8_t *end, bool ascii)
{
    (void)end;
    (void)ascii;
    return at;
}
#endif

static inline bool scan_is_plain(uint8_t octet, bool ascii)
{
    return octet >= 0x20 && octet != '"' && octet != '\\' && (!ascii || octet < 0x80);
}

/* Eight octets as a word: the high bit of each that is not plain. Borrows may mark an octet above
 * a true one, never below it, so the lowest mark is exact. */
static inline uint64_t scan_word(const uint8_t *at, bool ascii)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = ones * 0x80;
    uint64_t word;
    memcpy(&word, at, sizeof word);
    uint64_t quote = word ^ ones * '"';
    uint64_t backslash = word ^ ones * '\\';
    uint64_t low = (quote - ones) & ~quote;
    low |= (backslash - ones) & ~backslash;
    low |= (word - ones * 0x20) & ~word;
    return (ascii ? low | word : low) & highs;
}

/* The first octet that is not plain, or end. */
static inline const uint8_t *scan_plain(const uint8_t *at, const uint8_t *end, bool ascii)
{
    at = scan_blocks(at, end, ascii);
    if (at < end && !scan_is_plain(*at, ascii)) {
        return at; /* found in a block, or at once */
    }
    for (; end - at >= 8; at += 8) {
        uint64_t marks = scan_word(at, ascii);
        if (marks != 0) {
            return at + __builtin_ctzll(marks) / 8;
        }
    }
    while (at < end && scan_is_plain(*at, ascii)) {
        at++;
    }
    return at;
}

#endif
