/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Coverage: conditions begin, last and end. State is kept by rule id, so that a reload that leaves a rule alone leaves
 * its condition alone, too.
 */

#include "coverage/coverage.h"

#include <stdio.h>

#include "coverage/measure.h"
#include "coverage/service.h"
#include "event/evidence.h"

#define SECOND_NS UINT64_C(1000000000)

void evidence_init(struct evidence *evidence, const struct coverage_judge *judge, const struct policy_watch *watch,
                   enum verdict verdict, uint64_t time_ns)
{
    *evidence = (struct evidence){.finding = {.time_ns = time_ns,
                                              .verdict = verdict,
                                              .epoch = judge->epoch,
                                              .rules_digest = judge->rules_digest,
                                              .registry_digest = judge->registry_digest}};
    policy_watch_cite(watch, &evidence->finding);
}

static bool is_condition(enum rule_check check)
{
    return check >= RULE_CHECK_COVERAGE_LOSS && check <= RULE_CHECK_COVERAGE_CLOCK;
}

/* ----------------------------------------------------------------- conditions */

static bool has_name(const struct coverage_condition *condition, struct span id)
{
    return span_equal(span_from_text(condition->rule), id);
}

/* Rules that a reload took away: nobody judges them any more, so nobody can say that they ended. */
static void forget_others(struct coverage *coverage, const struct policy *policy)
{
    for (uint32_t i = 0; i < COVERAGE_CONDITIONS_MAX; i++) {
        struct coverage_condition *condition = &coverage->conditions[i];
        bool there = false;
        for (uint32_t rule = 0; rule < policy_watch_count(policy); rule++) {
            const struct policy_watch *watch = policy_watch_at(policy, rule);
            there |= is_condition(watch->check) && has_name(condition, watch->id);
        }
        if (!there)
            *condition = (struct coverage_condition){0};
    }
    coverage_services_forget(coverage, policy);
}

/* There are as many places as rules can be, so one is free. */
static struct coverage_condition *condition_of(struct coverage *coverage, const struct policy_watch *watch)
{
    struct coverage_condition *free_place = NULL;
    for (uint32_t i = 0; i < COVERAGE_CONDITIONS_MAX; i++) {
        if (has_name(&coverage->conditions[i], watch->id))
            return &coverage->conditions[i];
        if (!coverage->conditions[i].rule[0] && !free_place)
            free_place = &coverage->conditions[i];
    }
    require(free_place);
    snprintf(free_place->rule, sizeof(free_place->rule), "%.*s", (int)watch->id.size, (const char *)watch->id.data);
    return free_place;
}

/* The word for what is to be told now, or NULL: nothing. */
const char *coverage_condition_step(struct coverage_condition *condition, enum measure measure, uint64_t now_ns)
{
    if (measure == MEASURE_BREACH) {
        const char *word = condition->lasts ? "lasts" : "begins";
        condition->quiet = 0;
        if (condition->lasts && now_ns < condition->told_ns + COVERAGE_REPEAT_NS)
            return NULL;
        condition->begin_ns = condition->lasts ? condition->begin_ns : now_ns;
        condition->lasts = true;
        condition->told_ns = now_ns;
        return word;
    }
    if (measure != MEASURE_QUIET || !condition->lasts || ++condition->quiet < COVERAGE_QUIET_INTERVALS)
        return NULL;
    condition->lasts = false;
    condition->quiet = 0;
    return "ended";
}

static void judge_watch(struct coverage *coverage, const struct coverage_judge *judge, const struct policy_watch *watch,
                        const struct measure_window *window, uint64_t interval_ns)
{
    uint64_t now_ns = window->clock->wall_ns;
    struct coverage_condition *condition = condition_of(coverage, watch);
    struct evidence measured;
    evidence_init(&measured, judge, watch, VERDICT_FAIL, now_ns);
    evidence_add_text(&measured, "state", SPAN_LITERAL("lasts"));
    evidence_add_unsigned(&measured, "seconds", (interval_ns + SECOND_NS / 2) / SECOND_NS);
    const char *word = coverage_condition_step(condition, measure_watch(watch, window, &measured), now_ns);
    if (!word)
        return;
    measured.finding.evidence[0].value = span_from_text(word);
    if (!condition->lasts)
        measured.finding.verdict = VERDICT_PASS;
    if (now_ns > condition->begin_ns)
        evidence_add_unsigned(&measured, "since_seconds", (now_ns - condition->begin_ns) / SECOND_NS);
    judge->finding(judge->context, &measured.finding);
}

void coverage_init(struct coverage *coverage, const struct ledger *ledger, const struct coverage_clock *clock)
{
    *coverage = (struct coverage){.before = *ledger, .clock_before = *clock};
}

void coverage_judge_interval(struct coverage *coverage, const struct coverage_judge *judge, const struct ledger *ledger,
                             const struct coverage_clock *clock)
{
    const struct coverage_clock *before = &coverage->clock_before;
    uint64_t interval_ns = clock->monotonic_ns - before->monotonic_ns;
    struct measure_window window = {.clock = clock,
                                    .step_ns = (int64_t)(clock->wall_ns - before->wall_ns - interval_ns)};
    measure_difference(&coverage->before, ledger, &window.ledger);
    forget_others(coverage, judge->policy);
    for (uint32_t i = 0; i < policy_watch_count(judge->policy); i++) {
        const struct policy_watch *watch = policy_watch_at(judge->policy, i);
        if (is_condition(watch->check))
            judge_watch(coverage, judge, watch, &window, interval_ns);
    }
    coverage->before = *ledger;
    coverage->clock_before = *clock;
}

void coverage_judge_capture(const struct coverage_judge *judge, const struct ledger *ledger, uint64_t time_ns)
{
    struct measure_window window = {.ledger = *ledger, .whole = true};
    for (uint32_t i = 0; i < policy_watch_count(judge->policy); i++) {
        const struct policy_watch *watch = policy_watch_at(judge->policy, i);
        if (watch->check != RULE_CHECK_COVERAGE_GAPS && watch->check != RULE_CHECK_COVERAGE_UNREAD)
            continue;
        struct evidence evidence;
        evidence_init(&evidence, judge, watch, VERDICT_FAIL, time_ns);
        if (measure_watch(watch, &window, &evidence) == MEASURE_BREACH)
            judge->finding(judge->context, &evidence.finding);
    }
}

/* ------------------------------------------------------------------ lifecycle */

void coverage_tell_lifecycle(const struct coverage_judge *judge, const struct lifecycle *lifecycle)
{
    const struct policy_watch *watch = NULL;
    while ((watch = policy_watch_find(judge->policy, RULE_CHECK_LIFECYCLE, watch))) {
        struct evidence evidence;
        evidence_init(&evidence, judge, watch, lifecycle->event == LIFECYCLE_DIED ? VERDICT_FAIL : VERDICT_PASS,
                      lifecycle->time_ns);
        evidence_add_text(&evidence, "event", span_from_text(lifecycle_event_name(lifecycle->event)));
        evidence_add_text(&evidence, "version", lifecycle->version);
        evidence_add_text(&evidence, "configuration_digest", lifecycle->configuration_digest);
        evidence_add_unsigned(&evidence, "pid", lifecycle->pid);
        judge->finding(judge->context, &evidence.finding);
    }
}

void coverage_tell_reload(const struct coverage_judge *judge, const struct reload_report *reload)
{
    const struct policy_watch *watch = NULL;
    while ((watch = policy_watch_find(judge->policy, RULE_CHECK_LIFECYCLE, watch))) {
        struct evidence evidence;
        evidence_init(&evidence, judge, watch, reload->accepted ? VERDICT_PASS : VERDICT_FAIL, reload->time_ns);
        evidence_add_text(&evidence, "event", SPAN_LITERAL("reload"));
        evidence_add_text(&evidence, "rules_digest", reload->rules_digest);
        evidence_add_text(&evidence, "registry_digest", reload->registry_digest);
        evidence_add_text(&evidence, "configuration_digest", reload->configuration_digest);
        evidence_add_unsigned(&evidence, "pid", reload->pid);
        evidence_add_unsigned(&evidence, "uid", reload->uid);
        evidence_add_text(&evidence, "error", reload->error);
        judge->finding(judge->context, &evidence.finding);
    }
}
