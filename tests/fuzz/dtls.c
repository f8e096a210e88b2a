/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fuzz target: the datagrams of one association, and the headers of QUIC. The first byte has the flags, then datagrams
 * with two bytes of size each, directions in turn. What is no DTLS teaches nothing.
 */

#include <stdlib.h>

#include "tls/dtls.h"
#include "tls/handshake.h"
#include "tls/quic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum flag { FROM_SERVER = 1, CUT = 2, NO_BUFFER = 4 };

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* A copy of its own size, so that a sanitizer sees the first byte read beyond it. */
static void take(struct dtls *dtls, uint32_t direction, const uint8_t *data, uint32_t size, bool cut)
{
    uint8_t *copy = malloc(size ? size : 1);
    check(copy != NULL);
    memcpy(copy, data, size);
    struct dtls before = *dtls;
    struct quic_header header;
    if (quic_header_read(span_of(copy, size), &header))
        check(quic_version_name(header.version) != NULL);
    if (!dtls_datagram(dtls, direction, span_of(copy, size), cut))
        check(before.known == dtls->known && before.handshakes == dtls->handshakes && before.version == dtls->version &&
              before.server_hello == dtls->server_hello && before.join.fragment_count == dtls->join.fragment_count);
    else
        check(dtls->known);
    free(copy);
    check(dtls->join.fragment_count <= DTLS_FRAGMENTS_MAX && dtls->join.size <= TLS_MESSAGE_SIZE_MAX);
    check(dtls->handshakes >= before.handshakes && dtls->client <= 1);
    check(!dtls->server_hello || dtls->version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t buffer[TLS_MESSAGE_SIZE_MAX];
    struct dtls dtls;
    if (size < 1)
        return 0;
    memset(&dtls, 0, sizeof(dtls));
    uint8_t flags = data[0];
    dtls.join.buffer = flags & NO_BUFFER ? NULL : buffer;
    uint32_t direction = flags & FROM_SERVER;
    for (size_t at = 1; at + 2 <= size; direction ^= 1) {
        uint32_t part = (uint32_t)data[at] << 8 | data[at + 1];
        at += 2;
        if (part > size - at)
            part = (uint32_t)(size - at);
        take(&dtls, direction, data + at, part, (flags & CUT) != 0);
        at += part;
    }
    return 0;
}
