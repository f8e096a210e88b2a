/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A tap for tests of flow: sends hand-made TCP packets into a table and records what the sink is told. Sequence numbers
 * are relative: 0 is the SYN of the sender, 1 its first byte. Every told chunk is checked: offsets join, nothing
 * follows the end. tap_finish() flushes and checks that the ledger balances and nothing is left in the pools.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flow_table.h"
#include "net/net_packet.h"

#define TAP_FLOWS_MAX  64u
#define TAP_BYTES_MAX  (1u << 20)
#define TAP_LOG_MAX    4096u
#define TAP_HEADERS    54u /* Ethernet, IPv4 and TCP without options */
#define MILLISECOND_NS UINT64_C(1000000)
#define SECOND_NS      UINT64_C(1000000000)

enum tap_sender { CLIENT, SERVER };

struct tap_stream {
    uint8_t *bytes; /* holes are zero */
    uint64_t size;
    uint64_t lost;
    uint32_t chunks, holes;
    bool last;
};

struct tap_flow {
    struct tap_stream streams[2]; /* by enum flow_direction */
    char log[TAP_LOG_MAX];        /* "C:abc " bytes, "S-5 " hole, "C. " end, in order of telling */
    uint64_t digest;              /* of every fact of every chunk, in order */
    uint32_t ends;
    enum flow_end reason;
    uint32_t ambiguity; /* at the end */
    uint32_t flags;
    struct endpoints endpoints;
};

struct tap {
    struct arena *arena;
    struct ledger ledger;
    struct flow_table *table;
    struct flow_settings settings;
    struct net_packet next; /* template of the next packet: tests set what they need, tap_send() resets it */
    uint64_t time_ns;
    uint32_t initial[2]; /* sequence number of the SYN, by sender */
    uint16_t client_port;
    enum ledger_reason answer;
    bool swap_first; /* the sink corrects the direction with its first chunk */
    struct tap_flow flows[TAP_FLOWS_MAX];
    uint32_t flow_count;
    uint32_t unknown_ends; /* of flows without data or session */
};

static inline void tap_log(struct tap_flow *record, const char *text, size_t size)
{
    size_t used = strlen(record->log);
    if (used + size < TAP_LOG_MAX)
        memcpy(record->log + used, text, size);
}

static inline void tap_log_chunk(struct tap_flow *record, const struct flow_chunk *chunk)
{
    char text[32];
    char who = chunk->direction == FLOW_TO_SERVER ? 'C' : 'S';
    if (chunk->data) {
        tap_log(record, text, (size_t)snprintf(text, sizeof(text), "%c:", who));
        tap_log(record, (const char *)chunk->data, chunk->size < 64 ? chunk->size : 64);
        tap_log(record, " ", 1);
    }
    if (chunk->lost)
        tap_log(record, text, (size_t)snprintf(text, sizeof(text), "%c-%u ", who, chunk->lost));
    if (chunk->last)
        tap_log(record, text, (size_t)snprintf(text, sizeof(text), "%c. ", who));
}

/* FNV-1a over 64-bit words: two stories with one digest are one story. */
static inline void tap_digest(struct tap_flow *record, uint64_t fact)
{
    record->digest = (record->digest ^ fact) * UINT64_C(0x100000001b3);
    record->digest ^= record->digest >> 29;
}

static inline void tap_digest_chunk(struct tap_flow *record, const struct flow_chunk *chunk)
{
    tap_digest(record, chunk->direction);
    tap_digest(record, chunk->offset);
    tap_digest(record, chunk->lost);
    tap_digest(record, chunk->last);
    tap_digest(record, chunk->time_ns);
    tap_digest(record, chunk->size);
    for (uint32_t i = 0; i < chunk->size; i++)
        tap_digest(record, chunk->data[i]);
}

static inline enum ledger_reason tap_data(void *context, struct flow *flow, const struct flow_chunk *chunk)
{
    struct tap *tap = context;
    if (!flow->session) {
        assert_true(tap->flow_count < TAP_FLOWS_MAX);
        flow->session = &tap->flows[tap->flow_count++];
    }
    struct tap_flow *record = flow->session;
    struct tap_stream *stream = &record->streams[chunk->direction];
    if (!stream->bytes)
        stream->bytes = calloc(1, TAP_BYTES_MAX);
    assert_non_null(stream->bytes);
    assert_int_equal(record->ends, 0);
    assert_false(stream->last);
    assert_int_equal(chunk->offset, stream->size);
    assert_true(!chunk->data == !chunk->size);
    assert_true(!chunk->data || !chunk->lost);
    assert_true(chunk->size || chunk->lost || chunk->last);
    if (chunk->size && stream->size + chunk->size <= TAP_BYTES_MAX)
        memcpy(stream->bytes + stream->size, chunk->data, chunk->size);
    stream->size += (uint64_t)chunk->size + chunk->lost;
    stream->lost += chunk->lost;
    stream->holes += chunk->lost != 0;
    stream->chunks++;
    stream->last = chunk->last;
    tap_log_chunk(record, chunk);
    tap_digest_chunk(record, chunk);
    if (tap->swap_first) {
        tap->swap_first = false;
        flow_swap_direction(flow);
        struct tap_stream to_client = record->streams[FLOW_TO_CLIENT];
        record->streams[FLOW_TO_CLIENT] = record->streams[FLOW_TO_SERVER];
        record->streams[FLOW_TO_SERVER] = to_client;
    }
    return tap->answer;
}

static inline void tap_end(void *context, struct flow *flow, enum flow_end reason)
{
    struct tap *tap = context;
    struct tap_flow *record = flow->session;
    if (!record) {
        tap->unknown_ends++;
        return;
    }
    record->ends++;
    record->reason = reason;
    record->ambiguity = flow->ambiguity;
    record->flags = flow->flags;
    record->endpoints = flow_endpoints(flow);
}

static inline struct net_packet tap_template(const struct tap *tap)
{
    struct net_packet packet = {.time_ns = tap->time_ns, .packets = 1, .window = 65535};
    packet.endpoints.ip_version = 4;
    return packet;
}

static inline struct flow_settings tap_settings(void)
{
    struct flow_settings settings = flow_settings_default(256);
    settings.hold_bytes = 4u << 20;
    settings.keep_bytes = 4u << 20;
    return settings;
}

static inline struct tap *tap_new(const struct flow_settings *settings)
{
    struct tap *tap = calloc(1, sizeof(*tap));
    assert_non_null(tap);
    tap->settings = *settings;
    tap->arena = arena_new(flow_table_size(settings));
    assert_non_null(tap->arena);
    const struct hash_key key = {1, 2};
    const struct flow_sink sink = {tap, tap_data, tap_end};
    assert_int_equal(flow_table_new(&tap->table, tap->arena, settings, &tap->ledger, &key, &sink), 0);
    tap->time_ns = UINT64_C(1700000000) * SECOND_NS;
    tap->initial[CLIENT] = 1000;
    tap->initial[SERVER] = 7000000;
    tap->client_port = 40000;
    tap->answer = LEDGER_AUDITED;
    tap->next = tap_template(tap);
    return tap;
}

static inline struct tap *tap_default(void)
{
    struct flow_settings settings = tap_settings();
    return tap_new(&settings);
}

static inline void tap_address(struct address *address, uint8_t last)
{
    const uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = last};
    memcpy(address->bytes, bytes, sizeof(bytes));
}

static inline void tap_fill(const struct tap *tap, struct net_packet *packet, enum tap_sender sender, uint8_t flags,
                            uint32_t sequence, uint32_t acknowledgement, const void *payload, uint32_t size)
{
    struct endpoints *ends = &packet->endpoints;
    tap_address(sender == CLIENT ? &ends->source : &ends->destination, 1);
    tap_address(sender == CLIENT ? &ends->destination : &ends->source, 2);
    *(sender == CLIENT ? &ends->source_port : &ends->destination_port) = tap->client_port;
    *(sender == CLIENT ? &ends->destination_port : &ends->source_port) = 80;
    packet->tcp_flags = flags;
    packet->sequence = tap->initial[sender] + sequence;
    packet->acknowledgement = (flags & NET_TCP_ACK) ? tap->initial[!sender] + acknowledgement : 0;
    packet->payload = span_of(payload, size);
    packet->bytes = TAP_HEADERS + size;
    packet->time_ns = tap->time_ns;
}

/* The payload is copied to memory of its size, so that a sanitizer sees who keeps or overruns it. */
static inline void tap_put(struct tap *tap, const struct net_packet *packet)
{
    struct net_packet copy = *packet;
    uint8_t *payload = malloc(copy.payload.size ? copy.payload.size : 1);
    assert_non_null(payload);
    if (copy.payload.size)
        memcpy(payload, copy.payload.data, copy.payload.size);
    copy.payload.data = copy.payload.size ? payload : NULL;
    ledger_receive(&tap->ledger, copy.packets, copy.bytes);
    flow_table_packets(tap->table, &copy, 1);
    free(payload);
    assert_true(ledger_balanced(&tap->ledger));
}

static inline void tap_send_bytes(struct tap *tap, enum tap_sender sender, uint8_t flags, uint32_t sequence,
                                  uint32_t acknowledgement, const void *payload, uint32_t size)
{
    tap_fill(tap, &tap->next, sender, flags, sequence, acknowledgement, payload, size);
    tap_put(tap, &tap->next);
    tap->time_ns += 1000;
    tap->next = tap_template(tap);
}

static inline void tap_send(struct tap *tap, enum tap_sender sender, uint8_t flags, uint32_t sequence,
                            uint32_t acknowledgement, const char *payload)
{
    tap_send_bytes(tap, sender, flags, sequence, acknowledgement, payload, (uint32_t)strlen(payload));
}

static inline void tap_data_from(struct tap *tap, enum tap_sender sender, uint32_t sequence, uint32_t acknowledgement,
                                 const char *payload)
{
    tap_send(tap, sender, NET_TCP_ACK | NET_TCP_PSH, sequence, acknowledgement, payload);
}

static inline void tap_ack(struct tap *tap, enum tap_sender sender, uint32_t sequence, uint32_t acknowledgement)
{
    tap_send(tap, sender, NET_TCP_ACK, sequence, acknowledgement, "");
}

static inline void tap_handshake(struct tap *tap)
{
    tap_send(tap, CLIENT, NET_TCP_SYN, 0, 0, "");
    tap_send(tap, SERVER, NET_TCP_SYN | NET_TCP_ACK, 0, 1, "");
    tap_ack(tap, CLIENT, 1, 1);
}

static inline void tap_close(struct tap *tap, uint32_t client_bytes, uint32_t server_bytes)
{
    tap_send(tap, CLIENT, NET_TCP_FIN | NET_TCP_ACK, 1 + client_bytes, 1 + server_bytes, "");
    tap_send(tap, SERVER, NET_TCP_FIN | NET_TCP_ACK, 1 + server_bytes, 2 + client_bytes, "");
    tap_ack(tap, CLIENT, 2 + client_bytes, 2 + server_bytes);
}

static inline void tap_wait(struct tap *tap, uint64_t nanoseconds)
{
    tap->time_ns += nanoseconds;
}

static inline void tap_advance(struct tap *tap)
{
    /* Enough calls for any test: each passes 4096 slots of a millisecond. */
    for (int i = 0; i < 4096; i++)
        flow_table_advance(tap->table, tap->time_ns);
}

static inline struct flow_statistics tap_statistics(const struct tap *tap)
{
    struct flow_statistics statistics;
    flow_table_statistics(tap->table, &statistics);
    return statistics;
}

static inline uint64_t tap_settled(const struct tap *tap, enum ledger_reason reason)
{
    return tap->ledger.settled[reason].packets;
}

static inline void tap_flush(struct tap *tap)
{
    flow_table_flush(tap->table);
    struct flow_statistics statistics = tap_statistics(tap);
    assert_int_equal(statistics.flows, 0);
    assert_int_equal(statistics.flows_half_open, 0);
    assert_int_equal(statistics.flows_closing, 0);
    assert_int_equal(statistics.hold_segments, 0);
    assert_int_equal(statistics.keep_segments, 0);
    assert_true(ledger_balanced(&tap->ledger));
    assert_int_equal(tap->ledger.pending.packets, 0);
    assert_int_equal(tap->ledger.pending.bytes, 0);
    uint64_t ended = 0;
    for (int reason = 0; reason < FLOW_END_COUNT; reason++)
        ended += statistics.ended[reason];
    assert_int_equal(ended, statistics.created);
    for (uint32_t i = 0; i < tap->flow_count; i++)
        assert_int_equal(tap->flows[i].ends, 1);
}

static inline void tap_free(struct tap *tap)
{
    for (uint32_t i = 0; i < tap->flow_count; i++) {
        free(tap->flows[i].streams[0].bytes);
        free(tap->flows[i].streams[1].bytes);
    }
    arena_free(tap->arena);
    free(tap);
}

static inline void tap_finish(struct tap *tap)
{
    tap_flush(tap);
    tap_free(tap);
}

/* The usual end of a benign story: what was told, and that nothing was marked. */
static inline void tap_expect(struct tap *tap, const char *log)
{
    tap_flush(tap);
    assert_int_equal(tap->flow_count, 1);
    assert_string_equal(tap->flows[0].log, log);
    assert_int_equal(tap->flows[0].ambiguity, 0);
    tap_free(tap);
}

static inline void tap_expect_ambiguous(struct tap *tap, const char *log, uint32_t ambiguity)
{
    tap_flush(tap);
    assert_int_equal(tap->flow_count, 1);
    assert_string_equal(tap->flows[0].log, log);
    assert_int_equal(tap->flows[0].ambiguity, ambiguity);
    tap_free(tap);
}
