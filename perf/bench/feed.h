/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Feed
 *
 * Generated traffic in memory, one portion after the other. A portion is larger than the caches, so that frames come
 * from memory as they do from a network card that does not place them in the cache; smaller portions show the other
 * case. Filling is never part of what is measured.
 *
 * Memory:  mapped at feed_new(), touched.
 * Threads: one owner.
 */

#include "generate/traffic.h"

struct feed {
    struct traffic *traffic;
    uint8_t *memory;
    size_t memory_size;
    struct packet *packets;
    uint32_t packets_max;
    uint32_t count;               /* packets of the portion */
    struct traffic_counts before; /* of all earlier portions */
};

/* Returns 0, -EINVAL or -ENOMEM. feed_free() in either case. */
MUST_USE int feed_new(struct feed *feed, const struct traffic_settings *settings, size_t portion_bytes);
void feed_free(struct feed *feed);

/* The next portion. False at the end of the traffic. */
MUST_USE bool feed_fill(struct feed *feed);

/* What the current portion holds. */
struct traffic_counts feed_portion(const struct feed *feed);
