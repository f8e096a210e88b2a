/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Check of line breaks that were smuggled in: an encoded CR or LF in a target or header that a server decodes and
 * writes into a head ends a line there, and what is behind it becomes a header or the content (CWE-113, CWE-93). Text
 * of many lines is sent in queries and cookies all the time, so a break alone says nothing: there only what no line of
 * a text begins with counts, and anywhere what came back as a header.
 */

#include "policy/facts.h"
#include "policy/percent.h"
#include "proto/http1_scan.h"

#define UNIT_MAX      9u  /* "%E5%98%8A" */
#define BREAKS_MAX    16u /* looked at in one text; more are no better hidden */
#define VALUE_COMPARE 64u /* bytes of a value that tell one header from another */
#define NAME_MIN      2u  /* "TE" */

enum place { PLACE_PATH, PLACE_QUERY, PLACE_HEADER };

/* Spellings of CR and LF that decoders are known to take for them: twice encoded, and the characters whose low byte it
 * is where somebody cuts UTF-16 to bytes. */
static const struct {
    uint8_t size;
    bool feed;
    char text[UNIT_MAX + 1];
} units[] = {
    {3, false, "%0d"},    {3, true, "%0a"},    {5, false, "%250d"},     {5, true, "%250a"},
    {6, false, "%u000d"}, {6, true, "%u000a"}, {9, false, "%e5%98%8d"}, {9, true, "%e5%98%8a"},
};

/* Size of the break at text.data[0], which begins with '%'; counts its line ends. */
static uint32_t break_size(struct span text, uint32_t *lines_out)
{
    uint32_t size = 0, feeds = 0, returns = 0;
    bool found = true;
    while (found && feeds + returns < BREAKS_MAX) {
        found = false;
        struct span rest = span_from(text, size);
        for (uint32_t i = 0; i < ARRAY_COUNT(units) && !found; i++) {
            found = rest.size >= units[i].size &&
                    span_equal_nocase(span_first(rest, units[i].size), span_of(units[i].text, units[i].size));
            size += found ? units[i].size : 0;
            feeds += found && units[i].feed;
            returns += found && !units[i].feed;
        }
    }
    *lines_out = feeds ? feeds : returns;
    return size;
}

/* Size of the colon at text.data[0], in either spelling; 0: none. */
static uint32_t colon_size(struct span text)
{
    if (text.size && text.data[0] == ':')
        return 1;
    return text.size >= 3 && span_equal_nocase(span_first(text, 3), SPAN_LITERAL("%3a")) ? 3 : 0;
}

/* No line of a text for people begins like this, but a line of a head does: "Set-Cookie:", not "Location:". */
static bool is_plain_header_name(struct span name)
{
    return memchr(name.data, '-', name.size) && header_id_find(name) != HEADER_OTHER;
}

static bool begins_content(struct span text)
{
    return span_starts_with(text, SPAN_LITERAL("HTTP/")) || span_starts_with(text, SPAN_LITERAL("<")) ||
           span_starts_with(text, SPAN_LITERAL("%3c")) || span_starts_with(text, SPAN_LITERAL("%3C"));
}

/* Does a header of the answer have this name, and a value that begins like the one sent? */
static bool came_back(const struct policy_facts *facts, struct span name, struct span value)
{
    uint8_t buffer[VALUE_COMPARE];
    value = span_trim(percent_decode(span_first(value, VALUE_COMPARE), buffer, sizeof(buffer)));
    const struct transaction_side *response = &facts->transaction->response;
    const struct transaction_header *header = NULL;
    while ((header = transaction_find_header_named(facts->transaction, response, name, header)) != NULL) {
        struct span answered = transaction_header_value(facts->transaction, header);
        if (value.size && answered.size >= value.size && span_equal(span_first(answered, value.size), value))
            return true;
    }
    return false;
}

/* What is behind one break. True: it is smuggled; adds the evidence when it came back. */
static bool judge_break(const struct policy_facts *facts, enum place place, struct span behind, uint32_t lines,
                        struct policy_answer *answer)
{
    uint32_t name_size = behind.size ? http1_scan_token(behind.data, behind.size) : 0;
    const uint8_t *escape = name_size ? memchr(behind.data, '%', name_size) : NULL;
    name_size = escape ? (uint32_t)(escape - behind.data) : name_size;
    struct span name = span_first(behind, name_size);
    uint32_t colon = colon_size(span_from(behind, name_size));
    if (colon && name_size >= NAME_MIN) {
        struct span value = span_from(behind, name_size + colon);
        uint32_t end = 0;
        while (end < value.size && value.data[end] != '&' && value.data[end] != '\n')
            end++;
        if (came_back(facts, name, span_first(value, end)))
            policy_answer_add_name(answer, "answered_header", name);
        return answer->evidence_count || place == PLACE_PATH || is_plain_header_name(name);
    }
    return lines > 1 && (place == PLACE_PATH || begins_content(behind));
}

static bool judge_text(const struct policy_facts *facts, enum place place, struct span text,
                       struct policy_answer *answer)
{
    uint32_t at = 0, breaks = 0;
    while (breaks < BREAKS_MAX && at < text.size) {
        const uint8_t *escape = memchr(text.data + at, '%', text.size - at);
        if (!escape)
            return false;
        at = (uint32_t)(escape - text.data);
        uint32_t lines, size = break_size(span_from(text, at), &lines);
        at += size ? size : 1;
        breaks += size > 0;
        if (size && judge_break(facts, place, span_from(text, at), lines, answer))
            return true;
    }
    return false;
}

/* A Referer holds the query of another page, which no server writes into a head. */
static bool judge_headers(const struct policy_facts *facts, struct policy_answer *answer)
{
    const struct transaction_side *side = &facts->transaction->request;
    for (uint32_t i = 0; i < side->header_count; i++) {
        struct span value = transaction_header_value(facts->transaction, &side->headers[i]);
        if (side->headers[i].id != HEADER_REFERER && value.size && memchr(value.data, '%', value.size) &&
            judge_text(facts, PLACE_HEADER, value, answer))
            return true;
    }
    return false;
}

enum verdict policy_check_line_break(const struct policy_rule *rule, const struct policy_facts *facts,
                                     struct policy_answer *answer)
{
    const struct transaction *transaction = facts->transaction;
    if (!facts->request_seen)
        return policy_answer_unknown(answer, "request");
    const char *place = NULL;
    if (judge_text(facts, PLACE_PATH, transaction->path, answer))
        place = "path";
    else if (judge_text(facts, PLACE_QUERY, transaction->query, answer))
        place = "query";
    else if (judge_headers(facts, answer))
        place = "header";
    if (!place)
        return facts->request_head ? VERDICT_PASS : policy_answer_unknown(answer, "request head");
    if (!facts->response_seen)
        return policy_answer_unknown(answer, "response: was the request accepted?");
    bool done = answer->evidence_count > 0;
    policy_answer_add_text(answer, "place", place);
    policy_answer_add_number(answer, "status", (uint64_t)facts->status);
    return done || policy_status_listed(rule, facts->status) ? VERDICT_FAIL : VERDICT_PASS;
}
