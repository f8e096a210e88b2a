/* SPDX-License-Identifier: Apache-2.0 */

/* reporter: checkpoints in torn files, recovery at every byte, rotation, rings that were not released. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/queue.h"
#include "reporter/journal.h"
#include "reporter/reporter.h"

#define DAY_NS UINT64_C(86400000000000)
/* 2026-11-20T00:00:00Z by `date -u -d 2026-11-20 +%s`. */
#define DAY_START_NS UINT64_C(1795132800000000000)

static char folder[64];
static char queue_name[64];
static char buffer[BATCH_BYTES];

static int remove_files(void)
{
    DIR *directory = opendir(folder);
    int count = 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
        count += entry->d_name[0] != '.' && unlinkat(dirfd(directory), entry->d_name, 0) == 0;
    closedir(directory);
    return count;
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/assay-reporter-XXXXXX");
    snprintf(queue_name, sizeof(queue_name), "assay-reporter-test-%d", (int)getpid());
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    (void)remove_files();
    (void)!queue_unlink(queue_name);
    return rmdir(folder);
}

static void add_line(struct batch *batch, const char *key)
{
    struct json_writer writer = batch_begin_line(batch);
    json_write_object_begin(&writer);
    json_write_key(&writer, key);
    json_write_unsigned(&writer, batch->size);
    json_write_object_end(&writer);
    batch_end_line(batch, &writer);
}

/* A file of `count` batches; ends[] are the offsets behind each checkpoint. */
static size_t build_file(char *file, uint32_t count, size_t *ends)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct batch batch = {.buffer = buffer};
        struct checkpoint checkpoint = {.queue = 0x1234, .ring_count = 3, .sequences = {i, i * 10, UINT64_MAX}};
        for (uint32_t line = 0; line <= i; line++)
            add_line(&batch, "x");
        checkpoint_write(&checkpoint, "a\"queue\":\"b", DAY_START_NS, size, &batch);
        memcpy(file + size, batch.buffer, batch.size);
        size += batch.size;
        ends[i] = size;
    }
    return size;
}

static void the_last_whole_checkpoint_is_found_at_every_cut(void **state)
{
    (void)state;
    static char file[8192];
    size_t ends[4];
    size_t size = build_file(file, 4, ends);
    for (size_t cut = 0; cut <= size; cut++) {
        struct checkpoint found;
        uint64_t end = 0;
        int expected = -1;
        for (int i = 0; i < 4; i++)
            expected = ends[i] <= cut ? i : expected;
        bool any = checkpoint_find(span_of(file, cut), &found, &end);
        assert_int_equal(any, expected >= 0);
        if (!any)
            continue;
        assert_int_equal(end, ends[expected]);
        assert_true(found.queue == 0x1234);
        assert_int_equal(found.ring_count, 3);
        assert_int_equal(found.sequences[1], expected * 10);
        assert_true(found.sequences[2] == UINT64_MAX);
    }
}

/* A power cut may leave a checkpoint on disk and not the lines before it. */
static void a_checkpoint_behind_damaged_lines_does_not_count(void **state)
{
    (void)state;
    static char file[8192];
    size_t ends[3];
    size_t size = build_file(file, 3, ends);
    for (size_t at = ends[1]; at < size; at++) {
        struct checkpoint found;
        uint64_t end;
        char kept = file[at];
        file[at] = '\0';
        assert_true(checkpoint_find(span_of(file, size), &found, &end));
        /* Sensor, time and the like of the checkpoint line itself may change without harm; lines may not. */
        if (end != ends[1])
            assert_true(memcmp(file + ends[1], "{\"x\":0}\n{\"x\":8}\n{\"x\":16}\n{\"type\":\"checkpoint\",", 44) == 0);
        file[at] = kept;
    }
}

static void write_batch(struct journal *journal, uint64_t time_ns, const char *key)
{
    struct batch batch = {.buffer = buffer};
    struct checkpoint checkpoint = {.queue = 7, .ring_count = 1};
    uint64_t start;
    add_line(&batch, key);
    assert_int_equal(journal_prepare(journal, time_ns, &start), 0);
    checkpoint_write(&checkpoint, "s", time_ns, start, &batch);
    assert_int_equal(journal_write(journal, batch.buffer, batch.size), 0);
}

static void files_follow_the_day_and_the_size(void **state)
{
    (void)state;
    struct journal journal;
    struct journal_recovery recovery;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    assert_int_equal(journal_open(&journal, folder, 300, &diagnostics, &recovery), 0);
    assert_false(recovery.found);
    write_batch(&journal, DAY_START_NS, "a");
    assert_string_equal(journal.name, "findings-2026-11-20.jsonl");
    write_batch(&journal, DAY_START_NS + DAY_NS - 1, "b");
    write_batch(&journal, DAY_START_NS + DAY_NS - 1, "c");
    assert_string_equal(journal.name, "findings-2026-11-20.1.jsonl");
    write_batch(&journal, DAY_START_NS + DAY_NS, "d");
    assert_string_equal(journal.name, "findings-2026-11-21.jsonl");
    write_batch(&journal, DAY_START_NS, "e"); /* the clock went back: the files do not */
    assert_string_equal(journal.name, "findings-2026-11-21.jsonl");
    struct journal other;
    assert_int_equal(journal_open(&other, folder, 300, &diagnostics, &recovery), -EWOULDBLOCK);
    journal_close(&journal);
    assert_int_equal(journal_open(&journal, folder, 300, &diagnostics, &recovery), 0);
    assert_string_equal(recovery.file, "findings-2026-11-21.jsonl");
    assert_int_equal(recovery.cut_bytes, 0);
    assert_true(recovery.checkpoint.queue == 7);
    write_batch(&journal, DAY_START_NS + DAY_NS, "f");
    assert_string_equal(journal.name, "findings-2026-11-21.1.jsonl");
    journal_close(&journal);
    diagnostics_deinit(&diagnostics);
    assert_int_equal(remove_files(), 4);
}

static void a_file_damaged_beyond_a_batch_is_left_alone(void **state)
{
    (void)state;
    struct journal journal;
    struct journal_recovery recovery;
    struct diagnostics diagnostics;
    char path[128];
    diagnostics_init(&diagnostics);
    snprintf(path, sizeof(path), "%s/findings-2026-11-20.jsonl", folder);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(ftruncate(fd, BATCH_BYTES + 1), 0);
    close(fd);
    assert_int_equal(journal_open(&journal, folder, 300, &diagnostics, &recovery), -EUCLEAN);
    assert_int_equal(diagnostics.errors, 1);
    diagnostics_deinit(&diagnostics);
}

static void drain_once(uint64_t rotate_bytes)
{
    struct reporter_options options = {.queue = queue_name,
                                       .folder = folder,
                                       .sensor = "s",
                                       .version = "v",
                                       .batch_ms = 1,
                                       .rotate_bytes = rotate_bytes,
                                       .once = true};
    struct diagnostics diagnostics;
    struct reporter *reporter;
    diagnostics_init(&diagnostics);
    assert_int_equal(reporter_new(&options, &diagnostics, &reporter), 0);
    assert_int_equal(reporter_run(reporter, &diagnostics), 0);
    reporter_free(reporter);
    diagnostics_deinit(&diagnostics);
}

static struct queue *new_queue(void)
{
    struct queue_options options = {.name = queue_name, .worker_count = 1, .ring_bytes = QUEUE_RING_BYTES_MIN};
    struct queue *queue;
    assert_int_equal(queue_create(&options, NULL, &queue), 0);
    return queue;
}

static void put(struct queue *queue, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_true(ring_put_heartbeat(queue_producer(queue, 0), &(struct heartbeat){.packets = i}));
    ring_publish(queue_producer(queue, 0));
}

/* Sequences of ring 0 in all files in the order of writing; counts each number. */
static void count_sequences(const char *name, uint32_t *counts, uint32_t counts_size)
{
    char path[512], *line = NULL;
    size_t capacity = 0;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (getline(&line, &capacity, file) > 0) {
        const char *at = strstr(line, "\"sequence\":");
        unsigned long sequence = at ? strtoul(at + 11, NULL, 10) : 0;
        assert_true(line[strlen(line) - 1] == '\n' && sequence < counts_size);
        counts[sequence] += at != NULL;
    }
    free(line);
    fclose(file);
}

static void assert_exactly_once(uint32_t last)
{
    uint32_t counts[1024] = {0};
    DIR *directory = opendir(folder);
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
        if (entry->d_name[0] != '.')
            count_sequences(entry->d_name, counts, ARRAY_COUNT(counts));
    closedir(directory);
    for (uint32_t i = 1; i < ARRAY_COUNT(counts); i++)
        assert_int_equal(counts[i], i <= last);
}

/* Killed between the sync and the release: the records are in the file and in the ring. */
static void records_in_file_and_ring_are_written_once(void **state)
{
    (void)state;
    struct queue *queue = new_queue();
    uint32_t last = 0;
    for (uint32_t round = 0; round < 20; round++) {
        uint64_t tail = queue_producer(queue, 0)->shared->consumer.tail;
        put(queue, 5);
        last += 5;
        drain_once(round < 10 ? 1000 : 1);
        assert_exactly_once(last);
        queue_producer(queue, 0)->shared->consumer.tail = tail;
        put(queue, round % 3);
        last += round % 3;
        drain_once(1000);
        assert_exactly_once(last);
    }
    queue_free(queue);
}

/* Killed inside a batch, at every byte of it: the ring was not released, the file has a part. */
static void an_interrupted_batch_is_written_again_whole(void **state)
{
    (void)state;
    struct queue *queue = new_queue();
    struct ring_shared *shared = queue_producer(queue, 0)->shared;
    char path[512] = "", name[256] = "";
    put(queue, 2);
    drain_once(REPORTER_ROTATE_BYTES);
    DIR *directory = opendir(folder);
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
        if (entry->d_name[0] != '.')
            snprintf(name, sizeof(name), "%s", entry->d_name);
    closedir(directory);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_RDWR);
    off_t before = lseek(fd, 0, SEEK_END);
    uint64_t tail = shared->consumer.tail;
    put(queue, 3);
    drain_once(REPORTER_ROTATE_BYTES);
    off_t after = lseek(fd, 0, SEEK_END);
    assert_true(after > before);
    for (off_t cut = before; cut < after; cut++) {
        shared->consumer.tail = tail;
        assert_int_equal(ftruncate(fd, cut), 0);
        drain_once(REPORTER_ROTATE_BYTES);
        assert_exactly_once(5);
    }
    /* More than the next batch will have: none of it may be left behind that. */
    static char rubbish[100000];
    memset(rubbish, 'x', sizeof(rubbish));
    shared->consumer.tail = tail;
    assert_int_equal(pwrite(fd, rubbish, sizeof(rubbish), before), sizeof(rubbish));
    drain_once(REPORTER_ROTATE_BYTES);
    assert_exactly_once(5);
    assert_true(lseek(fd, 0, SEEK_END) < before + (off_t)sizeof(rubbish));
    close(fd);
    queue_free(queue);
}

static void a_damaged_record_and_a_gap_are_told(void **state)
{
    (void)state;
    struct queue *queue = new_queue();
    struct ring_producer *producer = queue_producer(queue, 0);
    put(queue, 1);
    producer->sequence += 3; /* as if three records had been torn out */
    put(queue, 1);
    uint64_t middle = producer->position;
    put(queue, 2);
    memset(producer->data + middle, 0xff, 8); /* no size a record can have */
    put(queue, 1);
    drain_once(REPORTER_ROTATE_BYTES);
    uint32_t counts[1024] = {0};
    char text[8192] = "", name[64];
    time_t seconds = time(NULL);
    strftime(name, sizeof(name), "findings-%Y-%m-%d.jsonl", gmtime(&seconds));
    count_sequences(name, counts, ARRAY_COUNT(counts));
    assert_true(counts[1] == 1 && counts[2] == 0 && counts[5] == 1 && counts[6] == 0);
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    text[size] = '\0';
    fclose(file);
    assert_non_null(strstr(text, "\"ring\":0,\"first\":2,\"last\":4}"));
    assert_non_null(strstr(text, "{\"type\":\"corrupt\""));
    queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_whole_checkpoint_is_found_at_every_cut),
        cmocka_unit_test(a_checkpoint_behind_damaged_lines_does_not_count),
        cmocka_unit_test_setup_teardown(files_follow_the_day_and_the_size, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_damaged_beyond_a_batch_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(records_in_file_and_ring_are_written_once, setup, teardown),
        cmocka_unit_test_setup_teardown(an_interrupted_batch_is_written_again_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_record_and_a_gap_are_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
