/* SPDX-License-Identifier: Apache-2.0 */

/* Protocol buffers. */

#include "generate/protobuf.h"

enum wire_type { VARINT = 0, FIXED_64 = 1, SIZED = 2 };

static void varint_add(struct text *text, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        text_add_number(text, (value & 0x7f) | 0x80, 1);
    text_add_number(text, value, 1);
}

void protobuf_number_add(struct text *text, uint32_t field, uint64_t value)
{
    varint_add(text, field << 3 | VARINT);
    varint_add(text, value);
}

void protobuf_double_add(struct text *text, uint32_t field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    varint_add(text, field << 3 | FIXED_64);
    text_add_number(text, __builtin_bswap64(bits), sizeof(bits)); /* least significant byte first */
}

void protobuf_bytes_add(struct text *text, uint32_t field, struct span bytes)
{
    varint_add(text, field << 3 | SIZED);
    varint_add(text, bytes.size);
    text_add_bytes(text, bytes);
}

void protobuf_text_add(struct text *text, uint32_t field, const char *value)
{
    protobuf_bytes_add(text, field, span_from_text(value));
}
