/* Unix sockets as files: who may connect, and what may stand in their place. */
#include "router/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char folder[64];
    char path[96];
    struct listener_settings settings;
    char words[LISTENER_WORDS];
};

static void place_init(struct place *place)
{
    memset(place, 0, sizeof *place);
    snprintf(place->folder, sizeof place->folder, "/tmp/clos-listener-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof place->path, "%s/clos.sock", place->folder);
    place->settings = (struct listener_settings){
        .endpoint = place->path, .is_unix = true, .path = place->path, .backlog = 16};
}

static void place_fini(struct place *place)
{
    unlink(place->path);
    assert_int_equal(rmdir(place->folder), 0);
}

/* proves B-SEC-1 */
static void a_unix_socket_is_for_whom_the_umask_leaves_it(void **state)
{
    (void)state;
    static const mode_t masks[] = {0077, 0007, 0027};
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        struct place place;
        struct stat found;
        place_init(&place);
        mode_t before = umask(masks[i]);
        int fd = listener_open_unix(&place.settings, place.words);
        umask(before);
        assert_true(fd >= 0);
        assert_int_equal(lstat(place.path, &found), 0);
        assert_true(S_ISSOCK(found.st_mode));
        assert_int_equal(found.st_mode & 0777 & masks[i], 0);
        close(fd);
        place_fini(&place);
    }
}

static void a_file_in_its_place_is_left_alone(void **state)
{
    (void)state;
    struct place place;
    struct stat found;
    place_init(&place);
    FILE *file = fopen(place.path, "w");
    assert_non_null(file);
    fclose(file);
    assert_true(listener_open_unix(&place.settings, place.words) < 0);
    assert_non_null(strstr(place.words, "not a socket"));
    assert_int_equal(lstat(place.path, &found), 0);
    assert_true(S_ISREG(found.st_mode));
    place_fini(&place);
}

static void a_socket_that_is_in_use_is_left_alone_and_a_stale_one_is_replaced(void **state)
{
    (void)state;
    struct place place;
    place_init(&place);
    int first = listener_open_unix(&place.settings, place.words);
    assert_true(first >= 0);
    assert_true(listener_open_unix(&place.settings, place.words) < 0);
    close(first);
    int second = listener_open_unix(&place.settings, place.words);
    assert_true(second >= 0);
    close(second);
    place_fini(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unix_socket_is_for_whom_the_umask_leaves_it),
        cmocka_unit_test(a_file_in_its_place_is_left_alone),
        cmocka_unit_test(a_socket_that_is_in_use_is_left_alone_and_a_stale_one_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
