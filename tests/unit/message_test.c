/* Heads of messages: what is taken, in each serializer, and above all what is not. */
#include "common/message.h"

#include "common/transcode.h"
#include "tests/lib/dry.h"
#include "tests/lib/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct dry dry;
static struct mem mem;
static struct guard guard;
static struct message_reader reader;
static struct message message;

static int start(void **state)
{
    (void)state;
    dry_mem_init(&mem, &dry, SIZE_MAX / 2);
    guard_init(&guard, 1 << 16);
    message_reader_init(&reader, &mem, 8, 12);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    message_reader_fini(&reader);
    guard_fini(&guard);
    dry_mem_fini(&mem, &dry);
    return 0;
}

static bool takes_octets(enum serializer serializer, struct bytes octets)
{
    bool taken = message_read(&reader, serializer, guard_copy(&guard, octets), &message);
    assert_true(taken || reader.fault != NULL);
    return taken;
}

/* The JSON text in that serializer; every prefix of it must be refused. */
static bool takes_as(enum serializer serializer, const char *json)
{
    struct buf buf;
    struct writer writer;
    buf_init(&buf, &mem, 1 << 20);
    writer_init(&writer, serializer, &buf);
    assert_true(transcode(SERIALIZER_JSON, bytes_text(json), &writer) && !buf.failed);
    for (size_t size = 0; size < buf.size && size < 200; size++) {
        assert_false(takes_octets(serializer, bytes_make(buf.at, size)));
    }
    buf_put_byte(&buf, '0');
    assert_false(takes_octets(serializer, buf_bytes(&buf))); /* trailing octets */
    buf.size--;
    bool taken = takes_octets(serializer, buf_bytes(&buf));
    buf_fini(&buf);
    return taken;
}

/* In all three, which must agree. */
static bool takes(const char *json)
{
    bool taken = takes_as(SERIALIZER_MSGPACK, json);
    assert_int_equal(taken, takes_as(SERIALIZER_CBOR, json));
    assert_int_equal(taken, takes_as(SERIALIZER_JSON, json));
    return taken;
}

static const struct {
    uint64_t code;
    const char *fields;
    bool payload;
    char sender;
} layouts[] = {
#define MESSAGE(code, name, fields, payload, sender) {code, fields, payload, #sender[0]},
#include "common/message.def"
#undef MESSAGE
};

static void every_code_takes_its_own_count_of_elements_and_no_other(void **state)
{
    (void)state;
    for (unsigned i = 0; i < array_count(layouts); i++) {
        char text[256];
        size_t size = (size_t)snprintf(text, sizeof text, "[%u", (unsigned)layouts[i].code);
        size_t fields = strlen(layouts[i].fields);
        for (size_t count = 0; count < fields + 4; count++) {
            snprintf(text + size, sizeof text - size, "]");
            size_t most = fields + (layouts[i].payload ? 2 : 0);
            bool right = count >= fields && count <= most && layouts[i].sender != 'R';
            assert_int_equal(takes(text), right);
            char field = count < fields ? layouts[i].fields[count] : '\0';
            size += (size_t)snprintf(text + size, sizeof text - size,
                                     count == fields  ? ",[]"
                                     : count > fields ? ",{}"
                                     : field == 'd'   ? ",{}"
                                     : field == 'u'   ? ",\"a\""
                                                      : ",1");
        }
    }
}

static void a_field_of_another_type_is_refused(void **state)
{
    (void)state;
    static const char *const values[] = {"1", "\"a\"", "{}", "[]", "null", "true", "1.5", "-1"};
    for (unsigned i = 0; i < array_count(layouts); i++) {
        const char *fields = layouts[i].fields;
        for (size_t wrong = 0; wrong < strlen(fields) && layouts[i].sender != 'R'; wrong++) {
            for (unsigned v = 0; v < array_count(values); v++) {
                char text[256];
                size_t size = (size_t)snprintf(text, sizeof text, "[%u", (unsigned)layouts[i].code);
                for (size_t k = 0; k < strlen(fields); k++) {
                    const char *good = fields[k] == 'd' ? "{}" : fields[k] == 'u' ? "\"a\"" : "1";
                    size += (size_t)snprintf(text + size, sizeof text - size, ",%s",
                                             k == wrong ? values[v] : good);
                }
                snprintf(text + size, sizeof text - size, "]");
                bool right = fields[wrong] == 'd' ? v == 2 : fields[wrong] == 'u' ? v == 1 : v == 0;
                assert_int_equal(takes(text), right);
            }
        }
    }
}

static void unknown_codes_and_things_that_are_no_list_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "[]",       "{}",          "1",          "\"a\"",  "[\"16\",1]", "[0,1]",
        "[7,1,{}]", "[99,1,{}]",   "[256,1,{}]", "[1023]", "[-16,1,{}]", "[16.0,1,{},\"a\"]",
        "[[16]]",   "[true,1,{}]", "[null]"};
    for (unsigned i = 0; i < array_count(rows); i++) {
        assert_false(takes(rows[i]));
    }
}

static void ids_are_integers_from_one_to_two_to_the_53(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        bool right;
    } rows[] = {
        {"1", true},
        {"9007199254740992", true},
        {"0", false},
        {"-1", false},
        {"9007199254740993", false},
        {"18446744073709551615", false},
        {"1.0", false},
        {"1.5", false},
        {"1e0", false},
        {"true", false},
        {"\"1\"", false},
        {"null", false},
        {"[1]", false},
        {"18446744073709551616", false},
        {"-0.0", false},
    };
    for (unsigned i = 0; i < array_count(rows); i++) {
        char text[128];
        snprintf(text, sizeof text, "[34,%s,1]", rows[i].id);
        assert_int_equal(takes(text), rows[i].right);
        snprintf(text, sizeof text, "[34,1,%s]", rows[i].id);
        assert_int_equal(takes(text), rows[i].right);
        snprintf(text, sizeof text, "[16,%s,{},\"a\"]", rows[i].id);
        assert_int_equal(takes(text), rows[i].right);
    }
}

/* The values that a type of attribute.def takes: bits of the list below. */
static const char *const values[] = {
    "true",      "1",        "0",        "\"x\"", "{}",  "[]", "[1]", "[\"a\"]",        "[{}]",
    "\"exact\"", "\"last\"", "\"kill\"", "null",  "1.0", "-1", "[0]", "{\"caller\":{}}"};

static unsigned values_of(const char *type)
{
    static const struct {
        const char *type;
        unsigned right;
    } rows[] = {
        {"BOOL", 1},
        {"UINT", 1 << 1 | 1 << 2},
        {"STRING", 1 << 3 | 1 << 9 | 1 << 10 | 1 << 11},
        {"DICT", 1 << 4 | 1 << 16},
        {"IDS", 1 << 5 | 1 << 6},
        {"STRINGS", 1 << 5 | 1 << 7},
        {"METHODS", 1 << 5 | 1 << 7},
        {"DICTS", 1 << 5 | 1 << 8},
        {"MATCH", 1 << 9},
        {"INVOKE", 1 << 10},
        {"MODE", 1 << 11},
        {"ROLES", 1 << 4 | 1 << 16},
    };
    for (unsigned i = 0; i < array_count(rows); i++) {
        if (strcmp(rows[i].type, type) == 0) {
            return rows[i].right;
        }
    }
    fail_msg("%s is a type that this test does not know", type);
    return 0;
}

static void attribute_is_judged(uint64_t code, const char *name, const char *type)
{
    for (unsigned v = 0; v < array_count(values); v++) {
        char text[256];
        char dict[64];
        snprintf(dict, sizeof dict, "{\"%s\":%s}", name, values[v]);
        if (code == MESSAGE_HELLO) {
            snprintf(text, sizeof text, "[1,\"a\",%s]", dict);
        } else if (code == MESSAGE_ABORT || code == MESSAGE_GOODBYE) {
            snprintf(text, sizeof text, "[%u,%s,\"a\"]", (unsigned)code, dict);
        } else if (code == MESSAGE_ERROR) {
            snprintf(text, sizeof text, "[8,68,1,%s,\"a\"]", dict);
        } else if (code == MESSAGE_CANCEL || code == MESSAGE_YIELD) {
            snprintf(text, sizeof text, "[%u,1,%s]", (unsigned)code, dict);
        } else {
            snprintf(text, sizeof text, "[%u,1,%s,\"a\"]", (unsigned)code, dict);
        }
        assert_int_equal(takes(text), (values_of(type) >> v & 1) != 0);
    }
}

static void every_attribute_takes_its_own_type_only(void **state)
{
    (void)state;
#define ATTRIBUTE(message, name, type, slot) attribute_is_judged(MESSAGE_##message, #name, #type);
#include "common/attribute.def"
#undef ATTRIBUTE
    assert_true(takes("[16,1,{\"nobody_knows\":[{\"a\":1.5}],\"mode\":7,\"roles\":0},\"a\"]"));
}

static void keys_are_strings_and_stand_once(void **state)
{
    (void)state;
    assert_false(takes("[16,1,{\"a\":1,\"b\":2,\"a\":3},\"a\"]"));
    assert_false(takes("[16,1,{\"retain\":true,\"retain\":true},\"a\"]"));
    assert_false(takes_octets(SERIALIZER_JSON, bytes_text("[16,1,{\"a\":1,\"\\u0061\":2},\"a\"]")));
    assert_true(takes("[16,1,{},\"a\",[],{\"a\":1,\"b\":2}]"));
    static const uint8_t msgpack[] = {0x94, 16, 1, 0x81, 1, 2, 0xa1, 'a'};
    static const uint8_t cbor[] = {0x84, 16, 1, 0xa1, 1, 2, 0x61, 'a'};
    static const uint8_t binary[] = {0x84, 16, 1, 0xa1, 0x41, 'k', 2, 0x61, 'a'};
    assert_false(takes_octets(SERIALIZER_MSGPACK, bytes_make(msgpack, sizeof msgpack)));
    assert_false(takes_octets(SERIALIZER_CBOR, bytes_make(cbor, sizeof cbor)));
    assert_false(takes_octets(SERIALIZER_CBOR, bytes_make(binary, sizeof binary)));
}

static void a_dict_has_at_most_keys_max(void **state)
{
    (void)state;
    for (unsigned count = MESSAGE_KEYS_MAX - 1; count <= MESSAGE_KEYS_MAX + 1; count++) {
        static char text[32768];
        size_t size = (size_t)snprintf(text, sizeof text, "[16,1,{");
        for (unsigned i = 0; i < count; i++) {
            size += (size_t)snprintf(text + size, sizeof text - size, "%s\"k%u\":%u",
                                     i == 0 ? "" : ",", i, i);
        }
        snprintf(text + size, sizeof text - size, "},\"a\"]");
        assert_int_equal(takes(text), count <= MESSAGE_KEYS_MAX);
    }
}

static void text_with_escapes_and_in_chunks_is_decoded(void **state)
{
    (void)state;
    assert_true(takes_octets(
        SERIALIZER_JSON, bytes_text("[1,\"\\u0072ealm\\/1\",{\"authi\\u0064\":\"j\\u00f6\"}]")));
    assert_true(bytes_equal_text(message.uri, "realm/1"));
    assert_true(bytes_equal_text(message.authid, "j\xc3\xb6"));
    static const uint8_t cbor[] = {0x83, 1,    0x7f, 0x62, 'r', 'e',  0x60, 0x61, 'm',
                                   0xff, 0xbf, 0x7f, 0x66, 'a', 'u',  't',  'h',  'i',
                                   'd',  0xff, 0x7f, 0x61, 'x', 0x61, 'y',  0xff, 0xff};
    assert_true(takes_octets(SERIALIZER_CBOR, bytes_make(cbor, sizeof cbor)));
    assert_true(bytes_equal_text(message.uri, "rem"));
    assert_true(bytes_equal_text(message.authid, "xy"));
}

static void the_payload_is_a_list_and_then_a_dict(void **state)
{
    (void)state;
    static const char *const rows[] = {"{}", "1", "\"a\"", "null"};
    char text[128];
    for (unsigned i = 0; i < array_count(rows); i++) {
        snprintf(text, sizeof text, "[48,1,{},\"a\",%s]", rows[i]);
        assert_false(takes(text));
        snprintf(text, sizeof text, "[48,1,{},\"a\",[],%s]", i == 0 ? "[]" : rows[i]);
        assert_false(takes(text));
    }
    assert_true(takes("[48,1,{},\"a\",[1,2],{\"k\":[3]}]"));
    assert_true(bytes_equal_text(message.args, "[1,2]"));
    assert_true(bytes_equal_text(message.kwargs, "{\"k\":[3]}"));
    assert_true(takes("[48,1,{},\"a\"]"));
    assert_true(message.args.size == 0 && message.kwargs.size == 0);
}

/* Depths of 8 in details and 12 in all. */
static void details_and_payload_have_depths_of_their_own(void **state)
{
    (void)state;
    for (unsigned depth = 1; depth < 14; depth++) {
        char open[16] = {0};
        char close[16] = {0};
        char text[128];
        memset(open, '[', depth);
        memset(close, ']', depth);
        snprintf(text, sizeof text, "[16,1,{\"x\":%s%s},\"a\"]", open, close);
        assert_int_equal(takes(text), depth + 2 <= 8);
        snprintf(text, sizeof text, "[16,1,{},\"a\",%s%s]", open, close);
        assert_int_equal(takes(text), depth + 1 <= 12);
    }
}

static void a_tag_before_what_wamp_defines_is_refused(void **state)
{
    (void)state;
    /* [16, 1, {"retain": true, "x": 1}, "a", [1], {"k": 1}], and where a tag may be put */
    static const uint8_t plain[] = {0x86, 16,  1, 0xa2, 0x66, 'r',  'e', 't',  'a',  'i', 'n', 0xf5,
                                    0x61, 'x', 1, 0x61, 'a',  0x81, 1,   0xa1, 0x61, 'k', 1};
    static const uint8_t starts[] = {0, 1, 2, 3, 4, 11, 12, 14, 15, 17, 18, 19, 20, 22};
    static const uint8_t allowed[] = {14, 18, 20, 22}; /* a value nobody knows, and payload */
    assert_true(takes_octets(SERIALIZER_CBOR, bytes_make(plain, sizeof plain)));
    for (unsigned i = 0; i < array_count(starts); i++) {
        uint8_t tagged[sizeof plain + 1];
        memcpy(tagged, plain, starts[i]);
        tagged[starts[i]] = 0xc6;
        memcpy(tagged + starts[i] + 1, plain + starts[i], sizeof plain - starts[i]);
        bool right = memchr(allowed, starts[i], sizeof allowed) != NULL;
        assert_int_equal(takes_octets(SERIALIZER_CBOR, bytes_make(tagged, sizeof tagged)), right);
    }
}

static void roles_and_methods_are_remembered(void **state)
{
    (void)state;
    assert_true(takes("[1,\"r\",{\"roles\":{\"publisher\":{},\"callee\":{\"features\":{\"a\":true},"
                      "\"x\":[1]}},\"authmethods\":[\"ticket\",\"anonymous\"]}]"));
    assert_int_equal(message.roles, ROLE_PUBLISHER | ROLE_CALLEE);
    assert_true(message.methods_given && message.method_anonymous);
    assert_true(takes("[1,\"r\",{\"authmethods\":[\"ticket\"]}]"));
    assert_true(message.methods_given && !message.method_anonymous && message.roles == 0);
    assert_false(takes("[1,\"r\",{\"roles\":{\"caller\":{\"features\":{\"a\":1}}}}]"));
    assert_false(takes("[1,\"r\",{\"roles\":{\"caller\":{\"features\":[]}}}]"));
    assert_false(takes("[1,\"r\",{\"roles\":{\"caller\":true}}]"));
    assert_false(takes("[1,\"r\",{\"roles\":{\"dealer\":{}}}]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_takes_its_own_count_of_elements_and_no_other),
        cmocka_unit_test(a_field_of_another_type_is_refused),
        cmocka_unit_test(unknown_codes_and_things_that_are_no_list_are_refused),
        cmocka_unit_test(ids_are_integers_from_one_to_two_to_the_53),
        cmocka_unit_test(every_attribute_takes_its_own_type_only),
        cmocka_unit_test(keys_are_strings_and_stand_once),
        cmocka_unit_test(a_dict_has_at_most_keys_max),
        cmocka_unit_test(text_with_escapes_and_in_chunks_is_decoded),
        cmocka_unit_test(the_payload_is_a_list_and_then_a_dict),
        cmocka_unit_test(details_and_payload_have_depths_of_their_own),
        cmocka_unit_test(a_tag_before_what_wamp_defines_is_refused),
        cmocka_unit_test(roles_and_methods_are_remembered),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
