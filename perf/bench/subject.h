/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Subjects
 *
 * What the same traffic is measured with: the whole pipeline, or only its first stages, each built of the modules'
 * public functions. The difference between two neighbours is the cost of what the later one adds; nothing in the
 * product is changed for it.
 *
 * Memory:  heap and the modules' arenas.
 * Threads: one owner each.
 * Errors:  0 or -errno, with sentences in the diagnostics.
 */

#include "base/diagnostics.h"
#include "base/ledger.h"
#include "base/span.h"
#include "net/packet.h"

/* In the order in which they include each other. */
enum subject_kind {
    SUBJECT_TOUCH,    /* reads one byte of every cache line of each frame: what memory itself costs */
    SUBJECT_DECODE,   /* frames to TCP segments */
    SUBJECT_FLOW,     /* ... to byte streams, which nobody reads */
    SUBJECT_PARSE,    /* ... to HTTP/1 items, which nobody reads */
    SUBJECT_CALLS,    /* the pipeline without registry, rules and detectors that matter */
    SUBJECT_REGISTRY, /* ... with the registry */
    SUBJECT_RULES,    /* ... and with all rules: everything but looking for sensitive data */
    SUBJECT_WHOLE,    /* everything */
    SUBJECT_COUNT
};

struct subject_options {
    const char *settings_path;   /* assay.yaml of the measurement */
    const char *registry_folder; /* NULL: none */
    uint32_t flows;              /* of the flow table */
    uint32_t memory_mib;         /* of one worker */
    uint32_t body_scan_kib;      /* UINT32_MAX: as the settings say */
    struct span keylog;          /* secrets of the traffic */
};

struct subject_counts {
    uint64_t transactions;
    uint64_t findings;
    uint64_t records; /* drained from the ring */
    uint64_t record_bytes;
    uint64_t drain_ticks; /* spent on it */
    uint64_t events_lost;
    uint64_t items; /* of a parser */
};

struct subject;

MUST_USE int subject_new(enum subject_kind kind, const struct subject_options *options, struct diagnostics *diagnostics,
                         struct subject **subject_out);
void subject_free(struct subject *subject);

/* The measured work. */
void subject_burst(struct subject *subject, const struct packet *packets, uint32_t count);

/* Takes out what has been told, as the reporting core would: decoded and released, not written. */
void subject_drain(struct subject *subject);

/* The end of the traffic. */
void subject_flush(struct subject *subject);

/* NULL where there is none. */
const struct ledger *subject_ledger(const struct subject *subject);
struct subject_counts subject_counts(const struct subject *subject);

const char *subject_name(enum subject_kind kind);
const char *subject_help(enum subject_kind kind);
