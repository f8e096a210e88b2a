/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DTLS by name
 *
 * Recognises the datagrams of DTLS 1.0 to 1.3 and reads what its hellos say in the clear: version, suite, server name.
 * Nothing is opened. A datagram is taken as DTLS when the records in it follow each other to its very end; records
 * whose header names no version (DTLS 1.3, connection ids) only where the association is known by others.
 *
 * Memory:  struct dtls, fixed size; a hello that comes in fragments is put together in a buffer of the caller's, who
 *          may take it back when dtls_joins() says that nothing is in it. Without one the hello stays unread.
 * Threads: one owner.
 * Limits:  DTLS_RECORDS_MAX records of a datagram, TLS_MESSAGE_SIZE_MAX bytes and DTLS_FRAGMENTS_MAX fragments of a
 *          hello, in any order.
 * Errors:  traffic is never one; what cannot be read is not told.
 * Source:  RFC 9147 4 and 5, RFC 6347 4, RFC 4347 4, RFC 9146 (connection ids).
 */

#include "base/span.h"
#include "tls/facts.h"

#define DTLS_RECORDS_MAX 64u /* a flight of 1,500 bytes has ten; further ones say nothing that these do not */

#define DTLS_FRAGMENTS_MAX 32u /* a hello of 8 KB in the 256 bytes a cautious sender takes */

struct dtls_fragment {
    uint32_t offset, size;
};

/* A hello that comes in fragments. */
struct dtls_join {
    uint8_t *buffer; /* of TLS_MESSAGE_SIZE_MAX bytes, or NULL */
    uint32_t size;   /* of the message; 0: none is being put together */
    uint32_t fragment_count;
    struct dtls_fragment fragments[DTLS_FRAGMENTS_MAX]; /* as they came */
    uint16_t sequence;                                  /* its number, which all fragments have */
    uint8_t direction;
};

/* One association. Zero: nothing is known. */
struct dtls {
    uint16_t version;    /* 0xfeff, 0xfefd, 0xfefc; 0 not known */
    uint16_t suite;      /* valid with server_hello */
    uint32_t handshakes; /* that began behind the first; a new one on the same ports has forgotten the one before */
    bool known;          /* a datagram was recognised */
    bool client_hello, server_hello;
    bool encrypted;                         /* records of a later epoch were seen: the handshake went on to its keys */
    uint8_t client_random[TLS_RANDOM_SIZE]; /* valid with client_hello */
    uint8_t client;                         /* direction that the client sends in, valid with a hello */
    uint8_t sni_size;
    uint8_t sni[TLS_NAME_SIZE_MAX];
    struct dtls_join join;
};

/* A datagram of either direction; `cut`: not all of it was captured. False: it is no DTLS, and nothing was learned. */
bool dtls_datagram(struct dtls *dtls, uint32_t direction, struct span datagram, bool cut);

static inline bool dtls_joins(const struct dtls *dtls)
{
    return dtls->join.size > 0;
}
