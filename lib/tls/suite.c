/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS names: small sorted tables, searched once or twice a handshake.
 */

#include "tls/suite.h"

#include "tls/suite_table.h"

struct number_name {
    uint16_t number;
    const char *name;
};

#define GROUP_P256 0x0017u
#define GROUP_P384 0x0018u
#define GROUP_P521 0x0019u

#define GROUP_KYBER_X25519 0x6399u
#define GROUP_KYBER_P256   0x639au

static const struct tls_group groups[] = {
    {0x0001, TLS_GROUP_CURVE, 163, "sect163k1"},
    {0x0002, TLS_GROUP_CURVE, 163, "sect163r1"},
    {0x0003, TLS_GROUP_CURVE, 163, "sect163r2"},
    {0x0004, TLS_GROUP_CURVE, 193, "sect193r1"},
    {0x0005, TLS_GROUP_CURVE, 193, "sect193r2"},
    {0x0006, TLS_GROUP_CURVE, 233, "sect233k1"},
    {0x0007, TLS_GROUP_CURVE, 233, "sect233r1"},
    {0x0008, TLS_GROUP_CURVE, 239, "sect239k1"},
    {0x0009, TLS_GROUP_CURVE, 283, "sect283k1"},
    {0x000a, TLS_GROUP_CURVE, 283, "sect283r1"},
    {0x000b, TLS_GROUP_CURVE, 409, "sect409k1"},
    {0x000c, TLS_GROUP_CURVE, 409, "sect409r1"},
    {0x000d, TLS_GROUP_CURVE, 571, "sect571k1"},
    {0x000e, TLS_GROUP_CURVE, 571, "sect571r1"},
    {0x000f, TLS_GROUP_CURVE, 160, "secp160k1"},
    {0x0010, TLS_GROUP_CURVE, 160, "secp160r1"},
    {0x0011, TLS_GROUP_CURVE, 160, "secp160r2"},
    {0x0012, TLS_GROUP_CURVE, 192, "secp192k1"},
    {0x0013, TLS_GROUP_CURVE, 192, "secp192r1"},
    {0x0014, TLS_GROUP_CURVE, 224, "secp224k1"},
    {0x0015, TLS_GROUP_CURVE, 224, "secp224r1"},
    {0x0016, TLS_GROUP_CURVE, 256, "secp256k1"},
    {0x0017, TLS_GROUP_CURVE, 256, "secp256r1"},
    {0x0018, TLS_GROUP_CURVE, 384, "secp384r1"},
    {0x0019, TLS_GROUP_CURVE, 521, "secp521r1"},
    {0x001a, TLS_GROUP_CURVE, 256, "brainpoolP256r1"},
    {0x001b, TLS_GROUP_CURVE, 384, "brainpoolP384r1"},
    {0x001c, TLS_GROUP_CURVE, 512, "brainpoolP512r1"},
    {0x001d, TLS_GROUP_CURVE, 256, "x25519"},
    {0x001e, TLS_GROUP_CURVE, 448, "x448"},
    {0x001f, TLS_GROUP_CURVE, 256, "brainpoolP256r1tls13"},
    {0x0020, TLS_GROUP_CURVE, 384, "brainpoolP384r1tls13"},
    {0x0021, TLS_GROUP_CURVE, 512, "brainpoolP512r1tls13"},
    {0x0022, TLS_GROUP_CURVE, 256, "GC256A"},
    {0x0023, TLS_GROUP_CURVE, 256, "GC256B"},
    {0x0024, TLS_GROUP_CURVE, 256, "GC256C"},
    {0x0025, TLS_GROUP_CURVE, 256, "GC256D"},
    {0x0026, TLS_GROUP_CURVE, 512, "GC512A"},
    {0x0027, TLS_GROUP_CURVE, 512, "GC512B"},
    {0x0028, TLS_GROUP_CURVE, 512, "GC512C"},
    {0x0029, TLS_GROUP_CURVE, 256, "curveSM2"},
    {0x0100, TLS_GROUP_FFDHE, 2048, "ffdhe2048"},
    {0x0101, TLS_GROUP_FFDHE, 3072, "ffdhe3072"},
    {0x0102, TLS_GROUP_FFDHE, 4096, "ffdhe4096"},
    {0x0103, TLS_GROUP_FFDHE, 6144, "ffdhe6144"},
    {0x0104, TLS_GROUP_FFDHE, 8192, "ffdhe8192"},
    {0x0200, TLS_GROUP_ML_KEM, 512, "MLKEM512"},
    {0x0201, TLS_GROUP_ML_KEM, 768, "MLKEM768"},
    {0x0202, TLS_GROUP_ML_KEM, 1024, "MLKEM1024"},
    {0x11eb, TLS_GROUP_HYBRID, 256, "SecP256r1MLKEM768"},
    {0x11ec, TLS_GROUP_HYBRID, 256, "X25519MLKEM768"},
    {0x11ed, TLS_GROUP_HYBRID, 384, "SecP384r1MLKEM1024"},
    {0x11ee, TLS_GROUP_HYBRID, 256, "curveSM2MLKEM768"},
    {0x6399, TLS_GROUP_HYBRID, 256, "X25519Kyber768Draft00"},
    {0x639a, TLS_GROUP_HYBRID, 256, "SecP256r1Kyber768Draft00"},
    {0xff01, TLS_GROUP_EXPLICIT, 0, "arbitrary_explicit_prime_curves"},
    {0xff02, TLS_GROUP_EXPLICIT, 0, "arbitrary_explicit_char2_curves"},
};

/* TLS 1.2 writes hash and signature as two bytes (RFC 5246 7.4.1.4.1); its pairs have names of the same kind here. */
static const struct number_name signature_schemes[] = {
    {0x0101, "rsa_pkcs1_md5"},
    {0x0102, "dsa_md5"},
    {0x0103, "ecdsa_md5"},
    {0x0201, "rsa_pkcs1_sha1"},
    {0x0202, "dsa_sha1"},
    {0x0203, "ecdsa_sha1"},
    {0x0301, "rsa_pkcs1_sha224"},
    {0x0302, "dsa_sha224"},
    {0x0303, "ecdsa_sha224"},
    {0x0401, "rsa_pkcs1_sha256"},
    {0x0402, "dsa_sha256"},
    {0x0403, "ecdsa_secp256r1_sha256"},
    {0x0420, "rsa_pkcs1_sha256_legacy"},
    {0x0501, "rsa_pkcs1_sha384"},
    {0x0502, "dsa_sha384"},
    {0x0503, "ecdsa_secp384r1_sha384"},
    {0x0520, "rsa_pkcs1_sha384_legacy"},
    {0x0601, "rsa_pkcs1_sha512"},
    {0x0602, "dsa_sha512"},
    {0x0603, "ecdsa_secp521r1_sha512"},
    {0x0620, "rsa_pkcs1_sha512_legacy"},
    {0x0704, "eccsi_sha256"},
    {0x0708, "sm2sig_sm3"},
    {0x0709, "gostr34102012_256a"},
    {0x070a, "gostr34102012_256b"},
    {0x070b, "gostr34102012_256c"},
    {0x070c, "gostr34102012_256d"},
    {0x070d, "gostr34102012_512a"},
    {0x070e, "gostr34102012_512b"},
    {0x070f, "gostr34102012_512c"},
    {0x0804, "rsa_pss_rsae_sha256"},
    {0x0805, "rsa_pss_rsae_sha384"},
    {0x0806, "rsa_pss_rsae_sha512"},
    {0x0807, "ed25519"},
    {0x0808, "ed448"},
    {0x0809, "rsa_pss_pss_sha256"},
    {0x080a, "rsa_pss_pss_sha384"},
    {0x080b, "rsa_pss_pss_sha512"},
    {0x081a, "ecdsa_brainpoolP256r1tls13_sha256"},
    {0x081b, "ecdsa_brainpoolP384r1tls13_sha384"},
    {0x081c, "ecdsa_brainpoolP512r1tls13_sha512"},
    {0x0904, "mldsa44"},
    {0x0905, "mldsa65"},
    {0x0906, "mldsa87"},
};

static const struct number_name versions[] = {
    {0x0002, "SSLv2"},   {0x0100, "DTLSv0.9"}, {0x0300, "SSLv3"},    {0x0301, "TLSv1.0"},  {0x0302, "TLSv1.1"},
    {0x0303, "TLSv1.2"}, {0x0304, "TLSv1.3"},  {0xfefc, "DTLSv1.3"}, {0xfefd, "DTLSv1.2"}, {0xfeff, "DTLSv1.0"},
};

static const struct number_name alerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {21, "decryption_failed"},
    {22, "record_overflow"},
    {30, "decompression_failure"},
    {40, "handshake_failure"},
    {41, "no_certificate"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {52, "too_many_cids_requested"},
    {60, "export_restriction"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {111, "certificate_unobtainable"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {114, "bad_certificate_hash_value"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {117, "general_error"},
    {120, "no_application_protocol"},
    {121, "ech_required"},
};

static const char *name_find(const struct number_name *names, uint32_t count, uint16_t number)
{
    for (uint32_t i = 0; i < count; i++)
        if (names[i].number == number)
            return names[i].name;
    return NULL;
}

const struct tls_suite *tls_suite_find(uint16_t id)
{
    uint32_t low = 0, high = TLS_SUITE_COUNT;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (tls_suite_table[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < TLS_SUITE_COUNT && tls_suite_table[low].id == id ? &tls_suite_table[low] : NULL;
}

bool tls_group_is_approved(const struct tls_group *group)
{
    switch ((enum tls_group_kind)group->kind) {
    case TLS_GROUP_CURVE:
        return group->id == GROUP_P256 || group->id == GROUP_P384 || group->id == GROUP_P521;
    case TLS_GROUP_FFDHE:
        return group->bits >= 2048;
    case TLS_GROUP_HYBRID: /* Kyber is what ML-KEM was before it was approved */
        return group->id != GROUP_KYBER_X25519 && group->id != GROUP_KYBER_P256;
    case TLS_GROUP_ML_KEM:
        return true;
    case TLS_GROUP_EXPLICIT:
        break;
    }
    return false;
}

const struct tls_group *tls_group_find(uint16_t id)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(groups); i++)
        if (groups[i].id == id)
            return &groups[i];
    return NULL;
}

const char *tls_signature_scheme_name(uint16_t id)
{
    return name_find(signature_schemes, ARRAY_COUNT(signature_schemes), id);
}

const char *tls_version_name(uint16_t version)
{
    return name_find(versions, ARRAY_COUNT(versions), version);
}

const char *tls_alert_name(uint8_t alert)
{
    return name_find(alerts, ARRAY_COUNT(alerts), alert);
}
