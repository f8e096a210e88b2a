/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checkpoint
 *
 * Read back with a scanner for exactly the line that checkpoint_write() makes, rather than a JSON parser: any other
 * shape is no checkpoint of ours. A quote inside the sensor's name is escaped, so no name can look like a key.
 */

#include "reporter/checkpoint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

#define LINE_START "{\"type\":\"checkpoint\","

/* A fixed key: the digest must be the same tomorrow. */
static uint64_t digest_of(const void *bytes, size_t size)
{
    static const struct hash_key key = {UINT64_C(0x6173736179), UINT64_C(0x636865636b)};
    return hash_bytes(&key, bytes, size);
}

static void key_hex(struct json_writer *writer, const char *key, uint64_t value)
{
    char text[17];
    snprintf(text, sizeof(text), "%016llx", (unsigned long long)value);
    json_write_key(writer, key);
    json_write_text(writer, text);
}

void checkpoint_write(const struct checkpoint *checkpoint, const char *sensor, uint64_t time_ns, uint64_t start,
                      struct batch *batch)
{
    struct json_writer writer = batch_begin_line(batch);
    json_write_object_begin(&writer);
    json_write_key(&writer, "type");
    json_write_text(&writer, "checkpoint");
    json_write_key(&writer, "sensor");
    json_write_text(&writer, sensor);
    json_write_key(&writer, "time");
    json_write_time(&writer, time_ns);
    key_hex(&writer, "queue", checkpoint->queue);
    json_write_key(&writer, "start");
    json_write_unsigned(&writer, start);
    json_write_key(&writer, "size");
    json_write_unsigned(&writer, batch->size);
    key_hex(&writer, "digest", digest_of(batch->buffer, batch->size));
    json_write_key(&writer, "rings");
    json_write_array_begin(&writer);
    for (uint32_t i = 0; i < checkpoint->ring_count; i++)
        json_write_unsigned(&writer, checkpoint->sequences[i]);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    require(writer.size < CHECKPOINT_LINE_MAX);
    batch_end_line(batch, &writer);
}

/* The number behind `key`, where `key` includes what stands before the digits. */
static bool read_number(const char *line, const char *key, int base, uint64_t *value_out)
{
    const char *at = strstr(line, key);
    if (!at || !isxdigit((unsigned char)at[strlen(key)]))
        return false;
    *value_out = strtoull(at + strlen(key), NULL, base);
    return true;
}

static bool read_rings(const char *line, struct checkpoint *checkpoint_out)
{
    static const char key[] = "\"rings\":[";
    const char *at = strstr(line, key);
    if (!at)
        return false;
    at += sizeof(key) - 1;
    checkpoint_out->ring_count = 0;
    while (isdigit((unsigned char)*at) && checkpoint_out->ring_count < QUEUE_RINGS_MAX) {
        char *end;
        checkpoint_out->sequences[checkpoint_out->ring_count++] = strtoull(at, &end, 10);
        at = *end == ',' ? end + 1 : end;
    }
    return strcmp(at, "]}") == 0;
}

static bool parse(struct span file, size_t line_at, size_t line_size, struct checkpoint *checkpoint_out)
{
    char line[CHECKPOINT_LINE_MAX];
    if (line_size >= sizeof(line))
        return false;
    memcpy(line, file.data + line_at, line_size);
    line[line_size] = '\0';
    uint64_t start, size, digest;
    *checkpoint_out = (struct checkpoint){.queue = 0};
    return strncmp(line, LINE_START, sizeof(LINE_START) - 1) == 0 &&
           read_number(line, "\"queue\":\"", 16, &checkpoint_out->queue) &&
           read_number(line, "\"start\":", 10, &start) && read_number(line, "\"size\":", 10, &size) &&
           read_number(line, "\"digest\":\"", 16, &digest) && read_rings(line, checkpoint_out) && start <= line_at &&
           size == line_at - start && digest == digest_of(file.data + start, size);
}

bool checkpoint_find(struct span file, struct checkpoint *checkpoint_out, uint64_t *end_out)
{
    size_t end = file.size; /* behind the line to look at; what follows the last line feed is no line */
    for (;;) {
        const uint8_t *feed = end ? memrchr(file.data, '\n', end) : NULL;
        if (!feed)
            return false;
        size_t line_end = (size_t)(feed - file.data);
        const uint8_t *before = line_end ? memrchr(file.data, '\n', line_end) : NULL;
        size_t line_at = before ? (size_t)(before - file.data) + 1 : 0;
        if (parse(file, line_at, line_end - line_at, checkpoint_out)) {
            *end_out = line_end + 1;
            return true;
        }
        end = line_at;
    }
}
