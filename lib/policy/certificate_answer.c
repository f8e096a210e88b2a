/* SPDX-License-Identifier: Apache-2.0 */

/* What all checks of certificates ask and tell. */

#include "policy/certificate_answer.h"

#include "base/hex.h"
#include "tls/facts.h"

#define NS_PER_SECOND   UINT64_C(1000000000)
#define SECONDS_PER_DAY 86400
#define DATE_SIZE       20u /* "2026-11-20T12:00:00Z" */
#define NAMES_SHOWN     4u  /* the digest finds the rest */

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

void certificate_add_date(struct policy_answer *answer, const char *name, int64_t seconds)
{
    char *text = seconds > -62167219200 && seconds < 253402300800 ? scratch_take(answer, DATE_SIZE) : NULL;
    if (!text) /* not from year 0 to 9999: no certificate can say such a date */
        return;
    date_write(seconds, text);
    policy_answer_add(answer, name, span_of(text, DATE_SIZE));
}

static void add_digest(struct policy_answer *answer, const struct certificate *certificate)
{
    char *text = scratch_take(answer, 2 * CERTIFICATE_DIGEST_SIZE);
    if (!text)
        return;
    hex_write(certificate->digest, CERTIFICATE_DIGEST_SIZE, text);
    policy_answer_add(answer, "sha256", span_of(text, 2 * CERTIFICATE_DIGEST_SIZE));
}

/* What every finding about a certificate shows. */
enum verdict certificate_fail(struct policy_answer *answer, const struct policy_facts *facts)
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

void certificate_add_names(struct policy_answer *answer, const struct certificate *certificate,
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

enum verdict policy_certificate_gate(const struct policy_rule *rule, const struct policy_facts *facts,
                                     struct policy_answer *answer)
{
    bool client = facts->input->client_certificate;
    if (rule->check == RULE_CHECK_CERTIFICATE_CALLER && (!client || !facts->input->destination_zone->callers.count))
        return VERDICT_NOT_APPLICABLE;
    return client ? client_presented(facts, answer) : server_presented(facts, answer);
}

int64_t certificate_now_s(const struct policy_facts *facts)
{
    return (int64_t)(facts->input->time_ns / NS_PER_SECOND);
}

bool certificate_dates_known(const struct certificate *certificate)
{
    return certificate->not_before_s != INT64_MIN && certificate->not_after_s != INT64_MAX;
}

/* The zone whose machine presented it. */
const struct zone *certificate_holder_zone(const struct policy_facts *facts)
{
    return facts->input->client_certificate ? facts->input->source_zone : facts->input->destination_zone;
}
