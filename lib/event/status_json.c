/* SPDX-License-Identifier: Apache-2.0 */

/* Status as one JSON object. */

#include <stdio.h>

#include "event/json.h"
#include "event/stages.h"
#include "event/status_figures.h"

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

static void key_double(struct json_writer *writer, const char *key, double value)
{
    json_write_key(writer, key);
    json_write_double(writer, value);
}

static void key_boolean(struct json_writer *writer, const char *key, bool value)
{
    json_write_key(writer, key);
    json_write_boolean(writer, value);
}

static void key_time(struct json_writer *writer, const char *key, uint64_t time_ns)
{
    json_write_key(writer, key);
    if (time_ns)
        json_write_time(writer, time_ns);
    else
        json_write_null(writer);
}

static void put_control(struct json_writer *writer, const struct status *now)
{
    const struct control_status *control = &now->control;
    json_write_key(writer, "worker");
    json_write_object_begin(writer);
    key_boolean(writer, "alive", now->producer_alive);
    key_unsigned(writer, "pid", control->pid);
    key_text(writer, "version", control->program_version);
    key_time(writer, "started", control->start_ns);
    key_unsigned(writer, "starts", control->starts);
    json_write_object_end(writer);
    json_write_key(writer, "epoch");
    json_write_object_begin(writer);
    key_unsigned(writer, "number", control->epoch.number);
    key_time(writer, "since", control->epoch.since_ns);
    key_text(writer, "rules_digest", control->epoch.rules_digest);
    key_text(writer, "registry_digest", control->epoch.registry_digest);
    key_text(writer, "configuration_digest", control->epoch.configuration_digest);
    json_write_object_end(writer);
    json_write_key(writer, "reload");
    json_write_object_begin(writer);
    key_unsigned(writer, "requested", control->reload_requested);
    key_unsigned(writer, "completed", control->reload_completed);
    key_boolean(writer, "accepted", control->reload_status == 0);
    key_text(writer, "text", control->reload_text);
    json_write_object_end(writer);
}

static void put_reporter(struct json_writer *writer, const struct status *now, const struct status *before)
{
    const struct reporter_status *reporter = &now->reporter;
    json_write_key(writer, "reporter");
    json_write_object_begin(writer);
    key_text(writer, "state", status_reporter_state_name(now));
    key_unsigned(writer, "pid", reporter->pid);
    key_time(writer, "started", reporter->start_ns);
    key_time(writer, "heartbeat", reporter->heartbeat_ns);
    key_unsigned(writer, "errno", reporter->stall_errno);
    key_text(writer, "file", reporter->file);
    key_unsigned(writer, "records", reporter->records);
    key_unsigned(writer, "bytes", reporter->bytes);
    key_unsigned(writer, "batches", reporter->batches);
    key_unsigned(writer, "corrupt_bytes", reporter->corrupt_bytes);
    key_unsigned(writer, "sync_ns", reporter->sync_ns);
    if (before)
        key_double(writer, "records_per_second", status_rate(now, before, reporter->records, before->reporter.records));
    json_write_object_end(writer);
}

static void certificates_json(const struct certificate_status *certificates, struct json_writer *writer)
{
    json_write_key(writer, "certificates");
    json_write_object_begin(writer);
    key_unsigned(writer, "presented", certificates->presented);
    key_unsigned(writer, "read", certificates->read);
    key_unsigned(writer, "unreadable", certificates->unreadable);
    key_unsigned(writer, "staples", certificates->staples);
    key_unsigned(writer, "refused", certificates->refused);
    key_unsigned(writer, "no_room", certificates->no_room);
    json_write_object_end(writer);
}

static void keys_json(const struct key_status *keys, struct json_writer *writer)
{
    json_write_key(writer, "keys");
    json_write_object_begin(writer);
    key_unsigned(writer, "lines", keys->lines);
    key_unsigned(writer, "lines_refused", keys->lines_refused);
    key_unsigned(writer, "secrets", keys->secrets);
    key_unsigned(writer, "live", keys->live);
    key_unsigned(writer, "expired", keys->expired);
    key_unsigned(writer, "finished", keys->finished);
    key_unsigned(writer, "evicted", keys->evicted);
    key_unsigned(writer, "files", keys->files);
    key_unsigned(writer, "files_refused", keys->files_refused);
    key_unsigned(writer, "clients_refused", keys->clients_refused);
    key_unsigned(writer, "premasters_opened", keys->premasters_opened);
    key_unsigned(writer, "premasters_failed", keys->premasters_failed);
    key_unsigned(writer, "vault_requests", keys->vault_requests);
    key_unsigned(writer, "vault_failures", keys->vault_failures);
    key_unsigned(writer, "vault_log_ins", keys->vault_log_ins);
    key_unsigned(writer, "vault_renewals", keys->vault_renewals);
    json_write_object_end(writer);
}

static void put_worker(struct json_writer *writer, const struct status *now, const struct status *before, uint32_t i)
{
    const struct worker_status *worker = &now->workers[i];
    json_write_object_begin(writer);
    key_unsigned(writer, "worker", i);
    key_time(writer, "heartbeat", worker->heartbeat_ns);
    key_unsigned(writer, "epoch", worker->epoch);
    key_double(writer, "busy", status_busy(now, before, i));
    key_unsigned(writer, "packets", worker->packets);
    key_unsigned(writer, "transactions", worker->transactions);
    key_unsigned(writer, "findings", worker->findings);
    key_unsigned(writer, "given", worker->given);
    key_unsigned(writer, "taken", worker->taken);
    key_unsigned(writer, "split_connections", worker->split);
    stages_json(worker->stage_cycles, writer);
    certificates_json(&worker->certificates, writer);
    if (before) {
        const struct worker_status *earlier = &before->workers[i];
        key_double(writer, "packets_per_second", status_rate(now, before, worker->packets, earlier->packets));
        key_double(writer, "transactions_per_second",
                   status_rate(now, before, worker->transactions, earlier->transactions));
        key_double(writer, "findings_per_second", status_rate(now, before, worker->findings, earlier->findings));
    }
    json_write_object_end(writer);
}

static void put_port(struct json_writer *writer, const struct port_status *port)
{
    json_write_object_begin(writer);
    key_text(writer, "port", port->name);
    key_unsigned(writer, "packets", port->received_packets);
    key_unsigned(writer, "bytes", port->received_bytes);
    key_unsigned(writer, "missed_packets", port->missed_packets);
    key_unsigned(writer, "error_packets", port->error_packets);
    key_unsigned(writer, "no_buffer_packets", port->no_buffer_packets);
    json_write_key(writer, "queues");
    json_write_array_begin(writer);
    for (uint32_t queue = 0; queue < port->queue_count; queue++) {
        json_write_object_begin(writer);
        key_unsigned(writer, "queue", queue);
        key_unsigned(writer, "packets", port->queue_packets[queue]);
        key_unsigned(writer, "error_packets", port->queue_errors[queue]);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
    json_write_object_end(writer);
}

static void put_ring(struct json_writer *writer, const struct status *now, uint32_t i)
{
    const struct status_ring *ring = &now->rings[i];
    json_write_object_begin(writer);
    key_unsigned(writer, "ring", i);
    key_unsigned(writer, "used_bytes", ring->used_bytes);
    key_unsigned(writer, "published", ring->published);
    key_unsigned(writer, "durable", ring->durable);
    json_write_key(writer, "written");
    json_write_object_begin(writer);
    for (int kind = RECORD_NONE + 1; kind < RECORD_KIND_COUNT; kind++)
        key_unsigned(writer, record_kind_name((enum record_kind)kind), ring->written[kind]);
    json_write_object_end(writer);
    json_write_key(writer, "dropped");
    json_write_object_begin(writer);
    for (int kind = RECORD_NONE + 1; kind < RECORD_KIND_COUNT; kind++)
        key_unsigned(writer, record_kind_name((enum record_kind)kind), ring->dropped[kind]);
    json_write_object_end(writer);
    json_write_key(writer, "dropped_findings");
    json_write_object_begin(writer);
    for (int severity = 0; severity < SEVERITY_COUNT; severity++)
        key_unsigned(writer, severity_name((enum severity)severity), ring->dropped_findings[severity]);
    json_write_object_end(writer);
    json_write_object_end(writer);
}

void status_render_json(const struct status *now, const struct status *before, struct json_writer *writer)
{
    char instance[17];
    snprintf(instance, sizeof(instance), "%016llx", (unsigned long long)now->instance);
    json_write_object_begin(writer);
    key_time(writer, "time", now->time_ns);
    key_boolean(writer, "healthy", status_is_healthy(now));
    key_text(writer, "queue", now->queue);
    key_text(writer, "instance", instance);
    key_time(writer, "created", now->created_ns);
    key_unsigned(writer, "ring_bytes", now->ring_bytes);
    put_control(writer, now);
    put_reporter(writer, now, before);
    json_write_key(writer, "ports");
    json_write_array_begin(writer);
    for (uint32_t i = 0; i < now->control.port_count; i++)
        put_port(writer, &now->control.ports[i]);
    json_write_array_end(writer);
    keys_json(&now->control.keys, writer);
    json_write_key(writer, "workers");
    json_write_array_begin(writer);
    for (uint32_t i = 0; i < now->worker_count; i++)
        put_worker(writer, now, before, i);
    json_write_array_end(writer);
    json_write_key(writer, "rings");
    json_write_array_begin(writer);
    for (uint32_t i = 0; i < now->ring_count; i++)
        put_ring(writer, now, i);
    json_write_array_end(writer);
    json_write_key(writer, "dropped");
    json_write_unsigned(writer, status_dropped(now));
    json_write_key(writer, "ledger");
    json_write_object_begin(writer);
    event_json_ledger(writer, &now->ledger);
    json_write_object_end(writer);
    json_write_object_end(writer);
}
