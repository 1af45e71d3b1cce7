/* What the three readers behind token.h share. Only json.c, msgpack.c, cbor.c and token.c include
 * it; rules of threads, ownership and failure are those of token.h. */
#ifndef CLOS_READER_H
#define CLOS_READER_H

#include "common/token.h"

/* Every token starts with this, so that no field is left over from the one before. */
static inline void token_set(struct token *token, enum token_kind kind)
{
    token->kind = kind;
    token->boolean = false;
    token->plain = true;
    token->tagged = false;
    token->bignum = false;
}

static inline int token_set_end(struct token *token)
{
    token_set(token, TOKEN_END);
    return 1;
}

/* The answer to malformed input; depth 0 makes the state seen by every later call. */
static inline int reader_break(struct reader *reader)
{
    reader->state = READER_BROKEN;
    reader->depth = 0;
    return -1;
}

/* The answer at depth 0 once the top-level value has come, where white space may not trail. */
static inline int reader_finish(struct reader *reader)
{
    if (reader->state == READER_BROKEN || reader->at != reader->end) {
        return reader_break(reader);
    }
    return 0;
}

static inline size_t reader_left(const uint8_t *at, const uint8_t *end)
{
    return (size_t)(end - at);
}

/* Opens a level for items that are counted, or of open end. NULL is no level: too deep. */
static inline struct reader_level *reader_open(struct reader *reader, uint32_t items, bool map)
{
    if (reader->depth >= reader->depth_max) {
        return NULL;
    }
    struct reader_level *level = &reader->levels[reader->depth++];
    level->left = items;
    level->map = map;
    level->key_next = true;
    return level;
}

#endif
