/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Countries
 *
 * Codes of countries as numbers and identifiers use them: ISO 3166-1 alpha-2, lengths of IBANs, calling codes.
 */

#include "base/span.h"

/* An assigned alpha-2 code, or XK (Kosovo, user-assigned, used by banks). Upper case. */
bool country_is_code(uint8_t first, uint8_t second);

/* Characters of an IBAN of that country, 0: has none. Upper case. */
uint32_t country_iban_size(uint8_t first, uint8_t second);

/* How many of the digits are the calling code (ITU-T E.164), 0: no assigned code. `digits` without the +. */
uint32_t country_calling_code_size(struct span digits);

/* A top-level domain: 2 known for certain, 1 possible, 0 none (RFC 2606 names and file suffixes among them). */
uint32_t country_domain_rank(struct span name);
