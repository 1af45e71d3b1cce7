/* Many WAMP connections on one thread: opens them, feeds their peers, flushes once a turn.
 *
 * A scenario owns the struct load and the array of conns, drives it with load_turn, and hears
 * through load_ops of sessions that joined, messages, and connections that ended (also within
 * load_turn; it may send and close from there). load owns sockets and buffers until load_fini.
 * Bounded: conns_count connections, OUT_BYTES_MAX waiting on each, a message as large as the
 * payload asks for. What the world refuses comes as ended() with the reason. */
#ifndef CLOS_LOAD_H
#define CLOS_LOAD_H

#include "bench/options.h"
#include "bench/peer.h"

enum {
    LOAD_RECEIVE_BYTES = 256 * 1024,
    LOAD_OUT_BYTES_HIGH = 1024 * 1024, /* senders hold their schedule above this */
    LOAD_SOURCE_PORTS = 8000,          /* from one address; above, the kernel seeks for long */
};

enum conn_state {
    CONN_FREE,
    CONN_CONNECTING,
    CONN_GREETING, /* from the handshake to WELCOME */
    CONN_JOINED,
};

struct conn {
    struct peer peer;
    struct buf pending; /* octets of a message that has not all come */
    int fd;
    enum conn_state state;
    bool receiver;    /* joins where receivers do */
    bool dirty;       /* in load's list of those with something to flush */
    bool wants_write; /* epoll tells when the kernel takes more */
    uint32_t index;   /* in load's array */
    uint32_t generation;
    uint64_t opened_ns;
    uint64_t request_next; /* the next request id of this session */
    size_t out_sent;       /* octets of peer.out that are gone */
    struct conn *dirty_next;
};

struct load;

struct load_ops {
    void (*joined)(struct load *load, struct conn *conn);
    void (*message)(struct load *load, struct conn *conn, const struct wire_message *message);
    void (*ended)(struct load *load, struct conn *conn, const char *why);
};

struct load {
    const struct options *options;
    const struct load_ops *ops;
    void *scenario;
    struct conn *conns;
    size_t conns_count;
    struct conn *dirty;
    int epoll;
    uint64_t now_ns; /* read after every receive */
    uint64_t opened; /* connections begun, for source addresses */
    uint64_t received_messages;
    uint8_t *buffer;
    size_t buffer_bytes;
    struct mem mem;
    struct rng rng;
};

/* false: the world refuses (told on stderr). conns_count connections, all free. */
bool load_init(struct load *load, const struct options *options, const struct load_ops *ops,
               size_t conns_count, void *scenario);
void load_fini(struct load *load);

/* Begins to connect; joined() or ended() follows, perhaps ended() at once. */
void load_open(struct load *load, struct conn *conn);

/* Hangs up without a word and frees the conn; ended() is not called. reset: with RST. */
void load_close(struct load *load, struct conn *conn, bool reset);

/* The conn has something in peer.out. */
static inline void load_touch(struct load *load, struct conn *conn)
{
    if (!conn->dirty) {
        conn->dirty = true;
        conn->dirty_next = load->dirty;
        load->dirty = conn;
    }
}

static inline size_t load_waiting(const struct conn *conn)
{
    return conn->peer.out.size - conn->out_sent;
}

void load_send(struct load *load, struct conn *conn, const struct wire_template *template,
               uint64_t id, const struct mark *mark);

/* Flushes, waits for sockets until until_ns at the latest, handles what came. */
void load_turn(struct load *load, uint64_t until_ns);

/* Opens all conns, concurrency at a time, and turns until each has joined and *ready, which ops
 * count up, is conns_count. false: not within the time, or *failed was set. */
bool load_join_all(struct load *load, const size_t *ready, const bool *failed);

#endif
