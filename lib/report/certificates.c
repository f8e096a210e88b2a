/* SPDX-License-Identifier: Apache-2.0 */

/* Certificates: one hash table of rows by digest (open addressing), sorted when shown. */

#include "report/certificates.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/hash.h"
#include "event/json.h"

#define SLOTS (CERTIFICATES_ROWS_MAX * 2u) /* half full at most */

struct certificates {
    struct arena *arena;
    struct hash_key key;
    uint32_t count;
    uint64_t beyond; /* certificates without a row */
    struct certificate_report *rows[SLOTS];
};

struct certificates *certificates_new(void)
{
    struct certificates *certificates = calloc(1, sizeof(*certificates));
    if (!certificates)
        return NULL;
    certificates->arena = arena_new_growing();
    if (certificates->arena && hash_key_init(&certificates->key) == 0)
        return certificates;
    certificates_free(certificates);
    return NULL;
}

void certificates_free(struct certificates *certificates)
{
    if (!certificates)
        return;
    arena_free(certificates->arena);
    free(certificates);
}

static bool text_keep(struct certificates *certificates, struct span *text)
{
    if (text->size == 0)
        return true;
    const char *copy = arena_copy_text(certificates->arena, (const char *)text->data, text->size);
    *text = span_of(copy, text->size);
    return copy != NULL;
}

static int row_add(struct certificates *certificates, uint32_t slot, const struct certificate_report *report)
{
    if (certificates->count == CERTIFICATES_ROWS_MAX) {
        certificates->beyond++;
        return 0;
    }
    struct certificate_report *row = arena_take_array(certificates->arena, struct certificate_report, 1);
    if (!row)
        return -ENOMEM;
    *row = *report;
    if (!text_keep(certificates, &row->sha256) || !text_keep(certificates, &row->subject) ||
        !text_keep(certificates, &row->issuer) || !text_keep(certificates, &row->serial) ||
        !text_keep(certificates, &row->names))
        return -ENOMEM;
    certificates->rows[slot] = row;
    certificates->count++;
    return 0;
}

int certificates_add(struct certificates *certificates, const struct certificate_report *report)
{
    uint64_t hash = hash_bytes(&certificates->key, report->sha256.data, report->sha256.size);
    uint32_t slot = (uint32_t)(hash % SLOTS);
    for (; certificates->rows[slot]; slot = (slot + 1) % SLOTS) {
        struct certificate_report *row = certificates->rows[slot];
        if (!span_equal(row->sha256, report->sha256))
            continue;
        row->count += report->count;
        row->first_ns = min_u64(row->first_ns, report->first_ns);
        row->last_ns = row->last_ns > report->last_ns ? row->last_ns : report->last_ns;
        return 0;
    }
    return row_add(certificates, slot, report);
}

static int row_compare(const void *left, const void *right)
{
    const struct certificate_report *a = *(const struct certificate_report *const *)left;
    const struct certificate_report *b = *(const struct certificate_report *const *)right;
    if (a->not_after_s != b->not_after_s)
        return a->not_after_s < b->not_after_s ? -1 : 1;
    uint32_t size = min_u32(a->sha256.size, b->sha256.size);
    return size ? memcmp(a->sha256.data, b->sha256.data, size) : 0;
}

/* Rows in order, the caller frees the array; NULL without memory. */
static const struct certificate_report **rows_sorted(const struct certificates *certificates)
{
    const struct certificate_report **rows = calloc(certificates->count + 1, sizeof(*rows));
    uint32_t count = 0;
    for (uint32_t slot = 0; rows && slot < SLOTS; slot++)
        if (certificates->rows[slot])
            rows[count++] = certificates->rows[slot];
    if (rows && count)
        qsort(rows, count, sizeof(*rows), row_compare);
    return rows;
}

/* Names are somebody else's text: nothing of it may steer a terminal. */
static void text_print(struct span text, uint32_t width, FILE *stream)
{
    for (uint32_t i = 0; i < text.size && i < width; i++)
        fputc(text.data[i] >= ' ' && text.data[i] < 127 ? text.data[i] : '?', stream);
    for (uint32_t i = text.size; i < width; i++)
        fputc(' ', stream);
}

static void date_print(int64_t seconds, FILE *stream)
{
    char text[32] = "-";
    time_t time = (time_t)seconds;
    struct tm parts;
    if (gmtime_r(&time, &parts))
        strftime(text, sizeof(text), "%Y-%m-%d", &parts);
    fprintf(stream, "%-12s", text);
}

void certificates_print(const struct certificates *certificates, uint32_t rows_max, FILE *stream)
{
    const struct certificate_report **rows = rows_sorted(certificates);
    fprintf(stream, "certificates seen: %u\n", certificates->count);
    if (!rows || certificates->count == 0) {
        free(rows);
        return;
    }
    fprintf(stream, "  %-12s%-8s%10s  %-18s%-34s%s\n", "not after", "of", "count", "sha256", "subject", "issuer");
    for (uint32_t i = 0; i < certificates->count && i < rows_max; i++) {
        fputs("  ", stream);
        date_print(rows[i]->not_after_s, stream);
        fprintf(stream, "%-8s%10llu  ", rows[i]->client ? "client" : "server", (unsigned long long)rows[i]->count);
        text_print(rows[i]->sha256, 16, stream);
        fputs("  ", stream);
        text_print(rows[i]->subject, 32, stream);
        fputs("  ", stream);
        text_print(span_first(rows[i]->issuer, 64), rows[i]->issuer.size < 64 ? rows[i]->issuer.size : 64, stream);
        fputc('\n', stream);
    }
    if (certificates->count > rows_max)
        fprintf(stream, "  ... and %u more\n", certificates->count - rows_max);
    if (certificates->beyond)
        fprintf(stream, "  %llu reports of certificates beyond %u are left out\n",
                (unsigned long long)certificates->beyond, CERTIFICATES_ROWS_MAX);
    free(rows);
}

void certificates_json(const struct certificates *certificates, struct json_writer *writer)
{
    const struct certificate_report **rows = rows_sorted(certificates);
    json_write_array_begin(writer);
    for (uint32_t i = 0; rows && i < certificates->count && i < CERTIFICATES_JSON_MAX; i++) {
        json_write_object_begin(writer);
        event_json_certificate(writer, rows[i]);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
    free(rows);
}
