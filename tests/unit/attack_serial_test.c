/* Attack table, group E: serializers. Each wrong message is said over both framings. */
#include "tests/lib/attack.h"

#include <stdio.h>

struct bad {
    enum serializer serializer;
    const char *octets;
    size_t size;
};

#define BAD(text) (text), sizeof(text) - 1

static const struct bad counts[] = {
    {SERIALIZER_MSGPACK, BAD("\xdd\xff\xff\xff\xff")},                    /* array of 2^32-1 */
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\xdf\xff\xff\xff\xff")},           /* map of 2^32-1 */
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x80\xdb\xff\xff\xff\xff\x63om")}, /* string of 2^32-1 */
    /* binary of 2^32-1 in payload */
    {SERIALIZER_MSGPACK, BAD("\x95\x10\x01\x80\xa9\x63om.topic\x91\xc6\xff\xff\xff\xff")},
    /* array of 2^32-1 in payload */
    {SERIALIZER_MSGPACK, BAD("\x95\x10\x01\x80\xa9\x63om.topic\xdd\xff\xff\xff\xff\xc0")},
    {SERIALIZER_CBOR, BAD("\x9b\xff\xff\xff\xff\xff\xff\xff\xff")}, /* list of 2^64-1 */
    {SERIALIZER_CBOR, BAD("\x9b\x00\x00\x00\x01\x00\x00\x00\x00")}, /* list of 2^32 */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xbb\x80\x00\x00\x00\x00\x00\x00\x00")}, /* map of 2^63 */
    /* text of 2^64-1 */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa0{\xff\xff\xff\xff\xff\xff\xff\xff\x63om")},
};

static const struct bad msgpacks[] = {
    {SERIALIZER_MSGPACK, BAD("\xc1")},                         /* an octet that means nothing */
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x80\xa9\x63om.topi")}, /* cut */
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x80\xa9\x63om.topic\xc0")}, /* trailing */
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x80\xa5\x63om.\xff")},      /* text that is not UTF-8 */
    /* key that is not UTF-8 */
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x81\xa1\xff\x01\xa9\x63om.topic")},
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x80\xc4\x09\x63om.topic")}, /* binary for a URI */
    /* binary for an option */
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x81\xa5match\xc4\x05\x65xact\xa9\x63om.topic")},
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x80\xd4\x01\x00")}, /* extension for a URI */
    /* extension for an id */
    {SERIALIZER_MSGPACK, BAD("\x94 \xd6\xff\x00\x00\x00\x01\x80\xa9\x63om.topic")},
};

static const struct bad cbors[] = {
    {SERIALIZER_CBOR, BAD("\x84\x18 \x1c\xa0icom.topic")},     /* reserved length 28 */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x1e\xa0icom.topic")},     /* reserved length 30 */
    {SERIALIZER_CBOR, BAD("\xff")},                            /* break outside */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xfficom.topic")},     /* break as an item */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa0icom.topi")},      /* cut */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa0icom.topic\xf6")}, /* trailing */
    {SERIALIZER_CBOR, BAD("\x9f\x18 \x01\xa0icom.topic")},     /* unended list */
    /* map that ends between key and value */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xbf\x63x_x\xfficom.topic")},
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa0\x7f\x63\x63omAa\xff")},       /* chunks of two kinds */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa0\x7f\x7f\x63\x63om\xff\xff")}, /* chunk in a chunk */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa0Icom.topic")},                 /* octets for a URI */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa0\x65\x63om.\xff")}, /* text that is not UTF-8 */
    /* text cut within a character */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa0\x7f\x65\x63om.\xc3\x61\xa4\xff")},
    {SERIALIZER_CBOR, BAD("\x84\x18 \xc1\x01\xa0icom.topic")},         /* tag before an id */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa0\xd8 icom.topic")},        /* tag before a URI */
    {SERIALIZER_CBOR, BAD("\x84\x18 \xc2\x41\x01\xa0icom.topic")},     /* bignum for an id */
    {SERIALIZER_CBOR, BAD("\x84\xc1\x18 \x01\xa0icom.topic")},         /* tag before the code */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xc1\xa0icom.topic")},         /* tag before options */
    {SERIALIZER_CBOR, BAD("\xd9\xd9\xf7\x84\x18 \x01\xa0icom.topic")}, /* tag before the message */
    /* tag before an option */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa1\x65match\xc1\x65\x65xacticom.topic")},
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa1\xc1\x65matcheexacticom.topic")}, /* tag before a key */
    /* simple value in two octets that fits one */
    {SERIALIZER_CBOR, BAD("\x84\x18 \xf8\x14\xa0icom.topic")},
};

static const struct bad jsons[] = {
    {SERIALIZER_JSON, BAD("hello")},                                   /* not JSON */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\"")},                  /* cut */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\"] x")},               /* trailing text */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\"][]")},               /* two values */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\",]")},                /* trailing comma */
    {SERIALIZER_JSON, BAD("[16 1,{},\"com.topic\"]")},                 /* no comma */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\"/**/]")},             /* comment */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\",[NaN]]")},           /* NaN */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\",[-Infinity]]")},     /* Infinity */
    {SERIALIZER_JSON, BAD("[16,01,{},\"com.topic\"]")},                /* leading zero */
    {SERIALIZER_JSON, BAD("[16,+1,{},\"com.topic\"]")},                /* plus */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\",[1.]]")},            /* bare point */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\",[.5]]")},            /* point first */
    {SERIALIZER_JSON, BAD("[16,0x1,{},\"com.topic\"]")},               /* hexadecimal */
    {SERIALIZER_JSON, BAD("[16,1,{},'com.topic']")},                   /* single quotes */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.to\x0apic\"]")},             /* control character */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\",[\"a\x09\x62\"]]")}, /* tab in a string */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\",[\"\\ud800\"]]")},   /* lone surrogate */
    /* surrogates the wrong way round */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\",[\"\\udc00\\ud800\"]]")},
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\",[\"\\x41\"]]")}, /* bad escape */
    {SERIALIZER_JSON, BAD("\xef\xbb\xbf[16,1,{},\"com.topic\"]")}, /* byte order mark */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic]")},               /* unclosed string */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\",[True]]")},      /* True */
    {SERIALIZER_JSON, BAD("[16,1,{},\"com.topic\"]\x00")},         /* nul behind */
};

static const struct bad keys[] = {
    {SERIALIZER_JSON, BAD("[32,1,{\"match\":\"exact\",\"match\":\"exact\"},\"t\"]")}, /* twice */
    /* twice, though nobody knows it */
    {SERIALIZER_JSON, BAD("[16,1,{\"x_x\":1,\"x_x\":2},\"t\"]")},
    /* twice, once with an escape */
    {SERIALIZER_JSON, BAD("[16,1,{\"x_x\":1,\"\\u0078_x\":2},\"t\"]")},
    /* twice in HELLO */
    {SERIALIZER_JSON, BAD("[1,\"realm1\",{\"roles\":{\"caller\":{}},\"roles\":{\"caller\":{}}}]")},
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x81\x01\x02\xa9\x63om.topic")}, /* a number */
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x81\xc0\x02\xa9\x63om.topic")}, /* nil */
    /* binary */
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x81\xc4\x05match\xa5\x65xact\xa9\x63om.topic")},
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x82\xa3x_x\x01\xa3x_x\x02\xa9\x63om.topic")}, /* twice */
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x81\x90\x02\xa9\x63om.topic")},               /* a list */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa1\x01\x02icom.topic")},                    /* a number */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa1\x45matcheexacticom.topic")},             /* octets */
    /* twice, once in chunks */
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa2\x63x_x\x01\x7f\x62x_ax\xff\x02icom.topic")},
};

static const struct bad ids[] = {
    {SERIALIZER_JSON, BAD("[32,0,{},\"t\"]")},
    {SERIALIZER_JSON, BAD("[32,-1,{},\"t\"]")},
    {SERIALIZER_JSON, BAD("[32,9007199254740993,{},\"t\"]")},
    {SERIALIZER_JSON, BAD("[32,1.5,{},\"t\"]")},
    {SERIALIZER_JSON, BAD("[32,1.0,{},\"t\"]")},
    {SERIALIZER_JSON, BAD("[32,1e0,{},\"t\"]")},
    {SERIALIZER_JSON, BAD("[32,\"1\",{},\"t\"]")},
    {SERIALIZER_JSON, BAD("[32,true,{},\"t\"]")},
    {SERIALIZER_JSON, BAD("[32,null,{},\"t\"]")},
    {SERIALIZER_JSON, BAD("[34,1,0]")},
    {SERIALIZER_JSON, BAD("[34,1,-1]")},
    {SERIALIZER_JSON, BAD("[34,1,9007199254740993]")},
    {SERIALIZER_JSON, BAD("[34,1,1.0]")},
    {SERIALIZER_JSON, BAD("[34,1,\"1\"]")},
    {SERIALIZER_JSON, BAD("[34,1,true]")},
    {SERIALIZER_MSGPACK, BAD("\x94 \x00\x80\xa9\x63om.topic")},
    {SERIALIZER_MSGPACK, BAD("\x94 \xff\x80\xa9\x63om.topic")},
    {SERIALIZER_MSGPACK, BAD("\x94 \xcf\x00 \x00\x00\x00\x00\x00\x01\x80\xa9\x63om.topic")},

    {SERIALIZER_MSGPACK, BAD("\x94 \xcf\xff\xff\xff\xff\xff\xff\xff\xff\x80\xa9\x63om.topic")},

    {SERIALIZER_MSGPACK, BAD("\x94 \xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\x80\xa9\x63om.topic")},
    {SERIALIZER_MSGPACK, BAD("\x94 \xc3\x80\xa9\x63om.topic")},
    {SERIALIZER_MSGPACK, BAD("\x94 \xa1\x31\x80\xa9\x63om.topic")},
    {SERIALIZER_CBOR, BAD("\x84\x18 \x00\xa0icom.topic")},
    {SERIALIZER_CBOR, BAD("\x84\x18  \xa0icom.topic")},
    {SERIALIZER_CBOR, BAD("\x84\x18 \x1b\x00 \x00\x00\x00\x00\x00\x01\xa0icom.topic")},
    {SERIALIZER_CBOR, BAD("\x84\x18 \x1b\xff\xff\xff\xff\xff\xff\xff\xff\xa0icom.topic")},
    {SERIALIZER_CBOR, BAD("\x84\x18 \xf9<\x00\xa0icom.topic")},
    {SERIALIZER_CBOR, BAD("\x84\x18 \xf5\xa0icom.topic")},
    {SERIALIZER_CBOR, BAD("\x84\x18 a1\xa0icom.topic")},
};

static const struct bad options[] = {
    {SERIALIZER_JSON, BAD("[16,1,{\"acknowledge\":1},\"t\"]")},
    {SERIALIZER_JSON, BAD("[16,1,{\"acknowledge\":0},\"t\"]")},
    {SERIALIZER_JSON, BAD("[16,1,{\"acknowledge\":\"true\"},\"t\"]")},
    {SERIALIZER_JSON, BAD("[16,1,{\"exclude_me\":1},\"t\"]")},
    {SERIALIZER_JSON, BAD("[16,1,{\"exclude\":7},\"t\"]")},
    {SERIALIZER_JSON, BAD("[16,1,{\"eligible\":[0]},\"t\"]")},
    {SERIALIZER_JSON, BAD("[16,1,{\"exclude_authid\":\"joe\"},\"t\"]")},
    {SERIALIZER_JSON, BAD("[16,1,{\"retain\":1},\"t\"]")},

    {SERIALIZER_JSON, BAD("[32,1,{\"match\":\"regex\"},\"t\"]")},
    {SERIALIZER_JSON, BAD("[32,1,{\"match\":1},\"t\"]")},
    {SERIALIZER_JSON, BAD("[32,1,{\"match\":\"\"},\"t\"]")},
    {SERIALIZER_JSON, BAD("[64,1,{\"invoke\":\"all\"},\"t\"]")},
    {SERIALIZER_JSON, BAD("[64,1,{\"invoke\":0},\"t\"]")},
    {SERIALIZER_JSON, BAD("[48,1,{\"timeout\":-1},\"t\"]")},
    {SERIALIZER_JSON, BAD("[48,1,{\"timeout\":\"1\"},\"t\"]")},
    {SERIALIZER_JSON, BAD("[48,1,{\"timeout\":1.5},\"t\"]")},
    {SERIALIZER_MSGPACK, BAD("\x94 \x01\x81\xa5match\x01\xa9\x63om.topic")},
    {SERIALIZER_CBOR, BAD("\x84\x18 \x01\xa1\x65match\xf5icom.topic")},
};

static const struct bad codes[] = {
    {SERIALIZER_JSON, BAD("{}")},
    {SERIALIZER_JSON, BAD("[]")},
    {SERIALIZER_JSON, BAD("1")},
    {SERIALIZER_JSON, BAD("\"x\"")},
    {SERIALIZER_JSON, BAD("null")},
    {SERIALIZER_JSON, BAD("[\"HELLO\",1,{}]")},
    {SERIALIZER_JSON, BAD("[1.0,1,{}]")},
    {SERIALIZER_JSON, BAD("[true]")},
    {SERIALIZER_JSON, BAD("[-1]")},
    {SERIALIZER_JSON, BAD("[0,1]")},
    {SERIALIZER_JSON, BAD("[7,1]")},
    {SERIALIZER_JSON, BAD("[99,1,{}]")},
    {SERIALIZER_JSON, BAD("[256,1,{}]")},
    {SERIALIZER_JSON, BAD("[337,1]")},
    {SERIALIZER_JSON, BAD("[1023]")},
    {SERIALIZER_JSON, BAD("[18446744073709551615]")},
    {SERIALIZER_MSGPACK, BAD("\x80")},             /* a map */
    {SERIALIZER_MSGPACK, BAD("\x90")},             /* an empty list */
    {SERIALIZER_MSGPACK, BAD("\x91\xcd\x01\x00")}, /* extension range */
    {SERIALIZER_CBOR, BAD("\xa0")},                /* a map */
    {SERIALIZER_CBOR, BAD("\x80")},                /* an empty list */
    {SERIALIZER_CBOR, BAD("\x81\x18\x63")},        /* unknown */
};

static const struct bad elements[] = {
    {SERIALIZER_JSON, BAD("[16]")},
    {SERIALIZER_JSON, BAD("[16,1]")},
    {SERIALIZER_JSON, BAD("[16,1,{}]")},
    {SERIALIZER_JSON, BAD("[16,1,{},\"t\",[],{},1]")},
    {SERIALIZER_JSON, BAD("[16,1,{},\"t\",{}]")},
    {SERIALIZER_JSON, BAD("[16,1,{},\"t\",\"x\"]")},
    {SERIALIZER_JSON, BAD("[16,1,{},\"t\",[],[]]")},
    {SERIALIZER_JSON, BAD("[16,1,{},\"t\",null]")},
    {SERIALIZER_JSON, BAD("[16,1,{},\"t\",[],null]")},
    {SERIALIZER_JSON, BAD("[32,1,{}]")},
    {SERIALIZER_JSON, BAD("[32,1,{},\"t\",[]]")},
    {SERIALIZER_JSON, BAD("[34,1]")},
    {SERIALIZER_JSON, BAD("[34,1,1,{}]")},
    {SERIALIZER_JSON, BAD("[48,1,{}]")},
    {SERIALIZER_JSON, BAD("[48,1,{},\"t\",[],{},1]")},
    {SERIALIZER_JSON, BAD("[64,1,{}]")},
    {SERIALIZER_JSON, BAD("[64,1,{},\"t\",1]")},
    {SERIALIZER_JSON, BAD("[66,1]")},
    {SERIALIZER_JSON, BAD("[66,1,1,1]")},
    {SERIALIZER_JSON, BAD("[70,1]")},
    {SERIALIZER_JSON, BAD("[70,1,{},[],{},1]")},
    {SERIALIZER_JSON, BAD("[70,1,{},{}]")},
    {SERIALIZER_JSON, BAD("[8,68,1,{}]")},
    {SERIALIZER_JSON, BAD("[8,68,1,{},\"e\",{}]")},
    {SERIALIZER_JSON, BAD("[6,{}]")},
    {SERIALIZER_JSON, BAD("[3,{}]")},
    {SERIALIZER_MSGPACK, BAD("\x95\x10\x01\x80\xa1t\x80")},  /* Arguments is a map */
    {SERIALIZER_CBOR, BAD("\x86\x10\x01\xa0\x61t\x80\x80")}, /* ArgumentsKw is a list */
};

static void bads_judge(const struct bad *bads, size_t count)
{
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    for (size_t i = 0; i < 2 * count; i++) {
        const struct bad *bad = &bads[i / 2];
        enum framing framing = i % 2 == 0 ? FRAMING_RAWSOCKET : FRAMING_WEBSOCKET;
        attack_join(&attack, framing, bad->serializer);
        attack_say_octets(&attack, bytes_make(bad->octets, bad->size));
        attack_expect_violation(&attack);
    }
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), 2 * count);
}

static void row_058_a_count_beyond_the_octets_left_is_a_violation(void **state)
{
    (void)state;
    bads_judge(counts, array_count(counts));
}

static void row_059_broken_msgpack_is_a_violation(void **state)
{
    (void)state;
    bads_judge(msgpacks, array_count(msgpacks));
}

static void row_060_broken_cbor_and_tags_in_the_head_are_violations(void **state)
{
    (void)state;
    bads_judge(cbors, array_count(cbors));
}

static void row_061_what_is_not_json_to_the_letter_is_a_violation(void **state)
{
    (void)state;
    bads_judge(jsons, array_count(jsons));
}

static void row_062_keys_twice_or_not_text_are_violations(void **state)
{
    (void)state;
    bads_judge(keys, array_count(keys));
}

static void row_064_what_is_no_id_is_a_violation(void **state)
{
    (void)state;
    bads_judge(ids, array_count(ids));
}

static void row_065_an_option_of_the_wrong_type_is_a_violation(void **state)
{
    (void)state;
    bads_judge(options, array_count(options));
}

static void row_066_what_has_no_known_code_is_a_violation(void **state)
{
    (void)state;
    bads_judge(codes, array_count(codes));
}

static void row_067_a_wrong_number_or_type_of_elements_is_a_violation(void **state)
{
    (void)state;
    bads_judge(elements, array_count(elements));
}

static void say_filled(struct attack *attack, const char *before, const char *fill, size_t count,
                       const char *after)
{
    struct octets octets = {0};
    octets_text(&octets, before);
    for (size_t i = 0; i < count; i++) {
        octets_text(&octets, fill);
    }
    octets_text(&octets, after);
    attack_say_octets(attack, octets_view(&octets));
    octets_free(&octets);
}

static void row_068_a_megabyte_of_tiny_values_is_walked_and_builds_nothing(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    size_t idle = attack.stage.cores[0].mem.bytes_used;
    say_filled(&attack, "[16,1,{\"acknowledge\":true},\"t\",[[]", ",[]", 349000, "]]");
    attack_expect(&attack, "[17, 1, *]");
    say_filled(&attack, "[16,2,{\"acknowledge\":true},\"t\",[1", ",1", 520000, "]]");
    attack_expect(&attack, "[17, 2, *]");
    assert_int_equal(attack.stage.cores[0].mem.bytes_used, idle);
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

static void row_068_nesting_beyond_its_limit_is_a_violation(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    say_filled(&attack, "[16,1,{\"acknowledge\":true},\"t\",", "[", 127, "");
    attack_expect_violation(&attack); /* only because it does not end */
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_JSON);
    say_filled(&attack, "[16,1,{\"x_deep\":", "[", 64, "");
    attack_expect_violation(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_MSGPACK);
    say_filled(&attack, "", "\x91", 60000, "");
    attack_expect_violation(&attack);
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_CBOR);
    say_filled(&attack, "", "\x9f", 60000, "");
    attack_expect_violation(&attack);
    attack_end(&attack, ATTACK_COUNTER(protocol_violations), 4);
}

static void row_068_payload_that_grows_beyond_bounds_in_another_serializer_is_skipped(void **state)
{
    (void)state;
    enum { VALUES = 1000000 }; /* false: one octet in MessagePack, six with its comma in JSON */
    struct attack attack;
    struct octets octets = {0};
    attack_prepare(&attack);
    attack_begin(&attack);
    person_say(&attack.bob, "[32,3,{},\"com.grow\"]");
    attack.request = 3;
    stage_run(&attack.stage);
    free(person_hear(&attack.bob));
    attack_join(&attack, FRAMING_RAWSOCKET, SERIALIZER_MSGPACK);
    octets_put(&octets,
               "\x95\x10\x01\x80\xa8"
               "com.grow\xdd\x00\x0f\x42\x40",
               18);
    octets_fill(&octets, 0xc2, VALUES);
    attack_say_octets(&attack, octets_view(&octets));
    attack_expect_nothing(&attack);
    assert_int_equal(attack.bob.heard_count, 0);
    octets_free(&octets);
    attack_end(&attack, ATTACK_COUNTER(events_untranscodable), 1);
}

static void row_070_bad_base64_is_skipped_by_who_would_have_to_read_it(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack); /* carol, who reads CBOR, hears com.safe.topic */
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say(&attack, "[32,1,{},\"com.safe.topic\"]");
    attack_expect(&attack, "[33, 1, *]");
    attack_say_octets(&attack, bytes_text("[16,2,{\"acknowledge\":true,\"exclude_me\":false},"
                                          "\"com.safe.topic\",[\"\\u0000!!!\"]]"));
    attack_expect(&attack, "[36, *, *, {}, [\"\\u0000!!!\"]]");
    attack_expect(&attack, "[17, 2, *]");
    attack_say(&attack, "[34,3,1]");
    attack_expect(&attack, "[8, 34, 3, {}, \"wamp.error.no_such_subscription\", ...]");
    attack.before.requests_refused++;
    attack_leave(&attack);
    attack_end(&attack, ATTACK_COUNTER(events_untranscodable), 1);
}

static void row_070_bad_base64_to_a_callee_that_would_have_to_read_it_is_an_error(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_JSON);
    attack_say_octets(&attack, bytes_text("[48,1,{},\"com.safe.procedure\",[\"\\u0000!!!\"]]"));
    attack_expect(&attack, "[8, 48, 1, {}, \"wamp.error.invalid_argument\", ...]");
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

static void row_071_unknown_options_are_ignored_and_not_passed_on(void **state)
{
    (void)state;
    struct attack attack;
    attack_prepare(&attack);
    attack_begin(&attack);
    attack_join(&attack, FRAMING_WEBSOCKET, SERIALIZER_MSGPACK);
    attack_say(&attack, "[32,1,{\"x_evil\":[1,{\"a\":null}],\"nobody\":2},\"com.topic\"]");
    attack_expect(&attack, "[33, 1, *]");
    attack_say(&attack, "[16,2,{\"exclude_me\":false,\"topic\":\"com.forged\",\"publisher\":1,"
                        "\"x_evil\":true},\"com.topic\"]");
    attack_expect(&attack, "[36, *, *, {}]");
    attack_say(&attack, "[64,3,{\"_evil\":{}},\"com.mallory\"]");
    attack_expect(&attack, "[65, 3, *]");
    attack_say(&attack, "[48,4,{\"caller\":1,\"procedure\":\"com.forged\"},\"com.mallory\"]");
    attack_expect(&attack, "[68, 1, *, {}]");
    attack_say(&attack, "[70,1,{\"callee\":1,\"x_evil\":0}]");
    attack_expect(&attack, "[50, 4, {}]");
    attack_end(&attack, ATTACK_UNCOUNTED, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_058_a_count_beyond_the_octets_left_is_a_violation),
        cmocka_unit_test(row_059_broken_msgpack_is_a_violation),
        cmocka_unit_test(row_060_broken_cbor_and_tags_in_the_head_are_violations),
        cmocka_unit_test(row_061_what_is_not_json_to_the_letter_is_a_violation),
        cmocka_unit_test(row_062_keys_twice_or_not_text_are_violations),
        cmocka_unit_test(row_064_what_is_no_id_is_a_violation),
        cmocka_unit_test(row_065_an_option_of_the_wrong_type_is_a_violation),
        cmocka_unit_test(row_066_what_has_no_known_code_is_a_violation),
        cmocka_unit_test(row_067_a_wrong_number_or_type_of_elements_is_a_violation),
        cmocka_unit_test(row_068_a_megabyte_of_tiny_values_is_walked_and_builds_nothing),
        cmocka_unit_test(row_068_nesting_beyond_its_limit_is_a_violation),
        cmocka_unit_test(row_068_payload_that_grows_beyond_bounds_in_another_serializer_is_skipped),
        cmocka_unit_test(row_070_bad_base64_is_skipped_by_who_would_have_to_read_it),
        cmocka_unit_test(row_070_bad_base64_to_a_callee_that_would_have_to_read_it_is_an_error),
        cmocka_unit_test(row_071_unknown_options_are_ignored_and_not_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
