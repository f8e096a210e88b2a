/* SPDX-License-Identifier: Apache-2.0 */

/* Checks of headers: missing, malformed, set by somebody who may not. */

#include "policy/facts.h"
#include "proto/http1_scan.h"

static bool has_any(const struct policy_rule *rule, const struct policy_facts *facts,
                    const struct transaction_side *side)
{
    if (side->headers_seen & rule->headers)
        return true;
    for (uint32_t i = 0; i < rule->other_headers.count; i++)
        if (transaction_find_header_named(facts->transaction, side, rule->other_headers.names[i], NULL))
            return true;
    return false;
}

static void wanted_add(const struct policy_rule *rule, struct policy_answer *answer)
{
    for (uint32_t i = 0; i < HEADER_ID_COUNT; i++)
        if (rule->headers & HEADER_BIT(i))
            policy_answer_add_text(answer, "header", header_id_name((enum header_id)i));
    for (uint32_t i = 0; i < rule->other_headers.count; i++)
        policy_answer_add(answer, "header", rule->other_headers.names[i]);
}

/* Any of the headers is enough. */
enum verdict policy_check_header_missing(const struct policy_rule *rule, const struct policy_facts *facts,
                                         struct policy_answer *answer)
{
    bool of_response = rule->sides == RULE_SIDE_RESPONSE;
    const struct transaction_side *side = policy_side(facts, of_response);
    if (has_any(rule, facts, side))
        return VERDICT_PASS;
    if (of_response ? !facts->response_head : !facts->request_head)
        return policy_answer_unknown(answer, of_response ? "response head" : "request head");
    /* Names without a number are found only among the lines kept. */
    if (rule->other_headers.count && side->header_count < side->header_count_wire)
        return policy_answer_unknown(answer, "headers beyond the limit");
    policy_answer_add_text(answer, "side", of_response ? "response" : "request");
    wanted_add(rule, answer);
    return VERDICT_FAIL;
}

/* Sets of characters as http1_scan_set() takes them: bit h of byte l stands for the character h * 16 + l. */
static const uint8_t hex_lower[HTTP1_SCAN_BLOCK] = {0x08, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x08, 0x08, 0x08};
static const uint8_t hex_any[HTTP1_SCAN_BLOCK] = {0x08, 0x58, 0x58, 0x58, 0x58, 0x58, 0x58, 0x08, 0x08, 0x08};

/* Printable ASCII but for the blank and the signs that separate values from each other: '"' ',' ';' and the backslash.
 */
static const uint8_t identifier[HTTP1_SCAN_BLOCK] = {0xf8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc,
                                                     0xfc, 0xfc, 0xfc, 0xf4, 0xd8, 0xfc, 0xfc, 0x7c};

static bool all_in_set(struct span text, const uint8_t *set)
{
    return http1_scan_set(text.data, text.size, set) == text.size;
}

static bool all_zero(struct span text)
{
    for (uint32_t i = 0; i < text.size; i++)
        if (text.data[i] != '0')
            return false;
    return true;
}

static bool is_hex_id(struct span text)
{
    return all_in_set(text, hex_lower) && !all_zero(text);
}

/* W3C Trace Context 3.2: version-traceid-parentid-flags; later versions may have more behind a further dash. */
static bool is_traceparent(struct span value)
{
    if (value.size < 55 || value.data[2] != '-' || value.data[35] != '-' || value.data[52] != '-')
        return false;
    struct span version = span_first(value, 2);
    if (!all_in_set(version, hex_lower) || memcmp(version.data, "ff", 2) == 0)
        return false;
    if (value.size > 55 && (all_zero(version) || value.data[55] != '-'))
        return false;
    return is_hex_id(span_of(value.data + 3, 32)) && is_hex_id(span_of(value.data + 36, 16)) &&
           all_in_set(span_of(value.data + 53, 2), hex_lower);
}

/* RFC 9562 4: 8-4-4-4-12 digits. */
static bool is_uuid(struct span value)
{
    if (value.size != 36 || value.data[8] != '-' || value.data[13] != '-' || value.data[18] != '-' ||
        value.data[23] != '-')
        return false;
    uint8_t digits[32];
    memcpy(digits, value.data, 8);
    memcpy(digits + 8, value.data + 9, 4);
    memcpy(digits + 12, value.data + 14, 4);
    memcpy(digits + 16, value.data + 19, 4);
    memcpy(digits + 20, value.data + 24, 12);
    return all_in_set(span_of(digits, sizeof(digits)), hex_any);
}

static bool is_identifier(struct span value)
{
    return value.size > 0 && all_in_set(value, identifier);
}

static bool value_is_sound(const struct policy_format *format, struct span value)
{
    if (value.size < format->size_min || (format->size_max && value.size > format->size_max))
        return false;
    switch (format->pattern) {
    case RULE_PATTERN_UUID:
        return is_uuid(value);
    case RULE_PATTERN_TRACEPARENT:
        return is_traceparent(value);
    default:
        return is_identifier(value);
    }
}

static const struct transaction_header *format_find(const struct policy_format *format,
                                                    const struct policy_facts *facts,
                                                    const struct transaction_side *side,
                                                    const struct transaction_header *after)
{
    return format->id == HEADER_OTHER ? transaction_find_header_named(facts->transaction, side, format->header, after)
                                      : transaction_find_header(side, format->id, after);
}

/* Values may be anything somebody sends: only what is wrong with them is told. */
static enum verdict fault_add(const struct policy_format *format, struct policy_answer *answer, const char *fault,
                              uint32_t size)
{
    policy_answer_add(answer, "header", format->header);
    policy_answer_add_text(answer, "fault", fault);
    policy_answer_add_number(answer, "length", size);
    return VERDICT_FAIL;
}

static enum verdict echo_check(const struct policy_format *format, const struct policy_facts *facts,
                               struct policy_answer *answer, struct span sent)
{
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response");
    const struct transaction_header *echo = format_find(format, facts, &facts->transaction->response, NULL);
    if (!echo && (!facts->response_head ||
                  facts->transaction->response.header_count < facts->transaction->response.header_count_wire))
        return policy_answer_unknown(answer, "response head");
    if (!echo)
        return fault_add(format, answer, "not echoed in the response", sent.size);
    if (!span_equal(transaction_header_value(facts->transaction, echo), sent))
        return fault_add(format, answer, "the response has another value", sent.size);
    return VERDICT_PASS;
}

static enum verdict format_check(const struct policy_format *format, const struct policy_facts *facts,
                                 struct policy_answer *answer)
{
    const struct transaction_side *request = &facts->transaction->request;
    if (format->id != HEADER_OTHER && !transaction_side_has(request, format->id))
        return VERDICT_NOT_APPLICABLE;
    const struct transaction_header *header = format_find(format, facts, request, NULL);
    if (!header)
        return format->id == HEADER_OTHER ? VERDICT_NOT_APPLICABLE
                                          : policy_answer_unknown(answer, "header beyond the limit");
    struct span value = transaction_header_value(facts->transaction, header);
    if (format_find(format, facts, request, header))
        return fault_add(format, answer, "sent more than once", value.size);
    if (!value_is_sound(format, value))
        return fault_add(format, answer, "malformed", value.size);
    return format->echoed ? echo_check(format, facts, answer, value) : VERDICT_PASS;
}

/* Each header that is there has to be sound; where it must be there is another rule's question. */
enum verdict policy_check_header_format(const struct policy_rule *rule, const struct policy_facts *facts,
                                        struct policy_answer *answer)
{
    enum verdict worst = VERDICT_NOT_APPLICABLE;
    for (uint32_t i = 0; i < rule->formats_count; i++) {
        enum verdict verdict = format_check(&rule->formats[i], facts, answer);
        if (verdict == VERDICT_FAIL)
            return verdict;
        if (verdict == VERDICT_UNKNOWN || worst == VERDICT_NOT_APPLICABLE)
            worst = verdict;
    }
    if (worst == VERDICT_NOT_APPLICABLE && !facts->request_head)
        return policy_answer_unknown(answer, "request head");
    return worst;
}

/* RFC 1918, RFC 6598, RFC 4193, and link-local. */
static bool address_is_private(const struct address *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *b = address->bytes;
    if (memcmp(b, mapped, sizeof(mapped)) != 0)
        return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || b[0] == 0;
    b += 12;
    return b[0] == 10 || b[0] == 127 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168) ||
           (b[0] == 100 && (b[1] & 0xc0) == 64) || (b[0] == 169 && b[1] == 254);
}

static bool client_is_outside(const struct policy_facts *facts)
{
    enum settings_zone_kind kind = facts->input->source_zone->kind;
    if (kind == SETTINGS_ZONE_UNKNOWN)
        return !address_is_private(&facts->transaction->call.endpoints.source);
    return kind == SETTINGS_ZONE_PUBLIC || kind == SETTINGS_ZONE_PARTNER;
}

/* Reads "10.1.2.3" at the front of the text. Returns its size, 0 when there is none. */
static uint32_t ipv4_parse(struct span text, uint8_t parts[4])
{
    uint32_t at = 0;
    for (uint32_t part = 0; part < 4; part++) {
        uint32_t value = 0, digits = 0;
        while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9' && digits < 3) {
            value = value * 10 + (uint32_t)(text.data[at++] - '0');
            digits++;
        }
        if (digits == 0 || value > 255)
            return 0;
        parts[part] = (uint8_t)value;
        if (part < 3 && (at == text.size || text.data[at++] != '.'))
            return 0;
    }
    /* "10.1.2.3.4" and "10.1.2.34567" are versions and the like */
    return at < text.size && (text.data[at] == '.' || (text.data[at] >= '0' && text.data[at] <= '9')) ? 0 : at;
}

/* An RFC 1918 address in dotted form anywhere in the value. */
static bool value_names_private(struct span value)
{
    for (uint32_t i = 0; i < value.size; i++) {
        bool digit = value.data[i] >= '0' && value.data[i] <= '9';
        bool inside = i > 0 && (value.data[i - 1] == '.' || (value.data[i - 1] >= '0' && value.data[i - 1] <= '9') ||
                                (ascii_lower(value.data[i - 1]) >= 'a' && ascii_lower(value.data[i - 1]) <= 'z'));
        uint8_t b[4];
        if (!digit || inside || ipv4_parse(span_from(value, i), b) == 0)
            continue;
        if (b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168))
            return true;
    }
    return false;
}

static bool leak_find(const struct policy_rule *rule, const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct transaction_side *response = &facts->transaction->response;
    if (!(response->headers_seen & rule->leak_headers) || !client_is_outside(facts))
        return false;
    for (uint32_t i = 0; i < response->header_count && i < TRANSACTION_HEADERS_MAX; i++) {
        const struct transaction_header *header = &response->headers[i];
        if ((rule->leak_headers & HEADER_BIT(header->id)) && header->id != HEADER_OTHER &&
            value_names_private(transaction_header_value(facts->transaction, header))) {
            policy_answer_add_text(answer, "leaking_header", header_id_name((enum header_id)header->id));
            return true;
        }
    }
    return false;
}

enum verdict policy_check_forwarded_header(const struct policy_rule *rule, const struct policy_facts *facts,
                                           struct policy_answer *answer)
{
    if (leak_find(rule, facts, answer))
        return VERDICT_FAIL;
    uint64_t headers = facts->transaction->request.headers_seen & rule->headers;
    if (!headers) {
        if (!facts->request_head)
            return policy_answer_unknown(answer, "request head");
        return rule->leak_headers && !facts->response_head ? policy_answer_unknown(answer, "response head")
                                                           : VERDICT_PASS;
    }
    if (!facts->policy->knows_proxies)
        return policy_answer_unknown(answer, "no zone is declared a trusted proxy");
    if (facts->input->source_zone->trusted_proxy)
        return VERDICT_PASS;
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was it accepted?");
    if (!policy_accepted(facts))
        return VERDICT_PASS;
    policy_answer_add_text(answer, "header", header_id_name((enum header_id)__builtin_ctzll(headers)));
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    return VERDICT_FAIL;
}
