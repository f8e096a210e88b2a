/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events as JSON: the order of the fields is the order of the calls below, and nowhere else.
 */

#include "event/json.h"

#include <stdio.h>

#include "base/hex.h"

static void key_text(struct json_writer *writer, const char *key, const char *value)
{
    json_write_key(writer, key);
    json_write_text(writer, value);
}

static void key_unsigned(struct json_writer *writer, const char *key, uint64_t value)
{
    json_write_key(writer, key);
    json_write_unsigned(writer, value);
}

/* A span without data is null. */
static void key_span(struct json_writer *writer, const char *key, struct span value)
{
    json_write_key(writer, key);
    if (value.data)
        json_write_string(writer, value);
    else
        json_write_null(writer);
}

static void key_time(struct json_writer *writer, const char *key, uint64_t time_ns)
{
    json_write_key(writer, key);
    json_write_time(writer, time_ns);
}

static void key_worker(struct json_writer *writer, uint32_t worker)
{
    json_write_key(writer, "worker");
    if (worker == RECORD_WORKER_ALL)
        json_write_null(writer);
    else
        json_write_unsigned(writer, worker);
}

static void begin(struct json_writer *writer, const char *type, uint64_t time_ns, const struct event_origin *origin)
{
    json_write_object_begin(writer);
    key_text(writer, "type", type);
    if (origin) {
        key_text(writer, "sensor", origin->sensor);
        key_unsigned(writer, "ring", origin->ring);
        key_unsigned(writer, "sequence", origin->sequence);
    }
    key_time(writer, "time", time_ns);
    if (origin) {
        char text[17];
        snprintf(text, sizeof(text), "%016llx", (unsigned long long)origin->queue);
        key_text(writer, "queue", text);
    }
}

static void end(struct json_writer *writer, bool cut)
{
    if (cut) {
        json_write_key(writer, "cut");
        json_write_boolean(writer, true);
    }
    json_write_object_end(writer);
}

static void put_address(struct json_writer *writer, const char *key, const char *port_key,
                        const struct address *address, uint16_t port)
{
    char text[ADDRESS_TEXT_SIZE];
    address_print(address, text);
    key_text(writer, key, text);
    key_unsigned(writer, port_key, port);
}

static void put_tunnels(struct json_writer *writer, const struct endpoints *endpoints)
{
    json_write_key(writer, "tunnels");
    json_write_array_begin(writer);
    for (uint32_t i = 0; i < endpoints->tunnel_count; i++) {
        json_write_object_begin(writer);
        key_text(writer, "kind", tunnel_kind_name((enum tunnel_kind)endpoints->tunnels[i].kind));
        key_unsigned(writer, "id", endpoints->tunnels[i].id);
        json_write_object_end(writer);
    }
    json_write_array_end(writer);
}

static void put_flags(struct json_writer *writer, uint32_t flags)
{
    json_write_key(writer, "flags");
    json_write_array_begin(writer);
    for (uint32_t i = 0; i < CALL_FLAG_COUNT_; i++)
        if (flags & (1u << i))
            json_write_text(writer, call_flag_name(i));
    json_write_array_end(writer);
}

static void put_tls(struct json_writer *writer, const struct connection_tls *tls)
{
    json_write_key(writer, "tls");
    if (!(tls->flags & CONNECTION_TLS)) {
        json_write_null(writer);
        return;
    }
    json_write_object_begin(writer);
    key_span(writer, "version", tls->version);
    key_span(writer, "cipher", tls->cipher);
    json_write_key(writer, "decrypted");
    json_write_boolean(writer, (tls->flags & CONNECTION_DECRYPTED) != 0);
    json_write_key(writer, "resumed");
    json_write_boolean(writer, (tls->flags & CONNECTION_RESUMED) != 0);
    key_span(writer, "sni", tls->sni);
    key_span(writer, "alpn", tls->alpn);
    key_span(writer, "client", tls->client_id);
    json_write_object_end(writer);
}

static void put_graphql(struct json_writer *writer, const struct call *call)
{
    if (call->graphql == CALL_GRAPHQL_NONE) {
        key_text(writer, "graphql", NULL);
        return;
    }
    json_write_key(writer, "graphql");
    json_write_object_begin(writer);
    key_text(writer, "operation_type", call_graphql_name(call->graphql));
    key_span(writer, "operation_name", call->graphql_name);
    json_write_object_end(writer);
}

static void put_caller(struct json_writer *writer, const struct call_caller *caller)
{
    json_write_key(writer, "caller");
    if (!caller->kind.data) {
        json_write_null(writer);
        return;
    }
    json_write_object_begin(writer);
    key_span(writer, "kind", caller->kind);
    key_span(writer, "id", caller->id);
    key_span(writer, "role", caller->role);
    json_write_object_end(writer);
}

/* The fields that identify a call, the same in a transaction and in a finding. */
static void put_call(struct json_writer *writer, const struct call *call)
{
    const struct endpoints *endpoints = &call->endpoints;
    key_text(writer, "protocol", call_protocol_name(call->protocol));
    put_address(writer, "src", "src_port", &endpoints->source, endpoints->source_port);
    put_address(writer, "dst", "dst_port", &endpoints->destination, endpoints->destination_port);
    key_span(writer, "host", call->host);
    key_span(writer, "method", call->method);
    key_span(writer, "path", call->path);
    json_write_key(writer, "status");
    if (call->status == CALL_STATUS_NONE)
        json_write_null(writer);
    else
        json_write_signed(writer, call->status);
    put_tls(writer, &call->tls);
    put_tunnels(writer, endpoints);
    put_flags(writer, call->flags);
    key_span(writer, "operation", call->operation);
    put_caller(writer, &call->caller);
    put_graphql(writer, call);
}

/* A finding about the sensor has the same fields as any other, without values. */
static void put_no_call(struct json_writer *writer)
{
    static const char *const keys[] = {"protocol", "src",    "src_port", "dst",    "dst_port",
                                       "host",     "method", "path",     "status", "tls"};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        key_text(writer, keys[i], NULL);
    put_tunnels(writer, &(struct endpoints){.tunnel_count = 0});
    put_flags(writer, 0);
    key_text(writer, "operation", NULL);
    key_text(writer, "caller", NULL);
    key_text(writer, "graphql", NULL);
}

/* How many entries before `index` have the same name: members of one object need names of their own. */
static uint32_t evidence_repeats(const struct finding *finding, uint32_t index)
{
    uint32_t repeats = 0;
    for (uint32_t i = 0; i < index; i++)
        repeats += span_equal(finding->evidence[i].name, finding->evidence[index].name);
    return repeats;
}

static void put_evidence(struct json_writer *writer, const struct finding *finding)
{
    json_write_key(writer, "evidence");
    json_write_object_begin(writer);
    for (uint32_t i = 0; i < finding->evidence_count && i < FINDING_EVIDENCE_MAX; i++) {
        char name[RECORD_NAME_MAX + 16];
        struct span given = span_first(finding->evidence[i].name, RECORD_NAME_MAX);
        uint32_t repeats = evidence_repeats(finding, i);
        int size = snprintf(name, sizeof(name), "%.*s", (int)given.size, given.size ? (const char *)given.data : "");
        if (repeats)
            snprintf(name + size, sizeof(name) - (size_t)size, "_%u", repeats + 1);
        key_span(writer, name, finding->evidence[i].value);
    }
    json_write_object_end(writer);
}

static void put_requirements(struct json_writer *writer, const struct finding *finding)
{
    json_write_key(writer, "requirements");
    json_write_array_begin(writer);
    for (uint32_t i = 0; i < finding->requirement_count && i < FINDING_REQUIREMENTS_MAX; i++)
        json_write_string(writer, finding->requirements[i]);
    json_write_array_end(writer);
}

static void put_source(struct json_writer *writer, const struct finding *finding)
{
    json_write_key(writer, "source");
    if (!finding->source_file.size) {
        json_write_null(writer);
        return;
    }
    json_write_object_begin(writer);
    key_span(writer, "file", finding->source_file);
    key_unsigned(writer, "line", finding->source_line);
    json_write_key(writer, "commit");
    if (finding->source_commit.size)
        json_write_string(writer, finding->source_commit);
    else
        json_write_null(writer);
    json_write_object_end(writer);
}

void event_json_finding(struct json_writer *writer, const struct finding *finding, const struct event_origin *origin,
                        bool cut)
{
    begin(writer, "finding", finding->call ? finding->call->time_ns : finding->time_ns, origin);
    key_span(writer, "rule", finding->rule);
    key_text(writer, "verdict", verdict_name(finding->verdict));
    key_text(writer, "severity", severity_name(finding->severity));
    key_span(writer, "title", finding->title);
    put_evidence(writer, finding);
    if (finding->call)
        put_call(writer, finding->call);
    else
        put_no_call(writer);
    put_requirements(writer, finding);
    key_unsigned(writer, "epoch", finding->epoch);
    key_span(writer, "rules_digest", finding->rules_digest);
    key_span(writer, "registry_digest", finding->registry_digest);
    put_source(writer, finding);
    key_time(writer, "decided", finding->time_ns);
    end(writer, cut);
}

/* What is told of messages: how many a call streamed, and what became of the one that the call is. */
static void put_messages(struct json_writer *writer, const struct call *call)
{
    if (call->protocol == CALL_GRPC) {
        key_unsigned(writer, "request_messages", call->request_messages);
        key_unsigned(writer, "response_messages", call->response_messages);
    }
    if (call->protocol == CALL_AMQP091 || call->protocol == CALL_AMQP10)
        key_text(writer, "outcome", call_outcome_name(call->outcome));
}

void event_json_call(struct json_writer *writer, const struct call *call, const struct event_origin *origin, bool cut)
{
    begin(writer, "transaction", call->time_ns, origin);
    put_call(writer, call);
    key_unsigned(writer, "request_bytes", call->request_bytes);
    key_unsigned(writer, "response_bytes", call->response_bytes);
    put_messages(writer, call);
    key_time(writer, "end", call->end_ns);
    end(writer, cut);
}

/* How many transactions were not fully judged, by reason. */
static void put_reasons(struct json_writer *writer, const uint64_t settled[LEDGER_TRANSACTION_REASON_COUNT])
{
    json_write_key(writer, "excused");
    json_write_object_begin(writer);
    for (int i = LEDGER_TRANSACTION_AUDITED + 1; i < LEDGER_TRANSACTION_REASON_COUNT; i++)
        key_unsigned(writer, ledger_transaction_reason_name((enum ledger_transaction_reason)i), settled[i]);
    json_write_object_end(writer);
}

static void put_sum(struct json_writer *writer, const char *key, const struct ledger_sum *sum)
{
    json_write_key(writer, key);
    json_write_object_begin(writer);
    key_unsigned(writer, "packets", sum->packets);
    key_unsigned(writer, "bytes", sum->bytes);
    json_write_object_end(writer);
}

void event_json_ledger(struct json_writer *writer, const struct ledger *ledger)
{
    put_sum(writer, "received", &ledger->received);
    put_sum(writer, "audited", &ledger->settled[LEDGER_AUDITED]);
    put_sum(writer, "pending", &ledger->pending);
    json_write_key(writer, "excused");
    json_write_object_begin(writer);
    for (int i = LEDGER_AUDITED + 1; i < LEDGER_REASON_COUNT; i++)
        put_sum(writer, ledger_reason_name((enum ledger_reason)i), &ledger->settled[i]);
    json_write_object_end(writer);
    json_write_key(writer, "transactions");
    json_write_object_begin(writer);
    key_unsigned(writer, "seen", ledger->transactions_seen);
    key_unsigned(writer, "audited", ledger->transactions_settled[LEDGER_TRANSACTION_AUDITED]);
    key_unsigned(writer, "pending", ledger->transactions_pending);
    put_reasons(writer, ledger->transactions_settled);
    json_write_object_end(writer);
    json_write_key(writer, "not_received");
    json_write_object_begin(writer);
    for (int i = 0; i < LEDGER_MISSING_COUNT; i++)
        key_unsigned(writer, ledger_missing_name((enum ledger_missing)i), ledger->missing[i]);
    json_write_object_end(writer);
    json_write_key(writer, "balanced");
    json_write_boolean(writer, ledger_balanced(ledger));
}

static void put_rollup(struct json_writer *writer, const struct rollup *rollup)
{
    key_unsigned(writer, "seconds", rollup->seconds);
    key_span(writer, "operation", rollup->operation);
    key_span(writer, "rule", rollup->rule);
    key_unsigned(writer, "calls", rollup->calls);
    json_write_key(writer, "verdicts");
    json_write_object_begin(writer);
    for (int i = 0; i < VERDICT_COUNT; i++)
        key_unsigned(writer, verdict_name((enum verdict)i), rollup->verdicts[i]);
    json_write_object_end(writer);
    key_unsigned(writer, "epoch", rollup->epoch);
}

static void put_reload(struct json_writer *writer, const struct reload_report *reload)
{
    json_write_key(writer, "accepted");
    json_write_boolean(writer, reload->accepted);
    key_unsigned(writer, "epoch", reload->epoch);
    key_span(writer, "rules_digest", reload->rules_digest);
    key_span(writer, "registry_digest", reload->registry_digest);
    key_span(writer, "configuration_digest", reload->configuration_digest);
    key_unsigned(writer, "pid", reload->pid);
    key_unsigned(writer, "uid", reload->uid);
    key_span(writer, "error", reload->error);
}

static void put_lifecycle(struct json_writer *writer, const struct lifecycle *lifecycle)
{
    key_text(writer, "event", lifecycle_event_name(lifecycle->event));
    key_worker(writer, lifecycle->worker);
    key_unsigned(writer, "pid", lifecycle->pid);
    key_unsigned(writer, "epoch", lifecycle->epoch);
    key_span(writer, "version", lifecycle->version);
    key_span(writer, "configuration_digest", lifecycle->configuration_digest);
}

static void put_heartbeat(struct json_writer *writer, const struct heartbeat *heartbeat)
{
    key_unsigned(writer, "pid", heartbeat->pid);
    key_unsigned(writer, "epoch", heartbeat->epoch);
    key_unsigned(writer, "packets", heartbeat->packets);
    key_unsigned(writer, "transactions", heartbeat->transactions);
    key_unsigned(writer, "findings", heartbeat->findings);
}

void event_json_service(struct json_writer *writer, const struct service_report *service)
{
    key_span(writer, "host", service->host);
    json_write_key(writer, "transactions");
    json_write_object_begin(writer);
    key_unsigned(writer, "audited", service->transactions[LEDGER_TRANSACTION_AUDITED]);
    put_reasons(writer, service->transactions);
    json_write_object_end(writer);
    json_write_key(writer, "tls");
    json_write_object_begin(writer);
    for (int i = 0; i < LEDGER_TLS_COUNT; i++)
        key_unsigned(writer, ledger_tls_name((enum ledger_tls)i), service->tls[i]);
    json_write_object_end(writer);
    key_unsigned(writer, "gaps", service->gaps);
    key_unsigned(writer, "gap_bytes", service->gap_bytes);
}

static void put_service(struct json_writer *writer, const struct service_report *service)
{
    key_worker(writer, service->worker);
    key_unsigned(writer, "seconds", service->seconds);
    event_json_service(writer, service);
}

/* Null before 1970 and behind what 64 bits of nanoseconds hold. */
static void key_seconds(struct json_writer *writer, const char *key, int64_t seconds)
{
    if (seconds >= 0 && (uint64_t)seconds < UINT64_MAX / 1000000000u)
        key_time(writer, key, (uint64_t)seconds * 1000000000u);
    else
        key_span(writer, key, (struct span){0});
}

void event_json_certificate(struct json_writer *writer, const struct certificate_report *certificate)
{
    key_span(writer, "sha256", certificate->sha256);
    key_text(writer, "presented_by", certificate->client ? "client" : "server");
    key_span(writer, "subject", certificate->subject);
    key_span(writer, "issuer", certificate->issuer);
    key_span(writer, "serial", certificate->serial);
    key_span(writer, "names", certificate->names);
    key_seconds(writer, "not_before", certificate->not_before_s);
    key_seconds(writer, "not_after", certificate->not_after_s);
    put_address(writer, "dst", "dst_port", &certificate->server, certificate->server_port);
    key_time(writer, "first", certificate->first_ns);
    key_time(writer, "last", certificate->last_ns);
    key_unsigned(writer, "count", certificate->count);
}

void event_json_record(struct json_writer *writer, const struct record *record, const struct event_origin *origin)
{
    enum record_kind kind = (enum record_kind)record->header.kind;
    bool cut = (record->header.flags & RECORD_CUT) != 0;
    if (kind == RECORD_FINDING) {
        event_json_finding(writer, &record->finding, origin, cut);
        return;
    }
    if (kind == RECORD_TRANSACTION) {
        event_json_call(writer, &record->call, origin, cut);
        return;
    }
    begin(writer, record_kind_name(kind), record->header.time_ns, origin);
    if (kind == RECORD_ROLLUP)
        put_rollup(writer, &record->rollup);
    else if (kind == RECORD_RELOAD)
        put_reload(writer, &record->reload);
    else if (kind == RECORD_LIFECYCLE)
        put_lifecycle(writer, &record->lifecycle);
    else if (kind == RECORD_HEARTBEAT)
        put_heartbeat(writer, &record->heartbeat);
    else if (kind == RECORD_SERVICE)
        put_service(writer, &record->service);
    else if (kind == RECORD_CERTIFICATE)
        event_json_certificate(writer, &record->certificate);
    if (kind == RECORD_LEDGER) {
        key_worker(writer, record->ledger.worker);
        key_unsigned(writer, "epoch", record->ledger.epoch);
        event_json_ledger(writer, &record->ledger.ledger);
    }
    end(writer, cut);
}

void event_json_unreadable(struct json_writer *writer, struct span bytes, const struct event_origin *origin)
{
    struct record_header header = {.size = 0};
    memcpy(&header, bytes.data, min_u32(bytes.size, sizeof(header)));
    begin(writer, "unreadable", header.time_ns, origin);
    key_unsigned(writer, "kind", header.kind);
    key_unsigned(writer, "layout", header.layout);
    key_unsigned(writer, "size", bytes.size);
    /* Hex goes out in pieces joined by the reader, so that no buffer of twice the largest record is needed. */
    json_write_key(writer, "bytes");
    json_write_array_begin(writer);
    for (uint32_t at = 0; at < bytes.size; at += RECORD_TEXT_MAX) {
        char text[2 * RECORD_TEXT_MAX];
        struct span piece = span_first(span_from(bytes, at), RECORD_TEXT_MAX);
        hex_write(piece.data, piece.size, text);
        json_write_string(writer, span_of(text, 2 * (size_t)piece.size));
    }
    json_write_array_end(writer);
    json_write_object_end(writer);
}
