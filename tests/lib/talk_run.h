/* A conversation under way: people who speak by its lines, in front of a router of one of three
 * depths (the bare core, workers on simulated sockets, the real program).
 *
 * The run owns people and variables; a maker owns the router and moves octets. Everything settles
 * after each statement: what was said has been taken in and answered, on every worker, before the
 * next line is read, so that a conversation means the same at each depth. Test code, one thread. */
#ifndef CLOS_TESTS_TALK_RUN_H
#define CLOS_TESTS_TALK_RUN_H

#include "tests/lib/person.h"
#include "tests/lib/talk_json.h"
#include "tests/lib/talk_script.h"

enum { TALK_PEOPLE = 40, TALK_WORDS = 4096 };

struct talk_person {
    char name[TALK_NAME];
    struct person person;
    bool here; /* connected, and has not hung up */
    bool deaf;
    bool awkward; /* wrote octets below the framing: nothing can be asked of it any more */
    unsigned worker;
    unsigned actor; /* makers' own */
    int fd;
    struct sim_end *end;
};

struct talk_variant {
    enum talk_depth depth;
    unsigned workers;
    enum framing framing;
    enum serializer serializer;
    bool mixed;     /* everybody else has the next framing and serializer */
    bool over_unix; /* real */
    size_t split;   /* core: octets are fed in pieces of that size; 0: whole */
    uint64_t seed;
};

struct talk_run;

struct talk_maker {
    bool (*start)(struct talk_run *run); /* false: the router did not start */
    void (*enter)(struct talk_run *run, struct talk_person *person);
    void (*leave)(struct talk_run *run, struct talk_person *person); /* hangs up */
    void (*settle)(struct talk_run *run);
    /* More may come: waits for it a little. false: it will not. */
    bool (*more)(struct talk_run *run);
    void (*wait)(struct talk_run *run, uint64_t ns);
    void (*drain)(struct talk_run *run);
    /* Everybody has left: the router ends and is looked at. false: it did not end well. */
    bool (*stop)(struct talk_run *run);
};

extern const struct talk_maker talk_core_maker;
extern const struct talk_maker talk_sim_maker;
extern const struct talk_maker talk_real_maker;

struct talk_run {
    struct talk *talk;
    struct talk_variant variant;
    const struct talk_maker *maker;
    void *router; /* the maker's */
    struct talk_person people[TALK_PEOPLE];
    unsigned people_count;
    struct talk_variables variables;
    unsigned line;          /* under way */
    char words[TALK_WORDS]; /* what went wrong */
    bool draining;
};

/* true: the conversation went as written. Else run->words and run->line say what did not. */
bool talk_run(struct talk_run *run, struct talk *talk, const struct talk_variant *variant);

#endif
