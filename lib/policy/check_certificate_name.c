/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checks of whom certificates name: hosts, services, SPIFFE ids, and the inventory. Hosts are compared twice: with the
 * name that the handshake asked for, and with the host of each call that was opened.
 */

#include "certificate/spiffe.h"
#include "policy/certificate_answer.h"
#include "tls/facts.h"

#define SECONDS_PER_HOUR 3600

/* --------------------------------------------------------------------------- hosts */

/* What the handshake asked for. */
static enum verdict handshake_name_judge(const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct certificate *certificate = facts->input->certificate;
    const struct tls_facts *tls = facts->input->tls;
    /* A workload is known by its SPIFFE id, not by a host name. */
    if (facts->input->client_certificate || (certificate->flags & CERTIFICATE_SVID))
        return VERDICT_NOT_APPLICABLE;
    if (!(certificate->flags & CERTIFICATE_ALTERNATIVE_NAMES)) {
        policy_answer_add_text(answer, "fault", "no subject alternative name, only a common name");
        return certificate_fail(answer, facts);
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
    certificate_add_names(answer, certificate, CERTIFICATE_NAME_DNS);
    return certificate_fail(answer, facts);
}

/* "192.0.2.1" and "[2001:db8::1]" are addresses. */
static bool host_covered(const struct certificate *certificate, struct span host)
{
    char text[ADDRESS_TEXT_SIZE] = {0};
    struct address address;
    uint8_t ip_version;
    bool brackets = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
    struct span bare = brackets ? span_of(host.data + 1, host.size - 2) : host;
    if (certificate_matches_host(certificate, host))
        return true;
    if (bare.size == 0 || bare.size >= sizeof(text))
        return false;
    memcpy(text, bare.data, bare.size);
    return address_parse(text, &address, &ip_version) == 0 && certificate_matches_address(certificate, address.bytes);
}

enum policy_covered policy_host_covered(const struct policy_facts *facts)
{
    const struct certificate *certificate = facts->call->tls.server_certificate;
    if (!certificate)
        return POLICY_COVERED_UNKNOWN;
    if (host_covered(certificate, policy_host(facts->call)))
        return POLICY_COVERED;
    return certificate->flags & CERTIFICATE_CUT ? POLICY_COVERED_UNKNOWN : POLICY_COVERED_NOT;
}

/* A host other than the one of the handshake: names of certificates are of hosts, so calls over HTTP have them. */
static enum verdict call_name_judge(const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct call *call = facts->call;
    const struct certificate *certificate = call->tls.server_certificate;
    struct span host = policy_host(call);
    bool http = call->protocol == CALL_HTTP1 || call->protocol == CALL_HTTP2 || call->protocol == CALL_GRPC;
    bool without_names = certificate && (!(certificate->flags & CERTIFICATE_ALTERNATIVE_NAMES) ||
                                         (certificate->flags & CERTIFICATE_SVID));
    if (!http || !(call->tls.flags & CONNECTION_TLS) || facts->input->destination_zone->trusted_proxy ||
        host.size == 0 || span_equal_nocase(host, call->tls.sni) || without_names)
        return VERDICT_NOT_APPLICABLE;
    enum policy_covered covered = policy_host_covered(facts);
    if (covered == POLICY_COVERED_UNKNOWN)
        return policy_answer_unknown(answer, "names of the certificate");
    if (covered == POLICY_COVERED)
        return VERDICT_PASS;
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was the call accepted?");
    if (!policy_accepted(facts)) /* 421 is right */
        return VERDICT_NOT_APPLICABLE;
    policy_answer_add_text(answer, "fault", "no name of the certificate is the host of the call");
    policy_answer_add(answer, "host", host);
    if (call->tls.sni.size)
        policy_answer_add(answer, "sni", call->tls.sni);
    certificate_add_names(answer, certificate, CERTIFICATE_NAME_DNS);
    return VERDICT_FAIL;
}

enum verdict policy_check_certificate_name(const struct policy_rule *rule, const struct policy_facts *facts,
                                           struct policy_answer *answer)
{
    (void)rule;
    return facts->transaction ? call_name_judge(facts, answer) : handshake_name_judge(facts, answer);
}

/* The first host name that is not of the zone's services; data NULL: none, or the zone does not say which they are. */
static struct span foreign_name(const struct pattern_list *names, const struct certificate *certificate)
{
    for (uint32_t i = 0; names->count && i < certificate->name_count; i++) {
        uint8_t lower[PATTERN_LOWER_MAX];
        struct span name = certificate_name_text(certificate, i);
        if (certificate->names[i].kind == CERTIFICATE_NAME_DNS &&
            !pattern_list_matches(names, pattern_text_lower(name, lower)))
            return name;
    }
    return (struct span){0};
}

enum verdict policy_check_certificate_scope(const struct policy_rule *rule, const struct policy_facts *facts,
                                            struct policy_answer *answer)
{
    const struct certificate *certificate = facts->input->certificate;
    if (certificate_holder_zone(facts)->trusted_proxy) /* gateways stand for many */
        return VERDICT_NOT_APPLICABLE;
    bool many = certificate->names_sent > rule->names_max, wildcard = (certificate->flags & CERTIFICATE_WILDCARD) != 0;
    struct span foreign = foreign_name(&certificate_holder_zone(facts)->names, certificate);
    if (!many && !wildcard && !foreign.size)
        return certificate->flags & CERTIFICATE_CUT ? policy_answer_unknown(answer, "further names of the certificate")
                                                    : VERDICT_PASS;
    policy_answer_add_text(answer, "fault",
                           foreign.size ? "name of another service"
                           : wildcard   ? "wildcard"
                                        : "too many names");
    if (foreign.size)
        policy_answer_add(answer, "foreign_name", foreign);
    policy_answer_add_number(answer, "names", certificate->names_sent);
    certificate_add_names(answer, certificate, CERTIFICATE_NAME_DNS);
    return certificate_fail(answer, facts);
}

/* ------------------------------------------------------------------------ identity */

enum verdict policy_check_certificate_svid(const struct policy_rule *rule, const struct policy_facts *facts,
                                           struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    if (!(certificate->flags & CERTIFICATE_SVID))
        return certificate->flags & CERTIFICATE_CUT ? policy_answer_unknown(answer, "further names of the certificate")
                                                    : VERDICT_NOT_APPLICABLE;
    enum spiffe_fault fault = spiffe_certificate_check(certificate);
    struct span id = certificate_name_text(certificate, certificate->identity);
    const struct pattern_list *allowed = &certificate_holder_zone(facts)->svids;
    if (fault == SPIFFE_GOOD && (allowed->count == 0 || pattern_list_matches(allowed, id)))
        return VERDICT_PASS;
    policy_answer_add_text(answer, "fault", fault != SPIFFE_GOOD ? spiffe_fault_text(fault) : "not allowed here");
    certificate_add_names(answer, certificate, CERTIFICATE_NAME_URI);
    return certificate_fail(answer, facts);
}

enum verdict policy_check_certificate_caller(const struct policy_rule *rule, const struct policy_facts *facts,
                                             struct policy_answer *answer)
{
    (void)rule;
    const struct certificate *certificate = facts->input->certificate;
    const struct pattern_list *callers = &facts->input->destination_zone->callers;
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
    return certificate_fail(answer, facts);
}

enum verdict policy_check_certificate_inventory(const struct policy_rule *rule, const struct policy_facts *facts,
                                                struct policy_answer *answer)
{
    const struct certificate *certificate = facts->input->certificate;
    if (!(certificate->flags & CERTIFICATE_INVENTORY))
        return VERDICT_NOT_APPLICABLE;
    if (certificate->flags & CERTIFICATE_LISTED)
        return VERDICT_PASS;
    int64_t age_s = certificate_now_s(facts) - certificate->not_before_s;
    if (certificate_dates_known(certificate) && age_s < (int64_t)rule->grace_hours * SECONDS_PER_HOUR)
        return policy_answer_unknown(answer, "inventory: the certificate is so new that it may not have it yet");
    return certificate_fail(answer, facts);
}
