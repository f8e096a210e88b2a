/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keyed digest of a value
 *
 * HMAC-SHA-256 (RFC 2104, FIPS 180-4) cut to 128 bits (RFC 2104 section 5), so that two sightings of one value can be
 * recognised as one without the value. The key lives in the memory of one process only: without it a card number could
 * be found by trying all of them.
 *
 * Memory:  the caller's. digest_key_deinit() wipes it.
 * Threads: a key is read by any number of threads.
 * Limits:  values up to any size; one below 56 bytes costs two compressions.
 */

#include "base/span.h"

#define DIGEST_SIZE     16u
#define DIGEST_KEY_SIZE 32u /* the size of the hash: longer keys are no stronger (RFC 2104 section 3) */

struct digest_key {
    uint32_t inner[8]; /* SHA-256 state behind the key xor ipad ... */
    uint32_t outer[8]; /* ... and behind the key xor opad */
};

/* A key drawn from the system. Returns 0 or -errno. */
MUST_USE int digest_key_init_random(struct digest_key *key);

/* A given key, for sensors that must recognise each other's values. */
void digest_key_init(struct digest_key *key, const uint8_t secret[DIGEST_KEY_SIZE]);
void digest_key_deinit(struct digest_key *key);

void digest_value(const struct digest_key *key, struct span value, uint8_t digest_out[DIGEST_SIZE]);
