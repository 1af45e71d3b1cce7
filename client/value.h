/* Values between people and WAMP: an argument's text to an encoded value, a payload to text.
 *
 * How an argument is typed:
 *   any JSON value    is that value: 42, -1.5, true, null, "42" (a string), [1, 2], {"a": 1}
 *   'text'            is the string text, whatever it looks like
 *   0x and hex pairs  is binary: 0x00ff
 *   all else          is a string as it stands; what begins with [ or { must be JSON
 *
 * Called by the verbs; keeps nothing. Pure. Bounded by the buf that is written to. Fails by false:
 * the text is no value, or the buf is full (then out->failed). */
#ifndef CLOS_VALUE_H
#define CLOS_VALUE_H

#include "client/exchange.h"
#include "common/token.h"

/* Room for an options dictionary or a payload made from a command line. */
enum { VALUE_BYTES_MAX = 1 << 24 };

bool value_write_typed(struct writer *writer, struct bytes text);

/* One array of the texts; *bad is the text that is no value. */
bool value_args(struct buf *out, enum serializer serializer, const char *const *texts, size_t count,
                const char **bad);

/* One dictionary of "key=value" texts. A key that comes again replaces nothing: it is refused. */
bool value_pairs(struct buf *out, enum serializer serializer, const char *const *texts,
                 size_t count, const char **bad);

/* Whether the two texts have the same key. */
bool value_same_key(const char *a, const char *b);

/* Appends value as one line of JSON, control characters escaped; size 0: appends instead. false:
 * it has no form in JSON (nothing was appended). */
bool value_json(struct buf *out, enum serializer serializer, struct bytes value,
                const char *instead);

/* Appends text as a JSON string. */
void value_json_text(struct buf *out, struct bytes text);

/* Appends a payload as it would be typed: args as JSON, then key=JSON, parted by spaces; a binary
 * that stands by itself as 0x and its digits. */
bool value_line(struct buf *out, const struct client_payload *payload);

/* As value_line for args (kwargs) only, but strings without their quotes: what a child finds in
 * WAMP_ARGS (WAMP_KWARGS). */
bool value_words(struct buf *out, enum serializer serializer, struct bytes container);

#endif
