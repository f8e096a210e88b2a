/* SPDX-License-Identifier: Apache-2.0 */

/* Key schedule and ciphers against published vectors: RFC 8448, RFC 6229, RFC 5869, RFC 4231, and the P_SHA256 vector.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls/cipher_context.h"
#include "tls/key_schedule.h"
#include "tls_stream.h"

static struct span unhex(const char *text, uint8_t bytes[256])
{
    return span_of(bytes, tls_stream_unhex(text, bytes, 256));
}

static void check(const char *expected, const uint8_t *actual)
{
    uint8_t bytes[256];
    struct span wanted = unhex(expected, bytes);
    assert_memory_equal(actual, wanted.data, wanted.size);
}

/* "Test vectors for the TLS 1.2 PRF", published on the mailing list of the TLS working group. */
static void test_prf_sha256(void **state)
{
    (void)state;
    uint8_t secret[256], seed[256], out[100];
    tls_prf(TLS_HASH_SHA256, unhex("9bbe436ba940f017b17652849a71db35", secret), SPAN_LITERAL("test label"),
            unhex("a0ba9f936cda311827a6f796ffd5198c", seed), out, sizeof(out));
    check("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077d"
          "ef17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66",
          out);
}

/* RFC 4231 4.2 and 4.7 (a key longer than a block); RFC 2202 2 for MD5 and 3 for SHA-1. */
static void test_hmac(void **state)
{
    (void)state;
    uint8_t key[131], digest[TLS_HASH_SIZE_MAX];
    struct span part = SPAN_LITERAL("Hi There");
    memset(key, 0x0b, 20);
    tls_hmac_parts(TLS_HASH_SHA256, span_of(key, 20), &part, 1, digest);
    check("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", digest);
    tls_hmac_parts(TLS_HASH_SHA384, span_of(key, 20), &part, 1, digest);
    check("afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6", digest);
    tls_hmac_parts(TLS_HASH_SHA1, span_of(key, 20), &part, 1, digest);
    check("b617318655057264e28bc0b6fb378c8ef146be00", digest);
    tls_hmac_parts(TLS_HASH_MD5, span_of(key, 16), &part, 1, digest);
    check("9294727a3638bb1c13f48ef8158bfc9d", digest);
    memset(key, 0xaa, sizeof(key));
    struct span parts[] = {SPAN_LITERAL("Test Using Larger Than Block-Size"), SPAN_LITERAL(" Key - Hash Key First")};
    tls_hmac_parts(TLS_HASH_SHA256, span_of(key, 131), parts, 2, digest);
    check("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", digest);
}

/* RFC 8448 3: traffic secrets and the keys and IVs made of them. */
static void test_traffic_keys(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38", "3fce516009c21727d0f2e4e86ee403bc",
         "5d313eb2671276ee13000b30"},
        {"b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21", "dbfaa693d1762c5b666af5d950258d01",
         "5bd3c71b836e0b76bb73265f"},
        {"a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643", "9f02283b6c9c07efc26bb9f2ac92e356",
         "cf782b88dd83549aadf1e984"},
        {"9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5", "17422dda596ed5d9acd890e3c63f5051",
         "5b78923dee08579033e523d9"},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint8_t secret[256], out[TLS_HASH_SIZE_MAX];
        struct span from = unhex(rows[i][0], secret);
        tls_expand_label(TLS_HASH_SHA256, from, SPAN_LITERAL("key"), (struct span){0}, out, 16);
        check(rows[i][1], out);
        tls_expand_label(TLS_HASH_SHA256, from, SPAN_LITERAL("iv"), (struct span){0}, out, 12);
        check(rows[i][2], out);
    }
}

/* RFC 6229 2: the first bytes of the stream for keys of 128 bits. */
static void test_rc4(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"0102030405060708090a0b0c0d0e0f10", "9ac7cc9a609d1ef7b2932899cde41b975248c4959014126a6e8a84f11d1a9e1c"},
        {"ebb46227c6cc8b37641910833222772a", "720c94b63edf44e131d950ca211a5a30c366fdeacf9ca80436be7c358424d20b"},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint8_t key[256], zeros[32] = {0}, out[32];
        struct tls_rc4 rc4;
        tls_rc4_init(&rc4, unhex(rows[i][0], key));
        tls_rc4_decrypt(&rc4, span_of(zeros, 10), out);
        tls_rc4_decrypt(&rc4, span_of(zeros, 22), out + 10);
        check(rows[i][1], out);
    }
}

/* All rows of OpenSSL's own list that we open must agree with it: `openssl ciphers -V` of the suites of each kind. */
static void test_suites(void **state)
{
    (void)state;
    static const struct {
        uint16_t suite;
        enum tls_open_kind cipher;
        enum tls_hash mac, prf;
    } rows[] = {
        {0x0004, TLS_OPEN_RC4, TLS_HASH_MD5, TLS_HASH_SHA256},
        {0x000a, TLS_OPEN_3DES_CBC, TLS_HASH_SHA1, TLS_HASH_SHA256},
        {0x002f, TLS_OPEN_AES128_CBC, TLS_HASH_SHA1, TLS_HASH_SHA256},
        {0x003d, TLS_OPEN_AES256_CBC, TLS_HASH_SHA256, TLS_HASH_SHA256},
        {0x0084, TLS_OPEN_CAMELLIA256_CBC, TLS_HASH_SHA1, TLS_HASH_SHA256},
        {0x009d, TLS_OPEN_AES256_GCM, TLS_HASH_NULL, TLS_HASH_SHA384},
        {0x009e, TLS_OPEN_AES128_GCM, TLS_HASH_NULL, TLS_HASH_SHA256},
        {0xc014, TLS_OPEN_AES256_CBC, TLS_HASH_SHA1, TLS_HASH_SHA256},
        {0xc027, TLS_OPEN_AES128_CBC, TLS_HASH_SHA256, TLS_HASH_SHA256},
        {0xc028, TLS_OPEN_AES256_CBC, TLS_HASH_SHA384, TLS_HASH_SHA384},
        {0xc02f, TLS_OPEN_AES128_GCM, TLS_HASH_NULL, TLS_HASH_SHA256},
        {0xc030, TLS_OPEN_AES256_GCM, TLS_HASH_NULL, TLS_HASH_SHA384},
        {0xc05d, TLS_OPEN_ARIA256_GCM, TLS_HASH_NULL, TLS_HASH_SHA384},
        {0xc072, TLS_OPEN_CAMELLIA128_CBC, TLS_HASH_SHA256, TLS_HASH_SHA256},
        {0xc09d, TLS_OPEN_AES256_CCM, TLS_HASH_NULL, TLS_HASH_SHA256},
        {0xc0a0, TLS_OPEN_AES128_CCM8, TLS_HASH_NULL, TLS_HASH_SHA256},
        {0xc0ae, TLS_OPEN_AES128_CCM8, TLS_HASH_NULL, TLS_HASH_SHA256},
        {0xcca9, TLS_OPEN_CHACHA20_POLY1305, TLS_HASH_NULL, TLS_HASH_SHA256},
        {0x1302, TLS_OPEN_AES256_GCM, TLS_HASH_NULL, TLS_HASH_SHA384},
        {0x0009, TLS_OPEN_NONE, 0, 0}, /* single DES */
        {0x0003, TLS_OPEN_NONE, 0, 0}, /* export */
        {0x00ff, TLS_OPEN_NONE, 0, 0}, /* a signal */
        {0xfafa, TLS_OPEN_NONE, 0, 0}, /* GREASE */
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct tls_suite_keys found = tls_suite_keys_find(rows[i].suite);
        assert_int_equal(found.cipher, rows[i].cipher);
        if (found.cipher == TLS_OPEN_NONE)
            continue;
        assert_int_equal(found.mac, rows[i].mac);
        assert_int_equal(found.prf, rows[i].prf);
        assert_int_equal(found.tls13, rows[i].suite >> 8 == 0x13);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prf_sha256), cmocka_unit_test(test_hmac),   cmocka_unit_test(test_traffic_keys),
        cmocka_unit_test(test_rc4),        cmocka_unit_test(test_suites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
