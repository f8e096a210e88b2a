/* SPDX-License-Identifier: Apache-2.0 */

/* Report of a live run. */

#include "live/report.h"

#include "base/json_writer.h"

#define JSON_BYTES 4096u /* the report has about 1,500 */

static void number(struct json_writer *writer, const char *key, double value)
{
    json_write_key(writer, key);
    json_write_double(writer, value);
}

static void count(struct json_writer *writer, const char *key, uint64_t value)
{
    json_write_key(writer, key);
    json_write_unsigned(writer, value);
}

static void truth(struct json_writer *writer, const char *key, bool value)
{
    json_write_key(writer, key);
    json_write_boolean(writer, value);
}

static void latency(struct json_writer *writer, const char *key, const struct watch_figures *figures)
{
    json_write_key(writer, key);
    json_write_object_begin(writer);
    count(writer, "findings", figures->count);
    number(writer, "p50_us", figures->p50_us);
    number(writer, "p99_us", figures->p99_us);
    number(writer, "max_us", figures->max_us);
    json_write_object_end(writer);
}

static void rates(struct json_writer *writer, const struct live_report *report)
{
    const struct live_moment *begin = &report->begin, *end = &report->end;
    double seconds = (double)(end->time_ns - begin->time_ns) / 1e9;
    double calls = (double)(end->calls - begin->calls), packets = (double)(end->packets - begin->packets);
    double busy = (double)(end->cycles_busy - begin->cycles_busy);
    double idle = (double)(end->cycles_idle - begin->cycles_idle);
    number(writer, "calls_per_second", seconds > 0 ? calls / seconds : 0);
    number(writer, "packets_per_second", seconds > 0 ? packets / seconds : 0);
    number(writer, "findings_per_call", calls > 0 ? (double)(end->findings - begin->findings) / calls : 0);
    number(writer, "busy", busy + idle > 0 ? busy / (busy + idle) : 0);
    number(writer, "busy_calls_per_second", busy > 0 ? calls * report->clock.counter_hz / busy : 0);
    number(writer, "seconds", seconds);
}

void live_report_json(const struct live_report *report, FILE *stream)
{
    char buffer[JSON_BYTES];
    struct json_writer writer;
    const struct feeder_figures *feeder = &report->feeder;
    uint64_t made = feeder->traffic.transactions;
    json_writer_init(&writer, buffer, sizeof(buffer));
    json_write_object_begin(&writer);
    json_write_key(&writer, "protocol");
    json_write_text(&writer, report->protocol);
    count(&writer, "rate", report->rate);
    truth(&writer, "no_huge", report->no_huge);
    rates(&writer, report);
    count(&writer, "packets_made", feeder->traffic.packets);
    count(&writer, "packets_dropped", feeder->dropped_packets);
    count(&writer, "calls_made", made);
    count(&writer, "calls_missed", made > report->seen ? made - report->seen : 0);
    count(&writer, "events_lost", report->events_lost);
    truth(&writer, "ledger_balanced", report->balanced);
    truth(&writer, "feeder_pinned", feeder->pinned);
    number(&writer, "feeder_late_us", (double)feeder->late_ns / 1e3);
    latency(&writer, "published", &report->published);
    latency(&writer, "durable", &report->durable);
    number(&writer, "startup_ms", report->startup_ms);
    number(&writer, "startup_rules_ms", report->rules_ms);
    number(&writer, "startup_port_ms", report->port_ms);
    number(&writer, "startup_memory_ms", report->memory_ms);
    count(&writer, "reloads", report->reloads);
    number(&writer, "reload_ms", report->reload_ms);
    number(&writer, "adopt_ms", report->adopt_ms);
    json_write_object_end(&writer);
    require(!writer.overflow);
    fprintf(stream, "%.*s\n", (int)writer.size, buffer);
}
