/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One pipeline with the shipped rules in one epoch, and the queue it writes to. What is done with its records is the
 * test's: a bench embeds this and gives a function that empties the ring.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "event/queue.h"
#include "pipeline/pipeline.h"
#include "tls/key_store.h"

#define FIXTURE_RING_BYTES (1u << 20)

struct pipeline_fixture {
    struct settings settings;
    struct digest_key key;
    struct publication publication;
    struct queue *queue;
    struct ring_consumer consumer;
    struct tls_key_store *keys; /* NULL: none */
    struct pipeline *pipeline;
};

/* Default settings but for the sizes; a test may change them before the start. */
static inline void fixture_init(struct pipeline_fixture *fixture, uint32_t memory_mib, uint32_t flows)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    assert_int_equal(settings_default(&diagnostics, &fixture->settings), 0);
    fixture->settings.workers.memory_mib = memory_mib;
    fixture->settings.workers.flows = flows;
    fixture->settings.workers.reassembly_mib = 4;
    diagnostics_deinit(&diagnostics);
}

static inline struct epoch *fixture_epoch(struct pipeline_fixture *fixture)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct epoch *epoch = NULL;
    struct epoch_sources sources = {
        .settings = &fixture->settings, .number = 1, .worker_count = 1, .key = &fixture->key};
    if (epoch_build(&sources, &diagnostics, &epoch) < 0)
        diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    assert_non_null(epoch);
    return epoch;
}

/* `drain` empties the ring; it gets `context`. */
static inline void fixture_start(struct pipeline_fixture *fixture, bool rollups, void (*drain)(void *), void *context)
{
    assert_int_equal(digest_key_init_random(&fixture->key), 0);
    publication_init(&fixture->publication, 1);
    assert_int_equal(publication_offer(&fixture->publication, fixture_epoch(fixture)), 0);
    struct queue_options queue = {.worker_count = 1, .ring_bytes = FIXTURE_RING_BYTES};
    assert_int_equal(queue_create_private(&queue, &fixture->queue), 0);
    queue_consumer(fixture->queue, 0, &fixture->consumer);
    struct pipeline_options options = {
        .settings = &fixture->settings,
        .publication = &fixture->publication,
        .ring = queue_producer(fixture->queue, 0),
        .keys = fixture->keys,
        .key = {1, 2},
        .worker_count = 1,
        .transactions = true,
        .rollups = rollups,
        .make_room = drain,
        .make_room_context = context,
    };
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    if (pipeline_new(&options, &diagnostics, &fixture->pipeline) < 0)
        diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    assert_non_null(fixture->pipeline);
}

/* Ends the run; the ledger must balance with nothing left over, and no epoch be held. The ring is still to be emptied.
 */
static inline void fixture_flush(struct pipeline_fixture *fixture)
{
    pipeline_flush(fixture->pipeline);
    const struct ledger *ledger = pipeline_ledger(fixture->pipeline);
    assert_true(ledger_balanced(ledger));
    assert_int_equal(ledger->pending.packets, 0);
    assert_int_equal(ledger->transactions_pending, 0);
    assert_int_equal(fixture->publication.current->workers[0].open, 0);
}

static inline void fixture_stop(struct pipeline_fixture *fixture)
{
    pipeline_free(fixture->pipeline);
    tls_key_store_free(fixture->keys);
    publication_deinit(&fixture->publication);
    queue_free(fixture->queue);
    digest_key_deinit(&fixture->key);
    settings_deinit(&fixture->settings);
}
