/* SPDX-License-Identifier: Apache-2.0 */

/* Values searched together: see the header. */

#include "pipeline/scan_batch.h"

#include "pipeline/scan.h"

size_t scan_batch_size(void)
{
    return sizeof(struct scan_batch) + CACHE_LINE;
}

struct scan_batch *scan_batch_new(struct arena *arena)
{
    return arena_take(arena, sizeof(struct scan_batch), CACHE_LINE);
}

static void search(struct pipeline *worker, struct exchange *exchange, bool response, uint32_t number)
{
    const struct scan_batch *batch = worker->batch;
    uint32_t begin = number ? batch->ends[number - 1] : 0, name = number ? batch->name_ends[number - 1] : 0;
    struct scan_place place = {DETECTION_BODY, span_of(batch->names + name, batch->name_ends[number] - name)};
    struct detect_text text = detect_text_whole(batch->text + begin, batch->ends[number] - 1 - begin, place.name);
    uint32_t count = scan_text(worker, exchange, &text);
    for (uint32_t i = 0; i < count; i++)
        scan_add(exchange, response, &worker->hits[i], &place, batch->offsets[number] + worker->hits[i].offset);
}

void scan_batch_flush(struct pipeline *worker, struct exchange *exchange, bool response)
{
    struct scan_batch *batch = worker->batch;
    struct epoch *epoch = exchange->epoch;
    if (batch->count == 0)
        return;
    detect_probe(epoch->detectors, epoch->workers[worker->options.worker].scratch,
                 &(struct detect_lines){batch->text, batch->ends, batch->count}, batch->maybe);
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t name = i ? batch->name_ends[i - 1] : 0;
        struct span named = span_of(batch->names + name, batch->name_ends[i] - name);
        if (batch->maybe[i] || detect_name_counts(epoch->detectors, named))
            search(worker, exchange, response, i);
    }
    batch->count = batch->text_size = batch->names_size = 0;
}

bool scan_batch_add(struct pipeline *worker, struct exchange *exchange, bool response, struct span name,
                    struct span value, uint64_t offset)
{
    struct scan_batch *batch = worker->batch;
    if (batch->count == SCAN_BATCH_VALUES || value.size >= SCAN_BATCH_TEXT - batch->text_size ||
        name.size > SCAN_BATCH_TEXT - batch->names_size)
        scan_batch_flush(worker, exchange, response);
    if (value.size >= SCAN_BATCH_TEXT || name.size > SCAN_BATCH_TEXT)
        return false;
    if (value.size)
        memcpy(batch->text + batch->text_size, value.data, value.size);
    batch->text[batch->text_size + value.size] = '\n';
    batch->text_size += value.size + 1;
    if (name.size)
        memcpy(batch->names + batch->names_size, name.data, name.size);
    batch->names_size += name.size;
    batch->offsets[batch->count] = offset;
    batch->ends[batch->count] = batch->text_size;
    batch->name_ends[batch->count++] = batch->names_size;
    return true;
}
