/* Any octets as the start of a connection: HTTP heads above all, most of them behind a good
 * beginning. */
#include "tests/lib/wire_fuzz.h"

#define UPGRADE                                                                                    \
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const fronts[] = {
        "",
        "GET ",
        "GET /ws HTTP/1.1\r\nHost: h\r\n",
        UPGRADE,
    };
    static const char *const origins[] = {"https://app.example.org", "http://[::1]:8080", NULL};
    if (size < 5) {
        return 0;
    }
    uint32_t seed;
    memcpy(&seed, data, sizeof seed);
    struct transport_options options = wire_options();
    options.origins = (data[4] & 4) != 0 ? origins : NULL;
    options.testee = (data[4] & 8) != 0;
    struct octets stream = {0};
    octets_text(&stream, fronts[data[4] & 3]);
    octets_put(&stream, data + 5, size - 5);
    wire_fuzz(&options, bytes_make("", 0), octets_view(&stream), seed);
    octets_free(&stream);
    return 0;
}
