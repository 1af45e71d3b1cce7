/* The face of the configuration: load, default, --listen; and its last step, from a tree in which
 * every value is right to settings, where values are held against each other. */
#include "router/config_node.h"

#include <sched.h>
#include <stdlib.h>

static bool endpoint_same(const struct listener_settings *a, const struct listener_settings *b)
{
    if (a->is_unix != b->is_unix) {
        return false;
    }
    if (a->is_unix) {
        return strcmp(a->path, b->path) == 0;
    }
    return a->port != 0 && a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

/* ---- from values to settings; what contradicts is told at the later of the two */

struct making {
    struct config_errors *errors;
    struct config_arena *arena;
    const struct config_node *root;
    struct settings *settings;
};

static const struct config_node *get(const struct config_node *map, const char *key)
{
    const struct config_node *node = config_node_get(map, key);
    check(node != NULL); /* its row has a default, or it is required */
    return node;
}

static bool get_bool(const struct config_node *map, const char *key)
{
    return strcmp(get(map, key)->text, "true") == 0;
}

static bool is_word(const struct config_node *map, const char *key, const char *word)
{
    return strcmp(get(map, key)->text, word) == 0;
}

static const char *keep(struct making *making, const struct config_node *node)
{
    return config_arena_copy(making->arena, node->text, strlen(node->text));
}

/* A list of texts, NULL at its end. */
static const char *const *keep_list(struct making *making, const struct config_node *list)
{
    const char **texts = config_arena_take(making->arena, (list->children + 1) * sizeof(*texts));
    size_t count = 0;
    for (const struct config_node *node = list->first; node != NULL; node = node->next) {
        texts[count++] = keep(making, node);
    }
    return texts;
}

/* The item of a list of maps whose name is text; stop: only items before it. */
static const struct config_node *find_named(const struct config_node *list, const char *text,
                                            const struct config_node *stop)
{
    for (const struct config_node *item = list->first; item != stop; item = item->next) {
        if (strcmp(get(item, "name")->text, text) == 0) {
            return item;
        }
    }
    return NULL;
}

static void make_limits(struct making *making, const struct config_node *map)
{
    struct limits *limits = &making->settings->limits;
#define LIMIT(name, fallback, least, most, why) limits->name = config_node_number(get(map, #name));
#include "router/limits.def"
#undef LIMIT
#define AT_MOST(small, large, reason)                                                              \
    {                                                                                              \
#small, #large, reason, offsetof(struct limits, small), offsetof(struct limits, large)     \
    }
    static const struct {
        const char *small, *large, *why;
        size_t small_at, large_at;
    } relations[] = {
        AT_MOST(message_unwelcome_bytes, message_bytes, "no message is longer than that"),
        AT_MOST(depth_details, depth_payload, "details are part of the message"),
        AT_MOST(http_head_ms, welcome_ms, "it is part of that time"),
        AT_MOST(rawsocket_handshake_ms, welcome_ms, "it is part of that time"),
        AT_MOST(hello_ms, welcome_ms, "it is part of that time"),
        AT_MOST(out_soft_bytes, out_hard_bytes, "else it could not be reached"),
        AT_MOST(message_bytes, out_hard_bytes, "else no session could be sent the longest message"),
        AT_MOST(message_bytes, place_bytes, "else no worker could be sent the longest message"),
        AT_MOST(out_hard_bytes, worker_memory_bytes, "one session's queue is part of it"),
    };
#undef AT_MOST
    for (size_t i = 0; i < array_count(relations); i++) {
        uint64_t small;
        uint64_t large;
        memcpy(&small, (const char *)limits + relations[i].small_at, sizeof(small));
        memcpy(&large, (const char *)limits + relations[i].large_at, sizeof(large));
        if (small <= large) {
            continue;
        }
        const struct config_node *node = get(map, relations[i].small);
        const struct config_node *other = get(map, relations[i].large);
        bool other_later =
            other->line > node->line || (other->line == node->line && other->column > node->column);
        config_error(making->errors, other_later ? other : node,
                     "limits.%s is above limits.%s: %s (allowed: at most as much)",
                     relations[i].small, relations[i].large, relations[i].why);
    }
}

/* ---- realms */

static uint8_t make_allow(const struct config_node *map)
{
    return (uint8_t)((get_bool(map, "call") ? ACTION_CALL : 0) |
                     (get_bool(map, "register") ? ACTION_REGISTER : 0) |
                     (get_bool(map, "publish") ? ACTION_PUBLISH : 0) |
                     (get_bool(map, "subscribe") ? ACTION_SUBSCRIBE : 0));
}

static struct permission_settings
make_permission(struct making *making, const struct config_node *map, enum uri_check rule)
{
    char shown[CONFIG_QUOTE_BYTES];
    const struct config_node *node = get(map, "uri");
    char *uri = config_arena_copy(making->arena, node->text, strlen(node->text));
    enum match_kind match = is_word(map, "match", "exact")    ? MATCH_EXACT
                            : is_word(map, "match", "prefix") ? MATCH_PREFIX
                                                              : MATCH_WILDCARD;
    size_t size = strlen(uri);
    if (match == MATCH_EXACT && size > 0 && uri[size - 1] == '*') {
        match = MATCH_PREFIX;
        uri[--size] = '\0';
    }
    if (!uri_pattern_valid(bytes_make(uri, size), match, rule)) {
        config_error(making->errors, node,
                     "'%s' is no URI pattern for match %s (allowed: "
                     "components between dots, %s; empty ones only where the match has them)",
                     config_quote(node->raw, shown), get(map, "match")->text,
                     rule == URI_STRICT ? "of 0-9 a-z _" : "without white space and #");
    }
    return (struct permission_settings){
        .uri = uri, .match = match, .allow = make_allow(get(map, "allow"))};
}

static struct role_settings make_role(struct making *making, const struct config_node *map,
                                      enum uri_check rule)
{
    const struct config_node *name = get(map, "name");
    const struct config_node *list = get(map, "permissions");
    char shown[CONFIG_QUOTE_BYTES];
    if (!uri_name_valid(bytes_text(name->text), rule)) {
        config_error(making->errors, name, "'%s' is no name of a role (allowed: one URI component)",
                     config_quote(name->raw, shown));
    } else if (find_named(map->parent, name->text, map) != NULL) {
        config_error(making->errors, name, "role '%s' is there already",
                     config_quote(name->raw, shown));
    }
    struct permission_settings *permissions =
        config_arena_take(making->arena, (list->children + 1) * sizeof(*permissions));
    size_t count = 0;
    for (const struct config_node *item = list->first; item != NULL; item = item->next, count++) {
        permissions[count] = make_permission(making, item, rule);
        size_t same = 0;
        while (permissions[same].match != permissions[count].match ||
               strcmp(permissions[same].uri, permissions[count].uri) != 0) {
            same++;
        }
        if (same < count) {
            config_error(making->errors, get(item, "uri"),
                         "the same uri and match stand in permissions[%zu] already", same);
        }
    }
    return (struct role_settings){
        .name = keep(making, name), .permissions = permissions, .permissions_count = count};
}

static struct realm_settings make_realm(struct making *making, const struct config_node *map)
{
    char shown[CONFIG_QUOTE_BYTES];
    const struct config_node *name = get(map, "name");
    const struct config_node *anonymous = config_node_get(map, "anonymous_role");
    const struct config_node *list = get(map, "roles");
    enum uri_check rule = is_word(map, "uri_check", "strict") ? URI_STRICT : URI_LOOSE;
    if (!uri_valid(bytes_text(name->text), URI_LOOSE)) {
        config_error(making->errors, name, "'%s' is no name of a realm (allowed: a URI)",
                     config_quote(name->raw, shown));
    } else if (find_named(map->parent, name->text, map) != NULL) {
        config_error(making->errors, name, "realm '%s' is there already",
                     config_quote(name->raw, shown));
    }
    if (anonymous != NULL && find_named(list, anonymous->text, NULL) == NULL) {
        config_error(making->errors, anonymous,
                     "'%s' is no role of this realm (allowed: a name from its roles)",
                     config_quote(anonymous->raw, shown));
    }
    struct role_settings *roles = config_arena_take(making->arena, list->children * sizeof(*roles));
    size_t count = 0;
    for (const struct config_node *item = list->first; item != NULL; item = item->next) {
        roles[count++] = make_role(making, item, rule);
    }
    return (struct realm_settings){.name = keep(making, name),
                                   .uri_check = rule,
                                   .roles = roles,
                                   .roles_count = count,
                                   .anonymous_role =
                                       anonymous == NULL ? NULL : keep(making, anonymous)};
}

/* ---- listeners */

static uint8_t make_serializers(const struct config_node *list)
{
    unsigned bits = 0;
    for (const struct config_node *item = list->first; item != NULL; item = item->next) {
        bits |= strcmp(item->text, "cbor") == 0      ? 1u << SERIALIZER_CBOR
                : strcmp(item->text, "msgpack") == 0 ? 1u << SERIALIZER_MSGPACK
                                                     : 1u << SERIALIZER_JSON;
    }
    return (uint8_t)bits;
}

static void make_websocket(struct making *making, const struct config_node *node,
                           struct transport_options *options)
{
    options->websocket = node->kind == CONFIG_NODE_MAP;
    if (!options->websocket) {
        return;
    }
    const struct config_node *paths = get(node, "paths");
    for (const struct config_node *path = paths->first; path != NULL; path = path->next) {
        if (path->text[0] != '/' || strpbrk(path->text, " ?#\t\r\n") != NULL) {
            char shown[CONFIG_QUOTE_BYTES];
            config_error(making->errors, path,
                         "'%s' is no path (allowed: begins with /, without ? # and spaces)",
                         config_quote(path->raw, shown));
        }
    }
    options->paths = keep_list(making, paths);
    options->origins = keep_list(making, get(node, "allowed_origins"));
    options->origin_null = get_bool(node, "allow_null_origin");
}

static struct transport_options make_transport(struct making *making, const struct config_node *map)
{
    const struct limits *limits = &making->settings->limits;
    struct transport_options options = {
        .rawsocket = get_bool(map, "rawsocket"),
        .serializers = make_serializers(get(map, "serializers")),
        .bytes_max = limits->message_bytes,
        .bytes_max_unwelcome = limits->message_unwelcome_bytes,
        .fragments_max = (uint32_t)limits->fragments_per_message,
        .pings_per_s = (uint32_t)limits->pings_per_s,
        .http_ns = limits->http_head_ms * NS_PER_MS,
        .rawsocket_ns = limits->rawsocket_handshake_ms * NS_PER_MS,
        .message_ns = limits->message_ms * NS_PER_MS,
        .close_ns = limits->close_ms * NS_PER_MS,
        .ping_ns = limits->ping_interval_ms * NS_PER_MS,
        .ping_rawsocket_ns = limits->ping_rawsocket_interval_ms * NS_PER_MS,
        .pings_missed_max = (uint32_t)limits->pings_missed,
        .rawsocket_length_min = 512, /* the least that a handshake can say: nobody is refused */
    };
    make_websocket(making, get(map, "websocket"), &options);
    if (!options.websocket && !options.rawsocket) {
        config_error(making->errors, map, "speaks neither websocket nor rawsocket");
    }
    return options;
}

/* The endpoint's short form; a map's is put together. */
static const char *make_endpoint_text(struct making *making, const struct config_node *node)
{
    if (node->kind == CONFIG_NODE_SCALAR) {
        return node->text;
    }
    const struct config_node *host = config_node_get(node, "host");
    const struct config_node *interface = config_node_get(node, "interface");
    const struct config_node *port = config_node_get(node, "port");
    const struct config_node *path = config_node_get(node, "path");
    bool is_unix = is_word(node, "type", "unix");
    const struct config_node *odd = !is_unix                  ? path
                                    : host != NULL            ? host
                                    : interface != NULL       ? interface
                                                              : port;
    if (odd != NULL) {
        config_error(making->errors, odd, "does not belong to type %s (allowed: %s)",
                     is_unix ? "unix" : "tcp", is_unix ? "path" : "host, port");
        return NULL;
    }
    if (!is_unix && host != NULL && interface != NULL) {
        config_error(making->errors, interface, "is the same as host: give one of them");
        return NULL;
    }
    if (is_unix ? path == NULL : port == NULL) {
        config_error(making->errors, node, "'%s' is missing", is_unix ? "path" : "port");
        return NULL;
    }
    host = host != NULL ? host : interface;
    const char *name = host != NULL ? host->text : "127.0.0.1";
    bool bracket = !is_unix && strchr(name, ':') != NULL && name[0] != '[';
    char text[512];
    int size = is_unix ? snprintf(text, sizeof(text), "unix:%s", path->text)
                       : snprintf(text, sizeof(text), "tcp://%s%s%s:%s", bracket ? "[" : "", name,
                                  bracket ? "]" : "", port->text);
    check(size > 0 && (size_t)size < sizeof(text));
    return config_arena_copy(making->arena, text, (size_t)size);
}

static void make_listener_endpoint(struct making *making, const struct config_node *node,
                                   struct listener_settings *listener)
{
    const struct config_node *backlog =
        node->kind == CONFIG_NODE_MAP ? config_node_get(node, "backlog") : NULL;
    const struct config_row *row = config_row_child(node->row, "backlog");
    listener->backlog = (uint32_t)(backlog != NULL ? config_node_number(backlog)
                                                   : strtoull(row->fallback, NULL, 10));
    const char *text = make_endpoint_text(making, node);
    const char *problem =
        text == NULL ? NULL : config_endpoint_parse(text, making->arena, listener);
    if (problem != NULL) {
        char shown[CONFIG_QUOTE_BYTES];
        bool scalar = node->kind == CONFIG_NODE_SCALAR;
        config_error(making->errors, node, "%s%s%s%s (allowed: tcp://HOST:PORT, unix:/PATH)",
                     scalar ? "'" : "", scalar ? config_quote(node->raw, shown) : "",
                     scalar ? "' " : "", problem);
    }
}

static void make_listener(struct making *making, const struct config_node *map,
                          struct listener_settings *listener)
{
    const struct config_node *realms = config_node_get(map, "realms");
    make_listener_endpoint(making, get(map, "endpoint"), listener);
    listener->request_ids =
        is_word(map, "request_ids", "strict") ? REQUEST_IDS_STRICT : REQUEST_IDS_LENIENT;
    listener->transport = make_transport(making, map);
    if (realms == NULL) {
        return;
    }
    listener->realms = keep_list(making, realms);
    for (const struct config_node *item = realms->first; item != NULL; item = item->next) {
        if (find_named(get(making->root, "realms"), item->text, NULL) == NULL) {
            char shown[CONFIG_QUOTE_BYTES];
            config_error(making->errors, item, "no realm is called '%s'",
                         config_quote(item->raw, shown));
        }
    }
}

static void make_listeners(struct making *making, const struct config_node *list)
{
    struct listener_settings *listeners =
        config_arena_take(making->arena, list->children * sizeof(*listeners));
    size_t count = 0;
    for (const struct config_node *item = list->first; item != NULL; item = item->next, count++) {
        make_listener(making, item, &listeners[count]);
        for (size_t i = 0; i < count && listeners[count].endpoint != NULL; i++) {
            if (listeners[i].endpoint != NULL && endpoint_same(&listeners[i], &listeners[count])) {
                config_error(making->errors, get(item, "endpoint"),
                             "is the endpoint of listeners[%zu] already", i);
                break;
            }
        }
    }
    making->settings->listeners = listeners;
    making->settings->listeners_count = count;
}

static uint32_t workers_auto(void)
{
    cpu_set_t cores;
    int count = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return (uint32_t)size_min(size_max((size_t)count, 1), CONFIG_WORKERS_MAX);
}

static void make_log(const struct config_node *map, struct config *out)
{
    out->log_format = is_word(map, "format", "auto")   ? LOG_FORMAT_AUTO
                      : is_word(map, "format", "text") ? LOG_FORMAT_TEXT
                                                       : LOG_FORMAT_JSON;
    out->log_level = is_word(map, "level", "error")  ? LOG_LEVEL_ERROR
                     : is_word(map, "level", "warn") ? LOG_LEVEL_WARN
                     : is_word(map, "level", "info") ? LOG_LEVEL_INFO
                                                     : LOG_LEVEL_DEBUG;
}

static void make_settings(struct config *out, const struct config_node *root,
                          struct config_errors *errors)
{
    struct settings *settings = &out->settings;
    struct making making = {
        .errors = errors, .arena = &out->arena, .root = root, .settings = settings};
    settings->workers = is_word(root, "workers", "auto")
                            ? workers_auto()
                            : (uint32_t)config_node_number(get(root, "workers"));
    settings->pin = get_bool(root, "pin");
    settings->io = is_word(root, "io", "auto")    ? IO_AUTO
                   : is_word(root, "io", "uring") ? IO_URING
                                                  : IO_EPOLL;
    settings->agent = "Clos-" CLOS_VERSION;
    make_log(get(root, "log"), out);
    make_limits(&making, get(root, "limits"));
    make_listeners(&making, get(root, "listeners"));
    const struct config_node *realms = get(root, "realms");
    struct realm_settings *list = config_arena_take(&out->arena, realms->children * sizeof(*list));
    for (const struct config_node *item = realms->first; item != NULL; item = item->next) {
        list[settings->realms_count++] = make_realm(&making, item);
    }
    settings->realms = list;
}

/* ---- load */

static int load(struct config_errors *errors, struct bytes text, enum config_syntax syntax,
                struct config *out)
{
    struct config_arena scratch = {0};
    struct config_tree tree = {.arena = &scratch, .errors = errors};
    if (config_tree_read(&tree, text, syntax) && errors->count == 0) {
        config_check(&tree);
    }
    if (errors->count == 0) {
        make_settings(out, tree.root, errors);
    }
    config_arena_free(&scratch);
    if (errors->count > CONFIG_ERRORS_MAX) {
        size_t more = errors->count - CONFIG_ERRORS_MAX;
        fprintf(errors->to, "%s: and %zu more\n", errors->file, more);
    }
    if (errors->count > 0) {
        config_free(out);
        return CONFIG_BAD;
    }
    return 0;
}

int config_load_text(const char *name, struct bytes text, enum config_syntax syntax,
                     struct config *out, FILE *errors)
{
    *out = (struct config){0};
    struct config_errors list = {.to = errors, .file = name};
    return load(&list, text, syntax, out);
}

int config_load(const char *file, struct config *out, FILE *errors)
{
    *out = (struct config){0};
    struct config_errors list = {.to = errors, .file = file};
    struct config_arena arena = {0};
    struct bytes text;
    int result = CONFIG_BAD;
    if (config_file_read(file, &arena, &list, &text)) {
        size_t size = strlen(file);
        bool json = size >= 5 && strcmp(file + size - 5, ".json") == 0;
        result = load(&list, text, json ? CONFIG_JSON : CONFIG_YAML, out);
    }
    config_arena_free(&arena);
    return result;
}

void config_default(struct config *out)
{
    char *text = NULL;
    size_t size = 0;
    FILE *sample = open_memstream(&text, &size);
    check(sample != NULL);
    config_print_sample(sample);
    fclose(sample);
    int result = config_load_text("default", bytes_make(text, size), CONFIG_YAML, out, stderr);
    free(text);
    check(result == 0);
}

void config_free(struct config *config)
{
    config_arena_free(&config->arena);
    *config = (struct config){0};
}

/* ---- --listen */

int config_listen_add(struct config *config, const char *endpoint, FILE *errors)
{
    struct settings *settings = &config->settings;
    check(settings->listeners_count > 0);
    char shown[CONFIG_QUOTE_BYTES];
    config_quote(endpoint, shown);
    struct listener_settings fresh = settings->listeners[0];
    const char *problem = config_endpoint_parse(endpoint, &config->arena, &fresh);
    size_t kept = config->listeners_given ? settings->listeners_count : 0;
    for (size_t i = 0; problem == NULL && i < kept; i++) {
        problem = endpoint_same(&settings->listeners[i], &fresh) ? "is given twice" : NULL;
    }
    if (problem == NULL && kept == CONFIG_LISTENERS_MAX) {
        problem = "is one listener too many";
    }
    if (problem != NULL) {
        fprintf(errors, "--listen: '%s' %s (allowed: tcp://HOST:PORT, unix:/PATH; at most %d)\n",
                shown, problem, CONFIG_LISTENERS_MAX);
        return CONFIG_BAD;
    }
    struct listener_settings *listeners =
        config_arena_take(&config->arena, (kept + 1) * sizeof(*listeners));
    memcpy(listeners, settings->listeners, kept * sizeof(*listeners));
    listeners[kept] = fresh;
    settings->listeners = listeners;
    settings->listeners_count = kept + 1;
    config->listeners_given = true;
    return 0;
}
