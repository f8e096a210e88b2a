/* SPDX-License-Identifier: Apache-2.0 */

/*
 * coverage: hand-made ledgers against the shipped rules. When a condition begins, lasts and ends; what is a breach and
 * what is not; what the evidence says.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/shipped.h"
#include "coverage/coverage.h"

#define MINUTE_NS UINT64_C(60000000000)
#define START_NS  UINT64_C(1795186800000000000) /* 2026-11-20 */

struct told {
    char rule[16];
    char evidence[1024]; /* ";name=value" of each entry, and a ';' */
    enum verdict verdict;
    enum severity severity;
    uint64_t time_ns;
};

struct bench {
    struct settings settings;
    struct zones *zones;
    struct policy *policy;
    struct coverage_judge judge;
    struct coverage coverage;
    struct coverage_clock clock;
    struct ledger ledger;
    struct told told[64];
    uint32_t count;
};

static void keep(void *context, const struct finding *finding)
{
    struct bench *bench = context;
    assert_true(bench->count < 64);
    struct told *told = &bench->told[bench->count++];
    assert_null(finding->call);
    assert_int_equal(finding->epoch, 7);
    assert_true(finding->title.size > 0 && finding->requirement_count > 0);
    snprintf(told->rule, sizeof(told->rule), "%.*s", (int)finding->rule.size, (const char *)finding->rule.data);
    size_t used = 0;
    for (uint32_t i = 0; i < finding->evidence_count; i++) {
        const struct finding_evidence *entry = &finding->evidence[i];
        used +=
            (size_t)snprintf(told->evidence + used, sizeof(told->evidence) - used, ";%.*s=%.*s", (int)entry->name.size,
                             (const char *)entry->name.data, (int)entry->value.size, (const char *)entry->value.data);
    }
    snprintf(told->evidence + used, sizeof(told->evidence) - used, ";");
    told->verdict = finding->verdict;
    told->severity = finding->severity;
    told->time_ns = finding->time_ns;
}

static struct policy *policy_of(struct bench *bench, const char *own)
{
    char folder[SHIPPED_PATH_SIZE];
    assert_int_equal(shipped_path_find("rules/coverage.yaml", folder), 0);
    char *paths[] = {folder};
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct rule_packs packs;
    struct policy *policy;
    assert_int_equal(rule_packs_load(paths, 1, &diagnostics, &packs), 0);
    if (own)
        assert_int_equal(rule_packs_add_text(&packs, "own.yaml", own, strlen(own), &diagnostics), 0);
    assert_int_equal(policy_compile(&packs, bench->zones, NULL, 0, &diagnostics, &policy), 0);
    rule_packs_deinit(&packs);
    diagnostics_deinit(&diagnostics);
    return policy;
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    assert_int_equal(settings_default(&diagnostics, &bench->settings), 0);
    assert_int_equal(zones_compile(&bench->settings, &diagnostics, &bench->zones), 0);
    diagnostics_deinit(&diagnostics);
    bench->policy = policy_of(bench, NULL);
    bench->judge = (struct coverage_judge){
        .policy = bench->policy, .epoch = 7, .rules_digest = SPAN_LITERAL("ab"), .context = bench, .finding = keep};
    bench->clock = (struct coverage_clock){
        .wall_ns = START_NS, .monotonic_ns = 5 * MINUTE_NS, .known = true, .synchronised = true, .error_us = 250};
    coverage_init(&bench->coverage, &bench->ledger, &bench->clock);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    policy_free(bench->policy);
    zones_free(bench->zones);
    settings_deinit(&bench->settings);
    free(bench);
    return 0;
}

static void settle(struct bench *bench, enum ledger_reason reason, uint64_t packets, uint64_t bytes)
{
    ledger_receive(&bench->ledger, packets, bytes);
    ledger_settle(&bench->ledger, reason, packets, bytes);
}

/* A minute passes, with sound traffic enough to be judged. Returns the findings it gave. */
static uint32_t minute(struct bench *bench)
{
    uint32_t before = bench->count;
    settle(bench, LEDGER_AUDITED, 1000, 900000);
    bench->clock.wall_ns += MINUTE_NS;
    bench->clock.monotonic_ns += MINUTE_NS;
    coverage_judge_interval(&bench->coverage, &bench->judge, &bench->ledger, &bench->clock);
    return bench->count - before;
}

static void assert_told(const struct bench *bench, uint32_t index, const char *rule, enum verdict verdict,
                        const char *evidence)
{
    assert_true(index < bench->count);
    const struct told *told = &bench->told[index];
    assert_string_equal(told->rule, rule);
    assert_int_equal(told->verdict, verdict);
    if (!strstr(told->evidence, evidence))
        fail_msg("%s lacks %s", told->evidence, evidence);
}

static void a_steady_state_is_told_when_it_begins_each_hour_and_when_it_ends(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(minute(bench), 0);
    uint64_t begin_ns = bench->clock.wall_ns + MINUTE_NS;
    uint32_t told = 0;
    for (uint32_t i = 0; i < 121; i++) { /* minutes 0 to 120 of it */
        ledger_miss(&bench->ledger, LEDGER_MISSING_NIC_PACKETS, 10);
        told += minute(bench);
    }
    assert_int_equal(told, 3);
    assert_told(bench, 0, "AUD-001", VERDICT_FAIL, ";state=begins;seconds=60;");
    assert_told(bench, 1, "AUD-001", VERDICT_FAIL, ";state=lasts;");
    assert_told(bench, 2, "AUD-001", VERDICT_FAIL, ";since_seconds=7200;");
    assert_int_equal(bench->told[0].severity, SEVERITY_HIGH);
    assert_int_equal(bench->told[0].time_ns, begin_ns);
    assert_int_equal(bench->told[1].time_ns, begin_ns + 60 * MINUTE_NS);
    assert_null(strstr(bench->told[0].evidence, "since_seconds"));

    /* Two quiet minutes and it is back: one condition. */
    assert_int_equal(minute(bench) + minute(bench), 0);
    ledger_miss(&bench->ledger, LEDGER_MISSING_NO_BUFFER, 1);
    assert_int_equal(minute(bench), 0);
    assert_int_equal(minute(bench) + minute(bench), 0);
    assert_int_equal(minute(bench), 1);
    assert_told(bench, 3, "AUD-001", VERDICT_PASS, ";state=ended;");
    assert_int_equal(minute(bench), 0);
    ledger_miss(&bench->ledger, LEDGER_MISSING_EVENTS, 1);
    assert_int_equal(minute(bench), 1);
    assert_told(bench, 4, "AUD-001", VERDICT_FAIL, ";state=begins;");
}

static void loss_is_told_with_its_places(void **state)
{
    struct bench *bench = *state;
    ledger_miss(&bench->ledger, LEDGER_MISSING_NIC_PACKETS, 20);
    ledger_miss(&bench->ledger, LEDGER_MISSING_NIC_ERRORS, 3);
    ledger_miss(&bench->ledger, LEDGER_MISSING_NO_BUFFER, 2);
    ledger_miss(&bench->ledger, LEDGER_MISSING_EVENTS, 4);
    bench->ledger.settled[LEDGER_HAND_OVER].packets = 15;
    assert_int_equal(minute(bench), 1);
    /* 25 that did not come and 15 of those that did, of 1025 */
    assert_told(bench, 0, "AUD-001", VERDICT_FAIL,
                ";received_packets=1000;nic_missed_packets=20;nic_error_packets=3;no_buffer_packets=2;"
                "hand_over=15;lost_percent=3.902;dropped_events=4;");
    /* A port that was started again counts from zero: 5 since, not 2^64 - 15. */
    bench->ledger.missing[LEDGER_MISSING_NIC_PACKETS] = 5;
    bench->coverage.conditions[0].told_ns = 0;
    assert_int_equal(minute(bench), 1);
    assert_told(bench, 1, "AUD-001", VERDICT_FAIL, ";nic_missed_packets=5;");
}

static void gaps_count_beyond_their_share(void **state)
{
    struct bench *bench = *state;
    /* 1 % of what should have come: 10,000 of 1,000,000 bytes are still tolerated, one more is not. */
    settle(bench, LEDGER_AUDITED, 100, 90000);
    ledger_miss(&bench->ledger, LEDGER_MISSING_TCP_GAPS, 2);
    ledger_miss(&bench->ledger, LEDGER_MISSING_TCP_GAP_BYTES, 10000);
    assert_int_equal(minute(bench), 0);
    settle(bench, LEDGER_AUDITED, 100, 90000);
    ledger_miss(&bench->ledger, LEDGER_MISSING_TCP_GAPS, 1);
    ledger_miss(&bench->ledger, LEDGER_MISSING_TCP_GAP_BYTES, 10001);
    assert_int_equal(minute(bench), 1);
    assert_told(bench, 0, "AUD-002", VERDICT_FAIL, ";reasons=gaps;tcp_gaps=1;tcp_gap_bytes=10001;gap_percent=1.000;");
    assert_int_equal(bench->told[0].severity, SEVERITY_MEDIUM);
}

static void cut_frames_and_one_sided_transactions_are_gaps_too(void **state)
{
    struct bench *bench = *state;
    ledger_miss(&bench->ledger, LEDGER_MISSING_SNAPPED_BYTES, 300000);
    bench->ledger.transactions_seen += 20;
    bench->ledger.transactions_settled[LEDGER_TRANSACTION_AUDITED] += 18;
    bench->ledger.transactions_settled[LEDGER_TRANSACTION_NO_REQUEST] += 1;
    bench->ledger.transactions_settled[LEDGER_TRANSACTION_NO_RESPONSE] += 1;
    assert_int_equal(minute(bench), 1);
    assert_told(bench, 0, "AUD-002", VERDICT_FAIL,
                ";reasons=cut,one_sided;tcp_gaps=0;tcp_gap_bytes=0;gap_percent=0.000;cut_bytes=300000;"
                "cut_percent=25.000;transactions=20;one_sided=2;one_sided_percent=10.000;");
}

static void a_few_one_sided_transactions_are_the_edge_of_what_was_seen(void **state)
{
    struct bench *bench = *state;
    bench->ledger.transactions_seen += 19;
    bench->ledger.transactions_settled[LEDGER_TRANSACTION_NO_RESPONSE] += 19;
    assert_int_equal(minute(bench), 0);
}

static void unread_traffic_is_told_by_cause(void **state)
{
    struct bench *bench = *state;
    settle(bench, LEDGER_ENCRYPTED, 30, 40000);
    assert_int_equal(minute(bench), 0);                /* 4.3 % */
    settle(bench, LEDGER_NOT_TCP, 1000000, 900000000); /* in no denominator */
    settle(bench, LEDGER_ENCRYPTED, 20, 25000);
    settle(bench, LEDGER_ENCRYPTED_LATE, 2, 5000);
    settle(bench, LEDGER_ENCRYPTED_HELLO, 2, 4000);
    settle(bench, LEDGER_ENCRYPTED_UNSUPPORTED, 2, 3000);
    settle(bench, LEDGER_ENCRYPTED_LOSS, 2, 2000);
    settle(bench, LEDGER_ENCRYPTED_REFUSED, 2, 1000);
    settle(bench, LEDGER_UNCLASSIFIED, 10, 30000);
    settle(bench, LEDGER_UNPARSED, 10, 20000);
    settle(bench, LEDGER_PARSER, 10, 10000);
    assert_int_equal(minute(bench), 1);
    assert_told(bench, 0, "AUD-009", VERDICT_FAIL,
                ";tcp_bytes=1000000;unread_percent=10.000;encrypted_bytes=25000;"
                "encrypted_late_bytes=5000;encrypted_hello_bytes=4000;encrypted_unsupported_bytes=3000;"
                "encrypted_loss_bytes=2000;encrypted_refused_bytes=1000;"
                "encrypted_datagram_bytes=0;unclassified_bytes=30000;"
                "unparsed_bytes=20000;parser_bytes=10000;");
}

/* Connections to a service of that name, in the interval that ended now. */
static uint32_t service(struct bench *bench, const char *host, uint64_t opened, uint64_t no_key, uint64_t late)
{
    uint32_t before = bench->count;
    struct service_report report = {.host = span_from_text(host)};
    report.tls[LEDGER_TLS_OPENED] = opened;
    report.tls[LEDGER_TLS_NO_KEY] = no_key;
    report.tls[LEDGER_TLS_LATE] = late;
    coverage_judge_service(&bench->coverage, &bench->judge, &report, bench->clock.wall_ns);
    return bench->count - before;
}

static void a_service_that_stays_closed_is_told_by_cause(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(service(bench, "open.example", 100, 0, 0), 0);
    assert_int_equal(service(bench, "few.example", 0, 9, 0), 0);   /* too few to say anything */
    assert_int_equal(service(bench, "some.example", 95, 5, 0), 0); /* as much as is tolerated */
    assert_int_equal(service(bench, "closed.example", 94, 4, 2), 1);
    assert_told(
        bench, 0, "AUD-009", VERDICT_FAIL,
        ";service=closed.example;connections=100;closed_percent=6.000;no_key=4;late=2;ech=0;unsupported=0;loss=0;"
        "budget=0;refused=0;datagram=0;state=begins;");
    assert_int_equal(service(bench, "closed.example", 50, 50, 0), 0); /* lasts */
    assert_int_equal(service(bench, "other.example", 0, 50, 0), 1);   /* of its own */
    assert_int_equal(service(bench, "", 0, 0, 50), 1);
    assert_told(bench, 2, "AUD-009", VERDICT_FAIL, ";service=(none);connections=50;closed_percent=100.000;");
    bench->clock.wall_ns += 61 * MINUTE_NS;
    assert_int_equal(service(bench, "closed.example", 50, 50, 0), 1);
    assert_told(bench, 3, "AUD-009", VERDICT_FAIL, ";state=lasts;");
    assert_int_equal(service(bench, "closed.example", 50, 0, 0), 0);
    assert_int_equal(service(bench, "closed.example", 50, 0, 0), 0);
    assert_int_equal(service(bench, "closed.example", 50, 0, 0), 1);
    assert_told(bench, 4, "AUD-009", VERDICT_PASS, ";service=closed.example;connections=50;closed_percent=0.000;");
}

/* Beyond what can be remembered nothing is kept back, and what has ended makes room. */
static void more_closed_services_than_are_remembered(void **state)
{
    struct bench *bench = *state;
    char host[32];
    for (uint32_t i = 0; i < COVERAGE_SERVICES_MAX; i++) {
        snprintf(host, sizeof(host), "s%u.example", i);
        bench->count = 0;
        assert_int_equal(service(bench, host, 0, 10, 0), 1);
    }
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(service(bench, "one-more.example", 0, 10, 0), 1);
    assert_int_equal(service(bench, "s7.example", 0, 10, 0), 0);
    for (uint32_t i = 0; i < COVERAGE_QUIET_INTERVALS; i++)
        service(bench, "s7.example", 10, 0, 0);
    assert_int_equal(service(bench, "one-more.example", 0, 10, 0), 1);
    assert_int_equal(service(bench, "one-more.example", 0, 10, 0), 0);
}

static void limits_of_services_are_the_rules(void **state)
{
    struct bench *bench = *state;
    struct policy *own = policy_of(bench, "pack: own\nversion: \"1\"\nrules:\n  - id: AUD-009\n    parameters: "
                                          "{service_closed_percent_max: 50, service_connections_min: 2}\n");
    bench->judge.policy = own;
    assert_int_equal(service(bench, "a.example", 1, 1, 0), 0);
    assert_int_equal(service(bench, "b.example", 1, 2, 0), 1);
    assert_int_equal(service(bench, "c.example", 0, 1, 0), 0);
    policy_free(own);
    own = policy_of(bench, "pack: own\nversion: \"1\"\nrules:\n  - id: AUD-009\n    parameters: "
                           "{service_connections_min: 0}\n");
    bench->judge.policy = own;
    assert_int_equal(service(bench, "d.example", 0, 500, 0), 0);
    bench->judge.policy = bench->policy;
    policy_free(own);
}

static void an_interval_with_too_little_traffic_says_nothing(void **state)
{
    struct bench *bench = *state;
    settle(bench, LEDGER_ENCRYPTED, 1000, 900000);
    assert_int_equal(minute(bench), 1);
    for (uint32_t i = 0; i < 10; i++) { /* neither a breach nor the end of one */
        settle(bench, LEDGER_AUDITED, 99, 90000);
        bench->clock.wall_ns += MINUTE_NS;
        bench->clock.monotonic_ns += MINUTE_NS;
        coverage_judge_interval(&bench->coverage, &bench->judge, &bench->ledger, &bench->clock);
    }
    assert_int_equal(bench->count, 1);
    assert_int_equal(minute(bench) + minute(bench), 0);
    assert_int_equal(minute(bench), 1);
    assert_told(bench, 1, "AUD-009", VERDICT_PASS, ";state=ended;");
}

static void clock_unsynchronised_or_stepped(void **state)
{
    struct bench *bench = *state;
    bench->clock.synchronised = false;
    assert_int_equal(minute(bench), 1);
    assert_told(bench, 0, "AUD-006", VERDICT_FAIL, ";clock=unsynchronised;step_ms=0;offset_us=0;error_us=250;");
    bench->clock.synchronised = true;
    assert_int_equal(minute(bench) + minute(bench), 0);
    assert_int_equal(minute(bench), 1);
    assert_told(bench, 1, "AUD-006", VERDICT_PASS, ";clock=synchronised;");
    bench->clock.wall_ns -= 2000000000;
    assert_int_equal(minute(bench), 1);
    assert_told(bench, 2, "AUD-006", VERDICT_FAIL, ";state=begins;seconds=60;clock=synchronised;step_ms=-2000;");
    bench->clock.wall_ns += 100000000; /* as much as is tolerated */
    assert_int_equal(minute(bench) + minute(bench) + minute(bench), 1);
    assert_told(bench, 3, "AUD-006", VERDICT_PASS, ";state=ended;");
    bench->clock.known = false;
    bench->clock.synchronised = false;
    assert_int_equal(minute(bench), 0);
}

static void a_reload_keeps_the_conditions_of_rules_that_stay(void **state)
{
    struct bench *bench = *state;
    settle(bench, LEDGER_ENCRYPTED, 1000, 900000);
    ledger_miss(&bench->ledger, LEDGER_MISSING_NIC_PACKETS, 10);
    assert_int_equal(minute(bench), 2);
    struct policy *later =
        policy_of(bench, "pack: own\nversion: '1'\nrules:\n- {id: AUD-001, enabled: false}\n"
                         "- {id: OWN-1, check: coverage-unread, title: t, severity: critical,"
                         " requirements: [SI-4], parameters: {unread_percent_max: 50, packets_min: 1}}\n");
    policy_free(bench->policy);
    bench->policy = later;
    bench->judge.policy = later;
    settle(bench, LEDGER_ENCRYPTED, 1000, 1000000);
    ledger_miss(&bench->ledger, LEDGER_MISSING_NIC_PACKETS, 10);
    assert_int_equal(minute(bench), 1);
    assert_told(bench, 2, "OWN-1", VERDICT_FAIL, ";state=begins;");
    assert_int_equal(minute(bench) + minute(bench), 0);
    assert_int_equal(minute(bench), 2);
    assert_told(bench, 3, "AUD-009", VERDICT_PASS, ";state=ended;");
    assert_told(bench, 4, "OWN-1", VERDICT_PASS, ";state=ended;");
}

static void a_capture_is_judged_whole(void **state)
{
    struct bench *bench = *state;
    settle(bench, LEDGER_AUDITED, 8, 1000);
    coverage_judge_capture(&bench->judge, &bench->ledger, START_NS);
    assert_int_equal(bench->count, 0);
    settle(bench, LEDGER_ENCRYPTED, 1, 1000);
    ledger_miss(&bench->ledger, LEDGER_MISSING_TCP_GAPS, 1);
    ledger_miss(&bench->ledger, LEDGER_MISSING_TCP_GAP_BYTES, 500);
    ledger_miss(&bench->ledger, LEDGER_MISSING_EVENTS, 1); /* not the capture's */
    coverage_judge_capture(&bench->judge, &bench->ledger, START_NS);
    assert_int_equal(bench->count, 2);
    assert_told(bench, 0, "AUD-002", VERDICT_FAIL, ";reasons=gaps;tcp_gaps=1;tcp_gap_bytes=500;gap_percent=20.000;");
    assert_told(bench, 1, "AUD-009", VERDICT_FAIL, ";tcp_bytes=2000;unread_percent=50.000;");
    assert_int_equal(bench->told[0].time_ns, START_NS);
}

static void an_empty_capture_lacks_nothing(void **state)
{
    struct bench *bench = *state;
    coverage_judge_capture(&bench->judge, &bench->ledger, 0);
    settle(bench, LEDGER_NOT_TCP, 10, 1000);
    coverage_judge_capture(&bench->judge, &bench->ledger, START_NS);
    assert_int_equal(bench->count, 0);
}

static void counts_beyond_any_product_are_compared(void **state)
{
    struct bench *bench = *state;
    bench->ledger.received.bytes = bench->ledger.settled[LEDGER_ENCRYPTED].bytes = UINT64_MAX / 2;
    coverage_judge_capture(&bench->judge, &bench->ledger, START_NS);
    assert_int_equal(bench->count, 1);
    assert_told(bench, 0, "AUD-009", VERDICT_FAIL, ";unread_percent=100.000;");
}

static void lifecycle_and_reloads(void **state)
{
    struct bench *bench = *state;
    struct lifecycle lifecycle = {.time_ns = START_NS, .event = LIFECYCLE_START, .pid = 42, .epoch = 7};
    lifecycle.version = SPAN_LITERAL("1.0");
    lifecycle.configuration_digest = SPAN_LITERAL("cd");
    coverage_tell_lifecycle(&bench->judge, &lifecycle);
    assert_told(bench, 0, "AUD-008", VERDICT_PASS, ";event=start;version=1.0;configuration_digest=cd;pid=42;");
    assert_int_equal(bench->told[0].severity, SEVERITY_INFO);
    lifecycle.event = LIFECYCLE_STOP;
    coverage_tell_lifecycle(&bench->judge, &lifecycle);
    assert_told(bench, 1, "AUD-008", VERDICT_PASS, ";event=stop;");
    lifecycle.event = LIFECYCLE_DIED;
    coverage_tell_lifecycle(&bench->judge, &lifecycle);
    assert_told(bench, 2, "AUD-008", VERDICT_FAIL, ";event=died;");

    struct reload_report reload = {.time_ns = START_NS, .accepted = true, .epoch = 8, .pid = 9, .uid = 1000};
    reload.rules_digest = SPAN_LITERAL("aa");
    coverage_tell_reload(&bench->judge, &reload);
    assert_told(bench, 3, "AUD-008", VERDICT_PASS, ";event=reload;rules_digest=aa;pid=9;uid=1000;");
    reload.accepted = false;
    reload.rules_digest = (struct span){0};
    reload.error = SPAN_LITERAL("a.yaml:3:1: broken");
    coverage_tell_reload(&bench->judge, &reload);
    assert_told(bench, 4, "AUD-008", VERDICT_FAIL, ";event=reload;pid=9;uid=1000;error=a.yaml:3:1: broken;");
}

static void the_clock_can_be_read(void **state)
{
    (void)state;
    struct coverage_clock first, second;
    coverage_clock_read(&first);
    coverage_clock_read(&second);
    assert_true(first.wall_ns > UINT64_C(1500000000000000000));
    assert_true(second.monotonic_ns >= first.monotonic_ns);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_steady_state_is_told_when_it_begins_each_hour_and_when_it_ends),
        TEST(loss_is_told_with_its_places),
        TEST(gaps_count_beyond_their_share),
        TEST(cut_frames_and_one_sided_transactions_are_gaps_too),
        TEST(a_few_one_sided_transactions_are_the_edge_of_what_was_seen),
        TEST(unread_traffic_is_told_by_cause),
        TEST(a_service_that_stays_closed_is_told_by_cause),
        TEST(more_closed_services_than_are_remembered),
        TEST(limits_of_services_are_the_rules),
        TEST(an_interval_with_too_little_traffic_says_nothing),
        TEST(clock_unsynchronised_or_stepped),
        TEST(a_reload_keeps_the_conditions_of_rules_that_stay),
        TEST(a_capture_is_judged_whole),
        TEST(an_empty_capture_lacks_nothing),
        TEST(counts_beyond_any_product_are_compared),
        TEST(lifecycle_and_reloads),
        TEST(the_clock_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
