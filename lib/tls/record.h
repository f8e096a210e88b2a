/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TLS record layer of one direction
 *
 * Cuts a byte stream into records, SSL 3.0 to TLS 1.3, and hands out their bodies in parts as they come in, so that
 * nothing is copied and no record has to wait for its end. An SSL 2.0 compatible ClientHello, only ever the first thing
 * a client sends, is handed out as one record (RFC 5246 appendix E.2).
 *
 * Follows the parser contract (base/parse.h). Parts of one record come in order; together they are its whole body.
 * Memory:  the caller's struct, zero is a valid start.
 * Loss:    a hole inside a record is a part without data: the record's end is known, so the chain goes on. A longer
 * hole loses the chain; the reader looks for the next plausible one: a header right behind the hole, or anywhere a
 *          header whose record ends where another begins. The first record of a new chain says `after_loss`.
 * Limits:  TLS_RECORD_BODY_MAX; a header that says more is no header, and the chain is lost there.
 * Source:  RFC 8446 5.1, RFC 5246 6.2, RFC 6101 5.2, RFC 6520 (heartbeat).
 */

#include "base/parse.h"

#define TLS_RECORD_HEADER_SIZE 5u
#define TLS_RECORD_BODY_MAX    18432u /* 2^14 + 2048, the most that any version allows (RFC 5246 6.2.3) */
/* Chains followed at once while looking for one: five bytes of ciphertext look like a header once in two million. */
#define TLS_RECORD_CHAINS_MAX 4u

#define TLS_TO_SERVER 0u
#define TLS_TO_CLIENT 1u

enum tls_content {
    TLS_CHANGE_CIPHER_SPEC = 20,
    TLS_ALERT = 21,
    TLS_HANDSHAKE = 22,
    TLS_APPLICATION_DATA = 23,
    TLS_HEARTBEAT = 24,
};

struct tls_record_reader {
    uint64_t position;  /* bytes of the stream consumed, lost ones included */
    uint64_t records;   /* begun so far */
    uint64_t skipped;   /* bytes that belong to no record we could find, lost ones included */
    uint32_t body_size; /* of the record being read */
    uint32_t body_used;
    uint16_t version;
    uint8_t content;
    uint8_t header_size; /* bytes of the header read so far, or of the window while searching */
    uint8_t header[TLS_RECORD_HEADER_SIZE];
    bool in_body;
    bool sslv2;
    bool searching;   /* the chain is lost */
    bool at_hole_end; /* searching, and nothing was seen since the hole */
    bool after_loss;  /* told with the next record */
    uint8_t chain_count;
    uint64_t chains[TLS_RECORD_CHAINS_MAX]; /* positions where a header must be for the chain to be one */
};

/* A part of a record's body: whole, when first and last. */
struct tls_record_part {
    uint8_t content; /* enum tls_content */
    bool first, last;
    bool after_loss;  /* of the first part: records before this one may be missing */
    bool sslv2;       /* the body is an SSL 2.0 ClientHello, message type first */
    uint16_t version; /* of the header; 0x0002 for SSL 2.0 */
    uint32_t size;    /* of the whole body */
    uint32_t offset;  /* of this part in it */
    uint32_t lost;    /* bytes of it that were not seen; then data is empty */
    struct span data;
};

/* The connection began before us, or the stream begins anywhere: a chain has to be found first. */
void tls_record_init_midstream(struct tls_record_reader *reader);

struct parse_step tls_record_parse(struct tls_record_reader *reader, const struct parse_input *input,
                                   struct tls_record_part *part_out);
