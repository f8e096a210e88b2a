/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON bodies
 *
 * Objects as an order service sends them: ids, dates, amounts, lists of items. Clean ones hold nothing a detector
 * should report, but every fifth has a number long enough to be looked at twice, as real ones do.
 */

#include "generate/random.h"
#include "generate/text.h"

#define TRAFFIC_BODY_SLACK 1024u /* a body may be so much longer than asked for: its last item, its values */

/* Room that a body of that size needs. */
uint32_t traffic_body_room(uint32_t size, uint32_t values);

/* Writes one of about `size` bytes with `values` sensitive values, spread evenly over it. */
void traffic_body_add(struct text *text, struct random *random, uint32_t size, uint32_t values);
