/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Benchmark of the event queue: a finding as the rules make them, encoded and committed, and published once a burst;
 * the consumer's side decodes and releases. One core does both in turn, so what is told is work, without the wait for a
 * cache line from another core.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/clock.h"
#include "event/queue.h"

#define ROUNDS 20000u
#define BURST  64u /* findings between two publications: more than any burst of packets makes */

static struct finding finding_of(const struct call *call)
{
    static const char digest[] = "336fc374fc874539872f32b38349561c8a3ce74b5f7e24dc25c4f18b3f315e16";
    const struct finding_evidence evidence[] = {
        {SPAN_LITERAL("detector"), SPAN_LITERAL("D01")},
        {SPAN_LITERAL("type"), SPAN_LITERAL("Visa")},
        {SPAN_LITERAL("class"), SPAN_LITERAL("PCI-CHD")},
        {SPAN_LITERAL("place"), SPAN_LITERAL("body")},
        {SPAN_LITERAL("name"), SPAN_LITERAL("/items/2/cardNumber")},
        {SPAN_LITERAL("mask"), SPAN_LITERAL("453201******1234")},
    };
    struct finding finding = {
        .call = call,
        .time_ns = 1,
        .rule = SPAN_LITERAL("DAT-003"),
        .title = SPAN_LITERAL("Full card number in a response"),
        .verdict = VERDICT_FAIL,
        .severity = SEVERITY_HIGH,
        .epoch = 1,
        .rules_digest = span_from_text(digest),
        .registry_digest = span_from_text(digest),
        .evidence_count = ARRAY_COUNT(evidence),
        .requirement_count = 2,
        .requirements = {SPAN_LITERAL("P3.4.1"), SPAN_LITERAL("API3")},
    };
    memcpy(finding.evidence, evidence, sizeof(evidence));
    return finding;
}

static uint64_t drain(struct ring_consumer *consumer, struct record *record)
{
    uint64_t count = 0;
    struct span bytes;
    while (ring_next(consumer, &bytes) == RING_RECORD) {
        require(record_decode(bytes.data, bytes.size, record) == 0);
        count++;
    }
    ring_release(consumer, consumer->position);
    return count;
}

int main(void)
{
    struct queue *queue;
    struct queue_options options = {.worker_count = 1, .ring_bytes = QUEUE_RING_BYTES, .version = "perf"};
    if (queue_create_private(&options, &queue) < 0)
        return EXIT_FAILURE;
    static struct record record;
    struct ring_consumer consumer;
    queue_consumer(queue, 0, &consumer);
    struct ring_producer *producer = queue_producer(queue, 0);
    struct call call = {.protocol = CALL_HTTP1,
                        .host = SPAN_LITERAL("api.shop.example"),
                        .method = SPAN_LITERAL("GET"),
                        .path = SPAN_LITERAL("/v1/orders/123456?expand=items"),
                        .operation = SPAN_LITERAL("shop.yaml#GET /orders/{orderId}"),
                        .status = 200};
    struct finding finding = finding_of(&call);
    uint64_t put_ns = 0, publish_ns = 0, drain_ns = 0, told = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t begin_ns = clock_now_ns();
        for (uint32_t i = 0; i < BURST; i++)
            require(ring_put_finding(producer, &finding));
        uint64_t put_at_ns = clock_now_ns();
        ring_publish(producer);
        uint64_t published_at_ns = clock_now_ns();
        told += drain(&consumer, &record);
        put_ns += put_at_ns - begin_ns;
        publish_ns += published_at_ns - put_at_ns;
        drain_ns += clock_now_ns() - published_at_ns;
    }
    const double count = (double)ROUNDS * BURST;
    printf("{\"put_ns\":%.1f,\"publish_ns\":%.2f,\"decode_ns\":%.1f,\"findings\":%" PRIu64 "}\n",
           (double)put_ns / count, (double)publish_ns / count, (double)drain_ns / count, told);
    queue_free(queue);
    return told == (uint64_t)count ? EXIT_SUCCESS : EXIT_FAILURE;
}
