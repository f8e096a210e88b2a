/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sections of an AMQP 1.0 message. Each is a described value, so its length is known from its first bytes; that decides
 * whether it is held or given as it comes.
 */

#include "proto/amqp10_message.h"

#include "proto/amqp10_descriptor.h"

enum state { STATE_SECTION, STATE_BODY, STATE_PASS, STATE_RAW };

enum front { FRONT_MORE, FRONT_NONE, FRONT_HELD, FRONT_STREAMED };

/* Where a section begins: what it is, and how many bytes of it stand in front of the content. */
struct front_of {
    uint64_t size; /* of the whole section */
    uint32_t head;
    uint8_t section;
    bool text;
};

/* The descriptor of a section; 0: none, or too few bytes to tell (then *more_out). */
static uint32_t descriptor_size(struct span data, uint8_t *section_out, bool *more_out)
{
    *more_out = data.size < 2;
    if (data.data[0] != 0 || *more_out || data.data[1] == 0)
        return 0;
    struct span rest = span_from(data, 1);
    uint64_t size;
    enum amqp10_size known = amqp10_value_size(rest, &size);
    bool read_here = known == AMQP10_SIZE_KNOWN && size < AMQP10_DESCRIPTORS_MAX;
    *more_out = known == AMQP10_SIZE_MORE || (read_here && rest.size < size);
    if (!read_here || *more_out)
        return 0;
    struct amqp10_value value;
    rest = span_first(rest, (uint32_t)size);
    if (!amqp10_value_read(&rest, &value) || (value.kind != AMQP10_UNSIGNED && value.kind != AMQP10_SYMBOL))
        return 0;
    uint64_t section = value.kind == AMQP10_SYMBOL ? amqp10_descriptor_number(value.bytes) : value.number;
    *section_out = (uint8_t)section;
    return section >= AMQP10_HEADER && section <= AMQP10_FOOTER ? 1 + (uint32_t)size : 0;
}

static enum front front_read(struct span data, struct front_of *front)
{
    bool more;
    uint32_t descriptor = descriptor_size(data, &front->section, &more);
    if (descriptor == 0)
        return more && data.data[0] == 0 ? FRONT_MORE : FRONT_NONE;
    struct span value = span_from(data, descriptor);
    uint64_t size;
    enum amqp10_size known = amqp10_value_size(value, &size);
    if (known != AMQP10_SIZE_KNOWN)
        return known == AMQP10_SIZE_MORE ? FRONT_MORE : FRONT_NONE;
    uint8_t code = value.data[0];
    bool binary = code == 0xa0 || code == 0xb0, text = code == 0xa1 || code == 0xb1;
    front->size = descriptor + size;
    front->head = descriptor + (code & 0x10 ? 5 : 2);
    front->text = text;
    if (front->section == AMQP10_DATA)
        return binary ? FRONT_STREAMED : FRONT_NONE;
    return front->section == AMQP10_VALUE && (binary || text) ? FRONT_STREAMED : FRONT_HELD;
}

static struct parse_step held_item(struct amqp10_message *parser, struct span data, const struct front_of *front,
                                   struct amqp10_message_item *item)
{
    *item = (struct amqp10_message_item){.kind = AMQP10_MESSAGE_SECTION, .section = front->section};
    if (front->size > AMQP10_SECTION_MAX) {
        parser->state = STATE_PASS;
        parser->rest = front->size;
        item->cut = true;
        item->skipped = front->size;
        return parse_step_of(PARSE_ITEM, 0, 0);
    }
    if (data.size < front->size)
        return parse_step_of(PARSE_MORE, 0, (uint32_t)front->size);
    struct span rest = span_first(data, (uint32_t)front->size);
    if (!amqp10_value_read(&rest, &item->value) || rest.size) {
        /* The sizes are right and the type is none: the section is told as cut, what follows can be read. */
        parser->malformed = true;
        item->cut = true;
        item->skipped = front->size;
    }
    return parse_step_of(PARSE_ITEM, (uint32_t)front->size, 0);
}

/* At the front of a section. The answer MORE with bytes consumed: go on, the state has changed. */
static struct parse_step section(struct amqp10_message *parser, struct span data, struct amqp10_message_item *item)
{
    struct front_of front = {0};
    switch (front_read(data, &front)) {
    case FRONT_MORE:
        return parse_step_of(PARSE_MORE, 0, 0);
    case FRONT_NONE:
        parser->malformed = true;
        parser->state = STATE_RAW;
        parser->section = 0;
        return parse_step_of(PARSE_MORE, 0, 0);
    case FRONT_HELD:
        return held_item(parser, data, &front, item);
    default:
        parser->state = front.size > front.head ? STATE_BODY : STATE_SECTION;
        parser->rest = front.size - front.head;
        parser->section = front.section;
        parser->text = front.text;
        return parse_step_of(PARSE_MORE, front.head, 0);
    }
}

static struct parse_step bytes(struct amqp10_message *parser, struct span data, uint32_t before,
                               struct amqp10_message_item *item)
{
    uint32_t size = parser->state == STATE_RAW ? data.size : (uint32_t)min_u64(data.size, parser->rest);
    *item = (struct amqp10_message_item){
        .kind = AMQP10_MESSAGE_BODY,
        .section = parser->section,
        .text = parser->text,
        .data = span_first(data, size),
    };
    if (parser->state == STATE_BODY && (parser->rest -= size) == 0)
        parser->state = STATE_SECTION;
    return parse_step_of(PARSE_ITEM, before + size, 0);
}

static struct parse_step hole(struct amqp10_message *parser, uint32_t lost, struct amqp10_message_item *item)
{
    if (lost == 0)
        return parse_step_of(PARSE_MORE, 0, 0);
    bool inside = parser->state == STATE_BODY && lost <= parser->rest;
    *item = (struct amqp10_message_item){
        .kind = AMQP10_MESSAGE_BODY, .section = parser->section, .text = parser->text, .lost = lost};
    if (inside && (parser->rest -= lost) == 0)
        parser->state = STATE_SECTION;
    if (!inside) {
        parser->state = STATE_RAW;
        parser->section = 0;
    }
    return parse_step_of(PARSE_ITEM, lost, 0);
}

struct parse_step amqp10_message_parse(struct amqp10_message *parser, const struct parse_input *input,
                                       struct amqp10_message_item *item_out)
{
    if (!input->data)
        return hole(parser, input->lost, item_out);
    uint32_t at = 0;
    while (at < input->size) {
        struct span data = span_of(input->data + at, input->size - at);
        if (parser->state == STATE_BODY || parser->state == STATE_RAW)
            return bytes(parser, data, at, item_out);
        if (parser->state == STATE_PASS) {
            uint32_t size = (uint32_t)min_u64(data.size, parser->rest);
            parser->rest -= size;
            at += size;
            parser->state = parser->rest ? STATE_PASS : STATE_SECTION;
            continue;
        }
        struct parse_step step = section(parser, data, item_out);
        step.consumed += at;
        if (step.status == PARSE_ITEM || (step.consumed == at && parser->state == STATE_SECTION))
            return step;
        at = step.consumed;
    }
    return parse_step_of(PARSE_MORE, at, 0);
}

bool amqp10_message_whole(const struct amqp10_message *parser)
{
    return parser->state == STATE_SECTION;
}
