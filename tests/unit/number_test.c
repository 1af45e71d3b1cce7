/* Doubles and their text against strtod and snprintf (the C locale), which are exact in glibc. */
#include "common/number.h"
#include "common/rng.h"
#include "tests/lib/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void check_parse(const char *text)
{
    double ours = number_parse(bytes_text(text));
    double theirs = strtod(text, NULL);
    if (number_to_bits(ours) != number_to_bits(theirs)) {
        fprintf(stderr, "%s: %a, not %a\n", text, ours, theirs);
    }
    assert_true(number_to_bits(ours) == number_to_bits(theirs));
}

/* Digits without zeros at the ends: how long a text is, whatever its form. */
static size_t significant_digits(const char *text)
{
    size_t first = 0;
    size_t last = 0;
    size_t count = 0;
    for (const char *at = text; *at != 0 && *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9') {
            count++;
            if (*at != '0') {
                first = first == 0 ? count : first;
                last = count;
            }
        }
    }
    return first == 0 ? 0 : last - first + 1;
}

static void check_print(double value)
{
    char text[NUMBER_TEXT_MAX + 1];
    size_t size = number_print(value, text);
    assert_in_range(size, 3, NUMBER_TEXT_MAX);
    text[size] = 0;
    double again = strtod(text, NULL);
    if (number_to_bits(again) != number_to_bits(value)) {
        fprintf(stderr, "%a printed as %s\n", value, text);
    }
    assert_true(number_to_bits(again) == number_to_bits(value));
    assert_true(strpbrk(text, ".e") != NULL);
    check_parse(text);
    char shorter[64];
    for (int precision = 0; precision < 17; precision++) {
        snprintf(shorter, sizeof shorter, "%.*e", precision, value);
        if (number_to_bits(strtod(shorter, NULL)) == number_to_bits(value)) {
            /* ours may be shorter still: not the nearest of so many digits, but near enough */
            if (significant_digits(text) > significant_digits(shorter)) {
                fprintf(stderr, "%a printed as %s, shorter is %s\n", value, text, shorter);
            }
            assert_true(significant_digits(text) <= significant_digits(shorter));
            break;
        }
    }
}

static void known_hard_texts_round_as_strtod_does(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "-0.0e10",
        "1.0",
        "1e3",
        "1E-7",
        "9007199254740993",
        "9007199254740992.5",
        "9007199254740993.0000000000000000000000000000000000000000000000000000000000000000001",
        "18446744073709551616",
        "123456789012345678901234567890",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "2.47032822920623272088284396434110686182e-324",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649"
        "017977587207096330286416692887910946555547851940402630657488671505820681908902000708383"
        "676273854845817711531764475730270069855571366959622842914819860834936475292719074168444"
        "365510704342711559699508093042880.0",
        "1e309",
        "1e310",
        "1e311",
        "1e99999999999999999999",
        "1e-323",
        "1e-325",
        "1e-326",
        "1e-99999999999999999999",
        "0.000000000000000000000000000000000000000000000000000000000000000000000001e72",
        "1000000000000000000000000000000000000000000000000000000000000000000000000e-72",
        "8.98846567431158e307",
        "5e-324",
        "6.02214076e23",
        "0.1",
        "0.30000000000000004",
        "1e22",
        "1e23",
        "7.2057594037927933e16",
        "1090544144181609348835077142190",
    };
    for (size_t i = 0; i < array_count(texts); i++) {
        check_parse(texts[i]);
    }
}

static void ties_of_hundreds_of_digits_are_decided_by_the_last_one(void **unused)
{
    (void)unused;
    /* half of the least double, and the tie between the two least, to their last digit and past it
     */
    const uint64_t bits[] = {0,
                             1,
                             2,
                             3,
                             UINT64_C(0x000fffffffffffff),
                             UINT64_C(0x0010000000000000),
                             UINT64_C(0x3ff0000000000000),
                             UINT64_C(0x7fe0000000000001)};
    for (size_t i = 0; i < array_count(bits); i++) {
        char text[2048];
        long double tie =
            ((long double)number_from_bits(bits[i]) + (long double)number_from_bits(bits[i] + 1)) /
            2;
        int size = snprintf(text, 1500, "%.1100Lf", tie);
        check_parse(text);
        memset(text + size, '0', 200);
        text[size + 200] = 0;
        check_parse(text);
        text[size + 199] = '1';
        check_parse(text);
    }
}

static void random_texts_parse_as_strtod_does(void **unused)
{
    (void)unused;
    const uint64_t seed = seed_get();
    struct rng rng;
    rng_init(&rng, seed);
    for (int round = 0; round < 200000; round++) {
        char text[64];
        size_t size = 0;
        size_t digits = 1 + rng_below(&rng, 25);
        size_t point = rng_below(&rng, digits + 1);
        for (size_t i = 0; i < digits; i++) {
            text[size++] =
                (char)('0' + (i == 0 && point != 1 ? 1 + rng_below(&rng, 9) : rng_below(&rng, 10)));
            if (i + 1 == point && i + 1 < digits) {
                text[size++] = '.';
            }
        }
        if (rng_below(&rng, 4) > 0) {
            snprintf(text + size, 16, "e%d", (int)rng_below(&rng, 680) - 350);
        } else {
            text[size] = 0;
        }
        check_parse(text);
    }
}

static void random_doubles_print_shortest_and_come_back(void **unused)
{
    (void)unused;
    const uint64_t seed = seed_get();
    struct rng rng;
    rng_init(&rng, seed);
    for (int round = 0; round < 200000; round++) {
        double value = number_from_bits(rng_next(&rng));
        if (round % 4 == 1) {
            value = (double)rng_below(&rng, 100000000) / 1000;
        } else if (round % 4 == 2) {
            value = (double)rng_next(&rng);
        } else if (round % 4 == 3) {
            value = number_from_bits(rng_below(&rng, 2047) << 52); /* powers of two */
        }
        if (number_is_finite(value)) {
            check_print(value);
        }
    }
}

static void printed_forms_are_the_usual_ones(void **unused)
{
    (void)unused;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {-2.5, "-2.5"},
        {100.0, "100.0"},
        {0.1, "0.1"},
        {0.000001, "0.000001"},
        {0.0000001, "1e-7"},
        {1e15, "1000000000000000.0"},
        {12345678901234567.0, "12345678901234568.0"},
        {1e17, "1e+17"},
        {1.5e300, "1.5e+300"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {9007199254740993.0, "9007199254740992.0"},
    };
    for (size_t i = 0; i < array_count(rows); i++) {
        char text[NUMBER_TEXT_MAX];
        struct bytes printed = bytes_make(text, number_print(rows[i].value, text));
        if (!bytes_equal_text(printed, rows[i].text)) {
            fprintf(stderr, "%.*s, not %s\n", (int)printed.size, text, rows[i].text);
        }
        assert_true(bytes_equal_text(printed, rows[i].text));
        check_print(rows[i].value);
    }
}

static void every_half_and_many_singles_widen_to_the_same_value(void **unused)
{
    (void)unused;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        double ours = number_from_half((uint16_t)bits);
        uint32_t exponent = bits >> 10 & 31;
        if (exponent == 31) {
            assert_true(number_to_bits(ours) ==
                        ((uint64_t)(bits >> 15) << 63 | UINT64_C(0x7ff) << 52 |
                         (uint64_t)(bits & 0x3ff) << 42));
            continue;
        }
        double value = (bits & 0x3ff) | (exponent > 0 ? 0x400 : 0);
        for (uint32_t i = exponent > 0 ? exponent : 1; i < 25; i++) {
            value /= 2;
        }
        for (uint32_t i = 25; i < exponent; i++) {
            value *= 2;
        }
        assert_true(number_to_bits(ours) == number_to_bits(bits >> 15 ? -value : value));
    }
    struct rng rng;
    rng_init(&rng, 77);
    for (int round = 0; round < 1000000; round++) {
        uint32_t bits = (uint32_t)rng_next(&rng);
        if (round % 2 == 0) {
            bits &= 0x807fffff; /* below the normal range */
        }
        float single;
        memcpy(&single, &bits, sizeof single);
        bool nan = (bits & 0x7fffffff) > 0x7f800000;
        uint64_t expected = nan ? (uint64_t)(bits >> 31) << 63 | UINT64_C(0x7ff) << 52 |
                                      (uint64_t)(bits & 0x7fffff) << 29
                                : number_to_bits((double)single);
        assert_true(number_to_bits(number_from_single(bits)) == expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_hard_texts_round_as_strtod_does),
        cmocka_unit_test(ties_of_hundreds_of_digits_are_decided_by_the_last_one),
        cmocka_unit_test(random_texts_parse_as_strtod_does),
        cmocka_unit_test(random_doubles_print_shortest_and_come_back),
        cmocka_unit_test(printed_forms_are_the_usual_ones),
        cmocka_unit_test(every_half_and_many_singles_widen_to_the_same_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
