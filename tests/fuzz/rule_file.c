/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hostile rule packs: refused or compiled, never more. What compiles has to judge a call that nothing is known of,
 * giving exactly one verdict a rule.
 */

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy_detector detectors[] = {{"D01", "PAN", "PCI-CHD", false}, {"D49", "JWT", "secret", false}};

static void finding_check(void *context, const struct finding *finding)
{
    (void)context;
    require(finding->evidence_count <= FINDING_EVIDENCE_MAX);
    require(finding->requirement_count <= FINDING_REQUIREMENTS_MAX);
}

static void judge(const struct policy *policy, const struct zones *zones)
{
    static struct transaction transaction;
    static uint64_t verdicts[RULES_MAX][VERDICT_COUNT];
    memset(verdicts, 0, sizeof(verdicts));
    transaction_init(&transaction);
    transaction.call.status = CALL_STATUS_NONE;
    struct policy_input input = {.transaction = &transaction};
    input.source_zone = zones_find(zones, &transaction.call.endpoints, &transaction.call.endpoints.source);
    input.destination_zone = input.source_zone;
    uint64_t judged[POLICY_SUBJECTS] = {0};
    struct policy_sink sink = {.finding = finding_check, .verdicts = verdicts, .judged = judged};
    policy_judge(policy, &input, &sink);
    policy_count_rest(policy, &sink);
    for (uint32_t i = 0; i < policy_rule_count(policy); i++) {
        uint64_t sum = 0;
        for (uint32_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
            sum += verdicts[i][verdict];
        require(sum == 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    static struct rule_packs packs;
    struct settings settings = {0};
    struct zones *zones;
    struct policy *policy = NULL;
    require(zones_compile(&settings, &diagnostics, &zones) == 0);
    /* Twice: the second time every rule is an override of itself. */
    int result = rule_packs_add_text(&packs, "fuzz.yaml", data, size, &diagnostics);
    if (result == 0)
        result = rule_packs_add_text(&packs, "again.yaml", data, size, &diagnostics);
    if (result == 0)
        result = policy_compile(&packs, zones, detectors, ARRAY_COUNT(detectors), &diagnostics, &policy);
    require((result < 0) == (diagnostics.errors > 0));
    if (policy)
        judge(policy, zones);
    policy_free(policy);
    rule_packs_deinit(&packs);
    zones_free(zones);
    diagnostics_deinit(&diagnostics);
    return 0;
}
