/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON pointer of the walker's place
 *
 * Apart from the walker because it runs only when something was found: keys are kept as written while walking and
 * decoded here.
 */

#include "proto/json.h"
#include "proto/json_text.h"

/* Appends to the pointer, `~` and `/` as RFC 6901 section 3 writes them. False: it did not fit. */
static bool append_unit(char *buffer, uint32_t capacity, uint32_t *size, uint32_t code)
{
    uint8_t bytes[4];
    uint32_t count = 2;
    if (code == '~')
        memcpy(bytes, "~0", 2);
    else if (code == '/')
        memcpy(bytes, "~1", 2);
    else
        count = json_utf8_write(code, bytes);
    if (count > capacity - *size)
        return false;
    memcpy(buffer + *size, bytes, count);
    *size += count;
    return true;
}

/* Bytes at the front that stand in a pointer as they do in a key. */
static uint32_t plain_size(struct span text)
{
    uint32_t size = 0;
    while (size < text.size) {
        uint8_t c = text.data[size];
        if (c >= 0x80 || c == '\\' || c == '~' || c == '/')
            break;
        size++;
    }
    return size;
}

/* Nearly all keys are plain throughout. False: it did not fit. */
static bool append_plain(struct span *rest, char *buffer, uint32_t capacity, uint32_t *size)
{
    uint32_t plain = plain_size(*rest), fitting = min_u32(plain, capacity - *size);
    memcpy(buffer + *size, rest->data, fitting);
    *size += fitting;
    *rest = span_from(*rest, plain);
    return fitting == plain;
}

static bool append_key(const struct json_walker *walker, const struct json_level *level, char *buffer,
                       uint32_t capacity, uint32_t *size)
{
    struct span rest = {walker->keys + level->key_offset, level->key_size};
    while (append_plain(&rest, buffer, capacity, size)) {
        if (rest.size == 0)
            return true;
        struct json_unit unit = json_unit_read(rest, !level->key_cut);
        if (!unit.size)
            return true; /* the key was cut inside a character */
        if (!append_unit(buffer, capacity, size, unit.code))
            return false;
        rest = span_from(rest, unit.size);
    }
    return false;
}

static bool append_index(uint32_t index, char *buffer, uint32_t capacity, uint32_t *size)
{
    char digits[10];
    uint32_t count = 0;
    for (uint32_t left = index; left || !count; left /= 10)
        digits[count++] = (char)('0' + left % 10);
    if (count > capacity - *size)
        return false;
    while (count)
        buffer[(*size)++] = digits[--count];
    return true;
}

uint32_t json_pointer(const struct json_walker *walker, char *buffer, uint32_t capacity, bool *cut_out)
{
    uint32_t size = 0;
    *cut_out = false;
    for (uint32_t i = 0; i < walker->depth; i++) {
        const struct json_level *level = &walker->levels[i];
        if (!level->member)
            continue;
        bool fits = size < capacity;
        if (fits)
            buffer[size++] = '/';
        if (fits && level->array)
            fits = append_index(level->index, buffer, capacity, &size);
        else if (fits)
            fits = append_key(walker, level, buffer, capacity, &size);
        *cut_out |= !fits || (!level->array && level->key_cut);
        if (!fits)
            break;
    }
    return size;
}
