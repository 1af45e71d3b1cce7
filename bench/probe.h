/* What the router costs: CPU time and memory of its process and all that descend from it, read from
 * /proc. And what the load maker itself costs.
 *
 * One thread. A process that is gone, or may not be looked at, counts as nothing; probe_read says
 * false when the first one is. Bounded to PROBE_PROCESSES_MAX processes. */
#ifndef CLOS_PROBE_H
#define CLOS_PROBE_H

#include "common/base.h"

enum { PROBE_PROCESSES_MAX = 256 };

struct probe {
    uint64_t cpu_ns;
    uint64_t rss_bytes;
};

bool probe_read(uint64_t pid, struct probe *probe);
uint64_t probe_own_cpu_ns(void);

#endif
