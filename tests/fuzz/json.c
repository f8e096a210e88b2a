/* SPDX-License-Identifier: Apache-2.0 */

/*
 * JSON walker: byte 0 chooses mode and loss, bytes 1 and 2 the cuts, the rest is the text. However it is cut, the items
 * are the same; offsets and spans agree with the text.
 */

#include <stdlib.h>

#include "proto/json.h"
#include "proto/json_text.h"

struct walk {
    uint64_t digest;
    uint32_t items;
};

static void mix(struct walk *walk, uint64_t value)
{
    walk->digest = (walk->digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    walk->digest ^= walk->digest >> 29;
}

static void mix_item(struct walk *walk, const struct json_walker *walker, const struct json_item *item)
{
    char pointer[300];
    bool cut;
    uint32_t size = json_pointer(walker, pointer, sizeof(pointer), &cut);
    uint8_t plain[1200];
    uint32_t plain_size = json_unescape(item->text, plain, sizeof(plain));
    require(size <= sizeof(pointer) && plain_size <= sizeof(plain));
    mix(walk, item->kind | (uint64_t)item->first << 8 | (uint64_t)item->last << 9 | (uint64_t)item->escaped << 10 |
                  (uint64_t)item->malformed << 11 | (uint64_t)item->place_unknown << 12 | item->offset << 16);
    mix(walk, item->text.size);
    for (uint32_t i = 0; i < size; i++)
        mix(walk, (uint8_t)pointer[i]);
    for (uint32_t i = 0; i < plain_size; i++)
        mix(walk, plain[i]);
    walk->items++;
}

/* An exact-size copy, offered to the end. */
static uint32_t offer(struct json_walker *walker, struct walk *walk, const uint8_t *data, uint32_t size, bool last,
                      uint64_t shift, const uint8_t *text)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    uint32_t at = 0;
    struct parse_step step = {0};
    for (uint32_t calls = 0; step.status == PARSE_ITEM; calls++) {
        require(calls <= 2 * size + 3);
        struct json_item item;
        step = json_parse(walker, &(struct parse_input){.data = copy + at, .size = size - at, .last = last}, &item);
        require(step.consumed <= size - at);
        at += step.consumed;
        if (step.status != PARSE_ITEM)
            break;
        require(item.text.size <= JSON_STRING_PART_MAX);
        require(!item.text.size || memcmp(item.text.data, text + (item.offset - shift), item.text.size) == 0);
        mix_item(walk, walker, &item);
    }
    free(copy);
    return at;
}

static struct walk run(struct span text, uint32_t a, uint32_t b, enum json_mode mode, bool lose)
{
    struct json_walker walker;
    json_init(&walker, mode);
    struct walk walk = {0};
    uint64_t shift = 0;
    uint32_t at = offer(&walker, &walk, text.data, a, false, 0, text.data);
    if (lose) {
        struct json_item item;
        at = a;
        shift = 77;
        require(json_parse(&walker, &(struct parse_input){.lost = 77}, &item).status == PARSE_MORE);
    }
    at += offer(&walker, &walk, text.data + at, b - at, false, shift, text.data);
    at += offer(&walker, &walk, text.data + at, text.size - at, true, shift, text.data);
    require(at == text.size);
    mix(&walk, walker.anomalies);
    mix(&walk, walker.malformed_offset);
    mix(&walk, walker.documents);
    return walk;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 5 || size > 65536)
        return 0;
    struct span text = {data + 5, (uint32_t)size - 5};
    enum json_mode mode = data[0] & 1 ? JSON_LINES : JSON_TEXT;
    bool lose = data[0] & 2;
    uint32_t a = (uint32_t)(data[1] << 8 | data[2]) % (text.size + 1);
    uint32_t b = a + (uint32_t)(data[3] << 8 | data[4]) % (text.size - a + 1);
    struct walk cut = run(text, a, b, mode, lose);
    struct walk whole = lose ? run(text, a, a, mode, true) : run(text, text.size, text.size, mode, false);
    require(cut.digest == whole.digest && cut.items == whole.items);
    return 0;
}
