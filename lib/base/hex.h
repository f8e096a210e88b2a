/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Hexadecimal digits, as digests, serial numbers and UUIDs are written: lower case, two a byte.
 */

#include "base/base.h"

/* Writes 2 * `size` digits, without an end; returns what is behind them. */
static inline char *hex_write(const uint8_t *bytes, uint32_t size, char *digits_out)
{
    static const char digits[] = "0123456789abcdef";
    for (uint32_t i = 0; i < size; i++) {
        *digits_out++ = digits[bytes[i] >> 4];
        *digits_out++ = digits[bytes[i] & 15];
    }
    return digits_out;
}
