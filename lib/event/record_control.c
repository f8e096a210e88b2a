/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Records: rollups, the ledger, reloads, lifecycle, heartbeats, services.
 *
 * The ledger is written with the number of its counters in front. Reasons are added to it over time; a reader built
 * with other ones refuses the record rather than putting a count under the wrong name.
 */

#include "event/record_wire.h"

struct wire_rollup {
    uint32_t seconds;
    uint32_t epoch;
    uint64_t calls;
    uint64_t verdicts[VERDICT_COUNT];
};

struct wire_ledger {
    uint32_t worker;
    uint32_t epoch;
    uint16_t reason_count, transaction_reason_count, missing_count, zero;
};

struct wire_reload {
    uint32_t accepted;
    uint32_t epoch;
    uint32_t pid;
    uint32_t uid;
};

struct wire_lifecycle {
    uint32_t event;
    uint32_t worker;
    uint32_t pid;
    uint32_t epoch;
};

struct wire_heartbeat {
    uint32_t pid;
    uint32_t epoch;
    uint64_t packets, transactions, findings;
};

struct wire_service {
    uint32_t seconds;
    uint32_t worker;
    uint32_t reason_count, tls_count;
    uint64_t gaps, gap_bytes;
    uint64_t transactions[LEDGER_TRANSACTION_REASON_COUNT];
    uint64_t tls[LEDGER_TLS_COUNT];
};

static_assert(sizeof(struct wire_service) == 32 + 8 * (LEDGER_TRANSACTION_REASON_COUNT + LEDGER_TLS_COUNT),
              "part of the layout, without padding");
static_assert(sizeof(struct wire_rollup) == 16 + 8 * VERDICT_COUNT, "part of the layout, without padding");
static_assert(sizeof(struct wire_ledger) == 16, "part of the layout, without padding");
static_assert(sizeof(struct ledger) ==
                  8 * (4 + 2 * LEDGER_REASON_COUNT + 2 + LEDGER_TRANSACTION_REASON_COUNT + LEDGER_MISSING_COUNT),
              "a ledger is its counters, without padding");
static_assert(sizeof(struct wire_reload) == 16, "part of the layout, without padding");
static_assert(sizeof(struct wire_lifecycle) == 16, "part of the layout, without padding");
static_assert(sizeof(struct wire_heartbeat) == 32, "part of the layout, without padding");

void wire_get_rollup(struct wire_reader *reader, struct rollup *rollup_out)
{
    struct wire_rollup fixed;
    wire_get(reader, &fixed, sizeof(fixed));
    *rollup_out = (struct rollup){.seconds = fixed.seconds, .epoch = fixed.epoch, .calls = fixed.calls};
    memcpy(rollup_out->verdicts, fixed.verdicts, sizeof(fixed.verdicts));
    rollup_out->operation = wire_get_text(reader, RECORD_TEXT_MAX);
    rollup_out->rule = wire_get_text(reader, RECORD_NAME_MAX);
}

void wire_get_ledger(struct wire_reader *reader, struct ledger_report *report_out)
{
    struct wire_ledger fixed;
    wire_get(reader, &fixed, sizeof(fixed));
    *report_out = (struct ledger_report){.worker = fixed.worker, .epoch = fixed.epoch};
    reader->bad |= fixed.reason_count != LEDGER_REASON_COUNT ||
                   fixed.transaction_reason_count != LEDGER_TRANSACTION_REASON_COUNT ||
                   fixed.missing_count != LEDGER_MISSING_COUNT || fixed.zero != 0;
    wire_get(reader, &report_out->ledger, sizeof(report_out->ledger));
}

void wire_get_reload(struct wire_reader *reader, struct reload_report *reload_out)
{
    struct wire_reload fixed;
    wire_get(reader, &fixed, sizeof(fixed));
    reader->bad |= fixed.accepted > 1;
    *reload_out = (struct reload_report){
        .accepted = fixed.accepted == 1, .epoch = fixed.epoch, .pid = fixed.pid, .uid = fixed.uid};
    reload_out->rules_digest = wire_get_text(reader, RECORD_NAME_MAX);
    reload_out->registry_digest = wire_get_text(reader, RECORD_NAME_MAX);
    reload_out->configuration_digest = wire_get_text(reader, RECORD_NAME_MAX);
    reload_out->error = wire_get_text(reader, RECORD_TEXT_MAX);
}

void wire_get_lifecycle(struct wire_reader *reader, struct lifecycle *lifecycle_out)
{
    struct wire_lifecycle fixed;
    wire_get(reader, &fixed, sizeof(fixed));
    if (fixed.event >= LIFECYCLE_EVENT_COUNT) {
        reader->bad = true;
        return;
    }
    *lifecycle_out = (struct lifecycle){
        .event = (enum lifecycle_event)fixed.event, .worker = fixed.worker, .pid = fixed.pid, .epoch = fixed.epoch};
    lifecycle_out->version = wire_get_text(reader, RECORD_NAME_MAX);
    lifecycle_out->configuration_digest = wire_get_text(reader, RECORD_NAME_MAX);
}

void wire_get_heartbeat(struct wire_reader *reader, struct heartbeat *heartbeat_out)
{
    struct wire_heartbeat fixed;
    wire_get(reader, &fixed, sizeof(fixed));
    *heartbeat_out = (struct heartbeat){.pid = fixed.pid,
                                        .epoch = fixed.epoch,
                                        .packets = fixed.packets,
                                        .transactions = fixed.transactions,
                                        .findings = fixed.findings};
}

void wire_get_service(struct wire_reader *reader, struct service_report *service_out)
{
    struct wire_service fixed;
    wire_get(reader, &fixed, sizeof(fixed));
    reader->bad |= fixed.reason_count != LEDGER_TRANSACTION_REASON_COUNT || fixed.tls_count != LEDGER_TLS_COUNT;
    *service_out = (struct service_report){
        .seconds = fixed.seconds, .worker = fixed.worker, .gaps = fixed.gaps, .gap_bytes = fixed.gap_bytes};
    memcpy(service_out->transactions, fixed.transactions, sizeof(fixed.transactions));
    memcpy(service_out->tls, fixed.tls, sizeof(fixed.tls));
    service_out->host = wire_get_text(reader, RECORD_TEXT_MAX);
}

uint32_t record_rollup_size(const struct rollup *rollup)
{
    return (uint32_t)(sizeof(struct record_header) + sizeof(struct wire_rollup)) +
           wire_text_size(rollup->operation, RECORD_TEXT_MAX) + wire_text_size(rollup->rule, RECORD_NAME_MAX);
}

uint32_t record_ledger_size(void)
{
    return (uint32_t)(sizeof(struct record_header) + sizeof(struct wire_ledger) + sizeof(struct ledger));
}

uint32_t record_reload_size(const struct reload_report *reload)
{
    return (uint32_t)(sizeof(struct record_header) + sizeof(struct wire_reload)) +
           wire_text_size(reload->rules_digest, RECORD_NAME_MAX) +
           wire_text_size(reload->registry_digest, RECORD_NAME_MAX) +
           wire_text_size(reload->configuration_digest, RECORD_NAME_MAX) +
           wire_text_size(reload->error, RECORD_TEXT_MAX);
}

uint32_t record_lifecycle_size(const struct lifecycle *lifecycle)
{
    return (uint32_t)(sizeof(struct record_header) + sizeof(struct wire_lifecycle)) +
           wire_text_size(lifecycle->version, RECORD_NAME_MAX) +
           wire_text_size(lifecycle->configuration_digest, RECORD_NAME_MAX);
}

uint32_t record_heartbeat_size(void)
{
    return (uint32_t)(sizeof(struct record_header) + sizeof(struct wire_heartbeat));
}

uint32_t record_service_size(const struct service_report *service)
{
    return (uint32_t)(sizeof(struct record_header) + sizeof(struct wire_service)) +
           wire_text_size(service->host, RECORD_TEXT_MAX);
}

uint32_t record_encode_rollup(const struct rollup *rollup, void *record_out)
{
    struct wire_writer writer = wire_begin(record_out);
    struct wire_rollup fixed = {.seconds = rollup->seconds, .epoch = rollup->epoch, .calls = rollup->calls};
    memcpy(fixed.verdicts, rollup->verdicts, sizeof(fixed.verdicts));
    wire_put(&writer, &fixed, sizeof(fixed));
    wire_put_text(&writer, rollup->operation, RECORD_TEXT_MAX);
    wire_put_text(&writer, rollup->rule, RECORD_NAME_MAX);
    return wire_end(&writer, record_out, RECORD_ROLLUP, rollup->start_ns);
}

uint32_t record_encode_ledger(const struct ledger_report *report, void *record_out)
{
    struct wire_writer writer = wire_begin(record_out);
    struct wire_ledger fixed = {.worker = report->worker,
                                .epoch = report->epoch,
                                .reason_count = LEDGER_REASON_COUNT,
                                .transaction_reason_count = LEDGER_TRANSACTION_REASON_COUNT,
                                .missing_count = LEDGER_MISSING_COUNT};
    wire_put(&writer, &fixed, sizeof(fixed));
    wire_put(&writer, &report->ledger, sizeof(report->ledger));
    return wire_end(&writer, record_out, RECORD_LEDGER, report->time_ns);
}

uint32_t record_encode_reload(const struct reload_report *reload, void *record_out)
{
    struct wire_writer writer = wire_begin(record_out);
    struct wire_reload fixed = {reload->accepted, reload->epoch, reload->pid, reload->uid};
    wire_put(&writer, &fixed, sizeof(fixed));
    wire_put_text(&writer, reload->rules_digest, RECORD_NAME_MAX);
    wire_put_text(&writer, reload->registry_digest, RECORD_NAME_MAX);
    wire_put_text(&writer, reload->configuration_digest, RECORD_NAME_MAX);
    wire_put_text(&writer, reload->error, RECORD_TEXT_MAX);
    return wire_end(&writer, record_out, RECORD_RELOAD, reload->time_ns);
}

uint32_t record_encode_lifecycle(const struct lifecycle *lifecycle, void *record_out)
{
    struct wire_writer writer = wire_begin(record_out);
    struct wire_lifecycle fixed = {(uint32_t)lifecycle->event, lifecycle->worker, lifecycle->pid, lifecycle->epoch};
    wire_put(&writer, &fixed, sizeof(fixed));
    wire_put_text(&writer, lifecycle->version, RECORD_NAME_MAX);
    wire_put_text(&writer, lifecycle->configuration_digest, RECORD_NAME_MAX);
    return wire_end(&writer, record_out, RECORD_LIFECYCLE, lifecycle->time_ns);
}

uint32_t record_encode_heartbeat(const struct heartbeat *heartbeat, void *record_out)
{
    struct wire_writer writer = wire_begin(record_out);
    struct wire_heartbeat fixed = {.pid = heartbeat->pid,
                                   .epoch = heartbeat->epoch,
                                   .packets = heartbeat->packets,
                                   .transactions = heartbeat->transactions,
                                   .findings = heartbeat->findings};
    wire_put(&writer, &fixed, sizeof(fixed));
    return wire_end(&writer, record_out, RECORD_HEARTBEAT, heartbeat->time_ns);
}

uint32_t record_encode_service(const struct service_report *service, void *record_out)
{
    struct wire_writer writer = wire_begin(record_out);
    struct wire_service fixed = {.seconds = service->seconds,
                                 .worker = service->worker,
                                 .reason_count = LEDGER_TRANSACTION_REASON_COUNT,
                                 .tls_count = LEDGER_TLS_COUNT,
                                 .gaps = service->gaps,
                                 .gap_bytes = service->gap_bytes};
    memcpy(fixed.transactions, service->transactions, sizeof(fixed.transactions));
    memcpy(fixed.tls, service->tls, sizeof(fixed.tls));
    wire_put(&writer, &fixed, sizeof(fixed));
    wire_put_text(&writer, service->host, RECORD_TEXT_MAX);
    return wire_end(&writer, record_out, RECORD_SERVICE, service->start_ns);
}

const char *lifecycle_event_name(enum lifecycle_event event)
{
    static const char *const names[LIFECYCLE_EVENT_COUNT] = {
        [LIFECYCLE_START] = "start", [LIFECYCLE_STOP] = "stop", [LIFECYCLE_DIED] = "died"};
    require(event < LIFECYCLE_EVENT_COUNT);
    return names[event];
}
