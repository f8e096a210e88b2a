/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A TLS connection for tests: two byte streams cut into records, hellos read far enough for decryption, and every
 * record given to the decrypter. Deliberately independent of the record reader and the handshake parser of lib/tls.
 */

#include <stdlib.h>
#include <string.h>

#include "tls/decrypt.h"

#define TLS_STREAM_BYTES (1u << 22)

struct tls_stream;
typedef void tls_stream_record(struct tls_stream *stream, enum tls_direction direction,
                               const struct tls_decrypt_input *input, enum tls_decrypt_status status,
                               const struct tls_plain *plain);

struct tls_stream_half {
    uint8_t bytes[TLS_STREAM_BYTES];
    uint32_t size, taken;
    uint8_t handshake[1u << 17];
    uint32_t handshake_size;
};

struct tls_stream {
    struct tls_decrypt_engine *engine;
    struct tls_decrypter *decrypter;
    struct tls_decrypt_facts facts;
    struct tls_stream_half halves[TLS_DIRECTION_COUNT];
    tls_stream_record *told;
    void *context;
    bool etm_offered, ems_offered;
};

static inline uint32_t tls_stream_u16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static inline void tls_stream_extensions(struct tls_stream *stream, bool server, const uint8_t *at, const uint8_t *end)
{
    bool etm = false, ems = false;
    for (at += 2; at + 4 <= end; at += 4 + tls_stream_u16(at + 2)) {
        uint32_t type = tls_stream_u16(at);
        etm = etm || type == 22;
        ems = ems || type == 23;
        if (server && type == 43)
            stream->facts.version = (uint16_t)tls_stream_u16(at + 4);
        if (!server && type == 42)
            stream->facts.early_data = true;
        if (!server && type == 0xfe0d)
            stream->facts.encrypted_client_hello = true;
    }
    if (server) {
        stream->facts.encrypt_then_mac = etm && stream->etm_offered;
        stream->facts.extended_master_secret = ems && stream->ems_offered;
    } else {
        stream->etm_offered = etm;
        stream->ems_offered = ems;
    }
}

static inline void tls_stream_hello(struct tls_stream *stream, bool server, const uint8_t *body, uint32_t size)
{
    const uint8_t *end = body + size, *at = body + 34;
    if (size < 38)
        return;
    if (server) {
        stream->facts.version = (uint16_t)tls_stream_u16(body);
        stream->facts.server_random_known = true;
        memcpy(stream->facts.server_random, body + 2, 32);
        stream->facts.session_id_size = at[0];
        memcpy(stream->facts.session_id, at + 1, at[0]);
        at += 1 + at[0];
        stream->facts.suite = (uint16_t)tls_stream_u16(at);
        stream->facts.compression = at[2];
        at += 3;
    } else {
        memset(&stream->facts, 0, sizeof(stream->facts));
        stream->facts.client_random_known = true;
        memcpy(stream->facts.client_random, body + 2, 32);
        at += 1 + at[0];
        at += 2 + tls_stream_u16(at);
        at += 1 + at[0];
    }
    tls_stream_extensions(stream, server, at, end);
    tls_decrypt_learn(stream->decrypter, &stream->facts);
}

/* Handshake messages, whole ones only. */
static inline void tls_stream_handshake(struct tls_stream *stream, enum tls_direction direction, struct span data)
{
    struct tls_stream_half *half = &stream->halves[direction];
    if (half->handshake_size + data.size > sizeof(half->handshake))
        return;
    memcpy(half->handshake + half->handshake_size, data.data, data.size);
    half->handshake_size += data.size;
    while (half->handshake_size >= 4) {
        uint32_t size = (uint32_t)half->handshake[1] << 16 | tls_stream_u16(half->handshake + 2);
        if (half->handshake_size < 4 + size)
            return;
        if (half->handshake[0] == 1 || half->handshake[0] == 2)
            tls_stream_hello(stream, half->handshake[0] == 2, half->handshake + 4, size);
        half->handshake_size -= 4 + size;
        memmove(half->handshake, half->handshake + 4 + size, half->handshake_size);
    }
}

/* One record; false: it waits. */
static inline bool tls_stream_take(struct tls_stream *stream, enum tls_direction direction,
                                   const struct tls_decrypt_input *input)
{
    struct tls_plain plain;
    enum tls_decrypt_status status = tls_decrypt_record(stream->engine, stream->decrypter, direction, input, &plain);
    if (status == TLS_DECRYPT_WAIT)
        return false;
    if (status == TLS_DECRYPT_PLAIN && plain.type == 22)
        tls_stream_handshake(stream, direction, plain.data);
    stream->told(stream, direction, input, status, &plain);
    return true;
}

/* Takes what records there are; those that wait are tried again at the next call. */
static inline void tls_stream_go_on(struct tls_stream *stream, enum tls_direction direction)
{
    struct tls_stream_half *half = &stream->halves[direction];
    while (half->size - half->taken >= 5) {
        const uint8_t *at = half->bytes + half->taken;
        uint32_t size = tls_stream_u16(at + 3);
        if (half->size - half->taken < 5 + size)
            return;
        struct tls_decrypt_input input = {
            .type = at[0], .version = (uint16_t)tls_stream_u16(at + 1), .fragment = span_of(at + 5, size)};
        if (!tls_stream_take(stream, direction, &input))
            return;
        half->taken += 5 + size;
    }
}

static inline void tls_stream_feed(struct tls_stream *stream, enum tls_direction direction, struct span data)
{
    struct tls_stream_half *half = &stream->halves[direction];
    require(half->size + data.size <= sizeof(half->bytes));
    memcpy(half->bytes + half->size, data.data, data.size);
    half->size += data.size;
    tls_stream_go_on(stream, direction);
}

static inline int tls_stream_nibble(char digit)
{
    return digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10;
}

/* Hexadecimal text up to a byte that is none. */
static inline uint32_t tls_stream_unhex(const char *text, uint8_t *out, uint32_t capacity)
{
    uint32_t size = 0;
    for (; size < capacity && strchr("0123456789abcdefABCDEF", text[0]) && text[0] && text[1]; text += 2)
        out[size++] = (uint8_t)(tls_stream_nibble(text[0]) << 4 | tls_stream_nibble(text[1]));
    return size;
}
