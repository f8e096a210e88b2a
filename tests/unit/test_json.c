/* SPDX-License-Identifier: Apache-2.0 */

/* JSON walker: grammar, pointers, parts, cuts, losses. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/json.h"
#include "proto/json_text.h"
#include "unit/guarded.h"

#define LOG_MAX (1u << 20)

/* Everything a walk said, as text, so that two walks compare with one memcmp(). */
struct log {
    char *text;
    uint32_t size;
    uint32_t items;
};

static void log_item(struct log *log, const struct json_walker *walker, const struct json_item *item)
{
    char pointer[512];
    bool cut;
    uint32_t size = json_pointer(walker, pointer, sizeof(pointer), &cut);
    int count = snprintf(log->text + log->size, LOG_MAX - log->size, "%u @%llu %s%s%s%s%s %.*s%s [%.*s]\n", item->kind,
                         (unsigned long long)item->offset, item->first ? "f" : "", item->last ? "l" : "",
                         item->escaped ? "e" : "", item->malformed ? "m" : "", item->place_unknown ? "u" : "",
                         (int)size, pointer, cut ? "..." : "", (int)item->text.size, (const char *)item->text.data);
    log->size += (uint32_t)count;
    log->items++;
    assert_true(log->size < LOG_MAX - 4096);
}

static const struct guarded *guard;

/* Offers `size` bytes as one input until the walker wants more. Returns the bytes consumed. */
static uint32_t offer(struct json_walker *walker, const uint8_t *data, uint32_t size, bool last, struct log *log)
{
    const uint8_t *copy = guarded_put(guard, data, size);
    uint32_t at = 0;
    for (uint32_t calls = 0;; calls++) {
        assert_true(calls <= 2 * size + 3);
        struct json_item item;
        struct parse_input input = {.data = copy + at, .size = size - at, .last = last};
        struct parse_step step = json_parse(walker, &input, &item);
        assert_true(step.consumed <= size - at);
        at += step.consumed;
        if (step.status != PARSE_ITEM) {
            assert_int_equal(step.status, last ? PARSE_STOP : PARSE_MORE);
            return at;
        }
        log_item(log, walker, &item);
    }
}

/* Walks the text in three inputs, cut at a and b. */
static uint32_t walk_cut(struct span text, uint32_t a, uint32_t b, enum json_mode mode, struct log *log)
{
    struct json_walker walker;
    memset(&walker, 0xa5, sizeof(walker)); /* json_init() must not count on zeroes */
    json_init(&walker, mode);
    uint32_t at = offer(&walker, text.data, a, false, log);
    at += offer(&walker, text.data + at, b - at, false, log);
    at += offer(&walker, text.data + at, text.size - at, true, log);
    assert_int_equal(at, text.size);
    log->size += (uint32_t)snprintf(log->text + log->size, 200, "anomalies %x at %llu documents %llu", walker.anomalies,
                                    (unsigned long long)walker.malformed_offset, (unsigned long long)walker.documents);
    return walker.anomalies;
}

static struct log log_new(void)
{
    struct log log = {.text = malloc(LOG_MAX)};
    assert_non_null(log.text);
    return log;
}

static void same_however_cut(struct span text, enum json_mode mode, bool pairs)
{
    struct log whole = log_new(), cut = log_new();
    walk_cut(text, text.size, text.size, mode, &whole);
    for (uint32_t a = 0; a <= text.size; a++) {
        uint32_t end = pairs ? text.size : a;
        for (uint32_t b = a; b <= end; b++) {
            cut.size = cut.items = 0;
            walk_cut(text, a, b, mode, &cut);
            if (cut.size != whole.size || memcmp(cut.text, whole.text, cut.size) != 0)
                fail_msg("cut at %u, %u of %.*s:\n%s\nwhole:\n%s", a, b, (int)min_u32(text.size, 200),
                         (const char *)text.data, cut.text, whole.text);
        }
    }
    free(whole.text);
    free(cut.text);
}

static uint32_t anomalies_of(struct span text, enum json_mode mode)
{
    struct log log = log_new();
    uint32_t anomalies = walk_cut(text, text.size, text.size, mode, &log);
    free(log.text);
    return anomalies;
}

static const char *const valid[] = {
    "{}",
    "[]",
    "0",
    "-0",
    "-0.0e+10",
    "1E5",
    "1.25",
    "\"\"",
    "true",
    "false",
    "null",
    " \t\r\n[ ] \n",
    "{\"a\":1,\"a\":2}",
    "[1,2,[3,{\"b\":[]}],\"x\"]",
    "{\"\":{\"\":null}}",
    "[1e400, -9223372036854775809]",
    "\"\\u0041\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\ud800\"",
    "\"\\udc00x\"",
    "\"\\ud800\\u0041\"",
    "\"\x7f\"",
    "\"gr\xc3\xbc\xc3\x9f\"",
    "\"\xf4\x8f\xbf\xbf\"",
    "\"\xe2\x80\xa8\"",
    "\"\xed\x9f\xbf\"",
    "[\"//\"]",
    "{\"a\\u0022b\":0}",
    "[0e1,0E-0,10.00]",
};

static const char *const invalid[] = {
    "",
    " ",
    "[1,]",
    "[,1]",
    "[1,,2]",
    "[1 2]",
    "{\"a\":1,}",
    "{,}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\" 1}",
    "{a:1}",
    "{1:1}",
    "{'a':1}",
    "{\"a\":1 \"b\":2}",
    "[",
    "{",
    "]",
    "}",
    "[}",
    "{]",
    "[1}",
    "{\"a\":1]",
    "[[]",
    "[]]",
    "01",
    "-",
    "-01",
    "1.",
    ".5",
    "+1",
    "1e",
    "1e+",
    "0x10",
    "1.e5",
    "--1",
    "1-",
    "1.2.3",
    "NaN",
    "Infinity",
    "-Infinity",
    "nul",
    "nullx",
    "True",
    "tru",
    "truefalse",
    "\"",
    "\"abc",
    "\"\\",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\U0041\"",
    "\"\t\"",
    "\"\n\"",
    "\"a\x01\"",
    "\"\x80\"",
    "\"\xc0\xaf\"",
    "\"\xc3\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\"\xe0\x80\x80\"",
    "\"\xff\"",
    "abc",
    "'a'",
    "{}{}",
    "1 2",
    "[]x",
    "{} // c",
    "/* c */ {}",
    "[1]:",
    "{\"a\"::1}",
    "{\"a\":1,,\"b\":2}",
    "[\"a\":1]",
    "{\"a\":\"b\"\"c\"}",
    "[1]\f",
    "\xc2\xa0[]",
    "[\"a\",\n4\n,1,",
    "{\"a\":true",
    "[\"\\ud83d\\u\"]",
    "{\"a\":/**/1}",
    "*",
    "[-]",
    "[1\x0b]",
};

static void grammar_is_that_of_rfc_8259(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(valid); i++)
        if (anomalies_of(span_from_text(valid[i]), JSON_TEXT) & JSON_ANOMALIES_INVALID)
            fail_msg("valid, but flagged: %s", valid[i]);
    for (size_t i = 0; i < ARRAY_COUNT(invalid); i++)
        if (!(anomalies_of(span_from_text(invalid[i]), JSON_TEXT) & JSON_ANOMALIES_INVALID))
            fail_msg("invalid, but not flagged: %s", invalid[i]);
    assert_true(anomalies_of(SPAN_LITERAL("[\"\0\"]"), JSON_TEXT) & JSON_MALFORMED);
    assert_true(anomalies_of(SPAN_LITERAL("[\0]"), JSON_TEXT) & JSON_MALFORMED);
    /* RFC 8259 8.1 lets a parser ignore the mark: told, but not malformed. */
    assert_int_equal(anomalies_of(SPAN_LITERAL("\xef\xbb\xbf{}"), JSON_TEXT), JSON_BYTE_ORDER_MARK);
    assert_true(anomalies_of(SPAN_LITERAL("\xef\xbb{}"), JSON_TEXT) & JSON_MALFORMED);
    assert_true(anomalies_of(SPAN_LITERAL("[\xef\xbb\xbf]"), JSON_TEXT) & JSON_MALFORMED);
}

static void every_text_reads_the_same_however_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(valid); i++)
        same_however_cut(span_from_text(valid[i]), JSON_TEXT, true);
    for (size_t i = 0; i < ARRAY_COUNT(invalid); i++) {
        same_however_cut(span_from_text(invalid[i]), JSON_TEXT, true);
        same_however_cut(span_from_text(invalid[i]), JSON_LINES, true);
    }
    same_however_cut(SPAN_LITERAL("\xef\xbb\xbf{\"a\":[1,true,{\"bcd\":\"x\\u00e9\xc3\xa9\"}]}"), JSON_TEXT, true);
    same_however_cut(SPAN_LITERAL("{\"a\":1}\n{\"b\":\n[\"x\n\x1e{\"c\":null}\r\n"), JSON_LINES, true);
}

/* The items as "kind@offset" for a quick look. */
static void expect_items(const char *text, enum json_mode mode, const char *expected)
{
    static const char letters[] = "KSNTFZO{}[].";
    struct json_walker walker;
    json_init(&walker, mode);
    char got[512];
    uint32_t size = 0, at = 0, total = (uint32_t)strlen(text);
    struct json_item item;
    while (true) {
        struct parse_input input = {.data = (const uint8_t *)text + at, .size = total - at, .last = true};
        struct parse_step step = json_parse(&walker, &input, &item);
        at += step.consumed;
        if (step.status != PARSE_ITEM)
            break;
        size += (uint32_t)snprintf(got + size, sizeof(got) - size, "%c%llu%s ", letters[item.kind],
                                   (unsigned long long)item.offset, item.malformed ? "!" : "");
    }
    got[size] = '\0';
    assert_string_equal(got, expected);
}

static void items_have_kind_and_offset(void **state)
{
    (void)state;
    expect_items("{\"a\":[1,\"x\"],\"b\":null} ", JSON_TEXT, "{0 K2 [5 N6 S9 ]11 K14 Z17 }21 .22 ");
    expect_items("true", JSON_TEXT, "T0 .4 ");
    expect_items("1 [] ", JSON_TEXT, "N0 .1 [2 ]3 .4 ");
    /* Mistakes cost no more than themselves. */
    expect_items("{a:'b',\"c\":1}", JSON_TEXT, "{0 O1! O3! K8 N11 }12 .13 ");
    expect_items("[1 2,01]", JSON_TEXT, "[0 N1 N3! N5! ]7 .8 ");
    expect_items("{\"a\":[1}", JSON_TEXT, "{0 K2 [5 N6 ]7! .8! ");
    expect_items("{\"a\":[1}\n{\"b\":2}\n", JSON_LINES, "{0 K2 [5 N6 ]7! .9! {9 K11 N14 }15 .16 ");
    expect_items("{\"a\":\"x\n{\"b\":2}\n", JSON_LINES, "{0 K2 S6! .8! {8 K10 N13 }14 .15 ");
}

static void first_mistake_is_located(void **state)
{
    (void)state;
    struct json_walker walker;
    json_init(&walker, JSON_TEXT);
    struct log log = log_new();
    offer(&walker, (const uint8_t *)"{\"a\":[1,],}", 11, true, &log);
    assert_int_equal(walker.malformed_offset, 8);
    free(log.text);
}

static uint32_t unhex(const char *hex, uint8_t *out)
{
    uint32_t size = 0;
    unsigned byte;
    for (; hex[0] != '-' && sscanf(hex, "%2x", &byte) == 1; hex += 2)
        out[size++] = (uint8_t)byte;
    return size;
}

/* Checks one scalar against the next line of the vectors. */
static void check_scalar(FILE *file, const struct json_walker *walker, const struct json_item *item)
{
    static char line[8192], pointer_hex[4096], value_hex[4096];
    static const char letters[] = {
        [JSON_STRING] = 'S', [JSON_NUMBER] = 'N', [JSON_TRUE] = 'T', [JSON_FALSE] = 'F', [JSON_NULL] = 'Z'};
    char kind;
    uint8_t expected[2048], value[2048];
    char pointer[1024];
    bool cut;
    assert_non_null(fgets(line, sizeof(line), file));
    assert_int_equal(sscanf(line, "%c %4095s %4095s", &kind, pointer_hex, value_hex), 3);
    assert_int_equal(kind, letters[item->kind]);
    uint32_t size = unhex(pointer_hex, expected);
    assert_int_equal(json_pointer(walker, pointer, sizeof(pointer), &cut), size);
    assert_memory_equal(pointer, expected, size);
    assert_false(cut);
    if (kind != 'S' && kind != 'N')
        return;
    size = unhex(value_hex, expected);
    assert_int_equal(json_unescape(item->text, value, sizeof(value)), size);
    assert_memory_equal(value, expected, size);
}

static void pointers_and_values_agree_with_python(void **state)
{
    (void)state;
    const char *source = getenv("ASSAY_SOURCE");
    assert_non_null(source);
    char path[4096];
    snprintf(path, sizeof(path), "%s/tests/vectors/json_pointers.txt", source);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    static char line[16384];
    static uint8_t text[8192];
    uint32_t texts = 0, scalars = 0;
    while (fgets(line, sizeof(line), file)) {
        assert_int_equal(line[0], 'D');
        struct span rest = {text, unhex(line + 2, text)};
        struct json_walker walker;
        json_init(&walker, JSON_TEXT);
        struct json_item item;
        for (struct parse_step step = {0}; step.status != PARSE_STOP; rest = span_from(rest, step.consumed)) {
            step =
                json_parse(&walker, &(struct parse_input){.data = rest.data, .size = rest.size, .last = true}, &item);
            if (step.status == PARSE_ITEM && item.kind >= JSON_STRING && item.kind <= JSON_NULL) {
                check_scalar(file, &walker, &item);
                scalars++;
            }
        }
        assert_int_equal(walker.anomalies, 0);
        same_however_cut((struct span){text, min_u32((uint32_t)(rest.data - text), 700)}, JSON_TEXT, false);
        texts++;
    }
    fclose(file);
    assert_int_equal(texts, 160);
    assert_true(scalars > 500);
}

static void long_strings_come_in_parts(void **state)
{
    (void)state;
    /* Units of every size straddle the ends of parts; a string of exactly one part stays whole. */
    static const char *const units[] = {"a",   "\xc3\xa9", "\xe2\x82\xac",  "\xf0\x9f\x98\x80",
                                        "\\n", "\\u20ac",  "\\ud83d\\ude00"};
    for (size_t u = 0; u < ARRAY_COUNT(units); u++) {
        static uint8_t text[4096];
        uint32_t size = 0, unit = (uint32_t)strlen(units[u]);
        memcpy(text, "{\"k\":\"x", 7);
        for (size = 7; size < 2 * JSON_STRING_PART_MAX + 100; size += unit)
            memcpy(text + size, units[u], unit);
        memcpy(text + size, "\"}", 2);
        struct span whole = {text, size + 2};
        same_however_cut(whole, JSON_TEXT, false);
        assert_int_equal(anomalies_of(whole, JSON_TEXT), 0);

        struct json_walker walker;
        json_init(&walker, JSON_TEXT);
        struct json_item item;
        uint32_t at = 0, parts = 0, sum = 0;
        for (struct parse_step step = {0}; step.status != PARSE_STOP; at += step.consumed) {
            struct parse_input input = {.data = text + at, .size = whole.size - at, .last = true};
            step = json_parse(&walker, &input, &item);
            if (step.status != PARSE_ITEM || item.kind != JSON_STRING)
                continue;
            assert_int_equal(item.offset, 6 + sum);
            assert_int_equal(item.first, parts == 0);
            sum += item.text.size;
            assert_int_equal(item.last, sum == size - 6);
            assert_true(item.text.size <= JSON_STRING_PART_MAX);
            assert_int_equal((item.text.size - (parts == 0)) % unit, 0); /* never inside a character */
            parts++;
        }
        assert_int_equal(parts, 3);
    }
    static uint8_t digits[3000];
    memset(digits, '7', sizeof(digits));
    same_however_cut((struct span){digits, 2000}, JSON_TEXT, false);
    assert_int_equal(anomalies_of((struct span){digits, 2000}, JSON_TEXT), 0);
    digits[1990] = '.';
    digits[1999] = '.';
    assert_int_equal(anomalies_of((struct span){digits, 2000}, JSON_TEXT), JSON_MALFORMED);
}

static void depth_is_bounded_and_recovers(void **state)
{
    (void)state;
    char text[2000] = "";
    for (int i = 0; i < 100; i++)
        strcat(text, i % 2 ? "[" : "{\"k\":");
    strcat(text, "\"deep\"");
    for (int i = 99; i >= 0; i--)
        strcat(text, i % 2 ? "]" : "}");
    size_t end = strlen(text);
    memcpy(text + end - 1, ",\"after\":\"x\"}", 14);
    struct json_walker walker;
    json_init(&walker, JSON_TEXT);
    struct json_item item;
    uint32_t at = 0, deep = 0, after = 0;
    for (struct parse_step step = {0}; step.status != PARSE_STOP; at += step.consumed) {
        struct parse_input input = {.data = (uint8_t *)text + at, .size = (uint32_t)strlen(text) - at, .last = true};
        step = json_parse(&walker, &input, &item);
        char pointer[600];
        bool cut;
        if (step.status != PARSE_ITEM || item.kind != JSON_STRING)
            continue;
        uint32_t size = json_pointer(&walker, pointer, sizeof(pointer), &cut);
        if (span_equal(item.text, SPAN_LITERAL("deep")))
            deep += item.place_unknown;
        if (span_equal(item.text, SPAN_LITERAL("x")))
            after += !item.place_unknown && span_equal(span_of(pointer, size), SPAN_LITERAL("/after"));
    }
    assert_int_equal(walker.anomalies, JSON_DEEP);
    assert_int_equal(deep, 1);
    assert_int_equal(after, 1);
    same_however_cut(span_from_text(text), JSON_TEXT, false);
}

static void long_keys_are_cut_in_pointers_only(void **state)
{
    (void)state;
    char text[8000] = "";
    for (int level = 0; level < 8; level++) {
        strcat(text, "{\"");
        for (int i = 0; i < 30 * (level + 1); i++)
            strcat(text, "k\xc3\xa9");
        strcat(text, "\":");
    }
    strcat(text, "1}}}}}}}}");
    assert_int_equal(anomalies_of(span_from_text(text), JSON_TEXT), JSON_KEY_CUT);
    same_however_cut(span_from_text(text), JSON_TEXT, false);
    struct json_walker walker;
    json_init(&walker, JSON_TEXT);
    struct json_item item = {0};
    uint32_t at = 0;
    while (item.kind != JSON_NUMBER) {
        struct parse_input input = {.data = (uint8_t *)text + at, .size = (uint32_t)strlen(text) - at, .last = true};
        at += json_parse(&walker, &input, &item).consumed;
    }
    char pointer[4096];
    for (uint32_t capacity = 0; capacity < sizeof(pointer); capacity += 7) {
        bool cut = false;
        uint32_t size = json_pointer(&walker, pointer, capacity, &cut);
        assert_true(cut && size <= capacity);
        /* Never half a character. */
        assert_true(size == 0 || (uint8_t)pointer[size - 1] != 0xc3);
    }
}

static void losses_cost_what_they_touch(void **state)
{
    (void)state;
    struct log log = log_new();
    struct json_walker walker;
    struct json_item item;
    const struct parse_input hole = {.data = NULL, .lost = 100};

    json_init(&walker, JSON_LINES);
    assert_int_equal(offer(&walker, (const uint8_t *)"{\"a\":\"xyz", 9, false, &log), 6);
    assert_int_equal(json_parse(&walker, &hole, &item).status, PARSE_MORE);
    log.size = 0;
    offer(&walker, (const uint8_t *)"1\"}\n{\"b\":\"x\"}", 13, true, &log);
    assert_non_null(strstr(log.text, "@119 fl /b [x]"));
    assert_true(walker.anomalies == JSON_LOSS);

    json_init(&walker, JSON_TEXT);
    offer(&walker, (const uint8_t *)"{\"a\":\"xyz", 9, false, &log);
    assert_int_equal(json_parse(&walker, &hole, &item).status, PARSE_MORE);
    log.size = 0;
    offer(&walker, (const uint8_t *)"1\"}\n{\"b\":\"x\"}", 13, true, &log);
    assert_non_null(strstr(log.text, "@119 flu  [x]"));
    free(log.text);
}

static void unescape_decodes_and_is_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\\u0034111", "4111"},
        {"a\\/b\\\\\\\"\\b\\f\\n\\r\\t", "a/b\\\"\b\f\n\r\t"},
        {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
        {"\\uDBFF\\uDFFF", "\xf4\x8f\xbf\xbf"},
        {"\\u00e9\\u20ac", "\xc3\xa9\xe2\x82\xac"},
        {"\\ud83d", "\xef\xbf\xbd"},
        {"\\ud83dx", "\xef\xbf\xbdx"},
        {"\\ude00", "\xef\xbf\xbd"},
        {"\\ud83d\\u0041", "\xef\xbf\xbd\x41"},
        {"\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
        {"\\x", "\xef\xbf\xbdx"},
        {"\\", "\xef\xbf\xbd"},
        {"\\u12", "\xef\xbf\xbd\x31\x32"},
        {"\\u12g4", "\xef\xbf\xbd\x31\x32g4"},
        {"\xff", "\xef\xbf\xbd"},
        {"\xe2\x82", "\xef\xbf\xbd"},
        {"\xe2\x82x", "\xef\xbf\xbdx"},
        {"0123456789abcdef0123456789\\u0041z", "0123456789abcdef0123456789Az"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct span in = span_from_text(cases[i].in);
        in.data = guarded_put(guard, in.data, in.size);
        uint32_t full = (uint32_t)strlen(cases[i].out);
        for (uint32_t capacity = 0; capacity <= full + 4; capacity++) {
            uint8_t *out = malloc(capacity + 1);
            out[capacity] = 0x5a;
            uint32_t size = json_unescape(in, out, capacity);
            assert_true(size <= capacity && size <= full);
            assert_true(capacity < full || size == full);
            assert_memory_equal(out, cases[i].out, size);
            assert_int_equal(out[capacity], 0x5a);
            free(out);
        }
    }
}

static void plain_scan_equals_its_scalar_twin(void **state)
{
    (void)state;
    srand(8259);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[80];
        uint32_t size = (uint32_t)rand() % (sizeof(bytes) + 1);
        for (uint32_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(0x20 + rand() % 0x60);
        if (size && rand() % 4)
            bytes[(uint32_t)rand() % size] = (uint8_t)rand();
        const uint8_t *data = guarded_put(guard, bytes, size);
        uint32_t from = size ? (uint32_t)rand() % (size + 1) : 0;
        assert_int_equal(json_plain_end(data, from, size), json_plain_end_scalar(data, from, size));
    }
    for (unsigned c = 0; c < 256; c++) {
        uint8_t bytes[16];
        memset(bytes, 'x', sizeof(bytes));
        bytes[7] = (uint8_t)c;
        bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
        assert_int_equal(json_plain_end(bytes, 0, 16), plain ? 16 : 7);
        assert_int_equal(json_plain_end_scalar(bytes, 0, 16), plain ? 16 : 7);
    }
}

int main(void)
{
    struct guarded pages = guarded_new();
    guard = &pages;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar_is_that_of_rfc_8259),
        cmocka_unit_test(every_text_reads_the_same_however_cut),
        cmocka_unit_test(items_have_kind_and_offset),
        cmocka_unit_test(first_mistake_is_located),
        cmocka_unit_test(pointers_and_values_agree_with_python),
        cmocka_unit_test(long_strings_come_in_parts),
        cmocka_unit_test(depth_is_bounded_and_recovers),
        cmocka_unit_test(long_keys_are_cut_in_pointers_only),
        cmocka_unit_test(losses_cost_what_they_touch),
        cmocka_unit_test(unescape_decodes_and_is_bounded),
        cmocka_unit_test(plain_scan_equals_its_scalar_twin),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    guarded_free(&pages);
    return failed;
}
