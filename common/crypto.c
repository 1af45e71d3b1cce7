#include "common/crypto.h"

#include <openssl/evp.h>
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
