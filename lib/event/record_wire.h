/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes of records
 *
 * How record.c and record_control.c put fixed parts and texts, and how they read them back from bytes that nobody
 * vouches for. Internal to this module.
 *
 * A text is two bytes of length and its bytes; a length of WIRE_TEXT_NONE is a span whose data is NULL.
 */

#include "event/record.h"

#define WIRE_TEXT_NONE UINT16_MAX

static_assert(RECORD_PATH_MAX < WIRE_TEXT_NONE, "every length differs from the one that says none");

struct wire_writer {
    uint8_t *at;
    bool cut;
};

struct wire_reader {
    const uint8_t *at;
    size_t left;
    bool bad; /* sticky */
};

static inline uint32_t wire_text_size(struct span text, uint32_t size_max)
{
    return 2 + min_u32(text.size, size_max);
}

static inline void wire_put(struct wire_writer *writer, const void *data, size_t size)
{
    memcpy(writer->at, data, size);
    writer->at += size;
}

/*
 * Most texts are ids of a few bytes, for which a call of memcpy() costs more than the copy: two moves that may overlap
 * serve every size up to 32.
 */
static inline void wire_copy(uint8_t *to, const uint8_t *from, uint32_t size)
{
    if (size > 32) {
        memcpy(to, from, size);
    } else if (size >= 16) {
        memcpy(to, from, 16);
        memcpy(to + size - 16, from + size - 16, 16);
    } else if (size >= 8) {
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, from, 4);
        memcpy(to + size - 4, from + size - 4, 4);
    } else {
        for (uint32_t i = 0; i < size; i++)
            to[i] = from[i];
    }
}

static inline void wire_put_text(struct wire_writer *writer, struct span text, uint32_t size_max)
{
    uint32_t size = min_u32(text.size, size_max);
    uint16_t length = text.data ? (uint16_t)size : WIRE_TEXT_NONE;
    wire_put(writer, &length, sizeof(length));
    if (!text.data)
        return;
    wire_copy(writer->at, text.data, size);
    writer->at += size;
    writer->cut |= size != text.size;
}

static inline void wire_get(struct wire_reader *reader, void *data_out, size_t size)
{
    if (reader->bad || reader->left < size) {
        reader->bad = true;
        memset(data_out, 0, size);
        return;
    }
    memcpy(data_out, reader->at, size);
    reader->at += size;
    reader->left -= size;
}

static inline struct span wire_get_text(struct wire_reader *reader, uint32_t size_max)
{
    uint16_t length;
    wire_get(reader, &length, sizeof(length));
    if (reader->bad || length == WIRE_TEXT_NONE)
        return (struct span){NULL, 0};
    if (length > size_max || length > reader->left) {
        reader->bad = true;
        return (struct span){NULL, 0};
    }
    struct span text = span_of(reader->at, length);
    reader->at += length;
    reader->left -= length;
    return text;
}

/* A writer behind the place of the header. */
static inline struct wire_writer wire_begin(void *record_out)
{
    return (struct wire_writer){.at = (uint8_t *)record_out + sizeof(struct record_header)};
}

/* Writes the header; returns the size of the record. */
static inline uint32_t wire_end(const struct wire_writer *writer, void *record_out, enum record_kind kind,
                                uint64_t time_ns)
{
    uint32_t size = (uint32_t)(writer->at - (uint8_t *)record_out);
    struct record_header header = {.size = size,
                                   .kind = (uint16_t)kind,
                                   .layout = RECORD_LAYOUT,
                                   .flags = writer->cut ? RECORD_CUT : 0,
                                   .time_ns = time_ns};
    memcpy(record_out, &header, sizeof(header));
    return size;
}

/* The kinds of record_control.c. Each leaves reader->bad set when the bytes do not hold it. */
void wire_get_rollup(struct wire_reader *reader, struct rollup *rollup_out);
void wire_get_ledger(struct wire_reader *reader, struct ledger_report *report_out);
void wire_get_reload(struct wire_reader *reader, struct reload_report *reload_out);
void wire_get_lifecycle(struct wire_reader *reader, struct lifecycle *lifecycle_out);
void wire_get_heartbeat(struct wire_reader *reader, struct heartbeat *heartbeat_out);
void wire_get_service(struct wire_reader *reader, struct service_report *service_out);
void wire_get_certificate(struct wire_reader *reader, struct certificate_report *certificate_out);
