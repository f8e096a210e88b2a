/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Audit under measurement
 *
 * What worker pipelines need around them, made as the worker program makes it: settings, the first epoch and its
 * publication, the event queue, secrets of generated TLS.
 *
 * Memory:  heap, and what the modules take.
 * Threads: setup by one; each pipeline belongs to one worker.
 * Errors:  0 or -errno, with sentences in the diagnostics.
 */

#include "base/span.h"
#include "config/settings.h"
#include "event/queue.h"
#include "pipeline/pipeline.h"

#define AUDIT_WORKERS_MAX 2u /* what the machines we measure on can pin */

struct audit {
    struct settings settings; /* loaded by audit_load(); may be changed before audit_start() */
    const char *settings_path;
    struct publication publication;
    struct digest_key digest_key;
    struct hash_key key;
    struct queue *queue;
    struct tls_key_store *keys; /* NULL: there were none */
    uint32_t worker_count;
    uint32_t epochs; /* built so far */
    bool published;
};

/* Reads the settings; audit_deinit() in either case. */
MUST_USE int audit_load(struct audit *audit, const char *settings_path, struct diagnostics *diagnostics);

/* Secrets as SSLKEYLOGFILE has them; empty: none. */
MUST_USE int audit_take_keys(struct audit *audit, struct span keylog, struct diagnostics *diagnostics);

/* Builds an epoch and publishes it: the first one, or a reload. */
MUST_USE int audit_publish(struct audit *audit, struct diagnostics *diagnostics);

/* The first epoch and the queue; `queue_name` NULL: one in private memory. */
MUST_USE int audit_start(struct audit *audit, uint32_t worker_count, const char *queue_name,
                         struct diagnostics *diagnostics);

MUST_USE int audit_pipeline_new(struct audit *audit, uint32_t worker, struct spread *spread,
                                struct diagnostics *diagnostics, struct pipeline **pipeline_out);

/* After the pipelines. */
void audit_deinit(struct audit *audit);
