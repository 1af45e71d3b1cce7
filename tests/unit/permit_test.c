/* Rules to yes or no: the ranking, and that a pattern never gives more than its URIs one by one. */
#include "router/permit.h"

#include "common/rng.h"
#include "tests/lib/dry.h"
#include "tests/lib/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const uint8_t hash_key[16] = {1, 2, 3};

struct fixture {
    struct dry dry;
    struct mem mem;
    struct role_settings role;
    struct permit *permit;
};

static void fixture_init(struct fixture *fixture, const struct permission_settings *rules,
                         size_t count)
{
    dry_mem_init(&fixture->mem, &fixture->dry, SIZE_MAX);
    fixture->role = (struct role_settings){"role", rules, count};
    fixture->permit = permit_new(&fixture->mem, &fixture->role, hash_key);
    assert_non_null(fixture->permit);
}

static void fixture_fini(struct fixture *fixture)
{
    permit_free(fixture->permit);
    dry_mem_fini(&fixture->mem, &fixture->dry);
}

static bool ask(const struct fixture *fixture, enum action action, const char *uri)
{
    return permit_allows(fixture->permit, action, bytes_text(uri));
}

static bool ask_pattern(const struct fixture *fixture, enum match_kind kind, const char *uri)
{
    return permit_allows_pattern(fixture->permit, ACTION_SUBSCRIBE, kind, bytes_text(uri));
}

static void the_most_specific_rule_decides_alone(void **state)
{
    (void)state;
    static const struct permission_settings rules[] = {
        {"", MATCH_PREFIX, ACTION_CALL},
        {"com.", MATCH_PREFIX, ACTION_PUBLISH},
        {"com..x", MATCH_WILDCARD, ACTION_REGISTER}, /* never: a prefix matches as well */
        {"com.app", MATCH_EXACT, ACTION_SUBSCRIBE},
    };
    struct fixture f;
    fixture_init(&f, rules, array_count(rules));
    assert_true(ask(&f, ACTION_CALL, "org.x"));
    assert_true(ask(&f, ACTION_CALL, "wamp.session.count"));
    assert_true(ask(&f, ACTION_CALL, "com"));
    assert_false(ask(&f, ACTION_CALL, "com.a"));
    assert_true(ask(&f, ACTION_PUBLISH, "com.a"));
    assert_false(ask(&f, ACTION_REGISTER, "com.a.x"));
    assert_false(ask(&f, ACTION_PUBLISH, "com.app"));
    assert_true(ask(&f, ACTION_SUBSCRIBE, "com.app"));
    fixture_fini(&f);
}

static void wildcard_rules_rank_by_their_first_runs(void **state)
{
    (void)state;
    static const struct permission_settings rules[] = {
        {".b.c", MATCH_WILDCARD, ACTION_CALL},
        {"a..", MATCH_WILDCARD, ACTION_PUBLISH},
        {"a..c", MATCH_WILDCARD, ACTION_SUBSCRIBE},
    };
    struct fixture f;
    fixture_init(&f, rules, array_count(rules));
    assert_true(ask(&f, ACTION_SUBSCRIBE, "a.b.c"));
    assert_false(ask(&f, ACTION_CALL, "a.b.c"));
    assert_true(ask(&f, ACTION_PUBLISH, "a.b.d"));
    assert_true(ask(&f, ACTION_CALL, "x.b.c"));
    assert_false(ask(&f, ACTION_CALL, "x.b"));
    fixture_fini(&f);
}

static void no_rule_is_a_no_and_one_rule_for_all_is_a_yes_without_a_match(void **state)
{
    (void)state;
    static const struct permission_settings all[] = {{"", MATCH_PREFIX, ACTION_ALL}};
    struct fixture f;
    fixture_init(&f, NULL, 0);
    assert_false(ask(&f, ACTION_CALL, "a"));
    assert_false(ask_pattern(&f, MATCH_PREFIX, ""));
    fixture_fini(&f);
    fixture_init(&f, all, 1);
    assert_true(f.permit->allows_all);
    assert_true(ask(&f, ACTION_CALL, "a"));
    assert_true(ask_pattern(&f, MATCH_PREFIX, ""));
    assert_true(ask_pattern(&f, MATCH_WILDCARD, ".."));
    fixture_fini(&f);
}

static void of_two_rules_with_one_uri_the_later_decides(void **state)
{
    (void)state;
    static const struct permission_settings rules[] = {
        {"a", MATCH_PREFIX, ACTION_ALL},
        {"a", MATCH_PREFIX, ACTION_SUBSCRIBE},
        {"a.b", MATCH_EXACT, 0},
        {"a.b", MATCH_EXACT, ACTION_ALL},
    };
    struct fixture f;
    fixture_init(&f, rules, array_count(rules));
    assert_false(ask(&f, ACTION_CALL, "a"));
    assert_true(ask(&f, ACTION_SUBSCRIBE, "a.b"));
    assert_true(ask_pattern(&f, MATCH_PREFIX, "a"));
    fixture_fini(&f);
}

/* Rows 103 and 118 of the attack table. */
static void a_broad_pattern_needs_a_rule_that_is_as_broad(void **state)
{
    (void)state;
    static const struct permission_settings rules[] = {
        {"com.app", MATCH_EXACT, ACTION_ALL},
        {"com.app.", MATCH_PREFIX, ACTION_ALL},
        {"com.app.secret", MATCH_PREFIX, ACTION_CALL},
        {"org..x", MATCH_WILDCARD, ACTION_ALL},
    };
    struct fixture f;
    fixture_init(&f, rules, array_count(rules));
    static const char *const no[] = {"", "w", "com", "com.app", "com.app.", "com.app.secret.a"};
    for (size_t i = 0; i < array_count(no); i++) {
        assert_false(ask_pattern(&f, MATCH_PREFIX, no[i]));
    }
    assert_true(ask_pattern(&f, MATCH_PREFIX, "com.app.open"));
    assert_false(ask_pattern(&f, MATCH_PREFIX, "org.a.x")); /* covers org.a.xy */
    assert_true(ask_pattern(&f, MATCH_WILDCARD, "org..x"));
    assert_true(ask_pattern(&f, MATCH_WILDCARD, "org.a.x"));
    assert_false(ask_pattern(&f, MATCH_WILDCARD, ".."));
    assert_false(ask_pattern(&f, MATCH_WILDCARD, "org.."));
    assert_false(ask_pattern(&f, MATCH_WILDCARD, "com.app."));
    assert_true(ask_pattern(&f, MATCH_WILDCARD, "com.app.a."));
    assert_true(ask_pattern(&f, MATCH_EXACT, "com.app"));
    fixture_fini(&f);
}

/* ---- all small patterns, against the URIs they match */

enum { TEXTS_MAX = 64 };

struct text {
    char at[12];
};

/* Every string of up to three components, each one of alphabet's. */
static size_t all_texts(struct text texts[TEXTS_MAX], const char *const alphabet[], size_t letters)
{
    size_t count = 0;
    for (unsigned components = 1; components <= 3; components++) {
        size_t all = components == 1   ? letters
                     : components == 2 ? letters * letters
                                       : letters * letters * letters;
        for (size_t n = 0; n < all; n++) {
            check(count < TEXTS_MAX);
            size_t rest = n;
            char *to = texts[count++].at;
            for (unsigned i = 0; i < components; i++) {
                to += snprintf(to, 4, "%s%s", i == 0 ? "" : ".", alphabet[rest % letters]);
                rest /= letters;
            }
        }
    }
    return count;
}

static bool pattern_has(enum match_kind kind, struct bytes pattern, struct bytes uri)
{
    if (kind == MATCH_PREFIX) {
        return bytes_start_with(uri, pattern);
    }
    size_t i = 0;
    size_t j = 0;
    for (;;) { /* component by component; an empty one takes any */
        size_t start = i;
        while (i < pattern.size && pattern.at[i] != '.') {
            i++;
        }
        size_t start_uri = j;
        while (j < uri.size && uri.at[j] != '.') {
            j++;
        }
        if (i > start && !bytes_equal(bytes_make(pattern.at + start, i - start),
                                      bytes_make(uri.at + start_uri, j - start_uri))) {
            return false;
        }
        if (i == pattern.size || j == uri.size) {
            return i == pattern.size && j == uri.size;
        }
        i++;
        j++;
    }
}

/* Of all URIs made of a, b and a letter no rule names, in up to four components. */
static bool each_uri_is_allowed(const struct fixture *fixture, enum match_kind kind,
                                struct bytes pattern)
{
    static const char letters[] = "abz";
    for (unsigned components = 1; components <= 4; components++) {
        for (unsigned n = 0; n < 81; n++) {
            char uri[8];
            unsigned rest = n;
            for (unsigned i = 0; i < components; i++) {
                uri[2 * i] = letters[rest % 3];
                uri[2 * i + 1] = '.';
                rest /= 3;
            }
            struct bytes bytes = bytes_make(uri, 2 * components - 1);
            if (pattern_has(kind, pattern, bytes) &&
                !permit_allows(fixture->permit, ACTION_SUBSCRIBE, bytes)) {
                return false;
            }
        }
    }
    return true;
}

static void a_pattern_is_allowed_only_when_all_its_uris_are_and_one_rule_covers_it(void **state)
{
    (void)state;
    static const char *const alphabet[] = {"a", "b", ""};
    struct text texts[TEXTS_MAX];
    size_t count = all_texts(texts, alphabet, 3);
    struct rng rng;
    rng_init(&rng, seed_get());
    unsigned yes = 0;
    for (unsigned round = 0; round < 150; round++) {
        struct permission_settings rules[6];
        size_t rules_count = 1 + rng_below(&rng, array_count(rules));
        for (size_t i = 0; i < rules_count; i++) {
            do {
                rules[i] = (struct permission_settings){
                    texts[rng_below(&rng, count)].at, (enum match_kind)rng_below(&rng, 3),
                    rng_below(&rng, 3) == 0 ? ACTION_CALL : ACTION_ALL};
            } while (!uri_pattern_valid(bytes_text(rules[i].uri), rules[i].match, URI_LOOSE));
        }
        struct fixture f;
        fixture_init(&f, rules, rules_count);
        for (size_t i = 0; i < count; i++) {
            for (unsigned kind = MATCH_PREFIX; kind <= MATCH_WILDCARD; kind++) {
                struct bytes pattern = bytes_text(texts[i].at);
                if (uri_pattern_valid(pattern, (enum match_kind)kind, URI_LOOSE) &&
                    ask_pattern(&f, (enum match_kind)kind, texts[i].at)) {
                    yes++;
                    if (!each_uri_is_allowed(&f, (enum match_kind)kind, pattern)) {
                        fail_msg("round %u, kind %u, pattern '%s'", round, kind, texts[i].at);
                    }
                }
            }
        }
        fixture_fini(&f);
    }
    assert_true(yes > 1000);
}

static void a_single_rule_allows_exactly_the_patterns_it_covers(void **state)
{
    (void)state;
    static const char *const alphabet[] = {"a", "b", ""};
    struct text texts[TEXTS_MAX];
    size_t count = all_texts(texts, alphabet, 3);
    for (size_t r = 0; r < count; r++) {
        for (unsigned n = 0; n < 3 * 2 * count; n++) {
            enum match_kind rule_kind = (enum match_kind)(n % 3);
            enum match_kind kind = n / 3 % 2 == 0 ? MATCH_PREFIX : MATCH_WILDCARD;
            const char *text = texts[n / 6].at;
            struct permission_settings rule = {texts[r].at, rule_kind, ACTION_SUBSCRIBE};
            if (!uri_pattern_valid(bytes_text(rule.uri), rule_kind, URI_LOOSE) ||
                !uri_pattern_valid(bytes_text(text), kind, URI_LOOSE)) {
                continue;
            }
            struct fixture f;
            fixture_init(&f, &rule, 1);
            bool covers = each_uri_is_allowed(&f, kind, bytes_text(text));
            assert_int_equal(ask_pattern(&f, kind, text), covers);
            fixture_fini(&f);
        }
    }
}

static void a_weaker_rule_inside_a_pattern_does_not_take_it_away(void **state)
{
    (void)state;
    static const struct permission_settings rules[] = {
        {"a.", MATCH_PREFIX, ACTION_ALL},
        {"a.b", MATCH_WILDCARD, ACTION_CALL}, /* weaker: the prefix decides a.b */
        {"b..", MATCH_WILDCARD, ACTION_ALL},
        {"..b", MATCH_WILDCARD, ACTION_CALL}, /* weaker: its first run is shorter */
        {"c..", MATCH_WILDCARD, ACTION_ALL},
        {"c.d.", MATCH_WILDCARD, ACTION_CALL}, /* stronger, for a part of c.. */
    };
    struct fixture f;
    fixture_init(&f, rules, array_count(rules));
    assert_true(ask_pattern(&f, MATCH_WILDCARD, "a."));
    assert_true(ask_pattern(&f, MATCH_WILDCARD, "b.."));
    assert_false(ask_pattern(&f, MATCH_WILDCARD, "c.."));
    assert_true(ask_pattern(&f, MATCH_WILDCARD, "c.e."));
    fixture_fini(&f);
}

static void refused_memory_refuses_the_permit_and_leaves_nothing_behind(void **state)
{
    (void)state;
    static const struct permission_settings rules[] = {
        {"com.", MATCH_PREFIX, ACTION_ALL},
        {"com.a", MATCH_EXACT, ACTION_ALL},
        {"com..b", MATCH_WILDCARD, ACTION_ALL},
    };
    struct role_settings role = {"role", rules, array_count(rules)};
    struct permit *permit = NULL;
    for (uint64_t takes = 0; permit == NULL; takes++) {
        assert_true(takes < 100);
        struct dry dry;
        struct mem mem;
        dry_mem_init(&mem, &dry, SIZE_MAX);
        dry.takes_left = takes;
        permit = permit_new(&mem, &role, hash_key);
        permit_free(permit);
        dry_mem_fini(&mem, &dry);
    }
    permit_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_specific_rule_decides_alone),
        cmocka_unit_test(wildcard_rules_rank_by_their_first_runs),
        cmocka_unit_test(no_rule_is_a_no_and_one_rule_for_all_is_a_yes_without_a_match),
        cmocka_unit_test(of_two_rules_with_one_uri_the_later_decides),
        cmocka_unit_test(a_broad_pattern_needs_a_rule_that_is_as_broad),
        cmocka_unit_test(a_pattern_is_allowed_only_when_all_its_uris_are_and_one_rule_covers_it),
        cmocka_unit_test(a_single_rule_allows_exactly_the_patterns_it_covers),
        cmocka_unit_test(a_weaker_rule_inside_a_pattern_does_not_take_it_away),
        cmocka_unit_test(refused_memory_refuses_the_permit_and_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
