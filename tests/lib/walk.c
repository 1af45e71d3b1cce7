#include "tests/lib/walk.h"

/* Tokens only. */
static bool walk_by_tokens(enum serializer serializer, struct bytes input, unsigned depth_max)
{
    struct reader reader;
    struct token token;
    int step;
    unsigned depth = 0;
    reader_init(&reader, serializer, input, depth_max);
    while ((step = reader_next(&reader, &token)) == 1) {
        if (token.kind == TOKEN_ARRAY || token.kind == TOKEN_MAP) {
            depth++;
            check(depth <= depth_max);
        } else if (token.kind == TOKEN_END) {
            check(depth > 0);
            depth--;
        } else if (token.kind >= TOKEN_STRING) {
            check(token.bytes.at >= input.at);
            check(token.bytes.at + token.bytes.size <= input.at + input.size);
        }
    }
    check(step != 0 || depth == 0);
    check(reader_next(&reader, &token) == step);
    struct bytes range;
    check(reader_skip(&reader, &range) == step);
    return step == 0;
}

static bool walk_by_skip(enum serializer serializer, struct bytes input, unsigned depth_max)
{
    struct reader reader;
    struct bytes range;
    reader_init(&reader, serializer, input, depth_max);
    int step = reader_skip(&reader, &range);
    if (step == 1) {
        check(range.at >= input.at && range.at + range.size <= input.at + input.size);
        step = reader_skip(&reader, &range);
        check(step != 1);
        step = step == 0 ? 1 : -1;
    }
    check(step != 0);
    check(reader_skip(&reader, &range) == (step == 1 ? 0 : -1));
    return step == 1;
}

/* Tokens, with some values skipped; each range that is skipped must be a value of its own. */
static bool walk_by_both(enum serializer serializer, struct bytes input, unsigned depth_max,
                         uint64_t choices)
{
    struct reader reader;
    struct token token;
    struct bytes range;
    int step;
    unsigned depth = 0;
    reader_init(&reader, serializer, input, depth_max);
    for (;;) {
        choices = choices * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        if (choices >> 62 == 0) {
            step = reader_skip(&reader, &range);
            if (step == 1) {
                check(walk_by_skip(serializer, range, depth_max - depth));
            } else if (step == 0 && depth > 0) {
                depth--;
                continue;
            }
        } else {
            step = reader_next(&reader, &token);
            if (step == 1) {
                depth += token.kind == TOKEN_ARRAY || token.kind == TOKEN_MAP;
                depth -= token.kind == TOKEN_END;
            }
        }
        if (step != 1) {
            return step == 0;
        }
    }
}

bool walk_verdict(enum serializer serializer, struct bytes input, unsigned depth_max)
{
    bool verdict = walk_by_tokens(serializer, input, depth_max);
    check(walk_by_skip(serializer, input, depth_max) == verdict);
    check(walk_by_both(serializer, input, depth_max, 1) == verdict);
    check(walk_by_both(serializer, input, depth_max, 2) == verdict);
    return verdict;
}
