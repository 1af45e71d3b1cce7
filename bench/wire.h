/* WAMP messages as the load maker needs them: written once as a template into which an id and a
 * mark are patched, and read just far enough to know type, ids and mark.
 *
 * Pure; any thread. Does not share code with the router's own reader and writer on purpose: what
 * judges the router must not inherit its mistakes. A template owns its octets (in a struct mem)
 * until wire_template_fini; what wire_read returns points into the message. Bounded by the
 * message's size; nesting that is skipped by WIRE_DEPTH_MAX. Bad input is -1. */
#ifndef CLOS_WIRE_H
#define CLOS_WIRE_H

#include "common/buf.h"
#include "common/serializer.h"

enum wire_type {
    WIRE_HELLO = 1,
    WIRE_WELCOME = 2,
    WIRE_ABORT = 3,
    WIRE_GOODBYE = 6,
    WIRE_ERROR = 8,
    WIRE_PUBLISH = 16,
    WIRE_PUBLISHED = 17,
    WIRE_SUBSCRIBE = 32,
    WIRE_SUBSCRIBED = 33,
    WIRE_UNSUBSCRIBE = 34,
    WIRE_UNSUBSCRIBED = 35,
    WIRE_EVENT = 36,
    WIRE_CALL = 48,
    WIRE_RESULT = 50,
    WIRE_REGISTER = 64,
    WIRE_REGISTERED = 65,
    WIRE_INVOCATION = 68,
    WIRE_YIELD = 70,
};

enum { WIRE_DEPTH_MAX = 32, WIRE_ID_BYTES_MAX = 20, MARK_BYTES = 40 };

/* What every payload begins with: who sent it, his how-manieth it is, and when it should have
 * left. 40 lower-case hexadecimal digits, the same octets in every serializer. */
struct mark {
    uint32_t sender;
    uint64_t sequence;
    uint64_t time_ns;
};

void mark_write(const struct mark *mark, uint8_t to[MARK_BYTES]);
void mark_read(const uint8_t from[MARK_BYTES], struct mark *mark); /* digits are not checked */

struct wire_message {
    unsigned type;
    unsigned request_type; /* ERROR */
    uint64_t id[2];        /* in the order they stand: request or subscription, publication ... */
    struct bytes uri;      /* ERROR, ABORT, GOODBYE; or what a request names */
    struct bytes payload;  /* the text of the first argument; none: at is NULL */
};

/* 1, or -1: not a WAMP message of this serializer. Types that no load needs have no fields read. */
int wire_read(struct bytes message, enum serializer serializer, struct wire_message *out);

struct wire_template {
    struct buf before; /* up to the id */
    struct buf after;  /* from the id on */
    size_t mark_at;    /* in after; MARK_NONE without payload */
    enum serializer serializer;
};

#define MARK_NONE SIZE_MAX

struct wire_template_options {
    enum wire_type type;
    const char *key;     /* the one option, or NULL */
    const char *value;   /* its text; NULL: true */
    const char *uri;     /* NULL: the message has none */
    size_t payload_size; /* 0: no arguments; else at least MARK_BYTES */
};

/* false: memory's bound was reached. */
bool wire_template_init(struct wire_template *template, struct mem *mem, enum serializer serializer,
                        const struct wire_template_options *options);
void wire_template_fini(struct wire_template *template);

size_t wire_uint(enum serializer serializer, uint64_t value, uint8_t to[WIRE_ID_BYTES_MAX]);

/* HELLO with all four roles, and GOODBYE. Appended to out; out->failed says if there was room. */
void wire_put_hello(struct buf *out, enum serializer serializer, const char *realm);
void wire_put_goodbye(struct buf *out, enum serializer serializer);
/* A reply of two or three numbers: WELCOME-like ones get empty details (a relay's need). */
void wire_put_numbers(struct buf *out, enum serializer serializer, enum wire_type type,
                      const uint64_t *numbers, size_t count, bool details);

#endif
