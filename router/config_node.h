/* The insides of config: the tree of a file, the table of keys, the list of problems.
 *
 * Used by config*.c only, on main's thread. A tree's nodes and strings live in its arena until
 * config_arena_free; they keep line and column, so that any later step can say where. Bounded by
 * CONFIG_DEPTH_MAX and CONFIG_NODES_MAX (defaults that were filled in count too). Problems go to
 * struct config_errors as they are found; a step goes on after one as far as it can. */
#ifndef CLOS_CONFIG_NODE_H
#define CLOS_CONFIG_NODE_H

#include "router/config.h"

/* ---- memory (config_file.c) */
void *config_arena_take(struct config_arena *arena, size_t size); /* zeroed; never NULL */
char *config_arena_copy(struct config_arena *arena, const char *text, size_t size); /* adds NUL */
void config_arena_free(struct config_arena *arena);

/* ---- problems (config_file.c) */
struct config_errors {
    FILE *to;
    const char *file;
    size_t count;
};

struct config_node;

/* "path: text" at a node's place. */
__attribute__((format(printf, 3, 4))) void
config_error(struct config_errors *errors, const struct config_node *node, const char *format, ...);

/* Without a node: at line and column, or about the file if line is 0. */
__attribute__((format(printf, 4, 5))) void
config_error_at(struct config_errors *errors, size_t line, size_t column, const char *format, ...);

/* A piece of the file or of the command line, made fit to be printed: control characters escaped,
 * cut at 96 octets. */
enum { CONFIG_QUOTE_BYTES = 400 };
const char *config_quote(const char *text, char out[CONFIG_QUOTE_BYTES]);

/* ---- the table (config_table.c) */
enum config_type { /* bits: a key may take several */
                   CONFIG_MAP = 1,
                   CONFIG_LIST = 2,
                   CONFIG_BOOL = 4,
                   CONFIG_NUMBER = 8,
                   CONFIG_WORD = 16, /* one of words */
                   CONFIG_TEXT = 32,
};

struct config_row {
    const char *path;     /* "realms[].roles[].name"; "" is the whole file */
    const char *fallback; /* YAML text for a key that is absent; NULL: stays absent */
    const char *sample;   /* what the sample shows if not fallback; '#' first: commented out */
    const char *words;    /* "auto|uring|epoll" */
    uint64_t least, most; /* of a number; of a list's items; of a text's octets */
    const char *why;
    uint8_t types;
    bool required;
};

const struct config_row *config_row_root(void);
/* The row of row's child called key ("[]" for an item); NULL: unknown. */
const struct config_row *config_row_child(const struct config_row *row, const char *key);
/* Walks the children of row in the table's order; after is the last one, or NULL to begin. */
const struct config_row *config_row_next(const struct config_row *row,
                                         const struct config_row *after);
const char *config_row_key(const struct config_row *row); /* last part of its path */

/* What a row takes, in words: "auto, 1 to 256". */
void config_row_allowed(const struct config_row *row, char *out, size_t size);
bool config_row_word(const struct config_row *row, const char *word);

/* The nearest of row's keys, or of its words; NULL: none is near. */
const char *config_row_suggest_key(const struct config_row *row, const char *key);
const char *config_row_suggest_word(const struct config_row *row, const char *word,
                                    char out[static 64]);

/* ---- the tree (config_file.c) */
enum config_kind {
    CONFIG_NODE_SCALAR,
    CONFIG_NODE_LIST,
    CONFIG_NODE_MAP,
};

struct config_node {
    enum config_kind kind;
    bool quoted;    /* scalar in quotes: a text, whatever it looks like */
    bool expanded;  /* text came from a variable or a file: never printed */
    bool skipped;   /* wrong and said so: not looked into */
    uint32_t index; /* in its list */
    uint32_t children;
    uint32_t line, column; /* from 1 */
    uint32_t key_line, key_column;
    const char *key;              /* in a map */
    const char *raw;              /* scalar as the file has it */
    const char *text;             /* scalar's value */
    const struct config_row *row; /* once checked */
    struct config_node *parent, *first, *last, *next;
};

struct config_tree {
    struct config_arena *arena;
    struct config_errors *errors;
    struct config_node *root;
    struct config_node *open; /* innermost map or list that has not ended */
    const char *key;          /* of the map that is open, waiting for its value */
    uint32_t key_line, key_column;
    uint32_t depth;
    uint32_t nodes;
    size_t expanded_bytes; /* brought in by variables and files so far */
    char *scratch;
    bool failed; /* a problem after which reading cannot go on */
};

/* false: said why in errors. */
bool config_tree_read(struct config_tree *tree, struct bytes text, enum config_syntax syntax);

/* A whole file into the arena, or false with a message. */
bool config_file_read(const char *file, struct config_arena *arena, struct config_errors *errors,
                      struct bytes *text);

/* At most max octets of fd; NULL, or what went wrong. */
const char *config_fd_read(int fd, uint8_t *into, size_t max, size_t *size);

/* Parses YAML text of the table as the value of key under parent, at parent's place. */
struct config_node *config_tree_graft(struct config_tree *tree, struct config_node *parent,
                                      const char *key, const char *text);

/* Next node in the file's order; inside: also those within node. */
struct config_node *config_node_next(struct config_node *node, bool inside);
const struct config_node *config_node_get(const struct config_node *map, const char *key);
void config_node_path(const struct config_node *node, char *out, size_t size);

/* ---- meaning */
/* Replaces variables, proves every value against the table, fills in defaults (config_table.c's
 * words; config_value.c). */
void config_check(struct config_tree *tree);

/* Of a scalar that config_check found right. */
uint64_t config_node_number(const struct config_node *node);

/* "tcp://HOST:PORT" or "unix:/PATH" into listener; NULL, or what is wrong with it. */
const char *config_endpoint_parse(const char *endpoint, struct config_arena *arena,
                                  struct listener_settings *listener);

#endif
