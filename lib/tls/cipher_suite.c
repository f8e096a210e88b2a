/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Suites come in runs that differ in the way keys are exchanged, which does not matter here, and often alternate
 * between two key sizes. So a row is a run with what its even and its odd members take, counted from its first one.
 */

#include "tls/cipher_suite.h"

#define TLS_HASH_NONE TLS_HASH_NULL /* of AEADs */
#define C(name)       TLS_OPEN_##name
#define H(name)       TLS_HASH_##name

struct run {
    uint16_t first, last;
    uint8_t cipher[2]; /* enum tls_open_kind of first, first + 2 ... and of first + 1, first + 3 ... */
    uint8_t mac[2], prf[2];
    bool tls13;
};

/* All members alike; the PRF of TLS 1.2 is SHA-256 unless the suite names SHA-384 (RFC 5246 1.2). */
#define ALIKE(first, last, cipher, mac)                                                                                \
    {                                                                                                                  \
        first, last, {C(cipher), C(cipher)}, {H(mac), H(mac)}, {H(SHA256), H(SHA256)}, false                           \
    }
#define ONE(suite, cipher, mac) ALIKE(suite, suite, cipher, mac)
/* Alternating key sizes; `mac0`, `mac1` NONE for AEADs. */
#define PAIRS(first, last, cipher0, cipher1, mac0, mac1, prf0, prf1)                                                   \
    {                                                                                                                  \
        first, last, {C(cipher0), C(cipher1)}, {H(mac0), H(mac1)}, {H(prf0), H(prf1)}, false                           \
    }
#define TLS13(suite, cipher, prf)                                                                                      \
    {                                                                                                                  \
        suite, suite, {C(cipher), C(cipher)}, {H(NULL), H(NULL)}, {H(prf), H(prf)}, true                               \
    }

/* In order of their numbers. */
static const struct run runs[] = {
    ONE(0x0001, CLEAR, MD5),
    ONE(0x0002, CLEAR, SHA1),
    ONE(0x0004, RC4, MD5),
    ONE(0x0005, RC4, SHA1),
    ONE(0x000A, 3DES_CBC, SHA1),
    ONE(0x000D, 3DES_CBC, SHA1),
    ONE(0x0010, 3DES_CBC, SHA1),
    ONE(0x0013, 3DES_CBC, SHA1),
    ONE(0x0016, 3DES_CBC, SHA1),
    ONE(0x0018, RC4, MD5),
    ONE(0x001B, 3DES_CBC, SHA1),
    ALIKE(0x002C, 0x002E, CLEAR, SHA1),
    ALIKE(0x002F, 0x0034, AES128_CBC, SHA1),
    ALIKE(0x0035, 0x003A, AES256_CBC, SHA1),
    ONE(0x003B, CLEAR, SHA256),
    ONE(0x003C, AES128_CBC, SHA256),
    ONE(0x003D, AES256_CBC, SHA256),
    ALIKE(0x003E, 0x0040, AES128_CBC, SHA256),
    ALIKE(0x0041, 0x0046, CAMELLIA128_CBC, SHA1),
    ONE(0x0067, AES128_CBC, SHA256),
    ALIKE(0x0068, 0x006B, AES256_CBC, SHA256),
    ONE(0x006C, AES128_CBC, SHA256),
    ONE(0x006D, AES256_CBC, SHA256),
    ALIKE(0x0084, 0x0089, CAMELLIA256_CBC, SHA1),
    ONE(0x008A, RC4, SHA1),
    ONE(0x008B, 3DES_CBC, SHA1),
    ONE(0x008C, AES128_CBC, SHA1),
    ONE(0x008D, AES256_CBC, SHA1),
    ONE(0x008E, RC4, SHA1),
    ONE(0x008F, 3DES_CBC, SHA1),
    ONE(0x0090, AES128_CBC, SHA1),
    ONE(0x0091, AES256_CBC, SHA1),
    ONE(0x0092, RC4, SHA1),
    ONE(0x0093, 3DES_CBC, SHA1),
    ONE(0x0094, AES128_CBC, SHA1),
    ONE(0x0095, AES256_CBC, SHA1),
    PAIRS(0x009C, 0x00AD, AES128_GCM, AES256_GCM, NONE, NONE, SHA256, SHA384),
    PAIRS(0x00AE, 0x00AF, AES128_CBC, AES256_CBC, SHA256, SHA384, SHA256, SHA384),
    PAIRS(0x00B0, 0x00B1, CLEAR, CLEAR, SHA256, SHA384, SHA256, SHA384),
    PAIRS(0x00B2, 0x00B3, AES128_CBC, AES256_CBC, SHA256, SHA384, SHA256, SHA384),
    PAIRS(0x00B4, 0x00B5, CLEAR, CLEAR, SHA256, SHA384, SHA256, SHA384),
    PAIRS(0x00B6, 0x00B7, AES128_CBC, AES256_CBC, SHA256, SHA384, SHA256, SHA384),
    PAIRS(0x00B8, 0x00B9, CLEAR, CLEAR, SHA256, SHA384, SHA256, SHA384),
    ALIKE(0x00BA, 0x00BF, CAMELLIA128_CBC, SHA256),
    ALIKE(0x00C0, 0x00C5, CAMELLIA256_CBC, SHA256),
    TLS13(0x1301, AES128_GCM, SHA256),
    TLS13(0x1302, AES256_GCM, SHA384),
    TLS13(0x1303, CHACHA20_POLY1305, SHA256),
    TLS13(0x1304, AES128_CCM, SHA256),
    TLS13(0x1305, AES128_CCM8, SHA256),
    ONE(0xC001, CLEAR, SHA1),
    ONE(0xC002, RC4, SHA1),
    ONE(0xC003, 3DES_CBC, SHA1),
    PAIRS(0xC004, 0xC005, AES128_CBC, AES256_CBC, SHA1, SHA1, SHA256, SHA256),
    ONE(0xC006, CLEAR, SHA1),
    ONE(0xC007, RC4, SHA1),
    ONE(0xC008, 3DES_CBC, SHA1),
    PAIRS(0xC009, 0xC00A, AES128_CBC, AES256_CBC, SHA1, SHA1, SHA256, SHA256),
    ONE(0xC00B, CLEAR, SHA1),
    ONE(0xC00C, RC4, SHA1),
    ONE(0xC00D, 3DES_CBC, SHA1),
    PAIRS(0xC00E, 0xC00F, AES128_CBC, AES256_CBC, SHA1, SHA1, SHA256, SHA256),
    ONE(0xC010, CLEAR, SHA1),
    ONE(0xC011, RC4, SHA1),
    ONE(0xC012, 3DES_CBC, SHA1),
    PAIRS(0xC013, 0xC014, AES128_CBC, AES256_CBC, SHA1, SHA1, SHA256, SHA256),
    ONE(0xC015, CLEAR, SHA1),
    ONE(0xC016, RC4, SHA1),
    ONE(0xC017, 3DES_CBC, SHA1),
    PAIRS(0xC018, 0xC019, AES128_CBC, AES256_CBC, SHA1, SHA1, SHA256, SHA256),
    ALIKE(0xC01A, 0xC01C, 3DES_CBC, SHA1),
    ALIKE(0xC01D, 0xC01F, AES128_CBC, SHA1),
    ALIKE(0xC020, 0xC022, AES256_CBC, SHA1),
    PAIRS(0xC023, 0xC02A, AES128_CBC, AES256_CBC, SHA256, SHA384, SHA256, SHA384),
    PAIRS(0xC02B, 0xC032, AES128_GCM, AES256_GCM, NONE, NONE, SHA256, SHA384),
    ONE(0xC033, RC4, SHA1),
    ONE(0xC034, 3DES_CBC, SHA1),
    ONE(0xC035, AES128_CBC, SHA1),
    ONE(0xC036, AES256_CBC, SHA1),
    PAIRS(0xC037, 0xC038, AES128_CBC, AES256_CBC, SHA256, SHA384, SHA256, SHA384),
    ONE(0xC039, CLEAR, SHA1),
    PAIRS(0xC03A, 0xC03B, CLEAR, CLEAR, SHA256, SHA384, SHA256, SHA384),
    PAIRS(0xC03C, 0xC04F, ARIA128_CBC, ARIA256_CBC, SHA256, SHA384, SHA256, SHA384),
    PAIRS(0xC050, 0xC063, ARIA128_GCM, ARIA256_GCM, NONE, NONE, SHA256, SHA384),
    PAIRS(0xC064, 0xC069, ARIA128_CBC, ARIA256_CBC, SHA256, SHA384, SHA256, SHA384),
    PAIRS(0xC06A, 0xC06F, ARIA128_GCM, ARIA256_GCM, NONE, NONE, SHA256, SHA384),
    PAIRS(0xC070, 0xC071, ARIA128_CBC, ARIA256_CBC, SHA256, SHA384, SHA256, SHA384),
    PAIRS(0xC072, 0xC079, CAMELLIA128_CBC, CAMELLIA256_CBC, SHA256, SHA384, SHA256, SHA384),
    PAIRS(0xC07A, 0xC093, CAMELLIA128_GCM, CAMELLIA256_GCM, NONE, NONE, SHA256, SHA384),
    PAIRS(0xC094, 0xC09B, CAMELLIA128_CBC, CAMELLIA256_CBC, SHA256, SHA384, SHA256, SHA384),
    PAIRS(0xC09C, 0xC09F, AES128_CCM, AES256_CCM, NONE, NONE, SHA256, SHA256),
    PAIRS(0xC0A0, 0xC0A3, AES128_CCM8, AES256_CCM8, NONE, NONE, SHA256, SHA256),
    PAIRS(0xC0A4, 0xC0A7, AES128_CCM, AES256_CCM, NONE, NONE, SHA256, SHA256),
    PAIRS(0xC0A8, 0xC0AB, AES128_CCM8, AES256_CCM8, NONE, NONE, SHA256, SHA256),
    PAIRS(0xC0AC, 0xC0AD, AES128_CCM, AES256_CCM, NONE, NONE, SHA256, SHA256),
    PAIRS(0xC0AE, 0xC0AF, AES128_CCM8, AES256_CCM8, NONE, NONE, SHA256, SHA256),
    ALIKE(0xCCA8, 0xCCAE, CHACHA20_POLY1305, NONE),
    PAIRS(0xD001, 0xD002, AES128_GCM, AES256_GCM, NONE, NONE, SHA256, SHA384),
    ONE(0xD003, AES128_CCM8, NONE),
    ONE(0xD005, AES128_CCM, NONE),
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

struct tls_suite_keys tls_suite_keys_find(uint16_t suite)
{
    uint32_t low = 0, high = ARRAY_COUNT(runs);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (runs[middle].last < suite)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == ARRAY_COUNT(runs) || suite < runs[low].first)
        return (struct tls_suite_keys){.cipher = TLS_OPEN_NONE};
    const struct run *run = &runs[low];
    uint32_t member = (uint32_t)(suite - run->first) & 1;
    return (struct tls_suite_keys){
        .cipher = run->cipher[member], .mac = run->mac[member], .prf = run->prf[member], .tls13 = run->tls13};
}

const struct tls_record_cipher *tls_cipher_find(enum tls_open_kind kind)
{
    return &ciphers[kind];
}
