/* Any octets as one CBOR value. */
#include "tests/lib/codec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    codec_fuzz(SERIALIZER_CBOR, bytes_make(data, size));
    return 0;
}
