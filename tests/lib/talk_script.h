/* A conversation as it was written: its lines, and the router that it wants.
 *
 * One statement a line; a # outside of a string begins a comment.
 *
 *   settings limit NAME N | request_ids lenient | uri_check strict | realm NAME | anonymous no |
 *            allow ACTIONS URI [prefix|wildcard] | deny ... | origin TEXT | serializers WORDS |
 *            websocket off | rawsocket off | open REALM
 *   only WORD...       run only there: core sim real, websocket rawsocket, json msgpack cbor, mixed
 *   canary N           the conversation must fail at its line N
 *   NAME joins REALM [as ROLE...] [over FRAMING] [SERIALIZER] [on worker N] [taking BYTES]
 *   NAME connects ...  the same without HELLO; REALM is not given
 *   NAME > JSON        says; $variables and ~N are replaced (talk_json.h)
 *   NAME >> HEX        says a message of these octets, whatever they are
 *   NAME >>> HEX       writes octets below any framing
 *   NAME < PATTERN     hears this next;    NAME <~ PATTERN  heard this, now or before what is next
 *   NAME hears nothing | is here | is gone [with CODE] | was refused [with TEXT]
 *   NAME leaves        GOODBYE and its answer, then hangs up;   NAME drops  hangs up
 *   NAME stops reading | reads again | is mute
 *   $a is $b | $a is not $b
 *   wait N s|ms        router drains       repeat N ... end, $i counts from 1, $n from 2
 *
 * Read once, then never changed; test code. Faults in the text end the program with words. */
#ifndef CLOS_TESTS_TALK_SCRIPT_H
#define CLOS_TESTS_TALK_SCRIPT_H

#include "router/settings.h"

enum {
    TALK_LINES = 512,
    TALK_PERMISSIONS = 16,
    TALK_REALMS = 4,
    TALK_ORIGINS = 8,
    TALK_DEPTHS = 3,
};

enum talk_depth {
    TALK_CORE,
    TALK_SIM,
    TALK_REAL,
};

struct talk_line {
    unsigned number;
    char *text;
};

struct talk {
    char *path;
    struct talk_line lines[TALK_LINES];
    unsigned lines_count;
    unsigned canary;     /* the line that must fail; 0: none must */
    uint8_t depths;      /* bits of enum talk_depth; 0: all */
    uint8_t framings;    /* bits of enum framing; 0: all */
    uint8_t serializers; /* bits of enum serializer; 0: all */
    bool only_mixed;
    /* the router it wants; pointers lead into this struct */
    struct settings settings;
    struct listener_settings listener;
    struct realm_settings realms[TALK_REALMS];
    struct role_settings roles[TALK_REALMS];
    struct permission_settings permissions[TALK_PERMISSIONS];
    struct permission_settings permission_all;
    unsigned permissions_count;
    const char *origins[TALK_ORIGINS + 1];
    const char *open[2];
};

struct talk *talk_read(const char *path);
void talk_free(struct talk *talk);

/* The depths' names, and the serializers' and framings' as statements write them; -1: none. */
extern const char *const talk_depth_names[TALK_DEPTHS];
extern const char *const talk_framing_names[FRAMINGS];
extern const char *const talk_serializer_names[SERIALIZERS];
int talk_word_index(const char *const *words, size_t count, const char *word);

/* The settings as a configuration file that clos start reads (JSON). */
void talk_write_config(const struct talk *talk, const char *path, const char *unix_path,
                       unsigned workers);

#endif
