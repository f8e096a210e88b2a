/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Handshake transcript
 *
 * The hash of the handshake messages up to the ClientKeyExchange, which an extended master secret is made of. Needed
 * where the premaster secret is known and not the master secret, so only for suites whose key exchange is static RSA;
 * for all others it ends at the ServerHello and costs nothing more.
 *
 * Until the ServerHello it is not known which hash it takes, so the ClientHello goes through all of them.
 *
 * Memory:  fixed size, the caller's; zero is a valid start. It holds no secret.
 * Threads: one owner.
 * Loss:    a message that was lost or cut ends it without an answer.
 * Source:  RFC 7627 3 and 4, RFC 5246 7.4.9.
 */

#include "tls/facts.h"
#include "tls/handshake.h"
#include "tls/hash.h"

#define TLS_TRANSCRIPT_HASHES 4u

struct tls_transcript {
    struct tls_hash_state states[TLS_TRANSCRIPT_HASHES];
    uint8_t count; /* of states in use */
    bool began;
    bool over;
};

/* The next message that was not encrypted, of either direction, in their order; `facts` know it already. */
void tls_transcript_message(struct tls_transcript *transcript, const struct tls_facts *facts,
                            const struct tls_message *message);

/* Behind the ClientKeyExchange. Returns the size: 0 where there is none, because it is not needed or not known. */
uint32_t tls_transcript_hash(const struct tls_transcript *transcript, uint8_t hash_out[TLS_SESSION_HASH_MAX]);
