#include "tests/lib/scene.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char hello[] = "[1,\"realm1\",{\"roles\":{\"publisher\":{},\"subscriber\":{},"
                            "\"caller\":{},\"callee\":{}}}]";

void scene_init(struct scene *scene, unsigned cores, const struct limits *limits)
{
    memset(scene, 0, sizeof *scene);
    stage_init(&scene->stage, cores, 1, limits);
}

static void people_fini(struct scene *scene)
{
    for (unsigned i = 0; i < scene->count; i++) {
        person_fini(&scene->people[i]);
    }
}

void scene_fini(struct scene *scene)
{
    stage_fini(&scene->stage);
    people_fini(scene);
}

void scene_cut(struct scene *scene)
{
    for (unsigned i = 0; i < scene->stage.cores_count; i++) {
        core_fini(&scene->stage.cores[i]);
    }
    people_fini(scene);
}

unsigned scene_enter(struct scene *scene, unsigned core, enum serializer serializer)
{
    check(scene->count < SCENE_PEOPLE);
    unsigned who = scene->count++;
    person_init(&scene->people[who], FRAMING_RAWSOCKET, serializer);
    check(stage_enter(&scene->stage, &scene->people[who], core) == who);
    stage_run(&scene->stage);
    return who;
}

unsigned scene_join(struct scene *scene, unsigned core, enum serializer serializer)
{
    unsigned who = scene_enter(scene, core, serializer);
    scene_say(scene, who, "%s", hello);
    scene_hears(scene, who, "[2,*]");
    return who;
}

void scene_leave(struct scene *scene, unsigned who)
{
    stage_leave(&scene->stage, who);
    stage_run(&scene->stage);
}

void scene_say(struct scene *scene, unsigned who, const char *format, ...)
{
    static char text[65536];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    check(size > 0 && (size_t)size < sizeof text);
    person_say(&scene->people[who], text);
    stage_run(&scene->stage);
}

/* A star stands for any run of characters; the last one that can match is tried first. */
static bool text_matches(const char *text, const char *pattern)
{
    const char *star = NULL;
    const char *from = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

struct parsed scene_hears(struct scene *scene, unsigned who, const char *pattern)
{
    struct parsed parsed;
    char *json = person_hear(&scene->people[who]);
    if (json == NULL || !text_matches(json, pattern)) {
        fprintf(stderr, "%u should hear %s but hears %s\n", who, pattern,
                json == NULL ? "nothing" : json);
    }
    check(json != NULL && text_matches(json, pattern));
    check(parse_message(json, &parsed));
    free(json);
    return parsed;
}

void scene_silence(struct scene *scene, unsigned who)
{
    char *json = person_hear(&scene->people[who]);
    if (json != NULL) {
        fprintf(stderr, "%u should hear nothing but hears %s\n", who, json);
    }
    check(json == NULL);
}

const char *scene_uri_of_home(const struct scene *scene, unsigned core)
{
    static char uris[STAGE_CORES][32];
    const struct realm *realm = &scene->stage.cores[0].realms[0];
    for (unsigned i = 0;; i++) {
        snprintf(uris[core], sizeof uris[core], "home.n%u", i);
        if (realm_home(realm, MATCH_EXACT, bytes_text(uris[core])) == core) {
            return uris[core];
        }
    }
}

struct session *scene_session(const struct scene *scene, unsigned who)
{
    check(scene->stage.actors[who].conn != NULL);
    return scene->stage.actors[who].conn->session;
}
