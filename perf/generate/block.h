/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Header blocks of HTTP/2
 *
 * HPACK (RFC 7541) by libnghttp2, with fresh values (protocol.h) patched inside the Huffman codes: such a value is
 * written with the ten characters whose codes have five bits, so that others of them fit into its place. Where the code
 * of a value begins is found by compressing it twice, with one bit changed at its beginning.
 *
 * Memory:  libnghttp2's, until block_writer_free().
 * Errors:  -ENOMEM, -EIO where libnghttp2 refuses a header.
 */

#include "generate/message.h"

/* One direction of one connection. */
struct block_writer;

MUST_USE int block_writer_new(struct block_writer **writer_out, uint64_t session);
void block_writer_free(struct block_writer *writer);

/* Adds a field to the block at the end of `text`, which is write number `write` of the script, of call `call`. */
MUST_USE int block_field_add(struct block_writer *writer, const struct message_header *header, uint32_t call,
                             struct traffic_script *script, uint8_t write, struct text *text);
