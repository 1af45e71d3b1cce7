/* The one binary: the first word says what it is. */
#include "router/start.h"

#include "bench/bench.h"
#include "client/verbs.h"

#include <stdio.h>
#include <string.h>

static const char help[] = "usage: clos COMMAND ...\n"
                           "\n"
                           "  start      run a router\n"
                           "  check      check a configuration, or print a sample\n"
                           "  pub        publish events\n"
                           "  sub        subscribe and print events\n"
                           "  call       call a procedure and print its result\n"
                           "  register   answer calls with a command\n"
                           "  bench      load a router and measure it\n"
                           "  version    print the version\n"
                           "\n"
                           "'clos help COMMAND' or 'clos COMMAND --help' tells more.\n";

static int version_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("clos %s\n", CLOS_VERSION);
    return 0;
}

static int verb_main(int argc, char **argv)
{
    return verbs_main(argv[0], argc, argv);
}

static int help_main(int argc, char **argv);

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
} commands[] = {
    {"start", start_main}, {"check", check_main},     {"pub", verb_main},
    {"sub", verb_main},    {"call", verb_main},       {"register", verb_main},
    {"bench", bench_main}, {"version", version_main}, {"--version", version_main},
    {"help", help_main},   {"--help", help_main},     {"-h", help_main},
};

static int command_run(const char *name, int argc, char **argv)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].main(argc, argv);
        }
    }
    fprintf(stderr, "clos: '%s' is not a command\ntry 'clos help'\n", name);
    return 2;
}

static int help_main(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help, stdout);
        return 0;
    }
    char option[] = "--help";
    char *arguments[] = {argv[1], option, NULL};
    return command_run(argv[1], 2, arguments);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help, stderr);
        return 2;
    }
    return command_run(argv[1], argc - 1, argv + 1);
}
