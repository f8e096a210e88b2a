/* SPDX-License-Identifier: Apache-2.0 */

/*
 * HPACK against the examples of RFC 7541, Appendix C, against blocks of another encoder (tests/vectors/hpack.txt) and
 * against the published collection (ASSAY_TESTDATA/hpack); then what it says when blocks are lost: what was sent, or
 * that it does not know, and never anything else.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "hpack_run.h"

#define LINE_MAX_SIZE (1u << 17)
#define BYTES_MAX     (1u << 16)

static struct hpack_run run;

static int setup(void **state)
{
    (void)state;
    hpack_run_init(&run);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hpack_run_free(&run);
    return 0;
}

static void again(void)
{
    hpack_run_free(&run);
    hpack_run_init(&run);
}

static uint32_t from_hex(const char *hex, uint8_t *out)
{
    uint32_t size = 0;
    while (hex[0] && hex[1] && hex[0] != '\n' && hex[0] != ' ') {
        char digits[3] = {hex[0], hex[1], 0};
        assert_true(size < BYTES_MAX);
        out[size++] = (uint8_t)strtoul(digits, NULL, 16);
        hex += 2;
    }
    return size;
}

static void block_hex(const char *hex)
{
    uint8_t bytes[512];
    uint32_t size = from_hex(hex, bytes);
    hpack_run_clear(&run);
    hpack_run_block(&run, bytes, size, 0);
}

static void expect(uint32_t index, const char *name, const char *value)
{
    assert_true(index < run.count);
    assert_true(run.fields[index].name_known && run.fields[index].value_known);
    assert_string_equal(run.fields[index].name, name);
    assert_string_equal(run.fields[index].value, value);
}

/* ---------------------------------------------------------------- Appendix C */

static void test_literals(void **state)
{
    (void)state;
    block_hex("400a637573746f6d2d6b65790d637573746f6d2d686561646572"); /* C.2.1 */
    expect(0, "custom-key", "custom-header");
    assert_int_equal(run.decoder.size, 55);
    again();
    block_hex("040c2f73616d706c652f70617468"); /* C.2.2 */
    expect(0, ":path", "/sample/path");
    assert_int_equal(run.decoder.size, 0);
    block_hex("100870617373776f726406736563726574"); /* C.2.3 */
    expect(0, "password", "secret");
    assert_true(run.fields[0].never_indexed);
    block_hex("82"); /* C.2.4 */
    expect(0, ":method", "GET");
}

static void requests(const char *first, const char *second, const char *third)
{
    again();
    block_hex(first);
    assert_int_equal(run.count, 4);
    expect(0, ":method", "GET");
    expect(1, ":scheme", "http");
    expect(2, ":path", "/");
    expect(3, ":authority", "www.example.com");
    assert_int_equal(run.decoder.size, 57);
    block_hex(second);
    expect(3, ":authority", "www.example.com");
    expect(4, "cache-control", "no-cache");
    assert_int_equal(run.decoder.size, 110);
    block_hex(third);
    assert_int_equal(run.count, 5);
    expect(1, ":scheme", "https");
    expect(2, ":path", "/index.html");
    expect(4, "custom-key", "custom-value");
    assert_int_equal(run.decoder.size, 164);
}

static void test_requests(void **state)
{
    (void)state;
    requests("828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
             "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"); /* C.3 */
    requests("828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
             "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"); /* C.4 */
}

static void responses(const char *first, const char *second, const char *third)
{
    again();
    hpack_run_clear(&run);
    /* A table of 256 bytes, which the encoder says in front of the first block. */
    hpack_run_block(&run, (const uint8_t *)"\x3f\xe1\x01", 3, 0);
    assert_int_equal(run.decoder.size_max, 256);
    block_hex(first);
    expect(0, ":status", "302");
    expect(3, "location", "https://www.example.com");
    assert_int_equal(run.decoder.size, 222);
    block_hex(second);
    expect(0, ":status", "307");
    expect(1, "cache-control", "private");
    assert_int_equal(run.decoder.size, 222);
    block_hex(third);
    expect(2, "date", "Mon, 21 Oct 2013 20:13:22 GMT");
    expect(4, "content-encoding", "gzip");
    expect(5, "set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
    assert_int_equal(run.decoder.size, 215);
    assert_int_equal(run.decoder.count, 3);
}

static void test_responses(void **state)
{
    (void)state;
    responses(
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e17687474"
        "70733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d415344"
        "4a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31"); /* C.5 */
    responses("488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82"
              "ae43d3",
              "4883640effc1c0bf",
              "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960"
              "d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"); /* C.6 */
}

static void malformed(const char *hex)
{
    again();
    block_hex(hex);
    if (!run.malformed)
        fail_msg("taken for HPACK: %s", hex);
}

static void test_malformed(void **state)
{
    (void)state;
    malformed("80");               /* index 0 (6.1) */
    malformed("be");               /* an index behind the tables */
    malformed("7e0161");           /* a name behind the tables */
    malformed("ffffffffffffffff"); /* an integer without end (5.1) */
    malformed("ff80808080808080"); /* padded with zeros */
    malformed("40016102");         /* a string longer than the block */
    malformed("4001");
    malformed("40");
    malformed("823fe101");         /* a size update behind a field (4.2) */
    malformed("008100817f");       /* Huffman: padding of zeros (5.2) */
    malformed("0082ffff0161");     /* padding of a whole byte */
    malformed("0084ffffffff0161"); /* the end of the string inside it */
}

/* ------------------------------------------------------------------- vectors */

/* libnghttp2's blocks, and those of four other encoders: tests/tools/generate_hpack_vectors.py. */
static const char *const files[] = {"hpack.txt", "hpack_foreign.txt"};

struct truth {
    char name[16384], value[16384];
    uint32_t name_size, value_size;
};

static FILE *vectors_open(const char *name)
{
    char path[4096];
    if (!getenv("ASSAY_SOURCE"))
        return NULL;
    snprintf(path, sizeof(path), "%s/tests/vectors/%s", getenv("ASSAY_SOURCE"), name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    return file;
}

static void check_field(uint32_t index, const uint8_t *name, uint32_t name_size, const uint8_t *value,
                        uint32_t value_size, bool unknown_allowed)
{
    const struct hpack_run_field *field = &run.fields[index];
    assert_true(index < run.count);
    if (!unknown_allowed)
        assert_true(field->name_known && field->value_known);
    if (field->name_known) {
        assert_int_equal(field->name_size, name_size);
        assert_memory_equal(field->name, name, name_size);
    }
    if (field->value_known) {
        assert_int_equal(field->value_size, value_size);
        assert_memory_equal(field->value, value, value_size);
    }
}

/*
 * All blocks of the file, in pieces of that size. With `lost_every`, every block of that number is not shown, and one
 * more by `phase`. Returns the number of fields that were known whole.
 */
static uint32_t vectors_pass(const char *vectors, uint32_t piece, uint32_t lost_every, uint32_t phase)
{
    static char line[LINE_MAX_SIZE];
    static uint8_t bytes[BYTES_MAX], value[BYTES_MAX];
    FILE *file = vectors_open(vectors);
    if (!file)
        skip();
    uint32_t number = 0, index = 0, known = 0;
    bool shown = true;
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, "table ", 6) == 0) {
            again();
        } else if (strncmp(line, "block ", 6) == 0) {
            shown = lost_every == 0 || number % lost_every != phase;
            number++;
            hpack_run_clear(&run);
            index = 0;
            if (shown)
                hpack_run_block(&run, bytes, from_hex(line + 6, bytes), piece);
            else
                hpack_lose(&run.decoder);
            assert_false(run.malformed);
        } else if (shown && line[0] != '#') {
            uint32_t name_size = from_hex(line + 6, bytes);
            uint32_t value_size = from_hex(line + 7 + 2 * name_size, value);
            check_field(index, bytes, name_size, value, value_size, lost_every > 0);
            known += run.fields[index].name_known && run.fields[index].value_known;
            index++;
            assert_true(index <= run.count);
        }
    }
    fclose(file);
    return known;
}

static void test_vectors(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ARRAY_COUNT(files); i++) {
        uint32_t all = vectors_pass(files[i], 0, 0, 0);
        assert_true(all > 250);
        assert_int_equal(vectors_pass(files[i], 1, 0, 0), all);
        assert_int_equal(vectors_pass(files[i], 7, 0, 0), all);
    }
}

static void test_lost_blocks(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ARRAY_COUNT(files); i++)
        for (uint32_t every = 2; every < 9; every++)
            for (uint32_t phase = 0; phase < every; phase++)
                assert_true(vectors_pass(files[i], 0, every, phase) > 20);
}

/* Each block by itself, of a file that has fewer than that many. */
static void test_every_block_lost(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < ARRAY_COUNT(files); i++)
        for (uint32_t phase = 0; phase < 128; phase++)
            assert_true(vectors_pass(files[i], 0, 128, phase) > 200);
}

/* ------------------------------------------------------- published collection */

static char *file_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    text[size] = '\0';
    fclose(file);
    return text;
}

/* The next string of the JSON text, unescaped (the collection is ASCII); NULL at its end. */
static const char *next_string(const char *at, char *out)
{
    at = strchr(at, '"');
    if (!at)
        return NULL;
    uint32_t size = 0;
    for (at++; *at != '"'; at++) {
        if (*at == '\\' && *++at == 'u') {
            char digits[5] = {at[1], at[2], at[3], at[4], 0};
            out[size++] = (char)strtoul(digits, NULL, 16);
            at += 4;
            continue;
        }
        out[size++] = *at;
        assert_true(size < BYTES_MAX);
    }
    out[size] = '\0';
    return at + 1;
}

/* The fields of one case: {"name": "value"}, up to the end of the list. */
static const char *check_case(const char *at)
{
    static char name[BYTES_MAX], value[BYTES_MAX];
    uint32_t index = 0;
    at = strchr(at, '[');
    assert_non_null(at);
    while (at[strcspn(at, "\"]")] == '"') {
        at = next_string(at, name);
        at = next_string(at, value);
        check_field(index, (const uint8_t *)name, (uint32_t)strlen(name), (const uint8_t *)value,
                    (uint32_t)strlen(value), false);
        index++;
    }
    assert_int_equal(index, run.count);
    return at;
}

static uint32_t check_story(const char *path)
{
    static char word[BYTES_MAX];
    static uint8_t wire[BYTES_MAX];
    char *text = file_text(path);
    const char *at = text;
    uint32_t cases = 0;
    again();
    while ((at = next_string(at, word)) != NULL) {
        if (strcmp(word, "wire") == 0) {
            at = next_string(at, word);
            hpack_run_clear(&run);
            hpack_run_block(&run, wire, from_hex(word, wire), 0);
            assert_false(run.malformed);
        } else if (strcmp(word, "headers") == 0) {
            at = check_case(at);
            cases++;
        }
    }
    free(text);
    return cases;
}

static void test_collection(void **state)
{
    (void)state;
    char path[4096];
    uint32_t cases = 0;
    if (!getenv("ASSAY_TESTDATA")) {
        print_message("no ASSAY_TESTDATA: the published vectors are not read\n");
        skip();
    }
    snprintf(path, sizeof(path), "%s/hpack", getenv("ASSAY_TESTDATA"));
    DIR *encoders = opendir(path);
    assert_non_null(encoders);
    for (struct dirent *encoder; (encoder = readdir(encoders)) != NULL;) {
        if (encoder->d_name[0] == '.' || strcmp(encoder->d_name, "raw-data") == 0)
            continue;
        snprintf(path, sizeof(path), "%s/hpack/%s", getenv("ASSAY_TESTDATA"), encoder->d_name);
        DIR *stories = opendir(path);
        for (struct dirent *story; stories && (story = readdir(stories)) != NULL;) {
            if (!strstr(story->d_name, ".json"))
                continue;
            snprintf(path, sizeof(path), "%s/hpack/%s/%s", getenv("ASSAY_TESTDATA"), encoder->d_name, story->d_name);
            cases += check_story(path);
        }
        if (stories)
            closedir(stories);
    }
    closedir(encoders);
    assert_true(cases > 1000);
}

/* ---------------------------------------------------------------- the unusual */

/* A value over HPACK_FIELD_MAX is not kept, but what stands behind it is read, and indices count it. */
static void test_oversized(void **state)
{
    (void)state;
    static uint8_t block[HPACK_FIELD_MAX + 4096];
    uint32_t size = 0, value = HPACK_FIELD_MAX + 100;
    for (uint32_t piece = 0; piece < 6000; piece += 1999) {
        again();
        size = 0;
        memcpy(block, "\x40\x01k\x01v\x40\x01n\x7f", 9);
        size = 9;
        block[size++] = (uint8_t)((value - 127) | 0x80);
        block[size++] = (uint8_t)((value - 127) >> 7);
        memset(block + size, 'x', value);
        size += value;
        block[size++] = 0x82; /* :method GET */
        hpack_run_block(&run, block, size, piece);
        assert_false(run.malformed);
        assert_int_equal(run.count, 3);
        assert_string_equal(run.fields[1].name, "n");
        assert_true(run.fields[1].name_known && !run.fields[1].value_known);
        expect(2, ":method", "GET");
        block_hex("bebf");
        assert_string_equal(run.fields[0].name, "n");
        assert_false(run.fields[0].value_known);
    }
}

/* More connections with large tables than there is memory for: the newest part is exact, the rest unknown. */
static void test_no_large_table(void **state)
{
    (void)state;
    struct hpack_large *taken[HPACK_RUN_LARGE];
    for (uint32_t i = 0; i < HPACK_RUN_LARGE; i++)
        taken[i] = pool_take(&run.large);
    block_hex("3fe1ff03"); /* 65536 */
    assert_int_equal(run.decoder.size_max, 65536);
    uint8_t entry[] = {0x40, 0x01, 'a', 0x01, '0'};
    for (uint32_t i = 0; i < 200; i++) {
        entry[4] = (uint8_t)(i + 1);
        hpack_run_block(&run, entry, sizeof(entry), 0);
    }
    hpack_run_clear(&run);
    hpack_run_block(&run, (const uint8_t *)"\xbe\xff\x23\xff\x40", 5, 0);
    assert_false(run.malformed);
    assert_int_equal((uint8_t)run.fields[0].value[0], 200);
    assert_int_equal((uint8_t)run.fields[1].value[0], 200 - (127 + 35 - 62));
    assert_false(run.fields[2].name_known);
    for (uint32_t i = 0; i < HPACK_RUN_LARGE; i++)
        pool_give(&run.large, taken[i]);
}

static void test_huffman_sizes(void **state)
{
    (void)state;
    uint8_t out[64], coded[8] = {0};
    /* "00000..." of five bits each: as many symbols as fit, with ones behind. */
    coded[0] = 0x07;
    assert_int_equal(hpack_huffman_decode(span_of(coded, 1), out), 1);
    assert_int_equal(out[0], '0');
    assert_int_equal(hpack_huffman_decode(span_of(coded, 0), out), 0);
    memset(coded, 0, sizeof(coded));
    assert_int_equal(hpack_huffman_decode(span_of(coded, 5), out), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_literals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_responses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vectors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_block_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_collection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_oversized, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_large_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_huffman_sizes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
