/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Percent-decoding (RFC 3986 2.1) of names and paths, so that what servers treat alike is seen alike. Private to the
 * module.
 *
 * Memory:  the caller's buffer.
 * Errors:  none: a '%' without two hex digits stays as it is.
 */

#include "base/span.h"

/* The first `capacity` decoded bytes. Returns `text` itself when there is nothing to decode. */
struct span percent_decode(struct span text, uint8_t *buffer, uint32_t capacity);
