/* The server and the people of io_stage.h. */
#include "tests/lib/io_stage.h"
#include "common/clock.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const unsigned vectors_of_sends[] = {1, IO_VECTORS_MAX, 2, 17, 1, 40, 3};

static uint8_t pattern_at(uint64_t serial, size_t offset)
{
    uint64_t mixed = (offset + 1) * UINT64_C(0x9e3779b97f4a7c15) + serial * UINT64_C(0x2545f491);
    return (uint8_t)(mixed >> 40);
}

bool setting_is_possible(const struct setting *setting)
{
    struct io_options options = {.sockets_max = 8, .buffers_count = 2, .buffer_bytes = 64};
    struct ground ground;
    bool possible = ground_init(&ground, setting->kind, &options, setting->seed);
    if (!possible) {
        printf("[  SKIPPED ] %s: the kernel refuses: %s\n", ground_names[setting->kind],
               strerror(errno));
    }
    ground_fini(&ground);
    return possible;
}

struct stage *stage_open(const struct setting *setting, const struct io_options *options,
                         int socket_bytes)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    assert_non_null(stage);
    assert_true(ground_init(&stage->ground, setting->kind, options, setting->seed));
    stage->ground.socket_bytes = socket_bytes;
    stage->events_max = STAGE_EVENTS_MAX;
    stage->listener = io_listen(stage->ground.io, ground_listen(&stage->ground), stage);
    assert_true(stage->listener != 0);
    return stage;
}

static void host_empty(struct host *host)
{
    free(host->out);
    free(host->next);
    host->out = NULL;
    host->next = NULL;
}

void stage_shut(struct stage *stage)
{
    ground_fini(&stage->ground);
    for (unsigned i = 0; i < HOSTS_MAX; i++) {
        host_empty(&stage->hosts[i]);
    }
    free(stage);
}

struct host *stage_host(struct stage *stage)
{
    assert_non_null(stage->newest);
    return stage->newest;
}

static void stage_accept(struct stage *stage, int fd)
{
    struct host *host = &stage->hosts[stage->hosts_used % HOSTS_MAX];
    while (host->id != 0) {
        stage->hosts_used++;
        host = &stage->hosts[stage->hosts_used % HOSTS_MAX];
    }
    host_empty(host);
    *host = (struct host){.stage = stage};
    ground_adjust(&stage->ground, fd);
    host->id = io_add(stage->ground.io, fd, host);
    if (host->id == 0) {
        stage->refused++;
        if (ground_is_real(&stage->ground)) {
            close(fd);
        }
        return;
    }
    stage->hosts_used++;
    stage->newest = host;
    stage->accepted++;
    stage->open++;
    io_receive(stage->ground.io, host->id, true);
}

/* The rest of out, cut into vectors of unequal size. */
static void host_send(struct host *host)
{
    struct stage *stage = host->stage;
    struct iovec vectors[IO_VECTORS_MAX];
    unsigned wanted = vectors_of_sends[stage->sends % array_count(vectors_of_sends)];
    size_t at = host->out_head;
    unsigned count = 0;
    stage->sends++;
    while (at < host->out_size) {
        size_t left = host->out_size - at;
        size_t size = count + 1 == wanted ? left : size_min(left, 1 + (at * 7 + count) % 400);
        vectors[count] = (struct iovec){.iov_base = host->out + at, .iov_len = size};
        count++;
        at += size;
    }
    stage->vectors_most = count > stage->vectors_most ? count : stage->vectors_most;
    host->asked = host->out_size - host->out_head;
    host->sending = true;
    io_send(stage->ground.io, host->id, vectors, count);
    memset(vectors, 0, sizeof(vectors)); /* they were copied */
}

void host_pour(struct host *host)
{
    size_t size = size_min(host->pour_left, POUR_BYTES);
    assert_false(host->sending);
    free(host->out);
    host->out = malloc(size);
    assert_non_null(host->out);
    for (size_t i = 0; i < size; i++) {
        host->out[i] = pattern_at(0, host->pattern + i);
    }
    host->pattern += size;
    host->pour_left -= size;
    host->out_head = 0;
    host->out_size = size;
    host_send(host);
}

/* Starts what there is to do, unless something is under way. */
static void host_settle(struct host *host)
{
    if (host->closing || host->sending) {
        return;
    }
    bool mouth = host->send_error == 0;
    if (mouth && host->out_head < host->out_size) {
        host_send(host);
    } else if (mouth && host->pour_left > 0) {
        host_pour(host);
    } else if (mouth && host->next_size > 0) {
        free(host->out);
        host->out = host->next;
        host->out_head = 0;
        host->out_size = host->next_size;
        host->next = NULL;
        host->next_size = 0;
        host_send(host);
    } else if (host->ended && !host->stay) {
        host->closing = true;
        io_close(host->stage->ground.io, host->id, host->end_result != 0);
    }
}

static void host_hear(struct host *host, const struct io_event *event)
{
    assert_true(event->size > 0 && event->data != NULL);
    assert_false(host->closing || host->ended);
    host->heard += event->size;
    if (!host->mute) {
        host->next = realloc(host->next, host->next_size + event->size);
        assert_non_null(host->next);
        memcpy(host->next + host->next_size, event->data, event->size);
        host->next_size += event->size;
    }
    memset(event->data, 0, event->size); /* writable by the caller */
}

static void host_sent(struct host *host, int result)
{
    assert_true(host->sending);
    host->sending = false;
    if (result < 0) {
        host->send_error = result;
        host->next_size = 0;
        return;
    }
    assert_true((size_t)result <= host->asked);
    host->stage->sent_short += (size_t)result < host->asked;
    host->poured += (size_t)result;
    host->out_head += (size_t)result;
}

static void stage_host_event(struct stage *stage, const struct io_event *event)
{
    struct host *host = event->tag;
    assert_true(host >= stage->hosts && host < stage->hosts + HOSTS_MAX);
    assert_true(host->id == event->id);
    if (stage->order_count < ORDER_MAX) {
        stage->order[stage->order_count] = event->kind;
        stage->order_count++;
    }
    switch (event->kind) {
    case IO_RECEIVED:
        host_hear(host, event);
        break;
    case IO_ENDED:
        assert_false(host->ended || host->closing);
        host->ended = true;
        host->end_result = event->result;
        stage->ended_well += event->result == 0;
        break;
    case IO_SENT:
        host_sent(host, event->result);
        break;
    case IO_CLOSED:
        assert_true(host->closing && !host->sending);
        host->id = 0;
        stage->closed++;
        stage->open--;
        return;
    case IO_ACCEPTED:
    case IO_WOKEN:
        fail_msg("a host was told of event %d", (int)event->kind);
    }
    host_settle(host);
}

static void stage_event(struct stage *stage, const struct io_event *event)
{
    if (event->kind == IO_WOKEN) {
        assert_true(event->id == 0 && event->tag == NULL);
        stage->woken++;
    } else if (event->tag != stage) {
        stage_host_event(stage, event);
    } else if (event->kind == IO_CLOSED) {
        assert_true(stage->listener_closing && !stage->listener_closed);
        stage->listener_closed = true;
    } else {
        assert_true(event->kind == IO_ACCEPTED && event->id == stage->listener);
        assert_false(stage->listener_closing);
        stage_accept(stage, event->result);
    }
}

static void stage_kick(struct stage *stage)
{
    if (stage->newest != NULL && stage->newest->id != 0) {
        host_settle(stage->newest); /* what the test asked of it meanwhile */
    }
}

void stage_turn(struct stage *stage)
{
    struct io_event events[STAGE_EVENTS_MAX];
    stage_kick(stage);
    size_t count = ground_turn(&stage->ground, stage->ground.io, events, stage->events_max);
    assert_true(count <= stage->events_max);
    stage->quiet = count == 0 && ground_is_real(&stage->ground) ? stage->quiet + 1 : 0;
    assert_true(stage->quiet < QUIET_MAX); /* something that had to come did not */
    for (size_t i = 0; i < count; i++) {
        stage_event(stage, &events[i]);
    }
}

void stage_look(struct stage *stage)
{
    if (!ground_is_real(&stage->ground)) {
        stage_turn(stage);
        return;
    }
    struct io_event events[STAGE_EVENTS_MAX];
    uint64_t now_ns = clock_now_ns();
    stage_kick(stage);
    size_t count = io_wait(stage->ground.io, events, stage->events_max, now_ns, now_ns);
    for (size_t i = 0; i < count; i++) {
        stage_event(stage, &events[i]);
    }
}

void stage_until_empty(struct stage *stage)
{
    for (unsigned turn = 0; stage->open > 0; turn++) {
        assert_true(turn < TURNS_MAX);
        stage_turn(stage);
    }
}

void person_start(struct stage *stage, struct person *person, size_t to_say)
{
    stage->people++;
    *person = (struct person){.stage = stage,
                              .peer = peer_connect(&stage->ground),
                              .serial = to_say == 0 ? 0 : stage->people,
                              .to_say = to_say};
}

void person_come(struct stage *stage, struct person *person, size_t to_say)
{
    unsigned wanted = stage->accepted + 1;
    person_start(stage, person, to_say);
    for (unsigned turn = 0; stage->accepted < wanted; turn++) {
        assert_true(turn < TURNS_MAX);
        stage_turn(stage);
    }
}

void person_act(struct person *person)
{
    uint8_t octets[4096];
    size_t size = size_min(person->to_say - person->said, 1 + person->said * 31 % sizeof(octets));
    for (size_t i = 0; i < size; i++) {
        octets[i] = pattern_at(person->serial, person->said + i);
    }
    if (size > 0) {
        person->said += peer_write(person->peer, octets, size);
    }
    for (unsigned reads = 0; reads < 4; reads++) {
        size_t came = peer_read(person->peer, octets, sizeof(octets));
        for (size_t i = 0; i < came; i++) {
            assert_int_equal(octets[i], pattern_at(person->serial, person->heard + i));
        }
        person->heard += came;
    }
}

unsigned files_open(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}
