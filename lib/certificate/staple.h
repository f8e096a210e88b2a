/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Staple
 *
 * What the OCSP answer says that a server sends along with its certificate: whether the certificate was revoked, by the
 * word of its issuer, or of a responder that the issuer vouches for. Without a path to an anchor nobody's word counts.
 *
 * Memory:  fixed size; reading allocates from OpenSSL's heap and gives all of it back.
 * Threads: any number may read with one trust store.
 * Limits:  CERTIFICATE_STAPLE_MAX bytes, CERTIFICATE_STAPLE_ANSWERS_MAX certificates that one answer speaks of.
 * Errors:  none: what cannot be read says so in its state.
 * Source:  RFC 6960; RFC 6066 8 and RFC 8446 4.4.2.1 (where it travels); RFC 7633 (must-staple).
 */

#include "certificate/trust.h"

#define CERTIFICATE_STAPLE_MAX         8192u /* with a responder's certificate 1.5 to 3 KB */
#define CERTIFICATE_STAPLE_ANSWERS_MAX 16u   /* servers staple the answer for one */

enum certificate_staple_state {
    CERTIFICATE_STAPLE_ABSENT,     /* none came, or it was not seen */
    CERTIFICATE_STAPLE_UNVERIFIED, /* its issuer is not known, or it was not read */
    CERTIFICATE_STAPLE_INVALID,    /* no answer for this certificate that its issuer signed */
    CERTIFICATE_STAPLE_UNKNOWN,    /* the responder does not know the certificate */
    CERTIFICATE_STAPLE_GOOD,
    CERTIFICATE_STAPLE_REVOKED,
};

struct certificate_staple {
    uint8_t state;           /* enum certificate_staple_state */
    bool open_end;           /* it does not say until when it holds */
    int64_t from_s, until_s; /* when it holds, seconds of Unix time; a revocation is for good, unless it is a hold */
    const char *fault;       /* of UNVERIFIED and INVALID, a literal in words */
};

/* `issuer` as certificate_read() gives it, of `certificate`. */
void certificate_staple_read(const struct certificate_trust_store *store, uint32_t zone,
                             const struct certificate *certificate, struct x509_st *issuer, struct span response,
                             struct certificate_staple *staple_out);
