/* The stream's state is what may come next: nothing, one to three more octets of any kind, or the
 * narrowed second octet of the four leads where RFC 3629 forbids a part of the range. */
#include "common/utf8.h"

enum { /* beside UTF8_START; the first three count the octets to come */
       UTF8_ONE = 1,
       UTF8_TWO = 2,
       UTF8_THREE = 3,
       UTF8_AFTER_E0, /* no overlong form of three */
       UTF8_AFTER_ED, /* no surrogate */
       UTF8_AFTER_F0, /* no overlong form of four */
       UTF8_AFTER_F4, /* nothing above U+10FFFF */
       UTF8_BROKEN,
};

struct utf8_step {
    uint8_t least; /* the octet that may come, and what comes after it */
    uint8_t most;
    uint8_t next;
};

static const struct utf8_step utf8_steps[] = {
    [UTF8_ONE] = {0x80, 0xbf, UTF8_START},    [UTF8_TWO] = {0x80, 0xbf, UTF8_ONE},
    [UTF8_THREE] = {0x80, 0xbf, UTF8_TWO},    [UTF8_AFTER_E0] = {0xa0, 0xbf, UTF8_ONE},
    [UTF8_AFTER_ED] = {0x80, 0x9f, UTF8_ONE}, [UTF8_AFTER_F0] = {0x90, 0xbf, UTF8_TWO},
    [UTF8_AFTER_F4] = {0x80, 0x8f, UTF8_TWO},
};

static const uint8_t *utf8_skip_ascii(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 16 && ((utf8_word(at) | utf8_word(at + 8)) & UTF8_HIGH_BITS) == 0) {
        at += 16;
    }
    while (at < end && *at < 0x80) {
        at++;
    }
    return at;
}

bool utf8_valid_beyond_ascii(struct bytes text)
{
    const uint8_t *at = text.at;
    const uint8_t *end = at + text.size;
    while (at < end) {
        if (*at < 0x80) {
            at = utf8_skip_ascii(at, end);
            continue;
        }
        size_t size = utf8_character(at, end);
        if (size == 0) {
            return false;
        }
        at += size;
    }
    return true;
}

static uint8_t utf8_after_lead(uint8_t lead)
{
    if (lead < 0x80) {
        return UTF8_START;
    }
    if (lead < 0xc2 || lead > 0xf4) {
        return UTF8_BROKEN;
    }
    if (lead < 0xe0) {
        return UTF8_ONE;
    }
    if (lead < 0xf0) {
        return lead == 0xe0 ? UTF8_AFTER_E0 : lead == 0xed ? UTF8_AFTER_ED : UTF8_TWO;
    }
    return lead == 0xf0 ? UTF8_AFTER_F0 : lead == 0xf4 ? UTF8_AFTER_F4 : UTF8_THREE;
}

int utf8_feed(uint8_t *state, struct bytes chunk)
{
    uint8_t now = *state;
    check(now < UTF8_BROKEN);
    if (chunk.size == 0) {
        return now == UTF8_START;
    }
    const uint8_t *at = chunk.at;
    const uint8_t *end = at + chunk.size;
    while (at < end) {
        if (now != UTF8_START) {
            const struct utf8_step *step = &utf8_steps[now];
            if (*at < step->least || *at > step->most) {
                return -1;
            }
            now = step->next;
            at++;
            continue;
        }
        if (*at < 0x80) {
            at = utf8_skip_ascii(at, end);
            continue;
        }
        size_t size = utf8_character(at, end);
        if (size > 0) {
            at += size;
            continue;
        }
        now = utf8_after_lead(*at++); /* cut short by the chunk's end, or broken: step by step */
        if (now == UTF8_BROKEN) {
            return -1;
        }
    }
    *state = now;
    return now == UTF8_START;
}
