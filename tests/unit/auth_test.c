#include "client/auth.h"

#include "common/crypto.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Expected signatures were computed with Python's hmac, hashlib and PyNaCl. */

static const char challenge_text[] =
    "\"challenge\":\"{\\\"nonce\\\":\\\"x\\\",\\\"session\\\":3251278072152162}\"";

struct row {
    const char *method;
    const char *secret;
    const char *more; /* of the challenge */
    const char *signature;
};

static bool sign(const struct row *row, const char *extra, char signature[512])
{
    static struct auth auth;
    char authextra[AUTH_EXTRA_MAX];
    assert_null(auth_init(&auth, row->method, row->secret, authextra));
    return auth_sign(&auth, bytes_text(row->method), SERIALIZER_JSON, bytes_text(extra), signature,
                     512);
}

static void wampcra_signs_with_the_secret_or_what_the_salt_makes_of_it(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"wampcra", "prq7+YkJ1/KlW1X0YczMHw==", "", "wKjoReXl5b3l/oTqhAaaVPOb6kAH/FRI8DLw6y3UwSQ="},
        {"wampcra", "secret2", ",\"salt\":\"salt123\",\"iterations\":100,\"keylen\":16",
         "U86Zc4183JGg27kClf5RRDUf25u5hTfxcU57NQq0jhE="},
        {"wampcra", "secret2", ",\"salt\":\"salt123\"",
         "Fn0AL6qE7pGY33vwLRHYIMxKyjNHEKH5Md5ykfNfaCg="},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        char extra[512] = "{";
        char signature[512];
        size_t size = sizeof challenge_text - 1;
        memcpy(extra + 1, challenge_text, size);
        memcpy(extra + 1 + size, rows[i].more, strlen(rows[i].more));
        memcpy(extra + 1 + size + strlen(rows[i].more), "}", 2);
        assert_true(sign(&rows[i], extra, signature));
        assert_string_equal(signature, rows[i].signature);
    }
}

static void cryptosign_sends_its_key_and_signs_the_challenge(void **state)
{
    (void)state;
    static const char seed[] = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";
    static const struct row row = {.method = "cryptosign", .secret = seed};
    struct auth auth;
    char extra[AUTH_EXTRA_MAX];
    char signature[512];
    assert_null(auth_init(&auth, "cryptosign", seed, extra));
    assert_string_equal(extra,
                        "{\"pubkey\":\"1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f60"
                        "75b96e116d\"}");
    assert_true(sign(&row,
                     "{\"challenge\":\"ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                     "ffffffff\",\"channel_binding\":null}",
                     signature));
    assert_string_equal(signature,
                        "b32675b221f08593213737bef8240e7c15228b07028e19595294678c90d11c0c"
                        "ae80a357331bfc5cc9fb71081464e6e75013517c2cf067ad566a6b7b728e5d03"
                        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
}

static void challenge_that_cannot_be_answered_is_not(void **state)
{
    (void)state;
    static const struct {
        struct row row;
        const char *extra;
    } rows[] = {
        {{.method = "wampcra", .secret = "x"}, "{}"},
        {{.method = "wampcra", .secret = "x"}, "{\"challenge\":1}"},
        {{.method = "wampcra", .secret = "x"},
         "{\"challenge\":\"a\",\"salt\":\"b\",\"keylen\":65}"},
        {{.method = "wampcra", .secret = "x"}, /* an hour of our time */
         "{\"challenge\":\"a\",\"salt\":\"b\",\"iterations\":4000000000}"},
        {{.method = "cryptosign",
          .secret = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510"},
         "{\"challenge\":\"ff\"}"},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        char signature[512];
        assert_false(sign(&rows[i].row, rows[i].extra, signature));
    }
}

static void router_cannot_ask_for_another_method(void **state)
{
    (void)state;
    struct auth auth;
    char extra[AUTH_EXTRA_MAX];
    char signature[512];
    assert_null(auth_init(&auth, "wampcra", "x", extra));
    assert_false(auth_sign(&auth, bytes_text("ticket"), SERIALIZER_JSON, bytes_text("{}"),
                           signature, sizeof signature));
    assert_null(auth_init(&auth, "anonymous", NULL, extra));
    assert_false(auth_sign(&auth, bytes_text("anonymous"), SERIALIZER_JSON, bytes_text("{}"),
                           signature, sizeof signature));
}

static void method_without_what_it_needs_is_refused(void **state)
{
    (void)state;
    struct auth auth;
    char extra[AUTH_EXTRA_MAX];
    assert_string_equal(auth_init(&auth, "ticket", NULL, extra),
                        "this authentication needs a secret");
    assert_string_equal(auth_init(&auth, "cryptosign", "abc", extra),
                        "the private key of cryptosign is 64 hex digits");
    assert_string_equal(auth_init(&auth, "magic", "abc", extra),
                        "the methods are anonymous, ticket, wampcra and cryptosign");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wampcra_signs_with_the_secret_or_what_the_salt_makes_of_it),
        cmocka_unit_test(cryptosign_sends_its_key_and_signs_the_challenge),
        cmocka_unit_test(challenge_that_cannot_be_answered_is_not),
        cmocka_unit_test(router_cannot_ask_for_another_method),
        cmocka_unit_test(method_without_what_it_needs_is_refused),
    };
    if (!crypto_init()) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
