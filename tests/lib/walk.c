#include "tests/lib/walk.h"

#include "tests/lib/guard.h"

#include <stdio.h>

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

static size_t text_quote(char *out, size_t room, const struct token *token)
{
    uint8_t content[512];
    check(token->bytes.size <= sizeof content);
    bool ext = token->kind == TOKEN_EXT;
    long size = ext ? (long)token->bytes.size : token_text(token, content);
    if (size < 0) {
        return (size_t)snprintf(out, room, "h'?'");
    }
    if (token->kind == TOKEN_STRING) {
        return (size_t)snprintf(out, room, "\"%.*s\"", (int)size, (const char *)content);
    }
    size_t used = (size_t)snprintf(out, room, ext ? "x'" : "h'");
    for (long i = 0; i < size; i++) {
        used += (size_t)snprintf(out + used, room - used, "%02x",
                                 ext ? token->bytes.at[i] : content[i]);
    }
    return used + (size_t)snprintf(out + used, room - used, "'");
}

static size_t text_token(char *out, size_t room, const struct token *token)
{
    switch (token->kind) {
    case TOKEN_NULL:
        return (size_t)snprintf(out, room, "null");
    case TOKEN_BOOL:
        return (size_t)snprintf(out, room, token->boolean ? "true" : "false");
    case TOKEN_UINT:
        return (size_t)snprintf(out, room, "%llu", (unsigned long long)token->uint);
    case TOKEN_INT:
        return (size_t)snprintf(out, room, "%lld", (long long)token->integer);
    case TOKEN_FLOAT:
        return (size_t)snprintf(out, room, "%.17gf", token->number);
    case TOKEN_STRING:
    case TOKEN_BINARY:
    case TOKEN_EXT:
        return text_quote(out, room, token);
    case TOKEN_ARRAY:
    case TOKEN_MAP: {
        const char *sign = token->kind == TOKEN_MAP ? "{" : "[";
        return token->uint == TOKEN_COUNT_UNKNOWN
                   ? (size_t)snprintf(out, room, "%s", sign)
                   : (size_t)snprintf(out, room, "%s%llu:", sign, (unsigned long long)token->uint);
    }
    case TOKEN_END:
        break;
    }
    return 0;
}

struct walk_text walk_text(enum serializer serializer, struct bytes input, unsigned depth_max)
{
    struct walk_text walk;
    struct reader reader;
    struct token token;
    bool maps[DEPTH_MAX];
    unsigned depth = 0;
    size_t used = 0;
    int step;
    reader_init(&reader, serializer, input, depth_max);
    while ((step = reader_next(&reader, &token)) == 1) {
        char *out = walk.text + used;
        size_t room = sizeof walk.text - used;
        if (token.kind == TOKEN_END) {
            check(depth > 0);
            used += (size_t)snprintf(out, room, maps[--depth] ? "}" : "]");
            continue;
        }
        const char *gap = used > 0 && strchr("[{:", out[-1]) == NULL ? " " : "";
        used += (size_t)snprintf(out, room, "%s%s%s%s", gap, token.tagged ? "#" : "",
                                 token.bignum ? "#" : "", token.plain ? "" : "~");
        used += text_token(walk.text + used, sizeof walk.text - used, &token);
        if (token.kind == TOKEN_ARRAY || token.kind == TOKEN_MAP) {
            maps[depth++] = token.kind == TOKEN_MAP;
        }
        check(used < sizeof walk.text - 64);
    }
    snprintf(walk.text + used, sizeof walk.text - used, "%s", step < 0 ? "!" : "");
    return walk;
}

static bool row_is_number(struct bytes input)
{
    return input.size > 0 && strchr("-0123456789", input.at[0]) != NULL;
}

void walk_rows_check(enum serializer serializer, const struct walk_row *rows, size_t count)
{
    struct guard guard;
    guard_init(&guard, 4096);
    for (size_t i = 0; i < count; i++) {
        struct bytes input = guard_copy(&guard, rows[i].input);
        struct walk_text walk = walk_text(serializer, input, DEPTH_MAX);
        bool good = strchr(rows[i].text, '!') == NULL;
        if (strcmp(walk.text, rows[i].text) != 0) {
            fprintf(stderr, "row %zu: %s, not %s\n", i, walk.text, rows[i].text);
        }
        check(strcmp(walk.text, rows[i].text) == 0);
        check(walk_verdict(serializer, input, DEPTH_MAX) == good);
        bool json = serializer == SERIALIZER_JSON;
        for (size_t cut = 0; cut < input.size; cut++) {
            struct bytes part = guard_copy(&guard, bytes_make(rows[i].input.at, cut));
            bool verdict = walk_verdict(serializer, part, DEPTH_MAX);
            bool space =
                json && good && cut > 0 && strchr(" \n\r\t", rows[i].input.at[cut]) != NULL;
            check(!good || !verdict || (json && row_is_number(part)) || space);
        }
    }
    guard_fini(&guard);
}
