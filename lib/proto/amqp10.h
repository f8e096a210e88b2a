/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AMQP 1.0 frames
 *
 * Turns one direction of a connection into protocol headers, performatives and pieces of messages, under the contract
 * of base/parse.h. Links are told apart by whoever asks; what a performative says: proto/amqp10_performative.h; what a
 * message holds: proto/amqp10_message.h.
 *
 * Reading:  a performative is held until it is whole and given as one item; the payload behind a transfer is given as
 *           it comes, and AMQP10_FRAME_END says where its frame ends. The frames of SASL are items of the same kind.
 * Loss:     an input with data NULL. Inside the payload of a transfer the frame goes on behind it. Anywhere else the
 *           parser says AMQP10_LOST and searches for a performative whose fields have their types and fill it exactly,
 *           with a frame (or the end of the stream) behind its own. Nothing before it is told, and of a long transfer
 *           only where it ends is used. The same search begins where a frame header is none.
 * Stop:     behind a protocol header of TLS (item.header.id == AMQP10_TLS): what follows is TLS, once the other side
 *           has sent the same; or of another protocol.
 * Memory:   the parser itself.
 * Threads:  one owner.
 * Limits:   below. At most AMQP10_HELD_MAX bytes stay unconsumed.
 * Source:   OASIS AMQP 1.0, part 2 (2.2, 2.3, 2.7) and part 5 (5.2, 5.3).
 */

#include "base/parse.h"
#include "transaction/anomaly.h"

#define AMQP10_HELD_MAX    16384u     /* a performative held whole; a transaction keeps no more of it */
#define AMQP10_FRAME_LIMIT (1u << 26) /* peers negotiate up to some MiB; a size beyond this is no frame header */
#define AMQP10_RESYNC_MAX  4096u      /* longest performative a search accepts: bounds what it has to hold back */

/* Protocol id of a protocol header. */
enum amqp10_protocol { AMQP10_AMQP = 0, AMQP10_TLS = 2, AMQP10_SASL = 3 };

enum amqp10_item_kind {
    AMQP10_PROTOCOL_HEADER,
    AMQP10_PERFORMATIVE,
    AMQP10_PAYLOAD,   /* of the transfer before */
    AMQP10_FRAME_END, /* of a transfer */
    AMQP10_LOST,      /* frames are missing from here on: whatever was open in this direction is cut */
};

struct amqp10_item {
    enum amqp10_item_kind kind;
    uint64_t anomalies; /* ANOMALY_BIT()s first known with this item */
    uint16_t channel;
    union {
        struct {
            uint8_t id, major, minor, revision;
        } header;
        struct {
            struct span fields; /* the values of its list, one behind the other */
            uint32_t count;     /* of them */
            uint8_t code;       /* enum amqp10_descriptor */
        } performative;
        struct {
            struct span data; /* data NULL: `lost` bytes were not seen */
            uint32_t lost;
        } payload;
    };
};

/* Members are private but bytes_skipped. */
struct amqp10 {
    uint64_t bytes_skipped; /* seen, and part of no frame */
    uint64_t anomalies;     /* found, not yet delivered */
    uint32_t rest;          /* bytes of the frame still to come */
    uint32_t frame_max;     /* of the receiver's open; 0: not known */
    uint16_t channel;
    uint8_t state;
    bool after_loss;
};

void amqp10_init(struct amqp10 *parser);

/* Begins in the middle of a connection: the same search as behind a hole. Right after amqp10_init(). */
void amqp10_init_midstream(struct amqp10 *parser);

/* What the other side's open said. A longer frame is read all the same and carries ANOMALY_FRAME_SIZE. */
void amqp10_set_frame_max(struct amqp10 *parser, uint32_t frame_max_bytes);

struct parse_step amqp10_parse(struct amqp10 *parser, const struct parse_input *input, struct amqp10_item *item_out);
