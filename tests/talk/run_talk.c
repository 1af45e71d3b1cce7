/* Runs conversations: every one on one worker and on several, over each framing and serializer, and
 * mixed. A conversation times a variant is one test.
 *
 *   run_talk [--depth core|sim|real] [--seed N] [FILES]     default: core, all of tests/talk
 *
 * The last line is `N passed, N failed, N skipped`. */
#include "tests/lib/talk_run.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORKERS_MANY = 3, WAIT_REAL_MS_MAX = 1500, FAILURES_MAX = 40 };

struct counts {
    unsigned passed;
    unsigned failed;
    unsigned skipped;
};

static void variant_print(const struct talk_variant *variant)
{
    printf("%s, %u worker%s, ", talk_depth_names[variant->depth], variant->workers,
           variant->workers == 1 ? "" : "s");
    if (variant->mixed) {
        printf("mixed");
    } else {
        printf("%s %s", talk_framing_names[variant->framing],
               talk_serializer_names[variant->serializer]);
    }
    printf("%s%s, seed %llu", variant->over_unix ? ", unix" : "",
           variant->split != 0 ? ", split" : "", (unsigned long long)variant->seed);
}

/* A real router's time is real: who wants much of it is heard at the other depths only. */
static bool waits_long(const struct talk *talk)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < talk->lines_count; i++) {
        const char *text = talk->lines[i].text;
        if (strncmp(text, "wait ", 5) == 0) {
            char *unit;
            uint64_t number = strtoull(text + 5, &unit, 10);
            total += strcmp(unit, "s") == 0 ? number * 1000 : number;
        }
    }
    return total > WAIT_REAL_MS_MAX;
}

static bool variant_applies(const struct talk *talk, const struct talk_variant *variant)
{
    if (variant->mixed) {
        return talk->framings == 0 && talk->serializers == 0;
    }
    return !talk->only_mixed &&
           (talk->framings == 0 || (talk->framings & 1 << variant->framing) != 0) &&
           (talk->serializers == 0 || (talk->serializers & 1 << variant->serializer) != 0);
}

static void run_one(struct talk *talk, const struct talk_variant *variant, struct counts *counts)
{
    static struct talk_run run;
    bool good = talk_run(&run, talk, variant);
    if (talk->canary != 0) { /* it proves that a false line is noticed, and which */
        good = !good && run.line == talk->canary;
        snprintf(run.words, sizeof run.words, "line %u should have failed", talk->canary);
    }
    if (good) {
        counts->passed++;
        return;
    }
    counts->failed++;
    if (counts->failed <= FAILURES_MAX) {
        printf("FAIL %s:%u (", talk->path, run.line);
        variant_print(variant);
        puts(")");
        for (unsigned i = 0; i < talk->lines_count; i++) {
            if (talk->lines[i].number == run.line) {
                printf("   %.300s\n", talk->lines[i].text);
            }
        }
        printf("   %s\n", run.words);
        fflush(stdout);
    }
}

static void run_worker_counts(struct talk *talk, struct talk_variant variant, struct counts *counts)
{
    if (!variant_applies(talk, &variant)) {
        return;
    }
    variant.workers = 1;
    run_one(talk, &variant, counts);
    variant.workers = WORKERS_MANY;
    variant.seed++;
    run_one(talk, &variant, counts);
    if (variant.depth == TALK_CORE && variant.mixed) {
        variant.split = 1;
        run_one(talk, &variant, counts);
    }
    if (variant.depth == TALK_REAL) { /* proves B-RS-15 */
        variant.over_unix = true;
        run_one(talk, &variant, counts);
    }
}

static void run_file(const char *path, enum talk_depth depth, uint64_t seed, struct counts *counts)
{
    struct talk *talk = talk_read(path);
    if ((talk->depths != 0 && (talk->depths & 1 << depth) == 0) ||
        (depth == TALK_REAL && waits_long(talk))) {
        printf("skip %s: not at depth %s\n", path, talk_depth_names[depth]);
        counts->skipped++;
        talk_free(talk);
        return;
    }
    struct talk_variant variant = {.depth = depth, .seed = seed};
    for (int framing = 0; framing < FRAMINGS; framing++) {
        for (int serializer = 1; serializer < SERIALIZERS; serializer++) {
            variant.framing = (enum framing)framing;
            variant.serializer = (enum serializer)serializer;
            variant.seed += 10;
            run_worker_counts(talk, variant, counts);
        }
    }
    variant.mixed = true;
    run_worker_counts(talk, variant, counts);
    talk_free(talk);
}

int main(int argc, char **argv)
{
    enum talk_depth depth = TALK_CORE;
    uint64_t seed = 1;
    struct counts counts = {0};
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        int index = talk_word_index(talk_depth_names, TALK_DEPTHS, argv[i + 1]);
        if (strcmp(argv[i], "--depth") == 0 && index >= 0) {
            depth = (enum talk_depth)index;
        } else if (strcmp(argv[i], "--seed") == 0) {
            seed = strtoull(argv[i + 1], NULL, 10);
        } else {
            fprintf(stderr, "run_talk [--depth core|sim|real] [--seed N] [FILES]\n");
            return 2;
        }
    }
    glob_t files = {0};
    if (i == argc) {
        check(glob("tests/talk/*.talk", 0, NULL, &files) == 0);
    }
    for (size_t k = 0; k < files.gl_pathc; k++) {
        run_file(files.gl_pathv[k], depth, seed, &counts);
    }
    for (; i < argc; i++) {
        run_file(argv[i], depth, seed, &counts);
    }
    globfree(&files);
    printf("%u passed, %u failed, %u skipped\n", counts.passed, counts.failed, counts.skipped);
    return counts.failed == 0 ? 0 : 1;
}
