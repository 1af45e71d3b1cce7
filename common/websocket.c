/* The common case is a feed that holds many whole frames, each a message: a few compares, one pass
 * that unmasks in place and sees whether all is ASCII, and the message is a view. Everything else
 * goes the slow way: the head octet by octet, so that a fault is seen at the first octet that shows
 * it however the octets were cut, then the payload piece by piece, gathered in transport->in behind
 * what came of the message; a control frame between fragments is gathered behind that again and
 * taken off when it is whole. */
#include "common/websocket.h"

#include "common/utf8.h"

enum opcode {
    OPCODE_CONTINUATION = 0,
    OPCODE_TEXT = 1,
    OPCODE_BINARY = 2,
    OPCODE_CLOSE = 8,
    OPCODE_PING = 9,
    OPCODE_PONG = 10,
};

enum {
    BIT_FIN = 0x80,
    BITS_RESERVED = 0x70,
    BITS_OPCODE = 0x0F,
    BIT_CONTROL = 0x08,
    BIT_MASKED = 0x80,
    BITS_LENGTH = 0x7F,
    LENGTH_2 = 126,
    LENGTH_8 = 127,
    CONTROL_BYTES_MAX = 125,
    MASK_BYTES = 4,
};

void websocket_init(struct transport *transport)
{
    memset(&transport->websocket, 0, sizeof transport->websocket);
}

bool websocket_unfinished(const struct transport *transport)
{
    return transport->websocket.opcode != 0 || transport->websocket.head_size > 0;
}

/* ---- octets out */

static bool control_write(struct transport *transport, enum opcode opcode, struct bytes payload)
{
    check(payload.size <= CONTROL_BYTES_MAX);
    uint8_t frame[2 + CONTROL_BYTES_MAX];
    frame[0] = (uint8_t)(BIT_FIN | (unsigned)opcode);
    frame[1] = (uint8_t)payload.size;
    if (payload.size > 0) {
        memcpy(frame + 2, payload.at, payload.size);
    }
    return outq_put(transport->out, frame, 2 + payload.size, 0);
}

bool websocket_close(struct transport *transport, uint16_t code)
{
    uint8_t body[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    transport->closing = true;
    return control_write(transport, OPCODE_CLOSE,
                         bytes_make(body, code == WEBSOCKET_NO_CODE ? 0 : sizeof body));
}

bool websocket_ping(struct transport *transport)
{
    return control_write(transport, OPCODE_PING,
                         bytes_make(&transport->ping_sent, sizeof transport->ping_sent));
}

int websocket_fail(struct transport *transport, enum transport_end end)
{
    static const uint16_t codes[TRANSPORT_ENDS] = {
        [TRANSPORT_END_TOO_BIG] = WEBSOCKET_TOO_BIG,
        [TRANSPORT_END_PROTOCOL] = WEBSOCKET_PROTOCOL_ERROR,
        [TRANSPORT_END_UTF8] = WEBSOCKET_BAD_DATA,
        [TRANSPORT_END_FLOOD] = WEBSOCKET_POLICY,
        [TRANSPORT_END_MESSAGE_TIMEOUT] = WEBSOCKET_POLICY,
        [TRANSPORT_END_MEMORY] = WEBSOCKET_INTERNAL,
    };
    if (!transport->closing && codes[end] != 0) {
        websocket_close(transport, codes[end]); /* a Close that finds no memory is not missed */
    }
    return transport_fail(transport, end);
}

/* ---- payload */

bool websocket_unmask(uint8_t *at, size_t size, uint32_t *mask)
{
    uint64_t mask_wide = (uint64_t)*mask << 32 | *mask;
    uint64_t seen = 0;
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        word ^= mask_wide;
        seen |= word;
        memcpy(at, &word, 8);
    }
    uint8_t turned[8];
    memcpy(turned, &mask_wide, 8);
    for (size_t i = 0; i < size; i++) {
        at[i] ^= turned[i];
        seen |= at[i];
    }
    memcpy(mask, turned + size % MASK_BYTES, MASK_BYTES);
    return (seen & UINT64_C(0x8080808080808080)) != 0;
}

/* ---- whole control frames */

static bool code_good(unsigned code)
{
    bool defined = code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
    return defined || (code >= 3000 && code <= 4999);
}

static int close_handle(struct transport *transport, struct bytes payload)
{
    uint16_t code = WEBSOCKET_NO_CODE;
    if (payload.size > 0) {
        code = payload.size == 1 ? 0 : (uint16_t)(payload.at[0] << 8 | payload.at[1]);
        if (!code_good(code)) {
            return websocket_fail(transport, TRANSPORT_END_PROTOCOL);
        }
        if (!utf8_valid(bytes_from(payload, 2))) {
            return websocket_fail(transport, TRANSPORT_END_UTF8);
        }
    }
    if (transport->closing) {
        return transport_fail(transport, TRANSPORT_END_LOCAL);
    }
    websocket_close(transport, code);
    return transport_fail(transport, TRANSPORT_END_PEER_CLOSED);
}

static int control_handle(struct transport *transport, unsigned opcode, struct bytes payload,
                          uint64_t now_ns)
{
    if (opcode == OPCODE_CLOSE) {
        return close_handle(transport, payload);
    }
    if (opcode == OPCODE_PONG) {
        transport_ponged(transport, payload);
        return 0;
    }
    transport->pings_missed = 0;
    if (!transport_ping_allowed(transport, now_ns)) {
        return websocket_fail(transport, TRANSPORT_END_FLOOD);
    }
    if (!transport->closing && !control_write(transport, OPCODE_PONG, payload)) {
        return websocket_fail(transport, TRANSPORT_END_MEMORY);
    }
    return 0;
}

/* ---- the head, octet by octet */

static int first_judge(struct transport *transport)
{
    const struct transport_options *options = transport->options;
    unsigned first = transport->websocket.head[0];
    unsigned opcode = first & BITS_OPCODE;
    bool control = (opcode & BIT_CONTROL) != 0;
    if ((first & BITS_RESERVED) != 0 || opcode > OPCODE_PONG ||
        (opcode > OPCODE_BINARY && !control) || (control && (first & BIT_FIN) == 0)) {
        return websocket_fail(transport, TRANSPORT_END_PROTOCOL);
    }
    if (control) {
        return 0;
    }
    if ((opcode == OPCODE_CONTINUATION) != (transport->websocket.opcode != 0)) {
        return websocket_fail(transport, TRANSPORT_END_PROTOCOL);
    }
    if (transport->closing) {
        return 0;
    }
    bool text = transport->serializer == SERIALIZER_JSON;
    if (opcode != OPCODE_CONTINUATION && text != (opcode == OPCODE_TEXT) && !options->testee) {
        return transport_fail(transport, TRANSPORT_END_DATA_TYPE);
    }
    if (transport->websocket.fragments >= options->fragments_max) {
        return websocket_fail(transport, TRANSPORT_END_FLOOD);
    }
    return 0;
}

static int second_judge(struct transport *transport)
{
    const uint8_t *head = transport->websocket.head;
    bool control = (head[0] & BIT_CONTROL) != 0;
    if ((head[1] & BIT_MASKED) == 0 || (control && (head[1] & BITS_LENGTH) > CONTROL_BYTES_MAX)) {
        return websocket_fail(transport, TRANSPORT_END_PROTOCOL);
    }
    return 0;
}

static size_t length_bytes(const uint8_t *head)
{
    unsigned length = head[1] & BITS_LENGTH;
    return length == LENGTH_2 ? 2 : length == LENGTH_8 ? 8 : 0;
}

static int length_judge(struct transport *transport)
{
    const uint8_t *head = transport->websocket.head;
    size_t size = length_bytes(head);
    uint64_t length = size == 0 ? head[1] & BITS_LENGTH : 0;
    for (size_t i = 0; i < size; i++) {
        length = length << 8 | head[2 + i];
    }
    uint64_t minimum = size == 0 ? 0 : size == 2 ? LENGTH_2 : UINT16_MAX + 1;
    if (length < minimum || length >> 63 != 0) {
        return websocket_fail(transport, TRANSPORT_END_PROTOCOL);
    }
    bool control = (head[0] & BIT_CONTROL) != 0;
    size_t held = transport->in.size;
    if (!control && !transport->closing &&
        (held > transport->message_max || length > transport->message_max - held)) {
        return websocket_fail(transport, TRANSPORT_END_TOO_BIG);
    }
    transport->websocket.left = length;
    return 0;
}

/* A whole head: what the payload's octets will need to know. */
static void frame_begin(struct transport *transport)
{
    const uint8_t *head = transport->websocket.head;
    unsigned opcode = head[0] & BITS_OPCODE;
    memcpy(&transport->websocket.mask, head + transport->websocket.head_size - MASK_BYTES,
           MASK_BYTES);
    transport->websocket.in_payload = true;
    transport->websocket.control_at = transport->in.size;
    if ((opcode & BIT_CONTROL) != 0) {
        transport->in.bytes_max = transport->in.size + CONTROL_BYTES_MAX;
        return;
    }
    transport->in.bytes_max = transport->message_max;
    if (opcode != OPCODE_CONTINUATION) {
        transport->websocket.opcode = (uint8_t)opcode;
        transport->websocket.utf8 = UTF8_START;
        transport->websocket.fragments = 0;
        if ((head[0] & BIT_FIN) != 0 && !transport->closing) {
            transport->in.bytes_max = (size_t)transport->websocket.left;
        }
    }
    transport->websocket.fragments++;
}

/* 1: the head is whole. */
static int head_take(struct transport *transport, struct feed *feed)
{
    uint8_t *head = transport->websocket.head;
    while (feed->size > 0) {
        uint8_t size = ++transport->websocket.head_size;
        head[size - 1] = *feed->at++;
        feed->size--;
        int result = size == 1 ? first_judge(transport) : 0;
        if (size == 1 || result < 0) {
            if (result < 0) {
                return result;
            }
            continue;
        }
        size_t length_end = 2 + length_bytes(head);
        if (size == 2) {
            result = second_judge(transport);
        }
        if (result == 0 && size == length_end) {
            result = length_judge(transport);
        }
        if (result < 0) {
            return result;
        }
        if (size == length_end + MASK_BYTES) {
            frame_begin(transport);
            return 1;
        }
    }
    return 0;
}

/* ---- the payload, piece by piece */

static int control_payload(struct transport *transport, struct bytes piece, uint64_t now_ns)
{
    struct buf *in = &transport->in;
    size_t control_at = transport->websocket.control_at;
    unsigned opcode = transport->websocket.head[0] & BITS_OPCODE;
    bool whole = transport->websocket.left == 0;
    if (!whole || in->size > control_at) {
        buf_put_bytes(in, piece);
        if (in->failed) {
            return websocket_fail(transport, TRANSPORT_END_MEMORY);
        }
        piece = bytes_from(buf_bytes(in), control_at);
    }
    if (!whole) {
        return 0;
    }
    transport->websocket.in_payload = false;
    transport->websocket.head_size = 0;
    int result = control_handle(transport, opcode, piece, now_ns);
    in->size = control_at;
    if (control_at == 0) {
        buf_fini(in);
    }
    return result;
}

/* The message's last octet came. */
static int message_finish(struct transport *transport, struct bytes piece, struct bytes *message)
{
    struct buf *in = &transport->in;
    bool text = transport->websocket.opcode == OPCODE_TEXT;
    transport->websocket.opcode = 0;
    transport->websocket.fragments = 0;
    transport->pings_missed = 0;
    if (transport->closing) {
        buf_fini(in);
        return 0;
    }
    if (text && !utf8_complete(transport->websocket.utf8)) {
        return websocket_fail(transport, TRANSPORT_END_UTF8);
    }
    transport->message_is_text = text;
    transport->in_returned = in->size > 0;
    *message = in->size > 0 ? buf_bytes(in) : piece;
    return 1;
}

static int data_payload(struct transport *transport, struct bytes piece, bool ascii,
                        struct bytes *message)
{
    struct buf *in = &transport->in;
    bool last = transport->websocket.left == 0 && (transport->websocket.head[0] & BIT_FIN) != 0;
    bool text = transport->websocket.opcode == OPCODE_TEXT;
    bool plain = ascii && utf8_complete(transport->websocket.utf8);
    if (text && !plain && !transport->closing && utf8_feed(&transport->websocket.utf8, piece) < 0) {
        return websocket_fail(transport, TRANSPORT_END_UTF8);
    }
    bool view = last && in->size == 0;
    if (!view && !transport->closing) {
        buf_put_bytes(in, piece);
        if (in->failed) {
            return websocket_fail(transport, TRANSPORT_END_MEMORY);
        }
    }
    if (transport->websocket.left == 0) {
        transport->websocket.in_payload = false;
        transport->websocket.head_size = 0;
    }
    return last ? message_finish(transport, piece, message) : 0;
}

static int payload_take(struct transport *transport, struct feed *feed, uint64_t now_ns,
                        struct bytes *message)
{
    size_t size = (size_t)transport->websocket.left;
    size = size_min(size, feed->size);
    uint32_t mask = transport->websocket.mask;
    bool ascii = !websocket_unmask(feed->at, size, &mask);
    transport->websocket.mask = mask;
    struct bytes piece = bytes_make(feed->at, size);
    feed->at += size;
    feed->size -= size;
    transport->websocket.left -= size;
    return (transport->websocket.head[0] & BIT_CONTROL) != 0
               ? control_payload(transport, piece, now_ns)
               : data_payload(transport, piece, ascii, message);
}

/* ---- frames */

/* The common case. 1: the feed's front was one whole frame with one whole good message; 0: it was
 * not, and nothing was touched; -1: it ended. */
static inline int frame_whole(struct transport *transport, struct feed *feed, struct bytes *message)
{
    uint8_t *at = feed->at;
    bool text = transport->serializer == SERIALIZER_JSON;
    if (unlikely(feed->size < 2 + MASK_BYTES || at[0] != (text ? 0x81 : 0x82) ||
                 (at[1] & BIT_MASKED) == 0)) {
        return 0;
    }
    size_t size = at[1] & BITS_LENGTH;
    size_t head = 2;
    if (size >= LENGTH_2) {
        size_t wide = (size_t)at[2] << 8 | at[3];
        if (size != LENGTH_2 || wide < LENGTH_2) {
            return 0;
        }
        size = wide;
        head = 4;
    }
    head += MASK_BYTES;
    if (unlikely(feed->size < head || feed->size - head < size || size > transport->message_max)) {
        return 0;
    }
    uint32_t mask;
    memcpy(&mask, at + head - MASK_BYTES, MASK_BYTES);
    at += head;
    bool wide = websocket_unmask(at, size, &mask);
    feed->at = at + size;
    feed->size -= head + size;
    *message = bytes_make(at, size);
    if (text && wide && !utf8_valid_beyond_ascii(*message)) {
        return websocket_fail(transport, TRANSPORT_END_UTF8);
    }
    transport->pings_missed = 0;
    transport->message_is_text = text;
    return 1;
}

int websocket_next(struct transport *transport, struct feed *feed, uint64_t now_ns,
                   struct bytes *message)
{
    while (feed->size > 0) {
        int result = 0;
        if (likely(!websocket_unfinished(transport) && !transport->closing)) {
            result = frame_whole(transport, feed, message);
            if (likely(result != 0)) {
                return result;
            }
        }
        result = transport->websocket.in_payload ? 1 : head_take(transport, feed);
        if (result == 1) {
            result = payload_take(transport, feed, now_ns, message);
        }
        if (result != 0) {
            return result;
        }
    }
    return 0;
}
