/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Token
 *
 * Reads what a bearer token says of itself: a JWT (RFC 7519) in JWS compact form (RFC 7515 section 3.1). Only what
 * rules ask for is kept, and nothing of it names a person: the subject is left as a keyed digest, the signature not at
 * all.
 *
 * Memory:  struct token and struct token_reader, fixed, the caller's. Nothing is allocated.
 * Threads: a reader has one owner; the claims are immutable.
 * Limits:  below; what is beyond them is said in token.flags and then never judged as missing.
 * Errors:  none: what is no token is TOKEN_OPAQUE or TOKEN_UNREADABLE.
 * Repeats: of a member written twice the last one counts, as RFC 7519 section 4 lets a reader do.
 */

#include "detect/digest.h"
#include "proto/json.h"

#define TOKEN_SIZE_MAX        8192u                    /* servers refuse header lines of more */
#define TOKEN_PART_MAX        (TOKEN_SIZE_MAX / 4 * 3) /* of one part, decoded */
#define TOKEN_SIGNATURE_MAX   1024u                    /* RSA with 8192 bits; common are 2048 to 4096 */
#define TOKEN_TEXT_SIZE       1024u                    /* the texts kept: issuer, audiences, key id, type */
#define TOKEN_SCOPES_SIZE     1024u                    /* scopes, a blank between two */
#define TOKEN_AUDIENCES_MAX   8u                       /* more are only counted */
#define TOKEN_DEPTH_MAX       16u                      /* claims nest below 5 */
#define TOKEN_CLAIMS_MAX      64u                      /* claims asked for that hold scopes or roles */
#define TOKEN_THUMBPRINT_SIZE 32u                      /* SHA-256 */
#define TOKEN_ROLE_NONE       UINT32_MAX

enum token_form {
    TOKEN_ABSENT,
    TOKEN_OPAQUE,     /* not of three parts that begin with a JSON object */
    TOKEN_ENCRYPTED,  /* JWE (RFC 7516): five parts */
    TOKEN_UNREADABLE, /* a JOSE header, and behind it no JSON claims, or beyond a limit */
    TOKEN_SIGNED,     /* header and claims were read; says nothing of the signature's worth */
};

/* RFC 7518 section 3.1 and RFC 8037 section 3.1. */
enum token_algorithm {
    TOKEN_ALGORITHM_OTHER, /* none of these, or absent */
    TOKEN_ALGORITHM_NONE,
    TOKEN_HS256,
    TOKEN_HS384,
    TOKEN_HS512,
    TOKEN_RS256,
    TOKEN_RS384,
    TOKEN_RS512,
    TOKEN_PS256,
    TOKEN_PS384,
    TOKEN_PS512,
    TOKEN_ES256,
    TOKEN_ES384,
    TOKEN_ES512,
    TOKEN_EDDSA,
    TOKEN_ALGORITHM_COUNT
};

enum token_flag {
    TOKEN_HAS_EXPIRY = 1u << 0,
    TOKEN_HAS_NOT_BEFORE = 1u << 1,
    TOKEN_HAS_ISSUED = 1u << 2,
    TOKEN_HAS_THUMBPRINT = 1u << 3, /* cnf x5t#S256: bound to a client certificate (RFC 8705 section 3.1) */
    TOKEN_HAS_SUBJECT = 1u << 4,
    TOKEN_HAS_SCOPES = 1u << 5, /* one of the scope claims is there, be it empty */
    TOKEN_HAS_AUDIENCE = 1u << 6,
    TOKEN_TIME_MALFORMED = 1u << 7,  /* exp, nbf or iat that is no number (RFC 7519 section 2) */
    TOKEN_TIME_UNREAD = 1u << 8,     /* ... or a number with an exponent */
    TOKEN_CRITICAL = 1u << 9,        /* the header names extensions that must be understood */
    TOKEN_CRITICAL_EMPTY = 1u << 10, /* ... and none of them, which is forbidden (RFC 7515 section 4.1.11) */
    TOKEN_CUT = 1u << 11,            /* a text had no room */
    TOKEN_SCOPES_CUT = 1u << 12,     /* a scope had no room */
    TOKEN_HAS_ID = 1u << 13,         /* `id` is set; otherwise it was longer than TOKEN_SIZE_MAX */
};

/* What is known of the signature; the last ones say why nothing is. */
enum token_signature {
    TOKEN_SIGNATURE_NOT_ASKED, /* no issuers are configured */
    TOKEN_SIGNATURE_GOOD,
    TOKEN_SIGNATURE_NONE, /* alg is "none" */
    TOKEN_SIGNATURE_BAD,
    TOKEN_SIGNATURE_ALGORITHM,   /* one that the issuer does not use; HMAC, where only public keys are known */
    TOKEN_SIGNATURE_KEY_UNKNOWN, /* the issuer has no key of that id */
    TOKEN_SIGNATURE_KEY_OTHER,   /* its key of that id is not for this algorithm */
    TOKEN_SIGNATURE_CRITICAL,    /* a list of extensions that is forbidden */
    TOKEN_SIGNATURE_UNKNOWN_ISSUER,
    TOKEN_SIGNATURE_NO_KEYS,   /* of the issuer none are configured */
    TOKEN_SIGNATURE_EXTENSION, /* rests on an extension that is not known here */
    TOKEN_SIGNATURE_MANY_KEYS, /* no key id, and more keys would fit than are tried */
    TOKEN_SIGNATURE_BUDGET,    /* too many to verify in this second */
    TOKEN_SIGNATURE_COUNT
};

/* In token.text. */
struct token_text {
    uint16_t offset, size; /* size 0: absent, or no room (TOKEN_CUT) */
};

struct token {
    uint8_t form;      /* enum token_form */
    uint8_t algorithm; /* enum token_algorithm */
    uint8_t signature; /* enum token_signature */
    uint8_t audience_count;
    uint32_t flags; /* enum token_flag */
    uint32_t scope_count;
    uint32_t issuer_index; /* of the configured ones; UINT32_MAX: none */
    uint32_t role;         /* index of the first entry of token_claims that a claim fits; TOKEN_ROLE_NONE */
    int64_t expires, not_before, issued; /* UNIX seconds */
    struct token_text algorithm_text, key_id, type, issuer;
    struct token_text audiences[TOKEN_AUDIENCES_MAX];
    uint16_t text_used, scopes_used;
    uint8_t id[DIGEST_SIZE];      /* keyed, of all of it: set by whoever has the key (token/verifier.h) */
    uint8_t subject[DIGEST_SIZE]; /* keyed, of issuer and subject */
    uint8_t thumbprint[TOKEN_THUMBPRINT_SIZE];
    uint8_t text[TOKEN_TEXT_SIZE];
    uint8_t scopes[TOKEN_SCOPES_SIZE];
};

/* Claims beyond the registered ones, by JSON pointer. Texts belong to whoever made them. */
struct token_claim {
    struct span pointer; /* "/realm_access/roles" */
    struct span value;   /* data NULL: the claim holds scopes; otherwise who has this value has the role */
};

struct token_claims {
    const struct token_claim *claims;
    uint32_t count; /* at most TOKEN_CLAIMS_MAX */
};

struct token_reader {
    struct json_walker walker;
    uint8_t decoded[TOKEN_PART_MAX];
};

/* TOKEN_ABSENT. */
void token_init(struct token *token);

/* Everything of `token_out` is set, its signature to TOKEN_SIGNATURE_NOT_ASKED. */
void token_read(struct token_reader *reader, const struct token_claims *claims, const struct digest_key *key,
                struct span compact, struct token *token_out);

static inline struct span token_text(const struct token *token, struct token_text text)
{
    return text.size ? span_of(token->text + text.offset, text.size) : (struct span){0};
}

/* One of its scopes is `scope`. */
bool token_has_scope(const struct token *token, struct span scope);

/* TOKEN_ALGORITHM_OTHER for any name that is none. Names are case-sensitive, but for "none" in any case. */
enum token_algorithm token_algorithm_find(struct span name);

/* "RS256" ... never NULL. */
const char *token_algorithm_name(enum token_algorithm algorithm);
