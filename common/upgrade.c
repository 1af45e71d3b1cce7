/* The order of questions: is it HTTP at all, is it this path, is it WebSocket, may this page ask,
 * do we share a subprotocol. The first "no" is the answer. */
#include "common/upgrade.h"

#include "common/crypto.h"

enum { RESPONSE_BYTES_MAX = 1024, KEY_CHARACTERS = 24 };

static const char *const subprotocols[SERIALIZERS] = {
    [SERIALIZER_JSON] = "wamp.2.json",
    [SERIALIZER_MSGPACK] = "wamp.2.msgpack",
    [SERIALIZER_CBOR] = "wamp.2.cbor",
};

/* ---- judge */

static bool path_known(const struct transport_options *options, struct bytes path)
{
    for (const char *const *known = options->paths; *known != NULL; known++) {
        if (bytes_equal_text(path, *known)) {
            return true;
        }
    }
    return false;
}

/* 16 octets are 22 base64 characters and two "="; the last character's spare bits may be any. */
static bool key_good(struct bytes key)
{
    if (key.size != KEY_CHARACTERS || key.at[22] != '=' || key.at[23] != '=') {
        return false;
    }
    for (size_t i = 0; i < 22; i++) {
        uint8_t c = key.at[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && !(c >= '0' && c <= '9') && c != '+' && c != '/') {
            return false;
        }
    }
    return true;
}

static int websocket_judge(const struct http_request *request)
{
    struct bytes value;
    if (http_field_once(request, "upgrade", &value) == 0) {
        return -HTTP_UPGRADE_REQUIRED;
    }
    if (!http_field_lists(request, "upgrade", "websocket") ||
        !http_field_lists(request, "connection", "upgrade")) {
        return -HTTP_BAD_REQUEST;
    }
    if (http_field_once(request, "sec-websocket-version", &value) != 1) {
        return -HTTP_BAD_REQUEST;
    }
    if (!bytes_equal_text(value, "13")) {
        return -HTTP_UPGRADE_REQUIRED;
    }
    if (http_field_once(request, "sec-websocket-key", &value) != 1 || !key_good(value)) {
        return -HTTP_BAD_REQUEST;
    }
    return 1;
}

static bool host_good(struct bytes host)
{
    bool literal = host.size > 2 && host.at[0] == '[' && host.at[host.size - 1] == ']';
    struct bytes inside = literal ? bytes_make(host.at + 1, host.size - 2) : host;
    for (size_t i = 0; i < inside.size; i++) {
        uint8_t c = inside.at[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool digit = c >= '0' && c <= '9';
        bool other = literal ? c == ':' || c == '.' : c == '-' || c == '.' || c == '_';
        if (!letter && !digit && !other) {
            return false;
        }
    }
    return inside.size > 0;
}

static bool port_parse(struct bytes text, uint16_t *port)
{
    uint32_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || i == 5) {
            return false;
        }
        number = number * 10 + (text.at[i] - '0');
    }
    *port = (uint16_t)number;
    return text.size > 0 && number <= UINT16_MAX;
}

bool origin_parse(struct bytes text, struct origin *origin)
{
    static const struct {
        const char *name;
        uint16_t port;
    } schemes[] = {{"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}};
    size_t at = 0;
    while (at < text.size && text.at[at] != ':') {
        at++;
    }
    origin->scheme = bytes_make(text.at, at);
    if (at == 0 || !bytes_start_with(bytes_from(text, at), BYTES_LITERAL("://"))) {
        return false;
    }
    origin->port = 0;
    for (size_t i = 0; i < array_count(schemes); i++) {
        if (http_text_equal(origin->scheme, bytes_text(schemes[i].name))) {
            origin->port = schemes[i].port;
        }
    }
    struct bytes rest = bytes_from(text, at + 3);
    size_t host = 0;
    bool literal = rest.size > 0 && rest.at[0] == '[';
    while (host < rest.size &&
           (literal ? host == 0 || rest.at[host - 1] != ']' : rest.at[host] != ':')) {
        host++;
    }
    origin->host = bytes_make(rest.at, host);
    rest = bytes_from(rest, host);
    if (rest.size > 0 && (rest.at[0] != ':' || !port_parse(bytes_from(rest, 1), &origin->port))) {
        return false;
    }
    return host_good(origin->host);
}

static bool origin_allowed(const struct transport_options *options, struct bytes text)
{
    if (options->origins == NULL) {
        return true;
    }
    struct origin asked;
    bool parsed = origin_parse(text, &asked);
    for (const char *const *allowed = options->origins; *allowed != NULL; allowed++) {
        struct origin known;
        if (strcmp(*allowed, "*") == 0) {
            return true;
        }
        if (parsed && origin_parse(bytes_text(*allowed), &known) && known.port == asked.port &&
            http_text_equal(known.scheme, asked.scheme) &&
            http_text_equal(known.host, asked.host)) {
            return true;
        }
    }
    return options->origin_null && bytes_equal_text(text, "null");
}

static int origin_judge(const struct transport_options *options, const struct http_request *request)
{
    struct bytes origin;
    unsigned count = http_field_once(request, "origin", &origin);
    if (count > 1) {
        return -HTTP_BAD_REQUEST;
    }
    return count == 0 || origin_allowed(options, origin) ? 1 : -HTTP_FORBIDDEN;
}

/* The client's first offer that we speak. */
static int subprotocol_choose(const struct transport_options *options,
                              const struct http_request *request, struct upgrade *upgrade)
{
    struct http_cursor cursor = {0};
    struct bytes offer;
    while (http_element_next(request, "sec-websocket-protocol", &cursor, &offer)) {
        for (unsigned i = SERIALIZER_JSON; i < SERIALIZERS; i++) {
            if ((options->serializers >> i & 1) != 0 && bytes_equal_text(offer, subprotocols[i])) {
                upgrade->serializer = (enum serializer)i;
                upgrade->subprotocol = subprotocols[i];
                return 1;
            }
        }
    }
    upgrade->serializer = SERIALIZER_JSON;
    upgrade->subprotocol = NULL;
    return options->testee ? 1 : -HTTP_BAD_REQUEST;
}

int upgrade_judge(const struct transport_options *options, struct bytes head,
                  struct upgrade *upgrade)
{
    struct http_request request;
    int result = http_parse(head, &request);
    if (result < 0) {
        return result;
    }
    if (!path_known(options, request.path)) {
        return -HTTP_NOT_FOUND;
    }
    result = websocket_judge(&request);
    if (result > 0) {
        result = origin_judge(options, &request);
    }
    if (result > 0) {
        result = subprotocol_choose(options, &request, upgrade);
    }
    if (result > 0) {
        struct bytes key;
        http_field_once(&request, "sec-websocket-key", &key);
        crypto_websocket_accept(key, upgrade->accept);
    }
    return result;
}

/* ---- answer */

struct text {
    size_t size;
    char at[RESPONSE_BYTES_MAX];
};

static void text_add(struct text *text, const char *more)
{
    size_t size = strlen(more);
    check(size <= sizeof text->at - text->size);
    memcpy(text->at + text->size, more, size);
    text->size += size;
}

static void text_add_number(struct text *text, size_t number)
{
    char digits[21];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text_add(text, digits + at);
}

bool upgrade_accept(const struct upgrade *upgrade, struct outq *out)
{
    struct text text = {0};
    text_add(&text, "HTTP/1.1 101 Switching Protocols\r\n"
                    "Upgrade: websocket\r\n"
                    "Connection: Upgrade\r\n"
                    "Sec-WebSocket-Accept: ");
    text_add(&text, upgrade->accept);
    if (upgrade->subprotocol != NULL) {
        text_add(&text, "\r\nSec-WebSocket-Protocol: ");
        text_add(&text, upgrade->subprotocol);
    }
    text_add(&text, "\r\n\r\n");
    return outq_put(out, text.at, text.size, 0);
}

struct refusal {
    int status;
    const char *line;   /* status line, and header lines of its own */
    const char *reason; /* the body's first sentence */
};

static const struct refusal refusals[] = {
    {HTTP_BAD_REQUEST, "400 Bad Request\r\n",
     "This is not a WebSocket handshake that we can accept."},
    {HTTP_FORBIDDEN, "403 Forbidden\r\n", "Pages of this origin may not connect here."},
    {HTTP_NOT_FOUND, "404 Not Found\r\n", "There is nothing at this path."},
    {HTTP_METHOD_NOT_ALLOWED, "405 Method Not Allowed\r\nAllow: GET\r\n",
     "Only GET is understood here."},
    {HTTP_UPGRADE_REQUIRED,
     "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
     "This is not a web page: connect by WebSocket, version 13."},
    {HTTP_HEAD_TOO_LARGE, "431 Request Header Fields Too Large\r\n",
     "The request's head is too large."},
    {HTTP_UNAVAILABLE, "503 Service Unavailable\r\n", "There are too many connections."},
};

static void body_write(const struct transport_options *options, const struct refusal *refusal,
                       struct text *body)
{
    text_add(body, refusal->reason);
    text_add(body, "\nThis is a WAMP router. It speaks the WebSocket subprotocols");
    const char *before = " ";
    for (unsigned i = SERIALIZER_JSON; i < SERIALIZERS; i++) {
        if ((options->serializers >> i & 1) != 0) {
            text_add(body, before);
            text_add(body, subprotocols[i]);
            before = ", ";
        }
    }
    text_add(body, options->rawsocket ? ", and RawSocket.\n" : ".\n");
}

bool upgrade_refuse(const struct transport_options *options, int status, struct outq *out)
{
    const struct refusal *refusal = refusals;
    while (refusal->status != status) {
        refusal++;
        check(refusal < refusals + array_count(refusals));
    }
    struct text body = {0};
    body_write(options, refusal, &body);
    struct text text = {0};
    text_add(&text, "HTTP/1.1 ");
    text_add(&text, refusal->line);
    text_add(&text, status == HTTP_UPGRADE_REQUIRED ? "Connection: Upgrade, close\r\n"
                                                    : "Connection: close\r\n");
    text_add(&text, "Content-Type: text/plain; charset=utf-8\r\nContent-Length: ");
    text_add_number(&text, body.size);
    text_add(&text, "\r\n\r\n");
    text_add(&text, "");
    check(body.size <= sizeof text.at - text.size);
    memcpy(text.at + text.size, body.at, body.size);
    text.size += body.size;
    return outq_put(out, text.at, text.size, 0);
}
