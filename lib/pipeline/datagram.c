/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Encrypted datagrams. A datagram that says what it is makes an association; those that do not (DTLS 1.3, short headers
 * of QUIC) are known by it alone.
 */

#include "pipeline/datagram.h"

#include <errno.h>

#include "tls/dtls.h"
#include "tls/handshake.h"
#include "tls/quic.h"
#include "tls/suite.h"

#define QUIC_FIXED_BIT 0x40u /* of every header (RFC 9000 17) */

struct association {
    uint64_t name; /* keyed hash of ports and addresses; 0: a free place */
    uint64_t used_ns;
    struct endpoints endpoints; /* of the first datagram: its sender is direction 0 */
    uint32_t quic_version;      /* 0: it is DTLS */
    uint32_t told;              /* handshakes that were told of */
    bool waits;                 /* it went on to its keys, and is to be told of */
    uint64_t wait_clock_ns;     /* since when, by the worker's clock ... */
    uint64_t wait_time_ns;      /* ... and by the capture's */
    struct dtls dtls;
};

struct datagram_table {
    uint32_t waiting;
    uint64_t look_ns; /* when those that wait are looked at next */
    struct association sets[RESUMPTION_SETS][DATAGRAM_WAYS];
};

size_t datagram_table_size(void)
{
    return sizeof(struct datagram_table) + CACHE_LINE;
}

int datagram_table_new(struct datagram_table **table_out, struct arena *arena)
{
    *table_out = arena_take(arena, sizeof(**table_out), CACHE_LINE);
    return *table_out ? 0 : -ENOMEM;
}

/* ----------------------------------------------------------------------- table */

/* Its place, or the one that is to become its. */
static struct association *place_of(const struct pipeline *worker, const struct net_packet *packet, uint64_t name)
{
    uint32_t set = resumption_set_of(&worker->options.key, &packet->endpoints);
    struct association *ways = worker->datagrams->sets[set], *oldest = ways;
    for (uint32_t way = 0; way < DATAGRAM_WAYS; way++) {
        if (ways[way].name == name)
            return &ways[way];
        if (ways[way].used_ns < oldest->used_ns)
            oldest = &ways[way];
    }
    return oldest;
}

static void buffer_give(struct pipeline *worker, struct dtls *dtls)
{
    if (dtls->join.buffer)
        pool_give(&worker->tls_messages, dtls->join.buffer);
    dtls->join.buffer = NULL;
}

/* --------------------------------------------------------------------- telling */

static struct span text_of(const char *text)
{
    return text ? span_from_text(text) : (struct span){0};
}

static struct connection_tls view_of(const struct association *association)
{
    const struct dtls *dtls = &association->dtls;
    const struct tls_suite *suite = dtls->server_hello ? tls_suite_find(dtls->suite) : NULL;
    struct connection_tls view = {.flags = CONNECTION_TLS, .cipher = text_of(suite ? suite->name : NULL)};
    view.version = text_of(association->quic_version ? quic_version_name(association->quic_version)
                                                     : tls_version_name(dtls->version));
    if (dtls->sni_size)
        view.sni = span_of(dtls->sni, dtls->sni_size);
    return view;
}

static void evidence_add(struct finding *finding, const char *name, struct span value)
{
    if (value.size)
        finding->evidence[finding->evidence_count++] = (struct finding_evidence){span_from_text(name), value};
}

static void tell(struct pipeline *worker, struct association *association)
{
    uint64_t time_ns = association->wait_time_ns;
    association->waits = false;
    worker->datagrams->waiting--;
    const struct epoch *epoch = worker->epoch;
    struct call call = {
        .endpoints = association->endpoints,
        .time_ns = time_ns,
        .end_ns = time_ns,
        .protocol = CALL_TLS,
        .status = CALL_STATUS_NONE,
        .tls = view_of(association),
    };
    call.host = call.tls.sni;
    if (association->dtls.client)
        endpoints_swap(&call.endpoints);
    service_table_tls(worker->services, call.tls.sni, LEDGER_TLS_DATAGRAM);
    struct finding finding = {
        .call = &call,
        .time_ns = time_ns,
        .verdict = VERDICT_UNKNOWN,
        .epoch = epoch->number,
        .rules_digest = span_of(epoch->rules_digest, EPOCH_DIGEST_SIZE - 1),
        .registry_digest = span_from_text(epoch->registry_digest),
    };
    evidence_add(&finding, "version", call.tls.version);
    evidence_add(&finding, "suite", call.tls.cipher);
    evidence_add(&finding, "sni", call.tls.sni);
    const struct policy_watch *watch = NULL;
    while ((watch = policy_watch_find(epoch->policy, RULE_CHECK_DATAGRAM_CONNECTION, watch))) {
        policy_watch_cite(watch, &finding);
        tell_finding(worker, &finding);
    }
}

static void wait_begin(struct pipeline *worker, struct association *association, uint64_t time_ns)
{
    association->waits = true;
    association->wait_clock_ns = worker->clock.now_ns;
    association->wait_time_ns = time_ns;
    worker->datagrams->waiting++;
}

/* Nothing more can come that would be told. */
static bool is_complete(const struct association *association)
{
    return association->quic_version || (association->dtls.client_hello && association->dtls.server_hello);
}

static void tell_waiting(struct pipeline *worker, uint64_t since_ns)
{
    for (uint32_t set = 0; set < RESUMPTION_SETS && worker->datagrams->waiting; set++)
        for (uint32_t way = 0; way < DATAGRAM_WAYS; way++) {
            struct association *association = &worker->datagrams->sets[set][way];
            if (association->waits && association->wait_clock_ns <= since_ns)
                tell(worker, association);
        }
}

void datagrams_turn(struct pipeline *worker)
{
    struct datagram_table *table = worker->datagrams;
    uint64_t now_ns = worker->clock.now_ns;
    if (!table->waiting || now_ns < table->look_ns || now_ns < DATAGRAM_WAIT_NS)
        return;
    table->look_ns = now_ns + DATAGRAM_WAIT_NS / 4;
    tell_waiting(worker, now_ns - DATAGRAM_WAIT_NS);
}

void datagrams_flush(struct pipeline *worker)
{
    tell_waiting(worker, UINT64_MAX);
}

/* ---------------------------------------------------------------------- taking */

static uint32_t direction_of(const struct association *association, const struct net_packet *packet)
{
    const struct endpoints *first = &association->endpoints, *now = &packet->endpoints;
    return first->source_port != now->source_port || memcmp(&first->source, &now->source, sizeof(now->source)) != 0;
}

/* False: the datagram is neither. */
static bool recognise(struct pipeline *worker, struct association *association, const struct net_packet *packet,
                      bool *goes_on_out)
{
    struct dtls *dtls = &association->dtls;
    struct quic_header header;
    *goes_on_out = false;
    if (quic_header_read(packet->payload, &header)) {
        association->quic_version = header.version;
        *goes_on_out = header.protected;
        return true;
    }
    if (association->quic_version) {
        *goes_on_out = (packet->payload.data[0] & QUIC_FIXED_BIT) != 0;
        return *goes_on_out;
    }
    if (!dtls->join.buffer)
        dtls->join.buffer = pool_take(&worker->tls_messages);
    bool known = dtls_datagram(dtls, direction_of(association, packet), packet->payload, packet->payload_missing > 0);
    if (!dtls_joins(dtls))
        buffer_give(worker, dtls);
    *goes_on_out = known && dtls->encrypted;
    return known;
}

static enum ledger_reason datagram_take(struct pipeline *worker, const struct net_packet *packet)
{
    uint64_t name = net_hash(&worker->options.key, packet) | 1;
    struct association *place = place_of(worker, packet, name);
    struct association fresh = {.name = name, .endpoints = packet->endpoints};
    struct association *association = place->name == name ? place : &fresh;
    bool goes_on;
    if (!recognise(worker, association, packet, &goes_on))
        return LEDGER_NOT_TCP;
    if (association == &fresh) {
        if (place->waits)
            tell(worker, place);
        buffer_give(worker, &place->dtls);
        *place = fresh;
    }
    place->used_ns = net_packet_clock(packet);
    uint32_t handshakes = place->dtls.handshakes + 1;
    if (goes_on && place->told < handshakes) {
        place->told = handshakes;
        if (!place->waits)
            wait_begin(worker, place, packet->time_ns);
    }
    if (place->waits && is_complete(place))
        tell(worker, place);
    return LEDGER_ENCRYPTED_DATAGRAM;
}

uint32_t datagrams_take(struct pipeline *worker, struct net_packet *packets, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct net_packet *packet = &packets[i];
        if (packet->flags & NET_DATAGRAM) {
            ledger_settle(&worker->ledger, datagram_take(worker, packet), packet->packets, packet->bytes);
            continue;
        }
        if (kept != i)
            packets[kept] = *packet;
        kept++;
    }
    return kept;
}
