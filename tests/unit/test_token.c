/* SPDX-License-Identifier: Apache-2.0 */

/* Tokens: the vectors of RFC 7515 and 8037, tokens made by PyJWT, key sets with mistakes, the memory of what was
 * verified. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "token/known_tokens.h"
#include "token/signature.h"
#include "token/verifier.h"

#define TOKENS_KNOWN 32768u

#define NOW_NS UINT64_C(1795186800000000000)

/* ------------------------------------------------------------------ RFC vectors */

#define RSA_KEY                                                                                                        \
    "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1"  \
    "Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-"  \
    "KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2et"  \
    "hFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}"
#define RSA_TOKEN                                                                                                      \
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0c"   \
    "nVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF"  \
    "9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d"  \
    "O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_"  \
    "IoypGlUPQGe77Rw"
#define P256_KEY                                                                                                       \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                         \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define P256_TOKEN                                                                                                     \
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0c"   \
    "nVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define P521_KEY                                                                                                       \
    "{\"kty\":\"EC\",\"crv\":\"P-521\","                                                                               \
    "\"x\":\"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk\","              \
    "\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\"}"
#define P521_TOKEN                                                                                                     \
    "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34"   \
    "XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
#define EDWARDS_KEY "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define EDWARDS_TOKEN                                                                                                  \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR"    \
    "4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

struct vector {
    const char *key, *token;
    enum token_algorithm algorithm;
};

static const struct vector vectors[] = {
    {RSA_KEY, RSA_TOKEN, TOKEN_RS256},         /* RFC 7515 A.2 */
    {P256_KEY, P256_TOKEN, TOKEN_ES256},       /* A.3 */
    {P521_KEY, P521_TOKEN, TOKEN_ES512},       /* A.4 */
    {EDWARDS_KEY, EDWARDS_TOKEN, TOKEN_EDDSA}, /* RFC 8037 A.4 */
};

static struct key_set *set_of(const char *keys)
{
    char text[4096];
    int size = snprintf(text, sizeof(text), "{\"keys\":[%s]}", keys);
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct key_set *set;
    int result = key_set_load_text("jwks.json", text, (size_t)size, &diagnostics, &set);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    assert_int_equal(result, 0);
    return set;
}

static void test_signatures(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        struct key_set *set = set_of(vectors[i].key);
        struct signature_checker *checker = signature_checker_new(set);
        assert_non_null(checker);
        const char *dot = strrchr(vectors[i].token, '.');
        struct span text = span_of(vectors[i].token, (size_t)(dot - vectors[i].token));
        uint8_t signature[TOKEN_SIGNATURE_MAX];
        uint32_t size;
        assert_true(base64url_decode(span_from_text(dot + 1), signature, sizeof(signature), &size));
        assert_true(signature_good(checker, 0, vectors[i].algorithm, text, span_of(signature, size)));
        /* A context that has refused still accepts afterwards, whatever is wrong with the signature. */
        for (uint32_t at = 0; at < size; at += 7) {
            signature[at] ^= 0x10;
            assert_false(signature_good(checker, 0, vectors[i].algorithm, text, span_of(signature, size)));
            signature[at] ^= 0x10;
        }
        for (uint32_t cut = 0; cut < size; cut++)
            assert_false(signature_good(checker, 0, vectors[i].algorithm, text, span_of(signature, cut)));
        text.size--;
        assert_false(signature_good(checker, 0, vectors[i].algorithm, text, span_of(signature, size)));
        text.size++;
        assert_true(signature_good(checker, 0, vectors[i].algorithm, text, span_of(signature, size)));
        signature_checker_free(checker);
        key_set_free(set);
    }
}

/* ---------------------------------------------------------------------- reader */

static struct digest_key test_key(void)
{
    struct digest_key key;
    digest_key_init(&key, (const uint8_t[DIGEST_KEY_SIZE]){1, 2, 3});
    return key;
}

static char *base64url(const char *text)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t size = strlen(text);
    char *out = calloc(1, size / 3 * 4 + 5), *at = out;
    assert_non_null(out);
    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)(uint8_t)text[i] << 16;
        bits |= i + 1 < size ? (uint32_t)(uint8_t)text[i + 1] << 8 : 0;
        bits |= i + 2 < size ? (uint32_t)(uint8_t)text[i + 2] : 0;
        for (size_t j = 0; j < 4 && j <= size - i; j++)
            *at++ = alphabet[bits >> (18 - 6 * j) & 63];
    }
    return out;
}

static struct token read_compact(struct span compact, const struct token_claims *claims)
{
    struct token_reader *reader = calloc(1, sizeof(*reader));
    assert_non_null(reader);
    struct digest_key key = test_key();
    struct token token;
    token_read(reader, claims, &key, compact, &token);
    free(reader);
    return token;
}

static struct token read_parts(const char *header, const char *claims, const struct token_claims *asked)
{
    static const struct token_claims none;
    char *first = base64url(header), *second = base64url(claims), compact[12000];
    int size = snprintf(compact, sizeof(compact), "%s.%s.c2ln", first, second);
    struct token token = read_compact(span_of(compact, (size_t)size), asked ? asked : &none);
    free(first);
    free(second);
    return token;
}

static void expect_text(const struct token *token, struct token_text text, const char *expected)
{
    struct span got = token_text(token, text);
    if (!span_equal(got, span_from_text(expected)))
        fail_msg("'%.*s', expected '%s'", (int)got.size, (const char *)got.data, expected);
}

static void test_claims(void **state)
{
    (void)state;
    struct token token = read_compact(span_from_text(RSA_TOKEN), &(struct token_claims){0});
    assert_int_equal(token.form, TOKEN_SIGNED);
    assert_int_equal(token.algorithm, TOKEN_RS256);
    assert_int_equal(token.flags, TOKEN_HAS_EXPIRY);
    assert_int_equal(token.expires, 1300819380);
    expect_text(&token, token.issuer, "joe");

    token = read_parts("{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"kid\":\"a\\u002db\"}",
                       "{\"aud\":[\"one\",\"t\\u0077o\"],\"nbf\":-5,\"iat\":17.9,\"exp\":1e9,\"sub\":\"alice\","
                       "\"deeper\":{\"iss\":\"not this\",\"exp\":7},\"cnf\":{\"x5t#S256\":"
                       "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"},\"iss\":\"i\"}",
                       NULL);
    assert_int_equal(token.form, TOKEN_SIGNED);
    expect_text(&token, token.type, "at+jwt");
    expect_text(&token, token.key_id, "a-b");
    expect_text(&token, token.issuer, "i");
    assert_int_equal(token.audience_count, 2);
    expect_text(&token, token.audiences[1], "two");
    assert_int_equal(token.not_before, -5);
    assert_int_equal(token.issued, 17);
    assert_int_equal(token.flags, TOKEN_HAS_NOT_BEFORE | TOKEN_HAS_ISSUED | TOKEN_HAS_SUBJECT | TOKEN_HAS_AUDIENCE |
                                      TOKEN_HAS_THUMBPRINT | TOKEN_TIME_UNREAD);
    for (uint32_t i = 0; i < TOKEN_THUMBPRINT_SIZE; i++)
        assert_int_equal(token.thumbprint[i], i);
    token = read_parts("{\"alg\":\"ES256\"}", "{\"exp\":\"1300819380\"}", NULL);
    assert_int_equal(token.flags, TOKEN_TIME_MALFORMED);
}

static void test_subject(void **state)
{
    (void)state;
    struct token one = read_parts("{}", "{\"iss\":\"a\",\"sub\":\"alice\"}", NULL);
    struct token same = read_parts("{}", "{\"sub\":\"al\\u0069ce\",\"iat\":3,\"iss\":\"a\"}", NULL);
    struct token other = read_parts("{}", "{\"iss\":\"b\",\"sub\":\"alice\"}", NULL);
    assert_memory_equal(one.subject, same.subject, DIGEST_SIZE);
    assert_memory_not_equal(one.subject, other.subject, DIGEST_SIZE);
    /* The subject itself is nowhere in what is kept. */
    assert_null(memmem(&one, sizeof(one), "alice", 5));
}

static void test_scopes_and_roles(void **state)
{
    (void)state;
    const struct token_claim claims[] = {
        {SPAN_LITERAL("/scope"), {0}},
        {SPAN_LITERAL("/realm_access/roles"), {0}},
        {SPAN_LITERAL("/realm_access/roles"), SPAN_LITERAL("admin")},
        {SPAN_LITERAL("/scope"), SPAN_LITERAL("read")},
    };
    const struct token_claims asked = {claims, ARRAY_COUNT(claims)};
    struct token token =
        read_parts("{}", "{\"scope\":\" read  write\",\"realm_access\":{\"roles\":[\"admin\",\"x\"]}}", &asked);
    assert_int_equal(token.scope_count, 4);
    assert_true(token_has_scope(&token, SPAN_LITERAL("write")));
    assert_true(token_has_scope(&token, SPAN_LITERAL("admin")));
    assert_false(token_has_scope(&token, SPAN_LITERAL("writ")));
    assert_false(token_has_scope(&token, SPAN_LITERAL("")));
    assert_int_equal(token.role, 2);
    token = read_parts("{}", "{\"scope\":\"\",\"other\":{\"scope\":\"read\"}}", &asked);
    assert_int_equal(token.flags, TOKEN_HAS_SCOPES);
    assert_int_equal(token.scope_count, 0);
    assert_int_equal(token.role, TOKEN_ROLE_NONE);
    token = read_parts("{}", "{}", &asked);
    assert_int_equal(token.flags, 0);
}

static void test_no_tokens(void **state)
{
    (void)state;
    const struct token_claims none = {0};
    static const struct {
        const char *text;
        enum token_form form;
    } cases[] = {
        {"", TOKEN_ABSENT},
        {"4f5c9b0e", TOKEN_OPAQUE},
        {"..", TOKEN_OPAQUE},
        {"e30.e30", TOKEN_OPAQUE},
        {"e30.e30.", TOKEN_SIGNED},
        {"e30=.e30.", TOKEN_OPAQUE},       /* padding */
        {"W10.e30.", TOKEN_OPAQUE},        /* a header that is an array */
        {"e30.W10.", TOKEN_UNREADABLE},    /* claims that are an array */
        {"e30.e30e30.", TOKEN_UNREADABLE}, /* two objects */
        {"e30.ey.", TOKEN_UNREADABLE},     /* cut */
        {"e30.e30.e30.e30.e30", TOKEN_ENCRYPTED},
        {"e30.e30.e30.e30.e30.e30", TOKEN_OPAQUE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct token token = read_compact(span_from_text(cases[i].text), &none);
        if (token.form != cases[i].form)
            fail_msg("%s: %u", cases[i].text, token.form);
    }
    struct token token = read_compact(span_from_text(P521_TOKEN), &none);
    assert_int_equal(token.form, TOKEN_UNREADABLE);
    char deep[256] = "{\"a\":";
    for (int i = 0; i < 20; i++)
        strcat(deep, "[");
    for (int i = 0; i < 20; i++)
        strcat(deep, "]");
    strcat(deep, "}");
    assert_int_equal(read_parts("{}", deep, NULL).form, TOKEN_UNREADABLE);
    size_t second_dot = (size_t)(strrchr(RSA_TOKEN, '.') - RSA_TOKEN);
    for (size_t cut = 0; cut < sizeof(RSA_TOKEN) - 1; cut++) {
        token = read_compact(span_of(RSA_TOKEN, cut), &none);
        assert_int_equal(token.form == TOKEN_SIGNED, cut > second_dot);
    }
    token = read_parts("{\"alg\":\"none\",\"crit\":[]}", "{}", NULL);
    assert_int_equal(token.flags, TOKEN_CRITICAL | TOKEN_CRITICAL_EMPTY);
    token = read_parts("{\"alg\":\"none\",\"crit\":[\"b64\"]}", "{}", NULL);
    assert_int_equal(token.flags, TOKEN_CRITICAL);
}

/* -------------------------------------------------------------------- key sets */

static void expect_mistake(const char *text, uint32_t line, uint32_t column, const char *part)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct key_set *set;
    assert_int_equal(key_set_load_text("jwks.json", text, strlen(text), &diagnostics, &set), -EINVAL);
    assert_null(set);
    assert_true(diagnostics.count > 0);
    const struct diagnostic *first = &diagnostics.entries[diagnostics.count - 1];
    if (first->line != line || first->column != column || !strstr(first->message, part))
        fail_msg("%u:%u: %s", first->line, first->column, first->message);
    diagnostics_deinit(&diagnostics);
}

static void test_key_set_mistakes(void **state)
{
    (void)state;
    expect_mistake("", 1, 1, "no JSON");
    expect_mistake("{\"keys\":\n [oops]}", 2, 3, "no JSON");
    expect_mistake(P256_KEY, 1, 1, "`keys` is missing");
    expect_mistake("{\"keys\":[]}", 1, 1, "no key of the set");
    expect_mistake("{\"keys\":[\n  {\"kid\":\"a\"}]}", 2, 3, "needs `kty`");
    expect_mistake("{\"keys\":[\n{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", 2, 1, "2048");
    expect_mistake("{\"keys\":[" P256_KEY ",\n\n {\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}", 3, 2,
                   "as long as its curve");
    expect_mistake("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                   "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}]}",
                   1, 10, "no point");
    expect_mistake(
        "{\"keys\":[{\"alg\":\"RS256\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76"
        "e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}",
        1, 10, "`alg`");
}

/* -------------------------------------------------------------------- verifier */

static const char *const signature_names[TOKEN_SIGNATURE_COUNT] = {
    [TOKEN_SIGNATURE_GOOD] = "good",
    [TOKEN_SIGNATURE_NONE] = "none",
    [TOKEN_SIGNATURE_BAD] = "bad",
    [TOKEN_SIGNATURE_ALGORITHM] = "algorithm",
    [TOKEN_SIGNATURE_KEY_UNKNOWN] = "key_unknown",
    [TOKEN_SIGNATURE_KEY_OTHER] = "key_other",
    [TOKEN_SIGNATURE_CRITICAL] = "critical",
    [TOKEN_SIGNATURE_UNKNOWN_ISSUER] = "unknown_issuer",
    [TOKEN_SIGNATURE_EXTENSION] = "extension",
};

struct bench {
    struct settings settings;
    struct token_issuers *issuers;
    struct token_verifier *verifier;
    struct arena *arena;
    struct known_tokens *known;
    struct digest_key key;
};

static void bench_init(struct bench *bench, const char *more, bool unbounded)
{
    char text[1024];
    snprintf(text, sizeof(text), "tokens:\n  issuers:\n  - issuer: https://login.example.com\n    jwks: jwks.json\n%s",
             more);
    char path[512];
    snprintf(path, sizeof(path), "%s/tests/data/tokens/assay.yaml", getenv("ASSAY_SOURCE"));
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    bench->key = test_key();
    int result = settings_load_text(path, text, strlen(text), &diagnostics, &bench->settings);
    if (result == 0)
        result = token_issuers_build(&bench->settings, &diagnostics, &bench->issuers);
    if (result < 0)
        diagnostics_print(&diagnostics, stderr);
    assert_int_equal(result, 0);
    diagnostics_deinit(&diagnostics);
    bench->verifier = token_verifier_new(bench->issuers, &bench->key, 1, unbounded);
    bench->arena = arena_new(known_tokens_size(TOKENS_KNOWN));
    assert_non_null(bench->arena);
    assert_int_equal(known_tokens_new(&bench->known, bench->arena, &(struct hash_key){1, 2}, TOKENS_KNOWN), 0);
    assert_non_null(bench->verifier);
}

static void bench_deinit(struct bench *bench)
{
    token_verifier_free(bench->verifier);
    arena_free(bench->arena);
    token_issuers_free(bench->issuers);
    settings_deinit(&bench->settings);
}

/* Calls `take` for each line of tokens.tsv. */
static void each_token(struct bench *bench, void (*take)(struct bench *bench, char *fields[3]))
{
    char path[512], line[4096];
    snprintf(path, sizeof(path), "%s/tests/data/tokens/tokens.tsv", getenv("ASSAY_SOURCE"));
    FILE *stream = fopen(path, "re");
    assert_non_null(stream);
    uint32_t count = 0;
    while (fgets(line, sizeof(line), stream)) {
        char *rest = line, *fields[3];
        for (int i = 0; i < 3; i++)
            fields[i] = strsep(&rest, "\t\n");
        take(bench, fields);
        count++;
    }
    fclose(stream);
    assert_true(count > 40);
}

static void token_expect(struct bench *bench, char *fields[3])
{
    struct token token;
    for (int repeat = 0; repeat < 2; repeat++) {
        token_verifier_judge(bench->verifier, bench->known, span_from_text(fields[2]), NOW_NS, &token);
        const char *got = signature_names[token.signature];
        if (!got || strcmp(got, fields[0]) != 0)
            fail_msg("%s: %s, expected %s", fields[1], got ? got : "?", fields[0]);
    }
}

static void test_tokens(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, "", true);
    each_token(&bench, token_expect);
    /* Each of the 10 algorithms: good, broken, changed. */
    assert_true(token_verifier_counts(bench.verifier)->verified >= 30);
    assert_true(token_verifier_counts(bench.verifier)->cached >= 30);
    bench_deinit(&bench);
}

/* What is known of a token is what reading it tells, whether its texts fit there or not. */
static void known_expect(struct bench *bench, char *fields[3])
{
    struct token fresh, known;
    token_verifier_judge(bench->verifier, bench->known, span_from_text(fields[2]), NOW_NS, &fresh);
    uint64_t cached = token_verifier_counts(bench->verifier)->cached;
    memset(&known, 0xff, sizeof(known));
    token_verifier_judge(bench->verifier, bench->known, span_from_text(fields[2]), NOW_NS, &known);
    assert_memory_equal(&known, &fresh, offsetof(struct token, text));
    assert_memory_equal(known.text, fresh.text, fresh.text_used);
    assert_memory_equal(known.scopes, fresh.scopes, fresh.scopes_used);
    assert_int_equal(token_verifier_counts(bench->verifier)->cached - cached, fresh.form == TOKEN_SIGNED);
}

static void test_known(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, "", true);
    each_token(&bench, known_expect);
    static struct token tokens[4], found;
    struct known_tokens *known = bench.known;
    struct text_id ids[4];
    for (uint32_t i = 0; i < 4; i++) {
        token_init(&tokens[i]);
        tokens[i].signature = TOKEN_SIGNATURE_GOOD;
        tokens[i].text_used = (uint16_t)(i * (KNOWN_TOKEN_TEXT_SIZE - 10) / 2); /* the last one is too long */
        tokens[i].scopes_used = 10;
        memset(tokens[i].text, 'a' + (int)i, tokens[i].text_used);
        memset(tokens[i].scopes, 'A' + (int)i, tokens[i].scopes_used);
        ids[i] = known_token_id(known, 1, span_of("0123456789", i + 1));
        assert_int_equal(known_token_find(known, ids[i], &found), KNOWN_TOKEN_NONE);
        known_token_keep(known, ids[i], &tokens[i]);
    }
    for (uint32_t i = 0; i < 4; i++) {
        memset(&found, 0, sizeof(found));
        assert_int_equal(known_token_find(known, ids[i], &found), i < 3 ? KNOWN_TOKEN_WHOLE : KNOWN_TOKEN_SIGNATURE);
        assert_int_equal(found.signature, TOKEN_SIGNATURE_GOOD);
        assert_memory_equal(found.text, tokens[i].text, i < 3 ? tokens[i].text_used : 0);
        assert_memory_equal(found.scopes, tokens[i].scopes, i < 3 ? 10 : 0);
        /* What one set of issuers says is nothing to the next. */
        struct text_id other = known_token_id(known, 2, span_of("0123456789", i + 1));
        assert_int_equal(known_token_find(known, other, &found), KNOWN_TOKEN_NONE);
    }
    bench_deinit(&bench);
}

static void test_known_crowd(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, "", true);
    struct known_tokens *crowd = bench.known;
    static struct token token;
    token_init(&token);
    uint32_t kept = 0, missed = 0;
    for (uint32_t i = 0; i < 2 * TOKENS_KNOWN; i++)
        known_token_keep(crowd, known_token_id(crowd, 1, span_of(&i, sizeof(i))), &token);
    for (uint32_t i = 0; i < 2 * TOKENS_KNOWN; i++) {
        enum known_token known = known_token_find(crowd, known_token_id(crowd, 1, span_of(&i, sizeof(i))), &token);
        kept += known != KNOWN_TOKEN_NONE;
        missed += known == KNOWN_TOKEN_NONE;
    }
    /* Twice as many as there are places: nearly all of them are taken. */
    assert_in_range(kept, TOKENS_KNOWN / 10 * 9, TOKENS_KNOWN);
    assert_int_equal(kept + missed, 2 * TOKENS_KNOWN);
    bench_deinit(&bench);
}

static void token_expect_ecdsa_only(struct bench *bench, char *fields[3])
{
    struct token token;
    token_verifier_judge(bench->verifier, bench->known, span_from_text(fields[2]), NOW_NS, &token);
    if (strcmp(fields[0], "good") == 0 && token.algorithm != TOKEN_ES256)
        assert_int_equal(token.signature, TOKEN_SIGNATURE_ALGORITHM);
    else if (strcmp(fields[0], "good") == 0)
        assert_int_equal(token.signature, TOKEN_SIGNATURE_GOOD);
    else
        assert_int_not_equal(token.signature, TOKEN_SIGNATURE_GOOD);
}

static void test_listed_algorithms(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, "    algorithms: [ES256]\n", true);
    each_token(&bench, token_expect_ecdsa_only);
    bench_deinit(&bench);
}

static void budget_expect(struct bench *bench, char *fields[3])
{
    struct token token;
    uint64_t refused = token_verifier_counts(bench->verifier)->refused;
    token_verifier_judge(bench->verifier, bench->known, span_from_text(fields[2]), NOW_NS, &token);
    bool spent = token_verifier_counts(bench->verifier)->refused > refused;
    assert_int_equal(token.signature == TOKEN_SIGNATURE_BUDGET, spent);
    assert_true(token_verifier_counts(bench->verifier)->verified <= 3);
}

static void test_budget(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, "  verifications_per_second: 3\n", false);
    each_token(&bench, budget_expect);
    assert_int_equal(token_verifier_counts(bench.verifier)->verified, 3);
    assert_true(token_verifier_counts(bench.verifier)->refused > 20);
    bench_deinit(&bench);
}

/* ------------------------------------------------------------- where tokens are */

static void expect_found(struct bench *bench, const char *name, const char *value, const char *query, bool found)
{
    struct transaction *transaction = calloc(1, sizeof(*transaction));
    assert_non_null(transaction);
    transaction_init(transaction);
    if (name)
        transaction_add_header(transaction, &transaction->request, span_from_text(name), span_from_text(value));
    transaction->query = span_from_text(query);
    struct token token;
    token_verifier_take(bench->verifier, bench->known, transaction, NOW_NS, &token);
    assert_int_equal(token.form == TOKEN_SIGNED, found);
    free(transaction);
}

static void test_places(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, "  headers: [X-Token]\n  cookies: [session]\n", true);
    expect_found(&bench, "Authorization", "Bearer e30.e30.", NULL, true);
    expect_found(&bench, "authorization", "bEARER   e30.e30. ", NULL, true);
    expect_found(&bench, "Authorization", "DPoP e30.e30.", NULL, true);
    expect_found(&bench, "Authorization", "Basic e30.e30.", NULL, false);
    expect_found(&bench, "Authorization", "e30.e30.", NULL, false);
    expect_found(&bench, "x-token", "e30.e30.", NULL, true);
    expect_found(&bench, "x-token", "Bearer e30.e30.", NULL, true);
    expect_found(&bench, "Cookie", "a=b; session=e30.e30.", NULL, true);
    expect_found(&bench, "Cookie", "a=b; other=e30.e30.", NULL, false);
    expect_found(&bench, NULL, NULL, "a=b&access_token=e30.e30.", true);
    expect_found(&bench, NULL, NULL, "a=e30.e30.", false);
    expect_found(&bench, NULL, NULL, NULL, false);
    bench_deinit(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signatures),  cmocka_unit_test(test_claims),
        cmocka_unit_test(test_subject),     cmocka_unit_test(test_scopes_and_roles),
        cmocka_unit_test(test_no_tokens),   cmocka_unit_test(test_key_set_mistakes),
        cmocka_unit_test(test_tokens),      cmocka_unit_test(test_known),
        cmocka_unit_test(test_known_crowd), cmocka_unit_test(test_listed_algorithms),
        cmocka_unit_test(test_budget),      cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
