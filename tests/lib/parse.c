#include "tests/lib/parse.h"

#include "common/token.h"

static bool parse_args(struct reader *reader, struct parsed *parsed)
{
    struct token token;
    bool numbers = true;
    for (unsigned depth = 1; depth > 0;) {
        if (reader_next(reader, &token) != 1) {
            return false;
        }
        if (token.kind == TOKEN_ARRAY || token.kind == TOKEN_MAP) {
            depth++;
        } else if (token.kind == TOKEN_END) {
            depth--;
        }
        numbers = numbers && token.kind == TOKEN_UINT;
        if (numbers && parsed->args_count < PARSED_ARGS) {
            parsed->args[parsed->args_count++] = token.uint;
        }
    }
    return true;
}

static bool parse_dict(struct reader *reader)
{
    struct bytes range;
    int status;
    while ((status = reader_skip(reader, &range)) == 1) {
    }
    return status == 0;
}

static bool parse_element(struct reader *reader, const struct token *token, struct parsed *parsed)
{
    unsigned i = parsed->count;
    if (token->kind == TOKEN_UINT) {
        parsed->number[i] = token->uint;
    } else if (token->kind == TOKEN_STRING && token->bytes.size < PARSED_TEXT) {
        long size = token_text(token, (uint8_t *)parsed->text[i]);
        if (size < 0) {
            return false;
        }
        parsed->text[i][size] = '\0';
    } else if (token->kind == TOKEN_MAP) {
        return parse_dict(reader);
    } else if (token->kind == TOKEN_ARRAY) {
        parsed->args_at = (int)i;
        return parse_args(reader, parsed);
    }
    return true;
}

bool parse_message(const char *json, struct parsed *parsed)
{
    struct reader reader;
    struct token token;
    memset(parsed, 0, sizeof *parsed);
    parsed->args_at = -1;
    reader_init(&reader, SERIALIZER_JSON, bytes_text(json), DEPTH_MAX);
    if (reader_next(&reader, &token) != 1 || token.kind != TOKEN_ARRAY) {
        return false;
    }
    for (; parsed->count < PARSED_ELEMENTS; parsed->count++) {
        if (reader_next(&reader, &token) != 1) {
            return false;
        }
        if (token.kind == TOKEN_END) {
            return parsed->count > 0;
        }
        if (!parse_element(&reader, &token, parsed)) {
            return false;
        }
    }
    return false;
}
