/* What a message costs on its way in: feeds of 32 KiB full of 100-octet messages, for each framing.
 * Prints the best and the median of many rounds in ns per message. */
#include "common/clock.h"
#include "common/heap.h"
#include "common/transport.h"

#include <stdio.h>
#include <stdlib.h>

enum { FEED_BYTES = 32 * 1024, MESSAGE_BYTES = 100, ROUNDS = 2001, FEEDS = 50 };

struct row {
    const char *name;
    const char *start; /* the handshake */
    size_t start_size;
    uint8_t first;      /* of a WebSocket frame; 0: RawSocket */
    const char *letter; /* the payload is made of it */
};

#define UPGRADE(subprotocol)                                                                       \
    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"                 \
    "Sec-WebSocket-Protocol: " subprotocol "\r\n\r\n"

static const struct row rows[] = {
    {"rawsocket", "\x7F\xF1\0\0", 4, 0, "a"},
    {"websocket binary", UPGRADE("wamp.2.cbor"), sizeof UPGRADE("wamp.2.cbor") - 1, 0x82, "a"},
    {"websocket text, ASCII", UPGRADE("wamp.2.json"), sizeof UPGRADE("wamp.2.json") - 1, 0x81, "a"},
    {"websocket text, all Greek", UPGRADE("wamp.2.json"), sizeof UPGRADE("wamp.2.json") - 1, 0x81,
     "\xCE\xBB"},
};

/* Whole frames only. The mask is zero, so that unmasking in place leaves the feed as it was. */
static size_t feed_write(const struct row *row, uint8_t *feed, unsigned *messages)
{
    uint8_t head[6] = {row->first, 0x80 | MESSAGE_BYTES, 0, 0, 0, 0};
    size_t head_size = sizeof head;
    if (row->first == 0) {
        memcpy(head, (uint8_t[]){0, 0, 0, MESSAGE_BYTES}, 4);
        head_size = 4;
    }
    size_t size = 0;
    for (*messages = 0; size + head_size + MESSAGE_BYTES <= FEED_BYTES; ++*messages) {
        memcpy(feed + size, head, head_size);
        size += head_size;
        for (size_t i = 0; i < MESSAGE_BYTES; i++) {
            feed[size++] = (uint8_t)row->letter[i % strlen(row->letter)];
        }
    }
    return size;
}

static int compare(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

/* Octets of all messages of one feed, so that no compiler drops the loop. */
static size_t feed_take(struct transport *transport, uint8_t *at, size_t size)
{
    struct feed feed = {at, size};
    struct bytes message;
    size_t sum = 0;
    while (transport_next(transport, &feed, 0, &message) == 1) {
        sum += message.size + message.at[0];
    }
    check(transport->end == TRANSPORT_END_NONE);
    return sum;
}

static void row_run(const struct row *row)
{
    static const char *const paths[] = {"/", NULL};
    struct transport_options options = {
        .websocket = true,
        .rawsocket = true,
        .serializers = 0xFF,
        .paths = paths,
        .bytes_max = 1024 * 1024,
        .bytes_max_unwelcome = 64 * 1024,
        .fragments_max = 4096,
        .http_ns = NS_PER_S,
        .rawsocket_ns = NS_PER_S,
        .message_ns = NS_PER_S,
    };
    static uint8_t at[FEED_BYTES];
    static double ns[ROUNDS];
    struct mem mem;
    struct outq out;
    struct transport transport;
    mem_init(&mem, heap_source(), SIZE_MAX);
    outq_init(&out, &mem);
    transport_init(&transport, &options, &out, &mem, 0);
    memcpy(at, row->start, row->start_size);
    feed_take(&transport, at, row->start_size);
    check(transport.open);
    unsigned messages;
    size_t size = feed_write(row, at, &messages);
    size_t sum = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t start_ns = clock_now_ns();
        for (unsigned i = 0; i < FEEDS; i++) {
            sum += feed_take(&transport, at, size);
        }
        ns[round] = (double)(clock_now_ns() - start_ns) / (FEEDS * messages);
    }
    check(sum > (size_t)ROUNDS * FEEDS * messages * MESSAGE_BYTES);
    qsort(ns, ROUNDS, sizeof ns[0], compare);
    printf("%-26s %6.1f best %6.1f median ns/message\n", row->name, ns[0], ns[ROUNDS / 2]);
    transport_fini(&transport);
    outq_fini(&out);
    mem_fini(&mem);
}

int main(void)
{
    for (unsigned i = 0; i < array_count(rows); i++) {
        row_run(&rows[i]);
    }
    return 0;
}
