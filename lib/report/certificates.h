/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Certificates
 *
 * The inventory: certificates that were seen, put together over workers, epochs and time.
 *
 * Memory:  grows on the heap; certificates_free().
 * Threads: one owner.
 * Limits:  CERTIFICATES_ROWS_MAX; further ones are counted.
 */

#include <stdio.h>

#include "base/json_writer.h"
#include "event/record.h"

#define CERTIFICATES_ROWS_MAX 20000u /* short-lived workload certificates of a long log */
#define CERTIFICATES_JSON_MAX 1000u  /* rows of certificates_json(), of up to 10 KB with every letter escaped */

struct certificates;

MUST_USE struct certificates *certificates_new(void); /* NULL without memory */
void certificates_free(struct certificates *certificates);

/* Adds to the row of the digest. -ENOMEM. */
MUST_USE int certificates_add(struct certificates *certificates, const struct certificate_report *report);

/* Up to `rows`, those that end first first. */
void certificates_print(const struct certificates *certificates, uint32_t rows, FILE *stream);

/* An array of up to CERTIFICATES_JSON_MAX objects with the members of event_json_certificate(), in the same order. */
void certificates_json(const struct certificates *certificates, struct json_writer *writer);
