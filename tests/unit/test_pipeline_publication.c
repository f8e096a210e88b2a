/* SPDX-License-Identifier: Apache-2.0 */

/* pipeline/publication: epochs are freed exactly when nobody uses them, also while threads adopt and use them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>

#include "pipeline/publication.h"

/* An epoch that holds nothing: epoch_free() takes it like any other. */
static struct epoch *empty_epoch(uint32_t number, uint32_t worker_count)
{
    struct epoch *epoch = aligned_alloc(CACHE_LINE, sizeof(*epoch));
    assert_non_null(epoch);
    memset(epoch, 0, sizeof(*epoch));
    epoch->number = number;
    epoch->worker_count = worker_count;
    return epoch;
}

static void an_epoch_lives_as_long_as_a_transaction_uses_it(void **state)
{
    (void)state;
    static struct publication publication;
    publication_init(&publication, 2);
    assert_int_equal(publication_offer(&publication, empty_epoch(1, 2)), 0);
    struct epoch *first = publication_adopt(&publication, 0);
    assert_int_equal(first->number, 1);
    epoch_enter(first, 0);
    assert_int_equal(publication_offer(&publication, empty_epoch(2, 2)), 0);
    assert_int_equal(publication_adopt(&publication, 0)->number, 2);
    /* Worker 1 has adopted nothing yet: the first epoch may still be handed to it. */
    assert_int_equal(publication_collect(&publication), 2);
    assert_false(publication_adopted_by_all(&publication, 2));
    publication_adopt(&publication, 1);
    assert_true(publication_adopted_by_all(&publication, 2));
    assert_int_equal(publication_collect(&publication), 2);
    epoch_leave(first, 0);
    assert_int_equal(publication_collect(&publication), 1);
    publication_deinit(&publication);
}

static void too_many_epochs_in_use_refuse_the_next(void **state)
{
    (void)state;
    static struct publication publication;
    publication_init(&publication, 1);
    struct epoch *held[PUBLICATION_EPOCHS_MAX];
    for (uint32_t i = 0; i < PUBLICATION_EPOCHS_MAX; i++) {
        assert_int_equal(publication_offer(&publication, empty_epoch(i + 1, 1)), 0);
        held[i] = publication_adopt(&publication, 0);
        epoch_enter(held[i], 0);
    }
    struct epoch *next = empty_epoch(100, 1);
    assert_int_equal(publication_offer(&publication, next), -EAGAIN);
    assert_int_equal(publication_adopt(&publication, 0)->number, PUBLICATION_EPOCHS_MAX);
    epoch_leave(held[3], 0);
    assert_int_equal(publication_offer(&publication, next), 0);
    assert_int_equal(publication_adopt(&publication, 0)->number, 100);
    for (uint32_t i = 0; i < PUBLICATION_EPOCHS_MAX; i++)
        if (i != 3)
            epoch_leave(held[i], 0);
    assert_int_equal(publication_collect(&publication), 1);
    publication_deinit(&publication);
}

/* ------------------------------------------------------------------- threads */

#define WORKERS 3u
#define EPOCHS  2000u
#define OPEN    8u /* transactions a worker keeps open at a time */

struct runner {
    struct publication *publication;
    uint32_t worker;
    uint64_t *stop;
    uint64_t used;
};

/* Uses epochs as a worker does. The digest text is read on leaving: after a free the sanitizers would see it. */
static void *run_worker(void *argument)
{
    struct runner *runner = argument;
    struct epoch *open[OPEN] = {NULL};
    uint32_t last = 0;
    for (uint64_t turn = 0; !__atomic_load_n(runner->stop, __ATOMIC_ACQUIRE); turn++) {
        struct epoch *epoch = publication_adopt(runner->publication, runner->worker);
        if (epoch->number < last)
            abort();
        last = epoch->number;
        uint32_t slot = (uint32_t)(turn % OPEN);
        if (open[slot]) {
            if (open[slot]->rules_digest[0] != 'r')
                abort();
            runner->used++;
            epoch_leave(open[slot], runner->worker);
        }
        open[slot] = epoch;
        epoch_enter(epoch, runner->worker);
    }
    for (uint32_t slot = 0; slot < OPEN; slot++)
        if (open[slot])
            epoch_leave(open[slot], runner->worker);
    return NULL;
}

static void threads_never_use_a_freed_epoch(void **state)
{
    (void)state;
    static struct publication publication;
    publication_init(&publication, WORKERS);
    struct epoch *epoch = empty_epoch(1, WORKERS);
    epoch->rules_digest[0] = 'r';
    assert_int_equal(publication_offer(&publication, epoch), 0);
    uint64_t stop = 0;
    struct runner runners[WORKERS];
    pthread_t threads[WORKERS];
    for (uint32_t i = 0; i < WORKERS; i++) {
        runners[i] = (struct runner){&publication, i, &stop, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, run_worker, &runners[i]), 0);
    }
    for (uint32_t number = 2; number <= EPOCHS;) {
        epoch = empty_epoch(number, WORKERS);
        epoch->rules_digest[0] = 'r';
        while (publication_offer(&publication, epoch) == -EAGAIN)
            ;
        number++;
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(runners[i].used > 0);
        publication_adopt(&publication, i);
    }
    assert_int_equal(publication_collect(&publication), 1);
    publication_deinit(&publication);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_lives_as_long_as_a_transaction_uses_it),
        cmocka_unit_test(too_many_epochs_in_use_refuse_the_next),
        cmocka_unit_test(threads_never_use_a_freed_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
