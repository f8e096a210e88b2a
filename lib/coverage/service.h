/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Services: whether too many connections to one stay closed, and what coverage.c and service.c share for it. Internal.
 */

#include "coverage/coverage.h"
#include "event/evidence.h"
#include "coverage/measure.h"

/* Rules that a reload took away. */
void coverage_services_forget(struct coverage *coverage, const struct policy *policy);

/* The word for what is to be told now, or NULL: nothing. */
const char *coverage_condition_step(struct coverage_condition *condition, enum measure measure, uint64_t now_ns);

/* An empty finding of that rule. */
void evidence_init(struct evidence *evidence, const struct coverage_judge *judge, const struct policy_watch *watch,
                   enum verdict verdict, uint64_t time_ns);
