/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Facts and answers
 *
 * What every check asks about one transaction, worked out once, and where it puts its evidence. Private to the module.
 *
 * Memory:  both live on the stack of policy_judge().
 */

#include "policy/compiled.h"
#include "registry/registry.h"

#define POLICY_SCRATCH_SIZE 512u /* numbers and joined texts of one finding; what does not fit is left out */

struct policy_facts {
    const struct policy *policy;
    const struct policy_input *input;
    const struct call *call;
    const struct transaction *transaction;      /* NULL: a connection is judged */
    const struct registry_operation *operation; /* NULL unless the outcome is a match */
    int32_t status; /* of HTTP; of gRPC the one of HTTP that means the same; CALL_STATUS_NONE: none seen */
    bool message;   /* of a protocol that carries messages, not calls */
    bool request_seen, response_seen;
    bool request_head, response_head;         /* the whole head: what is not there was not sent */
    bool request_searched, response_searched; /* every byte of the body was searched, or there was none */
    bool all_searched;                        /* both heads and both bodies */
    bool loopback;
    uint32_t classes[2];                   /* classes of what was detected, by side */
    const struct pattern_key *exempt_list; /* looked up last ... */
    bool exempt;                           /* ... with this answer; rules often have the same list */
};

struct policy_answer {
    enum severity severity; /* the rule's, unless the check says otherwise */
    bool severity_fixed;    /* not raised by zone */
    bool observable;        /* of "unknown": the message was there and could have been looked at */
    bool sighted;           /* `sighting` is to be compared with others; the verdict of the call itself says nothing */
    struct sighting sighting;
    uint32_t evidence_count;
    uint32_t scratch_used;
    struct finding_evidence evidence[FINDING_EVIDENCE_MAX];
    char scratch[POLICY_SCRATCH_SIZE];
};

void policy_facts_gather(struct policy_facts *facts, const struct policy *policy, const struct policy_input *input);

/* `name` is a literal. Evidence beyond the limit is left out: what is there is true, if not all. */
void policy_answer_add(struct policy_answer *answer, const char *name, struct span value);
void policy_answer_add_text(struct policy_answer *answer, const char *name, const char *text);
void policy_answer_add_number(struct policy_answer *answer, const char *name, uint64_t number);

/* Bytes in hex, such as a digest. */
void policy_answer_add_hex(struct policy_answer *answer, const char *name, struct span bytes);

/* A name somebody sent (header, parameter, JSON pointer): shown only when it cannot itself be a value in disguise. */
void policy_answer_add_name(struct policy_answer *answer, const char *name, struct span value);

/* Why the answer is "unknown". */
enum verdict policy_answer_unknown(struct policy_answer *answer, const char *reason);

void policy_answer_add_detection(struct policy_answer *answer, const struct policy_facts *facts,
                                 const struct detection *detection);

/* Zone of the server and its environment, for rules that depend on them. */
void policy_answer_add_zones(struct policy_answer *answer, const struct policy_facts *facts);

/* Host of a call without its port: patterns and certificates name hosts. */
struct span policy_host(const struct call *call);

/* Whether the certificate of the call's connection has the host of the call. */
enum policy_covered { POLICY_COVERED_UNKNOWN, POLICY_COVERED, POLICY_COVERED_NOT };
enum policy_covered policy_host_covered(const struct policy_facts *facts);

/* 2xx and 3xx. */
static inline bool policy_accepted(const struct policy_facts *facts)
{
    return facts->status >= 200 && facts->status < 400;
}

static inline const struct transaction_side *policy_side(const struct policy_facts *facts, bool response)
{
    return response ? &facts->transaction->response : &facts->transaction->request;
}

/* One by each check: see enum rule_check. */
typedef enum verdict policy_check(const struct policy_rule *rule, const struct policy_facts *facts,
                                  struct policy_answer *answer);

policy_check policy_check_cleartext, policy_check_port, policy_check_framing, policy_check_exposed_endpoint,
    policy_check_line_break, policy_check_introspection, policy_check_response_protection, policy_check_websocket;
policy_check policy_check_header_missing, policy_check_header_format, policy_check_forwarded_header;
policy_check policy_check_credential_missing, policy_check_authorization_scheme, policy_check_credential_cleartext,
    policy_check_credential_in_url, policy_check_broker_login;
policy_check policy_check_token_signature, policy_check_token_claims, policy_check_token_scope,
    policy_check_token_binding, policy_check_operation_caller, policy_check_oauth_flow;
policy_check policy_check_shadow_endpoint, policy_check_deprecated_operation, policy_check_sunset_operation,
    policy_check_retired_version, policy_check_undocumented_method, policy_check_undocumented_response,
    policy_check_undocumented_parameter, policy_check_undocumented_host, policy_check_undocumented_rpc,
    policy_check_undocumented_channel, policy_check_malformed_body;
policy_check policy_check_detection, policy_check_test_card;
/* Of a handshake or certificate: VERDICT_PASS where there is something that the rule can judge. */
policy_check policy_tls_gate, policy_certificate_gate;
/* check_sighting.c */
policy_check policy_check_token_sources, policy_check_failed_attempts, policy_check_object_enumeration,
    policy_check_request_id_reuse;
/* check_tls.c: facts->input->tls says that a connection is judged */
policy_check policy_check_tls_version, policy_check_tls_suite_approval, policy_check_tls_suite_weak,
    policy_check_tls_key_exchange, policy_check_tls_offer, policy_check_tls_downgrade, policy_check_tls_extensions,
    policy_check_tls_names, policy_check_client_certificate;
/* check_certificate.c, check_certificate_name.c: facts->input->certificate */
policy_check policy_check_certificate_validity, policy_check_certificate_remaining, policy_check_certificate_lifetime,
    policy_check_certificate_name, policy_check_certificate_scope, policy_check_certificate_chain,
    policy_check_certificate_strength, policy_check_certificate_usage, policy_check_certificate_svid,
    policy_check_certificate_revocation, policy_check_certificate_inventory, policy_check_certificate_caller;
