/* SPDX-License-Identifier: Apache-2.0 */

/* SPIFFE: one pass over the text, by the letters that each part may have. */

#include "certificate/spiffe.h"

#define SCHEME "spiffe://"

static const char *const fault_texts[SPIFFE_FAULT_COUNT] = {
    [SPIFFE_GOOD] = "none",
    [SPIFFE_TOO_LONG] = "id longer than 2048 bytes",
    [SPIFFE_SCHEME] = "scheme is not written spiffe://",
    [SPIFFE_USER] = "id has user information",
    [SPIFFE_PORT] = "trust domain has a port",
    [SPIFFE_QUERY] = "id has a query",
    [SPIFFE_FRAGMENT] = "id has a fragment",
    [SPIFFE_PERCENT] = "id has percent-encoded characters",
    [SPIFFE_DOMAIN_EMPTY] = "trust domain is empty",
    [SPIFFE_DOMAIN_TOO_LONG] = "trust domain longer than 255 bytes",
    [SPIFFE_DOMAIN_CHARACTER] = "trust domain has other characters than a-z 0-9 . - _",
    [SPIFFE_SEGMENT_EMPTY] = "path has an empty segment or ends with a slash",
    [SPIFFE_SEGMENT_DOTS] = "path has a segment of dots",
    [SPIFFE_PATH_CHARACTER] = "path has other characters than letters, digits, . - _",
    [SPIFFE_URI_COUNT] = "not exactly one URI name",
    [SPIFFE_PATH_ROOT] = "id of a leaf has no path",
    [SPIFFE_LEAF_AUTHORITY] = "leaf is a certificate authority",
    [SPIFFE_KEY_USAGE_MISSING] = "no key usage",
    [SPIFFE_KEY_USAGE_NOT_CRITICAL] = "key usage is not critical",
    [SPIFFE_KEY_USAGE_SIGNATURE] = "key usage without digitalSignature",
    [SPIFFE_KEY_USAGE_CERT_SIGN] = "key usage of a leaf with keyCertSign or cRLSign",
    [SPIFFE_EXTENDED_USAGE] = "extended key usage without both serverAuth and clientAuth",
};

static bool letter_is_common(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool spiffe_id_is(struct span uri)
{
    return uri.size >= 7 && span_equal_nocase(span_first(uri, 7), SPAN_LITERAL("spiffe:"));
}

struct span spiffe_id_domain(struct span id)
{
    struct span rest = id.size > sizeof(SCHEME) - 1 ? span_from(id, sizeof(SCHEME) - 1) : (struct span){0};
    const uint8_t *slash = rest.size ? memchr(rest.data, '/', rest.size) : NULL;
    return slash ? span_first(rest, (uint32_t)(slash - rest.data)) : rest;
}

struct span spiffe_id_path(struct span id)
{
    uint32_t before = (uint32_t)sizeof(SCHEME) - 1 + spiffe_id_domain(id).size;
    return id.size > before ? span_from(id, before) : (struct span){0};
}

static enum spiffe_fault domain_check(struct span domain)
{
    if (domain.size == 0)
        return SPIFFE_DOMAIN_EMPTY;
    if (memchr(domain.data, '@', domain.size))
        return SPIFFE_USER;
    if (memchr(domain.data, ':', domain.size))
        return SPIFFE_PORT;
    for (uint32_t i = 0; i < domain.size; i++)
        if (!letter_is_common(domain.data[i]))
            return SPIFFE_DOMAIN_CHARACTER;
    return domain.size > SPIFFE_DOMAIN_SIZE_MAX ? SPIFFE_DOMAIN_TOO_LONG : SPIFFE_GOOD;
}

static enum spiffe_fault segment_check(struct span segment)
{
    if (segment.size == 0)
        return SPIFFE_SEGMENT_EMPTY;
    if (span_equal(segment, SPAN_LITERAL(".")) || span_equal(segment, SPAN_LITERAL("..")))
        return SPIFFE_SEGMENT_DOTS;
    for (uint32_t i = 0; i < segment.size; i++)
        if (!letter_is_common(ascii_lower(segment.data[i])))
            return SPIFFE_PATH_CHARACTER;
    return SPIFFE_GOOD;
}

static enum spiffe_fault path_check(struct span path)
{
    while (path.size) {
        struct span rest = span_from(path, 1);
        const uint8_t *slash = rest.size ? memchr(rest.data, '/', rest.size) : NULL;
        uint32_t size = slash ? (uint32_t)(slash - rest.data) : rest.size;
        enum spiffe_fault fault = segment_check(span_first(rest, size));
        if (fault != SPIFFE_GOOD)
            return fault;
        path = span_from(rest, size);
    }
    return SPIFFE_GOOD;
}

enum spiffe_fault spiffe_id_check(struct span id)
{
    if (id.size > SPIFFE_ID_SIZE_MAX)
        return SPIFFE_TOO_LONG;
    if (!span_starts_with(id, SPAN_LITERAL(SCHEME)))
        return SPIFFE_SCHEME;
    if (memchr(id.data, '#', id.size))
        return SPIFFE_FRAGMENT;
    if (memchr(id.data, '?', id.size))
        return SPIFFE_QUERY;
    if (memchr(id.data, '%', id.size))
        return SPIFFE_PERCENT;
    enum spiffe_fault fault = domain_check(spiffe_id_domain(id));
    return fault != SPIFFE_GOOD ? fault : path_check(spiffe_id_path(id));
}

static enum spiffe_fault usage_check(const struct certificate *certificate)
{
    uint32_t both = CERTIFICATE_SERVER_USAGE | CERTIFICATE_CLIENT_USAGE;
    if (!(certificate->flags & CERTIFICATE_KEY_USAGE))
        return SPIFFE_KEY_USAGE_MISSING;
    if (!(certificate->flags & CERTIFICATE_KEY_USAGE_CRITICAL))
        return SPIFFE_KEY_USAGE_NOT_CRITICAL;
    if (certificate->key_usage & (CERTIFICATE_CERT_SIGN | CERTIFICATE_CRL_SIGN))
        return SPIFFE_KEY_USAGE_CERT_SIGN;
    if (!(certificate->key_usage & CERTIFICATE_DIGITAL_SIGNATURE))
        return SPIFFE_KEY_USAGE_SIGNATURE;
    if ((certificate->flags & CERTIFICATE_EXTENDED_USAGE) && (certificate->flags & both) != both)
        return SPIFFE_EXTENDED_USAGE;
    return SPIFFE_GOOD;
}

enum spiffe_fault spiffe_certificate_check(const struct certificate *certificate)
{
    require(certificate->flags & CERTIFICATE_SVID);
    struct span id = certificate_name_text(certificate, certificate->identity);
    if (certificate->uri_count != 1)
        return SPIFFE_URI_COUNT;
    enum spiffe_fault fault = spiffe_id_check(id);
    if (fault != SPIFFE_GOOD)
        return fault;
    if (certificate->flags & CERTIFICATE_AUTHORITY)
        return SPIFFE_LEAF_AUTHORITY;
    if (spiffe_id_path(id).size == 0)
        return SPIFFE_PATH_ROOT;
    return usage_check(certificate);
}

const char *spiffe_fault_text(enum spiffe_fault fault)
{
    require(fault < SPIFFE_FAULT_COUNT);
    return fault_texts[fault];
}
