/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Services
 *
 * Coverage by service: for each host that calls named (Host header or authority, ASCII lower case), how many
 * transactions were settled under each reason, what became of its TLS connections, and what was missing in the streams
 * of connections that spoke to it. Their sum over all rows is the ledger's transactions_settled.
 *
 * Whoever sends requests chooses the names, so the table is bounded. Which names keep a row of their own when there are
 * more is decided by a keyed hash of the name, the smallest stay: it depends neither on the order of arrival nor on how
 * flows are spread over workers, so tables of several workers add up to exactly what one worker would have counted.
 *
 * Memory:  struct service_table, about 400 KiB; nothing else.
 * Threads: one owner, the worker; others once it has stopped.
 * Limits:  SERVICE_ROWS_MAX rows, SERVICE_HOST_MAX bytes of name. The rest is counted in the row "(others)".
 */

#include "base/hash.h"
#include "base/ledger.h"
#include "event/record.h"

#define SERVICE_ROWS_MAX 1024u /* virtual hosts behind one tap: a large appliance has some hundred */
#define SERVICE_HOST_MAX 262u  /* a DNS name has 253 bytes (RFC 1035 2.3.4), a port six, brackets two */
#define SERVICE_BUCKETS  2048u /* twice the rows: chains stay short */

static_assert((SERVICE_BUCKETS & (SERVICE_BUCKETS - 1)) == 0, "a bucket is some bits of the hash");
static_assert(SERVICE_ROWS_MAX < UINT16_MAX, "rows are linked by 16 bits");

struct service_counts {
    uint64_t transactions[LEDGER_TRANSACTION_REASON_COUNT];
    uint64_t tls[LEDGER_TLS_COUNT];
    uint64_t gaps, gap_bytes;
};

struct service_row {
    struct service_counts counts;
    uint16_t next; /* of the same bucket: number of the row plus one */
    uint16_t host_size;
    char host[SERVICE_HOST_MAX];
};

struct service_table {
    struct hash_key key;
    uint64_t begin_ns; /* of what is counted; 0: nothing is */
    uint32_t count;
    uint32_t highest;                   /* row with the largest hash, when the table is full */
    struct service_counts none, others; /* calls without a host; hosts without a row */
    uint64_t hashes[SERVICE_ROWS_MAX];
    uint16_t buckets[SERVICE_BUCKETS];
    struct service_row rows[SERVICE_ROWS_MAX];
};

/* Tables that are to be added up have the same key. A key that senders do not know keeps them from choosing the rows.
 */
void service_table_init(struct service_table *table, const struct hash_key *key);

/*
 * Gives `host` its row, if it is to have one. `host.data` NULL: none was sent. Returns a mark that outlives the row, by
 * which a connection remembers whom it speaks to; 0: nobody.
 */
uint64_t service_table_mark(struct service_table *table, struct span host);

/* A transaction of that host was settled. */
void service_table_settle(struct service_table *table, struct span host, enum ledger_transaction_reason reason);

/* Holes in a connection that speaks to the marked host; in "(others)" when that has no row (any more). */
void service_table_gap(struct service_table *table, uint64_t mark, uint32_t gaps, uint64_t bytes);

/* A TLS connection to that host ended; the name is the one the client sent (SNI). */
void service_table_tls(struct service_table *table, struct span host, enum ledger_tls outcome);

/* Adds all of `from`, a table with the same key. */
void service_table_add(struct service_table *table, const struct service_table *from);

/* What can be told: rows, then calls without a host, then "(others)". False: nothing was counted in it. */
#define SERVICE_ENTRIES_MAX (SERVICE_ROWS_MAX + 2u)
bool service_table_entry(const struct service_table *table, uint32_t index, struct service_report *report_out);
