/* SPDX-License-Identifier: Apache-2.0 */

/* Rules about tokens and OAuth. Tokens are written here by hand; those with signatures are tests/data/tokens. */

#include "unit/policy_case.h"

#include "policy/caller.h"
#include "token/known_tokens.h"
#include "token/verifier.h"

#define THUMB "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" /* bytes 0 to 31 */
#define LOGIN "https://login.example.com"
#define SETTINGS                                                                                                       \
    "tokens:\n"                                                                                                        \
    "  issuers:\n"                                                                                                     \
    "  - issuer: " LOGIN "\n"                                                                                          \
    "    jwks: jwks.json\n"                                                                                            \
    "    audiences: [orders, stock]\n"                                                                                 \
    "    types: [at+jwt]\n"                                                                                            \
    "    lifetime_max_seconds: 3600\n"                                                                                 \
    "    skew_seconds: 10\n"

#define REGISTRY                                                                                                       \
    "openapi: 3.1.0\n"                                                                                                 \
    "info: {title: t, version: '1'}\n"                                                                                 \
    "components: {securitySchemes: {login: {type: oauth2, flows: {clientCredentials: {tokenUrl: 'https://l/t', "       \
    "scopes: {read: r, write: w}}}}}}\n"                                                                               \
    "paths:\n"                                                                                                         \
    "  /a:\n"                                                                                                          \
    "    get: {operationId: readA, security: [{login: [read]}, {login: [admin]}], responses: {'200': {description: "   \
    "d}}}\n"                                                                                                           \
    "    put: {operationId: putA, security: [{login: [read, write]}], responses: {'200': {description: d}}}\n"         \
    "    post: {operationId: postA, security: [{login: []}], responses: {'200': {description: d}}}\n"

struct bench {
    struct policy_case *c;
    struct token_issuers *issuers;
    struct token_verifier *verifier;
    struct arena *arena;
    struct known_tokens *known;
    struct digest_key key;
    struct token token;
};

static void bench_init(struct bench *bench, const char *settings, const char *registry)
{
    memset(bench, 0, sizeof(*bench));
    bench->c = case_new("", registry, NULL);
    digest_key_init(&bench->key, (const uint8_t[DIGEST_KEY_SIZE]){7});
    char path[512];
    snprintf(path, sizeof(path), "%s/tests/data/tokens/assay.yaml", getenv("ASSAY_SOURCE"));
    struct settings read;
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    assert_int_equal(settings_load_text(path, settings, strlen(settings), &diagnostics, &read), 0);
    assert_int_equal(token_issuers_build(&read, &diagnostics, &bench->issuers), 0);
    diagnostics_deinit(&diagnostics);
    settings_deinit(&read);
    bench->verifier = token_verifier_new(bench->issuers, &bench->key, 1, true);
    bench->arena = arena_new(known_tokens_size(KNOWN_TOKEN_WAYS));
    assert_non_null(bench->arena);
    assert_int_equal(known_tokens_new(&bench->known, bench->arena, &(struct hash_key){1, 2}, KNOWN_TOKEN_WAYS), 0);
    assert_non_null(bench->verifier);
    case_call(bench->c, "GET", "/a", 200);
}

static void bench_deinit(struct bench *bench)
{
    token_verifier_free(bench->verifier);
    arena_free(bench->arena);
    token_issuers_free(bench->issuers);
    case_free(bench->c);
}

static size_t base64url_write(const char *text, char *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t bits = 0, count = 0, size = 0;
    for (; *text; text++) {
        bits = (bits << 8 | (uint8_t)*text) & 0xffff;
        for (count += 8; count >= 6; count -= 6)
            out[size++] = alphabet[bits >> (count - 6) & 63];
    }
    if (count)
        out[size++] = alphabet[bits << (6 - count) & 63];
    return size;
}

static void present(struct bench *bench, struct span compact)
{
    token_verifier_judge(bench->verifier, bench->known, compact, CASE_TIME_NS, &bench->token);
    bench->c->input.token = &bench->token;
    bench->c->input.issuers = bench->issuers;
}

static void present_parts(struct bench *bench, const char *header, const char *claims)
{
    char compact[4096];
    size_t size = base64url_write(header, compact);
    compact[size++] = '.';
    size += base64url_write(claims, compact + size);
    compact[size++] = '.';
    present(bench, span_of(compact, size));
}

/* A token of tests/data/tokens. */
static void present_named(struct bench *bench, const char *name)
{
    char path[512], line[4096];
    snprintf(path, sizeof(path), "%s/tests/data/tokens/tokens.tsv", getenv("ASSAY_SOURCE"));
    FILE *stream = fopen(path, "re");
    assert_non_null(stream);
    bool found = false;
    while (!found && fgets(line, sizeof(line), stream)) {
        char *rest = line;
        (void)strsep(&rest, "\t");
        const char *title = strsep(&rest, "\t");
        found = strcmp(title, name) == 0;
        if (found)
            present(bench, span_from_text(strsep(&rest, "\n")));
    }
    fclose(stream);
    assert_true(found);
}

static void expect(struct bench *bench, const char *rule, enum verdict verdict, const char *evidence)
{
    case_expect(bench->c, rule, verdict);
    if (evidence)
        case_expect_evidence(bench->c, rule, evidence);
}

/* ------------------------------------------------------------------ signature */

static void test_signature(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum verdict verdict;
        const char *evidence;
    } cases[] = {
        {"RS256", VERDICT_PASS, NULL},
        {"EdDSA", VERDICT_PASS, NULL},
        {"ES256 broken", VERDICT_FAIL,
         "reason=the signature does not fit;alg=ES256;kid=p256;iss=" LOGIN ";status=200;"
         "jwks=jwks.json;"},
        {"alg none", VERDICT_FAIL, "reason=not signed: alg is none;alg=none;"},
        {"alg nOnE", VERDICT_FAIL, "alg=nOnE;"},
        {"HMAC with the public key", VERDICT_FAIL, "reason=the issuer does not use this algorithm;alg=HS256;"},
        {"unknown kid", VERDICT_FAIL, "reason=the issuer has no key of this id;"},
        {"kid of another kind", VERDICT_FAIL, "reason=the issuer's key is not for this algorithm;"},
        {"crit empty", VERDICT_FAIL, "reason=crit names no extension;"},
        {"crit", VERDICT_UNKNOWN, NULL},
        {"another issuer", VERDICT_UNKNOWN, NULL},
    };
    struct bench bench;
    bench_init(&bench, SETTINGS, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        present_named(&bench, cases[i].name);
        expect(&bench, "AUT-005", cases[i].verdict, cases[i].evidence);
    }
    /* Refused, or nobody knows. */
    present_named(&bench, "alg none");
    bench.c->transaction.call.status = 401;
    expect(&bench, "AUT-005", VERDICT_PASS, NULL);
    bench.c->transaction.call.status = CALL_STATUS_NONE;
    expect(&bench, "AUT-005", VERDICT_UNKNOWN, NULL);
    bench_deinit(&bench);
}

static void test_without_issuers(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, "", NULL);
    expect(&bench, "AUT-005", VERDICT_UNKNOWN, NULL); /* nobody looked for a token */
    present_named(&bench, "RS256");
    expect(&bench, "AUT-005", VERDICT_UNKNOWN, NULL);
    expect(&bench, "AUT-006", VERDICT_PASS, NULL);
    present_named(&bench, "alg none");
    expect(&bench, "AUT-005", VERDICT_FAIL, NULL);
    present(&bench, SPAN_LITERAL("opaque"));
    expect(&bench, "AUT-005", VERDICT_NOT_APPLICABLE, NULL);
    bench.c->transaction.call.flags |= CALL_TRUNCATED; /* the token may lie behind the cut */
    bench.c->transaction.request.complete = false;
    expect(&bench, "AUT-005", VERDICT_UNKNOWN, NULL);
    bench_deinit(&bench);
}

/* --------------------------------------------------------------------- claims */

static void test_claims(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        enum verdict verdict;
        const char *evidence;
    } cases[] = {
        /* now is 1795186800, skew 10, lifetime 3600 */
        {"\"iss\":\"" LOGIN "\",\"aud\":\"stock\",\"iat\":1795186700,\"exp\":1795190300", VERDICT_PASS, NULL},
        {"\"iss\":\"" LOGIN "\",\"aud\":[\"x\",\"orders\"],\"exp\":1795186791", VERDICT_PASS, NULL},
        {"\"iss\":\"" LOGIN "\",\"aud\":\"stock\",\"exp\":1795186790", VERDICT_FAIL, "reason=expired;exp=1795186790;"},
        {"\"iss\":\"" LOGIN "\",\"aud\":\"stock\",\"exp\":1795186900,\"nbf\":1795186810", VERDICT_PASS, NULL},
        {"\"iss\":\"" LOGIN "\",\"aud\":\"stock\",\"exp\":1795186900,\"nbf\":1795186811", VERDICT_FAIL,
         "reason=not valid yet;nbf=1795186811;"},
        {"\"iss\":\"" LOGIN "\",\"aud\":\"stock\",\"exp\":1795186900,\"iat\":1795186811", VERDICT_FAIL,
         "reason=issued in the future;"},
        {"\"iss\":\"" LOGIN "\",\"aud\":\"stock\",\"iat\":1795186700,\"exp\":1795190301", VERDICT_FAIL,
         "reason=lifetime over the limit;lifetime_seconds=3601;"},
        {"\"iss\":\"" LOGIN "\",\"aud\":\"stock\",\"exp\":1795190401", VERDICT_FAIL, "lifetime_seconds=3601;"},
        {"\"iss\":\"" LOGIN "\",\"aud\":\"stock\"", VERDICT_FAIL, "reason=valid for ever: exp is missing;"},
        {"\"iss\":\"" LOGIN "\",\"aud\":\"stock\",\"exp\":\"1795186900\"", VERDICT_FAIL,
         "reason=exp, nbf or iat is no number;"},
        {"\"iss\":\"" LOGIN "\",\"aud\":\"stock\",\"exp\":17951869e2", VERDICT_UNKNOWN, NULL},
        {"\"iss\":\"" LOGIN "\",\"aud\":\"other\",\"exp\":1795186900", VERDICT_FAIL,
         "reason=meant for another audience;aud=other;"},
        {"\"iss\":\"" LOGIN "\",\"exp\":1795186900", VERDICT_FAIL, "reason=aud is missing;"},
        {"\"iss\":\"https://evil.example\",\"aud\":\"stock\",\"exp\":1795186900", VERDICT_FAIL,
         "reason=from another issuer;iss=https://evil.example;"},
        {"\"aud\":\"stock\",\"exp\":1795186900", VERDICT_FAIL, "reason=iss is missing;"},
    };
    struct bench bench;
    bench_init(&bench, SETTINGS, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char claims[512];
        snprintf(claims, sizeof(claims), "{%s,\"sub\":\"alice\"}", cases[i].claims);
        present_parts(&bench, "{\"alg\":\"ES256\",\"typ\":\"application/AT+JWT\"}", claims);
        expect(&bench, "AUT-006", cases[i].verdict, cases[i].evidence);
        if (cases[i].verdict == VERDICT_FAIL)
            assert_null(strstr(case_finding_of(bench.c, "AUT-006")->evidence, "alice"));
    }
    present_parts(&bench, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}",
                  "{\"iss\":\"" LOGIN "\",\"aud\":\"stock\",\"exp\":1795186900}");
    expect(&bench, "AUT-006", VERDICT_FAIL, "reason=of another type;typ=JWT;");
    bench.c->transaction.call.status = 403;
    expect(&bench, "AUT-006", VERDICT_PASS, NULL);
    bench_deinit(&bench);
    bench_init(&bench, "", NULL);
    present_parts(&bench, "{}", "{\"exp\":1795186741}"); /* 60 seconds of skew */
    expect(&bench, "AUT-006", VERDICT_PASS, NULL);
    present_parts(&bench, "{}", "{\"exp\":1795186740}");
    expect(&bench, "AUT-006", VERDICT_FAIL, "reason=expired;");
    bench_deinit(&bench);
}

/* ---------------------------------------------------------------------- scope */

static void scope_case(struct bench *bench, const char *method, const char *claims, enum verdict verdict,
                       const char *evidence)
{
    case_call(bench->c, method, "/a", 200);
    case_header(bench->c, false, "Authorization", "Bearer ***");
    present_parts(bench, "{\"alg\":\"ES256\"}", claims);
    expect(bench, "AUT-007", verdict, evidence);
}

static void test_scope(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, "", REGISTRY);
    scope_case(&bench, "GET", "{\"scope\":\"read\"}", VERDICT_PASS, NULL);
    scope_case(&bench, "GET", "{\"roles\":[\"admin\"]}", VERDICT_PASS, NULL); /* the other alternative */
    scope_case(&bench, "GET", "{\"scope\":\"write reader\"}", VERDICT_FAIL,
               "operation=readA;scopes_of_token=2;status=200;missing_scope=read;");
    scope_case(&bench, "PUT", "{\"scp\":[\"read\",\"write\"]}", VERDICT_PASS, NULL);
    scope_case(&bench, "PUT", "{\"scp\":\"read\"}", VERDICT_FAIL, "missing_scope=write;");
    scope_case(&bench, "PUT", "{\"scope\":\"\"}", VERDICT_FAIL, "missing_scope=read;missing_scope=write;");
    scope_case(&bench, "PUT", "{}", VERDICT_UNKNOWN, NULL);
    scope_case(&bench, "POST", "{\"scope\":\"\"}", VERDICT_NOT_APPLICABLE, NULL);
    scope_case(&bench, "DELETE", "{\"scope\":\"\"}", VERDICT_NOT_APPLICABLE, NULL);
    scope_case(&bench, "PUT", "{\"scope\":\"read\"}", VERDICT_FAIL, NULL);
    bench.c->transaction.call.status = 403;
    expect(&bench, "AUT-007", VERDICT_PASS, NULL);
    present(&bench, SPAN_LITERAL("opaque"));
    bench.c->transaction.call.status = 200;
    expect(&bench, "AUT-007", VERDICT_NOT_APPLICABLE, NULL);
    bench_deinit(&bench);
    bench_init(&bench, "", NULL);
    scope_case(&bench, "GET", "{\"scope\":\"\"}", VERDICT_UNKNOWN, NULL); /* no registry */
    bench_deinit(&bench);
}

/* -------------------------------------------------------------------- binding */

static void test_binding(void **state)
{
    (void)state;
    struct caller_certificate caller = {.shown = CALLER_SHOWN, .digest_known = true};
    for (uint32_t i = 0; i < sizeof(caller.digest); i++)
        caller.digest[i] = (uint8_t)i;
    struct bench bench;
    bench_init(&bench, "", NULL);
    present_parts(&bench, "{}", "{\"cnf\":{\"x5t#S256\":\"" THUMB "\"}}");
    expect(&bench, "MTL-002.token", VERDICT_UNKNOWN, NULL);
    bench.c->input.caller = &caller;
    expect(&bench, "MTL-002.token", VERDICT_PASS, NULL);
    caller.digest[31]++;
    expect(&bench, "MTL-002.token", VERDICT_FAIL, "reason=bound to another client certificate;");
    caller.digest_known = false;
    expect(&bench, "MTL-002.token", VERDICT_UNKNOWN, NULL);
    caller.shown = CALLER_NONE;
    expect(&bench, "MTL-002.token", VERDICT_FAIL, "and the client showed none;");
    present_parts(&bench, "{}", "{\"x5t#S256\":\"" THUMB "\"}");
    expect(&bench, "MTL-002.token", VERDICT_NOT_APPLICABLE, NULL);
    bench_deinit(&bench);
}

/* ---------------------------------------------------------------------- OAuth */

static void flow_case(struct policy_case *c, const char *target, const char *location, enum verdict verdict,
                      const char *evidence)
{
    case_call(c, "GET", target, 302);
    if (location)
        case_header(c, true, "Location", location);
    case_expect(c, "AUT-008", verdict);
    if (evidence)
        case_expect_evidence(c, "AUT-008", evidence);
}

static void test_oauth_flow(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", NULL, NULL);
    flow_case(c, "/authorize?response_type=code&client_id=a&code_challenge=x&redirect_uri=https%3A%2F%2Fa%2F", NULL,
              VERDICT_PASS, NULL);
    flow_case(c, "/authorize?response_type=code&client_id=a&redirect_uri=https%3A%2F%2Fa%2F", NULL, VERDICT_FAIL,
              "reason=code_challenge is missing (PKCE);status=302;");
    flow_case(c, "/authorize?response_type=code&client_id=a", "https://a/?error=invalid_request", VERDICT_PASS, NULL);
    flow_case(c, "/authorize?response_type=id_token%20token&client_id=a", NULL, VERDICT_FAIL, "reason=implicit grant");
    flow_case(c, "/authorize?response_type=id_token&client_id=a", NULL, VERDICT_PASS, NULL);
    flow_case(c, "/authorize?request_uri=urn:x&client_id=a", NULL, VERDICT_UNKNOWN, NULL);
    flow_case(c, "/authorize?response_type=code&client_id=a&code_challenge=x&redirect_uri=http%3A%2F%2Fa%2F", NULL,
              VERDICT_FAIL, "reason=redirect_uri is http;");
    flow_case(c, "/authorize?response_type=code&client_id=a&code_challenge=x&redirect_uri=http://localhost:80/", NULL,
              VERDICT_PASS, NULL);
    flow_case(c, "/authorize?response_type=code&client_id=a&code_challenge=x&redirect_uri=http://127.0.0.1/x", NULL,
              VERDICT_PASS, NULL);
    flow_case(c, "/authorize?response_type=code&client_id=a&code_challenge=x&redirect_uri=http://localhost.evil.com/",
              NULL, VERDICT_FAIL, NULL);
    flow_case(c, "/orders?response_type=code", NULL, VERDICT_NOT_APPLICABLE, NULL);
    case_call(c, "GET", "/authorize?response_type=token&client_id=a", CALL_STATUS_NONE);
    case_expect(c, "AUT-008", VERDICT_UNKNOWN);
    case_free(c);
}

static void test_password_grant(void **state)
{
    (void)state;
    struct policy_case *c = case_new("", NULL, NULL);
    case_call(c, "POST", "/token", 200);
    c->transaction.grant = TRANSACTION_GRANT_PASSWORD;
    case_expect(c, "AUT-008", VERDICT_FAIL);
    case_expect_evidence(c, "AUT-008", "reason=password grant;status=200;");
    c->transaction.call.status = 400;
    case_expect(c, "AUT-008", VERDICT_PASS);
    c->transaction.call.status = 200;
    c->transaction.grant = TRANSACTION_GRANT_OTHER;
    case_expect(c, "AUT-008", VERDICT_PASS);
    case_call(c, "POST", "/token", 200);
    c->transaction.request.body = TRANSACTION_BODY_FORM;
    c->transaction.request.gap = true;
    case_expect(c, "AUT-008", VERDICT_UNKNOWN);
    case_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signature),      cmocka_unit_test(test_without_issuers),
        cmocka_unit_test(test_claims),         cmocka_unit_test(test_scope),
        cmocka_unit_test(test_binding),        cmocka_unit_test(test_oauth_flow),
        cmocka_unit_test(test_password_grant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
