/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * QUIC by name
 *
 * Recognises the long header that every QUIC connection begins with. Nothing is opened, not even the hello, which is
 * encrypted with keys that anybody can make.
 *
 * Memory:  none.
 * Source:  RFC 9000 17.2, RFC 8999 5.1, RFC 9369 3.2 (types of version 2).
 */

#include "base/span.h"

struct quic_header {
    uint32_t version; /* 1 or 0x6b3343cf (2) */
    bool protected;   /* 0-RTT or Handshake: the connection went beyond its first flight */
};

/* False: no long header of a version that is known. */
bool quic_header_read(struct span datagram, struct quic_header *header_out);

/* "QUICv1"; NULL for none. */
const char *quic_version_name(uint32_t version);
