/* SPDX-License-Identifier: Apache-2.0 */

/* Measurement. */

#include "bench/measure.h"

#include <stdlib.h>

#define BEST_ONE_IN 100u /* the very best slice may be one that had little to do */

/* Rates of slices, as they come. */
struct rates {
    double *packet_ns;
    uint32_t count;
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* `rates` NULL: not told. */
static void work(struct subject *subject, const struct feed *feed, struct measurement *sum, struct rates *rates)
{
    for (uint32_t first = 0; first < feed->count;) {
        uint32_t limit = min_u32(feed->count, first + MEASURE_SLICE_PACKETS);
        uint32_t packets = limit - first;
        uint64_t wall_ns = clock_now_ns(), busy_ns = clock_thread_ns(), ticks = clock_ticks();
        while (first < limit) {
            uint32_t count = min_u32(PACKET_BURST_MAX, limit - first);
            subject_burst(subject, feed->packets + first, count);
            first += count;
        }
        sum->ticks += clock_ticks() - ticks;
        busy_ns = clock_thread_ns() - busy_ns;
        sum->wall_ns += clock_now_ns() - wall_ns;
        sum->busy_ns += busy_ns;
        if (rates && rates->count < MEASURE_SLICES_MAX)
            rates->packet_ns[rates->count++] = (double)busy_ns / packets;
        subject_drain(subject);
    }
}

static void add(struct traffic_counts *sum, const struct traffic_counts *part)
{
    sum->packets += part->packets;
    sum->bytes += part->bytes;
    sum->payload_bytes += part->payload_bytes;
    sum->connections += part->connections;
    sum->transactions += part->transactions;
    sum->sensitive += part->sensitive;
    sum->shadow += part->shadow;
    sum->missing_header += part->missing_header;
}

static struct subject_counts difference(const struct subject_counts *now, const struct subject_counts *before)
{
    return (struct subject_counts){
        .transactions = now->transactions - before->transactions,
        .findings = now->findings - before->findings,
        .records = now->records - before->records,
        .record_bytes = now->record_bytes - before->record_bytes,
        .drain_ticks = now->drain_ticks - before->drain_ticks,
        .events_lost = now->events_lost - before->events_lost,
        .items = now->items - before->items,
    };
}

void measure_run(struct subject *subject, struct feed *feed, const struct measure_options *options,
                 struct measurement *measurement_out)
{
    struct measurement *result = measurement_out;
    struct measurement ignored = {0};
    *result = (struct measurement){0};
    for (uint64_t warmed = 0; warmed < options->warm_up_packets && feed_fill(feed); warmed += feed->count)
        work(subject, feed, &ignored, NULL);

    struct rates rates = {calloc(MEASURE_SLICES_MAX, sizeof(double)), 0};
    require(rates.packet_ns);
    struct subject_counts before = subject_counts(subject);
    while (result->traffic.packets < options->packets && feed_fill(feed)) {
        struct traffic_counts portion = feed_portion(feed);
        work(subject, feed, result, &rates);
        add(&result->traffic, &portion);
    }
    struct subject_counts after = subject_counts(subject);
    result->counts = difference(&after, &before);
    result->slices = rates.count;
    if (rates.count) {
        qsort(rates.packet_ns, rates.count, sizeof(double), compare);
        result->median_packet_ns = rates.packet_ns[rates.count / 2];
        result->best_packet_ns = rates.packet_ns[rates.count / BEST_ONE_IN];
    }
    free(rates.packet_ns);
}
