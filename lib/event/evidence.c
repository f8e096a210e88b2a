/* SPDX-License-Identifier: Apache-2.0 */

/* Evidence: thousandths of a percent in whole numbers, so that no rounding mode and no locale shows in a finding. */

#include "event/evidence.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json_writer.h"

#define PERCENT_STEPS UINT64_C(100000) /* thousandths of a percent in a whole */

static char *next_text(struct evidence *evidence)
{
    require(evidence->finding.evidence_count < FINDING_EVIDENCE_MAX);
    return evidence->texts[evidence->finding.evidence_count];
}

void evidence_add_text(struct evidence *evidence, const char *name, struct span text)
{
    if (text.size == 0)
        return;
    struct finding *finding = &evidence->finding;
    require(finding->evidence_count < FINDING_EVIDENCE_MAX);
    finding->evidence[finding->evidence_count++] = (struct finding_evidence){span_from_text(name), text};
}

void evidence_add_copy(struct evidence *evidence, const char *name, const char *text)
{
    char *copy = next_text(evidence);
    snprintf(copy, EVIDENCE_TEXT_SIZE, "%s", text);
    evidence_add_text(evidence, name, span_from_text(copy));
}

void evidence_add_unsigned(struct evidence *evidence, const char *name, uint64_t value)
{
    char *text = next_text(evidence);
    snprintf(text, EVIDENCE_TEXT_SIZE, "%" PRIu64, value);
    evidence_add_text(evidence, name, span_from_text(text));
}

void evidence_add_time(struct evidence *evidence, const char *name, uint64_t time_ns)
{
    char *text = next_text(evidence);
    json_time_print(time_ns, text, EVIDENCE_TEXT_SIZE);
    evidence_add_text(evidence, name, span_from_text(text));
}

void evidence_add_address(struct evidence *evidence, const char *name, const struct address *address)
{
    static_assert(EVIDENCE_TEXT_SIZE >= ADDRESS_TEXT_SIZE, "an address fits");
    char *text = next_text(evidence);
    address_print(address, text);
    evidence_add_text(evidence, name, span_from_text(text));
}

void evidence_add_signed(struct evidence *evidence, const char *name, int64_t value)
{
    char *text = next_text(evidence);
    snprintf(text, EVIDENCE_TEXT_SIZE, "%" PRId64, value);
    evidence_add_text(evidence, name, span_from_text(text));
}

/* part * PERCENT_STEPS / whole; both are made smaller first where the product would not fit. */
static uint64_t share_of(uint64_t part, uint64_t whole)
{
    while (part > UINT64_MAX / PERCENT_STEPS) {
        part >>= 1;
        whole >>= 1;
    }
    return whole ? part * PERCENT_STEPS / whole : 0;
}

void evidence_add_percent(struct evidence *evidence, const char *name, uint64_t part, uint64_t whole)
{
    uint64_t share = share_of(part, whole);
    char *text = next_text(evidence);
    snprintf(text, EVIDENCE_TEXT_SIZE, "%" PRIu64 ".%03" PRIu64, share / 1000, share % 1000);
    evidence_add_text(evidence, name, span_from_text(text));
}
