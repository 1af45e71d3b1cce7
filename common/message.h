/* One WAMP message as a router reads it: the head's fields, the payload as bytes (WAMP, messages;
 * rules B-MSG, B-TYP, B-ID).
 *
 * message_read walks the octets once, builds nothing, and proves the whole well-formed. Called by
 * the worker that owns the session, and by tests and fuzzers. Everything in struct message points
 * into the input, or into the reader's scratch when text had to be decoded: dead at the next call.
 * Bounded by the depths given and by keys_max per dict. A fault is a value with words for the
 * ABORT's message; it is the peer's. Pure. */
#ifndef CLOS_MESSAGE_H
#define CLOS_MESSAGE_H

#include "common/match.h"
#include "common/token.h"

enum message_code {
#define MESSAGE(code, name, fields, payload, sender) MESSAGE_##name = (code),
#include "common/message.def"
#undef MESSAGE
};

#define ID_MAX (UINT64_C(1) << 53) /* ids are 1 .. 2^53 (B-ID-1) */

enum invoke_policy { /* REGISTER.Options.invoke (A-SHR-1) */
                     INVOKE_SINGLE,
                     INVOKE_ROUNDROBIN,
                     INVOKE_RANDOM,
                     INVOKE_FIRST,
                     INVOKE_LAST,
};

enum role_bit { /* HELLO.Details.roles */
                ROLE_PUBLISHER = 1,
                ROLE_SUBSCRIBER = 2,
                ROLE_CALLER = 4,
                ROLE_CALLEE = 8,
};

enum { MESSAGE_KEYS_MAX = 1024 }; /* keys of one dict of the head */

struct message {
    enum message_code code;
    enum serializer serializer;
    uint64_t request;      /* first id; 0 where there is none */
    uint64_t id;           /* second id: UNSUBSCRIBE.Subscription, UNREGISTER.Registration */
    uint64_t request_type; /* ERROR only */
    struct bytes uri;      /* topic, procedure, realm, reason, error, or AUTHENTICATE's signature */
    struct bytes args;     /* encoded list, or size 0: absent */
    struct bytes kwargs;   /* encoded dict, or size 0: absent */
    /* attributes, at their defaults where absent */
    bool acknowledge;
    bool exclude_me;
    bool progress;
    bool ppt;
    enum match_kind match;
    enum invoke_policy invoke;
    uint8_t roles;         /* of enum role_bit */
    bool methods_given;    /* HELLO.Details.authmethods was there */
    bool method_anonymous; /* ... and names "anonymous" */
    struct bytes authid;
};

struct message_reader {
    unsigned depth_details;
    unsigned depth_payload;
    struct buf scratch; /* decoded text */
    size_t octets_size; /* of the message being read */
    const char *fault;  /* words, when message_read answered false */
    uint64_t keys[MESSAGE_KEYS_MAX];
};

void message_reader_init(struct message_reader *reader, struct mem *mem, unsigned depth_details,
                         unsigned depth_payload);
void message_reader_fini(struct message_reader *reader);

/* false: a protocol violation by the sender; reader->fault says which. */
bool message_read(struct message_reader *reader, enum serializer serializer, struct bytes octets,
                  struct message *message);

/* "PUBLISH"; NULL for a code that WAMP does not know. */
const char *message_name(uint64_t code);

/* Only a router sends it: received, it is a violation in any state (B-MSG-4). */
bool message_is_from_router(enum message_code code);

#endif
