/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Finding
 *
 * What a rule says about one call, and everything an auditor needs to check it: who, when, what judged it. A view: all
 * spans belong to somebody else (the worker that writes it, or the record it was read from).
 */

#include "transaction/call.h"

/* Five values; zero is ERROR so that what was never set counts as non-compliant ("fail closed"). */
enum verdict {
    VERDICT_ERROR, /* should have been evaluated and was not */
    VERDICT_PASS,
    VERDICT_FAIL,
    VERDICT_UNKNOWN, /* could not be observed */
    VERDICT_NOT_APPLICABLE,
    VERDICT_COUNT
};

enum severity { SEVERITY_INFO, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_COUNT };

#define FINDING_EVIDENCE_MAX     16 /* entries of evidence */
#define FINDING_REQUIREMENTS_MAX 24 /* clause ids; the longest list of the shipped rules has 11 */

/* One named fact: {"header": "X-Request-ID"}. Never a sensitive value: only masks and digests. */
struct finding_evidence {
    struct span name;
    struct span value;
};

struct finding {
    const struct call *call; /* NULL: about the sensor itself (coverage, reload) */
    uint64_t time_ns;        /* packet time of the moment it was decided on */
    struct span rule;        /* rule id: "HDR-001" */
    struct span title;
    enum verdict verdict;
    enum severity severity;
    uint32_t epoch;              /* number of the epoch that judged it */
    struct span rules_digest;    /* hex, of the rule packs of that epoch */
    struct span registry_digest; /* hex, of the registry of that epoch */
    struct span source_file;     /* registry document of the operation; size 0: none */
    uint32_t source_line;
    struct span source_commit; /* hex; size 0: the document is not in a git work tree */
    uint32_t evidence_count;
    uint32_t requirement_count;
    struct finding_evidence evidence[FINDING_EVIDENCE_MAX];
    struct span requirements[FINDING_REQUIREMENTS_MAX]; /* clause ids: "P4.2.1" */
};

/* "pass", "fail" ...; "info", "low" ... never NULL. */
const char *verdict_name(enum verdict verdict);
const char *severity_name(enum severity severity);
