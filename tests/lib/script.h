/* Scripts for the WebSocket conformance suite: a client's octets, the exact octets an echo server
 * answers, how it ends. Test code: single thread, malloc behind it, counts what passed and failed.
 */
#ifndef CLOS_SCRIPT_H
#define CLOS_SCRIPT_H

#include "tests/lib/wire.h"

enum { MIB = 1024 * 1024 };

struct script {
    struct octets in;   /* what the client writes after the handshake */
    struct octets want; /* what comes back */
    enum transport_end end;
    size_t piece; /* the case's own cut */
};

extern unsigned cases_passed;
extern unsigned cases_failed;

void want_frame(struct script *script, uint8_t first, struct bytes payload);
void want(struct script *script, uint8_t first, const char *text);
void want_close(struct script *script, uint16_t code, enum transport_end end);
void say(struct script *script, uint8_t first, const char *text);
void say_octets(struct script *script, const char *hex);

/* The client is at fault: 1002. */
void fault(struct script *script);

/* The client closes and is answered. */
void goodbye(struct script *script);

/* What the echo server runs with: all large. */
struct transport_options testee_options(void);

/* Runs a script as one case and forgets it. */
void case_run(unsigned group, unsigned section, unsigned number, struct script *script);

#endif
