/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Records: findings and transactions, and the decoder of all kinds.
 *
 * Texts are written one behind the other rather than at offsets: the reader then needs one check a text, and no two
 * texts can overlap.
 */

#include "event/record.h"

#include <errno.h>

#include "event/record_wire.h"

/* Fixed parts. Members lie so that there is no padding: no byte of the stack ever travels. */
struct wire_call {
    uint64_t time_ns, end_ns;
    uint64_t request_bytes, response_bytes;
    struct address source, destination;
    uint32_t flags;
    int32_t status;
    uint16_t source_port, destination_port;
    uint8_t protocol, ip_version, tunnel_count, tls;
    uint8_t graphql, outcome, zero[6];
    uint32_t request_messages, response_messages;
};

struct wire_tunnel {
    uint32_t id;
    uint32_t kind;
};

struct wire_finding {
    uint32_t epoch;
    uint32_t source_line;
    uint8_t verdict, severity, evidence_count, requirement_count;
    uint8_t has_call, zero[3];
};

static_assert(sizeof(struct wire_call) == 96, "part of the layout, without padding");
static_assert(sizeof(struct wire_tunnel) == 8, "part of the layout, without padding");
static_assert(sizeof(struct wire_finding) == 16, "part of the layout, without padding");

#define CALL_SIZE_MAX                                                                                                  \
    (sizeof(struct wire_call) + TUNNELS_MAX * sizeof(struct wire_tunnel) + RECORD_PATH_MAX + 2 * RECORD_TEXT_MAX +     \
     2 * RECORD_NAME_MAX + 5 * 2 + 8 * (RECORD_NAME_MAX + 2))
#define FINDING_SIZE_MAX                                                                                               \
    (sizeof(struct record_header) + sizeof(struct wire_finding) + CALL_SIZE_MAX + 2 * RECORD_TEXT_MAX +                \
     4 * RECORD_NAME_MAX + 6 * 2 + FINDING_EVIDENCE_MAX * (RECORD_NAME_MAX + RECORD_TEXT_MAX + 4) +                    \
     FINDING_REQUIREMENTS_MAX * (RECORD_NAME_MAX + 2))

static_assert(FINDING_SIZE_MAX <= RECORD_SIZE_MAX, "the largest kind fits");
static_assert(FINDING_EVIDENCE_MAX <= UINT8_MAX && FINDING_REQUIREMENTS_MAX <= UINT8_MAX, "counts are bytes");
static_assert(CALL_FLAG_COUNT_ < 32, "flags are 32 bits");

/* The texts of a connection: only of calls that came in TLS. */
static uint32_t tls_part_size(const struct connection_tls *tls)
{
    if (!(tls->flags & CONNECTION_TLS))
        return 0;
    return wire_text_size(tls->version, RECORD_NAME_MAX) + wire_text_size(tls->cipher, RECORD_NAME_MAX) +
           wire_text_size(tls->sni, RECORD_NAME_MAX) + wire_text_size(tls->alpn, RECORD_NAME_MAX) +
           wire_text_size(tls->client_id, RECORD_NAME_MAX);
}

static void put_tls(struct wire_writer *writer, const struct connection_tls *tls)
{
    if (!(tls->flags & CONNECTION_TLS))
        return;
    wire_put_text(writer, tls->version, RECORD_NAME_MAX);
    wire_put_text(writer, tls->cipher, RECORD_NAME_MAX);
    wire_put_text(writer, tls->sni, RECORD_NAME_MAX);
    wire_put_text(writer, tls->alpn, RECORD_NAME_MAX);
    wire_put_text(writer, tls->client_id, RECORD_NAME_MAX);
}

static void get_tls(struct wire_reader *reader, uint8_t flags, struct connection_tls *tls_out)
{
    tls_out->flags = flags;
    if (!(flags & CONNECTION_TLS))
        return;
    tls_out->version = wire_get_text(reader, RECORD_NAME_MAX);
    tls_out->cipher = wire_get_text(reader, RECORD_NAME_MAX);
    tls_out->sni = wire_get_text(reader, RECORD_NAME_MAX);
    tls_out->alpn = wire_get_text(reader, RECORD_NAME_MAX);
    tls_out->client_id = wire_get_text(reader, RECORD_NAME_MAX);
}

static uint32_t call_part_size(const struct call *call)
{
    return (uint32_t)sizeof(struct wire_call) + call->endpoints.tunnel_count * (uint32_t)sizeof(struct wire_tunnel) +
           wire_text_size(call->host, RECORD_TEXT_MAX) + wire_text_size(call->method, RECORD_NAME_MAX) +
           wire_text_size(call->path, RECORD_PATH_MAX) + wire_text_size(call->operation, RECORD_TEXT_MAX) +
           wire_text_size(call->caller.kind, RECORD_NAME_MAX) + wire_text_size(call->caller.id, RECORD_NAME_MAX) +
           wire_text_size(call->caller.role, RECORD_NAME_MAX) + tls_part_size(&call->tls) +
           wire_text_size(call->graphql_name, RECORD_NAME_MAX);
}

/* A text that will not fit whole makes the call say that it is cut, like every other limit does. */
static uint32_t call_flags(const struct call *call)
{
    bool cut = call->host.size > RECORD_TEXT_MAX || call->method.size > RECORD_NAME_MAX ||
               call->path.size > RECORD_PATH_MAX || call->operation.size > RECORD_TEXT_MAX;
    return call->flags | (cut ? (uint32_t)CALL_TRUNCATED : 0u);
}

static void put_call(struct wire_writer *writer, const struct call *call)
{
    const struct endpoints *endpoints = &call->endpoints;
    require(endpoints->tunnel_count <= TUNNELS_MAX);
    struct wire_call fixed = {.time_ns = call->time_ns,
                              .end_ns = call->end_ns,
                              .request_bytes = call->request_bytes,
                              .response_bytes = call->response_bytes,
                              .source = endpoints->source,
                              .destination = endpoints->destination,
                              .flags = call_flags(call),
                              .status = call->status,
                              .source_port = endpoints->source_port,
                              .destination_port = endpoints->destination_port,
                              .protocol = (uint8_t)call->protocol,
                              .ip_version = endpoints->ip_version,
                              .tunnel_count = endpoints->tunnel_count,
                              .tls = call->tls.flags,
                              .graphql = (uint8_t)call->graphql,
                              .outcome = (uint8_t)call->outcome,
                              .request_messages = call->request_messages,
                              .response_messages = call->response_messages};
    wire_put(writer, &fixed, sizeof(fixed));
    for (uint32_t i = 0; i < endpoints->tunnel_count; i++) {
        struct wire_tunnel tunnel = {endpoints->tunnels[i].id, endpoints->tunnels[i].kind};
        wire_put(writer, &tunnel, sizeof(tunnel));
    }
    wire_put_text(writer, call->host, RECORD_TEXT_MAX);
    wire_put_text(writer, call->method, RECORD_NAME_MAX);
    wire_put_text(writer, call->path, RECORD_PATH_MAX);
    wire_put_text(writer, call->operation, RECORD_TEXT_MAX);
    wire_put_text(writer, call->caller.kind, RECORD_NAME_MAX);
    wire_put_text(writer, call->caller.id, RECORD_NAME_MAX);
    wire_put_text(writer, call->caller.role, RECORD_NAME_MAX);
    put_tls(writer, &call->tls);
    wire_put_text(writer, call->graphql_name, RECORD_NAME_MAX);
}

static void get_call(struct wire_reader *reader, struct call *call_out)
{
    struct wire_call fixed;
    wire_get(reader, &fixed, sizeof(fixed));
    if (fixed.protocol >= CALL_PROTOCOL_COUNT || fixed.tunnel_count > TUNNELS_MAX ||
        fixed.tls >> CONNECTION_TLS_FLAG_COUNT_ || (fixed.tls && !(fixed.tls & CONNECTION_TLS)) ||
        memcmp(fixed.zero, (uint8_t[sizeof(fixed.zero)]){0}, sizeof(fixed.zero)) != 0 ||
        fixed.graphql >= CALL_GRAPHQL_COUNT || fixed.outcome >= CALL_OUTCOME_COUNT || fixed.flags >> CALL_FLAG_COUNT_) {
        reader->bad = true;
        return;
    }
    *call_out = (struct call){.time_ns = fixed.time_ns,
                              .end_ns = fixed.end_ns,
                              .request_bytes = fixed.request_bytes,
                              .response_bytes = fixed.response_bytes,
                              .flags = fixed.flags,
                              .status = fixed.status,
                              .protocol = (enum call_protocol)fixed.protocol,
                              .graphql = (enum call_graphql)fixed.graphql,
                              .outcome = (enum call_outcome)fixed.outcome,
                              .request_messages = fixed.request_messages,
                              .response_messages = fixed.response_messages,
                              .endpoints = {.source = fixed.source,
                                            .destination = fixed.destination,
                                            .source_port = fixed.source_port,
                                            .destination_port = fixed.destination_port,
                                            .ip_version = fixed.ip_version,
                                            .tunnel_count = fixed.tunnel_count}};
    for (uint32_t i = 0; i < fixed.tunnel_count; i++) {
        struct wire_tunnel tunnel;
        wire_get(reader, &tunnel, sizeof(tunnel));
        reader->bad |= tunnel.kind >= TUNNEL_KIND_COUNT;
        call_out->endpoints.tunnels[i] = (struct tunnel){tunnel.id, (uint8_t)tunnel.kind};
    }
    call_out->host = wire_get_text(reader, RECORD_TEXT_MAX);
    call_out->method = wire_get_text(reader, RECORD_NAME_MAX);
    call_out->path = wire_get_text(reader, RECORD_PATH_MAX);
    call_out->operation = wire_get_text(reader, RECORD_TEXT_MAX);
    call_out->caller.kind = wire_get_text(reader, RECORD_NAME_MAX);
    call_out->caller.id = wire_get_text(reader, RECORD_NAME_MAX);
    call_out->caller.role = wire_get_text(reader, RECORD_NAME_MAX);
    get_tls(reader, fixed.tls, &call_out->tls);
    call_out->graphql_name = wire_get_text(reader, RECORD_NAME_MAX);
}

static void get_finding(struct wire_reader *reader, struct finding *finding_out, struct call *call_out)
{
    struct wire_finding fixed;
    wire_get(reader, &fixed, sizeof(fixed));
    if (fixed.verdict >= VERDICT_COUNT || fixed.severity >= SEVERITY_COUNT || fixed.has_call > 1 ||
        fixed.evidence_count > FINDING_EVIDENCE_MAX || fixed.requirement_count > FINDING_REQUIREMENTS_MAX ||
        fixed.zero[0] || fixed.zero[1] || fixed.zero[2]) {
        reader->bad = true;
        return;
    }
    *finding_out = (struct finding){.verdict = (enum verdict)fixed.verdict,
                                    .severity = (enum severity)fixed.severity,
                                    .epoch = fixed.epoch,
                                    .source_line = fixed.source_line,
                                    .evidence_count = fixed.evidence_count,
                                    .requirement_count = fixed.requirement_count};
    if (fixed.has_call) {
        finding_out->call = call_out;
        get_call(reader, call_out);
    }
    finding_out->rule = wire_get_text(reader, RECORD_NAME_MAX);
    finding_out->title = wire_get_text(reader, RECORD_TEXT_MAX);
    finding_out->rules_digest = wire_get_text(reader, RECORD_NAME_MAX);
    finding_out->registry_digest = wire_get_text(reader, RECORD_NAME_MAX);
    finding_out->source_file = wire_get_text(reader, RECORD_TEXT_MAX);
    finding_out->source_commit = wire_get_text(reader, RECORD_NAME_MAX);
    for (uint32_t i = 0; i < fixed.evidence_count; i++) {
        finding_out->evidence[i].name = wire_get_text(reader, RECORD_NAME_MAX);
        finding_out->evidence[i].value = wire_get_text(reader, RECORD_TEXT_MAX);
    }
    for (uint32_t i = 0; i < fixed.requirement_count; i++)
        finding_out->requirements[i] = wire_get_text(reader, RECORD_NAME_MAX);
}

uint32_t record_finding_size(const struct finding *finding)
{
    require(finding->evidence_count <= FINDING_EVIDENCE_MAX);
    require(finding->requirement_count <= FINDING_REQUIREMENTS_MAX);
    uint32_t size = (uint32_t)(sizeof(struct record_header) + sizeof(struct wire_finding));
    if (finding->call)
        size += call_part_size(finding->call);
    size += wire_text_size(finding->rule, RECORD_NAME_MAX) + wire_text_size(finding->title, RECORD_TEXT_MAX) +
            wire_text_size(finding->rules_digest, RECORD_NAME_MAX) +
            wire_text_size(finding->registry_digest, RECORD_NAME_MAX) +
            wire_text_size(finding->source_file, RECORD_TEXT_MAX) +
            wire_text_size(finding->source_commit, RECORD_NAME_MAX);
    for (uint32_t i = 0; i < finding->evidence_count; i++)
        size += wire_text_size(finding->evidence[i].name, RECORD_NAME_MAX) +
                wire_text_size(finding->evidence[i].value, RECORD_TEXT_MAX);
    for (uint32_t i = 0; i < finding->requirement_count; i++)
        size += wire_text_size(finding->requirements[i], RECORD_NAME_MAX);
    return size;
}

uint32_t record_call_size(const struct call *call)
{
    return (uint32_t)sizeof(struct record_header) + call_part_size(call);
}

uint32_t record_encode_finding(const struct finding *finding, void *record_out)
{
    struct wire_writer writer = wire_begin(record_out);
    struct wire_finding fixed = {.epoch = finding->epoch,
                                 .source_line = finding->source_line,
                                 .verdict = (uint8_t)finding->verdict,
                                 .severity = (uint8_t)finding->severity,
                                 .evidence_count = (uint8_t)finding->evidence_count,
                                 .requirement_count = (uint8_t)finding->requirement_count,
                                 .has_call = finding->call != NULL};
    wire_put(&writer, &fixed, sizeof(fixed));
    if (finding->call)
        put_call(&writer, finding->call);
    wire_put_text(&writer, finding->rule, RECORD_NAME_MAX);
    wire_put_text(&writer, finding->title, RECORD_TEXT_MAX);
    wire_put_text(&writer, finding->rules_digest, RECORD_NAME_MAX);
    wire_put_text(&writer, finding->registry_digest, RECORD_NAME_MAX);
    wire_put_text(&writer, finding->source_file, RECORD_TEXT_MAX);
    wire_put_text(&writer, finding->source_commit, RECORD_NAME_MAX);
    for (uint32_t i = 0; i < finding->evidence_count; i++) {
        wire_put_text(&writer, finding->evidence[i].name, RECORD_NAME_MAX);
        wire_put_text(&writer, finding->evidence[i].value, RECORD_TEXT_MAX);
    }
    for (uint32_t i = 0; i < finding->requirement_count; i++)
        wire_put_text(&writer, finding->requirements[i], RECORD_NAME_MAX);
    return wire_end(&writer, record_out, RECORD_FINDING, finding->time_ns);
}

uint32_t record_encode_call(const struct call *call, void *record_out)
{
    struct wire_writer writer = wire_begin(record_out);
    put_call(&writer, call);
    return wire_end(&writer, record_out, RECORD_TRANSACTION, call->end_ns);
}

static void get_body(struct wire_reader *reader, struct record *record)
{
    uint64_t time_ns = record->header.time_ns;
    switch ((enum record_kind)record->header.kind) {
    case RECORD_FINDING:
        get_finding(reader, &record->finding, &record->call);
        record->finding.time_ns = time_ns;
        return;
    case RECORD_TRANSACTION:
        get_call(reader, &record->call);
        return;
    case RECORD_ROLLUP:
        wire_get_rollup(reader, &record->rollup);
        record->rollup.start_ns = time_ns;
        return;
    case RECORD_LEDGER:
        wire_get_ledger(reader, &record->ledger);
        record->ledger.time_ns = time_ns;
        return;
    case RECORD_RELOAD:
        wire_get_reload(reader, &record->reload);
        record->reload.time_ns = time_ns;
        return;
    case RECORD_LIFECYCLE:
        wire_get_lifecycle(reader, &record->lifecycle);
        record->lifecycle.time_ns = time_ns;
        return;
    case RECORD_HEARTBEAT:
        wire_get_heartbeat(reader, &record->heartbeat);
        record->heartbeat.time_ns = time_ns;
        return;
    case RECORD_SERVICE:
        wire_get_service(reader, &record->service);
        record->service.start_ns = time_ns;
        return;
    case RECORD_CERTIFICATE:
        wire_get_certificate(reader, &record->certificate);
        record->certificate.last_ns = time_ns;
        return;
    case RECORD_NONE:
    case RECORD_KIND_COUNT:
        break;
    }
    reader->bad = true;
}

int record_decode(const void *data, size_t size, struct record *record_out)
{
    struct wire_reader reader = {.at = data, .left = size};
    struct record_header header;
    wire_get(&reader, &header, sizeof(header));
    if (reader.bad || header.size != size || size > RECORD_SIZE_MAX)
        return -EBADMSG;
    if (header.layout != RECORD_LAYOUT || header.kind == RECORD_NONE || header.kind >= RECORD_KIND_COUNT)
        return -EPROTONOSUPPORT;
    if (header.reserved || (header.flags & ~(uint32_t)RECORD_CUT))
        return -EBADMSG;
    record_out->header = header;
    get_body(&reader, record_out);
    return reader.bad || reader.left ? -EBADMSG : 0;
}

const char *record_kind_name(enum record_kind kind)
{
    static const char *const names[RECORD_KIND_COUNT] = {[RECORD_NONE] = "none",
                                                         [RECORD_FINDING] = "finding",
                                                         [RECORD_TRANSACTION] = "transaction",
                                                         [RECORD_ROLLUP] = "rollup",
                                                         [RECORD_LEDGER] = "ledger",
                                                         [RECORD_RELOAD] = "reload",
                                                         [RECORD_LIFECYCLE] = "lifecycle",
                                                         [RECORD_HEARTBEAT] = "heartbeat",
                                                         [RECORD_SERVICE] = "service",
                                                         [RECORD_CERTIFICATE] = "certificate"};
    require(kind < RECORD_KIND_COUNT);
    return names[kind];
}
