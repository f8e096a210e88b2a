/* SPDX-License-Identifier: Apache-2.0 */

/* Descriptors of AMQP 1.0: one table. Peers of the large brokers send numbers, so symbols need not be fast. */

#include "proto/amqp10_descriptor.h"

uint8_t amqp10_descriptor_number(struct span symbol)
{
    static const struct {
        const char *symbol;
        uint8_t number;
    } descriptors[] = {
        {"amqp:open:list", 0x10},
        {"amqp:begin:list", 0x11},
        {"amqp:attach:list", 0x12},
        {"amqp:flow:list", 0x13},
        {"amqp:transfer:list", 0x14},
        {"amqp:disposition:list", 0x15},
        {"amqp:detach:list", 0x16},
        {"amqp:end:list", 0x17},
        {"amqp:close:list", 0x18},
        {"amqp:error:list", 0x1d},
        {"amqp:received:list", 0x23},
        {"amqp:accepted:list", 0x24},
        {"amqp:rejected:list", 0x25},
        {"amqp:released:list", 0x26},
        {"amqp:modified:list", 0x27},
        {"amqp:source:list", 0x28},
        {"amqp:target:list", 0x29},
        {"amqp:sasl-mechanisms:list", 0x40},
        {"amqp:sasl-init:list", 0x41},
        {"amqp:sasl-challenge:list", 0x42},
        {"amqp:sasl-response:list", 0x43},
        {"amqp:sasl-outcome:list", 0x44},
        {"amqp:header:list", 0x70},
        {"amqp:delivery-annotations:map", 0x71},
        {"amqp:message-annotations:map", 0x72},
        {"amqp:properties:list", 0x73},
        {"amqp:application-properties:map", 0x74},
        {"amqp:data:binary", 0x75},
        {"amqp:amqp-sequence:list", 0x76},
        {"amqp:amqp-value:*", 0x77},
        {"amqp:footer:map", 0x78},
    };
    if (symbol.size > AMQP10_DESCRIPTOR_NAME_MAX || !span_starts_with(symbol, SPAN_LITERAL("amqp:")))
        return 0;
    for (size_t i = 0; i < ARRAY_COUNT(descriptors); i++)
        if (span_equal(symbol, span_from_text(descriptors[i].symbol)))
            return descriptors[i].number;
    return 0;
}
