/* MessagePack with str, bin and ext types (WAMP, serializers): the steps behind token.h.
 *
 * Called by token.c and transcode.c only; rules of threads, ownership, bounds and failure are
 * those of token.h. The put functions append one item's octets in their shortest form. */
#ifndef CLOS_MSGPACK_H
#define CLOS_MSGPACK_H

#include "common/token.h"

enum { MSGPACK_FIX_MAX = 15 }; /* items of an array or pairs of a map in a head of one octet */

int msgpack_next(struct reader *reader, struct token *token);
int msgpack_skip(struct reader *reader, struct bytes *range);

void msgpack_put_uint(struct buf *out, uint64_t value);
void msgpack_put_negative(struct buf *out, int64_t value); /* value below 0 */
void msgpack_put_float(struct buf *out, double value);
void msgpack_put_string_head(struct buf *out, size_t size);
void msgpack_put_binary_head(struct buf *out, size_t size);
void msgpack_put_string(struct buf *out, struct bytes utf8);
void msgpack_put_binary(struct buf *out, struct bytes octets);
void msgpack_put_open(struct buf *out, uint32_t count, bool map);

/* Widens the one-octet head at offset start, written for count 0, to the count that came. */
void msgpack_patch_open(struct buf *out, size_t start, uint32_t count, bool map);

#endif
