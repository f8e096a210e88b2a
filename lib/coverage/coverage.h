/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Coverage
 *
 * Findings about the auditing itself: what was lost before it could be read, what was read only in part, what stayed
 * closed, whether the clock can be trusted, and who started, stopped or changed the sensor. They have no call.
 *
 * A condition is judged over each interval, from the difference of two ledgers. It is one finding when it begins, one
 * an hour while it lasts, and one verdict `pass` when it has been gone for COVERAGE_QUIET_INTERVALS intervals in a row,
 * so that what comes and goes does not fill the log. A capture is judged once, as a whole.
 *
 * Memory:  none but struct coverage, the caller's. A finding and its spans are valid during the sink's call only.
 * Threads: one owner, the control thread. Slow path.
 * Limits:  COVERAGE_CONDITIONS_MAX rules; policy_compile() accepts no more. COVERAGE_SERVICES_MAX services in breach
 * are remembered; of one beyond them every interval is told.
 */

#include "base/ledger.h"
#include "event/record.h"
#include "policy/policy.h"

#define COVERAGE_CONDITIONS_MAX  POLICY_WATCHES_MAX
#define COVERAGE_SERVICES_MAX    128u /* most taps lack the keys of a few services, or of nearly all */
#define COVERAGE_HOST_MAX        262u /* of a name: as much as the coverage by service keeps */
#define COVERAGE_QUIET_INTERVALS 3u   /* a queue that fills every other minute is one condition */
#define COVERAGE_REPEAT_NS       UINT64_C(3600000000000) /* a condition that lasts is told again after an hour */

/* What the system says about its clock. */
struct coverage_clock {
    uint64_t wall_ns;      /* CLOCK_REALTIME */
    uint64_t monotonic_ns; /* CLOCK_MONOTONIC: slewed like the wall clock, never stepped */
    bool known;            /* what follows is */
    bool synchronised;     /* somebody disciplines it (NTP, PTP) */
    int64_t offset_us;     /* its own estimate of what is still to be corrected ... */
    uint64_t error_us;     /* ... and of the largest error */
};

/* Reads it; never fails: what cannot be read is not known. */
void coverage_clock_read(struct coverage_clock *clock_out);

/* What judges, and where findings go. The policy may be another one each time. */
struct coverage_judge {
    const struct policy *policy;
    uint32_t epoch;
    struct span rules_digest, registry_digest;
    void *context;
    void (*finding)(void *context, const struct finding *finding);
};

struct coverage_condition {
    char rule[RULE_ID_SIZE_MAX + 1]; /* "": a free place */
    bool lasts;
    uint32_t quiet; /* intervals in a row without it */
    uint64_t begin_ns, told_ns;
};

struct coverage_service {
    struct coverage_condition condition;
    uint16_t host_size;
    uint8_t host[COVERAGE_HOST_MAX];
};

struct coverage {
    struct ledger before;
    struct coverage_clock clock_before;
    struct coverage_condition conditions[COVERAGE_CONDITIONS_MAX];
    struct coverage_service services[COVERAGE_SERVICES_MAX];
};

/* The first interval begins here. */
void coverage_init(struct coverage *coverage, const struct ledger *ledger, const struct coverage_clock *clock);

/* An interval ends: judges it and begins the next. `ledger` is over all workers; counters that fell count from zero. */
void coverage_judge_interval(struct coverage *coverage, const struct coverage_judge *judge, const struct ledger *ledger,
                             const struct coverage_clock *clock);

/*
 * A capture was read to its end: what it lacks and what stayed closed, judged over the whole and without a smallest
 * number of packets, because there is nothing more to come. `time_ns` is that of its last packet.
 */
void coverage_judge_capture(const struct coverage_judge *judge, const struct ledger *ledger, uint64_t time_ns);

/*
 * What became of the TLS connections to one service in an interval, behind the judgement of the interval; `coverage`
 * NULL: in a whole capture.
 */
void coverage_judge_service(struct coverage *coverage, const struct coverage_judge *judge,
                            const struct service_report *service, uint64_t now_ns);

/* Start and stop; other events are passed over. Reloads, accepted (`pass`) or refused (`fail`). */
void coverage_tell_lifecycle(const struct coverage_judge *judge, const struct lifecycle *lifecycle);
void coverage_tell_reload(const struct coverage_judge *judge, const struct reload_report *reload);
