/* Any octets as one MessagePack value. */
#include "tests/lib/codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    codec_fuzz(SERIALIZER_MSGPACK, bytes_make(data, size));
    return 0;
}
