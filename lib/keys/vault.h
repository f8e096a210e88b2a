/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Vault
 *
 * Looks into secrets of a key/value engine (version 2) of HashiCorp Vault again and again, and hands every text field
 * of a version not seen before on as key log lines. A thread of its own, because a network may take seconds while keys
 * of files and sockets are waited for; what it finds goes through a pipe to the thread that writes the store.
 *
 * Log-in with a token (renewed while that is allowed) or by AppRole (renewed, then logged in again).
 *
 * Memory:  heap; answers and tokens are wiped.
 * Threads: key_vault_new() and _free() from one thread; the pipe is read by another.
 * Limits:  an answer of KEY_VAULT_ANSWER_MAX bytes; KEY_VAULT_TIMEOUT_SECONDS a request.
 * Source:  Vault's HTTP API: KV v2 "read secret version", auth/approle/login, auth/token/renew-self.
 */

#include "base/diagnostics.h"
#include "config/settings.h"

#define KEY_VAULT_ANSWER_MAX      (4u << 20) /* Vault itself refuses secrets beyond about one megabyte */
#define KEY_VAULT_TIMEOUT_SECONDS 10
#define KEY_VAULT_TROUBLE_SIZE    256u

struct key_vault;

struct key_vault_counts {
    uint64_t requests;
    uint64_t failures;
    uint64_t log_ins;
    uint64_t renewals;
    uint64_t versions; /* of secrets, handed on */
};

/* Starts the thread. `settings` stay valid until key_vault_free(). Returns 0 or -errno. */
MUST_USE int key_vault_new(struct key_vault **vault_out, const struct settings_vault *settings,
                           struct diagnostics *diagnostics);
/* Stops it; waits for a request under way. */
void key_vault_free(struct key_vault *vault);

/* The pipe's end to read key log lines from; not blocking. */
int key_vault_descriptor(const struct key_vault *vault);

void key_vault_count(struct key_vault *vault, struct key_vault_counts *counts_out);

/* What went wrong since the last call, without any secret; false: nothing. */
bool key_vault_trouble(struct key_vault *vault, char text_out[KEY_VAULT_TROUBLE_SIZE]);
