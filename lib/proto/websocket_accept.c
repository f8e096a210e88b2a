/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sec-WebSocket-Accept: base64 of the SHA-1 (FIPS 180-4 6.1) of key and GUID. The text is 60 bytes, so the digest is of
 * two blocks; it protects nothing, and a library's would bring its allocations along.
 */

#include "proto/websocket_handshake.h"

#define BLOCK_SIZE  64u
#define DIGEST_SIZE 20u
#define KEY_MAX     (2 * BLOCK_SIZE - 9 - 36) /* what two blocks hold beside the GUID and the padding */

static uint32_t rotate(uint32_t x, uint32_t count)
{
    return x << count | x >> (32 - count);
}

static uint32_t round_value(uint32_t round, uint32_t b, uint32_t c, uint32_t d)
{
    if (round < 20)
        return ((b & c) | (~b & d)) + 0x5a827999u;
    if (round < 40)
        return (b ^ c ^ d) + 0x6ed9eba1u;
    if (round < 60)
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu;
    return (b ^ c ^ d) + 0xca62c1d6u;
}

static void digest_block(uint32_t state[5], const uint8_t block[BLOCK_SIZE])
{
    uint32_t w[80];
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t word;
        memcpy(&word, block + 4 * i, sizeof(word));
        w[i] = __builtin_bswap32(word);
    }
    for (uint32_t i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (uint32_t i = 0; i < 80; i++) {
        uint32_t next = rotate(a, 5) + round_value(i, b, c, d) + e + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "digest_block() turns words around");

static void encode(const uint8_t digest[DIGEST_SIZE], char text_out[WEBSOCKET_ACCEPT_SIZE])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (uint32_t i = 0; i < DIGEST_SIZE; i += 3) {
        uint32_t third = i + 2 < DIGEST_SIZE ? digest[i + 2] : 0;
        uint32_t bits = (uint32_t)digest[i] << 16 | (uint32_t)digest[i + 1] << 8 | third;
        for (uint32_t j = 0; j < 4; j++)
            *text_out++ = letters[bits >> (18 - 6 * j) & 63];
    }
    text_out[-1] = '=';
}

bool websocket_accept_write(struct span key, char accept_out[WEBSOCKET_ACCEPT_SIZE])
{
    const struct span guid = SPAN_LITERAL("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    if (key.size == 0 || key.size > KEY_MAX)
        return false;
    uint8_t blocks[2 * BLOCK_SIZE] = {0};
    uint32_t size = key.size + guid.size;
    memcpy(blocks, key.data, key.size);
    memcpy(blocks + key.size, guid.data, guid.size);
    blocks[size] = 0x80;
    uint32_t count = size + 9 > BLOCK_SIZE ? 2 : 1;
    blocks[count * BLOCK_SIZE - 2] = (uint8_t)(size * 8 >> 8);
    blocks[count * BLOCK_SIZE - 1] = (uint8_t)(size * 8);
    uint32_t state[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
    for (uint32_t i = 0; i < count; i++)
        digest_block(state, blocks + i * BLOCK_SIZE);
    uint8_t digest[DIGEST_SIZE];
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t word = __builtin_bswap32(state[i]);
        memcpy(digest + 4 * i, &word, sizeof(word));
    }
    encode(digest, accept_out);
    return true;
}
