/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* WebSocket frame header (RFC 6455 5.2): what the parser and the search for chains share. Not for other modules. */

#include "proto/websocket.h"

#define WEBSOCKET_LENGTH_16 126u
#define WEBSOCKET_LENGTH_64 127u

struct websocket_header {
    uint64_t length;
    uint8_t size; /* of the header */
    uint8_t opcode;
    uint8_t mask[4]; /* zero when not masked */
    bool final;
    bool compressed; /* RSV1 */
    bool reserved;   /* RSV2 or RSV3 */
    bool masked;
    bool shortest; /* the length has its shortest form */
};

static inline bool websocket_is_control(uint8_t opcode)
{
    return (opcode & 8) != 0;
}

static inline bool websocket_is_reserved(uint8_t opcode)
{
    return (opcode & 7) > WEBSOCKET_BINARY;
}

/* Returns the size that the header needs; it is filled when that is not over `size`. */
static inline uint32_t websocket_header_read(const uint8_t *data, uint32_t size, struct websocket_header *header_out)
{
    if (size < 2)
        return 2;
    uint8_t code = data[1] & 0x7f;
    uint32_t length_size = code == WEBSOCKET_LENGTH_64 ? 8 : code == WEBSOCKET_LENGTH_16 ? 2 : 0;
    bool masked = (data[1] & 0x80) != 0;
    uint32_t needed = 2 + length_size + (masked ? 4 : 0);
    if (needed > size)
        return needed;
    uint64_t length = length_size ? 0 : code;
    for (uint32_t i = 0; i < length_size; i++)
        length = length << 8 | data[2 + i];
    *header_out = (struct websocket_header){
        .length = length,
        .size = (uint8_t)needed,
        .opcode = data[0] & 15,
        .final = (data[0] & 0x80) != 0,
        .compressed = (data[0] & 0x40) != 0,
        .reserved = (data[0] & 0x30) != 0,
        .masked = masked,
        .shortest = length_size == 0 || length > (length_size == 2 ? WEBSOCKET_LENGTH_16 - 1u : UINT16_MAX),
    };
    if (masked)
        memcpy(header_out->mask, data + 2 + length_size, 4);
    return needed;
}
