/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Byte set
 *
 * A set of byte values, as 256 bits.
 */

#include "base/base.h"

struct byte_set {
    uint64_t words[4];
};

static inline bool byte_set_has(const struct byte_set *set, uint8_t byte)
{
    return set->words[byte >> 6] >> (byte & 63) & 1;
}

static inline void byte_set_add(struct byte_set *set, uint8_t byte)
{
    set->words[byte >> 6] |= UINT64_C(1) << (byte & 63);
}

static inline void byte_set_add_range(struct byte_set *set, uint8_t first, uint8_t last)
{
    for (uint32_t byte = first; byte <= last; byte++)
        byte_set_add(set, (uint8_t)byte);
}

static inline void byte_set_merge(struct byte_set *set, const struct byte_set *other)
{
    for (uint32_t i = 0; i < 4; i++)
        set->words[i] |= other->words[i];
}

static inline void byte_set_invert(struct byte_set *set)
{
    for (uint32_t i = 0; i < 4; i++)
        set->words[i] = ~set->words[i];
}

static inline void byte_set_fill(struct byte_set *set)
{
    for (uint32_t i = 0; i < 4; i++)
        set->words[i] = UINT64_MAX;
}

/* True when every member of `set` is one of `other`. */
static inline bool byte_set_within(const struct byte_set *set, const struct byte_set *other)
{
    uint64_t outside = 0;
    for (uint32_t i = 0; i < 4; i++)
        outside |= set->words[i] & ~other->words[i];
    return outside == 0;
}
