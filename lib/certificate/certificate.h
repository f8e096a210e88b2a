/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Certificate facts
 *
 * What a chain that was presented in a TLS handshake says about itself, read once and kept: the leaf's names, dates,
 * key and uses, the weakest of the chain behind it, where the chain leads and whether it was revoked. Nothing here
 * depends on the time or the name it is judged for: those are compared when a handshake is judged.
 *
 * Memory:  fixed size.
 * Limits:  the texts below are cut, which `cut` says; what was cut is unknown, never "not there".
 * Source:  RFC 5280, RFC 6125 and 9525 (names), RFC 7633 (must-staple), X509-SVID (SPIFFE).
 */

#include "base/span.h"

#define CERTIFICATE_CHAIN_MAX    8u    /* certificates of a chain that are read; real ones have two to four */
#define CERTIFICATE_NAMES_MAX    64u   /* subject alternative names kept */
#define CERTIFICATE_NAMES_SIZE   4096u /* of them together; with 64 names of public services 2 KB */
#define CERTIFICATE_SUBJECT_SIZE 256u
#define CERTIFICATE_SERIAL_SIZE  64u /* hex; RFC 5280 4.1.2.2 allows 20 bytes */
#define CERTIFICATE_DIGEST_SIZE  32u /* SHA-256 of the DER */
#define CERTIFICATE_FAULT_SIZE   48u

enum certificate_name_kind {
    CERTIFICATE_NAME_DNS,
    CERTIFICATE_NAME_ADDRESS, /* 4 or 16 bytes */
    CERTIFICATE_NAME_URI,
    CERTIFICATE_NAME_MAIL,
};

struct certificate_name {
    uint16_t offset, size; /* in names_text */
    uint8_t kind;          /* enum certificate_name_kind */
};

enum certificate_key {
    CERTIFICATE_KEY_OTHER,
    CERTIFICATE_KEY_RSA,
    CERTIFICATE_KEY_EC,
    CERTIFICATE_KEY_EDWARDS,
    CERTIFICATE_KEY_DSA
};

/* Where the chain leads, by the bundle of the zone. */
enum certificate_trust {
    CERTIFICATE_TRUST_UNKNOWN, /* no bundle, or the chain could not be checked */
    CERTIFICATE_TRUST_ANCHORED,
    CERTIFICATE_TRUST_SELF_SIGNED, /* the leaf signed itself, and the bundle does not have it */
    CERTIFICATE_TRUST_FOREIGN,     /* to a root that the bundle does not have */
    CERTIFICATE_TRUST_INCOMPLETE,  /* an issuer was neither sent nor is it in the bundle */
    CERTIFICATE_TRUST_BROKEN,      /* a signature or a constraint of the chain does not hold */
};

enum certificate_revocation {
    CERTIFICATE_REVOCATION_UNKNOWN, /* no list of the issuer */
    CERTIFICATE_REVOCATION_GOOD,
    CERTIFICATE_REVOCATION_REVOKED,
};

enum certificate_flag {
    CERTIFICATE_CUT = 1u << 0,            /* names or texts beyond the limits */
    CERTIFICATE_AUTHORITY = 1u << 1,      /* the leaf: basicConstraints CA:TRUE */
    CERTIFICATE_SELF_ISSUED = 1u << 2,    /* the leaf: subject and issuer are the same */
    CERTIFICATE_KEY_USAGE = 1u << 3,      /* the leaf has the extension ... */
    CERTIFICATE_EXTENDED_USAGE = 1u << 4, /* ... and this one */
    CERTIFICATE_SERVER_USAGE = 1u << 5,   /* serverAuth, or any */
    CERTIFICATE_CLIENT_USAGE = 1u << 6,   /* clientAuth, or any */
    CERTIFICATE_MUST_STAPLE = 1u << 7,    /* TLS feature status_request */
    CERTIFICATE_ALTERNATIVE_NAMES = 1u << 8,
    CERTIFICATE_KEY_USAGE_CRITICAL = 1u << 9,
    CERTIFICATE_SVID = 1u << 10,          /* a URI SAN of the scheme spiffe */
    CERTIFICATE_ANCHOR_PUBLIC = 1u << 11, /* trusted through a root of the public PKI */
    CERTIFICATE_LISTED = 1u << 12,        /* it or an issuer of its chain is in the inventory */
    CERTIFICATE_INVENTORY = 1u << 13,     /* there is one */
    CERTIFICATE_CHAIN_CUT = 1u << 14,     /* more certificates were sent than are read */
    CERTIFICATE_WILDCARD = 1u << 15,
    CERTIFICATE_ANY_USAGE = 1u << 16,
    CERTIFICATE_LAST_UNREAD = 1u << 17, /* an issuer that was sent cannot be read */
};

/* Bits of key_usage, as RFC 5280 4.2.1.3 numbers them, the first the highest of the first byte. */
enum certificate_usage {
    CERTIFICATE_DIGITAL_SIGNATURE = 0x80,
    CERTIFICATE_KEY_ENCIPHERMENT = 0x20,
    CERTIFICATE_KEY_AGREEMENT = 0x08,
    CERTIFICATE_CERT_SIGN = 0x04,
    CERTIFICATE_CRL_SIGN = 0x02,
};

struct certificate {
    uint8_t digest[CERTIFICATE_DIGEST_SIZE]; /* of the leaf */
    uint32_t flags;                          /* enum certificate_flag */
    uint8_t count;                           /* certificates sent, as far as they are read */
    uint8_t trust;                           /* enum certificate_trust */
    uint8_t revocation;                      /* enum certificate_revocation, of leaf and issuers together */
    uint8_t key;                             /* enum certificate_key, of the leaf */
    uint16_t key_bits;
    uint16_t key_usage;  /* enum certificate_usage */
    uint16_t name_count; /* kept */
    uint16_t names_sent;
    uint16_t identity; /* index of the name that is the SPIFFE id; valid with CERTIFICATE_SVID */
    uint16_t uri_count;
    int64_t not_before_s, not_after_s;     /* of the leaf, seconds of Unix time */
    int64_t chain_before_s, chain_after_s; /* the latest begin and the earliest end of the whole chain */
    int64_t revocation_after_s;            /* until when the lists that were asked are current */
    uint16_t text_used;
    uint16_t subject_size, issuer_size, serial_size;
    char subject[CERTIFICATE_SUBJECT_SIZE]; /* RFC 2253 text, not terminated */
    char issuer[CERTIFICATE_SUBJECT_SIZE];
    char serial[CERTIFICATE_SERIAL_SIZE];
    char trust_fault[CERTIFICATE_FAULT_SIZE];    /* in words, terminated; "" none */
    char strength_fault[CERTIFICATE_FAULT_SIZE]; /* the weakest of the chain: "RSA 1024 bits"; "" none */
    struct certificate_name names[CERTIFICATE_NAMES_MAX];
    uint8_t names_text[CERTIFICATE_NAMES_SIZE];
};

static inline struct span certificate_name_text(const struct certificate *certificate, uint32_t index)
{
    const struct certificate_name *name = &certificate->names[index];
    return span_of(certificate->names_text + name->offset, name->size);
}

/* Whom it names: SPIFFE id, else subject, else its first name. Empty: nobody, or there is none (NULL). */
struct span certificate_identity(const struct certificate *certificate);

/* The DER of a Certificate message, leaf first; spans lie in the message. */
struct certificate_chain {
    uint32_t count;
    bool cut;           /* more were sent */
    struct span staple; /* OCSP answer that came with the leaf (TLS 1.3, RFC 8446 4.4.2.1); size 0: none */
    struct span certificates[CERTIFICATE_CHAIN_MAX];
};

/* `extensions`: entries have them (TLS 1.3, RFC 8446 4.4.2). False: the message is malformed, or holds none. */
bool certificate_chain_parse(struct span body, bool extensions, struct certificate_chain *chain_out);

/* The OCSP answer in a CertificateStatus message (RFC 6066 8). False: it holds none. */
bool certificate_status_parse(struct span body, struct span *response_out);

/* Whether one of the DNS names is `host` (RFC 9525 6.3): ASCII case ignored, "*" is one whole leftmost label. */
bool certificate_matches_host(const struct certificate *certificate, struct span host);
/* `address` has 16 bytes, IPv4 mapped. */
bool certificate_matches_address(const struct certificate *certificate, const uint8_t address[16]);
