/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Answers about certificates
 *
 * What all checks of certificates ask and tell: whether there is one to judge, and which one it was. What a server
 * presents is what it is, even when the client then refuses it; what a client presents counts only where the server
 * took it. A certificate that was not seen (resumed, hidden by TLS 1.3, lost) is unknown. Private to the module.
 *
 * Memory:  evidence lies in the answer's scratch.
 */

#include "certificate/certificate.h"
#include "policy/facts.h"

/* What every finding about a certificate shows; VERDICT_FAIL. */
enum verdict certificate_fail(struct policy_answer *answer, const struct policy_facts *facts);

void certificate_add_date(struct policy_answer *answer, const char *name, int64_t seconds);
/* The first few of them. */
void certificate_add_names(struct policy_answer *answer, const struct certificate *certificate,
                           enum certificate_name_kind kind);

int64_t certificate_now_s(const struct policy_facts *facts);
bool certificate_dates_known(const struct certificate *certificate);
/* The zone whose machine presented it. */
const struct zone *certificate_holder_zone(const struct policy_facts *facts);
