/* Where a router listens and how it is spoken to, parsed from one word:
 *   rs://HOST:PORT   ws://HOST:PORT/PATH   rs://unix:/SOCKET   ws://unix:/SOCKET
 * Plain data; lives as long as its owner. Fails with a message on what is wrong. */
#ifndef CLOS_TARGET_H
#define CLOS_TARGET_H

#include "common/transport.h"

#include <sys/socket.h>
#include <sys/un.h>

struct target {
    enum framing framing;
    char host[128]; /* for the Host field */
    char path[128]; /* what to GET */
    struct sockaddr_storage address;
    socklen_t address_size;
    const char *text; /* as it was written */
};

/* NULL: *target is filled in. Else what is wrong. Resolves names, so it may take a while. */
const char *target_parse(struct target *target, const char *text);

#endif
