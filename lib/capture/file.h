/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Capture file
 *
 * Reads pcap and pcapng with libpcap: micro- and nanoseconds, either byte order. Times come out in nanoseconds.
 *
 * Memory:  slow path, from the heap. The bytes of a burst are valid until the next call on the same file; in preload
 *          mode until capture_file_close().
 * Threads: one owner.
 * Limits:  what libpcap cannot do, it refuses: all interfaces of a pcapng file must have the link type and snap length
 *          of the first, and it does not say which interface a packet came from (packet.port is always 0).
 * Errors:  a negative return has an entry in the diagnostics; a file that breaks off gives its whole packets and a
 *          warning.
 */

#include <stdio.h>

#include "base/diagnostics.h"
#include "net/packet.h"

struct capture_file;

enum capture_file_mode {
    CAPTURE_FILE_STREAM,  /* read as it is asked for */
    CAPTURE_FILE_PRELOAD, /* read at once into memory: for measurements, and for playing it more than once */
};

/*
 * "-" reads standard input. `diagnostics` must outlive the file.
 * Returns 0; -ENOENT and other errors of opening; -ENODATA: empty; -EBADMSG: no capture; -EPROTONOSUPPORT: a link type
 * that the decoder does not know; -ENOMEM.
 */
MUST_USE int capture_file_open(struct capture_file **file_out, const char *path, enum capture_file_mode mode,
                               struct diagnostics *diagnostics);

/* The same for an open stream, which belongs to the capture file from here on, also on failure. */
MUST_USE int capture_file_open_stream(struct capture_file **file_out, FILE *stream, const char *name,
                                      enum capture_file_mode mode, struct diagnostics *diagnostics);

/* Returns the number of packets, 0 at the end, -EBADMSG when the file is damaged in a way that ends reading. */
MUST_USE int capture_file_next_burst(struct capture_file *file, struct packet packets_out[PACKET_BURST_MAX]);

/* Starts again from the first packet. Preload mode only. */
void capture_file_rewind(struct capture_file *file);

/* Packets handed out so far, all rounds together. */
uint64_t capture_file_packet_count(const struct capture_file *file);

void capture_file_close(struct capture_file *file);
