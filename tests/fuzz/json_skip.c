/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading over JSON: byte 0 chooses the mode, bytes 1 to 4 from where to where is read over, the rest is the text. The
 * items behind are those that reading all of it gives, with the same pointers, and the same mistakes are found.
 */

#include <stdlib.h>

#include "proto/json.h"

struct walk {
    uint64_t from; /* items that begin before it do not count */
    uint64_t digest;
    uint32_t items;
    bool key; /* the last item was a whole key */
};

static void mix(struct walk *walk, uint64_t value)
{
    walk->digest = (walk->digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    walk->digest ^= walk->digest >> 29;
}

static void take(struct walk *walk, const struct json_walker *walker, const struct json_item *item)
{
    char pointer[300];
    bool cut;
    walk->key = item->kind == JSON_KEY && item->last;
    if (item->offset < walk->from)
        return;
    uint32_t size = json_pointer(walker, pointer, sizeof(pointer), &cut);
    mix(walk, item->kind | (uint64_t)item->first << 8 | (uint64_t)item->last << 9 | (uint64_t)item->escaped << 10 |
                  (uint64_t)item->malformed << 11 | (uint64_t)item->place_unknown << 12 | item->offset << 16);
    mix(walk, item->text.size | (uint64_t)cut << 32);
    for (uint32_t i = 0; i < size; i++)
        mix(walk, (uint8_t)pointer[i]);
    walk->items++;
}

static uint32_t offer(struct json_walker *walker, struct walk *walk, struct span text, bool last)
{
    uint32_t at = 0;
    for (;;) {
        struct json_item item;
        struct parse_input input = {.data = text.data + at, .size = text.size - at, .last = last};
        struct parse_step step = json_parse(walker, &input, &item);
        at += step.consumed;
        if (step.status != PARSE_ITEM)
            return at;
        take(walk, walker, &item);
    }
}

/* An exact-size copy, so that reading beyond it is noticed. */
static uint32_t read_over(struct json_walker *walker, struct span text, bool key)
{
    uint8_t *copy = malloc(text.size ? text.size : 1);
    if (!copy)
        abort();
    memcpy(copy, text.data, text.size);
    struct json_skipped skipped = {.open = key};
    uint32_t over = json_skip(walker, copy, text.size, &skipped);
    require(over <= text.size && (!skipped.any || (skipped.begin < skipped.end && skipped.end <= walker->offset)));
    free(copy);
    return over;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 5 || size > 65536)
        return 0;
    struct span text = span_of(data + 5, size - 5);
    uint32_t a = (data[1] | (uint32_t)data[2] << 8) % (text.size + 1);
    uint32_t b = a + (data[3] | (uint32_t)data[4] << 8) % (text.size - a + 1);
    enum json_mode mode = data[0] & 1 ? JSON_LINES : JSON_TEXT;
    struct json_walker walker, all;
    struct walk walk = {.from = UINT64_MAX}, whole = {0};
    json_init(&walker, mode);
    uint32_t at = offer(&walker, &walk, span_of(text.data, a), false);
    uint32_t over = at < b ? read_over(&walker, span_of(text.data + at, b - at), walk.key) : 0;
    if (over == 0)
        return 0;
    at += over;
    walk.from = whole.from = at;
    offer(&walker, &walk, span_from(text, at), true);
    json_init(&all, mode);
    offer(&all, &whole, text, true);
    require(walk.items == whole.items && walk.digest == whole.digest && walker.documents == all.documents);
    require((walker.anomalies | JSON_KEY_CUT) == (all.anomalies | JSON_KEY_CUT));
    require(walker.malformed_offset == all.malformed_offset);
    return 0;
}
