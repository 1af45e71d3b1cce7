/* What stands against another value, endpoints, variables, files, --listen. */
#include "tests/unit/config_say.h"

static void what_contradicts_is_told(void **state)
{
    (void)state;
    YAML_SAYS("realms:\n- name: r\n  anonymous_role: b\n  roles: [{name: a}]\n",
              "f:3:19: realms[0].anonymous_role: 'b' is no role of this realm "
              "(allowed: a name from its roles)\n");
    YAML_SAYS("realms: [{name: r, roles: [{name: a}, {name: a}]}, {name: r, roles: [{name: a}]}]",
              "f:1:46: realms[0].roles[1].name: role 'a' is there already\n"
              "f:1:59: realms[1].name: realm 'r' is there already\n");
    YAML_SAYS("realms: [{name: 'a b', roles: [{name: a.b}]}]",
              "f:1:17: realms[0].name: 'a b' is no name of a realm (allowed: a URI)\n"
              "f:1:39: realms[0].roles[0].name: 'a.b' is no name of a role "
              "(allowed: one URI component)\n");
    YAML_SAYS("realms: [{name: r, roles: [{name: a, permissions: [{uri: a..b}, {uri: x},\n"
              " {uri: x}, {uri: x*}]}]}]",
              "f:1:58: realms[0].roles[0].permissions[0].uri: 'a..b' is no URI pattern for match "
              "exact (allowed: components between dots, without white space and #; empty ones "
              "only where the match has them)\n"
              "f:2:8: realms[0].roles[0].permissions[2].uri: the same uri and match stand in "
              "permissions[1] already\n");
    YAML_SAYS(REALMS "listeners: [{endpoint: 'tcp://a:1'}, {endpoint: {host: A, port: 1}}]\n",
              "f:2:49: listeners[1].endpoint: is the endpoint of listeners[0] already\n");
    YAML_SAYS(REALMS "listeners: [{realms: [realm2], websocket: false, rawsocket: false}]\n",
              "f:2:13: listeners[0]: speaks neither websocket nor rawsocket\n"
              "f:2:23: listeners[0].realms[0]: no realm is called 'realm2'\n");
    YAML_SAYS(REALMS "limits:\n  out_hard_bytes: 65536\n",
              "f:3:19: limits.out_hard_bytes: limits.out_soft_bytes is above "
              "limits.out_hard_bytes: else it could not be reached (allowed: at most as much)\n"
              "f:3:19: limits.out_hard_bytes: limits.message_bytes is above "
              "limits.out_hard_bytes: else no session could be sent the longest message "
              "(allowed: at most as much)\n");
}

static void endpoints_that_are_none_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint, *wanted;
    } rows[] = {
        {"'http://x'", "'http://x' is of no known kind"},
        {"'tcp://x'", "'tcp://x' needs a host and a port; an IPv6 address stands in brackets"},
        {"'tcp://::1:1'", "'tcp://::1:1' needs a host and a port; an IPv6 address stands in "
                          "brackets"},
        {"'tcp://x:65536'", "'tcp://x:65536' has a port that is no number of 0 to 65535"},
        {"'tcp://x:'", "'tcp://x:' has a port that is no number of 0 to 65535"},
        {"'tcp://x/:1'", "'tcp://x/:1' has no host that could be one"},
        {"'unix:x'", "'unix:x' needs an absolute path"},
        {"\"unix:/\\n\"", "'unix:/\\x0a' holds control characters"},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        char text[256];
        char wanted[256];
        snprintf(text, sizeof(text), "listeners: [{endpoint: %s}]\n" REALMS, rows[i].endpoint);
        snprintf(wanted, sizeof(wanted),
                 "f:1:24: listeners[0].endpoint: %s (allowed: tcp://HOST:PORT, unix:/PATH)\n",
                 rows[i].wanted);
        YAML_SAYS(text, wanted);
    }
    YAML_SAYS(REALMS
              "listeners: [{endpoint: {type: unix}}, {endpoint: {type: tcp}},\n"
              "{endpoint: {port: 1, path: /x}}, {endpoint: {host: a, interface: b, port: 1}}]",
              "f:2:24: listeners[0].endpoint: 'path' is missing\n"
              "f:2:50: listeners[1].endpoint: 'port' is missing\n"
              "f:3:28: listeners[2].endpoint.path: does not belong to type tcp "
              "(allowed: host, port)\n"
              "f:3:66: listeners[3].endpoint.interface: is the same as host: give one of them\n");
}

static void variables_come_in_and_are_never_printed(void **state)
{
    (void)state;
    setenv("CLOS_TEST_A", "5", 1);
    setenv("CLOS_TEST_EMPTY", "", 1);
    setenv("CLOS_TEST_SECRET", "hunter2", 1);
    unsetenv("CLOS_TEST_NONE");
    check_loads("realms: [{name: \"r${CLOS_TEST_A}${CLOS_TEST_EMPTY:-.x}$${y}\", "
                "roles: [{name: a}]}]\nworkers: \"${CLOS_TEST_A}\"\npin: ${CLOS_TEST_NONE:-false}",
                CONFIG_YAML);
    assert_string_equal(config.settings.realms[0].name, "r5.x${y}");
    assert_int_equal(config.settings.workers, 5);
    assert_false(config.settings.pin);
    config_free(&config);
    YAML_SAYS(REALMS "workers: ${CLOS_TEST_NONE}\n",
              "f:2:10: workers: variable CLOS_TEST_NONE is not set (a default: "
              "${CLOS_TEST_NONE:-...})\n");
    YAML_SAYS(REALMS "workers: ${CLOS_TEST_SECRET}\n",
              "f:2:10: workers: '${CLOS_TEST_SECRET}' is not what may stand here "
              "(allowed: auto, 1 to 256)\n");
    YAML_SAYS("realms: [{name: '${CLOS_TEST_SECRET} #', roles: [{name: a}]}]",
              "f:1:17: realms[0].name: '${CLOS_TEST_SECRET} #' is no name of a realm "
              "(allowed: a URI)\n");
    YAML_SAYS(REALMS "workers: ${1}\n",
              "f:2:10: workers: '${1}' is not a variable (allowed: ${NAME}, ${NAME:-default}; "
              "$${ for a ${)\n");
    YAML_SAYS(REALMS "workers: ${A\n",
              "f:2:10: workers: '${A' is not a variable (allowed: ${NAME}, ${NAME:-default}; "
              "$${ for a ${)\n");
}

static char *file_with(char path[static 64], const void *content, size_t size)
{
    snprintf(path, 64, "/tmp/clos_config_test_XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, size), (ssize_t)size);
    close(fd);
    return path;
}

static void a_files_content_comes_in(void **state)
{
    (void)state;
    char path[64];
    char text[256];
    char wanted[512];
    setenv("CLOS_TEST_PATH", file_with(path, "4\r\n", 3), 1);
    check_loads(REALMS "workers: file:${CLOS_TEST_PATH}\n", CONFIG_YAML);
    assert_int_equal(config.settings.workers, 4);
    config_free(&config);
    unlink(path);
    snprintf(text, sizeof(text), REALMS "workers: file:%s\n", path);
    snprintf(wanted, sizeof(wanted),
             "f:2:10: workers: 'file:%s': No such file or directory "
             "(allowed: a readable file of at most 65536 octets)\n",
             path);
    YAML_SAYS(text, wanted);
    setenv("CLOS_TEST_PATH", "file:/etc/passwd", 1);
    check_loads("realms: [{name: \"${CLOS_TEST_PATH}\", roles: [{name: a}]}]", CONFIG_YAML);
    assert_string_equal(config.settings.realms[0].name, "file:/etc/passwd");
    config_free(&config);
    YAML_SAYS(REALMS "workers: file:x\n", "f:2:10: workers: 'file:x': the path must be absolute "
                                          "(allowed: file:/path)\n");
    YAML_SAYS(REALMS "workers: file:/tmp\n",
              "f:2:10: workers: 'file:/tmp': is not a regular file "
              "(allowed: a readable file of at most 65536 octets)\n");
    setenv("CLOS_TEST_PATH", file_with(path, "\xff", 1), 1);
    YAML_SAYS(REALMS "workers: file:${CLOS_TEST_PATH}\n",
              "f:2:10: workers: 'file:${CLOS_TEST_PATH}' brings in what is no UTF-8 text\n");
    unlink(path);
}

static void listen_replaces_the_endpoints_and_keeps_the_rest(void **state)
{
    (void)state;
    check_loads(REALMS "listeners: [{endpoint: 'tcp://a:1', rawsocket: false}, {}]\n", CONFIG_YAML);
    memset(said, 0, sizeof(said));
    FILE *errors = fmemopen(said, sizeof(said), "w");
    assert_int_equal(config_listen_add(&config, "tcp://[::]:0", errors), 0);
    assert_int_equal(config_listen_add(&config, "unix:/tmp/x", errors), 0);
    assert_int_equal(config_listen_add(&config, "unix:/tmp/x", errors), CONFIG_BAD);
    assert_int_equal(config_listen_add(&config, "8080", errors), CONFIG_BAD);
    fclose(errors);
    assert_string_equal(said, "--listen: 'unix:/tmp/x' is given twice (allowed: tcp://HOST:PORT, "
                              "unix:/PATH; at most 64)\n"
                              "--listen: '8080' is of no known kind (allowed: tcp://HOST:PORT, "
                              "unix:/PATH; at most 64)\n");
    assert_int_equal(config.settings.listeners_count, 2);
    const struct listener_settings *listeners = config.settings.listeners;
    assert_string_equal(listeners[0].host, "::");
    assert_int_equal(listeners[0].port, 0);
    assert_false(listeners[0].transport.rawsocket);
    assert_true(listeners[1].is_unix);
    assert_string_equal(listeners[1].path, "/tmp/x");
    assert_false(listeners[1].transport.rawsocket);
    config_free(&config);
}

static void a_file_that_is_not_there_is_told(void **state)
{
    (void)state;
    memset(said, 0, sizeof(said));
    FILE *errors = fmemopen(said, sizeof(said), "w");
    assert_int_equal(config_load("/nonexistent/c.yaml", &config, errors), CONFIG_BAD);
    assert_int_equal(config_load("/tmp", &config, errors), CONFIG_BAD);
    fclose(errors);
    assert_string_equal(said, "/nonexistent/c.yaml: No such file or directory\n"
                              "/tmp: Is a directory (allowed: 1048576 octets)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_contradicts_is_told),
        cmocka_unit_test(endpoints_that_are_none_are_told),
        cmocka_unit_test(variables_come_in_and_are_never_printed),
        cmocka_unit_test(a_files_content_comes_in),
        cmocka_unit_test(listen_replaces_the_endpoints_and_keeps_the_rest),
        cmocka_unit_test(a_file_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
