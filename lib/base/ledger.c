/* SPDX-License-Identifier: Apache-2.0 */

/* Coverage ledger: names, copies and the check of the balance. */

#include "base/ledger.h"

struct ledger_text {
    const char *name;
    const char *help;
};

static const struct ledger_text reasons[LEDGER_REASON_COUNT] = {
    [LEDGER_AUDITED] = {"audited", "read by a parser, or without payload to read"},
    [LEDGER_MALFORMED] = {"malformed", "a header below TCP could not be read"},
    [LEDGER_NOT_IP] = {"not_ip", "ARP, LLDP, STP and the like: no API lives there"},
    [LEDGER_NOT_TCP] = {"not_tcp", "ICMP, UDP other than DTLS and QUIC, and the like: no parser for it"},
    [LEDGER_TRUNCATED] = {"truncated", "the capture or the mirror cut the frame where it was needed"},
    [LEDGER_FRAGMENT] = {"fragment", "an IP fragment whose datagram never became whole"},
    [LEDGER_TUNNEL_DEPTH] = {"tunnel_depth", "nested in more tunnels than are opened"},
    [LEDGER_CHECKSUM] = {"checksum", "bad TCP checksum, which the configuration takes as not delivered"},
    [LEDGER_DUPLICATE] = {"duplicate", "every payload byte had been delivered before"},
    [LEDGER_OUT_OF_WINDOW] = {"out_of_window", "TCP sequence number far outside the flow"},
    [LEDGER_FLOW_BUDGET] = {"flow_budget", "no room for another flow"},
    [LEDGER_BUFFER_BUDGET] =
        {"buffer_budget", "no room for bytes that came too early, or for what a connection needs: workers.memory_mib"},
    [LEDGER_UNCLASSIFIED] = {"unclassified", "payload of a TCP flow whose protocol is not known"},
    [LEDGER_UNPARSED] = {"unparsed", "a protocol that is recognised but not read"},
    [LEDGER_ENCRYPTED] = {"encrypted", "TLS without keys"},
    [LEDGER_ENCRYPTED_LATE] = {"encrypted_late", "TLS whose key came after the time to wait for it"},
    [LEDGER_ENCRYPTED_HELLO] = {"encrypted_hello",
                                "TLS with an Encrypted Client Hello, which hides what its key is named by"},
    [LEDGER_ENCRYPTED_UNSUPPORTED] = {"encrypted_unsupported",
                                      "TLS of a version, suite or compression that is not opened"},
    [LEDGER_ENCRYPTED_LOSS] = {"encrypted_loss", "TLS where bytes are missing: its hello, or the number of a record"},
    [LEDGER_ENCRYPTED_REFUSED] = {"encrypted_refused", "TLS records that the key given does not open"},
    [LEDGER_ENCRYPTED_DATAGRAM] = {"encrypted_datagram", "DTLS or QUIC, which are named and not opened"},
    [LEDGER_PARSER] = {"parser", "the parser gave the stream up"},
    [LEDGER_HAND_OVER] = {"hand_over", "no room in the ring to the worker that follows the connection"},
    [LEDGER_NOT_MINE] = {"not_mine", "accounted for by another worker of the same run"},
};

static const struct ledger_text transaction_reasons[LEDGER_TRANSACTION_REASON_COUNT] = {
    [LEDGER_TRANSACTION_AUDITED] = {"audited", "seen whole and judged by every rule that applies"},
    [LEDGER_TRANSACTION_GAP] = {"gap", "bytes are missing inside it"},
    [LEDGER_TRANSACTION_TRUNCATED] = {"truncated", "head or body beyond what is kept or scanned"},
    [LEDGER_TRANSACTION_NO_REQUEST] = {"no_request", "only the response was seen"},
    [LEDGER_TRANSACTION_NO_RESPONSE] = {"no_response", "only the request was seen"},
    [LEDGER_TRANSACTION_AMBIGUOUS] = {"ambiguous", "two readings of the bytes are possible"},
    [LEDGER_TRANSACTION_UNDECODED] = {"undecoded", "a body in an encoding that is not opened"},
    [LEDGER_TRANSACTION_BUDGET] = {"budget", "no room to follow it"},
    [LEDGER_TRANSACTION_NOT_EVALUATED] = {"not_evaluated", "a rule should have been evaluated and was not"},
};

static const struct ledger_text missing_texts[LEDGER_MISSING_COUNT] = {
    [LEDGER_MISSING_NIC_PACKETS] = {"nic_missed_packets", "packets the NIC dropped because its ring was full"},
    [LEDGER_MISSING_NIC_ERRORS] = {"nic_error_packets", "packets the NIC refused as damaged"},
    [LEDGER_MISSING_NO_BUFFER] = {"no_buffer_packets", "packets dropped because the packet buffers ran out"},
    [LEDGER_MISSING_SNAPPED_BYTES] = {"snapped_bytes", "frame bytes that the capture or the mirror cut off"},
    [LEDGER_MISSING_TCP_GAPS] = {"tcp_gaps", "holes in TCP streams"},
    [LEDGER_MISSING_TCP_GAP_BYTES] = {"tcp_gap_bytes", "bytes missing in those holes"},
    [LEDGER_MISSING_EVENTS] = {"dropped_events", "events dropped because the queue to the reporter was full"},
    [LEDGER_MISSING_SIGHTINGS] = {"forgotten_sightings",
                                  "calls that were not, or no longer, held against others for want of room"},
};

static_assert(sizeof(struct ledger) % sizeof(uint64_t) == 0, "a ledger is an array of counters");

const char *ledger_reason_name(enum ledger_reason reason)
{
    return reasons[reason].name;
}

const char *ledger_reason_help(enum ledger_reason reason)
{
    return reasons[reason].help;
}

const char *ledger_transaction_reason_name(enum ledger_transaction_reason reason)
{
    return transaction_reasons[reason].name;
}

const char *ledger_transaction_reason_help(enum ledger_transaction_reason reason)
{
    return transaction_reasons[reason].help;
}

const char *ledger_tls_name(enum ledger_tls outcome)
{
    static const char *const names[LEDGER_TLS_COUNT] = {
        [LEDGER_TLS_OPENED] = "opened", [LEDGER_TLS_NO_KEY] = "no_key",           [LEDGER_TLS_LATE] = "late",
        [LEDGER_TLS_HELLO] = "ech",     [LEDGER_TLS_UNSUPPORTED] = "unsupported", [LEDGER_TLS_LOSS] = "loss",
        [LEDGER_TLS_BUDGET] = "budget", [LEDGER_TLS_REFUSED] = "refused",         [LEDGER_TLS_DATAGRAM] = "datagram",
    };
    return names[outcome];
}

const char *ledger_missing_name(enum ledger_missing missing)
{
    return missing_texts[missing].name;
}

const char *ledger_missing_help(enum ledger_missing missing)
{
    return missing_texts[missing].help;
}

void ledger_read(const struct ledger *ledger, struct ledger *copy_out)
{
    const uint64_t *from = (const uint64_t *)ledger;
    uint64_t *to = (uint64_t *)copy_out;
    for (size_t i = 0; i < sizeof(*ledger) / sizeof(uint64_t); i++)
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void ledger_add(struct ledger *total, const struct ledger *part)
{
    const uint64_t *from = (const uint64_t *)part;
    uint64_t *to = (uint64_t *)total;
    for (size_t i = 0; i < sizeof(*total) / sizeof(uint64_t); i++)
        to[i] += from[i];
}

bool ledger_balanced(const struct ledger *ledger)
{
    struct ledger_sum sum = ledger->pending;
    for (int i = 0; i < LEDGER_REASON_COUNT; i++) {
        sum.packets += ledger->settled[i].packets;
        sum.bytes += ledger->settled[i].bytes;
    }
    uint64_t transactions = ledger->transactions_pending;
    for (int i = 0; i < LEDGER_TRANSACTION_REASON_COUNT; i++)
        transactions += ledger->transactions_settled[i];
    return sum.packets == ledger->received.packets && sum.bytes == ledger->received.bytes &&
           transactions == ledger->transactions_seen;
}
