/* The load maker against a relay that loses, repeats or swaps every hundredth event on purpose: it
 * must count each one, and fail. And one that does nothing wrong, over all transports. */
#include "bench/bench.h"
#include "common/base.h"
#include "common/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *program; /* this one; the relay lies beside it */
static char folder[64];
static char relay_at[96]; /* unix:SOCKET */
static char report[4096]; /* of the last run */

static bool relay_answers(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, relay_at + 5, strlen(relay_at + 5));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return good;
}

static pid_t relay_start(const char *fault)
{
    char path[512];
    char *slash = strrchr(program, '/');
    snprintf(path, sizeof(path), "%.*smicro_relay", slash != NULL ? (int)(slash + 1 - program) : 0,
             program);
    snprintf(relay_at, sizeof(relay_at), "unix:%s/relay", folder);
    unlink(relay_at + 5);
    pid_t pid = fork();
    if (pid == 0) {
        execl(path, path, relay_at, "60", fault, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    uint64_t until_ns = clock_now_ns() + 20 * NS_PER_S;
    while (!relay_answers()) {
        assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
        assert_true(clock_now_ns() < until_ns);
        usleep(1000); /* another process has to come up */
    }
    return pid;
}

static void relay_stop(pid_t pid)
{
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The exit code of a load of words, NULL at their end, against a relay with that fault. */
static int run(const char *fault, const char *scenario, const char *scheme, const char *serializer,
               const char *subscribers)
{
    char to[128];
    char name[96];
    int status;
    pid_t relay = relay_start(fault);
    snprintf(to, sizeof(to), "%s://%s", scheme, relay_at);
    snprintf(name, sizeof(name), "%s/report", folder);
    const char *words[] = {"bench",        scenario,   "--to",          to,
                           "--serializer", serializer, "--subscribers", subscribers,
                           "--count",      "5000",     "--window",      "50",
                           "--drain",      "1",        "--json",        "--quiet"};
    pid_t pid = fork();
    if (pid == 0) {
        char *arguments[array_count(words)];
        for (size_t i = 0; i < array_count(words); i++) {
            arguments[i] = strdup(words[i]);
        }
        check(freopen(name, "w", stdout) != NULL);
        _exit(bench_main((int)array_count(words), arguments));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    relay_stop(relay);
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    report[fread(report, 1, sizeof(report) - 1, file)] = '\0';
    fclose(file);
    unlink(name);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void report_says(const char *figures)
{
    if (strstr(report, figures) == NULL) {
        fail_msg("%s is not in %s", figures, report);
    }
}

static void faultless_relay_is_found_faultless_on_every_way(void **state)
{
    static const char *const schemes[] = {"rs", "ws"};
    static const char *const serializers[] = {"json", "msgpack", "cbor"};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(run("", "pubsub", schemes[i % 2], serializers[i / 2], "3"), 0);
        report_says("\"published\":5000,\"received\":15000");
        report_says("\"lost\":0,\"duplicated\":0,\"reordered\":0,\"errors\":0,\"stalls\":0");
        assert_int_equal(run("", "rpc", schemes[i % 2], serializers[i / 2], "1"), 0);
        report_says("\"published\":5000,\"received\":5000");
        report_says("\"lost\":0,\"duplicated\":0,\"reordered\":0,\"errors\":0,\"stalls\":0");
    }
}

static void every_lost_event_is_counted(void **state)
{
    (void)state;
    assert_int_equal(run("lose", "pubsub", "rs", "msgpack", "1"), 1);
    report_says("\"lost\":50,\"duplicated\":0,\"reordered\":0,\"errors\":0,\"stalls\":0");
}

static void every_repeated_event_is_counted(void **state)
{
    (void)state;
    assert_int_equal(run("repeat", "pubsub", "ws", "json", "1"), 1);
    report_says("\"lost\":0,\"duplicated\":50,\"reordered\":0,\"errors\":0,\"stalls\":0");
}

/* The last one that is held back has nobody behind it, so it is lost. */
static void every_swapped_pair_is_counted(void **state)
{
    (void)state;
    assert_int_equal(run("swap", "pubsub", "rs", "cbor", "1"), 1);
    report_says("\"lost\":1,\"duplicated\":0,\"reordered\":49,\"errors\":0,\"stalls\":0");
}

int main(int argc, char **argv)
{
    (void)argc;
    program = argv[0];
    snprintf(folder, sizeof(folder), "/tmp/bench_real_XXXXXX");
    check(mkdtemp(folder) != NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faultless_relay_is_found_faultless_on_every_way),
        cmocka_unit_test(every_lost_event_is_counted),
        cmocka_unit_test(every_repeated_event_is_counted),
        cmocka_unit_test(every_swapped_pair_is_counted),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(relay_at + 5);
    rmdir(folder);
    return failed;
}
