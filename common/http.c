/* The scan is ours, since llhttp forgives what smuggling lives on (bare line feeds, folded lines,
 * blanks in names); llhttp then cuts the head into method, target and fields in one run over
 * octets that stand still, so its parser lives on the stack and no request holds one. */
#include "common/http.h"

#include <llhttp.h>

int http_scan(struct http_scan *scan, struct bytes octets, size_t *taken)
{
    for (size_t i = 0; i < octets.size; i++) {
        uint8_t octet = octets.at[i];
        if (scan->size == HTTP_HEAD_BYTES_MAX) {
            return -HTTP_HEAD_TOO_LARGE;
        }
        scan->size++;
        if (scan->after_cr) {
            if (octet != '\n' || (scan->line == 0 && scan->lines == 0)) {
                return -HTTP_BAD_REQUEST;
            }
            scan->after_cr = false;
            if (scan->line == 0) {
                *taken = i + 1;
                return 1;
            }
            scan->lines++;
            scan->line = 0;
            continue;
        }
        if (octet == '\r') {
            scan->after_cr = true;
            continue;
        }
        if ((octet < ' ' && octet != '\t') || octet == 0x7F) {
            return -HTTP_BAD_REQUEST;
        }
        if (scan->line == 0 && (octet == ' ' || octet == '\t')) {
            return -HTTP_BAD_REQUEST; /* a folded line */
        }
        if ((scan->line == 0 && scan->lines > HTTP_FIELDS_MAX) ||
            scan->line == HTTP_LINE_BYTES_MAX) {
            return -HTTP_HEAD_TOO_LARGE;
        }
        scan->line++;
    }
    *taken = octets.size;
    return 0;
}

/* ---- llhttp's events, gathered into the request */

struct http_events {
    struct http_request *request;
    struct bytes target;
    bool value_done; /* a name that comes now begins the next field */
    bool complete;
};

static void span_extend(struct bytes *span, const char *at, size_t size)
{
    span->at = span->size == 0 ? (const uint8_t *)at : span->at;
    span->size += size;
}

static int on_target(llhttp_t *parser, const char *at, size_t size)
{
    struct http_events *events = parser->data;
    span_extend(&events->target, at, size);
    return HPE_OK;
}

static int on_name(llhttp_t *parser, const char *at, size_t size)
{
    struct http_events *events = parser->data;
    struct http_request *request = events->request;
    if (request->fields_count == 0 || events->value_done) {
        if (request->fields_count == HTTP_FIELDS_MAX) {
            return HPE_USER;
        }
        request->fields[request->fields_count++] = (struct http_field){0};
        events->value_done = false;
    }
    span_extend(&request->fields[request->fields_count - 1].name, at, size);
    return HPE_OK;
}

static int on_value(llhttp_t *parser, const char *at, size_t size)
{
    struct http_events *events = parser->data;
    struct http_request *request = events->request;
    if (request->fields_count == 0) {
        return HPE_USER;
    }
    span_extend(&request->fields[request->fields_count - 1].value, at, size);
    return HPE_OK;
}

static int on_value_complete(llhttp_t *parser)
{
    struct http_events *events = parser->data;
    events->value_done = true;
    return HPE_OK;
}

static int on_head(llhttp_t *parser)
{
    struct http_events *events = parser->data;
    events->complete = true;
    return HPE_PAUSED; /* whatever stands behind the head is not HTTP's */
}

/* ---- what is a good request */

static bool is_token_octet(uint8_t octet)
{
    bool letter = (octet | 0x20) >= 'a' && (octet | 0x20) <= 'z';
    bool digit = octet >= '0' && octet <= '9';
    return letter || digit || (octet != 0 && strchr("!#$%&'*+-.^_`|~", octet) != NULL);
}

static bool is_token(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_token_octet(text.at[i])) {
            return false;
        }
    }
    return text.size > 0;
}

static struct bytes trim(struct bytes text)
{
    while (text.size > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text = bytes_from(text, 1);
    }
    while (text.size > 0 && (text.at[text.size - 1] == ' ' || text.at[text.size - 1] == '\t')) {
        text.size--;
    }
    return text;
}

static struct bytes until(struct bytes text, uint8_t octet)
{
    const uint8_t *at = text.size == 0 ? NULL : memchr(text.at, octet, text.size);
    return at == NULL ? text : bytes_make(text.at, (size_t)(at - text.at));
}

/* The first line by hand: it says which refusal a method or version deserves, and llhttp knows
 * more methods and versions than HTTP has. */
static int line_judge(struct bytes head)
{
    struct bytes line = until(head, '\r');
    struct bytes method = until(line, ' ');
    if (!is_token(method) || method.size == line.size) {
        return -HTTP_BAD_REQUEST;
    }
    struct bytes rest = bytes_from(line, method.size + 1);
    struct bytes target = until(rest, ' ');
    for (size_t i = 0; i < target.size; i++) {
        if (target.at[i] <= ' ' || target.at[i] >= 0x7F || target.at[i] == '#') {
            return -HTTP_BAD_REQUEST;
        }
    }
    if (target.size == 0 || target.size == rest.size) {
        return -HTTP_BAD_REQUEST;
    }
    if (!bytes_equal_text(method, "GET")) {
        return -HTTP_METHOD_NOT_ALLOWED;
    }
    return bytes_equal_text(bytes_from(rest, target.size), " HTTP/1.1") ? 1 : -HTTP_BAD_REQUEST;
}

/* "/path?query", or the absolute form that proxies use: its path. */
static bool target_path(struct bytes target, struct bytes *path)
{
    static const char *const schemes[] = {"http://", "https://", "ws://", "wss://"};
    target = until(target, '?');
    for (size_t i = 0; i < array_count(schemes); i++) {
        struct bytes scheme = bytes_text(schemes[i]);
        if (target.size > scheme.size &&
            http_text_equal(bytes_make(target.at, scheme.size), scheme)) {
            target = bytes_from(target, scheme.size);
            target = bytes_from(target, until(target, '/').size);
            *path = target.size == 0 ? BYTES_LITERAL("/") : target;
            return true;
        }
    }
    *path = target;
    return target.size > 0 && target.at[0] == '/';
}

static int fields_judge(const struct http_request *request)
{
    struct bytes value;
    for (unsigned i = 0; i < request->fields_count; i++) {
        if (!is_token(request->fields[i].name)) {
            return -HTTP_BAD_REQUEST;
        }
    }
    if (http_field_once(request, "content-length", &value) != 0 ||
        http_field_once(request, "transfer-encoding", &value) != 0) {
        return -HTTP_BAD_REQUEST; /* a GET for a WebSocket has no body, not even an empty one */
    }
    if (http_field_once(request, "host", &value) != 1 || value.size == 0) {
        return -HTTP_BAD_REQUEST;
    }
    return 1;
}

int http_parse(struct bytes head, struct http_request *request)
{
    request->fields_count = 0;
    int result = line_judge(head);
    if (result < 0) {
        return result;
    }
    llhttp_settings_t settings = {
        .on_url = on_target,
        .on_header_field = on_name,
        .on_header_value = on_value,
        .on_header_value_complete = on_value_complete,
        .on_headers_complete = on_head,
    };
    struct http_events events = {.request = request};
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &events;
    (void)llhttp_execute(&parser, (const char *)head.at, head.size);
    if (!events.complete || !target_path(events.target, &request->path)) {
        return -HTTP_BAD_REQUEST;
    }
    for (unsigned i = 0; i < request->fields_count; i++) {
        request->fields[i].value = trim(request->fields[i].value);
    }
    return fields_judge(request);
}

/* ---- fields */

static uint8_t lower(uint8_t octet)
{
    return octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet;
}

bool http_text_equal(struct bytes a, struct bytes b)
{
    if (a.size != b.size) {
        return false;
    }
    for (size_t i = 0; i < a.size; i++) {
        if (lower(a.at[i]) != lower(b.at[i])) {
            return false;
        }
    }
    return true;
}

unsigned http_field_once(const struct http_request *request, const char *name, struct bytes *value)
{
    unsigned count = 0;
    for (unsigned i = 0; i < request->fields_count && count < 2; i++) {
        if (http_text_equal(request->fields[i].name, bytes_text(name))) {
            *value = request->fields[i].value;
            count++;
        }
    }
    return count;
}

bool http_element_next(const struct http_request *request, const char *name,
                       struct http_cursor *cursor, struct bytes *element)
{
    for (; cursor->field < request->fields_count; cursor->field++, cursor->offset = 0) {
        const struct http_field *field = &request->fields[cursor->field];
        if (!http_text_equal(field->name, bytes_text(name))) {
            continue;
        }
        while (cursor->offset < field->value.size) {
            struct bytes part = until(bytes_from(field->value, cursor->offset), ',');
            cursor->offset = size_min(cursor->offset + part.size + 1, field->value.size);
            *element = trim(part);
            if (element->size > 0) {
                return true;
            }
        }
    }
    return false;
}

bool http_field_lists(const struct http_request *request, const char *name, const char *token)
{
    struct http_cursor cursor = {0};
    struct bytes element;
    while (http_element_next(request, name, &cursor, &element)) {
        if (http_text_equal(element, bytes_text(token))) {
            return true;
        }
    }
    return false;
}
