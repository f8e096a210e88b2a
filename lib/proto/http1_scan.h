/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Byte searches of the HTTP/1 parser
 *
 * Each exists twice: with SSE for x86, and as plain C, which is used elsewhere and is what the other is tested against.
 *
 * Memory:  none; never reads outside [data, data + size).
 * Threads: pure functions.
 */

#include "base/base.h"

/*
 * Offset of the first byte at or behind `from` that is a control character other than HTAB: among them are CR, LF and
 * NUL. `size` when there is none.
 */
uint32_t http1_scan_control(const uint8_t *data, uint32_t size, uint32_t from);
uint32_t http1_scan_control_plain(const uint8_t *data, uint32_t size, uint32_t from);

/* How many bytes at the beginning are token characters (RFC 9110 5.6.2). */
uint32_t http1_scan_token(const uint8_t *data, uint32_t size);
uint32_t http1_scan_token_plain(const uint8_t *data, uint32_t size);

/* How many bytes at the beginning may stand in a request target (RFC 3986 2: unreserved, reserved but '#', '%'). */
uint32_t http1_scan_target(const uint8_t *data, uint32_t size);
uint32_t http1_scan_target_plain(const uint8_t *data, uint32_t size);

/* How many bytes at the beginning may stand in a host name but for '%' (RFC 3986 3.2.2: unreserved, sub-delims). */
uint32_t http1_scan_host(const uint8_t *data, uint32_t size);
uint32_t http1_scan_host_plain(const uint8_t *data, uint32_t size);
