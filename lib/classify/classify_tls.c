/* SPDX-License-Identifier: Apache-2.0 */

/* Signatures of TLS: the handshake it begins with, and what a record looks like where the beginning was missed. */

#include "classify/signature.h"

#define TLS_RECORD_MAX    18432u /* 2^14 + 2048, RFC 5246 6.2.3 */
#define TLS_HANDSHAKE_MAX 131072u

/* The first message of a handshake: ClientHello or ServerHello with a plausible length and version inside. */
static enum match match_tls_handshake(struct span message, uint32_t record_size)
{
    if (message.size > 0 && message.data[0] != 1 && message.data[0] != 2)
        return MATCH_NO;
    if (message.size < min_u32(record_size, 6))
        return MATCH_MAYBE;
    if (record_size >= 4 && (classify_read_32(message.data) & 0xffffff) > TLS_HANDSHAKE_MAX)
        return MATCH_NO;
    return record_size < 6 || (message.data[4] == 3 && message.data[5] <= 4) ? MATCH_YES : MATCH_NO;
}

/* type 22 (or 21: an alert instead of a ServerHello), version 3.0 to 3.4, length */
enum match classify_match_tls(struct span data)
{
    if (data.size > 0 && data.data[0] != 22 && data.data[0] != 21)
        return MATCH_NO;
    if ((data.size > 1 && data.data[1] != 3) || (data.size > 2 && data.data[2] > 4))
        return MATCH_NO;
    if (data.size < 5)
        return MATCH_MAYBE;
    uint32_t size = classify_read_16(data.data + 3);
    if (size == 0 || size > TLS_RECORD_MAX)
        return MATCH_NO;
    if (data.data[0] == 22)
        return match_tls_handshake(span_from(data, 5), size);
    if (size != 2)
        return MATCH_NO;
    if (data.size < 6)
        return MATCH_MAYBE;
    return data.data[5] == 1 || data.data[5] == 2 ? MATCH_YES : MATCH_NO;
}

/* Records met in the middle of a connection: application data of TLS 1.2 or 1.3. */
enum match classify_match_tls_data(struct span data)
{
    static const uint8_t prefix[] = {23, 3, 3};
    enum match match = classify_match_prefix(data, span_of(prefix, sizeof(prefix)));
    if (match != MATCH_YES || data.size < 5)
        return match == MATCH_NO ? MATCH_NO : MATCH_MAYBE;
    uint32_t size = classify_read_16(data.data + 3);
    /* The smallest record holds an authentication tag of 16 bytes and one byte more. */
    return size > 16 && size <= TLS_RECORD_MAX ? MATCH_YES : MATCH_NO;
}
