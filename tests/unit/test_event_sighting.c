/* SPDX-License-Identifier: Apache-2.0 */

/* event: sightings in a ring. What is put is read, its finding too; what has no room is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/queue.h"
#include "event/sighting.h"

static const struct call call = {.time_ns = 5, .end_ns = 7, .status = 200, .host = {(const uint8_t *)"api", 3}};
static const struct finding finding = {.call = &call,
                                       .time_ns = 7,
                                       .rule = {(const uint8_t *)"AUT-009", 7},
                                       .verdict = VERDICT_FAIL,
                                       .severity = SEVERITY_MEDIUM,
                                       .epoch = 3,
                                       .evidence_count = 1,
                                       .evidence = {{{(const uint8_t *)"digest", 6}, {(const uint8_t *)"00ff", 4}}}};

static struct queue *queue_make(void)
{
    struct queue *queue;
    struct queue_options options = {.worker_count = 1, .ring_bytes = QUEUE_RING_BYTES_MIN};
    assert_int_equal(queue_create_private(&options, &queue), 0);
    return queue;
}

static void what_is_put_is_read(void **state)
{
    (void)state;
    struct queue *queue = queue_make();
    struct ring_consumer consumer;
    queue_consumer(queue, 0, &consumer);
    struct sighting put = {
        .key = {1, 2}, .time_ns = 7, .window_ns = 8, .detail = 9, .limit = 4, .kind = SIGHTING_OBJECT};
    assert_true(ring_put_sighting(queue_producer(queue, 0), &put, &finding));
    struct span record;
    assert_int_equal(ring_next(&consumer, &record), RING_EMPTY);
    ring_publish(queue_producer(queue, 0));
    assert_int_equal(ring_next(&consumer, &record), RING_RECORD);
    struct sighting got;
    sighting_read(record, &got);
    assert_memory_equal(&got, &put, sizeof(put));
    struct record read;
    sighting_finding_read(record, &read);
    assert_true(span_equal(read.finding.rule, finding.rule));
    assert_int_equal(read.finding.epoch, 3);
    assert_int_equal(read.finding.time_ns, 7);
    assert_int_equal(read.finding.call->end_ns, 7);
    assert_true(span_equal(read.finding.evidence[0].value, finding.evidence[0].value));
    queue_free(queue);
}

static void what_has_no_room_is_refused(void **state)
{
    (void)state;
    struct queue *queue = queue_make();
    struct sighting put = {.key = {1, 2}};
    uint32_t count = 0;
    while (ring_put_sighting(queue_producer(queue, 0), &put, &finding))
        count++;
    assert_in_range(count, QUEUE_RING_BYTES_MIN / 1024, QUEUE_RING_BYTES_MIN / 128);
    assert_int_equal(ring_dropped(queue_ring_shared(queue, 0)), 1);
    queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_read),
        cmocka_unit_test(what_has_no_room_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
