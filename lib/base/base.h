/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Language helpers
 *
 * The few macros every module may use. Programmer errors end the process at once with require();
 * hostile or merely odd traffic is never an error and never reaches require().
 */

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define CACHE_LINE        64
#define CACHE_ALIGNED     __attribute__((aligned(CACHE_LINE)))
#define ARRAY_COUNT(a)    (sizeof(a) / sizeof((a)[0]))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

_Noreturn void require_failed(const char *expression, const char *file, int line);

/* Always on. For promises between modules, never for bytes from the wire. */
#define require(x) ((x) ? (void)0 : require_failed(#x, __FILE__, __LINE__))

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}
