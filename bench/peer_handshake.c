/* RawSocket: four octets each way. WebSocket: an HTTP request and its 101. A client checks what it
 * is told; a server takes any well-meaning client, since it only ever serves our own. */
#include "bench/peer_handshake.h"
#include "common/crypto.h"

enum { PEER_HEAD_BYTES_MAX = 8192 };

static const char *const subprotocols[SERIALIZERS] = {
    [SERIALIZER_JSON] = "wamp.2.json",
    [SERIALIZER_MSGPACK] = "wamp.2.msgpack",
    [SERIALIZER_CBOR] = "wamp.2.cbor",
};

static void put_words(struct buf *out, const char *const *words)
{
    for (; *words != NULL; words++) {
        buf_put(out, *words, strlen(*words));
    }
}

static void base64_16(const uint8_t from[16], char to[25])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;
    for (size_t i = 0; i < 16; i += 3) {
        uint32_t word = (uint32_t)from[i] << 16;
        word |= i + 1 < 16 ? (uint32_t)from[i + 1] << 8 : 0;
        word |= i + 2 < 16 ? from[i + 2] : 0;
        to[at++] = alphabet[word >> 18];
        to[at++] = alphabet[word >> 12 & 63];
        to[at++] = i + 1 < 16 ? alphabet[word >> 6 & 63] : '=';
        to[at++] = i + 2 < 16 ? alphabet[word & 63] : '=';
    }
    to[at] = '\0';
}

void peer_open(struct peer *peer, const struct peer_options *options)
{
    check(!peer->server && peer->state == PEER_HANDSHAKE);
    if (peer->framing == FRAMING_RAWSOCKET) {
        uint8_t hello[4] = {0x7f, (uint8_t)(0xf0 | peer->serializer), 0, 0};
        buf_put(&peer->out, hello, sizeof(hello));
        return;
    }
    uint8_t nonce[16];
    char key[25];
    for (size_t i = 0; i < sizeof(nonce); i++) {
        nonce[i] = (uint8_t)rng_next(peer->rng);
    }
    base64_16(nonce, key);
    crypto_websocket_accept(bytes_text(key), peer->accept);
    put_words(&peer->out, (const char *const[]){
                              "GET ", options->path, " HTTP/1.1\r\nHost: ", options->host,
                              "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ",
                              key, "\r\nSec-WebSocket-Protocol: ", subprotocols[peer->serializer],
                              "\r\n\r\n", NULL});
}

static int refuse(struct peer *peer, const char *why)
{
    peer->broken = why;
    return -1;
}

static int rawsocket_handshake(struct peer *peer, struct bytes *input)
{
    if (input->size < 4) {
        return 0;
    }
    const uint8_t *at = input->at;
    if (at[0] != 0x7f) {
        return refuse(peer, "what answers is no RawSocket");
    }
    if ((at[1] & 15) == 0) {
        return refuse(peer, "the RawSocket handshake was refused (serializer or connections)");
    }
    if (peer->server) {
        if ((at[1] & 15) > SERIALIZER_CBOR) {
            return refuse(peer, "an unknown serializer");
        }
        peer->serializer = (enum serializer)(at[1] & 15);
        buf_put(&peer->out, at, 4);
    } else if ((at[1] & 15) != peer->serializer) {
        return refuse(peer, "the RawSocket handshake chose another serializer");
    }
    *input = bytes_from(*input, 4);
    return 1;
}

static bool head_names(struct bytes head, const char *text)
{
    return memmem(head.at, head.size, text, strlen(text)) != NULL;
}

static int client_upgrade(struct peer *peer, struct bytes head)
{
    if (!bytes_start_with(head, BYTES_LITERAL("HTTP/1.1 101"))) {
        return refuse(peer, "the WebSocket upgrade was refused");
    }
    if (!head_names(head, peer->accept)) {
        return refuse(peer, "the WebSocket upgrade was answered with a wrong key");
    }
    if (!head_names(head, subprotocols[peer->serializer])) {
        return refuse(peer, "the WebSocket upgrade chose another serializer");
    }
    return 1;
}

static int server_upgrade(struct peer *peer, struct bytes head)
{
    static const char field[] = "\r\nSec-WebSocket-Key: ";
    const uint8_t *at = memmem(head.at, head.size, field, sizeof(field) - 1);
    if (at == NULL || (size_t)(head.at + head.size - at) < sizeof(field) - 1 + 24) {
        return refuse(peer, "an upgrade without a key");
    }
    peer->serializer = head_names(head, "wamp.2.cbor")      ? SERIALIZER_CBOR
                       : head_names(head, "wamp.2.msgpack") ? SERIALIZER_MSGPACK
                                                            : SERIALIZER_JSON;
    char accept[29];
    crypto_websocket_accept(bytes_make(at + sizeof(field) - 1, 24), accept);
    put_words(&peer->out,
              (const char *const[]){"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                    "Connection: Upgrade\r\nSec-WebSocket-Accept: ",
                                    accept, "\r\nSec-WebSocket-Protocol: ",
                                    subprotocols[peer->serializer], "\r\n\r\n", NULL});
    return 1;
}

static int websocket_handshake(struct peer *peer, struct bytes *input)
{
    const uint8_t *end = memmem(input->at, input->size, "\r\n\r\n", 4);
    if (end == NULL) {
        return input->size > PEER_HEAD_BYTES_MAX ? refuse(peer, "an endless HTTP head") : 0;
    }
    struct bytes head = bytes_make(input->at, (size_t)(end + 4 - input->at));
    *input = bytes_from(*input, head.size);
    return peer->server ? server_upgrade(peer, head) : client_upgrade(peer, head);
}

static int handshake_read(struct peer *peer, struct bytes *input)
{
    if (peer->server && input->size > 0) {
        peer->framing = input->at[0] == 0x7f ? FRAMING_RAWSOCKET : FRAMING_WEBSOCKET;
    }
    return peer->framing == FRAMING_RAWSOCKET ? rawsocket_handshake(peer, input)
                                              : websocket_handshake(peer, input);
}

static void hello_send(struct peer *peer)
{
    struct buf hello;
    buf_init(&hello, peer->out.mem, 1024);
    wire_put_hello(&hello, peer->serializer, peer->realm);
    peer_send(peer, buf_bytes(&hello));
    peer->out.failed |= hello.failed;
    buf_fini(&hello);
}

int peer_handshake(struct peer *peer, struct bytes *input)
{
    int result = handshake_read(peer, input);
    if (result > 0) {
        peer->state = PEER_OPEN;
        if (!peer->server) {
            hello_send(peer);
        }
    }
    return result;
}
