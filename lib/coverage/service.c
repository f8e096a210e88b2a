/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Services: the share of a service's connections that stayed closed. A condition is remembered by rule and host, as
 * those of the rules are, as long as it lasts.
 */

#include "coverage/service.h"

#include <stdio.h>

static struct span rule_of(const struct coverage_service *service)
{
    return span_from_text(service->condition.rule);
}

void coverage_services_forget(struct coverage *coverage, const struct policy *policy)
{
    for (uint32_t i = 0; i < COVERAGE_SERVICES_MAX; i++) {
        struct coverage_service *service = &coverage->services[i];
        bool there = false;
        for (uint32_t rule = 0; rule < policy_watch_count(policy) && service->condition.rule[0]; rule++) {
            const struct policy_watch *watch = policy_watch_at(policy, rule);
            there |= watch->check == RULE_CHECK_COVERAGE_UNREAD && span_equal(rule_of(service), watch->id);
        }
        if (!there)
            *service = (struct coverage_service){0};
    }
}

/* Its place, else a free one, else NULL. */
static struct coverage_service *place_of(struct coverage *coverage, const struct policy_watch *watch, struct span host)
{
    struct coverage_service *free_place = NULL;
    for (uint32_t i = 0; i < COVERAGE_SERVICES_MAX; i++) {
        struct coverage_service *service = &coverage->services[i];
        if (!service->condition.rule[0])
            free_place = free_place ? free_place : service;
        else if (span_equal(rule_of(service), watch->id) &&
                 span_equal(span_of(service->host, service->host_size), host))
            return service;
    }
    return free_place;
}

static void place_take(struct coverage_service *service, const struct policy_watch *watch, struct span host)
{
    snprintf(service->condition.rule, sizeof(service->condition.rule), "%.*s", (int)watch->id.size,
             (const char *)watch->id.data);
    service->host_size = (uint16_t)host.size;
    memcpy(service->host, host.data, host.size);
}

static uint64_t connections_of(const struct service_report *service)
{
    uint64_t sum = 0;
    for (int i = 0; i < LEDGER_TLS_COUNT; i++)
        sum += service->tls[i];
    return sum;
}

static enum measure measure_service(const struct policy_watch *watch, const struct service_report *service,
                                    struct evidence *evidence)
{
    uint64_t connections = connections_of(service), closed = connections - service->tls[LEDGER_TLS_OPENED];
    evidence_add_unsigned(evidence, "connections", connections);
    evidence_add_percent(evidence, "closed_percent", closed, connections);
    for (int i = LEDGER_TLS_OPENED + 1; i < LEDGER_TLS_COUNT; i++)
        evidence_add_unsigned(evidence, ledger_tls_name((enum ledger_tls)i), service->tls[i]);
    if (watch->limits.service_connections_min == 0 || connections < watch->limits.service_connections_min)
        return MEASURE_NOT_JUDGED;
    bool breach = measure_share_exceeds(closed, connections, watch->limits.service_closed_percent_max);
    return breach ? MEASURE_BREACH : MEASURE_QUIET;
}

/* What is remembered of it decides whether it is told; NULL: nothing is remembered. */
static const char *word_of(struct coverage *coverage, const struct policy_watch *watch, struct span host,
                           enum measure measure, uint64_t now_ns)
{
    struct coverage_service *place = coverage ? place_of(coverage, watch, host) : NULL;
    if (!place || (!place->condition.rule[0] && measure != MEASURE_BREACH))
        return measure == MEASURE_BREACH ? "lasts" : NULL;
    if (!place->condition.rule[0])
        place_take(place, watch, host);
    const char *word = coverage_condition_step(&place->condition, measure, now_ns);
    if (!place->condition.lasts)
        *place = (struct coverage_service){0};
    return word;
}

static void judge_watch(struct coverage *coverage, const struct coverage_judge *judge, const struct policy_watch *watch,
                        const struct service_report *service, uint64_t now_ns)
{
    struct span host = span_first(service->host, min_u32(service->host.size, COVERAGE_HOST_MAX));
    struct evidence evidence;
    if (!host.size)
        host = SPAN_LITERAL("(none)"); /* no name was sent */
    evidence_init(&evidence, judge, watch, VERDICT_FAIL, now_ns);
    evidence_add_text(&evidence, "service", host);
    enum measure measure = measure_service(watch, service, &evidence);
    const char *word = word_of(coverage, watch, host, measure, now_ns);
    if (!word)
        return;
    if (coverage)
        evidence_add_text(&evidence, "state", span_from_text(word));
    if (measure != MEASURE_BREACH)
        evidence.finding.verdict = VERDICT_PASS;
    judge->finding(judge->context, &evidence.finding);
}

void coverage_judge_service(struct coverage *coverage, const struct coverage_judge *judge,
                            const struct service_report *service, uint64_t now_ns)
{
    const struct policy_watch *watch = NULL;
    while ((watch = policy_watch_find(judge->policy, RULE_CHECK_COVERAGE_UNREAD, watch)))
        judge_watch(coverage, judge, watch, service, now_ns);
}
