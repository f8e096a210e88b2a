/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Benchmark: nanoseconds per policy_judge() with every shipped rule, for an ordinary call of 12 request and 10 response
 * headers that matches an operation: as decrypted traffic (all well), in cleartext (four findings), and with data
 * found. The best of ROUNDS is told: what the code costs when nobody else uses the core.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/shipped.h"
#include "policy/policy.h"
#include "registry/registry.h"

#define ROUNDS       25
#define JUDGEMENTS   20000u
#define TRANSACTIONS 64u /* more than fit the first-level cache, as between two bursts */

static const char api[] = "openapi: 3.1.0\n"
                          "info: {title: t, version: '1'}\n"
                          "servers: [{url: 'https://api.example.com/v1'}]\n"
                          "components: {securitySchemes: {bearer: {type: http, scheme: bearer}}}\n"
                          "security: [{bearer: []}]\n"
                          "paths:\n"
                          "  /users/{id}/orders:\n"
                          "    get:\n"
                          "      operationId: listOrders\n"
                          "      parameters:\n"
                          "      - {name: id, in: path, required: true, schema: {type: string}}\n"
                          "      - {name: page, in: query, schema: {type: integer}}\n"
                          "      - {name: limit, in: query, schema: {type: integer}}\n"
                          "      responses: {'200': {description: ok, content: {application/json: {}}}}\n";

static const struct policy_detector detectors[] = {
    {"D01", "PAN", "PCI-CHD", false},     {"D02", "CVV", "PCI-SAD", false}, {"D07", "IBAN", "fin-PII", false},
    {"D11", "US SSN", "PII-high", false}, {"D16", "NHS", "health", false},  {"D39", "E-mail", "PII", false},
    {"D47", "ICD-10", "GDPR-9", false},   {"D49", "JWT", "secret", false},  {"E01", "Java", "error-signature", false},
};

struct bench {
    struct policy *policy;
    struct zones *zones;
    struct registry *registry;
    struct transaction *transactions;
    struct registry_match match;
    uint64_t findings;
    uint64_t verdicts[RULES_MAX][VERDICT_COUNT];
};

static void finding_count(void *context, const struct finding *finding)
{
    struct bench *bench = context;
    bench->findings += finding->evidence_count > 0;
}

static void check(int result, const struct diagnostics *diagnostics)
{
    if (result == 0)
        return;
    diagnostics_print(diagnostics, stderr);
    exit(EXIT_FAILURE);
}

static void headers_add(struct transaction *transaction, struct transaction_side *side, const char *const (*headers)[2])
{
    for (uint32_t i = 0; headers[i][0]; i++)
        transaction_add_header(transaction, side, span_from_text(headers[i][0]), span_from_text(headers[i][1]));
}

static void transaction_fill(struct transaction *transaction)
{
    static const char *const request[][2] = {{"Host", "api.example.com"},
                                             {"User-Agent", "shop/4.2 (linux)"},
                                             {"Accept", "application/json"},
                                             {"Accept-Encoding", "gzip, br"},
                                             {"Authorization", "Bearer abcdefghijklmnop"},
                                             {"Content-Type", "application/json"},
                                             {"X-Request-ID", "6f1c2d7e-3c5b-4a7e-9a60-0b6f3c1f2d11"},
                                             {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
                                             {"X-B3-Sampled", "1"},
                                             {"Accept-Language", "en"},
                                             {"Cache-Control", "no-cache"},
                                             {"Connection", "keep-alive"},
                                             {NULL, NULL}};
    static const char *const response[][2] = {{"Date", "Fri, 20 Nov 2026 18:00:00 GMT"},
                                              {"Content-Type", "application/json"},
                                              {"Content-Length", "1024"},
                                              {"Server", "envoy"},
                                              {"X-Request-ID", "6f1c2d7e-3c5b-4a7e-9a60-0b6f3c1f2d11"},
                                              {"Cache-Control", "no-store"},
                                              {"Strict-Transport-Security", "max-age=31536000"},
                                              {"Vary", "Accept"},
                                              {"ETag", "\"1\""},
                                              {"Connection", "keep-alive"},
                                              {NULL, NULL}};
    transaction_init(transaction);
    struct call *call = &transaction->call;
    call->endpoints.source.bytes[15] = 1;
    call->endpoints.destination.bytes[15] = 2;
    call->endpoints.destination_port = 443;
    call->method = transaction_keep(transaction, SPAN_LITERAL("GET"));
    call->host = transaction_keep(transaction, SPAN_LITERAL("api.example.com"));
    call->path = transaction_keep(transaction, SPAN_LITERAL("/v1/users/4711/orders?page=2&limit=50"));
    call->status = 200;
    transaction->path = span_first(call->path, 21);
    transaction->query = span_from(call->path, 22);
    headers_add(transaction, &transaction->request, request);
    headers_add(transaction, &transaction->response, response);
    transaction->request.seen = transaction->request.complete = true;
    transaction->response.seen = transaction->response.complete = true;
    transaction->response.body_size = transaction->response.scanned_size = 1024;
}

static void detection_add(struct transaction *transaction)
{
    struct detection detection = {.detector = 0, .place = DETECTION_BODY, .in_response = true, .count = 3};
    detection.confidence = DETECTION_HIGH;
    detection.name = SPAN_LITERAL("/orders/0/card");
    detection.mask_size = 16;
    memcpy(detection.mask, "455673******7375", 16);
    transaction_add_detection(transaction, &detection);
}

static double measure(struct bench *bench, bool encrypted)
{
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    uint64_t judged[POLICY_SUBJECTS] = {0};
    struct policy_sink sink = {
        .context = bench, .finding = finding_count, .verdicts = bench->verdicts, .judged = judged};
    struct policy_input input = {.match = &bench->match, .encrypted = encrypted, .time_ns = 1};
    for (uint32_t i = 0; i < JUDGEMENTS; i++) {
        const struct transaction *transaction = &bench->transactions[i % TRANSACTIONS];
        input.transaction = transaction;
        input.source_zone = zones_find(bench->zones, &transaction->call.endpoints, &transaction->call.endpoints.source);
        input.destination_zone = input.source_zone;
        policy_judge(bench->policy, &input, &sink);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / JUDGEMENTS;
}

static void report(struct bench *bench, const char *name, bool encrypted)
{
    double best = measure(bench, encrypted);
    for (uint32_t i = 1; i < ROUNDS; i++) {
        double now = measure(bench, encrypted);
        best = now < best ? now : best;
    }
    bench->findings = 0;
    (void)measure(bench, encrypted);
    printf("%-34s %6.0f ns, %.1f findings\n", name, best, (double)bench->findings / JUDGEMENTS);
}

static void bench_init(struct bench *bench)
{
    static struct rule_packs packs;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    char folder[SHIPPED_PATH_SIZE];
    struct settings settings = {0};
    check(shipped_path_find("rules", folder), &diagnostics);
    char *paths[] = {folder};
    check(rule_packs_load(paths, 1, &diagnostics, &packs), &diagnostics);
    check(zones_compile(&settings, &diagnostics, &bench->zones), &diagnostics);
    check(policy_compile(&packs, bench->zones, detectors, ARRAY_COUNT(detectors), &diagnostics, &bench->policy),
          &diagnostics);
    check(registry_load_text("api.yaml", api, sizeof(api) - 1, &diagnostics, &bench->registry), &diagnostics);
    struct registry_request request = {.host = SPAN_LITERAL("api.example.com"),
                                       .method = SPAN_LITERAL("GET"),
                                       .path = SPAN_LITERAL("/v1/users/4711/orders")};
    if (registry_find(bench->registry, &request, &bench->match) != REGISTRY_MATCH)
        exit(EXIT_FAILURE);
    rule_packs_deinit(&packs);
    diagnostics_deinit(&diagnostics);
}

int main(void)
{
    static struct bench bench;
    bench_init(&bench);
    bench.transactions = calloc(TRANSACTIONS, sizeof(*bench.transactions));
    if (!bench.transactions)
        return EXIT_FAILURE;
    for (uint32_t i = 0; i < TRANSACTIONS; i++)
        transaction_fill(&bench.transactions[i]);
    printf("%u rules\n", policy_rule_count(bench.policy));
    report(&bench, "decrypted, all well", true);
    report(&bench, "cleartext", false);
    for (uint32_t i = 0; i < TRANSACTIONS; i++)
        detection_add(&bench.transactions[i]);
    report(&bench, "decrypted, card numbers found", true);
    for (uint32_t i = 0; i < policy_rule_count(bench.policy); i++) {
        struct span id = policy_rule_id(bench.policy, i);
        printf("%.*s%s", (int)id.size, (const char *)id.data, bench.verdicts[i][VERDICT_FAIL] ? "! " : " ");
    }
    printf("\n");
    free(bench.transactions);
    policy_free(bench.policy);
    zones_free(bench.zones);
    registry_free(bench.registry);
    return EXIT_SUCCESS;
}
