/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A recorded connection of tests/tls/captures, cut into its records. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls_stream.h"

#define TLS_CASE_RECORDS_MAX 256u
#define TLS_CASE_KEYS_MAX    32u
#define TLS_CASE_LINE_MAX    (1u << 18)

struct tls_case_record {
    enum tls_direction direction;
    struct tls_decrypt_input input;
};

struct tls_case {
    struct tls_case_record records[TLS_CASE_RECORDS_MAX];
    uint32_t record_count;
    char *keys[TLS_CASE_KEYS_MAX];
    uint32_t key_count;
    uint32_t plain_count; /* plaintexts that tshark shows */
    uint8_t *bytes[TLS_DIRECTION_COUNT];
    uint32_t size[TLS_DIRECTION_COUNT];
};

static inline void tls_case_cut(struct tls_case *taken, enum tls_direction direction, uint32_t *at_io)
{
    const uint8_t *bytes = taken->bytes[direction];
    while (taken->size[direction] - *at_io >= 5) {
        uint32_t size = tls_stream_u16(bytes + *at_io + 3);
        if (taken->size[direction] - *at_io < 5 + size)
            return;
        require(taken->record_count < TLS_CASE_RECORDS_MAX);
        struct tls_case_record *record = &taken->records[taken->record_count++];
        record->direction = direction;
        record->input.type = bytes[*at_io];
        record->input.version = (uint16_t)tls_stream_u16(bytes + *at_io + 1);
        record->input.fragment = span_of(bytes + *at_io + 5, size);
        *at_io += 5 + size;
    }
}

/* False: no ASSAY_SOURCE. */
static inline bool tls_case_load(const char *name, struct tls_case *case_out)
{
    char path[4096];
    uint32_t at[TLS_DIRECTION_COUNT] = {0};
    const char *source = getenv("ASSAY_SOURCE");
    memset(case_out, 0, sizeof(*case_out));
    if (!source)
        return false;
    snprintf(path, sizeof(path), "%s/tests/tls/captures/%s", source, name);
    FILE *file = fopen(path, "r");
    char *line = malloc(TLS_CASE_LINE_MAX);
    require(file && line);
    for (uint32_t i = 0; i < TLS_DIRECTION_COUNT; i++) {
        case_out->bytes[i] = malloc(TLS_STREAM_BYTES);
        require(case_out->bytes[i]);
    }
    while (fgets(line, TLS_CASE_LINE_MAX, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == 'K' && case_out->key_count < TLS_CASE_KEYS_MAX)
            case_out->keys[case_out->key_count++] = strdup(line + 2);
        case_out->plain_count += line[0] == 'P';
        if (line[0] != 'C' && line[0] != 'S')
            continue;
        enum tls_direction direction = line[0] == 'C' ? TLS_FROM_CLIENT : TLS_FROM_SERVER;
        uint32_t used = case_out->size[direction];
        case_out->size[direction] +=
            tls_stream_unhex(line + 2, case_out->bytes[direction] + used, TLS_STREAM_BYTES - used);
        tls_case_cut(case_out, direction, &at[direction]);
    }
    free(line);
    fclose(file);
    return true;
}

static inline void tls_case_free(struct tls_case *taken)
{
    for (uint32_t i = 0; i < taken->key_count; i++)
        free(taken->keys[i]);
    for (uint32_t i = 0; i < TLS_DIRECTION_COUNT; i++)
        free(taken->bytes[i]);
}

static inline void tls_case_put_keys(const struct tls_case *taken, struct tls_key_store *store)
{
    for (uint32_t i = 0; i < taken->key_count; i++) {
        struct tls_keylog parser = {0};
        struct tls_keylog_item item;
        struct parse_input input = {
            .data = (const uint8_t *)taken->keys[i], .size = (uint32_t)strlen(taken->keys[i]), .last = true};
        if (tls_keylog_parse(&parser, &input, &item).status == PARSE_ITEM)
            tls_key_store_put(store, &item, 1);
        explicit_bzero(&item, sizeof(item));
    }
}
