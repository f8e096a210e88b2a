/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SPIFFE
 *
 * Whether a SPIFFE id and the certificate that carries it (an X509-SVID) are as their specifications want them.
 *
 * Memory:  none.
 * Source:  SPIFFE-ID 2; X509-SVID 2 to 4 and Appendix A.
 */

#include "certificate/certificate.h"

#define SPIFFE_ID_SIZE_MAX     2048u /* SPIFFE-ID 2.3 */
#define SPIFFE_DOMAIN_SIZE_MAX 255u  /* SPIFFE-ID 2.1 */

enum spiffe_fault {
    SPIFFE_GOOD,
    SPIFFE_TOO_LONG,
    SPIFFE_SCHEME,
    SPIFFE_USER,
    SPIFFE_PORT,
    SPIFFE_QUERY,
    SPIFFE_FRAGMENT,
    SPIFFE_PERCENT,
    SPIFFE_DOMAIN_EMPTY,
    SPIFFE_DOMAIN_TOO_LONG,
    SPIFFE_DOMAIN_CHARACTER,
    SPIFFE_SEGMENT_EMPTY, /* also a slash at the end */
    SPIFFE_SEGMENT_DOTS,  /* "." or ".." */
    SPIFFE_PATH_CHARACTER,
    /* Of the certificate. */
    SPIFFE_URI_COUNT, /* not exactly one URI SAN */
    SPIFFE_PATH_ROOT, /* a leaf names no workload */
    SPIFFE_LEAF_AUTHORITY,
    SPIFFE_KEY_USAGE_MISSING,
    SPIFFE_KEY_USAGE_NOT_CRITICAL,
    SPIFFE_KEY_USAGE_SIGNATURE, /* no digitalSignature */
    SPIFFE_KEY_USAGE_CERT_SIGN, /* keyCertSign or cRLSign */
    SPIFFE_EXTENDED_USAGE,      /* not both serverAuth and clientAuth */
    SPIFFE_FAULT_COUNT
};

/* Does the text say that it is one? The scheme's case is ignored here, so that a wrong one is found. */
bool spiffe_id_is(struct span uri);

/* A trust domain alone (spiffe://example.org) is a good id too. */
enum spiffe_fault spiffe_id_check(struct span id);

/* The parts of a good id; the path with its first slash. */
struct span spiffe_id_domain(struct span id);
struct span spiffe_id_path(struct span id);

/* Of a leaf with CERTIFICATE_SVID: the first fault, its id's before its own. */
enum spiffe_fault spiffe_certificate_check(const struct certificate *certificate);

/* One sentence part, "more than one URI name". Never NULL. */
const char *spiffe_fault_text(enum spiffe_fault fault);
