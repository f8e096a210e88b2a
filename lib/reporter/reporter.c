/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reporter
 *
 * One loop: gather what is published into a batch, put the batch on disk, release the rings. Segments that were set
 * aside come before the one in use, oldest first, so records of one ring never overtake each other.
 *
 * A batch that cannot be written is kept as it is and written again, byte for byte, until the disk takes it: it is the
 * only copy of the lines of its own that are in it, and its checkpoint already names its place in the file.
 */

#include "reporter/reporter.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "reporter/source.h"

#define SENSOR_SIZE_MAX 128u       /* bytes of a sensor's name; it is in every line */
#define BUSY_BYTES      (1u << 18) /* a batch this large was worth its sync: go on at once */
#define RETRY_MS_MIN    100u       /* a full disk: soon, as space may come back at any moment ... */
#define RETRY_MS_MAX    2000u      /* ... but never a storm of failing writes */
#define LOOK_AROUND_NS                                                                                                 \
    UINT64_C(1000000000) /* how often names in /dev/shm are looked at: a restart is seen in a second */
#define STOP_DRAIN_NS UINT64_C(5000000000) /* a producer that never pauses cannot keep us from stopping */
#define ASIDES_MAX    16                   /* unreadable ones moved in one go; each takes a line of the batch */
#define NS_IN_MS      1000000u

struct reporter {
    struct reporter_options options;
    struct journal journal;
    struct journal_recovery recovery;
    struct checkpoint checkpoint; /* the last one on disk */
    struct source source;
    struct batch batch;
    uint64_t start_ns;
    uint64_t last_line_ns; /* when something was last written */
    uint64_t last_look_ns;
    uint64_t records, bytes, batches;
    bool recovery_told;
    bool stalled;
    volatile sig_atomic_t stopping;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void pause_ms(uint32_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * (long)NS_IN_MS};
    (void)nanosleep(&time, NULL); /* a signal ends it early, as it should */
}

static void notice(const struct reporter *reporter, const char *text)
{
    if (reporter->options.notice)
        reporter->options.notice(reporter->options.context, text);
}

static void tell_state(struct reporter *reporter, enum reporter_state state, int error)
{
    if (!reporter->source.queue)
        return;
    struct reporter_status *status = queue_reporter_status(reporter->source.queue);
    __atomic_store_n(&status->pid, (uint64_t)getpid(), __ATOMIC_RELAXED);
    __atomic_store_n(&status->start_ns, reporter->start_ns, __ATOMIC_RELAXED);
    __atomic_store_n(&status->heartbeat_ns, now_ns(CLOCK_REALTIME), __ATOMIC_RELAXED);
    __atomic_store_n(&status->state, state, __ATOMIC_RELAXED);
    __atomic_store_n(&status->stall_errno, (uint64_t)-error, __ATOMIC_RELAXED);
    __atomic_store_n(&status->records, reporter->records, __ATOMIC_RELAXED);
    __atomic_store_n(&status->bytes, reporter->bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&status->batches, reporter->batches, __ATOMIC_RELAXED);
    __atomic_store_n(&status->corrupt_bytes, reporter->source.corrupt_bytes, __ATOMIC_RELAXED);
}

static void tell_file(struct reporter *reporter, uint64_t sync_ns)
{
    struct reporter_status *status = queue_reporter_status(reporter->source.queue);
    __atomic_store_n(&status->sync_ns, sync_ns, __ATOMIC_RELAXED);
    segment_write_begin(&status->text_version);
    segment_text_store(status->file, sizeof(status->file), reporter->journal.name);
    segment_write_end(&status->text_version);
}

/* One attempt. The batch is sealed at the first one that gets so far; `sealed` is kept by the caller. */
static int try_write(struct reporter *reporter, struct checkpoint *checkpoint, bool *sealed)
{
    if (!*sealed) {
        uint64_t start, time_ns = now_ns(CLOCK_REALTIME);
        int status = journal_prepare(&reporter->journal, time_ns, &start);
        if (status)
            return status;
        checkpoint_write(checkpoint, reporter->options.sensor, time_ns, start, &reporter->batch);
        *sealed = true;
    }
    return journal_write(&reporter->journal, reporter->batch.buffer, reporter->batch.size);
}

/* Once at each change of state, not at each attempt. */
static void set_stalled(struct reporter *reporter, int error)
{
    char text[256];
    bool stalled = error != 0;
    tell_state(reporter, stalled ? REPORTER_STALLED : REPORTER_RUNNING, error);
    if (stalled == reporter->stalled)
        return;
    reporter->stalled = stalled;
    if (stalled)
        snprintf(text, sizeof(text), "cannot write %s in %s: %s; nothing is lost until the queue is full",
                 reporter->journal.name, reporter->options.folder, strerror(-error));
    else
        snprintf(text, sizeof(text), "writing to %s again", reporter->options.folder);
    notice(reporter, text);
}

/* Returns 0 once the batch is on disk; -errno when it is not and we are to stop. */
static int commit(struct reporter *reporter)
{
    struct batch *batch = &reporter->batch;
    struct checkpoint checkpoint = reporter->checkpoint;
    bool sealed = false;
    uint32_t retry_ms = RETRY_MS_MIN;
    if (reporter->source.queue)
        source_checkpoint(&reporter->source, &checkpoint);
    for (;;) {
        uint64_t before_ns = now_ns(CLOCK_MONOTONIC);
        int status = try_write(reporter, &checkpoint, &sealed);
        set_stalled(reporter, status);
        if (!status) {
            reporter->checkpoint = checkpoint;
            reporter->records += batch->records;
            reporter->bytes += batch->size;
            reporter->batches++;
            reporter->last_line_ns = now_ns(CLOCK_MONOTONIC);
            batch->size = 0;
            batch->records = 0;
            if (reporter->source.queue) {
                source_release(&reporter->source);
                tell_file(reporter, reporter->last_line_ns - before_ns);
                tell_state(reporter, REPORTER_RUNNING, 0);
            }
            return 0;
        }
        if (reporter->stopping || reporter->options.once)
            return status;
        pause_ms(retry_ms);
        retry_ms = min_u32(2 * retry_ms, RETRY_MS_MAX);
    }
}

static struct line_context context_of(const struct reporter *reporter)
{
    return (struct line_context){.sensor = reporter->options.sensor,
                                 .time_ns = now_ns(CLOCK_REALTIME),
                                 .queue = reporter->source.queue ? queue_instance(reporter->source.queue) : 0};
}

/* A segment set aside that cannot be read is moved out of the way, and said to be; a human may look at it. */
static void give_up_aside(struct reporter *reporter, const char *name)
{
    char moved[QUEUE_NAME_MAX], text[512];
    if (queue_set_unreadable(name, moved))
        return;
    struct line_context context = context_of(reporter);
    line_unreadable_queue(&reporter->batch, &context, moved);
    snprintf(text, sizeof(text), "the event queue %s cannot be read by this version; it is kept as %s", name, moved);
    notice(reporter, text);
}

/* 0 when a segment is attached; -EPROTO and -EBUSY when there is one that is not for us. */
static int attach(struct reporter *reporter)
{
    char aside[QUEUE_NAME_MAX];
    for (int i = 0; i < ASIDES_MAX && queue_find_aside(reporter->options.queue, aside) == 0; i++) {
        int status = source_attach(&reporter->source, aside, &reporter->checkpoint);
        if (status != -EPROTO && status != -EAGAIN)
            return status;
        give_up_aside(reporter, aside);
    }
    int status = source_attach(&reporter->source, reporter->options.queue, &reporter->checkpoint);
    if (!status)
        tell_state(reporter, REPORTER_RUNNING, 0);
    return status;
}

/* A drained segment has no further use. One that was set aside while we had it open goes by its new name. */
static void remove_drained(struct reporter *reporter)
{
    char aside[QUEUE_NAME_MAX];
    if (queue_find_aside(reporter->options.queue, aside) == 0 && queue_is_current(reporter->source.queue, aside))
        (void)!queue_unlink(aside);
}

/* About once a second: has the segment been replaced, is there a new one? */
static int look_around(struct reporter *reporter)
{
    struct source *source = &reporter->source;
    reporter->last_look_ns = now_ns(CLOCK_MONOTONIC);
    tell_state(reporter, reporter->stalled ? REPORTER_STALLED : REPORTER_RUNNING, 0);
    if (source->queue && source_is_finished(source, reporter->options.queue)) {
        remove_drained(reporter);
        source_detach(source);
    }
    return source->queue ? 0 : attach(reporter);
}

static void add_own_lines(struct reporter *reporter)
{
    struct line_context context = context_of(reporter);
    if (reporter->recovery.found && !reporter->recovery_told)
        line_recovery(&reporter->batch, &context, &reporter->recovery, reporter->options.version);
    reporter->recovery_told = true;
    uint64_t idle_ns = now_ns(CLOCK_MONOTONIC) - reporter->last_line_ns;
    uint64_t heartbeat_ns = (uint64_t)reporter->options.heartbeat_s * 1000000000u;
    if (heartbeat_ns && reporter->batch.size == 0 && idle_ns >= heartbeat_ns)
        line_heartbeat(&reporter->batch, &context,
                       reporter->source.queue && queue_has_producer(reporter->source.queue));
}

/* One turn of the loop. `empty_out`: all that was published is on disk. */
static int turn(struct reporter *reporter, bool *empty_out)
{
    struct source *source = &reporter->source;
    *empty_out = true;
    add_own_lines(reporter);
    if (source->queue) {
        uint64_t time_ns = now_ns(CLOCK_REALTIME);
        *empty_out = source_drain(source, reporter->options.sensor, time_ns, &reporter->batch);
        source_tell_drops(source, reporter->options.sensor, time_ns, &reporter->batch);
    }
    return reporter->batch.size ? commit(reporter) : 0;
}

static bool may_return(struct reporter *reporter, bool empty, uint64_t *deadline_ns)
{
    if (!reporter->stopping && !reporter->options.once)
        return false;
    uint64_t now = now_ns(CLOCK_MONOTONIC);
    if (reporter->stopping && !*deadline_ns)
        *deadline_ns = now + STOP_DRAIN_NS;
    if (*deadline_ns && now >= *deadline_ns)
        return true;
    if (!empty)
        return false;
    /* One set aside may have been finished just now, and another wait behind it. */
    const void *before = reporter->source.queue;
    return look_around(reporter) != 0 || (before && reporter->source.queue == before);
}

int reporter_run(struct reporter *reporter, struct diagnostics *diagnostics)
{
    int status = look_around(reporter);
    if (status == -EPROTO && !reporter->options.once)
        notice(reporter, "what has the queue's name is no event queue that this version can read; a worker that starts "
                         "puts it aside");
    else if (status == -EBUSY || (status && reporter->options.once)) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &(struct diagnostic_place){.file = reporter->options.queue},
                        "cannot drain the event queue: %s",
                        status == -EBUSY    ? "another reporter does already"
                        : status == -EPROTO ? "it is none, or of a layout that this version cannot read"
                                            : strerror(-status));
        return status;
    }
    uint64_t deadline_ns = 0;
    for (;;) {
        bool empty;
        uint64_t bytes = reporter->bytes;
        status = turn(reporter, &empty);
        if (status || may_return(reporter, empty, &deadline_ns))
            break;
        /* Behind one set aside another may be waiting, and filling. */
        bool aside = reporter->source.queue && strcmp(reporter->source.name, reporter->options.queue) != 0;
        if (now_ns(CLOCK_MONOTONIC) - reporter->last_look_ns >= LOOK_AROUND_NS || (aside && empty))
            (void)!look_around(reporter);
        if (empty && reporter->bytes - bytes < BUSY_BYTES && !reporter->stopping)
            pause_ms(reporter->options.batch_ms);
    }
    if (!status && reporter->batch.size)
        status = commit(reporter);
    if (status)
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &(struct diagnostic_place){.file = reporter->options.folder},
                        "stopped while the disk takes nothing (%s); the records stay in the queue", strerror(-status));
    tell_state(reporter, REPORTER_STOPPED, status);
    return status;
}

int reporter_new(const struct reporter_options *options, struct diagnostics *diagnostics,
                 struct reporter **reporter_out)
{
    *reporter_out = NULL;
    size_t sensor_size = options->sensor ? strlen(options->sensor) : 0;
    if (sensor_size == 0 || sensor_size > SENSOR_SIZE_MAX || options->batch_ms > REPORTER_BATCH_MS_MAX ||
        options->batch_ms == 0 || options->rotate_bytes == 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &(struct diagnostic_place){.file = NULL},
                        "a sensor's name has 1 to %u bytes, the batch time 1 to %u ms, the size to rotate at is not 0",
                        SENSOR_SIZE_MAX, REPORTER_BATCH_MS_MAX);
        return -EINVAL;
    }
    struct reporter *reporter = calloc(1, sizeof(*reporter));
    if (!reporter)
        return -ENOMEM;
    reporter->options = *options;
    reporter->start_ns = now_ns(CLOCK_REALTIME);
    reporter->last_line_ns = now_ns(CLOCK_MONOTONIC);
    reporter->journal = (struct journal){.folder = -1, .file = -1};
    reporter->batch.buffer = malloc(BATCH_BYTES);
    reporter->source.copy = aligned_alloc(CACHE_LINE, RECORD_SIZE_MAX);
    int status = reporter->batch.buffer && reporter->source.copy ? 0 : -ENOMEM;
    if (!status)
        status =
            journal_open(&reporter->journal, options->folder, options->rotate_bytes, diagnostics, &reporter->recovery);
    if (status) {
        reporter_free(reporter);
        return status;
    }
    reporter->checkpoint = reporter->recovery.checkpoint;
    *reporter_out = reporter;
    return 0;
}

void reporter_free(struct reporter *reporter)
{
    if (!reporter)
        return;
    source_detach(&reporter->source);
    journal_close(&reporter->journal);
    free(reporter->source.copy);
    free(reporter->batch.buffer);
    free(reporter);
}

void reporter_stop(struct reporter *reporter)
{
    reporter->stopping = 1;
}
