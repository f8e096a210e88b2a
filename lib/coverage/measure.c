/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Measures. Shares are of what could have been audited: bytes of protocols that carry no API (ARP, UDP ...) are in no
 * denominator, or a port full of video would hide that half of the API traffic is missing.
 */

#include "coverage/measure.h"

#include <stdio.h>

#define MILLISECOND_NS INT64_C(1000000)

/* Payload that no parser read. Budgets and holes are told by their own rules and in the ledger. */
static const struct {
    enum ledger_reason reason;
    const char *name;
} unread_causes[] = {
    {LEDGER_ENCRYPTED, "encrypted_bytes"},
    {LEDGER_ENCRYPTED_LATE, "encrypted_late_bytes"},
    {LEDGER_ENCRYPTED_HELLO, "encrypted_hello_bytes"},
    {LEDGER_ENCRYPTED_UNSUPPORTED, "encrypted_unsupported_bytes"},
    {LEDGER_ENCRYPTED_LOSS, "encrypted_loss_bytes"},
    {LEDGER_ENCRYPTED_REFUSED, "encrypted_refused_bytes"},
    {LEDGER_ENCRYPTED_DATAGRAM, "encrypted_datagram_bytes"},
    {LEDGER_UNCLASSIFIED, "unclassified_bytes"},
    {LEDGER_UNPARSED, "unparsed_bytes"},
    {LEDGER_PARSER, "parser_bytes"},
};

void measure_difference(const struct ledger *before, const struct ledger *now, struct ledger *difference_out)
{
    const uint64_t *from = (const uint64_t *)before, *to = (const uint64_t *)now;
    uint64_t *out = (uint64_t *)difference_out;
    for (size_t i = 0; i < sizeof(*now) / sizeof(uint64_t); i++)
        out[i] = to[i] >= from[i] ? to[i] - from[i] : to[i];
    difference_out->pending = (struct ledger_sum){0};
    difference_out->transactions_pending = 0;
}

/* Settled in TCP. */
static struct ledger_sum tcp_sum(const struct ledger *ledger)
{
    struct ledger_sum sum = {0};
    for (int i = 0; i < LEDGER_REASON_COUNT; i++) {
        if (i == LEDGER_NOT_IP || i == LEDGER_NOT_TCP || i == LEDGER_NOT_MINE || i == LEDGER_ENCRYPTED_DATAGRAM)
            continue;
        sum.packets += ledger->settled[i].packets;
        sum.bytes += ledger->settled[i].bytes;
    }
    return sum;
}

static uint64_t transactions_of(const struct ledger *ledger)
{
    uint64_t sum = 0;
    for (int i = 0; i < LEDGER_TRANSACTION_REASON_COUNT; i++)
        sum += ledger->transactions_settled[i];
    return sum;
}

/* Exact; counts so large that a product would not fit are compared in hundredths. */
bool measure_share_exceeds(uint64_t part, uint64_t whole, uint32_t percent)
{
    if (part == 0)
        return false;
    if (part <= UINT64_MAX / 100 && whole <= UINT64_MAX / 100)
        return part * 100 > whole * percent;
    return part > whole / 100 * percent;
}

static bool enough(const struct policy_watch *watch, const struct measure_window *window)
{
    return window->whole || tcp_sum(&window->ledger).packets >= watch->limits.packets_min;
}

static enum measure breach_if(bool breach)
{
    return breach ? MEASURE_BREACH : MEASURE_QUIET;
}

static enum measure measure_loss(const struct policy_watch *watch, const struct measure_window *window,
                                 struct evidence *evidence)
{
    static const enum ledger_missing kinds[] = {LEDGER_MISSING_NIC_PACKETS, LEDGER_MISSING_NIC_ERRORS,
                                                LEDGER_MISSING_NO_BUFFER};
    const struct ledger *ledger = &window->ledger;
    uint64_t packets = 0, events = ledger->missing[LEDGER_MISSING_EVENTS];
    evidence_add_unsigned(evidence, "received_packets", ledger->received.packets);
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        packets += ledger->missing[kinds[i]];
        evidence_add_unsigned(evidence, ledger_missing_name(kinds[i]), ledger->missing[kinds[i]]);
    }
    uint64_t refused = ledger->settled[LEDGER_HAND_OVER].packets;
    evidence_add_unsigned(evidence, ledger_reason_name(LEDGER_HAND_OVER), refused);
    evidence_add_percent(evidence, "lost_percent", packets + refused, packets + ledger->received.packets);
    evidence_add_unsigned(evidence, ledger_missing_name(LEDGER_MISSING_EVENTS), events);
    return breach_if(packets + refused + events > watch->limits.lost_packets_max);
}

static enum measure measure_gaps(const struct policy_watch *watch, const struct measure_window *window,
                                 struct evidence *evidence)
{
    const struct ledger *ledger = &window->ledger;
    const struct rule_limits *limits = &watch->limits;
    uint64_t gap_bytes = ledger->missing[LEDGER_MISSING_TCP_GAP_BYTES];
    uint64_t snapped_bytes = ledger->missing[LEDGER_MISSING_SNAPPED_BYTES];
    uint64_t expected_bytes = tcp_sum(ledger).bytes + gap_bytes;
    uint64_t cut_bytes = ledger->settled[LEDGER_TRUNCATED].bytes + snapped_bytes;
    uint64_t frame_bytes = ledger->received.bytes + snapped_bytes;
    uint64_t transactions = transactions_of(ledger);
    uint64_t one_sided = ledger->transactions_settled[LEDGER_TRANSACTION_NO_REQUEST] +
                         ledger->transactions_settled[LEDGER_TRANSACTION_NO_RESPONSE];
    bool gaps = measure_share_exceeds(gap_bytes, expected_bytes, limits->gap_percent_max);
    bool cut = measure_share_exceeds(cut_bytes, frame_bytes, limits->cut_percent_max);
    bool sides = transactions >= limits->transactions_min &&
                 measure_share_exceeds(one_sided, transactions, limits->one_sided_percent_max);
    char reasons[EVIDENCE_TEXT_SIZE];
    snprintf(reasons, sizeof(reasons), "%s%s%s%s%s", gaps ? "gaps" : "", gaps && (cut || sides) ? "," : "",
             cut ? "cut" : "", cut && sides ? "," : "", sides ? "one_sided" : "");
    evidence_add_copy(evidence, "reasons", reasons);
    evidence_add_unsigned(evidence, ledger_missing_name(LEDGER_MISSING_TCP_GAPS),
                          ledger->missing[LEDGER_MISSING_TCP_GAPS]);
    evidence_add_unsigned(evidence, ledger_missing_name(LEDGER_MISSING_TCP_GAP_BYTES), gap_bytes);
    evidence_add_percent(evidence, "gap_percent", gap_bytes, expected_bytes);
    evidence_add_unsigned(evidence, "cut_bytes", cut_bytes);
    evidence_add_percent(evidence, "cut_percent", cut_bytes, frame_bytes);
    evidence_add_unsigned(evidence, "transactions", transactions);
    evidence_add_unsigned(evidence, "one_sided", one_sided);
    evidence_add_percent(evidence, "one_sided_percent", one_sided, transactions);
    return enough(watch, window) ? breach_if(gaps || cut || sides) : MEASURE_NOT_JUDGED;
}

static enum measure measure_unread(const struct policy_watch *watch, const struct measure_window *window,
                                   struct evidence *evidence)
{
    const struct ledger_sum *datagrams = &window->ledger.settled[LEDGER_ENCRYPTED_DATAGRAM];
    uint64_t unread = 0, tcp = tcp_sum(&window->ledger).bytes, whole = tcp + datagrams->bytes;
    for (size_t i = 0; i < ARRAY_COUNT(unread_causes); i++)
        unread += window->ledger.settled[unread_causes[i].reason].bytes;
    evidence_add_unsigned(evidence, "tcp_bytes", tcp);
    evidence_add_percent(evidence, "unread_percent", unread, whole);
    for (size_t i = 0; i < ARRAY_COUNT(unread_causes); i++)
        evidence_add_unsigned(evidence, unread_causes[i].name, window->ledger.settled[unread_causes[i].reason].bytes);
    if (!enough(watch, window) && datagrams->packets < watch->limits.packets_min)
        return MEASURE_NOT_JUDGED;
    return breach_if(measure_share_exceeds(unread, whole, watch->limits.unread_percent_max));
}

static enum measure measure_clock(const struct policy_watch *watch, const struct measure_window *window,
                                  struct evidence *evidence)
{
    const struct coverage_clock *clock = window->clock;
    int64_t limit_ns = (int64_t)watch->limits.step_ms_max * MILLISECOND_NS;
    bool stepped = window->step_ns > limit_ns || window->step_ns < -limit_ns;
    evidence_add_copy(evidence, "clock",
                      !clock->known         ? "unknown"
                      : clock->synchronised ? "synchronised"
                                            : "unsynchronised");
    evidence_add_signed(evidence, "step_ms", window->step_ns / MILLISECOND_NS);
    if (clock->known) {
        evidence_add_signed(evidence, "offset_us", clock->offset_us);
        evidence_add_unsigned(evidence, "error_us", clock->error_us);
    }
    if (stepped)
        return MEASURE_BREACH;
    return clock->known ? breach_if(!clock->synchronised) : MEASURE_NOT_JUDGED;
}

enum measure measure_watch(const struct policy_watch *watch, const struct measure_window *window,
                           struct evidence *evidence)
{
    switch (watch->check) {
    case RULE_CHECK_COVERAGE_LOSS:
        return measure_loss(watch, window, evidence);
    case RULE_CHECK_COVERAGE_GAPS:
        return measure_gaps(watch, window, evidence);
    case RULE_CHECK_COVERAGE_UNREAD:
        return measure_unread(watch, window, evidence);
    default:
        require(watch->check == RULE_CHECK_COVERAGE_CLOCK);
        return measure_clock(watch, window, evidence);
    }
}
