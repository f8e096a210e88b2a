/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tally
 *
 * Findings counted by rule and by operation, for the tables that people look at first.
 *
 * Memory:  heap, slow path; tally_free().
 * Threads: one owner.
 * Limits:  TALLY_ROWS_MAX rules and operations each; what comes beyond is counted in one row "(others)".
 */

#include <stdio.h>

#include "base/json_writer.h"
#include "base/ledger.h"
#include "event/finding.h"

#define TALLY_ROWS_MAX 20000u /* operations with findings; a table longer than this helps nobody */

#define TALLY_ITSELF "(the auditing itself)" /* stands for the operation of findings without a call */

struct tally;

/* One finding in the fewest words. */
struct tally_finding {
    struct span rule;
    struct span title;
    struct span operation; /* size 0: none; then host, method and path stand for it */
    struct span host, method, path;
    enum verdict verdict;
    enum severity severity;
};

MUST_USE struct tally *tally_new(void); /* NULL without memory */
void tally_free(struct tally *tally);
/* Verdicts `pass` say that something ended or was as it should be: they are not counted. -ENOMEM. */
MUST_USE int tally_add(struct tally *tally, const struct tally_finding *finding);

uint64_t tally_failed(const struct tally *tally);  /* findings with verdict fail or error */
uint64_t tally_unknown(const struct tally *tally); /* ... unknown */

/* The two tables; `rows` of the second one at most. */
void tally_print(const struct tally *tally, uint32_t rows, FILE *stream);

/* Members by_rule and by_operation within an object that the caller has begun. */
void tally_json(const struct tally *tally, struct json_writer *writer);

/* The coverage ledger as a table of what was received, audited, excused and why. */
void tally_print_ledger(const struct ledger *ledger, FILE *stream);
