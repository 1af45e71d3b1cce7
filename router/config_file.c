/* A file's octets become a tree whose nodes know their line and column.
 *
 * YAML comes as libyaml's events. JSON is proved by jansson first, which keeps no positions; what
 * it accepts is then walked by a small scanner that may rely on that (libyaml reads most JSON, but
 * not surrogate pairs, and takes 1e3 for a text). Both feed the same four verbs: open, close, key,
 * scalar. Anchors, aliases and tags are refused: no configuration needs them, and they are how a
 * small file becomes a large one. */
#include "router/config_node.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <yaml.h>

enum { MAP_KEYS_MAX = 256 };

/* ---- memory */

enum { CHUNK_BYTES = 16 * 1024 };

struct config_chunk {
    struct config_chunk *next;
    size_t used;
    size_t room;
    _Alignas(16) uint8_t at[];
};

void *config_arena_take(struct config_arena *arena, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    struct config_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->room - chunk->used < size) {
        size_t room = size_max(size, CHUNK_BYTES);
        chunk = calloc(1, sizeof(*chunk) + room);
        check(chunk != NULL); /* at start, and bounded by the file's bounds */
        chunk->room = room;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    chunk->used += size;
    return chunk->at + chunk->used - size;
}

char *config_arena_copy(struct config_arena *arena, const char *text, size_t size)
{
    char *copy = config_arena_take(arena, size + 1);
    if (size > 0) {
        memcpy(copy, text, size);
    }
    return copy;
}

void config_arena_free(struct config_arena *arena)
{
    while (arena->chunks != NULL) {
        struct config_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        explicit_bzero(chunk->at, chunk->used); /* secrets may have been among it */
        free(chunk);
    }
}

/* ---- problems */

const char *config_quote(const char *text, char out[CONFIG_QUOTE_BYTES])
{
    size_t at = 0;
    size_t taken = 0;
    for (; text[taken] != '\0' && taken < 96; taken++) {
        uint8_t c = (uint8_t)text[taken];
        if (c < 0x20 || c == 0x7f) {
            at += (size_t)snprintf(out + at, CONFIG_QUOTE_BYTES - at, "\\x%02x", c);
        } else {
            out[at++] = (char)c;
        }
    }
    while (text[taken] != '\0' && at > 0 && ((uint8_t)text[taken] & 0xc0) == 0x80) {
        taken--; /* not within a character */
        at--;
    }
    memcpy(out + at, text[taken] != '\0' ? "..." : "", text[taken] != '\0' ? 4 : 1);
    return out;
}

__attribute__((format(printf, 5, 0))) static void error_write(struct config_errors *errors,
                                                              size_t line, size_t column,
                                                              const char *path, const char *format,
                                                              va_list args)
{
    errors->count++;
    if (errors->count > CONFIG_ERRORS_MAX) {
        return;
    }
    char shown[CONFIG_QUOTE_BYTES];
    fputs(config_quote(errors->file, shown), errors->to);
    if (line > 0) {
        fprintf(errors->to, ":%zu:%zu", line, column);
    }
    fprintf(errors->to, ": %s%s", path, path[0] != '\0' ? ": " : "");
    vfprintf(errors->to, format, args);
    fputc('\n', errors->to);
}

void config_error(struct config_errors *errors, const struct config_node *node, const char *format,
                  ...)
{
    char path[1024];
    config_node_path(node, path, sizeof(path));
    va_list args;
    va_start(args, format);
    error_write(errors, node->line, node->column, path, format, args);
    va_end(args);
}

void config_error_at(struct config_errors *errors, size_t line, size_t column, const char *format,
                     ...)
{
    va_list args;
    va_start(args, format);
    error_write(errors, line, column, "", format, args);
    va_end(args);
}

/* ---- the tree's four verbs */

static bool tree_fail(struct config_tree *tree)
{
    tree->failed = true;
    return false;
}

static bool tree_key_taken(const struct config_node *map, const char *key)
{
    for (const struct config_node *child = map->first; child != NULL; child = child->next) {
        if (strcmp(child->key, key) == 0) {
            return true;
        }
    }
    return false;
}

static struct config_node *tree_add(struct config_tree *tree, enum config_kind kind, size_t line,
                                    size_t column)
{
    if (tree->nodes == CONFIG_NODES_MAX) {
        config_error_at(tree->errors, line, column, "too many values (allowed: %d)",
                        CONFIG_NODES_MAX);
        tree_fail(tree);
        return NULL;
    }
    tree->nodes++;
    struct config_node *node = config_arena_take(tree->arena, sizeof(*node));
    node->kind = kind;
    node->line = (uint32_t)line;
    node->column = (uint32_t)column;
    node->parent = tree->open;
    if (tree->open == NULL) {
        tree->root = node;
        return node;
    }
    struct config_node *parent = tree->open;
    node->index = parent->children++;
    if (parent->kind == CONFIG_NODE_MAP) {
        node->key = tree->key;
        node->key_line = tree->key_line;
        node->key_column = tree->key_column;
        tree->key = NULL;
    }
    if (parent->first == NULL) {
        parent->first = node;
    } else {
        parent->last->next = node;
    }
    parent->last = node;
    return node;
}

static bool tree_wants_key(const struct config_tree *tree)
{
    return tree->open != NULL && tree->open->kind == CONFIG_NODE_MAP && tree->key == NULL;
}

static bool tree_open(struct config_tree *tree, enum config_kind kind, size_t line, size_t column)
{
    if (tree_wants_key(tree)) {
        config_error_at(tree->errors, line, column, "a key must be a plain text");
        return tree_fail(tree);
    }
    if (tree->depth == CONFIG_DEPTH_MAX) {
        config_error_at(tree->errors, line, column, "nested too deep (allowed: %d levels)",
                        CONFIG_DEPTH_MAX);
        return tree_fail(tree);
    }
    struct config_node *node = tree_add(tree, kind, line, column);
    if (node == NULL) {
        return false;
    }
    tree->depth++;
    tree->open = node;
    return true;
}

static void tree_close(struct config_tree *tree)
{
    check(tree->open != NULL && tree->key == NULL);
    tree->open = tree->open->parent;
    tree->depth--;
}

static bool tree_key(struct config_tree *tree, const char *text, size_t size, size_t line,
                     size_t column)
{
    char *key = config_arena_copy(tree->arena, text, size);
    char shown[CONFIG_QUOTE_BYTES];
    if (tree->open->children == MAP_KEYS_MAX) {
        config_error_at(tree->errors, line, column, "too many keys (allowed: %d)", MAP_KEYS_MAX);
        return tree_fail(tree);
    }
    if (strlen(key) != size) {
        config_error_at(tree->errors, line, column, "a key holds a NUL");
        return tree_fail(tree);
    }
    if (tree_key_taken(tree->open, key)) {
        config_error_at(tree->errors, line, column, "key '%s' stands twice",
                        config_quote(key, shown));
    }
    tree->key = key;
    tree->key_line = (uint32_t)line;
    tree->key_column = (uint32_t)column;
    return true;
}

/* A scalar of the file: a key if one is due, else a value. */
static bool tree_scalar(struct config_tree *tree, const char *text, size_t size, bool quoted,
                        size_t line, size_t column)
{
    if (tree_wants_key(tree)) {
        return tree_key(tree, text, size, line, column);
    }
    struct config_node *node = tree_add(tree, CONFIG_NODE_SCALAR, line, column);
    if (node == NULL) {
        return false;
    }
    node->quoted = quoted;
    node->raw = node->text = config_arena_copy(tree->arena, text, size);
    if (strlen(node->raw) != size) {
        node->skipped = true;
        config_error(tree->errors, node, "holds a NUL");
    } else if (size > CONFIG_SCALAR_BYTES_MAX) {
        node->skipped = true;
        config_error(tree->errors, node, "is too long (allowed: %d octets)",
                     CONFIG_SCALAR_BYTES_MAX);
    }
    return true;
}

/* ---- positions */

struct scan {
    const uint8_t *at;
    const uint8_t *end;
    size_t line, column;
};

static void scan_take(struct scan *scan, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t c = *scan->at++;
        if (c == '\n') {
            scan->line++;
            scan->column = 1;
        } else if ((c & 0xc0) != 0x80) {
            scan->column++; /* columns are characters, as libyaml counts them */
        }
    }
}

/* ---- YAML */

static bool yaml_refuse(struct config_tree *tree, yaml_mark_t mark, const char *what)
{
    config_error_at(tree->errors, mark.line + 1, mark.column + 1, "%s", what);
    return tree_fail(tree);
}

static bool yaml_scalar(struct config_tree *tree, const yaml_event_t *event)
{
    const yaml_mark_t at = event->start_mark;
    if (event->data.scalar.anchor != NULL) {
        return yaml_refuse(tree, at, "anchors are not taken: write the value out");
    }
    if (event->data.scalar.tag != NULL) {
        return yaml_refuse(tree, at, "tags are not taken: leave the '!' word out");
    }
    return tree_scalar(tree, (const char *)event->data.scalar.value, event->data.scalar.length,
                       event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE, at.line + 1,
                       at.column + 1);
}

static bool yaml_collection(struct config_tree *tree, const yaml_event_t *event,
                            enum config_kind kind, const yaml_char_t *anchor,
                            const yaml_char_t *tag)
{
    const yaml_mark_t at = event->start_mark;
    if (anchor != NULL) {
        return yaml_refuse(tree, at, "anchors are not taken: write the value out");
    }
    if (tag != NULL) {
        return yaml_refuse(tree, at, "tags are not taken: leave the '!' word out");
    }
    return tree_open(tree, kind, at.line + 1, at.column + 1);
}

/* true: go on. */
static bool yaml_event(struct config_tree *tree, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return yaml_scalar(tree, event);
    case YAML_MAPPING_START_EVENT:
        return yaml_collection(tree, event, CONFIG_NODE_MAP, event->data.mapping_start.anchor,
                               event->data.mapping_start.tag);
    case YAML_SEQUENCE_START_EVENT:
        return yaml_collection(tree, event, CONFIG_NODE_LIST, event->data.sequence_start.anchor,
                               event->data.sequence_start.tag);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        tree_close(tree);
        return true;
    case YAML_ALIAS_EVENT:
        return yaml_refuse(tree, event->start_mark, "aliases are not taken: write the value out");
    case YAML_DOCUMENT_START_EVENT:
        return tree->open != NULL || tree->root == NULL || /* open: a graft */
               yaml_refuse(tree, event->start_mark, "a second document: one file is one");
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return true;
    }
    return true;
}

static void yaml_problem(struct config_tree *tree, const yaml_parser_t *parser, struct bytes text)
{
    const char *problem = parser->problem != NULL ? parser->problem : "out of memory";
    if (parser->error == YAML_READER_ERROR) { /* knows an offset only */
        struct scan scan = {.at = text.at, .end = text.at + text.size, .line = 1, .column = 1};
        scan_take(&scan, size_min(parser->problem_offset, text.size));
        config_error_at(tree->errors, scan.line, scan.column, "%s", problem);
    } else {
        config_error_at(tree->errors, parser->problem_mark.line + 1,
                        parser->problem_mark.column + 1, "%s", problem);
    }
    tree_fail(tree);
}

static void yaml_read(struct config_tree *tree, struct bytes text)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        config_error_at(tree->errors, 0, 0, "no memory to read it");
        tree_fail(tree);
        return;
    }
    yaml_parser_set_input_string(&parser, text.at, text.size);
    bool over = false;
    while (!over) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            yaml_problem(tree, &parser, text);
            break;
        }
        over = event.type == YAML_STREAM_END_EVENT || !yaml_event(tree, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
}

/* ---- JSON */

/* Octets of the string token at at, both quotes included. */
static size_t scan_string_size(const struct scan *scan)
{
    const uint8_t *at = scan->at + 1;
    while (*at != '"') {
        at += *at == '\\' ? 2 : 1;
        check(at < scan->end);
    }
    return (size_t)(at - scan->at) + 1;
}

static bool json_scalar(struct config_tree *tree, struct scan *scan)
{
    size_t line = scan->line;
    size_t column = scan->column;
    if (*scan->at != '"') {
        const uint8_t *from = scan->at;
        const uint8_t *at = from;
        while (at < scan->end && strchr(" \t\r\n,]}", *at) == NULL) {
            at++;
        }
        scan_take(scan, (size_t)(at - from));
        return tree_scalar(tree, (const char *)from, (size_t)(at - from), false, line, column);
    }
    size_t size = scan_string_size(scan);
    json_t *value = json_loadb((const char *)scan->at, size, JSON_DECODE_ANY, NULL);
    check(value != NULL);
    bool fine =
        tree_scalar(tree, json_string_value(value), json_string_length(value), true, line, column);
    json_decref(value);
    scan_take(scan, size);
    return fine;
}

static void json_walk(struct config_tree *tree, struct bytes text)
{
    struct scan scan = {.at = text.at, .end = text.at + text.size, .line = 1, .column = 1};
    bool fine = true;
    while (fine && scan.at < scan.end) {
        uint8_t c = *scan.at;
        if (c == '{' || c == '[') {
            fine = tree_open(tree, c == '{' ? CONFIG_NODE_MAP : CONFIG_NODE_LIST, scan.line,
                             scan.column);
            scan_take(&scan, 1);
        } else if (c == '}' || c == ']') {
            tree_close(tree);
            scan_take(&scan, 1);
        } else if (strchr(" \t\r\n,:", c) != NULL) {
            scan_take(&scan, 1);
        } else {
            fine = json_scalar(tree, &scan);
        }
    }
}

static void json_read(struct config_tree *tree, struct bytes text)
{
    json_error_t error;
    json_t *value = json_loadb((const char *)text.at, text.size, 0, &error);
    if (value == NULL) {
        char shown[CONFIG_QUOTE_BYTES];
        size_t line = error.line > 0 ? (size_t)error.line : 1;
        size_t column = error.column > 0 ? (size_t)error.column : 1;
        config_error_at(tree->errors, line, column, "%s", config_quote(error.text, shown));
        tree_fail(tree);
        return;
    }
    json_decref(value);
    json_walk(tree, text);
}

/* ---- reading */

bool config_tree_read(struct config_tree *tree, struct bytes text, enum config_syntax syntax)
{
    if (text.size > CONFIG_FILE_BYTES_MAX) {
        config_error_at(tree->errors, 1, 1, "is too large (allowed: %d octets)",
                        CONFIG_FILE_BYTES_MAX);
        return false;
    }
    if (syntax == CONFIG_JSON) {
        json_read(tree, text);
    } else {
        yaml_read(tree, text);
    }
    if (!tree->failed && tree->root == NULL) {
        config_error_at(tree->errors, 1, 1, "is empty");
        return false;
    }
    return !tree->failed;
}

const char *config_fd_read(int fd, uint8_t *into, size_t max, size_t *size)
{
    *size = 0;
    for (;;) {
        uint8_t extra;
        bool full = *size == max;
        ssize_t got = read(fd, full ? &extra : into + *size, full ? 1 : max - *size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return strerror(errno);
        }
        if (got == 0) {
            return NULL;
        }
        if (full) {
            return "too large";
        }
        *size += (size_t)got;
    }
}

bool config_file_read(const char *file, struct config_arena *arena, struct config_errors *errors,
                      struct bytes *text)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        config_error_at(errors, 0, 0, "%s", strerror(errno));
        return false;
    }
    uint8_t *at = config_arena_take(arena, CONFIG_FILE_BYTES_MAX);
    size_t size;
    const char *problem = config_fd_read(fd, at, CONFIG_FILE_BYTES_MAX, &size);
    close(fd);
    if (problem != NULL) {
        config_error_at(errors, 0, 0, "%s (allowed: %d octets)", problem, CONFIG_FILE_BYTES_MAX);
        return false;
    }
    *text = bytes_make(at, size);
    return true;
}

struct config_node *config_tree_graft(struct config_tree *tree, struct config_node *parent,
                                      const char *key, const char *text)
{
    tree->open = parent;
    tree->key = key;
    tree->key_line = parent->line;
    tree->key_column = parent->column;
    if (text[0] != '[' && text[0] != '{') {
        bool quoted = text[0] == '"';
        size_t size = strlen(text);
        tree_scalar(tree, quoted ? text + 1 : text, quoted ? size - 2 : size, quoted, parent->line,
                    parent->column);
        return tree->failed ? NULL : parent->last;
    }
    struct config_node *before = parent->last;
    yaml_read(tree, bytes_text(text));
    if (tree->failed) {
        return NULL;
    }
    struct config_node *node = before == NULL ? parent->first : before->next;
    struct config_node *stop = config_node_next(node, false);
    for (struct config_node *each = node; each != stop; each = config_node_next(each, true)) {
        each->line = parent->line;
        each->column = parent->column;
    }
    return node;
}
