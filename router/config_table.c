/* Every key that a configuration may have, once: the checker, the defaults, "did you mean" and the
 * sample are made of these rows and of limits.def. Rows stand in the sample's order; a row's
 * children are those whose path is its own plus one part, and "[]" is any item of a list. */
#include "router/config_node.h"

static const struct config_row rows[] = {
    {.path = "", .types = CONFIG_MAP, .why = "Clos, a WAMP router: every setting with its default"},
    {.path = "version",
     .types = CONFIG_NUMBER,
     .fallback = "2",
     .least = 2,
     .most = 2,
     .why = "the form of this file"},
    {.path = "workers",
     .types = CONFIG_WORD | CONFIG_NUMBER,
     .fallback = "auto",
     .words = "auto",
     .least = 1,
     .most = CONFIG_WORKERS_MAX,
     .why = "threads that route; auto: one for each core"},
    {.path = "pin", .types = CONFIG_BOOL, .fallback = "true", .why = "each worker to its own core"},
    {.path = "io",
     .types = CONFIG_WORD,
     .fallback = "auto",
     .words = "auto|uring|epoll",
     .why = "the kernel's interface; auto: io_uring, or epoll where that is forbidden"},

    {.path = "listeners",
     .types = CONFIG_LIST,
     .fallback = "[{}]",
     .least = 1,
     .most = CONFIG_LISTENERS_MAX,
     .why = "where clients connect"},
    {.path = "listeners[]", .types = CONFIG_MAP},
    {.path = "listeners[].endpoint",
     .types = CONFIG_TEXT | CONFIG_MAP,
     .fallback = "tcp://127.0.0.1:8080",
     .least = 1,
     .most = 512,
     .why = "tcp://HOST:PORT (port 0: the kernel's choice), unix:/PATH, or a map of:"},
    {.path = "listeners[].endpoint.type",
     .types = CONFIG_WORD,
     .fallback = "tcp",
     .sample = "#tcp",
     .words = "tcp|unix",
     .why = "kind of socket"},
    {.path = "listeners[].endpoint.host",
     .types = CONFIG_TEXT,
     .sample = "#127.0.0.1",
     .least = 1,
     .most = 255,
     .why = "of tcp: address or name; 127.0.0.1 if absent"},
    {.path = "listeners[].endpoint.interface",
     .types = CONFIG_TEXT,
     .sample = "#127.0.0.1",
     .least = 1,
     .most = 255,
     .why = "of tcp: Crossbar's word for host"},
    {.path = "listeners[].endpoint.port",
     .types = CONFIG_NUMBER,
     .sample = "#8080",
     .least = 0,
     .most = 65535,
     .why = "of tcp: must be given"},
    {.path = "listeners[].endpoint.path",
     .types = CONFIG_TEXT,
     .sample = "#/run/clos/clos.sock",
     .least = 2,
     .most = 107,
     .why = "of unix: an absolute path; must be given"},
    {.path = "listeners[].endpoint.backlog",
     .types = CONFIG_NUMBER,
     .fallback = "4096",
     .sample = "#4096",
     .least = 1,
     .most = 65535,
     .why = "connections that wait to be accepted"},
    {.path = "listeners[].websocket",
     .types = CONFIG_MAP | CONFIG_BOOL,
     .fallback = "{}",
     .why = "false: not spoken here; true: with its defaults"},
    {.path = "listeners[].websocket.paths",
     .types = CONFIG_LIST,
     .fallback = "[\"/ws\", \"/\"]",
     .least = 1,
     .most = 64,
     .why = "HTTP paths that upgrade; others answer 404"},
    {.path = "listeners[].websocket.paths[]",
     .types = CONFIG_TEXT,
     .least = 1,
     .most = 1024,
     .why = "begins with /"},
    {.path = "listeners[].websocket.allowed_origins",
     .types = CONFIG_LIST,
     .fallback = "[\"*\"]",
     .least = 1,
     .most = 256,
     .why = "pages that may connect, as scheme://host:port; \"*\": every page"},
    {.path = "listeners[].websocket.allowed_origins[]",
     .types = CONFIG_TEXT,
     .least = 1,
     .most = 1024},
    {.path = "listeners[].websocket.allow_null_origin",
     .types = CONFIG_BOOL,
     .fallback = "true",
     .why = "pages from files and sandboxes, which say \"Origin: null\""},
    {.path = "listeners[].rawsocket",
     .types = CONFIG_BOOL,
     .fallback = "true",
     .why = "RawSocket on the same port, told apart by its first octet"},
    {.path = "listeners[].serializers",
     .types = CONFIG_LIST,
     .fallback = "[cbor, msgpack, json]",
     .least = 1,
     .most = 3,
     .why = "what may be agreed on"},
    {.path = "listeners[].serializers[]", .types = CONFIG_WORD, .words = "cbor|msgpack|json"},
    {.path = "listeners[].request_ids",
     .types = CONFIG_WORD,
     .fallback = "strict",
     .words = "strict|lenient",
     .why = "strict: 1, 2, 3 ... as WAMP wants; lenient: any id that is not in use"},
    {.path = "listeners[].realms",
     .types = CONFIG_LIST,
     .sample = "#[realm1]",
     .least = 1,
     .most = 1024,
     .why = "that may be joined here; all if absent"},
    {.path = "listeners[].realms[]", .types = CONFIG_TEXT, .least = 1, .most = 255},

    {.path = "realms",
     .types = CONFIG_LIST,
     .sample = "",
     .required = true,
     .least = 1,
     .most = 1024,
     .why = "what is routed, apart from each other; a file must name its realms"},
    {.path = "realms[]", .types = CONFIG_MAP},
    {.path = "realms[].name",
     .types = CONFIG_TEXT,
     .sample = "realm1",
     .required = true,
     .least = 1,
     .most = 255,
     .why = "a URI"},
    {.path = "realms[].uri_check",
     .types = CONFIG_WORD,
     .fallback = "loose",
     .words = "loose|strict",
     .why = "strict: URIs of [0-9a-z_] and dots only"},
    {.path = "realms[].anonymous_role",
     .types = CONFIG_TEXT,
     .sample = "anonymous",
     .least = 1,
     .most = 255,
     .why = "role of those who join without authentication; absent: they may not"},
    {.path = "realms[].roles",
     .types = CONFIG_LIST,
     .sample = "",
     .required = true,
     .least = 1,
     .most = 256,
     .why = "what each kind of client may do"},
    {.path = "realms[].roles[]", .types = CONFIG_MAP},
    {.path = "realms[].roles[].name",
     .types = CONFIG_TEXT,
     .sample = "anonymous",
     .required = true,
     .least = 1,
     .most = 255,
     .why = "one URI component"},
    {.path = "realms[].roles[].permissions",
     .types = CONFIG_LIST,
     .fallback = "[]",
     .sample = "",
     .least = 0,
     .most = 4096,
     .why = "the most specific match decides; what none matches is denied"},
    {.path = "realms[].roles[].permissions[]", .types = CONFIG_MAP},
    {.path = "realms[].roles[].permissions[].uri",
     .types = CONFIG_TEXT,
     .sample = "\"\"",
     .required = true,
     .least = 0,
     .most = URI_OCTETS_MAX,
     .why = "com.example.topic; a * at its end says prefix"},
    {.path = "realms[].roles[].permissions[].match",
     .types = CONFIG_WORD,
     .fallback = "exact",
     .sample = "prefix",
     .words = "exact|prefix|wildcard",
     .why = "exact unless told"},
    {.path = "realms[].roles[].permissions[].allow",
     .types = CONFIG_MAP,
     .fallback = "{}",
     .why = "false unless told"},
    {.path = "realms[].roles[].permissions[].allow.call",
     .types = CONFIG_BOOL,
     .fallback = "false",
     .sample = "true"},
    {.path = "realms[].roles[].permissions[].allow.register",
     .types = CONFIG_BOOL,
     .fallback = "false",
     .sample = "true"},
    {.path = "realms[].roles[].permissions[].allow.publish",
     .types = CONFIG_BOOL,
     .fallback = "false",
     .sample = "true"},
    {.path = "realms[].roles[].permissions[].allow.subscribe",
     .types = CONFIG_BOOL,
     .fallback = "false",
     .sample = "true"},

    {.path = "limits",
     .types = CONFIG_MAP,
     .fallback = "{}",
     .why = "upper bounds; one that is reached is counted under its name; _ms: milliseconds"},
#define LIMIT(limit, value, low, high, reason)                                                     \
    {.path = "limits." #limit,                                                                     \
     .types = CONFIG_NUMBER,                                                                       \
     .fallback = #value,                                                                           \
     .least = (low),                                                                               \
     .most = (high),                                                                               \
     .why = (reason)},
#include "router/limits.def"
#undef LIMIT

    {.path = "log", .types = CONFIG_MAP, .fallback = "{}", .why = "to standard error"},
    {.path = "log.format",
     .types = CONFIG_WORD,
     .fallback = "auto",
     .words = "auto|text|json",
     .why = "auto: text on a terminal and in the journal, else json"},
    {.path = "log.level",
     .types = CONFIG_WORD,
     .fallback = "info",
     .words = "error|warn|info|debug",
     .why = "the least important that is written"},
};

const struct config_row *config_row_root(void)
{
    return &rows[0];
}

/* The last part of child's path if row is its parent, else NULL. */
static const char *row_key_under(const struct config_row *child, const struct config_row *row)
{
    size_t size = strlen(row->path);
    if (child->path[0] == '\0' || strncmp(child->path, row->path, size) != 0) {
        return NULL;
    }
    const char *rest = child->path + size;
    if (strcmp(rest, "[]") == 0) {
        return rest;
    }
    if (size > 0) {
        if (*rest != '.') {
            return NULL;
        }
        rest++;
    }
    return strpbrk(rest, ".[") == NULL && *rest != '\0' ? rest : NULL;
}

const struct config_row *config_row_next(const struct config_row *row,
                                         const struct config_row *after)
{
    const struct config_row *next = after == NULL ? row + 1 : after + 1;
    for (; next < rows + array_count(rows); next++) {
        if (row_key_under(next, row) != NULL) {
            return next;
        }
        if (strncmp(next->path, row->path, strlen(row->path)) != 0) {
            return NULL; /* descendants stand together */
        }
    }
    return NULL;
}

const struct config_row *config_row_child(const struct config_row *row, const char *key)
{
    const struct config_row *child = NULL;
    while ((child = config_row_next(row, child)) != NULL) {
        if (strcmp(row_key_under(child, row), key) == 0) {
            return child;
        }
    }
    return NULL;
}

const char *config_row_key(const struct config_row *row)
{
    const char *dot = strrchr(row->path, '.');
    return dot == NULL ? row->path : dot + 1;
}

/* Calls back in the shape of a loop: the next of words "a|b|c" into word; false at the end. */
static bool word_next(const char **words, char word[static 64])
{
    if (*words == NULL || **words == '\0') {
        return false;
    }
    size_t size = strcspn(*words, "|");
    check(size < 64);
    memcpy(word, *words, size);
    word[size] = '\0';
    *words += size + ((*words)[size] == '|');
    return true;
}

bool config_row_word(const struct config_row *row, const char *word)
{
    const char *words = row->words;
    char each[64];
    while (word_next(&words, each)) {
        if (strcmp(each, word) == 0) {
            return true;
        }
    }
    return false;
}

void config_row_allowed(const struct config_row *row, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    const char *words = row->words;
    char word[64];
    while (word_next(&words, word)) {
        at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "", word);
        check(at < size);
    }
    const char *comma = at > 0 ? ", " : "";
    if ((row->types & CONFIG_BOOL) != 0) {
        at += (size_t)snprintf(out + at, size - at, "%strue, false", comma);
        comma = ", ";
    }
    if ((row->types & CONFIG_NUMBER) != 0 && row->least == row->most) {
        at +=
            (size_t)snprintf(out + at, size - at, "%s%llu", comma, (unsigned long long)row->least);
    } else if ((row->types & CONFIG_NUMBER) != 0) {
        at += (size_t)snprintf(out + at, size - at, "%s%llu to %llu", comma,
                               (unsigned long long)row->least, (unsigned long long)row->most);
    }
    if ((row->types & CONFIG_TEXT) != 0) {
        at += (size_t)snprintf(out + at, size - at, "%sa text", comma);
        comma = ", ";
    }
    if ((row->types & CONFIG_LIST) != 0) {
        at += (size_t)snprintf(out + at, size - at, "%sa list of %llu to %llu", comma,
                               (unsigned long long)row->least, (unsigned long long)row->most);
    }
    if ((row->types & CONFIG_MAP) != 0) {
        at += (size_t)snprintf(out + at, size - at, "%sa map of keys", comma);
    }
    check(at < size);
}

/* ---- did you mean */

enum { NEAR_OCTETS = 48 };

/* Edits (insert, delete, replace, swap of neighbours) between two short words. */
static size_t word_distance(const char *a, const char *b)
{
    size_t table[3][NEAR_OCTETS + 1];
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);
    if (a_size > NEAR_OCTETS || b_size > NEAR_OCTETS) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_size; j++) {
        table[0][j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        size_t *now = table[i % 3];
        const size_t *before = table[(i - 1) % 3];
        const size_t *earlier = table[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            now[j] = size_min(before[j - 1] + cost, size_min(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = size_min(now[j], earlier[j - 2] + 1);
            }
        }
    }
    return table[a_size % 3][b_size];
}

static size_t word_distance_max(const char *word)
{
    return size_min(strlen(word) / 4 + 1, 3);
}

const char *config_row_suggest_key(const struct config_row *row, const char *key)
{
    const char *best = NULL;
    size_t best_distance = word_distance_max(key) + 1;
    const struct config_row *child = NULL;
    while ((child = config_row_next(row, child)) != NULL) {
        size_t distance = word_distance(key, config_row_key(child));
        if (distance < best_distance) {
            best_distance = distance;
            best = config_row_key(child);
        }
    }
    return best;
}

const char *config_row_suggest_word(const struct config_row *row, const char *word,
                                    char out[static 64])
{
    size_t best_distance = word_distance_max(word) + 1;
    const char *best = NULL;
    const char *words = row->words;
    char each[64];
    while (word_next(&words, each)) {
        size_t distance = word_distance(word, each);
        if (distance < best_distance) {
            best_distance = distance;
            memcpy(out, each, sizeof(each));
            best = out;
        }
    }
    return best;
}

/* ---- the sample */

/* Depth is the number of parts; an item's first key, and the comment on it, stand at its dash.
 * Returns the columns taken. */
static size_t sample_indent(FILE *out, const struct config_row *row, bool dash)
{
    size_t depth = 0;
    for (const char *at = row->path; *at != '\0'; at++) {
        depth += *at == '.';
        depth += *at == '[';
    }
    depth -= dash ? 1 : 0;
    for (size_t i = 0; i < depth; i++) {
        fputs("  ", out);
    }
    return 2 * depth;
}

enum { SAMPLE_COLUMNS = 100 };

/* "# words", in as many lines as it takes. */
static void sample_comment(FILE *out, const struct config_row *row, bool dash)
{
    char text[512];
    char allowed[256];
    bool tell = (row->types & (CONFIG_NUMBER | CONFIG_WORD)) != 0;
    config_row_allowed(row, allowed, sizeof(allowed));
    int size = snprintf(text, sizeof(text), "%s%s%s%s", row->why, tell ? " (" : "",
                        tell ? allowed : "", tell ? ")" : "");
    check(size > 0 && (size_t)size < sizeof(text));
    size_t column = SAMPLE_COLUMNS;
    for (const char *at = text; *at != '\0';) {
        size_t word = strcspn(at, " ");
        if (column + 1 + word > SAMPLE_COLUMNS) {
            fputs(at == text ? "" : "\n", out);
            column = sample_indent(out, row, dash) + 1;
            fputc('#', out);
        }
        fprintf(out, " %.*s", (int)word, at);
        column += 1 + word;
        at += word + (at[word] == ' ');
    }
    fputc('\n', out);
}

static void sample_row(FILE *out, const struct config_row *row, bool dash)
{
    const char *value = row->sample != NULL ? row->sample : row->fallback;
    bool comment = value != NULL && value[0] == '#';
    if (comment) {
        value++;
    }
    if (row->why != NULL) {
        sample_comment(out, row, dash);
    }
    sample_indent(out, row, dash);
    bool block =
        value == NULL || value[0] == '\0' || strcmp(value, "{}") == 0 || strcmp(value, "[{}]") == 0;
    fprintf(out, "%s%s%s:%s%s\n", dash ? "- " : "", comment ? "# " : "", config_row_key(row),
            block ? "" : " ", block ? "" : value);
}

void config_print_sample(FILE *out)
{
    fprintf(out,
            "# %s.\n"
            "# ${VAR}, ${VAR:-default} and file:/path (a file's content) may stand in any "
            "value.\n",
            rows[0].why);
    bool dash = false;
    for (size_t i = 1; i < array_count(rows); i++) {
        const struct config_row *row = &rows[i];
        size_t size = strlen(row->path);
        if (row->path[size - 1] == ']') {
            dash = (row->types & CONFIG_MAP) != 0;
            continue;
        }
        if (strpbrk(row->path, ".[") == NULL) {
            fputc('\n', out);
        }
        sample_row(out, row, dash);
        dash = false;
    }
}
