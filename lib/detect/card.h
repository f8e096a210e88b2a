/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Card numbers
 *
 * Which primary account numbers exist: issuer ranges with their lengths (ISO/IEC 7812-1), Luhn, and the numbers that
 * the schemes and processors publish for tests.
 */

#include "detect/check_digit.h"

/* Length, issuer, Luhn, and not one digit throughout. */
bool card_is_number(const struct digits *digits);

/* One that is published for tests: no cardholder has it. */
bool card_is_test_number(const struct digits *digits);
