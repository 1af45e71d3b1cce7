/* CBOR (RFC 8949) with definite and indefinite lengths: the steps behind token.h.
 *
 * Called by token.c and transcode.c only; rules of threads, ownership, bounds and failure are
 * those of token.h. Tags are walked through: the token behind them says that there were some. The
 * put functions append one item's octets in their shortest form; doubles stay doubles. */
#ifndef CLOS_CBOR_H
#define CLOS_CBOR_H

#include "common/token.h"

int cbor_next(struct reader *reader, struct token *token);
int cbor_skip(struct reader *reader, struct bytes *range);

/* The chunks of a string of indefinite length, as token->bytes of a token that is not plain holds
 * them: takes the first chunk off *chunks; false: there is none left. */
bool cbor_chunk_take(struct bytes *chunks, struct bytes *chunk);

void cbor_put_uint(struct buf *out, uint64_t value);
void cbor_put_negative(struct buf *out, int64_t value); /* value below 0 */
void cbor_put_float(struct buf *out, double value);
void cbor_put_string_head(struct buf *out, size_t size);
void cbor_put_binary_head(struct buf *out, size_t size);
void cbor_put_string(struct buf *out, struct bytes utf8);
void cbor_put_binary(struct buf *out, struct bytes octets);
void cbor_put_open(struct buf *out, uint32_t count, bool map); /* or WRITE_COUNT_UNKNOWN */

enum { CBOR_FALSE = 0xf4, CBOR_TRUE = 0xf5, CBOR_NULL = 0xf6, CBOR_UNDEFINED = 0xf7 };
enum { CBOR_BREAK = 0xff }; /* the end of what has no length */

#endif
