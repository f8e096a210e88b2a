/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * WebSocket frames
 *
 * Turns one direction of a WebSocket (RFC 6455 5), from behind the handshake on, into messages and control frames,
 * under the contract of base/parse.h.
 *
 * Order of the items:
 *   (MESSAGE_BEGIN, (DATA | CONTROL)*, MESSAGE_END | CONTROL)*
 * A message that showed its begin always shows its end. Fragments are put together: their frames are not shown.
 *
 * Reading:  lenient where an endpoint would have to fail the connection: the anomaly is set and the length is believed.
 *           - a frame of reserved opcode is a message (3 to 7) or a control frame (11 to 15)
 *           - a new message inside a fragmented one ends that one, incomplete
 *           - a continuation of nothing is a message of opcode WEBSOCKET_CONTINUATION
 *           - a length of 2^63 and more: PARSE_STOP
 * Masking:  payload of masked frames is shown unmasked, in the window given to websocket_init(), so in pieces of at
 * most WEBSOCKET_WINDOW_SIZE; payload of unmasked frames where it lies. Loss:     a hole inside a frame's payload costs
 * those bytes only. Anywhere else the message ends, incomplete, and a chain of frames is searched that cannot be there
 * by chance (websocket_chain.h); what follows it carries ANOMALY_AFTER_LOSS. Behind a hole the middle of a fragmented
 * message is of opcode WEBSOCKET_CONTINUATION. End:      `last` with the rest of the bytes; answers PARSE_STOP when all
 * is said. Memory:   the parser itself, WEBSOCKET_SIZE_MAX bytes. Threads:  one owner. Limits:   below. At most
 * WEBSOCKET_HELD_MAX bytes stay unconsumed.
 */

#include "base/parse.h"
#include "transaction/anomaly.h"

#define WEBSOCKET_HEADER_MAX  14u    /* RFC 6455 5.2: two bytes, a length of eight, a mask of four */
#define WEBSOCKET_CONTROL_MAX 125u   /* RFC 6455 5.5 */
#define WEBSOCKET_WINDOW_SIZE 4096u  /* unmasked in one go: stays in the first-level cache with its source */
#define WEBSOCKET_RESYNC_MAX  16384u /* a chain has to prove itself within it: bounds what a search has to hold back */
#define WEBSOCKET_HELD_MAX    WEBSOCKET_RESYNC_MAX
#define WEBSOCKET_SIZE_MAX    64u /* two for each connection, which may be idle for days */

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10,
};

enum websocket_sender { WEBSOCKET_CLIENT, WEBSOCKET_SERVER };

/* RSV1 of the first frame of a message (RFC 7692 6). */
enum websocket_deflate {
    WEBSOCKET_DEFLATE_NONE,    /* not agreed on: RSV1 is an anomaly */
    WEBSOCKET_DEFLATE_AGREED,  /* RSV1 says that the message is compressed */
    WEBSOCKET_DEFLATE_UNKNOWN, /* the handshake was not seen: RSV1 most likely says so */
};

enum websocket_item_kind {
    WEBSOCKET_MESSAGE_BEGIN,
    WEBSOCKET_DATA,
    WEBSOCKET_MESSAGE_END,
    WEBSOCKET_CONTROL,
};

#define WEBSOCKET_LENGTH_UNKNOWN UINT64_MAX

#define WEBSOCKET_CODE_NONE 0u /* RFC 6455 7.4.2: 0 to 999 are not used */

struct websocket_item {
    enum websocket_item_kind kind;
    uint8_t opcode;      /* BEGIN, CONTROL */
    bool compressed;     /* BEGIN */
    bool complete;       /* END, CONTROL: false when cut by loss, by the end of the stream or by a limit */
    uint64_t length;     /* BEGIN: of the message on the wire, where it is in one frame; WEBSOCKET_LENGTH_UNKNOWN */
    uint16_t close_code; /* CONTROL of opcode CLOSE; WEBSOCKET_CODE_NONE: it has none */
    uint32_t lost;       /* DATA with data NULL: bytes not seen */
    struct span data;    /* DATA; CONTROL: its payload, of a CLOSE the reason only */
    uint64_t anomalies;  /* ANOMALY_BIT()s first known with this item; the message has the union */
};

/* Members are private but bytes_skipped, frames and controls. */
struct websocket {
    uint64_t rest;          /* bytes of payload still to come */
    uint64_t anomalies;     /* found, not yet delivered */
    uint64_t bytes_skipped; /* seen, and part of no frame */
    uint8_t *window;
    uint32_t frames;   /* modulo 2^32 */
    uint32_t controls; /* pings and pongs; modulo 2^32 */
    uint32_t pending;  /* bytes left unconsumed by the last MORE */
    uint8_t mask[4];   /* turned so that [0] is for the next byte; zero: not masked */
    uint8_t sender;    /* enum websocket_sender */
    uint8_t deflate;   /* enum websocket_deflate */
    uint8_t state;
    uint8_t opcode; /* of the frame */
    bool final;     /* FIN of the frame */
    bool open;      /* a message is open */
    bool masked;
    bool after_loss;
    bool closed; /* a close frame was seen */
};

static_assert(sizeof(struct websocket) <= WEBSOCKET_SIZE_MAX, "part of every connection");

/* `window`: WEBSOCKET_WINDOW_SIZE bytes that may be shared with every other parser of the thread. */
void websocket_init(struct websocket *parser, enum websocket_sender sender, enum websocket_deflate deflate,
                    uint8_t *window);

/* Begins in the middle of a connection: the same search as behind a hole. Right after websocket_init(). */
void websocket_init_midstream(struct websocket *parser);

struct parse_step websocket_parse(struct websocket *parser, const struct parse_input *input,
                                  struct websocket_item *item_out);

/* "text", "close" ...; "continuation" for a message whose begin was not seen, "reserved"; never NULL. */
const char *websocket_opcode_name(uint8_t opcode);

/* Undoes the mask (RFC 6455 5.3); mask[0] is for data[0]. `out` may be `data`. */
void websocket_unmask(const uint8_t *data, uint32_t size, const uint8_t mask[4], uint8_t *out);
