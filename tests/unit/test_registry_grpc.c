/* SPDX-License-Identifier: Apache-2.0 */

/*
 * registry: descriptor sets become operations and tables, by which the walker reads what Python's protobuf wrote;
 * notes; what is wrong with a set is said.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protobuf_run.h"
#include "registry/grpc.h"
#include "unit/registry_fixture.h"

#define FILE_MAX        1048576u
#define VECTOR_LINE_MAX 262144u

static char cards[FILE_MAX], legacy[FILE_MAX], envelope[FILE_MAX], notes[FILE_MAX];
static struct registry_source sources[4];
static struct protobuf_run whole, cut;

static size_t read_text(const char *folder, const char *name, char *out)
{
    char path[8192]; /* source_path() and a name */
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(out, 1, FILE_MAX, file);
    fclose(file);
    assert_true(size < FILE_MAX);
    return size;
}

static const char *source_path(const char *rest)
{
    static char path[4096];
    const char *source = getenv("ASSAY_SOURCE");
    assert_non_null(source);
    snprintf(path, sizeof(path), "%s/tests/%s", source, rest);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    const char *folder = source_path("data/grpc");
    sources[0] = (struct registry_source){"cards.protoset", cards, read_text(folder, "cards.protoset", cards)};
    sources[1] = (struct registry_source){"legacy.desc", legacy, read_text(folder, "legacy.protoset", legacy)};
    sources[2] = (struct registry_source){"notes.yaml", notes, read_text(folder, "notes.yaml", notes)};
    size_t size = read_text(folder, "envelope.protoset", envelope);
    sources[3] = (struct registry_source){"envelope.protoset", envelope, size};
    return 0;
}

static const struct registry_rpc *find(const struct registry *registry, const char *path, enum registry_outcome wanted)
{
    enum registry_outcome outcome;
    const struct registry_rpc *rpc = registry_find_rpc(registry, span_from_text(path), &outcome);
    assert_int_equal(outcome, wanted);
    assert_int_equal(rpc != NULL, wanted == REGISTRY_MATCH);
    return rpc;
}

static void test_methods(void **state)
{
    (void)state;
    struct registry *registry = load_good_sources(sources, 2);
    assert_true(registry_has_grpc(registry));
    assert_int_equal(registry_operation_count(registry), 6);
    assert_int_equal(registry_document_count(registry), 2);
    static const struct {
        const char *path;
        bool request_stream, response_stream, deprecated;
    } methods[] = {
        {"/shop.v1.Cards/Charge", false, false, false}, {"/shop.v1.Cards/Watch", false, true, false},
        {"/shop.v1.Cards/Upload", true, false, false},  {"/shop.v1.Cards/Chat", true, true, false},
        {"/shop.v1.Cards/Old", false, false, true},     {"/shop.legacy.Orders/Place", false, false, true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
        const struct registry_rpc *rpc = find(registry, methods[i].path, REGISTRY_MATCH);
        assert_int_equal(rpc->request_stream, methods[i].request_stream);
        assert_int_equal(rpc->response_stream, methods[i].response_stream);
        assert_int_equal(rpc->operation->deprecated, methods[i].deprecated);
        assert_span_equal(rpc->operation->id, methods[i].path + 1);
        assert_int_equal(registry_operation_index(registry, rpc->operation), i);
        assert_span_equal(rpc->operation->file->name, i < 5 ? "cards.protoset" : "legacy.desc");
    }
    assert_span_equal(find(registry, "/shop.v1.Cards/Charge", REGISTRY_MATCH)->request->name, "shop.v1.ChargeRequest");
    assert_span_equal(find(registry, "/shop.v1.Cards/Charge", REGISTRY_MATCH)->response->name, "shop.v1.ChargeReply");
    find(registry, "/shop.v1.Cards/charge", REGISTRY_NO_METHOD);
    find(registry, "/shop.v1.Cards/", REGISTRY_NO_METHOD);
    find(registry, "/shop.v1.Cards", REGISTRY_NO_PATH);
    find(registry, "/shop.v1.Card/Charge", REGISTRY_NO_PATH);
    find(registry, "/", REGISTRY_NO_PATH);
    find(registry, "", REGISTRY_NO_PATH);
    registry_free(registry);
}

static void test_notes(void **state)
{
    (void)state;
    struct registry *registry = load_good_sources(sources, 3);
    const struct registry_operation *charge = find(registry, "/shop.v1.Cards/Charge", REGISTRY_MATCH)->operation;
    const struct registry_operation *watch = find(registry, "/shop.v1.Cards/Watch", REGISTRY_MATCH)->operation;
    const struct registry_operation *chat = find(registry, "/shop.v1.Cards/Chat", REGISTRY_MATCH)->operation;
    const struct registry_operation *place = find(registry, "/shop.legacy.Orders/Place", REGISTRY_MATCH)->operation;
    assert_int_equal(charge->tags.count, 1);
    assert_span_equal(charge->tags.names[0], "authorization");
    assert_span_equal(charge->data_classes.names[0], "PCI-CHD");
    assert_true(charge->sunset_ns == UINT64_C(1893456000000000000)); /* 2030-01-01T00:00:00Z */
    assert_span_equal(charge->owner, "shop team");
    assert_true(watch->deprecated && watch->data_classes.count == 0);
    assert_span_equal(chat->tags.names[0], "cards");
    assert_true(!chat->deprecated && chat->data_classes.count == 1);
    assert_int_equal(place->owner.size, 0);
    registry_free(registry);
}

/* -------------------------------------------------------------------- vectors */

static int compare_texts(const void *left, const void *right)
{
    const char *const *a = left, *const *b = right;
    return strcmp(*a, *b);
}

/* The items of a walk, sorted as the vectors are. */
static void sort_items(const char *log, char *out)
{
    static char copy[PROTOBUF_LOG_MAX];
    static const char *items[65536];
    uint32_t count = 0;
    snprintf(copy, sizeof(copy), "%s", log);
    for (char *rest = copy, *item; (item = strtok_r(rest, " ", &rest)) != NULL;)
        items[count++] = item;
    if (count)
        qsort(items, count, sizeof(*items), compare_texts);
    out[0] = '\0';
    for (uint32_t i = 0, used = 0; i < count; i++)
        used += (uint32_t)sprintf(out + used, "%s%s", i ? " " : "", items[i]);
}

static uint32_t read_hex(const char *text, uint8_t *out)
{
    uint32_t size = 0;
    for (unsigned byte; sscanf(text + 2 * size, "%2x", &byte) == 1; size++)
        out[size] = (uint8_t)byte;
    return size;
}

static const struct protobuf_message *message_of(const struct registry *registry, const char *type)
{
    static const char *const methods[] = {"/shop.v1.Cards/Charge", "/shop.legacy.Orders/Place",
                                          "/shop.v1.Envelopes/Send"};
    if (strcmp(type, "-") == 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
        const struct registry_rpc *rpc = find(registry, methods[i], REGISTRY_MATCH);
        const struct protobuf_message *ends[] = {rpc->request, rpc->response};
        for (size_t j = 0; j < 2; j++) {
            if (span_equal(ends[j]->name, span_from_text(type)))
                return ends[j];
            for (uint32_t k = 0; k < ends[j]->field_count; k++)
                if (ends[j]->fields[k].message && span_equal(ends[j]->fields[k].message->name, span_from_text(type)))
                    return ends[j]->fields[k].message;
        }
    }
    fail_msg("no message %s", type);
    return NULL;
}

static void test_vectors(void **state)
{
    (void)state;
    static char line[VECTOR_LINE_MAX], sorted[PROTOBUF_LOG_MAX];
    static uint8_t data[65536];
    struct registry *registry = load_good_sources(sources, 4);
    FILE *file = fopen(source_path("vectors/protobuf.txt"), "r");
    assert_non_null(file);
    uint32_t lines = 0;
    for (; fgets(line, sizeof(line), file); lines++) {
        line[strcspn(line, "\n")] = '\0';
        char *rest = line;
        const char *name = strsep(&rest, "|"), *type = strsep(&rest, "|"), *hex = strsep(&rest, "|");
        const struct protobuf_message *message = message_of(registry, type);
        uint32_t size = read_hex(hex, data);
        protobuf_run_cut(&whole, message, data, size, NULL, 0);
        sort_items(whole.log, sorted);
        if (strcmp(sorted, rest) != 0)
            fail_msg("%s:\n%.2000s\ninstead of\n%.2000s", name, sorted, rest);
        assert_int_equal(whole.walker.outcome, PROTOBUF_COMPLETE);
        assert_int_equal(whole.walker.flags, 0);
        for (uint32_t a = 0; a <= size; a += size > 2000 ? 61 : 1) {
            uint32_t cuts[2] = {a, a + (size - a) * (a % 7) / 7};
            protobuf_run_cut(&cut, message, data, size, cuts, 2);
            assert_string_equal(cut.log, whole.log);
            assert_int_equal(cut.walker.outcome, PROTOBUF_COMPLETE);
        }
    }
    assert_int_equal(lines, 11);
    fclose(file);
    registry_free(registry);
}

#define CARD_URL  "0a0d2f73686f702e76312e43617264" /* type_url: "/shop.v1.Card" */
#define CARD_ITEM "/content/type_url:2f73686f702e76312e43617264 "

/* Bytes by hand, from the encoding guide, against the descriptors of cards.proto and legacy.proto. */
static void test_flaws(void **state)
{
    (void)state;
    static const struct {
        const char *type, *hex, *items;
        enum protobuf_outcome outcome;
        uint32_t flags;
    } cases[] = {
        /* field 99 is in no Card; the text in it is still read */
        {"shop.v1.Card", "9a06026869", "/99:6869 ", PROTOBUF_COMPLETE, PROTOBUF_FLAG_UNKNOWN},
        /* number (1) is a string, here a varint */
        {"shop.v1.Card", "0805", "/1=5 ", PROTOBUF_COMPLETE, PROTOBUF_FLAG_UNKNOWN},
        /* a string of proto3 that is no UTF-8 */
        {"shop.v1.Card", "0a02c328", "/number:c328 ", PROTOBUF_COMPLETE, PROTOBUF_FLAG_NO_UTF8},
        /* the same in bytes, and in a string of proto2 */
        {"shop.v1.Card", "4202c328", "/raw:c328 ", PROTOBUF_COMPLETE, 0},
        {"shop.legacy.Order", "3a02c328", "/note:c328 ", PROTOBUF_COMPLETE, 0},
        /* 150 is in a range of extensions: not unknown */
        {"shop.legacy.Order", "b00905", "/150=5 ", PROTOBUF_COMPLETE, 0},
        {"shop.legacy.Order", "4005", "/8=5 ", PROTOBUF_COMPLETE, PROTOBUF_FLAG_UNKNOWN},
        /* a length beyond the end of the message it lies in, and one beyond the end of all */
        {"shop.v1.ChargeReply", "12030a0561626364", "", PROTOBUF_MALFORMED, 0},
        {"shop.v1.Card", "0a056162", "/number:6162", PROTOBUF_MALFORMED, 0},
        /* field number 0, wire type 7, a varint of eleven bytes, a tag that is cut */
        {"shop.v1.Card", "0205", "", PROTOBUF_MALFORMED, 0},
        {"shop.v1.Card", "0f05", "", PROTOBUF_MALFORMED, 0},
        {"shop.v1.Card", "10ffffffffffffffffffff01", "", PROTOBUF_MALFORMED, 0},
        {"shop.v1.Card", "80", "", PROTOBUF_MALFORMED, 0},
        /* a group without end, an end without group, the wrong end */
        {"shop.legacy.Order", "131a0161", "/payment/card:61 ", PROTOBUF_MALFORMED, 0},
        {"shop.legacy.Order", "14", "", PROTOBUF_MALFORMED, 0},
        {"shop.legacy.Order", "131c", "", PROTOBUF_MALFORMED, 0},
        /* an Any: no Card, though it says so; a Card with a field of another wire type; the type behind the value */
        {"shop.v1.Envelope", "0a13" CARD_URL "1202ffff", CARD_ITEM "/content/value:ffff ", PROTOBUF_COMPLETE, 0},
        {"shop.v1.Envelope", "0a13" CARD_URL "12020805", CARD_ITEM "/content/value/1=5 ", PROTOBUF_COMPLETE,
         PROTOBUF_FLAG_UNKNOWN},
        {"shop.v1.Envelope", "0a1312020a00" CARD_URL, CARD_ITEM, PROTOBUF_COMPLETE, 0},
        {"shop.v1.Envelope", "0a1412031a0141" CARD_URL, "/content/value/3:41 " CARD_ITEM, PROTOBUF_COMPLETE, 0},
        /* packed numbers that end in the middle of one */
        {"shop.v1.Customer", "4a020180", "/numbers=1 ", PROTOBUF_MALFORMED, 0},
        {"shop.v1.Customer", "5a0501000000ff", "/marks=1 ", PROTOBUF_MALFORMED, 0},
    };
    struct registry *registry = load_good_sources(sources, 4);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t data[64];
        uint32_t size = read_hex(cases[i].hex, data);
        const struct protobuf_message *message = message_of(registry, cases[i].type);
        for (uint32_t a = 0; a <= size; a++) {
            protobuf_run_cut(&cut, message, data, size, &a, 1);
            assert_string_equal(cut.log, cases[i].items);
            assert_int_equal(cut.walker.outcome, cases[i].outcome);
            assert_int_equal(cut.walker.flags, cases[i].flags);
        }
    }
    registry_free(registry);
}

/* --------------------------------------------------------------------- errors */

static void refuse(const struct registry_source *list, uint32_t count, const char *file, const char *words)
{
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    assert_int_equal(registry_load_sources(list, count, &diagnostics, &registry), REGISTRY_E_INVALID);
    assert_null(registry);
    bool said = false;
    for (uint32_t i = 0; i < diagnostics.count; i++)
        said =
            said || (diagnostics.entries[i].level == DIAGNOSTIC_ERROR && diagnostics.entries[i].file &&
                     strcmp(diagnostics.entries[i].file, file) == 0 && strstr(diagnostics.entries[i].message, words));
    if (!said) {
        diagnostics_print(&diagnostics, stderr);
        fail_msg("not said of %s: %s", file, words);
    }
    diagnostics_deinit(&diagnostics);
}

static void test_no_set(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        size_t size;
    } files[] = {
        {"a.pb", "", 0},
        {"b.desc", "hello, world", 12},
        {"c.protoset",
         "\x0a\x05\x0a\x09"
         "abc",
         7},
        {"d.protoset", "\x0a\x03\x12\x01p", 5}, /* a file without name */
    };
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        struct registry_source source = {files[i].name, files[i].text, files[i].size};
        refuse(&source, 1, files[i].name, "no set of protobuf descriptors");
    }
    /* Every cut of a good one but between its two proto files, and none leaves half a registry. */
    uint32_t good = 0;
    for (size_t size = 1; size < sources[0].size; size++) {
        struct registry_source source = {"cut.protoset", cards, size};
        struct diagnostics diagnostics;
        struct registry *registry = NULL;
        diagnostics_init(&diagnostics);
        int status = registry_load_sources(&source, 1, &diagnostics, &registry);
        assert_int_equal(status == 0, registry != NULL);
        assert_true(status == 0 || diagnostics.errors > 0);
        good += status == 0;
        registry_free(registry);
        diagnostics_deinit(&diagnostics);
    }
    assert_int_equal(good, 1);
}

static void test_unlinked(void **state)
{
    (void)state;
    /* The second proto file alone: google.protobuf.Timestamp is missing. The first is 2 + length bytes. */
    size_t first = 2 + (size_t)(uint8_t)cards[1];
    if ((uint8_t)cards[1] >= 0x80)
        first = 3 + ((size_t)(cards[1] & 0x7f) | (size_t)(uint8_t)cards[2] << 7);
    struct registry_source source = {"alone.protoset", cards + first, sources[0].size - first};
    struct diagnostics diagnostics;
    struct registry *registry = NULL;
    diagnostics_init(&diagnostics);
    assert_int_equal(registry_load_sources(&source, 1, &diagnostics, &registry), 0);
    assert_int_equal(diagnostics.warnings, 1);
    assert_non_null(strstr(diagnostics.entries[0].message, "shop.v1.Customer uses .google.protobuf.Timestamp"));
    diagnostics_deinit(&diagnostics);
    /* Its fields are read by number, and are no surprise. */
    const struct protobuf_message *customer = message_of(registry, "shop.v1.ChargeRequest")->fields[0].message;
    const uint8_t since[] = {0x6a, 0x04, 0x08, 0x05, 0x10, 0x06};
    protobuf_run_cut(&whole, customer, since, sizeof(since), NULL, 0);
    assert_string_equal(whole.log, "/since/1=5 /since/2=6 ");
    assert_int_equal(whole.walker.flags, 0);
    registry_free(registry);
}

static void test_same_set_twice(void **state)
{
    (void)state;
    struct registry_source twice[] = {sources[0], sources[0]};
    twice[1].name = "copy.protoset";
    struct registry *registry = load_good_sources(twice, 2);
    assert_int_equal(registry_operation_count(registry), 5);
    registry_free(registry);
}

static void test_bad_notes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"grpc: 2\nservices: {}\n", "the only one is 1"},
        {"grpc: 1\n", "`services` is needed"},
        {"grpc: 1\nservices: {shop.v1.Card: {}}\n", "no service of this name"},
        {"grpc: 1\nservices: {shop.v1.Cards: {methods: {Chrage: {}}}}\n", "no method of this name"},
        {"grpc: 1\nservices: {shop.v1.Cards: {deprecated: 'yes'}}\n", "must be true or false"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct registry_source list[] = {sources[0], {"n.yaml", cases[i].text, strlen(cases[i].text)}};
        refuse(list, 2, "n.yaml", cases[i].words);
    }
    struct registry_source alone = {"n.yaml", "grpc: 1\nservices: {}\n", 21};
    refuse(&alone, 1, "n.yaml", "no descriptors");
}

/* Sets that others made: each alone, and all of them together, where most files come several times. */
static void test_published(void **state)
{
    (void)state;
    const char *data = getenv("ASSAY_TESTDATA");
    if (!data) {
        print_message("skipped: ASSAY_TESTDATA is not set\n");
        skip();
    }
    static const char *const names[] = {"all.protoset",
                                        "desc_test_complex.protoset",
                                        "desc_test_defaults.protoset",
                                        "desc_test_proto3_optional.protoset",
                                        "descriptor_editions_impl_tests.protoset",
                                        "descriptor_impl_tests.protoset",
                                        "source_info.protoset"};
    static char texts[ARRAY_COUNT(names)][FILE_MAX];
    struct registry_source list[ARRAY_COUNT(names)];
    char folder[4096];
    snprintf(folder, sizeof(folder), "%s/protosets", data);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        list[i] = (struct registry_source){names[i], texts[i], read_text(folder, names[i], texts[i])};
        registry_free(load_good_sources(&list[i], 1));
    }
    registry_free(load_good_sources(list, ARRAY_COUNT(names)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),        cmocka_unit_test(test_notes),     cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_flaws),          cmocka_unit_test(test_no_set),    cmocka_unit_test(test_unlinked),
        cmocka_unit_test(test_same_set_twice), cmocka_unit_test(test_bad_notes), cmocka_unit_test(test_published),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
