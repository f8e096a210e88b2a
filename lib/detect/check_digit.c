/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Check digits
 *
 * Numbers are short, so everything is a plain loop over at most 40 digits.
 */

#include "detect/check_digit.h"

struct digits digits_of(struct span text)
{
    struct digits digits = {.count = 0};
    for (uint32_t i = 0; i < text.size; i++) {
        uint8_t value = (uint8_t)(text.data[i] - '0');
        if (value > 9)
            continue;
        if (digits.count >= CHECK_DIGITS_MAX) {
            digits.count = CHECK_DIGITS_MAX + 1;
            break;
        }
        digits.values[digits.count++] = value;
    }
    return digits;
}

uint64_t digits_number(const struct digits *digits, uint32_t first, uint32_t count)
{
    require(count <= 19 && first + count <= CHECK_DIGITS_MAX);
    uint64_t number = 0;
    for (uint32_t i = first; i < first + count; i++)
        number = number * 10 + digits->values[i];
    return number;
}

bool digits_all_same(const struct digits *digits)
{
    for (uint32_t i = 1; i < digits->count && i < CHECK_DIGITS_MAX; i++)
        if (digits->values[i] != digits->values[0])
            return false;
    return true;
}

int32_t digits_weighted_sum(const struct digits *digits, const int8_t *weights, uint32_t count)
{
    require(count <= CHECK_DIGITS_MAX);
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += digits->values[i] * weights[i];
    return sum;
}

bool check_luhn(const struct digits *digits)
{
    if (digits->count < 2 || digits->count > CHECK_DIGITS_MAX)
        return false;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < digits->count; i++) {
        uint32_t value = digits->values[digits->count - 1 - i];
        uint32_t doubled = value * 2 > 9 ? value * 2 - 9 : value * 2;
        sum += i % 2 ? doubled : value;
    }
    return sum % 10 == 0;
}

/* The multiplication of D5; the permutation of a position is (1 5 8 9 4 2 7 0)(3 6) applied that often. */
static const uint8_t dihedral_product[10][10] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
                                                 {2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
                                                 {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
                                                 {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
                                                 {8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}};
static const uint8_t position_permutation[8][10] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
                                                    {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
                                                    {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
                                                    {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};

bool check_verhoeff(const struct digits *digits)
{
    if (digits->count < 2 || digits->count > CHECK_DIGITS_MAX)
        return false;
    uint32_t check = 0;
    for (uint32_t i = 0; i < digits->count; i++) {
        uint32_t value = digits->values[digits->count - 1 - i];
        check = dihedral_product[check][position_permutation[i % 8][value]];
    }
    return check == 0;
}

bool check_mod_11_10(const struct digits *digits)
{
    if (digits->count < 2 || digits->count > CHECK_DIGITS_MAX)
        return false;
    uint32_t check = 5;
    for (uint32_t i = 0; i < digits->count; i++) {
        uint32_t doubled = (check == 0 ? 10 : check) * 2 % 11;
        check = (doubled + digits->values[i]) % 10;
    }
    return check == 1;
}

bool check_ean(const struct digits *digits)
{
    if (digits->count < 2 || digits->count > CHECK_DIGITS_MAX)
        return false;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < digits->count; i++)
        sum += digits->values[digits->count - 1 - i] * (i % 2 ? 3u : 1u);
    return sum % 10 == 0;
}

bool check_mod_97(struct span text)
{
    uint8_t compact[CHECK_DIGITS_MAX];
    uint32_t size = 0, rest = 0;
    for (uint32_t i = 0; i < text.size; i++) {
        uint8_t c = ascii_lower(text.data[i]);
        bool counts = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
        if (counts && size == CHECK_DIGITS_MAX)
            return false;
        if (counts)
            compact[size++] = c;
    }
    if (size < 5)
        return false;
    for (uint32_t i = 0; i < size; i++) {
        uint8_t c = compact[(i + 4) % size]; /* country and check digits count last */
        rest = c <= '9' ? rest * 10 + (c - '0') : rest * 100 + c - ('a' - 10u);
        rest %= 97;
    }
    return rest == 1;
}

bool check_date(uint32_t year, uint32_t month, uint32_t day)
{
    static const uint8_t days[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1 || day > days[month])
        return false;
    bool leap = year == 0 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    return leap || month != 2 || day <= 28;
}

/* Binary logarithm of n >= 1 in 1/65536, by repeated squaring of the mantissa: no floating point, no table. */
static uint32_t log2_fixed(uint32_t n)
{
    uint32_t whole = 31 - (uint32_t)__builtin_clz(n), fraction = 0;
    uint64_t mantissa = ((uint64_t)n << 32) >> whole; /* 1.0 is 2^32 */
    for (uint32_t bit = 0; bit < 16; bit++) {
        mantissa >>= 1; /* keeps the square within 64 bits */
        mantissa = (mantissa * mantissa) >> 30;
        bool above = mantissa >> 33;
        fraction = fraction << 1 | above;
        mantissa >>= above;
    }
    return whole << 16 | fraction;
}

uint32_t check_entropy(struct span text)
{
    uint16_t counts[256] = {0};
    uint32_t size = min_u32(text.size, 4096); /* far more than any secret */
    uint64_t sum = 0;
    if (size == 0)
        return 0;
    for (uint32_t i = 0; i < size; i++)
        counts[text.data[i]]++;
    for (uint32_t i = 0; i < 256; i++)
        if (counts[i] > 1)
            sum += (uint64_t)counts[i] * log2_fixed(counts[i]);
    uint64_t bits = log2_fixed(size) - sum / size;
    return (uint32_t)((bits * 1000 + 32768) >> 16);
}
