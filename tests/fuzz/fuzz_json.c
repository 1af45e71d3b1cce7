/* Any octets as one JSON value; and the wide scan of its strings against one octet at a time. */
#include "common/scan.h"
#include "tests/lib/codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void scan_fuzz(const uint8_t *at, const uint8_t *end, bool ascii)
{
    const uint8_t *found = at;
    while (found < end && scan_is_plain(*found, ascii)) {
        found++;
    }
    check(scan_plain(at, end, ascii) == found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size && i < 32; i++) {
        scan_fuzz(data + i, data + size, false);
        scan_fuzz(data + i, data + size, true);
    }
    codec_fuzz(SERIALIZER_JSON, bytes_make(data, size));
    return 0;
}
