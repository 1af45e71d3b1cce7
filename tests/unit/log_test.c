/* A line is harmless, whole and never waited for. */
#include "common/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

enum { WALL_MS = 123 };
static const uint64_t wall_ns = UINT64_C(1700000000) * NS_PER_S + WALL_MS * NS_PER_MS;
#define WALL "2023-11-14T22:13:20.123Z"
static char line[LOG_LINE_BYTES + 1];

#define LINE(style, level, event, ...)                                                             \
    line_make((style), (level), (event), (const struct log_field[]){__VA_ARGS__, LOG_NO_FIELD})

static const char *line_make(struct log_style style, enum log_level level, const char *event,
                             const struct log_field *fields)
{
    size_t size = log_line(line, style, wall_ns, level, event, fields);
    assert_in_range(size, 1, LOG_LINE_BYTES);
    line[size] = '\0';
    assert_ptr_equal(strchr(line, '\n'), line + size - 1);
    return line;
}

static const struct log_style text_style = {0};
static const struct log_style json_style = {.json = true};

static void text_line_has_time_level_event_and_fields(void **state)
{
    (void)state;
    assert_string_equal(LINE(text_style, LOG_LEVEL_INFO, "session.join", log_text("realm", "r1"),
                             log_number("session", 7), log_flag("anonymous", true)),
                        WALL " info session.join realm=r1 session=7 anonymous=true\n");
    const struct log_field none[] = {LOG_NO_FIELD};
    assert_string_equal(line_make(text_style, LOG_LEVEL_ERROR, "x", none), WALL " error x\n");
}

static void text_value_escapes_what_could_fool_a_reader(void **state)
{
    (void)state;
    assert_string_equal(LINE(text_style, LOG_LEVEL_WARN, "e",
                             log_text("a", "b\nc\x1b[31m\"\\ \x7f\xc2\x85\xff\xc3\xa9"),
                             log_text("b", "x=y"), log_text("c", "")),
                        WALL " warn e a=\"b\\nc\\x1b[31m\\\"\\\\ \\x7f\\xc2\\x85\\xff\xc3\xa9\" "
                             "b=\"x=y\" c=\"\"\n");
}

static void json_line_is_one_object_with_what_was_given(void **state)
{
    (void)state;
    assert_string_equal(LINE(json_style, LOG_LEVEL_INFO, "session.join", log_text("realm", "r\n1"),
                             log_number("session", UINT64_MAX), log_flag("tls", false)),
                        "{\"ts\":\"" WALL "\",\"level\":\"info\",\"event\":\"session.join\","
                        "\"realm\":\"r\\n1\",\"session\":18446744073709551615,\"tls\":false,"
                        "\"msg\":\"session.join\"}\n");
    assert_string_equal(LINE(json_style, LOG_LEVEL_DEBUG, "e", log_text("msg", "a \"word\"")),
                        "{\"ts\":\"" WALL "\",\"level\":\"debug\",\"event\":\"e\","
                        "\"msg\":\"a \\\"word\\\"\"}\n");
}

static void json_stays_json_whatever_octets_come(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (int round = 0; round < 2000; round++) {
        uint8_t octets[300];
        struct log_field fields[LOG_FIELDS + 1];
        for (size_t i = 0; i < sizeof(octets); i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            octets[i] = (uint8_t)(seed >> 33 >> (round % 3));
        }
        for (size_t i = 0; i < LOG_FIELDS; i++) {
            char *names = (char *)"a\0b\0c\0d\0e\0f\0g\0h\0i\0j\0k\0l\0m\0n\0o\0p";
            fields[i] = log_bytes(names + 2 * i, bytes_make(octets, (seed >> 40) % 300));
        }
        fields[LOG_FIELDS] = LOG_NO_FIELD;
        const char *made = line_make(json_style, LOG_LEVEL_INFO, "e", fields);
        json_error_t error;
        json_t *value = json_loads(made, JSON_REJECT_DUPLICATES, &error);
        if (value == NULL) {
            fail_msg("round %d: %s: %s", round, error.text, made);
        }
        assert_string_equal(json_string_value(json_object_get(value, "msg")), "e");
        json_decref(value);
    }
}

static void value_is_cut_at_its_bound_between_characters(void **state)
{
    (void)state;
    char value[LOG_VALUE_BYTES + 10];
    memset(value, 'a', sizeof(value));
    char wanted[LOG_LINE_BYTES];
    snprintf(wanted, sizeof(wanted), WALL " info e v=\"%.*s...\"\n", LOG_VALUE_BYTES, value);
    assert_string_equal(
        LINE(text_style, LOG_LEVEL_INFO, "e", log_bytes("v", bytes_make(value, sizeof(value)))),
        wanted);
    memcpy(value + LOG_VALUE_BYTES - 1, "\xc3\xa9", 2);
    snprintf(wanted, sizeof(wanted), WALL " info e v=\"%.*s...\"\n", LOG_VALUE_BYTES - 1, value);
    assert_string_equal(
        LINE(text_style, LOG_LEVEL_INFO, "e", log_bytes("v", bytes_make(value, sizeof(value)))),
        wanted);
}

static void journal_line_has_a_priority_and_no_time(void **state)
{
    (void)state;
    const struct log_style style = {.journal = true};
    assert_string_equal(LINE(style, LOG_LEVEL_ERROR, "e", log_number("n", 1)), "<3>error e n=1\n");
    assert_string_equal(LINE(style, LOG_LEVEL_DEBUG, "e", log_number("n", 1)), "<7>debug e n=1\n");
}

static void color_colors_the_level_only(void **state)
{
    (void)state;
    const struct log_style style = {.color = true};
    assert_string_equal(LINE(style, LOG_LEVEL_ERROR, "e", log_number("n", 1)),
                        WALL " \x1b[31merror\x1b[0m e n=1\n");
}

static void style_check(enum log_format format, int fd, bool json, bool journal, bool color)
{
    struct log_style style = log_style_of(format, fd);
    assert_int_equal(style.json, json);
    assert_int_equal(style.journal, journal);
    assert_int_equal(style.color, color);
}

static void style_follows_descriptor_and_environment(void **state)
{
    (void)state;
    int ends[2];
    struct stat what;
    char stream[64];
    assert_int_equal(pipe(ends), 0);
    unsetenv("JOURNAL_STREAM");
    unsetenv("NO_COLOR");
    unsetenv("FORCE_COLOR");
    setenv("TERM", "xterm", 1);
    style_check(LOG_FORMAT_AUTO, ends[1], true, false, false);
    style_check(LOG_FORMAT_TEXT, ends[1], false, false, false);
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    style_check(LOG_FORMAT_AUTO, terminal, false, false, true);
    style_check(LOG_FORMAT_JSON, terminal, true, false, false);
    setenv("TERM", "dumb", 1);
    style_check(LOG_FORMAT_AUTO, terminal, false, false, false);
    setenv("FORCE_COLOR", "1", 1);
    style_check(LOG_FORMAT_TEXT, ends[1], false, false, true);
    setenv("NO_COLOR", "1", 1);
    style_check(LOG_FORMAT_TEXT, ends[1], false, false, false);
    assert_int_equal(fstat(ends[1], &what), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)what.st_dev,
             (unsigned long long)what.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    style_check(LOG_FORMAT_AUTO, ends[1], false, true, false);
    style_check(LOG_FORMAT_JSON, ends[1], true, true, false);
    setenv("JOURNAL_STREAM", "1:1", 1);
    style_check(LOG_FORMAT_AUTO, ends[1], true, false, false);
    unsetenv("JOURNAL_STREAM");
    close(terminal);
    close(ends[0]);
    close(ends[1]);
}

static size_t read_all(int fd, char *into, size_t max)
{
    size_t size = 0;
    for (ssize_t got; size < max && (got = read(fd, into + size, max - size)) > 0;) {
        size += (size_t)got;
    }
    into[size] = '\0';
    return size;
}

static void levels_below_the_set_one_are_not_written(void **state)
{
    (void)state;
    char found[4096];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    log_event(LOG_LEVEL_ERROR, "before.init");
    assert_true(log_init(LOG_FORMAT_TEXT, LOG_LEVEL_WARN, ends[1]));
    assert_true(log_enabled(LOG_LEVEL_WARN));
    assert_false(log_enabled(LOG_LEVEL_INFO));
    log_event(LOG_LEVEL_INFO, "no");
    log_event(LOG_LEVEL_WARN, "yes", log_number("n", 1));
    log_event(LOG_LEVEL_ERROR, "bare");
    assert_int_equal(log_fini(), 0);
    log_event(LOG_LEVEL_ERROR, "after.fini");
    close(ends[1]);
    read_all(ends[0], found, sizeof(found) - 1);
    close(ends[0]);
    assert_string_equal(found + strlen(WALL), strstr(found, " warn yes n=1\n"));
    char *second = strchr(found, '\n') + 1;
    assert_string_equal(second + strlen(WALL), " error bare\n");
}

struct reader {
    int fd;
    size_t size;
    char *found;
};

enum { READER_BYTES = 8 * 1024 * 1024 };

static void *reader_run(void *context)
{
    struct reader *reader = context;
    reader->size = read_all(reader->fd, reader->found, READER_BYTES - 1);
    return NULL;
}

/* Nobody reads at first: every call returns, what finds no room is counted, and told in the end. */
static void a_full_pipe_stops_nobody_and_drops_are_told(void **state)
{
    (void)state;
    enum { EVENTS = 20000 };
    int ends[2];
    pthread_t thread;
    char *found = calloc(1, READER_BYTES);
    assert_int_equal(pipe(ends), 0);
    assert_true(log_init(LOG_FORMAT_JSON, LOG_LEVEL_INFO, ends[1]));
    for (uint64_t i = 0; i < EVENTS; i++) {
        log_event(LOG_LEVEL_INFO, "tick", log_number("i", i));
    }
    struct reader reader = {.fd = ends[0], .found = found};
    assert_int_equal(pthread_create(&thread, NULL, reader_run, &reader), 0);
    uint64_t lost = log_fini();
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    uint64_t ticks = 0;
    uint64_t told = 0;
    uint64_t last = 0;
    for (char *save = NULL, *at = strtok_r(found, "\n", &save); at != NULL;
         at = strtok_r(NULL, "\n", &save)) {
        json_t *value = json_loads(at, 0, NULL);
        assert_non_null(value);
        if (strcmp(json_string_value(json_object_get(value, "event")), "tick") == 0) {
            uint64_t i = (uint64_t)json_integer_value(json_object_get(value, "i"));
            assert_true(ticks == 0 || i > last);
            last = i;
            ticks++;
        } else {
            told += (uint64_t)json_integer_value(json_object_get(value, "lines"));
        }
        json_decref(value);
    }
    free(found);
    assert_true(lost > 0);
    assert_int_equal(told, lost);
    assert_int_equal(ticks + lost, EVENTS);
}

static void fini_ends_though_nobody_reads(void **state)
{
    (void)state;
    enum { EVENTS = 1500 }; /* more than the pipe takes, less than the ring */
    static char found[LOG_RING_BYTES];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_true(log_init(LOG_FORMAT_JSON, LOG_LEVEL_INFO, ends[1]));
    for (uint64_t i = 0; i < EVENTS; i++) {
        log_event(LOG_LEVEL_INFO, "tick", log_number("i", i));
    }
    uint64_t lost = log_fini();
    close(ends[1]);
    size_t size = read_all(ends[0], found, sizeof(found) - 1);
    close(ends[0]);
    uint64_t written = 0;
    for (size_t i = 0; i < size; i++) {
        written += found[i] == '\n';
    }
    assert_true(lost > 0);
    assert_int_equal(written + lost, EVENTS);
}

static void a_broken_pipe_costs_each_line_once(void **state)
{
    (void)state;
    enum { EVENTS = 100 };
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    assert_true(log_init(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, ends[1]));
    for (uint64_t i = 0; i < EVENTS; i++) {
        log_event(LOG_LEVEL_INFO, "tick", log_number("i", i));
    }
    assert_in_range(log_fini(), EVENTS, 2 * EVENTS); /* each may have brought a log.dropped */
    close(ends[1]);
}

static void limit_lets_one_line_a_second_through_and_counts_the_rest(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    assert_false(log_limited(&limit, 5));
    assert_int_equal(limit.skipped, 0);
    assert_true(log_limited(&limit, 6));
    assert_true(log_limited(&limit, NS_PER_S + 4));
    assert_false(log_limited(&limit, NS_PER_S + 5));
    assert_int_equal(limit.skipped, 2);
    assert_false(log_limited(&limit, 3 * NS_PER_S));
    assert_int_equal(limit.skipped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_line_has_time_level_event_and_fields),
        cmocka_unit_test(text_value_escapes_what_could_fool_a_reader),
        cmocka_unit_test(json_line_is_one_object_with_what_was_given),
        cmocka_unit_test(json_stays_json_whatever_octets_come),
        cmocka_unit_test(value_is_cut_at_its_bound_between_characters),
        cmocka_unit_test(journal_line_has_a_priority_and_no_time),
        cmocka_unit_test(color_colors_the_level_only),
        cmocka_unit_test(style_follows_descriptor_and_environment),
        cmocka_unit_test(levels_below_the_set_one_are_not_written),
        cmocka_unit_test(a_full_pipe_stops_nobody_and_drops_are_told),
        cmocka_unit_test(fini_ends_though_nobody_reads),
        cmocka_unit_test(a_broken_pipe_costs_each_line_once),
        cmocka_unit_test(limit_lets_one_line_a_second_through_and_counts_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
