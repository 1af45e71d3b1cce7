#include "client/frames.h"

#include "client/handshake.h"

/* Frames are cut from the front of `in`, where `taken` moves along; frames_put moves the rest to
 * the front. A message in one frame is a view into `in`; fragments are gathered. */

enum step {
    STEP_ENDED = -1,
    STEP_MORE = 0,
    STEP_MESSAGE = 1,
    STEP_AGAIN = 2, /* something without a message was consumed */
};

enum {
    OPCODE_CONTINUATION = 0,
    OPCODE_TEXT = 1,
    OPCODE_BINARY = 2,
    OPCODE_CLOSE = 8,
    OPCODE_PING = 9,
    OPCODE_PONG = 10,
    WEBSOCKET_HEAD_MAX = 14,
    CONTROL_MAX = 125,
};

static uint8_t frames_length_exponent(size_t bytes_max)
{
    uint8_t n = 0;
    while (n < 15 && ((size_t)FRAMES_MESSAGE_MIN << n) < bytes_max) {
        n++;
    }
    return n;
}

bool frames_init(struct frames *frames, struct mem *mem, const struct frames_options *options)
{
    check(options->bytes_max >= FRAMES_MESSAGE_MIN && options->bytes_max <= FRAMES_MESSAGE_MAX);
    *frames = (struct frames){
        .framing = options->framing,
        .serializer = options->serializer,
        .bytes_max = options->bytes_max,
        .peer_bytes_max = FRAMES_MESSAGE_MAX,
        .random = options->random,
    };
    buf_init(&frames->out, mem, options->out_bytes_max);
    if (options->framing == FRAMING_WEBSOCKET) {
        handshake_request(&frames->out, options->authority, options->path, options->serializer,
                          options->random, frames->accept);
    } else {
        uint8_t n = frames_length_exponent(options->bytes_max);
        frames->bytes_max = (size_t)FRAMES_MESSAGE_MIN << n;
        uint8_t hello[4] = {0x7f, (uint8_t)(n << 4 | (uint8_t)options->serializer), 0, 0};
        buf_put(&frames->out, hello, sizeof hello);
    }
    buf_init(&frames->in, mem,
             frames->bytes_max + WEBSOCKET_HEAD_MAX + FRAMES_PUT_MAX + FRAMES_HTTP_MAX);
    buf_init(&frames->gathered, mem, frames->bytes_max);
    return !frames->out.failed;
}

void frames_fini(struct frames *frames)
{
    buf_fini(&frames->in);
    buf_fini(&frames->out);
    buf_fini(&frames->gathered);
}

static enum step frames_end(struct frames *frames, enum client_error error, const char *text)
{
    failure_set(&frames->failure, error, "%s", text);
    frames->state = FRAMES_ENDED;
    return STEP_ENDED;
}

void frames_put(struct frames *frames, struct bytes octets)
{
    check(octets.size <= FRAMES_PUT_MAX);
    if (frames->taken > 0) {
        size_t left = frames->in.size - frames->taken;
        memmove(frames->in.at, frames->in.at + frames->taken, left);
        frames->in.size = left;
        frames->taken = 0;
    }
    buf_put_bytes(&frames->in, octets);
    if (frames->in.failed && frames->state != FRAMES_ENDED) {
        frames_end(frames, CLIENT_LIMIT, "no memory for what the router sends");
    }
}

void frames_put_end(struct frames *frames)
{
    if (frames->state == FRAMES_ENDED) {
        return;
    }
    frames_end(frames, CLIENT_CLOSED,
               frames->state == FRAMES_SHAKING   ? "the router hung up during the handshake"
               : frames->state == FRAMES_CLOSING ? "closed"
                                                 : "the router hung up");
}

/* ---- out */

static void frames_write_websocket(struct frames *frames, uint8_t opcode, struct bytes payload)
{
    uint8_t head[WEBSOCKET_HEAD_MAX] = {(uint8_t)(0x80 | opcode)};
    size_t size = 2;
    if (payload.size < 126) {
        head[1] = (uint8_t)(0x80 | payload.size);
    } else if (payload.size <= UINT16_MAX) {
        head[1] = 0x80 | 126;
        head[2] = (uint8_t)(payload.size >> 8);
        head[3] = (uint8_t)payload.size;
        size = 4;
    } else {
        head[1] = 0x80 | 127;
        for (size_t i = 0; i < 8; i++) {
            head[2 + i] = (uint8_t)((uint64_t)payload.size >> (56 - 8 * i));
        }
        size = 10;
    }
    uint8_t *mask = head + size;
    frames->random(mask, 4);
    if (!buf_reserve(&frames->out, size + 4 + payload.size)) {
        return;
    }
    buf_put(&frames->out, head, size + 4);
    uint8_t *to = frames->out.at + frames->out.size;
    for (size_t i = 0; i < payload.size; i++) {
        to[i] = payload.at[i] ^ mask[i & 3];
    }
    frames->out.size += payload.size;
}

static void frames_write_rawsocket(struct frames *frames, uint8_t kind, struct bytes payload)
{
    uint8_t head[4] = {
        (uint8_t)(kind | (payload.size >> 24 != 0 ? 0x08 : 0)),
        (uint8_t)(payload.size >> 16),
        (uint8_t)(payload.size >> 8),
        (uint8_t)payload.size,
    };
    if (buf_reserve(&frames->out, sizeof head + payload.size)) {
        buf_put(&frames->out, head, sizeof head);
        buf_put_bytes(&frames->out, payload);
    }
}

enum client_error frames_send(struct frames *frames, struct bytes message)
{
    if (frames->state != FRAMES_OPEN) {
        return CLIENT_CLOSED;
    }
    if (message.size > frames->peer_bytes_max || frames->out.failed) {
        return CLIENT_LIMIT;
    }
    if (frames->framing == FRAMING_RAWSOCKET) {
        frames_write_rawsocket(frames, 0, message);
    } else {
        frames_write_websocket(
            frames, frames->serializer == SERIALIZER_JSON ? OPCODE_TEXT : OPCODE_BINARY, message);
    }
    if (frames->out.failed) {
        frames->out.failed = false; /* nothing was appended: the next one may be smaller */
        return CLIENT_LIMIT;
    }
    return CLIENT_OK;
}

static void frames_write_close(struct frames *frames, uint16_t code)
{
    uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    frames_write_websocket(frames, OPCODE_CLOSE, bytes_make(payload, sizeof payload));
}

void frames_close(struct frames *frames)
{
    if (frames->state == FRAMES_OPEN && frames->framing == FRAMING_WEBSOCKET) {
        frames_write_close(frames, 1000);
        frames->state = FRAMES_CLOSING;
    } else if (frames->state == FRAMES_OPEN || frames->state == FRAMES_SHAKING) {
        frames_end(frames, CLIENT_CLOSED, "closed");
    }
}

/* ---- in: handshake */

static struct bytes frames_rest(const struct frames *frames)
{
    return bytes_from(buf_bytes(&frames->in), frames->taken);
}

static enum step frames_shake_rawsocket(struct frames *frames)
{
    static const char *const refusals[16] = {
        "the router refused RawSocket with error 0",
        "the router does not speak this serializer over RawSocket",
        "the router finds our maximum message length unacceptable",
        "the router says that reserved bits were used",
        "the router has too many connections",
    };
    struct bytes in = frames_rest(frames);
    if (in.size > 0 && in.at[0] != 0x7f) {
        return frames_end(frames, CLIENT_HANDSHAKE, "what answers does not speak RawSocket");
    }
    if (in.size < 4) {
        return STEP_MORE;
    }
    uint8_t high = in.at[1] >> 4;
    uint8_t low = in.at[1] & 0x0f;
    if (low == 0) {
        const char *text = refusals[high];
        return frames_end(frames, CLIENT_HANDSHAKE,
                          text != NULL ? text : "the router refused RawSocket");
    }
    if (low != frames->serializer || in.at[2] != 0 || in.at[3] != 0) {
        return frames_end(frames, CLIENT_HANDSHAKE,
                          "the router's RawSocket handshake is not an answer to ours");
    }
    frames->peer_bytes_max = (size_t)FRAMES_MESSAGE_MIN << high;
    frames->taken += 4;
    frames->state = FRAMES_OPEN;
    return STEP_AGAIN;
}

static enum step frames_shake_websocket(struct frames *frames)
{
    char why[200];
    struct bytes in = frames_rest(frames);
    long used = handshake_answer(bytes_make(in.at, size_min(in.size, FRAMES_HTTP_MAX)),
                                 frames->accept, frames->serializer, why, sizeof why);
    if (used == 0 && in.size >= FRAMES_HTTP_MAX) {
        return frames_end(frames, CLIENT_HANDSHAKE, "the router's HTTP answer is too long");
    }
    if (used == 0) {
        return STEP_MORE;
    }
    if (used < 0) {
        return frames_end(frames, CLIENT_HANDSHAKE, why);
    }
    frames->taken += (size_t)used;
    frames->state = FRAMES_OPEN;
    return STEP_AGAIN;
}

/* ---- in: RawSocket */

static enum step frames_step_rawsocket(struct frames *frames, struct bytes *message)
{
    struct bytes in = frames_rest(frames);
    if (in.size < 4) {
        return STEP_MORE;
    }
    uint8_t kind = in.at[0] & 0x07;
    size_t size = (size_t)in.at[1] << 16 | (size_t)in.at[2] << 8 | in.at[3];
    if ((in.at[0] & 0xf0) != 0 || kind > 2 || ((in.at[0] & 0x08) != 0 && size != 0)) {
        return frames_end(frames, CLIENT_PROTOCOL, "the router sent a broken RawSocket frame");
    }
    size = (in.at[0] & 0x08) != 0 ? (size_t)1 << 24 : size;
    if (size > frames->bytes_max) {
        return frames_end(frames, CLIENT_PROTOCOL,
                          "the router sent a message beyond our announced limit");
    }
    if (in.size - 4 < size) {
        return STEP_MORE;
    }
    frames->taken += 4 + size;
    struct bytes payload = bytes_make(in.at + 4, size);
    if (kind == 0) {
        *message = payload;
        return STEP_MESSAGE;
    }
    if (kind == 1) {
        frames_write_rawsocket(frames, 2, payload);
    }
    return frames->out.failed
               ? frames_end(frames, CLIENT_LIMIT, "no room to answer the router's pings")
               : STEP_AGAIN;
}

/* ---- in: WebSocket */

struct frame {
    uint8_t opcode;
    bool fin;
    struct bytes payload;
};

static enum step frames_fail_websocket(struct frames *frames, uint16_t code, const char *text)
{
    frames_write_close(frames, code);
    return frames_end(frames, CLIENT_PROTOCOL, text);
}

static bool frames_opcode_fits(const struct frames *frames, uint8_t opcode, bool fin, uint64_t size)
{
    if (opcode >= OPCODE_CLOSE) {
        return opcode <= OPCODE_PONG && fin && size <= CONTROL_MAX;
    }
    return opcode <= OPCODE_BINARY && (opcode == OPCODE_CONTINUATION) == frames->in_fragments;
}

/* Cuts one whole frame from the front. STEP_AGAIN: it is there. */
static enum step frames_cut_websocket(struct frames *frames, struct frame *frame)
{
    struct bytes in = frames_rest(frames);
    if (in.size < 2) {
        return STEP_MORE;
    }
    frame->opcode = in.at[0] & 0x0f;
    frame->fin = (in.at[0] & 0x80) != 0;
    uint64_t size = in.at[1] & 0x7f;
    size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
    if ((in.at[0] & 0x70) != 0 || (in.at[1] & 0x80) != 0 ||
        !frames_opcode_fits(frames, frame->opcode, frame->fin, size)) {
        return frames_fail_websocket(frames, 1002, "the router sent a broken WebSocket frame");
    }
    if (in.size < 2 + extra) {
        return STEP_MORE;
    }
    if (extra > 0) {
        size = 0;
        for (size_t i = 0; i < extra; i++) {
            size = size << 8 | in.at[2 + i];
        }
        if (size < (extra == 2 ? 126 : 65536) || size >> 63 != 0) {
            return frames_fail_websocket(frames, 1002, "the router sent a broken frame length");
        }
    }
    uint8_t wanted = frames->serializer == SERIALIZER_JSON ? OPCODE_TEXT : OPCODE_BINARY;
    if (frame->opcode < OPCODE_CLOSE && frame->opcode != OPCODE_CONTINUATION &&
        frame->opcode != wanted) {
        return frames_fail_websocket(frames, 1003, "the router mixed up text and binary");
    }
    if (size > frames->bytes_max ||
        (frame->opcode < OPCODE_CLOSE && size > frames->bytes_max - frames->gathered.size)) {
        return frames_fail_websocket(frames, 1009, "the router sent a message beyond our limit");
    }
    if (in.size - 2 - extra < size) {
        return STEP_MORE;
    }
    frame->payload = bytes_make(in.at + 2 + extra, (size_t)size);
    frames->taken += 2 + extra + (size_t)size;
    return STEP_AGAIN;
}

static enum step frames_take_close(struct frames *frames, struct bytes payload)
{
    if (frames->state == FRAMES_CLOSING) {
        return frames_end(frames, CLIENT_CLOSED, "closed");
    }
    if (payload.size == 0) {
        frames_write_websocket(frames, OPCODE_CLOSE, payload);
        return frames_end(frames, CLIENT_CLOSED, "the router closed the connection");
    }
    if (payload.size == 1) {
        return frames_fail_websocket(frames, 1002, "the router sent a broken Close frame");
    }
    unsigned code = (unsigned)payload.at[0] << 8 | payload.at[1];
    char text[128];
    failure_text(bytes_from(payload, 2), text, sizeof text);
    frames_write_close(frames, (uint16_t)code);
    failure_set(&frames->failure, code == 1002 ? CLIENT_PROTOCOL : CLIENT_CLOSED,
                "the router closed the connection with code %u%s%s", code,
                text[0] != '\0' ? ": " : "", text);
    frames->state = FRAMES_ENDED;
    return STEP_ENDED;
}

static enum step frames_take_data(struct frames *frames, const struct frame *frame,
                                  struct bytes *message)
{
    if (frame->fin && !frames->in_fragments) {
        *message = frame->payload;
        return STEP_MESSAGE;
    }
    buf_put_bytes(&frames->gathered, frame->payload);
    if (frames->gathered.failed) {
        return frames_end(frames, CLIENT_LIMIT, "no memory for what the router sends");
    }
    frames->in_fragments = !frame->fin;
    if (!frame->fin) {
        return STEP_AGAIN;
    }
    *message = buf_bytes(&frames->gathered);
    frames->gathered_dead = true;
    return STEP_MESSAGE;
}

static enum step frames_step_websocket(struct frames *frames, struct bytes *message)
{
    struct frame frame;
    enum step step = frames_cut_websocket(frames, &frame);
    if (step != STEP_AGAIN) {
        return step;
    }
    if (frame.opcode < OPCODE_CLOSE) {
        return frames_take_data(frames, &frame, message);
    }
    if (frame.opcode == OPCODE_CLOSE) {
        return frames_take_close(frames, frame.payload);
    }
    if (frame.opcode == OPCODE_PING && frames->state == FRAMES_OPEN) {
        frames_write_websocket(frames, OPCODE_PONG, frame.payload);
    }
    return frames->out.failed
               ? frames_end(frames, CLIENT_LIMIT, "no room to answer the router's pings")
               : STEP_AGAIN;
}

static enum step frames_step(struct frames *frames, struct bytes *message)
{
    bool websocket = frames->framing == FRAMING_WEBSOCKET;
    if (frames->state == FRAMES_SHAKING) {
        return websocket ? frames_shake_websocket(frames) : frames_shake_rawsocket(frames);
    }
    return websocket ? frames_step_websocket(frames, message)
                     : frames_step_rawsocket(frames, message);
}

int frames_next(struct frames *frames, struct bytes *message)
{
    if (frames->gathered_dead) {
        buf_reset(&frames->gathered);
        frames->gathered_dead = false;
    }
    enum step step = STEP_AGAIN;
    while (step == STEP_AGAIN) {
        step = frames->state == FRAMES_ENDED ? STEP_ENDED : frames_step(frames, message);
    }
    return (int)step;
}
