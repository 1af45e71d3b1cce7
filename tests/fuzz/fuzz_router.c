/* Two bytes of settings, then a program: what the people of a crowd do on one to three cores, three
 * octets a deed. The crowd judges what they hear, the stage that no memory and no count is left. */
#include "tests/model/crowd.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct program {
    const uint8_t *at;
    size_t size;
};

static uint8_t next(struct program *program)
{
    if (program->size == 0) {
        return 0;
    }
    program->size--;
    return *program->at++;
}

static struct bytes octets_next(struct program *program, size_t size)
{
    struct bytes octets = bytes_make(program->at, size_min(size, program->size));
    program->at += octets.size;
    program->size -= octets.size;
    return octets;
}

static void time_pass(struct crowd *crowd, unsigned arg)
{
    static const uint64_t waits[] = {NS_PER_MS, 10 * NS_PER_MS, NS_PER_S, 7 * NS_PER_S};
    crowd->stage.hold_parcels = false; /* nobody waits that long for a neighbour */
    stage_wait(&crowd->stage, waits[arg & 3]);
}

/* What a session does by the rules. */
static void deed_of_member(struct crowd *crowd, struct seat *seat, uint8_t deed, uint8_t arg,
                           bool run_next)
{
    if (deed < 5) {
        crowd_subscribe(crowd, seat, arg);
    } else if (deed < 6) {
        crowd_unsubscribe(crowd, seat, arg);
    } else if (deed < 10) {
        crowd_publish(crowd, seat, arg);
    } else if (deed < 13) {
        crowd_register(crowd, seat, arg);
    } else if (deed < 14) {
        crowd_unregister(crowd, seat, arg);
    } else if (deed < 18) {
        crowd_call(crowd, seat, arg, run_next);
    } else {
        crowd_answer(crowd, seat, arg);
    }
}

static void deed_of_others(struct crowd *crowd, struct seat *seat, uint8_t deed, uint8_t arg,
                           struct program *program)
{
    switch (deed) {
    case 22:
        crowd_goodbye(crowd, seat);
        break;
    case 23:
        crowd_drop(crowd, seat);
        break;
    case 24:
        crowd->stage.hold_parcels = !crowd->stage.hold_parcels;
        break;
    case 25:
        crowd_deaf(crowd, seat, (arg & 1) != 0);
        break;
    case 26:
        time_pass(crowd, arg);
        break;
    case 27:
        crowd_garbage(crowd, seat, octets_next(program, arg & 31), (arg & 32) != 0);
        break;
    case 28:
        crowd_violate(crowd, seat, arg);
        break;
    case 29:
        if ((arg & 7) == 0) { /* rarely: it ends most of the play */
            crowd_drain(crowd, (arg >> 3) % crowd->stage.cores_count);
        }
        break;
    case 30:
        crowd_ask_unknown(crowd, seat, arg);
        break;
    default:
        break;
    }
}

static void program_run(struct crowd *crowd, struct program *program)
{
    for (unsigned i = 0; i < CROWD_SEATS; i++) {
        crowd_join(crowd, &crowd->seats[i], next(program));
    }
    crowd_run(crowd);
    while (program->size > 0) {
        uint8_t deed = next(program);
        uint8_t who = next(program);
        uint8_t arg = next(program);
        struct seat *seat = &crowd->seats[who % CROWD_SEATS];
        bool run_next = (deed & 0x80) == 0;
        deed &= 31;
        if (deed < 2 || seat->state == SEAT_EMPTY) {
            crowd_join(crowd, seat, arg);
        } else if (deed < 22) {
            deed_of_member(crowd, seat, deed, arg, run_next);
        } else {
            deed_of_others(crowd, seat, deed, arg, program);
        }
        if (run_next) {
            crowd_run(crowd);
        }
    }
}

static struct limits limits_choose(uint8_t settings)
{
    struct limits limits = limits_default();
    if ((settings & 4) != 0) {
        limits.subscriptions_per_session = 3;
        limits.registrations_per_session = 2;
        limits.calls_per_session = 2;
        limits.invocations_per_session = 2;
        limits.patterns_per_realm = 4;
        limits.wildcard_shapes_per_realm = 1;
        limits.connections = 4;
    }
    if ((settings & 8) != 0) {
        limits.out_soft_bytes = 4096;
        limits.out_soft_ms = 500;
        limits.out_hard_bytes = 20000;
        limits.out_hard_messages = 16;
        limits.out_stuck_ms = 2000;
        limits.place_bytes = 1 << 16;
    }
    return limits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct crowd crowd;
    if (size < 2) {
        return 0;
    }
    struct limits limits = limits_choose(data[0]);
    crowd_init(&crowd, 1 + (data[0] & 3) % 3, data[1], &limits);
    crowd.poor = (data[0] & 4) != 0;
    crowd.harsh = (data[0] & 8) != 0;
    crowd.loud = getenv("LOUD") != NULL;
    struct program program = {data + 2, size - 2};
    program_run(&crowd, &program);
    if ((data[0] & 16) != 0) {
        crowd_cut(&crowd);
    } else {
        crowd_fini(&crowd);
    }
    return 0;
}
