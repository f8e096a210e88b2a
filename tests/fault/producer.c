/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A worker that only publishes: for tests that kill it, its reporter, or both.
 *
 *     producer NAME WORKERS RING_BYTES RATE SECONDS [size]
 *
 * Emits RATE findings a second (0: as many as it can) in bursts of 16, spread over its rings, until SIGTERM or the end,
 * then prints "ring written dropped" for each ring. Each finding names its ring and the count of attempts in its path.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "event/queue.h"

#define BURST 16u

static volatile sig_atomic_t stopping;

static void stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct call sample_call(void)
{
    struct call call = {.time_ns = 1, .protocol = CALL_HTTP1, .status = 200};
    call.host = SPAN_LITERAL("api.example");
    call.method = SPAN_LITERAL("GET");
    call.endpoints.ip_version = 4;
    return call;
}

static void burst(struct queue *queue, uint64_t first, uint32_t padding)
{
    static char path[RECORD_PATH_MAX];
    struct call call = sample_call();
    struct finding finding = {.call = &call, .verdict = VERDICT_FAIL, .severity = SEVERITY_HIGH};
    finding.rule = SPAN_LITERAL("HDR-001");
    finding.title = SPAN_LITERAL("No request id");
    uint32_t rings = queue_ring_count(queue);
    for (uint64_t i = first; i < first + BURST; i++) {
        int size = snprintf(path, sizeof(path), "/%llu/%0*d", (unsigned long long)i, (int)padding, 0);
        call.path = span_of(path, (size_t)size);
        finding.time_ns = i;
        (void)ring_put_finding(queue_producer(queue, (uint32_t)(i % rings)), &finding);
    }
    for (uint32_t ring = 0; ring < rings; ring++)
        ring_publish(queue_producer(queue, ring));
}

static void run(struct queue *queue, double rate, double seconds, uint32_t padding)
{
    double start = seconds_now();
    uint64_t sent = 0;
    while (!stopping && seconds_now() - start < seconds) {
        if (rate > 0 && (double)sent > rate * (seconds_now() - start)) {
            struct timespec pause = {.tv_nsec = 200000};
            nanosleep(&pause, NULL);
            continue;
        }
        burst(queue, sent, padding);
        sent += BURST;
    }
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "usage: producer NAME WORKERS RING_BYTES RATE SECONDS [SIZE]\n");
        return 2;
    }
    struct queue_options options = {.name = argv[1],
                                    .worker_count = (uint32_t)strtoul(argv[2], NULL, 10),
                                    .ring_bytes = (uint32_t)strtoul(argv[3], NULL, 10),
                                    .version = "test"};
    struct diagnostics diagnostics;
    struct queue *queue;
    diagnostics_init(&diagnostics);
    int status = queue_create(&options, &diagnostics, &queue);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    if (status)
        return 1;
    signal(SIGTERM, stop);
    run(queue, strtod(argv[4], NULL), strtod(argv[5], NULL), argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 10) : 100);
    for (uint32_t ring = 0; ring < queue_ring_count(queue); ring++) {
        const struct ring_shared *shared = queue_ring_shared(queue, ring);
        printf("%u %llu %llu\n", ring, (unsigned long long)shared->counters.written[RECORD_FINDING],
               (unsigned long long)shared->counters.dropped[RECORD_FINDING]);
    }
    queue_free(queue);
    return 0;
}
