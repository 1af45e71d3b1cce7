/* The only door to the crypto libraries (OpenSSL, libsodium). Any thread, after crypto_init. */
#ifndef CLOS_CRYPTO_H
#define CLOS_CRYPTO_H

#include "common/bytes.h"

/* Once, before any thread. false: the libraries or the kernel's random source refuse. */
bool crypto_init(void);

/* Octets nobody can guess. */
void crypto_random(void *out, size_t size);

/* Keyed SipHash-2-4. */
uint64_t crypto_siphash(const uint8_t key[16], struct bytes input);

/* base64(SHA-1(key + the WebSocket GUID)), 28 characters and a NUL (RFC 6455, 4.2.2). */
void crypto_websocket_accept(struct bytes key, char out[29]);

/* The same octets, in a time that tells nothing of where they differ. */
bool crypto_equal(const void *a, const void *b, size_t size);

/* Zeroes memory in a way no compiler drops. */
void crypto_wipe(void *at, size_t size);

#endif
