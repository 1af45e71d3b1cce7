/* The first octet says from which serializer to which; the rest is the value. */
#include "tests/lib/codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        enum serializer from = SERIALIZER_JSON + data[0] % 3;
        enum serializer to = SERIALIZER_JSON + data[0] / 3 % 3;
        codec_fuzz_transcode(from, bytes_make(data + 1, size - 1), to);
    }
    return 0;
}
