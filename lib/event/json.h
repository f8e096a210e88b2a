/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Events as JSON
 *
 * The one canonical JSON object of each kind of event: the same fields in the same order in the reporter's files and in
 * the outputs of `assay replay`. docs/formats.md lists them. Begins with `type`, then `sensor`, `ring`, `sequence`
 * where there is an origin, then `time`, then `queue`.
 *
 * `time` of a finding is that of its call, so that both lines of one call carry the same; `decided` is when it was
 * judged.
 *
 * Limits:  EVENT_JSON_MAX bytes hold any of them; a smaller buffer may set writer->overflow.
 */

#include "base/json_writer.h"
#include "event/record.h"

/* Each byte of a text may become six ("\u0000"), and the names of all fields together stay below 16 KiB. */
#define EVENT_JSON_MAX (6u * RECORD_SIZE_MAX + 16384u)

/* Where a record came from. (queue, ring, sequence) names one record for ever. */
struct event_origin {
    const char *sensor;
    uint64_t queue; /* the queue's instance; written as 16 hex digits */
    uint32_t ring;
    uint64_t sequence;
};

/* `origin` NULL leaves sensor, ring, sequence and queue out. `cut` says that the record lost the end of a text. */
void event_json_finding(struct json_writer *writer, const struct finding *finding, const struct event_origin *origin,
                        bool cut);
void event_json_call(struct json_writer *writer, const struct call *call, const struct event_origin *origin, bool cut);

/* Any decoded record. */
void event_json_record(struct json_writer *writer, const struct record *record, const struct event_origin *origin);

/* A record that record_decode() refused: its header and its bytes in hex, so that nothing is lost. */
void event_json_unreadable(struct json_writer *writer, struct span bytes, const struct event_origin *origin);

/* The members of a ledger, within an object that the caller has begun: received, pending, settled, transactions ... */
void event_json_ledger(struct json_writer *writer, const struct ledger *ledger);

/* The members of a service, likewise: host, transactions {audited, excused {reason: count}}, gaps, gap_bytes. */
void event_json_service(struct json_writer *writer, const struct service_report *service);

/* The members of a certificate, likewise: sha256, presented_by, subject, issuer, serial ... */
void event_json_certificate(struct json_writer *writer, const struct certificate_report *certificate);
