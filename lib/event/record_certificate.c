/* SPDX-License-Identifier: Apache-2.0 */

/* Records: certificates that were presented. */

#include "event/record_wire.h"

struct wire_certificate {
    uint64_t first_ns, count;
    int64_t not_before_s, not_after_s;
    struct address server;
    uint16_t server_port;
    uint8_t client, zero;
    uint32_t padding;
};

static_assert(sizeof(struct wire_certificate) == 56, "part of the layout, without padding");

void wire_get_certificate(struct wire_reader *reader, struct certificate_report *certificate_out)
{
    struct wire_certificate fixed;
    wire_get(reader, &fixed, sizeof(fixed));
    reader->bad |= fixed.client > 1 || fixed.zero != 0 || fixed.padding != 0;
    *certificate_out = (struct certificate_report){.first_ns = fixed.first_ns,
                                                   .count = fixed.count,
                                                   .not_before_s = fixed.not_before_s,
                                                   .not_after_s = fixed.not_after_s,
                                                   .server = fixed.server,
                                                   .server_port = fixed.server_port,
                                                   .client = fixed.client == 1};
    certificate_out->sha256 = wire_get_text(reader, RECORD_NAME_MAX);
    certificate_out->subject = wire_get_text(reader, RECORD_TEXT_MAX);
    certificate_out->issuer = wire_get_text(reader, RECORD_TEXT_MAX);
    certificate_out->serial = wire_get_text(reader, RECORD_NAME_MAX);
    certificate_out->names = wire_get_text(reader, RECORD_TEXT_MAX);
}

uint32_t record_certificate_size(const struct certificate_report *certificate)
{
    return (uint32_t)(sizeof(struct record_header) + sizeof(struct wire_certificate)) +
           wire_text_size(certificate->sha256, RECORD_NAME_MAX) +
           wire_text_size(certificate->subject, RECORD_TEXT_MAX) +
           wire_text_size(certificate->issuer, RECORD_TEXT_MAX) + wire_text_size(certificate->serial, RECORD_NAME_MAX) +
           wire_text_size(certificate->names, RECORD_TEXT_MAX);
}

uint32_t record_encode_certificate(const struct certificate_report *certificate, void *record_out)
{
    struct wire_writer writer = wire_begin(record_out);
    struct wire_certificate fixed = {.first_ns = certificate->first_ns,
                                     .count = certificate->count,
                                     .not_before_s = certificate->not_before_s,
                                     .not_after_s = certificate->not_after_s,
                                     .server = certificate->server,
                                     .server_port = certificate->server_port,
                                     .client = certificate->client};
    wire_put(&writer, &fixed, sizeof(fixed));
    wire_put_text(&writer, certificate->sha256, RECORD_NAME_MAX);
    wire_put_text(&writer, certificate->subject, RECORD_TEXT_MAX);
    wire_put_text(&writer, certificate->issuer, RECORD_TEXT_MAX);
    wire_put_text(&writer, certificate->serial, RECORD_NAME_MAX);
    wire_put_text(&writer, certificate->names, RECORD_TEXT_MAX);
    return wire_end(&writer, record_out, RECORD_CERTIFICATE, certificate->last_ns);
}
