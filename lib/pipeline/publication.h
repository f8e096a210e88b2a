/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Publication
 *
 * How a new epoch reaches the workers and an old one is freed. The control thread publishes; each worker adopts between
 * bursts; a transaction keeps the epoch it began with. An epoch is freed when every worker has adopted a later one and
 * no open transaction uses it.
 *
 * Memory:  PUBLICATION_EPOCHS_MAX pointers; the epochs belong to the publication from publication_offer() on.
 * Threads: one control thread, one thread per worker; the comments in publication.c name each pair of release and
 *          acquire.
 * Limits:  PUBLICATION_EPOCHS_MAX epochs at a time. When all are in use (transactions that stay open over as many
 *          reloads) the next offer is refused with -EAGAIN and can be repeated.
 */

#include "pipeline/epoch.h"

#define PUBLICATION_EPOCHS_MAX 16u /* the one in force and 15 that old transactions still hold */

struct publication {
    struct epoch *current; /* stored with release, loaded with acquire */
    uint32_t worker_count;
    struct {
        uint64_t adopted; /* number of the epoch the worker judges new transactions with */
    } CACHE_ALIGNED workers[EPOCH_WORKERS_MAX];
    struct epoch *epochs[PUBLICATION_EPOCHS_MAX]; /* all that are alive; the control thread's own */
};

void publication_init(struct publication *publication, uint32_t worker_count);

/* Frees all epochs. The workers must have stopped. */
void publication_deinit(struct publication *publication);

/* Control thread: makes `epoch` the current one. 0; -EAGAIN when too many are in use (`epoch` stays the caller's). */
MUST_USE int publication_offer(struct publication *publication, struct epoch *epoch);

/* Control thread: frees what nobody uses any more. Returns how many epochs are left, the current one included. */
uint32_t publication_collect(struct publication *publication);

/* Worker, between bursts: the epoch to judge new transactions with. Never NULL once one was offered. */
struct epoch *publication_adopt(struct publication *publication, uint32_t worker);

/* True when every worker has adopted epoch `number` or a later one. */
bool publication_adopted_by_all(const struct publication *publication, uint32_t number);
