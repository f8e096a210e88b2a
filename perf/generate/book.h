/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Book of calls
 *
 * All scripts that connections play, by kind, and the choice of the next one, which keeps the shares of the settings
 * exactly.
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
    struct book_shelf shelves[TRAFFIC_KINDS];
};

/* Returns 0 or -ENOMEM; book_deinit() in either case. */
MUST_USE int book_init(struct book *book, const struct traffic_settings *settings);
void book_deinit(struct book *book);

/* The kind of call `number`, counted from 0: in every hundred of them each share is exact. */
uint32_t book_kind(const struct traffic_settings *settings, uint64_t number);

/* A script of that kind, as an index into book.scripts. */
uint32_t book_choose(const struct book *book, uint32_t kind, struct random *random);
