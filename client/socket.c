#include "client/socket.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    TLS_RECORD_MAX = 16384,
    TLS_OUT_MAX = 65536, /* ciphertext waiting: no more plain octets are taken above it */
};

/* Milliseconds for poll, rounded up so that it does not spin short of the deadline. */
static int poll_ms(uint64_t deadline_ns)
{
    uint64_t now = clock_now_ns();
    if (deadline_ns == NEVER) {
        return -1;
    }
    if (deadline_ns <= now) {
        return 0;
    }
    uint64_t ms = (deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

static enum client_error fd_wait(int fd, short wanted, int stop_fd, uint64_t deadline_ns)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = fd, .events = wanted}, {.fd = stop_fd, .events = POLLIN}};
        int ready = poll(fds, 2, poll_ms(deadline_ns));
        if (ready > 0) {
            return fds[1].revents != 0 ? CLIENT_STOPPED : CLIENT_OK;
        }
        if (clock_now_ns() >= deadline_ns) {
            return CLIENT_TIMEOUT;
        }
        check(ready == 0 || errno == EINTR || errno == EAGAIN || errno == ENOMEM);
    }
}

static void fd_set_modes(int fd)
{
    int on = 1;
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    /* Small messages wait for nobody, and a router that vanished is found out. Both are refused
     * by Unix sockets, which need neither. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/* 0: connected. Else an errno, or -1 for a wait that ended early with *error set. */
static int fd_connect(int fd, const struct sockaddr *address, socklen_t size, int stop_fd,
                      uint64_t deadline_ns, enum client_error *error)
{
    int result = 0;
    socklen_t result_size = sizeof result;
    if (connect(fd, address, size) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS && errno != EINTR) {
        return errno;
    }
    *error = fd_wait(fd, POLLOUT, stop_fd, deadline_ns);
    if (*error != CLIENT_OK) {
        return -1;
    }
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &result_size) == 0 ? result : errno;
}

static enum client_error socket_try(struct socket *socket_, int family,
                                    const struct sockaddr *address, socklen_t size,
                                    const char *shown, uint64_t deadline_ns)
{
    enum client_error error = CLIENT_CONNECT;
    int fd = socket(family, SOCK_STREAM, 0);
    int result = errno;
    if (fd >= 0) {
        fd_set_modes(fd);
        result = fd_connect(fd, address, size, socket_->stop_fd, deadline_ns, &error);
        if (result == 0) {
            socket_->fd = fd;
            return CLIENT_OK;
        }
        (void)close(fd);
    }
    socket_->failure = (struct failure){0}; /* of an earlier address */
    if (result < 0) {
        return failure_set(&socket_->failure, error, "no connection to %s%s", shown,
                           error == CLIENT_TIMEOUT ? " in time" : ": stopped");
    }
    return failure_set(&socket_->failure, CLIENT_CONNECT, "cannot connect to %s: %s", shown,
                       strerror(result));
}

static enum client_error socket_connect_unix(struct socket *socket, const struct url *url,
                                             uint64_t deadline_ns)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _Static_assert(sizeof address.sun_path > URL_SOCKET_MAX, "a path of a URL fits");
    memcpy(address.sun_path, url->socket_path, strlen(url->socket_path) + 1);
    return socket_try(socket, AF_UNIX, (const struct sockaddr *)&address, sizeof address,
                      url->socket_path, deadline_ns);
}

static enum client_error socket_connect_tcp(struct socket *socket, const struct url *url,
                                            uint64_t deadline_ns)
{
    char port[8];
    char shown[URL_HOST_MAX + 16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    (void)snprintf(port, sizeof port, "%u", url->port);
    (void)snprintf(shown, sizeof shown, "%.200s port %u", url->host, url->port);
    int result = getaddrinfo(url->host, port, &hints, &list);
    if (result == EAI_ADDRFAMILY || result == EAI_NONAME) { /* a host with loopback only */
        hints.ai_flags = 0;
        result = getaddrinfo(url->host, port, &hints, &list);
    }
    if (result != 0) {
        return failure_set(&socket->failure, CLIENT_CONNECT, "cannot find %.200s: %s", url->host,
                           gai_strerror(result));
    }
    enum client_error error = CLIENT_CONNECT;
    for (struct addrinfo *one = list; one != NULL && error == CLIENT_CONNECT; one = one->ai_next) {
        error =
            socket_try(socket, one->ai_family, one->ai_addr, one->ai_addrlen, shown, deadline_ns);
    }
    freeaddrinfo(list);
    return error;
}

/* ---- TLS */

static bool socket_flush(struct socket *socket)
{
    for (struct bytes out = tls_out(socket->tls); out.size > 0; out = tls_out(socket->tls)) {
        ssize_t sent = send(socket->fd, out.at, out.size, MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        tls_sent(socket->tls, (size_t)sent);
    }
    return true;
}

static enum client_error socket_shake(struct socket *socket, uint64_t deadline_ns)
{
    uint8_t octets[4096];
    for (;;) {
        int shaken = tls_shake(socket->tls);
        bool flushed = socket_flush(socket); /* a failed handshake still sends its alert */
        if (shaken < 0) {
            return failure_set(&socket->failure, CLIENT_TLS, "%s", tls_why(socket->tls));
        }
        if (shaken > 0 || !flushed) {
            return flushed ? CLIENT_OK
                           : failure_set(&socket->failure, CLIENT_TLS,
                                         "the router hung up during the TLS handshake");
        }
        enum client_error error = socket_wait(socket, false, deadline_ns);
        if (error != CLIENT_OK) {
            return failure_set(&socket->failure, error, "no end of the TLS handshake%s",
                               error == CLIENT_TIMEOUT ? " in time" : ": stopped");
        }
        ssize_t size = recv(socket->fd, octets, sizeof octets, 0);
        if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
            return failure_set(&socket->failure, CLIENT_TLS,
                               "the router hung up during the TLS handshake");
        }
        if (size > 0 && !tls_put(socket->tls, bytes_make(octets, (size_t)size))) {
            return failure_set(&socket->failure, CLIENT_LIMIT, "no memory for TLS");
        }
    }
}

static enum client_error socket_secure(struct socket *socket, const struct url *url,
                                       const struct socket_options *options, uint64_t deadline_ns)
{
    char why[200];
    socket->context = tls_context_new_client(options->ca_file, options->insecure, why, sizeof why);
    if (socket->context == NULL) {
        return failure_set(&socket->failure, CLIENT_USAGE, "%s%s%s", why,
                           options->ca_file != NULL ? " in " : "",
                           options->ca_file != NULL ? options->ca_file : "");
    }
    socket->tls = tls_new_client(socket->context, url->host);
    if (socket->tls == NULL) {
        return failure_set(&socket->failure, CLIENT_LIMIT, "no memory for TLS");
    }
    return socket_shake(socket, deadline_ns);
}

/* ---- the life of a socket */

void socket_adopt(struct socket *socket, int fd, int stop_fd)
{
    *socket = (struct socket){.fd = fd, .stop_fd = stop_fd};
    if (fd >= 0) {
        fd_set_modes(fd);
    }
}

enum client_error socket_connect(struct socket *socket, const struct url *url,
                                 const struct socket_options *options, uint64_t deadline_ns)
{
    socket_adopt(socket, -1, options->stop_fd);
    enum client_error error = url->is_unix ? socket_connect_unix(socket, url, deadline_ns)
                                           : socket_connect_tcp(socket, url, deadline_ns);
    if (error == CLIENT_OK && url->tls) {
        error = socket_secure(socket, url, options, deadline_ns);
    }
    if (error != CLIENT_OK) {
        socket_close(socket);
    }
    return error;
}

enum client_error socket_wait(struct socket *socket, bool write, uint64_t deadline_ns)
{
    if (socket->more) {
        return CLIENT_OK;
    }
    short wanted = (short)(POLLIN | (write || socket_unsent(socket) ? POLLOUT : 0));
    return fd_wait(socket->fd, wanted, socket->stop_fd, deadline_ns);
}

bool socket_unsent(struct socket *socket)
{
    return socket->tls != NULL && tls_out(socket->tls).size > 0;
}

static long socket_fail(struct socket *socket, const char *what)
{
    int code = errno;
    if (code == EAGAIN || code == EINTR) {
        return 0;
    }
    failure_set(&socket->failure, CLIENT_CLOSED, "%s: %s", what, strerror(code));
    return -1;
}

static long socket_receive(struct socket *socket, uint8_t *out, size_t room)
{
    ssize_t size = recv(socket->fd, out, room, 0);
    if (size == 0) {
        failure_set(&socket->failure, CLIENT_CLOSED, "the router hung up");
        return -1;
    }
    return size > 0 ? (long)size : socket_fail(socket, "the connection broke");
}

/* All that fits of what has come: the descriptor tells nothing of records that lie in here. */
static long socket_decrypt(struct socket *socket, uint8_t *out, size_t room)
{
    size_t used = 0;
    while (used < room) {
        long size = tls_read(socket->tls, out + used, room - used);
        if (size < 0 && used == 0) {
            failure_set(&socket->failure, tls_ended(socket->tls) ? CLIENT_CLOSED : CLIENT_TLS, "%s",
                        tls_why(socket->tls));
            return -1;
        }
        if (size <= 0) {
            break; /* an end is found again when what came before it has been taken */
        }
        used += (size_t)size;
    }
    socket->more = used > 0;
    return (long)used;
}

long socket_read(struct socket *socket, uint8_t *out, size_t room)
{
    uint8_t octets[TLS_RECORD_MAX];
    if (socket->tls == NULL) {
        return socket_receive(socket, out, room);
    }
    for (;;) {
        long size = socket_decrypt(socket, out, room);
        if (size != 0) {
            return size;
        }
        long came = socket_receive(socket, octets, sizeof octets);
        if (came <= 0) {
            return came;
        }
        if (!tls_put(socket->tls, bytes_make(octets, (size_t)came))) {
            failure_set(&socket->failure, CLIENT_LIMIT, "no memory for TLS");
            return -1;
        }
    }
}

long socket_write(struct socket *socket, struct bytes octets)
{
    if (socket->tls == NULL) {
        ssize_t sent = octets.size > 0 ? send(socket->fd, octets.at, octets.size, MSG_NOSIGNAL) : 0;
        return sent >= 0 ? (long)sent : socket_fail(socket, "the connection broke");
    }
    if (!socket_flush(socket)) {
        return socket_fail(socket, "the connection broke");
    }
    size_t room = TLS_OUT_MAX - size_min(TLS_OUT_MAX, tls_out(socket->tls).size);
    struct bytes now = bytes_make(octets.at, size_min(octets.size, room));
    if (!tls_write(socket->tls, now)) {
        failure_set(&socket->failure, CLIENT_TLS, "%s", tls_why(socket->tls));
        return -1;
    }
    return socket_flush(socket) ? (long)now.size : socket_fail(socket, "the connection broke");
}

void socket_close(struct socket *socket)
{
    if (socket->fd >= 0) {
        if (socket->tls != NULL) {
            tls_close(socket->tls);
            (void)socket_flush(socket);
        }
        (void)close(socket->fd);
        socket->fd = -1;
    }
    tls_free(socket->tls);
    tls_context_free(socket->context);
    socket->tls = NULL;
    socket->context = NULL;
}
