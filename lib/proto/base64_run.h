/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Runs of base64
 *
 * Finds where in a text a value may be written in base64 (RFC 4648, either alphabet): a run of its digits that is
 * longer than words are. Whether it says anything is for who decodes it.
 *
 * Memory:  none.
 * Threads: pure functions.
 */

#include "base/span.h"

#define BASE64_RUN_MIN 20u /* digits: sixteen bytes, a card number or a short mail address, make 22 without padding */

/* Of either alphabet; padding is none. */
bool base64_digit(uint8_t c);

/*
 * The first run of at least BASE64_RUN_MIN digits that begins in [from, size). Returns its offset, `size` when there is
 * none; *run_size_out is its digits, padding not counted. A run that began in front of `from` is not looked at.
 */
uint32_t base64_run_find(const uint8_t *data, uint32_t from, uint32_t size, uint32_t *run_size_out);

/* The same without SIMD. */
uint32_t base64_run_find_scalar(const uint8_t *data, uint32_t from, uint32_t size, uint32_t *run_size_out);
