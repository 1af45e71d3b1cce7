/* A WebSocket echo server on top of common/transport, for the published Autobahn suite
 * (tests/real/autobahn_real.sh): one thread, poll(), 127.0.0.1 only, a bounded number of
 * connections. `testee_real --port N` serves until it is killed (N may be 0; the port is printed);
 * without arguments it talks to itself once over a pair of sockets. */
#include "common/clock.h"
#include "common/heap.h"
#include "common/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNS_MAX = 32,
    FEED_BYTES = 64 * 1024,
    OUT_BYTES_MAX = 1024 * 1024, /* above this we stop reading until the peer reads */
    VECTORS_MAX = 16,
    MESSAGE_BYTES_MAX = 16 * 1024 * 1024,
};

struct conn {
    int fd; /* -1: free */
    bool over;
    struct mem mem;
    struct outq out;
    struct transport transport;
};

static struct conn conns[CONNS_MAX];

static struct transport_options options(void)
{
    static const char *const paths[] = {"/", NULL};
    return (struct transport_options){
        .websocket = true,
        .testee = true,
        .paths = paths,
        .bytes_max = MESSAGE_BYTES_MAX,
        .bytes_max_unwelcome = MESSAGE_BYTES_MAX,
        .fragments_max = UINT32_MAX,
        .pings_per_s = 1000,
        .http_ns = 5 * NS_PER_S,
        .message_ns = 300 * NS_PER_S,
        .close_ns = NS_PER_S,
    };
}

static const struct transport_options *shared_options(void)
{
    static struct transport_options made;
    if (made.paths == NULL) {
        made = options();
    }
    return &made;
}

static struct conn *conn_open(int fd)
{
    for (unsigned i = 0; i < CONNS_MAX; i++) {
        struct conn *conn = &conns[i];
        if (conn->fd < 0) {
            conn->fd = fd;
            conn->over = false;
            mem_init(&conn->mem, heap_source(), 8 * (size_t)MESSAGE_BYTES_MAX);
            outq_init(&conn->out, &conn->mem);
            transport_init(&conn->transport, shared_options(), &conn->out, &conn->mem,
                           clock_now_ns());
            return conn;
        }
    }
    close(fd);
    return NULL;
}

static void conn_close(struct conn *conn)
{
    close(conn->fd);
    conn->fd = -1;
    transport_fini(&conn->transport);
    outq_fini(&conn->out);
    mem_fini(&conn->mem);
}

static void conn_echo(struct conn *conn, struct bytes message)
{
    struct transport *transport = &conn->transport;
    transport->serializer = transport->message_is_text ? SERIALIZER_JSON : SERIALIZER_MSGPACK;
    if (!transport_send(transport, message)) {
        transport_close(transport, 1011, clock_now_ns());
    }
}

static void conn_read(struct conn *conn)
{
    static uint8_t at[FEED_BYTES];
    ssize_t size = read(conn->fd, at, sizeof at);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0) {
        outq_fini(&conn->out); /* nobody is there to read it */
        conn->over = true;
        return;
    }
    struct feed feed = {at, (size_t)size};
    struct bytes message;
    int result;
    while ((result = transport_next(&conn->transport, &feed, clock_now_ns(), &message)) == 1) {
        conn_echo(conn, message);
    }
    conn->over = result < 0;
}

static void conn_write(struct conn *conn)
{
    while (conn->out.bytes > 0) {
        struct iovec vectors[VECTORS_MAX];
        unsigned count = outq_gather(&conn->out, vectors, VECTORS_MAX);
        ssize_t size = writev(conn->fd, vectors, (int)count);
        if (size < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                outq_fini(&conn->out);
                conn->over = true;
            }
            return;
        }
        outq_sent(&conn->out, (size_t)size);
    }
}

/* One turn: waits for something to do and does it. listener may be -1. */
static void serve_turn(int listener)
{
    struct pollfd polls[CONNS_MAX + 1];
    struct conn *polled[CONNS_MAX + 1];
    unsigned count = 0;
    polls[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (unsigned i = 0; i < CONNS_MAX; i++) {
        struct conn *conn = &conns[i];
        if (conn->fd >= 0) {
            bool reads = !conn->over && conn->out.bytes < OUT_BYTES_MAX;
            int events = (reads ? POLLIN : 0) | (conn->out.bytes > 0 ? POLLOUT : 0);
            polled[count] = conn;
            polls[count++] = (struct pollfd){.fd = conn->fd, .events = (short)events};
        }
    }
    poll(polls, count, 100);
    if ((polls[0].revents & POLLIN) != 0) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            conn_open(fd);
        }
    }
    for (unsigned i = 1; i < count; i++) {
        struct conn *conn = polled[i];
        if ((polls[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !conn->over) {
            conn_read(conn);
        }
        conn->over = transport_expire(&conn->transport, clock_now_ns()) < 0 || conn->over;
        conn_write(conn);
        if (conn->over && conn->out.bytes == 0) {
            conn_close(conn);
        }
    }
}

static int serve(unsigned long port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 64) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
        perror("testee");
        return 1;
    }
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        serve_turn(listener);
    }
}

/* A client writes a handshake, a frame and a Close; what comes back must end in both answers. */
static int talk_to_itself(void)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                                  "\x81\x82\0\0\0\0hi\x88\x82\0\0\0\0\x03\xE8";
    static const char want[] = "\x81\x02hi\x88\x02\x03\xE8";
    char answer[512];
    size_t size = 0;
    int pair[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    struct conn *conn = conn_open(pair[0]);
    check(conn != NULL);
    check(write(pair[1], request, sizeof request - 1) == sizeof request - 1);
    while (conn->fd >= 0) {
        serve_turn(-1);
    }
    ssize_t got;
    while ((got = read(pair[1], answer + size, sizeof answer - size)) > 0) {
        size += (size_t)got;
    }
    close(pair[1]);
    bool passed = size >= sizeof want - 1 &&
                  memcmp(answer + size - (sizeof want - 1), want, sizeof want - 1) == 0;
    printf("usage: testee_real --port N\n%d passed, %d failed, 0 skipped\n", passed, !passed);
    return passed ? 0 : 1;
}

int main(int count, char **words)
{
    for (unsigned i = 0; i < CONNS_MAX; i++) {
        conns[i].fd = -1;
    }
    if (count == 3 && strcmp(words[1], "--port") == 0) {
        return serve(strtoul(words[2], NULL, 10));
    }
    return talk_to_itself();
}
