/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protobuf wire format, of bytes that are all there
 *
 * A reader of the fields of one message in memory, for the slow path (descriptors), and the guess at what a
 * length-delimited field without a descriptor is.
 *
 * Memory:  none; values are spans into the bytes.
 * Source:  protobuf.dev/programming-guides/encoding.
 */

#include "base/span.h"
#include "proto/protobuf_schema.h"

#define PROTOBUF_VARINT_MAX 10u /* bytes of 64 bits in sevens */

struct protobuf_reader {
    const uint8_t *at, *end;
    bool broken;
};

struct protobuf_value {
    uint32_t number;
    uint8_t wire;     /* VARINT, FIXED64, SIZED or FIXED32; groups are skipped */
    uint64_t integer; /* unless SIZED */
    struct span text; /* of SIZED */
};

/* Bytes of the varint at `data`; 0: it is cut, or longer than PROTOBUF_VARINT_MAX. */
uint32_t protobuf_varint(const uint8_t *data, size_t size, uint64_t *value_out);

struct protobuf_reader protobuf_reader_of(struct span message);

/* False at the end, and when broken. */
bool protobuf_reader_next(struct protobuf_reader *reader, struct protobuf_value *value_out);

enum protobuf_guess { PROTOBUF_GUESS_TEXT, PROTOBUF_GUESS_MESSAGE, PROTOBUF_GUESS_BYTES };

/*
 * What the value of a length-delimited field may be; `whole`: it is all of it, else its beginning. Text is what is
 * UTF-8 without control characters (but tab, CR and LF; and not when it begins with one of them and is a message). A
 * message is what can be read as fields to its end.
 */
enum protobuf_guess protobuf_guess(struct span value, bool whole);

/* Whether it can be read as fields to its end, whatever else it may be. */
bool protobuf_is_message(struct span value, bool whole);
