#include "bench/target.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

static const char *target_parse_unix(struct target *target, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        return "the path of the unix socket is too long";
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    memcpy(&target->address, &address, sizeof(address));
    target->address_size = sizeof(address);
    snprintf(target->host, sizeof(target->host), "localhost");
    snprintf(target->path, sizeof(target->path), "/ws");
    return NULL;
}

static const char *target_resolve(struct target *target, const char *host, const char *port)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return "no such host or port";
    }
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    target->address_size = found->ai_addrlen;
    freeaddrinfo(found);
    return NULL;
}

const char *target_parse(struct target *target, const char *text)
{
    *target = (struct target){.text = text};
    if (strncmp(text, "ws://", 5) == 0) {
        target->framing = FRAMING_WEBSOCKET;
    } else if (strncmp(text, "rs://", 5) == 0) {
        target->framing = FRAMING_RAWSOCKET;
    } else {
        return "a target begins with ws:// or rs://";
    }
    const char *rest = text + 5;
    if (strncmp(rest, "unix:", 5) == 0) {
        return target_parse_unix(target, rest + 5);
    }
    if (rest[0] == '/') {
        return target_parse_unix(target, rest);
    }
    size_t size = strcspn(rest, "/");
    const char *colon = memrchr(rest, ':', size);
    if (size >= sizeof(target->host) || colon == NULL || strlen(rest + size) >= 128) {
        return "a target names host and port: rs://127.0.0.1:8081 or ws://127.0.0.1:8080/ws";
    }
    snprintf(target->host, sizeof(target->host), "%.*s", (int)size, rest);
    snprintf(target->path, sizeof(target->path), "%s", rest[size] == '/' ? rest + size : "/");
    char host[128];
    char port[16];
    bool brackets = rest[0] == '['; /* an IPv6 address */
    snprintf(host, sizeof(host), "%.*s", (int)(colon - rest - 2 * brackets), rest + brackets);
    snprintf(port, sizeof(port), "%.*s", (int)(rest + size - colon - 1), colon + 1);
    return target_resolve(target, host, port);
}
