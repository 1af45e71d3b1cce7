#include "bench/probe.h"
#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The process's own CPU clock counts nanoseconds; stat counts ticks of ten milliseconds. */
static bool cpu_read(uint64_t pid, uint64_t *cpu_ns)
{
    clockid_t id;
    struct timespec spent;
    if (clock_getcpuclockid((pid_t)pid, &id) == 0 && clock_gettime(id, &spent) == 0) {
        *cpu_ns = (uint64_t)spent.tv_sec * NS_PER_S + (uint64_t)spent.tv_nsec;
        return true;
    }
    char path[64];
    char line[1024];
    snprintf(path, sizeof(path), "/proc/%lu/stat", (unsigned long)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    char *end = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
    fclose(file);
    unsigned long user;
    unsigned long kernel;
    if (end == NULL || sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                              &user, &kernel) != 2) {
        return false;
    }
    *cpu_ns = (user + kernel) * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
    return true;
}

/* smaps_rollup is exact; status lags by what each thread has not yet added up. */
static uint64_t rss_read(uint64_t pid)
{
    static const char *const names[2][2] = {{"smaps_rollup", "Rss:"}, {"status", "VmRSS:"}};
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        char line[256];
        unsigned long kib = 0;
        snprintf(path, sizeof(path), "/proc/%lu/%s", (unsigned long)pid, names[i][0]);
        FILE *file = fopen(path, "r");
        if (file == NULL) {
            continue;
        }
        while (fgets(line, sizeof(line), file) != NULL) {
            if (strncmp(line, names[i][1], strlen(names[i][1])) == 0) {
                kib = strtoul(line + strlen(names[i][1]), NULL, 10);
            }
        }
        fclose(file);
        if (kib > 0) {
            return (uint64_t)kib * 1024;
        }
    }
    return 0;
}

static size_t children_read(uint64_t pid, uint64_t *pids, size_t count)
{
    char path[64];
    unsigned long child;
    snprintf(path, sizeof(path), "/proc/%lu/task/%lu/children", (unsigned long)pid,
             (unsigned long)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return count;
    }
    while (count < PROBE_PROCESSES_MAX && fscanf(file, "%lu", &child) == 1) {
        pids[count++] = child;
    }
    fclose(file);
    return count;
}

bool probe_read(uint64_t pid, struct probe *probe)
{
    uint64_t pids[PROBE_PROCESSES_MAX] = {pid};
    size_t count = 1;
    bool alive = false;
    *probe = (struct probe){0};
    for (size_t i = 0; i < count; i++) {
        uint64_t cpu_ns;
        if (cpu_read(pids[i], &cpu_ns)) {
            alive |= i == 0;
            probe->cpu_ns += cpu_ns;
            probe->rss_bytes += rss_read(pids[i]);
            count = children_read(pids[i], pids, count);
        }
    }
    return alive;
}

uint64_t probe_own_cpu_ns(void)
{
    struct rusage usage;
    check(getrusage(RUSAGE_SELF, &usage) == 0);
    return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * NS_PER_S +
           ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000;
}
