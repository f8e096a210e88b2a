/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protocol buffers
 *
 * Writes fields of messages in the wire format (protobuf.dev/programming-guides/encoding).
 */

#include "generate/text.h"

void protobuf_number_add(struct text *text, uint32_t field, uint64_t value);
void protobuf_double_add(struct text *text, uint32_t field, double value);

/* Strings, bytes, and messages that were written before. */
void protobuf_bytes_add(struct text *text, uint32_t field, struct span bytes);
void protobuf_text_add(struct text *text, uint32_t field, const char *value);
