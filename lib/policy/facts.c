/* SPDX-License-Identifier: Apache-2.0 */

/* Facts and answers: see the header. */

#include "policy/facts.h"

#include "base/hex.h"
#include "proto/grpc.h"

#define NAME_SHOWN_MAX  128u /* longer names are no names */
#define NAME_DIGITS_MAX 6u   /* a run of more digits may be a number that identifies somebody */
#define NUMBER_SIZE_MAX 20u  /* digits of 2^64 */

/* Streams may stay open for days: who sends messages has answered, whatever the status at their end will be. */
#define STATUS_ANSWERED 200

static const uint8_t mapped_loopback[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
static const uint8_t loopback[16] = {[15] = 1};

static bool address_is_loopback(const struct address *address)
{
    return memcmp(address->bytes, mapped_loopback, sizeof(mapped_loopback)) == 0 ||
           memcmp(address->bytes, loopback, sizeof(loopback)) == 0;
}

/* What nothing answers has one side; the other one is not missing, it is empty. */
static bool side_is_empty(const struct transaction *transaction, const struct transaction_side *side)
{
    return transaction->one_way && !side->seen;
}

static bool side_is_seen(const struct transaction *transaction, const struct transaction_side *side)
{
    return side->seen || side_is_empty(transaction, side);
}

/* A head is known to be whole when something behind it was seen, or nothing at all is missing. */
static bool head_is_whole(const struct transaction *transaction, const struct transaction_side *side)
{
    const uint64_t spoilt = ANOMALY_BIT(ANOMALY_LINE_OVERSIZED) | ANOMALY_BIT(ANOMALY_HEADERS_TOO_MANY) |
                            ANOMALY_BIT(ANOMALY_HEADERS_UNKNOWN) | ANOMALY_BIT(ANOMALY_HPACK_MALFORMED) |
                            ANOMALY_BIT(ANOMALY_HPACK_BOMB);
    uint32_t flags = transaction->call.flags;
    if (side_is_empty(transaction, side))
        return true;
    if (!side->seen || (side->anomalies & spoilt))
        return false;
    return side->complete || side->body_size > 0 || !(flags & (CALL_GAP | CALL_TRUNCATED | CALL_INCOMPLETE));
}

static bool side_is_searched(const struct transaction *transaction, const struct transaction_side *side)
{
    uint32_t flags = transaction->call.flags;
    if (side_is_empty(transaction, side))
        return true;
    if (!side->seen || !side->complete || side->gap)
        return false;
    if (side->body_size == 0)
        return true;
    return side->scanned_size >= side->body_size && !(flags & (CALL_TRUNCATED | CALL_UNDECODED | CALL_UNSCANNED));
}

static void detections_gather(struct policy_facts *facts)
{
    const struct transaction *transaction = facts->transaction;
    for (uint32_t i = 0; i < transaction->detection_count && i < TRANSACTION_DETECTIONS_MAX; i++) {
        const struct detection *detection = &transaction->detections[i];
        if (detection->detector < facts->policy->detectors_count)
            facts->classes[detection->in_response] |= 1u << facts->policy->detectors[detection->detector].class_number;
    }
}

void policy_facts_gather(struct policy_facts *facts, const struct policy *policy, const struct policy_input *input)
{
    const struct transaction *transaction = input->transaction;
    const struct call *call = &transaction->call;
    *facts = (struct policy_facts){.policy = policy, .input = input, .call = call, .transaction = transaction};
    facts->status = call->status;
    if (call->protocol == CALL_GRPC && call->status != CALL_STATUS_NONE)
        facts->status = grpc_status_as_http(call->status);
    else if (call->protocol == CALL_GRPC && transaction->response.message_count)
        facts->status = STATUS_ANSWERED;
    facts->message = policy_carries_messages(call->protocol);
    facts->request_seen =
        side_is_seen(transaction, &transaction->request) && call->method.data && (call->path.data || facts->message);
    facts->response_seen =
        side_is_seen(transaction, &transaction->response) && (facts->status != CALL_STATUS_NONE || facts->message);
    facts->request_head = facts->request_seen && head_is_whole(transaction, &transaction->request);
    facts->response_head = facts->response_seen && head_is_whole(transaction, &transaction->response);
    bool lost = transaction->detections_lost > 0;
    facts->request_searched = facts->request_seen && !lost && side_is_searched(transaction, &transaction->request);
    facts->response_searched = facts->response_seen && !lost && side_is_searched(transaction, &transaction->response);
    facts->all_searched =
        facts->request_head && facts->response_head && facts->request_searched && facts->response_searched;
    facts->loopback = address_is_loopback(&call->endpoints.source) && address_is_loopback(&call->endpoints.destination);
    if (input->match && input->match->outcome == REGISTRY_MATCH)
        facts->operation = input->match->operation;
    if (transaction->detection_count)
        detections_gather(facts);
}

struct span policy_host(const struct call *call)
{
    struct span host = call->host;
    const uint8_t *colon = host.size ? memrchr(host.data, ':', host.size) : NULL;
    bool port = colon && !memchr(colon, ']', host.size - (uint32_t)(colon - host.data));
    return port ? span_first(host, (uint32_t)(colon - host.data)) : host;
}

void policy_answer_add(struct policy_answer *answer, const char *name, struct span value)
{
    if (answer->evidence_count < FINDING_EVIDENCE_MAX)
        answer->evidence[answer->evidence_count++] = (struct finding_evidence){span_from_text(name), value};
}

void policy_answer_add_text(struct policy_answer *answer, const char *name, const char *text)
{
    policy_answer_add(answer, name, span_from_text(text));
}

void policy_answer_add_number(struct policy_answer *answer, const char *name, uint64_t number)
{
    char digits[NUMBER_SIZE_MAX];
    uint32_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    if (POLICY_SCRATCH_SIZE - answer->scratch_used < count)
        return;
    char *text = answer->scratch + answer->scratch_used;
    for (uint32_t i = 0; i < count; i++)
        text[i] = digits[count - 1 - i];
    answer->scratch_used += count;
    policy_answer_add(answer, name, span_of(text, count));
}

static bool name_is_harmless(struct span name)
{
    uint32_t digits = 0;
    if (name.size > NAME_SHOWN_MAX)
        return false;
    for (uint32_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool digit = c >= '0' && c <= '9';
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool attribute = c == '@' && i > 0 && name.data[i - 1] == '/'; /* of XML; no mail address begins so */
        if (!digit && !letter && !attribute && !memchr("_-./[]$~:", c, 9))
            return false;
        digits += digit;
    }
    return digits <= NAME_DIGITS_MAX;
}

void policy_answer_add_name(struct policy_answer *answer, const char *name, struct span value)
{
    if (value.size == 0)
        return;
    if (name_is_harmless(value))
        policy_answer_add(answer, name, value);
    else
        policy_answer_add_text(answer, name, "(not shown: may hold a value)");
}

enum verdict policy_answer_unknown(struct policy_answer *answer, const char *reason)
{
    policy_answer_add_text(answer, "not_observed", reason);
    return VERDICT_UNKNOWN;
}

void policy_answer_add_hex(struct policy_answer *answer, const char *name, struct span bytes)
{
    if ((POLICY_SCRATCH_SIZE - answer->scratch_used) / 2 < bytes.size)
        return;
    char *text = answer->scratch + answer->scratch_used;
    hex_write(bytes.data, bytes.size, text);
    answer->scratch_used += 2 * bytes.size;
    policy_answer_add(answer, name, span_of(text, 2 * bytes.size));
}

static void digest_add(struct policy_answer *answer, const struct detection *detection)
{
    uint8_t any = 0;
    for (uint32_t i = 0; i < DETECTION_DIGEST_SIZE; i++)
        any |= detection->digest[i];
    if (any)
        policy_answer_add_hex(answer, "digest", span_of(detection->digest, DETECTION_DIGEST_SIZE));
}

void policy_answer_add_detection(struct policy_answer *answer, const struct policy_facts *facts,
                                 const struct detection *detection)
{
    const struct policy_detector_text *detector = &facts->policy->detectors[detection->detector];
    policy_answer_add(answer, "detector", detector->id);
    policy_answer_add(answer, "type", detector->name);
    policy_answer_add(answer, "class", detector->class_name);
    policy_answer_add_text(answer, "side", detection->in_response ? "response" : "request");
    policy_answer_add_text(answer, "place", detection_place_name((enum detection_place)detection->place));
    policy_answer_add_name(answer, "name", detection->name);
    policy_answer_add_number(answer, "count", detection->count);
    policy_answer_add_number(answer, "length", detection->value_size);
    /* A mask beside a digest of one card number needs controls of its own (PCI DSS 3.5.1), so never both. */
    if (detection->mask_size)
        policy_answer_add(answer, "mask", span_of(detection->mask, min_u32(detection->mask_size, DETECTION_MASK_SIZE)));
    else
        digest_add(answer, detection);
}

void policy_answer_add_zones(struct policy_answer *answer, const struct policy_facts *facts)
{
    const struct zone *zone = facts->input->destination_zone;
    if (zone->name_size)
        policy_answer_add(answer, "zone", span_of(zone->name, zone->name_size));
    policy_answer_add_text(answer, "zone_kind", settings_zone_kind_name(zone->kind));
}
