/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Generated traffic
 *
 * Whole TCP connections with API calls, as a tap would show them: handshake, calls one after the other, segments cut at
 * the maximum segment size, acknowledgements, close; many connections interleaved; all checksums valid. The stream has
 * no repetitions in what identifies a connection: every connection has a client address and port and sequence numbers
 * of its own, so a measurement can go on for as long as it likes without playing anything twice.
 *
 * The same settings give the same bytes on every machine, but for TLS: its keys are as random as they must be.
 *
 * Memory:  heap, at traffic_new(): the message texts and TRAFFIC_CONNECTION_BYTES_MAX for each concurrent connection.
 * Threads: one owner.
 * Errors:  -EINVAL for settings out of range, -ENOMEM, -EIO where OpenSSL refuses a handshake.
 */

#include "base/span.h"
#include "generate/profile.h"
#include "net/packet.h"

#define TRAFFIC_CONNECTION_BYTES_MAX 96u   /* a million connections are to fit any machine */
#define TRAFFIC_FRAME_MAX            1514u /* an Ethernet frame without its check sequence */
#define TRAFFIC_FLIGHT_MAX           8u    /* frames that are only made together */

struct traffic;

struct traffic_counts {
    uint64_t packets;
    uint64_t bytes; /* of frames */
    uint64_t payload_bytes;
    uint64_t connections;  /* begun */
    uint64_t transactions; /* whose request has begun; of messages each is one */
    uint64_t sensitive;    /* of these: with sensitive values in the response */
    uint64_t shadow;       /* to an operation that the registry does not know */
    uint64_t missing_header;
};

MUST_USE int traffic_new(struct traffic **traffic_out, const struct traffic_settings *settings);
void traffic_free(struct traffic *traffic);

/*
 * Writes the next frames of the stream one behind the other to `memory` and describes them in packets_out[]. Stops when
 * there is not room for TRAFFIC_FLIGHT_MAX further frames. Returns their number, 0 when the stream has ended.
 */
uint32_t traffic_fill(struct traffic *traffic, uint8_t *memory, size_t memory_size, struct packet *packets_out,
                      uint32_t packets_max);

const struct traffic_counts *traffic_counts(const struct traffic *traffic);

/* Connections that have begun and not ended. */
uint32_t traffic_open(const struct traffic *traffic);

/* Secrets of its TLS connections, in the form of SSLKEYLOGFILE; empty where there are none. */
struct span traffic_keylog(const struct traffic *traffic);
