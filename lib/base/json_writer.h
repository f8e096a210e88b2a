/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON writer
 *
 * Writes one JSON text into a caller's buffer: objects, arrays, strings (RFC 8259; bytes that are not UTF-8 become
 * U+FFFD), numbers, booleans, null. Commas and quotes are its business, nesting is the caller's. Not for the hot path.
 *
 * Errors:  sticky: when the buffer is full `overflow` is set, nothing more is written, and the text is unusable.
 * Limits:  JSON_WRITER_DEPTH_MAX levels.
 */

#include "base/span.h"

#define JSON_WRITER_DEPTH_MAX 32 /* our own records nest five deep; a bit of room for reports */

struct json_writer {
    char *buffer;
    size_t capacity;
    size_t size;
    uint32_t depth;
    uint32_t has_items; /* a bit a level: an item was written there, so the next needs a comma */
    bool after_key;
    bool overflow;
};

void json_writer_init(struct json_writer *writer, char *buffer, size_t capacity);

void json_write_object_begin(struct json_writer *writer);
void json_write_object_end(struct json_writer *writer);
void json_write_array_begin(struct json_writer *writer);
void json_write_array_end(struct json_writer *writer);
void json_write_key(struct json_writer *writer, const char *key);
void json_write_string(struct json_writer *writer, struct span value);
void json_write_text(struct json_writer *writer, const char *value); /* NULL writes null */
void json_write_unsigned(struct json_writer *writer, uint64_t value);
void json_write_signed(struct json_writer *writer, int64_t value);
void json_write_double(struct json_writer *writer, double value); /* three digits behind the point */
void json_write_boolean(struct json_writer *writer, bool value);
void json_write_null(struct json_writer *writer);

/* RFC 3339 with nine digits, UTC: "2026-11-20T18:02:43.123456789Z". */
void json_write_time(struct json_writer *writer, uint64_t time_ns);

/* The same as a terminated text without quotes, cut to fit. */
void json_time_print(uint64_t time_ns, char *text_out, size_t size);
