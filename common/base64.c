#include "common/base64.h"

static const char base64_alphabet[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of each character plus one; 0: not of the alphabet. */
static const uint8_t base64_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

void base64_encode(struct bytes octets, uint8_t *out)
{
    const uint8_t *at = octets.at;
    size_t left = octets.size;
    for (; left >= 3; at += 3, left -= 3, out += 4) {
        uint32_t group = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
        out[0] = (uint8_t)base64_alphabet[group >> 18];
        out[1] = (uint8_t)base64_alphabet[group >> 12 & 63];
        out[2] = (uint8_t)base64_alphabet[group >> 6 & 63];
        out[3] = (uint8_t)base64_alphabet[group & 63];
    }
    if (left > 0) {
        uint32_t group = (uint32_t)at[0] << 16 | (left == 2 ? (uint32_t)at[1] << 8 : 0);
        out[0] = (uint8_t)base64_alphabet[group >> 18];
        out[1] = (uint8_t)base64_alphabet[group >> 12 & 63];
        out[2] = left == 2 ? (uint8_t)base64_alphabet[group >> 6 & 63] : '=';
        out[3] = '=';
    }
}

long base64_decode(struct bytes text, uint8_t *out)
{
    const uint8_t *at = text.at;
    uint8_t *begin = out;
    if (text.size % 4 != 0) {
        return -1;
    }
    for (size_t left = text.size; left > 0; at += 4, left -= 4) {
        size_t octets = left > 4 || at[3] != '=' ? 3 : at[2] != '=' ? 2 : 1;
        uint32_t group = 0;
        for (size_t i = 0; i < 4; i++) {
            uint8_t value = base64_values[at[i]];
            if (value == 0 && i <= octets) {
                return -1;
            }
            group = group << 6 | (i <= octets ? (uint32_t)value - 1 : 0);
        }
        out[0] = (uint8_t)(group >> 16);
        if (octets > 1) {
            out[1] = (uint8_t)(group >> 8);
        }
        if (octets > 2) {
            out[2] = (uint8_t)group;
        }
        out += octets;
        if ((group & (octets == 1 ? 0xffffU : octets == 2 ? 0xffU : 0)) != 0) {
            return -1;
        }
    }
    return out - begin;
}
