/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Key log lines
 *
 * Reads SSLKEYLOGFILE text (RFC 9850 and the older NSS forms that real programs still write), one secret an item:
 *
 *     LABEL client_random(64 hex) secret(hex)
 *     RSA Session-ID:session_id(hex) Master-Key:secret(96 hex)
 *     RSA premaster_prefix(16 hex) premaster(96 hex)
 *
 * Lines end with CR, LF or both. Comments and empty lines are passed over; a line of another shape is refused and
 * counted, and the next one is read. The parser follows base/parse.h: any cut of the text gives the same items.
 *
 * Memory:  the caller's. Secrets are copied into the item only; the caller wipes it.
 * Threads: one owner.
 * Limits:  TLS_KEYLOG_LINE_MAX bytes a line; the rest of a longer one is passed over and the line counted as refused.
 * Source:  RFC 9850; RFC 5246 8.1 and RFC 8446 7.1 for the sizes of the secrets.
 */

#include "base/parse.h"

#define TLS_RANDOM_SIZE           32u /* RFC 8446 4.1.2 */
#define TLS_SESSION_ID_MAX        32u /* RFC 5246 7.4.1.2 */
#define TLS_SECRET_MAX            48u /* master secret, and a SHA-384 traffic secret: the longest hash of a TLS suite */
#define TLS_PREMASTER_PREFIX_SIZE 8u  /* of the encrypted premaster secret, as NSS writes it */
#define TLS_KEYLOG_LINE_MAX       1024u /* the longest line with a meaning has 33 + 64 + 96 bytes; ECH configs are longer */

/* What the secret is. */
enum tls_secret_kind {
    TLS_SECRET_MASTER,           /* CLIENT_RANDOM, RSA Session-ID: of TLS 1.2 and before */
    TLS_SECRET_PREMASTER,        /* RSA prefix */
    TLS_SECRET_CLIENT_EARLY,     /* CLIENT_EARLY_TRAFFIC_SECRET */
    TLS_SECRET_CLIENT_HANDSHAKE, /* CLIENT_HANDSHAKE_TRAFFIC_SECRET */
    TLS_SECRET_SERVER_HANDSHAKE,
    TLS_SECRET_CLIENT_TRAFFIC, /* CLIENT_TRAFFIC_SECRET_N */
    TLS_SECRET_SERVER_TRAFFIC,
    TLS_SECRET_EXPORTER, /* EXPORTER_SECRET, EARLY_EXPORTER_SECRET: open no record */
    TLS_SECRET_ECH,      /* ECH_SECRET, ECH_CONFIG: open no record */
    TLS_SECRET_KIND_COUNT
};

/* What finds it. */
enum tls_key_by {
    TLS_KEY_BY_CLIENT_RANDOM,
    TLS_KEY_BY_SESSION_ID,
    TLS_KEY_BY_PREMASTER_PREFIX,
};

struct tls_keylog_item {
    enum tls_secret_kind kind;
    enum tls_key_by by;
    uint32_t generation;         /* N of CLIENT_TRAFFIC_SECRET_N */
    uint8_t id[TLS_RANDOM_SIZE]; /* client random, session id or prefix; zeros behind it */
    uint32_t id_size;
    uint8_t secret[TLS_SECRET_MAX]; /* nothing for EXPORTER and ECH */
    uint32_t secret_size;
};

struct tls_keylog {
    uint64_t lines;   /* looked at, comments and empty ones included */
    uint64_t refused; /* neither comment nor known shape */
    bool skipping;    /* inside the rest of a line that was too long */
    uint32_t scanned; /* bytes of the current line known to hold no line end */
};

struct parse_step tls_keylog_parse(struct tls_keylog *parser, const struct parse_input *input,
                                   struct tls_keylog_item *item_out);

/* "master", "client_traffic" ...: stable lower-case names. Never NULL. */
const char *tls_secret_kind_name(enum tls_secret_kind kind);
