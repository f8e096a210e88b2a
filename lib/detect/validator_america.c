/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Validators of American identifiers
 *
 * US: SSN and ITIN (Social Security Administration, IRS), NPI (45 CFR 162), DEA number (21 CFR 1301). CA: SIN. BR: CPF.
 */

#include "detect/check_digit.h"
#include "detect/validator_list.h"

static bool has_separator(struct span text)
{
    for (uint32_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return true;
    return false;
}

bool validate_ssn(const struct validator_case *judged, struct validator_answer *answer)
{
    struct digits digits = digits_of(judged->value);
    if (digits.count != 9)
        return false;
    uint64_t number = digits_number(&digits, 0, 9);
    uint32_t area = (uint32_t)(number / 1000000), group = (uint32_t)(number / 10000 % 100);
    uint32_t serial = (uint32_t)(number % 10000);
    bool advertised = number == 78051120 || number == 219099999 || number == 457555462; /* printed in adverts: void */
    answer->confidence = has_separator(judged->value) ? DETECTION_MEDIUM : DETECTION_LOW;
    return area != 0 && area != 666 && area < 900 && group != 0 && serial != 0 && !advertised;
}

/* The pattern holds the ranges; nine bare digits within them are too common to say anything. */
bool validate_itin(const struct validator_case *judged, struct validator_answer *answer)
{
    bool written = has_separator(judged->value);
    answer->confidence = written ? DETECTION_MEDIUM : DETECTION_LOW;
    answer->flags |= written ? 0 : VALIDATOR_NEEDS_KEYWORD;
    return digits_of(judged->value).count == 9;
}

bool validate_sin(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    struct digits digits = digits_of(judged->value);
    return digits.count == 9 && check_luhn(&digits) && !digits_all_same(&digits);
}

bool validate_cpf(const struct validator_case *judged, struct validator_answer *answer)
{
    static const int8_t first_weights[9] = {10, 9, 8, 7, 6, 5, 4, 3, 2};
    static const int8_t second_weights[10] = {11, 10, 9, 8, 7, 6, 5, 4, 3, 2};
    struct digits digits = digits_of(judged->value);
    if (digits.count != 11 || digits_all_same(&digits))
        return false;
    int32_t first = (11 - digits_weighted_sum(&digits, first_weights, 9) % 11) % 11 % 10;
    int32_t second = (11 - digits_weighted_sum(&digits, second_weights, 10) % 11) % 11 % 10;
    answer->confidence = DETECTION_HIGH;
    return first == digits.values[9] && second == digits.values[10];
}

/* Luhn over the number with the prefix of the issuer of health cards, 80840, in front of it. */
bool validate_npi(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    struct digits digits = digits_of(judged->value);
    if (digits.count != 10)
        return false;
    struct digits prefixed = {.count = 15, .values = {8, 0, 8, 4, 0}};
    memcpy(prefixed.values + 5, digits.values, 10);
    return check_luhn(&prefixed);
}

bool validate_dea(const struct validator_case *judged, struct validator_answer *answer)
{
    static const int8_t weights[6] = {1, 2, 1, 2, 1, 2};
    (void)answer;
    if (judged->value.size != 9)
        return false;
    struct digits digits = digits_of(span_from(judged->value, 2));
    return digits.count == 7 && digits_weighted_sum(&digits, weights, 6) % 10 == digits.values[6];
}
