/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Properties and field tables of AMQP 0-9-1. Tables nest, so the walk keeps the rest of each level beside the next one;
 * the sizes that tables carry are checked against the level they lie in, once, on the way down.
 */

#include "proto/amqp091_table.h"

#include "proto/amqp_bytes.h"

#define FLAGS_MORE 1u /* another 16 flags follow; no class has so many properties */

enum property_type { PROPERTY_TEXT, PROPERTY_TABLE, PROPERTY_OCTET, PROPERTY_TIME };

/* In the order of their flags, the highest bit first. */
static const struct {
    const char *name;
    enum property_type type;
} properties_known[] = {
    {"content-type", PROPERTY_TEXT}, {"content-encoding", PROPERTY_TEXT},
    {"headers", PROPERTY_TABLE},     {"delivery-mode", PROPERTY_OCTET},
    {"priority", PROPERTY_OCTET},    {"correlation-id", PROPERTY_TEXT},
    {"reply-to", PROPERTY_TEXT},     {"expiration", PROPERTY_TEXT},
    {"message-id", PROPERTY_TEXT},   {"timestamp", PROPERTY_TIME},
    {"type", PROPERTY_TEXT},         {"user-id", PROPERTY_TEXT},
    {"app-id", PROPERTY_TEXT},       {"cluster-id", PROPERTY_TEXT},
};

static bool malformed(struct amqp091_walk *walk)
{
    walk->malformed = true;
    walk->depth = 0;
    walk->flags = 0;
    return false;
}

static struct span number_text(struct amqp091_walk *walk, uint64_t number, bool negative)
{
    return amqp_decimal(number, negative, walk->number, sizeof(walk->number));
}

static struct span signed_text(struct amqp091_walk *walk, uint64_t number, uint32_t size)
{
    uint64_t sign = UINT64_C(1) << (8 * size - 1);
    bool negative = (number & sign) != 0;
    uint64_t magnitude = negative ? (sign - (number & (sign - 1))) : number;
    return number_text(walk, magnitude, negative);
}

/* Goes down into a table or array. False when it is too deep, which is no mistake. */
static bool enter(struct amqp091_walk *walk, struct span content, bool array)
{
    if (walk->depth == AMQP091_TABLE_DEPTH_MAX)
        return false;
    walk->levels[walk->depth].rest = content;
    walk->levels[walk->depth].array = array;
    walk->depth++;
    return true;
}

/* Bytes of a value of fixed size; 0 for the others. */
static uint32_t fixed_size(uint8_t type)
{
    switch (type) {
    case 't':
    case 'b':
    case 'B':
        return 1;
    case 's':
    case 'u':
        return 2;
    case 'I':
    case 'i':
    case 'f':
        return 4;
    case 'D':
        return 5;
    case 'l':
    case 'L':
    case 'd':
    case 'T':
        return 8;
    default:
        return 0;
    }
}

static struct span fixed_text(struct amqp091_walk *walk, uint8_t type, struct span bytes)
{
    uint64_t number = bytes.size <= 8 ? amqp_number(bytes.data, bytes.size) : 0;
    switch (type) {
    case 't':
        return number ? SPAN_LITERAL("true") : SPAN_LITERAL("false");
    case 'B':
    case 'u':
    case 'i':
    case 'T':
        return number_text(walk, number, false);
    case 'b':
    case 's':
    case 'I':
    case 'l':
    case 'L':
        return signed_text(walk, number, bytes.size);
    default:
        return (struct span){0}; /* fractions: nothing that is searched for is one */
    }
}

enum value_answer { VALUE_TEXT, VALUE_ENTERED, VALUE_MALFORMED };

static enum value_answer value_read(struct amqp091_walk *walk, struct span *rest, struct span *text_out)
{
    struct span type, bytes;
    *text_out = (struct span){0};
    if (!amqp_take(rest, 1, &type))
        return VALUE_MALFORMED;
    uint32_t size = fixed_size(type.data[0]);
    if (size) {
        if (!amqp_take(rest, size, &bytes))
            return VALUE_MALFORMED;
        *text_out = fixed_text(walk, type.data[0], bytes);
        return VALUE_TEXT;
    }
    if (type.data[0] == 'V')
        return VALUE_TEXT;
    if (!memchr("SxFA", type.data[0], 4) || !amqp_take_text(rest, 4, text_out))
        return VALUE_MALFORMED;
    bool compound = type.data[0] == 'F' || type.data[0] == 'A';
    return compound && enter(walk, *text_out, type.data[0] == 'A') ? VALUE_ENTERED : VALUE_TEXT;
}

/* The next entry of the innermost table that has one. */
static bool entry_next(struct amqp091_walk *walk, struct amqp091_field *field_out)
{
    while (walk->depth) {
        uint32_t depth = walk->depth;
        struct span *rest = &walk->levels[depth - 1].rest, name = {0};
        if (rest->size == 0) {
            walk->depth--;
            continue;
        }
        if (!walk->levels[depth - 1].array && !amqp_take_text(rest, 1, &name))
            return malformed(walk);
        if (depth == 1)
            walk->name = name;
        switch (value_read(walk, rest, &field_out->value)) {
        case VALUE_ENTERED:
            continue;
        case VALUE_MALFORMED:
            return malformed(walk);
        default:
            field_out->name = walk->name;
            field_out->header = true;
            return true;
        }
    }
    return false;
}

/* One property. False: the table of headers was entered, or the list is malformed. */
static bool property_read(struct amqp091_walk *walk, uint8_t index, struct amqp091_field *field_out)
{
    uint64_t number;
    *field_out = (struct amqp091_field){.name = span_from_text(properties_known[index].name)};
    switch (properties_known[index].type) {
    case PROPERTY_TEXT:
        return amqp_take_text(&walk->rest, 1, &field_out->value) || malformed(walk);
    case PROPERTY_TABLE:
        if (!amqp_take_text(&walk->rest, 4, &field_out->value))
            return malformed(walk);
        enter(walk, field_out->value, false);
        return false;
    default:
        if (!amqp_take_number(&walk->rest, properties_known[index].type == PROPERTY_TIME ? 8 : 1, &number))
            return malformed(walk);
        field_out->value = number_text(walk, number, false);
        return true;
    }
}

void amqp091_properties_init(struct amqp091_walk *walk, struct span properties)
{
    walk->depth = 0;
    walk->flags = 0;
    walk->malformed = properties.size < 2;
    walk->rest = (struct span){0};
    if (walk->malformed)
        return;
    walk->flags = amqp_u16(properties.data);
    walk->rest = span_from(properties, 2);
    if (walk->flags & (FLAGS_MORE | 2u))
        malformed(walk);
}

void amqp091_table_init(struct amqp091_walk *walk, struct span entries)
{
    walk->depth = 0;
    walk->flags = 0;
    walk->rest = (struct span){0};
    walk->malformed = false;
    enter(walk, entries, false);
}

bool amqp091_walk_next(struct amqp091_walk *walk, struct amqp091_field *field_out)
{
    for (;;) {
        if (walk->depth && entry_next(walk, field_out))
            return true;
        if (walk->malformed)
            return false;
        if (!walk->flags) {
            /* What lies behind the last property belongs to nothing. */
            walk->malformed = walk->rest.size > 0;
            return false;
        }
        uint8_t index = (uint8_t)__builtin_clz((uint32_t)walk->flags << 16);
        walk->flags = (uint16_t)(walk->flags & ~(0x8000u >> index));
        if (property_read(walk, index, field_out))
            return true;
    }
}

bool amqp091_properties_plausible(struct span properties)
{
    struct amqp091_walk walk;
    struct amqp091_field field;
    amqp091_properties_init(&walk, properties);
    /* Each turn takes bytes or a flag. */
    while (amqp091_walk_next(&walk, &field))
        ;
    return !walk.malformed;
}
