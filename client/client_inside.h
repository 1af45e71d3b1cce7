/* What client.c and client_verbs.c share: the client's insides. Nobody else includes this.
 *
 * client.c is the pump and the connection's life, client_verbs.c what a user asks for. */
#ifndef CLOS_CLIENT_INSIDE_H
#define CLOS_CLIENT_INSIDE_H

#include "client/auth.h"
#include "client/client.h"
#include "client/dialog.h"
#include "client/socket.h"

enum { CLIENT_OUT_EASY = 256 << 10 }; /* client_publish waits while more than that is unsent */

struct client {
    struct mem mem;
    struct client_options options; /* texts are our copies */
    struct socket socket;
    struct frames frames;
    struct dialog dialog;
    struct auth auth;
    struct failure failure;
    size_t sent; /* of frames.out */
    bool connected;
    bool stopped;
    bool in_handler;
    /* the answer that a blocking verb waits for */
    uint64_t awaited;
    bool answered;
    struct client_answer answer;
    struct buf kept;
    uint8_t received[FRAMES_PUT_MAX];
};

/* Makes it the last failure; answers error. */
enum client_error client_fail(struct client *client, enum client_error error, const char *text);
/* May a blocking function run? */
enum client_error client_ready(struct client *client);
/* NEVER for a negative or endless time. */
uint64_t client_deadline(int64_t timeout_ms);
/* Writes what there is room for. false: the connection is over. */
bool client_flush(struct client *client);
size_t client_out_size(const struct client *client);
/* The connection broke under us: everyone who waits is told. */
enum client_error client_broken(struct client *client);
/* Carries octets and calls handlers until done says so. */
enum client_error client_pump(struct client *client, uint64_t deadline_ns,
                              bool (*done)(const struct client *client));

#endif
