/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Channel pattern
 *
 * An address with {parameters}, or a topic pattern, compared with the routing key or address of a message.
 *
 * Memory:  none; a pattern is a span with marks in it.
 * Threads: any number of readers.
 * Limits:  time at most words of the pattern times bytes of the text, for any pattern.
 * Source:  AMQP 0-9-1 3.1.3.3 (topic exchanges); AsyncAPI 3.0.0 "Channel Address Expressions".
 */

#include "base/span.h"

/* Marks; literal bytes of a pattern are never below CHANNEL_LITERAL_MIN. */
#define CHANNEL_MARK_PARAMETER '\1' /* one or more bytes of a word */
#define CHANNEL_MARK_WORD      '\2' /* a whole word */
#define CHANNEL_MARK_WORDS     '\3' /* any number of whole words, also none */
#define CHANNEL_LITERAL_MIN    0x20

struct channel_pattern {
    struct span shape;
    uint8_t separator; /* of words; 0: the whole text is one word */
};

bool channel_pattern_fits(const struct channel_pattern *pattern, struct span text);

/* Writes `text` with its escapes (%2F) decoded; never longer. Returns the size written. */
uint32_t channel_name_decode(struct span text, uint8_t *buffer_out);
