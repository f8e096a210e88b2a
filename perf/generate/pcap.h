/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Capture file writer
 *
 * Classic pcap (draft-ietf-opsawg-pcap), in the byte order of this machine, with a time stamp in micro- or nanoseconds.
 *
 * Memory:  one output buffer; any length of capture.
 * Errors:  0 or -errno; the first one stays.
 */

#include <stdio.h>

#include "net/packet.h"

struct pcap_writer {
    FILE *stream;
    bool nanoseconds;
    int error;
};

/* "-" is standard output. */
MUST_USE int pcap_writer_open(struct pcap_writer *writer, const char *path, bool nanoseconds);

void pcap_writer_add(struct pcap_writer *writer, const struct packet *packets, uint32_t count);

/* Returns what went wrong since opening. */
MUST_USE int pcap_writer_close(struct pcap_writer *writer);
