/* The third depth: the real program, started for each conversation with a configuration made from
 * its settings, on a TCP port of the kernel's choice and a Unix socket. $CLOS names it, else it is
 * build/clos.
 *
 * Nothing sleeps to let things settle: everybody pings the router, some rounds of it. A pong proves
 * that its worker has taken in what came before; as many rounds as a note's way has stations prove
 * it for what workers tell each other. Witnesses, who connect and never join, do so for each
 * worker, since the first connections are spread over them. */
#include "common/clock.h"
#include "tests/lib/talk_run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 5000,
    MORE_MS = 2000, /* for what has not come when all has settled */
    MORE_CANARY_MS = 100,
    WITNESSES_MAX = 8,
    ROUNDS_ALONE = 2,
    ROUNDS_TOGETHER = 6, /* claim, grant, announce, taken, and one before and behind */
};

struct real_router {
    pid_t pid;
    char folder[64];
    char config[96];
    char unix_path[96];
    uint16_t port;
    struct talk_person witnesses[WITNESSES_MAX];
    unsigned witnesses_count;
    bool late; /* something did not come within PATIENCE_MS */
};

static uint64_t now_ms(void)
{
    return clock_now_ns() / NS_PER_MS;
}

/* ---- the process */

_Noreturn static void router_exec(const struct real_router *router, int out)
{
    const char *program = getenv("CLOS");
    program = program != NULL ? program : "build/clos";
    dup2(out, STDOUT_FILENO);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execl(program, program, "start", "--config", router->config, "--print-ports", (char *)NULL);
    fprintf(stderr, "%s can not be started: %s\n", program, strerror(errno));
    _exit(127);
}

/* Reads "listening ENDPOINT" for both. */
static bool router_listens(struct real_router *router, int in)
{
    FILE *file = fdopen(in, "r");
    check(file != NULL);
    char line[256];
    unsigned found = 0;
    while (found < 2 && fgets(line, sizeof line, file) != NULL) {
        const char *port = strrchr(line, ':');
        found++;
        if (strncmp(line, "listening tcp://", 16) == 0 && port != NULL) {
            router->port = (uint16_t)strtoul(port + 1, NULL, 10);
        }
    }
    fclose(file);
    return found == 2 && router->port != 0;
}

static bool real_start(struct talk_run *run)
{
    struct real_router *router = calloc(1, sizeof *router);
    check(router != NULL);
    snprintf(router->folder, sizeof router->folder, "%s/clos-talk-XXXXXX",
             getenv("TMPDIR") != NULL && strlen(getenv("TMPDIR")) < 32 ? getenv("TMPDIR") : "/tmp");
    check(mkdtemp(router->folder) != NULL);
    snprintf(router->config, sizeof router->config, "%s/clos.json", router->folder);
    snprintf(router->unix_path, sizeof router->unix_path, "%s/clos.sock", router->folder);
    uint64_t pings = run->talk->settings.limits.pings_per_s;
    if (pings == limits_default().pings_per_s) { /* settling needs more than the default allows */
        run->talk->settings.limits.pings_per_s = 100000;
    }
    talk_write_config(run->talk, router->config, router->unix_path, run->variant.workers);
    run->talk->settings.limits.pings_per_s = pings;
    int pipes[2];
    check(pipe2(pipes, O_CLOEXEC) == 0);
    signal(SIGPIPE, SIG_IGN);
    router->pid = fork();
    check(router->pid >= 0);
    if (router->pid == 0) {
        router_exec(router, pipes[1]);
    }
    close(pipes[1]);
    run->router = router;
    return router_listens(router, pipes[0]);
}

static void witnesses_leave(struct real_router *router)
{
    for (unsigned i = 0; i < router->witnesses_count; i++) {
        struct talk_person *witness = &router->witnesses[i];
        if (witness->fd >= 0) {
            close(witness->fd);
        }
        person_fini(&witness->person);
    }
    router->witnesses_count = 0;
}

static bool router_wait(struct real_router *router)
{
    int status = 0;
    uint64_t until = now_ms() + PATIENCE_MS;
    pid_t done;
    while ((done = waitpid(router->pid, &status, WNOHANG)) == 0 && now_ms() < until) {
        poll(NULL, 0, 2);
    }
    if (done == 0) {
        kill(router->pid, SIGKILL);
        waitpid(router->pid, &status, 0);
        return false;
    }
    return done == router->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool real_stop(struct talk_run *run)
{
    struct real_router *router = run->router;
    witnesses_leave(router);
    if (!run->draining) {
        kill(router->pid, SIGTERM);
    }
    bool good = router_wait(router) && !router->late;
    unlink(router->config);
    unlink(router->unix_path);
    rmdir(router->folder);
    free(router);
    return good;
}

/* ---- octets */

static void person_lost(struct talk_person *person)
{
    person->person.gone = true;
    close(person->fd);
    person->fd = -1;
}

static void person_write(struct talk_person *person)
{
    struct octets *out = &person->person.out;
    while (person->fd >= 0 && out->size > 0) {
        ssize_t size = send(person->fd, out->at, out->size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size <= 0) {
            return; /* what the other end has closed is seen when reading */
        }
        person_sent(&person->person, (size_t)size);
    }
}

static bool person_read(struct talk_person *person)
{
    uint8_t octets[65536];
    bool moved = false;
    while (person->fd >= 0) {
        ssize_t size = recv(person->fd, octets, sizeof octets, MSG_DONTWAIT);
        if (size > 0) {
            person_take(&person->person, octets, (size_t)size);
            moved = true;
        } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
            person_lost(person);
            return true;
        } else {
            return moved;
        }
    }
    return moved;
}

/* Everybody: people, then witnesses; NULL behind the last. */
static struct talk_person *person_at(struct talk_run *run, unsigned i)
{
    struct real_router *router = run->router;
    if (i < run->people_count) {
        return &run->people[i];
    }
    i -= run->people_count;
    return i < router->witnesses_count ? &router->witnesses[i] : NULL;
}

/* Moves octets; waits for the first of them at most that long. false: nothing came. */
static bool pump(struct talk_run *run, int wait_ms)
{
    struct pollfd polls[TALK_PEOPLE + WITNESSES_MAX];
    struct talk_person *people[TALK_PEOPLE + WITNESSES_MAX];
    struct talk_person *person;
    nfds_t count = 0;
    for (unsigned i = 0; (person = person_at(run, i)) != NULL; i++) {
        if (person->here && person->fd >= 0) {
            person_write(person);
            short events =
                (short)((person->deaf ? 0 : POLLIN) | (person->person.out.size > 0 ? POLLOUT : 0));
            people[count] = person;
            polls[count++] = (struct pollfd){.fd = person->fd, .events = events};
        }
    }
    if (poll(polls, count, wait_ms) <= 0) {
        return false;
    }
    bool moved = false;
    for (nfds_t i = 0; i < count; i++) {
        if (!people[i]->deaf && (polls[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            moved = person_read(people[i]) || moved;
        }
    }
    return moved;
}

static bool person_answers(const struct talk_person *person)
{
    return person->here && person->fd >= 0 && !person->deaf && !person->awkward &&
           !person->person.refused;
}

/* Whether everybody has heard as many pongs as wanted. */
static bool all_answered(struct talk_run *run, const uint64_t *wanted)
{
    const struct talk_person *person;
    for (unsigned i = 0; (person = person_at(run, i)) != NULL; i++) {
        if (person_answers(person) && (!person->person.open || person->person.pongs < wanted[i])) {
            return false;
        }
    }
    return true;
}

static void pump_until_answered(struct talk_run *run, const uint64_t *wanted)
{
    struct real_router *router = run->router;
    uint64_t until = now_ms() + PATIENCE_MS;
    while (!all_answered(run, wanted)) {
        if (now_ms() >= until) {
            router->late = true;
            return;
        }
        pump(run, 50);
    }
}

static void real_settle(struct talk_run *run)
{
    uint64_t wanted[TALK_PEOPLE + WITNESSES_MAX] = {0};
    struct talk_person *person;
    pump_until_answered(run, wanted); /* handshakes */
    unsigned rounds = run->variant.workers > 1 ? ROUNDS_TOGETHER : ROUNDS_ALONE;
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; (person = person_at(run, i)) != NULL; i++) {
            wanted[i] = person->person.pongs;
            if (person_answers(person)) {
                person_ping(&person->person);
                wanted[i]++;
            }
        }
        pump_until_answered(run, wanted);
    }
    pump(run, 0);
}

static void person_connect(struct talk_run *run, struct talk_person *person)
{
    const struct real_router *router = run->router;
    struct sockaddr_in tcp = {.sin_family = AF_INET,
                              .sin_port = htons(router->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    snprintf(local.sun_path, sizeof local.sun_path, "%s", router->unix_path);
    bool over_unix = run->variant.over_unix;
    person->fd = socket(over_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(person->fd >= 0);
    int connected = over_unix ? connect(person->fd, (const struct sockaddr *)&local, sizeof local)
                              : connect(person->fd, (const struct sockaddr *)&tcp, sizeof tcp);
    if (connected != 0) {
        person_lost(person);
        return;
    }
    int on = 1;
    setsockopt(person->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void real_enter(struct talk_run *run, struct talk_person *person)
{
    struct real_router *router = run->router;
    const struct transport_options *options = &run->talk->listener.transport;
    unsigned wanted = run->variant.workers > 1 ? run->variant.workers : 0;
    check(wanted <= WITNESSES_MAX);
    while (router->witnesses_count < wanted) {
        struct talk_person *witness = &router->witnesses[router->witnesses_count++];
        enum serializer serializer = SERIALIZER_JSON;
        while ((options->serializers & 1 << serializer) == 0) {
            serializer++;
        }
        person_init(&witness->person, options->rawsocket ? FRAMING_RAWSOCKET : FRAMING_WEBSOCKET,
                    serializer);
        witness->here = true;
        person_connect(run, witness);
    }
    person_connect(run, person);
}

/* The router's own end of stream says that it has seen ours. */
static void real_leave(struct talk_run *run, struct talk_person *person)
{
    if (person->fd >= 0 && !person->deaf) {
        person_write(person);
        shutdown(person->fd, SHUT_WR);
        person->person.out.size = 0;
        uint64_t until = now_ms() + PATIENCE_MS;
        while (person->fd >= 0 && now_ms() < until) {
            pump(run, 50);
        }
    }
    if (person->fd >= 0) {
        person_lost(person);
    }
    person->here = false;
    real_settle(run);
}

static bool real_more(struct talk_run *run)
{
    uint64_t until = now_ms() + (run->talk->canary != 0 ? MORE_CANARY_MS : MORE_MS);
    while (now_ms() < until) {
        if (pump(run, 50)) {
            return true;
        }
    }
    return false;
}

static void real_wait(struct talk_run *run, uint64_t ns)
{
    uint64_t until = now_ms() + ns / NS_PER_MS;
    while (now_ms() < until) {
        pump(run, (int)(until - now_ms()));
    }
}

static bool all_heard(const struct talk_run *run)
{
    for (unsigned i = 0; i < run->people_count; i++) {
        const struct talk_person *person = &run->people[i];
        if (person_answers(person) && person->person.heard_count == 0) {
            return false;
        }
    }
    return true;
}

/* The signal takes its time: done when everybody was told. */
static void real_drain(struct talk_run *run)
{
    const struct real_router *router = run->router;
    kill(router->pid, SIGTERM);
    while (!all_heard(run) && real_more(run)) {
    }
}

const struct talk_maker talk_real_maker = {
    .start = real_start,
    .enter = real_enter,
    .leave = real_leave,
    .settle = real_settle,
    .more = real_more,
    .wait = real_wait,
    .drain = real_drain,
    .stop = real_stop,
};
