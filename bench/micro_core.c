/* The router's own work for a message, without sockets: octets into a connection of a bare core,
 * octets out of another's out-queue. For callgrind, whose counts repeat on noisy machines:
 *   bench/instructions.sh       the table of instructions a message
 *   micro_core KIND [COUNT]     runs one kind, prints ns a message
 * Kinds: pubsub (1 to 1), fanout (1 to 64), acknowledge, rpc, json (1 to 1 over WebSocket),
 * transcode (JSON publisher, MessagePack subscriber). */
#include "common/clock.h"
#include "common/crypto.h"
#include "common/heap.h"
#include "router/conn.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 100, MESSAGE_BYTES = 512, RECEIVERS = 64 };

struct side {
    struct conn *conn;
    bool websocket;
};

static struct core core;
static uint64_t request = 1;
static uint64_t delivered;

static const char payload[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* ---- octets as a client writes them */

struct text {
    uint8_t at[BATCH * MESSAGE_BYTES];
    size_t size;
};

static struct text out;

static void put_frame(bool websocket, bool json, const uint8_t *body, size_t size)
{
    uint8_t *at = out.at + out.size;
    check(size < 126 + 65536 && out.size + size + 8 < sizeof out.at);
    if (!websocket) {
        at[0] = 0;
        at[1] = 0;
        at[2] = (uint8_t)(size >> 8);
        at[3] = (uint8_t)size;
        memcpy(at + 4, body, size);
        out.size += 4 + size;
        return;
    }
    static const uint8_t mask[4] = {0x5a, 0x17, 0xc3, 0x88};
    size_t head = size < 126 ? 2 : 4;
    at[0] = json ? 0x81 : 0x82;
    at[1] = (uint8_t)(0x80 | (size < 126 ? size : 126));
    if (size >= 126) {
        at[2] = (uint8_t)(size >> 8);
        at[3] = (uint8_t)size;
    }
    memcpy(at + head, mask, 4);
    for (size_t i = 0; i < size; i++) {
        at[head + 4 + i] = body[i] ^ mask[i % 4];
    }
    out.size += head + 4 + size;
}

static size_t put_uint(uint8_t *at, uint64_t value)
{
    at[0] = 0xce;
    for (size_t i = 0; i < 4; i++) {
        at[1 + i] = (uint8_t)(value >> (24 - 8 * i));
    }
    return 5;
}

static size_t put_string(uint8_t *at, const char *string)
{
    size_t size = strlen(string);
    at[0] = 0xd9;
    at[1] = (uint8_t)size;
    memcpy(at + 2, string, size);
    return 2 + size;
}

/* [code, id, {} or {"acknowledge": true}, uri, [payload]] */
static void put_request(unsigned code, uint64_t id, bool acknowledge, const char *uri)
{
    uint8_t body[MESSAGE_BYTES];
    size_t size = 0;
    body[size++] = uri == NULL ? 0x94 : 0x95;
    body[size++] = (uint8_t)code;
    size += put_uint(body + size, id);
    body[size++] = acknowledge ? 0x81 : 0x80;
    if (acknowledge) {
        size += put_string(body + size, "acknowledge");
        body[size++] = 0xc3;
    }
    if (uri != NULL) {
        size += put_string(body + size, uri);
    }
    body[size++] = 0x91;
    size += put_string(body + size, payload);
    put_frame(false, false, body, size);
}

static void put_json(bool websocket, uint64_t id)
{
    char body[MESSAGE_BYTES];
    int size = snprintf(body, sizeof body, "[16,%llu,{},\"com.app.tick\",[\"%s\"]]",
                        (unsigned long long)id, payload);
    put_frame(websocket, true, (const uint8_t *)body, (size_t)size);
}

static void say(struct side *side)
{
    conn_receive(side->conn, out.at, out.size);
    out.size = 0;
}

/* Takes all that waits, as the kernel would; how many octets. */
static size_t take(struct side *side)
{
    struct iovec vectors[16];
    size_t all = 0;
    while (side->conn->out.bytes > 0) {
        unsigned count = outq_gather(&side->conn->out, vectors, 16);
        for (unsigned i = 0; i < count; i++) {
            all += vectors[i].iov_len;
            conn_sent(side->conn, vectors[i].iov_len);
        }
    }
    return all;
}

static void turn_begin(void)
{
    core_turn_begin(&core, core.now_ns + NS_PER_MS);
}

static void turn_end(void)
{
    core_turn_end(&core);
    while (list_pop(&core.dirty) != NULL) {
    }
}

/* ---- the stage */

static const struct permission_settings permission = {"", MATCH_PREFIX, ACTION_ALL};
static const struct role_settings role = {"anonymous", &permission, 1};
static const struct realm_settings realm = {"realm1", URI_LOOSE, &role, 1, "anonymous"};
static const char *const paths[] = {"/ws", NULL};
static struct listener_settings listener = {.endpoint = "micro"};
static struct settings settings;

static void enter(struct side *side, bool websocket, enum serializer serializer)
{
    static const char upgrade[] = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                                  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                  "Sec-WebSocket-Protocol: wamp.2.json\r\n\r\n";
    static const char hello[] = "[1,\"realm1\",{\"roles\":{\"publisher\":{},\"subscriber\":{},"
                                "\"caller\":{},\"callee\":{}}}]";
    static const uint8_t hello_packed[] =
        "\x93\x01\xa6realm1\x81\xa5roles\x84\xa9publisher\x80\xaasubscriber\x80\xa6"
        "caller\x80\xa6"
        "callee\x80";
    side->conn = conn_open(&core, &listener, NULL);
    side->websocket = websocket;
    check(side->conn != NULL);
    if (websocket) {
        memcpy(out.at, upgrade, sizeof upgrade - 1);
        out.size = sizeof upgrade - 1;
    } else {
        const uint8_t magic[4] = {0x7f, (uint8_t)(0xf0 | serializer), 0, 0};
        memcpy(out.at, magic, 4);
        out.size = 4;
    }
    if (serializer == SERIALIZER_JSON) {
        put_frame(websocket, true, (const uint8_t *)hello, sizeof hello - 1);
    } else {
        put_frame(websocket, false, hello_packed, sizeof hello_packed - 1);
    }
    say(side);
    check(side->conn->session != NULL);
    take(side);
}

static void stage_make(void)
{
    settings.limits = limits_default();
    settings.realms = &realm;
    settings.realms_count = 1;
    settings.listeners = &listener;
    settings.listeners_count = 1;
    settings.workers = 1;
    settings.agent = "clos";
    listener.transport = (struct transport_options){.websocket = true,
                                                    .rawsocket = true,
                                                    .serializers = 0xff,
                                                    .paths = paths,
                                                    .bytes_max = 1 << 20,
                                                    .bytes_max_unwelcome = 65536,
                                                    .fragments_max = 4096,
                                                    .pings_per_s = 10,
                                                    .http_ns = NEVER / 2,
                                                    .rawsocket_ns = NEVER / 2,
                                                    .message_ns = NEVER / 2,
                                                    .close_ns = NS_PER_S,
                                                    .pings_missed_max = 2,
                                                    .rawsocket_length_min = 512};
    struct core_options options = {
        .settings = &settings, .source = heap_source(), .seed = 1, .places = 1, .now_ns = NS_PER_S};
    check(crypto_init() && core_init(&core, &options));
}

/* ---- the kinds */

static struct side sender;
static struct side receivers[RECEIVERS];
static unsigned receivers_count = 1;

static void publish_batch(bool json, bool acknowledge)
{
    for (unsigned i = 0; i < BATCH; i++, request++) {
        if (json) {
            put_json(sender.websocket, request);
        } else {
            put_request(MESSAGE_PUBLISH, request, acknowledge, "com.app.tick");
        }
    }
    turn_begin();
    say(&sender);
    turn_end();
    for (unsigned i = 0; i < receivers_count; i++) {
        check(take(&receivers[i]) > 0);
    }
    take(&sender);
    delivered += (uint64_t)BATCH * receivers_count;
}

static void call_batch(void)
{
    static uint64_t invocation = 1;
    for (unsigned i = 0; i < BATCH; i++, request++) {
        put_request(MESSAGE_CALL, request, false, "com.app.tick");
    }
    turn_begin();
    say(&sender);
    turn_end();
    check(take(&receivers[0]) > 0);
    for (unsigned i = 0; i < BATCH; i++, invocation++) {
        put_request(MESSAGE_YIELD, invocation, false, NULL);
    }
    turn_begin();
    say(&receivers[0]);
    turn_end();
    check(take(&sender) > 0);
    delivered += BATCH;
}

static void ask(struct side *side, const char *json, const char *packed, size_t packed_size,
                bool is_json)
{
    if (is_json) {
        put_frame(side->websocket, true, (const uint8_t *)json, strlen(json));
    } else {
        put_frame(false, false, (const uint8_t *)packed, packed_size);
    }
    say(side);
    check(take(side) > 0);
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "pubsub";
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    bool json = strcmp(kind, "json") == 0;
    bool mixed = strcmp(kind, "transcode") == 0;
    bool rpc = strcmp(kind, "rpc") == 0;
    receivers_count = strcmp(kind, "fanout") == 0 ? RECEIVERS : 1;
    stage_make();
    enter(&sender, json, json || mixed ? SERIALIZER_JSON : SERIALIZER_MSGPACK);
    for (unsigned i = 0; i < receivers_count; i++) {
        enter(&receivers[i], json, json ? SERIALIZER_JSON : SERIALIZER_MSGPACK);
        ask(&receivers[i], "[32,1,{},\"com.app.tick\"]",
            rpc ? "\x94\x40\x01\x80\xac"
                  "com.app.tick"
                : "\x94\x20\x01\x80\xac"
                  "com.app.tick",
            17, json);
    }
    uint64_t begin = clock_now_ns();
    while (delivered < count) {
        if (rpc) {
            call_batch();
        } else {
            publish_batch(json || mixed, strcmp(kind, "acknowledge") == 0);
        }
    }
    printf("%s: %.1f ns a message (%llu)\n", kind,
           (double)(clock_now_ns() - begin) / (double)delivered, (unsigned long long)delivered);
    return 0;
}
