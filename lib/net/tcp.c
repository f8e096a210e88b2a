/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TCP header: fields, options, checksum (RFC 9293, 7323, 2018, 2385, 5925). What it means is for flow to say.
 */

#include "net/walk.h"

#define TCP_SIZE              20u
#define TCP_OPTIONS_MAX       40u
#define TCP_PROTOCOL          6u
#define OPTION_END            0
#define OPTION_NOTHING        1
#define OPTION_MSS            2
#define OPTION_WINDOW_SCALE   3
#define OPTION_SACK_PERMITTED 4
#define OPTION_TIMESTAMPS     8
#define OPTION_SIGNATURE      19
#define OPTION_AUTHENTICATION 29

/* Two NOPs, kind 8, size 10: how nearly every segment with timestamps begins (RFC 7323 appendix A). */
#define OPTIONS_TIMESTAMPS_ONLY      0x0101080au
#define OPTIONS_TIMESTAMPS_ONLY_SIZE 12u

typedef uint64_t words __attribute__((vector_size(16)));

static inline words load_words(const uint8_t *data)
{
    words value;
    memcpy(&value, data, sizeof(value));
    return value;
}

/* Sums 32-bit halves into 64-bit lanes: no carry can be lost below 2^32 halves, and compilers have vectors for it. */
uint64_t net_checksum_add(uint64_t sum, const uint8_t *data, uint32_t size)
{
    const words low_half = {UINT32_MAX, UINT32_MAX};
    words even = {0, 0}, odd = {0, 0};
    for (; size >= 32; size -= 32, data += 32) {
        words first = load_words(data), second = load_words(data + 16);
        even += (first & low_half) + (second & low_half);
        odd += (first >> 32) + (second >> 32);
    }
    even += odd;
    sum += even[0] + even[1];
    for (; size >= 4; size -= 4, data += 4) {
        uint32_t word;
        memcpy(&word, data, 4);
        sum += word;
    }
    uint32_t tail = 0; /* zero padding, in the order in which the bytes lie in memory */
    memcpy(&tail, data, size);
    return sum + tail;
}

static uint64_t pseudo_header_sum(const struct endpoints *endpoints, uint32_t size)
{
    uint64_t sum = (uint64_t)__builtin_bswap32(size) + __builtin_bswap32(TCP_PROTOCOL);
    if (endpoints->ip_version == 4) {
        uint32_t source, destination;
        memcpy(&source, endpoints->source.bytes + 12, sizeof(source));
        memcpy(&destination, endpoints->destination.bytes + 12, sizeof(destination));
        return sum + source + destination;
    }
    static_assert(offsetof(struct endpoints, destination) == sizeof(struct address), "summed as one");
    return net_checksum_add(sum, endpoints->source.bytes, 2 * sizeof(struct address));
}

static enum net_checksum check_sum(const struct net_walk *walk)
{
    bool whole = walk->missing == 0 && !walk->sum_unknown && !(walk->packet->flags & NET_SIZE_ASSUMED);
    if (walk->decoder->settings.checksum == NET_CHECKSUM_OFF || !whole)
        return NET_CHECKSUM_UNCHECKED;
    uint32_t size = net_walk_left(walk);
    uint64_t sum = net_checksum_add(pseudo_header_sum(&walk->packet->endpoints, size), walk->at, size);
    return net_checksum_fold(sum) == 0xffff ? NET_CHECKSUM_GOOD : NET_CHECKSUM_BAD;
}

static void note_option(struct net_packet *packet, const uint8_t *option, uint32_t size)
{
    if (option[0] == OPTION_MSS && size == 4) {
        packet->options |= NET_OPTION_MSS;
        packet->mss = read_u16(option + 2);
    } else if (option[0] == OPTION_WINDOW_SCALE && size == 3) {
        packet->options |= NET_OPTION_WINDOW_SCALE;
        packet->window_scale = option[2];
    } else if (option[0] == OPTION_SACK_PERMITTED && size == 2) {
        packet->options |= NET_OPTION_SACK_PERMITTED;
    } else if (option[0] == OPTION_TIMESTAMPS && size == 10) {
        packet->options |= NET_OPTION_TIMESTAMPS;
        packet->timestamp_value = read_u32(option + 2);
        packet->timestamp_echo = read_u32(option + 6);
    } else if (option[0] == OPTION_SIGNATURE || option[0] == OPTION_AUTHENTICATION) {
        packet->options |= NET_OPTION_SIGNATURE;
    }
}

static void read_options(struct net_packet *packet, const uint8_t *options, uint32_t size)
{
    if (size == OPTIONS_TIMESTAMPS_ONLY_SIZE && read_u32(options) == OPTIONS_TIMESTAMPS_ONLY) {
        note_option(packet, options + 2, 10);
        return;
    }
    for (uint32_t at = 0; at < size && options[at] != OPTION_END;) {
        if (options[at] == OPTION_NOTHING) {
            at++;
            continue;
        }
        uint32_t option_size = at + 1 < size ? options[at + 1] : 0;
        if (option_size < 2 || option_size > size - at) {
            packet->options |= NET_OPTION_MALFORMED;
            return;
        }
        note_option(packet, options + at, option_size);
        at += option_size;
    }
}

static enum net_walk_step finish(struct net_walk *walk)
{
    struct net_packet *packet = walk->packet;
    if (unlikely(walk->missing))
        ledger_raise(&walk->decoder->counters[NET_COUNTER_PAYLOAD_CUT], 1);
    if (likely(packet->checksum != NET_CHECKSUM_BAD))
        return WALK_READY;
    ledger_raise(&walk->decoder->counters[NET_COUNTER_TCP_CHECKSUM_BAD], 1);
    if (walk->decoder->settings.checksum == NET_CHECKSUM_DROP)
        return net_walk_settle(walk, LEDGER_CHECKSUM);
    return WALK_READY;
}

enum net_walk_step net_walk_tcp(struct net_walk *walk)
{
    if (unlikely(!net_walk_has(walk, TCP_SIZE)))
        return net_walk_short(walk);
    const uint8_t *header = walk->at;
    uint32_t header_size = (header[12] >> 4) * 4u;
    if (unlikely(header_size < TCP_SIZE))
        return net_walk_settle(walk, LEDGER_MALFORMED);
    if (unlikely(!net_walk_has(walk, header_size)))
        return net_walk_short(walk);

    struct net_packet *packet = walk->packet;
    packet->endpoints.source_port = read_u16(header);
    packet->endpoints.destination_port = read_u16(header + 2);
    packet->sequence = read_u32(header + 4);
    packet->acknowledgement = read_u32(header + 8);
    packet->tcp_header_size = (uint8_t)header_size;
    packet->tcp_flags = header[13];
    packet->window = read_u16(header + 14);
    packet->urgent_pointer = read_u16(header + 18);
    packet->checksum = (uint8_t)check_sum(walk);
    if (header_size > TCP_SIZE)
        read_options(packet, header + TCP_SIZE, header_size - TCP_SIZE);
    walk->at += header_size;
    packet->payload = span_of(walk->at, net_walk_left(walk));
    packet->payload_missing = walk->missing;
    return finish(walk);
}
