/* The head of one HTTP request, as far as a WebSocket's opening handshake needs it.
 *
 * Two steps: http_scan looks at every octet as it arrives and knows where the head ends, so that a
 * bound or a trick is seen at its first octet, however the octets were cut; http_parse then takes
 * the whole head apart (by llhttp, strict). Called by transport on its worker; owns nothing: a
 * request's views are into the head. Bounded by the numbers below. A peer's fault is the negative
 * of the HTTP status that answers it. */
#ifndef CLOS_HTTP_H
#define CLOS_HTTP_H

#include "common/bytes.h"

enum {
    HTTP_HEAD_BYTES_MAX = 8192,
    HTTP_LINE_BYTES_MAX = 4096,
    HTTP_FIELDS_MAX = 64,
};

enum http_status {
    HTTP_SWITCHING = 101,
    HTTP_BAD_REQUEST = 400,
    HTTP_FORBIDDEN = 403,
    HTTP_NOT_FOUND = 404,
    HTTP_METHOD_NOT_ALLOWED = 405,
    HTTP_UPGRADE_REQUIRED = 426,
    HTTP_HEAD_TOO_LARGE = 431,
    HTTP_UNAVAILABLE = 503,
};

/* Where the scan stands; all zero at the start. */
struct http_scan {
    uint16_t size; /* octets seen */
    uint16_t line; /* of them in this line */
    uint8_t lines; /* whole ones */
    bool after_cr;
};

struct http_field {
    struct bytes name;
    struct bytes value; /* without white space around it */
};

struct http_request {
    struct bytes path; /* without the query */
    struct http_field fields[HTTP_FIELDS_MAX];
    unsigned fields_count;
};

/* 1: the head ends after the first *taken of these octets; 0: all were taken, more is needed;
 * negative: refuse with that status. */
int http_scan(struct http_scan *scan, struct bytes octets, size_t *taken);

/* head is one that http_scan passed. 1, or the negative status: only a GET by HTTP/1.1 with one
 * Host, no body and clean fields is good. */
int http_parse(struct bytes head, struct http_request *request);

/* The value of a field that may come once. How often it came: 0, 1, 2 (or more). */
unsigned http_field_once(const struct http_request *request, const char *name, struct bytes *value);

/* True if a field of that name lists the token; both without regard to case. */
bool http_field_lists(const struct http_request *request, const char *name, const char *token);

/* Walks the elements of all fields of a name, in order: cursor all zero at the start. */
struct http_cursor {
    unsigned field;
    size_t offset;
};
bool http_element_next(const struct http_request *request, const char *name,
                       struct http_cursor *cursor, struct bytes *element);

/* Equal without regard to the case of ASCII letters. */
bool http_text_equal(struct bytes a, struct bytes b);

#endif
