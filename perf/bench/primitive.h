/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Primitives
 *
 * The least that auditing a call can cost on this machine: for each thing that has to be done to its bytes, the
 * quickest known way of doing it, alone in a loop over the same messages. Their sum is the limit, and measured time
 * over limit tells how much is left to gain; it stays comparable when the machine is another or is busy.
 *
 * Not part of any sum: receiving packets, which needs a network card.
 *
 * Memory:  heap.
 * Threads: one owner, pinned.
 * Errors:  -ENOMEM; -ENOTSUP when Hyperscan refuses this machine.
 */

#include "generate/profile.h"

enum primitive {
    PRIMITIVE_LOOK_UP, /* a packet: two cache lines at a random place of the flow table, 32 look-ups at a time */
    PRIMITIVE_SPLIT,   /* a call: line ends and colons of its two heads, found with memchr() */
    PRIMITIVE_SHAPE,   /* a call: every byte of heads and bodies classified, as a vector machine can */
    PRIMITIVE_SCAN,    /* a call: heads and bodies scanned by Hyperscan for patterns that begin with literals */
    PRIMITIVE_COPY,    /* a packet of 1,448 bytes copied within the cache; for comparison */
    PRIMITIVE_COUNT
};

/* Best of several rounds, in nanoseconds. `flow_bytes` is the size of the table that look-ups wander over. */
MUST_USE int primitive_measure(const struct traffic_settings *settings, uint64_t flow_bytes,
                               double ns_out[PRIMITIVE_COUNT]);

const char *primitive_name(enum primitive primitive);
const char *primitive_help(enum primitive primitive);
