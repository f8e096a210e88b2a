/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Key set: the file is walked once; the members of one key are gathered until its object ends, then it is made. The
 * slow path, so OpenSSL may allocate as it likes.
 */

#include "token/key_set.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "proto/json_text.h"

#define TEXT_MAX       (KEY_SET_BINARY_MAX / 3 * 4 + 4) /* the longest member that is read: a modulus */
#define POINTER_SIZE   512u
#define KEY_PREFIX     "/keys/"
#define COORDINATE_MAX 66u /* of P-521 */

enum member {
    MEMBER_KTY,
    MEMBER_CRV,
    MEMBER_ALG,
    MEMBER_USE,
    MEMBER_KID,
    MEMBER_N,
    MEMBER_E,
    MEMBER_X,
    MEMBER_Y,
    MEMBER_COUNT
};

static const char *const member_names[MEMBER_COUNT] = {"kty", "crv", "alg", "use", "kid", "n", "e", "x", "y"};

struct member_text {
    uint32_t size;
    bool cut;
    uint8_t data[TEXT_MAX + 1]; /* terminated */
};

/* A binary member, decoded. */
struct binary {
    uint32_t size;
    uint8_t data[KEY_SET_BINARY_MAX];
};

struct loader {
    const char *name;
    struct span text;
    struct diagnostics *diagnostics;
    struct key_set *set;
    uint64_t key_offset; /* where the key being gathered begins */
    bool keys_seen;
    struct member_text members[MEMBER_COUNT];
    struct binary first, second;
};

static void say(struct loader *loader, enum diagnostic_level level, uint64_t offset, const char *message)
{
    struct diagnostic_place place = {.file = loader->name, .line = 1, .column = 1};
    for (uint64_t i = 0; i < offset && i < loader->text.size; i++) {
        place.column = loader->text.data[i] == '\n' ? 1 : place.column + 1;
        place.line += loader->text.data[i] == '\n';
    }
    diagnostics_add(loader->diagnostics, level, &place, "%s", message);
}

static bool member_is(const struct loader *loader, enum member member, const char *text)
{
    return strcmp((const char *)loader->members[member].data, text) == 0;
}

/* ----------------------------------------------------------------------- keys */

static bool binary_read(struct loader *loader, enum member member, struct binary *out)
{
    const struct member_text *text = &loader->members[member];
    return text->size && !text->cut &&
           base64url_decode(span_of(text->data, text->size), out->data, sizeof(out->data), &out->size);
}

static EVP_PKEY *key_from_parameters(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    if (context && parameters && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    OSSL_PARAM_free(parameters);
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *rsa_make(const struct binary *modulus, const struct binary *exponent)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(modulus->data, (int)modulus->size, NULL);
    BIGNUM *e = BN_bin2bn(exponent->data, (int)exponent->size, NULL);
    if (builder && n && e && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        key = key_from_parameters("RSA", builder);
    BN_free(n);
    BN_free(e);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

/* X9.62 2.3.3: 04, then both coordinates. */
static EVP_PKEY *curve_make(const char *group, const struct binary *x, const struct binary *y)
{
    uint8_t point[1 + 2 * COORDINATE_MAX] = {4};
    memcpy(point + 1, x->data, x->size);
    memcpy(point + 1 + x->size, y->data, y->size);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (builder && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * (size_t)x->size) == 1)
        key = key_from_parameters("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

static const char *rsa_read(struct loader *loader, struct key *key)
{
    if (!binary_read(loader, MEMBER_N, &loader->first) || !binary_read(loader, MEMBER_E, &loader->second))
        return "an RSA key needs `n` and `e` in base64url (RFC 7518 6.3.1)";
    key->kind = KEY_RSA;
    key->public_key = rsa_make(&loader->first, &loader->second);
    if (key->public_key && EVP_PKEY_get_bits(key->public_key) < (int)KEY_SET_RSA_MIN)
        return "an RSA key of less than 2048 bits must not be used (RFC 7518 3.3); replace it";
    return key->public_key ? NULL : "`n` and `e` are no RSA key";
}

static const char *curve_read(struct loader *loader, struct key *key)
{
    static const struct {
        const char *name;
        enum key_kind kind;
        uint32_t size;
    } curves[] = {{"P-256", KEY_P256, 32}, {"P-384", KEY_P384, 48}, {"P-521", KEY_P521, COORDINATE_MAX}};
    uint32_t curve = 0;
    while (curve < ARRAY_COUNT(curves) && !member_is(loader, MEMBER_CRV, curves[curve].name))
        curve++;
    if (curve == ARRAY_COUNT(curves))
        return "";
    if (!binary_read(loader, MEMBER_X, &loader->first) || !binary_read(loader, MEMBER_Y, &loader->second) ||
        loader->first.size != curves[curve].size || loader->second.size != curves[curve].size)
        return "an EC key needs `x` and `y` in base64url, each as long as its curve (RFC 7518 6.2.1)";
    key->kind = curves[curve].kind;
    key->public_key = curve_make(curves[curve].name, &loader->first, &loader->second);
    return key->public_key ? NULL : "`x` and `y` are no point of the curve";
}

static const char *edwards_read(struct loader *loader, struct key *key)
{
    if (!member_is(loader, MEMBER_CRV, "Ed25519"))
        return "";
    if (!binary_read(loader, MEMBER_X, &loader->first))
        return "an Ed25519 key needs `x` in base64url (RFC 8037 2)";
    key->kind = KEY_ED25519;
    key->public_key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, loader->first.data, loader->first.size);
    return key->public_key ? NULL : "`x` is no Ed25519 key";
}

/* NULL: made. "": of a kind that is not used here. Otherwise what is wrong. */
static const char *key_read(struct loader *loader, struct key *key)
{
    if (member_is(loader, MEMBER_USE, "enc"))
        return "";
    if (member_is(loader, MEMBER_KTY, "RSA"))
        return rsa_read(loader, key);
    if (member_is(loader, MEMBER_KTY, "EC"))
        return curve_read(loader, key);
    if (member_is(loader, MEMBER_KTY, "OKP"))
        return edwards_read(loader, key);
    return loader->members[MEMBER_KTY].size ? "" : "a key needs `kty` (RFC 7517 4.1)";
}

static void key_add(struct loader *loader)
{
    struct key_set *set = loader->set;
    if (set->count == KEY_SET_KEYS_MAX) {
        say(loader, DIAGNOSTIC_ERROR, loader->key_offset,
            "the set has too many keys; take out those that are not used");
        return;
    }
    struct key *key = &set->keys[set->count];
    const struct member_text *id = &loader->members[MEMBER_KID], *algorithm = &loader->members[MEMBER_ALG];
    const char *mistake = id->size > KEY_SET_ID_MAX ? "`kid` is too long" : key_read(loader, key);
    if (mistake) {
        EVP_PKEY_free(key->public_key);
        *key = (struct key){0};
        if (*mistake)
            say(loader, DIAGNOSTIC_ERROR, loader->key_offset, mistake);
        else
            say(loader, DIAGNOSTIC_WARNING, loader->key_offset,
                "this key is of no kind that signatures of tokens are verified with; it is left out");
        return;
    }
    memcpy(key->id, id->data, id->size);
    key->id_size = (uint8_t)id->size;
    if (algorithm->size)
        key->algorithm = (uint8_t)token_algorithm_find(span_of(algorithm->data, algorithm->size));
    if (algorithm->size && !key_fits(key, (enum token_algorithm)key->algorithm))
        say(loader, DIAGNOSTIC_ERROR, loader->key_offset, "`alg` names no algorithm that a key of this kind is for");
    set->count++;
}

/* -------------------------------------------------------------------- walking */

/* "/keys/3/kid": the name of a member of a key; data NULL: of none. *key_out: the pointer is that of a key itself. */
static struct span member_name(struct span pointer, bool *key_out)
{
    *key_out = false;
    if (!span_starts_with(pointer, SPAN_LITERAL(KEY_PREFIX)))
        return (struct span){0};
    struct span rest = span_from(pointer, sizeof(KEY_PREFIX) - 1);
    const uint8_t *slash = rest.size ? memchr(rest.data, '/', rest.size) : NULL;
    *key_out = !slash;
    return slash ? span_from(rest, (uint32_t)(slash - rest.data) + 1) : (struct span){0};
}

static void member_gather(struct loader *loader, struct span name, const struct json_item *item)
{
    for (uint32_t i = 0; i < MEMBER_COUNT; i++) {
        struct member_text *text = &loader->members[i];
        if (!span_equal(name, span_from_text(member_names[i])))
            continue;
        if (item->first)
            text->size = 0;
        uint32_t room = TEXT_MAX - text->size;
        text->size += json_unescape(item->text, text->data + text->size, room);
        text->data[text->size] = 0;
        text->cut = text->size == TEXT_MAX;
    }
}

static void item_take(struct loader *loader, const struct json_walker *walker, const struct json_item *item)
{
    char pointer[POINTER_SIZE];
    bool cut, whole_key;
    uint32_t size = json_pointer(walker, pointer, sizeof(pointer), &cut);
    struct span place = span_of(pointer, size);
    if (cut || item->place_unknown)
        return;
    loader->keys_seen |= item->kind == JSON_ARRAY_BEGIN && span_equal(place, SPAN_LITERAL("/keys"));
    struct span name = member_name(place, &whole_key);
    if (whole_key && item->kind == JSON_OBJECT_BEGIN) {
        memset(loader->members, 0, sizeof(loader->members));
        loader->key_offset = item->offset;
    } else if (whole_key && item->kind == JSON_OBJECT_END) {
        key_add(loader);
    } else if (name.size && item->kind == JSON_STRING) {
        member_gather(loader, name, item);
    }
}

static int set_walk(struct loader *loader)
{
    struct json_walker walker = {0};
    struct parse_input input = {.data = loader->text.data, .size = loader->text.size, .last = true};
    uint32_t errors = loader->diagnostics->errors;
    for (;;) {
        struct json_item item;
        struct parse_step step = json_parse(&walker, &input, &item);
        input.data += step.consumed;
        input.size -= step.consumed;
        if (step.status != PARSE_ITEM)
            break;
        if (!item.malformed)
            item_take(loader, &walker, &item);
    }
    if (walker.anomalies & JSON_ANOMALIES_INVALID)
        say(loader, DIAGNOSTIC_ERROR, walker.anomalies & JSON_MALFORMED ? walker.malformed_offset : loader->text.size,
            "this is no JSON; a JWKS file looks like {\"keys\": [{\"kty\": ...}]}");
    else if (!loader->keys_seen)
        say(loader, DIAGNOSTIC_ERROR, 0, "the list `keys` is missing; a single key belongs into {\"keys\": [ ]}");
    else if (loader->set->count == 0 && loader->diagnostics->errors == errors)
        say(loader, DIAGNOSTIC_ERROR, 0, "no key of the set can verify a signature; RSA, EC or Ed25519 keys can");
    return loader->diagnostics->errors > errors ? -EINVAL : 0;
}

int key_set_load_text(const char *name, const void *text, size_t size, struct diagnostics *diagnostics,
                      struct key_set **set_out)
{
    *set_out = NULL;
    struct loader *loader = calloc(1, sizeof(*loader));
    struct key_set *set = calloc(1, sizeof(*set));
    int result = -ENOMEM;
    if (loader && set) {
        *loader = (struct loader){.name = name, .text = span_of(text, size), .diagnostics = diagnostics, .set = set};
        result = set_walk(loader);
    }
    free(loader);
    if (result == 0)
        *set_out = set;
    else
        key_set_free(set);
    return result;
}

static int file_read(const char *path, uint8_t *buffer, size_t *size_out)
{
    FILE *stream = fopen(path, "rbe");
    if (!stream)
        return -errno;
    *size_out = fread(buffer, 1, KEY_SET_FILE_MAX + 1, stream);
    int result = ferror(stream) ? -EIO : *size_out > KEY_SET_FILE_MAX ? -EFBIG : 0;
    fclose(stream);
    return result;
}

int key_set_load(const char *path, struct diagnostics *diagnostics, struct key_set **set_out)
{
    *set_out = NULL;
    uint8_t *buffer = malloc(KEY_SET_FILE_MAX + 1);
    size_t size = 0;
    int result = buffer ? file_read(path, buffer, &size) : -ENOMEM;
    if (result == 0) {
        result = key_set_load_text(path, buffer, size, diagnostics, set_out);
    } else {
        struct diagnostic_place place = {.file = path};
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &place, "the keys cannot be read: %s", strerror(-result));
    }
    free(buffer);
    return result;
}

void key_set_free(struct key_set *set)
{
    if (!set)
        return;
    for (uint32_t i = 0; i < set->count; i++)
        EVP_PKEY_free(set->keys[i].public_key);
    free(set);
}

static bool kind_fits(enum key_kind kind, enum token_algorithm algorithm)
{
    switch (kind) {
    case KEY_RSA:
        return algorithm >= TOKEN_RS256 && algorithm <= TOKEN_PS512;
    case KEY_P256:
        return algorithm == TOKEN_ES256;
    case KEY_P384:
        return algorithm == TOKEN_ES384;
    case KEY_P521:
        return algorithm == TOKEN_ES512;
    default:
        return algorithm == TOKEN_EDDSA;
    }
}

bool key_fits(const struct key *key, enum token_algorithm algorithm)
{
    return kind_fits(key->kind, algorithm) && (key->algorithm == TOKEN_ALGORITHM_OTHER || key->algorithm == algorithm);
}
