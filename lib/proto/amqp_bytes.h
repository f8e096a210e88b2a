/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes in network order
 *
 * What both AMQP versions read from a span that is whole: numbers and counted texts, each moving the span on. Private
 * to the AMQP files.
 *
 * Errors:  false when the span is too short; it is then left as it was.
 */

#include "base/span.h"

static inline uint16_t amqp_u16(const uint8_t *data)
{
    return (uint16_t)(data[0] << 8 | data[1]);
}

static inline uint32_t amqp_u32(const uint8_t *data)
{
    return (uint32_t)amqp_u16(data) << 16 | amqp_u16(data + 2);
}

static inline uint64_t amqp_u64(const uint8_t *data)
{
    return (uint64_t)amqp_u32(data) << 32 | amqp_u32(data + 4);
}

/* An unsigned number of 1, 2, 4 or 8 bytes. */
static inline uint64_t amqp_number(const uint8_t *data, uint32_t size)
{
    uint64_t number = 0;
    for (uint32_t i = 0; i < size; i++)
        number = number << 8 | data[i];
    return number;
}

static inline bool amqp_take(struct span *rest, uint32_t size, struct span *taken_out)
{
    if (rest->size < size)
        return false;
    *taken_out = (struct span){rest->data, size};
    rest->data += size;
    rest->size -= size;
    return true;
}

static inline bool amqp_take_number(struct span *rest, uint32_t size, uint64_t *number_out)
{
    struct span bytes;
    if (!amqp_take(rest, size, &bytes))
        return false;
    *number_out = amqp_number(bytes.data, size);
    return true;
}

/* A text with its size in `count_size` bytes in front. */
static inline bool amqp_take_text(struct span *rest, uint32_t count_size, struct span *text_out)
{
    struct span start = *rest;
    uint64_t size;
    if (!amqp_take_number(rest, count_size, &size) || size > rest->size) {
        *rest = start;
        return false;
    }
    return amqp_take(rest, (uint32_t)size, text_out);
}

/* Decimal digits, from the end of a buffer forwards. Returns where they begin. */
static inline struct span amqp_decimal(uint64_t number, bool negative, char *buffer, uint32_t size)
{
    uint32_t at = size;
    do {
        buffer[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number && at > 1);
    if (negative)
        buffer[--at] = '-';
    return span_of(buffer + at, size - at);
}
