/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ClientHello and ServerHello
 */

#include "tls/hello.h"

#include "tls/cursor.h"

#define TLS_RANDOM_BYTES 32u
#define TLS_MAJOR        3u
#define DTLS_MAJOR       0xfeu

/* Codes of the IANA registry "TLS ExtensionType Values". */
static const uint16_t codes[TLS_EXTENSION_COUNT] = {
    [TLS_EXTENSION_SERVER_NAME] = 0,       [TLS_EXTENSION_STATUS_REQUEST] = 5,     [TLS_EXTENSION_GROUPS] = 10,
    [TLS_EXTENSION_POINT_FORMATS] = 11,    [TLS_EXTENSION_SIGNATURES] = 13,        [TLS_EXTENSION_ALPN] = 16,
    [TLS_EXTENSION_ENCRYPT_THEN_MAC] = 22, [TLS_EXTENSION_MASTER_SECRET] = 23,     [TLS_EXTENSION_TRUNCATED_HMAC] = 4,
    [TLS_EXTENSION_TICKET] = 35,           [TLS_EXTENSION_PRE_SHARED_KEY] = 41,    [TLS_EXTENSION_EARLY_DATA] = 42,
    [TLS_EXTENSION_VERSIONS] = 43,         [TLS_EXTENSION_PSK_MODES] = 45,         [TLS_EXTENSION_KEY_SHARE] = 51,
    [TLS_EXTENSION_CLIENT_HELLO] = 0xfe0d, [TLS_EXTENSION_RENEGOTIATION] = 0xff01,
};

static void extension_note(struct tls_hello *hello, uint16_t type, struct span content)
{
    if (hello->extension_count < TLS_HELLO_EXTENSIONS_MAX)
        hello->extension_types[hello->extension_count] = type;
    hello->extension_count++;
    for (uint32_t i = 0; i < TLS_EXTENSION_COUNT; i++)
        if (codes[i] == type && !hello->extensions[i].data)
            hello->extensions[i] = content;
}

/* A hello may end without extensions. The loop ends because each turn takes four bytes at least. */
static bool extensions_parse(struct tls_cursor *cursor, struct tls_hello *hello)
{
    if (cursor->bad)
        return false;
    if (cursor->left.size == 0)
        return true;
    struct tls_cursor list = tls_cursor_of(tls_cursor_vector(cursor, 2));
    while (list.left.size && !list.bad) {
        uint16_t type = (uint16_t)tls_cursor_number(&list, 2);
        struct span content = tls_cursor_vector(&list, 2);
        if (!list.bad)
            extension_note(hello, type, content);
    }
    return !list.bad && !cursor->bad && cursor->left.size == 0;
}

static void hello_begin(struct tls_cursor *cursor, struct tls_hello *hello)
{
    hello->version = (uint16_t)tls_cursor_number(cursor, 2);
    hello->random = tls_cursor_bytes(cursor, TLS_RANDOM_BYTES).data;
    hello->session_id = tls_cursor_vector(cursor, 1);
    if (hello->session_id.size > 32)
        cursor->bad = true;
}

static bool client_parse(struct span body, bool datagrams, struct tls_hello *hello)
{
    memset(hello, 0, sizeof(*hello));
    struct tls_cursor cursor = tls_cursor_of(body);
    hello_begin(&cursor, hello);
    if (datagrams)
        tls_cursor_vector(&cursor, 1); /* cookie */
    hello->suites = tls_cursor_vector(&cursor, 2);
    struct span compressions = tls_cursor_vector(&cursor, 1);
    return extensions_parse(&cursor, hello) && hello->version >> 8 == (datagrams ? DTLS_MAJOR : TLS_MAJOR) &&
           hello->suites.size >= 2 && hello->suites.size % 2 == 0 && compressions.size > 0;
}

bool tls_hello_parse_client(struct span body, struct tls_hello *hello_out)
{
    return client_parse(body, false, hello_out);
}

bool tls_hello_parse_client_dtls(struct span body, struct tls_hello *hello_out)
{
    return client_parse(body, true, hello_out);
}

bool tls_hello_parse_client_sslv2(struct span body, struct tls_hello *hello_out)
{
    memset(hello_out, 0, sizeof(*hello_out));
    struct tls_cursor cursor = tls_cursor_of(body);
    hello_out->sslv2 = true;
    hello_out->version = (uint16_t)tls_cursor_number(&cursor, 2);
    uint32_t suites_size = tls_cursor_number(&cursor, 2);
    uint32_t session_id_size = tls_cursor_number(&cursor, 2);
    uint32_t challenge_size = tls_cursor_number(&cursor, 2);
    hello_out->suites = tls_cursor_bytes(&cursor, suites_size);
    hello_out->session_id = tls_cursor_bytes(&cursor, session_id_size);
    hello_out->challenge = tls_cursor_bytes(&cursor, challenge_size);
    return !cursor.bad && cursor.left.size == 0 && suites_size >= 3 && suites_size % 3 == 0;
}

static bool server_parse(struct span body, uint32_t major, struct tls_hello *hello)
{
    memset(hello, 0, sizeof(*hello));
    struct tls_cursor cursor = tls_cursor_of(body);
    hello_begin(&cursor, hello);
    hello->suite = (uint16_t)tls_cursor_number(&cursor, 2);
    hello->compression = (uint8_t)tls_cursor_number(&cursor, 1);
    return extensions_parse(&cursor, hello) && hello->version >> 8 == major;
}

bool tls_hello_parse_server(struct span body, struct tls_hello *hello_out)
{
    return server_parse(body, TLS_MAJOR, hello_out);
}

bool tls_hello_parse_server_dtls(struct span body, struct tls_hello *hello_out)
{
    return server_parse(body, DTLS_MAJOR, hello_out);
}

bool tls_hello_parse_extensions(struct span body, struct tls_hello *hello_out)
{
    memset(hello_out, 0, sizeof(*hello_out));
    struct tls_cursor cursor = tls_cursor_of(body);
    return extensions_parse(&cursor, hello_out);
}

bool tls_hello_is_retry_request(const struct tls_hello *hello)
{
    /* SHA-256 of "HelloRetryRequest" */
    static const uint8_t random[TLS_RANDOM_BYTES] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                                     0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                                     0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    return hello->random && memcmp(hello->random, random, sizeof(random)) == 0;
}

struct span tls_hello_list(const struct tls_hello *hello, enum tls_extension extension, uint32_t length_size)
{
    struct tls_cursor cursor = tls_cursor_of(hello->extensions[extension]);
    struct span list = tls_cursor_vector(&cursor, length_size);
    if (cursor.bad || cursor.left.size || list.size % 2)
        list = (struct span){0};
    return list;
}

struct span tls_hello_server_name(const struct tls_hello *hello)
{
    struct tls_cursor cursor = tls_cursor_of(hello->extensions[TLS_EXTENSION_SERVER_NAME]);
    struct tls_cursor list = tls_cursor_of(tls_cursor_vector(&cursor, 2));
    bool host_name = tls_cursor_number(&list, 1) == 0; /* the only type there is (RFC 6066 3) */
    struct span name = tls_cursor_vector(&list, 2);
    return host_name && !list.bad ? name : (struct span){0};
}

struct span tls_hello_alpn(const struct tls_hello *hello)
{
    struct tls_cursor cursor = tls_cursor_of(hello->extensions[TLS_EXTENSION_ALPN]);
    struct tls_cursor list = tls_cursor_of(tls_cursor_vector(&cursor, 2));
    return tls_cursor_vector(&list, 1);
}
