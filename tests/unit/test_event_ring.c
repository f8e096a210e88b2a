/* SPDX-License-Identifier: Apache-2.0 */

/* event: the ring. Wrapping, losses counted exactly, ranks, deaths of the producer, hostile heads, two threads. */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/queue.h"

#define HEADER          ((uint32_t)sizeof(struct record_header))
#define THREAD_RECORDS  2000000u /* a second or two, and under ThreadSanitizer still below the time limit */
#define THREAD_SIZE_MAX 700u

static struct queue *new_queue(void)
{
    struct queue *queue;
    struct queue_options options = {.worker_count = 1, .ring_bytes = QUEUE_RING_BYTES_MIN};
    assert_int_equal(queue_create_private(&options, &queue), 0);
    return queue;
}

/* A record of any size whose bytes follow from its sequence. */
static bool put(struct ring_producer *producer, enum record_kind kind, enum severity severity, uint32_t size)
{
    uint8_t *space = ring_begin(producer, kind, severity, size);
    if (!space)
        return false;
    struct record_header header = {.size = size, .kind = (uint16_t)kind, .layout = RECORD_LAYOUT};
    memcpy(space, &header, HEADER);
    memset(space + HEADER, (int)((producer->sequence + 1) & 0xff), size - HEADER);
    ring_commit(producer, size);
    return true;
}

static void check(struct span record, uint64_t sequence, uint32_t size)
{
    struct record_header header;
    memcpy(&header, record.data, HEADER);
    assert_int_equal(header.sequence, sequence);
    assert_int_equal(header.size, size);
    assert_int_equal(record.size, size);
    if (size > HEADER) {
        assert_int_equal(record.data[HEADER], sequence & 0xff);
        assert_int_equal(record.data[size - 1], sequence & 0xff);
    }
}

static void nothing_shows_before_it_is_published(void **state)
{
    (void)state;
    struct queue *queue = new_queue();
    struct ring_producer *producer = queue_producer(queue, 0);
    struct ring_consumer consumer;
    struct span record;
    queue_consumer(queue, 0, &consumer);
    assert_true(put(producer, RECORD_FINDING, SEVERITY_LOW, 100));
    assert_non_null(ring_begin(producer, RECORD_FINDING, SEVERITY_LOW, 50));
    assert_int_equal(ring_next(&consumer, &record), RING_EMPTY);
    ring_publish(producer);
    assert_int_equal(ring_next(&consumer, &record), RING_RECORD);
    check(record, 1, 100);
    assert_int_equal(ring_next(&consumer, &record), RING_EMPTY);
    queue_free(queue);
}

/* Sizes of all kinds, in an order that makes every offset meet every size at the end of the area sooner or later. */
static void records_of_every_size_wrap_around(void **state)
{
    (void)state;
    struct queue *queue = new_queue();
    struct ring_producer *producer = queue_producer(queue, 1);
    struct ring_consumer consumer;
    struct span record;
    queue_consumer(queue, 1, &consumer);
    uint64_t sequence = 0;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t size = HEADER; size <= RECORD_SIZE_MAX; size += size < 4096 ? 1 : 97 + round) {
            assert_true(put(producer, RECORD_FINDING, SEVERITY_CRITICAL, size));
            ring_publish(producer);
            assert_int_equal(ring_next(&consumer, &record), RING_RECORD);
            check(record, ++sequence, size);
            assert_int_equal(ring_next(&consumer, &record), RING_EMPTY);
            ring_release(&consumer, consumer.position);
        }
    }
    assert_true(consumer.position > 20ull * QUEUE_RING_BYTES_MIN);
    queue_free(queue);
}

static void losses_are_counted_by_kind_and_severity(void **state)
{
    (void)state;
    struct queue *queue = new_queue();
    struct ring_producer *producer = queue_producer(queue, 0);
    const struct ring_shared *shared = queue_ring_shared(queue, 0);
    uint32_t taken[3] = {0}, refused[3] = {0};
    static const enum record_kind kinds[3] = {RECORD_TRANSACTION, RECORD_ROLLUP, RECORD_FINDING};
    for (uint32_t i = 0; i < 9000; i++) {
        bool done = put(producer, kinds[i % 3], SEVERITY_MEDIUM, 256);
        taken[i % 3] += done;
        refused[i % 3] += !done;
    }
    uint64_t all = 0;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(shared->counters.written[kinds[i]], taken[i]);
        assert_int_equal(shared->counters.dropped[kinds[i]], refused[i]);
        all += refused[i];
    }
    assert_int_equal(shared->counters.dropped_findings[SEVERITY_MEDIUM], refused[2]);
    assert_int_equal(ring_dropped(shared), all);
    assert_true(refused[0] > refused[1] && refused[1] > refused[2] && refused[2] > 0);
    /* Refused ones take no sequence number. */
    ring_publish(producer);
    struct ring_consumer consumer;
    struct span record;
    queue_consumer(queue, 0, &consumer);
    for (uint64_t sequence = 1; sequence <= taken[0] + taken[1] + taken[2]; sequence++) {
        assert_int_equal(ring_next(&consumer, &record), RING_RECORD);
        check(record, sequence, 256);
    }
    assert_int_equal(ring_next(&consumer, &record), RING_EMPTY);
    queue_free(queue);
}

static void the_least_valuable_is_refused_first(void **state)
{
    (void)state;
    struct queue *queue = new_queue();
    struct ring_producer *producer = queue_producer(queue, 0);
    static const struct {
        enum record_kind kind;
        enum severity severity;
    } order[] = {{RECORD_TRANSACTION, SEVERITY_INFO}, {RECORD_ROLLUP, SEVERITY_INFO},
                 {RECORD_FINDING, SEVERITY_INFO},     {RECORD_FINDING, SEVERITY_LOW},
                 {RECORD_FINDING, SEVERITY_MEDIUM},   {RECORD_FINDING, SEVERITY_HIGH},
                 {RECORD_FINDING, SEVERITY_CRITICAL}, {RECORD_LEDGER, SEVERITY_INFO}};
    for (size_t rank = 0; rank < ARRAY_COUNT(order); rank++) {
        uint32_t taken = 0;
        while (put(producer, order[rank].kind, order[rank].severity, 64))
            taken++;
        assert_true(taken > 0);
        for (size_t lower = 0; lower < rank; lower++)
            assert_false(put(producer, order[lower].kind, order[lower].severity, 64));
    }
    queue_free(queue);
}

static void space_comes_back_with_the_release_only(void **state)
{
    (void)state;
    struct queue *queue = new_queue();
    struct ring_producer *producer = queue_producer(queue, 0);
    struct ring_consumer consumer;
    struct span record;
    queue_consumer(queue, 0, &consumer);
    while (put(producer, RECORD_LEDGER, SEVERITY_INFO, 1024))
        ring_publish(producer);
    while (ring_next(&consumer, &record) == RING_RECORD)
        ;
    assert_false(put(producer, RECORD_LEDGER, SEVERITY_INFO, 1024));
    struct ring_consumer again;
    queue_consumer(queue, 0, &again);
    assert_int_equal(ring_next(&again, &record), RING_RECORD);
    check(record, 1, 1024);
    ring_release(&consumer, consumer.position);
    assert_true(put(producer, RECORD_LEDGER, SEVERITY_INFO, 1024));
    queue_free(queue);
}

/* The producer dies with records written and not published, with the ring empty or not, any number of times. */
static void a_new_producer_goes_on_behind_the_last_published(void **state)
{
    (void)state;
    struct ring_shared *shared = aligned_alloc(CACHE_LINE, sizeof(*shared));
    memset(shared, 0, sizeof(*shared));
    uint8_t *data = calloc(1, QUEUE_RING_BYTES_MIN);
    struct ring_consumer consumer;
    struct span record;
    uint64_t expected = 0;
    ring_consumer_init(&consumer, shared, data, QUEUE_RING_BYTES_MIN);
    for (uint32_t life = 0; life < 500; life++) {
        struct ring_producer producer;
        assert_int_equal(ring_producer_init(&producer, shared, data, QUEUE_RING_BYTES_MIN, 0), 0);
        uint32_t published = life % 7, lost = life % 5;
        for (uint32_t i = 0; i < published; i++) {
            assert_true(put(&producer, RECORD_FINDING, SEVERITY_HIGH, 100 + life));
            ring_publish(&producer);
        }
        for (uint32_t i = 0; i < lost; i++)
            assert_true(put(&producer, RECORD_FINDING, SEVERITY_HIGH, 3000));
        for (uint32_t i = 0; i < published; i++) {
            assert_int_equal(ring_next(&consumer, &record), RING_RECORD);
            check(record, ++expected, 100 + life);
        }
        assert_int_equal(ring_next(&consumer, &record), RING_EMPTY);
        ring_release(&consumer, consumer.position);
    }
    /* Death between the slot and the head, the worst moment: the slot of the head still counts. */
    struct ring_producer producer;
    assert_int_equal(ring_producer_init(&producer, shared, data, QUEUE_RING_BYTES_MIN, 0), 0);
    shared->producer.slots[producer.slot] = (struct ring_slot){producer.position + 4096, expected + 9};
    assert_int_equal(ring_producer_init(&producer, shared, data, QUEUE_RING_BYTES_MIN, 0), 0);
    assert_int_equal(producer.sequence, expected);
    free(shared);
    free(data);
}

static void a_hostile_head_or_size_is_skipped(void **state)
{
    (void)state;
    static const uint64_t heads[] = {
        8, 24, 32, 4097, QUEUE_RING_BYTES_MIN, QUEUE_RING_BYTES_MIN + 8, UINT64_MAX, UINT64_MAX - 7};
    static const uint32_t sizes[] = {0, 1, 8, 31, 33, 4096, RECORD_SIZE_MAX + 1, UINT32_MAX, QUEUE_RING_BYTES_MIN};
    for (size_t h = 0; h < ARRAY_COUNT(heads); h++) {
        for (size_t s = 0; s < 2 * ARRAY_COUNT(sizes); s++) {
            struct queue *queue = new_queue();
            struct ring_producer *producer = queue_producer(queue, 0);
            struct ring_consumer consumer;
            struct span record;
            struct record_header header = {.size = sizes[s / 2], .kind = (uint16_t)(s % 2)};
            memcpy(producer->data, &header, sizeof(header));
            producer->shared->producer.head = heads[h];
            queue_consumer(queue, 0, &consumer);
            int steps = 0;
            while (ring_next(&consumer, &record) != RING_EMPTY && steps < 100) {
                if (record.data) {
                    assert_in_range((uintptr_t)record.data, (uintptr_t)producer->data,
                                    (uintptr_t)producer->data + QUEUE_RING_BYTES_MIN);
                    assert_in_range((uintptr_t)record.data + record.size, (uintptr_t)producer->data,
                                    (uintptr_t)producer->data + QUEUE_RING_BYTES_MIN);
                }
                steps++;
            }
            /* A filler as large as the ring, and the head behind it, is odd but in order: nothing to read. */
            bool filler_only = sizes[s / 2] == QUEUE_RING_BYTES_MIN && s % 2 == 0;
            assert_in_range(steps, filler_only ? 0 : 1, 99);
            queue_free(queue);
        }
    }
}

struct threads {
    struct queue *queue;
    uint64_t refused;
    uint64_t read;
    uint64_t errors;
    bool done;
};

static uint32_t thread_size(uint64_t sequence)
{
    return HEADER + (uint32_t)((sequence * 2654435761u >> 7) % (THREAD_SIZE_MAX - HEADER));
}

static void *produce(void *argument)
{
    struct threads *threads = argument;
    struct ring_producer *producer = queue_producer(threads->queue, 0);
    for (uint32_t sent = 0; sent < THREAD_RECORDS;) {
        if (put(producer, RECORD_FINDING, SEVERITY_HIGH, thread_size(producer->sequence + 1))) {
            sent++;
        } else {
            threads->refused++;
            ring_publish(producer);
            sched_yield();
        }
        if (sent % 16 == 0)
            ring_publish(producer);
    }
    ring_publish(producer);
    __atomic_store_n(&threads->done, true, __ATOMIC_RELEASE);
    return NULL;
}

static void *consume(void *argument)
{
    struct threads *threads = argument;
    struct ring_consumer consumer;
    struct span record;
    queue_consumer(threads->queue, 0, &consumer);
    for (;;) {
        bool done = __atomic_load_n(&threads->done, __ATOMIC_ACQUIRE);
        enum ring_step step = ring_next(&consumer, &record);
        if (step == RING_EMPTY) {
            ring_release(&consumer, consumer.position);
            if (done)
                return NULL;
            sched_yield();
            continue;
        }
        uint64_t sequence = ++threads->read;
        struct record_header header = {.size = 0};
        if (record.data)
            memcpy(&header, record.data, HEADER);
        bool good = step == RING_RECORD && header.sequence == sequence && header.size == thread_size(sequence);
        good = good && (record.size == HEADER || (record.data[HEADER] == (uint8_t)sequence &&
                                                  record.data[record.size - 1] == (uint8_t)sequence));
        threads->errors += !good;
        if (sequence % 64 == 0)
            ring_release(&consumer, consumer.position);
    }
}

static void two_threads_lose_and_repeat_nothing(void **state)
{
    (void)state;
    struct threads threads = {.queue = new_queue()};
    pthread_t producer, consumer;
    assert_int_equal(pthread_create(&consumer, NULL, consume, &threads), 0);
    assert_int_equal(pthread_create(&producer, NULL, produce, &threads), 0);
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    assert_int_equal(threads.errors, 0);
    assert_int_equal(threads.read, THREAD_RECORDS);
    assert_int_equal(ring_dropped(queue_ring_shared(threads.queue, 0)), threads.refused);
    queue_free(threads.queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_shows_before_it_is_published),
        cmocka_unit_test(records_of_every_size_wrap_around),
        cmocka_unit_test(losses_are_counted_by_kind_and_severity),
        cmocka_unit_test(the_least_valuable_is_refused_first),
        cmocka_unit_test(space_comes_back_with_the_release_only),
        cmocka_unit_test(a_new_producer_goes_on_behind_the_last_published),
        cmocka_unit_test(a_hostile_head_or_size_is_skipped),
        cmocka_unit_test(two_threads_lose_and_repeat_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
