/* The common case is a feed that holds many whole frames: a compare of the head tells a message
 * within the limit, and the message is a view. Only what is cut off at the feed's end is copied to
 * transport->in, head and all, so the buffer itself is the state. */
#include "common/rawsocket.h"

enum rawsocket_error {
    RAWSOCKET_ERROR_SERIALIZER = 1,
    RAWSOCKET_ERROR_LENGTH = 2,
    RAWSOCKET_ERROR_RESERVED = 3,
    RAWSOCKET_ERROR_FULL = 4,
};

enum rawsocket_type {
    RAWSOCKET_MESSAGE = 0,
    RAWSOCKET_PING = 1,
    RAWSOCKET_PONG = 2,
};

enum { RAWSOCKET_LENGTH_MAX = 0xFFFFFF };

unsigned rawsocket_exponent(size_t bytes_max)
{
    unsigned exponent = 0;
    while (exponent < 15 && ((size_t)1 << (10 + exponent)) <= bytes_max) {
        exponent++;
    }
    return exponent;
}

size_t rawsocket_bytes_max(size_t bytes_max)
{
    return (size_t)1 << (9 + rawsocket_exponent(bytes_max));
}

/* Which error answers the client's octets 2 to 4; 0: none. Reserved octets come first: they may
 * change what the others mean. */
static unsigned handshake_judge(const struct transport *transport, const uint8_t *octets)
{
    unsigned serializer = octets[1] & 0x0FU;
    if (octets[2] != 0 || octets[3] != 0) {
        return RAWSOCKET_ERROR_RESERVED;
    }
    if (transport->full) {
        return RAWSOCKET_ERROR_FULL;
    }
    if (serializer < SERIALIZER_JSON || serializer > SERIALIZER_CBOR ||
        (transport->options->serializers >> serializer & 1) == 0) {
        return RAWSOCKET_ERROR_SERIALIZER;
    }
    if (((size_t)512 << (octets[1] >> 4)) < transport->options->rawsocket_length_min) {
        return RAWSOCKET_ERROR_LENGTH;
    }
    return 0;
}

int rawsocket_handshake(struct transport *transport, struct feed *feed)
{
    size_t take = size_min(feed->size, RAWSOCKET_HEAD_BYTES - transport->in.size);
    buf_put(&transport->in, feed->at, take);
    if (transport->in.failed) {
        return transport_fail(transport, TRANSPORT_END_MEMORY);
    }
    feed->at += take;
    feed->size -= take;
    if (transport->in.size < RAWSOCKET_HEAD_BYTES) {
        return 0;
    }
    const uint8_t *octets = transport->in.at;
    unsigned serializer = octets[1] & 0x0FU;
    size_t peer_bytes_max = (size_t)512 << (octets[1] >> 4);
    unsigned error = handshake_judge(transport, octets);
    unsigned length = rawsocket_exponent(transport->options->bytes_max);
    uint8_t second = (uint8_t)(error != 0 ? error << 4 : length << 4 | serializer);
    uint8_t reply[RAWSOCKET_HEAD_BYTES] = {RAWSOCKET_MAGIC, second, 0, 0};
    buf_fini(&transport->in);
    if (!outq_put(transport->out, reply, sizeof reply, 0)) {
        return transport_fail(transport, TRANSPORT_END_MEMORY);
    }
    if (error != 0) {
        return transport_fail(transport, TRANSPORT_END_RAWSOCKET_REFUSED);
    }
    transport_opened(transport, FRAMING_RAWSOCKET, (enum serializer)serializer, peer_bytes_max);
    return 1;
}

static inline uint32_t load_head(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The payload's length of a head that is not simply a message within the limit; -1: it failed. */
static int64_t head_judge(struct transport *transport, uint32_t head)
{
    unsigned first = head >> 24;
    uint32_t length = head & RAWSOCKET_LENGTH_MAX;
    bool huge = (first & 0x08) != 0;
    if ((first & 0xF0) != 0 || (first & 0x07) > RAWSOCKET_PONG || (huge && length != 0)) {
        return transport_fail(transport, TRANSPORT_END_RAWSOCKET_FRAME);
    }
    size_t size = huge ? (size_t)1 << 24 : length;
    bool unechoable = (first & 0x07) == RAWSOCKET_PING && size > transport->peer_bytes_max;
    if (size > transport->message_max || unechoable) {
        return transport_fail(transport, TRANSPORT_END_TOO_BIG);
    }
    return (int64_t)size;
}

/* Moves what came of the frame at the feed's front into the buffer. 1: the frame is whole there. */
static int frame_gather(struct transport *transport, struct feed *feed)
{
    struct buf *in = &transport->in;
    for (;;) {
        size_t need = RAWSOCKET_HEAD_BYTES;
        if (in->size >= RAWSOCKET_HEAD_BYTES) {
            int64_t size = head_judge(transport, load_head(in->at));
            if (size < 0) {
                return -1;
            }
            need += (size_t)size;
            if (in->size == need) {
                return 1;
            }
        }
        size_t take = size_min(feed->size, need - in->size);
        if (take == 0) {
            return 0;
        }
        in->bytes_max = need;
        buf_put(in, feed->at, take);
        if (in->failed) {
            return transport_fail(transport, TRANSPORT_END_MEMORY);
        }
        feed->at += take;
        feed->size -= take;
    }
}

static int ping_answer(struct transport *transport, struct bytes payload, uint64_t now_ns)
{
    transport->pings_missed = 0;
    if (!transport_ping_allowed(transport, now_ns)) {
        return transport_fail(transport, TRANSPORT_END_FLOOD);
    }
    uint8_t *to = outq_room(transport->out, RAWSOCKET_HEAD_BYTES + payload.size);
    if (to == NULL) {
        return transport_fail(transport, TRANSPORT_END_MEMORY);
    }
    frame_head(FRAMING_RAWSOCKET, transport->serializer, payload.size, to + RAWSOCKET_HEAD_BYTES);
    to[0] |= RAWSOCKET_PONG;
    if (payload.size > 0) {
        memcpy(to + RAWSOCKET_HEAD_BYTES, payload.at, payload.size);
    }
    outq_commit(transport->out, RAWSOCKET_HEAD_BYTES + payload.size, 0);
    return 0;
}

/* A whole frame: 1: it is a message, now in *message. */
static int frame_handle(struct transport *transport, unsigned type, struct bytes payload,
                        uint64_t now_ns, struct bytes *message)
{
    if (type == RAWSOCKET_PING) {
        return ping_answer(transport, payload, now_ns);
    }
    if (type == RAWSOCKET_PONG) {
        transport_ponged(transport, payload);
        return 0;
    }
    transport->pings_missed = 0;
    *message = payload;
    return 1;
}

/* One frame that is not a whole message at the feed's front. 1: a message, 0: go on if octets are
 * left. */
static int frame_slow(struct transport *transport, struct feed *feed, uint64_t now_ns,
                      struct bytes *message)
{
    struct buf *in = &transport->in;
    const uint8_t *frame = feed->at;
    if (in->size == 0 && feed->size >= RAWSOCKET_HEAD_BYTES) {
        int64_t size = head_judge(transport, load_head(frame));
        if (size < 0) {
            return -1;
        }
        if (feed->size - RAWSOCKET_HEAD_BYTES >= (size_t)size) {
            struct bytes payload = bytes_make(frame + RAWSOCKET_HEAD_BYTES, (size_t)size);
            feed->at += RAWSOCKET_HEAD_BYTES + payload.size;
            feed->size -= RAWSOCKET_HEAD_BYTES + payload.size;
            return frame_handle(transport, frame[0] & 0x07, payload, now_ns, message);
        }
    }
    int result = frame_gather(transport, feed);
    if (result <= 0) {
        return result;
    }
    struct bytes payload = bytes_from(buf_bytes(in), RAWSOCKET_HEAD_BYTES);
    result = frame_handle(transport, in->at[0] & 0x07, payload, now_ns, message);
    if (result == 1) {
        transport->in_returned = true;
    } else {
        buf_fini(in);
    }
    return result;
}

int rawsocket_next(struct transport *transport, struct feed *feed, uint64_t now_ns,
                   struct bytes *message)
{
    size_t whole_max = size_min(transport->message_max, RAWSOCKET_LENGTH_MAX);
    while (feed->size > 0) {
        if (likely(transport->in.size == 0 && feed->size >= RAWSOCKET_HEAD_BYTES)) {
            size_t size = load_head(feed->at); /* over the limit too if any flag is set */
            if (likely(size <= whole_max && feed->size - RAWSOCKET_HEAD_BYTES >= size)) {
                *message = bytes_make(feed->at + RAWSOCKET_HEAD_BYTES, size);
                feed->at += RAWSOCKET_HEAD_BYTES + size;
                feed->size -= RAWSOCKET_HEAD_BYTES + size;
                transport->pings_missed = 0;
                return 1;
            }
        }
        int result = frame_slow(transport, feed, now_ns, message);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

bool rawsocket_ping(struct transport *transport)
{
    uint8_t frame[RAWSOCKET_HEAD_BYTES + PING_PAYLOAD_BYTES] = {RAWSOCKET_PING, 0, 0,
                                                                PING_PAYLOAD_BYTES};
    memcpy(frame + RAWSOCKET_HEAD_BYTES, &transport->ping_sent, PING_PAYLOAD_BYTES);
    return outq_put(transport->out, frame, sizeof frame, 0);
}
