/* The words of common/io.h, held against each maker: io_uring and epoll over TCP and unix sockets,
 * and the simulated one (its seeds are printed when a test fails: IO_SEED runs one again). Loads
 * are bounded in octets and turns; a turn of a real maker waits 20 ms at most. */
#include "tests/lib/io_stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct io_options plain = {
    .sockets_max = 64, .buffers_count = 16, .buffer_bytes = 4096};

/* ---- stories that several tests tell */

/* Everything that `count` peers write comes back to them, octet for octet. */
static void echo_all(struct stage *stage, unsigned count, size_t size, bool finish)
{
    struct person people[PEOPLE_MAX];
    check(count <= PEOPLE_MAX);
    size = ground_is_real(&stage->ground) ? size : size / 8; /* simulated octets come in drops */
    for (unsigned i = 0; i < count; i++) {
        person_come(stage, &people[i], size);
    }
    unsigned left = count;
    for (unsigned turn = 0; left > 0; turn++) {
        assert_true(turn < TURNS_MAX);
        stage_turn(stage);
        left = 0;
        for (unsigned i = 0; i < count; i++) {
            person_act(&people[i]);
            if (people[i].said == size && finish && !people[i].finished) {
                people[i].finished = true;
                peer_finish(people[i].peer);
            }
            bool over = finish ? people[i].peer->state == PEER_OVER : people[i].heard == size;
            left += !over;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(people[i].heard, size);
        peer_free(people[i].peer);
    }
}

/* ---- tests, each for every ground */

static void what_comes_is_given_and_what_is_sent_arrives(void **state)
{
    struct stage *stage = stage_open(*state, &plain, 0);
    echo_all(stage, 8, 200000, true);
    stage_until_empty(stage); /* each socket: ended once, closed, its slot free */
    assert_int_equal(stage->ended_well, 8);
    assert_int_equal(stage->closed, 8);
    stage_shut(stage);
}

static void a_long_stream_through_a_tiny_room_is_exact(void **state)
{
    struct stage *stage = stage_open(*state, &plain, 2048);
    size_t size = ground_is_real(&stage->ground) ? 8U << 20 : 1U << 18;
    struct person person;
    person_come(stage, &person, 0);
    struct host *host = stage_host(stage);
    host->pour_left = size;
    for (unsigned turn = 0; person.heard < size; turn++) {
        assert_true(turn < 40 * TURNS_MAX);
        stage_look(stage);
        if (turn % 3 == 0) { /* meanwhile a send finds no room at all, and waits */
            person_act(&person);
        }
    }
    assert_true(stage->sent_short > 0 || !ground_is_real(&stage->ground));
    assert_true(stage->vectors_most == IO_VECTORS_MAX);
    peer_free(person.peer);
    stage_shut(stage);
}

static void a_pause_holds_and_loses_nothing(void **state)
{
    struct stage *stage = stage_open(*state, &plain, 0);
    size_t size = 1U << 19;
    struct person person;
    person_come(stage, &person, size);
    struct host *host = stage_host(stage);
    host->mute = true;
    for (unsigned round = 0; host->heard < size; round++) {
        assert_true(round < TURNS_MAX);
        io_receive(stage->ground.io, host->id, false);
        io_receive(stage->ground.io, host->id, false);
        size_t before = host->heard;
        for (unsigned turn = 0; turn < 4; turn++) {
            person_act(&person);
            stage_look(stage);
        }
        assert_true(host->heard - before <= plain.buffers_count * plain.buffer_bytes);
        size_t still = host->heard;
        person_act(&person);
        stage_look(stage);
        assert_true(host->heard == still || !ground_is_real(&stage->ground));
        io_receive(stage->ground.io, host->id, true);
        if (round % 3 == 0) { /* changes of mind within a turn */
            io_receive(stage->ground.io, host->id, false);
            io_receive(stage->ground.io, host->id, true);
        }
        stage_turn(stage);
        person_act(&person);
    }
    assert_int_equal(host->heard, size);
    peer_free(person.peer);
    stage_shut(stage);
}

static void an_orderly_end_is_zero_and_sending_goes_on(void **state)
{
    struct stage *stage = stage_open(*state, &plain, 0);
    struct person person;
    person_come(stage, &person, 0);
    struct host *host = stage_host(stage);
    host->stay = true;
    peer_finish(person.peer);
    for (unsigned turn = 0; !host->ended; turn++) {
        assert_true(turn < TURNS_MAX);
        stage_turn(stage);
    }
    assert_int_equal(host->end_result, 0);
    io_receive(stage->ground.io, host->id, true); /* no second end comes of it: the stage checks */
    host->pour_left = 10000;
    for (unsigned turn = 0; person.heard < 10000; turn++) {
        assert_true(turn < TURNS_MAX);
        stage_turn(stage);
        person_act(&person);
    }
    peer_free(person.peer);
    stage_shut(stage);
}

static void a_reset_is_an_error(void **state)
{
    struct stage *stage = stage_open(*state, &plain, 0);
    struct person person;
    person_come(stage, &person, 0);
    struct host *host = stage_host(stage);
    host->stay = true;
    peer_reset(person.peer);
    for (unsigned turn = 0; !host->ended; turn++) {
        assert_true(turn < TURNS_MAX);
        stage_turn(stage);
    }
    bool plain_close = ground_is_unix(&stage->ground);
    assert_int_equal(host->end_result, plain_close ? 0 : -ECONNRESET);
    host->pour_left = 100;
    for (unsigned turn = 0; host->send_error == 0; turn++) {
        assert_true(turn < TURNS_MAX);
        stage_turn(stage);
    }
    assert_true(host->send_error == -EPIPE || host->send_error == -ECONNRESET);
    peer_free(person.peer);
    stage_shut(stage);
}

/* The peer does not read until a send gets no further. */
static struct host *stuck_host(struct stage *stage, struct person *person)
{
    person_come(stage, person, 0);
    struct host *host = stage_host(stage);
    host->pour_left = SIZE_MAX;
    unsigned quiet = 0;
    for (unsigned turn = 0; quiet < 3 || !host->sending; turn++) {
        assert_true(turn < TURNS_MAX);
        size_t before = host->poured;
        stage_turn(stage);
        quiet = host->poured == before ? quiet + 1 : 0;
    }
    return host;
}

static void close_ends_a_stuck_send_first(void **state)
{
    for (int reset = 0; reset <= 1; reset++) {
        struct stage *stage = stage_open(*state, &plain, 4096);
        struct person person;
        struct host *host = stuck_host(stage, &person);
        stage->order_count = 0;
        io_close(stage->ground.io, host->id, reset != 0);
        host->closing = true;
        stage_until_empty(stage);
        assert_int_equal(stage->order_count, 2);
        assert_int_equal(stage->order[0], IO_SENT);
        assert_int_equal(stage->order[1], IO_CLOSED);
        size_t poured = host->poured;
        for (unsigned turn = 0; person.peer->state == PEER_OPEN; turn++) {
            assert_true(turn < TURNS_MAX);
            person_act(&person);
            stage_look(stage);
        }
        bool told = !ground_is_unix(&stage->ground) && reset != 0;
        assert_int_equal(person.peer->state, told ? PEER_RESET : PEER_OVER);
        assert_true(told ? person.heard <= poured : person.heard == poured);
        peer_free(person.peer);
        stage_shut(stage);
    }
}

static void what_is_sent_before_close_in_one_turn_goes_out(void **state)
{
    struct stage *stage = stage_open(*state, &plain, 0);
    struct person person;
    person_come(stage, &person, 0);
    struct host *host = stage_host(stage);
    stage->order_count = 0;
    host->pour_left = 200;
    host_pour(host);
    io_close(stage->ground.io, host->id, false);
    host->closing = true;
    stage_until_empty(stage);
    assert_int_equal(stage->order_count, 2);
    assert_int_equal(stage->order[0], IO_SENT);
    assert_int_equal(stage->order[1], IO_CLOSED);
    for (unsigned turn = 0; person.peer->state == PEER_OPEN; turn++) {
        assert_true(turn < TURNS_MAX);
        person_act(&person);
        stage_look(stage);
    }
    assert_int_equal(person.heard, host->poured);
    assert_true(host->poured == 200 || !ground_is_real(&stage->ground)); /* a short send is fair */
    assert_int_equal(person.peer->state, PEER_OVER);
    peer_free(person.peer);
    stage_shut(stage);
}

static void after_close_nothing_but_closed_comes(void **state)
{
    struct io_options options = plain;
    options.buffer_bytes = 64;
    struct stage *stage = stage_open(*state, &options, 0);
    stage->events_max = 1; /* so that octets lie reaped by nobody when close is said */
    for (unsigned round = 0; round < 50; round++) {
        struct person person;
        person_come(stage, &person, 5000);
        struct host *host = stage_host(stage);
        stage_look(stage);
        person_act(&person);
        for (unsigned turn = 0; turn < round % 4; turn++) {
            stage_look(stage);
            person_act(&person);
        }
        host->mute = true;
        io_close(stage->ground.io, host->id, round % 3 == 0);
        host->closing = true;
        stage_until_empty(stage); /* the stage fails on anything else of a closing socket */
        peer_free(person.peer);
    }
    stage_shut(stage);
}

static void slots_are_reused_and_never_mixed(void **state)
{
    struct stage *stage = stage_open(*state, &plain, 0);
    unsigned total = ground_is_real(&stage->ground) ? 10000 : 2000;
    struct person people[16];
    unsigned live = 0;
    unsigned come = 0;
    for (unsigned turn = 0; come < total || live > 0; turn++) {
        assert_true(turn < 4 * TURNS_MAX);
        while (live < array_count(people) && come < total) {
            person_start(stage, &people[live], come % 5 == 0 ? 3000 : 8);
            live++;
            come++;
        }
        stage_turn(stage);
        for (unsigned i = 0; i < live; i++) {
            struct person *person = &people[i];
            person_act(person);
            bool leave = person->heard == person->to_say;
            leave = leave || (person->serial % 7 == 0 && person->heard > 0);
            if (!leave) {
                continue;
            }
            if (person->serial % 3 == 0) {
                peer_reset(person->peer);
            }
            peer_free(person->peer);
            live--;
            people[i] = people[live];
            i--;
        }
    }
    stage_until_empty(stage);
    assert_int_equal(stage->accepted, total);
    assert_int_equal(stage->closed, total);
    stage_shut(stage);
}

static void four_buffers_serve_everybody(void **state)
{
    struct io_options options = {.sockets_max = 64, .buffers_count = 4, .buffer_bytes = 2048};
    struct stage *stage = stage_open(*state, &options, 0);
    echo_all(stage, 32, 100000, true);
    stage_until_empty(stage);
    bool real = ground_is_real(&stage->ground); /* simulated people may be too slow to need more */
    assert_true(!real || stage->ground.io->counters.buffers_short > 0);
    assert_int_equal(stage->ended_well, 32);
    stage_shut(stage);
}

static void a_small_completion_queue_loses_nothing(void **state)
{
    struct io_options options = {
        .sockets_max = 256, .buffers_count = 256, .buffer_bytes = 512, .completions = 64};
    struct stage *stage = stage_open(*state, &options, 0);
    stage->events_max = 8; /* reaped slower than they come */
    echo_all(stage, ground_is_real(&stage->ground) ? PEOPLE_MAX : 30, 20000, false);
    stage_shut(stage);
}

static void a_full_table_refuses_and_recovers(void **state)
{
    struct io_options options = plain;
    options.sockets_max = 4; /* the listener and three */
    struct stage *stage = stage_open(*state, &options, 0);
    struct person people[4];
    for (unsigned i = 0; i < 4; i++) {
        person_start(stage, &people[i], 8);
    }
    for (unsigned turn = 0; stage->accepted + stage->refused < 4; turn++) {
        assert_true(turn < TURNS_MAX);
        stage_turn(stage);
    }
    assert_int_equal(stage->refused, 1);
    io_id old = stage->hosts[0].id;
    io_close(stage->ground.io, old, false);
    stage->hosts[0].closing = true;
    for (unsigned turn = 0; stage->closed < 1; turn++) {
        assert_true(turn < TURNS_MAX);
        stage_turn(stage);
    }
    struct person late;
    person_come(stage, &late, 8);
    assert_true(stage_host(stage)->id != old);
    peer_free(late.peer);
    for (unsigned i = 0; i < 4; i++) {
        peer_free(people[i].peer);
    }
    stage_shut(stage);
}

static void a_closed_listener_accepts_no_more(void **state)
{
    struct stage *stage = stage_open(*state, &plain, 0);
    struct person person;
    person_come(stage, &person, 1000);
    io_close(stage->ground.io, stage->listener, false);
    stage->listener_closing = true;
    for (unsigned turn = 0; !stage->listener_closed; turn++) {
        assert_true(turn < TURNS_MAX);
        stage_turn(stage);
    }
    for (unsigned turn = 0; person.heard < 1000; turn++) { /* who was in stays in */
        assert_true(turn < TURNS_MAX);
        stage_turn(stage);
        person_act(&person);
    }
    peer_free(person.peer);
    stage_shut(stage);
}

static void wakes_coalesce_into_one(void **state)
{
    struct stage *stage = stage_open(*state, &plain, 0);
    io_wake(stage->ground.io); /* before the first wait: not lost */
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < round; i++) {
            io_wake(stage->ground.io);
        }
        unsigned before = stage->woken;
        stage_look(stage);
        stage_look(stage);
        bool due = round > 0 || before == 0;
        assert_int_equal(stage->woken - before, due ? 1 : 0);
    }
    stage_shut(stage);
}

static void free_ends_whatever_is_under_way(void **state)
{
    for (unsigned way = 0; way < 4; way++) {
        unsigned files = files_open();
        struct stage *stage = stage_open(*state, &plain, 4096);
        struct person people[3];
        struct host *stuck = stuck_host(stage, &people[0]);
        person_come(stage, &people[1], 50000);
        struct host *busy = stage_host(stage);
        person_start(stage, &people[2], 100); /* perhaps not accepted yet */
        person_act(&people[1]);
        if (way == 1) {
            io_close(stage->ground.io, stuck->id, false);
        } else if (way == 2) {
            busy->pour_left = 100;
            host_pour(busy); /* asked for, and never handed over */
            io_receive(stage->ground.io, busy->id, false);
        } else if (way == 3) {
            io_receive(stage->ground.io, busy->id, false);
            io_wake(stage->ground.io);
            stage_look(stage);
        }
        for (unsigned i = 0; i < 3; i++) {
            peer_free(people[i].peer);
        }
        stage_shut(stage);
        assert_int_equal(files_open(), files);
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
    CASE(what_comes_is_given_and_what_is_sent_arrives),
    CASE(a_long_stream_through_a_tiny_room_is_exact),
    CASE(a_pause_holds_and_loses_nothing),
    CASE(an_orderly_end_is_zero_and_sending_goes_on),
    CASE(a_reset_is_an_error),
    CASE(close_ends_a_stuck_send_first),
    CASE(what_is_sent_before_close_in_one_turn_goes_out),
    CASE(after_close_nothing_but_closed_comes),
    CASE(slots_are_reused_and_never_mixed),
    CASE(four_buffers_serve_everybody),
    CASE(a_small_completion_queue_loses_nothing),
    CASE(a_full_table_refuses_and_recovers),
    CASE(a_closed_listener_accepts_no_more),
    CASE(wakes_coalesce_into_one),
    CASE(free_ends_whatever_is_under_way),
};

/* The simulated ground runs each case with several seeds. */
enum { SIM_SEEDS = 12 };

int main(void)
{
    static struct CMUnitTest tests[array_count(cases) * (GROUNDS + SIM_SEEDS)];
    static struct setting settings[GROUNDS + SIM_SEEDS];
    static char names[array_count(tests)][128];
    size_t count = 0;
    const char *only = getenv("IO_SEED");
    for (unsigned i = 0; i < array_count(settings); i++) {
        bool sim = i >= GROUND_SIM;
        settings[i].kind = sim ? GROUND_SIM : (enum ground_kind)i;
        settings[i].seed = only != NULL ? strtoull(only, NULL, 10) : i;
        if (!sim && !setting_is_possible(&settings[i])) {
            continue;
        }
        for (size_t k = 0; k < array_count(cases); k++) {
            snprintf(names[count], sizeof(names[count]), "%s %llu: %s",
                     ground_names[settings[i].kind], (unsigned long long)settings[i].seed,
                     cases[k].name);
            tests[count] = (struct CMUnitTest){
                .name = names[count], .test_func = cases[k].run, .initial_state = &settings[i]};
            count++;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* so that a hang tells where */
    return _cmocka_run_group_tests("io_suite", tests, count, NULL, NULL);
}
