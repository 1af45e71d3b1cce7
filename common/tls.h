/* TLS over memory: ciphertext in and out, plain octets in and out (OpenSSL). The client's side.
 *
 * Knows no socket: the owner carries octets between tls_put, tls_out and its connection. A context
 * is shared by the connections of one thread; a struct tls belongs to one connection. What both
 * return is freed with them. TLS 1.2 and later; the peer's certificate and name are proven unless
 * insecure was asked for. Bounded: the owner writes on only while tls_out is short, and OpenSSL
 * keeps one record. Fails by -1 or false, and tls_why says why. */
#ifndef CLOS_TLS_H
#define CLOS_TLS_H

#include "common/bytes.h"

struct tls_context;
struct tls;

/* ca_file: PEM, instead of the system's authorities; NULL: the system's. NULL: why was written. */
struct tls_context *tls_context_new_client(const char *ca_file, bool insecure, char *why,
                                           size_t room);
void tls_context_free(struct tls_context *context);

/* host: the name or address that the certificate has to prove. NULL: no memory. */
struct tls *tls_new_client(struct tls_context *context, const char *host);
void tls_free(struct tls *tls);

/* Goes on with the handshake as far as it gets. 1: done, 0: octets are needed, -1: failed. */
int tls_shake(struct tls *tls);

/* Ciphertext that came. false: no memory. */
bool tls_put(struct tls *tls, struct bytes octets);

/* Plain octets that were in it: how many, 0: more ciphertext is needed, -1: broken or, when
 * tls_ended, over in an orderly way. */
long tls_read(struct tls *tls, uint8_t *out, size_t room);

/* Plain octets to be sent; all are taken. After the handshake only. */
bool tls_write(struct tls *tls, struct bytes octets);

/* Says that nothing more comes from us. */
void tls_close(struct tls *tls);

/* Ciphertext waiting to be sent (a view until the next call on tls), and its front is gone. */
struct bytes tls_out(struct tls *tls);
void tls_sent(struct tls *tls, size_t size);

bool tls_ended(const struct tls *tls);
const char *tls_why(const struct tls *tls);

#endif
