/* URI rules (WAMP, URIs; B-URI-1 to 7). Pure, stateless. */
#ifndef CLOS_URI_H
#define CLOS_URI_H

#include "common/match.h"

enum { URI_OCTETS_MAX = 1024, URI_COMPONENTS_MAX = 128 };

enum uri_check {
    URI_LOOSE,  /* no white space (Unicode), '#', control characters or NUL; valid UTF-8 */
    URI_STRICT, /* components of [0-9a-z_] only */
};

/* A URI to be published to, called, or named as realm, error or reason: no empty component. */
bool uri_valid(struct bytes uri, enum uri_check rule);

/* A pattern for SUBSCRIBE or REGISTER: exact has no empty component, the last may be empty with
 * prefix, any may be empty with wildcard; the empty string is a prefix pattern, and a wildcard of
 * one empty component. */
bool uri_pattern_valid(struct bytes uri, enum match_kind kind, enum uri_check rule);

/* First component is "wamp": reserved for the router (B-URI-5). */
bool uri_reserved(struct bytes uri);

/* authid, authrole: one component. */
bool uri_name_valid(struct bytes name, enum uri_check rule);

#endif
