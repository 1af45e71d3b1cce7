#include "client/client_inside.h"

#include "common/clock.h"
#include "common/crypto.h"
#include "common/heap.h"

#include <stdlib.h>
#include <unistd.h>

/* Three parts, each of which knows nothing of the others, and the pump that carries octets:
 *
 *   socket ── octets ── frames ── messages ── dialog ── handlers
 *
 * The pump is the only place that waits. A blocking verb is: send, then pump until its answer has
 * been kept. */

enum {
    TIMEOUT_MS = 30000,
    CLOSE_TIMEOUT_MS = 2000,
    OUT_BYTES_MAX = 64 << 20,
    OUT_BYTES_MOVE = 64 << 10,
};

enum client_error client_fail(struct client *client, enum client_error error, const char *text)
{
    client->failure = (struct failure){0};
    return failure_set(&client->failure, error, "%s", text);
}

/* ---- life */

static bool text_copy(const char **text)
{
    if (*text != NULL) {
        *text = strdup(*text);
        return *text != NULL;
    }
    return true;
}

struct client *client_new(const struct client_options *options)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return NULL;
    }
    struct client_options *own = &client->options;
    *own = *options;
    const char **texts[] = {&own->url,    &own->realm,    &own->ca_file, &own->authmethod,
                            &own->authid, &own->authrole, &own->secret};
    bool copied = true;
    for (size_t i = 0; i < array_count(texts); i++) {
        copied = text_copy(texts[i]) && copied;
    }
    own->serializer = own->serializer != 0 ? own->serializer : SERIALIZER_MSGPACK;
    own->timeout_ms = own->timeout_ms != 0 ? own->timeout_ms : TIMEOUT_MS;
    own->message_bytes_max =
        own->message_bytes_max != 0 ? own->message_bytes_max : FRAMES_MESSAGE_MAX;
    own->message_bytes_max =
        size_min(size_max(own->message_bytes_max, FRAMES_MESSAGE_MIN), FRAMES_MESSAGE_MAX);
    own->out_bytes_max = own->out_bytes_max != 0 ? own->out_bytes_max : OUT_BYTES_MAX;
    own->stop_fd = own->stop_fd != 0 ? own->stop_fd : -1;
    mem_init(&client->mem, heap_source(), SIZE_MAX / 2);
    buf_init(&client->kept, &client->mem, FRAMES_MESSAGE_MAX);
    socket_adopt(&client->socket, -1, -1);
    if (!copied || !crypto_init()) {
        client_free(client);
        return NULL;
    }
    return client;
}

static void client_hang_up(struct client *client)
{
    if (client->connected) {
        socket_close(&client->socket);
        dialog_fini(&client->dialog);
        frames_fini(&client->frames);
        client->connected = false;
    }
}

void client_free(struct client *client)
{
    if (client == NULL) {
        return;
    }
    client_hang_up(client);
    buf_fini(&client->kept);
    mem_fini(&client->mem);
    if (client->options.secret != NULL) {
        crypto_wipe((char *)(uintptr_t)client->options.secret, strlen(client->options.secret));
    }
    const char *texts[] = {client->options.url,     client->options.realm,
                           client->options.ca_file, client->options.authmethod,
                           client->options.authid,  client->options.authrole,
                           client->options.secret};
    for (size_t i = 0; i < array_count(texts); i++) {
        free((char *)(uintptr_t)texts[i]);
    }
    crypto_wipe(&client->auth, sizeof client->auth);
    free(client);
}

const struct failure *client_failure(const struct client *client)
{
    return &client->failure;
}

/* ---- the pump */

uint64_t client_deadline(int64_t timeout_ms)
{
    if (timeout_ms < 0 || (uint64_t)timeout_ms > NEVER / NS_PER_MS / 4) {
        return NEVER;
    }
    return clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;
}

size_t client_out_size(const struct client *client)
{
    return client->frames.out.size - client->sent;
}

bool client_flush(struct client *client)
{
    struct buf *out = &client->frames.out;
    while (client->sent < out->size || socket_unsent(&client->socket)) {
        long taken = socket_write(&client->socket, bytes_from(buf_bytes(out), client->sent));
        if (taken < 0) {
            return false;
        }
        if (taken == 0) {
            break;
        }
        client->sent += (size_t)taken;
    }
    if (client->sent == out->size) {
        buf_reset(out);
        client->sent = 0;
    } else if (client->sent > OUT_BYTES_MOVE && client->sent > out->size / 2) {
        memmove(out->at, out->at + client->sent, out->size - client->sent);
        out->size -= client->sent;
        client->sent = 0;
    }
    return true;
}

/* Why it is over: the session's reason, else the transport's. */
static enum client_error client_over(struct client *client)
{
    if (client->frames.state == FRAMES_ENDED && client->dialog.state != DIALOG_LEFT) {
        client->in_handler = true;
        dialog_end(&client->dialog, client->frames.failure.error, client->frames.failure.text);
        client->in_handler = false;
    }
    (void)client_flush(client); /* last words */
    client->failure = client->dialog.failure;
    return client->failure.error;
}

enum client_error client_broken(struct client *client)
{
    frames_put_end(&client->frames);
    if (client->dialog.state != DIALOG_LEFT) {
        client->in_handler = true;
        dialog_end(&client->dialog, client->socket.failure.error, client->socket.failure.text);
        client->in_handler = false;
    }
    client->failure = client->dialog.failure;
    return client->failure.error;
}

/* Takes messages that have come, until done says so. 1: done, 0: all taken, -1: over. */
static int client_take(struct client *client, bool (*done)(const struct client *client))
{
    struct bytes message;
    for (;;) {
        if (done(client)) {
            return 1;
        }
        if (client->stopped) {
            return 0;
        }
        int next = frames_next(&client->frames, &message);
        if (next <= 0) {
            bool over = next < 0 || client->dialog.state == DIALOG_LEFT;
            return over ? -1 : done(client) ? 1 : 0; /* a handshake ends without a message */
        }
        client->in_handler = true;
        (void)dialog_take(&client->dialog, message);
        client->in_handler = false;
    }
}

static enum client_error client_receive(struct client *client)
{
    long size = socket_read(&client->socket, client->received, sizeof client->received);
    if (size > 0) {
        frames_put(&client->frames, bytes_make(client->received, (size_t)size));
    } else if (size < 0 && client->socket.failure.error == CLIENT_CLOSED) {
        frames_put_end(&client->frames);
    } else if (size < 0) {
        return client_broken(client);
    }
    return CLIENT_OK;
}

enum client_error client_pump(struct client *client, uint64_t deadline_ns,
                              bool (*done)(const struct client *client))
{
    for (;;) {
        int taken = client_take(client, done);
        if (taken < 0) {
            return client_over(client);
        }
        if (!client_flush(client) && client->frames.state != FRAMES_ENDED) {
            /* What the router said before it hung up is still worth reading. */
            if (client_receive(client) != CLIENT_OK || client->frames.state == FRAMES_ENDED) {
                return client_broken(client);
            }
            continue;
        }
        if (taken > 0) {
            return CLIENT_OK;
        }
        if (client->stopped) {
            client->stopped = false;
            return client_fail(client, CLIENT_STOPPED, "stopped");
        }
        bool write = client_out_size(client) > 0;
        enum client_error error = socket_wait(&client->socket, write, deadline_ns);
        if (error == CLIENT_TIMEOUT || error == CLIENT_STOPPED) {
            return client_fail(client, error,
                               error == CLIENT_TIMEOUT ? "no answer in time" : "stopped");
        }
        error = client_receive(client);
        if (error != CLIENT_OK) {
            return error;
        }
    }
}

static bool done_never(const struct client *client)
{
    (void)client;
    return false;
}

static bool done_open(const struct client *client)
{
    return client->frames.state == FRAMES_OPEN;
}

static bool done_joined(const struct client *client)
{
    return client->dialog.state == DIALOG_JOINED;
}

enum client_error client_ready(struct client *client)
{
    if (client->in_handler) {
        return client_fail(client, CLIENT_USAGE, "a handler must not wait");
    }
    if (!client->connected) {
        return client_fail(client, CLIENT_USAGE, "not connected");
    }
    return CLIENT_OK;
}

enum client_error client_run(struct client *client, int64_t timeout_ms)
{
    enum client_error error = client_ready(client);
    return error != CLIENT_OK ? error
                              : client_pump(client, client_deadline(timeout_ms), done_never);
}

void client_stop(struct client *client)
{
    client->stopped = true;
}

int client_fd(const struct client *client)
{
    return client->socket.fd;
}

bool client_unsent(struct client *client)
{
    return client->connected && (client_out_size(client) > 0 || socket_unsent(&client->socket));
}

/* ---- connecting, joining, closing */

static enum client_error client_shake(struct client *client, const struct url *url,
                                      uint64_t deadline_ns)
{
    struct frames_options options = {
        .framing = url->framing,
        .serializer = client->options.serializer,
        .authority = url->authority,
        .path = url->path,
        .bytes_max = client->options.message_bytes_max,
        .out_bytes_max = client->options.out_bytes_max,
        .random = crypto_random,
    };
    bool made = frames_init(&client->frames, &client->mem, &options);
    made = dialog_init(&client->dialog, &client->mem, &client->frames) && made;
    client->connected = true;
    client->sent = 0;
    if (!made) {
        return client_fail(client, CLIENT_LIMIT, "no memory for the connection");
    }
    enum client_error error = client_pump(client, deadline_ns, done_open);
    if (error != CLIENT_OK) {
        client_hang_up(client);
    }
    return error;
}

static enum client_error client_prepare(struct client *client, struct url *url)
{
    if (client->in_handler || client->connected) {
        return client_fail(client, CLIENT_USAGE, "connected already");
    }
    const char *why = url_parse(client->options.url != NULL ? client->options.url : "", url);
    if (why != NULL) {
        client->failure = (struct failure){0};
        return failure_set(&client->failure, CLIENT_USAGE, "bad URL '%.100s': %s",
                           client->options.url != NULL ? client->options.url : "", why);
    }
    return CLIENT_OK;
}

enum client_error client_connect(struct client *client)
{
    struct url url;
    uint64_t deadline = client_deadline((int64_t)client->options.timeout_ms);
    struct socket_options options = {
        .ca_file = client->options.ca_file,
        .insecure = client->options.insecure,
        .stop_fd = client->options.stop_fd,
    };
    enum client_error error = client_prepare(client, &url);
    if (error != CLIENT_OK) {
        return error;
    }
    error = socket_connect(&client->socket, &url, &options, deadline);
    if (error != CLIENT_OK) {
        client->failure = client->socket.failure;
        return error;
    }
    return client_shake(client, &url, deadline);
}

enum client_error client_adopt(struct client *client, int fd)
{
    struct url url;
    enum client_error error = client_prepare(client, &url);
    if (error != CLIENT_OK) {
        (void)close(fd);
        return error;
    }
    socket_adopt(&client->socket, fd, client->options.stop_fd);
    return client_shake(client, &url, client_deadline((int64_t)client->options.timeout_ms));
}

enum client_error client_join(struct client *client)
{
    char extra[AUTH_EXTRA_MAX];
    enum client_error error = client_ready(client);
    if (error != CLIENT_OK) {
        return error;
    }
    struct dialog_join join = {
        .realm = client->options.realm != NULL ? client->options.realm : "",
        .authmethod = client->options.authmethod,
        .authid = client->options.authid,
        .authrole = client->options.authrole,
        .sign = auth_sign,
        .sign_context = &client->auth,
    };
    if (join.authmethod != NULL) {
        const char *why = auth_init(&client->auth, join.authmethod, client->options.secret, extra);
        if (why != NULL) {
            return client_fail(client, CLIENT_USAGE, why);
        }
        join.authextra = extra[0] != '\0' ? extra : NULL;
    }
    error = dialog_join(&client->dialog, &join);
    if (error != CLIENT_OK) {
        return client_fail(client, error,
                           error == CLIENT_USAGE ? "joined already" : "HELLO cannot be sent");
    }
    return client_pump(client, client_deadline((int64_t)client->options.timeout_ms), done_joined);
}

enum client_error client_close(struct client *client)
{
    if (client->in_handler) {
        return client_fail(client, CLIENT_USAGE, "a handler must not wait");
    }
    if (!client->connected) {
        return CLIENT_OK;
    }
    uint64_t deadline = client_deadline(CLOSE_TIMEOUT_MS);
    client->socket.stop_fd = -1;
    client->stopped = false;
    enum client_error error = CLIENT_CLOSED;
    if (dialog_leave(&client->dialog) == CLIENT_OK) {
        error = client_pump(client, deadline, done_never);
    }
    frames_close(&client->frames);
    if (client->frames.state == FRAMES_CLOSING) {
        client->dialog.state = DIALOG_LEAVING; /* the Close is awaited, no message counts */
        error = client_pump(client, deadline, done_never);
    } else {
        (void)client_flush(client);
    }
    client_hang_up(client);
    return error == CLIENT_CLOSED ? CLIENT_OK : error;
}

/* ---- what is known of the session */

uint64_t client_session(const struct client *client)
{
    return client->connected ? client->dialog.session : 0;
}

struct bytes client_welcome(const struct client *client)
{
    return client->connected ? buf_bytes(&client->dialog.welcome) : bytes_make(NULL, 0);
}

enum serializer client_serializer(const struct client *client)
{
    return client->options.serializer;
}

bool client_router_has(const struct client *client, const char *role, const char *feature)
{
    const char *const path[] = {"roles", role, "features", feature};
    struct bytes value = client_welcome(client);
    for (size_t i = 0; i < array_count(path); i++) {
        if (!inbound_at(client->options.serializer, value, path[i], &value)) {
            return false;
        }
    }
    struct reader reader;
    struct token token;
    reader_init(&reader, client->options.serializer, value, DEPTH_MAX);
    return reader_next(&reader, &token) == 1 && token.kind == TOKEN_BOOL && token.boolean;
}
