/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rules that judge no call: compiled beside the others, so that the loop over the rules of a call never meets them and
 * they take no row of verdicts.
 */

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "policy/compiled.h"

#define PERCENT_MAX 100u

static bool text_keep(struct arena *arena, const char *text, struct span *text_out)
{
    const char *copy = arena_copy_text(arena, text, strlen(text));
    if (!copy)
        return false;
    *text_out = span_from_text(copy);
    return true;
}

static bool requirements_keep(struct arena *arena, const struct rule *rule, struct policy_watch *watch)
{
    struct span *texts = arena_take(arena, (rule->requirements_count + 1) * sizeof(*texts), _Alignof(struct span));
    if (!texts)
        return false;
    for (uint32_t i = 0; i < rule->requirements_count; i++)
        if (!text_keep(arena, rule->requirements[i], &texts[i]))
            return false;
    watch->requirements = texts;
    watch->requirement_count = rule->requirements_count;
    return true;
}

static void limits_check(const struct rule *rule, struct diagnostics *diagnostics)
{
    const struct rule_limits *limits = &rule->parameters.limits;
    const struct {
        const char *key;
        uint32_t value;
    } percents[] = {
        {"gap_percent_max", limits->gap_percent_max},
        {"cut_percent_max", limits->cut_percent_max},
        {"one_sided_percent_max", limits->one_sided_percent_max},
        {"unread_percent_max", limits->unread_percent_max},
        {"service_closed_percent_max", limits->service_closed_percent_max},
    };
    for (size_t i = 0; i < ARRAY_COUNT(percents); i++) {
        if (percents[i].value <= PERCENT_MAX)
            continue;
        struct diagnostic_place place = rule_place(rule, "parameters/%s", percents[i].key);
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "a share is from 0 to 100 percent, not %u",
                        percents[i].value);
    }
}

static void scope_check(const struct rule *rule, struct diagnostics *diagnostics)
{
    const struct rule_scope *scope = &rule->applies;
    if (!(scope->protocols | scope->zones | scope->environments | scope->methods_count | scope->hosts_count |
          scope->paths_count | scope->exempt_paths_count))
        return;
    struct diagnostic_place place = rule_place(rule, "applies");
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place,
                    "the check '%s' judges no call, so it cannot depend on where a call went; take `applies` out",
                    rule_check_name(rule->check));
}

int policy_watch_compile(struct policy *policy, const struct rule *rule, struct diagnostics *diagnostics)
{
    if (policy->watches_count == POLICY_WATCHES_MAX) {
        struct diagnostic_place place = rule_place(rule, "check");
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place,
                        "more than %u rules judge the auditing itself; take some out", POLICY_WATCHES_MAX);
        return -EINVAL;
    }
    limits_check(rule, diagnostics);
    scope_check(rule, diagnostics);
    struct policy_watch *watch = &policy->watches[policy->watches_count];
    *watch = (struct policy_watch){.check = rule->check, .severity = rule->severity, .limits = rule->parameters.limits};
    if (!text_keep(policy->arena, rule->id, &watch->id) || !text_keep(policy->arena, rule->title, &watch->title) ||
        !requirements_keep(policy->arena, rule, watch))
        return -ENOMEM;
    policy->watches_count++;
    return 0;
}

uint32_t policy_watch_count(const struct policy *policy)
{
    return policy->watches_count;
}

const struct policy_watch *policy_watch_at(const struct policy *policy, uint32_t index)
{
    require(index < policy->watches_count);
    return &policy->watches[index];
}

const struct policy_watch *policy_watch_find(const struct policy *policy, enum rule_check check,
                                             const struct policy_watch *after)
{
    for (uint32_t i = after ? (uint32_t)(after - policy->watches) + 1 : 0; i < policy->watches_count; i++)
        if (policy->watches[i].check == check)
            return &policy->watches[i];
    return NULL;
}

void policy_watch_cite(const struct policy_watch *watch, struct finding *finding)
{
    finding->rule = watch->id;
    finding->title = watch->title;
    finding->severity = watch->severity;
    finding->requirement_count = min_u32(watch->requirement_count, FINDING_REQUIREMENTS_MAX);
    for (uint32_t i = 0; i < finding->requirement_count; i++)
        finding->requirements[i] = watch->requirements[i];
}
