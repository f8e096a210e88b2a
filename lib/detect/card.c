/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Card numbers
 *
 * Issuer ranges as the schemes publish them; ranges shared by two schemes are listed under both.
 */

#include "detect/card.h"

#define CARD_SIZE_MIN 12u /* the shortest Maestro number */
#define CARD_SIZE_MAX 19u /* ISO/IEC 7812-1 */

#define SIZE(n)     (1u << (n))
#define SIZES_12_19 (0xffu << 12)
#define SIZES_14_19 (0x3fu << 14)
#define SIZES_16_19 (0xfu << 16)

struct issuer {
    uint32_t first, last; /* range of the first six digits */
    uint32_t sizes;       /* set of SIZE() */
};

static const struct issuer issuers[] = {
    {400000, 499999, SIZE(13) | SIZE(16) | SIZE(19)}, /* Visa */
    {510000, 559999, SIZE(16)},                       /* Mastercard */
    {222100, 272099, SIZE(16)},                       /* Mastercard, second series */
    {340000, 349999, SIZE(15)},                       /* American Express */
    {370000, 379999, SIZE(15)},                       /* American Express */
    {601100, 601199, SIZES_16_19},                    /* Discover */
    {644000, 659999, SIZES_16_19},                    /* Discover */
    {300000, 305999, SIZES_14_19},                    /* Diners Club */
    {309500, 309599, SIZES_14_19},                    /* Diners Club */
    {360000, 369999, SIZES_14_19},                    /* Diners Club */
    {380000, 399999, SIZES_14_19},                    /* Diners Club */
    {352800, 358999, SIZES_16_19},                    /* JCB */
    {620000, 629999, SIZES_16_19},                    /* UnionPay */
    {810000, 819999, SIZES_16_19},                    /* UnionPay, RuPay */
    {500000, 509999, SIZES_12_19},                    /* Maestro, RuPay */
    {560000, 589999, SIZES_12_19},                    /* Maestro */
    {630000, 639999, SIZES_12_19},                    /* Maestro */
    {670000, 679999, SIZES_12_19},                    /* Maestro */
    {220000, 220499, SIZES_16_19},                    /* Mir */
    {600000, 609999, SIZE(16)},                       /* RuPay */
    {820000, 829999, SIZE(16)},                       /* RuPay */
    {979200, 979299, SIZE(16)},                       /* Troy */
};

/* From the public test pages of Visa, Mastercard, American Express, Discover, JCB and the large processors. */
static const uint64_t test_numbers[] = {
    4111111111111111u, 4242424242424242u, 4012888888881881u, 4222222222222u,    4000056655665556u, 4012000033330026u,
    4000000000000002u, 4917610000000000u, 4462030000000000u, 5555555555554444u, 5105105105105100u, 5200828282828210u,
    5454545454545454u, 2223003122003222u, 2223000048400011u, 2222420000001113u, 378282246310005u,  371449635398431u,
    378734493671000u,  6011111111111117u, 6011000990139424u, 6011000400000000u, 3056930009020004u, 30569309025904u,
    38520000023237u,   36227206271667u,   3530111333300000u, 3566002020360505u, 6200000000000005u, 5019717010103742u,
    6331101999990016u, 5610591081018250u,
};

bool card_is_number(const struct digits *digits)
{
    if (digits->count < CARD_SIZE_MIN || digits->count > CARD_SIZE_MAX)
        return false;
    uint32_t issuer = (uint32_t)digits_number(digits, 0, 6);
    bool known = false;
    for (size_t i = 0; i < ARRAY_COUNT(issuers) && !known; i++)
        known = issuer >= issuers[i].first && issuer <= issuers[i].last && (issuers[i].sizes & SIZE(digits->count));
    return known && check_luhn(digits) && !digits_all_same(digits);
}

bool card_is_test_number(const struct digits *digits)
{
    if (digits->count < CARD_SIZE_MIN || digits->count > CARD_SIZE_MAX)
        return false;
    uint64_t number = digits_number(digits, 0, digits->count);
    for (size_t i = 0; i < ARRAY_COUNT(test_numbers); i++)
        if (test_numbers[i] == number)
            return true;
    return false;
}
