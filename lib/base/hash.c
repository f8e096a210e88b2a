/* SPDX-License-Identifier: Apache-2.0 */

/* SipHash-1-3, written from the paper's description: one compression round per word, three at the end. */

#include "base/hash.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

int hash_key_init(struct hash_key *key)
{
    ssize_t size = getrandom(key, sizeof(*key), 0);
    if (size < 0)
        return -errno;
    return size == (ssize_t)sizeof(*key) ? 0 : -EIO;
}

static inline uint64_t rotate_left(uint64_t value, int bits)
{
    return (value << bits) | (value >> (64 - bits));
}

struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip_state *s)
{
    s->v0 += s->v1;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_word(struct sip_state *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t size)
{
    struct sip_state s = {
        .v0 = key->k0 ^ 0x736f6d6570736575u, /* the constants of the paper: "somepseudorandomlygeneratedbytes" */
        .v1 = key->k1 ^ 0x646f72616e646f6du,
        .v2 = key->k0 ^ 0x6c7967656e657261u,
        .v3 = key->k1 ^ 0x7465646279746573u,
    };
    const uint8_t *bytes = data;
    size_t left = size;
    for (; left >= 8; left -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        sip_word(&s, word);
    }
    uint64_t last = (uint64_t)size << 56;
    if (left)                       /* nothing at all may be nowhere */
        memcpy(&last, bytes, left); /* little-endian: the tail fills the low bytes */
    sip_word(&s, last);
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
