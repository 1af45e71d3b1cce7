/* What one lookup costs: URIs validated, exact, prefix and wildcard matches, and ids in a map.
 *   micro_match           prints one line a case: name, ns an operation (best of nine rounds)
 * Keys are asked in a random order, so that the larger cases pay for their cache misses. */
#include "common/clock.h"
#include "common/heap.h"
#include "common/map.h"
#include "common/match.h"
#include "common/rng.h"
#include "common/timer.h"
#include "common/uri.h"

#include <stdio.h>
#include <stdlib.h>

enum { ASKS = 1 << 14, ROUNDS = 9, TEXT_BYTES = 48 };

struct text {
    uint8_t size;
    char at[TEXT_BYTES - 1];
};

static struct mem mem;
static struct rng rng;
static const uint8_t hash_key[16] = {7};
static struct text *asks; /* ASKS texts to look up */
static uint64_t sink;

static struct bytes text_bytes(const struct text *text)
{
    return bytes_make(text->at, text->size);
}

static void text_set(struct text *text, const char *format, uint32_t number)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    text->size = (uint8_t)snprintf(text->at, sizeof text->at, format, number);
#pragma GCC diagnostic pop
}

static void visit(void *context, enum match_kind kind, void *value)
{
    (void)context;
    (void)kind;
    sink += (uintptr_t)value;
}

enum verb {
    VERB_VALID,
    VERB_ALL,
    VERB_BEST,
};

static uint64_t round_ns(enum verb verb, const struct match *match)
{
    uint64_t start = clock_now_ns();
    for (size_t i = 0; i < ASKS; i++) {
        struct bytes uri = text_bytes(&asks[i]);
        switch (verb) {
        case VERB_VALID:
            sink += uri_valid(uri, URI_LOOSE);
            break;
        case VERB_ALL:
            match_all(match, uri, visit, NULL);
            break;
        case VERB_BEST:
            sink += (uintptr_t)match_best(match, uri, NULL);
            break;
        }
    }
    return clock_now_ns() - start;
}

static void measure(const char *name, enum verb verb, const struct match *match)
{
    uint64_t best = NEVER;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t ns = round_ns(verb, match);
        best = ns < best ? ns : best;
    }
    printf("%-52s %8.1f ns\n", name, (double)best / ASKS);
}

static struct match *match_make(uint32_t shapes_max)
{
    struct match_limits limits = {1 << 24, shapes_max, .plain = false};
    struct match *match = match_new(&mem, hash_key, limits);
    check(match != NULL);
    return match;
}

static void put(struct match *match, enum match_kind kind, struct bytes uri)
{
    if (match_get(match, kind, uri) == NULL) {
        check(match_put(match, kind, uri, &rng));
    }
}

/* count stored, hot of them asked for. */
static void measure_exact(uint32_t count, uint32_t hot)
{
    char name[64];
    struct match *match = match_make(64);
    struct text text;
    for (uint32_t i = 0; i < count; i++) {
        text_set(&text, "com.example.t%07u", i); /* 20 octets */
        put(match, MATCH_EXACT, text_bytes(&text));
    }
    for (size_t i = 0; i < ASKS; i++) {
        text_set(&asks[i], "com.example.t%07u", (uint32_t)rng_below(&rng, hot));
    }
    snprintf(name, sizeof name, "exact, %u entries, %u asked, found", count, hot);
    measure(name, VERB_ALL, match);
    for (size_t i = 0; i < ASKS; i++) {
        text_set(&asks[i], "com.example.u%07u", (uint32_t)rng_below(&rng, hot));
    }
    snprintf(name, sizeof name, "exact, %u entries, %u asked, missed", count, hot);
    measure(name, VERB_ALL, match);
    match_free(match);
}

static void measure_prefix(uint32_t count)
{
    char name[64];
    struct match *match = match_make(64);
    struct text text;
    for (uint32_t i = 0; i < count; i++) {
        text_set(&text, "com.example.t%05u.", i);
        put(match, MATCH_PREFIX, text_bytes(&text));
    }
    for (size_t i = 0; i < ASKS; i++) {
        text_set(&asks[i], "com.example.t%05u.on_change", (uint32_t)rng_below(&rng, count));
    }
    snprintf(name, sizeof name, "prefix, %u entries, all", count);
    measure(name, VERB_ALL, match);
    snprintf(name, sizeof name, "prefix, %u entries, best", count);
    measure(name, VERB_BEST, match);
    match_free(match);
}

/* Patterns of six components, named or empty by the bits of a shape's number. */
static void measure_wildcard(uint32_t shapes)
{
    char name[64];
    struct match *match = match_make(4096);
    for (uint32_t shape = 0; shape < shapes; shape++) {
        struct text text = {0, ""};
        for (unsigned i = 0; i < 6; i++) {
            int size = snprintf(text.at + text.size, 16, "%s%s", i == 0 ? "" : ".",
                                (shape >> i & 1) != 0 ? "name" : "");
            text.size = (uint8_t)(text.size + size);
        }
        put(match, MATCH_WILDCARD, text_bytes(&text));
    }
    for (size_t i = 0; i < ASKS; i++) {
        text_set(&asks[i], "a%03u.name.name.name.name.name", (uint32_t)rng_below(&rng, 1000));
    }
    snprintf(name, sizeof name, "wildcard, %u shapes of six, all", shapes);
    measure(name, VERB_ALL, match);
    snprintf(name, sizeof name, "wildcard, %u shapes of six, best", shapes);
    measure(name, VERB_BEST, match);
    match_free(match);
}

/* Row 104 of the attack table: as many shapes as a realm may have, the longest names. */
static void measure_hostile(void)
{
    enum { LEVELS = 128, SHAPES = 64 };
    struct match *match = match_make(SHAPES);
    static uint8_t uri[URI_OCTETS_MAX];
    size_t size = 0;
    for (unsigned i = 0; i < LEVELS; i++) {
        memcpy(uri + size, "1234567.", 8);
        size += 8;
    }
    size--;
    for (unsigned shape = 0; shape < SHAPES; shape++) {
        uint8_t pattern[URI_OCTETS_MAX];
        size_t at = 0;
        for (unsigned i = 0; i < LEVELS; i++) {
            if (i != shape) {
                memcpy(pattern + at, "1234567", 7);
                at += 7;
            }
            pattern[at++] = '.';
        }
        put(match, MATCH_WILDCARD, bytes_make(pattern, at - 1));
    }
    for (size_t prefix = 0; prefix < size; prefix++) { /* and each of its prefixes */
        put(match, MATCH_PREFIX, bytes_make(uri, prefix));
    }
    uint64_t best = NEVER;
    for (unsigned i = 0; i < 20; i++) {
        uint64_t start = clock_now_ns();
        match_all(match, bytes_make(uri, size), visit, NULL);
        uint64_t ns = clock_now_ns() - start;
        best = ns < best ? ns : best;
    }
    printf("%-52s %8.1f us\n", "hostile: 1023 octets, 64 shapes, all prefixes", (double)best / 1e3);
    match_free(match);
}

static void measure_map(uint32_t count)
{
    struct map map;
    map_init(&map, &mem, 1 << 24);
    uint64_t *keys = malloc(count * sizeof *keys);
    check(keys != NULL);
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = rng_id(&rng);
        check(map_get(&map, keys[i]) != NULL || map_put(&map, keys[i], &rng));
    }
    uint64_t start = clock_now_ns();
    for (size_t i = 0; i < ASKS; i++) {
        sink += (uintptr_t)map_get(&map, keys[(i * 7919) % count]);
    }
    double ns = (double)(clock_now_ns() - start) / ASKS;
    char name[64];
    snprintf(name, sizeof name, "map_get, %u ids", count);
    printf("%-52s %8.1f ns\n", name, ns);
    free(keys);
    map_fini(&map);
}

static void measure_timer(void)
{
    enum { TIMERS = 100000 };
    static struct timer timers[TIMERS];
    static struct timer_wheel wheel;
    uint64_t now = 1000 * NS_PER_S;
    timer_wheel_init(&wheel, now);
    for (size_t i = 0; i < TIMERS; i++) {
        timer_init(&timers[i]);
    }
    uint64_t start = clock_now_ns();
    for (size_t i = 0; i < TIMERS; i++) {
        timer_set(&wheel, &timers[i], now + rng_below(&rng, 60 * NS_PER_S));
    }
    printf("%-52s %8.1f ns\n", "timer_set, 100000 timers within a minute",
           (double)(clock_now_ns() - start) / TIMERS);
    struct list due;
    list_init(&due);
    uint64_t fired = 0;
    start = clock_now_ns();
    for (unsigned turn = 0; turn < 60000; turn++) { /* a turn a millisecond */
        now += NS_PER_MS;
        timer_wheel_expire(&wheel, now, &due);
        while (timer_pop(&due) != NULL) {
            fired++;
        }
    }
    printf("%-52s %8.1f ns\n", "timer_wheel_expire, a turn each ms, all fired",
           (double)(clock_now_ns() - start) / 60000);
    check(fired + TIMERS / 100 >= TIMERS);
}

int main(void)
{
    mem_init(&mem, heap_source(), SIZE_MAX);
    rng_init(&rng, 1);
    asks = malloc(ASKS * sizeof *asks);
    check(asks != NULL);
    for (size_t i = 0; i < ASKS; i++) {
        text_set(&asks[i], "com.example.t%07u", (uint32_t)rng_below(&rng, 1000));
    }
    measure("uri_valid, loose, 20 octets", VERB_VALID, NULL);
    for (uint32_t count = 10; count <= 1000000; count *= 10) {
        measure_exact(count, count);
    }
    measure_exact(100000, 100);
    measure_exact(100000, 1000);
    measure_prefix(10);
    measure_prefix(10000);
    for (uint32_t shapes = 1; shapes <= 64; shapes *= 8) {
        measure_wildcard(shapes);
    }
    measure_hostile();
    measure_map(100);
    measure_map(100000);
    measure_timer();
    free(asks);
    mem_fini(&mem);
    return sink == 0;
}
