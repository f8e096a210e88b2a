/* SPDX-License-Identifier: Apache-2.0 */

/* Protobuf schema: nearly all messages number their fields 1, 2, 3 ..., so the look-up is an index, else a search. */

#include "proto/protobuf_schema.h"

const struct protobuf_field *protobuf_message_field(const struct protobuf_message *message, uint32_t number)
{
    if (number - 1 < message->dense)
        return &message->fields[number - 1];
    uint32_t low = message->dense, high = message->field_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (message->fields[middle].number == number)
            return &message->fields[middle];
        if (message->fields[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct protobuf_message *protobuf_types_find(const struct protobuf_types *types, struct span name)
{
    uint32_t low = 0, high = types->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = span_compare(types->messages[middle].name, name);
        if (order == 0)
            return &types->messages[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool protobuf_message_extensible(const struct protobuf_message *message, uint32_t number)
{
    for (uint32_t i = 0; i < message->extension_count; i++)
        if (number >= message->extensions[i].begin && number < message->extensions[i].end)
            return true;
    return false;
}

enum protobuf_wire protobuf_type_wire(uint32_t type)
{
    static const uint8_t wires[PROTOBUF_TYPE_COUNT] = {
        [PROTOBUF_UNTYPED] = PROTOBUF_WIRE_COUNT,     [PROTOBUF_DOUBLE] = PROTOBUF_WIRE_FIXED64,
        [PROTOBUF_FLOAT] = PROTOBUF_WIRE_FIXED32,     [PROTOBUF_INT64] = PROTOBUF_WIRE_VARINT,
        [PROTOBUF_UINT64] = PROTOBUF_WIRE_VARINT,     [PROTOBUF_INT32] = PROTOBUF_WIRE_VARINT,
        [PROTOBUF_FIXED64] = PROTOBUF_WIRE_FIXED64,   [PROTOBUF_FIXED32] = PROTOBUF_WIRE_FIXED32,
        [PROTOBUF_BOOL] = PROTOBUF_WIRE_VARINT,       [PROTOBUF_STRING] = PROTOBUF_WIRE_SIZED,
        [PROTOBUF_GROUP] = PROTOBUF_WIRE_GROUP_BEGIN, [PROTOBUF_MESSAGE] = PROTOBUF_WIRE_SIZED,
        [PROTOBUF_BYTES] = PROTOBUF_WIRE_SIZED,       [PROTOBUF_UINT32] = PROTOBUF_WIRE_VARINT,
        [PROTOBUF_ENUM] = PROTOBUF_WIRE_VARINT,       [PROTOBUF_SFIXED32] = PROTOBUF_WIRE_FIXED32,
        [PROTOBUF_SFIXED64] = PROTOBUF_WIRE_FIXED64,  [PROTOBUF_SINT32] = PROTOBUF_WIRE_VARINT,
        [PROTOBUF_SINT64] = PROTOBUF_WIRE_VARINT,
    };
    return type < PROTOBUF_TYPE_COUNT ? (enum protobuf_wire)wires[type] : PROTOBUF_WIRE_COUNT;
}
