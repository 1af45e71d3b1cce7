/* Registrations: who may be called under which pattern, at every place the same table (WAMP,
 * registering; rules B-RPC-1 to 3, A-PBR, A-SHR).
 *
 * dealer.c calls it to find a callee and when a session leaves; session.c and core.c through
 * dealer.h. A REGISTER goes: claim at the URI's home, grant, announcement to every place,
 * REGISTERED. Claims that are granted after their session left are released. Pure. */
#ifndef CLOS_REGISTER_H
#define CLOS_REGISTER_H

#include "router/dealer.h"

/* The callee that a call of this registration goes to, by its policy. */
struct callee *registration_choose(struct registration *registration);

/* The one registration for a procedure (A-PBR-4), or NULL. */
struct registration *registration_find(struct realm *realm, struct bytes procedure);

/* REGISTERED is due: because all places have taken note, or because an invocation comes first. */
void endpoint_answer(struct endpoint *endpoint);

/* The session's endpoints and claims go. */
void register_leave(struct session *session);

void register_note(struct realm *realm, place_id from, const struct note *note);

#endif
