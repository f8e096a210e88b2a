/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fingerprints, made once a handshake: a microsecond or two.
 *
 * OpenSSL's low-level MD5 and SHA-256, although deprecated: EVP in OpenSSL 3.0 looks its algorithm up for each text,
 * and a FIPS provider has no MD5 at all, where it is no cryptography but a name.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include "tls/fingerprint.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

#include "base/hex.h"
#include "tls/cursor.h"
#include "tls/suite.h"

#define JA4_DIGEST_DIGITS 12u
#define NUMBER_DIGITS_MAX 6u /* "65535" and a separator */

/* ----------------------------------------------------------------- JA3 */

static void ja3_separator(MD5_CTX *context, char separator)
{
    MD5_Update(context, &separator, 1);
}

static void ja3_number(MD5_CTX *context, uint32_t number)
{
    char text[NUMBER_DIGITS_MAX];
    uint32_t at = sizeof(text);
    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number && at);
    MD5_Update(context, text + at, sizeof(text) - at);
}

/* "1-2-3" */
static void ja3_value(MD5_CTX *context, uint32_t number, bool *more)
{
    if (*more)
        ja3_separator(context, '-');
    ja3_number(context, number);
    *more = true;
}

static void ja3_list(MD5_CTX *context, struct span list)
{
    bool more = false;
    for (uint32_t i = 0; i + 1 < list.size; i += 2)
        if (!tls_is_grease(tls_u16(list.data + i)))
            ja3_value(context, tls_u16(list.data + i), &more);
}

static void ja3_extensions(MD5_CTX *context, const struct tls_hello *hello)
{
    bool more = false;
    for (uint32_t i = 0; i < hello->extension_count; i++)
        if (!tls_is_grease(hello->extension_types[i]))
            ja3_value(context, hello->extension_types[i], &more);
}

static void ja3_end(MD5_CTX *context, char text_out[TLS_FINGERPRINT_SIZE])
{
    uint8_t digest[MD5_DIGEST_LENGTH];
    MD5_Final(digest, context);
    *hex_write(digest, MD5_DIGEST_LENGTH, text_out) = '\0';
}

static void ja3_client(const struct tls_hello *hello, char ja3_out[TLS_FINGERPRINT_SIZE])
{
    MD5_CTX context;
    MD5_Init(&context);
    ja3_number(&context, hello->version);
    ja3_separator(&context, ',');
    ja3_list(&context, hello->suites);
    ja3_separator(&context, ',');
    ja3_extensions(&context, hello);
    ja3_separator(&context, ',');
    ja3_list(&context, tls_hello_list(hello, TLS_EXTENSION_GROUPS, 2));
    ja3_separator(&context, ',');
    struct tls_cursor points = tls_cursor_of(hello->extensions[TLS_EXTENSION_POINT_FORMATS]);
    struct span formats = tls_cursor_vector(&points, 1);
    bool more = false;
    for (uint32_t i = 0; i < formats.size; i++)
        ja3_value(&context, formats.data[i], &more);
    ja3_end(&context, ja3_out);
}

/* ----------------------------------------------------------------- JA4 */

struct ja4_values {
    uint32_t count;
    uint16_t values[TLS_FINGERPRINT_VALUES_MAX];
};

/* Insertion sort: at most TLS_FINGERPRINT_VALUES_MAX values, most often nearly sorted. */
static void ja4_insert(struct ja4_values *list, uint16_t value)
{
    uint32_t at = list->count++;
    while (at && list->values[at - 1] > value) {
        list->values[at] = list->values[at - 1];
        at--;
    }
    list->values[at] = value;
}

static void ja4_hex_value(SHA256_CTX *context, uint16_t value, bool *more)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    char text[4];
    hex_write(bytes, 2, text);
    if (*more)
        SHA256_Update(context, ",", 1);
    SHA256_Update(context, text, 4);
    *more = true;
}

static void ja4_values_add(SHA256_CTX *context, const struct ja4_values *list)
{
    bool more = false;
    for (uint32_t i = 0; i < list->count; i++)
        ja4_hex_value(context, list->values[i], &more);
}

static void ja4_digest(SHA256_CTX *context, bool empty, char *text_out)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256_Final(digest, context);
    if (empty)
        memset(digest, 0, sizeof(digest));
    *hex_write(digest, JA4_DIGEST_DIGITS / 2, text_out) = '\0';
}

static const char *ja4_version(uint16_t version)
{
    switch (version) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    default:
        return "00";
    }
}

static bool is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* First and last character of the first protocol; of its hexadecimal form where one of them is no letter or digit. */
static void ja4_alpn(struct span name, char text_out[2])
{
    memcpy(text_out, "00", 2);
    if (name.size == 0)
        return;
    uint8_t first = name.data[0], last = name.data[name.size - 1];
    bool plain = is_alphanumeric(first) && is_alphanumeric(last);
    char digits[4];
    hex_write((const uint8_t[]){first, last}, 2, digits);
    text_out[0] = plain ? (char)first : digits[0];
    text_out[1] = plain ? (char)last : digits[3];
}

static void two_digits(uint32_t number, char *text_out)
{
    number = min_u32(number, 99);
    text_out[0] = (char)('0' + number / 10);
    text_out[1] = (char)('0' + number % 10);
}

static void ja4_suites(const struct tls_hello *hello, struct ja4_values *suites)
{
    for (uint32_t i = 0; i + 1 < hello->suites.size; i += 2)
        if (!tls_is_grease(tls_u16(hello->suites.data + i)))
            ja4_insert(suites, tls_u16(hello->suites.data + i));
}

/* All count, but server_name and ALPN are not among those listed: they change with the place called. */
static uint32_t ja4_extensions(const struct tls_hello *hello, struct ja4_values *listed)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < hello->extension_count; i++) {
        uint16_t type = hello->extension_types[i];
        if (tls_is_grease(type))
            continue;
        count++;
        if (type != 0 && type != 16)
            ja4_insert(listed, type);
    }
    return count;
}

static void ja4_client(const struct tls_hello *hello, uint16_t version, char ja4_out[TLS_JA4_SIZE])
{
    struct ja4_values suites = {0}, extensions = {0};
    ja4_suites(hello, &suites);
    uint32_t extension_count = ja4_extensions(hello, &extensions);
    ja4_out[0] = 't';
    memcpy(ja4_out + 1, ja4_version(version), 2);
    ja4_out[3] = tls_hello_has(hello, TLS_EXTENSION_SERVER_NAME) ? 'd' : 'i';
    two_digits(suites.count, ja4_out + 4);
    two_digits(extension_count, ja4_out + 6);
    ja4_alpn(tls_hello_alpn(hello), ja4_out + 8);
    ja4_out[10] = '_';
    SHA256_CTX context;
    SHA256_Init(&context);
    ja4_values_add(&context, &suites);
    ja4_digest(&context, suites.count == 0, ja4_out + 11);
    ja4_out[23] = '_';
    SHA256_Init(&context);
    ja4_values_add(&context, &extensions);
    struct span signatures = tls_hello_list(hello, TLS_EXTENSION_SIGNATURES, 2);
    if (signatures.size)
        SHA256_Update(&context, "_", 1);
    bool more = false;
    for (uint32_t i = 0; i + 1 < signatures.size; i += 2)
        if (!tls_is_grease(tls_u16(signatures.data + i)))
            ja4_hex_value(&context, tls_u16(signatures.data + i), &more);
    ja4_digest(&context, extension_count == 0, ja4_out + 24);
}

/* -------------------------------------------------------------- public */

void tls_fingerprint_client(const struct tls_hello *hello, uint16_t version, char ja3_out[TLS_FINGERPRINT_SIZE],
                            char ja4_out[TLS_JA4_SIZE])
{
    ja3_out[0] = '\0';
    ja4_out[0] = '\0';
    if (hello->sslv2 || hello->extension_count > TLS_HELLO_EXTENSIONS_MAX ||
        hello->suites.size / 2 > TLS_FINGERPRINT_VALUES_MAX)
        return;
    ja3_client(hello, ja3_out);
    ja4_client(hello, version, ja4_out);
}

void tls_fingerprint_server(const struct tls_hello *hello, char ja3s_out[TLS_FINGERPRINT_SIZE])
{
    ja3s_out[0] = '\0';
    if (hello->extension_count > TLS_HELLO_EXTENSIONS_MAX)
        return;
    MD5_CTX context;
    MD5_Init(&context);
    ja3_number(&context, hello->version);
    ja3_separator(&context, ',');
    ja3_number(&context, hello->suite);
    ja3_separator(&context, ',');
    ja3_extensions(&context, hello);
    ja3_end(&context, ja3s_out);
}
