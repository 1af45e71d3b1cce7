/* One connection: its transport, its out-queue, its deadlines, and what the world shall do for it.
 *
 * Owned by one core. conn_open and conn_release are the worker's calls, as are conn_receive,
 * conn_peer_ended and conn_sent; the rest is the core's own. A connection lives until
 * conn_release, which the worker calls when the socket is closed and the kernel has let go of the
 * out-queue. Bounded: the out-queue by the slow-reader limits (reliability: soft, hard, stuck),
 * everything before WELCOME by time. Whoever passes a limit is doomed: its queue is thrown away at
 * once, its session is ended at the end of the turn, never in the middle of somebody else's event.
 * It has DOOM_WORDS_MS to hear why, then comes the reset. */
#ifndef CLOS_CONN_H
#define CLOS_CONN_H

#include "router/core.h"

enum conn_phase {
    CONN_OPEN,
    CONN_LAST_WORDS, /* session over; what is queued goes out, then the socket is closed */
    CONN_CLOSING,    /* nothing more goes in or out: the worker closes the socket */
};

enum doom {
    DOOM_NONE,
    DOOM_HARD_BYTES,
    DOOM_HARD_MESSAGES,
    DOOM_SOFT,
    DOOM_STUCK,
    DOOM_MEMORY,
};

enum {
    DOOM_WORDS_MS = 1000, /* for a doomed peer to read that it was ended */
    READS_MS = 100,       /* who took something that long ago is reading */
};

struct session;

struct conn {
    struct core *core;
    const struct listener_settings *listener;
    void *world; /* the worker's own record of the socket */
    struct session *session;
    struct outq out;
    size_t in_flight; /* octets of out that the world is sending: they stay where they are */
    struct list in_core;
    struct list in_dirty;
    struct list in_doomed;
    struct timer timer;
    uint64_t opened_ns;      /* accept; then the handshake's end, or the last GOODBYE */
    uint64_t close_by_ns;    /* our GOODBYE or last words are out: hang up then; NEVER */
    uint64_t soft_since_ns;  /* above out_soft_bytes since then; 0: below */
    uint64_t progress_ns;    /* the peer took something, or the queue began to fill; 0: empty */
    uint64_t pause_until_ns; /* publisher's pause; 0: none */
    place_set lanes_waited;  /* reading is paused until these lanes have room */
    enum conn_phase phase;
    enum doom doom;
    bool reset;          /* close with RST: a slow reader's kernel buffers are thrown away */
    bool open_counted;   /* the transport's handshake is done */
    bool reading_paused; /* what the world was told last; the worker compares */
    struct transport transport;
};

/* A fresh socket of that listener; NULL: a limit reached (counted): close it. */
struct conn *conn_open(struct core *core, const struct listener_settings *listener, void *world);

/* Octets came in; they may be changed in place. */
void conn_receive(struct conn *conn, uint8_t *octets, size_t size);

/* The peer is gone (end of stream or error). */
void conn_peer_ended(struct conn *conn);

/* The kernel took size octets of the out-queue, of in_flight that it was offered. */
void conn_sent(struct conn *conn, size_t size);

/* The socket is closed: frees the connection. */
void conn_release(struct conn *conn);

/* Whether the world shall read from it now. */
bool conn_wants_reading(const struct conn *conn);

/* Whether the world shall close the socket now: nothing is left to send or to wait for. */
bool conn_is_done(const struct conn *conn);

/* ---- for the core */

/* Something was queued or has changed: the worker will look at it at the end of the turn. */
static inline void conn_mark_dirty(struct conn *conn)
{
    if (list_empty(&conn->in_dirty)) {
        list_push(&conn->core->dirty, &conn->in_dirty);
    }
}

void conn_doom(struct conn *conn, enum doom doom);

/* Memory runs out: the longest out-queues go. false: they are not what fills it. */
bool conn_relieve(struct core *core);

/* Whether its peer took all before this turn, or something a moment ago. */
static inline bool conn_reads(const struct conn *conn)
{
    return conn->progress_ns == 0 || conn->core->now_ns - conn->progress_ns <= READS_MS * NS_PER_MS;
}

/* Slow path of conn_queued. */
void conn_over_soft(struct conn *conn);

/* One message was appended to the out-queue: judges the slow-reader limits. */
static inline void conn_queued(struct conn *conn)
{
    const struct limits *limits = conn->core->limits;
    conn->core->stats.messages_sent++;
    if (unlikely(conn->out.bytes > limits->out_soft_bytes ||
                 conn->out.messages > limits->out_hard_messages)) {
        conn_over_soft(conn);
    }
    conn_mark_dirty(conn);
}

/* Ends every doomed connection of the core. */
void conn_end_doomed(struct core *core);

/* Its timer is due. */
void conn_expire(struct conn *conn);

/* Sets the timer to the earliest of its deadlines. */
void conn_schedule(struct conn *conn);

/* No more messages are read. Flushes what is queued, says the transport's own last word (WebSocket
 * Close with that code), then closes. The session must be gone. */
void conn_finish(struct conn *conn, uint16_t websocket_code);

/* Stops reading from it for a few milliseconds, once a turn at the most (slow readers). */
void conn_pause_publisher(struct conn *conn);

/* Stops reading from it until the lane has room. */
void conn_wait_lane(struct conn *conn, place_id place);

/* A lane has room again: those who waited for it may go on. */
void conn_lane_has_room(struct core *core, place_id place);

#endif
