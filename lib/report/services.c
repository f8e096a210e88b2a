/* SPDX-License-Identifier: Apache-2.0 */

/* Services: one hash table of rows (open addressing, keyed hash: names are chosen by whoever sends them), sorted when
 * shown. */

#include "report/services.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "event/json.h"

#define SLOTS      (SERVICES_ROWS_MAX * 2u) /* half full at most */
#define NAME_WIDTH 44u                      /* columns of a host in the table */

struct services {
    struct arena *arena;
    struct hash_key key;
    struct service_report *rows[SLOTS];
    uint32_t count;
    struct service_report none, others;
};

struct services *services_new(void)
{
    struct services *services = calloc(1, sizeof(*services));
    if (!services)
        return NULL;
    services->others.host = SPAN_LITERAL(RECORD_SERVICE_OTHERS);
    services->arena = arena_new_growing();
    if (services->arena && hash_key_init(&services->key) == 0)
        return services;
    services_free(services);
    return NULL;
}

void services_free(struct services *services)
{
    if (!services)
        return;
    arena_free(services->arena);
    free(services);
}

/* NULL without memory. */
static struct service_report *row_find(struct services *services, struct span host)
{
    if (!host.data)
        return &services->none;
    if (span_equal(host, services->others.host))
        return &services->others;
    uint32_t slot = (uint32_t)(hash_bytes(&services->key, host.data, host.size) % SLOTS);
    for (; services->rows[slot]; slot = (slot + 1) % SLOTS)
        if (span_equal(services->rows[slot]->host, host))
            return services->rows[slot];
    if (services->count == SERVICES_ROWS_MAX)
        return &services->others;
    struct service_report *row = arena_take_array(services->arena, struct service_report, 1);
    const char *name = arena_copy_text(services->arena, (const char *)host.data, host.size);
    if (!row || !name)
        return NULL;
    row->host = span_of(name, host.size);
    services->rows[slot] = row;
    services->count++;
    return row;
}

int services_add(struct services *services, const struct service_report *report)
{
    struct service_report *row = row_find(services, report->host);
    if (!row)
        return -ENOMEM;
    for (uint32_t i = 0; i < LEDGER_TRANSACTION_REASON_COUNT; i++)
        row->transactions[i] += report->transactions[i];
    for (uint32_t i = 0; i < LEDGER_TLS_COUNT; i++)
        row->tls[i] += report->tls[i];
    row->gaps += report->gaps;
    row->gap_bytes += report->gap_bytes;
    return 0;
}

/* ------------------------------------------------------------------- showing */

static uint64_t transactions_of(const struct service_report *row)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < LEDGER_TRANSACTION_REASON_COUNT; i++)
        sum += row->transactions[i];
    return sum;
}

static uint64_t tls_of(const struct service_report *row)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < LEDGER_TLS_COUNT; i++)
        sum += row->tls[i];
    return sum;
}

static int row_compare(const void *left, const void *right)
{
    const struct service_report *a = *(const struct service_report *const *)left;
    const struct service_report *b = *(const struct service_report *const *)right;
    uint64_t of_a = transactions_of(a), of_b = transactions_of(b);
    if (of_a != of_b)
        return of_a > of_b ? -1 : 1;
    if (a->gap_bytes != b->gap_bytes)
        return a->gap_bytes > b->gap_bytes ? -1 : 1;
    uint32_t size = min_u32(a->host.size, b->host.size);
    int order = size ? memcmp(a->host.data, b->host.data, size) : 0;
    return order ? order : (a->host.size > b->host.size) - (a->host.size < b->host.size);
}

/* Rows in order, the caller frees the array; NULL without memory. */
static const struct service_report **rows_sorted(const struct services *services, uint32_t *count_out)
{
    const struct service_report **rows = calloc(services->count + 2, sizeof(*rows));
    uint32_t count = 0;
    for (uint32_t slot = 0; rows && slot < SLOTS; slot++)
        if (services->rows[slot])
            rows[count++] = services->rows[slot];
    const struct service_report *further[] = {&services->none, &services->others};
    for (uint32_t i = 0; rows && i < ARRAY_COUNT(further); i++)
        if (transactions_of(further[i]) || tls_of(further[i]) || further[i]->gaps)
            rows[count++] = further[i];
    if (rows)
        qsort(rows, count, sizeof(*rows), row_compare);
    *count_out = count;
    return rows;
}

/* Text from the wire on a terminal: control characters could do anything there. */
static void print_host(struct span host, FILE *stream)
{
    struct span shown = host.data ? span_first(host, NAME_WIDTH) : SPAN_LITERAL("(no host named)");
    for (uint32_t i = 0; i < shown.size; i++)
        fputc(shown.data[i] >= 0x20 && shown.data[i] < 0x7f ? shown.data[i] : '?', stream);
    fprintf(stream, "%*s", (int)(NAME_WIDTH - shown.size), "");
}

/* "gap 3, no_response 1, tls no_key 2". */
static void print_excused(const struct service_report *row, FILE *stream)
{
    const char *between = "  ";
    for (int i = LEDGER_TRANSACTION_AUDITED + 1; i < LEDGER_TRANSACTION_REASON_COUNT; i++) {
        if (!row->transactions[i])
            continue;
        fprintf(stream, "%s%s %llu", between, ledger_transaction_reason_name((enum ledger_transaction_reason)i),
                (unsigned long long)row->transactions[i]);
        between = ", ";
    }
    for (int i = LEDGER_TLS_OPENED + 1; i < LEDGER_TLS_COUNT; i++) {
        if (!row->tls[i])
            continue;
        fprintf(stream, "%stls %s %llu", between, ledger_tls_name((enum ledger_tls)i), (unsigned long long)row->tls[i]);
        between = ", ";
    }
}

void services_print(const struct services *services, uint32_t rows, FILE *stream)
{
    uint32_t count;
    const struct service_report **sorted = rows_sorted(services, &count);
    fprintf(stream, "Coverage by service\n  %-*s %9s %9s %12s  %s\n", (int)NAME_WIDTH, "host", "audited", "excused",
            "gap bytes", "why");
    for (uint32_t i = 0; sorted && i < count && i < rows; i++) {
        const struct service_report *row = sorted[i];
        uint64_t audited = row->transactions[LEDGER_TRANSACTION_AUDITED];
        fputs("  ", stream);
        print_host(row->host, stream);
        fprintf(stream, " %9llu %9llu %12llu", (unsigned long long)audited,
                (unsigned long long)(transactions_of(row) - audited), (unsigned long long)row->gap_bytes);
        print_excused(row, stream);
        fputc('\n', stream);
    }
    if (sorted && count > rows)
        fprintf(stream, "  ... and %u more\n", count - rows);
    free(sorted);
}

void services_json(const struct services *services, struct json_writer *writer)
{
    uint32_t count;
    const struct service_report **sorted = rows_sorted(services, &count);
    json_write_array_begin(writer);
    for (uint32_t i = 0; sorted && i < count; i++) {
        json_write_object_begin(writer);
        event_json_service(writer, sorted[i]);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
    free(sorted);
}
