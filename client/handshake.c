#include "client/handshake.h"

#include "client/failure.h"
#include "common/crypto.h"

#include <stdio.h>
#include <strings.h>

/* The answer is small and comes once: it is split into lines, and each field that RFC 6455, 4.1
 * names is looked at. Nothing was offered as an extension, so none may be agreed. */

static const char *const subprotocols[SERIALIZERS] = {
    [SERIALIZER_JSON] = "wamp.2.json",
    [SERIALIZER_MSGPACK] = "wamp.2.msgpack",
    [SERIALIZER_CBOR] = "wamp.2.cbor",
};

static void handshake_base64(const uint8_t in[16], char out[25])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t padded[18] = {0};
    memcpy(padded, in, 16);
    for (size_t i = 0; i < 6; i++) {
        uint32_t three =
            (uint32_t)padded[3 * i] << 16 | (uint32_t)padded[3 * i + 1] << 8 | padded[3 * i + 2];
        for (size_t k = 0; k < 4; k++) {
            out[4 * i + k] = digits[three >> (18 - 6 * k) & 63];
        }
    }
    memcpy(out + 22, "==", 3);
}

static void handshake_put(struct buf *out, const char *a, const char *b)
{
    buf_put_bytes(out, bytes_text(a));
    buf_put_bytes(out, bytes_text(b));
    buf_put_bytes(out, BYTES_LITERAL("\r\n"));
}

void handshake_request(struct buf *out, const char *authority, const char *path,
                       enum serializer serializer, void (*fill)(void *out, size_t size),
                       char accept[29])
{
    uint8_t octets[16];
    char key[25];
    fill(octets, sizeof octets);
    handshake_base64(octets, key);
    crypto_websocket_accept(bytes_text(key), accept);
    buf_put_bytes(out, BYTES_LITERAL("GET "));
    handshake_put(out, path, " HTTP/1.1");
    handshake_put(out, "Host: ", authority);
    handshake_put(out, "User-Agent: ", "clos/" CLOS_VERSION);
    handshake_put(out, "Upgrade: ", "websocket");
    handshake_put(out, "Connection: ", "Upgrade");
    handshake_put(out, "Sec-WebSocket-Version: ", "13");
    handshake_put(out, "Sec-WebSocket-Key: ", key);
    handshake_put(out, "Sec-WebSocket-Protocol: ", subprotocols[serializer]);
    handshake_put(out, "", "");
}

static bool handshake_line(struct bytes *head, struct bytes *line)
{
    const uint8_t *end = memmem(head->at, head->size, "\r\n", 2);
    if (end == NULL || end == head->at) {
        return false;
    }
    *line = bytes_make(head->at, (size_t)(end - head->at));
    *head = bytes_from(*head, line->size + 2);
    return true;
}

static bool text_equal(struct bytes a, const char *b)
{
    return a.size == strlen(b) && strncasecmp((const char *)a.at, b, a.size) == 0;
}

static struct bytes bytes_trim(struct bytes a)
{
    while (a.size > 0 && (a.at[0] == ' ' || a.at[0] == '\t')) {
        a = bytes_from(a, 1);
    }
    while (a.size > 0 && (a.at[a.size - 1] == ' ' || a.at[a.size - 1] == '\t')) {
        a.size--;
    }
    return a;
}

/* One of the items between commas is word. */
static bool list_has(struct bytes list, const char *word)
{
    while (list.size > 0) {
        const uint8_t *comma = memchr(list.at, ',', list.size);
        size_t size = comma != NULL ? (size_t)(comma - list.at) : list.size;
        if (text_equal(bytes_trim(bytes_make(list.at, size)), word)) {
            return true;
        }
        list = bytes_from(list, size_min(size + 1, list.size));
    }
    return false;
}

struct answer {
    bool upgrade;
    bool connection;
    bool accept;
    bool protocol;
    bool other_protocol;
    bool extension;
};

static bool handshake_field(struct answer *answer, struct bytes line, const char *accept,
                            enum serializer serializer)
{
    const uint8_t *colon = memchr(line.at, ':', line.size);
    if (colon == NULL || colon == line.at) {
        return false;
    }
    struct bytes name = bytes_make(line.at, (size_t)(colon - line.at));
    struct bytes value = bytes_trim(bytes_from(line, name.size + 1));
    if (text_equal(name, "Upgrade")) {
        answer->upgrade = list_has(value, "websocket");
    } else if (text_equal(name, "Connection")) {
        answer->connection = answer->connection || list_has(value, "upgrade");
    } else if (text_equal(name, "Sec-WebSocket-Accept")) {
        answer->accept = bytes_equal_text(value, accept);
    } else if (text_equal(name, "Sec-WebSocket-Protocol")) {
        answer->protocol = bytes_equal_text(value, subprotocols[serializer]);
        answer->other_protocol = !answer->protocol;
    } else if (text_equal(name, "Sec-WebSocket-Extensions")) {
        answer->extension = value.size > 0;
    }
    return true;
}

static long handshake_refuse(char *why, size_t room, const char *text)
{
    (void)snprintf(why, room, "%s", text);
    return -1;
}

/* "HTTP/1.1 101 Switching Protocols" */
static long handshake_status(struct bytes line, char *why, size_t room)
{
    static const char form[] = "HTTP/1.";
    if (line.size < 12 || memcmp(line.at, form, sizeof form - 1) != 0 || line.at[8] != ' ') {
        return handshake_refuse(why, room, "what answers does not speak HTTP");
    }
    if (memcmp(line.at + 9, "101", 3) == 0 && (line.size == 12 || line.at[12] == ' ')) {
        return 1;
    }
    char text[80];
    failure_text(bytes_from(line, 9), text, sizeof text);
    (void)snprintf(why, room, "the router refused WebSocket: HTTP %s", text);
    return -1;
}

long handshake_answer(struct bytes in, const char *accept, enum serializer serializer, char *why,
                      size_t why_room)
{
    static const char form[] = "HTTP/1.";
    if (in.size > 0 && memcmp(in.at, form, size_min(in.size, sizeof form - 1)) != 0) {
        return handshake_refuse(why, why_room, "what answers does not speak HTTP");
    }
    const uint8_t *end = in.size > 0 ? memmem(in.at, in.size, "\r\n\r\n", 4) : NULL;
    if (end == NULL) {
        return 0;
    }
    struct bytes head = bytes_make(in.at, (size_t)(end + 4 - in.at));
    struct bytes line;
    struct answer answer = {0};
    if (!handshake_line(&head, &line) || handshake_status(line, why, why_room) < 0) {
        return -1;
    }
    while (handshake_line(&head, &line)) {
        if (!handshake_field(&answer, line, accept, serializer)) {
            return handshake_refuse(why, why_room, "the router's HTTP answer is broken");
        }
    }
    if (!answer.upgrade || !answer.connection || !answer.accept) {
        return handshake_refuse(why, why_room, "the router's answer is no upgrade to WebSocket");
    }
    if (!answer.protocol) {
        return handshake_refuse(
            why, why_room,
            answer.other_protocol ? "the router chose a subprotocol that was not offered"
                                  : "the router speaks WebSocket, but not WAMP in this serializer");
    }
    if (answer.extension) {
        return handshake_refuse(why, why_room,
                                "the router chose an extension that was not offered");
    }
    return (long)(end + 4 - in.at);
}
