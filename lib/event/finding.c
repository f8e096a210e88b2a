/* SPDX-License-Identifier: Apache-2.0 */

/* Finding: names. */

#include "event/finding.h"

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[VERDICT_COUNT] = {
        [VERDICT_ERROR] = "error",
        [VERDICT_PASS] = "pass",
        [VERDICT_FAIL] = "fail",
        [VERDICT_UNKNOWN] = "unknown",
        [VERDICT_NOT_APPLICABLE] = "not_applicable",
    };
    require(verdict < VERDICT_COUNT);
    return names[verdict];
}

const char *severity_name(enum severity severity)
{
    static const char *const names[SEVERITY_COUNT] = {
        [SEVERITY_INFO] = "info", [SEVERITY_LOW] = "low",           [SEVERITY_MEDIUM] = "medium",
        [SEVERITY_HIGH] = "high", [SEVERITY_CRITICAL] = "critical",
    };
    require(severity < SEVERITY_COUNT);
    return names[severity];
}
