/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Packet
 *
 * One frame as a source handed it over. The bytes belong to the source and are valid until the burst it came in has
 * been worked through.
 */

#include "base/base.h"

#define PACKET_BURST_MAX 64 /* frames worked through together: enough to hide the memory latency of flow look-ups */

/* How the frame begins. The names follow the capture file formats' link types. */
enum packet_link {
    PACKET_LINK_ETHERNET,
    PACKET_LINK_RAW_IP,       /* no link header; version nibble decides */
    PACKET_LINK_LINUX_COOKED, /* SLL */
    PACKET_LINK_LINUX_COOKED2,
    PACKET_LINK_NULL, /* BSD loopback: address family in host order of the capturing machine */
    PACKET_LINK_LOOP, /* OpenBSD loopback: in network order */
    PACKET_LINK_UNKNOWN,
};

struct packet {
    const uint8_t *data;
    uint32_t size;      /* bytes at `data` */
    uint32_t wire_size; /* bytes the frame had; larger than size when it was cut */
    uint64_t time_ns;   /* UNIX time */
    uint16_t port;      /* tap port, or index of the capture file's interface */
    uint16_t queue;
    uint16_t link; /* enum packet_link */
};
