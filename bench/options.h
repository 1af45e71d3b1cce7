/* What `clos bench` was asked to do: the command line as plain data.
 *
 * options_parse is called once by bench_main; everything in it points into argv. A word that is not
 * understood is told on stderr, and the answer is false. Every number is bounded in the table of
 * options.c. */
#ifndef CLOS_OPTIONS_H
#define CLOS_OPTIONS_H

#include "bench/target.h"

#include <stdio.h>

struct options {
    const char *scenario;
    struct target to;           /* senders: publishers, callers, and whatever has no receiver */
    struct target to_receivers; /* subscribers, callees */
    enum serializer serializer;
    enum serializer serializer_receivers;
    const char *realm;
    uint64_t publishers;
    uint64_t subscribers;
    uint64_t topics;
    uint64_t callers;
    uint64_t callees;
    uint64_t procedures;
    uint64_t sessions;
    uint64_t concurrency; /* handshakes under way at once; churn: sessions at once */
    uint64_t payload;     /* octets of the one argument */
    uint64_t rate;        /* messages a second, all senders together; 0: closed loop */
    uint64_t window;      /* messages in flight of one sender */
    uint64_t count;       /* messages (or sessions), all told; 0: until duration */
    uint64_t reset_percent;
    uint64_t pid;
    uint64_t seed;
    double duration_s;
    double warmup_s;
    double drain_s;
    double hold_s;
    bool acknowledge;
    bool every_topic; /* each subscriber hears all topics */
    bool shared;      /* each procedure is registered by all callees, round robin */
    bool allow_loss;
    bool json;
    bool quiet;
};

/* argv[0] is the scenario. */
bool options_parse(struct options *options, int argc, char **argv);
void options_usage(FILE *to);
const char *serializer_name(enum serializer serializer);

#endif
