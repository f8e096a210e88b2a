/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Client
 *
 * Who sent a call, for rules that compare calls: the address it came from, or, where that is a trusted proxy's, the one
 * that the proxy says it had it from (X-Forwarded-For). What anybody else says there is not believed.
 *
 * Limits:  CLIENT_HOPS_MAX proxies in a row.
 */

#include "policy/facts.h"

#define CLIENT_HOPS_MAX 8u /* content network, firewall, ingress, sidecar: four are many */

/* False: behind a proxy that does not say. */
bool policy_client_find(const struct policy_facts *facts, struct address *client_out);
