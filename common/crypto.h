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

/* HMAC-SHA256. */
void crypto_hmac(struct bytes key, struct bytes input, uint8_t out[32]);

/* PBKDF2 with HMAC-SHA256. false: the library refuses (no iterations, no room). */
bool crypto_pbkdf2(struct bytes password, struct bytes salt, uint32_t iterations, uint8_t *out,
                   size_t size);

/* Ed25519: the public key of a seed, and its signature of input. */
void crypto_sign_public(const uint8_t seed[32], uint8_t out[32]);
void crypto_sign_with(const uint8_t seed[32], struct bytes input, uint8_t out[64]);

#endif
