/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Known header names: candidates are chosen by length and first letter, then compared. The table is sorted by length so
 * that the few names of one length are neighbours.
 */

#include "transaction/header.h"

struct header_entry {
    uint8_t size;
    uint8_t id;
    const char *name;
};

#define ENTRY(id, text)                                                                                                \
    {                                                                                                                  \
        sizeof(text) - 1, id, text                                                                                     \
    }

/* Sorted by size. */
static const struct header_entry entries[] = {
    ENTRY(HEADER_VIA, "via"),
    ENTRY(HEADER_HOST, "host"),
    ENTRY(HEADER_ACCEPT, "accept"),
    ENTRY(HEADER_COOKIE, "cookie"),
    ENTRY(HEADER_EXPECT, "expect"),
    ENTRY(HEADER_ORIGIN, "origin"),
    ENTRY(HEADER_SERVER, "server"),
    ENTRY(HEADER_SUNSET, "sunset"),
    ENTRY(HEADER_API_KEY, "api-key"),
    ENTRY(HEADER_REFERER, "referer"),
    ENTRY(HEADER_UPGRADE, "upgrade"),
    ENTRY(HEADER_LOCATION, "location"),
    ENTRY(HEADER_FORWARDED, "forwarded"),
    ENTRY(HEADER_X_API_KEY, "x-api-key"),
    ENTRY(HEADER_X_REAL_IP, "x-real-ip"),
    ENTRY(HEADER_CONNECTION, "connection"),
    ENTRY(HEADER_SET_COOKIE, "set-cookie"),
    ENTRY(HEADER_USER_AGENT, "user-agent"),
    ENTRY(HEADER_DEPRECATION, "deprecation"),
    ENTRY(HEADER_TRACEPARENT, "traceparent"),
    ENTRY(HEADER_CONTENT_TYPE, "content-type"),
    ENTRY(HEADER_X_POWERED_BY, "x-powered-by"),
    ENTRY(HEADER_X_REQUEST_ID, "x-request-id"),
    ENTRY(HEADER_AUTHORIZATION, "authorization"),
    ENTRY(HEADER_CACHE_CONTROL, "cache-control"),
    ENTRY(HEADER_CONTENT_LENGTH, "content-length"),
    ENTRY(HEADER_X_FORWARDED_FOR, "x-forwarded-for"),
    ENTRY(HEADER_CONTENT_ENCODING, "content-encoding"),
    ENTRY(HEADER_WWW_AUTHENTICATE, "www-authenticate"),
    ENTRY(HEADER_X_CORRELATION_ID, "x-correlation-id"),
    ENTRY(HEADER_X_FORWARDED_HOST, "x-forwarded-host"),
    ENTRY(HEADER_TRANSFER_ENCODING, "transfer-encoding"),
    ENTRY(HEADER_X_FORWARDED_PROTO, "x-forwarded-proto"),
    ENTRY(HEADER_PROXY_AUTHORIZATION, "proxy-authorization"),
    ENTRY(HEADER_X_HTTP_METHOD_OVERRIDE, "x-http-method-override"),
    ENTRY(HEADER_X_FORWARDED_CLIENT_CERT, "x-forwarded-client-cert"),
    ENTRY(HEADER_STRICT_TRANSPORT_SECURITY, "strict-transport-security"),
    ENTRY(HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, "access-control-allow-origin"),
    ENTRY(HEADER_ACCESS_CONTROL_ALLOW_CREDENTIALS, "access-control-allow-credentials"),
};

static_assert(ARRAY_COUNT(entries) == HEADER_ID_COUNT - 1, "every known header has one entry");

#define HEADER_NAME_MAX 32

/* First entry of each length, by hand from the table above: index i is the first entry with size >= i. */
static const uint8_t first_of_size[HEADER_NAME_MAX + 2] = {
    [0] = 0,   [1] = 0,   [2] = 0,   [3] = 0,   [4] = 1,   [5] = 2,   [6] = 2,   [7] = 8,   [8] = 11,
    [9] = 12,  [10] = 15, [11] = 18, [12] = 20, [13] = 23, [14] = 25, [15] = 26, [16] = 27, [17] = 31,
    [18] = 33, [19] = 33, [20] = 34, [21] = 34, [22] = 34, [23] = 35, [24] = 36, [25] = 36, [26] = 37,
    [27] = 37, [28] = 38, [29] = 38, [30] = 38, [31] = 38, [32] = 38, [33] = 39,
};

#define WORD 8u /* bytes compared at once */

static inline uint64_t load_word(const void *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, WORD);
    return word;
}

/* Equal but for the case of letters. Letters of the lower-case `known` have bit 0x40, all its other bytes have not. */
static inline bool words_equal_nocase(const void *name, const void *known)
{
    uint64_t lower = load_word(known), case_bits = (lower & UINT64_C(0x4040404040404040)) >> 1;
    return ((load_word(name) ^ lower) & ~case_bits) == 0;
}

/* The same for four bytes. */
static inline bool halves_equal_nocase(const void *name, const void *known)
{
    uint32_t sent, lower;
    memcpy(&sent, name, sizeof(sent));
    memcpy(&lower, known, sizeof(lower));
    return ((sent ^ lower) & ~((lower & UINT32_C(0x40404040)) >> 1)) == 0;
}

/* Whole words, the last one overlapping; short names the same with half words, the shortest byte by byte. */
static inline bool name_equal(const uint8_t *name, const char *known, uint32_t size)
{
    if (size < WORD / 2)
        return span_equal_nocase(span_of(name, size), span_of(known, size));
    if (size < WORD)
        return halves_equal_nocase(name, known) && halves_equal_nocase(name + size - WORD / 2, known + size - WORD / 2);
    for (uint32_t i = 0; i + WORD < size; i += WORD)
        if (!words_equal_nocase(name + i, known + i))
            return false;
    return words_equal_nocase(name + size - WORD, known + size - WORD);
}

enum header_id header_id_find(struct span name)
{
    if (name.size > HEADER_NAME_MAX || name.size == 0)
        return HEADER_OTHER;
    uint8_t first = ascii_lower(name.data[0]), last = ascii_lower(name.data[name.size - 1]);
    for (uint32_t i = first_of_size[name.size]; i < first_of_size[name.size + 1]; i++)
        if (entries[i].name[0] == first && entries[i].name[name.size - 1] == last &&
            name_equal(name.data, entries[i].name, name.size))
            return entries[i].id;
    return HEADER_OTHER;
}

const char *header_id_name(enum header_id id)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(entries); i++)
        if (entries[i].id == id)
            return entries[i].name;
    return "";
}
