/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Services, for people
 *
 * Coverage by host, added up over the records of the log or of a capture: which service was audited, and what was not
 * and why.
 *
 * Memory:  heap, slow path; services_free().
 * Threads: one owner.
 * Limits:  SERVICES_ROWS_MAX hosts; what comes beyond is counted in the row "(others)".
 */

#include <stdio.h>

#include "base/json_writer.h"
#include "event/record.h"

#define SERVICES_ROWS_MAX 20000u /* hosts of a long log; a table longer than this helps nobody */

struct services;

MUST_USE struct services *services_new(void); /* NULL without memory */
void services_free(struct services *services);

/* Adds to the host's row. -ENOMEM. */
MUST_USE int services_add(struct services *services, const struct service_report *report);

/* Up to `rows` hosts, those with the most transactions first; then the largest gaps, then by name. */
void services_print(const struct services *services, uint32_t rows, FILE *stream);

/* An array of objects {host, transactions: {audited, excused: {reason: n}}, gaps, gap_bytes}, in the same order. */
void services_json(const struct services *services, struct json_writer *writer);
