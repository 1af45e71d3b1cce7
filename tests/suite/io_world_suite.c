/* What only real kernels and several threads show of common/io.h (io_suite.c has the rest), and
 * what only the simulator promises. Real clocks are used where a deadline is the fact itself. */
#include "common/clock.h"
#include "common/io_table.h"
#include "tests/lib/io_stage.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct io_options plain = {
    .sockets_max = 64, .buffers_count = 16, .buffer_bytes = 4096};

enum { WAKES = 100000, PATIENCE_MS = 10000 };

/* ---- waiting and waking */

static void a_wait_lasts_until_its_deadline(void **state)
{
    struct stage *stage = stage_open(*state, &plain, 0);
    struct io_event events[4];
    uint64_t start_ns = clock_now_ns();
    for (uint64_t ms = 1; ms <= 4; ms++) {
        uint64_t until_ns = clock_now_ns() + ms * NS_PER_MS + 300000;
        unsigned waits = 0;
        for (uint64_t now_ns = 0; now_ns < until_ns; waits++) {
            now_ns = clock_now_ns();
            assert_int_equal(io_wait(stage->ground.io, events, 4, now_ns, until_ns), 0);
            now_ns = clock_now_ns();
        }
        assert_true(waits <= 3); /* the kernel may interrupt one, as when an older ring ends */
    }
    uint64_t now_ns = clock_now_ns();
    for (unsigned i = 0; i < 100; i++) { /* not after now: only a look */
        assert_int_equal(io_wait(stage->ground.io, events, 4, now_ns, now_ns), 0);
        assert_int_equal(io_wait(stage->ground.io, events, 4, now_ns, 0), 0);
    }
    assert_true(clock_now_ns() - start_ns < PATIENCE_MS * NS_PER_MS);
    stage_shut(stage);
}

struct waker {
    struct io *io;
    _Atomic unsigned said;
    _Atomic unsigned heard;
    unsigned lockstep; /* 1: the next only when the last was heard */
};

static void *waker_run(void *argument)
{
    struct waker *waker = argument;
    for (unsigned i = 1; i <= WAKES; i++) {
        atomic_store(&waker->said, i);
        io_wake(waker->io);
        while (waker->lockstep != 0 && i % 64 == 0 && atomic_load(&waker->heard) < i) {
            sched_yield();
        }
    }
    return NULL;
}

static void no_wake_from_another_thread_is_lost(void **state)
{
    for (unsigned lockstep = 0; lockstep <= 1; lockstep++) {
        struct stage *stage = stage_open(*state, &plain, 0);
        struct waker waker = {.io = stage->ground.io, .lockstep = lockstep};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, waker_run, &waker), 0);
        unsigned heard = 0;
        unsigned woken = 0;
        while (heard < WAKES) {
            struct io_event events[4];
            uint64_t now_ns = clock_now_ns();
            uint64_t until_ns = now_ns + PATIENCE_MS * NS_PER_MS;
            size_t count = io_wait(stage->ground.io, events, 4, now_ns, until_ns);
            assert_int_equal(count, 1); /* 0 would be a wake that did not come */
            assert_int_equal(events[0].kind, IO_WOKEN);
            woken++;
            heard = atomic_load(&waker.said);
            atomic_store(&waker.heard, heard);
        }
        pthread_join(thread, NULL);
        assert_true(woken <= WAKES);
        stage_look(stage);
        stage_shut(stage);
    }
}

/* ---- made here, used there */

static void *turn_elsewhere(void *argument)
{
    struct stage *stage = argument;
    struct person person;
    person_come(stage, &person, 5000);
    for (unsigned turn = 0; person.heard < 5000; turn++) {
        assert_true(turn < TURNS_MAX);
        stage_turn(stage);
        person_act(&person);
    }
    peer_free(person.peer);
    return NULL;
}

static void an_io_belongs_to_the_thread_that_waits_first(void **state)
{
    unsigned files = files_open();
    for (unsigned round = 0; round < 5; round++) {
        struct stage *stage = stage_open(*state, &plain, 0); /* listens already */
        io_wake(stage->ground.io);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, turn_elsewhere, stage), 0);
        pthread_join(thread, NULL);
        assert_int_equal(stage->accepted, 1);
        assert_int_equal(stage->woken, 1);
        stage_shut(stage); /* its thread has ended, with an accept and a receive under way */
    }
    assert_int_equal(files_open(), files);
}

/* ---- descriptors */

static void accept_without_descriptors(struct setting *setting)
{
    struct stage *stage = stage_open(setting, &plain, 0);
    struct person people[6];
    int spare[64];
    unsigned spares = 0;
    for (unsigned i = 0; i < array_count(people); i++) {
        person_start(stage, &people[i], 8);
    }
    /* io_uring asks for the limit when it arms an accept, so there was no turn yet. */
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 60;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (spares < array_count(spare) && (spare[spares] = dup(0)) >= 0) {
        spares++;
    }
    assert_true(spares > 4);
    const struct io_counters *counters = &stage->ground.io->counters;
    uint64_t start_ns = clock_now_ns();
    while (counters->accept_paused < 3) {
        stage_turn(stage);
        assert_true(clock_now_ns() - start_ns < PATIENCE_MS * NS_PER_MS);
    }
    assert_true(clock_now_ns() - start_ns >= 2 * IO_ACCEPT_PAUSE_MS * NS_PER_MS);
    assert_true(counters->waits < 100); /* no spinning */
    assert_int_equal(stage->accepted, 0);
    for (unsigned i = 0; i < spares; i++) {
        close(spare[i]);
    }
    while (stage->accepted < array_count(people)) {
        stage_turn(stage);
        assert_true(clock_now_ns() - start_ns < PATIENCE_MS * NS_PER_MS);
    }
    for (unsigned i = 0; i < array_count(people); i++) {
        peer_free(people[i].peer);
    }
    stage_until_empty(stage);
    stage_shut(stage);
}

/* In a child, since the limit is the process's. */
static void accept_pauses_without_descriptors_and_recovers(void **state)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("CMOCKA_TEST_ABORT", "1", 1); /* a failed assertion must not go on with our tests */
        accept_without_descriptors(*state);
        _exit(42);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

/* ---- memory */

#ifdef IO_ASAN
static bool is_poisoned(const void *at)
{
    return __asan_address_is_poisoned(at) != 0;
}
static const bool poison_is_seen = true;
#else
static bool is_poisoned(const void *at)
{
    (void)at;
    return false;
}
static const bool poison_is_seen = false;
#endif

static void what_was_given_is_dead_at_the_next_wait(void **state)
{
    if (!poison_is_seen) {
        skip(); /* only the address sanitizer sees it */
    }
    struct setting *setting = *state;
    struct ground ground;
    assert_true(ground_init(&ground, setting->kind, &plain, 1));
    io_listen(ground.io, ground_listen(&ground), NULL);
    struct peer *peer = peer_connect(&ground);
    const uint8_t *data = NULL;
    for (unsigned turn = 0; data == NULL; turn++) {
        assert_true(turn < TURNS_MAX);
        struct io_event event;
        if (ground_turn(&ground, ground.io, &event, 1) == 0) {
            continue;
        }
        if (event.kind == IO_ACCEPTED) {
            io_receive(ground.io, io_add(ground.io, event.result, NULL), true);
            assert_int_equal(peer_write(peer, "x", 1), 1);
        } else if (event.kind == IO_RECEIVED) {
            data = event.data;
            assert_int_equal(data[0], 'x');
        }
    }
    struct io_event event;
    assert_false(is_poisoned(data));
    assert_int_equal(io_wait(ground.io, &event, 1, ground.now_ns, ground.now_ns), 0);
    assert_true(is_poisoned(data));
    peer_free(peer);
    ground_fini(&ground);
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void a_table_for_many_costs_nothing_until_used(void **state)
{
    struct io_options options = plain;
    struct setting *setting = *state;
    struct ground ground;
    options.sockets_max = 10000000; /* 640 MB, were it touched */
    long before = resident_kib();
    assert_true(ground_init(&ground, setting->kind, &options, 1));
    assert_true(resident_kib() - before < 4096);
    ground_fini(&ground);
}

/* ---- the simulator's own promises */

static uint64_t sim_story(uint64_t seed)
{
    struct setting setting = {.kind = GROUND_SIM, .seed = seed};
    struct stage *stage = stage_open(&setting, &plain, 0);
    struct person people[10];
    for (unsigned i = 0; i < array_count(people); i++) {
        person_come(stage, &people[i], 5000);
    }
    for (unsigned turn = 0; turn < 3000; turn++) {
        struct person *person = &people[turn % array_count(people)];
        stage_turn(stage);
        person_act(person);
    }
    uint64_t trace = sim_net_trace(stage->ground.net);
    for (unsigned i = 0; i < array_count(people); i++) {
        peer_free(people[i].peer);
    }
    stage_shut(stage);
    return trace;
}

static void a_seed_is_the_whole_story(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        assert_int_equal(sim_story(seed), sim_story(seed));
        assert_int_not_equal(sim_story(seed), sim_story(seed + 1));
    }
}

/* Accepted on one io, served by another; the net is quiet at the end. */
static void a_socket_may_move_before_it_is_added(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct sim_net *net = sim_net_new(seed);
        struct io *door = sim_io_new(net, &plain);
        struct io *desk = sim_io_new(net, &plain);
        int fd = sim_listen_fd(net);
        io_listen(door, fd, NULL);
        struct sim_end *end = sim_connect(net, fd);
        assert_int_equal(sim_end_write(end, "hello", 5), 5);
        size_t heard = 0;
        bool closed = false;
        io_id id = 0;
        for (unsigned turn = 0; !closed; turn++) {
            assert_true(turn < TURNS_MAX);
            uint64_t next_ns = sim_net_next_ns(net);
            assert_true(next_ns != NEVER); /* while something is to come, the net knows */
            sim_net_advance(net, next_ns);
            struct io_event event;
            uint64_t now_ns = sim_net_now_ns(net);
            if (io_wait(door, &event, 1, now_ns, 0) == 1) {
                id = io_add(desk, event.result, NULL);
                io_receive(desk, id, true);
            }
            if (io_wait(desk, &event, 1, now_ns, 0) == 1) {
                heard += event.kind == IO_RECEIVED ? event.size : 0;
                closed = event.kind == IO_CLOSED;
            }
            if (heard == 5 && id != 0) {
                io_close(desk, id, false);
                heard++;
            }
        }
        while (sim_end_state(end) == SIM_END_OPEN) {
            uint64_t next_ns = sim_net_next_ns(net);
            assert_true(next_ns != NEVER);
            sim_net_advance(net, next_ns);
        }
        assert_int_equal(sim_end_state(end), SIM_END_OVER);
        assert_true(sim_net_next_ns(net) == NEVER);
        assert_int_equal(sim_net_attached(net), 1);
        sim_end_free(end);
        io_free(door);
        io_free(desk);
        sim_net_free(net);
    }
}

#define CASE(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }

static const struct {
    const char *name;
    void (*run)(void **state);
} cases[] = {
    CASE(a_wait_lasts_until_its_deadline),
    CASE(no_wake_from_another_thread_is_lost),
    CASE(an_io_belongs_to_the_thread_that_waits_first),
    CASE(accept_pauses_without_descriptors_and_recovers),
    CASE(what_was_given_is_dead_at_the_next_wait),
    CASE(a_table_for_many_costs_nothing_until_used),
};

int main(void)
{
    static struct CMUnitTest tests[array_count(cases) * GROUND_SIM + 2];
    static struct setting settings[GROUND_SIM];
    static char names[array_count(tests)][128];
    size_t count = 0;
    for (unsigned i = 0; i < GROUND_SIM; i++) {
        settings[i].kind = (enum ground_kind)i;
        if (!setting_is_possible(&settings[i])) {
            continue;
        }
        for (size_t k = 0; k < array_count(cases); k++) {
            snprintf(names[count], sizeof(names[count]), "%s: %s", ground_names[i], cases[k].name);
            tests[count] = (struct CMUnitTest){
                .name = names[count], .test_func = cases[k].run, .initial_state = &settings[i]};
            count++;
        }
    }
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_seed_is_the_whole_story);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(a_socket_may_move_before_it_is_added);
    setvbuf(stdout, NULL, _IOLBF, 0); /* so that a hang tells where */
    return _cmocka_run_group_tests("io_world_suite", tests, count, NULL, NULL);
}
