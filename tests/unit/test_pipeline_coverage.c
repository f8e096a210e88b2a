/* SPDX-License-Identifier: Apache-2.0 */

/*
 * pipeline: what is told of coverage. Transactions and holes fall to the host their connection spoke to, all of them to
 * some row; connections that contradict themselves are told once, with the reason.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/pipeline_fixture.h"
#include "wire.h"

#define FRAMES_MAX   512u
#define FRAME_SIZE   1600u
#define REPORTS_MAX  64u
#define FINDINGS_MAX 64u
#define SECOND_NS    UINT64_C(1000000000)
#define START_NS     (1000000 * SECOND_NS) /* not on a minute: 1,000,000 = 16666 * 60 + 40 */

struct kept_report {
    struct service_report report;
    char host[300];
};

struct kept_finding {
    char reasons[200];
    struct call call;
    uint64_t time_ns;
};

struct bench {
    struct pipeline_fixture fixture;
    struct kept_report reports[REPORTS_MAX];
    uint32_t report_count;
    struct kept_finding findings[FINDINGS_MAX]; /* of FLW-001 */
    uint32_t finding_count;
    uint32_t ambiguous_calls;
    uint8_t frames[FRAMES_MAX][FRAME_SIZE];
    struct packet packets[FRAMES_MAX];
    uint32_t frame_count;
    uint64_t now_ns;
};

/* One connection being written. */
struct talk {
    struct bench *bench;
    uint16_t port;
    uint32_t sequence[2];
};

static void keep_finding(struct bench *bench, const struct finding *finding)
{
    if (!span_equal(finding->rule, SPAN_LITERAL("FLW-001")))
        return;
    assert_true(bench->finding_count < FINDINGS_MAX);
    struct kept_finding *kept = &bench->findings[bench->finding_count++];
    assert_non_null(finding->call);
    assert_int_equal(finding->evidence_count, 1);
    assert_true(span_equal(finding->evidence[0].name, SPAN_LITERAL("reasons")));
    assert_int_equal(finding->verdict, VERDICT_FAIL);
    assert_int_equal(finding->severity, SEVERITY_MEDIUM);
    assert_int_equal(finding->requirement_count, 3);
    snprintf(kept->reasons, sizeof(kept->reasons), "%.*s", (int)finding->evidence[0].value.size,
             (const char *)finding->evidence[0].value.data);
    kept->call = *finding->call;
    kept->time_ns = finding->time_ns;
}

static void keep_service(struct bench *bench, const struct service_report *report)
{
    assert_true(bench->report_count < REPORTS_MAX);
    struct kept_report *kept = &bench->reports[bench->report_count++];
    kept->report = *report;
    snprintf(kept->host, sizeof(kept->host), "%.*s", (int)report->host.size, (const char *)report->host.data);
}

static void drain(void *context)
{
    struct bench *bench = context;
    struct span bytes;
    while (ring_next(&bench->fixture.consumer, &bytes) == RING_RECORD) {
        struct record record;
        assert_int_equal(record_decode(bytes.data, bytes.size, &record), 0);
        if (record.header.kind == RECORD_SERVICE)
            keep_service(bench, &record.service);
        else if (record.header.kind == RECORD_FINDING)
            keep_finding(bench, &record.finding);
        else if (record.header.kind == RECORD_TRANSACTION)
            bench->ambiguous_calls += (record.call.flags & CALL_AMBIGUOUS) != 0;
    }
    ring_release(&bench->fixture.consumer, bench->fixture.consumer.position);
}

static void bench_start(struct bench *bench, bool rollups)
{
    fixture_init(&bench->fixture, 256, 1024);
    fixture_start(&bench->fixture, rollups, drain, bench);
    bench->now_ns = START_NS;
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct bench));
    bench_start(*state, false);
    return 0;
}

static int setup_rollups(void **state)
{
    *state = calloc(1, sizeof(struct bench));
    bench_start(*state, true);
    return 0;
}

static int teardown(void **state)
{
    fixture_stop(&((struct bench *)*state)->fixture);
    free(*state);
    return 0;
}

/* -------------------------------------------------------------------- frames */

/* RFC 9293 3.1: over a pseudo header of addresses, protocol and size, and the segment. */
static uint16_t tcp_checksum(const uint8_t *frame, uint32_t size)
{
    uint32_t sum = 6 + 20 + size;
    for (uint32_t i = 26; i < 34; i++)
        sum += i % 2 ? frame[i] : (uint32_t)frame[i] << 8;
    for (uint32_t i = 34; i < 54 + size; i++)
        sum += i % 2 ? frame[i] : (uint32_t)frame[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Ethernet, IPv4, TCP without options. Returns the frame's number. */
static uint32_t segment(struct talk *talk, int from_server, uint8_t flags, const char *data, uint32_t size)
{
    struct bench *bench = talk->bench;
    assert_true(bench->frame_count < FRAMES_MAX && size <= FRAME_SIZE - 54);
    uint8_t *frame = bench->frames[bench->frame_count];
    put16(frame + 12, 0x0800);
    frame[14] = 0x45;
    put16(frame + 16, 40 + size);
    frame[22] = 64;
    frame[23] = 6;
    put32(frame + 26, from_server ? 0x0a000002 : 0x0a000001);
    put32(frame + 30, from_server ? 0x0a000001 : 0x0a000002);
    put16(frame + 34, from_server ? 80 : talk->port);
    put16(frame + 36, from_server ? talk->port : 80);
    put32(frame + 38, talk->sequence[from_server]);
    put32(frame + 42, flags == 0x02 ? 0 : talk->sequence[!from_server]);
    frame[46] = 0x50;
    frame[47] = flags;
    put16(frame + 48, 65535);
    memcpy(frame + 54, data, size);
    put16(frame + 50, tcp_checksum(frame, size));
    bench->packets[bench->frame_count] = (struct packet){.data = frame,
                                                         .size = 54 + size,
                                                         .wire_size = 54 + size,
                                                         .time_ns = bench->now_ns,
                                                         .link = PACKET_LINK_ETHERNET};
    bench->now_ns += 1000000;
    talk->sequence[from_server] += size + ((flags & 0x03) != 0);
    return bench->frame_count++;
}

static struct talk talk_open(struct bench *bench, uint16_t port)
{
    struct talk talk = {bench, port, {1000, 5000}};
    segment(&talk, 0, 0x02, "", 0);
    segment(&talk, 1, 0x12, "", 0);
    segment(&talk, 0, 0x10, "", 0);
    return talk;
}

static uint32_t say(struct talk *talk, int from_server, const char *text)
{
    return segment(talk, from_server, 0x18, text, (uint32_t)strlen(text));
}

static void talk_close(struct talk *talk)
{
    segment(talk, 0, 0x11, "", 0);
    segment(talk, 1, 0x11, "", 0);
    segment(talk, 0, 0x10, "", 0);
}

/* The tap does not see that frame. */
static void lose(struct bench *bench, uint32_t frame)
{
    bench->packets[frame].size = 0;
}

/* All frames since the last call. */
static void play(struct bench *bench)
{
    for (uint32_t i = 0; i < bench->frame_count; i++)
        if (bench->packets[i].size)
            pipeline_burst(bench->fixture.pipeline, &bench->packets[i], 1);
    memset(bench->frames, 0, sizeof(bench->frames));
    bench->frame_count = 0;
    drain(bench);
}

static void finish(struct bench *bench)
{
    play(bench);
    pipeline_flush(bench->fixture.pipeline);
    drain(bench);
}

#define GET(host) "GET /v1/list HTTP/1.1\r\nHost: " host "\r\n\r\n"
#define OK        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"

/* ------------------------------------------------------------------- services */

static struct service_report service_of(const struct bench *bench, const char *host)
{
    struct service_report report;
    const struct service_table *table = pipeline_services(bench->fixture.pipeline);
    for (uint32_t i = 0; i < SERVICE_ENTRIES_MAX; i++)
        if (service_table_entry(table, i, &report) &&
            (host ? span_equal(report.host, span_from_text(host)) : !report.host.data))
            return report;
    return (struct service_report){.worker = 0};
}

/* Every settled transaction is in exactly one row. */
static void assert_sums(const struct bench *bench)
{
    uint64_t sums[LEDGER_TRANSACTION_REASON_COUNT] = {0};
    struct service_report report;
    for (uint32_t i = 0; i < SERVICE_ENTRIES_MAX; i++)
        if (service_table_entry(pipeline_services(bench->fixture.pipeline), i, &report))
            for (uint32_t reason = 0; reason < LEDGER_TRANSACTION_REASON_COUNT; reason++)
                sums[reason] += report.transactions[reason];
    assert_memory_equal(sums, pipeline_ledger(bench->fixture.pipeline)->transactions_settled, sizeof(sums));
}

static void calls_and_holes_fall_to_their_host(void **state)
{
    struct bench *bench = *state;
    struct talk sound = talk_open(bench, 40001), holed = talk_open(bench, 40002);
    say(&sound, 0, GET("a.example"));
    say(&sound, 1, OK "0123456789");
    say(&sound, 0, GET("A.example"));
    say(&sound, 1, OK "0123456789");
    say(&holed, 0, GET("b.example"));
    say(&holed, 1, OK);
    lose(bench, say(&holed, 1, "0123456789"));
    say(&holed, 0, GET("a.example"));
    say(&holed, 1, OK "0123456789");
    talk_close(&sound);
    talk_close(&holed);
    finish(bench);
    struct service_report a = service_of(bench, "a.example"), b = service_of(bench, "b.example");
    assert_int_equal(a.transactions[LEDGER_TRANSACTION_AUDITED], 3);
    assert_int_equal(a.gaps, 0);
    assert_int_equal(b.transactions[LEDGER_TRANSACTION_AUDITED], 0);
    assert_int_equal(b.transactions[LEDGER_TRANSACTION_GAP], 1);
    assert_int_equal(b.gaps, 1);
    assert_int_equal(b.gap_bytes, 10);
    assert_sums(bench);
}

static void a_hole_before_the_first_name_is_that_hosts(void **state)
{
    struct bench *bench = *state;
    struct talk talk = talk_open(bench, 40001);
    lose(bench, say(&talk, 0, GET("lost.example")));
    say(&talk, 1, OK "0123456789");
    say(&talk, 0, GET("a.example"));
    say(&talk, 1, OK "0123456789");
    say(&talk, 0, GET("b.example"));
    say(&talk, 1, OK "0123456789");
    talk_close(&talk);
    finish(bench);
    assert_int_equal(service_of(bench, "b.example").gaps, 0);
    struct service_report a = service_of(bench, "a.example"), none = service_of(bench, NULL);
    assert_int_equal(a.transactions[LEDGER_TRANSACTION_AUDITED], 1);
    assert_int_equal(a.gaps, 1);
    assert_int_equal(a.gap_bytes, strlen(GET("lost.example")));
    assert_int_equal(none.transactions[LEDGER_TRANSACTION_NO_REQUEST], 1);
    assert_int_equal(none.gap_bytes, 0);
    assert_sums(bench);
}

static void holes_of_a_connection_that_names_nobody_are_told_as_such(void **state)
{
    struct bench *bench = *state;
    struct talk talk = talk_open(bench, 40001);
    say(&talk, 0, "GET / HTTP/1.0\r\n\r\n");
    say(&talk, 1, "HTTP/1.0 200 OK\r\n\r\n");
    lose(bench, say(&talk, 1, "01234"));
    say(&talk, 1, "56789");
    talk_close(&talk);
    finish(bench);
    struct service_report none = service_of(bench, NULL);
    assert_int_equal(none.transactions[LEDGER_TRANSACTION_GAP], 1);
    assert_int_equal(none.gaps, 1);
    assert_int_equal(none.gap_bytes, 5);
    assert_sums(bench);
}

static void other_protocols_speak_to_no_host(void **state)
{
    struct bench *bench = *state;
    struct talk talk = talk_open(bench, 40001);
    say(&talk, 1, "220 mail.example ESMTP\r\n");
    lose(bench, say(&talk, 0, "EHLO a.example\r\n"));
    say(&talk, 1, "250 mail.example\r\n");
    talk_close(&talk);
    finish(bench);
    struct service_report report;
    for (uint32_t i = 0; i < SERVICE_ENTRIES_MAX; i++)
        assert_false(service_table_entry(pipeline_services(bench->fixture.pipeline), i, &report));
}

static void services_are_told_each_minute(void **state)
{
    struct bench *bench = *state;
    struct talk talk = talk_open(bench, 40001);
    say(&talk, 0, GET("a.example"));
    say(&talk, 1, OK "0123456789");
    play(bench);
    assert_int_equal(bench->report_count, 0);
    bench->now_ns = START_NS + 20 * SECOND_NS; /* the next minute begins */
    say(&talk, 0, GET("b.example"));
    play(bench);
    assert_int_equal(bench->report_count, 1);
    const struct kept_report *first = &bench->reports[0];
    assert_string_equal(first->host, "a.example");
    assert_int_equal(first->report.start_ns, START_NS);
    assert_int_equal(first->report.seconds, 20);
    assert_int_equal(first->report.worker, 0);
    assert_int_equal(first->report.transactions[LEDGER_TRANSACTION_AUDITED], 1);
    say(&talk, 1, OK "0123456789");
    talk_close(&talk);
    finish(bench);
    assert_int_equal(bench->report_count, 2);
    assert_string_equal(bench->reports[1].host, "b.example");
    assert_int_equal(bench->reports[1].report.start_ns, START_NS + 20 * SECOND_NS);
    assert_int_equal(bench->reports[1].report.transactions[LEDGER_TRANSACTION_AUDITED], 1);
}

/* ------------------------------------------------------------------ ambiguity */

static void an_overlap_with_other_bytes_is_told_once(void **state)
{
    struct bench *bench = *state;
    struct talk talk = talk_open(bench, 40001);
    uint64_t start_ns = START_NS;
    struct talk again = talk;
    say(&talk, 0, GET("a.example"));
    say(&again, 0, GET("b.example"));
    say(&talk, 1, OK "0123456789");
    say(&talk, 0, GET("a.example"));
    say(&talk, 1, OK "0123456789");
    talk_close(&talk);
    uint64_t end_ns = bench->now_ns;
    finish(bench);
    assert_int_equal(bench->finding_count, 1);
    const struct kept_finding *finding = &bench->findings[0];
    assert_string_equal(finding->reasons, "overlap");
    assert_int_equal(finding->call.endpoints.source_port, 40001);
    assert_int_equal(finding->call.endpoints.destination_port, 80);
    assert_int_equal(finding->call.flags, CALL_AMBIGUOUS);
    assert_int_equal(finding->call.status, CALL_STATUS_NONE);
    assert_null(finding->call.method.data);
    assert_null(finding->call.path.data);
    assert_int_equal(finding->call.time_ns, start_ns);
    assert_true(finding->time_ns > start_ns && finding->time_ns < end_ns);
    assert_true(bench->ambiguous_calls >= 1);
}

static void repeated_packets_contradict_nothing(void **state)
{
    struct bench *bench = *state;
    struct talk talk = talk_open(bench, 40001);
    struct talk again = talk;
    say(&talk, 0, GET("a.example"));
    say(&again, 0, GET("a.example"));
    say(&talk, 1, OK "0123456789");
    talk_close(&talk);
    finish(bench);
    assert_int_equal(bench->finding_count, 0);
    assert_int_equal(bench->ambiguous_calls, 0);
}

static void what_was_never_read_misleads_nobody(void **state)
{
    struct bench *bench = *state;
    struct talk talk = talk_open(bench, 40001);
    say(&talk, 1, "220 mail.example ESMTP\r\n");
    struct talk again = talk;
    say(&talk, 0, "EHLO a.example\r\n");
    say(&again, 0, "EHLO b.example\r\n");
    say(&talk, 1, "250 mail.example\r\n");
    talk_close(&talk);
    finish(bench);
    assert_int_equal(bench->finding_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(calls_and_holes_fall_to_their_host),
        TEST(a_hole_before_the_first_name_is_that_hosts),
        TEST(holes_of_a_connection_that_names_nobody_are_told_as_such),
        TEST(other_protocols_speak_to_no_host),
        cmocka_unit_test_setup_teardown(services_are_told_each_minute, setup_rollups, teardown),
        TEST(an_overlap_with_other_bytes_is_told_once),
        TEST(repeated_packets_contradict_nothing),
        TEST(what_was_never_read_misleads_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
