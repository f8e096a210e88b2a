/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Publication: quiescent-state reclamation with counts. A worker touches two words of its own cache lines; nobody
 * waits.
 */

#include "pipeline/publication.h"

#include <errno.h>

void publication_init(struct publication *publication, uint32_t worker_count)
{
    require(worker_count >= 1 && worker_count <= EPOCH_WORKERS_MAX);
    memset(publication, 0, sizeof(*publication));
    publication->worker_count = worker_count;
}

void publication_deinit(struct publication *publication)
{
    for (uint32_t i = 0; i < PUBLICATION_EPOCHS_MAX; i++)
        epoch_free(publication->epochs[i]);
    publication->current = NULL;
}

int publication_offer(struct publication *publication, struct epoch *epoch)
{
    publication_collect(publication);
    for (uint32_t i = 0; i < PUBLICATION_EPOCHS_MAX; i++) {
        if (publication->epochs[i])
            continue;
        publication->epochs[i] = epoch;
        /* Release: whatever the epoch was built from is visible to the worker that acquires it in publication_adopt().
         */
        __atomic_store_n(&publication->current, epoch, __ATOMIC_RELEASE);
        return 0;
    }
    return -EAGAIN;
}

static bool epoch_in_use(const struct publication *publication, const struct epoch *epoch)
{
    for (uint32_t i = 0; i < publication->worker_count; i++) {
        /*
         * Acquire: pairs with the release in publication_adopt(). Once a later number is seen the worker opens no more
         * transactions of this epoch, so its count can only fall; it is read after that.
         */
        if (__atomic_load_n(&publication->workers[i].adopted, __ATOMIC_ACQUIRE) <= epoch->number)
            return true;
        /* Acquire: pairs with the release in epoch_leave(); the worker's last use of the epoch lies before it. */
        if (__atomic_load_n(&epoch->workers[i].open, __ATOMIC_ACQUIRE) != 0)
            return true;
    }
    return false;
}

uint32_t publication_collect(struct publication *publication)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < PUBLICATION_EPOCHS_MAX; i++) {
        struct epoch *epoch = publication->epochs[i];
        if (!epoch)
            continue;
        if (epoch != publication->current && !epoch_in_use(publication, epoch)) {
            publication->epochs[i] = NULL;
            epoch_free(epoch);
        } else {
            left++;
        }
    }
    return left;
}

struct epoch *publication_adopt(struct publication *publication, uint32_t worker)
{
    /* Acquire: pairs with the release in publication_offer(). */
    struct epoch *epoch = __atomic_load_n(&publication->current, __ATOMIC_ACQUIRE);
    if (epoch && publication->workers[worker].adopted != epoch->number)
        /* Release: pairs with the acquire in epoch_in_use(); all transactions begun with older epochs are counted. */
        __atomic_store_n(&publication->workers[worker].adopted, epoch->number, __ATOMIC_RELEASE);
    return epoch;
}

bool publication_adopted_by_all(const struct publication *publication, uint32_t number)
{
    for (uint32_t i = 0; i < publication->worker_count; i++)
        if (__atomic_load_n(&publication->workers[i].adopted, __ATOMIC_RELAXED) < number)
            return false;
    return true;
}
