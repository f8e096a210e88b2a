/* SPDX-License-Identifier: Apache-2.0 */

/* SASL: the user name out of the first response. What may be a secret is never copied. */

#include "proto/sasl.h"

#include "proto/amqp091_table.h"

/* authzid NUL authcid NUL passwd */
static void plain_read(struct span response, struct sasl_login *login)
{
    const uint8_t *first = response.size ? memchr(response.data, 0, response.size) : NULL;
    if (!first)
        return;
    struct span rest = span_from(response, (uint32_t)(first + 1 - response.data));
    const uint8_t *second = rest.size ? memchr(rest.data, 0, rest.size) : NULL;
    if (!second)
        return;
    login->user = span_first(rest, (uint32_t)(second - rest.data));
    login->secret = second + 1 < rest.data + rest.size;
    login->readable = true;
}

/* The entries LOGIN and PASSWORD of a field table. */
static void amqplain_read(struct span response, struct sasl_login *login)
{
    struct amqp091_walk walk;
    struct amqp091_field field;
    amqp091_table_init(&walk, response);
    while (amqp091_walk_next(&walk, &field)) {
        if (span_equal(field.name, SPAN_LITERAL("LOGIN")))
            login->user = field.value;
        else if (span_equal(field.name, SPAN_LITERAL("PASSWORD")))
            login->secret = field.value.size > 0;
    }
    login->readable = !walk.malformed && login->user.data;
}

/* The value behind "name=" in a list of attributes. */
static struct span attribute_find(struct span list, uint8_t separator, struct span name)
{
    while (list.size) {
        const uint8_t *end = memchr(list.data, separator, list.size);
        struct span attribute = span_first(list, end ? (uint32_t)(end - list.data) : list.size);
        if (span_starts_with(attribute, name))
            return span_from(attribute, name.size);
        list = span_from(list, min_u32(attribute.size + 1, list.size));
    }
    return (struct span){0};
}

/* "n,,n=user,r=nonce": the proof that follows in a later response is no password. */
static void scram_read(struct span response, struct sasl_login *login)
{
    login->user = attribute_find(response, ',', SPAN_LITERAL("n="));
    login->readable = login->user.data != NULL;
}

/* "n,a=user,\x01auth=Bearer token\x01\x01", and the older "user=user\x01auth=Bearer token\x01\x01" */
static void bearer_read(struct span response, struct sasl_login *login)
{
    struct span token = attribute_find(response, 1, SPAN_LITERAL("auth="));
    login->user = attribute_find(response, 1, SPAN_LITERAL("user="));
    if (!login->user.data)
        login->user = attribute_find(response, ',', SPAN_LITERAL("a="));
    login->secret = token.size > 0;
    login->readable = token.data != NULL;
}

void sasl_login_read(struct span mechanism, struct span response, struct sasl_login *login_out)
{
    *login_out = (struct sasl_login){0};
    if (span_equal(mechanism, SPAN_LITERAL("PLAIN"))) {
        plain_read(response, login_out);
    } else if (span_equal(mechanism, SPAN_LITERAL("AMQPLAIN"))) {
        amqplain_read(response, login_out);
    } else if (span_equal(mechanism, SPAN_LITERAL("ANONYMOUS"))) {
        /* What is sent is a trace for people, not a name anybody answers for. */
        login_out->anonymous = true;
        login_out->readable = true;
    } else if (span_equal(mechanism, SPAN_LITERAL("EXTERNAL"))) {
        if (response.size)
            login_out->user = response;
        login_out->readable = true;
    } else if (span_starts_with(mechanism, SPAN_LITERAL("SCRAM-"))) {
        scram_read(response, login_out);
    } else if (span_equal(mechanism, SPAN_LITERAL("OAUTHBEARER")) || span_equal(mechanism, SPAN_LITERAL("XOAUTH2"))) {
        bearer_read(response, login_out);
    }
}
