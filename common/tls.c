#include "common/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct tls_context {
    SSL_CTX *ssl;
    bool insecure;
};

struct tls {
    SSL *ssl;
    BIO *in;  /* ciphertext from the peer; owned by ssl */
    BIO *out; /* ciphertext for the peer; owned by ssl */
    bool ended;
    char why[200];
};

static void tls_say(char *why, size_t room, const char *what)
{
    char text[160] = "unknown reason";
    unsigned long code = ERR_get_error();
    if (code != 0) {
        ERR_error_string_n(code, text, sizeof text);
        const char *reason = ERR_reason_error_string(code);
        (void)snprintf(why, room, "%s: %s", what, reason != NULL ? reason : text);
    } else {
        (void)snprintf(why, room, "%s", what);
    }
    ERR_clear_error();
}

struct tls_context *tls_context_new_client(const char *ca_file, bool insecure, char *why,
                                           size_t room)
{
    struct tls_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        (void)snprintf(why, room, "no memory for TLS");
        return NULL;
    }
    context->insecure = insecure;
    context->ssl = SSL_CTX_new(TLS_client_method());
    if (context->ssl == NULL || SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) != 1) {
        tls_say(why, room, "cannot set up TLS");
        tls_context_free(context);
        return NULL;
    }
    (void)SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context->ssl, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    int loaded = ca_file != NULL ? SSL_CTX_load_verify_file(context->ssl, ca_file)
                                 : SSL_CTX_set_default_verify_paths(context->ssl);
    if (loaded != 1) {
        tls_say(why, room, "cannot read the certificate authorities");
        tls_context_free(context);
        return NULL;
    }
    return context;
}

void tls_context_free(struct tls_context *context)
{
    if (context != NULL) {
        SSL_CTX_free(context->ssl);
        free(context);
    }
}

static bool tls_expect_host(struct tls *tls, const char *host)
{
    struct in6_addr address;
    if (inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), host) == 1;
    }
    return SSL_set1_host(tls->ssl, host) == 1 && SSL_set_tlsext_host_name(tls->ssl, host) == 1;
}

struct tls *tls_new_client(struct tls_context *context, const char *host)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return NULL;
    }
    tls->ssl = SSL_new(context->ssl);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL) {
        BIO_free(tls->in);
        BIO_free(tls->out);
        tls->in = NULL;
        tls->out = NULL;
        tls_free(tls);
        return NULL;
    }
    BIO_set_mem_eof_return(tls->in, -1); /* empty means: not yet */
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_connect_state(tls->ssl);
    if (!tls_expect_host(tls, host)) {
        tls_free(tls);
        return NULL;
    }
    return tls;
}

void tls_free(struct tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl);
        free(tls);
    }
}

/* 0: wants more ciphertext. -1: over, why was written. */
static int tls_result(struct tls *tls, int result, const char *what)
{
    int error = SSL_get_error(tls->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return 0;
    }
    if (error == SSL_ERROR_ZERO_RETURN) {
        tls->ended = true;
        (void)snprintf(tls->why, sizeof tls->why, "the router ended TLS");
        return -1;
    }
    long verdict = SSL_get_verify_result(tls->ssl);
    if (verdict != X509_V_OK && !SSL_is_init_finished(tls->ssl) &&
        SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE) {
        (void)snprintf(tls->why, sizeof tls->why, "the router's certificate is not trusted: %s",
                       X509_verify_cert_error_string(verdict));
        ERR_clear_error();
        return -1;
    }
    tls_say(tls->why, sizeof tls->why, what);
    return -1;
}

int tls_shake(struct tls *tls)
{
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    return result == 1 ? 1 : tls_result(tls, result, "the TLS handshake failed");
}

bool tls_put(struct tls *tls, struct bytes octets)
{
    check(octets.size <= INT32_MAX);
    return octets.size == 0 || BIO_write(tls->in, octets.at, (int)octets.size) == (int)octets.size;
}

long tls_read(struct tls *tls, uint8_t *out, size_t room)
{
    size_t size = 0;
    ERR_clear_error();
    int result = SSL_read_ex(tls->ssl, out, room, &size);
    return result == 1 ? (long)size : tls_result(tls, result, "TLS broke");
}

bool tls_write(struct tls *tls, struct bytes octets)
{
    size_t size = 0;
    ERR_clear_error();
    int result = octets.size == 0 ? 1 : SSL_write_ex(tls->ssl, octets.at, octets.size, &size);
    if (result == 1 && size == octets.size) {
        return true;
    }
    tls_say(tls->why, sizeof tls->why, "TLS broke");
    return false;
}

void tls_close(struct tls *tls)
{
    ERR_clear_error();
    (void)SSL_shutdown(tls->ssl);
}

struct bytes tls_out(struct tls *tls)
{
    char *at = NULL;
    long size = BIO_get_mem_data(tls->out, &at);
    return bytes_make(at, size > 0 ? (size_t)size : 0);
}

void tls_sent(struct tls *tls, size_t size)
{
    uint8_t thrown[4096];
    while (size > 0) {
        size_t now = 0;
        check(BIO_read_ex(tls->out, thrown, size_min(size, sizeof thrown), &now) == 1);
        size -= now;
    }
}

bool tls_ended(const struct tls *tls)
{
    return tls->ended;
}

const char *tls_why(const struct tls *tls)
{
    return tls->why;
}
