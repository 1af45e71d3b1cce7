/* What the fuzzers of the serializers share: one input, every oracle.
 *
 * Called by fuzz_json.c, fuzz_msgpack.c, fuzz_cbor.c and fuzz_transcode.c; one thread, nothing kept
 * between inputs but empty buffers. Inputs beyond CODEC_FUZZ_MAX are passed over. A broken promise
 * is a failed check(). */
#ifndef CLOS_TESTS_CODEC_FUZZ_H
#define CLOS_TESTS_CODEC_FUZZ_H

#include "common/token.h"

enum { CODEC_FUZZ_MAX = 4096 };

/* All ways to read agree; what is read, written and read again is the same value. */
void codec_fuzz(enum serializer serializer, struct bytes input);

/* A well-formed input is transcoded exactly if its value has a form there, to the same value. */
void codec_fuzz_transcode(enum serializer from, struct bytes input, enum serializer to);

#endif
