/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rule
 *
 * One rule as its author wrote it: a built-in kind of check, its parameters, where it applies, how severe a breach is
 * and which clauses a finding is evidence for. policy/rule_file.h reads them, policy/policy.h compiles them.
 *
 * Memory:  texts and lists belong to the pack.
 * Threads: read-only once loaded.
 * Limits:  below.
 */

#include "base/diagnostics.h"
#include "event/finding.h"
#include "transaction/detection.h"

#define RULE_ID_SIZE_MAX 32u  /* ids become labels and columns */
#define RULE_LIST_MAX    256u /* entries of one list of a rule */

enum rule_check {
    RULE_CHECK_CLEARTEXT,
    RULE_CHECK_PORT,
    RULE_CHECK_FRAMING,
    RULE_CHECK_EXPOSED_ENDPOINT,
    RULE_CHECK_LINE_BREAK,
    RULE_CHECK_INTROSPECTION,
    RULE_CHECK_RESPONSE_PROTECTION,
    RULE_CHECK_WEBSOCKET,
    RULE_CHECK_HEADER_MISSING,
    RULE_CHECK_HEADER_FORMAT,
    RULE_CHECK_FORWARDED_HEADER,
    RULE_CHECK_CREDENTIAL_MISSING,
    RULE_CHECK_AUTHORIZATION_SCHEME,
    RULE_CHECK_CREDENTIAL_CLEARTEXT,
    RULE_CHECK_CREDENTIAL_IN_URL,
    RULE_CHECK_TOKEN_SIGNATURE,
    RULE_CHECK_TOKEN_CLAIMS,
    RULE_CHECK_TOKEN_SCOPE,
    RULE_CHECK_TOKEN_BINDING,
    RULE_CHECK_OPERATION_CALLER,
    RULE_CHECK_OAUTH_FLOW,
    RULE_CHECK_BROKER_LOGIN,
    RULE_CHECK_TOKEN_SOURCES, /* see rule_check_compares() */
    RULE_CHECK_FAILED_ATTEMPTS,
    RULE_CHECK_OBJECT_ENUMERATION,
    RULE_CHECK_REQUEST_ID_REUSE,
    RULE_CHECK_SHADOW_ENDPOINT,
    RULE_CHECK_DEPRECATED_OPERATION,
    RULE_CHECK_SUNSET_OPERATION,
    RULE_CHECK_RETIRED_VERSION,
    RULE_CHECK_UNDOCUMENTED_METHOD,
    RULE_CHECK_UNDOCUMENTED_RESPONSE,
    RULE_CHECK_UNDOCUMENTED_PARAMETER,
    RULE_CHECK_UNDOCUMENTED_HOST,
    RULE_CHECK_UNDOCUMENTED_RPC,
    RULE_CHECK_MALFORMED_BODY,
    RULE_CHECK_UNDOCUMENTED_CHANNEL,
    RULE_CHECK_DETECTION,
    RULE_CHECK_TEST_CARD,
    RULE_CHECK_TLS_VERSION, /* see rule_check_connections() */
    RULE_CHECK_TLS_SUITE_APPROVAL,
    RULE_CHECK_TLS_SUITE_WEAK,
    RULE_CHECK_TLS_KEY_EXCHANGE,
    RULE_CHECK_TLS_OFFER,
    RULE_CHECK_TLS_DOWNGRADE,
    RULE_CHECK_TLS_EXTENSIONS,
    RULE_CHECK_TLS_NAMES,
    RULE_CHECK_CLIENT_CERTIFICATE,
    RULE_CHECK_CERTIFICATE_VALIDITY, /* see rule_check_certificates() */
    RULE_CHECK_CERTIFICATE_REMAINING,
    RULE_CHECK_CERTIFICATE_LIFETIME,
    RULE_CHECK_CERTIFICATE_NAME,
    RULE_CHECK_CERTIFICATE_SCOPE,
    RULE_CHECK_CERTIFICATE_CHAIN,
    RULE_CHECK_CERTIFICATE_STRENGTH,
    RULE_CHECK_CERTIFICATE_USAGE,
    RULE_CHECK_CERTIFICATE_SVID,
    RULE_CHECK_CERTIFICATE_REVOCATION,
    RULE_CHECK_CERTIFICATE_INVENTORY,
    RULE_CHECK_CERTIFICATE_CALLER,
    /* The rest judges no call: connections, and the auditing itself. */
    RULE_CHECK_AMBIGUOUS_CONNECTION,
    RULE_CHECK_DATAGRAM_CONNECTION,
    RULE_CHECK_COVERAGE_LOSS,
    RULE_CHECK_COVERAGE_GAPS,
    RULE_CHECK_COVERAGE_UNREAD,
    RULE_CHECK_COVERAGE_CLOCK,
    RULE_CHECK_LIFECYCLE,
    RULE_CHECK_COUNT
};

enum rule_pattern {
    RULE_PATTERN_IDENTIFIER,  /* printable ASCII without blanks, commas and quotes */
    RULE_PATTERN_UUID,        /* RFC 9562 4 */
    RULE_PATTERN_TRACEPARENT, /* W3C Trace Context 3.2 */
    RULE_PATTERN_COUNT
};

enum rule_tls_version { RULE_TLS_ANY, RULE_TLS_10 = 0x0301, RULE_TLS_11, RULE_TLS_12, RULE_TLS_13 };

/* Bits. */
enum rule_side { RULE_SIDE_REQUEST = 1u << 0, RULE_SIDE_RESPONSE = 1u << 1 };

struct rule_header_format {
    char *header;
    enum rule_pattern pattern;
    uint32_t size_min, size_max; /* bytes; 0: no limit */
    bool echoed;                 /* the response, if it carries the header, carries the same value */
};

/* What is still tolerated, of the kinds that judge the auditing itself; a breach is more than that. */
struct rule_limits {
    uint32_t lost_packets_max;           /* packets and events lost in an interval */
    uint32_t gap_percent_max;            /* of the TCP bytes that should have come */
    uint32_t cut_percent_max;            /* of the frame bytes */
    uint32_t one_sided_percent_max;      /* of the transactions */
    uint32_t unread_percent_max;         /* of the bytes in which an API could be */
    uint32_t step_ms_max;                /* of the clock in an interval */
    uint32_t packets_min;                /* an interval with fewer is not judged by its shares */
    uint32_t transactions_min;           /* ... nor by its one-sided transactions */
    uint32_t service_closed_percent_max; /* of the TLS connections to one service */
    uint32_t service_connections_min;    /* a service with fewer in an interval is not judged; 0: none is */
};

/* What the kinds of check take; rule_schema.c has the table of which takes what. */
struct rule_parameters {
    char **headers;
    uint32_t headers_count;
    char **leak_headers; /* of a response, looked through for private addresses */
    uint32_t leak_headers_count;
    struct rule_header_format *formats;
    uint32_t formats_count;
    char **anomalies;
    uint32_t anomalies_count;
    char **statuses; /* "2xx", "404", "500-599" */
    uint32_t statuses_count;
    char **methods;
    uint32_t methods_count;
    char **paths; /* patterns, '*' stands for anything */
    uint32_t paths_count;
    char **origins; /* patterns of origins that may open a WebSocket */
    uint32_t origins_count;
    char **schemes; /* of Authorization, or mechanisms of SASL */
    uint32_t schemes_count;
    char **names; /* of query parameters, headers and cookies, or of users */
    uint32_t names_count;
    uint32_t *allowed_ports;
    uint32_t allowed_ports_count;
    uint32_t *broker_ports; /* the same for message brokers; none: as allowed_ports */
    uint32_t broker_ports_count;
    char **classes; /* of detectors */
    uint32_t classes_count;
    char **detectors; /* ids */
    uint32_t detectors_count;
    uint32_t request_places; /* 1 << enum detection_place; none of either side: all of both */
    uint32_t response_places;
    char **allowed_in_request; /* tags or data classes of the operation that make it right */
    uint32_t allowed_in_request_count;
    char **allowed_in_response;
    uint32_t allowed_in_response_count;
    uint32_t allowed_zones; /* 1 << enum settings_zone_kind, of the server: where it is right */
    char **test_numbers;    /* card numbers that the card schemes publish for tests */
    uint32_t test_numbers_count;
    bool unless_declared; /* right when the operation declares the class in its data classes */
    bool cleartext;       /* only in cleartext */
    uint32_t threshold;   /* values needed; 0 is 1 */
    enum rule_tls_version minimum_version;
    uint32_t remaining_days_min; /* of a certificate */
    uint32_t lifetime_hours_max; /* of a certificate that no public root vouches for; 0: any */
    uint32_t names_max;          /* of a certificate */
    uint32_t grace_hours;        /* in which a new certificate may be missing in the inventory */
    uint32_t window_seconds;     /* calls further apart have nothing to do with each other */
    uint32_t retry_seconds;      /* within which the same call again is a retry */
    enum detection_confidence confidence;
    uint32_t sides; /* enum rule_side; 0: the kind's own */
    struct rule_limits limits;
};

/* Where a rule applies; an empty list is "everywhere". */
struct rule_scope {
    uint32_t protocols; /* 1 << enum call_protocol */
    uint32_t zones;     /* 1 << enum settings_zone_kind, of the server */
    uint32_t environments;
    char **methods;
    uint32_t methods_count;
    char **hosts;
    uint32_t hosts_count;
    char **paths;
    uint32_t paths_count;
    char **exempt_paths;
    uint32_t exempt_paths_count;
};

struct rule_pack;

struct rule {
    char *id;
    char *title;
    char *description;
    char *guard; /* against false alarms, for the reader */
    enum rule_check check;
    enum severity severity;
    bool enabled;
    bool report_unknown;     /* a message that was seen but not searched to its end becomes a finding too */
    uint32_t raise_in_zones; /* 1 << enum settings_zone_kind: severity one step up */
    char **requirements;     /* clause ids; a trailing '?' says judgement is needed */
    uint32_t requirements_count;
    struct rule_parameters parameters;
    struct rule_scope applies;
    const struct rule_pack *pack; /* that has the rule first ... */
    const struct rule_pack *last; /* ... and the one that changed it last; the same when none did */
    uint32_t index, last_index;   /* in their files */
};

/* "header-missing" ... as written in a pack; never NULL. */
const char *rule_check_name(enum rule_check check);

/* The kind judges the handshake of a connection. */
static inline bool rule_check_connections(enum rule_check check)
{
    return check >= RULE_CHECK_TLS_VERSION && check <= RULE_CHECK_CLIENT_CERTIFICATE;
}

/* The kind judges a certificate that was presented in a handshake. */
static inline bool rule_check_certificates(enum rule_check check)
{
    return check >= RULE_CHECK_CERTIFICATE_VALIDITY && check <= RULE_CHECK_CERTIFICATE_CALLER;
}

/* The kind compares a call with others: a breach is found where all workers' calls meet (lib/sighting). */
static inline bool rule_check_compares(enum rule_check check)
{
    return check >= RULE_CHECK_TOKEN_SOURCES && check <= RULE_CHECK_REQUEST_ID_REUSE;
}

/* The kind judges no call. */
static inline bool rule_check_watches(enum rule_check check)
{
    return check >= RULE_CHECK_AMBIGUOUS_CONNECTION;
}

/* The place of a key of a rule, in the pack that wrote it last: rule_place(rule, "parameters/headers/%u", 2). */
struct diagnostic_place rule_place(const struct rule *rule, const char *key_format, ...) PRINTF_LIKE(2, 3);
