/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RSA private keys
 *
 * For suites whose key exchange is static RSA: who has the server's private key can open the premaster secret the
 * client sent. That takes a millisecond, so a worker only leaves a wish in its ring; the thread that writes the store
 * fulfils it and puts the premaster secret there, where the worker finds it as one that came late.
 *
 * Memory:  heap; keys are OpenSSL's, wiped when freed.
 * Threads: key_rsa_*: one owner. A ring: one worker writes, the owner of the keys reads.
 * Limits:  KEY_WISHES_MAX wishes a worker, KEY_WISH_BYTES bytes each; further ones are refused.
 * Source:  RFC 5246 7.4.7.1, RFC 8017 7.2.2.
 */

#include "base/diagnostics.h"
#include "base/span.h"

#define KEY_WISH_BYTES 512u /* RSA of 4096 bits; longer keys are not used for TLS servers */
#define KEY_WISHES_MAX                                                                                                 \
    64u /* a power of two; more handshakes within one turn of the thread are too many for it anyway */
#define KEY_PREMASTER_SIZE 48u

struct key_rsa;

/* Files in PEM. Returns 0 or -errno; every file that cannot be used is a mistake. */
MUST_USE int key_rsa_new(struct key_rsa **rsa_out, char *const *paths, uint32_t count, struct diagnostics *diagnostics);
void key_rsa_free(struct key_rsa *rsa);

/* False: none of the keys opens it. */
bool key_rsa_open(struct key_rsa *rsa, struct span encrypted, uint8_t premaster_out[KEY_PREMASTER_SIZE]);

struct key_wish {
    uint32_t size;
    uint8_t encrypted[KEY_WISH_BYTES];
};

struct key_wishes {
    CACHE_ALIGNED uint64_t written; /* the worker's */
    CACHE_ALIGNED uint64_t read;    /* the thread's */
    struct key_wish ring[KEY_WISHES_MAX];
};

/* Worker: false when there is no room. */
bool key_wishes_put(struct key_wishes *wishes, struct span encrypted);
/* Thread: false when there is none. */
bool key_wishes_take(struct key_wishes *wishes, struct key_wish *wish_out);
