#include "tests/lib/script.h"

#include <stdio.h>
#include <stdlib.h>

enum { SMALL_BYTES = 4096 }; /* up to here a case is also fed whole and octet by octet */

unsigned cases_passed;
unsigned cases_failed;

/* ---- writing scripts */

void want_frame(struct script *script, uint8_t first, struct bytes payload)
{
    uint8_t head[FRAME_HEAD_BYTES_MAX];
    uint8_t *end = head + sizeof head;
    size_t size = frame_head(FRAMING_WEBSOCKET, SERIALIZER_JSON, payload.size, end);
    end[-(int)size] = first;
    octets_put(&script->want, end - size, size);
    octets_put(&script->want, payload.at, payload.size);
}

void want_close(struct script *script, uint16_t code, enum transport_end end)
{
    uint8_t body[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    want_frame(script, 0x88, bytes_make(body, 2));
    script->end = end;
}

void say(struct script *script, uint8_t first, const char *text)
{
    octets_frame_text(&script->in, first, text);
}

void want(struct script *script, uint8_t first, const char *text)
{
    want_frame(script, first, bytes_text(text));
}

void fault(struct script *script)
{
    want_close(script, 1002, TRANSPORT_END_PROTOCOL);
}

void goodbye(struct script *script)
{
    octets_close(&script->in, 1000, "");
    want_close(script, 1000, TRANSPORT_END_PEER_CLOSED);
}

void say_octets(struct script *script, const char *hex)
{
    for (; *hex != '\0'; hex += 2) {
        char pair[3] = {hex[0], hex[1], '\0'};
        uint8_t octet = (uint8_t)strtoul(pair, NULL, 16);
        octets_put(&script->in, &octet, 1);
    }
}

/* ---- running them */

struct transport_options testee_options(void)
{
    struct transport_options options = wire_options();
    options.testee = true;
    options.bytes_max = 16 * MIB;
    options.bytes_max_unwelcome = 16 * MIB;
    options.fragments_max = UINT32_MAX;
    options.pings_per_s = 1000;
    return options;
}

static bool script_passes(const struct script *script, size_t piece)
{
    struct transport_options options = testee_options();
    struct wire wire;
    wire_init(&wire, &options);
    wire.echo = true;
    wire.keep = false;
    wire_open_websocket(&wire, NULL);
    wire_feed_by(&wire, octets_view(&script->in), piece);
    bool passed = wire.transport.end == script->end &&
                  bytes_equal(octets_view(&wire.sent), octets_view(&script->want));
    if (!passed) {
        printf("by %zu: %s, want %s; %zu octets, want %zu\n", piece,
               transport_end_name(wire.transport.end), transport_end_name(script->end),
               wire.sent.size, script->want.size);
    }
    wire_fini(&wire);
    return passed;
}

void case_run(unsigned group, unsigned section, unsigned number, struct script *script)
{
    bool passed = script_passes(script, script->piece);
    if (script->in.size <= SMALL_BYTES) {
        passed = passed && script_passes(script, 0) && script_passes(script, 1);
    }
    if (passed) {
        cases_passed++;
    } else {
        cases_failed++;
        printf("FAIL case %u.%u.%u\n", group, section, number);
    }
    octets_free(&script->in);
    octets_free(&script->want);
    *script = (struct script){0};
}
