#include "router/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(int fd, char words[LISTENER_WORDS], const char *endpoint, const char *what)
{
    snprintf(words, LISTENER_WORDS, "cannot listen at %s: %s: %s", endpoint, what, strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static struct addrinfo *resolve(const struct listener_settings *settings, uint16_t port,
                                char words[LISTENER_WORDS])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    int error = getaddrinfo(settings->host, service, &hints, &found);
    if (error != 0) {
        snprintf(words, LISTENER_WORDS, "cannot listen at %s: %s: %s", settings->endpoint,
                 settings->host, gai_strerror(error));
        return NULL;
    }
    return found;
}

static int tcp_socket(const struct addrinfo *address, bool shared)
{
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    if (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
        close(fd);
        return -1;
    }
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static uint16_t tcp_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

int listener_open_tcp(const struct listener_settings *settings, uint16_t *port, bool shared,
                      char words[LISTENER_WORDS])
{
    struct addrinfo *address = resolve(settings, *port, words);
    if (address == NULL) {
        return -1;
    }
    /* SO_REUSEPORT would let a second router steal half of the connections of a first one: so the
     * first socket is probed for without it. */
    if (!shared && *port != 0) {
        int probe = tcp_socket(address, false);
        if (probe < 0 || listen(probe, 1) != 0) {
            freeaddrinfo(address);
            return fail(probe, words, settings->endpoint, "is another program listening there?");
        }
        close(probe);
    }
    int fd = tcp_socket(address, true);
    freeaddrinfo(address);
    if (fd < 0 || listen(fd, (int)settings->backlog) != 0) {
        return fail(fd, words, settings->endpoint, "bind");
    }
    *port = tcp_port(fd);
    return fd;
}

static bool unix_is_stale(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                   errno == ECONNREFUSED;
    close(fd);
    return refused;
}

int listener_open_unix(const struct listener_settings *settings, char words[LISTENER_WORDS])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat found;
    if (strlen(settings->path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return fail(-1, words, settings->endpoint, "the path of a Unix socket");
    }
    memcpy(address.sun_path, settings->path, strlen(settings->path) + 1);
    if (lstat(settings->path, &found) == 0) {
        errno = EEXIST;
        if (!S_ISSOCK(found.st_mode)) {
            return fail(-1, words, settings->endpoint, "what stands there is not a socket");
        }
        if (found.st_uid != geteuid() || !unix_is_stale(&address)) {
            errno = EADDRINUSE;
            return fail(-1, words, settings->endpoint, "another program's socket");
        }
        unlink(settings->path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, (int)settings->backlog) != 0) {
        return fail(fd, words, settings->endpoint, "bind");
    }
    return fd;
}
