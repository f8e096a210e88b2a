/* SPDX-License-Identifier: Apache-2.0 */

/* event: named segments. Taking over, refusing a second producer, other layouts, garbage, reload tickets. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/queue.h"

static char name[QUEUE_NAME_MAX];
static struct queue_options options = {
    .name = name, .worker_count = 2, .ring_bytes = QUEUE_RING_BYTES_MIN, .version = "t"};

static void remove_all(void)
{
    char aside[QUEUE_NAME_MAX];
    (void)!queue_unlink(name);
    while (queue_find_aside(name, aside) == 0)
        assert_int_equal(queue_unlink(aside), 0);
}

static int setup(void **state)
{
    (void)state;
    snprintf(name, sizeof(name), "assay-test-%d", (int)getpid());
    remove_all();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_all();
    return 0;
}

static void put(struct queue *queue, uint32_t ring, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_true(ring_put_heartbeat(queue_producer(queue, ring), &(struct heartbeat){.packets = i}));
    ring_publish(queue_producer(queue, ring));
}

static uint64_t read_all(struct queue *queue, uint32_t ring, uint64_t sequence)
{
    struct ring_consumer consumer;
    struct span bytes;
    struct record record;
    queue_consumer(queue, ring, &consumer);
    while (ring_next(&consumer, &bytes) == RING_RECORD) {
        assert_int_equal(record_decode(bytes.data, bytes.size, &record), 0);
        assert_int_equal(record.header.sequence, ++sequence);
        assert_int_equal(record.header.ring, ring);
    }
    ring_release(&consumer, consumer.position);
    return sequence;
}

static void a_dead_producers_segment_is_taken_over(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct queue *queue;
        if (queue_create(&options, NULL, &queue))
            _exit(1);
        for (uint32_t i = 0; i < 100; i++)
            (void)ring_put_heartbeat(queue_producer(queue, 1), &(struct heartbeat){.packets = i});
        ring_publish(queue_producer(queue, 1));
        (void)ring_put_heartbeat(queue_producer(queue, 1), &(struct heartbeat){.packets = 100});
        (void)control_reload_request(queue_control_status(queue), 1, 2);
        _exit(0); /* as a kill does: nothing is closed in order */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct queue *reader, *queue;
    assert_int_equal(queue_attach(name, QUEUE_CONSUME, NULL, &reader), 0);
    assert_false(queue_has_producer(reader));
    assert_int_equal(queue_create(&options, NULL, &queue), 0);
    assert_true(queue_was_taken_over(queue));
    assert_true(queue_has_producer(reader));
    assert_true(queue_is_current(reader, name));
    assert_true(queue_instance(queue) == queue_instance(reader));
    assert_int_equal(queue_control_status(queue)->starts, 2);
    char text[CONTROL_TEXT_SIZE];
    int result;
    assert_true(control_reload_result(queue_control_status(reader), 1, &result, text));
    assert_int_equal(result, -ECANCELED);
    put(queue, 1, 7);
    assert_int_equal(read_all(reader, 1, 0), 107);
    put(queue, 1, 5);
    assert_int_equal(read_all(reader, 1, 107), 112);
    queue_free(queue);
    queue_free(reader);
}

static void a_second_live_producer_is_refused_by_pid(void **state)
{
    (void)state;
    struct queue *first, *second;
    struct diagnostics diagnostics;
    char expected[64];
    diagnostics_init(&diagnostics);
    assert_int_equal(queue_create(&options, &diagnostics, &first), 0);
    assert_int_equal(queue_create(&options, &diagnostics, &second), -EBUSY);
    assert_null(second);
    snprintf(expected, sizeof(expected), "process %d", (int)getpid());
    assert_int_equal(diagnostics.errors, 1);
    assert_non_null(strstr(diagnostics.entries[0].message, expected));
    struct queue *reader, *other;
    assert_int_equal(queue_attach(name, QUEUE_CONSUME, NULL, &reader), 0);
    assert_int_equal(queue_attach(name, QUEUE_CONSUME, NULL, &other), -EBUSY);
    assert_int_equal(queue_attach(name, QUEUE_OBSERVE, NULL, &other), 0);
    queue_free(other);
    queue_free(reader);
    queue_free(first);
    assert_int_equal(queue_create(&options, &diagnostics, &first), 0);
    queue_free(first);
    diagnostics_deinit(&diagnostics);
}

static void a_segment_of_another_size_is_set_aside_with_its_records(void **state)
{
    (void)state;
    struct queue *old, *queue, *reader;
    char aside[QUEUE_NAME_MAX];
    assert_int_equal(queue_create(&options, NULL, &old), 0);
    put(old, 0, 33);
    uint64_t instance = queue_instance(old);
    queue_free(old);
    assert_int_equal(queue_find_aside(name, aside), -ENOENT);
    struct queue_options other = options;
    other.ring_bytes *= 2;
    assert_int_equal(queue_create(&other, NULL, &queue), 0);
    assert_false(queue_was_taken_over(queue));
    assert_true(queue_instance(queue) != instance);
    assert_int_equal(queue_find_aside(name, aside), 0);
    assert_int_equal(queue_attach(aside, QUEUE_CONSUME, NULL, &reader), 0);
    assert_true(queue_instance(reader) == instance);
    assert_false(queue_is_current(reader, name));
    assert_int_equal(read_all(reader, 0, 0), 33);
    queue_free(reader);
    queue_free(queue);
}

/* As left by a build that knows other kinds of records: the rings are drained, the blocks are not touched. */
static void a_segment_of_another_layout_is_set_aside_and_drained(void **state)
{
    (void)state;
    struct queue *queue, *reader;
    char path[256], aside[QUEUE_NAME_MAX];
    uint32_t layout = RECORD_LAYOUT + 1;
    assert_int_equal(queue_create(&options, NULL, &queue), 0);
    put(queue, 2, 3);
    queue_free(queue);
    snprintf(path, sizeof(path), "/dev/shm/%s", name);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, &layout, sizeof(layout), offsetof(struct segment_head, layout)), sizeof(layout));
    close(fd);
    assert_int_equal(queue_create(&options, NULL, &queue), 0);
    assert_false(queue_was_taken_over(queue));
    assert_int_equal(queue_find_aside(name, aside), 0);
    assert_int_equal(queue_attach(aside, QUEUE_OBSERVE, NULL, &reader), -EPROTO);
    assert_int_equal(queue_attach(aside, QUEUE_CONSUME, NULL, &reader), 0);
    queue_reporter_status(reader)->records = 1;
    assert_int_equal(read_all(reader, 2, 0), 3);
    queue_free(reader);
    queue_free(queue);
}

static void write_file(const void *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof(path), "/dev/shm/%s", name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

static void garbage_is_set_aside_and_unfinished_ones_are_replaced(void **state)
{
    (void)state;
    struct queue *queue, *reader;
    char aside[QUEUE_NAME_MAX], moved[QUEUE_NAME_MAX];
    static uint8_t bytes[300000];
    memset(bytes, 0x5a, sizeof(bytes));
    write_file(bytes, sizeof(bytes));
    assert_int_equal(queue_attach(name, QUEUE_CONSUME, NULL, &reader), -EPROTO);
    assert_int_equal(queue_create(&options, NULL, &queue), 0);
    queue_free(queue);
    assert_int_equal(queue_find_aside(name, aside), 0);
    assert_int_equal(queue_attach(aside, QUEUE_CONSUME, NULL, &reader), -EPROTO);
    assert_int_equal(queue_set_unreadable(aside, moved), 0);
    assert_int_equal(queue_find_aside(name, aside), -ENOENT);
    assert_int_equal(queue_unlink(moved), 0);

    memset(bytes, 0, sizeof(bytes)); /* its maker died before the magic */
    write_file(bytes, sizeof(bytes));
    assert_int_equal(queue_attach(name, QUEUE_CONSUME, NULL, &reader), -EAGAIN);
    assert_int_equal(queue_create(&options, NULL, &queue), 0);
    queue_free(queue);
    assert_int_equal(queue_find_aside(name, aside), -ENOENT);

    write_file("\0ASSAYQ1", 8); /* a head cut off behind the magic */
    assert_int_equal(queue_attach(name, QUEUE_CONSUME, NULL, &reader), -EPROTO);
    assert_int_equal(queue_create(&options, NULL, &queue), 0);
    put(queue, 0, 1);
    queue_free(queue);
}

/* Each 32-bit word of the head in turn becomes an odd number: attaching may fail, never crash or map too little. */
static void a_damaged_head_is_refused_or_harmless(void **state)
{
    (void)state;
    static const uint32_t values[] = {0, 1, 0x7fffffff, 0xffffffff, 0x00100000};
    struct queue *queue, *reader;
    uint8_t good[sizeof(struct segment_head)];
    char path[256];
    assert_int_equal(queue_create(&options, NULL, &queue), 0);
    put(queue, 0, 2);
    queue_free(queue);
    snprintf(path, sizeof(path), "/dev/shm/%s", name);
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, good, sizeof(good), 0), sizeof(good));
    for (size_t at = 0; at < sizeof(good); at += 4) {
        for (size_t v = 0; v < ARRAY_COUNT(values); v++) {
            assert_int_equal(pwrite(fd, good, sizeof(good), 0), sizeof(good));
            assert_int_equal(pwrite(fd, &values[v], 4, (off_t)at), 4);
            if (queue_attach(name, QUEUE_CONSUME, NULL, &reader))
                continue;
            for (uint32_t ring = 0; ring < queue_ring_count(reader); ring++) {
                struct ring_consumer consumer;
                struct span record;
                queue_consumer(reader, ring, &consumer);
                for (int i = 0; i < 10 && ring_next(&consumer, &record) != RING_EMPTY; i++)
                    ;
            }
            queue_free(reader);
        }
    }
    close(fd);
}

static void reload_tickets_are_answered_in_order(void **state)
{
    (void)state;
    struct queue *queue, *asker;
    char text[CONTROL_TEXT_SIZE];
    int status;
    assert_int_equal(queue_create(&options, NULL, &queue), 0);
    assert_int_equal(queue_attach(name, QUEUE_CONTROL, NULL, &asker), 0);
    struct control_status *ours = queue_control_status(queue), *theirs = queue_control_status(asker);
    assert_int_equal(control_reload_pending(ours), 0);
    uint64_t first = control_reload_request(theirs, 10, 20);
    uint64_t second = control_reload_request(theirs, 11, 21);
    assert_false(control_reload_result(theirs, first, &status, text));
    assert_int_equal(control_reload_pending(ours), second);
    control_reload_finish(ours, second, -EINVAL, "rules.yaml:3:1: no such check");
    assert_int_equal(control_reload_pending(ours), 0);
    assert_true(control_reload_result(theirs, first, &status, text));
    assert_true(control_reload_result(theirs, second, &status, text));
    assert_int_equal(status, -EINVAL);
    assert_string_equal(text, "rules.yaml:3:1: no such check");
    queue_free(asker);
    queue_free(queue);
}

static void impossible_options_are_refused(void **state)
{
    (void)state;
    struct queue *queue;
    static const char *const names[] = {NULL, "", ".", "a/b", "../x"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct queue_options bad = options;
        bad.name = names[i];
        assert_int_equal(queue_create(&bad, NULL, &queue), -EINVAL);
    }
    struct queue_options bad = options;
    bad.ring_bytes = QUEUE_RING_BYTES_MIN + 8;
    assert_int_equal(queue_create(&bad, NULL, &queue), -EINVAL);
    bad = options;
    bad.worker_count = 0;
    assert_int_equal(queue_create(&bad, NULL, &queue), -EINVAL);
    bad.worker_count = QUEUE_WORKERS_MAX + 1;
    assert_int_equal(queue_create_private(&bad, &queue), -EINVAL);
    assert_int_equal(queue_attach(name, QUEUE_CONSUME, NULL, &queue), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_dead_producers_segment_is_taken_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_live_producer_is_refused_by_pid, setup, teardown),
        cmocka_unit_test_setup_teardown(a_segment_of_another_size_is_set_aside_with_its_records, setup, teardown),
        cmocka_unit_test_setup_teardown(a_segment_of_another_layout_is_set_aside_and_drained, setup, teardown),
        cmocka_unit_test_setup_teardown(garbage_is_set_aside_and_unfinished_ones_are_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_head_is_refused_or_harmless, setup, teardown),
        cmocka_unit_test_setup_teardown(reload_tickets_are_answered_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(impossible_options_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
