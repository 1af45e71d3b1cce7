/* A file becomes settings, or lines that say where it is wrong. */
#include "tests/unit/config_say.h"

/* ---- comparing whole settings */

static void list_same(const char *const *a, const char *const *b)
{
    assert_int_equal(a == NULL, b == NULL);
    for (; a != NULL && *a != NULL; a++, b++) {
        assert_non_null(*b);
        assert_string_equal(*a, *b);
    }
    assert_true(b == NULL || *b == NULL);
}

static void text_same(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    assert_true(a == NULL || strcmp(a, b) == 0);
}

static void transport_same(const struct transport_options *a, const struct transport_options *b)
{
    list_same(a->paths, b->paths);
    list_same(a->origins, b->origins);
    assert_int_equal(a->websocket, b->websocket);
    assert_int_equal(a->rawsocket, b->rawsocket);
    assert_int_equal(a->serializers, b->serializers);
    assert_int_equal(a->origin_null, b->origin_null);
    assert_int_equal(a->bytes_max, b->bytes_max);
    assert_int_equal(a->bytes_max_unwelcome, b->bytes_max_unwelcome);
    assert_int_equal(a->fragments_max, b->fragments_max);
    assert_int_equal(a->pings_per_s, b->pings_per_s);
    assert_int_equal(a->http_ns, b->http_ns);
    assert_int_equal(a->rawsocket_ns, b->rawsocket_ns);
    assert_int_equal(a->message_ns, b->message_ns);
    assert_int_equal(a->close_ns, b->close_ns);
    assert_int_equal(a->ping_ns, b->ping_ns);
    assert_int_equal(a->ping_rawsocket_ns, b->ping_rawsocket_ns);
    assert_int_equal(a->pings_missed_max, b->pings_missed_max);
    assert_int_equal(a->rawsocket_length_min, b->rawsocket_length_min);
    assert_int_equal(a->testee, b->testee);
}

static void listener_same(const struct listener_settings *a, const struct listener_settings *b)
{
    text_same(a->endpoint, b->endpoint);
    text_same(a->host, b->host);
    text_same(a->path, b->path);
    assert_int_equal(a->is_unix, b->is_unix);
    assert_int_equal(a->port, b->port);
    assert_int_equal(a->backlog, b->backlog);
    assert_int_equal(a->request_ids, b->request_ids);
    transport_same(&a->transport, &b->transport);
    list_same(a->realms, b->realms);
}

static void realm_same(const struct realm_settings *a, const struct realm_settings *b)
{
    text_same(a->name, b->name);
    text_same(a->anonymous_role, b->anonymous_role);
    assert_int_equal(a->uri_check, b->uri_check);
    assert_int_equal(a->roles_count, b->roles_count);
    for (size_t i = 0; i < a->roles_count; i++) {
        const struct role_settings *x = &a->roles[i];
        const struct role_settings *y = &b->roles[i];
        text_same(x->name, y->name);
        assert_int_equal(x->permissions_count, y->permissions_count);
        for (size_t j = 0; j < x->permissions_count; j++) {
            text_same(x->permissions[j].uri, y->permissions[j].uri);
            assert_int_equal(x->permissions[j].match, y->permissions[j].match);
            assert_int_equal(x->permissions[j].allow, y->permissions[j].allow);
        }
    }
}

static void config_same(const struct config *a, const struct config *b)
{
    const struct settings *x = &a->settings;
    const struct settings *y = &b->settings;
    assert_memory_equal(&x->limits, &y->limits, sizeof(x->limits));
    assert_int_equal(x->workers, y->workers);
    assert_int_equal(x->pin, y->pin);
    assert_int_equal(x->io, y->io);
    text_same(x->agent, y->agent);
    assert_int_equal(a->log_format, b->log_format);
    assert_int_equal(a->log_level, b->log_level);
    assert_int_equal(x->listeners_count, y->listeners_count);
    for (size_t i = 0; i < x->listeners_count; i++) {
        listener_same(&x->listeners[i], &y->listeners[i]);
    }
    assert_int_equal(x->realms_count, y->realms_count);
    for (size_t i = 0; i < x->realms_count; i++) {
        realm_same(&x->realms[i], &y->realms[i]);
    }
}

/* What the settings without a file are, written by hand. */
static void config_by_hand(struct config *out)
{
    static const char *const paths[] = {"/ws", "/", NULL};
    static const char *const origins[] = {"*", NULL};
    static const struct permission_settings everything = {
        .uri = "", .match = MATCH_PREFIX, .allow = ACTION_ALL};
    static const struct role_settings role = {
        .name = "anonymous", .permissions = &everything, .permissions_count = 1};
    static const struct realm_settings realm = {.name = "realm1",
                                                .uri_check = URI_LOOSE,
                                                .roles = &role,
                                                .roles_count = 1,
                                                .anonymous_role = "anonymous"};
    static const struct listener_settings listener = {
        .endpoint = "tcp://127.0.0.1:8080",
        .host = "127.0.0.1",
        .port = 8080,
        .backlog = 4096,
        .transport = {.websocket = true,
                      .rawsocket = true,
                      .serializers =
                          1 << SERIALIZER_JSON | 1 << SERIALIZER_MSGPACK | 1 << SERIALIZER_CBOR,
                      .paths = paths,
                      .origins = origins,
                      .origin_null = true,
                      .bytes_max = 1048576,
                      .bytes_max_unwelcome = 65536,
                      .fragments_max = 4096,
                      .pings_per_s = 10,
                      .http_ns = 5 * NS_PER_S,
                      .rawsocket_ns = 3 * NS_PER_S,
                      .message_ns = 30 * NS_PER_S,
                      .close_ns = 5 * NS_PER_S,
                      .ping_ns = 10 * NS_PER_S,
                      .pings_missed_max = 2,
                      .rawsocket_length_min = 512}};
    *out = (struct config){.log_format = LOG_FORMAT_AUTO, .log_level = LOG_LEVEL_INFO};
    out->settings = (struct settings){.limits = limits_default(),
                                      .realms = &realm,
                                      .realms_count = 1,
                                      .listeners = &listener,
                                      .listeners_count = 1,
                                      .pin = true,
                                      .io = IO_AUTO,
                                      .agent = "Clos-" CLOS_VERSION};
}

static void default_is_what_the_hand_wrote(void **state)
{
    (void)state;
    struct config wanted;
    config_by_hand(&wanted);
    config_default(&config);
    assert_in_range(config.settings.workers, 1, CONFIG_WORKERS_MAX);
    wanted.settings.workers = config.settings.workers;
    config_same(&config, &wanted);
    config_free(&config);
}

static char *sample_text(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    config_print_sample(out);
    fclose(out);
    return text;
}

/* Tests run in the source's folder or in a build's within it. */
static const char *deployed_sample(void)
{
    const char *here = "deploy/clos.yaml";
    return access(here, R_OK) == 0 ? here : "../deploy/clos.yaml";
}

static void deployed_sample_is_the_tables_and_says_the_defaults(void **state)
{
    (void)state;
    struct config by_file;
    struct config by_default;
    char *text = sample_text();
    char found[64 * 1024] = "";
    FILE *in = fopen(deployed_sample(), "r");
    assert_non_null(in);
    size_t size = fread(found, 1, sizeof(found) - 1, in);
    fclose(in);
    found[size] = '\0';
    assert_string_equal(found, text);
    assert_int_equal(config_load(deployed_sample(), &by_file, stderr), 0);
    config_default(&by_default);
    config_same(&by_file, &by_default);
    config_free(&by_file);
    config_free(&by_default);
    free(text);
}

static void absent_keys_have_the_samples_values_but_realms_deny(void **state)
{
    (void)state;
    struct config by_default;
    check_loads(REALMS, CONFIG_YAML);
    config_default(&by_default);
    const struct realm_settings *realm = &config.settings.realms[0];
    assert_null(realm->anonymous_role);
    assert_string_equal(realm->roles[0].name, "a");
    assert_int_equal(realm->roles[0].permissions_count, 0);
    config.settings.realms = by_default.settings.realms;
    config_same(&config, &by_default);
    config_free(&by_default);
    config_free(&config);
    check_loads("realms: [{name: r, roles: [{name: a, permissions: [{uri: com.x}]}]}]",
                CONFIG_YAML);
    assert_int_equal(config.settings.realms[0].roles[0].permissions[0].allow, 0);
    config_free(&config);
}

static void every_key_arrives(void **state)
{
    (void)state;
    check_loads("version: 2\nworkers: 3\npin: false\nio: epoll\n"
                "listeners:\n"
                "- endpoint: {type: tcp, interface: \"::1\", port: 0, backlog: 7}\n"
                "  websocket: {paths: [/a], allowed_origins: [\"https://x\"],"
                " allow_null_origin: false}\n"
                "  rawsocket: false\n  serializers: [json]\n  request_ids: lenient\n"
                "  realms: [r.two]\n"
                "- {endpoint: 'unix:/tmp/s', websocket: false}\n"
                "- {endpoint: {type: unix, path: /tmp/t}, websocket: true}\n"
                "realms:\n- name: r.two\n  uri_check: strict\n  anonymous_role: guest\n  roles:\n"
                "  - {name: guest, permissions: [{uri: com.x.*, allow: {call: true}},"
                " {uri: com..y, match: wildcard, allow: {publish: true, subscribe: true}}]}\n"
                "limits: {http_head_ms: 250, ping_rawsocket_interval_ms: 20}\n"
                "log: {format: json, level: debug}\n",
                CONFIG_YAML);
    const struct settings *settings = &config.settings;
    assert_int_equal(settings->workers, 3);
    assert_false(settings->pin);
    assert_int_equal(settings->io, IO_EPOLL);
    assert_int_equal(settings->listeners_count, 3);
    const struct listener_settings *first = &settings->listeners[0];
    assert_string_equal(first->endpoint, "tcp://[::1]:0");
    assert_string_equal(first->host, "::1");
    assert_int_equal(first->port, 0);
    assert_int_equal(first->backlog, 7);
    assert_int_equal(first->request_ids, REQUEST_IDS_LENIENT);
    assert_string_equal(first->realms[0], "r.two");
    assert_null(first->realms[1]);
    assert_string_equal(first->transport.paths[0], "/a");
    assert_string_equal(first->transport.origins[0], "https://x");
    assert_false(first->transport.origin_null);
    assert_false(first->transport.rawsocket);
    assert_int_equal(first->transport.serializers, 1 << SERIALIZER_JSON);
    assert_int_equal(first->transport.http_ns, 250 * NS_PER_MS);
    assert_int_equal(first->transport.ping_rawsocket_ns, 20 * NS_PER_MS);
    assert_true(settings->listeners[1].is_unix);
    assert_string_equal(settings->listeners[1].path, "/tmp/s");
    assert_false(settings->listeners[1].transport.websocket);
    assert_string_equal(settings->listeners[2].endpoint, "unix:/tmp/t");
    assert_string_equal(settings->listeners[2].transport.paths[0], "/ws");
    const struct realm_settings *realm = &settings->realms[0];
    assert_int_equal(realm->uri_check, URI_STRICT);
    assert_string_equal(realm->anonymous_role, "guest");
    assert_string_equal(realm->roles[0].permissions[0].uri, "com.x.");
    assert_int_equal(realm->roles[0].permissions[0].match, MATCH_PREFIX);
    assert_int_equal(realm->roles[0].permissions[0].allow, ACTION_CALL);
    assert_int_equal(realm->roles[0].permissions[1].match, MATCH_WILDCARD);
    assert_int_equal(realm->roles[0].permissions[1].allow, ACTION_PUBLISH | ACTION_SUBSCRIBE);
    assert_int_equal(config.log_format, LOG_FORMAT_JSON);
    assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
    config_free(&config);
}

static void json_and_yaml_say_the_same(void **state)
{
    (void)state;
    struct config yaml;
    check_loads("realms: [{name: \"r\\u00e9\\U0001F600\", roles: [{name: a}]}]\nworkers: 2\n",
                CONFIG_YAML);
    yaml = config;
    check_loads("{\"realms\": [{\"name\": \"r\\u00e9\\ud83d\\ude00\", \"roles\": [{\"name\":"
                " \"a\"}]}],\n\t\"workers\": 2}",
                CONFIG_JSON);
    assert_string_equal(config.settings.realms[0].name, "r\xc3\xa9\xf0\x9f\x98\x80");
    config_same(&config, &yaml);
    config_free(&config);
    config_free(&yaml);
}

static void wrong_values_are_told_with_place_path_and_what_is_allowed(void **state)
{
    (void)state;
    YAML_SAYS(REALMS "workers: many\n", "f:2:10: workers: 'many' is not what may stand here "
                                        "(allowed: auto, 1 to 256)\n");
    YAML_SAYS(REALMS "workers: 0\n",
              "f:2:10: workers: '0' is out of range (allowed: auto, 1 to 256)\n");
    YAML_SAYS(REALMS "limits:\n  hello_ms: 1e3\n",
              "f:3:13: limits.hello_ms: '1e3' is not a plain decimal number "
              "(allowed: 100 to 60000)\n");
    YAML_SAYS(REALMS "limits: {hello_ms: 0x10}\n",
              "f:2:20: limits.hello_ms: '0x10' is not a plain decimal number "
              "(allowed: 100 to 60000)\n");
    YAML_SAYS(REALMS "limits: {hello_ms: 0100}\n",
              "f:2:20: limits.hello_ms: '0100' is not a plain decimal number "
              "(allowed: 100 to 60000)\n");
    YAML_SAYS(REALMS "limits: {hello_ms: \"1000\"}\n",
              "f:2:20: limits.hello_ms: '1000' is a text, not a plain decimal number "
              "(allowed: 100 to 60000)\n");
    YAML_SAYS(REALMS "pin: yes\n",
              "f:2:6: pin: 'yes' is not what may stand here (allowed: true, false)\n");
    YAML_SAYS(REALMS "pin:\n", "f:2:5: pin: '' has no value (allowed: true, false)\n");
    YAML_SAYS(REALMS "io: urng\n", "f:2:5: io: 'urng' is not what may stand here (allowed: auto, "
                                   "uring, epoll; did you mean 'uring'?)\n");
    YAML_SAYS(REALMS "io: [auto]\n", "f:2:5: io: is a list (allowed: auto, uring, epoll)\n");
    YAML_SAYS("realms: [{name: 7, roles: [{name: a}]}]",
              "f:1:17: realms[0].name: '7' is not a text: put it in quotes "
              "(allowed: a text of 1 to 255 octets)\n");
    YAML_SAYS("realms: []", "f:1:9: realms: has 0 items (allowed: 1 to 1024)\n");
    YAML_SAYS("x", "f:1:1: is a single value (allowed: a map of keys)\n");
    YAML_SAYS("", "f:1:1: is empty\n");
    YAML_SAYS("# nothing\n", "f:1:1: is empty\n");
    YAML_SAYS("workers: 1\n", "f:1:1: 'realms' is missing: what is routed, apart from each other; "
                              "a file must name its realms\n");
    JSON_SAYS(
        "{\"workers\":\n 1e3, \"realms\": [{\"name\": \"r\", \"roles\": [{\"name\": \"a\"}]}]}",
        "f:2:2: workers: '1e3' is not what may stand here (allowed: auto, 1 to 256)\n");
}

static void unknown_keys_are_told_with_the_nearest_one(void **state)
{
    (void)state;
    YAML_SAYS(REALMS "worker: 2\n",
              "f:2:1: worker: unknown key (allowed: version, workers, pin, io, listeners, realms, "
              "limits, log; did you mean 'workers'?)\n");
    YAML_SAYS(REALMS "limits:\n    helo_ms: 500\n",
              "f:3:5: limits.helo_ms: unknown key (did you mean 'hello_ms'?)\n");
    YAML_SAYS(REALMS "log: {colour: {a: [1]}}\n",
              "f:2:7: log.colour: unknown key (allowed: format, level)\n");
    JSON_SAYS(
        "{\"realms\": [{\"name\": \"r\",\n  \"role\": [],\n \"roles\": [{\"name\": \"a\"}]}]}",
        "f:2:3: realms[0].role: unknown key (allowed: name, uri_check, anonymous_role, roles; "
        "did you mean 'roles'?)\n");
}

static void all_problems_are_told_up_to_a_bound(void **state)
{
    (void)state;
    YAML_SAYS(REALMS "pin: 1\nio: 2\n",
              "f:2:6: pin: '1' is not what may stand here (allowed: true, false)\n"
              "f:3:5: io: '2' is not what may stand here (allowed: auto, uring, epoll)\n");
    char text[4096] = REALMS;
    for (int i = 0; i < CONFIG_ERRORS_MAX + 5; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "zzzzzzzz%d: 1\n", i);
    }
    assert_int_equal(load(text, CONFIG_YAML), CONFIG_BAD);
    size_t lines = 0;
    for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, CONFIG_ERRORS_MAX + 1);
    assert_non_null(strstr(said, "\nf: and 5 more\n"));
}

static void syntax_is_told_with_its_place(void **state)
{
    (void)state;
    YAML_SAYS("realms:\n\t- x\n", "f:2:1: found character that cannot start any token\n");
    YAML_SAYS("a: \xff\n", "f:1:4: invalid leading UTF-8 octet\n");
    YAML_SAYS("a: [1\n", "f:2:1: did not find expected ',' or ']'\n");
    YAML_SAYS("a: 1\na: 2\n", "f:2:1: key 'a' stands twice\n");
    YAML_SAYS("? [a]\n: 1\n", "f:1:3: a key must be a plain text\n");
    YAML_SAYS("a: \"\\0\"\n", "f:1:4: a: holds a NUL\n");
    YAML_SAYS("a: 1\n---\nb: 1\n", "f:2:1: a second document: one file is one\n");
    YAML_SAYS("a: &x 1\n", "f:1:4: anchors are not taken: write the value out\n");
    YAML_SAYS("a: *x\n", "f:1:4: aliases are not taken: write the value out\n");
    YAML_SAYS("a: !!str 1\n", "f:1:4: tags are not taken: leave the '!' word out\n");
    YAML_SAYS("a: &x [1]\n", "f:1:4: anchors are not taken: write the value out\n");
    JSON_SAYS("{\"a\": 1,\n \"b\" 2}", "f:2:6: ':' expected near '2'\n");
    JSON_SAYS("{\"a\": 1, \"a\": 2}", "f:1:10: key 'a' stands twice\n");
    JSON_SAYS("", "f:1:1: '[' or '{' expected near end of file\n");
}

static void bounds_hold(void **state)
{
    (void)state;
    char deep[256];
    memset(deep, '[', 200);
    deep[200] = '\0';
    YAML_SAYS(deep, "f:1:33: nested too deep (allowed: 32 levels)\n");
    memset(deep + 100, ']', 100);
    JSON_SAYS(deep, "f:1:33: nested too deep (allowed: 32 levels)\n");
    size_t size = CONFIG_FILE_BYTES_MAX + 1;
    char *large = malloc(size);
    memset(large, '#', size);
    memset(said, 0, sizeof(said));
    FILE *errors = fmemopen(said, sizeof(said), "w");
    int result = config_load_text("f", bytes_make(large, size), CONFIG_YAML, &config, errors);
    assert_int_equal(result, CONFIG_BAD);
    fclose(errors);
    assert_string_equal(said, "f:1:1: is too large (allowed: 1048576 octets)\n");
    char *at = large;
    *at++ = '[';
    for (int i = 0; i <= CONFIG_NODES_MAX; i++) {
        *at++ = '1';
        *at++ = ',';
    }
    memcpy(at, "1]", 3);
    YAML_SAYS(large, "f:1:200000: too many values (allowed: 100000)\n");
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_is_what_the_hand_wrote),
        cmocka_unit_test(deployed_sample_is_the_tables_and_says_the_defaults),
        cmocka_unit_test(absent_keys_have_the_samples_values_but_realms_deny),
        cmocka_unit_test(every_key_arrives),
        cmocka_unit_test(json_and_yaml_say_the_same),
        cmocka_unit_test(wrong_values_are_told_with_place_path_and_what_is_allowed),
        cmocka_unit_test(unknown_keys_are_told_with_the_nearest_one),
        cmocka_unit_test(all_problems_are_told_up_to_a_bound),
        cmocka_unit_test(syntax_is_told_with_its_place),
        cmocka_unit_test(bounds_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
