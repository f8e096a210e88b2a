/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keyed hash
 *
 * SipHash-1-3 (Aumasson and Bernstein 2012, reduced rounds as used for hash tables) for every table whose keys an
 * attacker chooses: flows, names, template caches. The key is drawn once per process from the system.
 * Not for evidence: digests of sensitive values are HMAC-SHA-256 (detect).
 */

#include "base/base.h"

struct hash_key {
    uint64_t k0, k1;
};

/* Draws a fresh key. Returns 0 or -errno. */
MUST_USE int hash_key_init(struct hash_key *key);

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t size);
