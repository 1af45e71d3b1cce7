/* The first depth: conversations on the bare core, through tests/lib/stage.h. */
#include "tests/lib/stage.h"
#include "tests/lib/talk_run.h"

#include <stdlib.h>

static bool core_start(struct talk_run *run)
{
    struct stage *stage = calloc(1, sizeof *stage);
    check(stage != NULL);
    stage_init_with(stage, run->variant.workers, run->variant.seed, &run->talk->settings);
    run->router = stage;
    return true;
}

static void core_enter(struct talk_run *run, struct talk_person *person)
{
    struct stage *stage = run->router;
    person->actor = stage_enter(stage, &person->person, person->worker);
    stage->actors[person->actor].split = run->variant.split;
}

static void core_settle(struct talk_run *run)
{
    struct stage *stage = run->router;
    for (unsigned i = 0; i < run->people_count; i++) {
        const struct talk_person *person = &run->people[i];
        if (person->here) {
            stage->actors[person->actor].deaf = person->deaf;
        }
    }
    stage_run(stage);
}

/* The actor's slot stays taken, but it must not remember a person whose place is used again. */
static void core_leave(struct talk_run *run, struct talk_person *person)
{
    static struct person nobody;
    struct stage *stage = run->router;
    stage_leave(stage, person->actor);
    person->person.out.size = 0;
    stage->actors[person->actor].person = &nobody;
    core_settle(run);
}

static bool core_more(struct talk_run *run)
{
    (void)run;
    return false;
}

static void core_wait(struct talk_run *run, uint64_t ns)
{
    stage_wait(run->router, ns);
}

static void core_make_drain(struct talk_run *run)
{
    struct stage *stage = run->router;
    for (unsigned i = 0; i < stage->cores_count; i++) {
        core_drain(&stage->cores[i]);
    }
}

static bool core_stop(struct talk_run *run)
{
    stage_fini(run->router); /* checks that nothing is left */
    free(run->router);
    return true;
}

const struct talk_maker talk_core_maker = {
    .start = core_start,
    .enter = core_enter,
    .leave = core_leave,
    .settle = core_settle,
    .more = core_more,
    .wait = core_wait,
    .drain = core_make_drain,
    .stop = core_stop,
};
