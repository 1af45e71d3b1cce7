/* A WAMP message that a router sent, as tests look at it: flat, from JSON text. */
#ifndef CLOS_TESTS_PARSE_H
#define CLOS_TESTS_PARSE_H

#include "common/base.h"

enum { PARSED_ELEMENTS = 8, PARSED_TEXT = 128, PARSED_ARGS = 4 };

struct parsed {
    unsigned count;                          /* of elements */
    uint64_t number[PARSED_ELEMENTS];        /* of an element that is an unsigned integer, else 0 */
    char text[PARSED_ELEMENTS][PARSED_TEXT]; /* of one that is a string, else "" */
    int args_at;         /* index of the first element that is a list; -1: none */
    unsigned args_count; /* unsigned integers at the front of that list */
    uint64_t args[PARSED_ARGS];
};

/* false: not a message. */
bool parse_message(const char *json, struct parsed *parsed);

#endif
