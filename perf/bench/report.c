/* SPDX-License-Identifier: Apache-2.0 */

/* Report of a measurement. */

#include "bench/report.h"

#include "base/json_writer.h"
#include "generate/protocol.h"

#define JSON_BYTES 16384u /* the longest report has 5,000 */

static double per(double amount, uint64_t of)
{
    return of ? amount / (double)of : 0;
}

double report_call_ns(const struct measurement *measurement)
{
    const struct traffic_counts *traffic = &measurement->traffic;
    return per(measurement->median_packet_ns * (double)traffic->packets, traffic->transactions);
}

double report_limit_ns(const struct report *report)
{
    if (!report->primitives_measured || !report->measured[SUBJECT_TOUCH])
        return 0;
    const struct measurement *touch = &report->stages[SUBJECT_TOUCH];
    double packets = per((double)touch->traffic.packets, touch->traffic.transactions);
    return report_call_ns(touch) + packets * report->primitives[PRIMITIVE_LOOK_UP] +
           report->primitives[PRIMITIVE_SPLIT] + report->primitives[PRIMITIVE_SHAPE] +
           report->primitives[PRIMITIVE_SCAN];
}

static double mean_packet_ns(const struct measurement *measurement)
{
    return per((double)measurement->busy_ns, measurement->traffic.packets);
}

static double cycles(const struct report *report, double ns)
{
    return ns * report->clock.core_hz / 1e9;
}

static double gigabits(const struct measurement *measurement)
{
    return per(8.0 * per((double)measurement->traffic.bytes, measurement->traffic.packets), 1) /
           measurement->median_packet_ns;
}

/* ----------------------------------------------------------------------- text */

static void stages_text(const struct report *report, FILE *stream)
{
    fprintf(stream, "%-10s %10s %10s %10s %9s %9s %9s  %s\n", "stage", "ns/packet", "ns/call", "added ns", "cyc/pkt",
            "cyc/byte", "k call/s", "what it does");
    double before = 0;
    for (uint32_t i = 0; i < SUBJECT_COUNT; i++) {
        if (!report->measured[i])
            continue;
        const struct measurement *stage = &report->stages[i];
        double ns = report_call_ns(stage);
        fprintf(stream, "%-10s %10.1f %10.0f %10.0f %9.0f %9.2f %9.0f  %s\n", subject_name(i), stage->median_packet_ns,
                ns, ns - before, cycles(report, stage->median_packet_ns),
                per(cycles(report, stage->median_packet_ns) * (double)stage->traffic.packets, stage->traffic.bytes),
                ns > 0 ? 1e6 / ns : 0, subject_help(i));
        before = i == SUBJECT_TOUCH ? 0 : ns;
    }
}

static void primitives_text(const struct report *report, FILE *stream)
{
    for (uint32_t i = 0; i < PRIMITIVE_COUNT; i++)
        fprintf(stream, "  %-8s %8.1f ns  %s\n", primitive_name(i), report->primitives[i], primitive_help(i));
}

static double calls_per_second(const struct report *report)
{
    double sum = 0;
    for (uint32_t i = 0; i < report->workers; i++) {
        double ns = report_call_ns(&report->whole[i]);
        sum += ns > 0 ? 1e9 / ns : 0;
    }
    return sum;
}

static double bits_per_second(const struct report *report)
{
    double sum = 0;
    for (uint32_t i = 0; i < report->workers; i++)
        sum += gigabits(&report->whole[i]) * 1e9;
    return sum;
}

void report_text(const struct report *report, FILE *stream)
{
    const struct measurement *whole = &report->whole[0];
    const struct traffic_counts *traffic = &whole->traffic;
    fprintf(stream, "profile %s over %s, %u worker%s; core %.2f GHz, counter %.2f GHz\n\n", report->profile,
            report->traffic.protocol->name, report->workers, report->workers > 1 ? "s" : "",
            report->clock.core_hz / 1e9, report->clock.counter_hz / 1e9);
    stages_text(report, stream);
    fprintf(stream,
            "\n%.0f calls/s, %.2f Gbit/s, %.0f packets/s; median of %u slices; the best one %.0f %%, the mean %.0f %%, "
            "by the wall %.0f %% of it\n"
            "%llu calls of %.2f packets and %.0f bytes; %.3f findings a call, drained in %.0f ns each\n",
            calls_per_second(report), bits_per_second(report) / 1e9,
            calls_per_second(report) * per((double)traffic->packets, traffic->transactions), whole->slices,
            100 * whole->best_packet_ns / whole->median_packet_ns,
            100 * mean_packet_ns(whole) / whole->median_packet_ns,
            100 * per((double)whole->wall_ns, traffic->packets) / whole->median_packet_ns,
            (unsigned long long)traffic->transactions, per((double)traffic->packets, traffic->transactions),
            per((double)traffic->bytes, traffic->transactions),
            per((double)whole->counts.findings, whole->counts.transactions),
            per((double)whole->counts.drain_ticks * 1e9 / report->clock.counter_hz, whole->counts.records));
    fprintf(stream, "ledger %s, %s; %llu packets not audited, %llu calls missed, %llu events lost\n",
            report->balanced ? "balanced" : "NOT BALANCED", report->settled ? "nothing pending" : "SOMETHING PENDING",
            (unsigned long long)report->excused_packets, (unsigned long long)report->missed_transactions,
            (unsigned long long)whole->counts.events_lost);
    fprintf(stream, "%llu connections open, %.0f bytes of memory each\n", (unsigned long long)report->flows_open,
            per((double)report->resident_bytes, report->flows_open));
    double limit = report_limit_ns(report);
    if (limit > 0) {
        fprintf(stream, "\nlimit of this machine: %.0f ns a call; the pipeline is at %.0f %% of it\n", limit,
                100 * limit / report_call_ns(whole));
        primitives_text(report, stream);
    }
}

/* ----------------------------------------------------------------------- JSON */

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

static void stages_json(const struct report *report, struct json_writer *writer)
{
    json_write_key(writer, "stages");
    json_write_object_begin(writer);
    for (uint32_t i = 0; i < SUBJECT_COUNT; i++) {
        if (!report->measured[i])
            continue;
        json_write_key(writer, subject_name(i));
        json_write_object_begin(writer);
        number(writer, "packet_ns", report->stages[i].median_packet_ns);
        number(writer, "call_ns", report_call_ns(&report->stages[i]));
        json_write_object_end(writer);
    }
    json_write_object_end(writer);
}

static void limit_json(const struct report *report, struct json_writer *writer)
{
    double limit = report_limit_ns(report);
    if (limit <= 0)
        return;
    number(writer, "limit_call_ns", limit);
    number(writer, "share_of_limit", limit / report_call_ns(&report->whole[0]));
    json_write_key(writer, "primitives_ns");
    json_write_object_begin(writer);
    for (uint32_t i = 0; i < PRIMITIVE_COUNT; i++)
        number(writer, primitive_name(i), report->primitives[i]);
    json_write_object_end(writer);
}

void report_json(const struct report *report, FILE *stream)
{
    char buffer[JSON_BYTES];
    const struct measurement *whole = &report->whole[0];
    struct json_writer writer;
    json_writer_init(&writer, buffer, sizeof(buffer));
    json_write_object_begin(&writer);
    json_write_key(&writer, "profile");
    json_write_text(&writer, report->profile);
    json_write_key(&writer, "protocol");
    json_write_text(&writer, report->traffic.protocol->name);
    count(&writer, "workers", report->workers);
    number(&writer, "core_ghz", report->clock.core_hz / 1e9);
    number(&writer, "counter_ghz", report->clock.counter_hz / 1e9);
    number(&writer, "calls_per_second", calls_per_second(report));
    number(&writer, "gigabits_per_second", bits_per_second(report) / 1e9);
    number(&writer, "call_ns", report_call_ns(whole));
    number(&writer, "packet_ns", whole->median_packet_ns);
    number(&writer, "call_cycles", cycles(report, report_call_ns(whole)));
    number(&writer, "packet_cycles", cycles(report, whole->median_packet_ns));
    number(&writer, "byte_cycles",
           per(cycles(report, whole->median_packet_ns) * (double)whole->traffic.packets, whole->traffic.bytes));
    number(&writer, "best_calls_per_second",
           calls_per_second(report) * whole->median_packet_ns / whole->best_packet_ns);
    number(&writer, "best_packet_ns", whole->best_packet_ns);
    number(&writer, "mean_packet_ns", mean_packet_ns(whole));
    number(&writer, "wall_packet_ns", per((double)whole->wall_ns, whole->traffic.packets));
    number(&writer, "counter_packet_ticks", per((double)whole->ticks, whole->traffic.packets));
    count(&writer, "slices", whole->slices);
    count(&writer, "calls", whole->traffic.transactions);
    count(&writer, "packets", whole->traffic.packets);
    count(&writer, "bytes", whole->traffic.bytes);
    number(&writer, "findings_per_call", per((double)whole->counts.findings, whole->counts.transactions));
    number(&writer, "drain_record_ns",
           per((double)whole->counts.drain_ticks * 1e9 / report->clock.counter_hz, whole->counts.records));
    truth(&writer, "ledger_balanced", report->balanced && report->settled);
    count(&writer, "packets_excused", report->excused_packets);
    count(&writer, "calls_missed", report->missed_transactions);
    count(&writer, "events_lost", whole->counts.events_lost);
    count(&writer, "connections_open", report->flows_open);
    number(&writer, "bytes_per_connection", per((double)report->resident_bytes, report->flows_open));
    stages_json(report, &writer);
    limit_json(report, &writer);
    json_write_object_end(&writer);
    require(!writer.overflow);
    fprintf(stream, "%.*s\n", (int)writer.size, buffer);
}
