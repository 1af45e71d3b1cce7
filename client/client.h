/* Clos's WAMP client: one connection, one session, no threads.
 *
 *   client_new, client_connect, client_join, then any of the verbs, client_close, client_free
 *
 * Functions that need an answer from the router block until it is there or their time is over;
 * meanwhile, and in client_run, handlers are called for whatever else comes. Handlers may publish,
 * answer invocations, start calls (client_call_start), cancel and stop; blocking functions inside
 * a handler answer CLIENT_USAGE, but for nothing else is a handler a special place.
 *
 * One thread at a time owns a client; many clients may live in many threads. What a handler gets,
 * and what client_call answers, are views (exchange.h): dead when the handler returns, or at the
 * next call of any function here. Options, args and kwargs may be given as JSON text, whatever the
 * connection's serializer is.
 *
 * Bounded: a message by message_bytes_max; what waits to be sent by out_bytes_max; requests in
 * flight, subscriptions and registrations as dialog.h says. Fails by returning an enum
 * client_error; client_failure has the text and the WAMP URI of the last one. Never prints, never
 * exits, installs no signal handler. */
#ifndef CLOS_CLIENT_H
#define CLOS_CLIENT_H

#include "client/exchange.h"

struct client;

struct client_options {
    const char *url; /* see url.h */
    const char *realm;
    enum serializer serializer; /* 0: MessagePack */
    uint64_t timeout_ms;        /* for connecting, joining and each answer; 0: 30 s */
    size_t message_bytes_max;   /* received; 0: 16 MiB */
    size_t out_bytes_max;       /* waiting to be sent; 0: 64 MiB */
    int stop_fd;            /* when readable, blocking functions answer CLIENT_STOPPED; 0: none */
    const char *ca_file;    /* TLS: authorities (PEM) instead of the system's */
    bool insecure;          /* TLS: prove nothing about the router */
    const char *authmethod; /* NULL: anonymous; else ticket, wampcra, cryptosign */
    const char *authid;
    const char *authrole;
    const char *secret; /* the ticket, the password, or the Ed25519 seed in hex */
};

/* Copies what it needs of options. NULL: no memory. */
struct client *client_new(const struct client_options *options);
/* Hangs up if need be. NULL is ignored. */
void client_free(struct client *client);

/* Connection, TLS and transport handshake. */
enum client_error client_connect(struct client *client);
/* As client_connect, on a connected descriptor that the client owns from here. No TLS. */
enum client_error client_adopt(struct client *client, int fd);
enum client_error client_join(struct client *client);
/* GOODBYE, its answer, the transport's own end. CLIENT_OK also when the router was first. */
enum client_error client_close(struct client *client);

/* The last failure, for as long as nothing else fails. */
const struct failure *client_failure(const struct client *client);
uint64_t client_session(const struct client *client);
/* WELCOME.Details, encoded in client_serializer. */
struct bytes client_welcome(const struct client *client);
enum serializer client_serializer(const struct client *client);
/* role "broker" or "dealer". */
bool client_router_has(const struct client *client, const char *role, const char *feature);

/* Calls handlers until time is over (CLIENT_TIMEOUT), client_stop was called or stop_fd became
 * readable (CLIENT_STOPPED), or the session ended (another error). timeout_ms -1: no limit. 0: what
 * is there already, without waiting. */
enum client_error client_run(struct client *client, int64_t timeout_ms);
/* Makes the blocking function under way return CLIENT_STOPPED; for handlers. */
void client_stop(struct client *client);
/* To wait for in the user's own poll loop: client_run(client, 0) first, since messages may have
 * come already, then wait for this to be readable, and again. -1: not connected. */
int client_fd(const struct client *client);
/* Whether that loop should also wait for room to write. */
bool client_unsent(struct client *client);

/* No answer, no word of whether it was allowed. Blocks only while much waits to be sent. */
enum client_error client_publish(struct client *client, const char *topic, const char *options,
                                 const struct client_payload *payload);
/* Waits for PUBLISHED. publication may be NULL. */
enum client_error client_publish_acknowledged(struct client *client, const char *topic,
                                              const char *options,
                                              const struct client_payload *payload,
                                              uint64_t *publication);

/* options: {"match": "prefix"} or "wildcard". subscription may be NULL. */
enum client_error client_subscribe(struct client *client, const char *topic, const char *options,
                                   void (*on_event)(void *context,
                                                    const struct client_event *event),
                                   void *context, uint64_t *subscription);
enum client_error client_unsubscribe(struct client *client, uint64_t subscription);

struct client_callee {
    void (*on_invocation)(void *context, const struct client_invocation *invocation);
    /* The caller gave up, or its time is over; NULL: not of interest. */
    void (*on_interrupt)(void *context, uint64_t invocation);
    void *context;
};

/* options: {"match": ..., "invoke": "roundrobin"}. The form is copied. */
enum client_error client_register(struct client *client, const char *procedure, const char *options,
                                  const struct client_callee *callee, uint64_t *registration);
enum client_error client_unregister(struct client *client, uint64_t registration);

/* Answers an invocation, in its handler or later, in any order; once each, or many times with
 * options {"progress": true} and once without. Late answers are ignored by the router. */
enum client_error client_yield(struct client *client, uint64_t invocation, const char *options,
                               const struct client_payload *payload);
enum client_error client_refuse(struct client *client, uint64_t invocation, const char *error_uri,
                                const struct client_payload *payload);

/* Waits for the final result, timeout_ms at most (0: the client's usual time), then cancels.
 * CLIENT_ERROR: answer->uri is the error's URI, and the payload the error's. */
enum client_error client_call(struct client *client, const char *procedure, const char *options,
                              const struct client_payload *payload, uint64_t timeout_ms,
                              struct client_answer *answer);
/* Does not wait: on_answer is called for each progressive result and once for the final one, also
 * when the session ends first. *call is what client_cancel names; may be NULL. */
enum client_error client_call_start(struct client *client, const char *procedure,
                                    const char *options, const struct client_payload *payload,
                                    void (*on_answer)(void *context,
                                                      const struct client_answer *answer),
                                    void *context, uint64_t *call);
/* mode: skip, kill or killnowait; NULL: the router's default. The final answer still comes.
 * CLIENT_USAGE: the router does not announce call_canceling, or the call is over. */
enum client_error client_cancel(struct client *client, uint64_t call, const char *mode);

#endif
