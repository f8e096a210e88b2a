/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Policy
 *
 * The rules of all packs, compiled once, judging every transaction: exactly one verdict for each enabled rule. "Not
 * seen" never becomes pass: a rule whose facts are missing (no request, cut head, gap, unsearched body) answers
 * unknown.
 *
 * Memory:  policy_compile() takes one arena; policy_judge() takes none.
 * Threads: a policy is immutable, any number of workers judge with it; a sink belongs to one worker.
 * Limits:  RULES_MAX rules, POLICY_DETECTORS_MAX detectors, POLICY_CLASSES_MAX classes of them.
 * Errors:  policy_compile(): -EINVAL with diagnostics, -ENOMEM. Traffic is never an error.
 */

#include "event/sighting.h"
#include "policy/rule_file.h"
#include "policy/zones.h"
#include "transaction/transaction.h"

#define POLICY_DETECTORS_MAX 1024u /* of all detector files; a rule has a set of bits of them: 128 bytes */
#define POLICY_CLASSES_MAX   32u   /* classes are kept in a set of bits; the catalogue has ten */

#define POLICY_WATCHES_MAX 32u /* rules about the auditing itself: a handful of kinds, some twice with other limits */

struct policy;
struct registry_match;
struct text_id_key;
struct tls_facts;
struct certificate;
struct caller_certificate;
struct certificate_staple;
struct token;
struct token_issuers;

/* One detector of the epoch; detection.detector is the index into the table. */
struct policy_detector {
    const char *id;         /* "D01" */
    const char *name;       /* "PAN" */
    const char *class_name; /* "PCI-CHD" */
    bool disabled;          /* not searched for: a rule with none but such detectors answers unknown */
};

struct policy_input {
    const struct transaction *transaction; /* of policy_judge() ... */
    const struct call *connection;         /* ... and these of policy_judge_connection() */
    const struct tls_facts *tls;
    const struct certificate *certificate;   /* of policy_judge_certificate(); NULL: it was not seen */
    const struct certificate_staple *staple; /* that came with the server's; NULL: none was looked for */
    bool client_certificate;                 /* it is the client's */
    const struct registry_match *match;      /* NULL: no registry, or an empty one: what needs it is unknown */
    const struct token *token;               /* of the request; NULL: none was looked for */
    const struct token_issuers *issuers;     /* of the settings that read the token */
    const struct caller_certificate *caller; /* who called by certificate; NULL: not known */
    const struct text_id_key *sighting_key;  /* by which calls are compared; NULL: they are not */
    const struct zones *zones;               /* those below are of */
    const struct zone *source_zone;          /* of the client; never NULL */
    const struct zone *destination_zone;
    bool encrypted;        /* it travelled in TLS and was decrypted */
    bool whole_connection; /* about a connection, no call of it: only its framing is judged */
    uint64_t time_ns;      /* packet time at which it was complete enough to judge */
    uint32_t epoch;
    struct span rules_digest, registry_digest;
};

#define POLICY_SUBJECTS 3u /* calls, connections, certificates */

struct policy_sink {
    void *context;
    /* The finding and all its spans are valid during the call only. */
    void (*finding)(void *context, const struct finding *finding);
    /* A call to be compared with others, and the finding that it becomes if they make it one; as valid. */
    void (*sighting)(void *context, const struct sighting *sighting, const struct finding *finding);
    /* Counted up, single writer: a row for each rule, policy_rule_count() of them, ... */
    uint64_t (*verdicts)[VERDICT_COUNT];
    uint64_t *judged; /* ... and POLICY_SUBJECTS numbers of what was judged */
};

MUST_USE int policy_compile(const struct rule_packs *packs, const struct zones *zones,
                            const struct policy_detector *detectors, uint32_t detectors_count,
                            struct diagnostics *diagnostics, struct policy **policy_out);
void policy_free(struct policy *policy);

/*
 * Judging does not count VERDICT_NOT_APPLICABLE. This does, once, when the counts are told: what was judged by a rule
 * and got no other verdict. Nothing else is asked of the sink.
 */
void policy_count_rest(const struct policy *policy, struct policy_sink *sink);

void policy_judge(const struct policy *policy, const struct policy_input *input, struct policy_sink *sink);

/* The handshake of a connection: one verdict for each enabled rule that judges connections. */
void policy_judge_connection(const struct policy *policy, const struct policy_input *input, struct policy_sink *sink);

/* A certificate of a handshake, judged for it: one verdict for each enabled rule that judges certificates. */
void policy_judge_certificate(const struct policy *policy, const struct policy_input *input, struct policy_sink *sink);

/*
 * A rule that judges no call but a connection or the auditing itself (rule_check_watches()). policy_judge() passes it
 * over; the pipeline and lib/coverage judge it. Its severity is not raised by zones.
 */
struct policy_watch {
    struct span id, title;
    enum rule_check check;
    enum severity severity;
    struct rule_limits limits;
    const struct span *requirements;
    uint32_t requirement_count;
};

uint32_t policy_watch_count(const struct policy *policy);
const struct policy_watch *policy_watch_at(const struct policy *policy, uint32_t index);

/* The next one of that kind behind `after` (NULL: from the start), or NULL. */
const struct policy_watch *policy_watch_find(const struct policy *policy, enum rule_check check,
                                             const struct policy_watch *after);

/* Fills in what the rule says of itself, leaves the rest. */
void policy_watch_cite(const struct policy_watch *watch, struct finding *finding);

/* Enabled rules that judge calls or connections, in the order of the sink's rows. */
uint32_t policy_rule_count(const struct policy *policy);
struct span policy_rule_id(const struct policy *policy, uint32_t index);
/* Otherwise it only judges connections: policy_judge() passes it over. */
bool policy_rule_judges_calls(const struct policy *policy, uint32_t index);
