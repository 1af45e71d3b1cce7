/* From a file and the command line to settings: parsed and checked once at start, never changed.
 *
 * Called by main on its one thread, before any worker is. A struct config owns an arena in which
 * all strings and arrays of its settings live until config_free. Every key, type, range, default
 * and the documented sample come from one table (config_table.c, limits.def).
 *
 * Bounds: a file 1 MiB, 32 levels, 100,000 nodes; a scalar 64 KiB after ${VAR} and file: were
 * replaced. A bad file answers CONFIG_BAD and leaves *out empty; each problem is one line,
 *   FILE:LINE:COLUMN: path.to.key: what is wrong (allowed: ...; did you mean 'x'?)
 * up to CONFIG_ERRORS_MAX lines. What stands against each other (a role that no realm has) is
 * looked for once every single value is right. Values that came from a variable or a file are
 * never printed, their raw text is. */
#ifndef CLOS_CONFIG_H
#define CLOS_CONFIG_H

#include "common/log.h"
#include "router/settings.h"

#include <stdio.h>

enum {
    CONFIG_BAD = 78, /* exit code; EX_CONFIG of sysexits */
    CONFIG_ERRORS_MAX = 20,
    CONFIG_FILE_BYTES_MAX = 1024 * 1024,
    CONFIG_SCALAR_BYTES_MAX = 64 * 1024,
    CONFIG_DEPTH_MAX = 32,
    CONFIG_NODES_MAX = 100000,
    CONFIG_LISTENERS_MAX = 64,
    CONFIG_WORKERS_MAX = 256,
};

enum config_syntax {
    CONFIG_YAML,
    CONFIG_JSON,
};

struct config_chunk;

struct config_arena { /* all zero is empty; memory is given back as a whole */
    struct config_chunk *chunks;
};

struct config {
    struct settings settings;
    enum log_format log_format;
    enum log_level log_level;
    bool listeners_given; /* by config_listen_add: those of the file are gone */
    struct config_arena arena;
};

/* Reads a file: JSON if its name ends in .json, else YAML. 0, or CONFIG_BAD. */
int config_load(const char *file, struct config *out, FILE *errors);

/* The same from memory; name stands for FILE in the messages. */
int config_load_text(const char *name, struct bytes text, enum config_syntax syntax,
                     struct config *out, FILE *errors);

/* What the sample says: realm1 open to anonymous sessions for everything, on
 * tcp://127.0.0.1:8080 as WebSocket at /ws and / and as RawSocket. */
void config_default(struct config *out);

/* --listen: "tcp://HOST:PORT" or "unix:/PATH". The first one replaces the configured listeners and
 * keeps the first one's other settings (origins, realms and so on), as do those after it. */
int config_listen_add(struct config *config, const char *endpoint, FILE *errors);

void config_free(struct config *config);

/* deploy/clos.yaml: every key with its default and a line of why. */
void config_print_sample(FILE *out);

#endif
