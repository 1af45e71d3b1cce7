/* sim: seeds in, verdicts out.
 *   sim                 seeds 1 to 40, each twice with equal traces
 *   sim SEED            one, with what happened
 *   sim FIRST LAST [STEPS]   a range; one line for each failure
 * A failure prints its seed; the same seed fails again. */
#include "tests/sim/sim_world.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t last = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? first : 40;
    unsigned steps = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1500;
    unsigned failed = 0;
    for (uint64_t seed = first; seed <= last; seed++) {
        uint64_t trace = sim_run(seed, steps, argc == 2);
        if (sim_run(seed, steps, false) != trace) {
            printf("seed %llu: two runs differ\n", (unsigned long long)seed);
            failed++;
        }
    }
    printf("%llu passed, %u failed, 0 skipped\n", (unsigned long long)(last - first + 1 - failed),
           failed);
    return failed == 0 ? 0 : 1;
}
