/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Caller
 *
 * Who made a call by the certificate of the client: that of its connection, or, where a trusted proxy ends TLS before
 * the service, what the proxy says of it in X-Forwarded-Client-Cert. And the roles that the settings give to SPIFFE
 * ids.
 *
 * Memory:  struct caller_certificate is the caller's, its spans lie in the transaction or the connection; roles are one
 *          arena, given back by caller_roles_free().
 * Threads: roles are immutable once compiled.
 * Limits:  SETTINGS_CALLERS_MAX roles.
 * Errors:  caller_roles_compile(): -EINVAL with diagnostics, -ENOMEM. A header that cannot be read tells of nobody.
 * Source:  Envoy's description of x-forwarded-client-cert: elements of the hops parted by commas, the last hop last;
 *          pairs parted by semicolons; values with such signs in double quotes.
 */

#include "base/pattern.h"
#include "certificate/certificate.h"
#include "policy/zones.h"
#include "transaction/transaction.h"

enum caller_shown {
    CALLER_UNKNOWN, /* hidden, lost, or a proxy does not say */
    CALLER_NONE,    /* certainly no certificate */
    CALLER_SHOWN,
};

struct caller_certificate {
    enum caller_shown shown; /* what follows is set with CALLER_SHOWN only */
    bool forwarded;          /* it is what a trusted proxy says */
    bool digest_known;
    struct span id;                          /* SPIFFE id; data NULL: it has none */
    uint8_t digest[CERTIFICATE_DIGEST_SIZE]; /* SHA-256 of its DER */
};

void caller_certificate_find(const struct transaction *transaction, const struct zone *source,
                             struct caller_certificate *caller_out);

struct caller_roles;

MUST_USE int caller_roles_compile(const struct settings *settings, struct diagnostics *diagnostics,
                                  struct caller_roles **roles_out);
void caller_roles_free(struct caller_roles *roles);

/* The role of the first entry that fits; data NULL: none does. */
struct span caller_role_find(const struct caller_roles *roles, struct span id);

/* A copy of `text` in the arena as a pattern of SPIFFE ids. False: `text` is none, which the diagnostics say. */
MUST_USE bool caller_pattern_compile(struct arena *arena, const char *text, const struct diagnostic_place *place,
                                     struct diagnostics *diagnostics, struct pattern *pattern_out);
