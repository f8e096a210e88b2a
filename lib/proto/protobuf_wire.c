/* SPDX-License-Identifier: Apache-2.0 */

/* Protobuf wire format: fields of a message in memory, and the guess at a value without descriptor. */

#include "proto/protobuf_wire.h"
#include "proto/utf8.h"

#define GROUPS_MAX 100u /* as deep as the usual receivers go */

uint32_t protobuf_varint(const uint8_t *data, size_t size, uint64_t *value_out)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < PROTOBUF_VARINT_MAX && i < size; i++) {
        value |= (uint64_t)(data[i] & 0x7f) << (7 * i);
        if (data[i] < 0x80) {
            *value_out = value;
            return i + 1;
        }
    }
    return 0;
}

struct protobuf_reader protobuf_reader_of(struct span message)
{
    static const uint8_t nothing[1];
    const uint8_t *at = message.size ? message.data : nothing;
    return (struct protobuf_reader){at, at + message.size, false};
}

static bool reader_break(struct protobuf_reader *reader)
{
    reader->broken = true;
    reader->at = reader->end;
    return false;
}

static bool read_varint(struct protobuf_reader *reader, uint64_t *value_out)
{
    uint32_t size = protobuf_varint(reader->at, (size_t)(reader->end - reader->at), value_out);
    reader->at += size;
    return size > 0;
}

static bool read_fixed(struct protobuf_reader *reader, uint32_t size, uint64_t *value_out)
{
    if ((size_t)(reader->end - reader->at) < size)
        return false;
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; i++)
        value |= (uint64_t)reader->at[i] << (8 * i);
    *value_out = value;
    reader->at += size;
    return true;
}

static bool read_sized(struct protobuf_reader *reader, struct span *text_out)
{
    uint64_t size = 0;
    if (!read_varint(reader, &size) || size > (size_t)(reader->end - reader->at))
        return false;
    *text_out = span_of(reader->at, (size_t)size);
    reader->at += size;
    return true;
}

/* A tag; false when it is cut or none. */
static bool read_tag(struct protobuf_reader *reader, uint32_t *number_out, uint8_t *wire_out)
{
    uint64_t tag = 0;
    if (!read_varint(reader, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
        return false;
    *number_out = (uint32_t)(tag >> 3);
    *wire_out = (uint8_t)(tag & 7);
    return true;
}

static bool read_value(struct protobuf_reader *reader, struct protobuf_value *value)
{
    switch (value->wire) {
    case PROTOBUF_WIRE_VARINT:
        return read_varint(reader, &value->integer);
    case PROTOBUF_WIRE_FIXED64:
        return read_fixed(reader, 8, &value->integer);
    case PROTOBUF_WIRE_FIXED32:
        return read_fixed(reader, 4, &value->integer);
    case PROTOBUF_WIRE_SIZED:
        return read_sized(reader, &value->text);
    default:
        return false;
    }
}

bool protobuf_reader_next(struct protobuf_reader *reader, struct protobuf_value *value_out)
{
    uint32_t groups = 0;
    while (reader->at < reader->end) {
        *value_out = (struct protobuf_value){0};
        if (!read_tag(reader, &value_out->number, &value_out->wire))
            return reader_break(reader);
        if (value_out->wire == PROTOBUF_WIRE_GROUP_BEGIN) {
            if (++groups > GROUPS_MAX)
                return reader_break(reader);
        } else if (value_out->wire == PROTOBUF_WIRE_GROUP_END) {
            if (groups-- == 0)
                return reader_break(reader);
        } else if (!read_value(reader, value_out)) {
            return reader_break(reader);
        } else if (groups == 0) {
            return true;
        }
    }
    return groups ? reader_break(reader) : false;
}

/* ---------------------------------------------------------------------- guess */

static bool is_text(struct span value, bool whole)
{
    struct utf8_check check = {0};
    for (uint32_t i = 0; i < value.size; i++) {
        uint8_t c = value.data[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return false;
    }
    utf8_check_add(&check, value.data, value.size);
    return whole ? utf8_check_valid(&check) : !check.invalid;
}

/* Where the value goes on behind what is there, a field that reaches so far is as good as any. */
static bool skip_value(struct protobuf_reader *reader, uint8_t wire, bool whole)
{
    uint64_t size = 0;
    if (wire == PROTOBUF_WIRE_VARINT)
        return read_varint(reader, &size);
    if (wire == PROTOBUF_WIRE_FIXED64 || wire == PROTOBUF_WIRE_FIXED32)
        size = wire == PROTOBUF_WIRE_FIXED64 ? 8 : 4;
    else if (wire != PROTOBUF_WIRE_SIZED || !read_varint(reader, &size))
        return false;
    uint64_t left = (uint64_t)(reader->end - reader->at);
    if (size > left && whole)
        return false;
    reader->at += size > left ? left : size;
    return true;
}

bool protobuf_is_message(struct span value, bool whole)
{
    struct protobuf_reader reader = protobuf_reader_of(value);
    uint32_t groups = 0, number = 0;
    uint8_t wire = 0;
    while (reader.at < reader.end) {
        /* A tag or number may be cut where the beginning ends. */
        if (!whole && (size_t)(reader.end - reader.at) < 2 * PROTOBUF_VARINT_MAX)
            return true;
        if (!read_tag(&reader, &number, &wire))
            return false;
        if (wire == PROTOBUF_WIRE_GROUP_BEGIN)
            groups++;
        else if (wire == PROTOBUF_WIRE_GROUP_END && groups == 0)
            return false;
        else if (wire == PROTOBUF_WIRE_GROUP_END)
            groups--;
        else if (!skip_value(&reader, wire, whole))
            return false;
    }
    return groups == 0 || !whole;
}

enum protobuf_guess protobuf_guess(struct span value, bool whole)
{
    bool text = is_text(value, whole);
    /* A first byte below 0x20 is a tag of field 1 far more often than white space. */
    if (text && (value.size == 0 || value.data[0] >= 0x20))
        return PROTOBUF_GUESS_TEXT;
    if (protobuf_is_message(value, whole))
        return PROTOBUF_GUESS_MESSAGE;
    return text ? PROTOBUF_GUESS_TEXT : PROTOBUF_GUESS_BYTES;
}
