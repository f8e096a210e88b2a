/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Frames for tests of net
 *
 * Builds frames from the inside out: each call puts one header in front. Written from the header layouts of the RFCs,
 * sharing nothing with the decoder, not even its constants.
 */

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "net/decode.h"

#define FRAME_ROOM 2048u /* for headers, in front of the payload */
#define FRAME_MAX  70000u

struct frame {
    uint8_t store[FRAME_ROOM + FRAME_MAX];
    uint32_t start, end;
};

static inline uint8_t *frame_at(struct frame *frame)
{
    return frame->store + frame->start;
}

static inline uint32_t frame_size(const struct frame *frame)
{
    return frame->end - frame->start;
}

static inline void frame_front(struct frame *frame, const void *bytes, uint32_t size)
{
    assert_true(frame->start >= size);
    frame->start -= size;
    memcpy(frame_at(frame), bytes, size);
}

static inline void frame_front_u16(struct frame *frame, uint32_t value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    frame_front(frame, bytes, 2);
}

static inline void frame_front_u32(struct frame *frame, uint32_t value)
{
    frame_front_u16(frame, value & 0xffff);
    frame_front_u16(frame, value >> 16);
}

static inline void frame_payload(struct frame *frame, const void *payload, uint32_t size)
{
    assert_true(size <= FRAME_MAX);
    frame->start = FRAME_ROOM;
    frame->end = FRAME_ROOM + size;
    if (size)
        memcpy(frame->store + FRAME_ROOM, payload, size);
}

static inline void frame_append(struct frame *frame, const void *bytes, uint32_t size)
{
    memcpy(frame->store + frame->end, bytes, size);
    frame->end += size;
}

/* RFC 1071, two bytes at a time. */
static inline uint32_t sum16(const uint8_t *bytes, uint32_t size, uint32_t sum)
{
    for (uint32_t i = 0; i < size; i++) {
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static inline void put_sum(uint8_t *at, uint32_t sum)
{
    at[0] = (uint8_t)(~sum >> 8);
    at[1] = (uint8_t)~sum;
}

struct tcp_fields {
    uint16_t source_port, destination_port;
    uint32_t sequence, acknowledgement;
    uint8_t flags;
    uint16_t window, urgent;
    const uint8_t *options;
    uint32_t options_size; /* a multiple of four */
};

/* The checksum is put in by frame_ip4() and frame_ip6(), which know the addresses. */
static inline void frame_tcp(struct frame *frame, const struct tcp_fields *tcp)
{
    if (tcp->options_size)
        frame_front(frame, tcp->options, tcp->options_size);
    frame_front_u16(frame, tcp->urgent);
    frame_front_u16(frame, 0);
    frame_front_u16(frame, tcp->window);
    uint8_t offset_flags[2] = {(uint8_t)((5 + tcp->options_size / 4) << 4), tcp->flags};
    frame_front(frame, offset_flags, 2);
    frame_front_u32(frame, tcp->acknowledgement);
    frame_front_u32(frame, tcp->sequence);
    frame_front_u16(frame, tcp->destination_port);
    frame_front_u16(frame, tcp->source_port);
}

static inline void frame_tcp_sum(struct frame *frame, const uint8_t *source, const uint8_t *destination, uint32_t size)
{
    uint8_t *at = frame_at(frame);
    at[16] = at[17] = 0;
    uint32_t sum = sum16(source, size, 0);
    sum = sum16(destination, size, sum) + 6 + frame_size(frame);
    put_sum(at + 16, sum16(at, frame_size(frame), sum));
}

struct ip4_fields {
    uint8_t source[4], destination[4];
    uint8_t protocol;
    uint16_t id;
    uint16_t fragment; /* flags and offset as in the header */
    const uint8_t *options;
    uint32_t options_size;
    bool no_tcp_sum; /* the payload is no whole TCP segment */
};

static inline void frame_ip4(struct frame *frame, const struct ip4_fields *ip)
{
    if (ip->protocol == 6 && !ip->no_tcp_sum)
        frame_tcp_sum(frame, ip->source, ip->destination, 4);
    uint32_t header = 20 + ip->options_size, total = header + frame_size(frame);
    if (ip->options_size)
        frame_front(frame, ip->options, ip->options_size);
    frame_front(frame, ip->destination, 4);
    frame_front(frame, ip->source, 4);
    frame_front_u16(frame, 0);
    frame_front_u16(frame, 64u << 8 | ip->protocol);
    frame_front_u16(frame, ip->fragment);
    frame_front_u16(frame, ip->id);
    frame_front_u16(frame, total);
    frame_front_u16(frame, (0x40u + header / 4) << 8);
    put_sum(frame_at(frame) + 10, sum16(frame_at(frame), header, 0));
}

static inline void frame_ip6(struct frame *frame, const uint8_t source[16], const uint8_t destination[16], uint8_t next)
{
    uint32_t size = frame_size(frame);
    if (next == 6)
        frame_tcp_sum(frame, source, destination, 16);
    frame_front(frame, destination, 16);
    frame_front(frame, source, 16);
    frame_front_u16(frame, (uint32_t)next << 8 | 64);
    frame_front_u16(frame, size);
    frame_front_u32(frame, 0x60000000);
}

static inline void frame_udp(struct frame *frame, uint16_t source_port, uint16_t destination_port)
{
    uint32_t size = 8 + frame_size(frame);
    frame_front_u16(frame, 0);
    frame_front_u16(frame, size);
    frame_front_u16(frame, destination_port);
    frame_front_u16(frame, source_port);
}

static inline void frame_ethernet(struct frame *frame, uint16_t type)
{
    static const uint8_t addresses[12] = {0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1};
    frame_front_u16(frame, type);
    frame_front(frame, addresses, 12);
}

/* Puts a tag between the addresses and the type of the Ethernet header in front. */
static inline void frame_tag(struct frame *frame, uint16_t type, uint16_t id)
{
    uint8_t addresses[12];
    memcpy(addresses, frame_at(frame), 12);
    frame->start += 12;
    frame_front_u16(frame, id);
    frame_front_u16(frame, type);
    frame_front(frame, addresses, 12);
}

static const uint8_t client4[4] = {192, 0, 2, 10}, server4[4] = {198, 51, 100, 20};
static const uint8_t client6[16] = {0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a};
static const uint8_t server6[16] = {0x20, 1, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14};

static const struct tcp_fields request_tcp = {
    .source_port = 40000,
    .destination_port = 80,
    .sequence = 0x11223344,
    .acknowledgement = 0x55667788,
    .flags = 0x18,
    .window = 501,
};

#define REQUEST      "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"
#define REQUEST_SIZE (sizeof(REQUEST) - 1)

static inline void frame_request4(struct frame *frame)
{
    struct ip4_fields ip = {.protocol = 6, .id = 7};
    memcpy(ip.source, client4, 4);
    memcpy(ip.destination, server4, 4);
    frame_payload(frame, REQUEST, REQUEST_SIZE);
    frame_tcp(frame, &request_tcp);
    frame_ip4(frame, &ip);
}

static inline void frame_request6(struct frame *frame)
{
    frame_payload(frame, REQUEST, REQUEST_SIZE);
    frame_tcp(frame, &request_tcp);
    frame_ip6(frame, client6, server6, 6);
}

/* An outer IPv4 header of the mirror's own. */
static inline void frame_outer4(struct frame *frame, uint8_t protocol)
{
    struct ip4_fields ip = {.source = {10, 9, 8, 7}, .destination = {10, 9, 8, 6}, .protocol = protocol, .id = 99};
    frame_ip4(frame, &ip);
}

/* A decoder with everything around it. */
struct bench {
    struct arena *arena;
    struct net_decoder *decoder;
    struct ledger ledger;
    struct net_packet out[PACKET_BURST_MAX];
    struct packet in; /* what bench_decode() was given last */
    uint8_t *copy;
    uint64_t now_ns;
};

static inline void bench_init(struct bench *bench, const struct net_settings *settings)
{
    struct net_settings standard;
    net_settings_default(&standard);
    const struct net_settings *used = settings ? settings : &standard;
    memset(bench, 0, sizeof(*bench));
    bench->arena = arena_new(net_decoder_size(used));
    assert_non_null(bench->arena);
    assert_int_equal(net_decoder_new(&bench->decoder, bench->arena, used), 0);
    bench->now_ns = UINT64_C(1700000000000000000);
}

static inline void bench_deinit(struct bench *bench)
{
    net_decoder_flush(bench->decoder, &bench->ledger);
    assert_true(ledger_balanced(&bench->ledger));
    assert_int_equal(bench->ledger.pending.packets, 0);
    assert_int_equal(bench->ledger.pending.bytes, 0);
    free(bench->copy);
    arena_free(bench->arena);
}

/*
 * Decodes one frame of which `size` bytes were captured, in a heap block of just that size, and settles what comes out
 * as AUDITED. Returns the packet or NULL.
 */
static inline struct net_packet *bench_decode_cut(struct bench *bench, const uint8_t *data, uint32_t size,
                                                  uint32_t wire_size, enum packet_link link)
{
    free(bench->copy);
    bench->copy = malloc(size ? size : 1);
    assert_non_null(bench->copy);
    memcpy(bench->copy, data, size);
    bench->in = (struct packet){
        .data = bench->copy, .size = size, .wire_size = wire_size, .time_ns = bench->now_ns, .link = (uint16_t)link};
    uint32_t count = net_decode_burst(bench->decoder, &bench->ledger, &bench->in, 1, bench->out);
    assert_true(count <= 1);
    assert_true(ledger_balanced(&bench->ledger));
    if (count == 0)
        return NULL;
    assert_ptr_equal(bench->out[0].packet, &bench->in);
    ledger_settle(&bench->ledger, LEDGER_AUDITED, bench->out[0].packets, bench->out[0].bytes);
    return &bench->out[0];
}

static inline struct net_packet *bench_decode(struct bench *bench, struct frame *frame)
{
    return bench_decode_cut(bench, frame_at(frame), frame_size(frame), frame_size(frame), PACKET_LINK_ETHERNET);
}

/* Decodes a frame that must be settled with `reason`. */
static inline void bench_refuse(struct bench *bench, struct frame *frame, enum ledger_reason reason)
{
    uint64_t before = bench->ledger.settled[reason].packets;
    assert_null(bench_decode(bench, frame));
    if (bench->ledger.settled[reason].packets != before + 1)
        for (int i = 0; i < LEDGER_REASON_COUNT; i++)
            if (bench->ledger.settled[i].packets)
                print_message("settled %s: %lu\n", ledger_reason_name((enum ledger_reason)i),
                              (unsigned long)bench->ledger.settled[i].packets);
    assert_int_equal(bench->ledger.settled[reason].packets, before + 1);
}

static inline void assert_request(const struct net_packet *packet, int ip_version)
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    assert_non_null(packet);
    const struct endpoints *e = &packet->endpoints;
    assert_int_equal(e->ip_version, ip_version);
    if (ip_version == 4) {
        assert_memory_equal(e->source.bytes, prefix, 12);
        assert_memory_equal(e->destination.bytes, prefix, 12);
        assert_memory_equal(e->source.bytes + 12, client4, 4);
        assert_memory_equal(e->destination.bytes + 12, server4, 4);
    } else {
        assert_memory_equal(e->source.bytes, client6, 16);
        assert_memory_equal(e->destination.bytes, server6, 16);
    }
    assert_int_equal(e->source_port, 40000);
    assert_int_equal(e->destination_port, 80);
    assert_int_equal(packet->sequence, 0x11223344);
    assert_int_equal(packet->acknowledgement, 0x55667788);
    assert_int_equal(packet->tcp_flags, NET_TCP_PSH | NET_TCP_ACK);
    assert_int_equal(packet->window, 501);
    assert_int_equal(packet->payload.size, REQUEST_SIZE);
    assert_memory_equal(packet->payload.data, REQUEST, REQUEST_SIZE);
    assert_int_equal(packet->payload_missing, 0);
}
