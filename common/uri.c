/* One pass over the octets with a table of classes and no branch inside: what was seen is or-ed
 * together and judged at the end. Only a URI with octets over 127 pays for a second pass, which
 * decodes UTF-8 and knows the Unicode white space that the reference's regular expressions call \s
 * (B-URI-2). */
#include "common/uri.h"

enum octet_class {
    O = 0,   /* fine inside a component */
    DOT = 1, /* ends a component */
    BAD = 2,
    HIGH = 4, /* part of a longer UTF-8 sequence */
};

/* clang-format off */
#define ROW_OF(class)                                                                              \
    class, class, class, class, class, class, class, class,                                        \
    class, class, class, class, class, class, class, class
#define HALF_OF(class)                                                                             \
    ROW_OF(class), ROW_OF(class), ROW_OF(class), ROW_OF(class),                                    \
    ROW_OF(class), ROW_OF(class), ROW_OF(class), ROW_OF(class)

static const uint8_t loose_classes[256] = {
    ROW_OF(BAD), ROW_OF(BAD),                                                  /* control */
    BAD, O, O, BAD, O, O, O, O, O, O, O, O, O, O, DOT, O,                      /* space # . */
    ROW_OF(O), ROW_OF(O), ROW_OF(O), ROW_OF(O),
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, BAD,                          /* DEL */
    HALF_OF(HIGH),
};

static const uint8_t strict_classes[256] = {
    ROW_OF(BAD), ROW_OF(BAD),
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, DOT, BAD,
    O, O, O, O, O, O, O, O, O, O, BAD, BAD, BAD, BAD, BAD, BAD,                /* 0-9 */
    ROW_OF(BAD),
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, O, /* _ */
    BAD, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,                          /* a-o */
    O, O, O, O, O, O, O, O, O, O, O, BAD, BAD, BAD, BAD, BAD,                  /* p-z */
    HALF_OF(BAD),
};
/* clang-format on */

struct uri_look {
    unsigned seen;       /* classes, or-ed */
    unsigned double_dot; /* DOT: an empty component that is neither first nor last */
    unsigned dots;
};

static struct uri_look uri_look_at(struct bytes uri, enum uri_check rule)
{
    const uint8_t *classes = rule == URI_STRICT ? strict_classes : loose_classes;
    struct uri_look look = {0};
    unsigned previous = 0;
    for (size_t i = 0; i < uri.size; i++) {
        unsigned class = classes[uri.at[i]];
        look.seen |= class;
        look.double_dot |= class & previous;
        look.dots += class & DOT;
        previous = class;
    }
    look.double_dot &= DOT;
    return look;
}

/* White space and control characters beyond ASCII. */
static bool code_point_refused(uint32_t c)
{
    return (c >= 0x80 && c <= 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* The octets of one sequence over 127 at the head of rest; 0: not UTF-8 (overlong, surrogate,
 * beyond U+10FFFF, cut off), or a character that no URI may have. */
static size_t sequence_size(const uint8_t *at, size_t rest)
{
    size_t size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || rest < size) {
        return 0;
    }
    uint32_t c = at[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (at[i] & 0x3fU);
    }
    bool overlong = (size == 3 && c < 0x800) || (size == 4 && c < 0x10000);
    bool surrogate = c >= 0xd800 && c <= 0xdfff;
    if (overlong || surrogate || c > 0x10ffff || code_point_refused(c)) {
        return 0;
    }
    return size;
}

static bool high_octets_valid(struct bytes uri)
{
    size_t i = 0;
    while (i < uri.size) {
        if (uri.at[i] < 0x80) {
            i++;
            continue;
        }
        size_t size = sequence_size(uri.at + i, uri.size - i);
        if (size == 0) {
            return false;
        }
        i += size;
    }
    return true;
}

/* All that holds for every kind: sizes and characters. */
static bool look_fine(const struct uri_look *look, struct bytes uri)
{
    return (look->seen & BAD) == 0 && look->dots < URI_COMPONENTS_MAX &&
           ((look->seen & HIGH) == 0 || high_octets_valid(uri));
}

bool uri_pattern_valid(struct bytes uri, enum match_kind kind, enum uri_check rule)
{
    if (uri.size == 0) {
        return kind != MATCH_EXACT;
    }
    if (uri.size > URI_OCTETS_MAX) {
        return false;
    }
    struct uri_look look = uri_look_at(uri, rule);
    bool inside_empty = look.double_dot != 0 || uri.at[0] == '.';
    bool last_empty = uri.at[uri.size - 1] == '.';
    if ((inside_empty && kind != MATCH_WILDCARD) || (last_empty && kind == MATCH_EXACT)) {
        return false;
    }
    return look_fine(&look, uri);
}

bool uri_valid(struct bytes uri, enum uri_check rule)
{
    return uri_pattern_valid(uri, MATCH_EXACT, rule);
}

bool uri_reserved(struct bytes uri)
{
    return uri.size >= 4 && memcmp(uri.at, "wamp", 4) == 0 && (uri.size == 4 || uri.at[4] == '.');
}

bool uri_name_valid(struct bytes name, enum uri_check rule)
{
    if (name.size == 0 || name.size > URI_OCTETS_MAX) {
        return false;
    }
    struct uri_look look = uri_look_at(name, rule);
    return look.dots == 0 && look_fine(&look, name);
}
