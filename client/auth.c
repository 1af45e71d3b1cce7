#include "client/auth.h"

#include "client/inbound.h"
#include "common/crypto.h"

/* One row a method: what to say in HELLO, and how to answer. */

struct auth_method {
    const char *name;
    const char *(*init)(struct auth *auth, char extra[AUTH_EXTRA_MAX]);
    bool (*sign)(struct auth *auth, enum serializer serializer, struct bytes extra, char *signature,
                 size_t room);
};

/* The text at key of the challenge's dictionary. */
static bool auth_text(enum serializer serializer, struct bytes extra, const char *key,
                      uint8_t out[AUTH_TEXT_MAX], struct bytes *text)
{
    struct token token;
    if (inbound_find(serializer, extra, key, &token) != 1 || token.kind != TOKEN_STRING ||
        token.bytes.size > AUTH_TEXT_MAX) {
        return false;
    }
    long size = token_text(&token, out);
    *text = bytes_make(out, size > 0 ? (size_t)size : 0);
    return size >= 0;
}

static uint64_t auth_number(enum serializer serializer, struct bytes extra, const char *key)
{
    struct token token;
    return inbound_find(serializer, extra, key, &token) == 1 && token.kind == TOKEN_UINT
               ? token.uint
               : 0;
}

static void auth_base64(struct bytes in, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < in.size; i += 3) {
        size_t left = in.size - i;
        uint32_t three = (uint32_t)in.at[i] << 16 | (left > 1 ? (uint32_t)in.at[i + 1] << 8 : 0) |
                         (left > 2 ? in.at[i + 2] : 0);
        *out++ = digits[three >> 18];
        *out++ = digits[three >> 12 & 63];
        *out++ = left > 1 ? digits[three >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[three & 63] : '=';
    }
    *out = '\0';
}

static void auth_hex(const uint8_t *in, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) {
        *out++ = "0123456789abcdef"[in[i] >> 4];
        *out++ = "0123456789abcdef"[in[i] & 15];
    }
    *out = '\0';
}

static int auth_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool auth_unhex(struct bytes in, uint8_t out[32])
{
    for (size_t i = 0; in.size == 64 && i < 32; i++) {
        int high = auth_digit(in.at[2 * i]);
        int low = auth_digit(in.at[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return in.size == 64;
}

/* ---- ticket */

static const char *ticket_init(struct auth *auth, char extra[AUTH_EXTRA_MAX])
{
    (void)auth;
    extra[0] = '\0';
    return NULL;
}

static bool ticket_sign(struct auth *auth, enum serializer serializer, struct bytes extra,
                        char *signature, size_t room)
{
    (void)serializer;
    (void)extra;
    if (strlen(auth->secret) >= room) {
        return false;
    }
    memcpy(signature, auth->secret, strlen(auth->secret) + 1);
    return true;
}

/* ---- wampcra */

/* The key of the HMAC: the secret, or what the salt makes of it (A-CRA-3). */
static bool wampcra_key(struct auth *auth, enum serializer serializer, struct bytes extra,
                        char key[AUTH_TEXT_MAX])
{
    uint8_t text[AUTH_TEXT_MAX];
    uint8_t derived[64];
    struct bytes salt;
    if (!auth_text(serializer, extra, "salt", text, &salt) || salt.size == 0) {
        memcpy(key, auth->secret, sizeof auth->secret);
        return true;
    }
    uint64_t size = auth_number(serializer, extra, "keylen");
    uint64_t iterations = auth_number(serializer, extra, "iterations");
    size = size != 0 ? size : 32;
    iterations = iterations != 0 ? iterations : 1000;
    if (size > sizeof derived || iterations > AUTH_ITERATIONS_MAX ||
        !crypto_pbkdf2(bytes_text(auth->secret), salt, (uint32_t)iterations, derived,
                       (size_t)size)) {
        return false;
    }
    auth_base64(bytes_make(derived, (size_t)size), key);
    crypto_wipe(derived, sizeof derived);
    return true;
}

static bool wampcra_sign(struct auth *auth, enum serializer serializer, struct bytes extra,
                         char *signature, size_t room)
{
    char key[AUTH_TEXT_MAX];
    uint8_t text[AUTH_TEXT_MAX];
    uint8_t digest[32];
    struct bytes challenge;
    if (room < 45 || !auth_text(serializer, extra, "challenge", text, &challenge) ||
        !wampcra_key(auth, serializer, extra, key)) {
        return false;
    }
    crypto_hmac(bytes_text(key), challenge, digest);
    auth_base64(bytes_make(digest, sizeof digest), signature);
    crypto_wipe(key, sizeof key);
    return true;
}

/* ---- cryptosign */

static const char *cryptosign_init(struct auth *auth, char extra[AUTH_EXTRA_MAX])
{
    uint8_t public[32];
    if (!auth_unhex(bytes_text(auth->secret), auth->seed)) {
        return "the private key of cryptosign is 64 hex digits";
    }
    crypto_sign_public(auth->seed, public);
    static const char open[] = "{\"pubkey\":\"";
    memcpy(extra, open, sizeof open);
    auth_hex(public, sizeof public, extra + sizeof open - 1);
    memcpy(extra + sizeof open - 1 + 2 * sizeof public, "\"}", 3);
    return NULL;
}

/* The signature and then what was signed (A-CS-3). */
static bool cryptosign_sign(struct auth *auth, enum serializer serializer, struct bytes extra,
                            char *signature, size_t room)
{
    uint8_t text[AUTH_TEXT_MAX];
    uint8_t said[96];
    struct bytes challenge;
    if (room < 2 * sizeof said + 1 ||
        !auth_text(serializer, extra, "challenge", text, &challenge) ||
        !auth_unhex(challenge, said + 64)) {
        return false;
    }
    crypto_sign_with(auth->seed, bytes_make(said + 64, 32), said);
    auth_hex(said, sizeof said, signature);
    return true;
}

static const struct auth_method methods[] = {
    {"ticket", ticket_init, ticket_sign},
    {"wampcra", ticket_init, wampcra_sign},
    {"cryptosign", cryptosign_init, cryptosign_sign},
};

const char *auth_init(struct auth *auth, const char *method, const char *secret,
                      char extra[AUTH_EXTRA_MAX])
{
    extra[0] = '\0';
    auth->method = NULL;
    if (strcmp(method, "anonymous") == 0) {
        return NULL;
    }
    if (secret == NULL || strlen(secret) >= sizeof auth->secret) {
        return secret == NULL ? "this authentication needs a secret" : "the secret is too long";
    }
    memcpy(auth->secret, secret, strlen(secret) + 1);
    for (size_t i = 0; i < array_count(methods); i++) {
        if (strcmp(method, methods[i].name) == 0) {
            auth->method = &methods[i];
            return methods[i].init(auth, extra);
        }
    }
    return "the methods are anonymous, ticket, wampcra and cryptosign";
}

bool auth_sign(void *context, struct bytes method, enum serializer serializer, struct bytes extra,
               char *signature, size_t room)
{
    struct auth *auth = context;
    return auth->method != NULL && bytes_equal_text(method, auth->method->name) &&
           auth->method->sign(auth, serializer, extra, signature, room);
}
