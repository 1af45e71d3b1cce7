/* JSON text held against a pattern, as conversations need it.
 *
 * A pattern is JSON in which also may stand, outside of strings: * any value; $name a variable
 * (bound by its first match to the text of the value, equal to it from then on); ~N a string of N
 * times "x"; ... as the last of a list or dict: further entries may follow. Numbers are equal as
 * text, or as doubles if both are written with a point or an exponent. No tree is built. Test code,
 * one thread; fails by answering false. */
#ifndef CLOS_TESTS_TALK_JSON_H
#define CLOS_TESTS_TALK_JSON_H

#include "common/base.h"

enum { TALK_VARIABLES = 64, TALK_NAME = 24, TALK_VALUE = 512 };

struct talk_variable {
    char name[TALK_NAME];
    char value[TALK_VALUE]; /* JSON text */
};

struct talk_variables {
    struct talk_variable each[TALK_VARIABLES];
    unsigned count;
};

/* NULL: not bound. */
const char *talk_variable_get(const struct talk_variables *variables, const char *name);
void talk_variable_set(struct talk_variables *variables, const char *name, const char *value);

/* Binds variables only when all of it matches. */
bool talk_match(const char *pattern, const char *json, struct talk_variables *variables);

/* The text with its variables and ~N replaced; the caller frees it. NULL: a variable is not bound.
 */
char *talk_expand(const char *text, const struct talk_variables *variables);

#endif
