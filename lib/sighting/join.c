/* SPDX-License-Identifier: Apache-2.0 */

/* Join: collect, sort, judge, and only then give the rings back, for the findings lie in them. */

#include "sighting/join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event/queue.h"
#include "sighting/judge.h"

#define RECORD_SIZE_MIN 256u /* the smallest sighting with its finding: header, sighting, header, fixed parts */

struct sighted {
    struct sighting sighting;
    struct span record;
};

struct sighting_join {
    struct sighting_join_options options;
    struct queue *queue;
    struct arena *arena;
    struct sighting_judge judge;
    struct ring_consumer consumers[QUEUE_WORKERS_MAX];
    struct sighted *batch;
    uint32_t batch_max;
};

int sighting_join_new(const struct sighting_join_options *options, struct sighting_join **join_out)
{
    struct sighting_join *join = calloc(1, sizeof(*join));
    if (!join)
        return -ENOMEM;
    join->options = *options;
    join->batch_max = options->worker_count * (SIGHTING_RING_BYTES / RECORD_SIZE_MIN);
    struct queue_options queue = {
        .worker_count = options->worker_count, .ring_bytes = SIGHTING_RING_BYTES, .version = "sightings"};
    int result = queue_create_private(&queue, &join->queue);
    if (result == 0) {
        join->arena = arena_new(sighting_judge_size() + (size_t)join->batch_max * sizeof(struct sighted) + CACHE_LINE);
        join->batch = join->arena ? arena_take_array(join->arena, struct sighted, join->batch_max) : NULL;
        result = join->batch && sighting_judge_init(&join->judge, join->arena) ? 0 : -ENOMEM;
    }
    for (uint32_t i = 0; result == 0 && i < options->worker_count; i++)
        queue_consumer(join->queue, i, &join->consumers[i]);
    if (result < 0) {
        sighting_join_free(join);
        return result;
    }
    *join_out = join;
    return 0;
}

void sighting_join_free(struct sighting_join *join)
{
    if (!join)
        return;
    arena_free(join->arena);
    queue_free(join->queue);
    free(join);
}

struct ring_producer *sighting_join_producer(struct sighting_join *join, uint32_t worker)
{
    return queue_producer(join->queue, worker);
}

static uint32_t collect(struct sighting_join *join)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < join->options.worker_count; i++) {
        struct span record;
        /* A worker goes on writing meanwhile: of each ring at most what fits into it is taken. */
        uint32_t rest = SIGHTING_RING_BYTES / RECORD_SIZE_MIN;
        for (; rest && ring_next(&join->consumers[i], &record) == RING_RECORD; rest--) {
            join->batch[count].record = record;
            sighting_read(record, &join->batch[count++].sighting);
        }
    }
    return count;
}

/* Everything that can be told apart has its order, so that no number of workers shows. */
static int compare(const void *left, const void *right)
{
    const struct sighted *a = left, *b = right;
    if (a->sighting.time_ns != b->sighting.time_ns)
        return a->sighting.time_ns < b->sighting.time_ns ? -1 : 1;
    int order = memcmp(&a->sighting, &b->sighting, sizeof(a->sighting));
    if (order != 0)
        return order;
    struct span of_a = sighting_finding_bytes(a->record), of_b = sighting_finding_bytes(b->record);
    order = memcmp(of_a.data, of_b.data, min_u32(of_a.size, of_b.size));
    return order != 0 ? order : (of_a.size > of_b.size) - (of_a.size < of_b.size);
}

static void judge_one(struct sighting_join *join, const struct sighted *sighted)
{
    struct evidence evidence;
    struct record record;
    evidence.finding.evidence_count = 0;
    if (!sighting_judge(&join->judge, &sighted->sighting, &evidence))
        return;
    /* What the worker saw first, then what the others make of it. */
    sighting_finding_read(sighted->record, &record);
    struct finding *finding = &record.finding;
    const struct finding *found = &evidence.finding;
    for (uint32_t i = 0; i < found->evidence_count && finding->evidence_count < FINDING_EVIDENCE_MAX; i++)
        finding->evidence[finding->evidence_count++] = found->evidence[i];
    join->options.finding(join->options.context, finding);
}

void sighting_join_run(struct sighting_join *join)
{
    uint32_t count = collect(join);
    if (count == 0)
        return;
    qsort(join->batch, count, sizeof(join->batch[0]), compare);
    for (uint32_t i = 0; i < count; i++)
        sighting_note_receiver(&join->judge, &join->batch[i].sighting);
    for (uint32_t i = 0; i < count; i++)
        judge_one(join, &join->batch[i]);
    for (uint32_t i = 0; i < join->options.worker_count; i++)
        ring_release(&join->consumers[i], join->consumers[i].position);
}

uint64_t sighting_join_held(const struct sighting_join *join)
{
    return sighting_judge_held(&join->judge);
}

uint64_t sighting_join_forgotten(const struct sighting_join *join)
{
    return sighting_judge_forgotten(&join->judge);
}
