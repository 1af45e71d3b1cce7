/* One connection's way from octets to WAMP messages and back: tells HTTP, WebSocket and RawSocket
 * apart by the first octets, does the handshake, cuts frames into messages, answers pings, keeps
 * deadlines. RFC 6455 in full; WAMP's WebSocket and RawSocket chapters (rules B-WS, B-RS).
 *
 * Pure: octets and the time come in, answers (HTTP responses, handshake replies, pongs, Close
 * frames) are appended to the connection's outq. Owned by the connection's worker, embedded in the
 * connection. Its parts are http and upgrade (the head and what it asks for), websocket and
 * rawsocket (frames); only they use the section at the end.
 *
 * Bounded: HTTP head 8 KiB and 64 fields, a message by bytes_max (or bytes_max_unwelcome until
 * transport_welcomed), fragments, pings a second; memory grows only with octets that came, and an
 * idle established transport holds none. Peer's faults end it with the answer that the RFC or the
 * WAMP text names, and a reason to count. */
#ifndef CLOS_TRANSPORT_H
#define CLOS_TRANSPORT_H

#include "common/outq.h"
#include "common/buf.h"
#include "common/http.h"
#include "common/serializer.h"

enum transport_kind {
    TRANSPORT_UNKNOWN, /* nothing seen yet */
    TRANSPORT_HTTP,    /* a request head is coming in */
    TRANSPORT_WEBSOCKET,
    TRANSPORT_RAWSOCKET,
};

enum framing {
    FRAMING_RAWSOCKET,
    FRAMING_WEBSOCKET,
};

enum { FRAMINGS = 2, FRAME_HEAD_BYTES_MAX = 10 };

/* Why a transport ended; the name of its counter. Each path has one. */
enum transport_end {
    TRANSPORT_END_NONE,
    TRANSPORT_END_PEER_CLOSED,       /* a valid Close frame (answered) */
    TRANSPORT_END_HTTP_REFUSED,      /* 4xx was written */
    TRANSPORT_END_HTTP_TIMEOUT,      /* no whole head in time */
    TRANSPORT_END_RAWSOCKET_TIMEOUT, /* no whole RawSocket handshake in time */
    TRANSPORT_END_NOT_SPOKEN,        /* first octets of no protocol that is enabled: no reply */
    TRANSPORT_END_RAWSOCKET_REFUSED, /* error reply was written */
    TRANSPORT_END_RAWSOCKET_FRAME,   /* FAIL: reserved bits, types, lengths */
    TRANSPORT_END_TOO_BIG,           /* RawSocket: FAIL; WebSocket: 1009 */
    TRANSPORT_END_PROTOCOL,          /* WebSocket 1002 */
    TRANSPORT_END_DATA_TYPE,         /* WebSocket: text where binary was agreed, or the reverse. The
                                        one end without a last word yet: the owner sends its ABORT
                                        (transport_send), then calls transport_close with 1003 */
    TRANSPORT_END_UTF8,              /* WebSocket 1007 */
    TRANSPORT_END_FLOOD,             /* WebSocket 1008, RawSocket FAIL: pings, fragments */
    TRANSPORT_END_MESSAGE_TIMEOUT,   /* a started message did not finish in time */
    TRANSPORT_END_PING_TIMEOUT,      /* our pings went unanswered */
    TRANSPORT_END_MEMORY,            /* no memory left for this connection */
    TRANSPORT_END_LOCAL,             /* transport_close */
};

enum { TRANSPORT_ENDS = TRANSPORT_END_LOCAL + 1 }; /* size of an array indexed by it */

/* One listener's settings: made once from the configuration, shared, never changed. */
struct transport_options {
    bool websocket; /* speak it here */
    bool rawsocket;
    uint8_t serializers;           /* bit (1 << enum serializer) for each that is enabled */
    const char *const *paths;      /* WebSocket paths, NULL at the end; others answer 404 */
    const char *const *origins;    /* allowed origins, NULL at the end; NULL or "*": every one.
                                      Compared as scheme, host and port; never by substring. A
                                      request without Origin is not from a browser: allowed */
    bool origin_null;              /* allow "Origin: null" */
    size_t bytes_max;              /* of a message received, 512 to 16 MiB */
    size_t bytes_max_unwelcome;    /* of a message before WELCOME */
    uint32_t fragments_max;        /* of one WebSocket message */
    uint32_t pings_per_s;          /* received; burst is five times that */
    uint64_t http_ns;              /* absolute deadline of the HTTP head */
    uint64_t rawsocket_ns;         /* and of the RawSocket handshake */
    uint64_t message_ns;           /* a started message must finish in this time */
    uint64_t close_ns;             /* wait for the peer's Close after ours */
    uint64_t ping_ns;              /* WebSocket: ping after that much silence; 0: never */
    uint64_t ping_rawsocket_ns;    /* RawSocket: the same; 0, the default: never (some clients'
                                      RawSocket does not know pings) */
    uint32_t pings_missed_max;     /* then the peer is gone */
    uint32_t rawsocket_length_min; /* a client's own limit below this is refused (error 2) */
    bool testee;                   /* only the conformance testee sets it: accept a WebSocket
                                      without a subprotocol, text and binary alike */
};

struct transport {
    const struct transport_options *options;
    struct outq *out;
    enum transport_kind kind;
    enum serializer serializer; /* agreed; valid once open */
    enum framing framing;
    enum transport_end end;
    bool open; /* handshake done: messages may flow both ways */
    bool welcomed;
    bool message_is_text;  /* of the last message (only the testee looks) */
    bool full;             /* set by the owner after init when its connection limit is reached:
                              a handshake is answered RawSocket error 4 or HTTP 503 */
    size_t peer_bytes_max; /* longest message the peer takes (SIZE_MAX for WebSocket) */
    uint64_t deadline_ns;  /* when transport_expire wants to be called next; NEVER */
    /* insides: see transport.c */
    size_t message_max;     /* longest message taken now */
    struct buf in;          /* what came of an unfinished message or head; no memory if idle */
    bool in_returned;       /* in holds the message returned last */
    bool closing;           /* our Close is out (or was echoed): nothing may follow it */
    uint32_t pings_missed;  /* sent, and nothing proved the peer alive since */
    uint64_t received_ns;   /* last octet; before the first: transport_init */
    uint64_t started_ns;    /* an unfinished message was first seen; NEVER: there is none */
    uint64_t pinged_ns;     /* our last ping */
    uint64_t ping_sent;     /* its payload: their number */
    uint64_t pings_free_ns; /* when the peer's ping budget is whole again */
    union {
        struct http_scan http;
        struct {
            uint64_t left;     /* octets of this frame's payload to come */
            size_t control_at; /* where in the buffer this control frame's payload starts */
            uint32_t fragments;
            uint32_t mask;    /* in memory's order, turned to the next octet */
            uint8_t head[14]; /* of the frame that is coming in */
            uint8_t head_size;
            uint8_t opcode; /* of the message that is coming in; 0: none */
            uint8_t utf8;   /* validator's state across frames */
            bool in_payload;
        } websocket;
    };
};

/* Octets from the socket; transport_next takes them from the front. Writable: unmasked in place. */
struct feed {
    uint8_t *at;
    size_t size;
};

void transport_init(struct transport *transport, const struct transport_options *options,
                    struct outq *out, struct mem *mem, uint64_t now_ns);
void transport_fini(struct transport *transport);

/* 1: *message is one whole WAMP message, a view that dies at the next call.
 * 0: all of feed was taken, more is needed.
 * -1: over, for the reason in end; last words are in out: flush, then close. Octets that are left
 * in feed are not to be processed. Once -1, always -1. After transport_close of a WebSocket: 0
 * while the peer's Close is awaited, then -1. */
int transport_next(struct transport *transport, struct feed *feed, uint64_t now_ns,
                   struct bytes *message);

/* The session is welcome: the full message limit holds from here. */
void transport_welcomed(struct transport *transport);

/* now_ns has reached deadline_ns: pings or ends. -1 when it ended (as transport_next). */
int transport_expire(struct transport *transport, uint64_t now_ns);

/* We end it: WebSocket sends Close with the code and waits close_ns for the peer's; RawSocket has
 * no last word. Harmless if it is over already; after TRANSPORT_END_DATA_TYPE it writes the Close
 * that is still missing. */
void transport_close(struct transport *transport, uint16_t websocket_code, uint64_t now_ns);

/* After transport_close: true when nothing more needs to come from the peer (RawSocket at once;
 * WebSocket when its Close has come or its time is over). */
bool transport_finished(const struct transport *transport);

/* Appends one message (head and payload) to out, as data of the agreed type; silently nothing when
 * the last word is out. false: no memory, or longer than peer_bytes_max (never sent). */
bool transport_send(struct transport *transport, struct bytes message);

const char *transport_end_name(enum transport_end end); /* "ping_timeout" */

/* Writes the frame head of a message of size octets so that it ends at end; how many octets.
 * RawSocket: 4 (size at most 2^24). WebSocket: 2, 4 or 10, unmasked, text for JSON. */
static inline size_t frame_head(enum framing framing, enum serializer serializer, size_t size,
                                uint8_t *end)
{
    if (framing == FRAMING_RAWSOCKET) {
        end[-4] = (uint8_t)(size >> 24) != 0 ? 0x08 : 0x00;
        end[-3] = (uint8_t)(size >> 16);
        end[-2] = (uint8_t)(size >> 8);
        end[-1] = (uint8_t)size;
        return 4;
    }
    uint8_t first = serializer == SERIALIZER_JSON ? 0x81 : 0x82;
    if (size < 126) {
        end[-2] = first;
        end[-1] = (uint8_t)size;
        return 2;
    }
    if (size <= UINT16_MAX) {
        end[-4] = first;
        end[-3] = 126;
        end[-2] = (uint8_t)(size >> 8);
        end[-1] = (uint8_t)size;
        return 4;
    }
    end[-10] = first;
    end[-9] = 127;
    for (size_t i = 0; i < 8; i++) {
        end[-8 + (int)i] = (uint8_t)((uint64_t)size >> (56 - 8 * i));
    }
    return 10;
}

/* ---- for the parts of transport only */

int transport_fail(struct transport *transport, enum transport_end end); /* -1 */

/* The handshake is done. peer_bytes_max: of messages we send; taken: of those we take. */
void transport_opened(struct transport *transport, enum framing framing, enum serializer serializer,
                      size_t peer_bytes_max);

/* One more ping came: false if that is over budget. */
bool transport_ping_allowed(struct transport *transport, uint64_t now_ns);

/* A pong came: it proves the peer alive if it answers our last ping, else it is ignored. */
void transport_ponged(struct transport *transport, struct bytes payload);

enum { PING_PAYLOAD_BYTES = 8 };

#endif
