/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Protobuf walker: byte 0 says whether there is a descriptor and whether there is a hole, bytes 1 and 2 cut the
 * message, byte 3 places the hole. Without a hole every cut gives the same items and the same outcome.
 */

#include "../protobuf_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct protobuf_message message;

static const struct protobuf_field any_fields[] = {
    {.number = 1, .type = PROTOBUF_STRING, .utf8 = true, .name = {(const uint8_t *)"type_url", 8}},
    {.number = 2, .type = PROTOBUF_BYTES, .name = {(const uint8_t *)"value", 5}},
};
static const struct protobuf_types types = {&message, 1};
static const struct protobuf_message any = {.fields = any_fields, .field_count = 2, .dense = 2, .any = &types};

static const struct protobuf_field fields[] = {
    {.number = 1, .type = PROTOBUF_STRING, .utf8 = true, .name = {(const uint8_t *)"text", 4}},
    {.number = 2,
     .type = PROTOBUF_MESSAGE,
     .repeated = true,
     .name = {(const uint8_t *)"self", 4},
     .message = &message},
    {.number = 3, .type = PROTOBUF_INT64, .repeated = true, .name = {(const uint8_t *)"packed", 6}},
    {.number = 4, .type = PROTOBUF_GROUP, .name = {(const uint8_t *)"group", 5}, .message = &message},
    {.number = 5, .type = PROTOBUF_BYTES, .name = {(const uint8_t *)"bytes", 5}},
    {.number = 7, .type = PROTOBUF_FIXED32, .repeated = true, .name = {(const uint8_t *)"marks", 5}},
    {.number = 9, .type = PROTOBUF_MESSAGE, .name = {(const uint8_t *)"nowhere", 7}},
    {.number = 10, .type = PROTOBUF_MESSAGE, .name = {(const uint8_t *)"any", 3}, .message = &any},
};

static struct protobuf_run whole, cut;

/* With its size known a message that is whole gives the same. */
static void run_bound(const struct protobuf_message *schema, const uint8_t *data, uint32_t size, uint32_t at)
{
    protobuf_init(&cut.walker, schema);
    protobuf_bound(&cut.walker, size);
    cut.used = 0;
    cut.open = false;
    cut.log[0] = '\0';
    struct parse_input input = {.data = data, .size = at};
    uint32_t used = protobuf_run_offer(&cut, &input);
    input = (struct parse_input){.data = data + used, .size = size - used, .last = true};
    if (cut.walker.outcome == PROTOBUF_OPEN)
        protobuf_run_offer(&cut, &input);
    require(cut.walker.outcome == whole.walker.outcome || whole.walker.outcome != PROTOBUF_COMPLETE);
    require(whole.walker.outcome != PROTOBUF_COMPLETE || strcmp(whole.log, cut.log) == 0);
}

static void run_hole(const struct protobuf_message *schema, const uint8_t *data, uint32_t size, uint32_t at,
                     uint32_t lost)
{
    protobuf_init(&cut.walker, schema);
    cut.used = 0;
    cut.open = false;
    struct parse_input input = {.data = data, .size = at};
    uint32_t used = protobuf_run_offer(&cut, &input);
    if (used < at && cut.walker.outcome == PROTOBUF_OPEN) {
        protobuf_hurry(&cut.walker);
        input = (struct parse_input){.data = data + used, .size = at - used};
        used = protobuf_run_offer(&cut, &input);
    }
    input = (struct parse_input){.lost = lost};
    if (cut.walker.outcome == PROTOBUF_OPEN)
        protobuf_run_offer(&cut, &input);
    input = (struct parse_input){.data = data + at, .size = size - at, .last = true};
    if (cut.walker.outcome == PROTOBUF_OPEN)
        protobuf_run_offer(&cut, &input);
    require(cut.walker.outcome != PROTOBUF_OPEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || size > 8192)
        return 0;
    message = (struct protobuf_message){.fields = fields, .field_count = ARRAY_COUNT(fields), .dense = 5};
    message.name = SPAN_LITERAL("m");
    const struct protobuf_message *schema = data[0] & 1 ? &message : NULL;
    uint32_t body = (uint32_t)size - 4;
    const uint8_t *text = data + 4;
    uint32_t cuts[2] = {body * data[1] / 256, body * data[2] / 256};
    if (cuts[1] < cuts[0])
        cuts[1] = cuts[0];
    protobuf_run_cut(&whole, schema, text, body, NULL, 0);
    require(whole.walker.outcome != PROTOBUF_OPEN);
    require(schema || !(whole.walker.flags & (PROTOBUF_FLAG_UNKNOWN | PROTOBUF_FLAG_NO_UTF8)));
    protobuf_run_cut(&cut, schema, text, body, cuts, 2);
    require(strcmp(whole.log, cut.log) == 0 && whole.walker.outcome == cut.walker.outcome);
    require(whole.walker.flags == cut.walker.flags && whole.walker.flaw_offset == cut.walker.flaw_offset);
    run_bound(schema, text, body, cuts[0]);
    if (data[0] & 2)
        run_hole(schema, text, body, body * data[3] / 256, 1 + data[3] % 40u);
    return 0;
}
