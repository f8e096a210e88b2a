/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Validators of bank identifiers
 *
 * ISO 13616 (IBAN), ISO 9362 (BIC), American Bankers Association (routing number), UK sort code with account number.
 */

#include "detect/check_digit.h"
#include "detect/country.h"
#include "detect/validator_list.h"

static uint8_t upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
}

bool validate_iban(const struct validator_case *judged, struct validator_answer *answer)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < judged->value.size; i++)
        size += judged->value.data[i] != ' ';
    if (size < 5 || country_iban_size(upper(judged->value.data[0]), upper(judged->value.data[1])) != size)
        return false;
    answer->confidence = DETECTION_HIGH;
    return check_mod_97(judged->value);
}

bool validate_bic(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    return judged->value.size >= 8 && country_is_code(judged->value.data[4], judged->value.data[5]);
}

bool validate_aba(const struct validator_case *judged, struct validator_answer *answer)
{
    static const int8_t weights[9] = {3, 7, 1, 3, 7, 1, 3, 7, 1};
    (void)answer;
    struct digits digits = digits_of(judged->value);
    return digits.count == 9 && digits_weighted_sum(&digits, weights, 9) % 10 == 0 && !digits_all_same(&digits);
}

/* The modulus table of the sort codes changes monthly, so only the shape speaks: a date instead of a sort code is weak.
 */
bool validate_sort_code(const struct validator_case *judged, struct validator_answer *answer)
{
    struct digits digits = digits_of(judged->value);
    if (digits.count != 14)
        return false;
    uint32_t second = (uint32_t)digits_number(&digits, 2, 2), third = (uint32_t)digits_number(&digits, 4, 2);
    answer->confidence = check_date(0, second, third) ? DETECTION_LOW : DETECTION_MEDIUM;
    return true;
}
