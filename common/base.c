#include "common/base.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local const char *context_what;
static _Thread_local uint64_t context_number;

void check_context(const char *what, uint64_t number)
{
    context_what = what;
    context_number = number;
}

void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "clos: bug: check(%s) failed at %s:%d", condition, file, line);
    if (context_what != NULL) {
        fprintf(stderr, " during %s %llu", context_what, (unsigned long long)context_number);
    }
    fprintf(stderr, "\n");
    abort();
}
