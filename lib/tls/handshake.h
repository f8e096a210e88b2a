/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TLS handshake messages
 *
 * Puts handshake messages together again over any number of records and segments, and keeps the facts that they give.
 * Takes the records of the wire; what a decrypter makes of encrypted ones goes in as parts too, marked as decrypted.
 *
 * Use: for each part of a record call tls_handshake_part(), then tls_handshake_next() until it answers false. A message
 * that it hands out has already been counted into the facts; it is handed out for those who want more of it
 * (certificates, keys).
 *
 * Memory:  one message of each direction is kept while it is cut; the two buffers are the caller's, may be taken away
 *          when tls_handshake_idle() says so, and may be missing (NULL): a cut message is then lost, not the next one.
 *          A message that lies whole in one part is handed out where it lies.
 * Threads: one owner.
 * Limits:  TLS_MESSAGE_SIZE_MAX; of a longer message only the beginning is handed out, marked as truncated.
 * Loss:    a hole costs the message it falls into and what the facts would have had from it: those stay unknown.
 * Source:  RFC 8446 4 and 5.1, RFC 5246 7.4.
 */

#include "tls/facts.h"
#include "tls/record.h"

/* Certificate chains of public servers have 2 to 6 KB, those with hundreds of names 20 KB. */
#define TLS_MESSAGE_SIZE_MAX    32768u
#define TLS_MESSAGE_HEADER_SIZE 4u

enum tls_message_type {
    TLS_HELLO_REQUEST = 0,
    TLS_CLIENT_HELLO = 1,
    TLS_SERVER_HELLO = 2, /* a HelloRetryRequest is one with a random of its own */
    TLS_NEW_SESSION_TICKET = 4,
    TLS_END_OF_EARLY_DATA = 5,
    TLS_ENCRYPTED_EXTENSIONS = 8,
    TLS_CERTIFICATE = 11,
    TLS_SERVER_KEY_EXCHANGE = 12,
    TLS_CERTIFICATE_REQUEST = 13,
    TLS_SERVER_HELLO_DONE = 14,
    TLS_CERTIFICATE_VERIFY = 15,
    TLS_CLIENT_KEY_EXCHANGE = 16,
    TLS_FINISHED = 20,
    TLS_CERTIFICATE_URL = 21,
    TLS_CERTIFICATE_STATUS = 22,
    TLS_KEY_UPDATE = 24,
    TLS_COMPRESSED_CERTIFICATE = 25,
    TLS_NEXT_PROTOCOL = 67, /* of the NPN draft */
    TLS_MESSAGE_HASH = 254,
};

struct tls_message {
    uint8_t type; /* enum tls_message_type */
    bool decrypted;
    bool sslv2;     /* body is that of an SSL 2.0 ClientHello, behind its type */
    bool truncated; /* body is only the beginning of it */
    uint32_t size;  /* of the body, as announced */
    struct span body;
    struct span raw; /* the same with its four bytes of header, as transcripts are hashed */
};

/* One direction. */
struct tls_message_reader {
    uint8_t *buffer;             /* of TLS_MESSAGE_SIZE_MAX bytes, or NULL */
    struct span left;            /* of the part being read ... */
    struct tls_record_part part; /* ... which is this one */
    uint32_t size;               /* of the message being read, header included; 0: its header is not whole yet */
    uint32_t seen;               /* bytes of it that went by */
    uint8_t header[TLS_MESSAGE_HEADER_SIZE];
    uint8_t alert_seen; /* bytes of an alert, which may be cut too */
    uint8_t alert_level;
    bool damaged;   /* bytes are missing: only a record can begin a message again ... */
    bool trying;    /* ... and this one may */
    bool encrypted; /* from here on records are (TLS 1.2 and before) */
    bool decrypted; /* `left` comes from a decrypter */
};

struct tls_handshake {
    struct tls_message_reader readers[2]; /* TLS_TO_SERVER, TLS_TO_CLIENT */
    struct tls_facts facts;
};

/* `midstream`: the beginning was not seen, so nothing that is missing says anything. */
void tls_handshake_init(struct tls_handshake *handshake, bool midstream);

/*
 * A part of a record of the wire: what there is to know of it goes into the facts, messages wait for
 * tls_handshake_next(). Called for every part, whatever its content: alerts, changes of cipher and the mere sizes of
 * encrypted records are facts too. part->data stays where it is until tls_handshake_next() has answered false.
 */
void tls_handshake_part(struct tls_handshake *handshake, uint32_t direction, const struct tls_record_part *part);

/* The plaintext of a whole record that was decrypted; `content` is the inner type. */
void tls_handshake_plaintext(struct tls_handshake *handshake, uint32_t direction, uint8_t content, struct span data);

/* True: a message; false: the part is used up. */
bool tls_handshake_next(struct tls_handshake *handshake, uint32_t direction, struct tls_message *message_out);

/* Bytes of the stream that no record could be made of: whatever they held is unknown. */
void tls_handshake_lost(struct tls_handshake *handshake, uint32_t direction);

/* No direction is inside a message: the buffers hold nothing. */
bool tls_handshake_idle(const struct tls_handshake *handshake);
