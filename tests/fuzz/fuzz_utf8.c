/* UTF-8 judged at once, in two chunks and one octet at a time, against the dumb twin: the same
 * verdict, at the same offset. The first octet says where the text is cut. */
#include "common/utf8.h"
#include "tests/model/utf8_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct bytes text = bytes_make(data + 1, size - 1);
    size_t cut = text.size == 0 ? 0 : data[0] % (text.size + 1);
    bool whole;
    size_t prefix = utf8_model(text.at, text.size, &whole);
    int expected = prefix < text.size ? -1 : whole;
    check(utf8_valid(text) == (expected == 1));
    uint8_t state = UTF8_START;
    check(utf8_feed(&state, text) == expected);
    state = UTF8_START;
    int verdict = utf8_feed(&state, bytes_make(text.at, cut));
    if (verdict >= 0) {
        verdict = utf8_feed(&state, bytes_from(text, cut));
    }
    check(verdict == expected);
    state = UTF8_START;
    size_t at = 0;
    while (at < text.size && utf8_feed(&state, bytes_make(text.at + at, 1)) >= 0) {
        at++;
    }
    check(at == prefix);
    check(expected < 0 || utf8_complete(state) == whole);
    return 0;
}
