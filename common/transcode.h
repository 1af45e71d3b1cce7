/* Pump one value from any serializer to any other: what a subscriber with another serializer gets
 * (WAMP, serializers; rulings B-SER-2, B-SER-6, R15). Streaming, no tree. Pure.
 *
 * value must be one well-formed value (it was proven so when the message was walked). Appends to
 * writer. false: the value has no form in that serializer (a key that is not a string, NaN in
 * JSON, bad base64 after U+0000, a CBOR tag or bignum that JSON and MessagePack cannot carry
 * without losing its meaning: tags are dropped, their content kept; bignums refused), or the
 * writer's buf failed. The caller then discards what was appended. */
#ifndef CLOS_TRANSCODE_H
#define CLOS_TRANSCODE_H

#include "common/token.h"

bool transcode(enum serializer from, struct bytes value, struct writer *to);

#endif
