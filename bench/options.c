/* One table: the name of an option, what kind of value it takes, where it goes, its bounds, and the
 * line that --help prints. */
#include "bench/options.h"

#include <stdio.h>
#include <stdlib.h>

enum option_kind {
    OPTION_NUMBER,
    OPTION_SECONDS,
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_TARGET,
    OPTION_SERIALIZER,
};

struct option_row {
    const char *name;
    enum option_kind kind;
    size_t offset;
    double least;
    double most;
    const char *help;
};

#define ROW(name, kind, field, least, most, help)                                                  \
    {                                                                                              \
        "--" name, kind, offsetof(struct options, field), least, most, help                        \
    }

static const struct option_row rows[] = {
    ROW("to", OPTION_TARGET, to, 0, 0,
        "router: rs://HOST:PORT, ws://HOST:PORT/PATH, rs://unix:/SOCKET"),
    ROW("to-receivers", OPTION_TARGET, to_receivers, 0, 0,
        "where subscribers and callees join (as --to)"),
    ROW("serializer", OPTION_SERIALIZER, serializer, 0, 0, "json, msgpack (default) or cbor"),
    ROW("serializer-receivers", OPTION_SERIALIZER, serializer_receivers, 0, 0,
        "of subscribers and callees"),
    ROW("realm", OPTION_TEXT, realm, 0, 0, "realm to join, anonymously (realm1)"),
    ROW("publishers", OPTION_NUMBER, publishers, 1, 1e6, "pubsub: publishers (1)"),
    ROW("subscribers", OPTION_NUMBER, subscribers, 0, 1e6,
        "pubsub: subscribers, spread over the topics (1)"),
    ROW("topics", OPTION_NUMBER, topics, 1, 1e6,
        "pubsub: topics; each publisher takes them in turn (1)"),
    ROW("every-topic", OPTION_FLAG, every_topic, 0, 0, "pubsub: each subscriber hears all topics"),
    ROW("acknowledge", OPTION_FLAG, acknowledge, 0, 0,
        "pubsub: the window counts PUBLISHED, not receipt"),
    ROW("callers", OPTION_NUMBER, callers, 1, 1e6, "rpc: callers (1)"),
    ROW("callees", OPTION_NUMBER, callees, 1, 1e6, "rpc: callees (1)"),
    ROW("procedures", OPTION_NUMBER, procedures, 1, 1e6,
        "rpc: procedures, called in turn (one a callee)"),
    ROW("shared", OPTION_FLAG, shared, 0, 0,
        "rpc: every callee registers every procedure, round robin"),
    ROW("sessions", OPTION_NUMBER, sessions, 1, 1e6, "connect: sessions to open (1000)"),
    ROW("concurrency", OPTION_NUMBER, concurrency, 1, 1e5,
        "connect, churn: sessions under way at once (64)"),
    ROW("reset", OPTION_NUMBER, reset_percent, 0, 100,
        "churn: percent that end by a reset, anywhere (20)"),
    ROW("hold", OPTION_SECONDS, hold_s, 0, 1e5, "connect: seconds to hold them idle (2)"),
    ROW("payload", OPTION_NUMBER, payload, 40, 16000000, "octets of the one argument (64)"),
    ROW("rate", OPTION_NUMBER, rate, 0, 1e9, "open loop: so many a second in all (0: closed loop)"),
    ROW("window", OPTION_NUMBER, window, 1, 1e6,
        "in flight for each sender (pubsub 256, rpc 1000)"),
    ROW("count", OPTION_NUMBER, count, 0, 1e15,
        "stop after so many messages or sessions (0: by time)"),
    ROW("duration", OPTION_SECONDS, duration_s, 0.01, 1e6,
        "seconds, warm-up included (10; 3600 with --count and for connect)"),
    ROW("warmup", OPTION_SECONDS, warmup_s, 0, 1e5,
        "seconds that are not measured (1; 0 with --count)"),
    ROW("drain", OPTION_SECONDS, drain_s, 0.01, 1e5,
        "silence after which what is missing is lost (3)"),
    ROW("pid", OPTION_NUMBER, pid, 1, 4194304, "the router's process, for its CPU and memory"),
    ROW("seed", OPTION_NUMBER, seed, 0, 1e15, "of masks and of churn's choices (1)"),
    ROW("allow-loss", OPTION_FLAG, allow_loss, 0, 0, "loss is counted, but is no failure"),
    ROW("json", OPTION_FLAG, json, 0, 0, "the result as one JSON object"),
    ROW("quiet", OPTION_FLAG, quiet, 0, 0, "no progress on stderr"),
};

static const char *const serializer_names[SERIALIZERS] = {
    [SERIALIZER_JSON] = "json",
    [SERIALIZER_MSGPACK] = "msgpack",
    [SERIALIZER_CBOR] = "cbor",
};

const char *serializer_name(enum serializer serializer)
{
    return serializer_names[serializer];
}

void options_usage(FILE *to)
{
    fputs("clos bench pubsub|rpc|connect|churn --to ROUTER [options]\n\n", to);
    for (size_t i = 0; i < array_count(rows); i++) {
        fprintf(to, "  %-22s %s\n", rows[i].name, rows[i].help);
    }
    fputs("\nNumbers take k, M and G. Exit: 0 well, 1 order or loss violated, 2 could not run.\n",
          to);
}

static bool number_parse(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if (end == text) {
        return false;
    }
    static const struct {
        char letter;
        double factor;
    } units[] = {{'k', 1e3}, {'M', 1e6}, {'G', 1e9}};
    for (size_t i = 0; i < array_count(units); i++) {
        if (*end == units[i].letter) {
            *value *= units[i].factor;
            end++;
            break;
        }
    }
    return *end == '\0';
}

/* NULL, or what is wrong with the value. */
static const char *row_apply(const struct option_row *row, struct options *options,
                             const char *value)
{
    static char said[128];
    void *field = (char *)options + row->offset;
    double number;
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return NULL;
    case OPTION_TEXT:
        *(const char **)field = value;
        return NULL;
    case OPTION_TARGET:
        return target_parse(field, value);
    case OPTION_SERIALIZER:
        for (unsigned i = SERIALIZER_JSON; i <= SERIALIZER_CBOR; i++) {
            if (strcmp(value, serializer_names[i]) == 0) {
                *(enum serializer *)field = i;
                return NULL;
            }
        }
        return "json, msgpack or cbor";
    case OPTION_NUMBER:
    case OPTION_SECONDS:
        break;
    }
    if (!number_parse(value, &number) || !(number >= row->least && number <= row->most)) {
        snprintf(said, sizeof(said), "a number from %.10g to %.10g", row->least, row->most);
        return said;
    }
    if (row->kind == OPTION_SECONDS) {
        *(double *)field = number;
    } else {
        *(uint64_t *)field = (uint64_t)number;
    }
    return NULL;
}

static bool option_parse(struct options *options, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    for (size_t i = 0; i < array_count(rows); i++) {
        if (strcmp(word, rows[i].name) != 0) {
            continue;
        }
        const char *value = NULL;
        if (rows[i].kind != OPTION_FLAG) {
            if (*at + 1 >= argc) {
                fprintf(stderr, "clos bench: %s needs a value\n", word);
                return false;
            }
            value = argv[++*at];
        }
        const char *wrong = row_apply(&rows[i], options, value);
        if (wrong != NULL) {
            fprintf(stderr, "clos bench: %s %s: %s\n", word, value, wrong);
        }
        return wrong == NULL;
    }
    fprintf(stderr, "clos bench: unknown option %s (see clos bench --help)\n", word);
    return false;
}

/* Defaults that depend on other options. */
static bool options_complete(struct options *options)
{
    bool rpc = strcmp(options->scenario, "rpc") == 0;
    if (options->to.text == NULL) {
        fputs("clos bench: --to is needed: rs://127.0.0.1:8081 or ws://127.0.0.1:8080/ws\n",
              stderr);
        return false;
    }
    if (options->to_receivers.text == NULL) {
        options->to_receivers = options->to;
    }
    if (options->serializer_receivers == 0) {
        options->serializer_receivers = options->serializer;
    }
    if (options->window == 0) {
        options->window = rpc ? 1000 : 256;
    }
    if (options->procedures == 0) {
        options->procedures = options->callees;
    }
    if (options->warmup_s < 0) {
        options->warmup_s = options->count > 0 ? 0 : 1;
    }
    if (options->duration_s < 0) {
        bool bounded = options->count > 0 || strcmp(options->scenario, "connect") == 0;
        options->duration_s = bounded ? 3600 : 10;
    }
    bool by_receipt =
        strcmp(options->scenario, "pubsub") == 0 && options->rate == 0 && !options->acknowledge;
    uint64_t heard =
        options->every_topic && options->subscribers > 0 ? options->topics : options->subscribers;
    if (by_receipt && heard < options->topics) {
        fputs("clos bench: a topic without subscriber has no window: add --subscribers, or use "
              "--rate or --acknowledge\n",
              stderr);
        return false;
    }
    return true;
}

bool options_parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){
        .scenario = argv[0],
        .serializer = SERIALIZER_MSGPACK,
        .realm = "realm1",
        .publishers = 1,
        .subscribers = 1,
        .topics = 1,
        .callers = 1,
        .callees = 1,
        .sessions = 1000,
        .concurrency = 64,
        .payload = 64,
        .reset_percent = 20,
        .seed = 1,
        .duration_s = -1,
        .warmup_s = -1,
        .drain_s = 3,
        .hold_s = 2,
    };
    for (int at = 1; at < argc; at++) {
        if (!option_parse(options, argc, argv, &at)) {
            return false;
        }
    }
    return options_complete(options);
}
