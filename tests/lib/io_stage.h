/* A small server on a ground, and people who come to it: what the tests of io.h are told with.
 *
 * The stage accepts everybody as a host, which echoes what it hears (or, poured, sends a pattern in
 * many vectors), closes after the peer's end, and fails the test on any event that io.h does not
 * allow: a wrong tag, an id of the past, a second end, anything but IO_SENT after close. One
 * thread; bounded by HOSTS_MAX. A host's fields may be read after it closed, for a while. */
#ifndef CLOS_IO_STAGE_H
#define CLOS_IO_STAGE_H

#include "tests/lib/io_ground.h"

/* cmocka wants these before it */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
    HOSTS_MAX = 512,
    PEOPLE_MAX = 200,
    TURNS_MAX = 50000,
    QUIET_MAX = 250, /* turns of a real ground without an event: 5 s */
    STAGE_EVENTS_MAX = 64,
    POUR_BYTES = 16384,
    ORDER_MAX = 64,
};

struct setting {
    enum ground_kind kind;
    uint64_t seed;
};

struct stage;

struct host {
    struct stage *stage;
    io_id id;  /* 0: closed */
    bool mute; /* hears, and echoes nothing */
    bool stay; /* does not close at the peer's end */
    bool ended;
    bool closing;
    bool sending;
    int end_result;
    int send_error;
    size_t heard;
    size_t poured;    /* octets that IO_SENT told of */
    size_t pour_left; /* of the pattern, still to be sent */
    size_t pattern;   /* how far it is made */
    size_t asked;     /* octets of the send in flight */
    uint8_t *out;
    size_t out_head;
    size_t out_size;
    uint8_t *next; /* heard while out is under way */
    size_t next_size;
};

struct stage {
    struct ground ground;
    io_id listener;
    bool listener_closing;
    bool listener_closed;
    size_t events_max;
    struct host hosts[HOSTS_MAX];
    unsigned hosts_used; /* slots ever used, modulo HOSTS_MAX the next one to try */
    unsigned open;
    unsigned accepted;
    unsigned refused;
    unsigned closed;
    unsigned ended_well;
    unsigned woken;
    unsigned sent_short;
    unsigned vectors_most;
    unsigned sends;
    unsigned people;
    unsigned quiet;
    enum io_kind order[ORDER_MAX]; /* of the events about hosts */
    unsigned order_count;
    struct host *newest;
};

struct person {
    struct stage *stage;
    struct peer *peer;
    uint64_t serial; /* of the pattern that is said; what is heard must be it, or the poured one */
    size_t to_say;   /* 0: listens to what is poured */
    size_t said;
    size_t heard;
    bool finished;
};

bool setting_is_possible(const struct setting *setting); /* prints why not */

struct stage *stage_open(const struct setting *setting, const struct io_options *options,
                         int socket_bytes);
void stage_shut(struct stage *stage); /* io_free with whatever there is */
void stage_turn(struct stage *stage);
void stage_look(struct stage *stage); /* a turn that does not wait */
void stage_until_empty(struct stage *stage);
struct host *stage_host(struct stage *stage); /* who came last */
void host_pour(struct host *host);

void person_start(struct stage *stage, struct person *person, size_t to_say);
void person_come(struct stage *stage, struct person *person, size_t to_say); /* and is accepted */
void person_act(struct person *person); /* says and hears what it can, and checks it */

unsigned files_open(void); /* of the process */

#endif
