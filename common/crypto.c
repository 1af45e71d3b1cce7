#include "common/crypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sodium.h>

_Static_assert(crypto_shorthash_KEYBYTES == 16, "crypto_siphash takes 16 octets of key");

bool crypto_init(void)
{
    return sodium_init() >= 0;
}

void crypto_random(void *out, size_t size)
{
    randombytes_buf(out, size);
}

uint64_t crypto_siphash(const uint8_t key[16], struct bytes input)
{
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, input.at, input.size, key);
    return hash;
}

void crypto_websocket_accept(struct bytes key, char out[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[64 + sizeof guid];
    uint8_t digest[SHA_DIGEST_LENGTH];
    check(key.size <= 64);
    memcpy(text, key.at, key.size);
    memcpy(text + key.size, guid, sizeof guid - 1);
    SHA1(text, key.size + sizeof guid - 1, digest);
    EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
}

bool crypto_equal(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}

void crypto_wipe(void *at, size_t size)
{
    sodium_memzero(at, size);
}

void crypto_hmac(struct bytes key, struct bytes input, uint8_t out[32])
{
    unsigned size = 32;
    check(key.size <= INT32_MAX);
    check(HMAC(EVP_sha256(), key.at, (int)key.size, input.at, input.size, out, &size) != NULL);
}

bool crypto_pbkdf2(struct bytes password, struct bytes salt, uint32_t iterations, uint8_t *out,
                   size_t size)
{
    check(password.size <= INT32_MAX && salt.size <= INT32_MAX && size <= INT32_MAX);
    return iterations > 0 && iterations <= INT32_MAX && size > 0 &&
           PKCS5_PBKDF2_HMAC((const char *)password.at, (int)password.size, salt.at, (int)salt.size,
                             (int)iterations, EVP_sha256(), (int)size, out) == 1;
}

void crypto_sign_public(const uint8_t seed[32], uint8_t out[32])
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    (void)crypto_sign_seed_keypair(out, secret, seed);
    sodium_memzero(secret, sizeof secret);
}

void crypto_sign_with(const uint8_t seed[32], struct bytes input, uint8_t out[64])
{
    uint8_t public[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    (void)crypto_sign_seed_keypair(public, secret, seed);
    (void)crypto_sign_detached(out, NULL, input.at, input.size, secret);
    sodium_memzero(secret, sizeof secret);
}
