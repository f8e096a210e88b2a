/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The thread that takes TLS secrets in: the one writer of the key store, which the workers read. It sleeps until
 * something is there to read, and wipes what is not needed any more.
 */

#include <stdio.h>
#include <time.h>

#include "worker.h"

#define TURN_MS   20u                 /* how long a wish of a worker, or a finished connection, waits at most */
#define STATUS_NS UINT64_C(500000000) /* as often as workers tell theirs, nearly */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static void tell_status(struct control *control)
{
    struct key_inputs_counts counts;
    key_inputs_count(control->keys, &counts);
    struct key_status status = {.lines = counts.lines.lines,
                                .lines_refused = counts.lines.refused,
                                .secrets = counts.store.put,
                                .live = counts.store.live,
                                .expired = counts.store.expired,
                                .finished = counts.store.finished,
                                .evicted = counts.store.evicted,
                                .files = counts.files,
                                .files_refused = counts.files_refused,
                                .clients_refused = counts.clients_refused,
                                .premasters_opened = counts.wishes_opened,
                                .premasters_failed = counts.wishes_failed,
                                .vault_requests = counts.vault.requests,
                                .vault_failures = counts.vault.failures,
                                .vault_log_ins = counts.vault.log_ins,
                                .vault_renewals = counts.vault.renewals};
    control_keys_store(queue_control_status(control->queue), &status);
}

static void *run(void *argument)
{
    struct control *control = argument;
    char trouble[KEY_VAULT_TROUBLE_SIZE];
    uint64_t told_ns = 0;
    while (!__atomic_load_n(&control->keys_stop, __ATOMIC_RELAXED)) {
        key_inputs_turn(control->keys, now_ns(), TURN_MS);
        if (key_inputs_trouble(control->keys, trouble))
            fprintf(stderr, "assay-worker: keys: %s\n", trouble);
        if (now_ns() - told_ns >= STATUS_NS) {
            told_ns = now_ns();
            tell_status(control);
        }
    }
    return NULL;
}

bool keys_wish(void *poll, struct span encrypted)
{
    const struct poll *asking = poll;
    return key_inputs_wish(asking->keys, asking->index, encrypted);
}

bool keys_start(struct control *control)
{
    if (!key_inputs_wanted(&control->settings.keys))
        return true;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct key_inputs_options options = {.settings = &control->settings.keys, .worker_count = control->worker_count};
    int result = key_inputs_new(&control->keys, &options, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    if (result < 0)
        return false;
    control->keys_running = pthread_create(&control->keys_thread, NULL, run, control) == 0;
    if (!control->keys_running)
        fputs("assay-worker: no thread for the key inputs\n", stderr);
    return control->keys_running;
}

void keys_stop(struct control *control)
{
    if (control->keys_running) {
        __atomic_store_n(&control->keys_stop, 1, __ATOMIC_RELAXED);
        pthread_join(control->keys_thread, NULL);
    }
    control->keys_running = false;
    key_inputs_free(control->keys);
    control->keys = NULL;
}
