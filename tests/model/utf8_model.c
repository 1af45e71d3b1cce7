#include "tests/model/utf8_model.h"

size_t utf8_model(const uint8_t *at, size_t size, bool *whole)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t i = 0;
    *whole = true;
    while (i < size) {
        size_t count = at[i] < 0x80   ? 1
                       : at[i] < 0xc0 ? 0
                       : at[i] < 0xe0 ? 2
                       : at[i] < 0xf0 ? 3
                       : at[i] < 0xf8 ? 4
                                      : 0;
        if (count == 0) {
            return i;
        }
        uint32_t code = count == 1 ? at[i] : at[i] & (0x7fU >> count);
        for (size_t k = 1; k < count; k++) {
            /* what the open character may still become, as a range of code points */
            unsigned rest = (unsigned)(count - k) * 6;
            uint32_t low = code << rest;
            uint32_t high = low + (1U << rest) - 1;
            if (high < least[count] || low > 0x10ffff || (low >= 0xd800 && high <= 0xdfff)) {
                return i + k - 1;
            }
            if (i + k == size) {
                *whole = false;
                return size;
            }
            if ((at[i + k] & 0xc0) != 0x80) {
                return i + k;
            }
            code = code << 6 | (at[i + k] & 0x3fU);
        }
        if (code < least[count] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
            return i + count - 1;
        }
        i += count;
    }
    return size;
}
