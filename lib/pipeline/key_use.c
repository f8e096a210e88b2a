/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Uses of keys: the first time a secret of a connection is put to use is evidence, by a digest of the client random,
 * which names the connection in every key log and opens nothing.
 */

#include "base/hex.h"
#include "pipeline/tls.h"

#include "tls/hash.h"

#define DIGEST_BYTES 32u /* SHA-256 */

static void digest_write(const uint8_t client_random[TLS_RANDOM_SIZE], char hex_out[2 * DIGEST_BYTES])
{
    uint8_t digest[TLS_HASH_SIZE_MAX];
    struct span random = span_of(client_random, TLS_RANDOM_SIZE);
    tls_hash_parts(TLS_HASH_SHA256, &random, 1, digest);
    hex_write(digest, DIGEST_BYTES, hex_out);
}

void key_use_tell(void *context, const uint8_t client_random[TLS_RANDOM_SIZE], enum tls_secret_kind kind)
{
    struct pipeline *worker = context;
    struct tls_session *session = worker->tls_opening;
    const struct epoch *epoch = worker->epoch;
    const struct policy_watch *watch = policy_watch_find(epoch->policy, RULE_CHECK_LIFECYCLE, NULL);
    if (session->key_told || !watch)
        return;
    session->key_told = true;
    tls_view_update(session);
    struct call call = session->call;
    call.tls = session->view;
    call.host = session->view.sni;
    char digest[2 * DIGEST_BYTES];
    digest_write(client_random, digest);
    struct finding finding = {
        .call = &call,
        .time_ns = call.end_ns,
        .verdict = VERDICT_PASS,
        .epoch = epoch->number,
        .rules_digest = span_of(epoch->rules_digest, EPOCH_DIGEST_SIZE - 1),
        .registry_digest = span_from_text(epoch->registry_digest),
        .evidence_count = 3,
        .evidence = {{SPAN_LITERAL("event"), SPAN_LITERAL("key_used")},
                     {SPAN_LITERAL("secret"), span_from_text(tls_secret_kind_name(kind))},
                     {SPAN_LITERAL("client_random_sha256"), span_of(digest, sizeof(digest))}},
    };
    for (; watch; watch = policy_watch_find(epoch->policy, RULE_CHECK_LIFECYCLE, watch)) {
        policy_watch_cite(watch, &finding);
        tell_finding(worker, &finding);
    }
}
