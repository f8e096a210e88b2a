/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Journal
 *
 * The files that batches go to: findings-2026-11-20.jsonl, one a UTC day, then findings-2026-11-20.1.jsonl and so on
 * when one has grown beyond the limit. A batch is either whole in one file and on disk, or not in it at all.
 *
 * Memory:  none of its own; recovery maps one file at a time.
 * Threads: one owner; a lock on the folder keeps a second reporter out.
 * Errors:  0 or -errno. After a failed journal_write() the file ends where it ended before, as far as the disk allows.
 */

#include "base/diagnostics.h"
#include "reporter/checkpoint.h"

#define JOURNAL_NAME_SIZE 48u
#define JOURNAL_FILE_MAX  (1ull << 31) /* of one file: it is looked at whole after a crash */

struct journal {
    int folder;    /* descriptor */
    int file;      /* descriptor, -1: none open */
    uint64_t key;  /* of that file: date and number, see journal.c */
    uint64_t size; /* of what is on disk */
    uint64_t rotate_bytes;
    bool folder_dirty; /* a file was made, and its name may not be on disk yet */
    char name[JOURNAL_NAME_SIZE];
};

/* What the last run left. */
struct journal_recovery {
    bool found; /* there was a file */
    char file[JOURNAL_NAME_SIZE];
    uint64_t cut_bytes; /* behind its last checkpoint, now gone */
    struct checkpoint checkpoint;
};

MUST_USE int journal_open(struct journal *journal, const char *folder, uint64_t rotate_bytes,
                          struct diagnostics *diagnostics, struct journal_recovery *recovery_out);
void journal_close(struct journal *journal);

/* Changes the file when the day or the size asks for it. `start_out` is where the next batch will begin. */
MUST_USE int journal_prepare(struct journal *journal, uint64_t time_ns, uint64_t *start_out);

/* Returns 0 once the bytes are on disk. */
MUST_USE int journal_write(struct journal *journal, const char *bytes, size_t size);
