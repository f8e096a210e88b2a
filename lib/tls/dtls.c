/* SPDX-License-Identifier: Apache-2.0 */

/*
 * DTLS by name. A datagram is looked through twice: whether it is DTLS at all is known only at its end, and nothing of
 * one that is not may be believed.
 */

#include "tls/dtls.h"

#include "tls/cursor.h"
#include "tls/handshake.h"
#include "tls/hello.h"

#define VERSION_10 0xfeffu
#define VERSION_12 0xfefdu
#define VERSION_13 0xfefcu

#define UNIFIED_MASK     0xe0u /* 001CSLEE, RFC 9147 4 */
#define UNIFIED_BITS     0x20u
#define CONTENT_FIRST    20u    /* ChangeCipherSpec ... */
#define CONTENT_LAST     26u    /* ... to ACK */
#define CONTENT_WITH_CID 25u    /* its connection id has a length that only the hellos tell */
#define FRAGMENT_MAX     18432u /* 2^14 + 2048 as in TLS */
#define TYPE_LAST        25u    /* of the handshake messages that DTLS knows */

struct record {
    uint8_t content;
    bool nameless; /* without a version or without a length: all the rest of the datagram */
    uint16_t version, epoch;
    struct span fragment;
};

/* Takes one record. False: it is none. */
static bool record_next(struct span *left_io, bool known, bool cut, struct record *record_out)
{
    uint8_t first = left_io->data[0];
    *record_out = (struct record){.content = first};
    record_out->nameless = (first & UNIFIED_MASK) == UNIFIED_BITS || first == CONTENT_WITH_CID;
    if (record_out->nameless) {
        *left_io = (struct span){0};
        return known;
    }
    struct tls_cursor cursor = tls_cursor_of(span_from(*left_io, 1));
    record_out->version = (uint16_t)tls_cursor_number(&cursor, 2);
    record_out->epoch = (uint16_t)tls_cursor_number(&cursor, 2);
    tls_cursor_bytes(&cursor, 6); /* sequence number */
    uint32_t size = tls_cursor_number(&cursor, 2);
    bool version = record_out->version == VERSION_10 || record_out->version == VERSION_12;
    if (cursor.bad || !version || first < CONTENT_FIRST || first > CONTENT_LAST || size == 0 || size > FRAGMENT_MAX)
        return false;
    if (size > cursor.left.size && !cut)
        return false;
    record_out->fragment = span_first(cursor.left, min_u32(size, cursor.left.size));
    *left_io = span_from(cursor.left, record_out->fragment.size);
    return true;
}

struct message {
    uint8_t type;
    uint16_t sequence;
    uint32_t size, offset;
    struct span part; /* of the body, from `offset` on */
};

/* A handshake message, or a fragment of one (RFC 6347 4.2.2). False: it is none. */
static bool message_next(struct span *left_io, bool cut, struct message *message_out)
{
    struct tls_cursor cursor = tls_cursor_of(*left_io);
    message_out->type = (uint8_t)tls_cursor_number(&cursor, 1);
    message_out->size = tls_cursor_number(&cursor, 3);
    message_out->sequence = (uint16_t)tls_cursor_number(&cursor, 2);
    message_out->offset = tls_cursor_number(&cursor, 3);
    uint32_t size = tls_cursor_number(&cursor, 3);
    if (cursor.bad || message_out->type > TYPE_LAST || message_out->offset + size > message_out->size ||
        (size > cursor.left.size && !cut))
        return false;
    message_out->part = span_first(cursor.left, min_u32(size, cursor.left.size));
    *left_io = span_from(cursor.left, message_out->part.size);
    return true;
}

static bool messages_sound(struct span fragment, bool cut)
{
    struct message message;
    /* Each takes its header of twelve bytes at least. */
    while (fragment.size)
        if (!message_next(&fragment, cut, &message))
            return cut;
    return true;
}

/* All of the datagram is records. */
static bool is_dtls(const struct dtls *dtls, struct span datagram, bool cut)
{
    struct record record;
    if (datagram.size == 0)
        return false;
    for (uint32_t i = 0; i < DTLS_RECORDS_MAX && datagram.size; i++) {
        if (!record_next(&datagram, dtls->known || i > 0, cut, &record))
            return false;
        bool clear = !record.nameless && record.epoch == 0;
        if (clear && record.content == TLS_HANDSHAKE && !messages_sound(record.fragment, cut))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------------- hellos */

/*
 * Behind keys a hello in the clear with another random begins another association on the same ports. One with the same
 * is sent again, or was overtaken by what it announces.
 */
static void client_hello(struct dtls *dtls, uint32_t direction, struct span body)
{
    struct tls_hello hello;
    if (!tls_hello_parse_client_dtls(body, &hello))
        return;
    bool another = dtls->client_hello && memcmp(dtls->client_random, hello.random, TLS_RANDOM_SIZE) != 0;
    if (dtls->encrypted && another) {
        struct dtls_join join = {.buffer = dtls->join.buffer};
        *dtls = (struct dtls){.known = true, .handshakes = dtls->handshakes + 1, .join = join};
    }
    memcpy(dtls->client_random, hello.random, TLS_RANDOM_SIZE);
    struct span name = tls_hello_server_name(&hello);
    dtls->client_hello = true;
    dtls->client = (uint8_t)direction;
    dtls->sni_size = (uint8_t)min_u32(name.size, TLS_NAME_SIZE_MAX);
    if (dtls->sni_size)
        memcpy(dtls->sni, name.data, dtls->sni_size);
}

static void server_hello(struct dtls *dtls, uint32_t direction, struct span body)
{
    struct tls_hello hello;
    if (!tls_hello_parse_server_dtls(body, &hello) || tls_hello_is_retry_request(&hello))
        return;
    struct span selected = hello.extensions[TLS_EXTENSION_VERSIONS];
    dtls->server_hello = true;
    dtls->client = (uint8_t)(direction ^ 1);
    bool names = selected.size == 2 && selected.data[0] == VERSION_10 >> 8;
    dtls->version = names ? tls_u16(selected.data) : hello.version;
    dtls->suite = hello.suite;
}

static void hello_take(struct dtls *dtls, uint32_t direction, uint8_t type, struct span body)
{
    if (type == TLS_CLIENT_HELLO)
        client_hello(dtls, direction, body);
    else
        server_hello(dtls, direction, body);
}

/* Where the whole pieces from the begin of the message on end. */
static uint32_t fragments_end(const struct dtls_join *join)
{
    uint32_t end = 0;
    for (uint32_t found = 0; found <= join->fragment_count; found++)
        for (uint32_t i = 0; i < join->fragment_count; i++) {
            const struct dtls_fragment *fragment = &join->fragments[i];
            if (fragment->offset <= end && fragment->offset + fragment->size > end)
                end = fragment->offset + fragment->size;
        }
    return end;
}

/* Fragments overtake each other, and are sent again, cut otherwise perhaps. */
static void fragment_take(struct dtls *dtls, uint32_t direction, const struct message *message)
{
    struct dtls_join *join = &dtls->join;
    if (!join->buffer || message->size > TLS_MESSAGE_SIZE_MAX)
        return;
    if (join->size != message->size || join->sequence != message->sequence || join->direction != direction) {
        join->size = message->size;
        join->fragment_count = 0;
        join->sequence = message->sequence;
        join->direction = (uint8_t)direction;
    }
    if (join->fragment_count == DTLS_FRAGMENTS_MAX)
        return;
    if (message->part.size)
        memcpy(join->buffer + message->offset, message->part.data, message->part.size);
    join->fragments[join->fragment_count++] = (struct dtls_fragment){message->offset, message->part.size};
    if (fragments_end(join) < join->size)
        return;
    struct span body = span_of(join->buffer, join->size);
    join->size = 0;
    hello_take(dtls, direction, message->type, body);
}

static void handshake_take(struct dtls *dtls, uint32_t direction, struct span fragment, bool cut)
{
    struct message message;
    while (fragment.size && message_next(&fragment, cut, &message)) {
        if (message.type != TLS_CLIENT_HELLO && message.type != TLS_SERVER_HELLO)
            continue;
        if (message.part.size == message.size)
            hello_take(dtls, direction, message.type, message.part);
        else
            fragment_take(dtls, direction, &message);
    }
}

/* Before DTLS 1.3 protected records name the version agreed on; in it they name none. */
static void protected_take(struct dtls *dtls, const struct record *record)
{
    dtls->encrypted = true;
    if (dtls->version || record->content == CONTENT_WITH_CID)
        return;
    dtls->version = record->nameless ? VERSION_13 : record->version;
}

bool dtls_datagram(struct dtls *dtls, uint32_t direction, struct span datagram, bool cut)
{
    struct record record;
    if (!is_dtls(dtls, datagram, cut))
        return false;
    dtls->known = true;
    for (uint32_t i = 0; i < DTLS_RECORDS_MAX && datagram.size; i++) {
        if (!record_next(&datagram, true, cut, &record))
            break;
        if (record.nameless || record.epoch)
            protected_take(dtls, &record);
        else if (record.content == TLS_HANDSHAKE)
            handshake_take(dtls, direction, record.fragment, cut);
    }
    return true;
}
