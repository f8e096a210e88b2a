/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ClientHello and ServerHello
 *
 * Takes a hello apart. Strict: a hello whose lengths do not add up is refused, so what comes out was really sent so.
 *
 * Memory:  spans into the message.
 * Limits:  TLS_HELLO_EXTENSIONS_MAX; real ones send about 20.
 * Source:  RFC 8446 4.1.2, 4.1.3 and 4.2; RFC 5246 7.4.1; RFC 5246 appendix E.2 for SSL 2.0; RFC 9147 5.3 and RFC 6347
 * 4.2.1 for DTLS.
 */

#include "base/span.h"

#define TLS_HELLO_EXTENSIONS_MAX 128u

/* Those that are looked into; the number is an index, not the code on the wire. */
enum tls_extension {
    TLS_EXTENSION_SERVER_NAME,
    TLS_EXTENSION_STATUS_REQUEST,
    TLS_EXTENSION_GROUPS,
    TLS_EXTENSION_POINT_FORMATS,
    TLS_EXTENSION_SIGNATURES,
    TLS_EXTENSION_ALPN,
    TLS_EXTENSION_ENCRYPT_THEN_MAC,
    TLS_EXTENSION_MASTER_SECRET,
    TLS_EXTENSION_TRUNCATED_HMAC,
    TLS_EXTENSION_TICKET,
    TLS_EXTENSION_PRE_SHARED_KEY,
    TLS_EXTENSION_EARLY_DATA,
    TLS_EXTENSION_VERSIONS,
    TLS_EXTENSION_PSK_MODES,
    TLS_EXTENSION_KEY_SHARE,
    TLS_EXTENSION_CLIENT_HELLO,
    TLS_EXTENSION_RENEGOTIATION,
    TLS_EXTENSION_COUNT
};

struct tls_hello {
    uint16_t version; /* legacy_version */
    bool sslv2;       /* suites have three bytes each, nothing else was sent */
    uint16_t suite;   /* of a server */
    uint8_t compression;
    const uint8_t *random; /* 32 bytes; NULL: SSL 2.0 */
    struct span session_id;
    struct span suites;    /* of a client */
    struct span challenge; /* of SSL 2.0, in the place of the random */
    uint32_t extension_count;
    uint16_t extension_types[TLS_HELLO_EXTENSIONS_MAX]; /* in order, GREASE too */
    struct span extensions[TLS_EXTENSION_COUNT];        /* contents; data NULL: not sent */
};

/* False: it is not what it says. */
bool tls_hello_parse_client(struct span body, struct tls_hello *hello_out);
bool tls_hello_parse_client_sslv2(struct span body, struct tls_hello *hello_out);
bool tls_hello_parse_server(struct span body, struct tls_hello *hello_out);
/* The same of DTLS, whose versions count downwards and whose clients send a cookie (RFC 9147 5.3). */
bool tls_hello_parse_client_dtls(struct span body, struct tls_hello *hello_out);
bool tls_hello_parse_server_dtls(struct span body, struct tls_hello *hello_out);

/* The extensions of EncryptedExtensions: only the members about extensions are filled. */
bool tls_hello_parse_extensions(struct span body, struct tls_hello *hello_out);

/* A HelloRetryRequest is a ServerHello with this random (RFC 8446 4.1.3). */
bool tls_hello_is_retry_request(const struct tls_hello *hello);

static inline bool tls_hello_has(const struct tls_hello *hello, enum tls_extension extension)
{
    return hello->extensions[extension].data != NULL;
}

/* The list of two-byte values in an extension, behind a length of `length_size` bytes; empty where it is malformed. */
struct span tls_hello_list(const struct tls_hello *hello, enum tls_extension extension, uint32_t length_size);

/* The host name of the server_name extension; the first protocol of ALPN. Size 0: none. */
struct span tls_hello_server_name(const struct tls_hello *hello);
struct span tls_hello_alpn(const struct tls_hello *hello);
