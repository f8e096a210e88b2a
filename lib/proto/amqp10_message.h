/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AMQP 1.0 message
 *
 * Turns the payload of one delivery, the transfers of it put together, into its sections, under the contract of
 * base/parse.h.
 *
 * Reading:  header, annotations, properties, application properties and footer are held until they are whole and given
 *           as one item. Of the body, binary data and a text or binary value are given as they come; a value of
 *           another type, and sequences, are held and given as one item.
 * Loss:     inside what is given as it comes the body goes on behind it. Behind a hole anywhere else, and where bytes
 *           are no section, nobody knows what is what: all the rest is given as bytes of the body, section 0.
 * Memory:   the parser itself.
 * Threads:  one owner.
 * Limits:   AMQP10_SECTION_MAX bytes of a section that is held; a longer one is passed over, item `cut`.
 * Source:   OASIS AMQP 1.0, 3.2.
 */

#include "base/parse.h"
#include "proto/amqp10_value.h"

#define AMQP10_SECTION_MAX 16384u /* a transaction keeps no more of it */

enum amqp10_section {
    AMQP10_HEADER = 0x70,
    AMQP10_DELIVERY_ANNOTATIONS = 0x71,
    AMQP10_MESSAGE_ANNOTATIONS = 0x72,
    AMQP10_PROPERTIES = 0x73,
    AMQP10_APPLICATION_PROPERTIES = 0x74,
    AMQP10_DATA = 0x75,
    AMQP10_SEQUENCE = 0x76,
    AMQP10_VALUE = 0x77,
    AMQP10_FOOTER = 0x78,
};

enum amqp10_message_item_kind {
    AMQP10_MESSAGE_SECTION, /* a whole section */
    AMQP10_MESSAGE_BODY,    /* bytes of the body */
};

struct amqp10_message_item {
    enum amqp10_message_item_kind kind;
    uint8_t section; /* enum amqp10_section */
    bool cut;        /* SECTION: over the limit, `skipped` bytes were passed over */
    bool text;       /* BODY: of a string */
    uint32_t lost;   /* BODY with data NULL */
    uint64_t skipped;
    struct amqp10_value value; /* SECTION, unless cut */
    struct span data;          /* BODY */
};

/* Zero is a valid start. Members are private but malformed. */
struct amqp10_message {
    uint64_t rest; /* bytes of what is given as it comes, or passed over */
    uint8_t section;
    uint8_t state;
    bool text;
    bool malformed; /* there were bytes that are no section */
};

struct parse_step amqp10_message_parse(struct amqp10_message *parser, const struct parse_input *input,
                                       struct amqp10_message_item *item_out);

/* Whether what was consumed ends with a section. */
bool amqp10_message_whole(const struct amqp10_message *parser);
