/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Validators of northern and other European identifiers
 *
 * SE: personnummer. NO: fødselsnummer. FI: henkilötunnus. CH: AHV number. HR: OIB.
 */

#include "detect/check_digit.h"
#include "detect/validator_list.h"

/* The last ten digits count; a coordination number has 60 added to the day. */
bool validate_personnummer(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    struct digits digits = digits_of(judged->value);
    if (digits.count != 10 && digits.count != 12)
        return false;
    struct digits last = {.count = 10};
    memcpy(last.values, digits.values + digits.count - 10, 10);
    uint32_t year = digits.count == 12 ? (uint32_t)digits_number(&digits, 0, 4) : 0;
    uint32_t month = (uint32_t)digits_number(&last, 2, 2), day = (uint32_t)digits_number(&last, 4, 2);
    return check_date(year, month, day > 60 ? day - 60 : day) && check_luhn(&last);
}

/* 40 added to the day: D-number; 40 or 80 to the month: made-up numbers of health services and tests, not people. */
bool validate_fodselsnummer(const struct validator_case *judged, struct validator_answer *answer)
{
    static const int8_t first_weights[9] = {3, 7, 6, 1, 8, 9, 4, 5, 2};
    static const int8_t second_weights[10] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2};
    struct digits digits = digits_of(judged->value);
    if (digits.count != 11)
        return false;
    uint32_t day = (uint32_t)digits_number(&digits, 0, 2), month = (uint32_t)digits_number(&digits, 2, 2);
    int32_t first = (11 - digits_weighted_sum(&digits, first_weights, 9) % 11) % 11;
    int32_t second = (11 - digits_weighted_sum(&digits, second_weights, 10) % 11) % 11;
    answer->confidence = DETECTION_HIGH;
    return check_date(0, month, day > 40 ? day - 40 : day) && first == digits.values[9] && second == digits.values[10];
}

static uint32_t century_of(uint8_t mark)
{
    if (mark == '+')
        return 1800;
    return mark >= 'A' && mark <= 'F' ? 2000 : 1900;
}

bool validate_hetu(const struct validator_case *judged, struct validator_answer *answer)
{
    static const char letters[] = "0123456789ABCDEFHJKLMNPRSTUVWXY";
    if (judged->value.size != 11)
        return false;
    struct digits date = digits_of(span_first(judged->value, 6));
    struct digits serial = digits_of(span_of(judged->value.data + 7, 3));
    if (date.count != 6 || serial.count != 3)
        return false;
    uint64_t number = digits_number(&date, 0, 6) * 1000 + digits_number(&serial, 0, 3);
    uint32_t day = (uint32_t)digits_number(&date, 0, 2), month = (uint32_t)digits_number(&date, 2, 2);
    uint32_t year = century_of(judged->value.data[6]) + (uint32_t)digits_number(&date, 4, 2);
    answer->confidence = DETECTION_HIGH;
    return check_date(year, month, day) && judged->value.data[10] == (uint8_t)letters[number % 31];
}

bool validate_ahv(const struct validator_case *judged, struct validator_answer *answer)
{
    struct digits digits = digits_of(judged->value);
    answer->confidence = DETECTION_HIGH;
    return digits.count == 13 && digits_number(&digits, 0, 3) == 756 && check_ean(&digits);
}

bool validate_oib(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    struct digits digits = digits_of(judged->value);
    return digits.count == 11 && check_mod_11_10(&digits);
}
