#include "router/session.h"

#include "router/broker.h"
#include "router/dealer.h"
#include "router/encode.h"
#include "router/welcome.h"

static void write_text(struct writer *writer, const char *text)
{
    write_string(writer, bytes_text(text));
}

/* ---- what a session is told outside of its requests */

/* ABORT [3, {"message": ...}, reason] (B-SES-10). */
static void session_abort(struct conn *conn, const char *reason, const char *message)
{
    struct encoding encoding;
    struct writer writer;
    encode_begin(&encoding, conn->core, conn->transport.serializer, &writer);
    write_array(&writer, 3);
    write_uint(&writer, MESSAGE_ABORT);
    write_map(&writer, 1);
    write_text(&writer, "message");
    write_text(&writer, message);
    write_end(&writer);
    write_text(&writer, reason);
    write_end(&writer);
    encode_end(&encoding);
    encode_send(&encoding, conn);
    encode_done(&encoding);
}

void session_refuse(struct conn *conn, const char *reason, const char *message)
{
    conn->core->stats.joins_refused++;
    session_abort(conn, reason, message);
    conn_finish(conn, 1000);
}

void session_kill(struct conn *conn, const char *message)
{
    session_abort(conn, "wamp.close.killed", message);
    conn_finish(conn, 1008);
}

void session_violate(struct conn *conn, const char *message)
{
    conn->core->stats.protocol_violations++;
    if (conn->session != NULL) {
        session_end(conn->session);
    }
    session_abort(conn, "wamp.error.protocol_violation", message);
    conn_finish(conn, conn->transport.end == TRANSPORT_END_DATA_TYPE ? 1003 : 1002);
}

static void session_send_goodbye(struct conn *conn, const char *reason)
{
    struct encoding encoding;
    struct writer writer;
    encode_begin(&encoding, conn->core, conn->transport.serializer, &writer);
    write_array(&writer, 3);
    write_uint(&writer, MESSAGE_GOODBYE);
    write_map(&writer, 0);
    write_end(&writer);
    write_text(&writer, reason);
    write_end(&writer);
    encode_end(&encoding);
    encode_send(&encoding, conn);
    encode_done(&encoding);
}

void session_goodbye(struct session *session, const char *reason)
{
    if (session->state == SESSION_ESTABLISHED) {
        struct conn *conn = session->conn;
        session_send_goodbye(conn, reason);
        broker_leave(session);
        dealer_leave(session);
        session->state = SESSION_SHUTTING_DOWN;
        conn->close_by_ns = conn->core->now_ns + conn->core->limits->close_ms * NS_PER_MS;
        conn_mark_dirty(conn);
    }
}

void session_error(struct session *session, enum message_code type, uint64_t request,
                   const char *uri, const char *message)
{
    struct encoding encoding;
    struct writer writer;
    session->conn->core->stats.requests_refused++;
    encode_begin(&encoding, session->conn->core, session->conn->transport.serializer, &writer);
    write_array(&writer, message == NULL ? 5 : 6);
    write_uint(&writer, MESSAGE_ERROR);
    write_uint(&writer, (uint64_t)type);
    write_uint(&writer, request);
    write_map(&writer, 0);
    write_end(&writer);
    write_text(&writer, uri);
    if (message != NULL) {
        write_array(&writer, 1);
        write_text(&writer, message);
        write_end(&writer);
    }
    write_end(&writer);
    encode_end(&encoding);
    encode_send(&encoding, session->conn);
    encode_done(&encoding);
}

/* ---- its end */

void session_end(struct session *session)
{
    struct conn *conn = session->conn;
    struct core *core = conn->core;
    broker_leave(session);
    dealer_leave(session);
    list_remove(&session->in_realm);
    check(map_take(&core->sessions, session->id) == session);
    map_fini(&session->subscriptions);
    map_fini(&session->registrations);
    map_fini(&session->calls);
    map_fini(&session->invocations);
    conn->session = NULL;
    core->stats.sessions_closed++;
    core->gauges.sessions--;
    mem_give(&core->mem, session, sizeof *session);
}

/* The client's GOODBYE: answered, then the transport may carry another HELLO (B-WS-6). */
static void session_receive_goodbye(struct session *session)
{
    struct conn *conn = session->conn;
    bool ours_was_first = session->state == SESSION_SHUTTING_DOWN;
    if (!ours_was_first) {
        session_send_goodbye(conn, "wamp.close.goodbye_and_out");
    }
    session_end(session);
    if (ours_was_first) {
        conn_finish(conn, 1000);
        return;
    }
    conn->opened_ns = conn->core->now_ns;
    conn->close_by_ns = NEVER;
    conn_mark_dirty(conn);
}

/* ---- requests */

/* Ids of requests form one sequence: 1, 2, 3 ... 2^53, 1 (B-ID-4). */
static bool request_is_next(struct session *session, uint64_t request)
{
    uint64_t next = session->request_last == ID_MAX ? 1 : session->request_last + 1;
    if (session->conn->listener->request_ids == REQUEST_IDS_STRICT && request != next) {
        return false;
    }
    session->request_last = request;
    return true;
}

static bool request_role_announced(const struct session *session, enum role_bit role)
{
    return session->conn->listener->request_ids == REQUEST_IDS_LENIENT ||
           (session->roles & role) != 0;
}

struct request {
    enum message_code code;
    enum role_bit role;
    bool numbered;
    bool told; /* every place hears of it */
    void (*handle)(struct session *session, const struct message *message);
};

static const struct request requests[] = {
    {MESSAGE_PUBLISH, ROLE_PUBLISHER, true, false, broker_publish},
    {MESSAGE_CALL, ROLE_CALLER, true, false, dealer_call},
    {MESSAGE_YIELD, ROLE_CALLEE, false, false, dealer_yield},
    {MESSAGE_ERROR, ROLE_CALLEE, false, false, dealer_error},
    {MESSAGE_SUBSCRIBE, ROLE_SUBSCRIBER, true, true, broker_subscribe},
    {MESSAGE_UNSUBSCRIBE, ROLE_SUBSCRIBER, true, true, broker_unsubscribe},
    {MESSAGE_REGISTER, ROLE_CALLEE, true, true, dealer_register},
    {MESSAGE_UNREGISTER, ROLE_CALLEE, true, true, dealer_unregister},
};

/* Who tells all places something is paused like who sends to one of them. */
static void request_wait_lanes(struct conn *conn)
{
    place_set full = conn->core->lanes_full;
    while (full != 0) {
        conn_wait_lane(conn, place_pop(&full));
    }
}

static void session_handle(struct session *session, const struct message *message)
{
    struct conn *conn = session->conn;
    for (size_t i = 0; i < array_count(requests); i++) {
        const struct request *request = &requests[i];
        if (request->code != message->code) {
            continue;
        }
        if (unlikely(!request_role_announced(session, request->role))) {
            session_violate(session->conn, "a request of a role that HELLO did not announce "
                                           "(listener option request_ids: lenient allows it)");
        } else if (unlikely(message->ppt)) {
            session_violate(session->conn, "payload passthru mode was not announced");
        } else if (unlikely(request->numbered && !request_is_next(session, message->request))) {
            session_violate(session->conn, "request ids must be 1, 2, 3 and so on "
                                           "(listener option request_ids: lenient allows others)");
        } else {
            request->handle(session, message); /* the session may be gone */
            if (unlikely(conn->core->lanes_full != 0) && request->told) {
                request_wait_lanes(conn);
            }
        }
        return;
    }
    session_violate(session->conn, "a message that has no place in an established session");
}

void session_receive(struct conn *conn, struct bytes octets)
{
    struct core *core = conn->core;
    struct message message;
    struct session *session = conn->session;
    core->stats.messages_received++;
    bool read = message_read(&core->reader, conn->transport.serializer, octets, &message);
    if (unlikely(session != NULL && session->state == SESSION_SHUTTING_DOWN)) {
        if (read && (message.code == MESSAGE_GOODBYE || message.code == MESSAGE_ABORT)) {
            session_receive_goodbye(session);
        }
        return; /* everything else is ignored behind our GOODBYE */
    }
    if (unlikely(!read)) {
        session_violate(conn, core->reader.fault);
    } else if (unlikely(message.code == MESSAGE_ABORT)) {
        if (session != NULL) {
            session_end(session);
        }
        conn_finish(conn, 1000);
    } else if (unlikely(session == NULL)) {
        welcome_receive(conn, &message);
    } else if (unlikely(message.code == MESSAGE_GOODBYE)) {
        session_receive_goodbye(session);
    } else {
        session_handle(session, &message);
    }
}
