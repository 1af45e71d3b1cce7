/* UTF-8's dumb twin: decodes by the number of leading ones, then judges the code point.
 *
 * Called by tests and fuzzers, any thread; keeps nothing, one pass, cannot fail. */
#ifndef CLOS_TESTS_UTF8_MODEL_H
#define CLOS_TESTS_UTF8_MODEL_H

#include "common/base.h"

/* The offset of the first octet that no valid text can go on with, or size. *whole: no character
 * is open at the end. */
size_t utf8_model(const uint8_t *at, size_t size, bool *whole);

#endif
