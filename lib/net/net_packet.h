/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Decoded TCP packet
 *
 * One TCP segment with its innermost addresses, the tunnels it came in, and its weight in the ledger.
 *
 * Memory:  the payload belongs to the frame or to the decoder, see net/decode.h.
 */

#include "base/span.h"
#include "net/packet.h"
#include "transaction/endpoints.h"

/* TCP control bits, RFC 9293 3.1. */
enum net_tcp_flag {
    NET_TCP_FIN = 0x01,
    NET_TCP_SYN = 0x02,
    NET_TCP_RST = 0x04,
    NET_TCP_PSH = 0x08,
    NET_TCP_ACK = 0x10,
    NET_TCP_URG = 0x20,
    NET_TCP_ECE = 0x40,
    NET_TCP_CWR = 0x80,
};

/* TCP options seen. */
enum net_tcp_option {
    NET_OPTION_MSS = 1u << 0,
    NET_OPTION_WINDOW_SCALE = 1u << 1,
    NET_OPTION_SACK_PERMITTED = 1u << 2,
    NET_OPTION_TIMESTAMPS = 1u << 3,
    NET_OPTION_SIGNATURE = 1u << 4, /* MD5 (RFC 2385) or TCP-AO (RFC 5925) */
    NET_OPTION_MALFORMED = 1u << 5, /* the option list breaks off; what came before it counts */
};

enum net_packet_flag {
    NET_AMBIGUOUS = 1u << 0,       /* two receivers may see different bytes: conflicting fragments */
    NET_REASSEMBLED = 1u << 1,     /* from IP fragments */
    NET_IP_CHECKSUM_BAD = 1u << 2, /* of any IPv4 header on the way in */
    NET_SIZE_ASSUMED = 1u << 3,    /* IPv4 total length 0 (segmentation offload): the frame's size was taken */
    NET_DATAGRAM = 1u << 4,        /* of UDP: ports and payload are all there is */
};

enum net_checksum {
    NET_CHECKSUM_UNCHECKED, /* switched off, or bytes are missing */
    NET_CHECKSUM_GOOD,
    NET_CHECKSUM_BAD,
};

struct net_packet {
    struct endpoints endpoints;
    uint64_t clock_offset_ns;    /* time_ns is so far off from a clock that nobody sets; 0 from the decoder */
    uint32_t domain;             /* identity of the address space, see net_settings.domain_kinds; 0 by default */
    uint64_t time_ns;            /* of the frame that completed it */
    uint32_t packets;            /* weight in the ledger: frames ... */
    uint32_t bytes;              /* ... and their captured bytes, headers included */
    const struct packet *packet; /* the frame that completed it */
    struct span payload;         /* of TCP or UDP, as far as it was captured */
    uint32_t payload_missing;    /* payload bytes behind it that were announced and not captured */
    uint32_t sequence;           /* of the first byte of payload, or of the SYN */
    uint32_t acknowledgement;
    uint16_t window;          /* as sent, unscaled */
    uint16_t urgent_pointer;  /* meaningful with NET_TCP_URG */
    uint8_t tcp_flags;        /* enum net_tcp_flag */
    uint8_t tcp_header_size;  /* bytes */
    uint8_t options;          /* enum net_tcp_option */
    uint8_t window_scale;     /* with NET_OPTION_WINDOW_SCALE; as sent */
    uint16_t mss;             /* with NET_OPTION_MSS */
    uint8_t checksum;         /* enum net_checksum */
    uint8_t flags;            /* enum net_packet_flag */
    uint32_t timestamp_value; /* with NET_OPTION_TIMESTAMPS */
    uint32_t timestamp_echo;
};

/*
 * When the packet came, by a clock that nobody sets: for deadlines. What is told to people is time_ns. Modulo 2^64, as
 * the clock may have been set back.
 */
static inline uint64_t net_packet_clock(const struct net_packet *packet)
{
    return packet->time_ns - packet->clock_offset_ns;
}
