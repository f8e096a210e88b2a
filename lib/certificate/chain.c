/* SPDX-License-Identifier: Apache-2.0 */

/* Certificate messages, and names of certificates against names that were asked for. */

#include "certificate/certificate.h"

#define STATUS_OCSP              1u /* CertificateStatusType (RFC 6066 8) */
#define EXTENSION_STATUS_REQUEST 5u

static bool vector_take(struct span *left, uint32_t length_size, struct span *vector_out)
{
    uint32_t size = 0;
    if (left->size < length_size)
        return false;
    for (uint32_t i = 0; i < length_size; i++)
        size = size << 8 | left->data[i];
    struct span rest = span_from(*left, length_size);
    if (rest.size < size)
        return false;
    *vector_out = span_first(rest, size);
    *left = span_from(rest, size);
    return true;
}

bool certificate_status_parse(struct span body, struct span *response_out)
{
    if (body.size == 0 || body.data[0] != STATUS_OCSP)
        return false;
    body = span_from(body, 1);
    return vector_take(&body, 3, response_out) && response_out->size > 0;
}

static struct span staple_find(struct span extensions)
{
    while (extensions.size >= 2) {
        uint32_t type = (uint32_t)extensions.data[0] << 8 | extensions.data[1];
        struct span body, response;
        extensions = span_from(extensions, 2);
        if (!vector_take(&extensions, 2, &body))
            break;
        if (type == EXTENSION_STATUS_REQUEST && certificate_status_parse(body, &response))
            return response;
    }
    return (struct span){0};
}

bool certificate_chain_parse(struct span body, bool extensions, struct certificate_chain *chain_out)
{
    *chain_out = (struct certificate_chain){0};
    struct span list, beside;                          /* of a message, or an entry */
    if (extensions && !vector_take(&body, 1, &beside)) /* certificate_request_context */
        return false;
    if (!vector_take(&body, 3, &list))
        return false;
    while (list.size) {
        struct span certificate;
        if (!vector_take(&list, 3, &certificate) || certificate.size == 0)
            return false;
        if (extensions && !vector_take(&list, 2, &beside))
            return false;
        if (extensions && chain_out->count == 0)
            chain_out->staple = staple_find(beside);
        if (chain_out->count == CERTIFICATE_CHAIN_MAX) {
            chain_out->cut = true;
            break;
        }
        chain_out->certificates[chain_out->count++] = certificate;
    }
    return chain_out->count > 0;
}

struct span certificate_identity(const struct certificate *certificate)
{
    if (!certificate)
        return (struct span){0};
    if (certificate->flags & CERTIFICATE_SVID)
        return certificate_name_text(certificate, certificate->identity);
    if (certificate->subject_size)
        return span_of(certificate->subject, certificate->subject_size);
    return certificate->name_count ? certificate_name_text(certificate, 0) : (struct span){0};
}

static struct span without_dot(struct span name)
{
    return name.size && name.data[name.size - 1] == '.' ? span_first(name, name.size - 1) : name;
}

static bool dns_name_fits(struct span pattern, struct span host)
{
    pattern = without_dot(pattern);
    if (pattern.size < 3 || pattern.data[0] != '*' || pattern.data[1] != '.')
        return pattern.size && span_equal_nocase(pattern, host);
    const uint8_t *dot = memchr(host.data, '.', host.size);
    if (!dot || dot == host.data)
        return false;
    return span_equal_nocase(span_from(pattern, 1), span_from(host, (uint32_t)(dot - host.data)));
}

bool certificate_matches_host(const struct certificate *certificate, struct span host)
{
    host = without_dot(host);
    if (host.size == 0)
        return false;
    for (uint32_t i = 0; i < certificate->name_count; i++)
        if (certificate->names[i].kind == CERTIFICATE_NAME_DNS &&
            dns_name_fits(certificate_name_text(certificate, i), host))
            return true;
    return false;
}

bool certificate_matches_address(const struct certificate *certificate, const uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    for (uint32_t i = 0; i < certificate->name_count; i++) {
        struct span name = certificate_name_text(certificate, i);
        if (certificate->names[i].kind != CERTIFICATE_NAME_ADDRESS)
            continue;
        if (name.size == 16 && memcmp(name.data, address, 16) == 0)
            return true;
        if (name.size == 4 && memcmp(address, mapped, 12) == 0 && memcmp(name.data, address + 12, 4) == 0)
            return true;
    }
    return false;
}
