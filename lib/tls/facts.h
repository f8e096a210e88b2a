/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TLS facts
 *
 * What one connection's handshake says about itself, as far as it was seen. What could be hidden (TLS 1.3) or was lost
 * is unknown, never "no".
 *
 * Memory:  fixed size, kept as long as the connection.
 * Limits:  the lists below keep the first entries; their counts say how many were sent.
 * Source:  RFC 8446, 5246, 6101; RFC 6066 (SNI, status), 7301 (ALPN), 7627 (extended master secret), 5746
 * (renegotiation), 7507 (FALLBACK_SCSV), 7919 (FFDHE), 8422 (curves), 8701 (GREASE), 8879 (compressed certificates),
 * 5077 (tickets), 9849 (ECH). JA3 and JA4: their public descriptions.
 */

#include "base/span.h"

#define TLS_NAME_SIZE_MAX    255u /* a host name (RFC 1035 3.1) and, by chance, an ALPN name (RFC 7301 3.1) */
#define TLS_ALPN_SIZE_MAX    64u  /* the longest registered name has 12 */
#define TLS_SUITES_MAX       96u  /* OpenSSL with ALL:COMPLEMENTOFALL offers 180, no real client half as many */
#define TLS_GROUPS_MAX       24u
#define TLS_SIGNATURES_MAX   32u
#define TLS_FINGERPRINT_SIZE 33u /* 32 hex digits, terminated */
#define TLS_JA4_SIZE         37u /* "t13d1516h2_8daaf6152771_e5627efa2ab1", terminated */
#define TLS_RANDOM_SIZE      32u /* RFC 8446 4.1.2 */
#define TLS_SESSION_ID_MAX   32u /* RFC 5246 7.4.1.2 */

/* Zero is "unknown". */
enum tls_answer { TLS_UNKNOWN, TLS_NO, TLS_YES };

/* Bits of tls_facts.seen: what was read whole. */
enum tls_seen {
    TLS_SEEN_CLIENT_HELLO = 1u << 0,
    TLS_SEEN_SERVER_HELLO = 1u << 1,
    TLS_SEEN_RETRY_REQUEST = 1u << 2,
    TLS_SEEN_ENCRYPTED_EXTENSIONS = 1u << 3,
    TLS_SEEN_CERTIFICATE = 1u << 4, /* of the server */
    TLS_SEEN_CERTIFICATE_STATUS = 1u << 5,
    TLS_SEEN_SERVER_KEY_EXCHANGE = 1u << 6,
    TLS_SEEN_CERTIFICATE_REQUEST = 1u << 7,
    TLS_SEEN_SERVER_HELLO_DONE = 1u << 8,
    TLS_SEEN_CLIENT_CERTIFICATE = 1u << 9,
    TLS_SEEN_CLIENT_KEY_EXCHANGE = 1u << 10,
    TLS_SEEN_CLIENT_CERTIFICATE_VERIFY = 1u << 11,
    TLS_SEEN_TICKET = 1u << 12,
    TLS_SEEN_CLIENT_CIPHER = 1u << 13, /* ChangeCipherSpec of the client, of the server */
    TLS_SEEN_SERVER_CIPHER = 1u << 14,
    TLS_SEEN_CLIENT_FINISHED = 1u << 15, /* decrypted, or what must be it */
    TLS_SEEN_SERVER_FINISHED = 1u << 16,
    TLS_SEEN_DECRYPTED = 1u << 17, /* at least one message came from a decrypter */
    TLS_SEEN_DAMAGED = 1u << 18,   /* bytes of the handshake are missing: what was not seen may have been sent */
    TLS_SEEN_MIDSTREAM = 1u << 19,
    TLS_SEEN_RENEGOTIATION = 1u << 20, /* a second handshake on the connection; its facts are not kept */
    TLS_SEEN_MALFORMED = 1u << 21,     /* a message that cannot be read as what it says it is */
    TLS_SEEN_SSLV2_HELLO = 1u << 22,
    TLS_SEEN_SERVER_FLIGHT = 1u << 23, /* an encrypted record of the server, TLS 1.3 */
};

enum tls_resumption {
    TLS_RESUMED_UNKNOWN,
    TLS_RESUMED_NO,
    TLS_RESUMED_SESSION_ID, /* by session id, or by a ticket that came with one: the server echoed it */
    TLS_RESUMED_TICKET,
    TLS_RESUMED_PSK, /* TLS 1.3; an external PSK looks the same */
};

enum tls_ech {
    TLS_ECH_UNKNOWN,
    TLS_ECH_NONE,
    TLS_ECH_OFFERED, /* an encrypted ClientHello, or GREASE in its form: only the server can tell which */
    TLS_ECH_REFUSED, /* the handshake went on with the outer ClientHello: GREASE, or a key the server does not have */
};

struct tls_facts {
    uint32_t seen; /* enum tls_seen */

    /* Negotiated; 0 unknown. */
    uint16_t version;          /* 0x0304 from supported_versions */
    uint16_t suite;            /* valid with TLS_SEEN_SERVER_HELLO */
    uint16_t group;            /* of the key exchange */
    uint16_t signature_scheme; /* of the server's signature */
    uint16_t dh_bits;          /* DHE modulus */
    uint8_t compression;
    uint8_t resumption;             /* enum tls_resumption */
    uint8_t completed;              /* enum tls_answer, as the following */
    uint8_t extended_master_secret; /* agreed by both */
    uint8_t encrypt_then_mac;       /* agreed by both (RFC 7366) */
    uint8_t truncated_hmac;         /* agreed by both (RFC 6066 7) */
    uint8_t secure_renegotiation;   /* agreed by both */
    uint8_t early_data_offered, early_data_accepted;
    uint8_t client_certificate_requested;
    uint8_t client_certificate; /* YES: at least one; NO: none although asked, or not asked */
    uint8_t staple;             /* an OCSP answer came */
    uint8_t ech;                /* enum tls_ech */
    uint16_t downgrade_to; /* 0x0303 or 0x0302: what a sentinel in the server's random says (RFC 8446 4.1.3); 0: none */
    uint8_t fallback_scsv; /* offered */
    uint8_t psk_mode_dhe, psk_mode_plain; /* offered modes (RFC 8446 4.2.9) */
    uint8_t alert_level[2], alert[2];     /* last one in cleartext, of each direction; level 0: none */
    bool grease;                          /* the client sent GREASE */

    /* Offered. */
    uint16_t hello_version; /* legacy_version of the ClientHello */
    uint16_t offered_flags; /* enum tls_suite_flag of all offered suites together */
    uint16_t version_offered_max, version_offered_min;
    uint16_t suite_count, group_count, signature_count;
    uint16_t suites[TLS_SUITES_MAX]; /* without GREASE */
    uint16_t groups[TLS_GROUPS_MAX];
    uint16_t signatures[TLS_SIGNATURES_MAX];

    uint8_t sni_size, alpn_size; /* 0: none */
    uint8_t alpn_offered_size;
    uint8_t sni_present;  /* enum tls_answer: the extension was sent */
    uint8_t alpn_present; /* the client offered any */
    uint8_t sni[TLS_NAME_SIZE_MAX];
    uint8_t alpn[TLS_ALPN_SIZE_MAX];         /* agreed */
    uint8_t alpn_offered[TLS_ALPN_SIZE_MAX]; /* the first one offered */

    uint8_t server_records; /* encrypted ones of TLS 1.3 that are no alerts; stays at its maximum */
    bool renegotiation_offered, master_secret_offered, ticket_offered;
    uint8_t session_offered_size;
    uint8_t session_offered[TLS_SESSION_ID_MAX];
    uint8_t session_id_size; /* of the server hello (TLS 1.2 and before) */
    uint8_t session_id[TLS_SESSION_ID_MAX];
    uint8_t client_random[TLS_RANDOM_SIZE]; /* valid with the hello it is of */
    uint8_t server_random[TLS_RANDOM_SIZE];

    char ja3[TLS_FINGERPRINT_SIZE]; /* "" unknown */
    char ja3s[TLS_FINGERPRINT_SIZE];
    char ja4[TLS_JA4_SIZE];
};

struct tls_message;

/* A whole message, in the order of its direction. tls/handshake.h calls these. */
void tls_facts_message(struct tls_facts *facts, uint32_t direction, const struct tls_message *message);

/* A change of cipher in the clear. */
void tls_facts_cipher_change(struct tls_facts *facts, uint32_t direction);

/* An alert that could be read. */
void tls_facts_alert(struct tls_facts *facts, uint32_t direction, uint8_t level, uint8_t alert);

/* An encrypted record of `size` bytes, of which only the outer content type shows. */
void tls_facts_encrypted(struct tls_facts *facts, uint32_t direction, uint8_t content, uint32_t size);

static inline bool tls_facts_seen(const struct tls_facts *facts, uint32_t bits)
{
    return (facts->seen & bits) == bits;
}

static inline struct span tls_facts_sni(const struct tls_facts *facts)
{
    return span_of(facts->sni, facts->sni_size);
}

static inline struct span tls_facts_alpn(const struct tls_facts *facts)
{
    return span_of(facts->alpn, facts->alpn_size);
}
