/* A realm by name, the home of a pattern, and the cache of matches (route.h). */
#include "router/realm.h"

#include "tests/lib/dry.h"
#include "tests/lib/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct scene scene;

static void a_realm_is_found_by_its_whole_name_where_the_listener_opens_it(void **state)
{
    (void)state;
    static const char *const names[] = {"other", "realm1", NULL};
    static const char *const without[] = {"other", NULL};
    scene_init(&scene, 1, NULL);
    struct core *core = &scene.stage.cores[0];
    struct listener_settings listener = scene.stage.listener;
    assert_ptr_equal(realm_find(core, &listener, bytes_text("realm1")), &core->realms[0]);
    assert_null(realm_find(core, &listener, bytes_text("realm")));
    assert_null(realm_find(core, &listener, bytes_text("realm11")));
    assert_null(realm_find(core, &listener, bytes_text("")));
    listener.realms = names;
    assert_non_null(realm_find(core, &listener, bytes_text("realm1")));
    listener.realms = without;
    assert_null(realm_find(core, &listener, bytes_text("realm1")));
    scene_fini(&scene);
}

static void every_core_knows_the_same_home_and_each_is_one(void **state)
{
    (void)state;
    scene_init(&scene, 4, NULL);
    unsigned homes[4] = {0};
    for (unsigned i = 0; i < 400; i++) {
        char uri[32];
        snprintf(uri, sizeof uri, "p.n%u", i);
        place_id home = realm_home(&scene.stage.cores[0].realms[0], MATCH_EXACT, bytes_text(uri));
        assert_true(home < 4);
        homes[home]++;
        for (unsigned k = 1; k < 4; k++) {
            assert_int_equal(
                home, realm_home(&scene.stage.cores[k].realms[0], MATCH_EXACT, bytes_text(uri)));
        }
    }
    for (unsigned k = 0; k < 4; k++) {
        assert_true(homes[k] > 50);
    }
    scene_fini(&scene);
}

static void a_route_is_found_again_until_all_are_forgotten(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    struct route_cache cache;
    int things[5];
    void *values[5] = {&things[0], &things[1], &things[2], &things[3], &things[4]};
    uint8_t name[ROUTE_URI_BYTES + 1];
    memset(name, 'x', sizeof name);
    struct bytes fits = bytes_make(name, ROUTE_URI_BYTES);
    struct bytes longer = bytes_make(name, ROUTE_URI_BYTES + 1);
    dry_mem_init(&mem, &dry, SIZE_MAX / 2);
    route_init(&cache, &mem);
    assert_null(route_find(&cache, fits));
    route_keep(&cache, longer, values, 1); /* not kept, and no memory for it */
    route_keep(&cache, fits, values, ROUTE_VALUES + 1);
    assert_int_equal(dry.objects, 0);
    route_keep(&cache, fits, values, ROUTE_VALUES);
    const struct route *route = route_find(&cache, fits);
    assert_non_null(route);
    assert_int_equal(route->count, ROUTE_VALUES);
    assert_memory_equal(route->values, values, ROUTE_VALUES * sizeof *values);
    assert_null(route_find(&cache, longer));
    assert_null(route_find(&cache, bytes_make(name, ROUTE_URI_BYTES - 1)));
    route_keep(&cache, bytes_text("a"), values, 0); /* nobody is an answer, too */
    assert_int_equal(route_find(&cache, bytes_text("a"))->count, 0);
    route_forget(&cache);
    assert_null(route_find(&cache, fits));
    assert_null(route_find(&cache, bytes_text("a")));
    route_fini(&cache);
    dry_mem_fini(&mem, &dry);
}

static void a_generation_that_wraps_makes_no_old_route_fresh(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    struct route_cache cache;
    void *value = &dry;
    dry_mem_init(&mem, &dry, SIZE_MAX / 2);
    route_init(&cache, &mem);
    route_keep(&cache, bytes_text("a"), &value, 1); /* of generation 1 */
    cache.generation = UINT32_MAX;
    route_forget(&cache);
    assert_int_equal(cache.generation, 1);
    assert_null(route_find(&cache, bytes_text("a")));
    assert_null(route_find(&cache, bytes_text("b"))); /* empty slots are never fresh */
    route_keep(&cache, bytes_text("a"), &value, 1);
    assert_non_null(route_find(&cache, bytes_text("a")));
    route_fini(&cache);
    dry_mem_fini(&mem, &dry);
}

static void without_memory_nothing_is_kept(void **state)
{
    (void)state;
    struct dry dry;
    struct mem mem;
    struct route_cache cache;
    void *value = &dry;
    dry_mem_init(&mem, &dry, SIZE_MAX / 2);
    dry.takes_left = 0;
    route_init(&cache, &mem);
    route_keep(&cache, bytes_text("a"), &value, 1);
    assert_null(route_find(&cache, bytes_text("a")));
    route_fini(&cache);
    dry_mem_fini(&mem, &dry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_realm_is_found_by_its_whole_name_where_the_listener_opens_it),
        cmocka_unit_test(every_core_knows_the_same_home_and_each_is_one),
        cmocka_unit_test(a_route_is_found_again_until_all_are_forgotten),
        cmocka_unit_test(a_generation_that_wraps_makes_no_old_route_fresh),
        cmocka_unit_test(without_memory_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
