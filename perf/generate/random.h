/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Random numbers that repeat
 *
 * SplitMix64 (Steele, Lea and Flood 2014): one 64-bit word of state, the same numbers from the same seed everywhere.
 */

#include "base/base.h"

struct random {
    uint64_t state;
};

/* A good mix of all bits: also turns a serial number into something that looks drawn. */
static inline uint64_t random_mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static inline uint64_t random_next(struct random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    return random_mix(random->state);
}

/* 0 <= result < limit. The bias of at most limit / 2^32 does not show in anything measured here. */
static inline uint32_t random_below(struct random *random, uint32_t limit)
{
    return (uint32_t)((random_next(random) >> 32) * limit >> 32);
}
