/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checks of TLS handshakes, judged once a connection. Only what both sides settled counts: a handshake that failed is
 * no breach, and one whose end was not seen is unknown. What a resumed or a hidden handshake does not show is unknown
 * too.
 */

#include "policy/facts.h"
#include "tls/facts.h"
#include "tls/suite.h"

#define TLS12       0x0303u
#define TLS13       0x0304u
#define DH_BITS_MIN 2048u /* NIST SP 800-52r2 3.4.1.1 */
#define EC_BITS_MIN 256u
#define SUITES_TOLD 4u /* of those offered that are obsolete: the fingerprint names the rest */

static void add_name(struct policy_answer *answer, const char *name, const char *text, uint32_t number)
{
    if (text)
        policy_answer_add_text(answer, name, text);
    else
        policy_answer_add_number(answer, name, number);
}

/* What every finding about a handshake shows. */
static void add_connection(struct policy_answer *answer, const struct policy_facts *facts)
{
    const struct tls_facts *tls = facts->input->tls;
    if (tls->version)
        add_name(answer, "version", tls_version_name(tls->version), tls->version);
    if (tls->sni_size)
        policy_answer_add(answer, "sni", tls_facts_sni(tls));
    if (tls->ja4[0])
        policy_answer_add_text(answer, "ja4", tls->ja4);
    policy_answer_add_zones(answer, facts);
}

static void add_suite(struct policy_answer *answer, const char *name, uint16_t id)
{
    const struct tls_suite *suite = tls_suite_find(id);
    add_name(answer, name, suite ? suite->name : NULL, id);
}

/* What has to be read before a rule can judge; of the others neither hello. */
static const uint32_t hellos_needed[RULE_CHECK_COUNT] = {
    [RULE_CHECK_TLS_VERSION] = TLS_SEEN_SERVER_HELLO,
    [RULE_CHECK_TLS_SUITE_APPROVAL] = TLS_SEEN_SERVER_HELLO,
    [RULE_CHECK_TLS_SUITE_WEAK] = TLS_SEEN_SERVER_HELLO,
    [RULE_CHECK_TLS_KEY_EXCHANGE] = TLS_SEEN_SERVER_HELLO,
    [RULE_CHECK_TLS_OFFER] = TLS_SEEN_CLIENT_HELLO,
    [RULE_CHECK_TLS_DOWNGRADE] = TLS_SEEN_SERVER_HELLO | TLS_SEEN_CLIENT_HELLO,
    [RULE_CHECK_TLS_EXTENSIONS] = TLS_SEEN_SERVER_HELLO | TLS_SEEN_CLIENT_HELLO,
    [RULE_CHECK_TLS_NAMES] = TLS_SEEN_CLIENT_HELLO,
    [RULE_CHECK_CLIENT_CERTIFICATE] = TLS_SEEN_SERVER_HELLO,
};

enum verdict policy_tls_gate(const struct policy_rule *rule, const struct policy_facts *facts,
                             struct policy_answer *answer)
{
    const struct tls_facts *tls = facts->input->tls;
    uint32_t needed = hellos_needed[rule->check];
    if (tls->completed == TLS_NO || facts->input->source_zone->scanner)
        return VERDICT_NOT_APPLICABLE;
    if (tls->completed == TLS_UNKNOWN)
        return policy_answer_unknown(answer, "the end of the handshake");
    if (!tls_facts_seen(tls, needed))
        return policy_answer_unknown(answer,
                                     needed & ~tls->seen & TLS_SEEN_SERVER_HELLO ? "ServerHello" : "ClientHello");
    return VERDICT_PASS;
}

enum verdict policy_check_tls_version(const struct policy_rule *rule, const struct policy_facts *facts,
                                      struct policy_answer *answer)
{
    const struct tls_facts *tls = facts->input->tls;
    uint32_t zone_minimum = facts->input->destination_zone->tls_minimum;
    uint32_t minimum = zone_minimum > rule->tls_minimum ? zone_minimum : rule->tls_minimum;
    if (tls->version >= minimum)
        return VERDICT_PASS;
    add_connection(answer, facts);
    add_name(answer, "minimum_version", tls_version_name((uint16_t)minimum), minimum);
    return VERDICT_FAIL;
}

/* The group of the key exchange where there is one and it was seen. */
static const struct tls_group *group_seen(const struct tls_facts *tls, const struct tls_suite *suite)
{
    bool finite = suite->key_exchange == TLS_KX_DHE || suite->key_exchange == TLS_KX_DHE_PSK;
    return finite && tls->dh_bits ? NULL : tls_group_find(tls->group);
}

enum verdict policy_check_tls_suite_approval(const struct policy_rule *rule, const struct policy_facts *facts,
                                             struct policy_answer *answer)
{
    (void)rule;
    const struct tls_facts *tls = facts->input->tls;
    const struct tls_suite *suite = tls_suite_find(tls->suite);
    const struct tls_group *group = suite ? group_seen(tls, suite) : NULL;
    bool approved = suite && (suite->flags & TLS_SUITE_FIPS);
    if (approved && (!group || tls_group_is_approved(group)))
        return VERDICT_PASS;
    add_suite(answer, "suite", tls->suite);
    if (approved)
        policy_answer_add_text(answer, "group", group->name);
    add_connection(answer, facts);
    return VERDICT_FAIL;
}

static const char *weakness_name(uint32_t flag)
{
    switch (flag) {
    case TLS_SUITE_NULL:
        return "no encryption";
    case TLS_SUITE_ANONYMOUS:
        return "no authentication";
    case TLS_SUITE_EXPORT:
        return "export";
    case TLS_SUITE_RC4:
        return "RC4";
    case TLS_SUITE_DES:
        return "DES or RC2";
    default:
        return "3DES";
    }
}

static void add_weaknesses(struct policy_answer *answer, uint32_t flags)
{
    for (uint32_t flag = TLS_SUITE_NULL; flag <= TLS_SUITE_3DES; flag <<= 1)
        if (flags & TLS_SUITE_WEAK & flag)
            policy_answer_add_text(answer, "weakness", weakness_name(flag));
}

enum verdict policy_check_tls_suite_weak(const struct policy_rule *rule, const struct policy_facts *facts,
                                         struct policy_answer *answer)
{
    (void)rule;
    const struct tls_facts *tls = facts->input->tls;
    const struct tls_suite *suite = tls_suite_find(tls->suite);
    if (!suite)
        return policy_answer_unknown(answer, "what the suite is: it is not registered");
    if (!(suite->flags & TLS_SUITE_WEAK))
        return VERDICT_PASS;
    add_suite(answer, "suite", tls->suite);
    add_weaknesses(answer, suite->flags);
    add_connection(answer, facts);
    return VERDICT_FAIL;
}

/* What is wrong with the group of the key exchange: NULL nothing, or it is not known (then *known is false). */
static const char *group_fault(const struct tls_facts *tls, const struct tls_suite *suite, bool *known)
{
    bool dhe = suite->key_exchange == TLS_KX_DHE || suite->key_exchange == TLS_KX_DHE_PSK;
    *known = true;
    if (dhe && tls->dh_bits)
        return tls->dh_bits < DH_BITS_MIN ? "modulus too short" : NULL;
    const struct tls_group *group = dhe ? NULL : tls_group_find(tls->group);
    *known = group != NULL;
    if (!group)
        return NULL;
    switch ((enum tls_group_kind)group->kind) {
    case TLS_GROUP_EXPLICIT:
        return "curve of its own making";
    case TLS_GROUP_CURVE:
        return group->bits < EC_BITS_MIN ? "curve too small" : NULL;
    case TLS_GROUP_FFDHE:
        return group->bits < DH_BITS_MIN ? "modulus too short" : NULL;
    case TLS_GROUP_HYBRID:
    case TLS_GROUP_ML_KEM:
        return NULL;
    }
    return NULL;
}

enum verdict policy_check_tls_key_exchange(const struct policy_rule *rule, const struct policy_facts *facts,
                                           struct policy_answer *answer)
{
    (void)rule;
    const struct tls_facts *tls = facts->input->tls;
    const struct tls_suite *suite = tls_suite_find(tls->suite);
    if (!suite)
        return policy_answer_unknown(answer, "what the suite is: it is not registered");
    bool known = true;
    bool psk_alone = tls->version >= TLS13 && tls->resumption == TLS_RESUMED_PSK && tls->group == 0;
    bool secret = tls->version >= TLS13 ? !psk_alone : (suite->flags & TLS_SUITE_FORWARD_SECRET) != 0;
    const char *fault = secret ? group_fault(tls, suite, &known) : "no forward secrecy";
    if (!known)
        return policy_answer_unknown(answer, "group of the key exchange");
    if (!fault)
        return VERDICT_PASS;
    policy_answer_add_text(answer, "fault", fault);
    add_suite(answer, "suite", tls->suite);
    if (tls->group)
        add_name(answer, "group", tls_group_find(tls->group) ? tls_group_find(tls->group)->name : NULL, tls->group);
    if (tls->dh_bits)
        policy_answer_add_number(answer, "bits", tls->dh_bits);
    add_connection(answer, facts);
    return VERDICT_FAIL;
}

static void add_weak_offers(struct policy_answer *answer, const struct tls_facts *tls)
{
    uint32_t told = 0;
    for (uint32_t i = 0; i < tls->suite_count && i < TLS_SUITES_MAX && told < SUITES_TOLD; i++) {
        const struct tls_suite *suite = tls_suite_find(tls->suites[i]);
        if (!suite || !(suite->flags & TLS_SUITE_WEAK))
            continue;
        policy_answer_add_text(answer, "offered_suite", suite->name);
        told++;
    }
}

enum verdict policy_check_tls_offer(const struct policy_rule *rule, const struct policy_facts *facts,
                                    struct policy_answer *answer)
{
    const struct tls_facts *tls = facts->input->tls;
    /* A client without supported_versions does not say which is its lowest. */
    uint32_t lowest = tls->version_offered_min ? tls->version_offered_min : tls->version_offered_max;
    bool old = lowest < rule->tls_minimum, weak = (tls->offered_flags & TLS_SUITE_WEAK) != 0;
    if (!old && !weak)
        return VERDICT_PASS;
    if (old)
        add_name(answer, "offered_version", tls_version_name((uint16_t)lowest), lowest);
    if (weak)
        add_weak_offers(answer, tls);
    add_connection(answer, facts);
    return VERDICT_FAIL;
}

enum verdict policy_check_tls_downgrade(const struct policy_rule *rule, const struct policy_facts *facts,
                                        struct policy_answer *answer)
{
    (void)rule;
    const struct tls_facts *tls = facts->input->tls;
    /* The sentinel is only a sign of attack where the client could have had more (RFC 8446 4.1.3). */
    uint32_t within_reach = tls->downgrade_to == TLS12 ? TLS13 : TLS12;
    bool downgraded = tls->downgrade_to && tls->version_offered_max >= within_reach;
    if (!downgraded && tls->fallback_scsv != TLS_YES)
        return VERDICT_PASS;
    if (downgraded)
        policy_answer_add_text(answer, "sign", "downgrade sentinel in the server's random");
    if (tls->fallback_scsv == TLS_YES)
        policy_answer_add_text(answer, "sign", "TLS_FALLBACK_SCSV accepted");
    add_name(answer, "offered_version", tls_version_name(tls->version_offered_max), tls->version_offered_max);
    add_connection(answer, facts);
    return VERDICT_FAIL;
}

enum verdict policy_check_tls_extensions(const struct policy_rule *rule, const struct policy_facts *facts,
                                         struct policy_answer *answer)
{
    (void)rule;
    const struct tls_facts *tls = facts->input->tls;
    if (tls->version < TLS13 && tls->extended_master_secret == TLS_NO)
        policy_answer_add_text(answer, "missing", "extended_master_secret");
    if (tls->version < TLS13 && tls->secure_renegotiation == TLS_NO)
        policy_answer_add_text(answer, "missing", "renegotiation_info");
    if (tls->compression)
        policy_answer_add_number(answer, "compression", tls->compression);
    if (answer->evidence_count == 0)
        return VERDICT_PASS;
    add_connection(answer, facts);
    return VERDICT_FAIL;
}

static enum verdict hello_names_judge(const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct tls_facts *tls = facts->input->tls;
    if (tls->sni_present == TLS_NO)
        policy_answer_add_text(answer, "missing", "server_name");
    if (tls->alpn_present == TLS_NO)
        policy_answer_add_text(answer, "missing", "application_layer_protocol_negotiation");
    if (answer->evidence_count == 0)
        return VERDICT_PASS;
    add_connection(answer, facts);
    return VERDICT_FAIL;
}

/* Which ALPN names belong to what was really spoken (IANA registry). */
static bool alpn_fits(struct span alpn, enum call_protocol protocol)
{
    bool h2 = span_equal(alpn, SPAN_LITERAL("h2")), http1 = span_starts_with(alpn, SPAN_LITERAL("http/1."));
    switch (protocol) {
    case CALL_HTTP1:
        return http1;
    case CALL_HTTP2:
    case CALL_GRPC:
        return h2;
    default:
        return true;
    }
}

/*
 * A call against the handshake that it came in. Other hosts of the same certificate are right: a connection may be used
 * for all of them (RFC 9110 4.3.3, RFC 9113 9.1.1).
 */
static enum verdict call_names_judge(const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct call *call = facts->call;
    const struct connection_tls *tls = &call->tls;
    if (!(tls->flags & CONNECTION_TLS))
        return VERDICT_NOT_APPLICABLE;
    struct span host = policy_host(call);
    if (tls->alpn.size && !alpn_fits(tls->alpn, call->protocol)) {
        policy_answer_add(answer, "alpn", tls->alpn);
        policy_answer_add_text(answer, "protocol", call_protocol_name(call->protocol));
        return VERDICT_FAIL;
    }
    if (!tls->sni.size || !host.size)
        return VERDICT_NOT_APPLICABLE;
    if (span_equal_nocase(tls->sni, host))
        return VERDICT_PASS;
    enum policy_covered covered = policy_host_covered(facts);
    if (covered == POLICY_COVERED_UNKNOWN)
        return policy_answer_unknown(answer, "names of the certificate");
    if (covered == POLICY_COVERED)
        return VERDICT_PASS;
    policy_answer_add(answer, "sni", tls->sni);
    policy_answer_add(answer, "host", host);
    return VERDICT_FAIL;
}

enum verdict policy_check_tls_names(const struct policy_rule *rule, const struct policy_facts *facts,
                                    struct policy_answer *answer)
{
    (void)rule;
    return facts->input->tls ? hello_names_judge(facts, answer) : call_names_judge(facts, answer);
}

enum verdict policy_check_client_certificate(const struct policy_rule *rule, const struct policy_facts *facts,
                                             struct policy_answer *answer)
{
    (void)rule;
    const struct tls_facts *tls = facts->input->tls;
    enum settings_zone_kind client = facts->input->source_zone->kind;
    if (client == SETTINGS_ZONE_PUBLIC || client == SETTINGS_ZONE_UNKNOWN)
        return VERDICT_NOT_APPLICABLE;
    if (tls->client_certificate == TLS_YES)
        return VERDICT_PASS;
    if (tls->client_certificate == TLS_UNKNOWN)
        return policy_answer_unknown(answer, tls->resumption > TLS_RESUMED_NO ? "full handshake that is resumed"
                                                                              : "client certificate");
    policy_answer_add_text(
        answer, "fault", tls->client_certificate_requested == TLS_YES ? "client sent no certificate" : "not asked for");
    add_connection(answer, facts);
    return VERDICT_FAIL;
}
