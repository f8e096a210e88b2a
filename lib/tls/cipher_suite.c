/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What opening takes, from what the registry says of a suite (tls/suite.h): its cipher and mode name a way of opening,
 * or none.
 */

#include "tls/cipher_suite.h"

#define C(name) TLS_OPEN_##name
#define MODES   (TLS_MODE_MGM + 1)
#define CIPHERS (TLS_CIPHER_FORTEZZA + 1)

static const uint8_t open_kinds[CIPHERS][MODES] = {
    [TLS_CIPHER_NULL] = {[TLS_MODE_NONE] = C(CLEAR)},
    [TLS_CIPHER_RC4_128] = {[TLS_MODE_STREAM] = C(RC4)},
    [TLS_CIPHER_3DES] = {[TLS_MODE_CBC] = C(3DES_CBC)},
    [TLS_CIPHER_AES_128] = {[TLS_MODE_CBC] = C(AES128_CBC),
                            [TLS_MODE_GCM] = C(AES128_GCM),
                            [TLS_MODE_CCM] = C(AES128_CCM),
                            [TLS_MODE_CCM_8] = C(AES128_CCM8)},
    [TLS_CIPHER_AES_256] = {[TLS_MODE_CBC] = C(AES256_CBC),
                            [TLS_MODE_GCM] = C(AES256_GCM),
                            [TLS_MODE_CCM] = C(AES256_CCM),
                            [TLS_MODE_CCM_8] = C(AES256_CCM8)},
    [TLS_CIPHER_CAMELLIA_128] = {[TLS_MODE_CBC] = C(CAMELLIA128_CBC), [TLS_MODE_GCM] = C(CAMELLIA128_GCM)},
    [TLS_CIPHER_CAMELLIA_256] = {[TLS_MODE_CBC] = C(CAMELLIA256_CBC), [TLS_MODE_GCM] = C(CAMELLIA256_GCM)},
    [TLS_CIPHER_ARIA_128] = {[TLS_MODE_CBC] = C(ARIA128_CBC), [TLS_MODE_GCM] = C(ARIA128_GCM)},
    [TLS_CIPHER_ARIA_256] = {[TLS_MODE_CBC] = C(ARIA256_CBC), [TLS_MODE_GCM] = C(ARIA256_GCM)},
    [TLS_CIPHER_CHACHA20] = {[TLS_MODE_POLY1305] = C(CHACHA20_POLY1305)},
};

/* RFC 5288 3 and 6655 3: four bytes from the key block and eight in the record; RFC 7905 2: twelve and none. */
#define CBC(key, block)                                                                                                \
    {                                                                                                                  \
        .form = TLS_FORM_CBC, .key_size = (key), .block_size = (block)                                                 \
    }
#define AEAD(key, tag)                                                                                                 \
    {                                                                                                                  \
        .form = TLS_FORM_AEAD, .key_size = (key), .fixed_iv_size = 4, .explicit_size = 8, .tag_size = (tag)            \
    }

static const struct tls_record_cipher ciphers[] = {
    [TLS_OPEN_NONE] = {.form = TLS_FORM_STREAM},
    [C(CLEAR)] = {.form = TLS_FORM_STREAM},
    [C(RC4)] = {.form = TLS_FORM_STREAM, .key_size = 16},
    [C(3DES_CBC)] = CBC(24, 8),
    [C(AES128_CBC)] = CBC(16, 16),
    [C(AES256_CBC)] = CBC(32, 16),
    [C(CAMELLIA128_CBC)] = CBC(16, 16),
    [C(CAMELLIA256_CBC)] = CBC(32, 16),
    [C(ARIA128_CBC)] = CBC(16, 16),
    [C(ARIA256_CBC)] = CBC(32, 16),
    [C(AES128_GCM)] = AEAD(16, 16),
    [C(AES256_GCM)] = AEAD(32, 16),
    [C(CAMELLIA128_GCM)] = AEAD(16, 16),
    [C(CAMELLIA256_GCM)] = AEAD(32, 16),
    [C(ARIA128_GCM)] = AEAD(16, 16),
    [C(ARIA256_GCM)] = AEAD(32, 16),
    [C(AES128_CCM)] = AEAD(16, 16),
    [C(AES256_CCM)] = AEAD(32, 16),
    [C(AES128_CCM8)] = AEAD(16, 8),
    [C(AES256_CCM8)] = AEAD(32, 8),
    [C(CHACHA20_POLY1305)] = {.form = TLS_FORM_AEAD, .key_size = 32, .fixed_iv_size = 12, .tag_size = 16},
};
static_assert(ARRAY_COUNT(ciphers) == TLS_OPEN_KIND_COUNT, "every kind is described");

/* Without cipher there has to be a MAC to prove records by; those of TLS 1.3 (RFC 9150) have another form. */
static bool is_opened(const struct tls_suite *suite, enum tls_open_kind kind)
{
    if (kind == TLS_OPEN_CLEAR)
        return tls_hash_size((enum tls_hash)suite->mac) && !(suite->flags & TLS_SUITE_TLS13);
    return kind != TLS_OPEN_NONE;
}

struct tls_suite_keys tls_suite_keys_find(uint16_t id)
{
    const struct tls_suite *suite = tls_suite_find(id);
    enum tls_open_kind kind = suite ? (enum tls_open_kind)open_kinds[suite->cipher][suite->mode] : TLS_OPEN_NONE;
    if (!suite || !is_opened(suite, kind))
        return (struct tls_suite_keys){.cipher = TLS_OPEN_NONE};
    return (struct tls_suite_keys){.cipher = kind,
                                   .mac = (enum tls_hash)suite->mac,
                                   .prf = (enum tls_hash)suite->hash,
                                   .tls13 = (suite->flags & TLS_SUITE_TLS13) != 0};
}

const struct tls_record_cipher *tls_cipher_find(enum tls_open_kind kind)
{
    return &ciphers[kind];
}
