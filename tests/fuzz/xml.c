/* SPDX-License-Identifier: Apache-2.0 */

/*
 * XML walker: bytes 0 to 3 are the cuts, byte 4 chooses a loss in place of the middle, the rest is the text. However it
 * is cut, the items are the same; spans lie in the text and paths in their buffer.
 */

#include <stdlib.h>

#include "proto/xml.h"

struct walk {
    struct xml xml;
    uint64_t digest;
};

static void mix(struct walk *walk, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        walk->digest = (walk->digest ^ ((const uint8_t *)data)[i]) * UINT64_C(0x100000001b3);
}

static void mix_item(struct walk *walk, const struct xml_item *item)
{
    char path[300];
    uint8_t plain[XML_PART_MAX];
    bool cut;
    require(item->text.size <= XML_PART_MAX);
    uint32_t size = xml_path(&walk->xml, path, sizeof(path), &cut);
    uint32_t plain_size = xml_unescape(item->text, plain, sizeof(plain));
    require(size <= sizeof(path) && plain_size <= item->text.size);
    const uint8_t marks[6] = {item->name, item->first, item->last, item->escaped, item->place_unknown, cut};
    mix(walk, &item->offset, sizeof(item->offset));
    mix(walk, marks, sizeof(marks));
    mix(walk, path, size);
    mix(walk, plain, plain_size);
}

/* Offers an exact-size copy. Returns the bytes consumed. */
static uint32_t offer(struct walk *walk, const uint8_t *data, uint32_t size, bool last)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    uint32_t at = 0;
    struct parse_step step = {0};
    for (uint32_t calls = 0; step.status == PARSE_ITEM; calls++) {
        require(calls <= 2 * size + 2);
        struct xml_item item;
        struct parse_input input = {.data = copy + at, .size = size - at, .last = last};
        step = xml_parse(&walk->xml, &input, &item);
        require(step.consumed <= size - at);
        if (step.status == PARSE_ITEM) {
            require(item.text.data >= copy + at && item.text.data + item.text.size <= copy + size);
            mix_item(walk, &item);
        }
        at += step.consumed;
    }
    require(!last || step.status == PARSE_STOP);
    free(copy);
    return at;
}

static uint64_t read_cut(const uint8_t *text, uint32_t size, uint32_t a, uint32_t b, bool lose)
{
    static struct walk walk;
    memset(&walk, 0, sizeof(walk));
    uint32_t at = offer(&walk, text, a, false);
    if (lose && b > a) {
        struct xml_item item;
        require(xml_parse(&walk.xml, &(struct parse_input){.lost = b - a}, &item).status == PARSE_MORE);
        require(walk.xml.offset == b);
        at = b;
    } else if (at < b) {
        at += offer(&walk, text + at, b - at, false);
    }
    (void)offer(&walk, text + at, size - at, true);
    return walk.digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 5 || size > 8192)
        return 0;
    const uint8_t *text = data + 5;
    uint32_t text_size = (uint32_t)size - 5;
    uint32_t a = (uint32_t)(data[0] << 8 | data[1]) % (text_size + 1);
    uint32_t b = a + (uint32_t)(data[2] << 8 | data[3]) % (text_size - a + 1);
    if (data[4] & 1)
        (void)read_cut(text, text_size, a, b, true);
    else
        require(read_cut(text, text_size, a, b, false) == read_cut(text, text_size, text_size, text_size, false));
    return 0;
}
