/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checks of certificates, judged for each handshake that presents one. What a server presents is what it is, even when
 * the client then refuses it; what a client presents counts only where the server took it, and names only where the
 * client went on. A certificate that was not seen (resumed, hidden by TLS 1.3, lost) is unknown.
 */

#include "certificate/certificate.h"
#include "certificate/spiffe.h"
#include "policy/facts.h"
#include "tls/facts.h"

#define NS_PER_SECOND    UINT64_C(1000000000)
#define SECONDS_PER_DAY  86400
#define SECONDS_PER_HOUR 3600
#define DATE_SIZE        20u /* "2026-11-20T12:00:00Z" */
#define NAMES_SHOWN      4u  /* the digest finds the rest */
#define SHORT_LIFE_PART  3   /* renewed when a third of its life is left, as ACME clients and SPIRE do */

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

/* ---------------------------------------------------------------------- evidence */

static void two_digits(char *text, uint32_t number)
{
    text[0] = (char)('0' + number / 10 % 10);
    text[1] = (char)('0' + number % 10);
}

/* The civil date of a day count, by the 400 years after which the calendar repeats, begun in March. */
static void date_write(int64_t seconds, char text[DATE_SIZE])
{
    int64_t days = seconds / SECONDS_PER_DAY - (seconds % SECONDS_PER_DAY < 0);
    uint32_t second = (uint32_t)(seconds - days * SECONDS_PER_DAY);
    uint32_t from_march = (uint32_t)((days + 719468) % 146097);
    uint32_t year_of_era = (from_march - from_march / 1460 + from_march / 36524 - from_march / 146096) / 365;
    uint32_t day_of_year = from_march - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t month = (5 * day_of_year + 2) / 153;
    uint32_t day = day_of_year - (153 * month + 2) / 5 + 1;
    uint32_t year = (uint32_t)((days + 719468) / 146097) * 400 + year_of_era + (month >= 10);
    memcpy(text, "0000-00-00T00:00:00Z", DATE_SIZE);
    two_digits(text, year / 100);
    two_digits(text + 2, year % 100);
    two_digits(text + 5, month < 10 ? month + 3 : month - 9);
    two_digits(text + 8, day);
    two_digits(text + 11, second / 3600);
    two_digits(text + 14, second / 60 % 60);
    two_digits(text + 17, second % 60);
}

static char *scratch_take(struct policy_answer *answer, uint32_t size)
{
    if (POLICY_SCRATCH_SIZE - answer->scratch_used < size)
        return NULL;
    char *text = answer->scratch + answer->scratch_used;
    answer->scratch_used += size;
    return text;
}

static void add_date(struct policy_answer *answer, const char *name, int64_t seconds)
{
    char *text = seconds > -62167219200 && seconds < 253402300800 ? scratch_take(answer, DATE_SIZE) : NULL;
    if (!text) /* not from year 0 to 9999: no certificate can say such a date */
        return;
    date_write(seconds, text);
    policy_answer_add(answer, name, span_of(text, DATE_SIZE));
}

static void add_digest(struct policy_answer *answer, const struct certificate *certificate)
{
    static const char hex[] = "0123456789abcdef";
    char *text = scratch_take(answer, 2 * CERTIFICATE_DIGEST_SIZE);
    for (uint32_t i = 0; text && i < CERTIFICATE_DIGEST_SIZE; i++) {
        text[2 * i] = hex[certificate->digest[i] >> 4];
        text[2 * i + 1] = hex[certificate->digest[i] & 15];
    }
    if (text)
        policy_answer_add(answer, "sha256", span_of(text, 2 * CERTIFICATE_DIGEST_SIZE));
}

/* What every finding about a certificate shows. */
static enum verdict fail(struct policy_answer *answer, const struct policy_facts *facts)
{
    const struct certificate *certificate = facts->input->certificate;
    policy_answer_add_text(answer, "presented_by", facts->input->client_certificate ? "client" : "server");
    if (certificate->subject_size)
        policy_answer_add(answer, "subject", span_of(certificate->subject, certificate->subject_size));
    if (certificate->issuer_size)
        policy_answer_add(answer, "issuer", span_of(certificate->issuer, certificate->issuer_size));
    policy_answer_add(answer, "serial", span_of(certificate->serial, certificate->serial_size));
    add_digest(answer, certificate);
    policy_answer_add_zones(answer, facts);
    return VERDICT_FAIL;
}

static void add_names(struct policy_answer *answer, const struct certificate *certificate,
                      enum certificate_name_kind kind)
{
    uint32_t told = 0;
    for (uint32_t i = 0; i < certificate->name_count && told < NAMES_SHOWN; i++) {
        if (certificate->names[i].kind != kind)
            continue;
        policy_answer_add(answer, kind == CERTIFICATE_NAME_URI ? "uri_name" : "dns_name",
                          certificate_name_text(certificate, i));
        told++;
    }
}

/* ------------------------------------------------------------------ what was seen */

static enum verdict server_presented(const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct tls_facts *tls = facts->input->tls;
    bool damaged = (tls->seen & (TLS_SEEN_DAMAGED | TLS_SEEN_MIDSTREAM)) != 0;
    bool without = tls_facts_seen(tls, TLS_SEEN_SERVER_HELLO_DONE) && !(tls->seen & TLS_SEEN_CERTIFICATE);
    if (facts->input->source_zone->scanner)
        return VERDICT_NOT_APPLICABLE;
    if (facts->input->certificate)
        return VERDICT_PASS;
    if (tls->completed == TLS_NO || (without && !damaged)) /* anonymous, or a PSK */
        return VERDICT_NOT_APPLICABLE;
    return policy_answer_unknown(answer, tls->resumption > TLS_RESUMED_NO ? "full handshake that is resumed"
                                                                          : "certificate of the server");
}

static enum verdict client_presented(const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct tls_facts *tls = facts->input->tls;
    if (tls->completed == TLS_NO || facts->input->source_zone->scanner)
        return VERDICT_NOT_APPLICABLE;
    if (tls->completed == TLS_UNKNOWN)
        return policy_answer_unknown(answer, "the end of the handshake");
    return facts->input->certificate ? VERDICT_PASS : policy_answer_unknown(answer, "certificate of the client");
}

/* VERDICT_PASS: there is a certificate to judge. */
static enum verdict presented(const struct policy_facts *facts, struct policy_answer *answer)
{
    return facts->input->client_certificate ? client_presented(facts, answer) : server_presented(facts, answer);
}

static int64_t now_seconds(const struct policy_facts *facts)
{
    return (int64_t)(facts->input->time_ns / NS_PER_SECOND);
}

static bool dates_known(const struct certificate *certificate)
{
    return certificate->not_before_s != INT64_MIN && certificate->not_after_s != INT64_MAX;
}

/* The zone whose machine presented it. */
static const struct zone *holder_zone(const struct policy_facts *facts)
{
    return facts->input->client_certificate ? facts->input->source_zone : facts->input->destination_zone;
}

/* ------------------------------------------------------------------------- checks */

enum verdict policy_check_certificate_validity(const struct policy_rule *rule, const struct policy_facts *facts,
                                               struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    enum verdict verdict = presented(facts, answer);
    if (verdict != VERDICT_PASS)
        return verdict;
    int64_t now = now_seconds(facts);
    bool expired = certificate->chain_after_s<now, early = certificate->chain_before_s> now;
    if (!expired && !early)
        return dates_known(certificate) ? VERDICT_PASS : policy_answer_unknown(answer, "dates: they cannot be read");
    policy_answer_add_text(answer, "fault", expired ? "expired" : "not yet valid");
    if (certificate->chain_after_s != certificate->not_after_s ||
        certificate->chain_before_s != certificate->not_before_s)
        policy_answer_add_text(answer, "dates_of", "the whole chain");
    add_date(answer, "not_before", certificate->chain_before_s);
    add_date(answer, "not_after", certificate->chain_after_s);
    return fail(answer, facts);
}

enum verdict policy_check_certificate_remaining(const struct policy_rule *rule, const struct policy_facts *facts,
                                                struct policy_answer *answer)
{
    const struct certificate *certificate = facts->input->certificate;
    enum verdict verdict = presented(facts, answer);
    if (verdict != VERDICT_PASS)
        return verdict;
    if (!dates_known(certificate))
        return policy_answer_unknown(answer, "dates: they cannot be read");
    int64_t left = certificate->not_after_s - now_seconds(facts);
    int64_t wanted = (int64_t)rule->remaining_days_min * SECONDS_PER_DAY;
    int64_t part = (certificate->not_after_s - certificate->not_before_s) / SHORT_LIFE_PART;
    if (left < 0)
        return VERDICT_NOT_APPLICABLE; /* another rule says so */
    if (left >= (part < wanted ? part : wanted))
        return VERDICT_PASS;
    add_date(answer, "not_after", certificate->not_after_s);
    policy_answer_add_number(answer, "hours_left", (uint64_t)(left / SECONDS_PER_HOUR));
    return fail(answer, facts);
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
    enum verdict verdict = presented(facts, answer);
    if (verdict != VERDICT_PASS)
        return verdict;
    if (!dates_known(certificate))
        return policy_answer_unknown(answer, "dates: they cannot be read");
    int64_t longest = life_max(rule, certificate);
    int64_t life = certificate->not_after_s - certificate->not_before_s;
    if (longest == 0)
        return VERDICT_NOT_APPLICABLE;
    if (life <= longest)
        return VERDICT_PASS;
    policy_answer_add_number(answer, "lifetime_hours", (uint64_t)(life / SECONDS_PER_HOUR));
    policy_answer_add_number(answer, "lifetime_hours_max", (uint64_t)(longest / SECONDS_PER_HOUR));
    add_date(answer, "not_before", certificate->not_before_s);
    add_date(answer, "not_after", certificate->not_after_s);
    return fail(answer, facts);
}

enum verdict policy_check_certificate_name(const struct policy_rule *rule, const struct policy_facts *facts,
                                           struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    const struct tls_facts *tls = facts->input->tls;
    enum verdict verdict = presented(facts, answer);
    if (verdict != VERDICT_PASS)
        return verdict;
    /* A workload is known by its SPIFFE id, not by a host name. */
    if (facts->input->client_certificate || (certificate->flags & CERTIFICATE_SVID))
        return VERDICT_NOT_APPLICABLE;
    if (!(certificate->flags & CERTIFICATE_ALTERNATIVE_NAMES)) {
        policy_answer_add_text(answer, "fault", "no subject alternative name, only a common name");
        return fail(answer, facts);
    }
    if (tls->completed == TLS_NO)
        return VERDICT_NOT_APPLICABLE;
    if (tls->completed == TLS_UNKNOWN)
        return policy_answer_unknown(answer, "the end of the handshake");
    struct span sni = tls_facts_sni(tls);
    if (sni.size ? certificate_matches_host(certificate, sni)
                 : certificate_matches_address(certificate, facts->call->endpoints.destination.bytes))
        return VERDICT_PASS;
    if (sni.size == 0)
        return policy_answer_unknown(answer, "name that the client asked for");
    if (certificate->flags & CERTIFICATE_CUT)
        return policy_answer_unknown(answer, "further names of the certificate");
    policy_answer_add_text(answer, "fault", "no name of the certificate is the one asked for");
    policy_answer_add(answer, "sni", sni);
    add_names(answer, certificate, CERTIFICATE_NAME_DNS);
    return fail(answer, facts);
}

enum verdict policy_check_certificate_scope(const struct policy_rule *rule, const struct policy_facts *facts,
                                            struct policy_answer *answer)
{
    const struct certificate *certificate = facts->input->certificate;
    enum verdict verdict = presented(facts, answer);
    if (verdict != VERDICT_PASS)
        return verdict;
    if (holder_zone(facts)->trusted_proxy) /* gateways stand for many */
        return VERDICT_NOT_APPLICABLE;
    bool many = certificate->names_sent > rule->names_max, wildcard = (certificate->flags & CERTIFICATE_WILDCARD) != 0;
    if (!many && !wildcard)
        return certificate->flags & CERTIFICATE_CUT ? policy_answer_unknown(answer, "further names of the certificate")
                                                    : VERDICT_PASS;
    policy_answer_add_text(answer, "fault", wildcard ? "wildcard" : "too many names");
    policy_answer_add_number(answer, "names", certificate->names_sent);
    add_names(answer, certificate, CERTIFICATE_NAME_DNS);
    return fail(answer, facts);
}

enum verdict policy_check_certificate_chain(const struct policy_rule *rule, const struct policy_facts *facts,
                                            struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    enum verdict verdict = presented(facts, answer);
    if (verdict != VERDICT_PASS)
        return verdict;
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
    return fail(answer, facts);
}

enum verdict policy_check_certificate_strength(const struct policy_rule *rule, const struct policy_facts *facts,
                                               struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    enum verdict verdict = presented(facts, answer);
    if (verdict != VERDICT_PASS)
        return verdict;
    if (certificate->strength_fault[0]) {
        policy_answer_add_text(answer, "fault", certificate->strength_fault);
        return fail(answer, facts);
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
    enum verdict verdict = presented(facts, answer);
    if (verdict != VERDICT_PASS)
        return verdict;
    const char *fault = usage_fault(facts->input->certificate, facts->input->client_certificate);
    if (!fault)
        return VERDICT_PASS;
    policy_answer_add_text(answer, "fault", fault);
    return fail(answer, facts);
}

enum verdict policy_check_certificate_svid(const struct policy_rule *rule, const struct policy_facts *facts,
                                           struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    enum verdict verdict = presented(facts, answer);
    if (verdict != VERDICT_PASS)
        return verdict;
    if (!(certificate->flags & CERTIFICATE_SVID))
        return certificate->flags & CERTIFICATE_CUT ? policy_answer_unknown(answer, "further names of the certificate")
                                                    : VERDICT_NOT_APPLICABLE;
    enum spiffe_fault fault = spiffe_certificate_check(certificate);
    struct span id = certificate_name_text(certificate, certificate->identity);
    const struct pattern_list *allowed = &holder_zone(facts)->svids;
    if (fault == SPIFFE_GOOD && (allowed->count == 0 || pattern_list_matches(allowed, id)))
        return VERDICT_PASS;
    policy_answer_add_text(answer, "fault", fault != SPIFFE_GOOD ? spiffe_fault_text(fault) : "not allowed here");
    add_names(answer, certificate, CERTIFICATE_NAME_URI);
    return fail(answer, facts);
}

/* A client that asked for a staple, got a certificate that promises one, and did not get it. */
static bool staple_is_missing(const struct policy_facts *facts)
{
    const struct tls_facts *tls = facts->input->tls;
    return !facts->input->client_certificate && (facts->input->certificate->flags & CERTIFICATE_MUST_STAPLE) &&
           tls->staple_asked == TLS_YES && tls->staple == TLS_NO;
}

enum verdict policy_check_certificate_revocation(const struct policy_rule *rule, const struct policy_facts *facts,
                                                 struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    enum verdict verdict = presented(facts, answer);
    if (verdict != VERDICT_PASS)
        return verdict;
    bool current = certificate->revocation_after_s >= now_seconds(facts);
    bool revoked = certificate->revocation == CERTIFICATE_REVOCATION_REVOKED && current;
    if (revoked || staple_is_missing(facts)) {
        policy_answer_add_text(answer, "fault", revoked ? "revoked" : "must be stapled and is not");
        return fail(answer, facts);
    }
    if (certificate->revocation == CERTIFICATE_REVOCATION_UNKNOWN)
        return policy_answer_unknown(answer, "revocation list of the issuer");
    return current ? VERDICT_PASS : policy_answer_unknown(answer, "a current revocation list: the one given is stale");
}

enum verdict policy_check_certificate_inventory(const struct policy_rule *rule, const struct policy_facts *facts,
                                                struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    enum verdict verdict = presented(facts, answer);
    if (verdict != VERDICT_PASS)
        return verdict;
    if (!(certificate->flags & CERTIFICATE_INVENTORY))
        return VERDICT_NOT_APPLICABLE;
    return certificate->flags & CERTIFICATE_LISTED ? VERDICT_PASS : fail(answer, facts);
}

enum verdict policy_check_certificate_caller(const struct policy_rule *rule, const struct policy_facts *facts,
                                             struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    const struct pattern_list *callers = &facts->input->destination_zone->callers;
    if (!facts->input->client_certificate || callers->count == 0)
        return VERDICT_NOT_APPLICABLE;
    enum verdict verdict = presented(facts, answer);
    if (verdict != VERDICT_PASS)
        return verdict;
    bool svid = (certificate->flags & CERTIFICATE_SVID) != 0;
    struct span id = svid ? certificate_name_text(certificate, certificate->identity) : (struct span){0};
    if (svid && spiffe_id_check(id) == SPIFFE_GOOD && pattern_list_matches(callers, id))
        return VERDICT_PASS;
    if (!svid && (certificate->flags & CERTIFICATE_CUT))
        return policy_answer_unknown(answer, "further names of the certificate");
    if (svid)
        policy_answer_add(answer, "caller", id);
    else
        policy_answer_add_text(answer, "fault", "the caller has no SPIFFE id");
    return fail(answer, facts);
}
