/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Searching a head line by line
 *
 * Of the twenty lines of a call only a few say anything new: its target, its numbers, the time. The others were in the
 * call before, and the line is what they are known by (detect/known_lines.h). New ones are put side by side, so that
 * one scan reads them; then the hits of both kinds are merged in the order of the lines. The hits are those of one scan
 * of the whole head.
 */

#include "pipeline/worker.h"

/* Each header, what may lie in front of it, and the end. */
#define UNITS_MAX (2 * TRANSACTION_HEADERS_MAX + 1)

struct head_unit {
    uint32_t offset; /* in the head */
    uint32_t size;
    uint32_t text_offset; /* of a new one, in the text that is searched */
    struct text_id id;
    const struct known_line *found; /* what is known to be in it */
    uint32_t first_hit, hit_count;  /* of a new one */
    bool fresh;                     /* it is searched now */
    bool line;                      /* short enough to be known, and it ends where the line does */
};

struct head_lines {
    uint32_t unit_count;
    uint32_t text_size;
    struct head_unit units[UNITS_MAX];
    struct detect_hit fresh_hits[WORKER_HITS_MAX];
    uint8_t text[TRANSACTION_STORE_SIZE];
};

size_t head_lines_size(void)
{
    return sizeof(struct head_lines) + CACHE_LINE;
}

struct head_lines *head_lines_new(struct arena *arena)
{
    return arena_take(arena, sizeof(struct head_lines), CACHE_LINE);
}

/* Adds the unit, unless nothing is in it. */
static void unit_add(struct pipeline *worker, const struct exchange *exchange, const uint8_t *head, uint32_t offset,
                     uint32_t size)
{
    struct head_lines *lines = worker->head_lines;
    struct head_unit *unit = &lines->units[lines->unit_count];
    const uint8_t *data = head + offset;
    unit->offset = offset;
    unit->size = size;
    unit->line = size <= KNOWN_LINE_MAX && data[size - 1] == '\n';
    unit->fresh = true;
    if (likely(unit->line)) {
        unit->id = known_line_id(worker->known_lines, exchange->epoch->number, span_of(data, size));
        if (known_line_clean(worker->known_lines, unit->id))
            return;
        unit->fresh = !known_line_maybe_found(worker->known_lines, unit->id);
    }
    lines->unit_count++;
}

/* The text of all that is new. */
static void text_make(struct pipeline *worker, const uint8_t *head)
{
    struct head_lines *lines = worker->head_lines;
    lines->text_size = 0;
    for (uint32_t i = 0; i < lines->unit_count; i++) {
        struct head_unit *unit = &lines->units[i];
        unit->found = unit->fresh ? NULL : known_line_found(worker->known_lines, unit->id);
        unit->fresh = !unit->found;
        if (!unit->fresh)
            continue;
        unit->text_offset = lines->text_size;
        memcpy(lines->text + lines->text_size, head + unit->offset, unit->size);
        lines->text_size += unit->size;
    }
}

/* The head as units, those that are known to be clean left out. */
static void units_make(struct pipeline *worker, const struct exchange *exchange, bool response, uint32_t store_begin)
{
    const struct transaction *transaction = &exchange->transaction;
    const struct transaction_side *side = response ? &transaction->response : &transaction->request;
    const uint8_t *head = transaction->store + store_begin;
    uint32_t size = transaction->store_used - store_begin, at = 0;
    worker->head_lines->unit_count = 0;
    for (uint32_t i = 0; i < side->header_count; i++) {
        const struct transaction_header *header = &side->headers[i];
        if (header->name_offset < store_begin)
            continue;
        uint32_t begin = header->name_offset - store_begin;
        uint32_t end = header->value_offset + header->value_size + 1u - store_begin; /* with its line end */
        if (begin > at)
            unit_add(worker, exchange, head, at, begin - at);
        unit_add(worker, exchange, head, begin, end - begin);
        at = end;
    }
    if (at < size)
        unit_add(worker, exchange, head, at, size - at);
    text_make(worker, head);
}

static uint32_t scan_fresh(struct pipeline *worker, const struct exchange *exchange)
{
    struct head_lines *lines = worker->head_lines;
    struct epoch_worker *own = &exchange->epoch->workers[worker->options.worker];
    struct detect_text text = detect_text_whole(lines->text, lines->text_size, (struct span){0});
    text.lines = true;
    return detect_scan(exchange->epoch->detectors, own->scratch, &text, lines->fresh_hits, WORKER_HITS_MAX);
}

/* Adds hits with offsets from `base` on, moved to the head. Returns how many there are then. */
static uint32_t hits_add(struct pipeline *worker, uint32_t count, const struct detect_hit *hits, uint32_t added,
                         uint32_t base, uint32_t offset)
{
    for (uint32_t i = 0; i < added && count < WORKER_HITS_MAX; i++, count++) {
        worker->hits[count] = hits[i];
        worker->hits[count].offset += offset - base;
    }
    return count;
}

/* Merges what was known and what is new. Returns how many hits there are. */
static uint32_t units_merge(struct pipeline *worker, uint32_t fresh_count)
{
    struct head_lines *lines = worker->head_lines;
    uint32_t count = 0, next = 0;
    for (uint32_t i = 0; i < lines->unit_count; i++) {
        struct head_unit *unit = &lines->units[i];
        if (!unit->fresh) {
            count = hits_add(worker, count, unit->found->hits, unit->found->hit_count, 0, unit->offset);
            continue;
        }
        unit->first_hit = next;
        while (next < fresh_count && lines->fresh_hits[next].offset < unit->text_offset + unit->size)
            next++;
        unit->hit_count = next - unit->first_hit;
        count = hits_add(worker, count, lines->fresh_hits + unit->first_hit, unit->hit_count, unit->text_offset,
                         unit->offset);
    }
    return count;
}

/* Behind a unit that does not end with its line nothing is known for certain: it may run into the next. */
static void units_keep(struct pipeline *worker)
{
    struct head_lines *lines = worker->head_lines;
    for (uint32_t i = 0; i < lines->unit_count && lines->units[i].line; i++) {
        const struct head_unit *unit = &lines->units[i];
        if (unit->fresh && unit->hit_count == 0)
            known_line_keep_clean(worker->known_lines, unit->id);
        else if (unit->fresh && unit->hit_count <= KNOWN_LINE_HITS)
            known_line_keep_found(worker->known_lines, unit->id, lines->fresh_hits + unit->first_hit, unit->hit_count,
                                  unit->text_offset);
    }
}

uint32_t head_lines_search(struct pipeline *worker, const struct exchange *exchange, bool response,
                           uint32_t store_begin)
{
    struct head_lines *lines = worker->head_lines;
    struct epoch_worker *own = &exchange->epoch->workers[worker->options.worker];
    units_make(worker, exchange, response, store_begin);
    uint32_t fresh_count = lines->text_size ? scan_fresh(worker, exchange) : 0;
    uint32_t count = units_merge(worker, fresh_count);
    if (lines->text_size && detect_scan_apart(own->scratch))
        units_keep(worker);
    return count;
}
