/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Key stream
 *
 * One source of key log text, whatever it comes from: keeps the line that is not whole yet, and puts what it reads into
 * the store.
 *
 * Memory:  fixed size, left out of core dumps with the process; wiped at the end and behind what was consumed.
 * Threads: the one that writes the store.
 */

#include "tls/key_store.h"

#define KEY_STREAM_BYTES 16384u /* sixteen of the longest lines; a burst of connections in one read */

struct key_counts {
    uint64_t lines;   /* of all sources */
    uint64_t refused; /* of those, neither secret nor comment */
    uint64_t secrets; /* put into the store */
};

struct key_stream {
    struct tls_keylog parser;
    uint32_t size; /* bytes of `text` in use */
    uint8_t text[KEY_STREAM_BYTES];
};

/* Where to read new text to, behind what is kept. Never empty. */
uint8_t *key_stream_room(struct key_stream *stream, uint32_t *size_out);

/* `size` bytes were read there. `last`: a line without an end is one. */
void key_stream_take(struct key_stream *stream, struct tls_key_store *store, uint32_t size, bool last, uint64_t now_ns,
                     struct key_counts *counts_io);

/* Forgets the kept line. */
void key_stream_deinit(struct key_stream *stream);

/* The source begins anew: what was kept of a line is no beginning of the next one. */
void key_stream_restart(struct key_stream *stream);
