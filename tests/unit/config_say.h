/* For the tests of the configuration: load a text, compare all that was said about it. One thread;
 * the settings and the words last until the next load, the settings are the test's to free. */
#ifndef CLOS_CONFIG_SAY_H
#define CLOS_CONFIG_SAY_H

#include "router/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define REALMS "realms: [{name: realm1, roles: [{name: a}]}]\n"

static struct config config;
static char said[32 * 1024];

static inline int load(const char *text, enum config_syntax syntax)
{
    memset(said, 0, sizeof(said));
    FILE *errors = fmemopen(said, sizeof(said), "w");
    assert_non_null(errors);
    int result = config_load_text("f", bytes_text(text), syntax, &config, errors);
    fclose(errors);
    return result;
}

static inline void check_loads(const char *text, enum config_syntax syntax)
{
    int result = load(text, syntax);
    assert_string_equal(said, "");
    assert_int_equal(result, 0);
}

static inline void check_says(const char *text, enum config_syntax syntax, const char *wanted)
{
    int result = load(text, syntax);
    assert_string_equal(said, wanted);
    assert_int_equal(result, CONFIG_BAD);
    assert_null(config.arena.chunks);
}

#define YAML_SAYS(text, wanted) check_says(text, CONFIG_YAML, wanted)
#define JSON_SAYS(text, wanted) check_says(text, CONFIG_JSON, wanted)

#endif
