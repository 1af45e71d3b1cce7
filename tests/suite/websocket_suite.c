/* WebSocket conformance: the coverage of the published Autobahn suite's 301 cases without
 * compression (groups 1 to 7, 9, 10), made here from RFC 6455, under the same numbers, all of them
 * strict. Each case is a script of a client's octets and the exact octets an echo server answers;
 * small ones are fed whole, octet by octet and by the case's own piece. */
#include "tests/lib/script.h"

#include <stdio.h>

enum { KIB = 1024 };

/* ---- 1, 2, 10: framing, pings and pongs, fragments of one size */

static void echo_of(struct script *script, uint8_t first, size_t size)
{
    struct octets payload = {0};
    octets_fill(&payload, first == 0x81 ? '*' : 0xFE, size);
    octets_frame(&script->in, first, octets_view(&payload));
    want_frame(script, first, octets_view(&payload));
    octets_free(&payload);
}

static void group_1(void)
{
    static const size_t sizes[] = {0, 125, 126, 127, 128, 65535, 65536, 65536};
    for (unsigned section = 1; section <= 2; section++) {
        for (unsigned i = 0; i < array_count(sizes); i++) {
            struct script script = {.piece = i == 7 ? 997 : 0};
            echo_of(&script, section == 1 ? 0x81 : 0x82, sizes[i]);
            goodbye(&script);
            case_run(1, section, i + 1, &script);
        }
    }
}

static void ping_case(unsigned number, struct bytes payload, size_t piece)
{
    struct script script = {.piece = piece};
    octets_frame(&script.in, 0x89, payload);
    want_frame(&script, 0x8A, payload);
    goodbye(&script);
    case_run(2, number, 0, &script);
}

static void group_2(void)
{
    uint8_t long_payload[126];
    memset(long_payload, 0xFE, sizeof long_payload);
    ping_case(1, BYTES_LITERAL(""), 0);
    ping_case(2, BYTES_LITERAL("Hello, world!"), 0);
    ping_case(3, BYTES_LITERAL("\x00\xFF\xFE\xFD\xFC\xFB\x00\xFF"), 0);
    ping_case(4, bytes_make(long_payload, 125), 0);
    struct script script = {0};
    octets_frame(&script.in, 0x89, bytes_make(long_payload, 126));
    fault(&script);
    case_run(2, 5, 0, &script);
    ping_case(6, bytes_make(long_payload, 125), 1);
    for (unsigned number = 7; number <= 9; number++) {
        say(&script, 0x8A, number == 7 ? "" : "unsolicited pong payload");
        if (number == 9) {
            say(&script, 0x89, "ping payload");
            want(&script, 0x8A, "ping payload");
        }
        goodbye(&script);
        case_run(2, number, 0, &script);
    }
    for (unsigned number = 10; number <= 11; number++) {
        for (unsigned i = 0; i < 10; i++) {
            char payload[16];
            snprintf(payload, sizeof payload, "payload-%u", i);
            say(&script, 0x89, payload);
            want(&script, 0x8A, payload);
        }
        goodbye(&script);
        script.piece = number - 10;
        case_run(2, number, 0, &script);
    }
}

static void say_fragments(struct script *script, uint8_t opcode, struct bytes payload,
                          size_t fragment)
{
    for (size_t at = 0; at == 0 || at < payload.size; at += fragment) {
        size_t size = size_min(fragment, payload.size - at);
        bool last = at + size == payload.size;
        uint8_t first = (uint8_t)((last ? 0x80 : 0) | (at == 0 ? opcode : 0));
        octets_frame(&script->in, first, bytes_make(payload.at + at, size));
    }
    want_frame(script, 0x80 | opcode, payload);
}

static void group_10(void)
{
    struct script script = {0};
    struct octets payload = {0};
    octets_fill(&payload, '*', 65536);
    say_fragments(&script, 1, octets_view(&payload), 1300);
    goodbye(&script);
    case_run(10, 1, 1, &script);
    octets_free(&payload);
}

/* ---- 3, 4: reserved bits and opcodes */

static void group_3(void)
{
    static const uint8_t firsts[] = {0x90 | 1, 0xA0 | 1, 0xA0 | 1, 0xB0 | 1,
                                     0xC0 | 2, 0xD0 | 9, 0xE0 | 8};
    for (unsigned i = 0; i < array_count(firsts); i++) {
        struct script script = {.piece = i == 2 ? 19 : i == 3};
        if (i >= 1 && i <= 3) {
            say(&script, 0x81, "Hello, world!");
            want(&script, 0x81, "Hello, world!");
        }
        say(&script, firsts[i], i == 6 ? "" : "Hello, world!");
        say(&script, 0x89, "");
        fault(&script);
        case_run(3, i + 1, 0, &script);
    }
}

static void group_4(void)
{
    static const uint8_t opcodes[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
    for (unsigned i = 0; i < array_count(opcodes); i++) {
        unsigned number = i % 5 + 1;
        struct script script = {.piece = number == 4 ? 19 : number == 5};
        if (number >= 3) {
            say(&script, 0x81, "Hello, world!");
            want(&script, 0x81, "Hello, world!");
        }
        say(&script, 0x80 | opcodes[i], number % 2 == 0 ? "reserved opcode payload" : "");
        say(&script, 0x89, "");
        fault(&script);
        case_run(4, i / 5 + 1, number, &script);
    }
}

/* ---- 5: fragmentation. A script of first octets with payloads; "!" stands for a fault. */

struct step {
    uint8_t first;
    const char *payload;
};

static void steps_run(unsigned number, const struct step *steps, const struct step *wants,
                      size_t piece)
{
    struct script script = {.piece = piece};
    for (; steps->payload != NULL; steps++) {
        say(&script, steps->first, steps->payload);
    }
    bool faulty = false;
    for (; wants->payload != NULL; wants++) {
        if (wants->first == 0) {
            fault(&script);
            faulty = true;
        } else {
            want(&script, wants->first, wants->payload);
        }
    }
    if (!faulty) {
        goodbye(&script);
    }
    case_run(5, number, 0, &script);
}

#define STEPS(...) ((const struct step[]){__VA_ARGS__, {0, NULL}})
#define FAULT                                                                                      \
    {                                                                                              \
        0, "!"                                                                                     \
    }

static void group_5(void)
{
    steps_run(1, STEPS({0x09, "fragment1"}, {0x80, "fragment2"}), STEPS(FAULT), 0);
    steps_run(2, STEPS({0x0A, "fragment1"}, {0x80, "fragment2"}), STEPS(FAULT), 0);
    for (unsigned i = 0; i < 3; i++) { /* whole, by frame, by octet */
        size_t piece = i == 1 ? 15 : i == 2;
        steps_run(3 + i, STEPS({0x01, "fragment1"}, {0x80, "fragment2"}),
                  STEPS({0x81, "fragment1fragment2"}), piece);
        steps_run(6 + i, STEPS({0x01, "fragment1"}, {0x89, "ping"}, {0x80, "fragment2"}),
                  STEPS({0x8A, "ping"}, {0x81, "fragment1fragment2"}), piece);
        steps_run(9 + i, STEPS({0x80, "nothing to go on"}, {0x81, "Hello, world!"}), STEPS(FAULT),
                  piece);
        steps_run(12 + i, STEPS({0x00, "nothing to go on"}, {0x81, "Hello, world!"}), STEPS(FAULT),
                  piece);
    }
    steps_run(
        15,
        STEPS({0x01, "fragment1"}, {0x80, "fragment2"}, {0x00, "fragment3"}, {0x81, "fragment4"}),
        STEPS({0x81, "fragment1fragment2"}, FAULT), 0);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t first = i == 0 ? 0x00 : 0x80;
        steps_run(16 + i,
                  STEPS({first, "fragment1"}, {0x01, "fragment2"}, {0x80, "fragment3"},
                        {first, "fragment4"}, {0x01, "fragment5"}, {0x80, "fragment6"}),
                  STEPS(FAULT), 0);
    }
    steps_run(18, STEPS({0x01, "fragment1"}, {0x81, "fragment2"}), STEPS(FAULT), 0);
    for (unsigned i = 0; i < 2; i++) {
        steps_run(19 + i,
                  STEPS({0x01, "fragment1"}, {0x00, "fragment2"}, {0x89, "pongme 1!"},
                        {0x00, "fragment3"}, {0x00, "fragment4"}, {0x89, "pongme 2!"},
                        {0x80, "fragment5"}),
                  STEPS({0x8A, "pongme 1!"}, {0x8A, "pongme 2!"},
                        {0x81, "fragment1fragment2fragment3fragment4fragment5"}),
                  i);
    }
}

/* ---- 6: UTF-8 */

/* A judge of its own: decodes by arithmetic, from RFC 3629. */
static bool text_valid(struct bytes text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t at = 0; at < text.size;) {
        unsigned lead = text.at[at];
        size_t size = lead < 0x80           ? 1
                      : (lead >> 5) == 6    ? 2
                      : (lead >> 4) == 0xE  ? 3
                      : (lead >> 3) == 0x1E ? 4
                                            : 0;
        if (size == 0 || at + size > text.size) {
            return false;
        }
        uint32_t code = size == 1 ? lead : lead & (0x7FU >> size);
        for (size_t i = 1; i < size; i++) {
            if ((text.at[at + i] & 0xC0) != 0x80) {
                return false;
            }
            code = code << 6 | (text.at[at + i] & 0x3F);
        }
        if (code < least[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
            return false;
        }
        at += size;
    }
    return true;
}

/* valid: what the case says; the judge must agree. */
static void text_case(unsigned section, unsigned number, struct bytes text, bool valid)
{
    struct script script = {0};
    octets_frame(&script.in, 0x81, text);
    if (valid) {
        want_frame(&script, 0x81, text);
        goodbye(&script);
    } else {
        want_close(&script, 1007, TRANSPORT_END_UTF8);
    }
    if (text_valid(text) != valid) {
        printf("the judge does not agree on 6.%u.%u\n", section, number);
        cases_failed++;
    }
    case_run(6, section, number, &script);
}

static struct octets octets_hex(const char *hex)
{
    struct script script = {0};
    say_octets(&script, hex);
    return script.in;
}

struct text_group {
    unsigned section;
    const char *valid; /* 'v' or 'i' for each */
    const char *const *hex;
};

#define HEX(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct text_group text_groups[] = {
    {5, "vvvvv",
     HEX("68656c6c6f24776f726c64", "68656c6c6fc2a2776f726c64", "68656c6c6fe282ac776f726c64",
         "68656c6c6ff0a4ada2776f726c64", "cebae1bdb9cf83cebcceb5")},
    {6, "iviiviviviv",
     HEX("ce", "ceba", "cebae1", "cebae1bd", "cebae1bdb9", "cebae1bdb9cf", "cebae1bdb9cf83",
         "cebae1bdb9cf83ce", "cebae1bdb9cf83cebc", "cebae1bdb9cf83cebcce",
         "cebae1bdb9cf83cebcceb5")},
    {7, "vvvv", HEX("00", "c280", "e0a080", "f0908080")},
    {8, "ii", HEX("f888808080", "fc8480808080")},
    {9, "vvvv", HEX("7f", "dfbf", "efbfbf", "f48fbfbf")},
    {10, "iii", HEX("f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf")},
    {11, "vvvvi", HEX("ed9fbf", "ee8080", "efbfbd", "f48fbfbf", "f4908080")},
    {14, "iiiiiiiiii",
     HEX("c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf",
         "fdbfbfbfbf")},
    {15, "i", HEX("c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf")},
    {16, "iii", HEX("fe", "ff", "fefeffff")},
    {17, "iiiii", HEX("c0af", "e080af", "f08080af", "f8808080af", "fc80808080af")},
    {18, "iiiii", HEX("c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf")},
    {19, "iiiii", HEX("c080", "e08080", "f0808080", "f880808080", "fc8080808080")},
    {20, "iiiiiii", HEX("eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf")},
    {21, "iiiiiiii",
     HEX("eda080edb080", "eda080edbfbf", "edadbfedb080", "edadbfedbfbf", "edae80edb080",
         "edae80edbfbf", "edafbfedb080", "edafbfedbfbf")},
    {23, "vvvvvvv", HEX("efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf")},
};

/* Continuations and lead octets that stand alone. */
static void group_6_lonely(void)
{
    static const char *const continuations[] = {"80",       "bf",         "80bf",        "80bf80",
                                                "80bf80bf", "80bf80bf80", "80bf80bf80bf"};
    for (unsigned i = 0; i < array_count(continuations); i++) {
        struct octets text = octets_hex(continuations[i]);
        text_case(12, i + 1, octets_view(&text), false);
        octets_free(&text);
    }
    struct octets all = {0};
    for (unsigned octet = 0x80; octet < 0xC0; octet++) {
        octets_fill(&all, (uint8_t)octet, 1);
    }
    text_case(12, 8, octets_view(&all), false);
    octets_free(&all);
    static const uint8_t leads[][2] = {
        {0xC0, 0xDF}, {0xE0, 0xEF}, {0xF0, 0xF7}, {0xF8, 0xFB}, {0xFC, 0xFD}};
    for (unsigned i = 0; i < array_count(leads); i++) {
        for (unsigned octet = leads[i][0]; octet <= leads[i][1]; octet++) {
            octets_fill(&all, (uint8_t)octet, 1);
            octets_fill(&all, ' ', 1);
        }
        text_case(13, i + 1, octets_view(&all), false);
        octets_free(&all);
    }
}

/* The last two code points of each plane are no characters, but valid. */
static void group_6_noncharacters(void)
{
    for (uint32_t plane = 0; plane <= 16; plane++) {
        for (uint32_t low = 0xFFFE; low <= 0xFFFF; low++) {
            uint32_t code = plane << 16 | low;
            uint8_t four[4] = {(uint8_t)(0xF0 | code >> 18), (uint8_t)(0x80 | (code >> 12 & 63)),
                               (uint8_t)(0x80 | (code >> 6 & 63)), (uint8_t)(0x80 | (code & 63))};
            uint8_t three[3] = {(uint8_t)(0xE0 | code >> 12), four[2], four[3]};
            text_case(22, plane * 2 + (low & 1) + 1,
                      plane == 0 ? bytes_make(three, 3) : bytes_make(four, 4), true);
        }
    }
}

static void fragments_case(unsigned section, unsigned number, struct bytes text, size_t fragment,
                           bool valid)
{
    struct script script = {0};
    say_fragments(&script, 1, text, fragment);
    if (valid) {
        goodbye(&script);
    } else {
        script.want.size = 0;
        want_close(&script, 1007, TRANSPORT_END_UTF8);
    }
    case_run(6, section, number, &script);
}

static void group_6_fragments(void)
{
    struct script script = {0};
    echo_of(&script, 0x81, 0);
    goodbye(&script);
    case_run(6, 1, 1, &script);
    for (unsigned i = 0; i < 2; i++) {
        const char *middle = i == 0 ? "" : "middle frame payload";
        say(&script, 0x01, "");
        say(&script, 0x00, middle);
        say(&script, 0x80, "");
        want(&script, 0x81, middle);
        goodbye(&script);
        case_run(6, 1, 2 + i, &script);
    }
    static const char german[] = "Hello-\xC2\xB5@\xC3\x9F\xC3\xB6\xC3\xA4\xC3\xBC\xC3\xA0\xC3\xA1-"
                                 "UTF-8!!";
    text_case(2, 1, bytes_text(german), true);
    fragments_case(2, 2, bytes_text(german), 12, true);
    fragments_case(2, 3, bytes_text(german), 1, true);
    fragments_case(2, 4, BYTES_LITERAL("\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5"), 1, true);
    static const char broken[] = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80"
                                 "edited";
    text_case(3, 1, bytes_text(broken), false);
    fragments_case(3, 2, bytes_text(broken), 1, false);
}

/* The end must come with the first bad octet, though the message goes on. */
static void group_6_fast(void)
{
    static const char text[] = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xF4\x90\x80\x80"
                               "edited";
    enum { GOOD_OCTETS = 12 }; /* F4 may still become a character */
    for (unsigned number = 1; number <= 4; number++) {
        struct octets in = {0};
        if (number <= 2) { /* in fragments, the cut before or within the bad character */
            size_t cut = number == 1 ? 11 : 12;
            octets_frame(&in, 0x01, bytes_make(text, cut));
            octets_frame(&in, 0x00, bytes_make(text + cut, 15 - cut));
            octets_frame(&in, 0x80, bytes_make(text + 15, sizeof text - 16));
        } else {
            octets_frame(&in, 0x81, bytes_text(text));
        }
        size_t bad = number <= 2 ? 6 + 6 + GOOD_OCTETS : 6 + GOOD_OCTETS;
        struct transport_options options = testee_options();
        struct wire wire;
        wire_init(&wire, &options);
        wire_open_websocket(&wire, NULL);
        bool passed = true;
        for (size_t at = 0; at < bad && passed; at++) {
            size_t size = number == 3 ? bad : 1;
            passed = wire_feed(&wire, bytes_make(in.at + at, size));
            at += size - 1;
        }
        passed = passed && wire.sent.size == 0 && !wire_feed(&wire, bytes_make(in.at + bad, 1)) &&
                 wire.transport.end == TRANSPORT_END_UTF8 &&
                 bytes_equal(octets_view(&wire.sent), BYTES_LITERAL("\x88\x02\x03\xEF"));
        cases_passed += passed;
        cases_failed += !passed;
        if (!passed) {
            printf("FAIL case 6.4.%u\n", number);
        }
        wire_fini(&wire);
        octets_free(&in);
    }
}

static void group_6(void)
{
    group_6_fragments();
    group_6_fast();
    for (unsigned i = 0; i < array_count(text_groups); i++) {
        const struct text_group *group = &text_groups[i];
        for (unsigned k = 0; group->hex[k] != NULL; k++) {
            struct octets text = octets_hex(group->hex[k]);
            text_case(group->section, k + 1, octets_view(&text), group->valid[k] == 'v');
            octets_free(&text);
        }
    }
    group_6_lonely();
    group_6_noncharacters();
}

/* ---- 7: closing */

static void group_7_order(void)
{
    struct script script = {0};
    for (unsigned number = 1; number <= 6; number++) {
        struct octets large = {0};
        if (number == 1) {
            say(&script, 0x81, "Hello World!");
            want(&script, 0x81, "Hello World!");
        }
        if (number == 5) {
            say(&script, 0x01, "fragment1");
        }
        if (number == 6) {
            octets_fill(&large, 'B', 256 * KIB);
            octets_frame(&script.in, 0x81, octets_view(&large));
            want_frame(&script, 0x81, octets_view(&large));
        }
        goodbye(&script);
        static const uint8_t after[] = {0, 0, 0x88, 0x89, 0x81, 0x80, 0x89};
        if (number > 1) {
            say(&script, after[number], ""); /* too late for an answer */
        }
        case_run(7, 1, number, &script);
        octets_free(&large);
    }
}

static void group_7_body(void)
{
    struct script script = {0};
    char reason[125];
    memset(reason, '*', sizeof reason - 1);
    reason[124] = '\0';
    say(&script, 0x88, "");
    want(&script, 0x88, "");
    script.end = TRANSPORT_END_PEER_CLOSED;
    case_run(7, 3, 1, &script);
    say(&script, 0x88, "a");
    fault(&script);
    case_run(7, 3, 2, &script);
    goodbye(&script);
    case_run(7, 3, 3, &script);
    octets_close(&script.in, 1000, "Hello World!");
    want_close(&script, 1000, TRANSPORT_END_PEER_CLOSED);
    case_run(7, 3, 4, &script);
    octets_close(&script.in, 1000, reason + 1);
    want_close(&script, 1000, TRANSPORT_END_PEER_CLOSED);
    case_run(7, 3, 5, &script);
    octets_close(&script.in, 1000, reason);
    fault(&script);
    case_run(7, 3, 6, &script);
    octets_close(&script.in, 1000,
                 "\xCE\xBA\xE1\xBD\xB9\xED\xA0\x80"
                 "edited");
    want_close(&script, 1007, TRANSPORT_END_UTF8);
    case_run(7, 5, 1, &script);
}

static void group_7(void)
{
    static const uint16_t good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009,
                                    1010, 1011, 3000, 3999, 4000, 4999};
    static const uint16_t bad[] = {0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535};
    group_7_order();
    group_7_body();
    struct script script = {0};
    for (unsigned i = 0; i < array_count(good); i++) {
        octets_close(&script.in, good[i], "good close code");
        want_close(&script, good[i], TRANSPORT_END_PEER_CLOSED);
        case_run(7, 7, i + 1, &script);
    }
    for (unsigned i = 0; i < array_count(bad); i++) {
        octets_close(&script.in, bad[i], "bad close code");
        fault(&script);
        case_run(7, i < 9 ? 9 : 13, i < 9 ? i + 1 : i - 8, &script);
    }
}

/* ---- 9: large messages, many fragments, small pieces, many messages */

static void large_case(unsigned section, unsigned number, size_t size, size_t fragment,
                       size_t piece)
{
    struct script script = {.piece = piece};
    struct octets payload = {0};
    bool text = section % 2 == 1;
    octets_fill(&payload, text ? '*' : 0xFE, size);
    say_fragments(&script, text ? 1 : 2, octets_view(&payload), fragment);
    goodbye(&script);
    case_run(9, section, number, &script);
    octets_free(&payload);
}

static void group_9(void)
{
    static const size_t sizes[] = {64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB};
    static const size_t fragments[] = {64,       256,       KIB, 4 * KIB, 16 * KIB,
                                       64 * KIB, 256 * KIB, MIB, 4 * MIB};
    static const size_t pieces[] = {64, 128, 256, 512, 1024, 2048};
    static const size_t small[] = {0, 16, 64, 256, 1024, 4096};
    for (unsigned i = 0; i < 2; i++) { /* text, binary */
        for (unsigned k = 0; k < array_count(sizes); k++) {
            large_case(1 + i, k + 1, sizes[k], sizes[k], 64 * KIB);
        }
        for (unsigned k = 0; k < array_count(fragments); k++) {
            large_case(3 + i, k + 1, 4 * MIB, fragments[k], 64 * KIB);
        }
        for (unsigned k = 0; k < array_count(pieces); k++) {
            large_case(5 + i, k + 1, MIB, MIB, pieces[k]);
        }
        for (unsigned k = 0; k < array_count(small); k++) {
            struct script script = {.piece = 64 * KIB};
            for (unsigned message = 0; message < 1000; message++) {
                echo_of(&script, i == 0 ? 0x81 : 0x82, small[k]);
            }
            goodbye(&script);
            case_run(9, 7 + i, k + 1, &script);
        }
    }
}

int main(void)
{
    static void (*const groups[])(void) = {group_1, group_2, group_3, group_4, group_5,
                                           group_6, group_7, group_9, group_10};
    static const unsigned counts[] = {16, 11, 7, 10, 20, 145, 37, 54, 1};
    for (unsigned i = 0; i < array_count(groups); i++) {
        unsigned before = cases_passed + cases_failed;
        groups[i]();
        unsigned count = cases_passed + cases_failed - before;
        printf("group %u: %u cases\n", i + (i < 7 ? 1 : 2), count);
        cases_failed += count != counts[i];
    }
    printf("%u passed, %u failed, 0 skipped\n", cases_passed, cases_failed);
    return cases_failed > 0;
}
