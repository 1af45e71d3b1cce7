/* Lines go  caller's stack -> ring (mutex, one copy) -> writer thread -> descriptor.  The writer
 * asks poll first and writes at most a pipe's atomic size, so that it, too, never hangs in a write
 * to a pipe or a terminal and log_fini ends in bounded time. */
#include "common/log.h"

#include "common/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WRITE_BYTES = 4096, POLL_MS = 50 };
_Static_assert(2 * LOG_LINE_BYTES <= WRITE_BYTES, "a whole line fits into a write");

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    pthread_t writer;
    struct log_style style;
    enum log_level level;
    int fd;
    bool running;
    bool ending;
    uint64_t dropped;  /* not yet told */
    uint64_t lost;     /* all of them, told or not */
    size_t head, size; /* octets waiting: size from head on, around the end */
    char ring[LOG_RING_BYTES];
} logger = {.mutex = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

/* ---- one line */

struct line {
    char *at;
    size_t size;
    size_t room; /* what is left for others after the end's own octets */
};

static void line_put(struct line *line, const char *text, size_t size)
{
    size = size_min(size, line->room - line->size);
    memcpy(line->at + line->size, text, size);
    line->size += size;
}

static void line_put_text(struct line *line, const char *text)
{
    line_put(line, text, strlen(text));
}

static void line_put_number(struct line *line, uint64_t number)
{
    char digits[24];
    int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    line_put(line, digits, (size_t)size);
}

/* Octets of the UTF-8 character at text that may be shown as it is; 0: control or broken. */
static size_t character_size(struct bytes text)
{
    uint8_t c = text.at[0];
    if (c < 0x80) {
        return c >= 0x20 && c != 0x7f ? 1 : 0;
    }
    size_t size = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (c < 0xc2 || c > 0xf4 || size > text.size) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((text.at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    uint8_t d = text.at[1];
    bool bad = (c == 0xc2 && d < 0xa0) || (c == 0xe0 && d < 0xa0) || (c == 0xed && d >= 0xa0) ||
               (c == 0xf0 && d < 0x90) || (c == 0xf4 && d >= 0x90);
    return bad ? 0 : size;
}

/* Whole characters, cut at LOG_VALUE_BYTES; a piece that does not fit the line is left out. */
static void line_put_value(struct line *line, struct bytes text, bool json)
{
    bool cut = text.size > LOG_VALUE_BYTES;
    size_t end = size_min(text.size, LOG_VALUE_BYTES);
    for (size_t at = 0; at < end;) {
        size_t size = character_size(bytes_from(text, at));
        uint8_t c = text.at[at];
        if (size > end - at) {
            break;
        }
        if (size == 1 && (c == '"' || c == '\\')) {
            line_put(line, (const char[]){'\\', (char)c}, 2);
        } else if (size > 0) {
            line_put(line, (const char *)text.at + at, size);
        } else if (c == '\n') {
            line_put_text(line, "\\n");
        } else if (json && (c >= 0x80 || c == 0)) { /* many a reader of JSON refuses a NUL */
            line_put_text(line, "\\ufffd");
        } else {
            char escape[8];
            snprintf(escape, sizeof(escape), json ? "\\u%04x" : "\\x%02x", c);
            line_put_text(line, escape);
        }
        at += size_max(size, 1);
    }
    line_put_text(line, cut ? "..." : "");
}

static bool value_is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.at[i];
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return false;
        }
    }
    return text.size > 0 && text.size <= LOG_VALUE_BYTES;
}

static void line_put_field(struct line *line, const struct log_field *field, bool json)
{
    if (field->kind == LOG_NUMBER) {
        line_put_number(line, field->number);
    } else if (field->kind == LOG_FLAG) {
        line_put_text(line, field->number != 0 ? "true" : "false");
    } else if (!json && value_is_plain(field->text)) {
        line_put(line, (const char *)field->text.at, field->text.size);
    } else {
        line_put_text(line, "\"");
        line_put_value(line, field->text, json);
        line_put_text(line, "\"");
    }
}

static void line_put_time(struct line *line, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm parts;
    char text[40];
    gmtime_r(&seconds, &parts);
    size_t size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    unsigned ms = (unsigned)(wall_ns / NS_PER_MS % 1000);
    size += (size_t)snprintf(text + size, sizeof(text) - size, ".%03uZ", ms);
    line_put(line, text, size);
}

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const level_colors[] = {"\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[2m"};
static const char *const level_priorities[] = {"<3>", "<4>", "<6>", "<7>"};

static void line_json(struct line *line, uint64_t wall_ns, enum log_level level, const char *event,
                      const struct log_field *fields)
{
    bool told = false;
    line_put_text(line, "{\"ts\":\"");
    line_put_time(line, wall_ns);
    line_put_text(line, "\",\"level\":\"");
    line_put_text(line, level_names[level]);
    line_put_text(line, "\",\"event\":\"");
    line_put_text(line, event);
    line_put_text(line, "\"");
    for (size_t i = 0; i < LOG_FIELDS && fields[i].key != NULL; i++) {
        told |= strcmp(fields[i].key, "msg") == 0;
        /* a field goes in whole or not at all: the line stays JSON */
        size_t before = line->size;
        line_put_text(line, ",\"");
        line_put_text(line, fields[i].key);
        line_put_text(line, "\":");
        line_put_field(line, &fields[i], true);
        if (line->size == line->room) {
            line->size = before;
        }
    }
    line->room += LOG_VALUE_BYTES; /* was held back for this */
    if (!told) {
        line_put_text(line, ",\"msg\":\"");
        line_put_text(line, event);
        line_put_text(line, "\"");
    }
    line_put_text(line, "}");
}

static void line_text(struct line *line, struct log_style style, uint64_t wall_ns,
                      enum log_level level, const char *event, const struct log_field *fields)
{
    if (!style.journal) {
        line_put_time(line, wall_ns);
        line_put_text(line, " ");
    }
    line_put_text(line, style.color ? level_colors[level] : "");
    line_put_text(line, level_names[level]);
    line_put_text(line, style.color ? "\x1b[0m" : "");
    line_put_text(line, " ");
    line_put_text(line, event);
    for (size_t i = 0; i < LOG_FIELDS && fields[i].key != NULL; i++) {
        size_t before = line->size;
        line_put_text(line, " ");
        line_put_text(line, fields[i].key);
        line_put_text(line, "=");
        line_put_field(line, &fields[i], false);
        if (line->size == line->room) {
            line->size = before;
        }
    }
}

size_t log_line(char out[static LOG_LINE_BYTES], struct log_style style, uint64_t wall_ns,
                enum log_level level, const char *event, const struct log_field *fields)
{
    check(strlen(event) <= 64); /* a literal of ours */
    struct line line = {.at = out, .room = LOG_LINE_BYTES - LOG_VALUE_BYTES - 1};
    line_put_text(&line, style.journal ? level_priorities[level] : "");
    if (style.json) {
        line_json(&line, wall_ns, level, event, fields);
    } else {
        line_text(&line, style, wall_ns, level, event, fields);
    }
    out[line.size++] = '\n';
    return line.size;
}

/* ---- style */

/* systemd sets JOURNAL_STREAM to the device and inode of the journal's socket; a service may have
 * inherited the variable without the socket. */
static bool fd_is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat what;
    unsigned long long device;
    unsigned long long inode;
    return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(fd, &what) == 0 && what.st_dev == device && what.st_ino == inode;
}

static bool variable_says(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

struct log_style log_style_of(enum log_format format, int fd)
{
    const char *term = getenv("TERM");
    bool terminal = isatty(fd) == 1;
    bool journal = fd_is_journal(fd);
    bool dumb = term != NULL && strcmp(term, "dumb") == 0;
    bool wanted = variable_says("FORCE_COLOR") || (terminal && !dumb);
    bool json = format == LOG_FORMAT_JSON || (format == LOG_FORMAT_AUTO && !terminal && !journal);
    return (struct log_style){.json = json,
                              .journal = journal,
                              .color = wanted && !json && !journal && !variable_says("NO_COLOR")};
}

/* ---- the ring; the mutex is held */

static bool ring_put(const char *line, size_t size)
{
    if (LOG_RING_BYTES - logger.size < size) {
        return false;
    }
    size_t tail = (logger.head + logger.size) % LOG_RING_BYTES;
    size_t first = size_min(size, LOG_RING_BYTES - tail);
    memcpy(logger.ring + tail, line, first);
    memcpy(logger.ring, line + first, size - first);
    logger.size += size;
    return true;
}

static void ring_put_dropped(void)
{
    if (logger.dropped == 0) {
        return;
    }
    char text[64];
    snprintf(text, sizeof(text), "%llu lines dropped", (unsigned long long)logger.dropped);
    const struct log_field fields[] = {log_text("msg", text), log_number("lines", logger.dropped),
                                       LOG_NO_FIELD};
    char line[LOG_LINE_BYTES];
    size_t size =
        log_line(line, logger.style, clock_wall_ns(), LOG_LEVEL_WARN, "log.dropped", fields);
    if (ring_put(line, size)) {
        logger.dropped = 0;
    }
}

/* Whole lines, as many as a write takes. */
static size_t ring_take(char *out)
{
    size_t size = size_min(logger.size, WRITE_BYTES);
    size_t first = size_min(size, LOG_RING_BYTES - logger.head);
    memcpy(out, logger.ring + logger.head, first);
    memcpy(out + first, logger.ring, size - first);
    while (size > 0 && out[size - 1] != '\n') {
        size--;
    }
    logger.head = (logger.head + size) % LOG_RING_BYTES;
    logger.size -= size;
    return size;
}

static void ring_drop_all(void)
{
    for (size_t i = 0; i < logger.size; i++) {
        logger.lost += logger.ring[(logger.head + i) % LOG_RING_BYTES] == '\n';
    }
    logger.size = 0;
}

/* ---- the writer */

static bool writer_told_to_end(void)
{
    pthread_mutex_lock(&logger.mutex);
    bool ending = logger.ending;
    pthread_mutex_unlock(&logger.mutex);
    return ending;
}

/* false: the descriptor took nothing for LOG_FINI_MS of the ending, or is broken. */
static bool writer_write(const char *at, size_t size)
{
    int left_ms = LOG_FINI_MS;
    while (size > 0) {
        struct pollfd poll_fd = {.fd = logger.fd, .events = POLLOUT};
        int ready = poll(&poll_fd, 1, POLL_MS);
        if (ready <= 0) {
            left_ms -= writer_told_to_end() ? POLL_MS : 0;
            if (left_ms <= 0 || (ready < 0 && errno != EINTR)) {
                return false;
            }
            continue;
        }
        ssize_t done = write(logger.fd, at, size);
        if (done < 0 && errno != EINTR && errno != EAGAIN) {
            return false;
        }
        at += done > 0 ? done : 0;
        size -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

static uint64_t lines_in(const char *at, size_t size)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < size; i++) {
        lines += at[i] == '\n';
    }
    return lines;
}

static void *writer_run(void *context)
{
    (void)context;
    char out[WRITE_BYTES];
    bool broken = false; /* the last write failed: no word about it until there is a new line */
    pthread_mutex_lock(&logger.mutex);
    for (;;) {
        if (logger.size == 0 && !broken) {
            ring_put_dropped();
        }
        if (logger.size == 0 && logger.ending) {
            break;
        }
        if (logger.size == 0) {
            pthread_cond_wait(&logger.filled, &logger.mutex);
            continue;
        }
        size_t size = ring_take(out);
        pthread_mutex_unlock(&logger.mutex);
        broken = !writer_write(out, size);
        pthread_mutex_lock(&logger.mutex);
        if (broken) {
            uint64_t lines = lines_in(out, size);
            logger.lost += lines;
            logger.dropped += logger.ending ? 0 : lines;
            if (logger.ending) {
                ring_drop_all();
                logger.dropped = 0;
            }
        }
    }
    pthread_mutex_unlock(&logger.mutex);
    return NULL;
}

/* ---- the face */

bool log_init(enum log_format format, enum log_level level, int fd)
{
    check(!logger.running);
    logger.style = log_style_of(format, fd);
    logger.level = level;
    logger.fd = fd;
    logger.ending = false;
    logger.head = logger.size = 0;
    logger.dropped = logger.lost = 0;
    int error = pthread_create(&logger.writer, NULL, writer_run, NULL);
    if (error != 0) {
        errno = error;
        return false;
    }
    logger.running = true;
    return true;
}

uint64_t log_fini(void)
{
    if (!logger.running) {
        return 0;
    }
    pthread_mutex_lock(&logger.mutex);
    logger.ending = true;
    pthread_cond_signal(&logger.filled);
    pthread_mutex_unlock(&logger.mutex);
    pthread_join(logger.writer, NULL);
    logger.running = false;
    return logger.lost;
}

bool log_enabled(enum log_level level)
{
    return logger.running && level <= logger.level;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    if (!log_enabled(level)) {
        return;
    }
    char line[LOG_LINE_BYTES];
    size_t size = log_line(line, logger.style, clock_wall_ns(), level, event, fields);
    pthread_mutex_lock(&logger.mutex);
    ring_put_dropped();
    if (logger.dropped > 0 || !ring_put(line, size)) {
        logger.dropped++;
        logger.lost++;
    }
    pthread_cond_signal(&logger.filled);
    pthread_mutex_unlock(&logger.mutex);
}
