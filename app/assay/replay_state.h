/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A replay and its workers: what the files of the command share. */

#include <pthread.h>
#include <stdio.h>

#include "config/settings.h"
#include "event/queue.h"
#include "event/stages.h"
#include "pipeline/pipeline.h"
#include "replay_keys.h"
#include "replay_options.h"
#include "report/certificates.h"
#include "report/services.h"
#include "report/tally.h"
#include "sighting/join.h"

/* replay_sightings.c */
struct replay_meeting {
    pthread_mutex_t lock;
    pthread_cond_t over;
    uint32_t present, here; /* workers that have not ended, and those of them that wait */
    uint64_t turn;
    struct hash_key key; /* by which calls are compared */
};

struct replay {
    const struct replay_options *options;
    struct settings settings;
    struct replay_keys keys;
    struct digest_key digest_key;
    struct publication publication;
    struct queue *queue;
    struct hash_key key;
    struct tally *tally;
    struct services *services;
    struct certificates *certificates;
    struct service_table *service_table; /* of all workers */
    uint64_t stage_cycles[STAGE_COUNT];
    pthread_mutex_t tally_lock;
    struct sighting_join *sightings;
    struct replay_meeting meeting;
    FILE *findings; /* that are no one worker's; NULL: not wanted */
    bool write_failed;
    bool progress;
};

struct replay_worker {
    struct replay *replay;
    uint32_t index;
    struct pipeline *pipeline;
    struct ring_consumer consumer;
    FILE *findings, *transactions; /* NULL: not wanted */
    struct diagnostics diagnostics;
    pthread_t thread;
    int result;
    uint64_t bursts;
    bool write_failed;
    char *line;
};

/* replay_worker.c: the worker writes to the outputs, which are NULL where not wanted; false: it was told why. */
bool replay_worker_init(struct replay *replay, struct replay_worker *worker, uint32_t index, FILE *findings,
                        FILE *transactions);
/* Appends what the worker kept of its own to the outputs. */
void replay_worker_deinit(struct replay_worker *worker, FILE *findings, FILE *transactions);
/* Runs all workers; false when a capture could not be read to its end. */
bool replay_workers_run(struct replay *replay, struct replay_worker *workers, struct ledger *ledger_out,
                        uint64_t *last_ns_out);
/* Any thread. */
void replay_count_finding(struct replay *replay, const struct finding *finding);

/* replay_sightings.c: findings over several calls. False: no memory. */
bool replay_sightings_init(struct replay *replay);
void replay_sightings_deinit(struct replay *replay);
/* Worker: a burst was worked through; nothing more will come. */
void replay_sightings_burst(struct replay_worker *worker);
void replay_sightings_leave(struct replay_worker *worker);

/* replay_result.c: a finding that is no one worker's; `replay` is a struct replay. One at a time. */
void replay_tell_finding(void *replay, const struct finding *finding);
/* What the capture lacks and what stayed closed, over all workers, so that their number does not show.
 */
void replay_judge_coverage(struct replay *replay, const struct ledger *ledger, uint64_t last_ns);
void replay_summary_write(const struct replay *replay, const struct ledger *ledger, FILE *stream);
void replay_text_show(const struct replay *replay, const struct ledger *ledger);
