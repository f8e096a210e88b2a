/* SPDX-License-Identifier: Apache-2.0 */

/* Handshake transcript: hashes run along, so no message has to be kept. */

#include "tls/transcript.h"

#include "tls/cipher_suite.h"

static const enum tls_hash hashes[TLS_TRANSCRIPT_HASHES] = {TLS_HASH_MD5, TLS_HASH_SHA1, TLS_HASH_SHA256,
                                                            TLS_HASH_SHA384};

/* From the ServerHello on only the hashes that it asks for run. */
static void narrow(struct tls_transcript *transcript, const struct tls_facts *facts)
{
    const struct tls_suite *suite = tls_suite_find(facts->suite);
    transcript->over = facts->extended_master_secret != TLS_YES || !suite || suite->key_exchange != TLS_KX_RSA ||
                       facts->version < TLS_VERSION_1_0 || facts->version > TLS_VERSION_1_2;
    if (facts->version < TLS_VERSION_1_2) {
        transcript->count = 2; /* MD5 and SHA-1 */
        return;
    }
    uint32_t prf = tls_suite_keys_find(facts->suite).prf == TLS_HASH_SHA384 ? 3 : 2;
    transcript->states[0] = transcript->states[prf];
    transcript->count = 1;
}

static void add(struct tls_transcript *transcript, struct span raw)
{
    for (uint32_t i = 0; i < transcript->count; i++)
        tls_hash_update(&transcript->states[i], raw);
}

static void begin(struct tls_transcript *transcript, const struct tls_facts *facts, const struct tls_message *message)
{
    transcript->began = true;
    transcript->over = message->sslv2 || !facts->master_secret_offered;
    transcript->count = TLS_TRANSCRIPT_HASHES;
    for (uint32_t i = 0; i < TLS_TRANSCRIPT_HASHES; i++)
        tls_hash_init(&transcript->states[i], hashes[i]);
}

void tls_transcript_message(struct tls_transcript *transcript, const struct tls_facts *facts,
                            const struct tls_message *message)
{
    if (transcript->over || message->type == TLS_HELLO_REQUEST)
        return;
    if (!transcript->began && message->type == TLS_CLIENT_HELLO)
        begin(transcript, facts, message);
    if (!transcript->began || message->truncated || (facts->seen & (TLS_SEEN_DAMAGED | TLS_SEEN_MIDSTREAM)))
        transcript->over = true;
    if (transcript->over)
        return;
    if (message->type == TLS_SERVER_HELLO && (facts->seen & TLS_SEEN_SERVER_HELLO))
        narrow(transcript, facts);
    if (!transcript->over)
        add(transcript, message->raw);
}

uint32_t tls_transcript_hash(const struct tls_transcript *transcript, uint8_t hash_out[TLS_SESSION_HASH_MAX])
{
    uint32_t size = 0;
    if (!transcript->began || transcript->over || transcript->count == TLS_TRANSCRIPT_HASHES)
        return 0;
    for (uint32_t i = 0; i < transcript->count; i++) {
        struct tls_hash_state state = transcript->states[i];
        uint8_t digest[TLS_HASH_SIZE_MAX];
        tls_hash_final(&state, digest);
        uint32_t part = tls_hash_size(state.hash);
        memcpy(hash_out + size, digest, part);
        size += part;
    }
    return size;
}
