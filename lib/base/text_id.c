/* SPDX-License-Identifier: Apache-2.0 */

/* Text ids: one multiplication for 16 bytes, none of which waits for the one before. */

#include "base/text_id.h"

#define BLOCK 16u /* bytes of one multiplication */

__extension__ typedef unsigned __int128 uint128;

static inline uint64_t load_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

static inline uint128 multiply(uint64_t a, uint64_t b, const uint64_t *key)
{
    return (uint128)(a + key[0]) * (b + key[1]);
}

/* The last, perhaps partial block; of a long text it overlaps the one in front, which its length tells. */
static inline uint128 hash_tail(const uint8_t *data, uint32_t size, const uint64_t *key)
{
    uint8_t block[BLOCK] = {0};
    if (size >= BLOCK)
        return multiply(load_word(data + size - BLOCK), load_word(data + size - BLOCK / 2), key);
    memcpy(block, data, size);
    return multiply(load_word(block), load_word(block + BLOCK / 2), key);
}

void text_id_key_init(struct text_id_key *id_key, const struct hash_key *key, uint32_t purpose)
{
    for (uint32_t i = 0; i < TEXT_ID_KEY_WORDS; i++) {
        const uint32_t text[2] = {purpose, i}; /* other uses of the key hash other texts */
        id_key->words[i] = hash_bytes(key, text, sizeof(text));
    }
}

struct text_id text_id_make(const struct text_id_key *key, uint32_t set_number, struct span text)
{
    require(text.size > 0 && text.size <= TEXT_ID_MAX);
    const uint64_t *words = key->words;
    uint128 sum = multiply(text.size, set_number, words + TEXT_ID_KEY_WORDS - 2);
    uint32_t at = 0;
    for (; text.size - at > BLOCK; at += BLOCK)
        sum += multiply(load_word(text.data + at), load_word(text.data + at + BLOCK / 2), words + at / 8);
    sum += hash_tail(text.data, text.size, words + at / 8);
    struct text_id id = {{(uint64_t)sum, (uint64_t)(sum >> 64)}};
    id.words[0] |= (id.words[0] | id.words[1]) == 0;
    return id;
}
