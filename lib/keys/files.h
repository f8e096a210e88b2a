/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Key log files
 *
 * Follows files that grow, and all files of folders. A file that was replaced is read to its end and then the new one
 * from its beginning; one that was cut short is read from its beginning. One that is not there yet is waited for.
 *
 * Memory:  heap, KEY_FILES_MAX streams at most, made as files appear.
 * Threads: one owner, the thread that writes the store.
 * Limits:  KEY_FILES_MAX files; further ones of a folder are counted and not read.
 */

#include "base/diagnostics.h"
#include "keys/stream.h"

#define KEY_FILES_MAX 256u /* one of each service of a large host; each costs a descriptor */

struct key_files;

/* Names of files and folders. A file that is not there is a warning. Returns 0 or -errno. */
MUST_USE int key_files_new(struct key_files **files_out, char *const *paths, uint32_t count,
                           struct diagnostics *diagnostics);
void key_files_free(struct key_files *files);

/* A descriptor that can be read when something may have changed. */
int key_files_descriptor(const struct key_files *files);

/* Reads what is new. `last`: nothing more will come, so a line without an end is one. */
void key_files_read(struct key_files *files, struct tls_key_store *store, bool last, uint64_t now_ns,
                    struct key_counts *counts_io);

/* Files followed now, and files not followed for want of room. */
uint32_t key_files_count(const struct key_files *files, uint32_t *refused_out);
