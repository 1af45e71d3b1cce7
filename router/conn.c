/* A connection's deadlines share one timer, set to the earliest; when it is due every deadline is
 * looked at. Octets in flight move deadlines forward lazily: nothing is set while traffic flows. */
#include "router/conn.h"

#include "router/session.h"

enum {
    CONN_RESERVE = 64,
    RELIEF_BYTES_MIN = 65536, /* shorter queues are not what fills the memory */
};

static uint64_t time_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct conn *conn_open(struct core *core, const struct listener_settings *listener, void *world)
{
    struct conn *conn = NULL;
    /* A few above the limit are heard, to be told in their own protocol that the router is full. */
    bool full = core->gauges.connections >= core->limits->connections;
    if (core->gauges.connections < core->limits->connections + CONN_RESERVE) {
        conn = mem_take_zero(&core->mem, sizeof *conn);
    }
    if (conn == NULL || full) {
        core->stats.connections_refused++;
    }
    if (conn == NULL) {
        return NULL;
    }
    conn->core = core;
    conn->listener = listener;
    conn->world = world;
    conn->opened_ns = core->now_ns;
    conn->close_by_ns = NEVER;
    list_init(&conn->in_dirty);
    list_init(&conn->in_doomed);
    list_push(&core->conns, &conn->in_core);
    timer_init(&conn->timer);
    outq_init(&conn->out, &core->mem);
    transport_init(&conn->transport, &listener->transport, &conn->out, &core->mem, core->now_ns);
    conn->transport.full = full;
    core->stats.connections_opened++;
    core->gauges.connections++;
    conn_mark_dirty(conn);
    return conn;
}

void conn_release(struct conn *conn)
{
    struct core *core = conn->core;
    if (conn->session != NULL) {
        session_end(conn->session);
    }
    timer_stop(&core->timers, &conn->timer);
    list_remove(&conn->in_core);
    list_remove(&conn->in_dirty);
    list_remove(&conn->in_doomed);
    transport_fini(&conn->transport);
    outq_fini(&conn->out);
    core->stats.connections_closed++;
    core->gauges.connections--;
    mem_give(&core->mem, conn, sizeof *conn);
}

static void conn_enter_closing(struct conn *conn)
{
    check(conn->session == NULL);
    conn->phase = CONN_CLOSING;
    conn_mark_dirty(conn);
}

void conn_finish(struct conn *conn, uint16_t websocket_code)
{
    check(conn->session == NULL);
    if (conn->phase != CONN_OPEN) {
        return;
    }
    conn->phase = CONN_LAST_WORDS;
    conn->close_by_ns = conn->core->now_ns + conn->core->limits->close_ms * NS_PER_MS;
    transport_close(&conn->transport, websocket_code, conn->core->now_ns);
    conn_mark_dirty(conn);
}

/* The transport ended by itself; what it had to say is queued. */
static void conn_transport_ended(struct conn *conn)
{
    struct core *core = conn->core;
    if (conn->phase != CONN_OPEN) {
        conn_mark_dirty(conn);
        return;
    }
    core->stats.transport_ends[conn->transport.end]++;
    if (conn->session != NULL && conn->transport.end == TRANSPORT_END_DATA_TYPE) {
        session_violate(conn, "text and binary are not what the subprotocol agreed on");
        return;
    }
    if (conn->session != NULL) {
        session_end(conn->session);
    }
    conn->phase = CONN_LAST_WORDS;
    conn->close_by_ns = core->now_ns + core->limits->close_ms * NS_PER_MS;
    if (conn->transport.end == TRANSPORT_END_DATA_TYPE) {
        transport_close(&conn->transport, 1003, core->now_ns);
    }
    conn_mark_dirty(conn);
}

void conn_receive(struct conn *conn, uint8_t *octets, size_t size)
{
    struct feed feed = {octets, size};
    struct bytes message;
    int status = 0;
    while (conn->phase == CONN_LAST_WORDS ||
           (conn->phase == CONN_OPEN && conn->doom == DOOM_NONE)) {
        status = transport_next(&conn->transport, &feed, conn->core->now_ns, &message);
        if (status != 1) {
            break;
        }
        if (conn->phase == CONN_OPEN) {
            session_receive(conn, message);
        }
    }
    if (status < 0) {
        conn_transport_ended(conn);
    }
    if (unlikely(!conn->open_counted)) {
        conn->open_counted = conn->transport.open;
        conn->opened_ns = conn->transport.open ? conn->core->now_ns : conn->opened_ns;
        conn_mark_dirty(conn);
    } else if (conn->out.bytes > 0) { /* pongs */
        conn_mark_dirty(conn);
    }
}

void conn_peer_ended(struct conn *conn)
{
    if (conn->session != NULL) {
        session_end(conn->session);
    }
    conn_enter_closing(conn);
}

void conn_sent(struct conn *conn, size_t size)
{
    conn->in_flight = 0;
    outq_sent(&conn->out, size);
    conn->progress_ns = conn->out.bytes > 0 ? conn->core->now_ns : 0;
    /* Messages are judged when the peer had a turn to take some, not when a burst is queued: many
     * small ones pass this limit in one turn, and a reader that keeps up is below it again soon. */
    if (conn->out.messages > conn->core->limits->out_hard_messages) {
        conn_doom(conn, DOOM_HARD_MESSAGES);
    }
    if (conn->soft_since_ns != 0 && conn->out.bytes <= conn->core->limits->out_soft_bytes) {
        conn->soft_since_ns = 0;
    }
    conn_mark_dirty(conn);
}

/* Of a doomed RawSocket nothing tells that the last words have left the kernel but its own end. */
bool conn_is_done(const struct conn *conn)
{
    bool tells = conn->doom == DOOM_NONE || conn->transport.kind == TRANSPORT_WEBSOCKET;
    return conn->phase == CONN_CLOSING || (conn->phase == CONN_LAST_WORDS && conn->out.bytes == 0 &&
                                           tells && transport_finished(&conn->transport));
}

bool conn_wants_reading(const struct conn *conn)
{
    return conn->phase != CONN_CLOSING && conn->pause_until_ns == 0 && conn->lanes_waited == 0;
}

void conn_pause_publisher(struct conn *conn)
{
    struct core *core = conn->core;
    if (conn->pause_until_ns == 0 && core->limits->publisher_pause_ms > 0) {
        conn->pause_until_ns = core->now_ns + core->limits->publisher_pause_ms * NS_PER_MS;
        core->stats.publisher_pauses++;
        conn_mark_dirty(conn);
    }
}

void conn_wait_lane(struct conn *conn, place_id place)
{
    if ((conn->lanes_waited & place_bit(place)) == 0) {
        conn->lanes_waited |= place_bit(place);
        conn->core->stats.place_pauses++;
        conn_mark_dirty(conn);
    }
}

void conn_lane_has_room(struct core *core, place_id place)
{
    list_for_each(node, &core->conns)
    {
        struct conn *conn = container_of(node, struct conn, in_core);
        if ((conn->lanes_waited & place_bit(place)) != 0) {
            conn->lanes_waited &= ~place_bit(place);
            conn_mark_dirty(conn);
        }
    }
}

/* ---- slow readers */

void conn_doom(struct conn *conn, enum doom doom)
{
    if (conn->doom == DOOM_NONE && conn->phase != CONN_CLOSING) {
        conn->doom = doom;
        list_push(&conn->core->doomed, &conn->in_doomed);
        outq_drop_rest(&conn->out, conn->in_flight);
    }
}

void conn_over_soft(struct conn *conn)
{
    const struct limits *limits = conn->core->limits;
    if (conn->out.bytes > limits->out_hard_bytes) {
        conn_doom(conn, DOOM_HARD_BYTES);
    } else if (conn->out.messages > limits->out_hard_messages && !conn_reads(conn)) {
        conn_doom(conn, DOOM_HARD_MESSAGES); /* who reads is judged by what it leaves: conn_sent */
    }
    if (conn->out.bytes > limits->out_soft_bytes && conn->soft_since_ns == 0) {
        conn->soft_since_ns = conn->core->now_ns;
    }
}

static void doom_count(struct stats *stats, enum doom doom)
{
    switch (doom) {
    case DOOM_NONE:
        break;
    case DOOM_HARD_BYTES:
        stats->killed_hard_bytes++;
        break;
    case DOOM_HARD_MESSAGES:
        stats->killed_hard_messages++;
        break;
    case DOOM_SOFT:
        stats->killed_soft++;
        break;
    case DOOM_STUCK:
        stats->killed_stuck++;
        break;
    case DOOM_MEMORY:
        stats->killed_memory++;
        break;
    }
}

/* What is waiting since before this turn; else 0. */
static size_t conn_overdue_bytes(const struct conn *conn)
{
    return conn->doom == DOOM_NONE && conn->progress_ns != 0 ? conn->out.bytes : 0;
}

/* The longest are those above half of the very longest: few walks free much, whatever their number.
 * Who had taken everything when the turn began is not slow. */
bool conn_relieve(struct core *core)
{
    size_t most = 0;
    if (core->relief_failed_ns == core->now_ns) {
        return false;
    }
    list_for_each(node, &core->conns)
    {
        most = size_max(most, conn_overdue_bytes(container_of(node, struct conn, in_core)));
    }
    if (most < RELIEF_BYTES_MIN) {
        core->relief_failed_ns = core->now_ns;
        return false;
    }
    list_for_each(node, &core->conns)
    {
        struct conn *conn = container_of(node, struct conn, in_core);
        if (conn_overdue_bytes(conn) > most / 2) {
            conn_doom(conn, DOOM_MEMORY);
        }
    }
    return true;
}

static void conn_end_one_doomed(struct conn *conn)
{
    struct core *core = conn->core;
    bool hears = conn->session != NULL && conn->session->state == SESSION_ESTABLISHED &&
                 conn->phase == CONN_OPEN && !transport_finished(&conn->transport);
    doom_count(&core->stats, conn->doom);
    conn->soft_since_ns = 0;
    if (conn->session != NULL) {
        session_end(conn->session);
    }
    if (hears) {
        session_kill(conn, conn->doom == DOOM_MEMORY
                               ? "no memory is left for what you have not read"
                               : "you read too slowly");
        uint64_t words_ns = core->now_ns + DOOM_WORDS_MS * NS_PER_MS;
        conn->close_by_ns = time_min(conn->close_by_ns, words_ns);
    }
    if (!hears || conn->out.bytes == 0) { /* or there is no memory for last words */
        conn->reset = true;
        conn_enter_closing(conn);
    }
}

void conn_end_doomed(struct core *core)
{
    struct list *node;
    while ((node = list_pop(&core->doomed)) != NULL) {
        conn_end_one_doomed(container_of(node, struct conn, in_doomed));
    }
}

/* ---- time */

static uint64_t conn_join_deadline(const struct conn *conn)
{
    const struct limits *limits = conn->core->limits;
    if (conn->session != NULL || conn->phase != CONN_OPEN) {
        return NEVER;
    }
    return conn->opened_ns +
           (conn->transport.open ? limits->hello_ms : limits->welcome_ms) * NS_PER_MS;
}

static uint64_t conn_stuck_deadline(const struct conn *conn)
{
    return conn->progress_ns != 0 && conn->doom == DOOM_NONE
               ? conn->progress_ns + conn->core->limits->out_stuck_ms * NS_PER_MS
               : NEVER;
}

static uint64_t conn_soft_deadline(const struct conn *conn)
{
    return conn->soft_since_ns != 0
               ? conn->soft_since_ns + conn->core->limits->out_soft_ms * NS_PER_MS
               : NEVER;
}

void conn_schedule(struct conn *conn)
{
    if (conn->phase == CONN_CLOSING) {
        timer_stop(&conn->core->timers, &conn->timer);
        return;
    }
    if (conn->progress_ns == 0 && conn->out.bytes > 0) {
        conn->progress_ns = conn->core->now_ns;
    }
    uint64_t due = time_min(conn->transport.deadline_ns, conn->close_by_ns);
    due = time_min(due, conn_join_deadline(conn));
    due = time_min(due, conn_stuck_deadline(conn));
    due = time_min(due, conn_soft_deadline(conn));
    if (conn->pause_until_ns != 0) {
        due = time_min(due, conn->pause_until_ns);
    }
    if (due == NEVER) {
        timer_stop(&conn->core->timers, &conn->timer);
    } else if (!timer_is_set(&conn->timer) || due < conn->timer.due_ns) {
        timer_set(&conn->core->timers, &conn->timer, due);
    }
}

static void conn_expire_close(struct conn *conn)
{
    if (conn->doom != DOOM_NONE) {
        conn->reset = true;
    } else {
        conn->core->stats.close_timeouts++;
    }
    if (conn->session != NULL) {
        session_end(conn->session);
    }
    conn_enter_closing(conn);
}

void conn_expire(struct conn *conn)
{
    struct core *core = conn->core;
    uint64_t now = core->now_ns;
    if (conn->pause_until_ns != 0 && conn->pause_until_ns <= now) {
        conn->pause_until_ns = 0;
    }
    if (conn->close_by_ns <= now) {
        conn_expire_close(conn);
        return;
    }
    if (conn_join_deadline(conn) <= now) {
        core->stats.hello_timeouts++;
        conn_finish(conn, 1008);
    }
    if (conn_stuck_deadline(conn) <= now) {
        conn_doom(conn, DOOM_STUCK);
    } else if (conn_soft_deadline(conn) <= now) {
        conn_doom(conn, DOOM_SOFT);
    }
    if (conn->transport.deadline_ns <= now && transport_expire(&conn->transport, now) < 0) {
        conn_transport_ended(conn);
    }
    conn_mark_dirty(conn); /* scheduled anew with the other dirty ones */
}
