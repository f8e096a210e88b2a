/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text ids
 *
 * Tells whether a text came before without keeping it. An id is NH (Black and others 1999, section 4.2) over 64-bit
 * words with all 128 bits of its sum and a secret key drawn for each run: two different texts are taken for one with a
 * chance of at most 2^-64, and nobody who does not know the key can look for such a pair. A quarter of a cycle a byte.
 * Not for evidence: whoever knows the key finds texts of the same id.
 *
 * Memory:  a key of TEXT_ID_MAX bytes and two words, the caller's.
 * Threads: immutable once made.
 * Limits:  TEXT_ID_MAX bytes a text.
 */

#include "base/hash.h"
#include "base/span.h"

#define TEXT_ID_MAX       8192u                  /* servers refuse header lines of more */
#define TEXT_ID_KEY_WORDS (TEXT_ID_MAX / 8 + 2u) /* and two for the length and the set */

struct text_id {
    uint64_t words[2]; /* never both 0: that is an empty place of a table */
};

struct text_id_key {
    uint64_t words[TEXT_ID_KEY_WORDS];
};

/* `purpose` tells keys that are made from one apart. */
void text_id_key_init(struct text_id_key *id_key, const struct hash_key *key, uint32_t purpose);

/* 0 < text.size <= TEXT_ID_MAX. The same text has another id in another set. */
struct text_id text_id_make(const struct text_id_key *key, uint32_t set_number, struct span text);

static inline bool text_id_equal(struct text_id a, struct text_id b)
{
    return a.words[0] == b.words[0] && a.words[1] == b.words[1];
}

/* A place in a table of `buckets`, a power of two. */
static inline uint32_t text_id_bucket(struct text_id id, uint32_t buckets)
{
    /* The low bits of a product are not evenly spread; the high ones of this one are (Knuth, multiplicative hashing).
     */
    return (uint32_t)(((id.words[0] ^ id.words[1]) * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (buckets - 1);
}
