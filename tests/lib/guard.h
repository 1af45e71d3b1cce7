/* Input that ends right before an unreadable page, so that one octet read too far ends the test.
 *
 * A test makes one guard, copies each input to its end and frees it; one thread. Bounded by the
 * size named at guard_init. Fails by check(). */
#ifndef CLOS_TESTS_GUARD_H
#define CLOS_TESTS_GUARD_H

#include "common/bytes.h"

struct guard {
    uint8_t *at;   /* first octet that may be used */
    uint8_t *end;  /* the unreadable page starts here */
    size_t mapped; /* octets of the mapping, that page included */
};

void guard_init(struct guard *guard, size_t size_max);
void guard_fini(struct guard *guard);

/* Copies input so that it ends where the unreadable page starts; dies with the next copy. */
struct bytes guard_copy(struct guard *guard, struct bytes input);

#endif
