/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading the log
 *
 * The reporter's files (JSON lines, docs/formats.md) read back: for tables, and for showing findings as they appear.
 *
 * Memory:  heap, slow path.
 * Threads: one owner.
 * Limits:  REPORT_LINE_MAX bytes a line.
 */

#include "base/diagnostics.h"
#include "event/record.h"
#include "report/tally.h"

#define REPORT_LINE_MAX (1u << 20) /* the longest line the reporter writes is below 450 KB */

struct report_log;

/* What a line of the log was. `text` of a finding is one line for people, without line end. */
enum report_line {
    REPORT_LINE_NONE,
    REPORT_LINE_FINDING,
    REPORT_LINE_LEDGER,
    REPORT_LINE_RELOAD,
    REPORT_LINE_START, /* a worker process began: its ledger counts from zero */
    REPORT_LINE_SERVICE,
    REPORT_LINE_CERTIFICATE,
    REPORT_LINE_OTHER,
};

struct report_entry {
    enum report_line kind;
    struct tally_finding finding;          /* of a finding; spans are valid until the next call */
    struct ledger ledger;                  /* of a ledger over all workers */
    bool ledger_whole;                     /* ... and it is one */
    struct service_report service;         /* of a service; its host is valid until the next call */
    struct certificate_report certificate; /* of a certificate; likewise */
    const char *text;                      /* FINDING and RELOAD: a line for people */
};

/* Opens the folder for reading from the oldest file, or, with `from_end`, from what is written from now on. */
MUST_USE int report_log_open(const char *folder, bool from_end, struct diagnostics *diagnostics,
                             struct report_log **log_out);
void report_log_close(struct report_log *log);

/*
 * The next whole line. REPORT_LINE_NONE: there is no further one at this moment; calling again later continues, also in
 * files that have appeared since. Lines that cannot be read are counted and passed over.
 */
MUST_USE int report_log_next(struct report_log *log, struct report_entry *entry_out);

uint64_t report_log_unreadable(const struct report_log *log);
