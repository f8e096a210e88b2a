/* SPDX-License-Identifier: Apache-2.0 */

/* Keys of a replay. */

#include "replay_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool wanted(const struct replay_keys_options *options)
{
    bool named = options->keylog || key_inputs_wanted(options->settings);
    for (uint32_t i = 0; i < options->capture_count && !named; i++)
        named = key_capture_has_secrets(options->captures[i]);
    return named;
}

bool replay_keys_init(struct replay_keys *keys, const struct replay_keys_options *options)
{
    *keys = (struct replay_keys){.private_keys = options->settings->rsa_keys_count > 0};
    pthread_mutex_init(&keys->lock, NULL);
    if (!wanted(options))
        return true;
    if (options->keylog && access(options->keylog, R_OK) != 0) {
        fprintf(stderr, "assay replay: %s: %s\n", options->keylog, strerror(errno));
        return false;
    }
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct key_inputs_options inputs = {
        .settings = options->settings, .keylog = options->keylog, .worker_count = options->workers};
    int result = key_inputs_new(&keys->inputs, &inputs, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    if (result < 0)
        return false;
    key_inputs_read_all(keys->inputs, 0);
    for (uint32_t i = 0; i < options->capture_count; i++)
        key_inputs_read_capture(keys->inputs, options->captures[i], 0);
    return true;
}

void replay_keys_deinit(struct replay_keys *keys)
{
    key_inputs_free(keys->inputs);
    pthread_mutex_destroy(&keys->lock);
}

bool replay_keys_open(void *keys, struct span encrypted)
{
    struct replay_keys *replay = keys;
    pthread_mutex_lock(&replay->lock);
    key_inputs_open(replay->inputs, encrypted, 0);
    pthread_mutex_unlock(&replay->lock);
    return true;
}
