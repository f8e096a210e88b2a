/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Check digits
 *
 * The schemes numbers are checked by, over digits that were taken out of their separators first. Each returns true when
 * the number with its check digits is right.
 *
 * Memory:  none.
 * Limits:  CHECK_DIGITS_MAX digits a number.
 */

#include "base/span.h"

#define CHECK_DIGITS_MAX 40u /* an IBAN has at most 34 characters, a card number 19 */

struct digits {
    uint32_t count; /* CHECK_DIGITS_MAX + 1: more than fit */
    uint8_t values[CHECK_DIGITS_MAX];
};

/* The digits of the text; everything else is left out. */
struct digits digits_of(struct span text);

/* `count` digits from `first` as one number; count <= 19. */
uint64_t digits_number(const struct digits *digits, uint32_t first, uint32_t count);

bool digits_all_same(const struct digits *digits);

/* Sum of digit times weight over the first `count` digits. */
int32_t digits_weighted_sum(const struct digits *digits, const int8_t *weights, uint32_t count);

bool check_luhn(const struct digits *digits);      /* ISO/IEC 7812-1 annex B */
bool check_verhoeff(const struct digits *digits);  /* Verhoeff 1969, dihedral group D5 */
bool check_mod_11_10(const struct digits *digits); /* ISO/IEC 7064, hybrid system */
bool check_ean(const struct digits *digits);       /* GS1: weights 1 and 3 from the right */
bool check_mod_97(struct span text);               /* ISO/IEC 7064 MOD 97-10 over letters and digits as IBAN uses it */

/* A day that exists. `year` 0: of any year, so 29 February does. */
bool check_date(uint32_t year, uint32_t month, uint32_t day);

/* Shannon's entropy in thousandths of a bit a byte. */
uint32_t check_entropy(struct span text);
