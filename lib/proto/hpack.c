/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HPACK: a field is decoded when all its bytes are there, in one piece. So the state between two calls is how many
 * bytes the field at hand needs, and nothing else, and a field that is cut is looked at again only where its lengths
 * stand.
 */

#include "proto/hpack_static.h"
#include "proto/hpack_table.h"

#define INTEGER_BYTES_MAX 5u         /* behind the prefix; enough for 2^28, and padded zeros are a way to hide */
#define INTEGER_MAX       (1u << 28) /* no index, size or length is near */

/* First bits of a representation (RFC 7541 6). */
#define INDEXED          0x80u
#define INDEXED_BITS     7u
#define INCREMENTAL      0x40u
#define INCREMENTAL_BITS 6u
#define SIZE_UPDATE      0x20u
#define SIZE_UPDATE_BITS 5u
#define NEVER_INDEXED    0x10u
#define LITERAL_BITS     4u
#define HUFFMAN_CODED    0x80u
#define LENGTH_BITS      7u

enum outcome { OUTCOME_DONE, OUTCOME_MORE, OUTCOME_BAD };

/* Reads on a copy, so that nothing is changed when bytes are missing. */
struct cursor {
    const uint8_t *begin, *next, *end;
    uint64_t needed; /* when MORE: bytes from `begin`, at least */
};

static enum outcome read_integer(struct cursor *cursor, uint32_t prefix_bits, uint32_t *value_out)
{
    if (cursor->next == cursor->end) {
        cursor->needed = (uint64_t)(cursor->next - cursor->begin) + 1;
        return OUTCOME_MORE;
    }
    uint32_t mask = (1u << prefix_bits) - 1, value = *cursor->next++ & mask;
    for (uint32_t i = 0; value >= mask && i <= INTEGER_BYTES_MAX; i++) {
        if (i == INTEGER_BYTES_MAX)
            return OUTCOME_BAD;
        if (cursor->next == cursor->end) {
            cursor->needed = (uint64_t)(cursor->next - cursor->begin) + 1;
            return OUTCOME_MORE;
        }
        uint32_t byte = *cursor->next++;
        if (i * 7 >= 28 && (byte & 0x7f))
            return OUTCOME_BAD;
        value += i * 7 < 28 ? (byte & 0x7f) << (i * 7) : 0;
        if (value > INTEGER_MAX)
            return OUTCOME_BAD;
        if (!(byte & 0x80))
            break;
    }
    *value_out = value;
    return OUTCOME_DONE;
}

struct text {
    struct span coded;
    bool huffman;
    bool oversized;  /* its field is over HPACK_FIELD_MAX; `coded` is what is there of it */
    uint32_t behind; /* bytes of it that are not there */
};

static enum outcome read_text(struct cursor *cursor, struct text *text_out)
{
    if (cursor->next == cursor->end) {
        cursor->needed = (uint64_t)(cursor->next - cursor->begin) + 1;
        return OUTCOME_MORE;
    }
    uint32_t size;
    text_out->huffman = (*cursor->next & HUFFMAN_CODED) != 0;
    enum outcome outcome = read_integer(cursor, LENGTH_BITS, &size);
    if (outcome != OUTCOME_DONE)
        return outcome;
    uint32_t there = (uint32_t)(cursor->end - cursor->next);
    cursor->needed = (uint64_t)(cursor->next - cursor->begin) + size;
    text_out->oversized = cursor->needed > HPACK_FIELD_MAX;
    if (!text_out->oversized && size > there)
        return OUTCOME_MORE;
    text_out->coded = span_of(cursor->next, min_u32(size, there));
    text_out->behind = size - text_out->coded.size;
    cursor->next += text_out->coded.size;
    return OUTCOME_DONE;
}

/* Decodes at *free, which then points behind it. */
static bool decode_text(const struct text *text, uint8_t **free, struct span *out)
{
    if (!text->huffman) {
        *out = text->coded;
        return true;
    }
    int64_t size = hpack_huffman_decode(text->coded, *free);
    if (size < 0)
        return false;
    *out = span_of(*free, (size_t)size);
    *free += size;
    return true;
}

/* False when the index means nothing. */
static bool find_index(const struct hpack *decoder, uint32_t index, struct hpack_field *field)
{
    field->name_known = field->value_known = false;
    if (index == 0)
        return false;
    if (index <= HPACK_STATIC_COUNT) {
        field->name = hpack_static_name(index);
        field->value = hpack_static_value(index);
        field->name_known = field->value_known = true;
        return true;
    }
    const struct hpack_entry *entry = hpack_table_find(decoder, index - HPACK_STATIC_COUNT - 1);
    if (!entry)
        return !decoder->exact;
    field->name = hpack_table_name(decoder, entry);
    field->value = hpack_table_value(decoder, entry);
    field->name_known = (entry->known & HPACK_KNOWN_NAME) != 0;
    field->value_known = (entry->known & HPACK_KNOWN_VALUE) != 0;
    return true;
}

static enum outcome parse_indexed(const struct hpack *decoder, struct cursor *cursor, struct hpack_field *field)
{
    uint32_t index;
    enum outcome outcome = read_integer(cursor, INDEXED_BITS, &index);
    if (outcome != OUTCOME_DONE)
        return outcome;
    return find_index(decoder, index, field) ? OUTCOME_DONE : OUTCOME_BAD;
}

/* The name out of the table, copied where the insertion cannot overwrite it. */
static bool indexed_name(const struct hpack *decoder, uint32_t index, struct hpack_field *field, uint8_t **free)
{
    if (!find_index(decoder, index, field))
        return false;
    if (index > HPACK_STATIC_COUNT && field->name.size) {
        memcpy(*free, field->name.data, field->name.size);
        field->name.data = *free;
        *free += field->name.size;
    }
    return true;
}

/*
 * A field that is too long is not kept, but its place in the table is: later indices count it. Nothing is known about
 * its size, so neither about what it evicts.
 */
static void oversized_value(struct hpack *decoder, const struct text *value, struct hpack_field *field)
{
    decoder->skip = value->behind;
    decoder->exact = false;
    field->value = (struct span){0};
    field->value_known = false;
}

static enum outcome parse_literal(struct hpack *decoder, struct cursor *cursor, uint32_t prefix_bits,
                                  struct hpack_field *field)
{
    bool incremental = prefix_bits == INCREMENTAL_BITS;
    struct text name = {0}, value = {0};
    uint32_t index;
    field->never_indexed = !incremental && (*cursor->next & NEVER_INDEXED) != 0;
    enum outcome outcome = read_integer(cursor, prefix_bits, &index);
    if (outcome == OUTCOME_DONE && index == 0)
        outcome = read_text(cursor, &name);
    if (outcome == OUTCOME_DONE && name.oversized)
        return OUTCOME_BAD;
    if (outcome == OUTCOME_DONE)
        outcome = read_text(cursor, &value);
    if (outcome != OUTCOME_DONE)
        return outcome;

    uint8_t *free = decoder->memory->scratch;
    field->name_known = true;
    if (index ? !indexed_name(decoder, index, field, &free) : !decode_text(&name, &free, &field->name))
        return OUTCOME_BAD;
    field->value_known = true;
    if (value.oversized)
        oversized_value(decoder, &value, field);
    else if (!decode_text(&value, &free, &field->value))
        return OUTCOME_BAD;
    if (incremental) {
        uint8_t known =
            (uint8_t)((field->name_known ? HPACK_KNOWN_NAME : 0) | (field->value_known ? HPACK_KNOWN_VALUE : 0));
        hpack_table_insert(decoder, field->name, field->value, known);
    }
    return OUTCOME_DONE;
}

static enum outcome parse_size_update(struct hpack *decoder, struct cursor *cursor)
{
    uint32_t size;
    enum outcome outcome = read_integer(cursor, SIZE_UPDATE_BITS, &size);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (decoder->fields_seen)
        return OUTCOME_BAD;
    decoder->size_updates++;
    hpack_table_resize(decoder, size);
    return OUTCOME_DONE;
}

void hpack_init(struct hpack *decoder, struct hpack_small *small, const struct hpack_memory *memory)
{
    memset(decoder, 0, sizeof(*decoder));
    decoder->memory = memory;
    decoder->entries = small->entries;
    decoder->entries_max = (uint32_t)ARRAY_COUNT(small->entries);
    decoder->bytes = small->bytes;
    decoder->bytes_max = sizeof(small->bytes);
    decoder->size_max = HPACK_SMALL_SIZE;
    decoder->exact = true;
    decoder->size_known = true;
}

void hpack_release(struct hpack *decoder)
{
    if (decoder->large)
        pool_give(decoder->memory->large, decoder->large);
    decoder->large = NULL;
}

void hpack_lose(struct hpack *decoder)
{
    hpack_table_clear(decoder);
    decoder->exact = false;
    decoder->size_known = false;
    decoder->needed = 0;
    decoder->skip = 0;
}

void hpack_block(struct hpack *decoder)
{
    decoder->fields_seen = false;
    decoder->needed = 0;
    decoder->skip = 0;
}

static enum outcome parse_one(struct hpack *decoder, struct cursor *cursor, struct hpack_field *field, bool *field_read)
{
    uint8_t first = *cursor->next;
    *field_read = true;
    if (first & INDEXED)
        return parse_indexed(decoder, cursor, field);
    if (first & INCREMENTAL)
        return parse_literal(decoder, cursor, INCREMENTAL_BITS, field);
    if (!(first & SIZE_UPDATE))
        return parse_literal(decoder, cursor, LITERAL_BITS, field);
    *field_read = false;
    return parse_size_update(decoder, cursor);
}

static struct parse_step stop(struct hpack *decoder, uint32_t consumed)
{
    hpack_lose(decoder);
    return parse_step_of(PARSE_STOP, consumed, 0);
}

struct parse_step hpack_parse(struct hpack *decoder, const struct parse_input *input, struct hpack_field *field_out)
{
    if (!input->data) {
        hpack_lose(decoder);
        return parse_step_of(PARSE_MORE, input->lost, 0);
    }
    uint32_t consumed = min_u32(decoder->skip, input->size);
    decoder->skip -= consumed;
    /* Every turn takes a size update off the input, or ends. */
    while (consumed < input->size) {
        struct cursor cursor = {
            .begin = input->data + consumed, .next = input->data + consumed, .end = input->data + input->size};
        uint32_t left = input->size - consumed;
        bool field_read = false;
        if (left < decoder->needed && !input->last)
            return parse_step_of(PARSE_MORE, consumed, decoder->needed);
        memset(field_out, 0, sizeof(*field_out));
        enum outcome outcome = parse_one(decoder, &cursor, field_out, &field_read);
        if (outcome == OUTCOME_BAD || (outcome == OUTCOME_MORE && input->last))
            return stop(decoder, consumed);
        if (outcome == OUTCOME_MORE) {
            decoder->needed = (uint32_t)cursor.needed;
            return parse_step_of(PARSE_MORE, consumed, decoder->needed);
        }
        decoder->needed = 0;
        consumed += (uint32_t)(cursor.next - cursor.begin);
        if (field_read) {
            decoder->fields_seen = true;
            return parse_step_of(PARSE_ITEM, consumed, 0);
        }
    }
    if (input->last && decoder->skip)
        return stop(decoder, consumed);
    return parse_step_of(PARSE_MORE, consumed, 0);
}
