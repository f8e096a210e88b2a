/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Validators
 *
 * Whether bytes that look like a value are one: check digits, tables of issuers and countries, structure. Found by name
 * once, when the set is compiled; a detector file names them.
 *
 * Memory:  none.
 * Threads: any; all are pure.
 */

#include "base/span.h"
#include "transaction/detection.h"

enum validator_flag {
    VALIDATOR_NEEDS_KEYWORD = 1 << 0, /* too weak in this form: only with a keyword */
    VALIDATOR_TEST_NUMBER = 1 << 1,   /* a number published for tests */
    VALIDATOR_LATITUDE = 1 << 2,
    VALIDATOR_LONGITUDE = 1 << 3,
};

struct validator_case {
    struct span text;  /* all of it, for what stands around the value */
    struct span match; /* what the pattern matched, inside the text ... */
    struct span value; /* ... and in it the value: the same, or what is behind the key */
};

struct validator_answer {
    struct span value;  /* preset to that of the case; a validator may narrow it */
    uint8_t confidence; /* enum detection_confidence without any context */
    uint8_t flags;      /* set of enum validator_flag */
};

enum validator_trait {
    VALIDATOR_RAW = 1 << 0, /* decimals and hex around the value are no objection: it stands in longer strings */
};

typedef bool validator_judge(const struct validator_case *judged, struct validator_answer *answer);

struct validator {
    const char *name;
    validator_judge *judge;
    uint32_t traits;   /* set of enum validator_trait */
    uint32_t size_min; /* shorter values are none: whatever expression it is used with, the judge may rely on it */
};

/* NULL: no validator has that name. */
const struct validator *validator_find(const char *name);

/* The n-th one, for listing them; NULL behind the last. */
const struct validator *validator_at(uint32_t n);
