#include "client/url.h"

/* The scheme says framing and security; what follows is an authority and a path, or a socket's
 * path. Whatever could end a line of an HTTP head is refused here, once. */

struct scheme {
    const char *text;
    enum framing framing;
    bool tls;
    bool is_unix;
    uint16_t port; /* 0: must be said */
};

static const struct scheme schemes[] = {
    {"ws+unix://", FRAMING_WEBSOCKET, false, true, 0},
    {"ws://", FRAMING_WEBSOCKET, false, false, 80},
    {"wss://", FRAMING_WEBSOCKET, true, false, 443},
    {"rs://unix:", FRAMING_RAWSOCKET, false, true, 0},
    {"rs:///", FRAMING_RAWSOCKET, false, true, 0},
    {"rs://", FRAMING_RAWSOCKET, false, false, 0},
    {"rss://", FRAMING_RAWSOCKET, true, false, 0},
    {"tcp://", FRAMING_RAWSOCKET, false, false, 0},
    {"tls://", FRAMING_RAWSOCKET, true, false, 0},
    {"unix://", FRAMING_RAWSOCKET, false, true, 0},
    {"unix:", FRAMING_RAWSOCKET, false, true, 0},
};

static bool url_copy(char *to, size_t max, const char *from, size_t size)
{
    if (size > max) {
        return false;
    }
    memcpy(to, from, size);
    to[size] = '\0';
    return true;
}

static const char *url_parse_unix(const char *rest, struct url *url)
{
    size_t size = strlen(rest);
    (void)url_copy(url->path, URL_PATH_MAX, "/", 1);
    (void)url_copy(url->host, URL_HOST_MAX, "localhost", 9);
    (void)url_copy(url->authority, URL_HOST_MAX, "localhost", 9);
    if (url->framing == FRAMING_WEBSOCKET) {
        const char *request = strstr(rest, ":/");
        if (request != NULL) {
            size = (size_t)(request - rest);
            if (!url_copy(url->path, URL_PATH_MAX, request + 1, strlen(request + 1))) {
                return "the path is too long";
            }
        }
    }
    if (size == 0) {
        return "the path of the Unix socket is missing";
    }
    if (!url_copy(url->socket_path, URL_SOCKET_MAX, rest, size)) {
        return "the path of the Unix socket is too long";
    }
    return NULL;
}

static const char *url_parse_port(const char *text, size_t size, uint16_t *port)
{
    uint32_t value = 0;
    if (size == 0 || size > 5) {
        return "the port is not a number from 1 to 65535";
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return "the port is not a number from 1 to 65535";
        }
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    if (value == 0 || value > 65535) {
        return "the port is not a number from 1 to 65535";
    }
    *port = (uint16_t)value;
    return NULL;
}

/* Without brackets a host of IPv6 cannot be told from its port. */
static const char *url_parse_authority(const char *text, size_t size, uint16_t usual,
                                       struct url *url)
{
    const char *host = text;
    size_t host_size = size;
    const char *after = text + size;
    if (size > 0 && text[0] == '[') {
        const char *close = memchr(text, ']', size);
        if (close == NULL) {
            return "the address lacks its closing bracket";
        }
        host = text + 1;
        host_size = (size_t)(close - host);
        after = close + 1;
    } else {
        const char *colon = memchr(text, ':', size);
        if (colon != NULL) {
            host_size = (size_t)(colon - text);
            after = colon;
        }
    }
    if (host_size == 0) {
        return "the host is missing";
    }
    if (memchr(text, '@', size) != NULL) {
        return "a user in the URL is not supported";
    }
    if (!url_copy(url->host, URL_HOST_MAX, host, host_size)) {
        return "the host is too long";
    }
    size_t left = (size_t)(text + size - after);
    url->port = usual;
    if (left > 0) {
        const char *why = after[0] == ':' ? url_parse_port(after + 1, left - 1, &url->port)
                                          : "what follows the address is not a port";
        if (why != NULL) {
            return why;
        }
    }
    if (url->port == 0) {
        return "the port is missing, as in rs://localhost:8080";
    }
    size_t shown = url->port == usual ? (size_t)(after - text) : size;
    return url_copy(url->authority, sizeof url->authority - 1, text, shown)
               ? NULL
               : "the host is too long";
}

static const char *url_parse_network(const char *rest, const struct scheme *scheme, struct url *url)
{
    size_t size = strcspn(rest, "/?");
    const char *why = url_parse_authority(rest, size, scheme->port, url);
    if (why != NULL) {
        return why;
    }
    rest += size;
    if (url->framing == FRAMING_RAWSOCKET) {
        return strcmp(rest, "") == 0 || strcmp(rest, "/") == 0 ? NULL : "RawSocket knows no path";
    }
    size_t slash = rest[0] == '/' ? 0 : 1; /* "ws://host?query" asks for "/?query" */
    url->path[0] = '/';
    return url_copy(url->path + slash, URL_PATH_MAX - slash, rest, strlen(rest))
               ? NULL
               : "the path is too long";
}

const char *url_parse(const char *text, struct url *url)
{
    memset(url, 0, sizeof *url);
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || *at == 0x7f) {
            return "white space and control characters do not belong in a URL";
        }
        if (*at == '#') {
            return "a fragment (#) does not belong in a router's URL";
        }
    }
    for (size_t i = 0; i < array_count(schemes); i++) {
        const struct scheme *scheme = &schemes[i];
        size_t size = strlen(scheme->text);
        if (strncmp(text, scheme->text, size) != 0) {
            continue;
        }
        url->framing = scheme->framing;
        url->tls = scheme->tls;
        url->is_unix = scheme->is_unix;
        if (!scheme->is_unix) {
            return url_parse_network(text + size, scheme, url);
        }
        if (text[size - 1] == '/' && strcmp(scheme->text, "rs:///") == 0) {
            size--; /* the third slash is the first of the path */
        }
        return url_parse_unix(text + size, url);
    }
    return "the scheme is none of ws, wss, rs, rss, tcp, tls, unix, ws+unix";
}
