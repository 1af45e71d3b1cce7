/* Any octets as a configuration, YAML or JSON by the first one: settings, or a problem that has a
 * place. What is loaded is freed; what is settings is whole. */
#include "router/config.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void settings_walk(const struct settings *settings)
{
    check(settings->workers > 0 && settings->listeners_count > 0 && settings->realms_count > 0);
    for (size_t i = 0; i < settings->listeners_count; i++) {
        const struct listener_settings *listener = &settings->listeners[i];
        check(listener->endpoint != NULL && listener->transport.serializers != 0);
        check(listener->is_unix ? listener->path[0] == '/' : listener->host[0] != '\0');
        check(listener->transport.websocket || listener->transport.rawsocket);
    }
    for (size_t i = 0; i < settings->realms_count; i++) {
        const struct realm_settings *realm = &settings->realms[i];
        bool found = realm->anonymous_role == NULL;
        for (size_t j = 0; j < realm->roles_count; j++) {
            found |= !found && strcmp(realm->roles[j].name, realm->anonymous_role) == 0;
        }
        check(found);
    }
}

/* "f:LINE:COLUMN: ..." */
static bool problem_has_place(const char *text)
{
    unsigned line = 0;
    unsigned column = 0;
    int end = 0;
    return sscanf(text, "f:%u:%u: %n", &line, &column, &end) == 2 && line > 0 && column > 0 &&
           text[end] != '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char said[128 * 1024];
    if (size == 0) {
        return 0;
    }
    memset(said, 0, sizeof(said));
    FILE *errors = fmemopen(said, sizeof(said) - 1, "w");
    check(errors != NULL);
    struct config config;
    enum config_syntax syntax = (data[0] & 1) != 0 ? CONFIG_JSON : CONFIG_YAML;
    int result = config_load_text("f", bytes_make(data + 1, size - 1), syntax, &config, errors);
    fclose(errors);
    if (result == 0) {
        check(said[0] == '\0');
        settings_walk(&config.settings);
        config_free(&config);
    } else {
        check(result == CONFIG_BAD && problem_has_place(said));
    }
    return 0;
}
