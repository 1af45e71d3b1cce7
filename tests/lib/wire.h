/* What transport's tests, suite and fuzzers share: octets of scripted streams, and a run that feeds
 * such a stream to a transport in pieces and keeps all that came of it. Test code: single thread,
 * malloc behind it, fails by check. */
#ifndef CLOS_WIRE_H
#define CLOS_WIRE_H

#include "common/transport.h"

/* Octets being written; all zero at the start. */
struct octets {
    uint8_t *at;
    size_t size;
    size_t room;
};

void octets_put(struct octets *octets, const void *from, size_t size);
void octets_text(struct octets *octets, const char *text);
void octets_fill(struct octets *octets, uint8_t octet, size_t count);
void octets_free(struct octets *octets);
struct bytes octets_view(const struct octets *octets);

/* A masked frame as a client writes it: first is FIN, RSV and opcode. */
void octets_frame(struct octets *octets, uint8_t first, struct bytes payload);
void octets_frame_text(struct octets *octets, uint8_t first, const char *payload);
void octets_close(struct octets *octets, uint16_t code, const char *reason);

/* A good opening handshake for /ws that offers these subprotocols. */
void octets_upgrade(struct octets *octets, const char *subprotocols);

/* A RawSocket frame: type 0 message, 1 PING, 2 PONG. */
void octets_raw(struct octets *octets, uint8_t type, struct bytes payload);

/* Everything on, limits of the defaults; a test changes its copy. */
struct transport_options wire_options(void);

/* One transport that is fed; what it did is written to log. */
struct wire {
    struct mem in_mem;  /* only the transport takes from it */
    struct mem out_mem; /* and only its outq from this */
    struct outq out;
    struct transport transport;
    uint64_t now_ns;
    bool echo;       /* send every message back */
    bool welcome;    /* transport_welcomed at the first message */
    bool keep;       /* remember the messages' octets (else only their sizes and sum) */
    int result;      /* of the last transport_next */
    size_t held_max; /* most memory held between two calls */
    size_t fed;
    unsigned messages;
    uint64_t messages_sum; /* over all octets of all messages */
    struct octets log;     /* each message: its size and whether it is text, then its octets */
    struct octets sent;    /* all octets that came out */
};

void wire_init(struct wire *wire, const struct transport_options *options);
void wire_fini(struct wire *wire); /* checks that all memory came home */

/* Feeds one piece (copied to memory of exactly its size); false when the transport is over. */
bool wire_feed(struct wire *wire, struct bytes piece);

/* Feeds the stream cut in pieces of that size (0: whole). */
void wire_feed_by(struct wire *wire, struct bytes stream, size_t piece);

/* Moves what waits in out to sent. */
void wire_drain(struct wire *wire);

/* The opening handshake is done and forgotten: sent is empty. */
void wire_open_websocket(struct wire *wire, const char *subprotocol);
void wire_open_rawsocket(struct wire *wire, uint8_t second);

/* As wire_init, and every message is echoed, the first one makes the session welcome. */
void wire_begin(struct wire *wire, const struct transport_options *options);

/* Checks that both came to the same; at is told if not. */
void wire_same(const struct wire *a, const struct wire *b, size_t at);

/* Feeds the stream whole, by one octet, and cut at every point (at most splits_max of them, evenly
 * spread): all must end the same, which is left in *wire (to be finished by the caller). */
void wire_every_way(struct wire *wire, const struct transport_options *options, struct bytes stream,
                    size_t splits_max);

#endif
