/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Validators of identifiers of Australia, Asia and Africa
 *
 * AU: tax file number. IN: Aadhaar, income-tax PAN. TR: T.C. kimlik no. CN: resident identity (GB 11643-1999). KR:
 * resident registration. SG: NRIC and FIN. ZA: identity number.
 */

#include "detect/check_digit.h"
#include "detect/validator_list.h"

bool validate_tfn(const struct validator_case *judged, struct validator_answer *answer)
{
    static const int8_t weights[9] = {1, 4, 3, 7, 5, 8, 6, 9, 10};
    (void)answer;
    struct digits digits = digits_of(judged->value);
    return digits.count == 9 && digits_number(&digits, 0, 9) > 0 && digits_weighted_sum(&digits, weights, 9) % 11 == 0;
}

/* Palindromes are not given out. Twelve digits in one run are common, so those need a word beside them. */
bool validate_aadhaar(const struct validator_case *judged, struct validator_answer *answer)
{
    struct digits digits = digits_of(judged->value);
    if (digits.count != 12 || digits.values[0] < 2)
        return false;
    bool palindrome = true;
    for (uint32_t i = 0; i < 6; i++)
        palindrome &= digits.values[i] == digits.values[11 - i];
    answer->flags |= judged->value.size == 12 ? VALIDATOR_NEEDS_KEYWORD : 0;
    return !palindrome && check_verhoeff(&digits);
}

/* The pattern holds the classes of holders; serial 0000 is not given out. */
bool validate_income_tax_pan(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    struct digits digits = digits_of(judged->value);
    return digits.count == 4 && digits_number(&digits, 0, 4) > 0;
}

bool validate_tckn(const struct validator_case *judged, struct validator_answer *answer)
{
    static const int8_t first_weights[9] = {7, -1, 7, -1, 7, -1, 7, -1, 7};
    static const int8_t second_weights[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct digits digits = digits_of(judged->value);
    if (digits.count != 11 || digits.values[0] == 0)
        return false;
    int32_t first = (digits_weighted_sum(&digits, first_weights, 9) % 10 + 10) % 10;
    int32_t second = digits_weighted_sum(&digits, second_weights, 10) % 10;
    answer->confidence = DETECTION_HIGH;
    return first == digits.values[9] && second == digits.values[10];
}

/* ISO/IEC 7064 MOD 11-2: the last character may be X for ten. */
bool validate_resident_id(const struct validator_case *judged, struct validator_answer *answer)
{
    static const int8_t weights[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    static const char checks[] = "10X98765432";
    if (judged->value.size != 18)
        return false;
    struct digits digits = digits_of(span_first(judged->value, 17));
    if (digits.count != 17)
        return false;
    uint8_t check = judged->value.data[17] == 'x' ? 'X' : judged->value.data[17];
    bool date = check_date((uint32_t)digits_number(&digits, 6, 4), (uint32_t)digits_number(&digits, 10, 2),
                           (uint32_t)digits_number(&digits, 12, 2));
    answer->confidence = DETECTION_HIGH;
    return date && check == (uint8_t)checks[digits_weighted_sum(&digits, weights, 17) % 11];
}

/* The seventh digit tells the century. Numbers given out since October 2020 have a random tail instead of a check. */
bool validate_rrn(const struct validator_case *judged, struct validator_answer *answer)
{
    static const int8_t weights[12] = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
    static const uint16_t centuries[10] = {1800, 1900, 1900, 2000, 2000, 1900, 1900, 2000, 2000, 1800};
    struct digits digits = digits_of(judged->value);
    if (digits.count != 13)
        return false;
    uint32_t year = centuries[digits.values[6]] + (uint32_t)digits_number(&digits, 0, 2);
    uint32_t month = (uint32_t)digits_number(&digits, 2, 2), day = (uint32_t)digits_number(&digits, 4, 2);
    if (!check_date(year, month, day))
        return false;
    bool checked = (11 - digits_weighted_sum(&digits, weights, 12) % 11) % 10 == digits.values[12];
    bool random_tail = year > 2020 || (year == 2020 && month >= 10);
    answer->confidence = checked ? DETECTION_MEDIUM : DETECTION_LOW;
    return checked || random_tail;
}

/* T and G: since 2000, four more; M: since 2022, three more, letters of its own. */
bool validate_nric(const struct validator_case *judged, struct validator_answer *answer)
{
    static const int8_t weights[7] = {2, 7, 6, 5, 4, 3, 2};
    (void)answer;
    struct digits digits = digits_of(judged->value);
    if (digits.count != 7 || judged->value.size != 9)
        return false;
    uint8_t series = judged->value.data[0];
    const char *letters = series == 'S' || series == 'T' ? "JZIHGFEDCBA"
                          : series == 'M'                ? "XWUTRQPNJLK"
                                                         : "XWUTRQPNMLK";
    int32_t more = series == 'T' || series == 'G' ? 4 : series == 'M' ? 3 : 0;
    int32_t sum = digits_weighted_sum(&digits, weights, 7) + more;
    return judged->value.data[8] == (uint8_t)letters[sum % 11];
}

bool validate_south_african_id(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    struct digits digits = digits_of(judged->value);
    if (digits.count != 13)
        return false;
    uint32_t month = (uint32_t)digits_number(&digits, 2, 2), day = (uint32_t)digits_number(&digits, 4, 2);
    return check_date(0, month, day) && digits.values[10] <= 1 && check_luhn(&digits);
}
