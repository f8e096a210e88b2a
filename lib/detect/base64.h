/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Base64
 *
 * Decodes RFC 4648 base64, either alphabet, up to the first byte that belongs to neither, into a caller's buffer.
 */

#include "base/span.h"

/* How many bytes were decoded, at most `max`. */
uint32_t base64_decode(struct span text, uint8_t *bytes_out, uint32_t max);
