/* Any octets as WebSocket frames after a good handshake. Half of the inputs are taken as a program
 * that writes frames instead (first octet, length, payload): that gets deeper than octets that must
 * hit lengths and masks by luck. */
#include "tests/lib/wire_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void frames_write(struct octets *stream, const uint8_t *data, size_t size)
{
    static const uint8_t firsts[] = {0x81, 0x01, 0x00, 0x80, 0x89, 0x8A, 0x82, 0x02};
    while (size >= 2) {
        uint8_t first = data[0] < 0xF0 ? firsts[data[0] % 8] : data[0] == 0xF0 ? 0x88 : data[1];
        size_t length = size_min(data[1], size - 2);
        if (data[0] >= 0xE0 && data[0] < 0xF0) { /* a large one */
            struct octets payload = {0};
            octets_fill(&payload, data[1], (size_t)data[1] << (data[0] & 3));
            octets_frame(stream, first, octets_view(&payload));
            octets_free(&payload);
            length = 0;
        } else {
            octets_frame(stream, first, bytes_make(data + 2, length));
        }
        data += 2 + length;
        size -= 2 + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const subprotocols[] = {"wamp.2.json", "wamp.2.cbor"};
    if (size < 5) {
        return 0;
    }
    uint32_t seed;
    memcpy(&seed, data, sizeof seed);
    struct transport_options options = wire_options();
    options.bytes_max = 70000;
    options.bytes_max_unwelcome = (data[4] & 4) != 0 ? 1000 : 70000;
    options.fragments_max = 5;
    options.pings_per_s = 2;
    options.testee = (data[4] & 8) != 0;
    struct octets start = {0};
    struct octets stream = {0};
    octets_upgrade(&start, subprotocols[data[4] & 1]);
    if ((data[4] & 2) != 0) {
        frames_write(&stream, data + 5, size - 5);
    } else {
        octets_put(&stream, data + 5, size - 5);
    }
    wire_fuzz(&options, octets_view(&start), octets_view(&stream), seed);
    octets_free(&start);
    octets_free(&stream);
    return 0;
}
