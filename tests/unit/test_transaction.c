/* SPDX-License-Identifier: Apache-2.0 */

/* transaction: header names, the store, detections, texts of addresses. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "transaction/transaction.h"

static void every_known_header_is_found_in_any_case(void **state)
{
    (void)state;
    for (int id = HEADER_OTHER + 1; id < HEADER_ID_COUNT; id++) {
        char name[64];
        snprintf(name, sizeof(name), "%s", header_id_name((enum header_id)id));
        assert_int_equal(header_id_find(span_from_text(name)), id);
        for (char *c = name; *c; c++)
            *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
        assert_int_equal(header_id_find(span_from_text(name)), id);
        name[0] = '_';
        assert_int_equal(header_id_find(span_from_text(name)), HEADER_OTHER);
    }
    assert_int_equal(header_id_find(SPAN_LITERAL("")), HEADER_OTHER);
    assert_int_equal(header_id_find(SPAN_LITERAL("x-a-header-name-that-is-much-longer-than-any")), HEADER_OTHER);
}

static void headers_beyond_the_store_are_said_to_be_cut(void **state)
{
    (void)state;
    struct transaction *t = malloc(sizeof(*t));
    transaction_init(t);
    transaction_add_header(t, &t->request, SPAN_LITERAL("Host"), SPAN_LITERAL("a.example"));
    transaction_add_header(t, &t->request, SPAN_LITERAL("X-Own"), SPAN_LITERAL("1"));
    transaction_add_header(t, &t->request, SPAN_LITERAL("x-own"), SPAN_LITERAL("2"));
    const struct transaction_header *header = transaction_find_header(&t->request, HEADER_HOST, NULL);
    assert_non_null(header);
    assert_true(span_equal(transaction_header_value(t, header), SPAN_LITERAL("a.example")));
    header = transaction_find_header_named(t, &t->request, SPAN_LITERAL("X-OWN"), NULL);
    header = transaction_find_header_named(t, &t->request, SPAN_LITERAL("X-OWN"), header);
    assert_true(span_equal(transaction_header_value(t, header), SPAN_LITERAL("2")));
    assert_null(transaction_find_header_named(t, &t->request, SPAN_LITERAL("X-OWN"), header));
    assert_int_equal(t->call.flags, 0);
    static uint8_t large[TRANSACTION_STORE_SIZE];
    transaction_add_header(t, &t->request, SPAN_LITERAL("Authorization"), span_of(large, sizeof(large)));
    assert_int_equal(t->call.flags, CALL_TRUNCATED);
    assert_true(transaction_side_has(&t->request, HEADER_AUTHORIZATION));
    assert_int_equal(t->request.header_count, 3);
    assert_int_equal(t->request.header_count_wire, 4);
    free(t);
}

static void detections_of_one_place_are_counted_together(void **state)
{
    (void)state;
    struct transaction *t = malloc(sizeof(*t));
    transaction_init(t);
    struct detection d = {.detector = 3, .place = DETECTION_BODY, .count = 1, .name = SPAN_LITERAL("/card")};
    transaction_add_detection(t, &d);
    d.confidence = DETECTION_HIGH;
    transaction_add_detection(t, &d);
    d.in_response = true;
    transaction_add_detection(t, &d);
    assert_int_equal(t->detection_count, 2);
    assert_int_equal(t->detections[0].count, 2);
    assert_int_equal(t->detections[0].confidence, DETECTION_HIGH);
    for (uint16_t i = 0; i < TRANSACTION_DETECTIONS_MAX; i++) {
        d.detector = (uint16_t)(100 + i);
        transaction_add_detection(t, &d);
    }
    assert_int_equal(t->detections_lost, 2);
    free(t);
}

static void detections_in_elements_of_one_array_are_one(void **state)
{
    (void)state;
    struct transaction *t = malloc(sizeof(*t));
    transaction_init(t);
    struct detection d = {.place = DETECTION_BODY, .count = 1, .name = SPAN_LITERAL("/items/0/card")};
    transaction_add_detection(t, &d);
    d.name = SPAN_LITERAL("/items/12/card");
    transaction_add_detection(t, &d);
    d.name = SPAN_LITERAL("/items/x/card");
    transaction_add_detection(t, &d);
    d.name = SPAN_LITERAL("/items/1");
    transaction_add_detection(t, &d);
    assert_int_equal(t->detection_count, 3);
    assert_int_equal(t->detections[0].count, 2);
    assert_true(span_equal(t->detections[0].name, SPAN_LITERAL("/items/0/card")));
    free(t);
}

static void addresses_read_and_print(void **state)
{
    (void)state;
    const char *texts[] = {"192.0.2.1", "2001:db8::1", "::1"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct address address;
        uint8_t version;
        char text[ADDRESS_TEXT_SIZE];
        assert_int_equal(address_parse(texts[i], &address, &version), 0);
        assert_int_equal(version, i == 0 ? 4 : 6);
        address_print(&address, text);
        assert_string_equal(text, texts[i]);
    }
    struct address address;
    uint8_t version;
    assert_int_not_equal(address_parse("192.0.2.256", &address, &version), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_header_is_found_in_any_case),
        cmocka_unit_test(headers_beyond_the_store_are_said_to_be_cut),
        cmocka_unit_test(detections_of_one_place_are_counted_together),
        cmocka_unit_test(detections_in_elements_of_one_array_are_one),
        cmocka_unit_test(addresses_read_and_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
