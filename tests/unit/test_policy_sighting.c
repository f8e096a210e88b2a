/* SPDX-License-Identifier: Apache-2.0 */

/* policy: which calls are compared with others, as whose, and when that cannot be done. */

#include "unit/policy_case.h"

#include "base/text_id.h"
#include "token/token.h"

#define REGISTRY                                                                                                       \
    "openapi: 3.1.0\n"                                                                                                 \
    "info: {title: t, version: '1'}\n"                                                                                 \
    "paths:\n"                                                                                                         \
    "  /orders/{id}: {get: {operationId: getOrder, responses: {'200': {description: d}}}}\n"                           \
    "  /orders: {get: {operationId: listOrders, responses: {'200': {description: d}}}}\n"
#define ZONES                                                                                                          \
    "zones:\n"                                                                                                         \
    "- {name: proxies, kind: internal, cidrs: [10.0.0.0/8], trusted_proxy: true}\n"

static struct text_id_key key;
static struct token token;

static struct policy_case *bench_new(const char *settings, const char *registry)
{
    struct policy_case *c = case_new(settings, registry, NULL);
    text_id_key_init(&key, &(struct hash_key){1, 2}, 3);
    token_init(&token);
    c->input.sighting_key = &key;
    c->input.token = &token;
    return c;
}

static void call(struct policy_case *c, const char *method, const char *target, int32_t status)
{
    case_call(c, method, target, status);
    c->transaction.call.end_ns = CASE_TIME_NS;
}

static void present(uint8_t id)
{
    token.form = TOKEN_SIGNED;
    token.flags |= TOKEN_HAS_ID;
    token.id[0] = id;
}

/* The sighting for that rule; NULL: there is none. */
static const struct sighting *sighted(struct policy_case *c, const char *rule)
{
    case_judge(c);
    for (uint32_t i = 0; i < c->sighting_count; i++)
        if (strcmp(c->sightings[i].rule, rule) == 0)
            return &c->sightings[i].sighting;
    return NULL;
}

static struct sighting must_sight(struct policy_case *c, const char *rule)
{
    const struct sighting *sighting = sighted(c, rule);
    if (!sighting)
        fail_msg("no sighting of %s", rule);
    assert_int_equal(case_verdict(c, rule), VERDICT_NOT_APPLICABLE); /* by itself it is neither right nor wrong */
    return *sighting;
}

static void must_not_sight(struct policy_case *c, const char *rule, enum verdict verdict)
{
    if (sighted(c, rule))
        fail_msg("a sighting of %s", rule);
    assert_int_equal(case_verdict(c, rule), verdict);
}

static void tokens_that_were_accepted(void **state)
{
    (void)state;
    struct policy_case *c = bench_new("", NULL);
    call(c, "GET", "/orders", 200);
    must_not_sight(c, "AUT-009", VERDICT_NOT_APPLICABLE);
    present(1);
    struct sighting one = must_sight(c, "AUT-009");
    assert_int_equal(one.kind, SIGHTING_TOKEN);
    assert_memory_equal(&one.client, &c->transaction.call.endpoints.source, sizeof(one.client));
    present(2);
    struct sighting other = must_sight(c, "AUT-009");
    assert_memory_not_equal(one.key, other.key, sizeof(one.key));
    call(c, "GET", "/orders", 401); /* refused, as it should be */
    must_not_sight(c, "AUT-009", VERDICT_NOT_APPLICABLE);
    call(c, "GET", "/orders", CALL_STATUS_NONE);
    must_not_sight(c, "AUT-009", VERDICT_UNKNOWN);
    call(c, "GET", "/orders", 200);
    token.flags = 0; /* too long to have an id */
    must_not_sight(c, "AUT-009", VERDICT_UNKNOWN);
    c->input.sighting_key = NULL;
    must_not_sight(c, "AUT-009", VERDICT_UNKNOWN);
    case_free(c);
}

static void clients_behind_proxies(void **state)
{
    (void)state;
    static const struct {
        const char *forwarded, *client; /* client NULL: unknown */
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"203.0.113.1, 192.0.2.1", "192.0.2.1"}, /* what a client adds itself comes first */
        {"192.0.2.1, 10.0.0.7", "192.0.2.1"},    /* two proxies */
        {"192.0.2.1:4711 , 10.0.0.7:80", "192.0.2.1"},
        {"2001:db8::7", "2001:db8::7"},
        {"[2001:db8::7]:443", "2001:db8::7"},
        {"10.0.0.7", NULL},
        {"unknown", NULL},
        {"192.0.2.1, ", NULL},
        {NULL, NULL},
    };
    struct policy_case *c = bench_new(ZONES, NULL);
    present(1);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        call(c, "GET", "/orders", 200);
        case_addresses(c, "10.0.0.9", "203.0.113.9", 443);
        if (cases[i].forwarded)
            case_header(c, false, "X-Forwarded-For", cases[i].forwarded);
        if (!cases[i].client) {
            must_not_sight(c, "AUT-009", VERDICT_UNKNOWN);
            continue;
        }
        struct sighting sighting = must_sight(c, "AUT-009");
        char text[ADDRESS_TEXT_SIZE];
        address_print(&sighting.client, text);
        assert_string_equal(text, cases[i].client);
    }
    call(c, "GET", "/orders", 200); /* nobody else is believed */
    case_header(c, false, "X-Forwarded-For", "192.0.2.1");
    struct sighting sighting = must_sight(c, "AUT-009");
    assert_memory_equal(&sighting.client, &c->transaction.call.endpoints.source, sizeof(sighting.client));
    case_free(c);
}

static void attempts_with_a_credential(void **state)
{
    (void)state;
    struct policy_case *c = bench_new("", REGISTRY);
    call(c, "GET", "/orders/1", 401); /* asks for one */
    must_not_sight(c, "AUT-010", VERDICT_NOT_APPLICABLE);
    case_header(c, false, "Authorization", "Basic xxxx");
    struct sighting refused = must_sight(c, "AUT-010");
    assert_true(refused.refused);
    assert_int_equal(refused.limit, 10);
    call(c, "GET", "/orders/2", 200);
    case_header(c, false, "Authorization", "Basic xxxx");
    struct sighting accepted = must_sight(c, "AUT-010");
    assert_false(accepted.refused);
    assert_memory_equal(refused.key, accepted.key, sizeof(refused.key)); /* the same operation */
    call(c, "GET", "/orders", 200);
    case_header(c, false, "Authorization", "Basic xxxx");
    accepted = must_sight(c, "AUT-010");
    assert_memory_not_equal(refused.key, accepted.key, sizeof(refused.key));
    call(c, "POST", "/login", 403);
    c->transaction.request.body_size = 30;
    assert_true(must_sight(c, "AUT-010").refused);
    call(c, "POST", "/login", 500);
    c->transaction.request.body_size = 30;
    must_not_sight(c, "AUT-010", VERDICT_NOT_APPLICABLE);
    case_free(c);
}

static void objects_that_were_refused(void **state)
{
    (void)state;
    struct policy_case *c = bench_new("", REGISTRY);
    call(c, "GET", "/orders/1", 404);
    struct sighting one = must_sight(c, "AUT-010.objects");
    call(c, "GET", "/orders/2", 403);
    struct sighting two = must_sight(c, "AUT-010.objects");
    assert_memory_equal(one.key, two.key, sizeof(one.key));
    assert_true(one.detail != two.detail && one.detail >> 32 != two.detail >> 32);
    call(c, "GET", "/orders/2", 200); /* what it may have it may have */
    must_not_sight(c, "AUT-010.objects", VERDICT_NOT_APPLICABLE);
    call(c, "GET", "/orders", 404); /* no object */
    must_not_sight(c, "AUT-010.objects", VERDICT_NOT_APPLICABLE);
    call(c, "GET", "/others/1", 404);
    must_not_sight(c, "AUT-010.objects", VERDICT_NOT_APPLICABLE);
    case_free(c);
    c = bench_new("", NULL);
    call(c, "GET", "/orders/1", 404);
    must_not_sight(c, "AUT-010.objects", VERDICT_UNKNOWN);
    case_free(c);
}

static void request_ids(void **state)
{
    (void)state;
    struct policy_case *c = bench_new("", NULL);
    call(c, "GET", "/orders", 200);
    must_not_sight(c, "HDR-002.reuse", VERDICT_NOT_APPLICABLE);
    case_header(c, false, "X-Request-ID", "a-1");
    struct sighting one = must_sight(c, "HDR-002.reuse"), again = must_sight(c, "HDR-002.reuse");
    assert_memory_equal(&one, &again, sizeof(one));
    call(c, "POST", "/orders", 200);
    case_header(c, false, "X-Request-ID", "a-1");
    struct sighting other = must_sight(c, "HDR-002.reuse");
    assert_memory_equal(one.key, other.key, sizeof(one.key));
    assert_true(one.detail != other.detail);
    c->transaction.request.body_size = 10;
    assert_true(must_sight(c, "HDR-002.reuse").detail != other.detail);
    case_addresses(c, "198.51.100.8", "203.0.113.9", 443); /* ids are each client's own */
    other = must_sight(c, "HDR-002.reuse");
    assert_memory_not_equal(one.key, other.key, sizeof(one.key));
    call(c, "GET", "/health", 200);
    case_header(c, false, "X-Request-ID", "a-1");
    must_not_sight(c, "HDR-002.reuse", VERDICT_NOT_APPLICABLE);
    call(c, "GET", "/orders", CALL_STATUS_NONE);
    case_header(c, false, "X-Request-ID", "a-1");
    must_not_sight(c, "HDR-002.reuse", VERDICT_UNKNOWN);
    case_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_that_were_accepted),
        cmocka_unit_test(clients_behind_proxies),
        cmocka_unit_test(attempts_with_a_credential),
        cmocka_unit_test(objects_that_were_refused),
        cmocka_unit_test(request_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
