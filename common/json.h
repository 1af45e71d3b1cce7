/* JSON (RFC 8259) with WAMP's binaries: the steps behind token.h.
 *
 * Called by token.c and transcode.c only; rules of threads, ownership, bounds and failure are
 * those of token.h. A string is encoded here without its quotes. */
#ifndef CLOS_JSON_H
#define CLOS_JSON_H

#include "common/token.h"

int json_next(struct reader *reader, struct token *token);
int json_skip(struct reader *reader, struct bytes *range);

/* Decodes escapes of a string that was proven well-formed; never more octets than encoded. */
size_t json_text(struct bytes encoded, uint8_t *out);
bool json_text_is(struct bytes encoded, struct bytes text);

/* The octets behind U+0000 and base64, both proven to be a string; -1: bad base64. */
long json_binary(struct bytes encoded, uint8_t *out);

void json_put_uint(struct buf *out, uint64_t value);
void json_put_negative(struct buf *out, int64_t value); /* value below 0 */
void json_put_float(struct buf *out, double value);
void json_put_text(struct buf *out, struct bytes utf8); /* escaped, without quotes */
void json_put_base64(struct buf *out, struct bytes octets);
void json_put_string(struct buf *out, struct bytes utf8);
void json_put_binary(struct buf *out, struct bytes octets);

/* How a string starts that stands for a binary: opening quote, U+0000. */
#define JSON_BINARY_OPEN BYTES_LITERAL("\"\\u0000")

#endif
