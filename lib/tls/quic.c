/* SPDX-License-Identifier: Apache-2.0 */

/* QUIC by name: the long header. */

#include "tls/quic.h"

#include "tls/cursor.h"

#define LONG_MASK      0xc0u /* long header, and the fixed bit */
#define VERSION_1      0x00000001u
#define VERSION_2      0x6b3343cfu
#define CONNECTION_MAX 20u /* bytes of a connection id, RFC 9000 17.2 */

/* Numbers of the packet types, which version 2 turned by one. */
static bool goes_on(uint32_t version, uint32_t type)
{
    uint32_t zero_rtt = version == VERSION_2 ? 2 : 1;
    return type == zero_rtt || type == zero_rtt + 1;
}

bool quic_header_read(struct span datagram, struct quic_header *header_out)
{
    struct tls_cursor cursor = tls_cursor_of(datagram);
    uint32_t first = tls_cursor_number(&cursor, 1);
    uint32_t high = tls_cursor_number(&cursor, 2), low = tls_cursor_number(&cursor, 2);
    uint32_t destination = tls_cursor_number(&cursor, 1);
    tls_cursor_bytes(&cursor, destination);
    uint32_t source = tls_cursor_number(&cursor, 1);
    tls_cursor_bytes(&cursor, source);
    uint32_t version = high << 16 | low;
    if (cursor.bad || (first & LONG_MASK) != LONG_MASK || !quic_version_name(version) || destination > CONNECTION_MAX ||
        source > CONNECTION_MAX || cursor.left.size == 0)
        return false;
    *header_out = (struct quic_header){.version = version, .protected = goes_on(version, first >> 4 & 3)};
    return true;
}

const char *quic_version_name(uint32_t version)
{
    switch (version) {
    case VERSION_1:
        return "QUICv1";
    case VERSION_2:
        return "QUICv2";
    default:
        return NULL;
    }
}
