/* All the ways to read one input to its end, which must agree on whether it is well-formed.
 *
 * Called by unit tests and fuzzers, any thread; keeps nothing. Bounded by the input. A
 * disagreement, or a skip whose range is not what the walk goes over, is a failed check(). */
#ifndef CLOS_TESTS_WALK_H
#define CLOS_TESTS_WALK_H

#include "common/token.h"

/* A literal's octets where an initializer must be constant. */
#define BYTES_STATIC(text)                                                                         \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

/* What the tokens of input say, as text; where reading broke off it ends in '!'.
 * null true false, 1 -1, 1.5f, "text", h'00ff', [1 2], {"a" 1}, x'c70001' for an EXT. In front: ~
 * not plain, # tagged, ## a bignum's tag. A count that was said stands behind [ or { as 2: */
struct walk_text {
    char text[2048];
};

struct walk_text walk_text(enum serializer serializer, struct bytes input, unsigned depth_max);

/* A row of a table of vectors. */
struct walk_row {
    struct bytes input;
    const char *text;
};

/* Each row's input says what its text is, by all ways, right before an unreadable page. Rows that
 * are well-formed are not so when cut at any octet, but for what a JSON number's head is. */
void walk_rows_check(enum serializer serializer, const struct walk_row *rows, size_t count);

/* Whether input is one well-formed value. */
bool walk_verdict(enum serializer serializer, struct bytes input, unsigned depth_max);

#endif
