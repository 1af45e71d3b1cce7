#include "tests/lib/wire_fuzz.h"

static uint32_t seed_next(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void feed_pieces(struct wire *wire, struct bytes stream, uint32_t seed)
{
    static const uint32_t piece_max[] = {1, 2, 7, 64, 1000, 100000};
    seed |= 1;
    size_t most = piece_max[seed_next(&seed) % array_count(piece_max)];
    most = size_max(most, stream.size / 1000); /* long streams in more than single octets */
    for (size_t at = 0; at < stream.size;) {
        size_t size = size_min(1 + seed_next(&seed) % most, stream.size - at);
        if (!wire_feed(wire, bytes_make(stream.at + at, size))) {
            return;
        }
        at += size;
    }
}

void wire_fuzz(const struct transport_options *options, struct bytes start, struct bytes stream,
               uint32_t seed)
{
    struct wire whole;
    struct wire pieces;
    wire_begin(&whole, options);
    wire_begin(&pieces, options);
    if (start.size > 0) {
        check(wire_feed(&whole, start) && wire_feed(&pieces, start));
    }
    if (stream.size > 0) {
        wire_feed(&whole, stream);
    }
    feed_pieces(&pieces, stream, seed);
    wire_same(&pieces, &whole, seed);
    check(whole.held_max <= 2 * stream.size + 256);
    check(pieces.held_max <= 4 * stream.size + 256);
    wire_fini(&whole);
    wire_fini(&pieces);
}
