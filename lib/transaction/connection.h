/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Connection
 *
 * What every call tells about the TLS connection it came in: the `tls` object of the outputs. A compact view; the whole
 * facts of a handshake are in tls/facts.h.
 *
 * Memory:  spans belong to whoever keeps the connection; they outlast its calls.
 */

#include "base/span.h"

enum connection_tls_flag {
    CONNECTION_TLS = 1u << 0,       /* inside TLS; without it nothing else is set */
    CONNECTION_DECRYPTED = 1u << 1, /* its records were opened */
    CONNECTION_RESUMED = 1u << 2,   /* an abbreviated handshake, or a PSK */
    CONNECTION_TLS_FLAG_COUNT_ = 3
};

struct certificate;

struct connection_tls {
    uint8_t flags;         /* enum connection_tls_flag */
    struct span version;   /* "TLSv1.3"; data NULL: not known. The same for all of these */
    struct span cipher;    /* "TLS_AES_128_GCM_SHA256" */
    struct span sni;       /* as sent; of the outer hello with ECH */
    struct span alpn;      /* agreed protocol */
    struct span client_id; /* who the client's certificate says it is */
    /* For rules, not told. What the server presented, and the client where the server went on; NULL: not seen. */
    const struct certificate *server_certificate, *client_certificate;
    bool without_client; /* the client certainly showed none */
};
