/* One end of a WAMP connection as octets in, octets out: RawSocket or WebSocket, either role.
 *
 * Pure: the handshake and every message to be sent are appended to out, which its owner sends and
 * empties; octets that came are handed to peer_next until it wants more. One owner, one thread. A
 * message that peer_next gives points into the input (or into the peer, if it came in fragments)
 * and dies at the next call. Bounded by message_bytes_max on the way in and out_bytes_max on the
 * way out. A broken or refusing other end makes peer_next answer -1 and say why in broken. */
#ifndef CLOS_PEER_H
#define CLOS_PEER_H

#include "bench/wire.h"
#include "common/rng.h"
#include "common/transport.h"

enum peer_state {
    PEER_HANDSHAKE,
    PEER_OPEN,   /* messages may come and go; a client has sent HELLO */
    PEER_BROKEN, /* see broken */
};

struct peer_options {
    enum framing framing;
    enum serializer serializer; /* a server learns it from the handshake */
    bool server;
    const char *realm; /* client: for HELLO */
    const char *host;  /* client: the Host field */
    const char *path;  /* client: what to GET */
    struct mem *mem;
    struct rng *rng; /* masks; shared by the peers of one thread */
    size_t message_bytes_max;
    size_t out_bytes_max;
};

struct peer {
    enum framing framing;
    enum serializer serializer;
    enum peer_state state;
    bool server;
    bool in_fragments;
    const char *realm;
    const char *broken;
    struct rng *rng;
    size_t message_bytes_max;
    struct buf out;
    struct buf fragments;
    size_t body_at;  /* of the message that peer_message opened in out */
    char accept[29]; /* what a client expects of the server's answer */
};

void peer_init(struct peer *peer, const struct peer_options *options);
void peer_fini(struct peer *peer);

/* A client's first words. */
void peer_open(struct peer *peer, const struct peer_options *options);

/* 1: *message is the next one, and input begins behind it. 0: give more octets, beginning with
 * what is left of input. -1: the connection is over. Unmasks in place. */
int peer_next(struct peer *peer, struct bytes *input, struct bytes *message);

/* Opens a message of size octets in out: write all of them, then peer_message_end. NULL: out is
 * full (out.failed), the message is not sent. */
uint8_t *peer_message(struct peer *peer, size_t size);
void peer_message_end(struct peer *peer, size_t size);

void peer_send(struct peer *peer, struct bytes message);

/* A template with its id, and with its mark if it has a payload. */
void peer_send_template(struct peer *peer, const struct wire_template *template, uint64_t id,
                        const struct mark *mark);

#endif
