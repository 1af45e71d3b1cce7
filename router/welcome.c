#include "router/welcome.h"

#include "router/encode.h"

static void write_text(struct writer *writer, const char *text)
{
    write_string(writer, bytes_text(text));
}

static void write_pair(struct writer *writer, const char *key, const char *value)
{
    write_text(writer, key);
    write_text(writer, value);
}

/* What WELCOME announces is complete; nothing else may stand here. */
static const char *const broker_features[] = {"pattern_based_subscription", "publisher_exclusion"};
static const char *const dealer_features[] = {"pattern_based_registration", "shared_registration"};

static void write_role(struct writer *writer, const char *role, const char *const *features,
                       uint32_t count)
{
    write_text(writer, role);
    write_map(writer, 1);
    write_text(writer, "features");
    write_map(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        write_text(writer, features[i]);
        write_bool(writer, true);
    }
    write_end(writer);
    write_end(writer);
}

static void welcome_send(struct session *session)
{
    struct conn *conn = session->conn;
    struct encoding encoding;
    struct writer writer;
    encode_begin(&encoding, conn->core, conn->transport.serializer, &writer);
    write_array(&writer, 3);
    write_uint(&writer, MESSAGE_WELCOME);
    write_uint(&writer, session->id);
    write_map(&writer, 7);
    write_text(&writer, "roles");
    write_map(&writer, 2);
    write_role(&writer, "broker", broker_features, array_count(broker_features));
    write_role(&writer, "dealer", dealer_features, array_count(dealer_features));
    write_end(&writer);
    write_pair(&writer, "realm", session->realm->settings->name);
    write_pair(&writer, "agent", conn->core->settings->agent);
    write_pair(&writer, "authid", session->authid);
    write_pair(&writer, "authrole", session->role->name);
    write_pair(&writer, "authmethod", "anonymous");
    write_pair(&writer, "authprovider", "static");
    write_end(&writer);
    write_end(&writer);
    encode_end(&encoding);
    encode_send(&encoding, conn);
    encode_done(&encoding);
}

/* A name of its own for each anonymous session, whatever authid it wished for (row 88). */
static void authid_make(struct core *core, char authid[AUTHID_BYTES])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint64_t number = rng_next(&core->rng);
    memcpy(authid, "anonymous-", 10);
    for (size_t i = 0; i < 12; i++) {
        authid[10 + i] = digits[number & 31];
        number >>= 5;
    }
    authid[22] = '\0';
}

static struct session *session_new(struct conn *conn, struct realm *realm,
                                   const struct message *message)
{
    struct core *core = conn->core;
    struct session *session = mem_take_zero(&core->mem, sizeof *session);
    if (session == NULL) {
        return NULL;
    }
    do {
        session->id = rng_id(&core->rng);
    } while (map_get(&core->sessions, session->id) != NULL);
    if (!map_put(&core->sessions, session->id, session)) {
        mem_give(&core->mem, session, sizeof *session);
        return NULL;
    }
    const struct limits *limits = core->limits;
    session->conn = conn;
    session->realm = realm;
    session->role = realm->anonymous;
    session->roles = message->roles;
    map_init(&session->subscriptions, &core->mem, (uint32_t)limits->subscriptions_per_session);
    map_init(&session->registrations, &core->mem, (uint32_t)limits->registrations_per_session);
    map_init(&session->calls, &core->mem, (uint32_t)limits->calls_per_session);
    map_init(&session->invocations, &core->mem, (uint32_t)limits->invocations_per_session);
    list_init(&session->announcing);
    list_push(&realm->sessions, &session->in_realm);
    authid_make(core, session->authid);
    conn->session = session;
    core->stats.sessions_opened++;
    core->gauges.sessions++;
    return session;
}

void welcome_receive(struct conn *conn, const struct message *message)
{
    struct core *core = conn->core;
    if (message->code != MESSAGE_HELLO) {
        session_violate(conn, "the first message must be HELLO");
        return;
    }
    if (message->roles == 0 && conn->listener->request_ids == REQUEST_IDS_STRICT) {
        session_violate(conn, "HELLO names no role "
                              "(listener option request_ids: lenient allows it)");
        return;
    }
    if (core->draining) {
        session_refuse(conn, "wamp.close.system_shutdown", "the router is stopping");
        return;
    }
    if (!uri_valid(message->uri, URI_LOOSE)) {
        session_refuse(conn, "wamp.error.invalid_uri", "the realm's name is not a valid URI");
        return;
    }
    struct realm *realm = realm_find(core, conn->listener, message->uri);
    if (realm == NULL) {
        session_refuse(conn, "wamp.error.no_such_realm", "no such realm");
        return;
    }
    if (realm->anonymous == NULL) {
        session_refuse(conn, "wamp.error.authentication_required", "this realm wants a login");
        return;
    }
    if (message->methods_given && !message->method_anonymous) {
        session_refuse(conn, "wamp.error.no_matching_auth_method",
                       "this realm offers only anonymous");
        return;
    }
    struct session *session = session_new(conn, realm, message);
    if (session == NULL) {
        session_refuse(conn, "clos.error.quota_exceeded", "the router is full");
        return;
    }
    transport_welcomed(&conn->transport);
    welcome_send(session);
}
