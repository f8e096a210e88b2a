/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tally: two hash tables of rows (open addressing, keyed hash: operations and paths are chosen by whoever sends them),
 * sorted when they are shown.
 */

#include "report/tally.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"

#define SLOTS      (TALLY_ROWS_MAX * 2u) /* half full at most */
#define NAME_WIDTH 60u                   /* columns of an operation in the table */

struct row {
    struct span key;
    struct span title;
    uint64_t failed, unknown;
    enum severity severity; /* the gravest seen */
};

struct table {
    struct row *rows[SLOTS];
    uint32_t count;
    struct row others;
};

struct tally {
    struct arena *arena;
    struct hash_key key;
    uint64_t failed, unknown;
    struct table rules, operations;
};

struct tally *tally_new(void)
{
    struct tally *tally = calloc(1, sizeof(*tally));
    if (!tally)
        return NULL;
    tally->arena = arena_new_growing();
    if (!tally->arena || hash_key_init(&tally->key) < 0) {
        tally_free(tally);
        return NULL;
    }
    tally->rules.others.key = tally->operations.others.key = SPAN_LITERAL("(others)");
    return tally;
}

void tally_free(struct tally *tally)
{
    if (!tally)
        return;
    arena_free(tally->arena);
    free(tally);
}

static struct span keep(struct tally *tally, struct span text)
{
    char *copy = arena_copy_text(tally->arena, (const char *)text.data, text.size);
    return copy ? span_of(copy, text.size) : (struct span){0};
}

/* NULL without memory. */
static struct row *row_find(struct tally *tally, struct table *table, struct span key)
{
    uint32_t slot = (uint32_t)(hash_bytes(&tally->key, key.data, key.size) % SLOTS);
    for (; table->rows[slot]; slot = (slot + 1) % SLOTS)
        if (span_equal(table->rows[slot]->key, key))
            return table->rows[slot];
    if (table->count == TALLY_ROWS_MAX)
        return &table->others;
    struct row *row = arena_take(tally->arena, sizeof(*row), _Alignof(struct row));
    if (!row)
        return NULL;
    row->key = keep(tally, key);
    table->rows[slot] = row;
    table->count++;
    return row;
}

static void row_count(struct row *row, const struct tally_finding *finding)
{
    if (finding->verdict == VERDICT_UNKNOWN)
        row->unknown++;
    else
        row->failed++;
    if (finding->severity > row->severity)
        row->severity = finding->severity;
}

/* The registered operation, or what was called, without the query: it may hold what must not be shown. */
static struct span operation_key(const struct tally_finding *finding, char *buffer, size_t size)
{
    if (finding->operation.size)
        return finding->operation;
    if (!finding->method.size && !finding->path.size)
        return SPAN_LITERAL("(no request seen)");
    uint32_t path_size = 0;
    while (path_size < finding->path.size && finding->path.data[path_size] != '?')
        path_size++;
    int length = snprintf(buffer, size, "not registered: %.*s %.*s%.*s", (int)finding->method.size,
                          (const char *)finding->method.data, (int)finding->host.size, (const char *)finding->host.data,
                          (int)path_size, (const char *)finding->path.data);
    return span_of(buffer, length < 0 ? 0 : min_u64((uint64_t)length, size - 1));
}

int tally_add(struct tally *tally, const struct tally_finding *finding)
{
    if (finding->verdict == VERDICT_PASS)
        return 0;
    char buffer[512];
    struct row *rule = row_find(tally, &tally->rules, finding->rule);
    struct row *operation = row_find(tally, &tally->operations, operation_key(finding, buffer, sizeof(buffer)));
    if (!rule || !operation)
        return -ENOMEM;
    if (!rule->title.data)
        rule->title = keep(tally, finding->title);
    row_count(rule, finding);
    row_count(operation, finding);
    if (finding->verdict == VERDICT_UNKNOWN)
        tally->unknown++;
    else
        tally->failed++;
    return 0;
}

uint64_t tally_failed(const struct tally *tally)
{
    return tally->failed;
}

uint64_t tally_unknown(const struct tally *tally)
{
    return tally->unknown;
}

/* ------------------------------------------------------------------- showing */

static int row_compare(const void *left, const void *right)
{
    const struct row *a = *(const struct row *const *)left, *b = *(const struct row *const *)right;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    if (a->failed != b->failed)
        return a->failed > b->failed ? -1 : 1;
    uint32_t size = min_u32(a->key.size, b->key.size);
    int order = memcmp(a->key.data, b->key.data, size);
    return order ? order : (a->key.size > b->key.size) - (a->key.size < b->key.size);
}

/* Rows in order, the caller frees the array; NULL without memory. */
static const struct row **table_sorted(const struct table *table, uint32_t *count_out)
{
    const struct row **rows = calloc(table->count + 1, sizeof(struct row *));
    uint32_t count = 0;
    for (uint32_t slot = 0; rows && slot < SLOTS; slot++)
        if (table->rows[slot])
            rows[count++] = table->rows[slot];
    if (rows && (table->others.failed || table->others.unknown))
        rows[count++] = &table->others;
    if (rows)
        qsort(rows, count, sizeof(struct row *), row_compare);
    *count_out = count;
    return rows;
}

/* Text from the wire on a terminal: control characters could do anything there. */
static void print_text(struct span text, uint32_t width, FILE *stream)
{
    uint32_t shown = 0;
    for (; shown < text.size && shown < width; shown++)
        fputc(text.data[shown] >= 0x20 && text.data[shown] < 0x7f ? text.data[shown] : '?', stream);
    for (; shown < width; shown++)
        fputc(' ', stream);
}

void tally_print(const struct tally *tally, uint32_t rows, FILE *stream)
{
    uint32_t count;
    const struct row **sorted = table_sorted(&tally->rules, &count);
    fprintf(stream, "Findings by rule\n  %-9s %-9s %9s %9s  %s\n", "rule", "severity", "fail", "unknown", "what");
    for (uint32_t i = 0; sorted && i < count; i++) {
        fputs("  ", stream);
        print_text(sorted[i]->key, 9, stream);
        fprintf(stream, " %-9s %9llu %9llu  ", severity_name(sorted[i]->severity),
                (unsigned long long)sorted[i]->failed, (unsigned long long)sorted[i]->unknown);
        print_text(sorted[i]->title, min_u32(sorted[i]->title.size, 70), stream);
        fputc('\n', stream);
    }
    free(sorted);
    sorted = table_sorted(&tally->operations, &count);
    fprintf(stream, "\nFindings by operation\n  %-*s %-9s %9s %9s\n", (int)NAME_WIDTH, "operation", "gravest", "fail",
            "unknown");
    for (uint32_t i = 0; sorted && i < count && i < rows; i++) {
        fputs("  ", stream);
        print_text(sorted[i]->key, NAME_WIDTH, stream);
        fprintf(stream, " %-9s %9llu %9llu\n", severity_name(sorted[i]->severity),
                (unsigned long long)sorted[i]->failed, (unsigned long long)sorted[i]->unknown);
    }
    if (sorted && count > rows)
        fprintf(stream, "  ... and %u more\n", count - rows);
    free(sorted);
}

static void table_json(const struct table *table, const char *name, struct json_writer *writer)
{
    uint32_t count;
    const struct row **sorted = table_sorted(table, &count);
    json_write_key(writer, name);
    json_write_array_begin(writer);
    for (uint32_t i = 0; sorted && i < count; i++) {
        json_write_object_begin(writer);
        json_write_key(writer, "name");
        json_write_string(writer, sorted[i]->key);
        if (sorted[i]->title.data) {
            json_write_key(writer, "title");
            json_write_string(writer, sorted[i]->title);
        }
        json_write_key(writer, "severity");
        json_write_text(writer, severity_name(sorted[i]->severity));
        json_write_key(writer, "fail");
        json_write_unsigned(writer, sorted[i]->failed);
        json_write_key(writer, "unknown");
        json_write_unsigned(writer, sorted[i]->unknown);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
    free(sorted);
}

void tally_json(const struct tally *tally, struct json_writer *writer)
{
    json_write_key(writer, "fail");
    json_write_unsigned(writer, tally->failed);
    json_write_key(writer, "unknown");
    json_write_unsigned(writer, tally->unknown);
    table_json(&tally->rules, "by_rule", writer);
    table_json(&tally->operations, "by_operation", writer);
}

static void print_sum(const char *name, const struct ledger_sum *sum, const char *help, FILE *stream)
{
    if (sum->packets || sum->bytes)
        fprintf(stream, "  %-16s %12llu packets %16llu bytes  %s\n", name, (unsigned long long)sum->packets,
                (unsigned long long)sum->bytes, help);
}

void tally_print_ledger(const struct ledger *ledger, FILE *stream)
{
    fputs("Coverage ledger\n", stream);
    fprintf(stream, "  %-16s %12llu packets %16llu bytes\n", "received", (unsigned long long)ledger->received.packets,
            (unsigned long long)ledger->received.bytes);
    for (int i = 0; i < LEDGER_REASON_COUNT; i++)
        print_sum(ledger_reason_name((enum ledger_reason)i), &ledger->settled[i],
                  ledger_reason_help((enum ledger_reason)i), stream);
    print_sum("pending", &ledger->pending, "not decided yet", stream);
    fprintf(stream, "  %-16s %12llu seen\n", "transactions", (unsigned long long)ledger->transactions_seen);
    for (int i = 0; i < LEDGER_TRANSACTION_REASON_COUNT; i++)
        if (ledger->transactions_settled[i])
            fprintf(stream, "    %-14s %12llu  %s\n", ledger_transaction_reason_name((enum ledger_transaction_reason)i),
                    (unsigned long long)ledger->transactions_settled[i],
                    ledger_transaction_reason_help((enum ledger_transaction_reason)i));
    if (ledger->transactions_pending)
        fprintf(stream, "    %-14s %12llu  not complete yet\n", "pending",
                (unsigned long long)ledger->transactions_pending);
    fputs("  not received\n", stream);
    bool any = false;
    for (int i = 0; i < LEDGER_MISSING_COUNT; i++) {
        if (!ledger->missing[i])
            continue;
        any = true;
        fprintf(stream, "    %-20s %8llu  %s\n", ledger_missing_name((enum ledger_missing)i),
                (unsigned long long)ledger->missing[i], ledger_missing_help((enum ledger_missing)i));
    }
    if (!any)
        fputs("    nothing known; what a mirror drops before it reaches the port cannot be seen here\n", stream);
    fprintf(stream, "  %s\n",
            ledger_balanced(ledger) ? "received = audited + excused + pending: the sums agree"
                                    : "THE SUMS DO NOT AGREE: please report this as a defect");
}
