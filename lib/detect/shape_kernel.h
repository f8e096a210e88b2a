/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Classes of bytes, 64 at a time
 *
 * One bit a byte and class, for the shape finder. The variants differ in speed only; a test holds them to the scalar
 * one.
 *
 * Threads: any; all are pure.
 */

#include "base/base.h"

#define SHAPE_BLOCK 64u

struct shape_masks {
    uint64_t digit;
    uint64_t letter;
    uint64_t separator; /* " .-+/" */
    uint64_t symbol;    /* "@^<+" */
};

/* Reads block_count * SHAPE_BLOCK bytes. */
typedef void shape_kernel(const uint8_t *data, uint32_t block_count, struct shape_masks *masks_out);

shape_kernel shape_kernel_scalar;

struct shape_variant {
    const char *name;
    shape_kernel *kernel;
};

/* The n-th variant this processor can run, slowest first; NULL kernel behind the last. */
struct shape_variant shape_kernel_variant(uint32_t n);

/* The fastest one. */
shape_kernel *shape_kernel_best(void);
