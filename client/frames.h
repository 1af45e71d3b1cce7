/* The client's side of both transports: octets in, WAMP messages out, and the reverse.
 *
 * RawSocket and WebSocket (RFC 6455, client role: it masks, the router must not): handshake,
 * frames, fragments, pings (answered at once), Close. Pure: octets come with frames_put, what is to
 * be sent gathers in `out`, random numbers come from a function, so a test knows every octet.
 *
 * Embedded in its owner (client.c, or a test), one thread. Bounded: a received message by
 * bytes_max, an HTTP answer by FRAMES_HTTP_MAX, `out` by out_bytes_max. Fails by frames_next
 * answering -1, with the reason in failure; once ended it stays so. */
#ifndef CLOS_FRAMES_H
#define CLOS_FRAMES_H

#include "client/failure.h"
#include "common/buf.h"
#include "common/transport.h"

enum {
    FRAMES_MESSAGE_MAX = 1 << 24, /* RawSocket's own bound, kept for both */
    FRAMES_MESSAGE_MIN = 512,
    FRAMES_HTTP_MAX = 8192,   /* an answer to the upgrade request */
    FRAMES_PUT_MAX = 1 << 16, /* of one frames_put */
};

enum frames_state {
    FRAMES_SHAKING, /* the handshake is under way */
    FRAMES_OPEN,
    FRAMES_CLOSING, /* our Close is out, the peer's is awaited */
    FRAMES_ENDED,
};

struct frames_options {
    enum framing framing;
    enum serializer serializer;
    const char *authority; /* WebSocket: the Host field; only frames_init looks at both */
    const char *path;
    size_t bytes_max;     /* longest message received; RawSocket rounds up to a power of two */
    size_t out_bytes_max; /* waiting to be sent */
    void (*random)(void *out, size_t size);
};

struct frames {
    enum framing framing;
    enum serializer serializer;
    enum frames_state state;
    struct failure failure; /* once ENDED */
    struct buf out;         /* to be sent; the owner takes octets from its front */
    size_t peer_bytes_max;  /* longest message the router takes */
    /* insides */
    size_t bytes_max;
    void (*random)(void *out, size_t size);
    struct buf in;
    size_t taken; /* of in: consumed already */
    struct buf gathered;
    bool in_fragments; /* WebSocket: a message has begun and not ended */
    bool gathered_dead;
    char accept[29];
};

/* Writes the handshake's first octets into out. false: out_bytes_max or memory too small. */
bool frames_init(struct frames *frames, struct mem *mem, const struct frames_options *options);
void frames_fini(struct frames *frames);

/* Octets from the router, FRAMES_PUT_MAX at most. Views given out before die. Only when
 * frames_next answered 0 before (this is what bounds `in`). */
void frames_put(struct frames *frames, struct bytes octets);

/* 1: *message is one whole message, a view until the next frames_put or frames_next.
 * 0: more octets are needed. -1: ended. */
int frames_next(struct frames *frames, struct bytes *message);

/* Appends one message to out. CLIENT_OK; or CLIENT_LIMIT: larger than the router takes, or no room
 * in out (then nothing was appended); or CLIENT_CLOSED. */
enum client_error frames_send(struct frames *frames, struct bytes message);

/* No more messages from us. WebSocket: sends Close 1000, ends when the peer's has come. RawSocket:
 * ends at once. What is in out should still be sent. */
void frames_close(struct frames *frames);

/* The connection ended under us. */
void frames_put_end(struct frames *frames);

#endif
