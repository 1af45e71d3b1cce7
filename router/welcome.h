/* From HELLO to WELCOME, or ABORT (WAMP, session establishment; rules B-SES-1 to 7).
 *
 * Called by session.c with the first message of a connection that has no session. Today's only
 * method is anonymous. Pure. */
#ifndef CLOS_WELCOME_H
#define CLOS_WELCOME_H

#include "router/realm.h"

void welcome_receive(struct conn *conn, const struct message *message);

/* ABORT with that reason before a session exists; then the connection is finished. */
void session_refuse(struct conn *conn, const char *reason, const char *message);

#endif
