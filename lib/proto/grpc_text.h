/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Base64 of gRPC-Web-text
 *
 * The body is base64 in pieces, each of which may end with padding of its own (PROTOCOL-WEB.md), so that padding may
 * stand in the middle.
 *
 * Memory:  the caller's buffer.
 * Cuts:    the same bytes for every cut of the input.
 * Errors:  what is no base64 ends decoding: `broken`.
 * Source:  RFC 4648 4.
 */

#include "base/span.h"

struct grpc_text {
    uint32_t bits;
    uint8_t digits;  /* of the group of four so far, padding included */
    uint8_t padding; /* of them */
    bool broken;
};

/* Decodes from the front of *text, as much as fits `buffer`; takes what was read off *text. Returns the bytes written.
 */
uint32_t grpc_text_decode(struct grpc_text *decoder, struct span *text, uint8_t *buffer, uint32_t capacity);

/* Whether the text may end here: not inside a group. */
bool grpc_text_ended(const struct grpc_text *decoder);
