/* An encoded message, framed for each kind of transport, and put into as many out-queues as want
 * it.
 *
 * The body lies in the core's scratch of its serializer until the next encode_begin with that
 * serializer. Small messages are copied into each queue; large ones become a blob, one for each
 * framing, shared by count. Pure. */
#ifndef CLOS_ENCODE_H
#define CLOS_ENCODE_H

#include "common/transcode.h"
#include "router/conn.h"

struct encoding {
    struct core *core;
    struct buf *buf;              /* FRAME_HEAD_BYTES_MAX of room for a head, then the body */
    struct blob *blobs[FRAMINGS]; /* made when first wanted */
    uint8_t heads[FRAMINGS][FRAME_HEAD_BYTES_MAX];
    uint8_t heads_size[FRAMINGS]; /* 0: not made yet */
    enum serializer serializer;
    bool failed; /* the payload has no form in this serializer, or no memory */
};

enum sent {
    SENT,
    SENT_FAILED,    /* encoding failed */
    SENT_OVERSIZED, /* the peer takes no message of that size */
    SENT_DOOMED,    /* the connection is: nothing was queued */
};

/* Starts a message: the writer appends its body. */
void encode_begin(struct encoding *encoding, struct core *core, enum serializer serializer,
                  struct writer *writer);

/* Appends a payload that came in another message, as it is or transcoded, and ends the message's
 * list. */
void encode_payload(struct encoding *encoding, struct writer *writer, enum serializer from,
                    struct bytes args, struct bytes kwargs);

/* How many elements a payload adds to its message: 0, 1 or 2. */
static inline uint32_t payload_count(struct bytes args, struct bytes kwargs)
{
    return args.size == 0 ? 0 : kwargs.size == 0 ? 1 : 2;
}

/* The body is complete. */
void encode_end(struct encoding *encoding);

/* Queues it to one connection, which has this serializer. May be called for many. */
enum sent encode_send(struct encoding *encoding, struct conn *conn);

/* No more receivers. */
void encode_done(struct encoding *encoding);

/* One message that is nothing but a code and ids: PUBLISHED, SUBSCRIBED, ... */
enum sent encode_ids(struct conn *conn, enum message_code code, unsigned count, uint64_t first,
                     uint64_t second);

#endif
