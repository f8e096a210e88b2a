/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Book of calls
 *
 * All scripts that connections play, by kind, and the choice of the next one, which keeps the shares of the settings
 * exactly; where there are sessions, on average.
 *
 * Memory:  the scripts lie in an arena of the book's own.
 * Threads: one owner.
 */

#include "generate/protocol.h"

struct book_shelf {
    uint32_t first, count; /* in book.scripts */
};

struct book {
    struct arena *arena;
    struct traffic_script *scripts;
    struct book_shelf shelves[TRAFFIC_KINDS]; /* where calls stand for themselves */
    struct book_shelf *sessions;              /* otherwise: NULL where they do */
    uint32_t session_count;
    FILE *keylog_stream;
    char *keylog; /* after book_init() */
    size_t keylog_size;
};

/* Returns 0 or -errno; book_deinit() in either case. */
MUST_USE int book_init(struct book *book, const struct traffic_settings *settings);
void book_deinit(struct book *book);

/* The kind of call `number`, counted from 0: in every hundred of them each share is exact. */
uint32_t book_kind(const struct traffic_settings *settings, uint64_t number);

/* A script of that kind, as an index into book.scripts. */
uint32_t book_choose(const struct book *book, uint32_t kind, struct random *random);

/* A session. Its opening is the first script; then come its calls and its closing. */
struct book_shelf book_choose_session(const struct book *book, struct random *random);
