/* SPDX-License-Identifier: Apache-2.0 */

/* Checks of what certificates are made of: dates, chain, keys, uses, revocation. Judged for each that is presented. */

#include "certificate/staple.h"
#include "policy/certificate_answer.h"
#include "tls/facts.h"

#define SECONDS_PER_DAY     86400
#define SECONDS_PER_HOUR    3600
#define SHORT_LIFE_PART     3   /* renewed when a third of its life is left, as ACME clients and SPIRE do */
#define STAPLE_SKEW_SECONDS 300 /* between the clocks of responder and sensor; OpenSSL's and nginx's default */

/* The longest life of a public certificate by the day it was issued (CA/Browser Forum Baseline Requirements 6.3.2). */
static const struct {
    int64_t from_s;
    uint32_t days;
} public_lives[] = {
    {1868227200, 47},  /* 2029-03-15 */
    {1805068800, 100}, /* 2027-03-15 */
    {1773532800, 200}, /* 2026-03-15 */
    {1598918400, 398}, /* 2020-09-01 */
};

enum verdict policy_check_certificate_validity(const struct policy_rule *rule, const struct policy_facts *facts,
                                               struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    int64_t now = certificate_now_s(facts);
    bool expired = certificate->chain_after_s<now, early = certificate->chain_before_s> now;
    if (!expired && !early)
        return certificate_dates_known(certificate) ? VERDICT_PASS
                                                    : policy_answer_unknown(answer, "dates: they cannot be read");
    policy_answer_add_text(answer, "fault", expired ? "expired" : "not yet valid");
    if (certificate->chain_after_s != certificate->not_after_s ||
        certificate->chain_before_s != certificate->not_before_s)
        policy_answer_add_text(answer, "dates_of", "the whole chain");
    certificate_add_date(answer, "not_before", certificate->chain_before_s);
    certificate_add_date(answer, "not_after", certificate->chain_after_s);
    return certificate_fail(answer, facts);
}

enum verdict policy_check_certificate_remaining(const struct policy_rule *rule, const struct policy_facts *facts,
                                                struct policy_answer *answer)
{
    const struct certificate *certificate = facts->input->certificate;
    if (!certificate_dates_known(certificate))
        return policy_answer_unknown(answer, "dates: they cannot be read");
    int64_t left = certificate->not_after_s - certificate_now_s(facts);
    int64_t wanted = (int64_t)rule->remaining_days_min * SECONDS_PER_DAY;
    int64_t part = (certificate->not_after_s - certificate->not_before_s) / SHORT_LIFE_PART;
    if (left < 0)
        return VERDICT_NOT_APPLICABLE; /* another rule says so */
    if (left >= (part < wanted ? part : wanted))
        return VERDICT_PASS;
    certificate_add_date(answer, "not_after", certificate->not_after_s);
    policy_answer_add_number(answer, "hours_left", (uint64_t)(left / SECONDS_PER_HOUR));
    return certificate_fail(answer, facts);
}

/* The longest life that is right; 0: nothing says. */
static int64_t life_max(const struct policy_rule *rule, const struct certificate *certificate)
{
    if (!(certificate->flags & CERTIFICATE_ANCHOR_PUBLIC))
        return (int64_t)rule->lifetime_hours_max * SECONDS_PER_HOUR;
    for (size_t i = 0; i < ARRAY_COUNT(public_lives); i++)
        if (certificate->not_before_s >= public_lives[i].from_s)
            return (int64_t)public_lives[i].days * SECONDS_PER_DAY;
    return 0;
}

enum verdict policy_check_certificate_lifetime(const struct policy_rule *rule, const struct policy_facts *facts,
                                               struct policy_answer *answer)
{
    const struct certificate *certificate = facts->input->certificate;
    if (!certificate_dates_known(certificate))
        return policy_answer_unknown(answer, "dates: they cannot be read");
    int64_t longest = life_max(rule, certificate);
    int64_t life = certificate->not_after_s - certificate->not_before_s;
    if (longest == 0)
        return VERDICT_NOT_APPLICABLE;
    if (life <= longest)
        return VERDICT_PASS;
    policy_answer_add_number(answer, "lifetime_hours", (uint64_t)(life / SECONDS_PER_HOUR));
    policy_answer_add_number(answer, "lifetime_hours_max", (uint64_t)(longest / SECONDS_PER_HOUR));
    certificate_add_date(answer, "not_before", certificate->not_before_s);
    certificate_add_date(answer, "not_after", certificate->not_after_s);
    return certificate_fail(answer, facts);
}

enum verdict policy_check_certificate_chain(const struct policy_rule *rule, const struct policy_facts *facts,
                                            struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    switch ((enum certificate_trust)certificate->trust) {
    case CERTIFICATE_TRUST_ANCHORED:
        return VERDICT_PASS;
    case CERTIFICATE_TRUST_UNKNOWN:
        return policy_answer_unknown(answer, certificate->trust_fault[0] ? certificate->trust_fault
                                                                         : "trust: the zone names no bundle");
    case CERTIFICATE_TRUST_SELF_SIGNED:
    case CERTIFICATE_TRUST_FOREIGN:
    case CERTIFICATE_TRUST_INCOMPLETE:
    case CERTIFICATE_TRUST_BROKEN:
        break;
    }
    policy_answer_add_text(answer, "fault", certificate->trust_fault);
    policy_answer_add_number(answer, "certificates_sent", certificate->count);
    return certificate_fail(answer, facts);
}

enum verdict policy_check_certificate_strength(const struct policy_rule *rule, const struct policy_facts *facts,
                                               struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    if (certificate->strength_fault[0]) {
        policy_answer_add_text(answer, "fault", certificate->strength_fault);
        return certificate_fail(answer, facts);
    }
    bool known = certificate->key_bits && !(certificate->flags & (CERTIFICATE_CHAIN_CUT | CERTIFICATE_LAST_UNREAD));
    return known ? VERDICT_PASS : policy_answer_unknown(answer, "a key of the chain: it cannot be read");
}

static const char *usage_fault(const struct certificate *certificate, bool client)
{
    uint32_t wanted = client ? CERTIFICATE_CLIENT_USAGE : CERTIFICATE_SERVER_USAGE;
    uint32_t usable = CERTIFICATE_DIGITAL_SIGNATURE | CERTIFICATE_KEY_AGREEMENT;
    if (!client)
        usable |= CERTIFICATE_KEY_ENCIPHERMENT;
    if (certificate->flags & CERTIFICATE_AUTHORITY)
        return "a certificate authority";
    if ((certificate->flags & CERTIFICATE_EXTENDED_USAGE) && !(certificate->flags & wanted))
        return client ? "extended key usage without clientAuth" : "extended key usage without serverAuth";
    if ((certificate->flags & CERTIFICATE_KEY_USAGE) && !(certificate->key_usage & usable))
        return "key usage fits no handshake";
    return NULL;
}

enum verdict policy_check_certificate_usage(const struct policy_rule *rule, const struct policy_facts *facts,
                                            struct policy_answer *answer)
{
    (void)rule;
    const char *fault = usage_fault(facts->input->certificate, facts->input->client_certificate);
    if (!fault)
        return VERDICT_PASS;
    policy_answer_add_text(answer, "fault", fault);
    return certificate_fail(answer, facts);
}

/* ------------------------------------------------------------------------ revoked */

/* What is wrong with a staple that was promised and asked for; NULL: nothing, or it is not known. */
static const char *promise_fault(const struct policy_facts *facts, const struct certificate_staple *staple)
{
    const struct tls_facts *tls = facts->input->tls;
    bool promised = !facts->input->client_certificate && (facts->input->certificate->flags & CERTIFICATE_MUST_STAPLE) &&
                    tls->staple_asked == TLS_YES;
    if (promised && tls->staple == TLS_NO)
        return "must be stapled and is not";
    if (promised && staple->state == CERTIFICATE_STAPLE_INVALID)
        return "must be stapled, and the staple is not valid";
    bool answered = staple->state >= CERTIFICATE_STAPLE_UNKNOWN;
    return promised && answered && staple->until_s < certificate_now_s(facts) - STAPLE_SKEW_SECONDS
               ? "must be stapled, and the staple is stale"
               : NULL;
}

/* It was given, and holds at the time of the packet. */
static bool staple_holds(const struct certificate_staple *staple, int64_t now)
{
    return staple->state >= CERTIFICATE_STAPLE_GOOD && !staple->open_end &&
           now + STAPLE_SKEW_SECONDS >= staple->from_s && now - STAPLE_SKEW_SECONDS <= staple->until_s;
}

static const char *revocation_unknown(const struct certificate *certificate, const struct certificate_staple *staple)
{
    if (staple->state == CERTIFICATE_STAPLE_UNVERIFIED || staple->state == CERTIFICATE_STAPLE_INVALID)
        return staple->fault;
    if (staple->state == CERTIFICATE_STAPLE_UNKNOWN)
        return "revocation: the responder does not know the certificate";
    if (staple->state != CERTIFICATE_STAPLE_ABSENT)
        return staple->open_end ? "until when the staple holds" : "a current staple: the one given is stale";
    if (certificate->revocation == CERTIFICATE_REVOCATION_UNKNOWN)
        return "revocation list of the issuer";
    return "a current revocation list: the one given is stale";
}

enum verdict policy_check_certificate_revocation(const struct policy_rule *rule, const struct policy_facts *facts,
                                                 struct policy_answer *answer)
{
    (void)rule;
    static const struct certificate_staple none;
    const struct certificate *certificate = facts->input->certificate;
    const struct certificate_staple *staple = facts->input->staple ? facts->input->staple : &none;
    int64_t now = certificate_now_s(facts);
    bool list_current =
        certificate->revocation != CERTIFICATE_REVOCATION_UNKNOWN && certificate->revocation_after_s >= now;
    bool by_list = certificate->revocation == CERTIFICATE_REVOCATION_REVOKED && list_current;
    bool by_staple = staple->state == CERTIFICATE_STAPLE_REVOKED && staple_holds(staple, now);
    const char *fault = by_list || by_staple ? "revoked" : promise_fault(facts, staple);
    if (fault) {
        policy_answer_add_text(answer, "fault", fault);
        if (by_list || by_staple)
            policy_answer_add_text(answer, "told_by", by_list ? "revocation list" : "staple");
        return certificate_fail(answer, facts);
    }
    if (list_current || staple_holds(staple, now))
        return VERDICT_PASS;
    return policy_answer_unknown(answer, revocation_unknown(certificate, staple));
}
