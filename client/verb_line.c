#include "client/verb_line.h"

#include "client/verb.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A word that begins like a number ("-5") is a word, "--" ends the options, and for register the
 * command's own words are never looked at. */

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_NUMBER,  /* from 1 */
    OPTION_SECONDS, /* with decimals; kept in milliseconds */
    OPTION_LIST,
};

struct option {
    const char *name;
    char letter; /* 0: none */
    enum option_kind kind;
    size_t offset; /* in struct verb_line */
    unsigned verbs;
    const char *value;
    const char *help;
};

#define AT(field) offsetof(struct verb_line, field)

static const struct option options[] = {
    {"url", 'u', OPTION_TEXT, AT(url), VERB_ALL, "URL", "router (ws, wss, rs, rss, unix, ws+unix)"},
    {"realm", 'r', OPTION_TEXT, AT(realm), VERB_ALL, "REALM", "realm to join"},
    {"serializer", 's', OPTION_TEXT, AT(serializer), VERB_ALL, "NAME", "json, msgpack or cbor"},
    {"keyword", 'k', OPTION_LIST, AT(keywords), VERB_PUB | VERB_CALL, "KEY=VALUE",
     "keyword argument; may be repeated"},
    {"option", 'o', OPTION_LIST, AT(options), VERB_ALL, "KEY=VALUE",
     "WAMP option of the request; may be repeated"},
    {"ack", 'a', OPTION_FLAG, AT(ack), VERB_PUB, NULL, "wait until the router has it"},
    {"repeat", 0, OPTION_NUMBER, AT(repeat), VERB_PUB, "N", "publish N times"},
    {"rate", 0, OPTION_NUMBER, AT(rate), VERB_PUB, "R", "at most R a second"},
    {"lines", 'l', OPTION_FLAG, AT(lines), VERB_PUB, NULL,
     "one message for each line of stdin, as its last argument"},
    {"match", 'm', OPTION_TEXT, AT(match), VERB_SUB | VERB_REGISTER, "KIND",
     "exact, prefix or wildcard"},
    {"invoke", 'i', OPTION_TEXT, AT(invoke), VERB_REGISTER, "POLICY",
     "single, roundrobin, random, first or last"},
    {"count", 'n', OPTION_NUMBER, AT(count), VERB_SUB | VERB_REGISTER, "N",
     "end after N events or invocations"},
    {"timeout", 't', OPTION_SECONDS, AT(timeout_ms), VERB_SUB | VERB_CALL | VERB_REGISTER, "S",
     "end after S seconds, with exit code 124"},
    {"echo", 0, OPTION_FLAG, AT(echo), VERB_REGISTER, NULL, "answer with the call's own arguments"},
    {"result", 0, OPTION_TEXT, AT(result), VERB_REGISTER, "JSON", "answer with this value"},
    {"json", 'j', OPTION_FLAG, AT(json), VERB_ALL, NULL, "one JSON object a line"},
    {"authmethod", 0, OPTION_TEXT, AT(authmethod), VERB_ALL, "NAME",
     "anonymous, ticket, wampcra or cryptosign"},
    {"authid", 0, OPTION_TEXT, AT(authid), VERB_ALL, "NAME", "who we are"},
    {"authrole", 0, OPTION_TEXT, AT(authrole), VERB_ALL, "NAME", "role that is asked for"},
    {"ticket", 0, OPTION_TEXT, AT(ticket), VERB_ALL, "TEXT", "secret of ticket"},
    {"secret", 0, OPTION_TEXT, AT(secret), VERB_ALL, "TEXT", "secret of wampcra"},
    {"private-key", 0, OPTION_TEXT, AT(private_key), VERB_ALL, "HEX", "key of cryptosign"},
    {"ca", 0, OPTION_TEXT, AT(ca), VERB_ALL, "FILE", "trust these authorities (PEM) only"},
    {"insecure", 0, OPTION_FLAG, AT(insecure), VERB_ALL, NULL, "trust any certificate"},
    {"help", 'h', OPTION_FLAG, AT(help), VERB_ALL, NULL, "show this"},
};

static bool verb_line_fail(struct verb_line *line, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool verb_line_fail(struct verb_line *line, int exit_code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    line->exit = exit_code;
    (void)vsnprintf(line->error, sizeof line->error, format, list);
    va_end(list);
    return false;
}

static bool number_read(const char *text, uint64_t *number)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *number = value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && value > 0 &&
           value <= INT64_MAX;
}

static bool seconds_read(const char *text, uint64_t *ms)
{
    char *end = NULL;
    errno = 0;
    double value = strtod(text, &end);
    bool fine = ((text[0] >= '0' && text[0] <= '9') || text[0] == '.') && *end == '\0' &&
                errno == 0 && value > 0 && value < 1e9;
    *ms = fine ? (uint64_t)(value * 1000 + 0.5) : 0;
    *ms = fine && *ms == 0 ? 1 : *ms;
    return fine;
}

static bool option_take(struct verb_line *line, const struct option *option, const char *value)
{
    void *at = (char *)line + option->offset;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)at = true;
        return true;
    case OPTION_TEXT:
        *(const char **)at = value;
        return true;
    case OPTION_NUMBER:
        return number_read(value, at) ||
               verb_line_fail(line, EXIT_USAGE, "--%s needs a whole number from 1", option->name);
    case OPTION_SECONDS:
        return seconds_read(value, at) ||
               verb_line_fail(line, EXIT_USAGE, "--%s needs a number of seconds", option->name);
    case OPTION_LIST: {
        struct texts *texts = at;
        texts->at[texts->count++] = value;
        return strchr(value, '=') != NULL ||
               verb_line_fail(line, EXIT_USAGE, "'%s' is not KEY=VALUE", value);
    }
    }
    return false;
}

/* The option that a word names, and the value if it is glued on: --url=X, -uX. */
static const struct option *option_find(const char *word, enum verb_bit verb, const char **value)
{
    bool wide = word[1] == '-';
    const char *name = word + (wide ? 2 : 1);
    size_t size = wide ? strcspn(name, "=") : 1;
    *value = wide ? (name[size] == '=' ? name + size + 1 : NULL)
                  : (name[size] != '\0' ? name + size : NULL);
    for (size_t i = 0; i < array_count(options); i++) {
        const struct option *option = &options[i];
        bool same = wide ? strlen(option->name) == size && strncmp(option->name, name, size) == 0
                         : option->letter == name[0] && name[0] != '\0';
        if (same && (option->verbs & (unsigned)verb) != 0) {
            return option;
        }
    }
    return NULL;
}

static bool word_is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && word[1] != '.' &&
           !(word[1] >= '0' && word[1] <= '9');
}

static bool verb_line_words(struct verb_line *line, enum verb_bit verb, int argc, char **argv)
{
    bool open = true; /* options may come */
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (open && strcmp(word, "--") == 0) {
            open = false;
            continue;
        }
        if (!open || !word_is_option(word)) {
            line->words.at[line->words.count++] = word;
            open = open && !(verb == VERB_REGISTER && line->words.count == 2);
            continue;
        }
        const char *value = NULL;
        const struct option *option = option_find(word, verb, &value);
        if (option == NULL) {
            return verb_line_fail(line, EXIT_USAGE, "unknown option %s", word);
        }
        if (option->kind == OPTION_FLAG && value != NULL) {
            return verb_line_fail(line, EXIT_USAGE, "--%s takes no value", option->name);
        }
        if (option->kind != OPTION_FLAG && value == NULL) {
            if (i + 1 == argc) {
                return verb_line_fail(line, EXIT_USAGE, "--%s needs a value", option->name);
            }
            value = argv[++i];
        }
        if (!option_take(line, option, value)) {
            return false;
        }
    }
    return true;
}

/* ---- environment */

static const char *environment_get(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static void environment_fill(const char **field, const char *name)
{
    if (*field == NULL) {
        *field = environment_get(name);
    }
}

/* A secret in a file, without the line's end: the habit of container secrets. */
static bool environment_fill_file(struct verb_line *line, const char **field, const char *name,
                                  char **kept)
{
    const char *path = environment_get(name);
    char text[1024];
    if (*field != NULL || path == NULL) {
        return true;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)verb_line_fail(line, EXIT_CONFIG, "cannot read the file of %s", name);
        return false;
    }
    size_t size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[size] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    *kept = strdup(text);
    *field = *kept;
    return *kept != NULL || verb_line_fail(line, EXIT_GENERAL, "no memory for %s", name);
}

static bool verb_line_environment(struct verb_line *line)
{
    bool secret = line->secret != NULL || line->ticket != NULL || line->private_key != NULL;
    environment_fill(&line->url, "CLOS_URL");
    environment_fill(&line->url, "CBURL");
    environment_fill(&line->realm, "CLOS_REALM");
    environment_fill(&line->realm, "CBREALM");
    environment_fill(&line->serializer, "CLOS_SERIALIZER");
    environment_fill(&line->authmethod, "CLOS_AUTHMETHOD");
    environment_fill(&line->authid, "CLOS_AUTHID");
    environment_fill(&line->authrole, "CLOS_AUTHROLE");
    if (!secret) { /* one on the command line says which method is meant */
        environment_fill(&line->ticket, "CLOS_TICKET");
        environment_fill(&line->secret, "CLOS_SECRET");
        environment_fill(&line->private_key, "CLOS_PRIVATE_KEY");
        if (!environment_fill_file(line, &line->ticket, "CLOS_TICKET_FILE", &line->files[0]) ||
            !environment_fill_file(line, &line->secret, "CLOS_SECRET_FILE", &line->files[1]) ||
            !environment_fill_file(line, &line->private_key, "CLOS_PRIVATE_KEY_FILE",
                                   &line->files[2])) {
            return false;
        }
    }
    line->url = line->url != NULL ? line->url : "ws://localhost:8080/ws";
    line->realm = line->realm != NULL ? line->realm : "realm1";
    return true;
}

/* ---- the whole */

static bool verb_line_one_of(struct verb_line *line, const char *value, const char *const *names,
                             int exit_code, const char *what)
{
    for (size_t i = 0; value != NULL && names[i] != NULL; i++) {
        if (strcmp(value, names[i]) == 0) {
            return true;
        }
    }
    return value == NULL || verb_line_fail(line, exit_code, "'%s' is no %s", value, what);
}

static bool verb_line_check(struct verb_line *line, bool serializer_given)
{
    static const char *const serializers[] = {"json", "msgpack", "cbor", NULL};
    static const char *const matches[] = {"exact", "prefix", "wildcard", NULL};
    static const char *const policies[] = {"single", "roundrobin", "random", "first", "last", NULL};
    return verb_line_one_of(line, line->serializer, serializers,
                            serializer_given ? EXIT_USAGE : EXIT_CONFIG,
                            "serializer: json, msgpack, cbor") &&
           verb_line_one_of(line, line->match, matches, EXIT_USAGE,
                            "way to match: exact, prefix, wildcard") &&
           verb_line_one_of(line, line->invoke, policies, EXIT_USAGE,
                            "policy: single, roundrobin, random, first, last");
}

bool verb_line_read(struct verb_line *line, enum verb_bit verb, int argc, char **argv)
{
    size_t room = (size_t)argc + 1; /* a NULL follows the last word */
    *line = (struct verb_line){0};
    const char **texts = calloc(room * 3, sizeof *texts);
    if (texts == NULL) {
        return verb_line_fail(line, EXIT_GENERAL, "no memory for %s", "the command line");
    }
    line->words.at = texts;
    line->keywords.at = texts + room;
    line->options.at = texts + 2 * room;
    if (!verb_line_words(line, verb, argc, argv)) {
        return false;
    }
    bool serializer_given = line->serializer != NULL;
    line->url_given = line->url != NULL;
    return line->help || (verb_line_environment(line) && verb_line_check(line, serializer_given));
}

void verb_line_fini(struct verb_line *line)
{
    for (size_t i = 0; i < array_count(line->files); i++) {
        free(line->files[i]);
    }
    free(line->words.at);
}

void verb_line_help(enum verb_bit verb)
{
    for (size_t i = 0; i < array_count(options); i++) {
        const struct option *option = &options[i];
        char names[64];
        if ((option->verbs & (unsigned)verb) == 0) {
            continue;
        }
        (void)snprintf(names, sizeof names, "%c%c%s--%s%s%s", option->letter != 0 ? '-' : ' ',
                       option->letter != 0 ? option->letter : ' ',
                       option->letter != 0 ? ", " : "  ", option->name,
                       option->value != NULL ? " " : "",
                       option->value != NULL ? option->value : "");
        (void)printf("  %-28s  %s\n", names, option->help);
    }
}
