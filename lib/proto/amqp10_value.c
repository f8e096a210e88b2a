/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Values of AMQP 1.0. The high half of a constructor says how long its value is, whatever the type, so that every value
 * can be stepped over and only the types that somebody asks for are told apart.
 */

#include "proto/amqp10_value.h"

#include "base/hex.h"
#include "proto/amqp10_descriptor.h"
#include "proto/amqp_bytes.h"

enum width { WIDTH_FIXED, WIDTH_COUNTED, WIDTH_COMPOUND, WIDTH_NONE };

/* Bytes behind the constructor: of the value (FIXED), or of its size. */
static enum width width_of(uint8_t code, uint32_t *bytes_out)
{
    static const uint8_t fixed[] = {[4] = 0, [5] = 1, [6] = 2, [7] = 4, [8] = 8, [9] = 16};
    uint8_t half = code >> 4;
    *bytes_out = half & 1 ? 4 : 1;
    if (half < 4)
        return WIDTH_NONE;
    if (half <= 9) {
        *bytes_out = fixed[half];
        return WIDTH_FIXED;
    }
    return half <= 0xb ? WIDTH_COUNTED : WIDTH_COMPOUND;
}

static enum amqp10_size plain_size(struct span front, uint64_t *size_out)
{
    uint32_t bytes;
    if (front.size == 0)
        return AMQP10_SIZE_MORE;
    enum width width = width_of(front.data[0], &bytes);
    if (width == WIDTH_NONE)
        return AMQP10_SIZE_MALFORMED;
    *size_out = 1 + (uint64_t)bytes;
    if (width == WIDTH_FIXED)
        return AMQP10_SIZE_KNOWN;
    if (front.size < 1 + bytes)
        return AMQP10_SIZE_MORE;
    *size_out += amqp_number(front.data + 1, bytes);
    return AMQP10_SIZE_KNOWN;
}

enum amqp10_size amqp10_value_size(struct span front, uint64_t *size_out)
{
    uint64_t at = 0, size;
    for (uint32_t i = 0; i <= AMQP10_DESCRIBED_MAX; i++) {
        bool described = at < front.size && front.data[at] == 0;
        if (at + described >= front.size)
            return AMQP10_SIZE_MORE;
        enum amqp10_size answer = plain_size(span_from(front, (uint32_t)at + described), &size);
        if (answer != AMQP10_SIZE_KNOWN)
            return answer;
        at += size + described;
        *size_out = at;
        if (!described)
            return AMQP10_SIZE_KNOWN;
        /* Said as soon as it is known, so that it does not depend on how many bytes are there. */
        if (at > AMQP10_DESCRIPTORS_MAX)
            return AMQP10_SIZE_MALFORMED;
    }
    return AMQP10_SIZE_MALFORMED;
}

/* ---- reading ---- */

static bool fixed_set(uint8_t code, struct span bytes, struct amqp10_value *value)
{
    uint64_t number = bytes.size <= 8 ? amqp_number(bytes.data, bytes.size) : 0;
    value->number = number;
    value->bytes = bytes;
    switch (code) {
    case 0x40:
        value->kind = AMQP10_NULL;
        return true;
    case 0x41:
    case 0x42:
        value->kind = AMQP10_BOOLEAN;
        value->number = code == 0x41;
        return true;
    case 0x56:
        value->kind = AMQP10_BOOLEAN;
        return number <= 1;
    case 0x43:
    case 0x44:
    case 0x50:
    case 0x52:
    case 0x53:
    case 0x60:
    case 0x70:
    case 0x80:
        value->kind = AMQP10_UNSIGNED;
        return true;
    case 0x51:
    case 0x54:
    case 0x55:
        value->kind = AMQP10_SIGNED;
        value->number = (uint64_t)(int64_t)(int8_t)number;
        return true;
    case 0x61:
        value->kind = AMQP10_SIGNED;
        value->number = (uint64_t)(int64_t)(int16_t)number;
        return true;
    case 0x71:
        value->kind = AMQP10_SIGNED;
        value->number = (uint64_t)(int64_t)(int32_t)number;
        return true;
    case 0x81:
    case 0x83:
        value->kind = AMQP10_SIGNED;
        return true;
    case 0x45:
        value->kind = AMQP10_LIST;
        return true;
    case 0x72:
    case 0x73:
    case 0x74:
    case 0x82:
    case 0x84:
    case 0x94:
    case 0x98:
        value->kind = AMQP10_FIXED;
        return true;
    default:
        return false;
    }
}

static bool counted_set(uint8_t code, struct span bytes, struct amqp10_value *value)
{
    static const uint8_t kinds[] = {AMQP10_BINARY, AMQP10_STRING, AMQP10_NULL, AMQP10_SYMBOL};
    uint8_t type = code & 0xf;
    if (type > 3 || type == 2)
        return false;
    value->kind = kinds[type];
    value->bytes = bytes;
    return true;
}

static bool compound_set(uint8_t code, struct span bytes, uint32_t count_size, struct amqp10_value *value)
{
    uint64_t count;
    uint8_t type = code & 0xf;
    bool array = code >> 4 >= 0xe;
    if (!amqp_take_number(&bytes, count_size, &count) || (array ? type != 0 : type > 1))
        return false;
    value->kind = array ? AMQP10_ARRAY : type ? AMQP10_MAP : AMQP10_LIST;
    value->bytes = bytes;
    value->count = (uint32_t)count;
    return true;
}

/* What stands behind a constructor. */
static bool content_read(uint8_t code, struct span *rest, struct amqp10_value *value)
{
    uint32_t bytes;
    struct span content;
    value->code = code;
    switch (width_of(code, &bytes)) {
    case WIDTH_FIXED:
        return amqp_take(rest, bytes, &content) && fixed_set(code, content, value);
    case WIDTH_COUNTED:
        return amqp_take_text(rest, bytes, &content) && counted_set(code, content, value);
    case WIDTH_COMPOUND:
        return amqp_take_text(rest, bytes, &content) && compound_set(code, content, bytes, value);
    default:
        return false;
    }
}

/* The constructor, with its descriptors; the outermost of them is the one that counts. */
static bool constructor_read(struct span *rest, struct amqp10_value *value, uint8_t *code_out)
{
    struct span byte;
    for (uint32_t i = 0; i <= AMQP10_DESCRIBED_MAX; i++) {
        if (!amqp_take(rest, 1, &byte))
            return false;
        *code_out = byte.data[0];
        if (*code_out != 0)
            return true;
        struct amqp10_value descriptor = {0};
        if (!amqp_take(rest, 1, &byte) || byte.data[0] == 0 || !content_read(byte.data[0], rest, &descriptor))
            return false;
        uint8_t named = descriptor.kind == AMQP10_SYMBOL ? amqp10_descriptor_number(descriptor.bytes) : 0;
        if (!value->described) {
            value->descriptor_known = descriptor.kind == AMQP10_UNSIGNED || named;
            value->descriptor = named ? named : descriptor.number;
        }
        value->described = true;
    }
    return false;
}

bool amqp10_value_read(struct span *rest, struct amqp10_value *value_out)
{
    struct span start = *rest;
    uint8_t code;
    *value_out = (struct amqp10_value){0};
    if (constructor_read(rest, value_out, &code) && content_read(code, rest, value_out))
        return true;
    *rest = start;
    return false;
}

/* ---- texts ---- */

/* 8-4-4-4-12 digits (RFC 9562 4). */
static struct span uuid_text(struct span bytes, char buffer[AMQP10_NUMBER_SIZE])
{
    char *end = buffer;
    for (uint32_t i = 0; i < bytes.size; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *end++ = '-';
        end = hex_write(bytes.data + i, 1, end);
    }
    return span_of(buffer, (size_t)(end - buffer));
}

struct span amqp10_value_text(const struct amqp10_value *value, char buffer[AMQP10_NUMBER_SIZE])
{
    bool negative = (int64_t)value->number < 0;
    switch (value->kind) {
    case AMQP10_BOOLEAN:
        return value->number ? SPAN_LITERAL("true") : SPAN_LITERAL("false");
    case AMQP10_UNSIGNED:
        return amqp_decimal(value->number, false, buffer, AMQP10_NUMBER_SIZE);
    case AMQP10_SIGNED:
        return amqp_decimal(negative ? 0 - value->number : value->number, negative, buffer, AMQP10_NUMBER_SIZE);
    case AMQP10_FIXED:
        /* Fractions and single characters are nothing that is searched for. */
        return value->code == 0x98 ? uuid_text(value->bytes, buffer) : (struct span){0};
    case AMQP10_BINARY:
    case AMQP10_STRING:
    case AMQP10_SYMBOL:
        return value->bytes;
    default:
        return (struct span){0};
    }
}

static bool is_compound(const struct amqp10_value *value)
{
    return value->kind == AMQP10_LIST || value->kind == AMQP10_MAP || value->kind == AMQP10_ARRAY;
}

/* Goes down into a compound. False when it is too deep, or an array without a constructor. */
static bool enter(struct amqp10_walk *walk, const struct amqp10_value *value, struct span name)
{
    if (walk->depth == AMQP10_DEPTH_MAX)
        return false;
    struct span rest = value->bytes, front = rest;
    if (value->kind == AMQP10_ARRAY) {
        struct amqp10_value element = {0};
        uint8_t code;
        if (!constructor_read(&rest, &element, &code)) {
            walk->malformed = true;
            return false;
        }
        front.data = rest.data - 1;
        /* Elements without a byte of their own say nothing, and there may be 2^32 of them. */
        if (code >> 4 == 4)
            rest.size = 0;
    }
    walk->levels[walk->depth].rest = rest;
    walk->levels[walk->depth].name = name;
    walk->levels[walk->depth].constructor = (struct span){front.data, value->kind == AMQP10_ARRAY};
    walk->levels[walk->depth].map = value->kind == AMQP10_MAP;
    walk->levels[walk->depth].value_next = false;
    walk->depth++;
    return true;
}

void amqp10_walk_init(struct amqp10_walk *walk, const struct amqp10_value *value)
{
    walk->depth = 0;
    walk->malformed = false;
    walk->has_single = !is_compound(value);
    walk->single = *value;
    if (!walk->has_single)
        enter(walk, value, (struct span){0});
}

/* The next value of the innermost level. */
static bool level_read(struct amqp10_walk *walk, struct amqp10_value *value)
{
    uint32_t top = walk->depth - 1;
    struct span *rest = &walk->levels[top].rest;
    if (walk->levels[top].constructor.size == 0)
        return amqp10_value_read(rest, value);
    *value = (struct amqp10_value){0};
    return content_read(walk->levels[top].constructor.data[0], rest, value);
}

/* A key is told as the name of its value. True: `value` is one. */
static bool take_key(struct amqp10_walk *walk, const struct amqp10_value *value)
{
    uint32_t top = walk->depth - 1;
    if (!walk->levels[top].map)
        return false;
    walk->levels[top].value_next = !walk->levels[top].value_next;
    if (!walk->levels[top].value_next)
        return false;
    bool text = value->kind == AMQP10_STRING || value->kind == AMQP10_SYMBOL;
    struct span outer = top ? walk->levels[top - 1].name : (struct span){0};
    walk->levels[top].name = text ? value->bytes : outer;
    return true;
}

bool amqp10_walk_next(struct amqp10_walk *walk, struct amqp10_text *text_out)
{
    if (walk->has_single) {
        walk->has_single = false;
        *text_out = (struct amqp10_text){.value = amqp10_value_text(&walk->single, walk->number)};
        return text_out->value.size > 0;
    }
    /* Each turn takes a byte or leaves a level. */
    while (walk->depth) {
        struct amqp10_value value;
        if (walk->levels[walk->depth - 1].rest.size == 0) {
            walk->depth--;
            continue;
        }
        if (!level_read(walk, &value)) {
            walk->malformed = true;
            walk->depth = 0;
            return false;
        }
        if (take_key(walk, &value))
            continue;
        struct span name = walk->levels[walk->depth - 1].name;
        if (is_compound(&value) && (value.bytes.size == 0 || enter(walk, &value, name)))
            continue;
        *text_out = (struct amqp10_text){
            .name = name, .value = is_compound(&value) ? value.bytes : amqp10_value_text(&value, walk->number)};
        if (text_out->value.size)
            return true;
    }
    return false;
}
