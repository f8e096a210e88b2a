/* SPDX-License-Identifier: Apache-2.0 */

/* event: records there and back again, refusal of damaged ones, and their JSON. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/json.h"
#include "event/record.h"

#define assert_span(actual, expected)                                                                                  \
    do {                                                                                                               \
        struct span a_ = (actual), e_ = (expected);                                                                    \
        assert_int_equal(a_.data == NULL, e_.data == NULL);                                                            \
        assert_true(span_equal(a_, e_));                                                                               \
    } while (0)

static uint64_t buffer[RECORD_SIZE_MAX / 8 + 1];

static struct call sample_call(void)
{
    struct call call = {.time_ns = UINT64_C(1763654400123456789),
                        .end_ns = UINT64_C(1763654400223456789),
                        .protocol = CALL_HTTP2,
                        .flags = CALL_GAP | CALL_MIDSTREAM,
                        .status = 404,
                        .host = SPAN_LITERAL("api.example"),
                        .method = SPAN_LITERAL("GET"),
                        .path = SPAN_LITERAL("/v1/a\"b"),
                        .request_bytes = 7,
                        .response_bytes = UINT64_MAX,
                        .graphql = CALL_GRAPHQL_MUTATION,
                        .graphql_name = SPAN_LITERAL("Rename"),
                        .outcome = CALL_OUTCOME_RETURNED,
                        .request_messages = 3,
                        .response_messages = UINT32_MAX,
                        .operation = {NULL, 0},
                        .caller = {CALL_CALLER_TOKEN, SPAN_LITERAL("00ff"), {NULL, 0}}};
    assert_int_equal(address_parse("192.0.2.1", &call.endpoints.source, &call.endpoints.ip_version), 0);
    assert_int_equal(address_parse("198.51.100.7", &call.endpoints.destination, &call.endpoints.ip_version), 0);
    call.endpoints.source_port = 40000;
    call.endpoints.destination_port = 443;
    call.endpoints.tunnel_count = 2;
    call.endpoints.tunnels[0] = (struct tunnel){.id = 100, .kind = TUNNEL_VLAN};
    call.endpoints.tunnels[1] = (struct tunnel){.id = 5001, .kind = TUNNEL_VXLAN};
    return call;
}

static struct finding sample_finding(const struct call *call)
{
    return (struct finding){.call = call,
                            .time_ns = UINT64_C(1763654401000000000),
                            .rule = SPAN_LITERAL("HDR-001"),
                            .title = SPAN_LITERAL("No request id"),
                            .verdict = VERDICT_FAIL,
                            .severity = SEVERITY_HIGH,
                            .epoch = 3,
                            .rules_digest = SPAN_LITERAL("aa11"),
                            .registry_digest = SPAN_LITERAL("bb22"),
                            .source_file = SPAN_LITERAL("orders.yaml"),
                            .source_line = 12,
                            .evidence_count = 2,
                            .requirement_count = 1,
                            .evidence = {{SPAN_LITERAL("header"), SPAN_LITERAL("X-Request-ID")},
                                         {SPAN_LITERAL("header"), SPAN_LITERAL("X-Correlation-ID")}},
                            .requirements = {SPAN_LITERAL("P4.2.1")}};
}

static void assert_calls_equal(const struct call *a, const struct call *b)
{
    assert_int_equal(a->time_ns, b->time_ns);
    assert_int_equal(a->end_ns, b->end_ns);
    assert_int_equal(a->protocol, b->protocol);
    assert_int_equal(a->graphql, b->graphql);
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->request_messages, b->request_messages);
    assert_int_equal(a->response_messages, b->response_messages);
    assert_true(span_equal(a->graphql_name, b->graphql_name));
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->status, b->status);
    assert_true(a->request_bytes == b->request_bytes && a->response_bytes == b->response_bytes);
    assert_span(a->host, b->host);
    assert_span(a->method, b->method);
    assert_span(a->path, b->path);
    assert_span(a->operation, b->operation);
    assert_span(a->caller.kind, b->caller.kind);
    assert_span(a->caller.id, b->caller.id);
    assert_span(a->caller.role, b->caller.role);
    assert_memory_equal(&a->endpoints.source, &b->endpoints.source, 16);
    assert_memory_equal(&a->endpoints.destination, &b->endpoints.destination, 16);
    assert_int_equal(a->endpoints.source_port, b->endpoints.source_port);
    assert_int_equal(a->endpoints.destination_port, b->endpoints.destination_port);
    assert_int_equal(a->endpoints.ip_version, b->endpoints.ip_version);
    assert_int_equal(a->endpoints.tunnel_count, b->endpoints.tunnel_count);
    for (int i = 0; i < a->endpoints.tunnel_count; i++) {
        assert_int_equal(a->endpoints.tunnels[i].id, b->endpoints.tunnels[i].id);
        assert_int_equal(a->endpoints.tunnels[i].kind, b->endpoints.tunnels[i].kind);
    }
}

static void a_finding_comes_back_as_it_went(void **state)
{
    (void)state;
    struct call call = sample_call();
    struct finding finding = sample_finding(&call), *back;
    struct record record;
    uint32_t size = record_encode_finding(&finding, buffer);
    assert_int_equal(size, record_finding_size(&finding));
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_int_equal(record.header.kind, RECORD_FINDING);
    assert_int_equal(record.header.flags, 0);
    back = &record.finding;
    assert_ptr_equal(back->call, &record.call);
    assert_calls_equal(back->call, &call);
    assert_int_equal(back->time_ns, finding.time_ns);
    assert_int_equal(back->verdict, VERDICT_FAIL);
    assert_int_equal(back->severity, SEVERITY_HIGH);
    assert_int_equal(back->epoch, 3);
    assert_int_equal(back->source_line, 12);
    assert_span(back->rule, finding.rule);
    assert_span(back->title, finding.title);
    assert_span(back->rules_digest, finding.rules_digest);
    assert_span(back->registry_digest, finding.registry_digest);
    assert_span(back->source_file, finding.source_file);
    assert_span(back->source_commit, finding.source_commit);
    assert_int_equal(back->evidence_count, 2);
    assert_span(back->evidence[1].value, finding.evidence[1].value);
    assert_int_equal(back->requirement_count, 1);
    assert_span(back->requirements[0], finding.requirements[0]);
}

static void a_finding_without_call_and_an_empty_text_come_back(void **state)
{
    (void)state;
    struct finding finding = sample_finding(NULL);
    finding.title = SPAN_LITERAL("");
    struct record record;
    uint32_t size = record_encode_finding(&finding, buffer);
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_null(record.finding.call);
    assert_non_null(record.finding.title.data);
    assert_int_equal(record.finding.title.size, 0);
}

static void a_transaction_comes_back(void **state)
{
    (void)state;
    struct call call = sample_call();
    struct record record;
    call.method = call.path = call.host = (struct span){NULL, 0};
    call.status = CALL_STATUS_NONE;
    uint32_t size = record_encode_call(&call, buffer);
    assert_int_equal(size, record_call_size(&call));
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_int_equal(record.header.kind, RECORD_TRANSACTION);
    assert_calls_equal(&record.call, &call);
}

static void the_other_kinds_come_back(void **state)
{
    (void)state;
    struct record record;
    struct rollup rollup = {.start_ns = 60000000000u, .seconds = 60, .epoch = 9, .calls = 77, .rule = {NULL, 0}};
    rollup.operation = SPAN_LITERAL("getOrder");
    for (int i = 0; i < VERDICT_COUNT; i++)
        rollup.verdicts[i] = 100u + (unsigned)i;
    uint32_t size = record_encode_rollup(&rollup, buffer);
    assert_int_equal(size, record_rollup_size(&rollup));
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_int_equal(record.rollup.start_ns, rollup.start_ns);
    assert_int_equal(record.rollup.calls, 77);
    assert_int_equal(record.rollup.seconds, 60);
    assert_memory_equal(record.rollup.verdicts, rollup.verdicts, sizeof(rollup.verdicts));
    assert_span(record.rollup.operation, rollup.operation);
    assert_span(record.rollup.rule, rollup.rule);

    struct ledger_report report = {.time_ns = 5, .worker = 2, .epoch = 4};
    uint64_t *counters = (uint64_t *)&report.ledger;
    for (size_t i = 0; i < sizeof(report.ledger) / 8; i++)
        counters[i] = i * 1000003u;
    size = record_encode_ledger(&report, buffer);
    assert_int_equal(size, record_ledger_size());
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_int_equal(record.ledger.worker, 2);
    assert_int_equal(record.ledger.epoch, 4);
    assert_memory_equal(&record.ledger.ledger, &report.ledger, sizeof(report.ledger));

    struct reload_report reload = {.time_ns = 6, .accepted = false, .epoch = 8, .pid = 10, .uid = 11};
    reload.rules_digest = SPAN_LITERAL("r");
    reload.registry_digest = SPAN_LITERAL("g");
    reload.configuration_digest = SPAN_LITERAL("c");
    reload.error = SPAN_LITERAL("rules/a.yaml:3:1: no such check");
    size = record_encode_reload(&reload, buffer);
    assert_int_equal(size, record_reload_size(&reload));
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_false(record.reload.accepted);
    assert_int_equal(record.reload.pid, 10);
    assert_int_equal(record.reload.uid, 11);
    assert_span(record.reload.error, reload.error);
    assert_span(record.reload.configuration_digest, reload.configuration_digest);

    struct lifecycle lifecycle = {.time_ns = 7, .event = LIFECYCLE_DIED, .worker = RECORD_WORKER_ALL, .pid = 12};
    lifecycle.version = SPAN_LITERAL("1.2");
    lifecycle.configuration_digest = SPAN_LITERAL("d");
    size = record_encode_lifecycle(&lifecycle, buffer);
    assert_int_equal(size, record_lifecycle_size(&lifecycle));
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_int_equal(record.lifecycle.event, LIFECYCLE_DIED);
    assert_int_equal(record.lifecycle.worker, RECORD_WORKER_ALL);
    assert_span(record.lifecycle.version, lifecycle.version);

    struct heartbeat heartbeat = {.time_ns = 8, .pid = 1, .epoch = 2, .packets = 3, .transactions = 4, .findings = 5};
    size = record_encode_heartbeat(&heartbeat, buffer);
    assert_int_equal(size, record_heartbeat_size());
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_int_equal(record.heartbeat.time_ns, 8);
    assert_int_equal(record.heartbeat.findings, 5);

    struct service_report service = {.start_ns = 9, .seconds = 60, .worker = 2, .gaps = 3, .gap_bytes = 4000};
    service.host = SPAN_LITERAL("api.example:8080");
    for (int i = 0; i < LEDGER_TRANSACTION_REASON_COUNT; i++)
        service.transactions[i] = 100u + (uint64_t)i;
    for (int i = 0; i < LEDGER_TLS_COUNT; i++)
        service.tls[i] = 200u + (uint64_t)i;
    size = record_encode_service(&service, buffer);
    assert_int_equal(size, record_service_size(&service));
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_int_equal(record.header.kind, RECORD_SERVICE);
    assert_int_equal(record.service.start_ns, 9);
    assert_int_equal(record.service.seconds, 60);
    assert_int_equal(record.service.worker, 2);
    assert_int_equal(record.service.gaps, 3);
    assert_int_equal(record.service.gap_bytes, 4000);
    assert_span(record.service.host, service.host);
    assert_memory_equal(record.service.transactions, service.transactions, sizeof(service.transactions));
    assert_memory_equal(record.service.tls, service.tls, sizeof(service.tls));
    struct certificate_report certificate = {.first_ns = 1, .last_ns = 12, .count = 3, .not_before_s = -5};
    certificate.not_after_s = INT64_MAX;
    certificate.server_port = 443;
    certificate.client = true;
    certificate.sha256 = SPAN_LITERAL("00ff");
    certificate.subject = SPAN_LITERAL("CN=api");
    certificate.names = SPAN_LITERAL("api.example");
    size = record_encode_certificate(&certificate, buffer);
    assert_int_equal(size, record_certificate_size(&certificate));
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_int_equal(record.header.kind, RECORD_CERTIFICATE);
    assert_int_equal(record.certificate.first_ns, 1);
    assert_int_equal(record.certificate.last_ns, 12);
    assert_int_equal(record.certificate.count, 3);
    assert_int_equal(record.certificate.not_before_s, -5);
    assert_true(record.certificate.not_after_s == INT64_MAX);
    assert_int_equal(record.certificate.server_port, 443);
    assert_true(record.certificate.client);
    assert_span(record.certificate.sha256, certificate.sha256);
    assert_span(record.certificate.subject, certificate.subject);
    assert_null(record.certificate.issuer.data);
    assert_span(record.certificate.names, certificate.names);

    service.host = (struct span){NULL, 0};
    size = record_encode_service(&service, buffer);
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_null(record.service.host.data);
}

static void texts_beyond_their_limit_are_cut_and_said_to_be(void **state)
{
    (void)state;
    static char large[40000];
    memset(large, 'x', sizeof(large));
    struct span huge = span_of(large, sizeof(large));
    struct call call = sample_call();
    struct finding finding = sample_finding(&call);
    struct record record;
    call.path = span_of(large, RECORD_PATH_MAX);
    uint32_t size = record_encode_finding(&finding, buffer);
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_int_equal(record.header.flags, 0);
    assert_int_equal(record.call.flags, call.flags);

    call.path = call.host = call.method = call.operation = call.graphql_name = huge;
    finding.rule = finding.title = finding.rules_digest = finding.registry_digest = huge;
    finding.source_file = finding.source_commit = huge;
    finding.evidence_count = FINDING_EVIDENCE_MAX;
    finding.requirement_count = FINDING_REQUIREMENTS_MAX;
    for (int i = 0; i < FINDING_EVIDENCE_MAX; i++)
        finding.evidence[i] = (struct finding_evidence){huge, huge};
    for (int i = 0; i < FINDING_REQUIREMENTS_MAX; i++)
        finding.requirements[i] = huge;
    call.endpoints.tunnel_count = TUNNELS_MAX;
    size = record_encode_finding(&finding, buffer);
    assert_true(size <= RECORD_SIZE_MAX);
    assert_int_equal(size, record_finding_size(&finding));
    assert_int_equal(record_decode(buffer, size, &record), 0);
    assert_int_equal(record.header.flags, RECORD_CUT);
    assert_int_equal(record.call.flags, call.flags | CALL_TRUNCATED);
    assert_int_equal(record.call.path.size, RECORD_PATH_MAX);
    assert_int_equal(record.finding.evidence[15].value.size, RECORD_TEXT_MAX);
}

/* Every shorter record, with a header that says so, and every longer one, must be refused. */
static void records_that_are_not_whole_are_refused(void **state)
{
    (void)state;
    struct call call = sample_call();
    struct finding finding = sample_finding(&call);
    struct record record;
    uint32_t size = record_encode_finding(&finding, buffer);
    struct record_header *header = (struct record_header *)buffer;
    for (uint32_t cut = 0; cut < size; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);
        header->size = cut;
        memcpy(copy, buffer, cut);
        assert_int_equal(record_decode(copy, cut, &record), -EBADMSG);
        free(copy);
    }
    header->size = size + 1;
    assert_int_equal(record_decode(buffer, size + 1, &record), -EBADMSG);
    header->size = size;
    assert_int_equal(record_decode(buffer, size, &record), 0);
    header->layout = RECORD_LAYOUT + 1;
    assert_int_equal(record_decode(buffer, size, &record), -EPROTONOSUPPORT);
    header->layout = RECORD_LAYOUT;
    header->kind = RECORD_KIND_COUNT;
    assert_int_equal(record_decode(buffer, size, &record), -EPROTONOSUPPORT);
    header->kind = RECORD_FINDING;
    header->flags = 2;
    assert_int_equal(record_decode(buffer, size, &record), -EBADMSG);
}

static void json_of_a_finding_is_the_documented_line(void **state)
{
    (void)state;
    static const char expected[] =
        "{\"type\":\"finding\",\"sensor\":\"s1\",\"ring\":2,\"sequence\":77,"
        "\"time\":\"2025-11-20T16:00:00.123456789Z\",\"queue\":\"00000000deadbeef\","
        "\"rule\":\"HDR-001\",\"verdict\":\"fail\",\"severity\":\"high\",\"title\":\"No request id\","
        "\"evidence\":{\"header\":\"X-Request-ID\",\"header_2\":\"X-Correlation-ID\"},"
        "\"protocol\":\"http2\",\"src\":\"192.0.2.1\",\"src_port\":40000,\"dst\":\"198.51.100.7\",\"dst_port\":443,"
        "\"host\":\"api.example\",\"method\":\"GET\",\"path\":\"/v1/a\\\"b\",\"status\":404,\"tls\":null,"
        "\"tunnels\":[{\"kind\":\"vlan\",\"id\":100},{\"kind\":\"vxlan\",\"id\":5001}],"
        "\"flags\":[\"gap\",\"midstream\"],\"operation\":null,"
        "\"caller\":{\"kind\":\"token\",\"id\":\"00ff\",\"role\":null},"
        "\"graphql\":{\"operation_type\":\"mutation\",\"operation_name\":\"Rename\"},"
        "\"requirements\":[\"P4.2.1\"],\"epoch\":3,"
        "\"rules_digest\":\"aa11\",\"registry_digest\":\"bb22\","
        "\"source\":{\"file\":\"orders.yaml\",\"line\":12,\"commit\":null},"
        "\"decided\":\"2025-11-20T16:00:01.000000000Z\"}";
    struct call call = sample_call();
    struct finding finding = sample_finding(&call);
    struct event_origin origin = {.sensor = "s1", .queue = 0xdeadbeef, .ring = 2, .sequence = 77};
    static char text[EVENT_JSON_MAX];
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof(text));
    event_json_finding(&writer, &finding, &origin, false);
    assert_false(writer.overflow);
    assert_int_equal(writer.size, sizeof(expected) - 1);
    assert_memory_equal(text, expected, writer.size);

    struct record record;
    uint32_t size = record_encode_finding(&finding, buffer);
    assert_int_equal(record_decode(buffer, size, &record), 0);
    json_writer_init(&writer, text, sizeof(text));
    event_json_record(&writer, &record, &origin);
    assert_int_equal(writer.size, sizeof(expected) - 1);
    assert_memory_equal(text, expected, writer.size);
}

static void json_without_origin_and_call_keeps_the_fields(void **state)
{
    (void)state;
    static const char expected[] =
        "{\"type\":\"finding\",\"time\":\"2025-11-20T16:00:01.000000000Z\","
        "\"rule\":\"AUD-001\",\"verdict\":\"error\",\"severity\":\"info\",\"title\":\"t\",\"evidence\":{},"
        "\"protocol\":null,\"src\":null,\"src_port\":null,\"dst\":null,\"dst_port\":null,"
        "\"host\":null,\"method\":null,\"path\":null,\"status\":null,\"tls\":null,\"tunnels\":[],\"flags\":[],"
        "\"operation\":null,\"caller\":null,\"graphql\":null,\"requirements\":[],\"epoch\":0,\"rules_digest\":null,"
        "\"registry_digest\":"
        "null,"
        "\"source\":null,\"decided\":\"2025-11-20T16:00:01.000000000Z\",\"cut\":true}";
    struct finding finding = {.time_ns = UINT64_C(1763654401000000000)};
    finding.rule = SPAN_LITERAL("AUD-001");
    finding.title = SPAN_LITERAL("t");
    char text[2048];
    struct json_writer writer;
    json_writer_init(&writer, text, sizeof(text));
    event_json_finding(&writer, &finding, NULL, true);
    assert_int_equal(writer.size, sizeof(expected) - 1);
    assert_memory_equal(text, expected, writer.size);
}

static void json_of_the_worst_finding_fits(void **state)
{
    (void)state;
    static char control[RECORD_PATH_MAX];
    memset(control, 1, sizeof(control));
    struct span worst = span_of(control, sizeof(control));
    struct call call = sample_call();
    struct finding finding = sample_finding(&call);
    call.host = call.method = call.path = call.operation = call.graphql_name = worst;
    call.caller = (struct call_caller){worst, worst, worst};
    finding.rule = finding.title = finding.rules_digest = finding.registry_digest = worst;
    finding.source_file = finding.source_commit = worst;
    finding.evidence_count = FINDING_EVIDENCE_MAX;
    finding.requirement_count = FINDING_REQUIREMENTS_MAX;
    for (int i = 0; i < FINDING_EVIDENCE_MAX; i++)
        finding.evidence[i] = (struct finding_evidence){worst, worst};
    for (int i = 0; i < FINDING_REQUIREMENTS_MAX; i++)
        finding.requirements[i] = worst;
    struct record record;
    uint32_t size = record_encode_finding(&finding, buffer);
    assert_int_equal(record_decode(buffer, size, &record), 0);
    char *text = malloc(EVENT_JSON_MAX);
    struct json_writer writer;
    json_writer_init(&writer, text, EVENT_JSON_MAX);
    event_json_record(&writer, &record, &(struct event_origin){.sensor = "s"});
    assert_false(writer.overflow);
    json_writer_init(&writer, text, EVENT_JSON_MAX);
    static uint8_t bytes[RECORD_SIZE_MAX];
    event_json_unreadable(&writer, span_of(bytes, sizeof(bytes)), &(struct event_origin){.sensor = "s"});
    assert_false(writer.overflow);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finding_comes_back_as_it_went),
        cmocka_unit_test(a_finding_without_call_and_an_empty_text_come_back),
        cmocka_unit_test(a_transaction_comes_back),
        cmocka_unit_test(the_other_kinds_come_back),
        cmocka_unit_test(texts_beyond_their_limit_are_cut_and_said_to_be),
        cmocka_unit_test(records_that_are_not_whole_are_refused),
        cmocka_unit_test(json_of_a_finding_is_the_documented_line),
        cmocka_unit_test(json_without_origin_and_call_keeps_the_fields),
        cmocka_unit_test(json_of_the_worst_finding_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
