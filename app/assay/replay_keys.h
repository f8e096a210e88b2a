/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keys of a replay
 *
 * Secrets are read whole before the first packet: in a replay none comes late. Premaster secrets that a private key
 * opens come to the store while packets are read, by whichever worker asks: behind a lock, because nothing waits for a
 * replay and the store has one writer at a time.
 *
 * Threads: init and deinit from one; replay_keys_open() from any.
 */

#include <pthread.h>

#include "keys/inputs.h"

struct replay_keys {
    struct key_inputs *inputs; /* NULL: nothing names any secrets */
    pthread_mutex_t lock;
    bool private_keys;
};

struct replay_keys_options {
    const struct settings_keys *settings; /* valid until replay_keys_deinit() */
    const char *keylog;                   /* NULL: none */
    char *const *captures;
    uint32_t capture_count;
    uint32_t workers;
};

/* No memory is locked where nothing names any. Prints every mistake; false when there was one. */
bool replay_keys_init(struct replay_keys *keys, const struct replay_keys_options *options);
void replay_keys_deinit(struct replay_keys *keys);

/* Has an encrypted premaster secret opened, and put into the store if it can be. `keys` is a struct replay_keys. */
bool replay_keys_open(void *keys, struct span encrypted);
