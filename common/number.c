/* Text to double: digits D and a power of ten E. Where both are exact doubles one multiplication
 * or division rounds right. Else the value is the fraction D * 5^E * 2^E; both sides are shifted to
 * the same length and divided to 64 bits with the rest kept as "some more", which decides ties.
 *
 * Double to text: first the few decimals that measured values have, tried from short to long; then
 * the digits of the exact fraction, one division each, until what is printed lies closer to the
 * value than to both neighbours (Steele and White).
 *
 * Bounds of struct big: D < 10^801 has 2661 bits; E >= -(326 + 801), and 5^1127 has 2617 bits; with
 * E > 0 the value is below 10^311. Shifted to a common length of whole limbs with a spare bit: 84
 * limbs, and one more while dividing. When printing, 2^1077 * 10 is the largest, below 10^324 *
 * 2^4. */
#include "common/number.h"

#include "common/big.h"

enum {
    DOUBLE_BITS = 53,
    DOUBLE_BIAS = 1023,
    POWER10_EXACT_MAX = 22,     /* the largest power of ten that is a double */
    DECIMAL_POINT_MAX = 311,    /* a value of 10^311 and more is an infinity */
    DECIMAL_POINT_MIN = -325,   /* a value below 10^-326 is a zero */
    PRINT_POINT_MIN = -5,       /* printed without exponent: 0.000001 */
    PRINT_POINT_MAX = 17,       /* ... up to 17 digits before the point */
    PRINT_DIGITS_MAX = 17,      /* no double needs more */
    EXPONENT_CLAMP = 100000000, /* far beyond all doubles, far within an int */
};

#define DOUBLE_EXACT_MAX (UINT64_C(1) << DOUBLE_BITS)
#define DOUBLE_HIDDEN_BIT (UINT64_C(1) << 52)

static const double powers10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* ---- text to double */

struct decimal {
    struct bytes digits; /* from the first that is not 0, with at most one point among them */
    int point;           /* the value is 0.DIGITS times ten to this power */
    uint32_t count;      /* digits, the point not counted */
};

static bool is_digit(uint8_t octet)
{
    return octet >= '0' && octet <= '9';
}

static int decimal_exponent(const uint8_t *at, const uint8_t *end)
{
    bool negative = at < end && *at == '-';
    at += at < end && !is_digit(*at);
    int exponent = 0;
    for (; at < end; at++) {
        exponent = exponent < EXPONENT_CLAMP ? exponent * 10 + (*at - '0') : EXPONENT_CLAMP;
    }
    return negative ? -exponent : exponent;
}

static struct decimal decimal_read(const uint8_t *at, const uint8_t *end)
{
    struct decimal decimal = {.digits = {at, 0}};
    bool pointed = false;
    int64_t before = 0; /* digits before the point, leading zeros behind it counted as negative */
    for (; at < end && (is_digit(*at) || *at == '.'); at++) {
        if (*at == '.') {
            pointed = true;
        } else if (decimal.count == 0 && *at == '0') {
            before -= pointed;
        } else {
            if (decimal.count++ == 0) {
                decimal.digits.at = at;
            }
            before += !pointed;
        }
    }
    if (decimal.count > 0) {
        decimal.digits.size = (size_t)(at - decimal.digits.at);
    }
    int64_t point = before + (at < end ? decimal_exponent(at + 1, end) : 0);
    int64_t clamp = EXPONENT_CLAMP;
    decimal.point = (int)(point > clamp ? clamp : point < -clamp ? -clamp : point);
    return decimal;
}

/* The 64 bits of value (or more below them, if more) times two to the exponent, rounded. */
static double double_round(uint64_t value, bool more, int exponent)
{
    int zeros = __builtin_clzll(value);
    value <<= zeros;
    exponent += 63 - zeros; /* of the highest bit */
    if (exponent > DOUBLE_BIAS) {
        return number_from_bits(UINT64_C(0x7ff) << 52);
    }
    int drop = 64 - DOUBLE_BITS;
    if (exponent < 1 - DOUBLE_BIAS) {
        drop += 1 - DOUBLE_BIAS - exponent;
        exponent = -DOUBLE_BIAS; /* no hidden bit below the normal range */
    }
    if (drop > 64) {
        return 0;
    }
    uint64_t half = UINT64_C(1) << (drop - 1);
    uint64_t rest = drop == 64 ? value : value & (half * 2 - 1);
    uint64_t kept = drop == 64 ? 0 : value >> drop;
    kept += rest > half || (rest == half && (more || (kept & 1) == 1));
    if (exponent == -DOUBLE_BIAS) {
        return number_from_bits(kept);
    }
    /* adding lets a carry out of the digits raise the exponent, up to infinity */
    return number_from_bits(((uint64_t)(exponent + DOUBLE_BIAS - 1) << 52) + kept);
}

static double decimal_to_double(const struct decimal *decimal)
{
    struct big top;
    struct big bottom;
    uint32_t count = 0;
    bool cut = false; /* digits that are not 0 were left out: one more 1 stands for them */
    big_set(&top, 0);
    big_set(&bottom, 1);
    for (size_t i = 0; i < decimal->digits.size; i++) {
        uint8_t octet = decimal->digits.at[i];
        if (octet != '.' && count < NUMBER_DIGITS_MAX) {
            big_multiply_add(&top, 10, (uint32_t)(octet - '0'));
            count++;
        } else if (octet != '.' && octet != '0') {
            cut = true;
        }
    }
    if (cut) {
        big_multiply_add(&top, 10, 1);
        count++;
    }
    int exponent = decimal->point - (int)count;
    big_multiply_power5(exponent > 0 ? &top : &bottom,
                        (unsigned)(exponent > 0 ? exponent : -exponent));
    unsigned bits_top = big_bits(&top);
    unsigned bits_bottom = big_bits(&bottom);
    unsigned bits = ((bits_top > bits_bottom ? bits_top : bits_bottom) / 32 + 1) * 32;
    big_multiply_power2(&top, bits - bits_top - 1);
    big_multiply_power2(&bottom, bits - bits_bottom);
    big_multiply_power2(&top, 32);
    uint64_t value = (uint64_t)big_divide(&top, &bottom) << 32;
    big_multiply_power2(&top, 32);
    value |= big_divide(&top, &bottom);
    return double_round(value, top.size > 0, exponent + (int)bits_top - (int)bits_bottom + 1 - 64);
}

/* Few digits and a small power of ten: false where it takes the long way. */
static bool decimal_to_double_exact(const struct decimal *decimal, double *value)
{
    int exponent = decimal->point - (int)decimal->count;
    if (decimal->count > 19 || exponent < -POWER10_EXACT_MAX || exponent > POWER10_EXACT_MAX) {
        return false;
    }
    uint64_t digits = 0;
    for (size_t i = 0; i < decimal->digits.size; i++) {
        uint8_t octet = decimal->digits.at[i];
        if (octet != '.') {
            digits = digits * 10 + (uint64_t)(octet - '0');
        }
    }
    if (digits > DOUBLE_EXACT_MAX) {
        return false;
    }
    *value =
        exponent < 0 ? (double)digits / powers10[-exponent] : (double)digits * powers10[exponent];
    return true;
}

double number_parse(struct bytes text)
{
    const uint8_t *end = text.at + text.size;
    bool negative = text.at[0] == '-';
    struct decimal decimal = decimal_read(text.at + negative, end);
    double value;
    if (decimal.count == 0 || decimal.point < DECIMAL_POINT_MIN) {
        value = 0;
    } else if (decimal.point > DECIMAL_POINT_MAX) {
        value = number_from_bits(UINT64_C(0x7ff) << 52);
    } else if (!decimal_to_double_exact(&decimal, &value)) {
        value = decimal_to_double(&decimal);
    }
    return negative ? -value : value;
}

/* ---- double to text */

size_t number_print_uint(uint64_t value, char *out)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

/* The value is 0.DIGITS times ten to point. */
struct digits {
    char text[20];
    int count;
    int point;
};

/* Tries no decimals, one, two, ...: below 10^15 there is at most one text of so many decimals that
 * is this double, so the first that fits is the shortest. value is over 0. */
static bool digits_find(double value, struct digits *digits)
{
    if (value >= 1e15 || value < 1e-5) {
        return false;
    }
    for (int decimals = 0; decimals <= 15; decimals++) {
        double scaled = value * powers10[decimals];
        if (scaled >= 1e15) {
            return false;
        }
        uint64_t nearest = (uint64_t)(scaled + 0.5);
        if ((double)nearest / powers10[decimals] == value) {
            digits->count = (int)number_print_uint(nearest, digits->text);
            digits->point = digits->count - decimals;
            return true;
        }
    }
    return false;
}

/* The value is top / bottom; half the way to the next double is up / bottom, to the one before
 * down / bottom. All are scaled so that the value lies in [0.1, 1) of ten to digits->point. */
struct fraction {
    struct big top;
    struct big bottom;
    struct big up;
    struct big down;
};

static bool fraction_reaches_up(const struct fraction *fraction, bool even)
{
    struct big sum = fraction->top;
    big_add(&sum, &fraction->up);
    int order = big_compare(&sum, &fraction->bottom);
    return order > 0 || (even && order == 0);
}

static int fraction_init(struct fraction *fraction, uint64_t significand, int exponent)
{
    /* At most the true one: log10(2) times the exponent, cut. What is missing is added below. */
    int bits = exponent + 64 - __builtin_clzll(significand);
    int point = (int)((bits - 1) * 30103LL / 100000) + (bits > 1);
    bool even = (significand & 1) == 0; /* then the borders round to this value */
    /* under a power of two the doubles lie twice as close, but for the least normal one */
    unsigned narrow = significand == DOUBLE_HIDDEN_BIT && exponent > 1 - DOUBLE_BIAS - 52;
    unsigned up = (unsigned)(exponent > 0 ? exponent : 0);
    unsigned down = (unsigned)(exponent < 0 ? -exponent : 0);
    big_set(&fraction->top, significand);
    big_set(&fraction->bottom, 1);
    big_set(&fraction->up, 1);
    big_set(&fraction->down, 1);
    big_multiply_power2(&fraction->top, up + 1 + narrow);
    big_multiply_power2(&fraction->bottom, down + 1 + narrow);
    big_multiply_power2(&fraction->up, up + narrow);
    big_multiply_power2(&fraction->down, up);
    unsigned power = (unsigned)(point < 0 ? -point : point);
    if (point > 0) {
        big_multiply_power5(&fraction->bottom, power);
        big_multiply_power2(&fraction->bottom, power);
    } else if (point < 0) {
        big_multiply_power5(&fraction->top, power);
        big_multiply_power2(&fraction->top, power);
        big_multiply_power5(&fraction->up, power);
        big_multiply_power2(&fraction->up, power);
        big_multiply_power5(&fraction->down, power);
        big_multiply_power2(&fraction->down, power);
    }
    while (fraction_reaches_up(fraction, even)) {
        big_multiply_add(&fraction->bottom, 10, 0);
        point++;
    }
    unsigned fill = 32 - (big_bits(&fraction->bottom) - 1) % 32 - 1;
    big_multiply_power2(&fraction->top, fill);
    big_multiply_power2(&fraction->bottom, fill);
    big_multiply_power2(&fraction->up, fill);
    big_multiply_power2(&fraction->down, fill);
    return point;
}

static void digits_generate(double value, struct digits *digits)
{
    struct fraction fraction;
    uint64_t bits = number_to_bits(value);
    uint64_t significand = bits & (DOUBLE_HIDDEN_BIT - 1);
    int exponent = (int)(bits >> 52);
    significand |= exponent > 0 ? DOUBLE_HIDDEN_BIT : 0;
    exponent = (exponent > 0 ? exponent : 1) - DOUBLE_BIAS - 52;
    bool even = (significand & 1) == 0;
    digits->point = fraction_init(&fraction, significand, exponent);
    digits->count = 0;
    bool low;
    bool high;
    uint32_t digit;
    for (;;) {
        big_multiply_add(&fraction.top, 10, 0);
        big_multiply_add(&fraction.up, 10, 0);
        big_multiply_add(&fraction.down, 10, 0);
        digit = big_divide(&fraction.top, &fraction.bottom);
        int order = big_compare(&fraction.top, &fraction.down);
        low = order < 0 || (even && order == 0);
        high = fraction_reaches_up(&fraction, even);
        if (low || high) {
            break;
        }
        check(digits->count < PRINT_DIGITS_MAX);
        digits->text[digits->count++] = (char)('0' + digit);
    }
    if (low && high) {
        big_multiply_add(&fraction.top, 2, 0);
        high = big_compare(&fraction.top, &fraction.bottom) >= 0;
    }
    digits->text[digits->count++] = (char)('0' + digit + high);
}

static size_t print_plain(const struct digits *digits, char *out)
{
    size_t count = (size_t)digits->count;
    if (digits->point <= 0) {
        size_t zeros = (size_t)-digits->point;
        memcpy(out, "0.", 2);
        memset(out + 2, '0', zeros);
        memcpy(out + 2 + zeros, digits->text, count);
        return 2 + zeros + count;
    }
    size_t point = (size_t)digits->point;
    size_t before = size_min(count, point);
    memcpy(out, digits->text, before);
    memset(out + before, '0', point - before);
    out[point] = '.';
    if (count <= point) {
        out[point + 1] = '0';
        return point + 2;
    }
    memcpy(out + point + 1, digits->text + point, count - point);
    return count + 1;
}

static size_t print_scientific(const struct digits *digits, char *out)
{
    size_t size = 0;
    out[size++] = digits->text[0];
    if (digits->count > 1) {
        out[size++] = '.';
        memcpy(out + size, digits->text + 1, (size_t)digits->count - 1);
        size += (size_t)digits->count - 1;
    }
    int exponent = digits->point - 1;
    out[size++] = 'e';
    out[size++] = exponent < 0 ? '-' : '+';
    return size + number_print_uint((uint64_t)(exponent < 0 ? -exponent : exponent), out + size);
}

size_t number_print(double value, char out[NUMBER_TEXT_MAX])
{
    struct digits digits = {.text = "0", .count = 1, .point = 1};
    size_t size = 0;
    check(number_is_finite(value));
    if (number_to_bits(value) >> 63 == 1) {
        out[size++] = '-';
        value = -value;
    }
    if (value > 0 && !digits_find(value, &digits)) {
        digits_generate(value, &digits);
    }
    bool plain = digits.point >= PRINT_POINT_MIN && digits.point <= PRINT_POINT_MAX;
    return size +
           (plain ? print_plain(&digits, out + size) : print_scientific(&digits, out + size));
}

/* ---- narrower floats */

static double double_widen(uint64_t sign, uint64_t exponent, uint64_t significand, int width,
                           int bias, uint64_t special)
{
    significand <<= 52 - width;
    if (exponent == special) {
        return number_from_bits(sign << 63 | UINT64_C(0x7ff) << 52 | significand);
    }
    if (exponent > 0) {
        return number_from_bits(sign << 63 | (exponent + (uint64_t)(DOUBLE_BIAS - bias)) << 52 |
                                significand);
    }
    if (significand == 0) {
        return number_from_bits(sign << 63);
    }
    int zeros = __builtin_clzll(significand) - 11; /* up to the hidden bit */
    significand = significand << zeros & (DOUBLE_HIDDEN_BIT - 1);
    return number_from_bits(sign << 63 | (uint64_t)(DOUBLE_BIAS - bias + 1 - zeros) << 52 |
                            significand);
}

double number_from_single(uint32_t bits)
{
    return double_widen(bits >> 31, bits >> 23 & 0xff, bits & 0x7fffff, 23, 127, 0xff);
}

double number_from_half(uint16_t bits)
{
    return double_widen((uint64_t)bits >> 15, bits >> 10 & 0x1fU, bits & 0x3ffU, 10, 15, 0x1f);
}
