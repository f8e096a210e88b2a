/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Base64 (RFC 4648)
 *
 * base64_decode() is lenient: either alphabet, up to the first byte that belongs to neither; for looking into what
 * somebody encoded. base64url_decode() is strict, as JWS and JWK write binary values (RFC 7515 section 2 and appendix
 * C): one alphabet, no padding, nothing else; a token that holds any other byte is no token.
 *
 * Memory:  the caller's.
 * Errors:  base64url_decode(): false for a foreign byte, an impossible length, or more than `capacity` bytes.
 */

#include "base/span.h"

/* How many bytes were decoded, at most `max`. */
uint32_t base64_decode(struct span text, uint8_t *bytes_out, uint32_t max);
MUST_USE bool base64url_decode(struct span text, uint8_t *bytes_out, uint32_t capacity, uint32_t *size_out);
