/* Match beside its dumb twin: all small patterns against all small URIs, random ones, and the
 * vectors of the specification. */
#include "common/match.h"

#include "common/rng.h"
#include "common/uri.h"
#include "tests/lib/dry.h"
#include "tests/lib/seed.h"
#include "tests/model/match_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const uint8_t hash_key[16] = "a fixed hash key";
static const struct match_limits wide = {100000, 1000, .plain = false};

static char things[MODEL_ENTRIES_MAX * 2];

struct twins {
    struct dry dry;
    struct mem mem;
    struct match *match;
    struct match_model model;
};

static void twins_init(struct twins *twins, struct match_limits limits)
{
    dry_mem_init(&twins->mem, &twins->dry, SIZE_MAX);
    twins->match = match_new(&twins->mem, hash_key, limits);
    assert_non_null(twins->match);
    twins->model.count = 0;
    twins->model.plain = limits.plain;
}

static void twins_fini(struct twins *twins)
{
    match_free(twins->match);
    dry_mem_fini(&twins->mem, &twins->dry);
}

static void twins_put(struct twins *twins, enum match_kind kind, const char *text, void *value)
{
    assert_true(match_put(twins->match, kind, bytes_text(text), value));
    model_put(&twins->model, kind, bytes_text(text), value);
}

/* What match_all visited. */
struct visited {
    size_t count;
    struct visit {
        enum match_kind kind;
        void *value;
    } visits[MODEL_ENTRIES_MAX];
};

static void visit(void *context, enum match_kind kind, void *value)
{
    struct visited *visited = context;
    check(visited->count < MODEL_ENTRIES_MAX);
    visited->visits[visited->count++] = (struct visit){kind, value};
}

/* match_all and match_best, against the twin: the same ones, once each, in the promised order. */
static void twins_ask(const struct twins *twins, struct bytes uri)
{
    struct visited got = {.count = 0};
    match_all(twins->match, uri, visit, &got);
    size_t want = 0;
    for (size_t i = 0; i < twins->model.count; i++) {
        const struct model_entry *entry = &twins->model.entries[i];
        bool matches = model_matches(&twins->model, entry, uri);
        size_t found = 0;
        for (size_t k = 0; k < got.count; k++) {
            found += got.visits[k].value == entry->value && got.visits[k].kind == entry->kind;
        }
        if (found != (matches ? 1U : 0U)) {
            fail_msg("pattern %u '%.*s' and uri '%.*s': visited %zu times", entry->kind,
                     (int)entry->size, (const char *)entry->uri, (int)uri.size,
                     (const char *)uri.at, found);
        }
        want += matches;
    }
    assert_int_equal(got.count, want);
    for (size_t k = 1; k < got.count; k++) {
        assert_true(got.visits[k - 1].kind <= got.visits[k].kind);
    }
    enum match_kind kind = MATCH_KINDS - 1;
    enum match_kind kind_twin = MATCH_KINDS - 1;
    void *best = match_best(twins->match, uri, &kind);
    if (best != model_best(&twins->model, uri, &kind_twin) || kind != kind_twin) {
        fail_msg("another best for '%.*s'", (int)uri.size, (const char *)uri.at);
    }
    assert_ptr_equal(match_best(twins->match, uri, NULL), best);
}

/* ---- all small inputs */

enum { TEXTS_MAX = 4 + 16 + 64 };

struct text {
    char at[24];
};

static size_t all_texts(struct text *texts, const char *const *alphabet, size_t letters)
{
    size_t count = 0;
    size_t all = 1;
    for (unsigned components = 1; components <= 3; components++) {
        all *= letters;
        for (size_t n = 0; n < all; n++) {
            size_t rest = n;
            char *to = texts[count++].at;
            for (unsigned i = 0; i < components; i++) {
                to += snprintf(to, 8, "%s%s", i == 0 ? "" : ".", alphabet[rest % letters]);
                rest /= letters;
            }
        }
    }
    return count;
}

static void ask_all_uris(const struct twins *twins, const struct text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (uri_valid(bytes_text(texts[i].at), URI_LOOSE)) {
            twins_ask(twins, bytes_text(texts[i].at));
        }
    }
}

/* Puts the second beside the first, asks for all, and takes it out again. */
static void ask_with_second(struct twins *twins, enum match_kind kind, const char *second,
                            const struct text *texts, size_t count)
{
    struct bytes uri = bytes_text(second);
    if (!uri_pattern_valid(uri, kind, URI_LOOSE) || match_get(twins->match, kind, uri) != NULL) {
        return;
    }
    twins_put(twins, kind, second, &things[1]);
    ask_all_uris(twins, texts, count);
    assert_ptr_equal(match_take(twins->match, kind, uri), &things[1]);
    assert_ptr_equal(model_take(&twins->model, kind, uri), &things[1]);
}

/* All ordered pairs, so that each prefix split, each join and each two shapes are met. */
static void each_two_small_patterns_match_each_small_uri_as_the_twin_says(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "b", ""};
    static struct text texts[TEXTS_MAX];
    size_t count = all_texts(texts, letters, 3);
    static struct twins twins;
    twins_init(&twins, wide);
    for (size_t i = 0; i < count * MATCH_KINDS; i++) {
        enum match_kind kind = (enum match_kind)(i % MATCH_KINDS);
        const char *first = texts[i / MATCH_KINDS].at;
        if (!uri_pattern_valid(bytes_text(first), kind, URI_LOOSE)) {
            continue;
        }
        twins_put(&twins, kind, first, &things[0]);
        ask_all_uris(&twins, texts, count);
        for (size_t k = 0; k < count * MATCH_KINDS; k++) {
            ask_with_second(&twins, (enum match_kind)(k % MATCH_KINDS), texts[k / MATCH_KINDS].at,
                            texts, count);
        }
        assert_ptr_equal(match_take(twins.match, kind, bytes_text(first)), &things[0]);
        (void)model_take(&twins.model, kind, bytes_text(first));
        assert_int_equal(match_count(twins.match, kind), 0);
    }
    twins_fini(&twins);
}

static void all_small_patterns_together_match_as_the_twin_says(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "b", "", "wamp"};
    static struct text texts[TEXTS_MAX];
    size_t count = all_texts(texts, letters, 4);
    static struct twins twins;
    twins_init(&twins, wide);
    size_t put = 0;
    for (size_t i = 0; i < count * MATCH_KINDS; i++) {
        enum match_kind kind = (enum match_kind)(i % MATCH_KINDS);
        if (uri_pattern_valid(bytes_text(texts[i / MATCH_KINDS].at), kind, URI_LOOSE)) {
            twins_put(&twins, kind, texts[i / MATCH_KINDS].at, &things[put++]);
            ask_all_uris(&twins, texts, count);
        }
    }
    while (put > 0) { /* the oldest goes first */
        struct model_entry entry = twins.model.entries[0];
        struct bytes uri = bytes_make(entry.uri, entry.size);
        assert_ptr_equal(match_take(twins.match, entry.kind, uri), entry.value);
        assert_ptr_equal(model_take(&twins.model, entry.kind, uri), entry.value);
        assert_null(match_take(twins.match, entry.kind, uri));
        ask_all_uris(&twins, texts, count);
        put--;
    }
    twins_fini(&twins);
}

/* ---- random ones */

static struct bytes random_text(struct rng *rng, char *out)
{
    static const char *const parts[] = {"", "a", "b", "ab", "aa", "aab", "wamp", "wam", "\xc3\xa9"};
    size_t size = 0;
    uint64_t components = 1 + rng_below(rng, 6);
    for (uint64_t i = 0; i < components; i++) {
        const char *part = parts[rng_below(rng, array_count(parts))];
        size += (size_t)snprintf(out + size, 8, "%s%s", i == 0 ? "" : ".", part);
    }
    return bytes_make(out, size);
}

static void check_contents(const struct twins *twins)
{
    uint32_t counts[MATCH_KINDS] = {0};
    for (size_t i = 0; i < twins->model.count; i++) {
        const struct model_entry *entry = &twins->model.entries[i];
        counts[entry->kind]++;
        assert_ptr_equal(match_get(twins->match, entry->kind, bytes_make(entry->uri, entry->size)),
                         entry->value);
    }
    for (unsigned kind = 0; kind < MATCH_KINDS; kind++) {
        assert_int_equal(match_count(twins->match, (enum match_kind)kind), counts[kind]);
    }
}

static void random_changes(struct match_limits limits, uint64_t seed)
{
    static struct twins twins;
    struct rng rng;
    char text[MODEL_URI_MAX];
    rng_init(&rng, seed);
    twins_init(&twins, limits);
    for (unsigned step = 0; step < 20000; step++) {
        struct bytes uri = random_text(&rng, text);
        enum match_kind kind = (enum match_kind)rng_below(&rng, MATCH_KINDS);
        bool fill = rng_below(&rng, 8) < 1 + step / 2500 % 7;
        if (!uri_pattern_valid(uri, kind, URI_LOOSE)) {
            continue;
        }
        void *there = model_get(&twins.model, kind, uri);
        assert_ptr_equal(match_get(twins.match, kind, uri), there);
        if (there == NULL && fill && twins.model.count < MODEL_ENTRIES_MAX) {
            void *value = (void *)(uintptr_t)(step + 1); /* each its own */
            assert_true(match_put(twins.match, kind, uri, value));
            model_put(&twins.model, kind, uri, value);
        } else if (!fill) {
            if (there == NULL && twins.model.count > 0) {
                const struct model_entry *any =
                    &twins.model.entries[rng_below(&rng, twins.model.count)];
                kind = any->kind;
                uri = bytes_make(memcpy(text, any->uri, any->size), any->size);
            }
            void *want = model_take(&twins.model, kind, uri);
            assert_ptr_equal(match_take(twins.match, kind, uri), want);
        }
        uri = random_text(&rng, text);
        if (uri_valid(uri, URI_LOOSE)) {
            twins_ask(&twins, uri);
        }
        if (step % 100 == 0) {
            check_contents(&twins);
        }
    }
    twins_fini(&twins);
}

static void random_puts_and_takes_agree_with_the_twin(void **state)
{
    (void)state;
    random_changes(wide, seed_get());
    random_changes((struct match_limits){100000, 1000, .plain = true}, seed_get() + 1);
}

/* ---- vectors of the specification */

/* proves A-PBR-5 */
static void the_vector_of_a_pbr_5_chooses_as_written(void **state)
{
    (void)state;
    static struct twins twins;
    static const struct {
        enum match_kind kind;
        const char *uri;
    } registrations[] = {
        {MATCH_EXACT, "a1.b2.c3.d4.e55"},     {MATCH_PREFIX, "a1.b2.c3"},
        {MATCH_PREFIX, "a1.b2.c3.d4"},        {MATCH_WILDCARD, "a1.b2..d4.e5"},
        {MATCH_WILDCARD, "a1.b2.c33..e5"},    {MATCH_WILDCARD, "a1.b2..d4.e5..g7"},
        {MATCH_WILDCARD, "a1.b2..d4..f6.g7"},
    };
    static const struct {
        const char *uri;
        size_t number;
    } calls[] = {
        {"a1.b2.c3.d4.e55", 1}, {"a1.b2.c3.d98.e74", 2}, {"a1.b2.c3.d4.e325", 3},
        {"a1.b2.c55.d4.e5", 4}, {"a1.b2.c33.d4.e5", 5},  {"a1.b2.c88.d4.e5.f6.g7", 6},
    };
    twins_init(&twins, wide);
    for (size_t i = 0; i < array_count(registrations); i++) {
        twins_put(&twins, registrations[i].kind, registrations[i].uri, &things[i + 1]);
    }
    for (size_t i = 0; i < array_count(calls); i++) {
        enum match_kind kind;
        void *best = match_best(twins.match, bytes_text(calls[i].uri), &kind);
        assert_ptr_equal(best, &things[calls[i].number]);
        assert_int_equal(kind, registrations[calls[i].number - 1].kind);
        twins_ask(&twins, bytes_text(calls[i].uri));
    }
    assert_null(match_best(twins.match, bytes_text("a2.b2.c2.d2.e2"), NULL));
    twins_fini(&twins);
}

static bool one_matches(enum match_kind kind, const char *pattern, const char *uri)
{
    static struct twins twins;
    twins_init(&twins, wide);
    twins_put(&twins, kind, pattern, &things[0]);
    twins_ask(&twins, bytes_text(uri));
    bool matches = match_best(twins.match, bytes_text(uri), NULL) != NULL;
    twins_fini(&twins);
    return matches;
}

static void prefixes_are_strings_and_wildcards_are_components(void **state)
{
    (void)state;
    static const char prefix[] = "com.myapp.myobject1"; /* A-PBR-2 */
    assert_true(one_matches(MATCH_PREFIX, prefix, "com.myapp.myobject1"));
    assert_true(one_matches(MATCH_PREFIX, prefix, "com.myapp.myobject1.x"));
    assert_true(one_matches(MATCH_PREFIX, prefix, "com.myapp.myobject1-mysubobject1"));
    assert_false(one_matches(MATCH_PREFIX, prefix, "com.myapp.myobject2"));
    assert_false(one_matches(MATCH_PREFIX, prefix, "com.myapp.myobject"));
    static const char wildcard[] = "com.myapp..myprocedure1"; /* A-PBR-3 */
    assert_true(one_matches(MATCH_WILDCARD, wildcard, "com.myapp.a.myprocedure1"));
    assert_false(one_matches(MATCH_WILDCARD, wildcard, "com.myapp.a.myprocedure1.b"));
    assert_false(one_matches(MATCH_WILDCARD, wildcard, "com.myapp.myprocedure1"));
    assert_true(one_matches(MATCH_WILDCARD, "", "com"));
    assert_false(one_matches(MATCH_WILDCARD, "", "com.a"));
}

static void every_matching_subscription_is_visited_once_prefixes_from_short_to_long(void **state)
{
    (void)state;
    static struct twins twins; /* A-PBS-2, A-PBS-4 */
    twins_init(&twins, wide);
    twins_put(&twins, MATCH_WILDCARD, "com..topic1", &things[0]);
    twins_put(&twins, MATCH_PREFIX, "com.myapp", &things[1]);
    twins_put(&twins, MATCH_PREFIX, "com", &things[2]);
    twins_put(&twins, MATCH_EXACT, "com.myapp.topic1", &things[3]);
    struct visited got = {.count = 0};
    match_all(twins.match, bytes_text("com.myapp.topic1"), visit, &got);
    assert_int_equal(got.count, 4);
    assert_ptr_equal(got.visits[0].value, &things[3]);
    assert_ptr_equal(got.visits[1].value, &things[2]);
    assert_ptr_equal(got.visits[2].value, &things[1]);
    assert_ptr_equal(got.visits[3].value, &things[0]);
    twins_fini(&twins);
}

/* R13 and row 103. */
static void broad_patterns_do_not_harvest_wamp(void **state)
{
    (void)state;
    static const char uri[] = "wamp.session.on_join";
    assert_false(one_matches(MATCH_PREFIX, "", uri));
    assert_false(one_matches(MATCH_PREFIX, "w", uri));
    assert_false(one_matches(MATCH_PREFIX, "wam", uri));
    assert_false(one_matches(MATCH_WILDCARD, "..", uri));
    assert_false(one_matches(MATCH_WILDCARD, ".session.on_join", uri));
    assert_true(one_matches(MATCH_PREFIX, "wamp", uri));
    assert_true(one_matches(MATCH_PREFIX, "wamp.", uri));
    assert_true(one_matches(MATCH_PREFIX, "wamp.session.", uri));
    assert_true(one_matches(MATCH_WILDCARD, "wamp..", uri));
    assert_true(one_matches(MATCH_EXACT, uri, uri));
    assert_true(one_matches(MATCH_PREFIX, "w", "wampfoo.bar"));
    assert_true(one_matches(MATCH_WILDCARD, "", "wampfoo"));
}

/* ---- bounds */

static void the_number_of_entries_and_of_shapes_is_bounded(void **state)
{
    (void)state;
    struct twins twins;
    twins_init(&twins, (struct match_limits){3, 2, .plain = false});
    struct match *match = twins.match;
    assert_true(match_put(match, MATCH_WILDCARD, bytes_text("a.."), &things[0]));
    assert_true(match_put(match, MATCH_WILDCARD, bytes_text("b.."), &things[1])); /* same shape */
    assert_true(match_take(match, MATCH_WILDCARD, bytes_text("b..")) == &things[1]);
    assert_true(match_put(match, MATCH_WILDCARD, bytes_text(".a."), &things[1]));
    size_t held = twins.mem.bytes_used;
    assert_false(match_put(match, MATCH_WILDCARD, bytes_text("..a"), &things[2]));
    assert_int_equal(twins.mem.bytes_used, held);
    assert_ptr_equal(match_take(match, MATCH_WILDCARD, bytes_text("a..")), &things[0]);
    assert_true(match_put(match, MATCH_WILDCARD, bytes_text("..a"), &things[2])); /* room again */
    assert_true(match_put(match, MATCH_EXACT, bytes_text("a"), &things[3]));
    assert_false(match_put(match, MATCH_EXACT, bytes_text("b"), &things[4]));
    assert_false(match_put(match, MATCH_PREFIX, bytes_text("b"), &things[4]));
    assert_null(match_get(match, MATCH_EXACT, bytes_text("b")));
    twins_fini(&twins);
}

/* Row 101's sizes: the largest that are valid work, one more is refused. */
static void the_longest_uris_and_the_most_components_work(void **state)
{
    (void)state;
    struct twins twins;
    uint8_t text[URI_OCTETS_MAX + 1];
    twins_init(&twins, wide);
    memset(text, 'a', sizeof text);
    for (unsigned kind = 0; kind < MATCH_KINDS; kind++) {
        enum match_kind as = (enum match_kind)kind;
        assert_true(match_put(twins.match, as, bytes_make(text, URI_OCTETS_MAX), &things[kind]));
        assert_false(match_put(twins.match, as, bytes_make(text, URI_OCTETS_MAX + 1), &things[9]));
    }
    struct visited got = {.count = 0};
    match_all(twins.match, bytes_make(text, URI_OCTETS_MAX), visit, &got);
    assert_int_equal(got.count, 3);
    got.count = 0;
    match_all(twins.match, bytes_make(text, URI_OCTETS_MAX + 1), visit, &got);
    assert_int_equal(got.count, 1); /* the prefix */
    memset(text, '.', sizeof text);
    struct bytes empties = bytes_make(text, URI_COMPONENTS_MAX - 1);
    assert_true(match_put(twins.match, MATCH_WILDCARD, empties, &things[4]));
    assert_false(
        match_put(twins.match, MATCH_WILDCARD, bytes_make(text, URI_COMPONENTS_MAX), &things[5]));
    for (size_t i = 0; i < sizeof text; i += 2) {
        text[i] = 'b';
    }
    struct bytes most = bytes_make(text, 2 * URI_COMPONENTS_MAX - 1);
    assert_ptr_equal(match_best(twins.match, most, NULL), &things[4]);
    assert_null(match_best(twins.match, bytes_make(text, 2 * URI_COMPONENTS_MAX + 1), NULL));
    twins_fini(&twins);
}

/* Row 104: whatever is stored, a lookup probes once per shape, and shapes are bounded. */
static void ten_thousand_exploding_patterns_leave_few_shapes(void **state)
{
    (void)state;
    static struct twins twins;
    twins_init(&twins, (struct match_limits){100000, 64, .plain = false});
    struct rng rng;
    rng_init(&rng, seed_get());
    unsigned stored = 0;
    for (unsigned i = 0; i < 10000; i++) { /* twenty components, alternately named and empty */
        char text[64];
        size_t size = 0;
        uint64_t mask = rng_next(&rng);
        for (unsigned k = 0; k < 20; k++) {
            size += (size_t)snprintf(text + size, 4, "%s%s", k == 0 ? "" : ".",
                                     (mask >> k & 1) != 0 ? "a" : "");
        }
        struct bytes pattern = bytes_make(text, size);
        if (match_get(twins.match, MATCH_WILDCARD, pattern) == NULL &&
            match_put(twins.match, MATCH_WILDCARD, pattern, &things[0])) {
            stored++;
        }
    }
    assert_int_equal(stored, 64);
    struct visited got = {.count = 0};
    match_all(twins.match, bytes_text("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"), visit, &got);
    assert_int_equal(got.count, 64);
    twins_fini(&twins);
}

static void refused_memory_at_any_point_changes_nothing(void **state)
{
    (void)state;
    static struct twins twins;
    struct rng rng;
    char text[MODEL_URI_MAX];
    rng_init(&rng, seed_get());
    twins_init(&twins, wide);
    unsigned refused = 0;
    for (unsigned step = 0; step < 3000; step++) {
        struct bytes uri = random_text(&rng, text);
        enum match_kind kind = (enum match_kind)rng_below(&rng, MATCH_KINDS);
        if (!uri_pattern_valid(uri, kind, URI_LOOSE) || match_get(twins.match, kind, uri) != NULL) {
            continue;
        }
        size_t held = twins.mem.bytes_used;
        twins.dry.takes_left = rng_below(&rng, 6);
        if (match_put(twins.match, kind, uri, &things[step % sizeof things])) {
            model_put(&twins.model, kind, uri, &things[step % sizeof things]);
        } else {
            assert_int_equal(twins.mem.bytes_used, held);
            assert_null(match_get(twins.match, kind, uri));
            refused++;
        }
        check_contents(&twins);
        if (twins.model.count == MODEL_ENTRIES_MAX / 2) { /* taking out needs no memory */
            twins.dry.takes_left = 0;
            while (twins.model.count > 0) {
                struct model_entry any = twins.model.entries[rng_below(&rng, twins.model.count)];
                struct bytes gone = bytes_make(any.uri, any.size);
                (void)model_take(&twins.model, any.kind, gone);
                assert_ptr_equal(match_take(twins.match, any.kind, gone), any.value);
                check_contents(&twins);
            }
        }
    }
    assert_true(refused > 100);
    twins_fini(&twins);
}

static void count_visit(void *context, struct bytes uri, void *value)
{
    struct twins *twins = context;
    size_t next = (size_t)((char *)value - things);
    assert_true(bytes_equal(
        uri, bytes_make(twins->model.entries[next].uri, twins->model.entries[next].size)));
    assert_int_equal(next, twins->dry.bytes++); /* in the order they were put */
}

static void an_empty_match_holds_what_a_new_one_holds_and_each_walks_in_order(void **state)
{
    (void)state;
    static struct twins twins;
    twins_init(&twins, wide);
    size_t held = twins.mem.bytes_used;
    for (unsigned kind = 0; kind < MATCH_KINDS; kind++) {
        for (size_t i = 0; i < 100; i++) {
            char text[16];
            snprintf(text, sizeof text, "a.b%zu", i);
            twins_put(&twins, (enum match_kind)kind, text, &things[i]);
        }
        size_t bytes = twins.dry.bytes;
        twins.dry.bytes = 0; /* lent as a counter */
        match_each(twins.match, (enum match_kind)kind, count_visit, &twins);
        assert_int_equal(twins.dry.bytes, 100);
        twins.dry.bytes = bytes;
        while (twins.model.count > 0) {
            struct model_entry any = twins.model.entries[twins.model.count / 2];
            struct bytes uri = bytes_make(any.uri, any.size);
            (void)model_take(&twins.model, any.kind, uri);
            assert_non_null(match_take(twins.match, any.kind, uri));
        }
        assert_int_equal(twins.mem.bytes_used, held);
    }
    twins_fini(&twins);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_two_small_patterns_match_each_small_uri_as_the_twin_says),
        cmocka_unit_test(all_small_patterns_together_match_as_the_twin_says),
        cmocka_unit_test(random_puts_and_takes_agree_with_the_twin),
        cmocka_unit_test(the_vector_of_a_pbr_5_chooses_as_written),
        cmocka_unit_test(prefixes_are_strings_and_wildcards_are_components),
        cmocka_unit_test(every_matching_subscription_is_visited_once_prefixes_from_short_to_long),
        cmocka_unit_test(broad_patterns_do_not_harvest_wamp),
        cmocka_unit_test(the_number_of_entries_and_of_shapes_is_bounded),
        cmocka_unit_test(the_longest_uris_and_the_most_components_work),
        cmocka_unit_test(ten_thousand_exploding_patterns_leave_few_shapes),
        cmocka_unit_test(refused_memory_at_any_point_changes_nothing),
        cmocka_unit_test(an_empty_match_holds_what_a_new_one_holds_and_each_walks_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
