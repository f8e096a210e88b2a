/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Remembered sessions: the master secrets of full handshakes, for the connections that resume them. Kept under the
 * session id of the server (RFC 5246 7.3) and the digest of its ticket (RFC 5077), which one store holds side by side:
 * no server chooses an id that is the digest of a ticket.
 */

#include <openssl/crypto.h>

#include "tls/decrypt_state.h"

void tls_decrypt_ticket(const struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                        enum tls_direction from, struct span ticket)
{
    struct tls_session_name *name = &decrypter->tickets[from];
    uint8_t digest[TLS_HASH_SIZE_MAX];
    name->known = engine->options.sessions && ticket.size;
    if (!name->known)
        return;
    tls_hash_parts(TLS_HASH_SHA256, &ticket, 1, digest);
    memcpy(name->digest, digest, sizeof(name->digest));
    decrypter->learned = true;
}

static bool find_by(const struct tls_key_store *sessions, struct span id, uint8_t master_out[TLS_MASTER_SIZE])
{
    struct tls_key_set set;
    bool found = id.size && tls_key_store_find(sessions, TLS_KEY_BY_SESSION_ID, id, &set);
    if (!found)
        return false;
    const struct tls_secret *master = &set.secrets[TLS_SECRET_MASTER];
    found = master->size == TLS_MASTER_SIZE;
    if (found)
        memcpy(master_out, master->bytes, TLS_MASTER_SIZE);
    OPENSSL_cleanse(&set, sizeof(set));
    return found;
}

bool tls_session_find(struct tls_decrypt_engine *engine, struct tls_decrypter *decrypter,
                      uint8_t master_out[TLS_MASTER_SIZE])
{
    const struct tls_key_store *sessions = engine->options.sessions;
    const struct tls_decrypt_facts *facts = &decrypter->facts;
    const struct tls_session_name *offered = &decrypter->tickets[TLS_FROM_CLIENT];
    if (!sessions || !facts->resumed)
        return false;
    decrypter->sessions_seen = tls_key_store_version(sessions);
    return (offered->known && find_by(sessions, span_of(offered->digest, sizeof(offered->digest)), master_out)) ||
           find_by(sessions, span_of(facts->session_id, facts->session_id_size), master_out);
}

bool tls_session_may_have_come(const struct tls_decrypt_engine *engine, const struct tls_decrypter *decrypter)
{
    return engine->options.sessions && decrypter->facts.resumed &&
           tls_key_store_version(engine->options.sessions) != decrypter->sessions_seen;
}

static void keep_by(struct tls_key_store *sessions, struct span id, const uint8_t master[TLS_MASTER_SIZE],
                    uint64_t time_ns)
{
    struct tls_keylog_item item = {
        .kind = TLS_SECRET_MASTER, .by = TLS_KEY_BY_SESSION_ID, .id_size = id.size, .secret_size = TLS_MASTER_SIZE};
    memcpy(item.id, id.data, id.size);
    memcpy(item.secret, master, TLS_MASTER_SIZE);
    tls_key_store_put(sessions, &item, time_ns);
    OPENSSL_cleanse(&item, sizeof(item));
}

void tls_session_keep(struct tls_decrypt_engine *engine, const struct tls_decrypter *decrypter,
                      const uint8_t master[TLS_MASTER_SIZE])
{
    const struct tls_decrypt_facts *facts = &decrypter->facts;
    const struct tls_session_name *issued = &decrypter->tickets[TLS_FROM_SERVER];
    if (!engine->options.sessions)
        return;
    if (facts->session_id_size)
        keep_by(engine->options.sessions, span_of(facts->session_id, facts->session_id_size), master,
                decrypter->time_ns);
    if (issued->known)
        keep_by(engine->options.sessions, span_of(issued->digest, sizeof(issued->digest)), master, decrypter->time_ns);
}
