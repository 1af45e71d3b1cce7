#include "client/verb_child.h"

#include "client/value.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The texts of the environment are made before the fork: the child only sets and runs. */

struct variable {
    const char *name;
    struct buf text;
};

enum { VARIABLES = 4 };

static bool variables_make(struct variable variables[VARIABLES], struct mem *mem,
                           const struct client_payload *payload)
{
    static const char *const names[VARIABLES] = {"WAMP_ARGS", "WAMP_KWARGS", "WAMP_ARGS_JSON",
                                                 "WAMP_KWARGS_JSON"};
    bool fine = true;
    for (size_t i = 0; i < VARIABLES; i++) {
        variables[i].name = names[i];
        buf_init(&variables[i].text, mem, VALUE_BYTES_MAX);
        struct bytes value = i % 2 == 0 ? payload->args : payload->kwargs;
        fine = fine && (i < 2 ? value_words(&variables[i].text, payload->serializer, value)
                              : value_json(&variables[i].text, payload->serializer, value,
                                           i == 2 ? "[]" : "{}"));
        buf_put_byte(&variables[i].text, '\0');
        fine = fine && !variables[i].text.failed;
    }
    return fine;
}

static _Noreturn void child_become(const char *const *command, int out,
                                   const struct variable variables[VARIABLES])
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)setpgid(0, 0);
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)dup2(in, STDIN_FILENO);
    (void)dup2(out, STDOUT_FILENO);
    for (size_t i = 0; i < VARIABLES; i++) {
        (void)setenv(variables[i].name, (const char *)variables[i].text.at, 1);
    }
    (void)execvp(command[0], (char *const *)(uintptr_t)command);
    (void)dprintf(STDERR_FILENO, "clos: cannot run %s: %s\n", command[0], strerror(errno));
    _exit(127);
}

bool child_start(struct child *child, struct mem *mem, const char *const *command,
                 const struct client_invocation *invocation)
{
    struct variable variables[VARIABLES];
    int ends[2] = {-1, -1};
    bool fine = variables_make(variables, mem, &invocation->payload) && pipe2(ends, O_CLOEXEC) == 0;
    pid_t pid = fine ? fork() : -1;
    if (pid == 0) {
        child_become(command, ends[1], variables);
    }
    if (ends[1] >= 0) {
        (void)close(ends[1]);
    }
    if (pid > 0) {
        (void)setpgid(pid, pid); /* both sides do: whoever is first */
        (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
        *child = (struct child){.pid = pid, .fd = ends[0], .invocation = invocation->request};
        buf_init(&child->out, mem, CHILD_OUT_MAX);
    } else if (ends[0] >= 0) {
        (void)close(ends[0]);
    }
    for (size_t i = 0; i < VARIABLES; i++) {
        buf_fini(&variables[i].text);
    }
    return pid > 0;
}

void child_read(struct child *child)
{
    uint8_t octets[4096];
    while (child->fd >= 0) {
        ssize_t size = read(child->fd, octets, sizeof octets);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (size <= 0) {
            (void)close(child->fd);
            child->fd = -1;
            return;
        }
        buf_put(&child->out, octets, (size_t)size);
        child->too_much = child->too_much || child->out.failed;
    }
}

bool child_ended(struct child *child, int *status)
{
    if (waitpid(child->pid, status, WNOHANG) != child->pid) {
        return false;
    }
    child_read(child);
    child->pid = -1;
    return true;
}

void child_interrupt(struct child *child)
{
    child->interrupted = true;
    (void)kill(-child->pid, SIGTERM);
}

void child_fini(struct child *child)
{
    int status;
    if (child->pid > 0) {
        (void)kill(-child->pid, SIGKILL);
        (void)waitpid(child->pid, &status, 0);
    }
    if (child->fd >= 0) {
        (void)close(child->fd);
    }
    struct buf out = child->out;
    buf_fini(&out);
    *child = (struct child){.fd = -1, .out = out};
}
