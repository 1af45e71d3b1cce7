/* Pump one value from any serializer to any other: what a subscriber with another serializer gets
 * (WAMP, serializers; rulings B-SER-2, B-SER-6, R15). Streaming, no tree. Pure.
 *
 * value must be one well-formed value (it was proven so when the message was walked). Appends to
 * writer; the same serializer is a copy. false: the value has no form in that serializer, or the
 * writer's buf failed; then the writer is as it was before, but for a buf that stays failed.
 *
 * What has no form (R15): in JSON NaN, the infinities, a key that is not a string, and a string
 * that starts with U+0000 but is no binary; from JSON bad base64 behind U+0000, a binary as a key,
 * and a number beyond all doubles; from MessagePack ext types; from CBOR bignums (tags 2 and 3),
 * integers below -2^63 and simple values without a meaning; anywhere what nests too deep for the
 * writer. Other CBOR tags are dropped and their content kept; undefined becomes null. */
#ifndef CLOS_TRANSCODE_H
#define CLOS_TRANSCODE_H

#include "common/token.h"

bool transcode(enum serializer from, struct bytes value, struct writer *to);

#endif
