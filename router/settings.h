/* What a router was told to be: plain data, made once (by config.c from a file and the command
 * line, or by a test), then read by every worker and never changed.
 *
 * Strings are UTF-8 with a NUL, owned by whoever made the settings, and live as long. Pure: the
 * core reads this; how it was parsed is config.h's business. */
#ifndef CLOS_SETTINGS_H
#define CLOS_SETTINGS_H

#include "common/match.h"
#include "common/transport.h"
#include "common/uri.h"

struct limits {
#define LIMIT(name, fallback, least, most, why) uint64_t name;
#include "router/limits.def"
#undef LIMIT
};

enum action { /* bits of a permission's allow */
              ACTION_CALL = 1,
              ACTION_REGISTER = 2,
              ACTION_PUBLISH = 4,
              ACTION_SUBSCRIBE = 8,
              ACTION_ALL = 15,
};

struct permission_settings {
    const char *uri;
    enum match_kind match;
    uint8_t allow; /* of enum action */
};

struct role_settings {
    const char *name;
    const struct permission_settings *permissions; /* the most specific match decides; none: deny */
    size_t permissions_count;
};

struct realm_settings {
    const char *name;
    enum uri_check uri_check;
    const struct role_settings *roles;
    size_t roles_count;
    const char *anonymous_role; /* role of those who join without a method; NULL: not allowed */
};

enum request_ids {
    REQUEST_IDS_STRICT,  /* 1, 2, 3 ... or protocol violation (B-ID-4); HELLO must name a role */
    REQUEST_IDS_LENIENT, /* any id that is not in use; HELLO without roles is taken */
};

struct listener_settings {
    const char *endpoint; /* "tcp://127.0.0.1:8080" or "unix:/run/clos.sock", as it was written */
    bool is_unix;
    const char *host; /* address or name; NULL for unix */
    uint16_t port;    /* 0: the kernel's choice, see --print-ports */
    const char *path; /* of a unix socket */
    uint32_t backlog;
    enum request_ids request_ids;
    struct transport_options transport;
    const char *const *realms; /* realms that may be joined here, NULL at the end; NULL: all */
};

enum io_choice {
    IO_AUTO,
    IO_URING,
    IO_EPOLL,
};

struct settings {
    struct limits limits;
    const struct realm_settings *realms;
    size_t realms_count;
    const struct listener_settings *listeners;
    size_t listeners_count;
    uint32_t workers; /* at least 1 */
    bool pin;         /* each worker to its own core */
    enum io_choice io;
    const char *agent; /* WELCOME.Details.agent */
};

/* Every limit at its default. */
static inline struct limits limits_default(void)
{
    return (struct limits){
#define LIMIT(name, fallback, least, most, why) .name = (fallback),
#include "router/limits.def"
#undef LIMIT
    };
}

#endif
