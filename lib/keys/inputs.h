/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Key inputs
 *
 * Everything secrets come from, in one place: files, socket, vault, private keys, captures. One thread turns it, live
 * its own (app/worker), in a replay the one that begins it; that thread is the one writer of the key store.
 *
 * Memory:  heap, slow path only.
 * Threads: one owner; key_inputs_wish() from the worker whose ring it is.
 */

#include "keys/capture.h"
#include "keys/files.h"
#include "keys/rsa.h"
#include "keys/socket.h"
#include "keys/vault.h"

struct key_inputs;

struct key_inputs_options {
    const struct settings_keys *settings; /* valid until key_inputs_free() */
    const char *keylog;                   /* one more key log, or NULL */
    uint32_t worker_count;
};

/* Makes the store too. Returns 0 or -errno, with every mistake in `diagnostics`. */
MUST_USE int key_inputs_new(struct key_inputs **inputs_out, const struct key_inputs_options *options,
                            struct diagnostics *diagnostics);
void key_inputs_free(struct key_inputs *inputs);

/* Whether the settings name anything at all secrets could come from. */
bool key_inputs_wanted(const struct settings_keys *settings);

/* What `assay check` can tell before anything starts: private keys and files that cannot be read. */
MUST_USE int key_inputs_check(const struct settings_keys *settings, struct diagnostics *diagnostics);

struct tls_key_store *key_inputs_store(struct key_inputs *inputs);

/* Waits up to `wait_ms` for something to read, reads it, fulfils wishes, wipes what is too old. */
void key_inputs_turn(struct key_inputs *inputs, uint64_t now_ns, uint32_t wait_ms);

/* All that is there now, to the ends of the files; a line without an end is one. For replays. */
void key_inputs_read_all(struct key_inputs *inputs, uint64_t now_ns);

/* Opens a premaster secret at once: for replays, where time is the capture's and nothing is waited for. */
void key_inputs_open(struct key_inputs *inputs, struct span encrypted, uint64_t now_ns);

/* The secrets inside a capture file. */
void key_inputs_read_capture(struct key_inputs *inputs, const char *path, uint64_t now_ns);

/* Worker: an encrypted premaster secret somebody should open. False: nobody can, or no room. */
bool key_inputs_wish(struct key_inputs *inputs, uint32_t worker, struct span encrypted);

struct key_inputs_counts {
    struct key_counts lines;
    struct tls_key_store_counts store;
    struct key_vault_counts vault;
    uint32_t files;
    uint32_t files_refused;
    uint64_t clients_refused;
    uint64_t wishes_opened, wishes_failed;
};

void key_inputs_count(struct key_inputs *inputs, struct key_inputs_counts *counts_out);

/* What went wrong lately; false: nothing. */
bool key_inputs_trouble(struct key_inputs *inputs, char text_out[KEY_VAULT_TROUBLE_SIZE]);
