/* A connected stream: TCP, a Unix socket, and TLS over either. Never blocks but where it says so.
 *
 * Embedded in struct client, one thread. Owns its descriptor and TLS. Every wait has a deadline
 * (monotonic) and ends early when a stop descriptor becomes readable; only the name look-up waits
 * as long as the system's resolver does. Fails with a kind and a text. Sends no SIGPIPE. */
#ifndef CLOS_SOCKET_H
#define CLOS_SOCKET_H

#include "client/failure.h"
#include "client/url.h"
#include "common/tls.h"

struct socket {
    int fd; /* -1: none */
    int stop_fd;
    struct tls_context *context;
    struct tls *tls;
    bool more; /* decrypted octets, or an end, wait in tls */
    struct failure failure;
};

struct socket_options {
    const char *ca_file; /* PEM; NULL: the system's authorities */
    bool insecure;       /* prove nothing about the router */
    int stop_fd;         /* -1: none */
};

/* Blocks until connected, and TLS is agreed. On failure nothing stays open. */
enum client_error socket_connect(struct socket *socket, const struct url *url,
                                 const struct socket_options *options, uint64_t deadline_ns);

/* Takes over a connected descriptor, as tests do. */
void socket_adopt(struct socket *socket, int fd, int stop_fd);

/* Blocks until there may be something to read (or, if asked for, room to write).
 * CLIENT_OK, CLIENT_TIMEOUT or CLIENT_STOPPED. */
enum client_error socket_wait(struct socket *socket, bool write, uint64_t deadline_ns);

/* How many octets came; 0: none at present; -1: the end, failure says which kind of. */
long socket_read(struct socket *socket, uint8_t *out, size_t room);

/* How many octets were taken; 0: no room at present; -1: failure. */
long socket_write(struct socket *socket, struct bytes octets);

/* Ciphertext is waiting for room. */
bool socket_unsent(struct socket *socket);

void socket_close(struct socket *socket);

#endif
