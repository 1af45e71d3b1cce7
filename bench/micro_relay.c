/* The cheapest thing that a load can be thrown at: a router without rights, patterns, limits or
 * bounds, which forwards what the load maker sends to whoever subscribed or registered. It shows
 * how much the load maker itself can do, and what the sockets alone cost.
 *
 *     micro_relay unix:SOCKET SECONDS [lose|repeat|swap]      or tcp:PORT, on 127.0.0.1; then ends
 *     clos bench pubsub --to rs://unix:SOCKET
 *
 * With a fault named it does that to every hundredth event, to see that the load maker sees it.
 *
 * One realm, one serializer for all, exact topics, the last registration of a procedure wins. */
#include "bench/peer.h"
#include "common/clock.h"
#include "common/crypto.h"
#include "common/heap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    RELAY_CONNS_MAX = 4096,
    RELAY_URIS_MAX = 1024,
    RELAY_BUFFER_BYTES = 256 * 1024,
    RELAY_CALLS = 65536, /* remembered; a power of two */
    RELAY_OUT_BYTES_MAX = 256 * 1024 * 1024,
};

struct relay_conn {
    struct peer peer;
    struct buf pending;
    int fd;
    size_t out_sent;
    uint64_t invocation_next;
    bool dirty;
};

struct relay_uri {
    char name[128];
    size_t size;
    uint32_t *subscribers;
    size_t subscribers_count;
    uint32_t callee;
};

struct relay_call { /* of an invocation: who called */
    uint32_t caller;
    uint64_t request;
};

static struct relay_conn conns[RELAY_CONNS_MAX];
static struct relay_uri uris[RELAY_URIS_MAX];
static struct relay_call calls[RELAY_CALLS];
static uint32_t dirty[RELAY_CONNS_MAX];
static size_t dirty_count;
static size_t uris_count;
static uint64_t publication_next;
static uint8_t buffer[RELAY_BUFFER_BYTES * 2];
static struct mem mem;
static struct rng rng;
static int epoll;
static const char *fault = "";
static uint64_t faults_next;

static void relay_touch(struct relay_conn *conn)
{
    if (!conn->dirty) {
        conn->dirty = true;
        dirty[dirty_count++] = (uint32_t)(conn - conns);
    }
}

static struct relay_uri *relay_uri(struct bytes name)
{
    for (size_t i = 0; i < uris_count; i++) {
        if (bytes_equal(name, bytes_make(uris[i].name, uris[i].size))) {
            return &uris[i];
        }
    }
    check(uris_count < RELAY_URIS_MAX && name.size < sizeof(uris[0].name));
    struct relay_uri *uri = &uris[uris_count++];
    memcpy(uri->name, name.at, name.size);
    uri->size = name.size;
    uri->subscribers = calloc(RELAY_CONNS_MAX, sizeof(uri->subscribers[0]));
    check(uri->subscribers != NULL);
    return uri;
}

static void relay_numbers(struct relay_conn *conn, enum wire_type type, uint64_t a, uint64_t b,
                          size_t count)
{
    struct buf out;
    buf_init(&out, &mem, 256);
    uint64_t numbers[2] = {a, b};
    wire_put_numbers(&out, conn->peer.serializer, type, numbers, count, type == WIRE_WELCOME);
    peer_send(&conn->peer, buf_bytes(&out));
    relay_touch(conn);
    buf_fini(&out);
}

/* [type, a, b, {}, ["payload"]], or without b. All that differs between two receivers is their
 * octets' place, so a fan-out encodes once. */
static size_t relay_encode(enum serializer serializer, enum wire_type type, const uint64_t *ids,
                           size_t ids_count, struct bytes payload, uint8_t *out)
{
    uint8_t *at = out;
    bool json = serializer == SERIALIZER_JSON;
    uint8_t head = json ? '[' : serializer == SERIALIZER_CBOR ? 0x80 : 0x90;
    *at++ = json ? head : (uint8_t)(head + 3 + ids_count);
    at += wire_uint(serializer, type, at);
    for (size_t i = 0; i < ids_count; i++) {
        if (json) {
            *at++ = ',';
        }
        at += wire_uint(serializer, ids[i], at);
    }
    size_t size = payload.size;
    if (json) {
        memcpy(at, ",{},[\"", 6);
        at += 6;
    } else if (serializer == SERIALIZER_MSGPACK) {
        uint8_t rest[] = {0x80, 0x91, 0xda, (uint8_t)(size >> 8), (uint8_t)size};
        memcpy(at, rest, sizeof(rest));
        at += sizeof(rest);
    } else {
        uint8_t rest[] = {0xa0, 0x81, 0x79, (uint8_t)(size >> 8), (uint8_t)size};
        memcpy(at, rest, sizeof(rest));
        at += sizeof(rest);
    }
    memcpy(at, payload.at, size);
    at += size;
    if (json) {
        memcpy(at, "\"]]", 3);
        at += 3;
    }
    return (size_t)(at - out);
}

static void relay_forward(struct relay_conn *to, enum wire_type type, const uint64_t *ids,
                          size_t ids_count, struct bytes payload)
{
    uint8_t message[70000];
    check(payload.size < 65536);
    size_t size = relay_encode(to->peer.serializer, type, ids, ids_count, payload, message);
    peer_send(&to->peer, bytes_make(message, size));
    check(!to->peer.out.failed);
    relay_touch(to);
}

static void relay_event(struct relay_conn *to, struct bytes event)
{
    static uint8_t kept[70000];
    static size_t kept_size;
    bool due = fault[0] != '\0' && faults_next++ % 100 == 99;
    if (due && strcmp(fault, "lose") == 0) {
        return;
    }
    if (due && strcmp(fault, "swap") == 0) {
        memcpy(kept, event.at, event.size);
        kept_size = event.size;
        return;
    }
    peer_send(&to->peer, event);
    if (due) {
        peer_send(&to->peer, event); /* repeat */
    }
    if (kept_size > 0) {
        peer_send(&to->peer, bytes_make(kept, kept_size));
        kept_size = 0;
    }
    check(!to->peer.out.failed);
    relay_touch(to);
}

static void relay_publish(struct relay_conn *conn, const struct wire_message *message, bool ask)
{
    struct relay_uri *uri = relay_uri(message->uri);
    uint64_t ids[2] = {(uint64_t)(uri - uris) + 1, UINT64_C(1) << 52 | publication_next++};
    uint8_t event[70000];
    check(message->payload.size < 65536);
    size_t size = relay_encode(conn->peer.serializer, WIRE_EVENT, ids, 2, message->payload, event);
    for (size_t i = 0; i < uri->subscribers_count; i++) {
        relay_event(&conns[uri->subscribers[i]], bytes_make(event, size));
    }
    if (ask) {
        relay_numbers(conn, WIRE_PUBLISHED, message->id[0], ids[1], 2);
    }
}

static void relay_call(struct relay_conn *conn, const struct wire_message *message)
{
    struct relay_uri *uri = relay_uri(message->uri);
    struct relay_conn *callee = &conns[uri->callee];
    uint64_t ids[2] = {++callee->invocation_next, (uint64_t)(uri - uris) + 1};
    calls[ids[0] % RELAY_CALLS] = (struct relay_call){(uint32_t)(conn - conns), message->id[0]};
    relay_forward(callee, WIRE_INVOCATION, ids, 2, message->payload);
}

static void relay_yield(const struct wire_message *message)
{
    const struct relay_call *call = &calls[message->id[0] % RELAY_CALLS];
    relay_forward(&conns[call->caller], WIRE_RESULT, &call->request, 1, message->payload);
}

static void relay_message(struct relay_conn *conn, struct bytes octets)
{
    struct wire_message message;
    check(wire_read(octets, conn->peer.serializer, &message) == 1);
    switch (message.type) {
    case WIRE_HELLO:
        relay_numbers(conn, WIRE_WELCOME, (uint64_t)(conn - conns) + 1, 0, 1);
        break;
    case WIRE_SUBSCRIBE: {
        struct relay_uri *uri = relay_uri(message.uri);
        check(uri->subscribers_count < RELAY_CONNS_MAX);
        uri->subscribers[uri->subscribers_count++] = (uint32_t)(conn - conns);
        relay_numbers(conn, WIRE_SUBSCRIBED, message.id[0], (uint64_t)(uri - uris) + 1, 2);
        break;
    }
    case WIRE_REGISTER: {
        struct relay_uri *uri = relay_uri(message.uri);
        uri->callee = (uint32_t)(conn - conns);
        relay_numbers(conn, WIRE_REGISTERED, message.id[0], (uint64_t)(uri - uris) + 1, 2);
        break;
    }
    case WIRE_PUBLISH:
        relay_publish(conn, &message, memmem(octets.at, octets.size, "acknowledge", 11) != NULL);
        break;
    case WIRE_CALL:
        relay_call(conn, &message);
        break;
    case WIRE_YIELD:
        relay_yield(&message);
        break;
    default:
        break;
    }
}

static void relay_close(struct relay_conn *conn)
{
    uint32_t index = (uint32_t)(conn - conns);
    close(conn->fd);
    conn->fd = -1;
    peer_fini(&conn->peer);
    buf_fini(&conn->pending);
    for (size_t i = 0; i < uris_count; i++) {
        size_t kept = 0;
        for (size_t j = 0; j < uris[i].subscribers_count; j++) {
            if (uris[i].subscribers[j] != index) {
                uris[i].subscribers[kept++] = uris[i].subscribers[j];
            }
        }
        uris[i].subscribers_count = kept;
    }
}

static void relay_receive(struct relay_conn *conn)
{
    size_t have = conn->pending.size;
    if (have > 0) {
        memcpy(buffer, conn->pending.at, have);
    }
    ssize_t got = recv(conn->fd, buffer + have, RELAY_BUFFER_BYTES, 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    struct bytes input = bytes_make(buffer, have + (size_t)(got > 0 ? got : 0));
    struct bytes message;
    int result = got > 0 ? 1 : -1;
    while (result > 0) {
        result = peer_next(&conn->peer, &input, &message);
        if (result > 0) {
            relay_message(conn, message);
        }
    }
    if (result < 0) {
        relay_close(conn);
        return;
    }
    if (conn->peer.out.size > 0) {
        relay_touch(conn);
    }
    conn->pending.size = 0;
    buf_put(&conn->pending, input.at, input.size);
}

static void relay_flush(struct relay_conn *conn)
{
    struct buf *out = &conn->peer.out;
    while (conn->fd >= 0 && conn->out_sent < out->size) {
        ssize_t sent = send(conn->fd, out->at + conn->out_sent, out->size - conn->out_sent,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0) {
            relay_touch(conn); /* again in the next turn */
            return;
        }
        conn->out_sent += (size_t)sent;
    }
    buf_reset(out);
    conn->out_sent = 0;
}

static void relay_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < RELAY_CONNS_MAX; i++) {
        if (conns[i].fd < 0 && !conns[i].dirty) {
            struct peer_options options = {.server = true,
                                           .mem = &mem,
                                           .rng = &rng,
                                           .message_bytes_max = 65536,
                                           .out_bytes_max = RELAY_OUT_BYTES_MAX};
            struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
            conns[i] = (struct relay_conn){.fd = fd};
            peer_init(&conns[i].peer, &options);
            buf_init(&conns[i].pending, &mem, RELAY_BUFFER_BYTES);
            check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
            return;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void relay_turn(int listener)
{
    struct epoll_event events[256];
    int count = epoll_wait(epoll, events, array_count(events), dirty_count > 0 ? 0 : 100);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == UINT64_MAX) {
            relay_accept(listener);
        } else if (conns[events[i].data.u64].fd >= 0) {
            relay_receive(&conns[events[i].data.u64]);
        }
    }
    size_t waiting = dirty_count;
    uint32_t turn[RELAY_CONNS_MAX];
    memcpy(turn, dirty, waiting * sizeof(turn[0]));
    dirty_count = 0;
    for (size_t i = 0; i < waiting; i++) {
        conns[turn[i]].dirty = false;
        relay_flush(&conns[turn[i]]);
    }
}

static int relay_bind(const char *where)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in internet = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool is_unix = strncmp(where, "unix:", 5) == 0;
    int family = is_unix ? AF_UNIX : AF_INET;
    int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    int bound;
    if (is_unix) {
        snprintf(local.sun_path, sizeof(local.sun_path), "%s", where + 5);
        unlink(local.sun_path);
        bound = bind(listener, (struct sockaddr *)&local, sizeof(local));
    } else {
        internet.sin_port = htons((uint16_t)strtoul(where + 4, NULL, 10));
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        bound = bind(listener, (struct sockaddr *)&internet, sizeof(internet));
    }
    return bound == 0 && listen(listener, 1024) == 0 ? listener : -1;
}

int main(int argc, char **argv)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = UINT64_MAX};
    if (argc < 3 || argc > 4 || !crypto_init() ||
        (strncmp(argv[1], "unix:", 5) != 0 && strncmp(argv[1], "tcp:", 4) != 0)) {
        fputs("micro_relay unix:SOCKET|tcp:PORT SECONDS [lose|repeat|swap]\n", stderr);
        return 2;
    }
    fault = argc == 4 ? argv[3] : "";
    int listener = relay_bind(argv[1]);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (listener < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) {
        perror(argv[1]);
        return 2;
    }
    mem_init(&mem, heap_source(), SIZE_MAX / 2);
    rng_init(&rng, 1);
    for (size_t i = 0; i < RELAY_CONNS_MAX; i++) {
        conns[i].fd = -1;
    }
    uint64_t stop_ns = clock_now_ns() + (uint64_t)(strtod(argv[2], NULL) * 1e9);
    while (clock_now_ns() < stop_ns) {
        relay_turn(listener);
    }
    return 0;
}
