/* SPDX-License-Identifier: Apache-2.0 */

/* Signatures of AMQP 0-9-1 and 1.0: protocol headers, and frames where the beginning was missed. */

#include "classify/signature.h"

#define AMQP_FRAME_MAX  131072u /* what common brokers negotiate; Connection.Start is a few hundred bytes */
#define AMQP_METHOD_MAX 1024u   /* of class basic: three names of 255 bytes and some numbers */

static enum match match_amqp_header(struct span data, const uint8_t version[4])
{
    enum match match = classify_match_prefix(data, SPAN_LITERAL("AMQP"));
    return match == MATCH_YES ? classify_match_prefix(span_from(data, 4), span_of(version, 4)) : match;
}

enum match classify_match_amqp091(struct span data)
{
    static const uint8_t version[] = {0, 0, 9, 1};
    return match_amqp_header(data, version);
}

/* The server's first frame: method, channel 0, Connection.Start. */
enum match classify_match_amqp091_start(struct span data)
{
    static const uint8_t frame[] = {1, 0, 0}, method[] = {0, 10, 0, 10};
    enum match match = classify_match_prefix(data, span_of(frame, sizeof(frame)));
    if (match != MATCH_YES || data.size < 7)
        return match == MATCH_NO ? MATCH_NO : MATCH_MAYBE;
    if (classify_read_32(data.data + 3) < sizeof(method) || classify_read_32(data.data + 3) > AMQP_FRAME_MAX)
        return MATCH_NO;
    return classify_match_prefix(span_from(data, 7), span_of(method, sizeof(method)));
}

/* Methods of class basic that only the one side sends; content follows those above 30, but not get and get-empty. */
static bool is_amqp091_method(const uint8_t *method, bool server)
{
    static const uint8_t of_client[] = {10, 20, 40, 70, 90}, of_server[] = {21, 50, 60, 71, 72};
    const uint8_t *methods = server ? of_server : of_client;
    bool basic = method[0] == 0 && method[1] == 60 && method[2] == 0;
    return basic && memchr(methods, method[3], server ? sizeof(of_server) : sizeof(of_client)) != NULL;
}

/* The frame behind the first: of a content, its header on the same channel. */
static enum match match_amqp091_next(struct span data, const uint8_t *first)
{
    uint8_t method = first[10];
    bool content = method == 40 || method == 50 || method == 60 || method == 71;
    if (data.size > 0 && (content ? data.data[0] != 2 : !memchr("\1\3\10", data.data[0], 3)))
        return MATCH_NO;
    if (data.size < 7)
        return MATCH_MAYBE;
    if (content && memcmp(data.data + 1, first + 1, 2) != 0)
        return MATCH_NO;
    return classify_read_32(data.data + 3) <= AMQP_FRAME_MAX ? MATCH_YES : MATCH_NO;
}

/* Met in the middle of a connection: a method frame with its end octet, and another frame behind it. */
static enum match match_amqp091_frame(struct span data, bool server)
{
    if (data.size > 0 && data.data[0] != 1)
        return MATCH_NO;
    if (data.size < 11)
        return MATCH_MAYBE;
    uint32_t size = classify_read_32(data.data + 3);
    bool channel = data.data[1] != 0 || data.data[2] != 0;
    if (!channel || size < 4 || size > AMQP_METHOD_MAX || !is_amqp091_method(data.data + 7, server))
        return MATCH_NO;
    if (data.size < size + 8)
        return MATCH_MAYBE;
    return data.data[size + 7] == 0xce ? match_amqp091_next(span_from(data, size + 8), data.data) : MATCH_NO;
}

enum match classify_match_amqp091_client(struct span data)
{
    return match_amqp091_frame(data, false);
}

enum match classify_match_amqp091_server(struct span data)
{
    return match_amqp091_frame(data, true);
}

enum match classify_match_amqp10(struct span data)
{
    static const uint8_t version[] = {0, 1, 0, 0};
    return match_amqp_header(data, version);
}

enum match classify_match_amqp10_tls(struct span data)
{
    static const uint8_t version[] = {2, 1, 0, 0};
    return match_amqp_header(data, version);
}

enum match classify_match_amqp10_sasl(struct span data)
{
    static const uint8_t version[] = {3, 1, 0, 0};
    return match_amqp_header(data, version);
}

/* A frame header as all peers send it, and the descriptor of a performative: 0 to 3, 4 header, 8 to 10 descriptor. */
static bool is_amqp10_front(const uint8_t *data)
{
    return data[0] == 0 && data[4] == 2 && data[5] == 0 && data[8] == 0 && data[9] == 0x53 && data[10] >= 0x10 &&
           data[10] <= 0x18;
}

/*
 * Met in the middle of a connection: a transfer with a section of a message behind it, or a flow or disposition that
 * fills its frame, with another frame behind that.
 */
enum match classify_match_amqp10_frame(struct span data)
{
    static const uint8_t section[] = {0, 0x53};
    if ((data.size > 0 && data.data[0] != 0) || (data.size > 4 && data.data[4] != 2) ||
        (data.size > 5 && data.data[5] != 0))
        return MATCH_NO;
    if (data.size < 13)
        return MATCH_MAYBE;
    uint32_t size = classify_read_32(data.data), end = 13u + data.data[12];
    bool transfer = data.data[10] == 0x14, small = data.data[10] == 0x13 || data.data[10] == 0x15;
    if (!is_amqp10_front(data.data) || data.data[11] != 0xc0 || !(transfer || small) || end > size ||
        (small && end != size))
        return MATCH_NO;
    if (data.size < end + (transfer ? 3 : 11))
        return MATCH_MAYBE;
    if (small)
        return is_amqp10_front(data.data + end) ? MATCH_YES : MATCH_NO;
    bool message = memcmp(data.data + end, section, 2) == 0 && data.data[end + 2] >= 0x70 && data.data[end + 2] <= 0x78;
    return message ? MATCH_YES : MATCH_NO;
}
