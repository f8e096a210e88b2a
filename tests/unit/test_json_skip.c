/* SPDX-License-Identifier: Apache-2.0 */

/* Reading over JSON: wherever it begins and ends, in sound and in broken texts, what follows is what reading gives. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/json.h"
#include "unit/guarded.h"

#define ITEMS_MAX 4096u
#define TEXT_MAX  2048u

struct record {
    uint64_t offset;
    uint32_t size, pointer;
    uint8_t kind, flags;
};

#define RECORD_LAST 2u

struct walk {
    struct record records[ITEMS_MAX];
    uint32_t count;
    uint32_t anomalies;
    uint64_t documents, malformed_offset;
};

static const struct guarded *guard;

static void record_item(struct walk *walk, const struct json_walker *walker, const struct json_item *item)
{
    char pointer[512];
    bool cut;
    uint32_t size = json_pointer(walker, pointer, sizeof(pointer), &cut), hash = cut;
    for (uint32_t i = 0; i < size; i++)
        hash = hash * 31 + (uint8_t)pointer[i];
    assert_true(walk->count < ITEMS_MAX);
    walk->records[walk->count++] = (struct record){
        .offset = item->offset,
        .size = item->text.size,
        .pointer = hash,
        .kind = item->kind,
        .flags = (uint8_t)(item->first | (item->last ? RECORD_LAST : 0) | item->escaped << 2 | item->malformed << 3 |
                           item->place_unknown << 4),
    };
}

/* Reads all of the input; what is left over is offered again by the caller. */
static uint32_t read_items(struct json_walker *walker, const uint8_t *data, uint32_t size, bool last, struct walk *walk)
{
    uint32_t at = 0;
    for (;;) {
        struct json_item item;
        struct parse_input input = {.data = data + at, .size = size - at, .last = last};
        struct parse_step step = json_parse(walker, &input, &item);
        at += step.consumed;
        if (step.status != PARSE_ITEM)
            return at;
        record_item(walk, walker, &item);
    }
}

static void finish(const struct json_walker *walker, struct walk *walk)
{
    walk->anomalies = walker->anomalies;
    walk->documents = walker->documents;
    walk->malformed_offset = walker->malformed_offset;
}

/* The last key or value in front of `end`, as the items have it. */
static const struct record *last_part(const struct walk *walk, uint64_t from, uint64_t end)
{
    const struct record *found = NULL;
    for (uint32_t i = 0; i < walk->count; i++)
        if (walk->records[i].kind <= JSON_OTHER && walk->records[i].offset >= from && walk->records[i].offset < end)
            found = &walk->records[i];
    return found;
}

static void check_skipped(const struct walk *whole, uint64_t from, uint64_t end, const struct json_skipped *skipped)
{
    const struct record *part = last_part(whole, from, end);
    assert_int_equal(skipped->any, part != NULL);
    if (!part)
        return;
    bool quoted = part->kind == JSON_KEY || part->kind == JSON_STRING;
    assert_int_equal(skipped->begin, part->offset - quoted);
    assert_int_equal(skipped->end, part->offset + part->size + quoted);
    assert_int_equal(skipped->key, part->kind == JSON_KEY);
    assert_int_equal(skipped->word, !quoted);
    bool of_key = part->kind != JSON_KEY && part > whole->records && part[-1].kind == JSON_KEY;
    assert_int_equal(skipped->of_key, of_key);
}

/* Reads `a` bytes, reads over what can be until `b`, reads the rest. Returns how far it was read over. */
static uint32_t walk_over(struct span text, uint32_t a, uint32_t b, enum json_mode mode, const struct walk *whole)
{
    static struct walk walk;
    struct json_walker walker;
    const uint8_t *data = guarded_put(guard, text.data, text.size);
    walk.count = 0;
    json_init(&walker, mode);
    uint32_t at = read_items(&walker, data, a, false, &walk), from = at;
    struct json_skipped skipped = {.open = walk.count > 0 && walk.records[walk.count - 1].kind == JSON_KEY &&
                                           walk.records[walk.count - 1].flags & RECORD_LAST};
    /* The bytes in front of `b` lie against a page that may not be read. */
    const uint8_t *edge = guarded_put(guard, text.data + at, b > at ? b - at : 0);
    uint32_t over = b > at ? json_skip(&walker, edge, b - at, &skipped) : 0;
    assert_true(over <= text.size - at);
    data = guarded_put(guard, text.data, text.size);
    at += over;
    if (over > 0)
        check_skipped(whole, from, at, &skipped);
    uint32_t kept = walk.count;
    at += read_items(&walker, data + at, text.size - at, true, &walk);
    assert_int_equal(at, text.size);
    finish(&walker, &walk);
    uint32_t first = 0; /* of the items that the whole walk has behind the part read over */
    while (first < whole->count && first < kept)
        first++;
    while (first < whole->count && whole->records[first].offset < from + over)
        first++;
    uint32_t left = walk.count - kept;
    if (left != whole->count - first ||
        memcmp(walk.records + kept, whole->records + first, left * sizeof(struct record)) != 0 ||
        walk.anomalies != whole->anomalies || walk.documents != whole->documents ||
        walk.malformed_offset != whole->malformed_offset)
        fail_msg("over %u bytes from %u (limit %u) in: %.*s", over, from, b, (int)text.size, (const char *)text.data);
    return over;
}

static uint64_t skip_everywhere(struct span text, enum json_mode mode, uint32_t step)
{
    static struct walk whole;
    struct json_walker walker;
    whole.count = 0;
    memset(whole.records, 0, sizeof(whole.records));
    json_init(&walker, mode);
    read_items(&walker, guarded_put(guard, text.data, text.size), text.size, true, &whole);
    finish(&walker, &whole);
    uint64_t over = 0;
    for (uint32_t a = 0; a <= text.size; a += step)
        for (uint32_t b = a; b <= text.size; b += step)
            over += walk_over(text, a, b, mode, &whole);
    return over;
}

static const char *const texts[] = {
    "{\"a\":1,\"bb\":[1,-2.50,true,false,null,\"x\",{\"c\":{\"d\":[[],{}]}}],\"e\":\"f\"}",
    "{ \"id\" : \"17\" ,\n \"list\" : [ { \"n\" : 0 } , { \"n\" : -0.0 } ] , \"z\" : [ ] }",
    "{\"a key of more than sixteen bytes\":{\"another one as long as that\":[\"v\"]},\"\":\"\"}",
    "[[1,2],[3,[4,[5,[6]]]],{\"k\":[{\"l\":[7]}]}]",
    "{\"e\":1e5,\"f\":1E+2,\"g\":[01,-,1.,.5,+1,1.5.5],\"h\":tru,\"i\":nul,\"j\":truefalse}",
    "{\"a\":1 \"b\":2,\"c\"3,,\"d\":[1 2],\"e\":]}",
    "{\"a\":\"\\u0041\\n\",\"b\\t\":\"gr\xc3\xbc\xc3\x9f\",\"c\":\"\x01\",\"d\":1}",
    "{\"a\":[1,2}],\"b\":{\"c\":1]},\"d\":5}",
    "{\"a\":1}{\"b\":[2,3]} [4,{\"c\":5}]",
    "{\"a\":[1,2],\n\"b\":3}\n{\"c\":{\"d\":4}}\n[5,\n6]\n",
    "{\"unfinished\":[1,{\"two\":\"thr",
};

static void reading_over_is_as_good_as_reading(void **state)
{
    (void)state;
    uint64_t over = 0;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        over += skip_everywhere(span_from_text(texts[i]), JSON_TEXT, 1);
        over += skip_everywhere(span_from_text(texts[i]), JSON_LINES, 1);
    }
    assert_true(over > 100000); /* it does read over things */
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Mistakes of every kind in every place. */
static void reading_over_stops_in_front_of_mistakes(void **state)
{
    (void)state;
    static const char signs[] = "{}[]:,\"\\ \n0-9.etx\x01\x80";
    uint32_t random = 20261120;
    uint8_t text[TEXT_MAX];
    for (uint32_t round = 0; round < 3000; round++) {
        struct span original = span_from_text(texts[round % ARRAY_COUNT(texts)]);
        memcpy(text, original.data, original.size);
        uint32_t mistakes = 1 + next_random(&random) % 3;
        for (uint32_t i = 0; i < mistakes; i++)
            text[next_random(&random) % original.size] = (uint8_t)signs[next_random(&random) % (sizeof(signs) - 1)];
        skip_everywhere(span_of(text, original.size), round % 2 ? JSON_LINES : JSON_TEXT, 11);
    }
}

/* A text that nests, with blanks as `blank` has them, of about `target` bytes. Returns its size. */
static uint32_t make_text(uint8_t *text, uint32_t target, const char *blank, uint32_t *random)
{
    static const char *const values[] = {"17",   "-2.50",           "true",       "null", "\"\"",  "\"a, [b]: {c}\"",
                                         "0.25", "\"lamp of oak\"", "1234567890", "{}",   "[ ]",   "false",
                                         "0",    "[1,2,3]",         "[[],{}]",    "-7",   "\"x\"", "[\"a\",{\"b\":1}]",
                                         "1e5",  "\"gr\xc3\xbc\"",  "\"\\n\""};
    const uint32_t plain = ARRAY_COUNT(values) - 3; /* the last ones are none that are leapt over */
    char closers[16], *out = (char *)text;
    uint32_t depth = 0;
    bool array = next_random(random) % 2;
    closers[depth++] = array ? ']' : '}';
    out += sprintf(out, "%c", array ? '[' : '{');
    bool first = true;
    while ((uint8_t *)out < text + target) {
        out += sprintf(out, "%s%s", first ? "" : ",", blank);
        first = false;
        if (!array)
            out += sprintf(out, "\"%.*s\"%s:%s", (int)(next_random(random) % 20), "keyOfAnyLengthUpToTwenty", blank,
                           blank);
        uint32_t dice = next_random(random) % 100;
        if (dice < 20 && depth < sizeof(closers)) {
            array = next_random(random) % 2;
            closers[depth++] = array ? ']' : '}';
            out += sprintf(out, "%c", array ? '[' : '{');
            first = true;
        } else if (dice < 35 && depth > 1) {
            out += sprintf(out, "9%s%c", blank, closers[--depth]);
            array = closers[depth - 1] == ']';
        } else {
            out +=
                sprintf(out, "%s%s", values[next_random(random) % (dice == 99 ? ARRAY_COUNT(values) : plain)], blank);
        }
    }
    out += sprintf(out, "%s", first ? (array ? "1" : "\"z\":1") : "");
    while (depth > 0)
        out += sprintf(out, "%c", closers[--depth]);
    return (uint32_t)((uint8_t *)out - text);
}

/* Long enough that whole blocks are held to the grammar at once, sound and with mistakes. */
static void reading_over_long_texts_is_as_good_as_reading(void **state)
{
    (void)state;
    static const char signs[] = "{}[]:,\"\\ \n0-9.etx\x01\x80";
    static const char *const blanks[] = {"", "", " ", "\n\t  "};
    uint32_t random = 20261121;
    static uint8_t text[TEXT_MAX + 512];
    uint64_t over = 0, whole = 0;
    for (uint32_t round = 0; round < 4000; round++) {
        uint32_t size = make_text(text, 700, blanks[round % ARRAY_COUNT(blanks)], &random);
        uint32_t mistakes = round % 2 ? 1 + next_random(&random) % 3 : 0;
        for (uint32_t i = 0; i < mistakes; i++)
            text[next_random(&random) % size] = (uint8_t)signs[next_random(&random) % (sizeof(signs) - 1)];
        uint32_t step = 97 + next_random(&random) % 32;
        over += skip_everywhere(span_of(text, size), round % 5 ? JSON_TEXT : JSON_LINES, step);
        whole += size;
    }
    assert_true(over > whole); /* it does read over things */
}

static void reading_over_leaves_deep_levels_and_long_keys_alone(void **state)
{
    (void)state;
    uint8_t text[TEXT_MAX];
    uint32_t size = 0;
    for (uint32_t i = 0; i < JSON_DEPTH_MAX + 3; i++)
        size += (uint32_t)sprintf((char *)text + size, "{\"level%u\":[", i % 10);
    size += (uint32_t)sprintf((char *)text + size, "1");
    for (uint32_t i = 0; i < JSON_DEPTH_MAX + 3; i++)
        size += (uint32_t)sprintf((char *)text + size, "]}");
    skip_everywhere(span_of(text, size), JSON_TEXT, 37);

    size = (uint32_t)sprintf((char *)text, "{\"a\":{\"");
    memset(text + size, 'k', JSON_KEY_KEPT_MAX + 1);
    size += JSON_KEY_KEPT_MAX + 1;
    size += (uint32_t)sprintf((char *)text + size, "\":{\"b\":1}}}");
    skip_everywhere(span_of(text, size), JSON_TEXT, 1);
}

int main(void)
{
    struct guarded area = guarded_new();
    guard = &area;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_over_is_as_good_as_reading),
        cmocka_unit_test(reading_over_stops_in_front_of_mistakes),
        cmocka_unit_test(reading_over_long_texts_is_as_good_as_reading),
        cmocka_unit_test(reading_over_leaves_deep_levels_and_long_keys_alone),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&area);
    return failed;
}
