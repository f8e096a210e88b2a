/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Frames
 *
 * Ethernet, IPv4 and TCP around a payload, with valid checksums, timestamps, and on a SYN the options of a current
 * Linux (RFC 791, 9293, 7323, 2018).
 */

#include "base/span.h"

#define FRAME_ETHERNET_SIZE    14u
#define FRAME_IP_SIZE          20u
#define FRAME_TCP_SIZE         20u
#define FRAME_OPTIONS_SIZE     12u /* timestamps, padded */
#define FRAME_SYN_OPTIONS_SIZE 20u
#define FRAME_MTU              1500u
#define FRAME_PAYLOAD_MAX      (FRAME_MTU - FRAME_IP_SIZE - FRAME_TCP_SIZE - FRAME_OPTIONS_SIZE)
#define FRAME_MAX              (FRAME_ETHERNET_SIZE + FRAME_MTU)

enum frame_flag {
    FRAME_FIN = 0x01,
    FRAME_SYN = 0x02,
    FRAME_PUSH = 0x08,
    FRAME_ACK = 0x10,
};

struct frame {
    uint32_t source_address, destination_address; /* host order */
    uint16_t source_port, destination_port;
    uint32_t sequence, acknowledgement;
    uint32_t timestamp, timestamp_echo;
    uint16_t identification;
    uint8_t flags;       /* set of enum frame_flag */
    struct span payload; /* at most FRAME_PAYLOAD_MAX bytes */
};

/* Writes at most FRAME_MAX bytes; returns how many. */
uint32_t frame_write(const struct frame *frame, uint8_t *out);
