/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Charset
 *
 * Turns text in UTF-16 or an 8-bit encoding into UTF-8, piece by piece, so that a value is found in whatever encoding
 * it is sent. Nearly every body is UTF-8 already and is not touched: CHARSET_UTF_8.
 *
 * Reading:  a byte order mark decides before the charset parameter does (WHATWG Encoding 6.1). "utf-16" without a mark
 * is little-endian, as browsers have it. Without a parameter a zero byte in front of or behind the first letter tells
 * UTF-16 (RFC 4627 3): no text in UTF-8 has one there. "iso-8859-1" and "us-ascii" are read as windows-1252 (WHATWG
 * Encoding 4.2), a charset that is not known as UTF-8. Cuts:     the same text for every cut. What cannot be decoded
 * becomes U+FFFD. Memory:   the decoder; zero is a valid start.
 */

#include "base/span.h"

#define CHARSET_START_SIZE  2u /* bytes that charset_find() has to see, where there are as many */
#define CHARSET_GROWTH_MAX  3u /* bytes of UTF-8 for each byte */
#define CHARSET_PENDING_MAX 8u /* bytes of UTF-8 for what the piece before left */

enum charset { CHARSET_UTF_8, CHARSET_UTF_16_LITTLE, CHARSET_UTF_16_BIG, CHARSET_WINDOWS_1252 };

struct charset_decoder {
    uint8_t charset; /* enum charset */
    bool has_byte;   /* half of a unit */
    uint8_t byte;
    uint16_t high; /* a surrogate that waits for the second one; 0: none */
};

/* `label`: of the charset parameter, empty when absent. */
enum charset charset_find(struct span label, struct span start);

/*
 * Decodes as much of `in` as surely has room: consumes at least a byte where `capacity` is CHARSET_PENDING_MAX +
 * CHARSET_GROWTH_MAX. Returns the bytes written.
 */
uint32_t charset_decode(struct charset_decoder *decoder, struct span *in_io, uint8_t *out, uint32_t capacity);

/* Nothing follows: half a character becomes U+FFFD. Returns the bytes written, at most CHARSET_PENDING_MAX. */
uint32_t charset_finish(struct charset_decoder *decoder, uint8_t *out);
