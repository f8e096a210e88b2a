/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Validators of check digits alone
 *
 * For the detectors of a house's own identifiers.
 */

#include "detect/check_digit.h"
#include "detect/validator_list.h"

bool validate_luhn(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    struct digits digits = digits_of(judged->value);
    return check_luhn(&digits);
}

bool validate_verhoeff(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    struct digits digits = digits_of(judged->value);
    return check_verhoeff(&digits);
}

bool validate_mod_11_10(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    struct digits digits = digits_of(judged->value);
    return check_mod_11_10(&digits);
}

/* Over letters and digits, the first four moved behind the rest. */
bool validate_mod_97(const struct validator_case *judged, struct validator_answer *answer)
{
    answer->confidence = DETECTION_HIGH;
    return check_mod_97(judged->value);
}

bool validate_ean(const struct validator_case *judged, struct validator_answer *answer)
{
    (void)answer;
    struct digits digits = digits_of(judged->value);
    return check_ean(&digits);
}
