/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Validators of European identifiers
 *
 * GB: national insurance and NHS numbers. IT: codice fiscale (decree of 23 December 1976). ES: DNI and NIE. NL: BSN.
 * DE: tax id. FR: NIR. BE: rijksregister number. PL: PESEL.
 */

#include "detect/check_digit.h"
#include "detect/validator_list.h"

static uint8_t upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Prefixes that are never given out. */
bool validate_nino(const struct validator_case *judged, struct validator_answer *answer)
{
    static const char never[] = "BGGBKNNKNTTNZZ";
    (void)answer;
    for (uint32_t i = 0; never[i] != '\0'; i += 2)
        if (memcmp(judged->value.data, never + i, 2) == 0)
            return false;
    return judged->value.size >= 9;
}

bool validate_nhs(const struct validator_case *judged, struct validator_answer *answer)
{
    static const int8_t weights[9] = {10, 9, 8, 7, 6, 5, 4, 3, 2};
    (void)answer;
    struct digits digits = digits_of(judged->value);
    if (digits.count != 10 || digits_all_same(&digits))
        return false;
    return (11 - digits_weighted_sum(&digits, weights, 9) % 11) % 11 == digits.values[9];
}

/* Values of 0-9 or A-Z in odd places (counted from 1); in even places a character counts for its rank. */
static uint32_t fiscal_value(uint8_t c, bool odd)
{
    static const uint8_t odd_digits[10] = {1, 0, 5, 7, 9, 13, 15, 17, 19, 21};
    static const uint8_t odd_letters[26] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                                            20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
    if (is_digit(c))
        return odd ? odd_digits[c - '0'] : c - '0';
    return odd ? odd_letters[c - 'A'] : c - 'A';
}

/* The letters that stand for digits where two people would have the same code. */
static uint32_t fiscal_digit(uint8_t c)
{
    static const char letters[] = "LMNPQRSTUV";
    const char *found = is_digit(c) ? NULL : strchr(letters, c);
    return found ? (uint32_t)(found - letters) : (uint32_t)(c - '0');
}

/*
 * Digits give way to letters from the right, one for each namesake; six namesakes born on one day are not expected, so
 * the first digit is one. Sixteen letters would be a word.
 */
bool validate_codice_fiscale(const struct validator_case *judged, struct validator_answer *answer)
{
    static const char months[] = "ABCDEHLMPRST";
    uint8_t code[16];
    uint32_t sum = 0;
    if (judged->value.size != sizeof(code))
        return false;
    for (uint32_t i = 0; i < sizeof(code); i++)
        code[i] = upper(judged->value.data[i]);
    for (uint32_t i = 0; i < sizeof(code) - 1; i++)
        sum += fiscal_value(code[i], i % 2 == 0);
    const char *month = strchr(months, code[8]);
    uint32_t day = fiscal_digit(code[9]) * 10 + fiscal_digit(code[10]);
    bool day_exists = month && check_date(0, (uint32_t)(month - months) + 1, day > 40 ? day - 40 : day);
    answer->confidence = DETECTION_HIGH;
    return is_digit(code[6]) && day_exists && code[15] == 'A' + sum % 26;
}

bool validate_dni(const struct validator_case *judged, struct validator_answer *answer)
{
    static const char letters[] = "TRWAGMYFPDXBNJZSQVHLCKE";
    (void)answer;
    struct digits digits = digits_of(judged->value);
    uint8_t first = upper(judged->value.data[0]);
    bool foreigner = first >= 'X' && first <= 'Z';
    if (digits.count != (foreigner ? 7 : 8) || judged->value.size < 9)
        return false;
    uint64_t number = digits_number(&digits, 0, digits.count);
    number += foreigner ? (first - 'X') * UINT64_C(10000000) : 0;
    return number > 0 && upper(judged->value.data[judged->value.size - 1]) == (uint8_t)letters[number % 23];
}

bool validate_bsn(const struct validator_case *judged, struct validator_answer *answer)
{
    static const int8_t weights[9] = {9, 8, 7, 6, 5, 4, 3, 2, -1};
    (void)answer;
    struct digits digits = digits_of(judged->value);
    if (digits.count != 9 || digits_number(&digits, 0, 9) == 0)
        return false;
    return digits_weighted_sum(&digits, weights, 9) % 11 == 0;
}

/* Among the first ten digits exactly one occurs two or three times, the others at most once. */
bool validate_steuer_id(const struct validator_case *judged, struct validator_answer *answer)
{
    uint8_t seen[10] = {0};
    uint32_t repeated = 0, most = 0;
    struct digits digits = digits_of(judged->value);
    if (digits.count != 11 || digits.values[0] == 0)
        return false;
    for (uint32_t i = 0; i < 10; i++)
        seen[digits.values[i]]++;
    for (uint32_t i = 0; i < 10; i++) {
        repeated += seen[i] > 1;
        most = seen[i] > most ? seen[i] : most;
    }
    answer->confidence = DETECTION_HIGH;
    return repeated == 1 && most <= 3 && check_mod_11_10(&digits);
}

/* Corsica's departments 2A and 2B count as 19 and 18. */
bool validate_nir(const struct validator_case *judged, struct validator_answer *answer)
{
    uint64_t number = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < judged->value.size && count < 13; i++) {
        uint8_t c = upper(judged->value.data[i]);
        if (is_digit(c))
            number = number * 10 + (c - '0');
        else if (c == 'A' || c == 'B')
            number = number / 10 * 100 + (c == 'A' ? 19 : 18);
        else
            continue;
        count++;
    }
    if (count != 13 || judged->value.size < 15)
        return false;
    /* "2" and the letter became two digits, so the number has thirteen. */
    struct digits check = digits_of(span_from(judged->value, judged->value.size - 2));
    answer->confidence = DETECTION_HIGH;
    return check.count == 2 && 97 - number % 97 == digits_number(&check, 0, 2);
}

/* Born since 2000: a 2 stands in front when the check is made. Month or day 0: not known. */
bool validate_rijksregister(const struct validator_case *judged, struct validator_answer *answer)
{
    struct digits digits = digits_of(judged->value);
    if (digits.count != 11)
        return false;
    uint64_t number = digits_number(&digits, 0, 9), check = digits_number(&digits, 9, 2);
    uint32_t month = (uint32_t)digits_number(&digits, 2, 2), day = (uint32_t)digits_number(&digits, 4, 2);
    bool date = (month == 0 || day == 0) ? month <= 12 && day <= 31 : check_date(0, month, day);
    answer->confidence = DETECTION_HIGH;
    return date && (97 - number % 97 == check || 97 - (number + 2000000000) % 97 == check);
}

/* The month carries the century: +80 1800s, +0 1900s, +20 2000s, +40 2100s, +60 2200s. */
bool validate_pesel(const struct validator_case *judged, struct validator_answer *answer)
{
    static const int8_t weights[10] = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3};
    static const uint16_t centuries[5] = {1900, 2000, 2100, 2200, 1800};
    (void)answer;
    struct digits digits = digits_of(judged->value);
    if (digits.count != 11)
        return false;
    uint32_t year = (uint32_t)digits_number(&digits, 0, 2), month = (uint32_t)digits_number(&digits, 2, 2);
    uint32_t day = (uint32_t)digits_number(&digits, 4, 2);
    if (!check_date(centuries[month / 20] + year, month % 20, day))
        return false;
    return (10 - digits_weighted_sum(&digits, weights, 10) % 10) % 10 == digits.values[10];
}
