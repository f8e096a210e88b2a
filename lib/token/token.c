/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Token: split at its dots, both JSON parts decoded and walked once. Which member is meant is told by its JSON pointer,
 * so a member of the same name deeper down is never mistaken for it.
 */

#include "token/token.h"

#include "base/base64.h"
#include "proto/json_text.h"

#define PARTS_MAX      5u                   /* of a JWE */
#define POINTER_SIZE   512u                 /* claims asked for are named in below 100 bytes */
#define VALUE_SIZE     JSON_STRING_PART_MAX /* decoded, in one part; of longer values none is kept */
#define SECONDS_DIGITS 15u                  /* of a NumericDate: 30 million years, and no overflow */

static const char *const algorithm_names[TOKEN_ALGORITHM_COUNT] = {
    [TOKEN_ALGORITHM_OTHER] = "other", [TOKEN_ALGORITHM_NONE] = "none", [TOKEN_HS256] = "HS256",
    [TOKEN_HS384] = "HS384",           [TOKEN_HS512] = "HS512",         [TOKEN_RS256] = "RS256",
    [TOKEN_RS384] = "RS384",           [TOKEN_RS512] = "RS512",         [TOKEN_PS256] = "PS256",
    [TOKEN_PS384] = "PS384",           [TOKEN_PS512] = "PS512",         [TOKEN_ES256] = "ES256",
    [TOKEN_ES384] = "ES384",           [TOKEN_ES512] = "ES512",         [TOKEN_EDDSA] = "EdDSA",
};

enum token_algorithm token_algorithm_find(struct span name)
{
    /* Verifiers that were tricked compared without regard to case; no such name is a right one. */
    if (span_equal_nocase(name, SPAN_LITERAL("none")))
        return TOKEN_ALGORITHM_NONE;
    for (uint32_t i = TOKEN_HS256; i < TOKEN_ALGORITHM_COUNT; i++)
        if (span_equal(name, span_from_text(algorithm_names[i])))
            return (enum token_algorithm)i;
    return TOKEN_ALGORITHM_OTHER;
}

const char *token_algorithm_name(enum token_algorithm algorithm)
{
    require(algorithm < TOKEN_ALGORITHM_COUNT);
    return algorithm_names[algorithm];
}

/* ---------------------------------------------------------------------- parts */

/* Returns how many there are, at most PARTS_MAX + 1. */
static uint32_t parts_split(struct span compact, struct span parts_out[PARTS_MAX])
{
    uint32_t count = 0;
    for (;;) {
        const uint8_t *dot = compact.size ? memchr(compact.data, '.', compact.size) : NULL;
        if (count == PARTS_MAX)
            return PARTS_MAX + 1;
        parts_out[count++] = dot ? span_first(compact, (uint32_t)(dot - compact.data)) : compact;
        if (!dot)
            return count;
        compact = span_from(compact, parts_out[count - 1].size + 1);
    }
}

/* --------------------------------------------------------------------- values */

/* One value with its place, decoded. */
struct member {
    struct span pointer; /* of the value, or of the array it is directly in */
    struct span text;    /* of a string, decoded; of anything else as written */
    enum json_kind kind;
    bool element; /* in an array */
    bool cut;     /* the text is not whole */
};

static struct token_text text_keep(struct token *token, struct span text)
{
    if (text.size == 0 || text.size > TOKEN_TEXT_SIZE - token->text_used) {
        token->flags |= text.size ? TOKEN_CUT : 0;
        return (struct token_text){0};
    }
    struct token_text kept = {token->text_used, (uint16_t)text.size};
    memcpy(token->text + kept.offset, text.data, text.size);
    token->text_used = (uint16_t)(token->text_used + text.size);
    return kept;
}

static bool pointer_is(const struct member *member, const char *pointer)
{
    return span_equal(member->pointer, span_from_text(pointer));
}

static struct token_text member_keep(struct token *token, const struct member *member)
{
    if (member->cut)
        token->flags |= TOKEN_CUT;
    if (member->cut || member->kind != JSON_STRING)
        return (struct token_text){0};
    return text_keep(token, member->text);
}

static void header_take(struct token *token, const struct member *member)
{
    if (pointer_is(member, "/crit")) {
        bool named = member->element && member->kind == JSON_STRING;
        token->flags |= TOKEN_CRITICAL;
        token->flags = named ? token->flags & ~(uint32_t)TOKEN_CRITICAL_EMPTY : token->flags;
    }
    if (member->element)
        return;
    if (pointer_is(member, "/alg"))
        token->algorithm_text = member_keep(token, member);
    else if (pointer_is(member, "/kid"))
        token->key_id = member_keep(token, member);
    else if (pointer_is(member, "/typ"))
        token->type = member_keep(token, member);
}

/* A NumericDate (RFC 7519 section 2): what is behind the point does not matter here. */
static void time_take(struct token *token, const struct member *member, uint32_t flag, int64_t *seconds_out)
{
    if (member->kind != JSON_NUMBER) {
        token->flags |= TOKEN_TIME_MALFORMED;
        return;
    }
    bool negative = member->text.size && member->text.data[0] == '-';
    int64_t seconds = 0;
    uint32_t i = negative;
    for (; i < member->text.size && member->text.data[i] >= '0' && member->text.data[i] <= '9'; i++)
        if (i < SECONDS_DIGITS)
            seconds = seconds * 10 + (member->text.data[i] - '0');
    bool exponent =
        memchr(member->text.data, 'e', member->text.size) || memchr(member->text.data, 'E', member->text.size);
    if (exponent || i > SECONDS_DIGITS || member->cut) {
        token->flags |= TOKEN_TIME_UNREAD;
        return;
    }
    token->flags |= flag;
    *seconds_out = negative ? -seconds : seconds;
}

static void audience_take(struct token *token, const struct member *member)
{
    token->flags |= TOKEN_HAS_AUDIENCE;
    if (token->audience_count < TOKEN_AUDIENCES_MAX)
        token->audiences[token->audience_count++] = member_keep(token, member);
    else
        token->flags |= TOKEN_CUT;
}

static void thumbprint_take(struct token *token, const struct member *member)
{
    uint32_t size;
    bool whole = member->kind == JSON_STRING && !member->cut &&
                 base64url_decode(member->text, token->thumbprint, sizeof(token->thumbprint), &size) &&
                 size == sizeof(token->thumbprint);
    token->flags |= whole ? TOKEN_HAS_THUMBPRINT : 0;
}

static void scope_add(struct token *token, struct span scope)
{
    if (scope.size + 1 > (uint32_t)(TOKEN_SCOPES_SIZE - token->scopes_used)) {
        token->flags |= TOKEN_SCOPES_CUT;
        return;
    }
    memcpy(token->scopes + token->scopes_used, scope.data, scope.size);
    token->scopes[token->scopes_used + scope.size] = ' ';
    token->scopes_used = (uint16_t)(token->scopes_used + scope.size + 1);
    token->scope_count++;
}

/* Empty at the end. */
static struct span word_next(struct span *rest)
{
    while (rest->size && rest->data[0] == ' ')
        *rest = span_from(*rest, 1);
    const uint8_t *blank = rest->size ? memchr(rest->data, ' ', rest->size) : NULL;
    struct span word = blank ? span_first(*rest, (uint32_t)(blank - rest->data)) : *rest;
    *rest = span_from(*rest, word.size);
    return word;
}

static void asked_take(struct token *token, const struct token_claims *claims, const struct member *member)
{
    for (uint32_t i = 0; i < claims->count; i++) {
        const struct token_claim *claim = &claims->claims[i];
        if (!span_equal(claim->pointer, member->pointer))
            continue;
        token->flags |= claim->value.data ? 0 : TOKEN_HAS_SCOPES;
        if (member->kind != JSON_STRING)
            continue;
        if (member->cut)
            token->flags |= TOKEN_SCOPES_CUT;
        struct span rest = {0};
        if (!member->cut)
            rest = member->text;
        for (struct span word = word_next(&rest); word.size; word = word_next(&rest)) {
            if (!claim->value.data)
                scope_add(token, word);
            else if (span_equal(word, claim->value) && i < token->role)
                token->role = i;
        }
    }
}

static void claims_take(struct token *token, const struct digest_key *key, const struct member *member)
{
    bool text = member->kind == JSON_STRING;
    if (pointer_is(member, "/aud") && text)
        audience_take(token, member);
    if (member->element)
        return;
    if (pointer_is(member, "/iss")) {
        token->issuer = member_keep(token, member);
    } else if (pointer_is(member, "/exp")) {
        time_take(token, member, TOKEN_HAS_EXPIRY, &token->expires);
    } else if (pointer_is(member, "/nbf")) {
        time_take(token, member, TOKEN_HAS_NOT_BEFORE, &token->not_before);
    } else if (pointer_is(member, "/iat")) {
        time_take(token, member, TOKEN_HAS_ISSUED, &token->issued);
    } else if (pointer_is(member, "/cnf/x5t#S256")) {
        thumbprint_take(token, member);
    } else if (pointer_is(member, "/sub") && text && !member->cut) {
        digest_value(key, member->text, token->subject);
        token->flags |= TOKEN_HAS_SUBJECT;
    }
}

/* -------------------------------------------------------------------- walking */

/* What is asked of one part. */
struct walk {
    struct token *token;
    const struct token_claims *claims; /* NULL: of the header nothing but the header's own members */
    const struct digest_key *key;
};

/* Without the index of an array's element: "/aud" of "/aud/0". */
static struct span pointer_strip(struct span pointer, bool *element_out)
{
    uint32_t size = pointer.size;
    while (size && pointer.data[size - 1] >= '0' && pointer.data[size - 1] <= '9')
        size--;
    *element_out = size > 0 && size < pointer.size && pointer.data[size - 1] == '/';
    return *element_out ? span_first(pointer, size - 1) : pointer;
}

static bool kind_counts(enum json_kind kind)
{
    return kind == JSON_STRING || kind == JSON_NUMBER || kind == JSON_TRUE || kind == JSON_FALSE || kind == JSON_NULL ||
           kind == JSON_ARRAY_BEGIN;
}

static void item_take(const struct walk *walk, const struct json_walker *walker, const struct json_item *item)
{
    char pointer[POINTER_SIZE];
    uint8_t value[VALUE_SIZE];
    bool pointer_cut;
    struct member member = {.kind = (enum json_kind)item->kind, .cut = !item->first || !item->last};
    uint32_t size = json_pointer(walker, pointer, sizeof(pointer), &pointer_cut);
    if (pointer_cut || item->place_unknown || !kind_counts(member.kind))
        return;
    member.pointer = pointer_strip(span_of(pointer, size), &member.element);
    member.text = item->text;
    if (item->escaped && member.kind == JSON_STRING)
        member.text = span_of(value, json_unescape(item->text, value, sizeof(value)));
    if (!walk->claims) {
        header_take(walk->token, &member);
        return;
    }
    claims_take(walk->token, walk->key, &member);
    asked_take(walk->token, walk->claims, &member);
}

/* True for one JSON object, whole, and not nested beyond reason. */
static bool part_walk(struct token_reader *reader, struct span part, const struct walk *walk)
{
    uint32_t size;
    if (!base64url_decode(part, reader->decoded, sizeof(reader->decoded), &size) || size == 0)
        return false;
    struct json_walker *walker = &reader->walker;
    json_init(walker, JSON_TEXT);
    struct parse_input input = {.data = reader->decoded, .size = size, .last = true};
    bool object = false;
    uint32_t depth = 0;
    for (bool first = true;; first = false) {
        struct json_item item;
        struct parse_step step = json_parse(walker, &input, &item);
        input.data += step.consumed;
        input.size -= step.consumed;
        if (step.status != PARSE_ITEM)
            break;
        object = first ? item.kind == JSON_OBJECT_BEGIN : object;
        depth = walker->depth > depth ? walker->depth : depth;
        if (!object || depth > TOKEN_DEPTH_MAX)
            return false;
        item_take(walk, walker, &item);
    }
    return object && !(walker->anomalies & (JSON_ANOMALIES_INVALID | JSON_DEEP | JSON_LOSS));
}

/* The subject of one issuer is not that of another with the same name. */
static void subject_finish(struct token *token, const struct digest_key *key)
{
    uint8_t text[DIGEST_SIZE + TOKEN_TEXT_SIZE];
    struct span issuer = token_text(token, token->issuer);
    memcpy(text, token->subject, DIGEST_SIZE);
    if (issuer.size)
        memcpy(text + DIGEST_SIZE, issuer.data, issuer.size);
    digest_value(key, span_of(text, DIGEST_SIZE + issuer.size), token->subject);
}

void token_init(struct token *token)
{
    memset(token, 0, offsetof(struct token, text));
    token->issuer_index = UINT32_MAX;
    token->role = TOKEN_ROLE_NONE;
}

void token_read(struct token_reader *reader, const struct token_claims *claims, const struct digest_key *key,
                struct span compact, struct token *token_out)
{
    token_init(token_out);
    token_out->form = compact.size ? TOKEN_OPAQUE : TOKEN_ABSENT;
    struct span parts[PARTS_MAX];
    uint32_t count = parts_split(compact, parts);
    if (count != 3 && count != PARTS_MAX)
        return;
    token_out->flags = TOKEN_CRITICAL_EMPTY;
    struct walk walk = {.token = token_out, .key = key};
    if (!part_walk(reader, parts[0], &walk))
        return;
    if (!(token_out->flags & TOKEN_CRITICAL))
        token_out->flags &= ~(uint32_t)TOKEN_CRITICAL_EMPTY;
    token_out->algorithm = (uint8_t)token_algorithm_find(token_text(token_out, token_out->algorithm_text));
    token_out->form = count == 3 ? TOKEN_UNREADABLE : TOKEN_ENCRYPTED;
    walk.claims = claims;
    /* Without its whole header nothing can be said of a token. */
    if (count != 3 || compact.size > TOKEN_SIZE_MAX || (token_out->flags & TOKEN_CUT) ||
        !part_walk(reader, parts[1], &walk))
        return;
    token_out->form = TOKEN_SIGNED;
    if (token_out->flags & TOKEN_HAS_SUBJECT)
        subject_finish(token_out, key);
}

bool token_has_scope(const struct token *token, struct span scope)
{
    struct span rest = span_of(token->scopes, token->scopes_used);
    for (struct span word = word_next(&rest); word.size; word = word_next(&rest))
        if (span_equal(word, scope))
            return true;
    return false;
}
