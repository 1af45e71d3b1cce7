#include "tests/lib/wire.h"

#include "common/heap.h"

#include <stdio.h>
#include <stdlib.h>

enum { MEM_BYTES_MAX = 256 * 1024 * 1024 };

/* ---- octets */

void octets_put(struct octets *octets, const void *from, size_t size)
{
    if (octets->room - octets->size < size) {
        octets->room = size_max(octets->room * 2, octets->size + size + 64);
        octets->at = realloc(octets->at, octets->room);
        check(octets->at != NULL);
    }
    if (size > 0) {
        memcpy(octets->at + octets->size, from, size);
        octets->size += size;
    }
}

void octets_text(struct octets *octets, const char *text)
{
    octets_put(octets, text, strlen(text));
}

void octets_fill(struct octets *octets, uint8_t octet, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        octets_put(octets, &octet, 1);
    }
}

void octets_free(struct octets *octets)
{
    free(octets->at);
    *octets = (struct octets){0};
}

struct bytes octets_view(const struct octets *octets)
{
    return bytes_make(octets->at, octets->size);
}

void octets_frame(struct octets *octets, uint8_t first, struct bytes payload)
{
    uint8_t head[FRAME_HEAD_BYTES_MAX];
    uint8_t *end = head + sizeof head;
    size_t size = frame_head(FRAMING_WEBSOCKET, SERIALIZER_JSON, payload.size, end);
    uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    end[-(int)size] = first;
    end[1 - (int)size] |= 0x80;
    octets_put(octets, end - size, size);
    octets_put(octets, mask, sizeof mask);
    octets_put(octets, payload.at, payload.size);
    uint8_t *at = octets->at + octets->size - payload.size;
    for (size_t i = 0; i < payload.size; i++) {
        at[i] ^= mask[i % 4];
    }
}

void octets_frame_text(struct octets *octets, uint8_t first, const char *payload)
{
    octets_frame(octets, first, bytes_text(payload));
}

void octets_close(struct octets *octets, uint16_t code, const char *reason)
{
    uint8_t body[256] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t size = strlen(reason);
    check(size <= sizeof body - 2);
    memcpy(body + 2, reason, size);
    octets_frame(octets, 0x88, bytes_make(body, 2 + size));
}

void octets_upgrade(struct octets *octets, const char *subprotocols)
{
    octets_text(octets, "GET /ws HTTP/1.1\r\n"
                        "Host: localhost:8080\r\n"
                        "Upgrade: websocket\r\n"
                        "Connection: keep-alive, Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    if (subprotocols != NULL) {
        octets_text(octets, "Sec-WebSocket-Protocol: ");
        octets_text(octets, subprotocols);
        octets_text(octets, "\r\n");
    }
    octets_text(octets, "\r\n");
}

void octets_raw(struct octets *octets, uint8_t type, struct bytes payload)
{
    uint8_t head[FRAME_HEAD_BYTES_MAX];
    uint8_t *end = head + sizeof head;
    size_t size = frame_head(FRAMING_RAWSOCKET, SERIALIZER_JSON, payload.size, end);
    end[-4] |= type;
    octets_put(octets, end - size, size);
    octets_put(octets, payload.at, payload.size);
}

/* ---- a transport that is fed */

struct transport_options wire_options(void)
{
    static const char *const paths[] = {"/ws", "/", NULL};
    return (struct transport_options){
        .websocket = true,
        .rawsocket = true,
        .serializers = 1 << SERIALIZER_JSON | 1 << SERIALIZER_MSGPACK | 1 << SERIALIZER_CBOR,
        .paths = paths,
        .bytes_max = 1024 * 1024,
        .bytes_max_unwelcome = 64 * 1024,
        .fragments_max = 4096,
        .pings_per_s = 10,
        .http_ns = 5 * NS_PER_S,
        .rawsocket_ns = 3 * NS_PER_S,
        .message_ns = 30 * NS_PER_S,
        .close_ns = 2 * NS_PER_S,
        .ping_ns = 10 * NS_PER_S,
        .pings_missed_max = 2,
    };
}

void wire_init(struct wire *wire, const struct transport_options *options)
{
    *wire = (struct wire){.now_ns = 1000 * NS_PER_S, .keep = true};
    mem_init(&wire->in_mem, heap_source(), MEM_BYTES_MAX);
    mem_init(&wire->out_mem, heap_source(), MEM_BYTES_MAX);
    outq_init(&wire->out, &wire->out_mem);
    transport_init(&wire->transport, options, &wire->out, &wire->in_mem, wire->now_ns);
}

void wire_fini(struct wire *wire)
{
    transport_fini(&wire->transport);
    outq_fini(&wire->out);
    check(wire->in_mem.bytes_used == 0);
    check(wire->out_mem.bytes_used == 0);
    mem_fini(&wire->in_mem);
    mem_fini(&wire->out_mem);
    octets_free(&wire->log);
    octets_free(&wire->sent);
}

void wire_drain(struct wire *wire)
{
    while (wire->out.bytes > 0) {
        struct iovec vector;
        check(outq_gather(&wire->out, &vector, 1) == 1);
        octets_put(&wire->sent, vector.iov_base, vector.iov_len);
        outq_sent(&wire->out, vector.iov_len);
    }
}

static void wire_message(struct wire *wire, struct bytes message)
{
    struct transport *transport = &wire->transport;
    uint32_t head[2] = {(uint32_t)message.size, transport->message_is_text};
    wire->messages++;
    for (size_t i = 0; i < message.size; i++) {
        wire->messages_sum = wire->messages_sum * 31 + message.at[i];
    }
    if (wire->keep) {
        octets_put(&wire->log, head, sizeof head);
        octets_put(&wire->log, message.at, message.size);
    }
    if (wire->welcome && !transport->welcomed) {
        transport_welcomed(transport);
    }
    if (wire->echo) {
        enum serializer serializer = transport->serializer;
        if (transport->options->testee) {
            transport->serializer =
                transport->message_is_text ? SERIALIZER_JSON : SERIALIZER_MSGPACK;
        }
        bool sent = transport_send(transport, message);
        check(sent == (message.size <= transport->peer_bytes_max));
        transport->serializer = serializer;
    }
}

bool wire_feed(struct wire *wire, struct bytes piece)
{
    uint8_t *copy = malloc(size_max(piece.size, 1));
    check(copy != NULL);
    if (piece.size > 0) {
        memcpy(copy, piece.at, piece.size);
    }
    struct feed feed = {copy, piece.size};
    wire->fed += piece.size;
    struct bytes message;
    while ((wire->result = transport_next(&wire->transport, &feed, wire->now_ns, &message)) == 1) {
        wire->held_max = size_max(wire->held_max, wire->in_mem.bytes_used);
        wire_message(wire, message);
    }
    wire->held_max = size_max(wire->held_max, wire->in_mem.bytes_used);
    check(wire->result == -1 || feed.size == 0);
    check((wire->result == -1) == (wire->transport.end != TRANSPORT_END_NONE));
    check(wire->result == 0 || wire->in_mem.bytes_used == 0);
    if (wire->transport.open && wire->transport.started_ns == NEVER) {
        check(wire->in_mem.bytes_used == 0); /* idle holds nothing */
    }
    free(copy);
    wire_drain(wire);
    return wire->result == 0;
}

void wire_feed_by(struct wire *wire, struct bytes stream, size_t piece)
{
    piece = piece == 0 ? size_max(stream.size, 1) : piece;
    for (size_t at = 0; at < stream.size; at += piece) {
        if (!wire_feed(wire, bytes_make(stream.at + at, size_min(piece, stream.size - at)))) {
            return;
        }
    }
}

void wire_open_websocket(struct wire *wire, const char *subprotocol)
{
    struct octets octets = {0};
    octets_upgrade(&octets, subprotocol);
    check(wire_feed(wire, octets_view(&octets)));
    check(wire->transport.open);
    octets_free(&octets);
    octets_free(&wire->sent);
}

void wire_open_rawsocket(struct wire *wire, uint8_t second)
{
    uint8_t handshake[4] = {0x7F, second, 0, 0};
    check(wire_feed(wire, bytes_make(handshake, sizeof handshake)));
    check(wire->transport.open);
    octets_free(&wire->sent);
}

/* ---- every way to cut */

void wire_same(const struct wire *a, const struct wire *b, size_t at)
{
    const struct transport *x = &a->transport;
    const struct transport *y = &b->transport;
    bool same = a->messages == b->messages && a->messages_sum == b->messages_sum &&
                bytes_equal(octets_view(&a->log), octets_view(&b->log)) &&
                bytes_equal(octets_view(&a->sent), octets_view(&b->sent)) && x->end == y->end &&
                x->open == y->open && x->kind == y->kind && a->result == b->result &&
                x->serializer == y->serializer && (a->result < 0 || x->started_ns == y->started_ns);
    if (!same) {
        fprintf(stderr, "cut at %zu: %u messages, end %s; whole: %u messages, end %s\n", at,
                a->messages, transport_end_name(x->end), b->messages, transport_end_name(y->end));
    }
    check(same);
}

void wire_begin(struct wire *wire, const struct transport_options *options)
{
    wire_init(wire, options);
    wire->welcome = true;
    wire->echo = true;
}

void wire_every_way(struct wire *wire, const struct transport_options *options, struct bytes stream,
                    size_t splits_max)
{
    wire_begin(wire, options);
    wire_feed_by(wire, stream, 0);
    struct wire other;
    wire_begin(&other, options);
    wire_feed_by(&other, stream, 1);
    wire_same(&other, wire, 1);
    check(other.held_max <= 4 * stream.size + 256);
    wire_fini(&other);
    size_t step = stream.size / size_max(splits_max, 1) + 1;
    for (size_t at = 1; at < stream.size; at += step) {
        wire_begin(&other, options);
        if (wire_feed(&other, bytes_make(stream.at, at))) {
            wire_feed(&other, bytes_from(stream, at));
        }
        wire_same(&other, wire, at);
        wire_fini(&other);
    }
}
