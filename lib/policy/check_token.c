/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checks of tokens: what a JWT says of itself, and who signed it. A breach is a call that was served with a token that
 * should have been refused; a token that was refused is how it should be.
 */

#include "policy/caller.h"
#include "policy/facts.h"
#include "token/issuers.h"

#define SECOND_NS        1000000000u
#define STATUS_SWITCHING 101 /* the one success below 200: a WebSocket was opened */

static bool served(const struct policy_facts *facts)
{
    return (facts->status >= 200 && facts->status < 300) || facts->status == STATUS_SWITCHING;
}

/* VERDICT_PASS: there is a token that was read, and its call was served. Otherwise *answered is set. */
static enum verdict token_find(const struct policy_facts *facts, struct policy_answer *answer, bool *answered)
{
    const struct token *token = facts->input->token;
    *answered = true;
    if (!token || !facts->request_seen)
        return policy_answer_unknown(answer, "request head");
    if (token->form == TOKEN_ABSENT || token->form == TOKEN_OPAQUE)
        return facts->request_head ? VERDICT_NOT_APPLICABLE : policy_answer_unknown(answer, "request head");
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was the call accepted?");
    if (!served(facts))
        return VERDICT_PASS;
    if (token->form == TOKEN_ENCRYPTED)
        return policy_answer_unknown(answer, "claims of an encrypted token");
    if (token->form != TOKEN_SIGNED)
        return policy_answer_unknown(answer, "token that cannot be read");
    *answered = false;
    return VERDICT_PASS;
}

static const struct token_issuer *issuer_of(const struct policy_facts *facts)
{
    uint32_t index = facts->input->token->issuer_index;
    const struct token_issuers *issuers = facts->input->issuers;
    return issuers && index < issuers->count ? &issuers->issuers[index] : NULL;
}

static void text_add(struct policy_answer *answer, const char *name, const struct token *token, struct token_text text)
{
    if (text.size)
        policy_answer_add(answer, name, token_text(token, text));
}

static void token_add(const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct token *token = facts->input->token;
    text_add(answer, "iss", token, token->issuer);
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
}

/* ------------------------------------------------------------------ signature */

/* Of a signature that is as it should be neither says anything. */
struct signature_text {
    const char *breach;
    const char *unknown;
};

static const struct signature_text signature_texts[TOKEN_SIGNATURE_COUNT] = {
    [TOKEN_SIGNATURE_NOT_ASKED] = {NULL, "issuers of tokens: none are configured"},
    [TOKEN_SIGNATURE_NONE] = {"not signed: alg is none", NULL},
    [TOKEN_SIGNATURE_BAD] = {"the signature does not fit", NULL},
    [TOKEN_SIGNATURE_ALGORITHM] = {"the issuer does not use this algorithm", NULL},
    [TOKEN_SIGNATURE_KEY_UNKNOWN] = {"the issuer has no key of this id", NULL},
    [TOKEN_SIGNATURE_KEY_OTHER] = {"the issuer's key is not for this algorithm", NULL},
    [TOKEN_SIGNATURE_CRITICAL] = {"crit names no extension", NULL},
    [TOKEN_SIGNATURE_UNKNOWN_ISSUER] = {NULL, "keys: the issuer is not configured"},
    [TOKEN_SIGNATURE_NO_KEYS] = {NULL, "keys that could verify it"},
    [TOKEN_SIGNATURE_EXTENSION] = {NULL, "an extension of the header that must be understood"},
    [TOKEN_SIGNATURE_MANY_KEYS] = {NULL, "key: the token names none, and many would fit"},
    [TOKEN_SIGNATURE_BUDGET] = {NULL, "signature: too many to verify in this second"},
};

enum verdict policy_check_token_signature(const struct policy_rule *rule, const struct policy_facts *facts,
                                          struct policy_answer *answer)
{
    (void)rule;
    bool answered;
    enum verdict verdict = token_find(facts, answer, &answered);
    if (answered)
        return verdict;
    const struct token *token = facts->input->token;
    require(token->signature < TOKEN_SIGNATURE_COUNT);
    const struct signature_text *text = &signature_texts[token->signature];
    if (text->unknown)
        return policy_answer_unknown(answer, text->unknown);
    if (!text->breach)
        return VERDICT_PASS;
    policy_answer_add_text(answer, "reason", text->breach);
    policy_answer_add_name(answer, "alg", token_text(token, token->algorithm_text));
    text_add(answer, "kid", token, token->key_id);
    token_add(facts, answer);
    const struct token_issuer *issuer = issuer_of(facts);
    if (issuer && issuer->keys)
        policy_answer_add(answer, "jwks", issuer->keys_file);
    return VERDICT_FAIL;
}

/* --------------------------------------------------------------------- claims */

/* What is found wrong; `unread` where something could not be judged. */
struct claims_judge {
    const struct policy_facts *facts;
    const struct token *token;
    const struct token_issuer *issuer; /* NULL: not configured */
    struct policy_answer *answer;
    int64_t now;
    int64_t skew;
    bool breach;
    bool unread;
};

static void breach(struct claims_judge *judge, const char *reason)
{
    policy_answer_add_text(judge->answer, "reason", reason);
    judge->breach = true;
}

static void seconds_add(struct claims_judge *judge, const char *name, int64_t seconds)
{
    policy_answer_add_number(judge->answer, name, seconds > 0 ? (uint64_t)seconds : 0);
}

static void times_judge(struct claims_judge *judge)
{
    const struct token *token = judge->token;
    if (token->flags & TOKEN_TIME_MALFORMED)
        breach(judge, "exp, nbf or iat is no number");
    judge->unread |= (token->flags & TOKEN_TIME_UNREAD) != 0;
    if ((token->flags & TOKEN_HAS_EXPIRY) && judge->now >= token->expires + judge->skew) {
        breach(judge, "expired");
        seconds_add(judge, "exp", token->expires);
    }
    if ((token->flags & TOKEN_HAS_NOT_BEFORE) && token->not_before > judge->now + judge->skew) {
        breach(judge, "not valid yet");
        seconds_add(judge, "nbf", token->not_before);
    }
    if ((token->flags & TOKEN_HAS_ISSUED) && token->issued > judge->now + judge->skew) {
        breach(judge, "issued in the future");
        seconds_add(judge, "iat", token->issued);
    }
}

static void lifetime_judge(struct claims_judge *judge)
{
    const struct token *token = judge->token;
    int64_t most = judge->issuer->lifetime_max_seconds;
    if (most == 0 || (token->flags & (TOKEN_TIME_UNREAD | TOKEN_TIME_MALFORMED)))
        return;
    if (!(token->flags & TOKEN_HAS_EXPIRY)) {
        breach(judge, "valid for ever: exp is missing");
        return;
    }
    /* Without iat what is left of it is the least it can have been. */
    int64_t lifetime = token->expires - (token->flags & TOKEN_HAS_ISSUED ? token->issued : judge->now);
    if (lifetime <= most)
        return;
    breach(judge, "lifetime over the limit");
    seconds_add(judge, "lifetime_seconds", lifetime);
}

static bool names_have(const struct token_names *names, struct span name)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (span_equal(names->names[i], name))
            return true;
    return false;
}

static void audience_judge(struct claims_judge *judge)
{
    const struct token *token = judge->token;
    if (judge->issuer->audiences.count == 0)
        return;
    for (uint32_t i = 0; i < token->audience_count; i++)
        if (names_have(&judge->issuer->audiences, token_text(token, token->audiences[i])))
            return;
    if (token->flags & TOKEN_CUT) {
        judge->unread = true;
        return;
    }
    breach(judge, token->flags & TOKEN_HAS_AUDIENCE ? "meant for another audience" : "aud is missing");
    if (token->audience_count)
        text_add(judge->answer, "aud", token, token->audiences[0]);
}

/* "application/at+jwt" is "at+jwt" (RFC 7515 4.1.9); media types have no case. */
static struct span type_bare(struct span type)
{
    const struct span prefix = SPAN_LITERAL("application/");
    bool prefixed = type.size > prefix.size && span_equal_nocase(span_first(type, prefix.size), prefix);
    return prefixed ? span_from(type, prefix.size) : type;
}

static void type_judge(struct claims_judge *judge)
{
    const struct token_names *types = &judge->issuer->types;
    struct span type = type_bare(token_text(judge->token, judge->token->type));
    for (uint32_t i = 0; i < types->count; i++)
        if (span_equal_nocase(type_bare(types->names[i]), type))
            return;
    if (types->count == 0)
        return;
    breach(judge, type.size ? "of another type" : "typ is missing");
    policy_answer_add_name(judge->answer, "typ", type);
}

static void issuer_judge(struct claims_judge *judge)
{
    const struct token_issuers *issuers = judge->facts->input->issuers;
    if (judge->issuer) {
        lifetime_judge(judge);
        audience_judge(judge);
        type_judge(judge);
    } else if (issuers && issuers->count && !judge->token->issuer.size && (judge->token->flags & TOKEN_CUT)) {
        judge->unread = true;
    } else if (issuers && issuers->count) {
        breach(judge, judge->token->issuer.size ? "from another issuer" : "iss is missing");
    }
}

enum verdict policy_check_token_claims(const struct policy_rule *rule, const struct policy_facts *facts,
                                       struct policy_answer *answer)
{
    (void)rule;
    bool answered;
    enum verdict verdict = token_find(facts, answer, &answered);
    if (answered)
        return verdict;
    const struct token_issuer *issuer = issuer_of(facts);
    struct claims_judge judge = {
        .facts = facts,
        .token = facts->input->token,
        .issuer = issuer,
        .answer = answer,
        .now = (int64_t)(facts->transaction->call.time_ns / SECOND_NS),
        .skew = issuer ? issuer->skew_seconds : SETTINGS_SKEW_SECONDS,
    };
    times_judge(&judge);
    issuer_judge(&judge);
    if (!judge.breach)
        return judge.unread ? policy_answer_unknown(answer, "claims that cannot be read") : VERDICT_PASS;
    token_add(facts, answer);
    return VERDICT_FAIL;
}

/* ---------------------------------------------------------------------- scope */

enum scopes { SCOPES_NONE_NEEDED, SCOPES_ENOUGH, SCOPES_LACKING };

/* A scope of the token, or the role that the settings give to the caller. */
static bool caller_has(const struct policy_facts *facts, struct span needed)
{
    struct span role = facts->call->caller.role;
    const struct token *token = facts->input->token;
    return (role.size && span_equal(role, needed)) || (token->form == TOKEN_SIGNED && token_has_scope(token, needed));
}

static enum scopes alternative_judge(const struct policy_facts *facts, const struct registry_alternative *alternative)
{
    enum scopes scopes = SCOPES_NONE_NEEDED;
    for (uint32_t i = 0; i < alternative->count; i++) {
        const struct registry_names *needed = &alternative->requirements[i].scopes;
        for (uint32_t j = 0; j < needed->count; j++) {
            if (!caller_has(facts, needed->names[j]))
                return SCOPES_LACKING;
            scopes = SCOPES_ENOUGH;
        }
    }
    return scopes;
}

static void lacking_add(struct policy_answer *answer, const struct policy_facts *facts,
                        const struct registry_alternative *alternative)
{
    for (uint32_t i = 0; i < alternative->count; i++)
        for (uint32_t j = 0; j < alternative->requirements[i].scopes.count; j++) {
            struct span scope = alternative->requirements[i].scopes.names[j];
            if (!caller_has(facts, scope))
                policy_answer_add(answer, "missing_scope", scope);
        }
}

/* The alternative that lacks scopes where none is fulfilled; NULL: *verdict_out says why. */
static const struct registry_alternative *alternative_lacking(const struct policy_facts *facts, bool by_certificate,
                                                              enum verdict *verdict_out)
{
    const struct registry_operation *operation = facts->operation;
    uint32_t presented = registry_schemes_presented(operation, facts->transaction);
    if (by_certificate)
        presented |= registry_schemes_of_tls(operation);
    const struct registry_alternative *lacking = NULL;
    *verdict_out = VERDICT_NOT_APPLICABLE;
    for (uint32_t i = 0; i < operation->alternative_count; i++) {
        const struct registry_alternative *alternative = &operation->alternatives[i];
        if (alternative->scheme_set & ~presented)
            continue;
        enum scopes scopes = alternative_judge(facts, alternative);
        if (scopes == SCOPES_NONE_NEEDED)
            return NULL;
        if (scopes == SCOPES_ENOUGH) {
            *verdict_out = VERDICT_PASS;
            return NULL;
        }
        lacking = lacking ? lacking : alternative;
    }
    return lacking;
}

/* Who shows a certificate and no token is known by its role alone. */
static bool certificate_speaks(const struct policy_facts *facts)
{
    const struct caller_certificate *caller = facts->input->caller;
    return facts->operation && facts->request_head && facts->input->token &&
           facts->input->token->form == TOKEN_ABSENT && caller && caller->shown == CALLER_SHOWN &&
           registry_schemes_of_tls(facts->operation);
}

enum verdict policy_check_token_scope(const struct policy_rule *rule, const struct policy_facts *facts,
                                      struct policy_answer *answer)
{
    (void)rule;
    if (!facts->input->match || facts->input->match->outcome == REGISTRY_UNDECIDED)
        return policy_answer_unknown(answer, "registry");
    bool answered = false, by_certificate = certificate_speaks(facts);
    enum verdict verdict = by_certificate ? VERDICT_PASS : token_find(facts, answer, &answered);
    if (answered)
        return verdict;
    if (by_certificate && !facts->response_seen)
        return policy_answer_unknown(answer, "response: was the call accepted?");
    if (!facts->operation || (by_certificate && !served(facts)))
        return VERDICT_NOT_APPLICABLE;
    const struct registry_alternative *lacking = alternative_lacking(facts, by_certificate, &verdict);
    if (!lacking)
        return verdict;
    const struct token *token = facts->input->token;
    if (!by_certificate && (!(token->flags & TOKEN_HAS_SCOPES) || (token->flags & TOKEN_SCOPES_CUT)))
        return policy_answer_unknown(answer, "scopes of the token");
    policy_answer_add(answer, "operation", facts->operation->id);
    if (by_certificate)
        policy_answer_add(answer, "caller", facts->input->caller->id);
    else
        policy_answer_add_number(answer, "scopes_of_token", token->scope_count);
    token_add(facts, answer);
    lacking_add(answer, facts, lacking);
    return VERDICT_FAIL;
}

/* -------------------------------------------------------------------- binding */

enum verdict policy_check_token_binding(const struct policy_rule *rule, const struct policy_facts *facts,
                                        struct policy_answer *answer)
{
    (void)rule;
    bool answered;
    enum verdict verdict = token_find(facts, answer, &answered);
    if (answered)
        return verdict;
    const struct token *token = facts->input->token;
    if (!(token->flags & TOKEN_HAS_THUMBPRINT))
        return VERDICT_NOT_APPLICABLE;
    const struct caller_certificate *caller = facts->input->caller;
    bool without = caller && caller->shown == CALLER_NONE;
    if (!without && !(caller && caller->digest_known))
        return policy_answer_unknown(answer, "client certificate");
    static_assert(TOKEN_THUMBPRINT_SIZE == CERTIFICATE_DIGEST_SIZE, "both are SHA-256 of the DER (RFC 8705 3.1)");
    if (!without && memcmp(token->thumbprint, caller->digest, TOKEN_THUMBPRINT_SIZE) == 0)
        return VERDICT_PASS;
    policy_answer_add_text(answer, "reason",
                           without ? "bound to a client certificate, and the client showed none"
                                   : "bound to another client certificate");
    token_add(facts, answer);
    return VERDICT_FAIL;
}
