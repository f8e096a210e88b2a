/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Classes of the bytes of JSON, 64 at a time
 *
 * One bit a byte and class, for json_leap.c. The variants differ in speed only; a test holds them to the scalar one.
 *
 * Threads: any; all are pure.
 */

#include "base/base.h"

#define JSON_BLOCK 64u

struct json_block {
    uint64_t quote;
    uint64_t comma;
    uint64_t colon;
    uint64_t open;    /* "{[" */
    uint64_t close;   /* "}]" */
    uint64_t blank;   /* " \t\r\n" */
    uint64_t digit;   /* "0123456789" */
    uint64_t special; /* what a string does not hold plainly: backslashes, control characters, bytes over 0x7f */
};

/* Reads block_count * JSON_BLOCK bytes. */
typedef void json_block_kernel(const uint8_t *data, uint32_t block_count, struct json_block *blocks_out);

json_block_kernel json_block_scalar;

struct json_block_variant {
    const char *name;
    json_block_kernel *kernel;
};

/* The n-th variant this processor can run, slowest first; NULL kernel behind the last. */
struct json_block_variant json_block_variant(uint32_t n);

/* The fastest one. */
json_block_kernel *json_block_best(void);
