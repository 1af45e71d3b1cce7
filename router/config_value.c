/* What the values of a tree are: variables and files come in, every value is held against its row
 * of the table, keys that are absent get their row's default. Afterwards a tree without problems
 * is complete: each key that has a default is there and right. */
#include "router/config_node.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXPANSIONS_BYTES_MAX = 8 * 1024 * 1024 };

/* ---- ${VAR} and file: */

struct expansion {
    char *at;
    size_t size;
};

static bool expansion_put(struct expansion *out, const char *text, size_t size)
{
    if (CONFIG_SCALAR_BYTES_MAX - out->size < size) {
        return false;
    }
    memcpy(out->at + out->size, text, size);
    out->size += size;
    return true;
}

static char *expansion_scratch(struct config_tree *tree)
{
    if (tree->scratch == NULL) {
        tree->scratch = config_arena_take(tree->arena, CONFIG_SCALAR_BYTES_MAX + 1);
    }
    return tree->scratch;
}

/* The whole file's bound stands against thousands of values that each bring a large one in. */
static bool expansion_keep(struct config_tree *tree, struct config_node *node, struct bytes text)
{
    char shown[CONFIG_QUOTE_BYTES];
    node->expanded = true;
    if (text.size > EXPANSIONS_BYTES_MAX - tree->expanded_bytes) {
        config_error(tree->errors, node,
                     "variables and files are too long altogether "
                     "(allowed: %d octets)",
                     EXPANSIONS_BYTES_MAX);
        return false;
    }
    json_t *proof = json_stringn((const char *)text.at, text.size); /* NULL: no UTF-8 */
    json_decref(proof);
    if (proof == NULL || memchr(text.at, '\0', text.size) != NULL) {
        config_error(tree->errors, node, "'%s' brings in what is no UTF-8 text",
                     config_quote(node->raw, shown));
        return false;
    }
    tree->expanded_bytes += text.size;
    node->text = config_arena_copy(tree->arena, (const char *)text.at, text.size);
    return true;
}

static bool name_valid(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) {
            return false;
        }
    }
    return size > 0;
}

/* The "${...}" at at; NULL: said why, else where it ends. */
static const char *expand_one(struct config_tree *tree, struct config_node *node, const char *at,
                              struct expansion *out)
{
    char shown[CONFIG_QUOTE_BYTES];
    const char *end = strchr(at, '}');
    const char *fallback = end == NULL ? NULL : memmem(at, (size_t)(end - at), ":-", 2);
    size_t name_size = (size_t)((fallback != NULL ? fallback : end == NULL ? at : end) - at);
    if (end == NULL || !name_valid(at + 2, size_max(name_size, 2) - 2)) {
        config_error(tree->errors, node,
                     "'%s' is not a variable (allowed: ${NAME}, ${NAME:-default}; $${ for a ${)",
                     config_quote(node->raw, shown));
        return NULL;
    }
    char *name = config_arena_copy(tree->arena, at + 2, name_size - 2);
    const char *value = getenv(name);
    size_t size;
    if (fallback != NULL && (value == NULL || value[0] == '\0')) {
        value = fallback + 2;
        size = (size_t)(end - value);
    } else if (value == NULL) {
        config_error(tree->errors, node, "variable %s is not set (a default: ${%s:-...})",
                     config_quote(name, shown), shown);
        return NULL;
    } else {
        size = strlen(value);
    }
    if (!expansion_put(out, value, size)) {
        config_error(tree->errors, node, "'%s' becomes too long (allowed: %d octets)",
                     config_quote(node->raw, shown), CONFIG_SCALAR_BYTES_MAX);
        return NULL;
    }
    return end + 1;
}

static bool expand_variables(struct config_tree *tree, struct config_node *node)
{
    struct expansion out = {.at = expansion_scratch(tree)};
    for (const char *at = node->raw; *at != '\0';) {
        bool fine = true;
        if (strncmp(at, "$${", 3) == 0) {
            fine = expansion_put(&out, "${", 2);
            at += 3;
        } else if (strncmp(at, "${", 2) == 0) {
            at = expand_one(tree, node, at, &out);
            if (at == NULL) {
                return false;
            }
        } else {
            fine = expansion_put(&out, at++, 1);
        }
        if (!fine) {
            config_error(tree->errors, node, "becomes too long (allowed: %d octets)",
                         CONFIG_SCALAR_BYTES_MAX);
            return false;
        }
    }
    return expansion_keep(tree, node, bytes_make(out.at, out.size));
}

/* The content of a file, without line ends at its end. */
static bool expand_file(struct config_tree *tree, struct config_node *node, const char *path)
{
    char shown[CONFIG_QUOTE_BYTES];
    config_quote(node->raw, shown);
    char *at = expansion_scratch(tree);
    size_t size = 0;
    struct stat what;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *problem = NULL;
    if (fd < 0 || fstat(fd, &what) != 0) {
        problem = strerror(errno);
    } else if (!S_ISREG(what.st_mode)) {
        problem = "is not a regular file";
    } else {
        problem = config_fd_read(fd, (uint8_t *)at, CONFIG_SCALAR_BYTES_MAX, &size);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (problem != NULL) {
        config_error(tree->errors, node, "'%s': %s (allowed: a readable file of at most %d octets)",
                     shown, problem, CONFIG_SCALAR_BYTES_MAX);
        return false;
    }
    while (size > 0 && (at[size - 1] == '\n' || at[size - 1] == '\r')) {
        size--;
    }
    return expansion_keep(tree, node, bytes_make(at, size));
}

/* false: said why. Only what the file itself says is a file: is one, never a variable's value. */
static bool expand(struct config_tree *tree, struct config_node *node)
{
    bool is_file = strncmp(node->raw, "file:", 5) == 0;
    if (strstr(node->raw, "${") != NULL && !expand_variables(tree, node)) {
        return false;
    }
    if (!is_file) {
        return true;
    }
    const char *path = node->text + 5;
    if (path[0] != '/') {
        char shown[CONFIG_QUOTE_BYTES];
        config_error(tree->errors, node, "'%s': the path must be absolute (allowed: file:/path)",
                     config_quote(node->raw, shown));
        return false;
    }
    return expand_file(tree, node, path);
}

/* ---- one value against its row */

/* What an unquoted scalar is by YAML's and JSON's words. */
static bool scalar_is_null(const struct config_node *node)
{
    return !node->quoted && !node->expanded &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0);
}

static bool scalar_is_bool(const char *text)
{
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

/* Quotes make a text; a variable in quotes is what the variable holds. */
static bool scalar_is_loose(const struct config_node *node)
{
    return !node->quoted || node->expanded;
}

/* Plain decimal, no sign, no leading zero. */
static bool number_parse(const char *text, uint64_t *number)
{
    *number = 0;
    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0')) {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(*number, 10u, number) ||
            __builtin_add_overflow(*number, (uint64_t)(*text - '0'), number)) {
            return false;
        }
    }
    return true;
}

uint64_t config_node_number(const struct config_node *node)
{
    uint64_t number;
    bool fine =
        node != NULL && node->kind == CONFIG_NODE_SCALAR && number_parse(node->text, &number);
    check(fine);
    return number;
}

/* NULL: right; else what is wrong. */
static const char *scalar_problem(const struct config_node *node, const struct config_row *row)
{
    uint64_t number;
    bool loose = scalar_is_loose(node);
    if (scalar_is_null(node)) {
        return "has no value";
    }
    if ((row->types & CONFIG_WORD) != 0 && config_row_word(row, node->text)) {
        return NULL;
    }
    if ((row->types & CONFIG_BOOL) != 0 && loose && scalar_is_bool(node->text)) {
        return NULL;
    }
    if ((row->types & CONFIG_NUMBER) != 0 && loose && number_parse(node->text, &number)) {
        return number >= row->least && number <= row->most ? NULL : "is out of range";
    }
    if ((row->types & CONFIG_TEXT) != 0) {
        bool odd = !node->quoted && !node->expanded &&
                   (scalar_is_bool(node->text) || number_parse(node->text, &number));
        if (odd) {
            return "is not a text: put it in quotes";
        }
        size_t size = strlen(node->text);
        return size >= row->least && size <= row->most ? NULL : "is too short or too long";
    }
    if ((row->types & (CONFIG_BOOL | CONFIG_NUMBER)) != 0 && !loose) {
        return (row->types & CONFIG_BOOL) != 0 ? "is a text: leave the quotes out"
                                               : "is a text, not a plain decimal number";
    }
    if ((row->types & CONFIG_NUMBER) != 0 && row->words == NULL) {
        return "is not a plain decimal number";
    }
    return "is not what may stand here";
}

static void check_scalar(struct config_tree *tree, struct config_node *node)
{
    const struct config_row *row = node->row;
    if (!expand(tree, node)) {
        node->skipped = true;
        return;
    }
    if ((row->types & CONFIG_MAP) != 0 && (row->types & CONFIG_BOOL) != 0 &&
        scalar_is_loose(node) && strcmp(node->text, "true") == 0) {
        node->kind = CONFIG_NODE_MAP; /* a map with nothing but defaults */
        return;
    }
    const char *problem = scalar_problem(node, row);
    if (problem == NULL) {
        return;
    }
    node->skipped = true;
    char allowed[256];
    char word[64];
    char shown[CONFIG_QUOTE_BYTES];
    config_row_allowed(row, allowed, sizeof(allowed));
    const char *near = node->expanded ? NULL : config_row_suggest_word(row, node->text, word);
    char bounds[64] = "";
    if ((row->types & CONFIG_TEXT) != 0) {
        snprintf(bounds, sizeof(bounds), " of %llu to %llu octets", (unsigned long long)row->least,
                 (unsigned long long)row->most);
    }
    config_error(tree->errors, node, "'%s' %s (allowed: %s%s%s%s%s)",
                 config_quote(node->raw, shown), problem, allowed, bounds,
                 near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                 near != NULL ? "'?" : "");
}

/* ---- lists and maps */

static void check_list(struct config_tree *tree, struct config_node *node)
{
    const struct config_row *row = node->row;
    if (node->children < row->least || node->children > row->most) {
        config_error(tree->errors, node, "has %u items (allowed: %llu to %llu)", node->children,
                     (unsigned long long)row->least, (unsigned long long)row->most);
        node->skipped = true;
        return;
    }
    const struct config_row *item = config_row_child(row, "[]");
    check(item != NULL);
    for (struct config_node *child = node->first; child != NULL; child = child->next) {
        child->row = item;
    }
}

enum { ALLOWED_OCTETS = 200 }; /* a longer list is told only to those who have nothing nearer */

static void check_key_unknown(struct config_tree *tree, struct config_node *child)
{
    const struct config_row *row = child->parent->row;
    char allowed[1024];
    size_t at = 0;
    const struct config_row *each = NULL;
    while ((each = config_row_next(row, each)) != NULL && at < sizeof(allowed)) {
        at += (size_t)snprintf(allowed + at, sizeof(allowed) - at, "%s%s", at > 0 ? ", " : "",
                               config_row_key(each));
    }
    const char *near = config_row_suggest_key(row, child->key);
    bool list = near == NULL || at < ALLOWED_OCTETS;
    child->skipped = true;
    child->line = child->key_line;
    child->column = child->key_column;
    config_error(tree->errors, child, "unknown key (%s%s%s%s%s%s)", list ? "allowed: " : "",
                 list ? allowed : "", list && near != NULL ? "; " : "",
                 near != NULL ? "did you mean '" : "", near != NULL ? near : "",
                 near != NULL ? "'?" : "");
}

static void check_map(struct config_tree *tree, struct config_node *node)
{
    const struct config_row *row = node->row;
    for (struct config_node *child = node->first; child != NULL; child = child->next) {
        child->row = config_row_child(row, child->key); /* NULL: told when it is its turn */
    }
    const struct config_row *each = NULL;
    while (!tree->failed && (each = config_row_next(row, each)) != NULL) {
        const char *key = config_row_key(each);
        if (config_node_get(node, key) != NULL) {
            continue;
        }
        if (each->required) {
            config_error(tree->errors, node, "'%s' is missing: %s", key, each->why);
        } else if (each->fallback != NULL) {
            struct config_node *child = config_tree_graft(tree, node, key, each->fallback);
            if (child != NULL) {
                child->row = each;
            }
        }
    }
}

static void check_node(struct config_tree *tree, struct config_node *node)
{
    static const char *const kinds[] = {"a single value", "a list", "a map of keys"};
    const unsigned scalars = CONFIG_BOOL | CONFIG_NUMBER | CONFIG_WORD | CONFIG_TEXT;
    const unsigned wanted[] = {scalars, CONFIG_LIST, CONFIG_MAP};
    if (node->row == NULL) {
        check_key_unknown(tree, node);
        return;
    }
    if ((node->row->types & wanted[node->kind]) == 0) {
        char allowed[256];
        config_row_allowed(node->row, allowed, sizeof(allowed));
        config_error(tree->errors, node, "is %s (allowed: %s)", kinds[node->kind], allowed);
        node->skipped = true;
        return;
    }
    if (node->kind == CONFIG_NODE_SCALAR) {
        check_scalar(tree, node);
    } else if (node->kind == CONFIG_NODE_LIST) {
        check_list(tree, node);
    }
    if (node->kind == CONFIG_NODE_MAP && !node->skipped) {
        check_map(tree, node);
    }
}

void config_check(struct config_tree *tree)
{
    struct config_node *node = tree->root;
    node->row = config_row_root();
    while (node != NULL && !tree->failed) {
        if (!node->skipped) {
            check_node(tree, node);
        }
        node = config_node_next(node, !node->skipped);
    }
}

/* ---- endpoints */

/* "HOST:PORT" or "[HOST]:PORT"; NULL, or what is wrong. */
static const char *endpoint_parse_tcp(const char *at, struct config_arena *arena,
                                      struct listener_settings *listener)
{
    const char *host = at;
    size_t host_size;
    const char *colon;
    if (at[0] == '[') {
        const char *end = strchr(at, ']');
        host++;
        host_size = end == NULL ? 0 : (size_t)(end - host);
        colon = end == NULL ? NULL : end + 1;
    } else {
        colon = strchr(at, ':');
        host_size = colon == NULL ? 0 : (size_t)(colon - at);
    }
    if (colon == NULL || *colon != ':' || host_size == 0) {
        return "needs a host and a port; an IPv6 address stands in brackets";
    }
    if (strcspn(host, " \t/#?@\"'") < host_size) {
        return "has no host that could be one";
    }
    uint32_t port = 0;
    size_t digits = 0;
    for (const char *c = colon + 1; *c != '\0'; c++, digits++) {
        if (*c < '0' || *c > '9' || digits == 5) {
            return "has a port that is no number of 0 to 65535";
        }
        port = port * 10 + (uint32_t)(*c - '0');
    }
    if (digits == 0 || port > UINT16_MAX) {
        return "has a port that is no number of 0 to 65535";
    }
    listener->host = config_arena_copy(arena, host, host_size);
    listener->port = (uint16_t)port;
    return NULL;
}

static const char *endpoint_controls(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((uint8_t)*text < 0x20 || *text == 0x7f) {
            return "holds control characters";
        }
    }
    return NULL;
}

const char *config_endpoint_parse(const char *endpoint, struct config_arena *arena,
                                  struct listener_settings *listener)
{
    const char *problem = endpoint_controls(endpoint);
    listener->endpoint = config_arena_copy(arena, endpoint, strlen(endpoint));
    listener->is_unix = false;
    listener->host = NULL;
    listener->port = 0;
    listener->path = NULL;
    if (problem != NULL) {
        return problem;
    }
    if (strncmp(endpoint, "tcp://", 6) == 0) {
        return endpoint_parse_tcp(listener->endpoint + 6, arena, listener);
    }
    if (strncmp(endpoint, "unix:", 5) != 0) {
        return "is of no known kind";
    }
    listener->is_unix = true;
    listener->path = listener->endpoint + 5;
    if (listener->path[0] != '/' || strlen(listener->path) < 2) {
        return "needs an absolute path";
    }
    return strlen(listener->path) > 107 ? "is longer than a socket's path may be, 107 octets"
                                        : NULL;
}

/* ---- the tree as those see it who read it */

struct config_node *config_node_next(struct config_node *node, bool inside)
{
    if (inside && node->first != NULL) {
        return node->first;
    }
    while (node != NULL && node->next == NULL) {
        node = node->parent;
    }
    return node == NULL ? NULL : node->next;
}

const struct config_node *config_node_get(const struct config_node *map, const char *key)
{
    for (const struct config_node *child = map->first; child != NULL; child = child->next) {
        if (strcmp(child->key, key) == 0) {
            return child;
        }
    }
    return NULL;
}

void config_node_path(const struct config_node *node, char *out, size_t size)
{
    const struct config_node *chain[CONFIG_DEPTH_MAX + 2];
    size_t depth = 0;
    for (; node->parent != NULL; node = node->parent) {
        check(depth < array_count(chain));
        chain[depth++] = node;
    }
    size_t at = 0;
    out[0] = '\0';
    while (depth > 0 && at < size) {
        const struct config_node *each = chain[--depth];
        if (each->key == NULL) {
            at += (size_t)snprintf(out + at, size - at, "[%u]", each->index);
            continue;
        }
        char shown[CONFIG_QUOTE_BYTES];
        at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? "." : "",
                               config_quote(each->key, shown));
    }
}
