/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Security of an operation
 *
 * Which credentials a documented operation asks for, and whether a request carried any that would do. Presence is
 * judged, never validity: that is the server's answer to give.
 *
 * Memory:  in the registry's arena.
 * Threads: any number of readers.
 * Limits:  REGISTRY_SCHEMES_MAX schemes an operation, a load error beyond.
 * Source:  OpenAPI 3.1.1, 4.8.27 Security Scheme Object and 4.8.30 Security Requirement Object.
 */

#include "transaction/transaction.h"

#define REGISTRY_SCHEMES_MAX 32 /* they are a set in 32 bits; real documents have up to 5 */

struct registry_operation;

/* A list of names. */
struct registry_names {
    const struct span *names;
    uint32_t count;
};

enum registry_scheme_kind {
    REGISTRY_SCHEME_BASIC,
    REGISTRY_SCHEME_BEARER,
    REGISTRY_SCHEME_DIGEST,
    REGISTRY_SCHEME_HTTP_OTHER, /* another scheme of the Authorization header: http_scheme */
    REGISTRY_SCHEME_KEY_HEADER,
    REGISTRY_SCHEME_KEY_QUERY,
    REGISTRY_SCHEME_KEY_COOKIE,
    REGISTRY_SCHEME_OAUTH2, /* seen on the wire as a bearer token */
    REGISTRY_SCHEME_OPENID, /* the same */
    REGISTRY_SCHEME_MUTUAL_TLS,
    REGISTRY_SCHEME_KIND_COUNT
};

struct registry_scheme {
    struct span id;          /* its name under components/securitySchemes */
    struct span name;        /* header, query parameter or cookie of a key scheme */
    struct span http_scheme; /* of the http kinds, as documented */
    enum registry_scheme_kind kind;
};

struct registry_requirement {
    uint32_t scheme; /* index into the operation's schemes */
    struct registry_names scopes;
};

/* All of them are needed; count 0 is the empty {}: no credential is needed. */
struct registry_alternative {
    const struct registry_requirement *requirements;
    uint32_t count;
    uint32_t scheme_set; /* bit per scheme */
};

/*
 * The schemes of the operation for which the request carries something: a bit per scheme. Presence only, no proof: an
 * expired token is present. Never sets a bit of mutual TLS; the caller does when the handshake showed a client
 * certificate.
 */
uint32_t registry_schemes_presented(const struct registry_operation *operation, const struct transaction *transaction);

/* The schemes of the operation that are mutual TLS, for the caller who knows, or does not know, the handshake. */
uint32_t registry_schemes_of_tls(const struct registry_operation *operation);

enum registry_security {
    REGISTRY_SECURITY_NOT_REQUIRED, /* none declared, an empty list, or an empty alternative */
    REGISTRY_SECURITY_SATISFIED,    /* all schemes of an alternative are presented */
    REGISTRY_SECURITY_MISSING,
    REGISTRY_SECURITY_UNKNOWN, /* it depends on schemes that could not be observed */
};

/* `unobserved`: schemes of which the caller cannot know whether they were presented. */
enum registry_security registry_security_satisfied(const struct registry_operation *operation, uint32_t presented,
                                                   uint32_t unobserved);
