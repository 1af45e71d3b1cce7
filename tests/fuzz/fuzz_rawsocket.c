/* Any octets as RawSocket: the handshake with one of the input's octets, frames after it. */
#include "tests/lib/wire_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 6) {
        return 0;
    }
    uint32_t seed;
    memcpy(&seed, data, sizeof seed);
    struct transport_options options = wire_options();
    options.bytes_max = (size_t)512 << (data[4] & 7);
    options.bytes_max_unwelcome = (data[4] & 8) != 0 ? 100 : options.bytes_max;
    options.pings_per_s = 2;
    struct octets stream = {0};
    octets_put(&stream, "\x7F", 1);
    octets_put(&stream, data + 5, 1);
    octets_put(&stream, "\0\0", (data[4] & 16) != 0 ? 0 : 2); /* or of the fuzzer's choice */
    octets_put(&stream, data + 6, size - 6);
    wire_fuzz(&options, bytes_make("", 0), octets_view(&stream), seed);
    octets_free(&stream);
    return 0;
}
