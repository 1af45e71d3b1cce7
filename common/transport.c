/* The first octet chooses the protocol, the handshake opens it, frames follow.
 *
 *   UNKNOWN --0x7F--> RAWSOCKET handshake -----> open: rawsocket_next
 *      |
 *      +---letter---> HTTP head --upgrade--> WEBSOCKET open: websocket_next
 *
 * Time costs a message one store: deadline_ns is set when something must end earlier than it says,
 * and what came since is looked at only when it is reached (transport_expire). */
#include "common/rawsocket.h"
#include "common/upgrade.h"
#include "common/websocket.h"

enum { PING_BURST_S = 5 };

static uint64_t time_add(uint64_t a, uint64_t b)
{
    return a > NEVER - b ? NEVER : a + b;
}

void transport_init(struct transport *transport, const struct transport_options *options,
                    struct outq *out, struct mem *mem, uint64_t now_ns)
{
    check(options->bytes_max >= 512 && options->bytes_max <= (size_t)1 << 24);
    check(options->bytes_max_unwelcome > 0 && options->fragments_max > 0);
    *transport = (struct transport){
        .options = options,
        .out = out,
        .received_ns = now_ns,
        .started_ns = NEVER,
    };
    uint64_t patience_ns = options->websocket ? options->http_ns : options->rawsocket_ns;
    if (options->rawsocket) {
        patience_ns = patience_ns > options->rawsocket_ns ? patience_ns : options->rawsocket_ns;
    }
    transport->deadline_ns = time_add(now_ns, patience_ns);
    buf_init(&transport->in, mem, HTTP_HEAD_BYTES_MAX);
}

void transport_fini(struct transport *transport)
{
    buf_fini(&transport->in);
}

int transport_fail(struct transport *transport, enum transport_end end)
{
    check(end != TRANSPORT_END_NONE);
    transport->end = end;
    transport->deadline_ns = NEVER;
    return -1;
}

/* When the peer's silence is to be looked at. */
static uint64_t ping_due(const struct transport *transport)
{
    uint64_t ping_ns = transport->framing == FRAMING_WEBSOCKET
                           ? transport->options->ping_ns
                           : transport->options->ping_rawsocket_ns;
    uint64_t since_ns = transport->received_ns > transport->pinged_ns ? transport->received_ns
                                                                      : transport->pinged_ns;
    return ping_ns == 0 ? NEVER : time_add(since_ns, ping_ns);
}

static uint64_t message_due(const struct transport *transport)
{
    return time_add(transport->started_ns, transport->options->message_ns);
}

void transport_opened(struct transport *transport, enum framing framing, enum serializer serializer,
                      size_t peer_bytes_max)
{
    const struct transport_options *options = transport->options;
    size_t taken =
        framing == FRAMING_RAWSOCKET ? rawsocket_bytes_max(options->bytes_max) : options->bytes_max;
    transport->framing = framing;
    transport->serializer = serializer;
    transport->peer_bytes_max = peer_bytes_max;
    transport->message_max = size_min(taken, options->bytes_max_unwelcome);
    transport->open = true;
    transport->deadline_ns = ping_due(transport);
}

void transport_welcomed(struct transport *transport)
{
    check(transport->open);
    transport->welcomed = true;
    transport->message_max = transport->framing == FRAMING_RAWSOCKET
                                 ? rawsocket_bytes_max(transport->options->bytes_max)
                                 : transport->options->bytes_max;
}

bool transport_ping_allowed(struct transport *transport, uint64_t now_ns)
{
    if (transport->options->pings_per_s == 0) {
        return false;
    }
    uint64_t free_ns = transport->pings_free_ns > now_ns ? transport->pings_free_ns : now_ns;
    uint64_t cost_ns = NS_PER_S / transport->options->pings_per_s;
    if (free_ns - now_ns + cost_ns > PING_BURST_S * NS_PER_S) {
        return false;
    }
    transport->pings_free_ns = free_ns + cost_ns;
    return true;
}

void transport_ponged(struct transport *transport, struct bytes payload)
{
    const uint64_t *sent = &transport->ping_sent;
    if (payload.size == sizeof *sent && memcmp(payload.at, sent, sizeof *sent) == 0) {
        transport->pings_missed = 0;
    }
}

/* ---- octets in */

static int transport_choose(struct transport *transport, uint8_t first)
{
    const struct transport_options *options = transport->options;
    uint64_t accepted_ns = transport->received_ns;
    if (first == RAWSOCKET_MAGIC && options->rawsocket) {
        transport->kind = TRANSPORT_RAWSOCKET;
        transport->deadline_ns = time_add(accepted_ns, options->rawsocket_ns);
        return 0;
    }
    if (first >= 'A' && first <= 'Z' && options->websocket) {
        transport->kind = TRANSPORT_HTTP;
        transport->deadline_ns = time_add(accepted_ns, options->http_ns);
        return 0;
    }
    return transport_fail(transport, TRANSPORT_END_NOT_SPOKEN);
}

static int transport_refuse(struct transport *transport, int status)
{
    bool written = upgrade_refuse(transport->options, status, transport->out);
    return transport_fail(transport, written ? TRANSPORT_END_HTTP_REFUSED : TRANSPORT_END_MEMORY);
}

/* A whole head is here: 1 when it was answered by the switch to WebSocket. */
static int transport_upgrade(struct transport *transport, struct bytes head)
{
    struct upgrade upgrade;
    int result =
        transport->full ? -HTTP_UNAVAILABLE : upgrade_judge(transport->options, head, &upgrade);
    if (result < 0) {
        return transport_refuse(transport, -result);
    }
    if (!upgrade_accept(&upgrade, transport->out)) {
        return transport_fail(transport, TRANSPORT_END_MEMORY);
    }
    transport->kind = TRANSPORT_WEBSOCKET;
    websocket_init(transport);
    transport_opened(transport, FRAMING_WEBSOCKET, upgrade.serializer, SIZE_MAX);
    return 1;
}

static int transport_http(struct transport *transport, struct feed *feed)
{
    struct buf *in = &transport->in;
    size_t taken;
    int result = http_scan(&transport->http, bytes_make(feed->at, feed->size), &taken);
    if (result < 0) {
        return transport_refuse(transport, -result);
    }
    struct bytes head = bytes_make(feed->at, taken);
    if (result == 0 || in->size > 0) {
        buf_put_bytes(in, head);
        if (in->failed) {
            return transport_fail(transport, TRANSPORT_END_MEMORY);
        }
        head = buf_bytes(in);
    }
    feed->at += taken;
    feed->size -= taken;
    if (result == 0) {
        return 0;
    }
    result = transport_upgrade(transport, head);
    buf_fini(in);
    return result;
}

/* The way to open. 1: it is open; feed may hold more. */
static int transport_handshake(struct transport *transport, struct feed *feed)
{
    if (transport->kind == TRANSPORT_UNKNOWN && transport_choose(transport, feed->at[0]) < 0) {
        return -1;
    }
    return transport->kind == TRANSPORT_RAWSOCKET ? rawsocket_handshake(transport, feed)
                                                  : transport_http(transport, feed);
}

/* All octets are taken: does an unfinished message begin or go on to wait? */
static void transport_wait(struct transport *transport)
{
    bool unfinished = transport->kind == TRANSPORT_RAWSOCKET ? transport->in.size > 0
                                                             : websocket_unfinished(transport);
    if (!unfinished) {
        transport->started_ns = NEVER;
        return;
    }
    if (transport->started_ns != NEVER) {
        return;
    }
    transport->started_ns = transport->received_ns;
    if (!transport->closing && transport->deadline_ns > message_due(transport)) {
        transport->deadline_ns = message_due(transport);
    }
}

int transport_next(struct transport *transport, struct feed *feed, uint64_t now_ns,
                   struct bytes *message)
{
    if (unlikely(transport->in_returned)) {
        transport->in_returned = false;
        buf_fini(&transport->in);
    }
    int result = transport->end != TRANSPORT_END_NONE ? -1 : 0;
    if (unlikely(!transport->open) && result == 0 && feed->size > 0) {
        result = transport_handshake(transport, feed);
        result = result == 1 ? 0 : result;
    }
    if (likely(result == 0)) {
        transport->received_ns = feed->size > 0 ? now_ns : transport->received_ns;
        if (transport->open) {
            result = transport->kind == TRANSPORT_RAWSOCKET
                         ? rawsocket_next(transport, feed, now_ns, message)
                         : websocket_next(transport, feed, now_ns, message);
        }
    }
    if (likely(result == 1)) {
        transport->started_ns = NEVER;
    } else if (result == 0 && transport->open) {
        transport_wait(transport);
    } else if (result < 0) {
        buf_fini(&transport->in);
    }
    return result;
}

/* ---- time */

static int handshake_expire(struct transport *transport)
{
    bool rawsocket = transport->kind == TRANSPORT_RAWSOCKET || !transport->options->websocket;
    return transport_fail(transport,
                          rawsocket ? TRANSPORT_END_RAWSOCKET_TIMEOUT : TRANSPORT_END_HTTP_TIMEOUT);
}

static int ping_expire(struct transport *transport, uint64_t now_ns)
{
    if (transport->pings_missed >= transport->options->pings_missed_max) {
        return transport_fail(transport, TRANSPORT_END_PING_TIMEOUT);
    }
    transport->pings_missed++;
    transport->ping_sent++;
    transport->pinged_ns = now_ns;
    bool written = transport->kind == TRANSPORT_RAWSOCKET ? rawsocket_ping(transport)
                                                          : websocket_ping(transport);
    return written ? 0 : transport_fail(transport, TRANSPORT_END_MEMORY);
}

/* Something open is due, or was until octets came. */
static int open_expire(struct transport *transport, uint64_t now_ns)
{
    if (transport->closing) {
        return transport_fail(transport, TRANSPORT_END_LOCAL);
    }
    if (transport->started_ns != NEVER && now_ns >= message_due(transport)) {
        return transport->kind == TRANSPORT_RAWSOCKET
                   ? transport_fail(transport, TRANSPORT_END_MESSAGE_TIMEOUT)
                   : websocket_fail(transport, TRANSPORT_END_MESSAGE_TIMEOUT);
    }
    if (now_ns >= ping_due(transport) && ping_expire(transport, now_ns) < 0) {
        return -1;
    }
    uint64_t message_ns = transport->started_ns == NEVER ? NEVER : message_due(transport);
    uint64_t ping_ns = ping_due(transport);
    transport->deadline_ns = message_ns < ping_ns ? message_ns : ping_ns;
    return 0;
}

int transport_expire(struct transport *transport, uint64_t now_ns)
{
    if (transport->end != TRANSPORT_END_NONE) {
        return -1;
    }
    if (now_ns < transport->deadline_ns) {
        return 0;
    }
    int result = transport->open ? open_expire(transport, now_ns) : handshake_expire(transport);
    if (result < 0) {
        buf_fini(&transport->in);
    }
    return result;
}

/* ---- octets out, and the end */

void transport_close(struct transport *transport, uint16_t websocket_code, uint64_t now_ns)
{
    bool owed = transport->kind == TRANSPORT_WEBSOCKET && !transport->closing;
    if (transport->end == TRANSPORT_END_DATA_TYPE && owed) {
        websocket_close(transport, websocket_code);
    }
    if (transport->end != TRANSPORT_END_NONE || transport->closing) {
        return;
    }
    if (!owed || !websocket_close(transport, websocket_code)) {
        transport_fail(transport, TRANSPORT_END_LOCAL);
        return;
    }
    transport->deadline_ns = time_add(now_ns, transport->options->close_ns);
}

bool transport_finished(const struct transport *transport)
{
    return transport->end != TRANSPORT_END_NONE;
}

bool transport_send(struct transport *transport, struct bytes message)
{
    bool over = transport->end != TRANSPORT_END_NONE && transport->end != TRANSPORT_END_DATA_TYPE;
    check(transport->open || over);
    if (over || transport->closing) {
        return true;
    }
    if (message.size > transport->peer_bytes_max) {
        return false;
    }
    uint8_t head[FRAME_HEAD_BYTES_MAX];
    uint8_t *end = head + sizeof head;
    size_t head_size = frame_head(transport->framing, transport->serializer, message.size, end);
    uint8_t *to = outq_room(transport->out, head_size + message.size);
    if (unlikely(to == NULL)) {
        return false;
    }
    memcpy(to, end - head_size, head_size);
    if (message.size > 0) {
        memcpy(to + head_size, message.at, message.size);
    }
    outq_commit(transport->out, head_size + message.size, 1);
    return true;
}

const char *transport_end_name(enum transport_end end)
{
    static const char *const names[TRANSPORT_ENDS] = {
        [TRANSPORT_END_NONE] = "none",
        [TRANSPORT_END_PEER_CLOSED] = "peer_closed",
        [TRANSPORT_END_HTTP_REFUSED] = "http_refused",
        [TRANSPORT_END_HTTP_TIMEOUT] = "http_timeout",
        [TRANSPORT_END_RAWSOCKET_TIMEOUT] = "rawsocket_timeout",
        [TRANSPORT_END_NOT_SPOKEN] = "not_spoken",
        [TRANSPORT_END_RAWSOCKET_REFUSED] = "rawsocket_refused",
        [TRANSPORT_END_RAWSOCKET_FRAME] = "rawsocket_frame",
        [TRANSPORT_END_TOO_BIG] = "too_big",
        [TRANSPORT_END_PROTOCOL] = "protocol",
        [TRANSPORT_END_DATA_TYPE] = "data_type",
        [TRANSPORT_END_UTF8] = "utf8",
        [TRANSPORT_END_FLOOD] = "flood",
        [TRANSPORT_END_MESSAGE_TIMEOUT] = "message_timeout",
        [TRANSPORT_END_PING_TIMEOUT] = "ping_timeout",
        [TRANSPORT_END_MEMORY] = "memory",
        [TRANSPORT_END_LOCAL] = "local",
    };
    check((unsigned)end < TRANSPORT_ENDS);
    return names[end];
}
