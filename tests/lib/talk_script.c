#include "tests/lib/talk_script.h"

#include "tests/lib/stage.h"

#include <stdio.h>
#include <stdlib.h>

const char *const talk_depth_names[TALK_DEPTHS] = {"core", "sim", "real"};
const char *const talk_framing_names[FRAMINGS] = {"rawsocket", "websocket"};
const char *const talk_serializer_names[SERIALIZERS] = {"-", "json", "msgpack", "cbor"};

static const struct {
    const char *name;
    size_t at;
} limit_table[] = {
#define LIMIT(name, fallback, least, most, why) {#name, offsetof(struct limits, name)},
#include "router/limits.def"
#undef LIMIT
};

static const char *const action_names[] = {"call", "register", "publish", "subscribe"};
static const char *const match_names[] = {"exact", "prefix", "wildcard"};

int talk_word_index(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i] != NULL && strcmp(words[i], word) == 0) {
            return (int)i;
        }
    }
    return -1;
}

_Noreturn static void text_wrong(const struct talk *talk, const struct talk_line *line,
                                 const char *what)
{
    fprintf(stderr, "%s:%u: %s: %s\n", talk->path, line->number, what, line->text);
    exit(2);
}

/* ---- settings */

static void settings_limit(struct talk *talk, const struct talk_line *line, char **rest)
{
    const char *name = strtok_r(NULL, " ", rest);
    const char *number = strtok_r(NULL, " ", rest);
    for (size_t i = 0; i < array_count(limit_table) && name != NULL && number != NULL; i++) {
        if (strcmp(limit_table[i].name, name) == 0) {
            uint64_t value = strtoull(number, NULL, 10);
            memcpy((char *)&talk->settings.limits + limit_table[i].at, &value, sizeof value);
            return;
        }
    }
    text_wrong(talk, line, "no such limit");
}

static void settings_permit(struct talk *talk, const struct talk_line *line, char **rest,
                            bool allow)
{
    char *actions = strtok_r(NULL, " ", rest);
    char *uri = strtok_r(NULL, " ", rest);
    const char *match = strtok_r(NULL, " ", rest);
    if (uri == NULL || talk->permissions_count == TALK_PERMISSIONS) {
        text_wrong(talk, line, "a permission needs actions and a URI");
    }
    uint8_t bits = 0;
    char *more = NULL;
    for (char *word = strtok_r(actions, ",", &more); word != NULL;
         word = strtok_r(NULL, ",", &more)) {
        int action = talk_word_index(action_names, array_count(action_names), word);
        bits = (uint8_t)(bits | (action < 0 ? ACTION_ALL : 1 << action));
    }
    int kind = match == NULL ? 0 : talk_word_index(match_names, array_count(match_names), match);
    if (kind < 0) {
        text_wrong(talk, line, "no such match");
    }
    talk->permissions[talk->permissions_count++] =
        (struct permission_settings){.uri = strcmp(uri, "\"\"") == 0 ? "" : strdup(uri),
                                     .match = (enum match_kind)kind,
                                     .allow = allow ? bits : (uint8_t)(ACTION_ALL & ~bits)};
    talk->roles[0].permissions = talk->permissions;
    talk->roles[0].permissions_count = talk->permissions_count;
}

static void settings_realm(struct talk *talk, const char *name)
{
    size_t i = talk->settings.realms_count++;
    check(i < TALK_REALMS);
    talk->roles[i] = (struct role_settings){
        .name = "anonymous", .permissions = &talk->permission_all, .permissions_count = 1};
    talk->realms[i] = (struct realm_settings){.name = strdup(name),
                                              .roles = &talk->roles[i],
                                              .roles_count = 1,
                                              .anonymous_role = "anonymous"};
}

static void settings_serializers(struct talk *talk, char **rest)
{
    talk->listener.transport.serializers = 0;
    for (char *word = strtok_r(NULL, " ", rest); word != NULL; word = strtok_r(NULL, " ", rest)) {
        int serializer = talk_word_index(talk_serializer_names, SERIALIZERS, word);
        check(serializer > 0);
        talk->listener.transport.serializers |= (uint8_t)(1 << serializer);
    }
}

static void settings_origin(struct talk *talk, const char *origin)
{
    unsigned i = 0;
    while (talk->origins[i] != NULL) {
        i++;
    }
    check(i < TALK_ORIGINS);
    talk->origins[i] = strdup(origin);
    talk->listener.transport.origins = talk->origins;
}

static void settings_read(struct talk *talk, const struct talk_line *line, char **rest)
{
    const char *word = strtok_r(NULL, " ", rest);
    if (word != NULL && strcmp(word, "limit") == 0) {
        settings_limit(talk, line, rest);
        return;
    }
    if (word != NULL && (strcmp(word, "allow") == 0 || strcmp(word, "deny") == 0)) {
        settings_permit(talk, line, rest, word[0] == 'a');
        return;
    }
    if (word != NULL && strcmp(word, "serializers") == 0) {
        settings_serializers(talk, rest);
        return;
    }
    const char *value = strtok_r(NULL, " ", rest);
    if (word == NULL || value == NULL) {
        text_wrong(talk, line, "a setting needs a value");
    } else if (strcmp(word, "request_ids") == 0) {
        talk->listener.request_ids = REQUEST_IDS_LENIENT;
    } else if (strcmp(word, "uri_check") == 0) {
        talk->realms[0].uri_check = URI_STRICT;
    } else if (strcmp(word, "realm") == 0) {
        settings_realm(talk, value);
    } else if (strcmp(word, "anonymous") == 0) {
        talk->realms[0].anonymous_role = NULL;
    } else if (strcmp(word, "origin") == 0) {
        settings_origin(talk, value);
    } else if (strcmp(word, "websocket") == 0) {
        talk->listener.transport.websocket = false;
    } else if (strcmp(word, "rawsocket") == 0) {
        talk->listener.transport.rawsocket = false;
    } else if (strcmp(word, "open") == 0) {
        talk->open[0] = strdup(value);
        talk->listener.realms = talk->open;
    } else {
        text_wrong(talk, line, "no such setting");
    }
}

static void only_read(struct talk *talk, const struct talk_line *line, char **rest)
{
    for (char *word = strtok_r(NULL, " ", rest); word != NULL; word = strtok_r(NULL, " ", rest)) {
        int depth = talk_word_index(talk_depth_names, TALK_DEPTHS, word);
        int framing = talk_word_index(talk_framing_names, FRAMINGS, word);
        int serializer = talk_word_index(talk_serializer_names, SERIALIZERS, word);
        if (depth >= 0) {
            talk->depths |= (uint8_t)(1 << depth);
        } else if (framing >= 0) {
            talk->framings |= (uint8_t)(1 << framing);
        } else if (serializer > 0) {
            talk->serializers |= (uint8_t)(1 << serializer);
        } else if (strcmp(word, "mixed") == 0) {
            talk->only_mixed = true;
        } else {
            text_wrong(talk, line, "only what?");
        }
    }
}

/* true: the line was about the whole conversation. */
static bool header_read(struct talk *talk, const struct talk_line *line)
{
    char *copy = strdup(line->text);
    char *rest = NULL;
    const char *word = strtok_r(copy, " ", &rest);
    bool header = true;
    if (strcmp(word, "settings") == 0) {
        settings_read(talk, line, &rest);
    } else if (strcmp(word, "only") == 0) {
        only_read(talk, line, &rest);
    } else if (strcmp(word, "canary") == 0) {
        talk->canary = (unsigned)strtoul(rest, NULL, 10);
    } else {
        header = false;
    }
    free(copy);
    return header;
}

/* ---- the text */

/* Cuts the comment, and blanks at both ends. */
static char *line_trim(char *text)
{
    bool in_string = false;
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    char *at = text;
    for (; *at != '\0' && *at != '\n' && (in_string || *at != '#'); at++) {
        if (in_string && *at == '\\' && at[1] != '\0') {
            at++;
        } else if (*at == '"') {
            in_string = !in_string;
        }
    }
    while (at > text && (at[-1] == ' ' || at[-1] == '\t')) {
        at--;
    }
    *at = '\0';
    return text;
}

static void talk_defaults(struct talk *talk)
{
    talk->settings.limits = limits_default();
    talk->settings.realms = talk->realms;
    talk->settings.listeners = &talk->listener;
    talk->settings.listeners_count = 1;
    talk->settings.agent = "clos";
    talk->permission_all =
        (struct permission_settings){.uri = "", .match = MATCH_PREFIX, .allow = ACTION_ALL};
    talk->listener.endpoint = "talk";
    talk->listener.transport = stage_transport_options(&talk->settings.limits);
    settings_realm(talk, "realm1");
}

/* Limits that the transport copies are known only when all settings are read. */
static void talk_settle(struct talk *talk)
{
    struct transport_options told = talk->listener.transport;
    struct transport_options *options = &talk->listener.transport;
    *options = stage_transport_options(&talk->settings.limits);
    options->serializers = told.serializers;
    options->websocket = told.websocket;
    options->rawsocket = told.rawsocket;
    options->origins = told.origins;
}

struct talk *talk_read(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "%s can not be read\n", path);
        exit(2);
    }
    struct talk *talk = calloc(1, sizeof *talk);
    check(talk != NULL);
    talk->path = strdup(path);
    talk_defaults(talk);
    char *buffer = NULL;
    size_t room = 0;
    for (unsigned number = 1; getline(&buffer, &room, file) >= 0; number++) {
        struct talk_line line = {number, strdup(line_trim(buffer))};
        if (line.text[0] == '\0' || header_read(talk, &line)) {
            free(line.text);
            continue;
        }
        check(talk->lines_count < TALK_LINES);
        talk->lines[talk->lines_count++] = line;
    }
    free(buffer);
    fclose(file);
    talk_settle(talk);
    return talk;
}

void talk_free(struct talk *talk)
{
    for (unsigned i = 0; i < talk->lines_count; i++) {
        free(talk->lines[i].text);
    }
    for (unsigned i = 0; i < talk->permissions_count; i++) {
        if (talk->permissions[i].uri[0] != '\0') {
            free((void *)(uintptr_t)talk->permissions[i].uri);
        }
    }
    for (size_t i = 0; i < talk->settings.realms_count; i++) {
        free((void *)(uintptr_t)talk->realms[i].name);
    }
    for (unsigned i = 0; talk->origins[i] != NULL; i++) {
        free((void *)(uintptr_t)talk->origins[i]);
    }
    free((void *)(uintptr_t)talk->open[0]);
    free(talk->path);
    free(talk);
}

/* ---- the same as a configuration file */

static void config_listener(const struct talk *talk, FILE *out, const char *endpoint)
{
    const struct transport_options *options = &talk->listener.transport;
    fprintf(out,
            "{\"endpoint\":\"%s\",\"rawsocket\":%s,\"request_ids\":\"%s\",\"websocket\":", endpoint,
            options->rawsocket ? "true" : "false",
            talk->listener.request_ids == REQUEST_IDS_LENIENT ? "lenient" : "strict");
    if (!options->websocket) {
        fputs("false", out);
    } else if (options->origins == NULL) {
        fputs("true", out);
    } else {
        fputs("{\"allow_null_origin\":false,\"allowed_origins\":[", out);
        for (unsigned i = 0; options->origins[i] != NULL; i++) {
            fprintf(out, "%s\"%s\"", i == 0 ? "" : ",", options->origins[i]);
        }
        fputs("]}", out);
    }
    fputs(",\"serializers\":[", out);
    bool first = true;
    for (unsigned i = 1; i < SERIALIZERS; i++) {
        if ((options->serializers & 1 << i) != 0) {
            fprintf(out, "%s\"%s\"", first ? "" : ",", talk_serializer_names[i]);
            first = false;
        }
    }
    fputs("]", out);
    if (talk->listener.realms != NULL) {
        fprintf(out, ",\"realms\":[\"%s\"]", talk->open[0]);
    }
    fputs("}", out);
}

static void config_realm(const struct talk *talk, FILE *out, size_t i)
{
    const struct realm_settings *realm = &talk->realms[i];
    const struct role_settings *role = &talk->roles[i];
    fprintf(out, "%s{\"name\":\"%s\",\"uri_check\":\"%s\",", i == 0 ? "" : ",", realm->name,
            realm->uri_check == URI_STRICT ? "strict" : "loose");
    if (realm->anonymous_role != NULL) {
        fprintf(out, "\"anonymous_role\":\"%s\",", realm->anonymous_role);
    }
    fprintf(out, "\"roles\":[{\"name\":\"%s\",\"permissions\":[", role->name);
    for (size_t k = 0; k < role->permissions_count; k++) {
        const struct permission_settings *permission = &role->permissions[k];
        fprintf(out, "%s{\"uri\":\"%s\",\"match\":\"%s\",\"allow\":{", k == 0 ? "" : ",",
                permission->uri, match_names[permission->match]);
        for (unsigned a = 0; a < array_count(action_names); a++) {
            fprintf(out, "%s\"%s\":%s", a == 0 ? "" : ",", action_names[a],
                    (permission->allow & 1 << a) != 0 ? "true" : "false");
        }
        fputs("}}", out);
    }
    fputs("]}]}", out);
}

void talk_write_config(const struct talk *talk, const char *path, const char *unix_path,
                       unsigned workers)
{
    char endpoint[256];
    FILE *out = fopen(path, "w");
    check(out != NULL);
    snprintf(endpoint, sizeof endpoint, "unix:%s", unix_path);
    fprintf(out, "{\"version\":2,\"workers\":%u,\"pin\":false,\"listeners\":[", workers);
    config_listener(talk, out, "tcp://127.0.0.1:0");
    fputc(',', out);
    config_listener(talk, out, endpoint);
    fputs("],\"realms\":[", out);
    for (size_t i = 0; i < talk->settings.realms_count; i++) {
        config_realm(talk, out, i);
    }
    fputs("],\"limits\":{", out);
    for (size_t i = 0; i < array_count(limit_table); i++) {
        uint64_t value;
        memcpy(&value, (const char *)&talk->settings.limits + limit_table[i].at, sizeof value);
        fprintf(out, "%s\"%s\":%llu", i == 0 ? "" : ",", limit_table[i].name,
                (unsigned long long)value);
    }
    fputs("},\"log\":{\"level\":\"error\"}}\n", out);
    check(fclose(out) == 0);
}
