/* One worker's pure part: its connections, sessions, its share of each realm, its lanes to other
 * places.
 *
 * The core is told, never asks: octets and notes come in with the time, and what it wants done
 * waits in lists that the worker empties once a turn: dirty connections (octets to send, reading to
 * pause, sockets to close) and parcels of notes for other places. One thread owns all of it.
 * Bounded by settings->limits and by mem's bytes_max. Made by the worker, the simulator, the
 * conversation runner and the fuzzers alike; none of them is known here. */
#ifndef CLOS_CORE_H
#define CLOS_CORE_H

#include "common/list.h"
#include "common/map.h"
#include "common/message.h"
#include "common/parcel.h"
#include "common/rng.h"
#include "common/stats.h"
#include "common/timer.h"
#include "router/settings.h"

struct realm;
struct conn;

struct core_options {
    const struct settings *settings;
    struct mem_source source;
    uint64_t seed;
    uint8_t hash_key[16]; /* the same for all places of a router: ids come from it */
    place_id self;
    unsigned places; /* of the router: workers, numbered from 0 */
    uint64_t now_ns;
};

struct core {
    const struct settings *settings;
    const struct limits *limits;
    place_id self;
    unsigned places;
    place_set others;
    bool draining;
    uint64_t now_ns;
    struct rng rng;
    struct mem mem;
    struct mem parcel_mem;
    struct stats stats;
    struct gauges gauges;
    uint8_t hash_key[16];
    struct realm *realms; /* settings->realms_count of them, in that order */
    struct list conns;
    struct list dirty;         /* conn.in_dirty: the worker has something to do for these */
    struct list doomed;        /* conn.in_doomed: end these at the end of the turn */
    uint64_t relief_failed_ns; /* turn in which no out-queue was long enough to make room */
    struct timer_wheel timers;
    struct lane lanes[PLACES_MAX];
    place_set lanes_full; /* above half of place_bytes: who adds to them is paused */
    struct map sessions;  /* id -> session */
    struct map calls;     /* id -> call whose callee is elsewhere */
    struct map errands;   /* caller's place and call id -> invocation for a caller elsewhere */
    struct map tickets;   /* ticket -> announcement or claim under way */
    uint64_t call_last;
    uint64_t ticket_last;
    uint64_t order_last; /* of the callees that this home has granted */
    struct message_reader reader;
    struct buf bodies[SERIALIZERS]; /* one message being encoded, by serializer */
    struct buf matches;             /* pointers gathered while matching */
};

/* false: no memory for the tables. */
bool core_init(struct core *core, const struct core_options *options);

/* Ends everything without last words; checks that all memory came home. */
void core_fini(struct core *core);

/* A turn begins: the time for all of it. */
void core_turn_begin(struct core *core, uint64_t now_ns);

/* Runs due timers, ends doomed sessions, seals the lanes. Afterwards dirty and lanes hold what the
 * worker has to do. */
void core_turn_end(struct core *core);

/* When core_turn_end wants to be called at the latest; NEVER. */
uint64_t core_next_ns(struct core *core);

/* Octets of notes from another place, in the order they were posted. */
void core_notes_receive(struct core *core, place_id from, struct bytes notes);

/* Posts a note. source: the connection whose message caused it, to be paused if the lane is full;
 * NULL if there is none. */
void core_note_post(struct core *core, place_id to, const struct note *note, struct conn *source);

/* A parcel of ours has come home empty. */
void core_parcel_home(struct core *core, place_id from, struct parcel *parcel);

/* The process stops: GOODBYE wamp.close.system_shutdown to every session; new ones are refused. */
void core_drain(struct core *core);

/* Keyed 53-bit hash of what a subscription or registration is for; never 0. The same on all places
 * of a router, so that ids need no agreement (B-ID-3). */
uint64_t core_pattern_id(const struct core *core, const struct realm *realm, const char *what,
                         enum match_kind kind, struct bytes uri);

#endif
