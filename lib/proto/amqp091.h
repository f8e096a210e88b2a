/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AMQP 0-9-1 frames
 *
 * Turns one direction of a connection into protocol headers, methods, content headers and pieces of bodies, under the
 * contract of base/parse.h. Channels are told apart by whoever asks: a content is a method, a content header and as
 * many bodies as its size says, all on one channel, with frames of other channels in between.
 *
 * Reading:  methods and content headers are held until they are whole and given as one item; bodies are given as they
 *           come. What a method says: proto/amqp091_method.h. Properties: proto/amqp091_table.h.
 * Loss:     an input with data NULL. Inside the payload of a body frame the frame goes on behind it. Anywhere else the
 *           parser says AMQP091_LOST and searches for a frame that cannot be anything else: a method or content header
 *           of a known class whose arguments fill its frame exactly, or a heartbeat, with the frame-end octet behind
 *           it and a frame header (or the end of the stream) behind that. Nothing before it is told. The same search
 *           begins where a frame end is missing or a frame header is none.
 * Stop:     behind a protocol header of another version: what follows is another protocol.
 * Memory:   the parser itself.
 * Threads:  one owner.
 * Limits:   below. At most AMQP091_HELD_MAX bytes stay unconsumed.
 * Source:   AMQP 0-9-1 specification, 2.3 and 4.2; RabbitMQ's published extensions of it.
 */

#include "base/parse.h"
#include "transaction/anomaly.h"

#define AMQP091_HELD_MAX    16384u     /* a method or content header held whole; a transaction keeps no more of it */
#define AMQP091_FRAME_LIMIT (1u << 26) /* brokers negotiate 128 KiB; a size beyond this is no frame header */
#define AMQP091_RESYNC_MAX  4096u      /* longest frame a search accepts: bounds what it has to hold back */

enum amqp091_item_kind {
    AMQP091_PROTOCOL_HEADER,
    AMQP091_METHOD,
    AMQP091_CONTENT_HEADER,
    AMQP091_BODY,
    AMQP091_HEARTBEAT,
    AMQP091_LOST, /* frames are missing from here on: whatever was open in this direction is cut */
};

struct amqp091_item {
    enum amqp091_item_kind kind;
    uint64_t anomalies; /* ANOMALY_BIT()s first known with this item */
    uint16_t channel;
    union {
        struct {
            uint8_t id, major, minor, revision; /* 0, 0, 9, 1 */
        } header;
        struct {
            struct span arguments; /* without the two numbers */
            uint16_t class_number, method_number;
            bool cut; /* longer than AMQP091_HELD_MAX: these are its first bytes */
        } method;
        struct {
            uint64_t body_size;
            struct span properties; /* flags and list, see amqp091_properties_init() */
            uint16_t class_number;
            bool cut;
        } content;
        struct {
            struct span data; /* data NULL: `lost` bytes of the body were not seen */
            uint32_t lost;
        } body;
    };
};

/* Members are private but bytes_skipped. */
struct amqp091 {
    uint64_t bytes_skipped; /* seen, and part of no frame */
    uint64_t anomalies;     /* found, not yet delivered */
    uint32_t rest;          /* bytes of payload still to come */
    uint32_t frame_max;     /* negotiated; 0: not known */
    uint16_t channel;
    uint8_t state;
    uint8_t type;
    bool after_loss;
    bool from_client;
};

void amqp091_init(struct amqp091 *parser, bool from_client);

/* Begins in the middle of a connection: the same search as behind a hole. Right after amqp091_init(). */
void amqp091_init_midstream(struct amqp091 *parser, bool from_client);

/* What tune-ok said; 0: no limit. A longer frame is read all the same and carries ANOMALY_FRAME_SIZE. */
void amqp091_set_frame_max(struct amqp091 *parser, uint32_t frame_max_bytes);

struct parse_step amqp091_parse(struct amqp091 *parser, const struct parse_input *input, struct amqp091_item *item_out);
