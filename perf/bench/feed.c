/* SPDX-License-Identifier: Apache-2.0 */

/* Feed: huge pages where the system gives them, as a packet driver's memory is. */

#include "bench/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PACKET_BYTES_MIN 256u /* mean size of the smallest mix of frames: handshakes and bare acknowledgements */

int feed_new(struct feed *feed, const struct traffic_settings *settings, size_t portion_bytes)
{
    *feed = (struct feed){.memory_size = portion_bytes};
    void *memory = mmap(NULL, portion_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    feed->memory = memory;
    (void)madvise(memory, portion_bytes, MADV_HUGEPAGE);
    feed->packets_max = (uint32_t)(portion_bytes / PACKET_BYTES_MIN);
    feed->packets = malloc(feed->packets_max * sizeof(*feed->packets));
    return feed->packets ? traffic_new(&feed->traffic, settings) : -ENOMEM;
}

void feed_free(struct feed *feed)
{
    traffic_free(feed->traffic);
    free(feed->packets);
    if (feed->memory)
        munmap(feed->memory, feed->memory_size);
    *feed = (struct feed){0};
}

bool feed_fill(struct feed *feed)
{
    feed->before = *traffic_counts(feed->traffic);
    feed->count = traffic_fill(feed->traffic, feed->memory, feed->memory_size, feed->packets, feed->packets_max);
    return feed->count > 0;
}

struct traffic_counts feed_portion(const struct feed *feed)
{
    const struct traffic_counts *now = traffic_counts(feed->traffic);
    const struct traffic_counts *before = &feed->before;
    return (struct traffic_counts){
        .packets = now->packets - before->packets,
        .bytes = now->bytes - before->bytes,
        .payload_bytes = now->payload_bytes - before->payload_bytes,
        .connections = now->connections - before->connections,
        .transactions = now->transactions - before->transactions,
        .sensitive = now->sensitive - before->sensitive,
        .shadow = now->shadow - before->shadow,
        .missing_header = now->missing_header - before->missing_header,
    };
}
