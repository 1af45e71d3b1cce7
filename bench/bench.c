#include "bench/bench.h"
#include "bench/scenario.h"
#include "common/crypto.h"

#include <stdio.h>

static const struct {
    const char *name;
    int (*run)(const struct options *options);
} scenarios[] = {
    {"pubsub", scenario_pubsub},
    {"rpc", scenario_rpc},
    {"connect", scenario_connect},
    {"churn", scenario_churn},
};

int bench_main(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        options_usage(stdout);
        return 0;
    }
    for (size_t i = 0; argc > 1 && i < array_count(scenarios); i++) {
        if (strcmp(argv[1], scenarios[i].name) != 0) {
            continue;
        }
        if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
            options_usage(stdout);
            return 0;
        }
        struct options options;
        if (!options_parse(&options, argc - 1, argv + 1)) {
            return 2;
        }
        if (!crypto_init()) {
            fputs("clos bench: no source of random numbers\n", stderr);
            return 2;
        }
        return scenarios[i].run(&options);
    }
    options_usage(stderr);
    return 2;
}
