/* A scene: people who have joined on a stage, told what to say, and held to what they must hear.
 * What is heard is compared whole, with a star for a run of characters that the test does not know.
 * For unit tests; one thread; fails by check after it has said what was heard instead. */
#ifndef CLOS_TESTS_SCENE_H
#define CLOS_TESTS_SCENE_H

#include "router/realm.h"
#include "tests/lib/parse.h"
#include "tests/lib/stage.h"

enum { SCENE_PEOPLE = 12 };

struct scene {
    struct stage stage;
    struct person people[SCENE_PEOPLE]; /* person i is the stage's actor i */
    unsigned count;
};

void scene_init(struct scene *scene, unsigned cores, const struct limits *limits);
void scene_fini(struct scene *scene); /* checks gauges and memory */

/* Everybody vanishes with the cores, in the middle of everything; checks memory. */
void scene_cut(struct scene *scene);

/* A person over RawSocket in front of that core; scene_join: who has heard WELCOME, too. */
unsigned scene_enter(struct scene *scene, unsigned core, enum serializer serializer);
unsigned scene_join(struct scene *scene, unsigned core, enum serializer serializer);
void scene_leave(struct scene *scene, unsigned who);

/* Says a message, then all moves. */
void scene_say(struct scene *scene, unsigned who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The next message that person hears. */
struct parsed scene_hears(struct scene *scene, unsigned who, const char *pattern);
void scene_silence(struct scene *scene, unsigned who);

/* A procedure whose claims that core decides. */
const char *scene_uri_of_home(const struct scene *scene, unsigned core);

/* The session of that person. */
struct session *scene_session(const struct scene *scene, unsigned who);

static inline void scene_hold(struct scene *scene, bool hold)
{
    scene->stage.hold_parcels = hold;
    stage_run(&scene->stage);
}

#endif
