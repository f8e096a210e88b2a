/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Byte searches. A set of ASCII characters is 16 bytes: bit h of byte l stands for the character h * 16 + l, so that
 * one table serves the plain test and, as a byte shuffle, the test of 16 characters at once.
 */

#include "proto/http1_scan.h"

/* clang-format off */
const uint8_t http1_token_set[HTTP1_SCAN_BLOCK] = {
    0xe8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xf8, 0xf8, 0xf4, 0x54, 0xd0, 0x54, 0xf4, 0x70,
};
const uint8_t http1_target_set[HTTP1_SCAN_BLOCK] = {
    0xb8, 0xfc, 0xf8, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0x7c, 0x54, 0x7c, 0xd4, 0x7c,
};
const uint8_t http1_host_set[HTTP1_SCAN_BLOCK] = {
    0xa8, 0xfc, 0xf8, 0xf8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xf4, 0x5c, 0x54, 0x5c, 0xd4, 0x70,
};
/* clang-format on */

static bool set_has(const uint8_t *set, uint8_t c)
{
    return c < 0x80 && (set[c & 15] >> (c >> 4) & 1) != 0;
}

static bool is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

uint32_t http1_scan_control_plain(const uint8_t *data, uint32_t size, uint32_t from)
{
    uint32_t i = from;
    while (i < size && !is_control(data[i]))
        i++;
    return i;
}

uint32_t http1_scan_set_plain(const uint8_t *data, uint32_t size, uint32_t from, const uint8_t *set)
{
    uint32_t i = from;
    while (i < size && set_has(set, data[i]))
        i++;
    return i;
}
