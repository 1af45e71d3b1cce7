/* A WAMP client as tests know one: octets in, octets out, messages as JSON text. No socket: the
 * conversation runner puts it on the bare core, on simulated sockets or on real ones; simulator and
 * fuzzers use it too. Speaks every framing and serializer, answers pings, masks its frames. Test
 * code: malloc behind it, fails by check. */
#ifndef CLOS_TESTS_PERSON_H
#define CLOS_TESTS_PERSON_H

#include "common/transport.h"
#include "tests/lib/wire.h"

struct heard; /* a message that came, not yet listened to */

struct person {
    enum framing framing;
    enum serializer serializer;
    struct octets out; /* to be sent by whoever moves octets; octets_drop what went */
    struct octets in;  /* came, not yet understood */
    struct heard *heard_first;
    struct heard *heard_last;
    uint32_t heard_count;
    bool open;           /* the handshake was answered well */
    bool refused;        /* the handshake was answered badly */
    bool gone;           /* the other side closed: set by whoever moves octets */
    bool mute;           /* does not answer pings */
    uint16_t close_code; /* of a WebSocket Close that came; 0: none */
    uint64_t pongs;      /* that came */
    uint64_t mask;       /* of the next frame */
};

/* Writes the handshake; octets_text of a refusal stay in in. */
void person_init(struct person *person, enum framing framing, enum serializer serializer);
void person_fini(struct person *person);

/* Says one message, given as JSON (binary as "\u0000" and base64). */
void person_say(struct person *person, const char *json);

/* The same as octets of its own serializer, well-formed or not. */
void person_say_octets(struct person *person, struct bytes message);

/* Octets that came. */
void person_take(struct person *person, const void *at, size_t size);

/* The first message not yet listened to, as JSON, or NULL; the caller frees it. */
char *person_hear(struct person *person);

/* Puts a message behind those that wait to be heard; json is the person's from here. */
void person_put_back(struct person *person, char *json);

/* Asks the router for a sign of life; it is here when pongs has grown. */
void person_ping(struct person *person);

/* Forgets the first size octets of out. */
void person_sent(struct person *person, size_t size);

#endif
