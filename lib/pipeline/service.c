/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Services: a table of rows chained by bucket. A row is found by the 64-bit keyed hash of its name alone; two names
 * with the same hash would share a row, which chance does not do with a thousand of them.
 *
 * When the table is full, a name whose hash is below the highest one takes that one's row, and what the row had counted
 * goes to "(others)". A name among the smallest hashes of all is among the smallest of every part of the input, so its
 * row is never taken and its counts are whole; every other name ends in "(others)" whole, too. That is why neither
 * order nor the number of workers shows.
 */

#include "pipeline/service.h"

#define MARK_NONE UINT64_C(0)
#define ROW_NONE  UINT32_MAX

void service_table_init(struct service_table *table, const struct hash_key *key)
{
    /* The rows are left as they are: pages that were never touched stay so. */
    memset(table, 0, offsetof(struct service_table, hashes));
    memset(table->buckets, 0, sizeof(table->buckets));
    table->key = *key;
}

/* -------------------------------------------------------------------- counts */

static bool counts_any(const struct service_counts *counts)
{
    uint64_t any = counts->gaps | counts->gap_bytes;
    for (uint32_t i = 0; i < LEDGER_TRANSACTION_REASON_COUNT; i++)
        any |= counts->transactions[i];
    for (uint32_t i = 0; i < LEDGER_TLS_COUNT; i++)
        any |= counts->tls[i];
    return any != 0;
}

static void counts_add(struct service_counts *to, const struct service_counts *from)
{
    for (uint32_t i = 0; i < LEDGER_TRANSACTION_REASON_COUNT; i++)
        to->transactions[i] += from->transactions[i];
    for (uint32_t i = 0; i < LEDGER_TLS_COUNT; i++)
        to->tls[i] += from->tls[i];
    to->gaps += from->gaps;
    to->gap_bytes += from->gap_bytes;
}

/* ---------------------------------------------------------------------- rows */

static uint32_t bucket_of(uint64_t hash)
{
    return (uint32_t)(hash & (SERVICE_BUCKETS - 1));
}

static uint32_t row_find(const struct service_table *table, uint64_t hash)
{
    /* No chain is longer than the table. */
    for (uint32_t row = table->buckets[bucket_of(hash)]; row; row = table->rows[row - 1].next)
        if (table->hashes[row - 1] == hash)
            return row - 1;
    return ROW_NONE;
}

static void row_link(struct service_table *table, uint32_t row)
{
    uint16_t *bucket = &table->buckets[bucket_of(table->hashes[row])];
    table->rows[row].next = *bucket;
    *bucket = (uint16_t)(row + 1);
}

static void row_unlink(struct service_table *table, uint32_t row)
{
    uint16_t *link = &table->buckets[bucket_of(table->hashes[row])];
    while (*link != row + 1)
        link = &table->rows[*link - 1].next;
    *link = table->rows[row].next;
}

/* One pass over 8 KiB, only when a row is taken over. */
static void find_highest(struct service_table *table)
{
    table->highest = 0;
    for (uint32_t row = 1; row < table->count; row++)
        if (table->hashes[row] > table->hashes[table->highest])
            table->highest = row;
}

/* ROW_NONE: this name has to be among the others. */
static uint32_t row_make(struct service_table *table, uint64_t hash, struct span host)
{
    uint32_t row = table->count;
    if (table->count == SERVICE_ROWS_MAX) {
        row = table->highest;
        if (hash > table->hashes[row])
            return ROW_NONE;
        counts_add(&table->others, &table->rows[row].counts);
        row_unlink(table, row);
    } else {
        table->count++;
    }
    table->hashes[row] = hash;
    table->rows[row] = (struct service_row){.host_size = (uint16_t)host.size};
    memcpy(table->rows[row].host, host.data, host.size);
    row_link(table, row);
    if (table->count == SERVICE_ROWS_MAX)
        find_highest(table);
    return row;
}

/* Lower case in `name_out`. False: no name that gets a row. */
static bool name_of(struct span host, uint8_t name_out[SERVICE_HOST_MAX])
{
    if (host.size == 0 || host.size > SERVICE_HOST_MAX || host.data[0] == '(')
        return false;
    for (uint32_t i = 0; i < host.size; i++)
        name_out[i] = ascii_lower(host.data[i]);
    return true;
}

static uint64_t hash_of(const struct service_table *table, struct span name)
{
    uint64_t hash = hash_bytes(&table->key, name.data, name.size);
    return hash == MARK_NONE ? 1 : hash;
}

uint64_t service_table_mark(struct service_table *table, struct span host)
{
    uint8_t name[SERVICE_HOST_MAX];
    if (!host.data)
        return MARK_NONE;
    /* Any mark without a row counts among the others. */
    if (!name_of(host, name))
        return UINT64_MAX;
    uint64_t hash = hash_of(table, span_of(name, host.size));
    if (row_find(table, hash) == ROW_NONE)
        (void)row_make(table, hash, span_of(name, host.size));
    return hash;
}

static struct service_counts *counts_of(struct service_table *table, uint64_t mark)
{
    if (mark == MARK_NONE)
        return &table->none;
    uint32_t row = row_find(table, mark);
    return row == ROW_NONE ? &table->others : &table->rows[row].counts;
}

void service_table_settle(struct service_table *table, struct span host, enum ledger_transaction_reason reason)
{
    counts_of(table, service_table_mark(table, host))->transactions[reason]++;
}

void service_table_tls(struct service_table *table, struct span host, enum ledger_tls outcome)
{
    counts_of(table, service_table_mark(table, host))->tls[outcome]++;
}

void service_table_gap(struct service_table *table, uint64_t mark, uint32_t gaps, uint64_t bytes)
{
    struct service_counts *counts = counts_of(table, mark);
    counts->gaps += gaps;
    counts->gap_bytes += bytes;
}

void service_table_add(struct service_table *table, const struct service_table *from)
{
    counts_add(&table->none, &from->none);
    counts_add(&table->others, &from->others);
    for (uint32_t row = 0; row < from->count; row++) {
        const struct service_row *source = &from->rows[row];
        uint64_t mark = service_table_mark(table, span_of(source->host, source->host_size));
        counts_add(counts_of(table, mark), &source->counts);
    }
}

bool service_table_entry(const struct service_table *table, uint32_t index, struct service_report *report_out)
{
    const struct service_counts *counts = index == SERVICE_ROWS_MAX ? &table->none : &table->others;
    *report_out = (struct service_report){.start_ns = table->begin_ns, .worker = RECORD_WORKER_ALL};
    if (index > SERVICE_ROWS_MAX)
        report_out->host = SPAN_LITERAL(RECORD_SERVICE_OTHERS);
    if (index < SERVICE_ROWS_MAX) {
        if (index >= table->count)
            return false;
        const struct service_row *row = &table->rows[index];
        counts = &row->counts;
        report_out->host = span_of(row->host, row->host_size);
    }
    memcpy(report_out->transactions, counts->transactions, sizeof(report_out->transactions));
    memcpy(report_out->tls, counts->tls, sizeof(report_out->tls));
    report_out->gaps = counts->gaps;
    report_out->gap_bytes = counts->gap_bytes;
    return counts_any(counts);
}
