/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Performatives of AMQP 1.0: the fields are read by position, checked against one line of letters for each
 * performative, and then those that somebody asks for are picked.
 */

#include "proto/amqp10_performative.h"

#define FIELDS_MAX          14u /* attach has most */
#define CONDITION_DEPTH_MAX 2u  /* an error lies in a rejected state, or stands alone */

/*
 * u unsigned   b boolean   s string   y symbol   i binary   m map   l one symbol or an array of them   * anything
 * A capital letter: it must be there.
 */
static const struct {
    uint8_t code;
    const char *name;
    const char *fields;
} performatives[] = {
    {AMQP10_OPEN, "open", "Ssuuullllm"},
    {AMQP10_BEGIN, "begin", "uUUUullm"},
    {AMQP10_ATTACH, "attach", "SUBuu**mbuullm"},
    {AMQP10_FLOW, "flow", "uUUUuuuubbm"},
    {AMQP10_TRANSFER, "transfer", "Uuiubbu*bbb"},
    {AMQP10_DISPOSITION, "disposition", "BUub*b"},
    {AMQP10_DETACH, "detach", "Ub*"},
    {AMQP10_END, "end", "*"},
    {AMQP10_CLOSE, "close", "*"},
    {AMQP10_SASL_MECHANISMS, "sasl-mechanisms", "L"},
    {AMQP10_SASL_INIT, "sasl-init", "Yis"},
    {AMQP10_SASL_CHALLENGE, "sasl-challenge", "I"},
    {AMQP10_SASL_RESPONSE, "sasl-response", "I"},
    {AMQP10_SASL_OUTCOME, "sasl-outcome", "Ui"},
};

static uint32_t find(uint8_t code)
{
    uint32_t i = 0;
    while (i < ARRAY_COUNT(performatives) && performatives[i].code != code)
        i++;
    return i;
}

const char *amqp10_performative_name(uint8_t code)
{
    uint32_t i = find(code);
    return i < ARRAY_COUNT(performatives) ? performatives[i].name : NULL;
}

static bool type_fits(char letter, const struct amqp10_value *value)
{
    if (value->kind == AMQP10_NULL)
        return letter >= 'a' || letter == '*';
    switch (letter | 0x20) {
    case 'u':
        return value->kind == AMQP10_UNSIGNED;
    case 'b':
        return value->kind == AMQP10_BOOLEAN;
    case 's':
        return value->kind == AMQP10_STRING;
    case 'y':
        return value->kind == AMQP10_SYMBOL;
    case 'i':
        return value->kind == AMQP10_BINARY;
    case 'm':
        return value->kind == AMQP10_MAP;
    case 'l':
        return value->kind == AMQP10_SYMBOL || value->kind == AMQP10_ARRAY;
    default:
        return true;
    }
}

/* All fields; those that were left out are null. */
static bool fields_read(const char *letters, struct span rest, uint32_t count, struct amqp10_value values[FIELDS_MAX])
{
    uint32_t i = 0;
    for (; letters[i]; i++) {
        values[i] = (struct amqp10_value){0};
        if (i < count && !amqp10_value_read(&rest, &values[i]))
            return false;
        if (!type_fits(letters[i], &values[i]))
            return false;
    }
    return count <= i && rest.size == 0;
}

/* The condition of an error, or of the error inside a rejected state; data NULL: there is none. */
static struct span condition_of(const struct amqp10_value *value)
{
    struct amqp10_value inner = *value;
    for (uint32_t i = 0; i < CONDITION_DEPTH_MAX; i++) {
        if (!inner.described || !inner.descriptor_known || inner.kind != AMQP10_LIST)
            break;
        bool error = inner.descriptor == AMQP10_ERROR;
        if (!error && inner.descriptor != AMQP10_REJECTED)
            break;
        struct span rest = inner.bytes;
        if (!amqp10_value_read(&rest, &inner))
            break;
        if (error)
            return inner.kind == AMQP10_SYMBOL ? inner.bytes : (struct span){0};
    }
    return (struct span){0};
}

/* The state of a delivery: only those that end it are outcomes. */
static uint8_t outcome_of(const struct amqp10_value *value)
{
    bool outcome = value->described && value->descriptor_known && value->descriptor >= AMQP10_ACCEPTED &&
                   value->descriptor <= AMQP10_MODIFIED;
    return outcome ? (uint8_t)value->descriptor : 0;
}

/* Address and whether it is dynamic, of a source or target: its first and fifth field. */
static struct span address_of(const struct amqp10_value *terminus, uint64_t descriptor, bool *dynamic)
{
    if (!terminus->described || !terminus->descriptor_known || terminus->descriptor != descriptor ||
        terminus->kind != AMQP10_LIST)
        return (struct span){0};
    struct span rest = terminus->bytes, address = {0};
    struct amqp10_value field;
    for (uint32_t i = 0; i < 5 && amqp10_value_read(&rest, &field); i++) {
        if (i == 0 && field.kind == AMQP10_STRING)
            address = field.bytes;
        if (i == 4 && field.kind == AMQP10_BOOLEAN && field.number)
            *dynamic = true;
    }
    return address;
}

static void pick_transfer(const struct amqp10_value values[], struct amqp10_performative *out)
{
    out->handle = (uint32_t)values[0].number;
    out->has_delivery = values[1].kind != AMQP10_NULL;
    out->delivery_first = out->delivery_last = (uint32_t)values[1].number;
    out->settled_given = values[4].kind != AMQP10_NULL;
    out->settled = values[4].number != 0;
    out->more = values[5].number != 0;
    out->outcome = outcome_of(&values[7]);
    out->aborted = values[9].number != 0;
}

static void pick_disposition(const struct amqp10_value values[], struct amqp10_performative *out)
{
    out->receiver = values[0].number != 0;
    out->delivery_first = (uint32_t)values[1].number;
    out->delivery_last = values[2].kind == AMQP10_NULL ? out->delivery_first : (uint32_t)values[2].number;
    out->settled = values[3].number != 0;
    out->outcome = outcome_of(&values[4]);
    out->error = condition_of(&values[4]);
}

static void pick_attach(const struct amqp10_value values[], struct amqp10_performative *out)
{
    out->link_name = values[0].bytes;
    out->handle = (uint32_t)values[1].number;
    out->receiver = values[2].number != 0;
    out->source = address_of(&values[5], AMQP10_SOURCE, &out->dynamic);
    out->target = address_of(&values[6], AMQP10_TARGET, &out->dynamic);
}

static void pick(const struct amqp10_value values[], struct amqp10_performative *out)
{
    switch (out->code) {
    case AMQP10_OPEN:
        out->hostname = values[1].bytes;
        out->frame_max = (uint32_t)values[2].number;
        break;
    case AMQP10_BEGIN:
        out->has_remote_channel = values[0].kind != AMQP10_NULL;
        out->remote_channel = (uint16_t)values[0].number;
        break;
    case AMQP10_ATTACH:
        pick_attach(values, out);
        break;
    case AMQP10_TRANSFER:
        pick_transfer(values, out);
        break;
    case AMQP10_DISPOSITION:
        pick_disposition(values, out);
        break;
    case AMQP10_DETACH:
        out->handle = (uint32_t)values[0].number;
        out->closed = values[1].number != 0;
        out->error = condition_of(&values[2]);
        break;
    case AMQP10_END:
    case AMQP10_CLOSE:
        out->error = condition_of(&values[0]);
        break;
    case AMQP10_SASL_INIT:
        out->mechanism = values[0].bytes;
        out->response = values[1].bytes;
        out->hostname = values[2].bytes;
        break;
    case AMQP10_SASL_OUTCOME:
        out->sasl_code = (uint8_t)values[0].number;
        break;
    default:
        break;
    }
}

bool amqp10_performative_read(uint8_t code, struct span fields, uint32_t count,
                              struct amqp10_performative *performative_out)
{
    struct amqp10_value values[FIELDS_MAX];
    uint32_t i = find(code);
    *performative_out = (struct amqp10_performative){.code = code};
    if (i == ARRAY_COUNT(performatives) || !fields_read(performatives[i].fields, fields, count, values))
        return false;
    pick(values, performative_out);
    return true;
}
