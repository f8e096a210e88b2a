/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Base64url without padding
 *
 * As JWS and JWK write binary values (RFC 7515 section 2 and appendix C): one alphabet, nothing else. Strict where
 * detect/base64.h is lenient: a token that holds any other byte is no token.
 *
 * Memory:  the caller's.
 * Errors:  false: a foreign byte, an impossible length, or more than `capacity` bytes.
 */

#include "base/span.h"

MUST_USE bool base64url_decode(struct span text, uint8_t *bytes_out, uint32_t capacity, uint32_t *size_out);
