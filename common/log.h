/* One line for each thing worth telling an operator, as text or JSON, that never makes a worker
 * wait.
 *
 * Any thread calls log_event: the line is made on the caller's stack and copied into a ring under
 * a mutex that is held for that copy only; one thread writes the ring to the descriptor, which
 * stays the caller's and keeps its mode. Started once by main before there are other threads, and
 * ended after them. Bounds: a line LOG_LINE_BYTES, a value LOG_VALUE_BYTES, fields LOG_FIELDS, the
 * ring LOG_RING_BYTES. A line that finds no room is dropped and counted; "log.dropped" tells how
 * many as soon as there is room. Without log_init, and after log_fini, events vanish.
 *
 * Values are made harmless: control characters, line ends and broken UTF-8 are escaped. A field
 * called "msg" is the sentence for people; without it the event's name stands there. Secrets and
 * payloads are never given to it. */
#ifndef CLOS_LOG_H
#define CLOS_LOG_H

#include "common/bytes.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

enum log_format {
    LOG_FORMAT_AUTO, /* text on a terminal and in the journal, else JSON */
    LOG_FORMAT_TEXT,
    LOG_FORMAT_JSON,
};

enum {
    LOG_VALUE_BYTES = 256,
    LOG_FIELDS = 16,
    LOG_LINE_BYTES = 2048,
    LOG_RING_BYTES = 256 * 1024,
    LOG_FINI_MS = 1000, /* how long log_fini waits for a descriptor that takes nothing */
};

enum log_kind {
    LOG_TEXT,
    LOG_NUMBER,
    LOG_FLAG,
};

struct log_field {
    const char *key; /* a literal: [a-z_.]+ */
    enum log_kind kind;
    struct bytes text;
    uint64_t number;
};

static inline struct log_field log_bytes(const char *key, struct bytes text)
{
    return (struct log_field){.key = key, .kind = LOG_TEXT, .text = text};
}

static inline struct log_field log_text(const char *key, const char *text)
{
    return log_bytes(key, bytes_text(text));
}

static inline struct log_field log_number(const char *key, uint64_t number)
{
    return (struct log_field){.key = key, .kind = LOG_NUMBER, .number = number};
}

static inline struct log_field log_flag(const char *key, bool flag)
{
    return (struct log_field){.key = key, .kind = LOG_FLAG, .number = flag};
}

/* False: the system gave no thread; errno says why. Reads JOURNAL_STREAM, NO_COLOR, FORCE_COLOR
 * and TERM. */
bool log_init(enum log_format format, enum log_level level, int fd);

/* Writes what is waiting, for LOG_FINI_MS at most while nothing moves. Returns the lines that were
 * lost since log_init ("log.dropped" among them, if it was lost too). The process ignores SIGPIPE:
 * a descriptor that nobody reads any more costs its lines, nothing else. */
uint64_t log_fini(void);

bool log_enabled(enum log_level level);

/* log_event(LOG_LEVEL_INFO, "session.join", log_text("realm", realm), log_number("session", id)) */
#define log_event(level, ...) LOG_EVENT_PICK((level), __VA_ARGS__, LOG_NO_FIELD)
#define LOG_NO_FIELD ((struct log_field){.key = NULL})
#define LOG_EVENT_PICK(level, event, ...)                                                          \
    log_write((level), (event), (const struct log_field[]){__VA_ARGS__})

/* fields end with one that has no key. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

/* At most one line a second for one reason. All zero to begin; one thread's. */
struct log_limit {
    uint64_t next_ns;
    uint64_t skipped_now; /* since the last line */
    uint64_t skipped;     /* before this line: to be told in it */
};

static inline bool log_limited(struct log_limit *limit, uint64_t now_ns)
{
    if (now_ns < limit->next_ns) {
        limit->skipped_now++;
        return true;
    }
    limit->next_ns = now_ns + NS_PER_S;
    limit->skipped = limit->skipped_now;
    limit->skipped_now = 0;
    return false;
}

/* What the writer thread decides once, open for tests. */
struct log_style {
    bool json;
    bool journal; /* <N> before the line, no timestamp in text */
    bool color;
};

struct log_style log_style_of(enum log_format format, int fd);

/* One line with its end into out; its size. */
size_t log_line(char out[static LOG_LINE_BYTES], struct log_style style, uint64_t wall_ns,
                enum log_level level, const char *event, const struct log_field *fields);

#endif
