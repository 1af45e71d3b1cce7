/* One WAMP session as a client has it: which messages to send, what those that come mean.
 *
 * Roles publisher, subscriber, caller and callee with the features that it announces. Pure: reads
 * messages from, and writes them to, a struct frames; knows no socket and no time. Embedded in
 * struct client, one thread. Handlers are called from inside dialog_take and dialog_end only; they
 * may send anything, but nothing of the dialog is freed under them. What they get are views
 * (exchange.h).
 *
 * Bounded: DIALOG_PENDING_MAX requests in flight, DIALOG_ENTRIES_MAX subscriptions and
 * registrations each, a message by what the router takes. Sending fails with a value (CLIENT_LIMIT,
 * CLIENT_USAGE, CLIENT_CLOSED) and leaves the session as it was; what ends the session is in
 * failure, and every request in flight is answered with it. */
#ifndef CLOS_DIALOG_H
#define CLOS_DIALOG_H

#include "client/exchange.h"
#include "client/frames.h"
#include "client/inbound.h"

enum {
    DIALOG_PENDING_MAX = 4096, /* a power of two */
    DIALOG_ENTRIES_MAX = 65536,
};

enum dialog_state {
    DIALOG_NEW,
    DIALOG_JOINING,
    DIALOG_JOINED,
    DIALOG_LEAVING, /* our GOODBYE is out */
    DIALOG_LEFT,
};

/* A subscription or registration: one is known by the id that the router gave. */
struct dialog_entry {
    uint64_t id;
    void (*on_event)(void *context, const struct client_event *event);
    void (*on_invocation)(void *context, const struct client_invocation *invocation);
    /* The router wants the invocation ended; NULL: such wishes are ignored. */
    void (*on_interrupt)(void *context, uint64_t request);
    void *context;
    size_t uri_size;
    char uri[];
};

/* Sorted by id. */
struct dialog_entries {
    struct dialog_entry **at;
    size_t count;
    size_t room;
};

struct dialog_pending {
    uint64_t request; /* 0: the slot is free */
    enum wamp_code code;
    uint64_t id;                /* UNSUBSCRIBE, UNREGISTER: of the entry */
    struct dialog_entry *entry; /* SUBSCRIBE, REGISTER: waits for its id */
    void (*on_answer)(void *context, const struct client_answer *answer);
    void *context;
};

/* How to join. Texts are only looked at by dialog_join, but for sign and its context. */
struct dialog_join {
    const char *realm;
    const char *authmethod; /* NULL: none is offered, which means anonymous */
    const char *authid;
    const char *authrole;
    const char *authextra; /* JSON dictionary */
    /* Answers a CHALLENGE; false: cannot. extra is a dictionary in the session's serializer. */
    bool (*sign)(void *context, struct bytes method, enum serializer serializer, struct bytes extra,
                 char *signature, size_t room);
    void *sign_context;
};

struct dialog {
    enum dialog_state state;
    struct failure failure; /* once LEFT, why */
    uint64_t session;
    struct buf welcome; /* WELCOME.Details as it came */
    struct frames *frames;
    struct mem *mem;
    uint64_t requests; /* id of the last one */
    size_t pending_count;
    struct dialog_pending *pending; /* DIALOG_PENDING_MAX slots, found from request upwards */
    struct dialog_entries subscriptions;
    struct dialog_entries registrations;
    struct buf scratch;
    struct inbound inbound;
    bool (*sign)(void *context, struct bytes method, enum serializer serializer, struct bytes extra,
                 char *signature, size_t room);
    void *sign_context;
};

/* false: no memory. */
bool dialog_init(struct dialog *dialog, struct mem *mem, struct frames *frames);
void dialog_fini(struct dialog *dialog); /* pending requests are forgotten: dialog_end answers */

enum client_error dialog_join(struct dialog *dialog, const struct dialog_join *join);

/* Takes one message; calls handlers. false: the session is over, failure says why. */
bool dialog_take(struct dialog *dialog, struct bytes message);

/* The session is over for this reason; every request in flight is answered with it. */
void dialog_end(struct dialog *dialog, enum client_error error, const char *text);

/* Says GOODBYE; the router's is awaited in LEAVING. */
enum client_error dialog_leave(struct dialog *dialog);

/* What is asked for, and who hears the answer. options: a JSON dictionary or NULL. */
struct dialog_request {
    const char *uri;
    const char *options;
    void (*on_answer)(void *context, const struct client_answer *answer);
    void *context;
    uint64_t request; /* set by what is called: to cancel a call */
};

/* on_answer NULL: unacknowledged. The option acknowledge is set accordingly. */
enum client_error dialog_publish(struct dialog *dialog, struct dialog_request *request,
                                 const struct client_payload *payload);
enum client_error dialog_call(struct dialog *dialog, struct dialog_request *request,
                              const struct client_payload *payload);
/* mode: skip, kill, killnowait; NULL: the router's default. A call that is over: CLIENT_USAGE. */
enum client_error dialog_cancel(struct dialog *dialog, uint64_t request, const char *mode);

/* entry is a form: its handlers and context are copied. The same topic and match again gives the
 * same id: the later handlers replace the earlier. match comes with the options. */
enum client_error dialog_subscribe(struct dialog *dialog, struct dialog_request *request,
                                   const struct dialog_entry *entry);
enum client_error dialog_register(struct dialog *dialog, struct dialog_request *request,
                                  const struct dialog_entry *entry);
/* No such id here: CLIENT_USAGE. request->uri is not looked at. */
enum client_error dialog_unsubscribe(struct dialog *dialog, struct dialog_request *request,
                                     uint64_t id);
enum client_error dialog_unregister(struct dialog *dialog, struct dialog_request *request,
                                    uint64_t id);

/* Nobody waits for this request's answer any longer; what it brings is dropped. */
void dialog_forget(struct dialog *dialog, uint64_t request);

/* The answer to an invocation, in any order, once each (with the option progress: many). */
enum client_error dialog_yield(struct dialog *dialog, uint64_t invocation, const char *options,
                               const struct client_payload *payload);
enum client_error dialog_refuse(struct dialog *dialog, uint64_t invocation, const char *uri,
                                const struct client_payload *payload);

#endif
