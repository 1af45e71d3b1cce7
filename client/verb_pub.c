#include "client/verb.h"

#include "common/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* clos pub: the same message --repeat times, or one for each line of stdin. With --rate the i-th
 * leaves at its own time after the first, so a pause is made up for. */

enum {
    LINE_BYTES_MAX = 1 << 20,
    LOOK_EVERY = 256, /* messages sent without looking at what the router says */
};

struct pub {
    struct verb *verb;
    struct client_payload payload;
    struct buf args;
    struct buf kwargs;
    struct buf in; /* of stdin */
    size_t in_taken;
    bool in_ended;
    uint64_t start_ns;
    uint64_t sent;
};

/* What the router says while we send, until its time. */
static enum client_error pub_listen(struct pub *pub, uint64_t until_ns)
{
    for (;;) {
        uint64_t now = clock_now_ns();
        int64_t ms = until_ns > now ? (int64_t)((until_ns - now) / NS_PER_MS) : 0;
        enum client_error error = client_run(pub->verb->client, ms);
        if (error != CLIENT_TIMEOUT) {
            return error;
        }
        if (ms == 0) {
            return CLIENT_OK;
        }
    }
}

static enum client_error pub_pace(struct pub *pub)
{
    uint64_t rate = pub->verb->line.rate;
    if (rate > 0) {
        uint64_t whole = pub->sent / rate * NS_PER_S;
        uint64_t rest = (uint64_t)((double)(pub->sent % rate) * (double)NS_PER_S / (double)rate);
        return pub_listen(pub, pub->start_ns + whole + rest);
    }
    return pub->sent % LOOK_EVERY == LOOK_EVERY - 1 ? pub_listen(pub, 0) : CLIENT_OK;
}

static int pub_send(struct pub *pub)
{
    struct verb *verb = pub->verb;
    const char *topic = verb->line.words.at[0];
    const char *options = (const char *)verb->options.at;
    enum client_error error = pub_pace(pub);
    if (error == CLIENT_OK && verb->line.ack) {
        uint64_t publication = 0;
        error =
            client_publish_acknowledged(verb->client, topic, options, &pub->payload, &publication);
        if (error == CLIENT_OK && verb->line.json) {
            (void)printf("{\"publication\":%llu}\n", (unsigned long long)publication);
        }
    } else if (error == CLIENT_OK) {
        error = client_publish(verb->client, topic, options, &pub->payload);
    }
    pub->sent++;
    return error == CLIENT_OK ? EXIT_FINE : verb_failed(verb, error);
}

/* ---- lines of stdin */

/* Waits until stdin has something; the router is heard meanwhile. */
static enum client_error pub_wait_stdin(struct pub *pub)
{
    struct client *client = pub->verb->client;
    for (;;) {
        enum client_error error = client_run(client, 0);
        if (error != CLIENT_TIMEOUT) {
            return error;
        }
        struct pollfd fds[3] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = pub->verb->signal_fd, .events = POLLIN},
            {.fd = client_fd(client),
             .events = (short)(POLLIN | (client_unsent(client) ? POLLOUT : 0))},
        };
        if (poll(fds, array_count(fds), -1) > 0 && fds[0].revents != 0) {
            return CLIENT_OK;
        }
    }
}

/* 1: *line is the next one. 0: stdin has ended. Else -1 and *code: told why. */
static int pub_line(struct pub *pub, struct bytes *line, int *code)
{
    for (;;) {
        struct bytes rest = bytes_from(buf_bytes(&pub->in), pub->in_taken);
        const uint8_t *end = rest.size > 0 ? memchr(rest.at, '\n', rest.size) : NULL;
        if (end != NULL || (pub->in_ended && rest.size > 0)) {
            size_t size = end != NULL ? (size_t)(end - rest.at) : rest.size;
            *line = bytes_make(rest.at, size);
            pub->in_taken += end != NULL ? size + 1 : size;
            return 1;
        }
        if (pub->in_ended) {
            return 0;
        }
        if (rest.size >= LINE_BYTES_MAX) {
            *code = verb_fail(EXIT_DATA, "a line of stdin is too long");
            return -1;
        }
        if (rest.size > 0) {
            memmove(pub->in.at, rest.at, rest.size);
        }
        pub->in.size = rest.size;
        pub->in_taken = 0;
        enum client_error error = pub_wait_stdin(pub);
        if (error != CLIENT_OK) {
            *code = verb_failed(pub->verb, error);
            return -1;
        }
        if (!buf_reserve(&pub->in, 4096)) {
            *code = verb_fail(EXIT_GENERAL, "no memory for stdin");
            return -1;
        }
        ssize_t size = read(STDIN_FILENO, pub->in.at + pub->in.size, 4096);
        pub->in_ended = size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN);
        pub->in.size += size > 0 ? (size_t)size : 0;
    }
}

/* The words' arguments and then the line. */
static bool pub_take_line(struct pub *pub, struct bytes line)
{
    const struct texts *words = &pub->verb->line.words;
    struct writer writer;
    if (line.size > 0 && line.at[line.size - 1] == '\r') {
        line.size--;
    }
    buf_reset(&pub->args);
    writer_init(&writer, client_serializer(pub->verb->client), &pub->args);
    write_array(&writer, (uint32_t)words->count);
    for (size_t i = 1; i < words->count; i++) {
        if (!value_write_typed(&writer, bytes_text(words->at[i]))) {
            return false;
        }
    }
    if (!value_write_typed(&writer, line)) {
        return false;
    }
    write_end(&writer);
    pub->payload.args = buf_bytes(&pub->args);
    return !pub->args.failed;
}

static int pub_lines(struct pub *pub)
{
    struct bytes line;
    int code = EXIT_FINE;
    while (code == EXIT_FINE && pub_line(pub, &line, &code) == 1) {
        if (!pub_take_line(pub, line)) {
            return verb_fail(EXIT_DATA, "line %llu of stdin is no value",
                             (unsigned long long)pub->sent + 1);
        }
        code = pub_send(pub);
    }
    return code;
}

static int pub_repeat(struct pub *pub)
{
    uint64_t times = pub->verb->line.repeat > 0 ? pub->verb->line.repeat : 1;
    int code = EXIT_FINE;
    while (code == EXIT_FINE && pub->sent < times) {
        code = pub_send(pub);
    }
    return code;
}

int verb_pub(struct verb *verb)
{
    struct pub pub = {.verb = verb};
    if (verb->line.lines && verb->line.repeat > 0) {
        return verb_misuse(verb, "--lines and --repeat exclude each other");
    }
    buf_init(&pub.args, &verb->mem, VALUE_BYTES_MAX);
    buf_init(&pub.kwargs, &verb->mem, VALUE_BYTES_MAX);
    buf_init(&pub.in, &verb->mem, LINE_BYTES_MAX * 2);
    int code = verb_open(verb);
    if (code == EXIT_FINE) {
        code = verb_payload(verb, &pub.args, &pub.kwargs, &pub.payload);
    }
    pub.start_ns = clock_now_ns();
    if (code == EXIT_FINE) {
        code = verb->line.lines ? pub_lines(&pub) : pub_repeat(&pub);
    }
    code = verb_close(verb, code);
    buf_fini(&pub.args);
    buf_fini(&pub.kwargs);
    buf_fini(&pub.in);
    return code;
}
