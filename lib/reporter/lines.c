/* SPDX-License-Identifier: Apache-2.0 */

/* Lines of the reporter's own: see the header. */

#include "reporter/lines.h"

#include <stdio.h>
#include <unistd.h>

static void key_unsigned(struct json_writer *writer, const char *key, uint64_t value)
{
    json_write_key(writer, key);
    json_write_unsigned(writer, value);
}

static void key_text(struct json_writer *writer, const char *key, const char *value)
{
    json_write_key(writer, key);
    json_write_text(writer, value);
}

static struct json_writer begin(const struct batch *batch, const char *type, const struct line_context *context)
{
    struct json_writer writer = batch_begin_line(batch);
    json_write_object_begin(&writer);
    key_text(&writer, "type", type);
    key_text(&writer, "sensor", context->sensor);
    json_write_key(&writer, "time");
    json_write_time(&writer, context->time_ns);
    if (context->queue) {
        char text[17];
        snprintf(text, sizeof(text), "%016llx", (unsigned long long)context->queue);
        key_text(&writer, "queue", text);
    }
    return writer;
}

static void end(struct batch *batch, struct json_writer *writer)
{
    json_write_object_end(writer);
    batch_end_line(batch, writer);
}

void line_recovery(struct batch *batch, const struct line_context *context, const struct journal_recovery *recovery,
                   const char *version)
{
    struct json_writer writer = begin(batch, "recovery", context);
    key_text(&writer, "file", recovery->file);
    key_unsigned(&writer, "cut_bytes", recovery->cut_bytes);
    key_unsigned(&writer, "pid", (uint64_t)getpid());
    key_text(&writer, "version", version);
    end(batch, &writer);
}

void line_queue(struct batch *batch, const struct line_context *context, const struct queue *queue)
{
    struct json_writer writer = begin(batch, "queue", context);
    key_unsigned(&writer, "rings", queue_ring_count(queue));
    key_unsigned(&writer, "ring_bytes", queue_ring_bytes(queue));
    end(batch, &writer);
}

void line_gap(struct batch *batch, const struct line_context *context, uint32_t ring, uint64_t first, uint64_t last)
{
    struct json_writer writer = begin(batch, "gap", context);
    key_unsigned(&writer, "ring", ring);
    key_unsigned(&writer, "first", first);
    key_unsigned(&writer, "last", last);
    end(batch, &writer);
}

void line_corrupt(struct batch *batch, const struct line_context *context, uint32_t ring, uint64_t bytes)
{
    struct json_writer writer = begin(batch, "corrupt", context);
    key_unsigned(&writer, "ring", ring);
    key_unsigned(&writer, "bytes", bytes);
    end(batch, &writer);
}

void line_dropped(struct batch *batch, const struct line_context *context, uint32_t ring,
                  const struct ring_shared *shared)
{
    struct json_writer writer = begin(batch, "dropped", context);
    key_unsigned(&writer, "ring", ring);
    json_write_key(&writer, "total");
    json_write_object_begin(&writer);
    for (int i = RECORD_NONE + 1; i < RECORD_KIND_COUNT; i++)
        key_unsigned(&writer, record_kind_name((enum record_kind)i),
                     __atomic_load_n(&shared->counters.dropped[i], __ATOMIC_RELAXED));
    json_write_object_end(&writer);
    json_write_key(&writer, "findings");
    json_write_object_begin(&writer);
    for (int i = 0; i < SEVERITY_COUNT; i++)
        key_unsigned(&writer, severity_name((enum severity)i),
                     __atomic_load_n(&shared->counters.dropped_findings[i], __ATOMIC_RELAXED));
    json_write_object_end(&writer);
    end(batch, &writer);
}

void line_unreadable_queue(struct batch *batch, const struct line_context *context, const char *name)
{
    struct json_writer writer = begin(batch, "unreadable_queue", context);
    key_text(&writer, "name", name);
    end(batch, &writer);
}

void line_heartbeat(struct batch *batch, const struct line_context *context, bool producer_alive)
{
    struct json_writer writer = begin(batch, "heartbeat", context);
    key_unsigned(&writer, "reporter_pid", (uint64_t)getpid());
    json_write_key(&writer, "worker_alive");
    json_write_boolean(&writer, producer_alive);
    end(batch, &writer);
}
