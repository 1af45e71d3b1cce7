#include "router/start.h"

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "router/config.h"
#include "router/router.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    EXIT_USAGE = 2,
    EXIT_OS = 71,
    LISTENS_MAX = 64,
    WATCH_MS = 1000,
};

struct arguments {
    const char *config;
    const char *listens[LISTENS_MAX];
    size_t listens_count;
    unsigned workers;
    const char *io;
    bool print_ports;
};

static const char start_help[] =
    "usage: clos start [--config FILE] [--listen ENDPOINT]... [--workers N]\n"
    "                  [--io auto|uring|epoll] [--print-ports]\n"
    "\n"
    "Starts a router. Without a configuration it serves realm1, anonymous, everything allowed,\n"
    "on 127.0.0.1:8080: WebSocket at /ws, RawSocket on the same port.\n"
    "\n"
    "  -c, --config FILE      YAML, or JSON if the name ends in .json\n"
    "  -l, --listen ENDPOINT  tcp://HOST:PORT or unix:/PATH; port 0 lets the kernel choose;\n"
    "                         replaces the configured listeners\n"
    "  -w, --workers N        threads; default: one for each core\n"
    "      --io MAKER         auto, uring or epoll\n"
    "      --print-ports      print \"listening ENDPOINT\" for each listener on stdout\n"
    "\n"
    "Signals: TERM, INT, USR2 drain and end (a second TERM or INT ends at once);\n"
    "USR1 prints the counters on stderr as JSON.\n";

static int usage(const char *verb)
{
    fprintf(stderr, "try 'clos %s --help'\n", verb);
    return EXIT_USAGE;
}

static bool workers_parse(const char *text, unsigned *workers)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 1 || number > PLACES_MAX) {
        fprintf(stderr, "clos: --workers: a number from 1 to %d is wanted, not '%s'\n", PLACES_MAX,
                text);
        return false;
    }
    *workers = (unsigned)number;
    return true;
}

/* -1: go on; else the exit code. */
static int arguments_parse(struct arguments *arguments, int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"listen", required_argument, NULL, 'l'},
                                            {"workers", required_argument, NULL, 'w'},
                                            {"io", required_argument, NULL, 'i'},
                                            {"print-ports", no_argument, NULL, 'p'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option;
    while ((option = getopt_long(argc, argv, "c:l:w:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            arguments->config = optarg;
            break;
        case 'l':
            if (arguments->listens_count == LISTENS_MAX) {
                fprintf(stderr, "clos: --listen: at most %d\n", LISTENS_MAX);
                return EXIT_USAGE;
            }
            arguments->listens[arguments->listens_count++] = optarg;
            break;
        case 'w':
            if (!workers_parse(optarg, &arguments->workers)) {
                return usage("start");
            }
            break;
        case 'i':
            arguments->io = optarg;
            break;
        case 'p':
            arguments->print_ports = true;
            break;
        case 'h':
            fputs(start_help, stdout);
            return 0;
        default:
            return usage("start");
        }
    }
    if (optind < argc) {
        fprintf(stderr, "clos: start takes no argument '%s'\n", argv[optind]);
        return usage("start");
    }
    return -1;
}

static bool io_parse(const char *text, enum io_choice *io)
{
    static const char *const words[] = {"auto", "uring", "epoll"};
    for (size_t i = 0; i < array_count(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *io = (enum io_choice)i;
            return true;
        }
    }
    fprintf(stderr, "clos: --io: auto, uring or epoll is wanted, not '%s'\n", text);
    return false;
}

/* -1: go on; else the exit code. */
static int config_make(struct config *config, const struct arguments *arguments)
{
    if (arguments->config == NULL) {
        config_default(config);
    } else {
        int code = config_load(arguments->config, config, stderr);
        if (code != 0) {
            return code;
        }
    }
    for (size_t i = 0; i < arguments->listens_count; i++) {
        int code = config_listen_add(config, arguments->listens[i], stderr);
        if (code != 0) {
            return code;
        }
    }
    if (arguments->workers != 0) {
        config->settings.workers = arguments->workers;
    }
    if (config->settings.workers > PLACES_MAX) {
        config->settings.workers = PLACES_MAX;
    }
    if (arguments->io != NULL && !io_parse(arguments->io, &config->settings.io)) {
        return usage("start");
    }
    return -1;
}

/* ---- running */

static void say_started(const struct router *router, const struct arguments *arguments)
{
    int fallback = router_io_fallback(router);
    if (fallback != 0) {
        log_event(LOG_LEVEL_WARN, "io.fallback",
                  log_text("msg", "io_uring is refused by this kernel or container; epoll serves "
                                  "instead"),
                  log_text("reason", strerror(fallback)));
    }
    for (size_t i = 0; router_endpoint(router, i) != NULL; i++) {
        log_event(LOG_LEVEL_INFO, "listener.open", log_text("endpoint", router_endpoint(router, i)),
                  log_text("io", router_io_name(router)));
        if (arguments->print_ports) {
            printf("listening %s\n", router_endpoint(router, i));
        }
    }
    if (arguments->config == NULL) {
        log_event(LOG_LEVEL_INFO, "config.none",
                  log_text("msg", "no configuration: realm1 is open to everybody who can connect"));
    }
    fflush(stdout);
}

/* What an operator wants to hear of when it grows; the worker's counters tell how often. */
static void watch(struct router *router, char **last)
{
    char *report = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&report, &size);
    check(out != NULL);
    router_report(router, out);
    fclose(out);
    static const char *const keys[] = {
        "killed_hard_bytes", "killed_hard_messages", "killed_soft",         "killed_stuck",
        "killed_memory",     "protocol_violations",  "connections_refused", "hello_timeouts"};
    for (size_t i = 0; i < array_count(keys); i++) {
        char key[64];
        snprintf(key, sizeof key, "\"%s\":", keys[i]);
        const char *now = strstr(report, key);
        const char *before = *last == NULL ? NULL : strstr(*last, key);
        uint64_t count = now == NULL ? 0 : strtoull(now + strlen(key), NULL, 10);
        uint64_t was = before == NULL ? 0 : strtoull(before + strlen(key), NULL, 10);
        if (count > was) {
            log_event(LOG_LEVEL_WARN, "sessions.ended", log_text("reason", keys[i]),
                      log_number("count", count - was));
        }
    }
    free(*last);
    *last = report;
}

static void wait_for_end(struct router *router, const sigset_t *signals)
{
    bool draining = false;
    char *last = NULL;
    while (!router_is_over(router)) {
        struct timespec period = {.tv_sec = draining ? 0 : WATCH_MS / 1000,
                                  .tv_nsec = draining ? 10 * (long)NS_PER_MS : 0};
        int signal = sigtimedwait(signals, NULL, &period);
        if (signal == SIGUSR1) {
            router_report(router, stderr);
        } else if (signal == SIGTERM || signal == SIGINT || signal == SIGUSR2) {
            router_command(router, draining ? GATE_STOP : GATE_DRAIN);
            log_event(LOG_LEVEL_INFO, draining ? "router.stop" : "router.drain");
            draining = true;
        } else if (!draining) {
            watch(router, &last);
        }
    }
    free(last);
}

static int run(const struct config *config, const struct arguments *arguments,
               const sigset_t *signals)
{
    char words[ROUTER_WORDS];
    struct router *router = router_new(&config->settings, words);
    if (router == NULL) {
        fprintf(stderr, "clos: %s\n", words);
        return EXIT_OS;
    }
    say_started(router, arguments);
    int code = 0;
    if (router_run(router, words)) {
        wait_for_end(router, signals);
    } else {
        fprintf(stderr, "clos: %s\n", words);
        router_command(router, GATE_STOP);
        code = EXIT_OS;
    }
    router_join(router);
    log_event(LOG_LEVEL_INFO, "router.end");
    if (config->log_level == LOG_LEVEL_DEBUG) {
        router_report(router, stderr);
    }
    router_free(router);
    return code;
}

int start_main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct config config = {0};
    int code = arguments_parse(&arguments, argc, argv);
    if (code < 0) {
        code = config_make(&config, &arguments);
    }
    if (code >= 0) {
        config_free(&config);
        return code;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread: all inherit it */
    signal(SIGPIPE, SIG_IGN);
    if (!crypto_init()) {
        fprintf(stderr, "clos: the system has no source of random numbers\n");
        return EXIT_OS;
    }
    log_init(config.log_format, config.log_level, STDERR_FILENO);
    code = run(&config, &arguments, &signals);
    log_fini();
    config_free(&config);
    return code;
}

static const char check_help[] = "usage: clos check [--sample] [FILE]...\n"
                                 "\n"
                                 "Checks configuration files: 0 if they are valid, else 78.\n"
                                 "  --sample   print every setting with its default instead\n";

int check_main(int argc, char **argv)
{
    int code = 0;
    if (argc < 2) {
        fputs(check_help, stderr);
        return EXIT_USAGE;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(check_help, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--sample") == 0) {
            config_print_sample(stdout);
            continue;
        }
        struct config config = {0};
        int status = config_load(argv[i], &config, stderr);
        if (status == 0) {
            printf("%s: valid\n", argv[i]);
        } else {
            code = status;
        }
        config_free(&config);
    }
    return code;
}
