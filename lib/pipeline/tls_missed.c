/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS whose key was waited for in vain: a ring in the order in which waits ended, so that the oldest is first to be
 * given up. Every entry is looked up once when it comes, and again whenever the store has changed.
 */

#include "pipeline/tls_missed.h"

#include <errno.h>

#include "pipeline/tls.h"

#define LOOKS_A_TURN 16u /* a look is a search of the store: some hundred nanoseconds */
#define TLS13        0x0304u

enum missed_state { MISSED_OPEN, MISSED_LATE, MISSED_NEVER };

struct missed {
    uint64_t since_ns;
    uint64_t packets, bytes; /* pending in the ledger */
    uint8_t state;           /* enum missed_state */
    bool failed;             /* a handshake that came to nothing is no connection of its service */
    uint8_t session_id_size, sni_size;
    uint8_t client_random[TLS_RANDOM_SIZE];
    uint8_t session_id[TLS_SESSION_ID_MAX];
    uint8_t sni[TLS_NAME_SIZE_MAX];
};

/* Numbers count up from 1; entry n lies at n % TLS_MISSED_MAX. */
struct tls_missed_table {
    uint32_t oldest, next; /* entries of [oldest, next) may be open */
    uint32_t look;         /* the next one to be looked up; `next`: all were, since `version` */
    uint64_t version;      /* of the key store */
    struct missed entries[TLS_MISSED_MAX];
};

size_t tls_missed_table_size(void)
{
    return sizeof(struct tls_missed_table) + CACHE_LINE;
}

int tls_missed_table_new(struct tls_missed_table **table_out, struct arena *arena)
{
    struct tls_missed_table *table = arena_take(arena, sizeof(*table), CACHE_LINE);
    if (!table)
        return -ENOMEM;
    table->oldest = table->next = table->look = 1;
    *table_out = table;
    return 0;
}

static struct missed *entry_of(struct tls_missed_table *table, uint32_t number)
{
    return &table->entries[number % TLS_MISSED_MAX];
}

static void decide(struct pipeline *worker, struct missed *missed, enum missed_state state)
{
    bool late = state == MISSED_LATE;
    if (missed->state != MISSED_OPEN)
        return;
    missed->state = (uint8_t)state;
    ledger_settle(&worker->ledger, late ? LEDGER_ENCRYPTED_LATE : LEDGER_ENCRYPTED, missed->packets, missed->bytes);
    if (!missed->failed)
        service_table_tls(worker->services, span_of(missed->sni, missed->sni_size),
                          late ? LEDGER_TLS_LATE : LEDGER_TLS_NO_KEY);
}

static void oldest_give_up(struct pipeline *worker)
{
    struct tls_missed_table *table = worker->tls_missed;
    decide(worker, entry_of(table, table->oldest), MISSED_NEVER);
    table->oldest++;
    if (table->look - table->oldest > TLS_MISSED_MAX)
        table->look = table->oldest;
}

static void entry_make(struct pipeline *worker, const struct tls_session *session)
{
    struct tls_missed_table *table = worker->tls_missed;
    const struct tls_facts *facts = &session->handshake.facts;
    if (table->next - table->oldest == TLS_MISSED_MAX)
        oldest_give_up(worker);
    struct missed *missed = entry_of(table, table->next++);
    *missed = (struct missed){.since_ns = worker->now_ns, .failed = facts->completed == TLS_NO};
    memcpy(missed->client_random, facts->client_random, TLS_RANDOM_SIZE);
    if (facts->version < TLS13)
        missed->session_id_size = facts->session_id_size;
    memcpy(missed->session_id, facts->session_id, TLS_SESSION_ID_MAX);
    missed->sni_size = facts->sni_size;
    memcpy(missed->sni, facts->sni, facts->sni_size);
}

void tls_missed_add(struct pipeline *worker, struct tls_session *session)
{
    if (session->missed)
        return;
    session->missed = worker->tls_missed->next;
    entry_make(worker, session);
}

enum ledger_reason tls_missed_reason(struct pipeline *worker, uint32_t number, struct flow *flow)
{
    struct tls_missed_table *table = worker->tls_missed;
    struct missed *missed = entry_of(table, number);
    if (table->next - number > TLS_MISSED_MAX)
        return LEDGER_ENCRYPTED;
    if (missed->state == MISSED_OPEN) {
        missed->packets += flow->undecided_packets;
        missed->bytes += flow->undecided_bytes;
        flow->undecided_packets = 0;
        flow->undecided_bytes = 0;
    }
    return missed->state == MISSED_LATE ? LEDGER_ENCRYPTED_LATE : LEDGER_ENCRYPTED;
}

static bool key_has_come(const struct pipeline *worker, const struct missed *missed)
{
    const struct tls_key_store *store = worker->options.keys;
    return tls_key_store_has(store, TLS_KEY_BY_CLIENT_RANDOM, span_of(missed->client_random, TLS_RANDOM_SIZE)) ||
           (missed->session_id_size &&
            tls_key_store_has(store, TLS_KEY_BY_SESSION_ID, span_of(missed->session_id, missed->session_id_size)));
}

void tls_missed_turn(struct pipeline *worker)
{
    struct tls_missed_table *table = worker->tls_missed;
    if (table->oldest == table->next)
        return;
    uint64_t version = tls_key_store_version(worker->options.keys);
    if (table->look == table->next && version != table->version) {
        table->look = table->oldest;
        table->version = version;
    }
    for (uint32_t looks = 0; looks < LOOKS_A_TURN && table->look != table->next; looks++) {
        struct missed *missed = entry_of(table, table->look++);
        if (missed->state == MISSED_OPEN && key_has_come(worker, missed))
            decide(worker, missed, MISSED_LATE);
    }
    for (uint32_t given = 0; given < LOOKS_A_TURN && table->oldest != table->look; given++) {
        uint64_t since_ns = entry_of(table, table->oldest)->since_ns;
        if (worker->now_ns <= since_ns || worker->now_ns - since_ns <= TLS_MISSED_NS)
            break;
        oldest_give_up(worker);
    }
}

void tls_missed_flush(struct pipeline *worker)
{
    /* The ring ends it. */
    while (worker->tls_missed && worker->tls_missed->oldest != worker->tls_missed->next)
        oldest_give_up(worker);
}
